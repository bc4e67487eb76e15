//! Matches on connection tracking: state, conntrack.

use super::command::{Given, Use};
use super::scope::{Scope, inverted_if, never};
use ww_model::Ranges;
use ww_model::filter::UnknownReason::{Dynamic, NotModelled};
use ww_model::filter::{Condition, Field};
use ww_model::packet::CtState;

/// `-m state --state`.
pub(super) fn state(one: &Use<'_>, _scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let [given] = one.given.as_slice() else {
        return Err("`-m state` takes exactly one --state".to_owned());
    };
    Ok(vec![inverted_if(given.inverted, states(given.value())?)])
}

/// `-m conntrack`: where a packet has no connection, the test of the state alone decides.
pub(super) fn conntrack(one: &Use<'_>, scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    if one.given.is_empty() {
        return Err("`-m conntrack` needs an option".to_owned());
    }
    let mut of_state = Vec::new();
    let mut of_connection = Vec::new();
    for given in &one.given {
        if given.name == "ctstate" {
            of_state.push(inverted_if(given.inverted, states(given.value())?));
        } else {
            of_connection.push(connection(given, scope)?);
        }
    }
    if of_connection.is_empty() {
        return Ok(of_state);
    }
    if of_state.is_empty() {
        of_connection.insert(0, tracked());
        return Ok(of_connection);
    }
    of_state.push(Condition::Any(vec![
        Condition::Not(Box::new(tracked())),
        Condition::All(of_connection),
    ]));
    Ok(of_state)
}

/// The packet belongs to a connection.
pub(super) fn tracked() -> Condition {
    in_states(&[CtState::New, CtState::Established, CtState::Related])
}

fn in_states(states: &[CtState]) -> Condition {
    let numbers = states.iter().map(|state| (state.number(), state.number()));
    Condition::In(Field::CtState, Ranges::of(numbers))
}

fn states(text: &str) -> Result<Condition, String> {
    let mut states = Vec::new();
    let mut translated = 0_u128;
    for name in text.split(',') {
        match name.to_ascii_uppercase().as_str() {
            "NEW" => states.push(CtState::New),
            "ESTABLISHED" => states.push(CtState::Established),
            "RELATED" => states.push(CtState::Related),
            "INVALID" => states.push(CtState::Invalid),
            "UNTRACKED" => states.push(CtState::Untracked),
            "SNAT" => translated |= 1,
            "DNAT" => translated |= 2,
            _ => return Err(format!("`{name}` is not a state of a connection")),
        }
    }
    let by_state = in_states(&states);
    if translated == 0 {
        return Ok(by_state);
    }
    let by_translation = Condition::Masked {
        field: Field::CtNat,
        mask: translated,
        within: Ranges::span(1, 3),
    };
    Ok(if states.is_empty() {
        by_translation
    } else {
        Condition::Any(vec![by_state, by_translation])
    })
}

/// A test of the connection that the packet belongs to.
fn connection(given: &Given<'_>, scope: &mut Scope<'_>) -> Result<Condition, String> {
    let condition = match given.name.as_ref() {
        "ctdir" => direction(given, scope)?,
        "ctstatus" => status(given, scope)?,
        "ctexpire" => scope.unknown(given.words(), Dynamic),
        _ => scope.unknown(given.words(), NotModelled),
    };
    Ok(inverted_if(given.inverted, condition))
}

/// A new packet goes in the original direction; of others it is not known.
fn direction(given: &Given<'_>, scope: &mut Scope<'_>) -> Result<Condition, String> {
    let new = in_states(&[CtState::New]);
    let original = "--ctdir ORIGINAL".to_owned();
    let later = scope.unknown(original, NotModelled);
    let original = Condition::Any(vec![new, later]);
    match given.value().to_ascii_uppercase().as_str() {
        "ORIGINAL" => Ok(original),
        "REPLY" => Ok(Condition::Not(Box::new(original))),
        other => Err(format!("`{other}` is not a direction of a connection")),
    }
}

fn status(given: &Given<'_>, scope: &mut Scope<'_>) -> Result<Condition, String> {
    let names: Vec<String> = given
        .value()
        .split(',')
        .map(str::to_ascii_uppercase)
        .collect();
    let known = ["NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"];
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("`{name}` is not a status of a connection"));
    }
    if names.iter().all(|name| name == "NONE") {
        return Ok(never());
    }
    Ok(scope.unknown(given.words(), NotModelled))
}

/// A test of the connection's mark, which holds on no packet without a connection.
pub(super) fn with_connection(conditions: Vec<Condition>) -> Vec<Condition> {
    let mut all = vec![tracked()];
    all.extend(conditions);
    all
}
