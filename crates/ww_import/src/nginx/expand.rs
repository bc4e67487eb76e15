//! Texts with all that they include in place, and what context each is of.

use super::tree::{Directive, parse};
use crate::Text;
use crate::include::{AtHand, is_pattern};
use crate::service::{Intake, file_name, folder};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Order, Problem, ProblemKind, SourceId, SourceSpan};

/// A configuration with all that it includes.
pub(super) struct Whole {
    /// The path of the text that it begins with.
    pub(super) path: String,
    /// What its directives stand in.
    pub(super) context: Context,
    /// Its directives.
    pub(super) directives: Vec<Directive>,
}

/// What directives stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Context {
    /// Nothing: a whole configuration.
    Main,
    /// `http`.
    Http,
    /// `stream`.
    Stream,
    /// `server` in `http`.
    Server,
    /// Something that says nothing of servers: it is no program.
    Other,
}

/// Files of nginx' packages that configurations include and that say nothing about calls.
const SHIPPED: [&str; 8] = [
    "mime.types",
    "fastcgi_params",
    "fastcgi.conf",
    "uwsgi_params",
    "scgi_params",
    "koi-utf",
    "koi-win",
    "win-utf",
];

/// The configurations among texts. Pieces that stand in one folder of pieces, such as `conf.d`, are
/// one configuration.
pub(super) fn wholes(texts: &[Text<'_>], intake: &mut Intake<'_>) -> Vec<Whole> {
    let mut trees = BTreeMap::new();
    for text in texts {
        let parsed = parse(text.source, text.bytes, intake.limits);
        let is_read = tell(text, parsed.problems, intake);
        let tree = if is_read { parsed.value } else { Vec::new() };
        trees.insert(text.source, tree);
    }
    let mut expander = Expander {
        trees: &trees,
        at_hand: AtHand::new(texts.iter().collect()),
        told: BTreeSet::new(),
        files: 0,
        nodes: 0,
        root: "",
    };
    let mut order: Vec<(Context, &Text<'_>)> = texts
        .iter()
        .map(|text| {
            let tree = trees.get(&text.source);
            (context(tree.map_or(&[], Vec::as_slice)), text)
        })
        .collect();
    order.put_in_order_by_key(|(context, _)| *context != Context::Main);
    let mut read = Vec::new();
    for (context, text) in order {
        let mut pairs = expander.at_hand.included.iter();
        if pairs.any(|(from, to)| *to == text.source && from != to) && context != Context::Main {
            continue;
        }
        let directives = expander.whole(text, intake);
        read.push((context, text, directives));
    }
    let parts = expander.at_hand.parts();
    read.retain(|(_, text, _)| !parts.contains(&text.source));
    let mut wholes = Vec::new();
    for (context, text, directives) in read {
        join(&mut wholes, context, text.path, directives);
    }
    wholes
}

/// Adds a configuration, to the one of its folder where there is one.
fn join(wholes: &mut Vec<Whole>, context: Context, path: &str, directives: Vec<Directive>) {
    let is_piece = matches!(context, Context::Http | Context::Stream) && holds_pieces(folder(path));
    let mut neighbours = wholes.iter_mut();
    let neighbour = neighbours
        .find(|whole| whole.context == context && folder(&whole.path) == folder(path))
        .filter(|_| is_piece);
    match neighbour {
        Some(whole) => whole.directives.extend(directives),
        None => wholes.push(Whole {
            path: path.to_owned(),
            context,
            directives,
        }),
    }
}

/// Whether a folder is one whose files one configuration includes.
fn holds_pieces(folder: &str) -> bool {
    let name = file_name(folder);
    name.strip_suffix(".d").is_some() || name.starts_with("sites-")
}

/// Tells the problems of a text; whether it can be read and is no template.
fn tell(text: &Text<'_>, problems: Vec<Problem>, intake: &mut Intake<'_>) -> bool {
    let is_template = text.bytes.windows(2).any(|pair| pair == b"{{");
    let whole = SourceSpan {
        source: text.source,
        start: 0,
        end: 0,
    };
    if is_template && !problems.is_empty() {
        let message = "the text is a template and no nginx configuration before it is rendered; give the rendered one";
        intake.unsupported(whole, message);
        return false;
    }
    for Problem { at, kind, message } in problems {
        let at = match at {
            ww_base::Locus::Text(at) => at,
            _ => whole,
        };
        intake.problem(at, kind, message);
    }
    true
}

/// What directives stand in, by what they are.
fn context(directives: &[Directive]) -> Context {
    let has = |names: &[&str]| {
        let mut all = directives.iter();
        all.any(|directive| names.contains(&&*directive.name.text))
    };
    let servers = || directives.iter().filter(|one| one.name.text == "server");
    let passes_bytes = |server: &Directive| {
        let mut inner = server.inner().iter();
        inner.any(|one| one.name.text == "proxy_pass")
    };
    if has(&["http", "stream", "mail", "events", "worker_processes"]) {
        Context::Main
    } else if servers().any(passes_bytes) {
        Context::Stream
    } else if servers().any(|one| one.block.is_some()) || has(&["upstream", "map"]) {
        Context::Http
    } else if has(&["location", "listen", "server_name"]) {
        Context::Server
    } else {
        Context::Other
    }
}

/// An `include` of something that was not given: it stays where it stands, so that nobody takes what
/// may be in it for missing.
fn unread(include: &Directive) -> Directive {
    Directive {
        name: include.name.clone(),
        args: include.args.clone(),
        at: include.at,
        block: None,
    }
}

struct Expander<'t> {
    trees: &'t BTreeMap<SourceId, Vec<Directive>>,
    at_hand: AtHand<'t>,
    /// Includes that were told of.
    told: BTreeSet<SourceSpan>,
    /// Files put in place, and directives, of one configuration.
    files: u32,
    nodes: u32,
    /// The folder of the text that a configuration begins with: relative paths begin there.
    root: &'t str,
}

impl<'t> Expander<'t> {
    fn whole(&mut self, text: &'t Text<'t>, intake: &mut Intake<'_>) -> Vec<Directive> {
        (self.files, self.nodes) = (0, 0);
        self.root = folder(text.path);
        let trees = self.trees;
        let tree = trees.get(&text.source).map_or(&[] as &[_], Vec::as_slice);
        let mut out = Vec::new();
        self.expand(tree, &mut vec![text.source], intake, &mut out);
        out
    }

    /// Copies directives, with what an `include` names in its place; `above` are the texts that they
    /// are in, the innermost last.
    fn expand(
        &mut self,
        directives: &'t [Directive],
        above: &mut Vec<SourceId>,
        intake: &mut Intake<'_>,
        out: &mut Vec<Directive>,
    ) {
        for directive in directives {
            if self.nodes >= intake.limits.document_nodes {
                return;
            }
            self.nodes += 1;
            if directive.name.text == "include" && directive.block.is_none() {
                self.include(directive, above, intake, out);
                continue;
            }
            let mut copy = Directive {
                name: directive.name.clone(),
                args: directive.args.clone(),
                at: directive.at,
                block: None,
            };
            if let Some(block) = &directive.block {
                let mut inner = Vec::new();
                self.expand(&block.directives, above, intake, &mut inner);
                copy.block = Some(super::Block {
                    open: block.open,
                    close: block.close,
                    directives: inner,
                });
            }
            out.push(copy);
        }
    }

    fn include(
        &mut self,
        directive: &Directive,
        above: &mut Vec<SourceId>,
        intake: &mut Intake<'_>,
        out: &mut Vec<Directive>,
    ) {
        let (Some(pattern), Some(from)) = (directive.arg(0), above.last().copied()) else {
            return;
        };
        if pattern.contains('$') {
            return out.push(unread(directive));
        }
        let folders = [self.root, self.at_hand.folder(from)];
        let found = self.at_hand.find(pattern, from, &folders);
        let is_shipped = SHIPPED.contains(&file_name(pattern));
        if found.is_empty() && !is_shipped {
            out.push(unread(directive));
        }
        if found.is_empty() && !is_pattern(pattern) && !is_shipped {
            let message = format!(
                "`{pattern}` is included but not among the files that were given; what it sets is not known"
            );
            self.problem(directive, ProblemKind::Undefined, message, intake);
        }
        for text in found {
            if above.contains(&text.source) {
                let message = format!("`{}` includes itself; remove the include", text.path);
                self.problem(directive, ProblemKind::Malformed, message, intake);
                continue;
            }
            let limits = intake.limits;
            let too_deep = above.len() >= limits.include_depth as usize;
            if too_deep || self.files >= limits.included_files {
                let message = "too many files are included; this one is not read";
                self.problem(directive, ProblemKind::TooLarge, message, intake);
                continue;
            }
            self.files += 1;
            above.push(text.source);
            let trees = self.trees;
            if let Some(tree) = trees.get(&text.source) {
                self.expand(tree, above, intake, out);
            }
            above.pop();
        }
    }

    fn problem(
        &mut self,
        directive: &Directive,
        kind: ProblemKind,
        message: impl Into<String>,
        intake: &mut Intake<'_>,
    ) {
        if self.told.insert(directive.at) {
            intake.problem(directive.at, kind, message);
        }
    }
}
