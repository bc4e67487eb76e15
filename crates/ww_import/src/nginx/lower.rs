//! A configuration as a program.

use super::expand::{Context, Whole};
use super::scope::Scope;
use super::tree::Directive;
use super::value::none;
use super::variable::Maps;
use crate::Text;
use crate::service::Intake;
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Gap, Setting, SourceSpan};
use ww_model::service::{Entry, Layout, Product, Program, Reference, ReferenceKind, Room};

/// What is known while a configuration is lowered.
pub(super) struct Lowering<'t, 'i, 'l> {
    pub(super) intake: &'i mut Intake<'l>,
    pub(super) product: Product,
    pub(super) program: Program,
    /// Groups of servers (`upstream`) by their names.
    pub(super) groups: BTreeMap<&'t str, &'t Directive>,
    pub(super) maps: Maps<'t>,
    /// Whether the text is included by one that was not given.
    pub(super) is_piece: bool,
    /// Values that were said to be none.
    pub(super) told: BTreeSet<SourceSpan>,
    /// Times without a unit that were noted.
    pub(super) bare: BTreeSet<SourceSpan>,
    /// Settings that were noted to be out of force.
    pub(super) shadowed: BTreeSet<SourceSpan>,
}

/// Adds the program that a configuration declares; none where it declares nothing that serves or
/// calls.
pub(super) fn lower(whole: &Whole, texts: &[Text<'_>], intake: &mut Intake<'_>) {
    let Some(first) = begin(whole) else {
        return;
    };
    let product = intake.product("nginx", &whole.path);
    let mut lowering = Lowering {
        program: Program::new("nginx", product.clone(), first.head(), &*whole.path),
        intake,
        product,
        groups: BTreeMap::new(),
        maps: Maps::default(),
        is_piece: whole.context != Context::Main,
        told: BTreeSet::new(),
        bare: BTreeSet::new(),
        shadowed: BTreeSet::new(),
    };
    let outside = Scope::default();
    let directives = whole.directives.as_slice();
    match whole.context {
        Context::Main => lowering.main(directives),
        Context::Http => lowering.http(&outside, directives),
        Context::Stream => lowering.stream(&outside, directives),
        Context::Server => lowering.in_server(directives),
        Context::Other => {}
    }
    rooms(directives, texts, &mut lowering.program.rooms);
    let Lowering {
        program, intake, ..
    } = lowering;
    let says_something = !program.listeners.is_empty() || !program.calls.is_empty();
    if says_something || whole.context == Context::Main {
        intake.services.programs.push(program);
    }
}

/// Adds the blocks in which further directives can be written.
fn rooms(directives: &[Directive], texts: &[Text<'_>], into: &mut Vec<Room>) {
    const KINDS: [&str; 5] = ["http", "server", "location", "upstream", "stream"];
    for directive in directives {
        let Some(block) = &directive.block else {
            continue;
        };
        let mut texts_of = texts.iter();
        let text = texts_of.find(|text| text.source == directive.at.source);
        let is_known = KINDS.contains(&directive.name.text.as_str());
        if let Some(text) = text.filter(|_| is_known && block.close.is_some()) {
            let (at, before, after) = block.room(text.bytes);
            into.push(Room {
                kind: directive.name.text.clone(),
                block: directive.at,
                at,
                before,
                after,
                layout: Layout::Words,
                entries: block.directives.iter().map(entry).collect(),
            });
        }
        rooms(&block.directives, texts, into);
    }
}

/// What a directive sets: one header of several, or the only thing of its name.
fn entry(directive: &Directive) -> Entry {
    let name = &directive.name.text;
    let header = directive
        .args
        .first()
        .filter(|_| name == "proxy_set_header");
    Entry {
        name: header.map_or_else(|| name.clone(), |header| format!("{name} {}", header.text)),
        room: None,
    }
}

/// The directive that stands for the program: the block of its servers.
fn begin(whole: &Whole) -> Option<&Directive> {
    let named = |name: &str| {
        let mut all = whole.directives.iter();
        all.find(|one| one.name.text == name)
    };
    ["http", "stream", "server"]
        .iter()
        .find_map(|name| named(name))
        .or(whole.directives.first())
}

impl<'t> Lowering<'t, '_, '_> {
    fn main(&mut self, directives: &'t [Directive]) {
        let scope = Scope::default().inside(directives);
        self.capacity(&scope);
        let grace = self.time_or_off(&scope, "worker_shutdown_timeout", "worker_shutdown_timeout");
        self.program.grace = grace;
        for block in directives {
            match &*block.name.text {
                "http" => self.http(&scope, block.inner()),
                "stream" => self.stream(&scope, block.inner()),
                _ => {}
            }
        }
    }

    fn capacity(&mut self, scope: &Scope<'t>) {
        let workers = scope.one("worker_processes");
        let workers = if workers.and_then(|one| one.arg(0)) == Some("auto") {
            Setting::Unknown(Gap::new(
                "the number of processors, which `worker_processes auto` takes",
                "`nproc` on the host, or a number in place of `auto`",
            ))
        } else {
            self.number(scope, "worker_processes", "worker_processes")
        };
        let events = scope.one("events").map_or(&[] as &[_], Directive::inner);
        let events = Scope::default().inside(events);
        let connections = self.number(&events, "worker_connections", "worker_connections");
        let files = match scope.one("worker_rlimit_nofile") {
            Some(_) => self.number(scope, "worker_rlimit_nofile", ""),
            None => Setting::Unknown(Gap::new(
                "how many files a worker may open, as `worker_rlimit_nofile` is not set",
                "`ulimit -n` where nginx is started",
            )),
        };
        let capacity = &mut self.program.capacity;
        capacity.workers = workers;
        capacity.worker_connections = connections;
        capacity.open_files = files;
        capacity.connections = none("nginx bounds the connections of each worker only");
    }

    /// The block `http`, or a text that stands in it.
    fn http(&mut self, outside: &Scope<'t>, directives: &'t [Directive]) {
        self.groups = groups(directives);
        self.maps = Maps::new(directives);
        let scope = outside.inside(directives);
        self.limits(&scope);
        for server in directives.iter().filter(|one| one.name.text == "server") {
            self.server(&scope, server);
        }
    }

    fn server(&mut self, http: &Scope<'t>, server: &'t Directive) {
        let scope = http.inside(server.inner());
        let listeners = self.listeners(&scope, server);
        self.limits(&scope);
        self.inside_server(&scope, server.inner(), &listeners);
    }

    /// A text that stands in a `server` which was not given.
    fn in_server(&mut self, directives: &'t [Directive]) {
        self.maps = Maps::new(directives);
        let scope = Scope::default().inside(directives);
        self.limits(&scope);
        self.inside_server(&scope, directives, &[]);
    }

    /// Notes a name that no declaration has.
    pub(super) fn reference(
        &mut self,
        at: SourceSpan,
        kind: ReferenceKind,
        name: &str,
        declared: Vec<(String, SourceSpan)>,
    ) {
        let known = &mut self.program.references;
        if known.iter().all(|reference| reference.at != at) {
            known.push(Reference {
                at,
                kind,
                name: name.to_owned(),
                declared,
            });
        }
    }
}

/// The groups of servers in a block.
pub(super) fn groups(directives: &[Directive]) -> BTreeMap<&str, &Directive> {
    let groups = directives.iter().filter(|one| one.name.text == "upstream");
    groups.filter_map(|one| Some((one.arg(0)?, one))).collect()
}
