//! The match on named sets.

use super::command::Use;
use super::scope::{Scope, inverted_if, never};
use crate::sets::{Contents, Membership, Side};
use ww_base::ProblemKind;
use ww_model::filter::Condition;
use ww_model::filter::UnknownReason::{Dynamic, NotModelled};

/// `-m set --match-set NAME SIDES`: what the kernel cannot look up, such as the port of a message
/// without one, is not in the set, so that a negated test holds there.
pub(super) fn member(one: &Use<'_>, scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let named = |name: &str| matches!(name, "match-set" | "set");
    let mut tests = one.given.iter().filter(|given| named(&given.name));
    let (Some(test), None) = (tests.next(), tests.next()) else {
        return Err("`-m set` takes exactly one --match-set".to_owned());
    };
    let sides = sides(test.second())?;
    let mut conditions = vec![inverted_if(
        test.inverted,
        lookup(test.value(), &sides, scope),
    )];
    for given in one.given.iter().filter(|given| !named(&given.name)) {
        match given.name.as_ref() {
            "update-counters" | "update-subcounters" => {}
            "return-nomatch" => {
                let words = format!("-m set {} --return-nomatch", test.words());
                conditions = vec![scope.unknown(words, NotModelled)];
            }
            _ => {
                let words = format!("-m set {} {}", test.words(), given.words());
                conditions.push(scope.unknown(words, Dynamic));
            }
        }
    }
    Ok(conditions)
}

/// `src,dst,dst`.
pub(super) fn sides(text: &str) -> Result<Vec<Side>, String> {
    text.split(',')
        .map(|side| match side {
            "src" => Ok(Side::Source),
            "dst" => Ok(Side::Destination),
            other => Err(format!("`{other}` is neither src nor dst")),
        })
        .collect()
}

fn lookup(name: &str, sides: &[Side], scope: &mut Scope<'_>) -> Condition {
    let words = |what: &str| {
        let ends = sides.iter().map(|side| match side {
            Side::Source => "src",
            Side::Destination => "dst",
        });
        let ends: Vec<&str> = ends.collect();
        format!("-m set --match-set {name} {}{what}", ends.join(","))
    };
    let Some(set) = scope.sets.get(name) else {
        if scope.unknowns.first_miss(name) {
            let message = format!("the set `{name}` is not here; bring the output of `ipset save`");
            scope.problem(ProblemKind::Undefined, message);
        }
        return scope.unknown(words(", whose entries are not here"), NotModelled);
    };
    let known = set.membership(sides, scope.family, scope.sets);
    let change = change(name, scope);
    let rest = match (change, &known) {
        (Some(true), _) => return scope.unknown(words(", which rules change"), Dynamic),
        (Some(false), _) => scope.unknown(words(", to which rules add"), Dynamic),
        (None, Membership::Is(_)) => never(),
        (None, Membership::And(_, what)) => scope.unknown(words(&format!(", {what}")), NotModelled),
        (None, _) => scope.unknown(words(", entries that are not listed"), Dynamic),
    };
    match known {
        Membership::Is(condition) if rest == never() => condition,
        Membership::Is(nothing) | Membership::AtLeast(nothing) if nothing == never() => rest,
        Membership::Is(condition) | Membership::AtLeast(condition) => {
            Condition::Any(vec![condition, rest])
        }
        Membership::And(Condition::All(parts), _) if parts.is_empty() => rest,
        Membership::And(condition, _) if change.is_none() => Condition::All(vec![condition, rest]),
        Membership::And(..) | Membership::Unknown => rest,
    }
}

/// Whether rules change the set, or one of those that it consists of; true when they also take
/// entries away.
fn change(name: &str, scope: &Scope<'_>) -> Option<bool> {
    let members = match scope.sets.get(name).map(|set| &set.contents) {
        Some(Contents::Sets(members)) => members.as_slice(),
        _ => &[],
    };
    let names = members.iter().map(String::as_str).chain([name]);
    names
        .filter_map(|name| scope.changed.get(name).copied())
        .max()
}
