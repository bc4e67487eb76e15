//! Statements of the JSON form.

use super::Reader;
use super::expression::{key, verdict};
use super::scan::Place;
use crate::nft::ast::{Expr, Family, NatSpec, RejectKind, Relation, Statement, StatementKind};
use crate::nft::key::Key;
use serde_json::{Map, Value};
use std::borrow::Cow;
use ww_base::{ProblemKind, SourceSpan};
use ww_model::filter::{Aside, NatKind, UnknownReason};

impl Reader<'_, '_> {
    /// The statement at a place; nothing when it has no effect.
    pub(super) fn statement(&mut self, place: Place) -> Option<Statement<'static>> {
        let at = self.span(place);
        let bytes = self.text.get(place.0..place.1).unwrap_or_default();
        let kind = match serde_json::from_slice::<Value>(bytes) {
            Ok(Value::Object(object)) => {
                let member = object.into_iter().next();
                member.and_then(|(name, value)| self.statement_kind(&name, value, at))
            }
            Ok(Value::String(word)) => verdict(&word, &Value::Null).map(StatementKind::Verdict),
            _ => None,
        };
        let kind = kind.unwrap_or_else(|| {
            self.tell(
                place,
                ProblemKind::Unsupported,
                "this statement is not known or not complete",
            );
            StatementKind::Effect(UnknownReason::NotUnderstood)
        });
        (!matches!(kind, StatementKind::Quiet)).then_some(Statement { at, kind })
    }

    /// `None` when it is not known.
    fn statement_kind(
        &mut self,
        name: &str,
        value: Value,
        at: SourceSpan,
    ) -> Option<StatementKind<'static>> {
        if let Some(verdict) = verdict(name, &value) {
            return Some(StatementKind::Verdict(verdict));
        }
        Some(match name {
            "match" => self.comparison(value, at)?,
            "vmap" => {
                let (key, data) = (value.get("key")?.clone(), value.get("data")?.clone());
                StatementKind::VerdictMap {
                    key: self.expression(key, at),
                    map: self.map_data(data, at),
                }
            }
            "counter" | "limit" | "quota" | "ct count" | "last" => {
                match name {
                    _ if is_gate(name, &value) => StatementKind::Gate(UnknownReason::Dynamic),
                    // The name of a counter stands there by itself.
                    "counter" if value.is_string() => StatementKind::Aside(Aside::NamedCount),
                    "counter" => StatementKind::Aside(Aside::Count),
                    _ => StatementKind::Quiet,
                }
            }
            "log" | "dup" => StatementKind::Aside(Aside::Log),
            "comment" => StatementKind::Aside(Aside::Comment),
            "flow" | "ct helper" | "ct timeout" | "ct expectation" | "secmark" | "reset" => {
                StatementKind::Aside(Aside::Effect)
            }
            "reject" => self.reject(&value, at)?,
            "mangle" => self.mangle(value, at)?,
            "snat" => self.nat(NatKind::Source, value, at),
            "dnat" => self.nat(NatKind::Destination, value, at),
            "masquerade" => self.nat(NatKind::Masquerade, value, at),
            "redirect" => self.nat(NatKind::Redirect, value, at),
            "notrack" => StatementKind::Untrack,
            "xt" => {
                let word = |member: &str| value.get(member).and_then(Value::as_str);
                StatementKind::of_xt(
                    word("type").unwrap_or_default(),
                    word("name").unwrap_or_default(),
                )
            }
            "set" | "map" => self.update(name, value, at)?,
            "meter" => StatementKind::Gate(UnknownReason::Dynamic),
            "queue" | "fwd" | "tproxy" | "synproxy" => {
                StatementKind::Effect(UnknownReason::NotModelled)
            }
            _ => return None,
        })
    }

    fn comparison(&mut self, value: Value, at: SourceSpan) -> Option<StatementKind<'static>> {
        let Value::Object(mut parts) = value else {
            return None;
        };
        let op = match parts.get("op").and_then(Value::as_str).unwrap_or("==") {
            "in" => Relation::Implicit,
            "==" => Relation::Equal,
            "!=" => Relation::NotEqual,
            "<" => Relation::Less,
            "<=" => Relation::LessOrEqual,
            ">" => Relation::Greater,
            ">=" => Relation::GreaterOrEqual,
            "!" => Relation::NoneOf,
            _ => return None,
        };
        Some(StatementKind::Match {
            left: self.expression(parts.remove("left")?, at),
            op,
            right: self.expression(parts.remove("right")?, at),
        })
    }

    fn reject(&mut self, value: &Value, at: SourceSpan) -> Option<StatementKind<'static>> {
        let Some(kind) = value.get("type") else {
            return Some(StatementKind::Reject(None));
        };
        let kind = match kind.as_str()? {
            "tcp reset" => RejectKind::TcpReset,
            "icmp" => RejectKind::Icmp,
            "icmpv6" => RejectKind::Icmp6,
            "icmpx" => RejectKind::Icmpx,
            _ => return None,
        };
        let code = value.get("expr").cloned();
        let code = code.map(|code| self.expression(code, at));
        Some(StatementKind::Reject(Some((kind, code))))
    }

    fn mangle(&mut self, value: Value, at: SourceSpan) -> Option<StatementKind<'static>> {
        let Value::Object(mut parts) = value else {
            return None;
        };
        let target = parts.remove("key")?;
        let (name, inner) = target.as_object()?.iter().next()?;
        let field = inner.get("key").and_then(Value::as_str).unwrap_or_default();
        if name == "tcp option" || Key::set_is_quiet(name, field) {
            return Some(StatementKind::Aside(Aside::Effect));
        }
        Some(StatementKind::Assign {
            key: key(name, inner)?,
            value: self.expression(parts.remove("value")?, at),
        })
    }

    fn nat(&mut self, kind: NatKind, value: Value, at: SourceSpan) -> StatementKind<'static> {
        let mut parts = match value {
            Value::Object(parts) => parts,
            _ => Map::new(),
        };
        let words = |name: &str| match parts.get(name) {
            Some(Value::String(only)) => vec![only.clone()],
            Some(Value::Array(all)) => all
                .iter()
                .filter_map(|word| word.as_str().map(ToOwned::to_owned))
                .collect(),
            _ => Vec::new(),
        };
        let (flags, of_type) = (words("flags"), words("type_flags"));
        let has = |flag: &str| flags.iter().any(|known| known == flag);
        let family = parts.get("family").and_then(Value::as_str);
        let mut spec = NatSpec {
            kind,
            family: family.and_then(Family::named),
            address: None,
            port: None,
            prefix: has("netmap") || of_type.iter().any(|known| known == "prefix"),
            random: has("random") || has("fully-random"),
        };
        let mut part = |name: &str| {
            let value = parts.remove(name)?;
            Some(self.expression(value, at))
        };
        (spec.address, spec.port) = (part("addr"), part("port"));
        StatementKind::Nat(spec)
    }

    fn update(
        &mut self,
        name: &str,
        value: Value,
        at: SourceSpan,
    ) -> Option<StatementKind<'static>> {
        let Value::Object(mut parts) = value else {
            return None;
        };
        let set = parts.get(name)?.as_str()?;
        let set = set.strip_prefix('@').unwrap_or(set).to_owned();
        let removes = parts.get("op").and_then(Value::as_str) == Some("delete");
        let key: Expr<'static> = self.expression(parts.remove("elem")?, at);
        Some(StatementKind::Update {
            set: Cow::Owned(set),
            key,
            removes,
        })
    }
}

/// Whether a stateful statement may end its rule.
fn is_gate(name: &str, value: &Value) -> bool {
    match name {
        "limit" | "quota" | "ct count" => true,
        "counter" => value.get("map").is_some(),
        _ => false,
    }
}

/// Whether one of the statements of a set may end a rule that looks into it.
pub(super) fn any_gate(statements: &Value) -> bool {
    let of_object = |statement: &Value| {
        statement
            .as_object()
            .is_some_and(|members| members.iter().any(|(name, value)| is_gate(name, value)))
    };
    match statements {
        Value::Array(all) => all.iter().any(of_object),
        one => of_object(one),
    }
}
