//! Locations: what passes requests on, and what nginx answers itself.

use super::lower::Lowering;
use super::scope::Scope;
use super::tree::Directive;
use ww_base::SourceSpan;
use ww_model::service::WrittenMatch;

/// Directives by which nginx passes requests on, with the word that names of their settings begin
/// with.
pub(super) const PASSES: [(&str, &str); 6] = [
    ("proxy_pass", "proxy"),
    ("grpc_pass", "grpc"),
    ("fastcgi_pass", "fastcgi"),
    ("uwsgi_pass", "uwsgi"),
    ("scgi_pass", "scgi"),
    ("memcached_pass", "memcached"),
];

/// Directives that answer a request or lead it on in ways that only a run tells.
const LEADS_ON: [&str; 6] = [
    "rewrite",
    "js_content",
    "perl",
    "auth_request",
    "internal",
    "post_action",
];

impl<'t> Lowering<'t, '_, '_> {
    /// Directives of a server; the listeners are those that its requests come in by.
    pub(super) fn inside_server(
        &mut self,
        scope: &Scope<'t>,
        directives: &'t [Directive],
        listeners: &[usize],
    ) {
        if let Some(returns) = scope.own("return").first() {
            self.own_answer(listeners, "/", returns.at);
        }
        self.passes(scope, "", None, listeners);
        self.blocks(scope, directives, None, listeners);
    }

    /// The blocks among directives: locations, and the conditional parts of the location around them.
    fn blocks(
        &mut self,
        scope: &Scope<'t>,
        directives: &'t [Directive],
        around: Option<&'t Directive>,
        listeners: &[usize],
    ) {
        for directive in directives {
            let inner = || scope.inside(directive.inner());
            match &*directive.name.text {
                "location" => self.location(&inner(), directive, listeners),
                "if" | "limit_except" => {
                    let condition = format!("{} {}", directive.name.text, directive.words());
                    self.passes(&inner(), &condition, around, listeners);
                }
                _ => {}
            }
        }
    }

    fn location(&mut self, scope: &Scope<'t>, location: &'t Directive, listeners: &[usize]) {
        self.limits(scope);
        let passes = self.passes(scope, "", Some(location), listeners);
        self.blocks(scope, location.inner(), Some(location), listeners);
        if !passes && answers_itself(scope, location) {
            let at = own_answer_place(scope, location);
            self.own_answer(listeners, &path(location), at);
        }
    }

    fn own_answer(&mut self, listeners: &[usize], path: &str, at: SourceSpan) {
        for index in listeners {
            if let Some(listener) = self.program.listeners.get_mut(*index) {
                listener.own_answers.push((path.to_owned(), at));
            }
        }
    }

    /// Adds a call for each directive of a block that passes requests on; whether there was one.
    fn passes(
        &mut self,
        scope: &Scope<'t>,
        condition: &str,
        location: Option<&'t Directive>,
        listeners: &[usize],
    ) -> bool {
        let mut found = false;
        for (name, prefix) in PASSES {
            let Some(pass) = scope.own(name).first() else {
                continue;
            };
            found = true;
            let text = location.map(Directive::words).unwrap_or_default();
            let text = format!("{text} {condition}").trim().to_owned();
            let matches = location.map(|location| WrittenMatch {
                at: location.head(),
                text,
            });
            self.call(scope, pass, prefix, matches, listeners);
        }
        found
    }
}

/// The path of a location without its modifier; regular expressions keep theirs.
fn path(location: &Directive) -> String {
    match (location.arg(0), location.arg(1)) {
        (Some("=" | "^~"), Some(path)) => path.to_owned(),
        _ => location.words(),
    }
}

/// Whether requests of a location end in nginx: a status, or files.
fn answers_itself(scope: &Scope<'_>, location: &Directive) -> bool {
    let is_named = location.arg(0).is_none_or(|name| name.starts_with('@'));
    let has = |name: &str| !scope.own(name).is_empty();
    let leads_on = LEADS_ON.iter().any(|name| has(name))
        || location.inner().iter().any(|one| {
            let name = one.name.text.as_str();
            one.block.is_some() || name.contains("_by_lua")
        });
    let falls_back = scope.own("try_files").iter().any(|files| {
        let last = files.args.last().map_or("", |word| word.text.as_str());
        !last.starts_with('=')
    });
    let elsewhere = scope
        .all("error_page")
        .iter()
        .any(|page| page.args.iter().any(|word| word.text.starts_with('@')));
    let is_plain = !is_named && !leads_on && !falls_back;
    let answers = ["return", "empty_gif", "stub_status"];
    let serves_files = ["root", "alias"]
        .iter()
        .any(|name| scope.one(name).is_some());
    is_plain && (answers.iter().any(|name| has(name)) || (serves_files && !elsewhere))
}

/// The directive that answers, or else the location.
fn own_answer_place(scope: &Scope<'_>, location: &Directive) -> SourceSpan {
    let names = ["return", "empty_gif", "stub_status", "alias", "root"];
    let own = names.iter().find_map(|name| scope.own(name).first());
    own.map_or(location.head(), |directive| directive.at)
}
