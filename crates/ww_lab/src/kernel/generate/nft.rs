//! Rule sets in the language of nftables.

mod act;
mod test;

use super::values::Draw;
use super::{Backend, Case, Edge, Line};
use crate::rng::Rng;
use ww_model::filter::Hook;

/// Chains of users, for the chains where a packet can be refused, and for the others.
const USER_CHAINS: usize = 3;

/// Priorities that are not those of tracking and translation themselves.
const PRIORITIES: [i32; 9] = [-300, -150, -50, -10, 0, 0, 0, 10, 50];

/// A rule set for packets of one IP version.
pub(super) fn case(rng: &mut Rng) -> Case {
    let hook = match rng.below(6) {
        0 => Hook::Input,
        1 => Hook::Output,
        _ => Hook::Forward,
    };
    let v6 = rng.below(3) == 0;
    let mut maker = Maker {
        draw: Draw::new(rng, v6),
        hook,
        translates: false,
        about_marks: false,
        negates_transport: false,
        inet: false,
        sets: Vec::new(),
        lines: Vec::new(),
        edges: Vec::new(),
    };
    maker.translates = maker.draw.once_in(3);
    maker.about_marks = maker.draw.once_in(4);
    for number in 0..maker.draw.between(1, 2) {
        maker.make_table(number);
    }
    Case {
        backend: Backend::Nft,
        v6,
        hook,
        translates: maker.translates,
        sets: Vec::new(),
        lines: maker.lines,
        edges: maker.edges,
    }
}

struct Maker<'a> {
    draw: Draw<'a>,
    hook: Hook,
    translates: bool,
    /// Rules set and test marks more than anything else.
    about_marks: bool,
    /// The rule in the making has a negated test of ports, or of the type or code of ICMP.
    negates_transport: bool,
    /// Whether the table is for both IP versions.
    inet: bool,
    /// The named sets of the table.
    sets: Vec<Set>,
    lines: Vec<Line>,
    edges: Vec<Vec<Edge>>,
}

/// A named set: its members, as addresses, ports, or both.
struct Set {
    name: String,
    kind: SetKind,
    members: Vec<((u128, u128), (u16, u16))>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SetKind {
    Addresses,
    Ports,
    Both,
}

/// Where a rule stands.
#[derive(Clone, Copy)]
struct Position {
    hook: Hook,
    /// What chains of users can be called: the beginning of their names, and the lowest number.
    calls: (&'static str, usize),
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Decides.
    Filter,
    /// Decides before connections are tracked.
    Raw,
    /// Translates.
    Nat,
}

impl Maker<'_> {
    fn say(&mut self, text: impl Into<String>) {
        self.lines.push(Line {
            text: text.into(),
            is_rule: false,
        });
    }

    fn make_table(&mut self, number: u64) {
        self.inet = self.draw.once_in(2);
        let family = match (self.inet, self.draw.v6) {
            (true, _) => "inet",
            (false, true) => "ip6",
            (false, false) => "ip",
        };
        self.say(format!("table {family} t{number} {{"));
        self.sets.clear();
        for number in 0..self.draw.between(0, 3) {
            self.make_set(number);
        }
        let (main, path) = self.path();
        for (prefix, hook) in [("u", main), ("n", Hook::Prerouting)] {
            for user in (0..USER_CHAINS).rev() {
                let calls = (prefix, user + 1);
                let kind = Kind::Filter;
                self.make_chain(
                    &format!("{prefix}{user}"),
                    None,
                    Position { hook, calls, kind },
                );
            }
        }
        for (place, hook) in path.iter().enumerate() {
            if *hook == main || !self.draw.once_in(3) {
                self.make_base_chain(&format!("b{place}"), *hook, main);
            }
        }
        if self.translates {
            for hook in path {
                if !matches!(hook, Hook::Forward) {
                    self.make_translation(*hook);
                }
            }
        }
        self.say("}");
    }

    /// The hook where filters stand for packets of this case, and all on their path.
    fn path(&self) -> (Hook, &'static [Hook]) {
        match self.hook {
            Hook::Input => (Hook::Input, &[Hook::Prerouting, Hook::Input]),
            Hook::Output => (Hook::Output, &[Hook::Output, Hook::Postrouting]),
            _ => (
                Hook::Forward,
                &[Hook::Prerouting, Hook::Forward, Hook::Postrouting],
            ),
        }
    }

    fn make_set(&mut self, number: u64) {
        let name = format!("s{number}");
        let kind = match self.draw.rng.below(3) {
            0 => SetKind::Addresses,
            1 => SetKind::Ports,
            _ => SetKind::Both,
        };
        let address = if self.draw.v6 {
            "ipv6_addr"
        } else {
            "ipv4_addr"
        };
        let (kind_words, merges) = match kind {
            SetKind::Addresses => (address.to_owned(), " auto-merge;"),
            SetKind::Ports => ("inet_service".to_owned(), " auto-merge;"),
            SetKind::Both => (format!("{address} . inet_service"), ""),
        };
        let mut members = Vec::new();
        let mut words = Vec::new();
        for _ in 0..self.draw.between(1, 4) {
            let (text, first, last) = self.draw.prefix();
            let ports = self.draw.ports();
            let port = port_words(ports);
            words.push(match kind {
                SetKind::Addresses => text,
                SetKind::Ports => port,
                SetKind::Both => format!("{text} . {port}"),
            });
            members.push(((first, last), ports));
        }
        self.say(format!(
            "set {name} {{ type {kind_words}; flags interval;{merges} elements = {{ {} }}; }}",
            words.join(", ")
        ));
        self.sets.push(Set {
            name,
            kind,
            members,
        });
    }

    fn make_base_chain(&mut self, name: &str, hook: Hook, main: Hook) {
        let priority = self.draw.one(&PRIORITIES);
        let raw = priority < -200 && matches!(hook, Hook::Prerouting | Hook::Output);
        let drops = hook == main && self.draw.once_in(2);
        let kind = if hook == Hook::Output && self.draw.once_in(6) {
            "route"
        } else {
            "filter"
        };
        let at = Position {
            hook,
            calls: (if hook == main { "u" } else { "n" }, 0),
            kind: if raw { Kind::Raw } else { Kind::Filter },
        };
        let base = format!(
            "type {kind} hook {} priority {priority}; policy {};",
            hook_word(hook),
            if drops { "drop" } else { "accept" }
        );
        self.make_chain(name, Some(&base), at);
    }

    fn make_translation(&mut self, hook: Hook) {
        let priority = self.draw.one(&[-150, -100, -50, 0, 10, 100, 150]);
        let base = format!(
            "type nat hook {} priority {priority}; policy accept;",
            hook_word(hook)
        );
        let at = Position {
            hook,
            calls: ("n", USER_CHAINS),
            kind: Kind::Nat,
        };
        self.make_chain(&format!("nat_{}", hook_word(hook)), Some(&base), at);
    }

    fn make_chain(&mut self, name: &str, base: Option<&str>, at: Position) {
        self.say(format!("chain {name} {{"));
        if let Some(base) = base {
            self.say(base);
        }
        let rules = match (base, at.kind) {
            (None, _) | (_, Kind::Raw) => self.draw.between(0, 3),
            (_, Kind::Nat) => self.draw.between(1, 4),
            (_, Kind::Filter) => self.draw.between(1, 9),
        };
        for _ in 0..rules {
            self.make_rule(at);
        }
        self.say("}");
    }

    fn make_rule(&mut self, at: Position) {
        let mut words = Vec::new();
        let mut proto = None;
        self.negates_transport = false;
        if self.inet && at.kind == Kind::Filter && self.draw.once_in(20) {
            let test = self.test_of_other_version();
            words.push(test);
            words.push(self.draw.one(&["accept", "drop", "return"]).into());
            self.keep_rule(&words);
            return;
        }
        let about_marks = self.about_marks && at.kind == Kind::Filter;
        if about_marks && !self.draw.once_in(4) {
            let test = self.mark_test(at);
            words.push(test);
        }
        for _ in 0..self.draw.between(0, if about_marks { 1 } else { 3 }) {
            let test = self.test(at, &mut proto);
            words.push(test);
        }
        if self.draw.once_in(5) {
            words.push("counter".into());
        }
        let act = self.act(at, proto);
        words.push(act);
        self.keep_rule(&words);
    }

    fn keep_rule(&mut self, words: &[String]) {
        self.lines.push(Line {
            text: words.join(" "),
            is_rule: true,
        });
        let edges = std::mem::take(&mut self.draw.edges);
        self.edges.push(edges);
    }
}

fn hook_word(hook: Hook) -> &'static str {
    match hook {
        Hook::Ingress => "ingress",
        Hook::Prerouting => "prerouting",
        Hook::Input => "input",
        Hook::Forward => "forward",
        Hook::Output => "output",
        Hook::Postrouting => "postrouting",
    }
}

fn port_words((first, last): (u16, u16)) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}
