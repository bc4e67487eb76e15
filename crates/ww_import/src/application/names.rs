//! What names in a source are set to, as far as that is the same wherever they are used.

use super::code::{Code, Kind, Language};
use std::collections::BTreeMap;

/// Where names are set.
#[derive(Default)]
pub(super) struct Names<'t> {
    /// Parts of the source that have names of their own, in order; the first one is the whole.
    scopes: Vec<Scope>,
    set: BTreeMap<&'t str, Vec<Place>>,
}

/// A part of a source with names of its own.
struct Scope {
    first: usize,
    last: usize,
    parent: usize,
    /// Whether functions inside do not see its names, as in Python's classes.
    is_class: bool,
}

#[derive(Clone, Copy)]
struct Place {
    scope: usize,
    /// The token that begins what it is set to; none where the text does not tell.
    value: Option<usize>,
}

impl<'t> Names<'t> {
    pub(super) fn of(code: &Code<'t>) -> Names<'t> {
        let whole = Scope {
            first: 0,
            last: code.len(),
            parent: 0,
            is_class: false,
        };
        let mut names = Names {
            scopes: vec![whole],
            set: BTreeMap::new(),
        };
        if code.language == Language::Python {
            names.python(code);
        } else {
            names.blocks(code);
        }
        names
    }

    /// Where the value begins that a name has at a place; none when it is set more than once.
    pub(super) fn value(&self, name: &str, at: usize) -> Option<usize> {
        let places = self.set.get(name)?;
        let mut scope = self.scope_at(at);
        let mut is_own = true;
        loop {
            let here = self.scopes.get(scope)?;
            let mut own = places.iter().filter(|place| place.scope == scope);
            if is_own || !here.is_class {
                match (own.next(), own.next()) {
                    (Some(one), None) => return one.value,
                    (Some(_), Some(_)) => return None,
                    (None, _) => {}
                }
            }
            if scope == 0 {
                return None;
            }
            is_own = false;
            scope = here.parent;
        }
    }

    /// The innermost part that a place is in.
    fn scope_at(&self, at: usize) -> usize {
        let mut scope = self
            .scopes
            .partition_point(|scope| scope.first <= at)
            .saturating_sub(1);
        while let Some(here) = self.scopes.get(scope).filter(|here| here.last < at) {
            if scope == 0 {
                break;
            }
            scope = here.parent;
        }
        scope
    }

    fn note(&mut self, name: &'t str, scope: usize, value: Option<usize>) {
        self.set
            .entry(name)
            .or_default()
            .push(Place { scope, value });
    }

    /// Languages with braces: a name that is set once in the file has that value inside the block in
    /// which it is set.
    fn blocks(&mut self, code: &Code<'t>) {
        let mut open = vec![0];
        let mut first: BTreeMap<&'t str, bool> = BTreeMap::new();
        for index in 0..code.len() {
            if code.is(index, "{") {
                self.scopes.push(Scope {
                    first: index,
                    last: code.closing(index),
                    parent: open.last().copied().unwrap_or(0),
                    is_class: false,
                });
                open.push(self.scopes.len() - 1);
            } else if code.is(index, "}") && open.len() > 1 {
                open.pop();
            }
            let Some(name) = code.word(index) else {
                continue;
            };
            let is_field = index > 0 && code.is(index - 1, ".");
            let short = code.is(index + 1, ":") && code.is(index + 2, "=");
            let sets = code.is(index + 1, "=") && !code.is(index + 2, "=");
            if is_field || !(short || sets) {
                continue;
            }
            let value = index + if short { 3 } else { 2 };
            let is_new = first.insert(name, true).is_none();
            let scope = open.last().copied().unwrap_or(0);
            if is_new {
                self.note(name, scope, Some(value));
            } else if let Some(places) = self.set.get_mut(name) {
                for place in places {
                    place.value = None;
                }
            }
        }
    }

    /// Python: functions and classes have names of their own, statements do not.
    fn python(&mut self, code: &Code<'t>) {
        // The column at which each open part begins, with the part.
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut index = 0;
        while index < code.len() {
            let column = code.column(index);
            while open.last().is_some_and(|(its, _)| column <= *its) {
                if let Some((_, scope)) = open.pop()
                    && let Some(scope) = self.scopes.get_mut(scope)
                {
                    scope.last = index.saturating_sub(1);
                }
            }
            let scope = open.last().map_or(0, |(_, scope)| *scope);
            let last = code.end_of_line(index);
            let keyword = index + usize::from(code.is(index, "async"));
            if matches!(code.word(keyword), Some("def" | "class")) {
                self.scopes.push(Scope {
                    first: index,
                    last: code.len(),
                    parent: scope,
                    is_class: code.is(keyword, "class"),
                });
                let own = self.scopes.len() - 1;
                open.push((column, own));
                if code.is(keyword, "def") && code.is(keyword + 2, "(") {
                    self.words(code, keyword + 3, code.closing(keyword + 2), own);
                }
            } else {
                self.statement(code, index, last, scope);
            }
            index = last + 1;
        }
    }

    /// Notes the names that a statement sets.
    fn statement(&mut self, code: &Code<'t>, first: usize, last: usize, scope: usize) {
        match code.word(first) {
            Some("for") => {
                let end = (first..=last).find(|at| code.is(*at, "in")).unwrap_or(last);
                self.words(code, first + 1, end, scope);
            }
            Some("global" | "nonlocal") => {
                self.words(code, first + 1, last + 1, 0);
                self.words(code, first + 1, last + 1, scope);
            }
            Some("import" | "from") => self.words(code, first + 1, last + 1, scope),
            _ => self.assignment(code, first, last, scope),
        }
        for at in first..=last {
            let is_new_name = code.is(at, "as") || code.is(at, "for");
            if let Some(name) = code.word(at + 1).filter(|_| is_new_name && at > first) {
                self.note(name, scope, None);
            }
            if code.are(at + 1, &[":", "="])
                && let Some(name) = code.word(at)
            {
                self.note(name, scope, None);
            }
        }
    }

    fn assignment(&mut self, code: &Code<'t>, first: usize, last: usize, scope: usize) {
        let Some(equals) = code.at_top(first, last, |at| is_assignment(code, at)) else {
            return;
        };
        if let Some(name) = code.word(first)
            && (equals == first + 1 || code.is(first + 1, ":"))
        {
            let again = code.at_top(equals + 1, last, |at| is_assignment(code, at));
            let value = again.is_none().then_some(equals + 1);
            self.note(name, scope, value);
            self.words(code, equals + 1, again.unwrap_or(equals + 1), scope);
            return;
        }
        let is_whole = |at: usize| {
            let behind = [".", "[", "("].iter().any(|sign| code.is(at + 1, sign));
            !(behind || at > first && code.is(at - 1, "."))
        };
        for at in (first..equals).filter(|at| is_whole(*at)) {
            if let Some(name) = code.word(at) {
                self.note(name, scope, None);
            }
        }
    }

    /// Notes that names are set to something that the text does not tell.
    fn words(&mut self, code: &Code<'t>, first: usize, end: usize, scope: usize) {
        for at in first..end {
            let token = code.get(at).filter(|token| token.kind == Kind::Word);
            if let Some(token) = token {
                self.note(token.text, scope, None);
            }
        }
    }
}

/// Whether a sign assigns: it is neither a comparison nor a part of one.
fn is_assignment(code: &Code<'_>, at: usize) -> bool {
    let compares = ["=", "<", ">", "!"];
    code.is(at, "=")
        && !code.is(at + 1, "=")
        && !(at > 0 && compares.iter().any(|sign| code.is(at - 1, sign)))
}
