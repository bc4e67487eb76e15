//! The JSON form of a rule set (libnftables-json(5)) into the same commands as text.
//!
//! Tolerant: what it does not know becomes something unknown in its rule, and a problem.

mod expression;
mod scan;
mod statement;

use super::ast::{
    ChainSpec, Change, Command, Element, Expr, ExprKind, Family, HookSpec, Place, Priority, Rule,
    SetSpec, Statement, StatementKind, TableName, Word,
};
use crate::text::Problems;
use scan::{Scanner, elements, members};
use serde_json::Value;
use std::borrow::Cow;
use ww_base::{Limits, ProblemKind, SourceId, SourceSpan};
use ww_model::filter::Aside;

/// Reads all commands of a JSON text.
pub(super) fn parse(
    source: SourceId,
    text: &[u8],
    limits: &Limits,
    problems: &mut Problems,
) -> Vec<Command<'static>> {
    let mut reader = Reader {
        source,
        text,
        problems,
        commands: Vec::new(),
        rules_left: Some(limits.filter_rules),
        elements_left: limits.set_entries,
    };
    reader.document();
    reader.commands
}

/// Reads the parts of one text.
struct Reader<'t, 'p> {
    source: SourceId,
    text: &'t [u8],
    problems: &'p mut Problems,
    commands: Vec<Command<'static>>,
    /// Rules that may still be read; nothing once that was too few.
    rules_left: Option<u32>,
    elements_left: u32,
}

/// Objects that decide nothing by themselves.
const DECIDES_NOTHING: &[&str] = &[
    "flowtable",
    "counter",
    "quota",
    "limit",
    "secmark",
    "synproxy",
    "tunnel",
    "ct helper",
    "ct timeout",
    "ct expectation",
];

/// What a command does with its object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Insert,
    Replace,
    Delete,
    Flush,
    Rename,
}

/// The members of an object, with their places.
struct Object<'t> {
    text: &'t [u8],
    members: Vec<(&'t str, scan::Place)>,
}

impl Object<'_> {
    fn place(&self, name: &str) -> Option<scan::Place> {
        self.members
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, place)| *place)
    }

    fn value(&self, name: &str) -> Option<Value> {
        let (start, end) = self.place(name)?;
        serde_json::from_slice(self.text.get(start..end)?).ok()
    }

    fn word(&self, name: &str) -> Option<Word<'static>> {
        match self.value(name)? {
            Value::String(word) => Some(Cow::Owned(word)),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.as_u64()
    }

    fn table(&self) -> Option<TableName<'static>> {
        self.table_named("table")
    }

    fn table_named(&self, name: &str) -> Option<TableName<'static>> {
        let family = self.word("family").unwrap_or(Cow::Borrowed("ip"));
        Some(TableName {
            family: Family::named(&family)?,
            name: self.word(name)?,
        })
    }
}

impl<'t> Reader<'t, '_> {
    fn span(&self, place: scan::Place) -> SourceSpan {
        SourceSpan {
            source: self.source,
            start: place.0 as u32,
            end: place.1 as u32,
        }
    }

    fn tell(&mut self, place: scan::Place, kind: ProblemKind, message: &str) {
        self.problems
            .add(self.span(place), kind, message.to_owned());
    }

    fn break_off(&mut self, place: scan::Place, kind: ProblemKind, message: &str) {
        self.problems.break_off(self.span(place), kind, message);
    }

    fn object(&self, place: scan::Place) -> Object<'t> {
        Object {
            text: self.text,
            members: members(self.text, place),
        }
    }

    fn command(&mut self, place: scan::Place, change: Change<'static>) {
        let at = self.span(place);
        self.commands.push(Command { at, change });
    }

    /// `{"nftables": [ … ]}`.
    fn document(&mut self) {
        let end = self.text.len();
        let Some(start) = self.list() else {
            self.break_off(
                (0, end.min(1)),
                ProblemKind::Malformed,
                "expected an object with a list named `nftables`",
            );
            return;
        };
        let mut scanner = Scanner::at(self.text, start);
        loop {
            scanner.take(b',');
            if scanner.take(b']') {
                return;
            }
            let begins = scanner.position();
            let Some(place) = scanner.value() else {
                self.break_off(
                    (begins, end),
                    ProblemKind::Malformed,
                    "the list breaks off or is damaged here; what follows is not read",
                );
                return;
            };
            self.item(place);
        }
    }

    /// Where the elements of the list begin.
    fn list(&self) -> Option<usize> {
        let mut scanner = Scanner::at(self.text, 0);
        if !scanner.take(b'{') {
            return None;
        }
        loop {
            scanner.take(b',');
            let (start, end) = scanner.value()?;
            if !scanner.take(b':') {
                return None;
            }
            if self.text.get(start..end) == Some(b"\"nftables\"") {
                return scanner.take(b'[').then(|| scanner.position());
            }
            scanner.value()?;
        }
    }

    /// An object of the list, or a command about one.
    fn item(&mut self, place: scan::Place) {
        let members = members(self.text, place);
        let [(name, inner)] = members.as_slice() else {
            self.tell(
                place,
                ProblemKind::Malformed,
                "expected an object with one member",
            );
            return;
        };
        let verb = match *name {
            "add" | "create" => Verb::Add,
            "insert" => Verb::Insert,
            "replace" => Verb::Replace,
            "delete" | "destroy" => Verb::Delete,
            "flush" => Verb::Flush,
            "rename" => Verb::Rename,
            "metainfo" | "list" | "reset" | "monitor" => return,
            _ => return self.thing(place, Verb::Add, name, *inner),
        };
        for (name, inner) in scan::members(self.text, *inner) {
            self.thing(place, verb, name, inner);
        }
    }

    fn thing(&mut self, at: scan::Place, verb: Verb, name: &str, place: scan::Place) {
        let object = self.object(place);
        let change = match (name, verb) {
            ("ruleset", Verb::Flush) => {
                let family = object.word("family");
                Some(Change::FlushRuleset(
                    family.and_then(|name| Family::named(&name)),
                ))
            }
            ("table", _) => table(&object, verb),
            ("chain", _) => self.chain(&object, verb),
            ("rule", _) => self.rule(at, &object, verb),
            ("set" | "map" | "meter", _) => self.set(&object, verb, name == "map"),
            ("element", _) => self.element(&object, verb),
            _ if DECIDES_NOTHING.contains(&name) => return,
            _ => None,
        };
        match change {
            Some(change) => self.command(at, change),
            None => self.tell(
                at,
                ProblemKind::Malformed,
                "this object is not known or lacks its names",
            ),
        }
    }

    fn chain(&mut self, object: &Object<'_>, verb: Verb) -> Option<Change<'static>> {
        let (table, name) = (object.table()?, object.word("name")?);
        match verb {
            Verb::Delete => return Some(Change::DeleteChain(table, name)),
            Verb::Flush => return Some(Change::FlushChain(table, name)),
            Verb::Rename => return Some(Change::RenameChain(table, name, object.word("newname")?)),
            _ => {}
        }
        let mut spec = ChainSpec::default();
        if let (Some(kind), Some(hook)) = (object.word("type"), object.word("hook")) {
            spec.hook = Some(HookSpec {
                kind,
                hook,
                priority: self.priority(object),
                devices: self.devices(object),
            });
        }
        if let (Some(policy), Some(place)) = (object.word("policy"), object.place("policy")) {
            spec.policy = Some((self.span(place), policy != "drop"));
        }
        Some(Change::Chain { table, name, spec })
    }

    fn priority(&self, object: &Object<'_>) -> Priority<'static> {
        let base = object.place("prio").zip(object.word("prio"));
        Priority {
            base: base.map(|(place, word)| Expr {
                at: self.span(place),
                kind: ExprKind::Word(word),
            }),
            offset: 0,
        }
    }

    fn devices(&self, object: &Object<'_>) -> Vec<Expr<'static>> {
        let Some(place) = object.place("dev") else {
            return Vec::new();
        };
        let names = match object.value("dev") {
            Some(Value::Array(names)) => names,
            Some(name) => vec![name],
            None => return Vec::new(),
        };
        names
            .into_iter()
            .filter_map(|name| match name {
                Value::String(name) => Some(Expr {
                    at: self.span(place),
                    kind: ExprKind::Word(Cow::Owned(name)),
                }),
                _ => None,
            })
            .collect()
    }

    fn rule(
        &mut self,
        at: scan::Place,
        object: &Object<'_>,
        verb: Verb,
    ) -> Option<Change<'static>> {
        let (table, chain) = (object.table()?, object.word("chain")?);
        let handle = object.number("handle");
        if verb == Verb::Delete {
            return Some(Change::DeleteRule(table, chain, handle?));
        }
        let index = object.number("index").map(|index| index as usize);
        let place = match (verb, index, handle) {
            (Verb::Replace, _, handle) => Place::Instead(handle?),
            (Verb::Insert, Some(index), _) => Place::BeforeIndex(index),
            (Verb::Insert, None, _) => Place::First,
            (_, Some(index), _) => Place::AfterIndex(index),
            _ => Place::Last,
        };
        if self.rules_left == Some(0) {
            let message = "there are too many rules; this and later ones are not read";
            self.break_off(at, ProblemKind::TooLarge, message);
        }
        self.rules_left = self.rules_left.and_then(|left| left.checked_sub(1));
        if self.rules_left.is_none() {
            return Some(Change::Table {
                table,
                dormant: false,
            });
        }
        let mut statements = Vec::new();
        let (text, expressions) = (self.text, object.place("expr").unwrap_or((0, 0)));
        for statement in elements(text, expressions) {
            statements.extend(self.statement(statement));
        }
        if object.word("comment").is_some() {
            statements.push(Statement {
                at: self.span(at),
                kind: StatementKind::Aside(Aside::Comment),
            });
        }
        statements.shrink_to_fit();
        let rule = Rule {
            at: self.span(at),
            handle,
            statements,
        };
        Some(Change::Rule {
            table,
            chain,
            place,
            rule,
        })
    }

    fn set(&mut self, object: &Object<'_>, verb: Verb, is_map: bool) -> Option<Change<'static>> {
        let (table, name) = (object.table()?, object.word("name")?);
        match verb {
            Verb::Delete => return Some(Change::DeleteSet(table, name)),
            Verb::Flush => return Some(Change::FlushSet(table, name)),
            _ => {}
        }
        let elements = self.elements(object, is_map);
        let statements = object.value("stmt");
        Some(Change::Set {
            table,
            name,
            spec: SetSpec {
                timeout: object.place("timeout").is_some() || has_flag(object, "timeout"),
                gated: statements.is_some_and(|list| statement::any_gate(&list)),
                elements,
            },
        })
    }

    fn element(&mut self, object: &Object<'_>, verb: Verb) -> Option<Change<'static>> {
        let (table, name) = (object.table()?, object.word("name")?);
        // Whether pairs are keys with data is not said here; flags are never listed in pairs.
        let elements = self.elements(object, true);
        Some(match verb {
            Verb::Delete => Change::DeleteElements(table, name, elements),
            _ => Change::Elements(table, name, elements),
        })
    }

    fn elements(&mut self, object: &Object<'_>, is_map: bool) -> Vec<Element<'static>> {
        let mut all = Vec::new();
        let Some(list) = object.place("elem") else {
            return all;
        };
        let text = self.text;
        for place in elements(text, list) {
            if self.elements_left == 0 {
                self.tell(place, ProblemKind::TooLarge, "sets have too many elements");
                break;
            }
            self.elements_left -= 1;
            let bytes = text.get(place.0..place.1).unwrap_or_default();
            let at = self.span(place);
            let element = match serde_json::from_slice::<Value>(bytes) {
                Ok(value) => self.element_of(value, at, is_map),
                Err(why) => {
                    let message = format!("the element cannot be read: {why}");
                    self.problems.add(at, ProblemKind::Malformed, message);
                    Element {
                        key: Expr {
                            at,
                            kind: ExprKind::NotUnderstood,
                        },
                        data: None,
                        passing: false,
                    }
                }
            };
            all.push(element);
        }
        all
    }
}

fn table(object: &Object<'_>, verb: Verb) -> Option<Change<'static>> {
    let table = object.table_named("name")?;
    Some(match verb {
        Verb::Delete => Change::DeleteTable(table),
        Verb::Flush => Change::FlushTable(table),
        _ => Change::Table {
            table,
            dormant: has_flag(object, "dormant"),
        },
    })
}

/// Whether `flags`, a word or a list of words, says so.
fn has_flag(object: &Object<'_>, flag: &str) -> bool {
    match object.value("flags") {
        Some(Value::String(only)) => only == flag,
        Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(flag)),
        _ => false,
    }
}
