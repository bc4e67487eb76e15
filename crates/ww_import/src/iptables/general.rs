//! The options that every rule may have: addresses, protocol, interfaces, fragments.

use super::command::Given;
use super::fields::address_field;
use super::scope::{Scope, inverted_if, never};
use crate::address;
use crate::names;
use ww_base::ProblemKind;
use ww_model::Ranges;
use ww_model::filter::UnknownReason::NotModelled;
use ww_model::filter::{Condition, Family, Field, NamePattern, Way};

/// The protocol that the rule asks for, when it asks for exactly one.
pub(super) fn protocol_of(general: &[Given<'_>]) -> Option<u8> {
    let given = general.iter().find(|given| given.name == "protocol")?;
    names::protocol(given.value()).filter(|number| *number != 0 && !given.inverted)
}

/// What one general option asks of the packet; nothing when it asks for anything.
pub(super) fn condition(
    given: &Given<'_>,
    scope: &mut Scope<'_>,
) -> Result<Option<Condition>, String> {
    let condition = match given.name.as_ref() {
        "protocol" => return protocol(given),
        "source" => addresses(given, true, scope)?,
        "destination" => addresses(given, false, scope)?,
        "in-interface" => return interface(given, Way::In),
        "out-interface" => return interface(given, Way::Out),
        "fragment" if scope.family == Family::Ip4 => {
            Condition::In(Field::LaterFragment, Ranges::one(1))
        }
        "fragment" => return Err("`-f` is for IPv4; IPv6 has `-m frag`".to_owned()),
        _ => return Ok(None),
    };
    Ok(Some(inverted_if(given.inverted, condition)))
}

fn protocol(given: &Given<'_>) -> Result<Option<Condition>, String> {
    let text = given.value();
    match names::protocol(text) {
        None => Err(format!("`{text}` is not a protocol")),
        Some(0) if given.inverted => Err("no packet is of no protocol at all".to_owned()),
        Some(0) => Ok(None),
        Some(number) => {
            let within = Condition::In(Field::Protocol, Ranges::one(number.into()));
            Ok(Some(inverted_if(given.inverted, within)))
        }
    }
}

/// One block, or several with commas between them.
fn addresses(given: &Given<'_>, source: bool, scope: &mut Scope<'_>) -> Result<Condition, String> {
    let field = address_field(source, scope.family);
    let mut ranges = Vec::new();
    let mut others = Vec::new();
    for text in given.value().split(',') {
        match address::block(text, scope.family) {
            Some(block) => match block.range() {
                Some(range) => ranges.push(range),
                None => others.push(Condition::Masked {
                    field,
                    mask: block.mask,
                    within: Ranges::one(block.address),
                }),
            },
            None => others.push(host_name(text, given, scope)?),
        }
    }
    if given.inverted && ranges.len() + others.len() > 1 {
        return Err("`!` takes a single address, not a list".to_owned());
    }
    if !ranges.is_empty() {
        others.insert(0, Condition::In(field, Ranges::of(ranges)));
    }
    Ok(match others.pop() {
        Some(only) if others.is_empty() => only,
        last => {
            others.extend(last);
            Condition::Any(others)
        }
    })
}

/// A host's name, which is looked up when the rule is loaded.
fn host_name(text: &str, given: &Given<'_>, scope: &mut Scope<'_>) -> Result<Condition, String> {
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let numeric = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if text.is_empty() || numeric || !text.chars().all(letters) {
        let family = if scope.family == Family::Ip4 {
            "IPv4"
        } else {
            "IPv6"
        };
        return Err(format!("`{text}` is not an {family} address or network"));
    }
    let message =
        format!("the address of `{text}` is found out when the rule is loaded; write it out");
    scope.problem(ProblemKind::Unsupported, message);
    let end = if given.name == "source" { "-s" } else { "-d" };
    Ok(scope.unknown(format!("{end} {text}"), NotModelled))
}

/// The longest name of an interface that Linux has.
const LONGEST_NAME: usize = 15;

fn interface(given: &Given<'_>, way: Way) -> Result<Option<Condition>, String> {
    let text = given.value();
    if text.len() > LONGEST_NAME {
        return Err(format!(
            "`{text}` is longer than an interface's name can be"
        ));
    }
    let pattern = match text.strip_suffix('+') {
        Some("") => return Ok(given.inverted.then(never)),
        Some(beginning) => NamePattern {
            text: beginning.to_owned(),
            prefix: true,
        },
        None => NamePattern {
            text: text.to_owned(),
            prefix: false,
        },
    };
    if pattern.text.is_empty() {
        return Err("an interface without a name".to_owned());
    }
    Ok(Some(inverted_if(
        given.inverted,
        Condition::Interface(way, pattern),
    )))
}
