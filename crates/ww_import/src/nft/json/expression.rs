//! Expressions of the JSON form.

use super::Reader;
use crate::nft::ast::{BinaryOp, Element, Expr, ExprKind, Verdict};
use crate::nft::key::Key;
use serde_json::{Map, Value};
use std::borrow::Cow;
use ww_base::{ProblemKind, SourceSpan};
use ww_model::filter::UnknownReason;

const OPERATORS: &[(&str, BinaryOp)] = &[
    ("|", BinaryOp::Or),
    ("&", BinaryOp::And),
    ("^", BinaryOp::Xor),
    ("<<", BinaryOp::ShiftLeft),
    (">>", BinaryOp::ShiftRight),
];

impl Reader<'_, '_> {
    /// Any expression; what is not known is told, and stays as such.
    pub(super) fn expression(&mut self, value: Value, at: SourceSpan) -> Expr<'static> {
        let kind = match value {
            Value::String(word) => word_or_name(word, at),
            Value::Number(number) => ExprKind::Word(Cow::Owned(number.to_string())),
            Value::Bool(there) => {
                ExprKind::Word(Cow::Borrowed(if there { "exists" } else { "missing" }))
            }
            Value::Array(list) => ExprKind::List(self.expressions(list, at)),
            Value::Object(object) => self.object_expression(object, at),
            Value::Null => ExprKind::NotUnderstood,
        };
        Expr { at, kind }
    }

    fn expressions(&mut self, list: Vec<Value>, at: SourceSpan) -> Vec<Expr<'static>> {
        list.into_iter()
            .map(|value| self.expression(value, at))
            .collect()
    }

    fn object_expression(
        &mut self,
        object: Map<String, Value>,
        at: SourceSpan,
    ) -> ExprKind<'static> {
        let Some((name, value)) = object.into_iter().next() else {
            return self.not_known("an empty object", at);
        };
        if let Some((_, op)) = OPERATORS.iter().find(|(known, _)| *known == name) {
            return self.operation(*op, value, at);
        }
        if let Some(key) = key(&name, &value) {
            return ExprKind::Key(key);
        }
        match (name.as_str(), value) {
            ("prefix", Value::Object(mut prefix)) => {
                let length = prefix.get("len").and_then(Value::as_u64);
                match (prefix.remove("addr"), length) {
                    (Some(address), Some(length)) => ExprKind::Prefix(
                        Box::new(self.expression(address, at)),
                        u32::try_from(length).unwrap_or(u32::MAX),
                    ),
                    _ => self.not_known("prefix", at),
                }
            }
            ("range", Value::Array(ends)) => match <[Value; 2]>::try_from(ends) {
                Ok([first, last]) => ExprKind::Range(
                    Box::new(self.expression(first, at)),
                    Box::new(self.expression(last, at)),
                ),
                Err(_) => self.not_known("range", at),
            },
            ("set", elements) => ExprKind::Set(self.set_elements(elements, at, false)),
            ("concat", Value::Array(parts)) => ExprKind::Concat(self.expressions(parts, at)),
            ("elem", Value::Object(mut element)) => match element.remove("val") {
                Some(value) => self.expression(value, at).kind,
                None => self.not_known("elem", at),
            },
            ("map", Value::Object(mut map)) => match (map.remove("key"), map.remove("data")) {
                (Some(key), Some(data)) => ExprKind::Map(
                    Box::new(self.expression(key, at)),
                    Box::new(self.map_data(data, at)),
                ),
                _ => self.not_known("map", at),
            },
            (_, value) => match verdict(&name, &value) {
                Some(verdict) => ExprKind::Verdict(verdict),
                None => self.not_known(&name, at),
            },
        }
    }

    fn not_known(&mut self, name: &str, at: SourceSpan) -> ExprKind<'static> {
        let shown: String = name.chars().take(40).collect();
        let message = format!("the expression `{shown}` is not known or not complete");
        self.problems.add(at, ProblemKind::Unsupported, message);
        ExprKind::NotUnderstood
    }

    fn operation(&mut self, op: BinaryOp, value: Value, at: SourceSpan) -> ExprKind<'static> {
        let Value::Array(operands) = value else {
            return self.not_known("operation", at);
        };
        let operands = self.expressions(operands, at);
        // `&` of a key with a list of flags: the list is one value.
        operands
            .into_iter()
            .reduce(|left, right| Expr {
                at,
                kind: ExprKind::Binary(op, Box::new(left), Box::new(right)),
            })
            .map_or(ExprKind::NotUnderstood, |whole| whole.kind)
    }

    /// The data of a map: a name, or pairs of key and data.
    pub(super) fn map_data(&mut self, value: Value, at: SourceSpan) -> Expr<'static> {
        match value {
            Value::Object(mut object) if object.contains_key("set") => {
                let elements = object.remove("set").unwrap_or_default();
                Expr {
                    at,
                    kind: ExprKind::Set(self.set_elements(elements, at, true)),
                }
            }
            other => self.expression(other, at),
        }
    }

    fn set_elements(
        &mut self,
        value: Value,
        at: SourceSpan,
        is_map: bool,
    ) -> Vec<Element<'static>> {
        let list = match value {
            Value::Array(list) => list,
            single => vec![single],
        };
        list.into_iter()
            .map(|value| self.element_of(value, at, is_map))
            .collect()
    }

    /// An element of a set, or a pair of a map.
    pub(super) fn element_of(
        &mut self,
        value: Value,
        at: SourceSpan,
        is_map: bool,
    ) -> Element<'static> {
        match value {
            Value::Array(mut pair) if is_map && pair.len() == 2 => {
                let data = pair.pop().map(|data| Box::new(self.expression(data, at)));
                let key = pair.pop().unwrap_or_default();
                Element {
                    data,
                    ..self.element_of(key, at, false)
                }
            }
            Value::Object(ref object) if object.contains_key("elem") => {
                let passing = object.get("elem").is_some_and(|element| {
                    ["timeout", "expires", "limit", "quota", "ct count"]
                        .iter()
                        .any(|name| element.get(name).is_some())
                });
                Element {
                    key: self.expression(value, at),
                    data: None,
                    passing,
                }
            }
            value => Element {
                key: self.expression(value, at),
                data: None,
                passing: false,
            },
        }
    }
}

/// `@set`, `*`, an address with its prefix length, or a word.
fn word_or_name(word: String, at: SourceSpan) -> ExprKind<'static> {
    if let Some(name) = word.strip_prefix('@') {
        return ExprKind::Named(Cow::Owned(name.to_owned()));
    }
    if word == "*" {
        return ExprKind::Everything;
    }
    if let Some((address, length)) = word.split_once('/')
        && address.contains(['.', ':'])
        && let Ok(length) = length.parse()
    {
        let address = Expr {
            at,
            kind: ExprKind::Word(Cow::Owned(address.to_owned())),
        };
        return ExprKind::Prefix(Box::new(address), length);
    }
    ExprKind::Word(Cow::Owned(word))
}

/// The verdict of this name.
pub(super) fn verdict(name: &str, value: &Value) -> Option<Verdict<'static>> {
    let target = || {
        let target = value.get("target")?.as_str()?;
        Some(Cow::Owned(target.to_owned()))
    };
    Some(match name {
        "accept" => Verdict::Accept,
        "drop" => Verdict::Drop,
        "continue" => Verdict::Continue,
        "return" => Verdict::Return,
        "jump" => Verdict::Jump(target()?),
        "goto" => Verdict::Goto(target()?),
        _ => return None,
    })
}

/// The key that an object of this name describes.
pub(super) fn key(name: &str, value: &Value) -> Option<Key> {
    let word = |member: &str| value.get(member).and_then(Value::as_str);
    let number = |member: &str| value.get(member).and_then(Value::as_u64);
    match name {
        "payload" => match (word("protocol"), word("field")) {
            (Some(header), Some(field)) => Key::payload(header, field)
                .or_else(|| Some(Key::opaque(UnknownReason::NotModelled))),
            _ => Some(Key::raw(
                word("base")?,
                u32::try_from(number("offset")?).ok()?,
                u32::try_from(number("len")?).ok()?,
            )),
        },
        "meta" => Key::meta(word("key").or(value.as_str())?),
        "ct" => {
            let name = word("key").or(value.as_str())?;
            Key::ct(name, word("dir").is_some())
        }
        "fib" => Key::fib(&fib_flags(value), word("result")?),
        "numgen" => Some(Key::opaque(UnknownReason::Dynamic)),
        "exthdr" | "tcp option" | "ip option" | "sctp chunk" | "dccp option" | "rt" | "socket"
        | "osf" | "ipsec" | "jhash" | "symhash" | "tunnel" => {
            Some(Key::opaque(UnknownReason::NotModelled))
        }
        _ => None,
    }
}

fn fib_flags(value: &Value) -> Vec<&str> {
    match value.get("flags") {
        Some(Value::String(only)) => vec![only],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
