//! Matches on single fields: marks, addresses, ICMP, length, hop limit, code points, kinds of
//! address.

use super::command::{Given, Use};
use super::conntrack::with_connection;
use super::scope::{Scope, inverted_if, never};
use crate::address;
use crate::names::{self, IcmpKind};
use crate::text::number_in;
use ww_model::Ranges;
use ww_model::filter::UnknownReason::NotModelled;
use ww_model::filter::{AddressKind, Condition, Family, Field};
use ww_model::packet::protocol;

/// `-m icmp`, `-m icmp6`. Not true of a fragment without the header, negated or not.
pub(super) fn icmp(one: &Use<'_>, scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let v4 = scope.family == Family::Ip4;
    let (number, type_field, code_field) = if v4 {
        (protocol::ICMP, Field::IcmpType, Field::IcmpCode)
    } else {
        (protocol::ICMPV6, Field::Icmp6Type, Field::Icmp6Code)
    };
    if scope.protocol != Some(number) {
        return Err(format!("`-m {0}` needs `-p {0}`", one.name));
    }
    let mut conditions = vec![Condition::Has(type_field)];
    for given in &one.given {
        let text = given.value();
        let found = if v4 {
            names::icmp(text)
        } else {
            names::icmp6(text)
        };
        let found = found.ok_or_else(|| format!("`{text}` is not an ICMP type"))?;
        if v4 && found.kind == ANY_TYPE {
            conditions.extend(given.inverted.then(never));
            continue;
        }
        let message = message(found, type_field, code_field);
        conditions.push(inverted_if(given.inverted, message));
    }
    let needless = conditions.len() > 1 && one.given.iter().all(|given| !given.inverted);
    if needless {
        conditions.remove(0);
    }
    Ok(conditions)
}

/// The IPv4 module takes this type for all types.
const ANY_TYPE: u8 = 255;

fn message(found: IcmpKind, type_field: Field, code_field: Field) -> Condition {
    let kind = Condition::In(type_field, Ranges::one(found.kind.into()));
    let (first, last) = found.codes;
    if (first, last) == (0, u8::MAX) {
        return kind;
    }
    let code = Condition::In(code_field, Ranges::span(first.into(), last.into()));
    Condition::All(vec![kind, code])
}

/// `-m mark`.
pub(super) fn mark(one: &Use<'_>, _scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    marks(one, Field::Mark)
}

/// `-m connmark`.
pub(super) fn connmark(one: &Use<'_>, _scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    Ok(with_connection(marks(one, Field::CtMark)?))
}

fn marks(one: &Use<'_>, field: Field) -> Result<Vec<Condition>, String> {
    let [given] = one.given.as_slice() else {
        return Err(format!("`-m {}` takes exactly one --mark", one.name));
    };
    let (value, mask) = value_and_mask(given.value())?;
    Ok(vec![inverted_if(
        given.inverted,
        masked(field, u32::MAX, mask, value),
    )])
}

/// `VALUE` or `VALUE/MASK`, 32 bits each.
pub(super) fn value_and_mask(text: &str) -> Result<(u32, u32), String> {
    let (value, mask) = match text.split_once('/') {
        Some((value, mask)) => (number_in(value), number_in(mask)),
        None => (number_in(text), Some(u32::MAX)),
    };
    value
        .zip(mask)
        .ok_or_else(|| format!("`{text}` is not a value with a mask"))
}

fn masked(field: Field, most: u32, mask: u32, value: u32) -> Condition {
    let within = Ranges::one(value.into());
    if mask == most {
        return Condition::In(field, within);
    }
    Condition::Masked {
        field,
        mask: mask.into(),
        within,
    }
}

/// `-m iprange`.
pub(super) fn iprange(one: &Use<'_>, scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let conditions = one.given.iter().map(|given| {
        let source = given.name.starts_with('s');
        let field = address_field(source, scope.family);
        let (first, last) = address::span(given.value(), scope.family)
            .ok_or_else(|| format!("`{}` is not a range of addresses", given.value()))?;
        let within = Condition::In(field, Ranges::span(first, last));
        Ok(inverted_if(given.inverted, within))
    });
    conditions.collect()
}

/// The field of an address of this family.
pub(super) fn address_field(source: bool, family: Family) -> Field {
    match (source, family) {
        (true, Family::Ip4) => Field::Src4,
        (false, Family::Ip4) => Field::Dst4,
        (true, _) => Field::Src6,
        (false, _) => Field::Dst6,
    }
}

/// `-m addrtype`.
pub(super) fn addrtype(one: &Use<'_>, scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let limited = one
        .given
        .iter()
        .any(|given| given.name.starts_with("limit"));
    let tests = one
        .given
        .iter()
        .filter(|given| !given.name.starts_with("limit"));
    let mut conditions = Vec::new();
    for given in tests {
        let kinds = kinds(given, scope)?;
        let condition = if limited {
            scope.unknown(
                format!("-m addrtype {} limited to an interface", given.words()),
                NotModelled,
            )
        } else {
            kinds
        };
        conditions.push(inverted_if(given.inverted, condition));
    }
    if conditions.is_empty() {
        return Err("`-m addrtype` needs --src-type or --dst-type".to_owned());
    }
    Ok(conditions)
}

fn kinds(given: &Given<'_>, scope: &mut Scope<'_>) -> Result<Condition, String> {
    let field = match given.name.as_ref() {
        "src-type" => Field::SrcKind,
        _ => Field::DstKind,
    };
    let mut kinds = Vec::new();
    let mut others = Vec::new();
    for name in given.value().split(',') {
        match name.to_ascii_uppercase().as_str() {
            "UNICAST" => kinds.push(AddressKind::Unicast),
            "LOCAL" => kinds.push(AddressKind::Local),
            "BROADCAST" => kinds.push(AddressKind::Broadcast),
            "MULTICAST" => kinds.push(AddressKind::Multicast),
            other @ ("UNSPEC" | "ANYCAST" | "BLACKHOLE" | "UNREACHABLE" | "PROHIBIT" | "THROW"
            | "NAT" | "XRESOLVE") => others.push(other.to_owned()),
            other => return Err(format!("`{other}` is not a kind of address")),
        }
    }
    let numbers = |kinds: Vec<AddressKind>| {
        Ranges::of(kinds.into_iter().map(|kind| (kind as u128, kind as u128)))
    };
    if others.is_empty() && scope.family == Family::Ip6 {
        let test = |kind| Condition::In(field, numbers(kinds_of_ipv6(kind)));
        return Ok(Condition::All(kinds.into_iter().map(test).collect()));
    }
    let known = Condition::In(field, numbers(kinds));
    if others.is_empty() {
        return Ok(known);
    }
    let words = format!("-m addrtype --{} {}", given.name, others.join(","));
    let rest = Condition::All(vec![
        Condition::In(field, numbers(vec![AddressKind::Other])),
        scope.unknown(words, NotModelled),
    ]);
    Ok(Condition::Any(vec![known, rest]))
}

/// What a word means of IPv6 addresses: those of the device itself are unicast too. Of several words all must hold
/// (`match_type6` of Linux 6).
fn kinds_of_ipv6(word: AddressKind) -> Vec<AddressKind> {
    match word {
        AddressKind::Unicast => vec![AddressKind::Unicast, AddressKind::Local],
        other => vec![other],
    }
}

/// `-m length`.
pub(super) fn length(one: &Use<'_>, _scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let [given] = one.given.as_slice() else {
        return Err("`-m length` takes exactly one --length".to_owned());
    };
    let text = given.value();
    let range = match text.split_once(':') {
        None => number_in::<u16>(text).map(|length| (length, length)),
        Some((first, last)) => {
            let first = if first.is_empty() {
                Some(0)
            } else {
                number_in(first)
            };
            let last = if last.is_empty() {
                Some(u16::MAX)
            } else {
                number_in(last)
            };
            first.zip(last)
        }
    };
    let (first, last) = range
        .filter(|(first, last)| first <= last)
        .ok_or_else(|| format!("`{text}` is not a length or a range of lengths"))?;
    let within = Condition::In(Field::Length, Ranges::span(first.into(), last.into()));
    Ok(vec![inverted_if(given.inverted, within)])
}

/// `-m ttl`, `-m hl`.
pub(super) fn hop_limit(one: &Use<'_>, _scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let [given] = one.given.as_slice() else {
        return Err(format!("`-m {}` takes exactly one option", one.name));
    };
    let value: u8 = number_in(given.value())
        .ok_or_else(|| format!("`{}` is not a hop limit", given.value()))?;
    let value = u128::from(value);
    let below = || {
        value
            .checked_sub(1)
            .map_or(Ranges::none(), |last| Ranges::span(0, last))
    };
    let within = match given.name.rsplit('-').next() {
        Some("lt") => below(),
        Some("gt") => Ranges::span(value + 1, u8::MAX.into()),
        _ => Ranges::one(value),
    };
    Ok(vec![inverted_if(
        given.inverted,
        Condition::In(Field::HopLimit, within),
    )])
}

/// `-m dscp`.
pub(super) fn dscp(one: &Use<'_>, _scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let [given] = one.given.as_slice() else {
        return Err("`-m dscp` takes exactly one option".to_owned());
    };
    let value = code_point(given)?;
    let within = Condition::In(Field::Dscp, Ranges::one(value.into()));
    Ok(vec![inverted_if(given.inverted, within)])
}

/// The value of `--dscp`, `--set-dscp`, or of the class of `--dscp-class`, `--set-dscp-class`.
pub(super) fn code_point(given: &Given<'_>) -> Result<u8, String> {
    let text = given.value();
    let value = if given.name.ends_with("class") {
        class(&text.to_ascii_uppercase())
    } else {
        number_in(text).filter(|value| *value < 64)
    };
    value.ok_or_else(|| format!("`{text}` is not a differentiated services code point"))
}

/// RFC 2474 class selectors, RFC 2597 assured and RFC 3246 expedited forwarding.
fn class(name: &str) -> Option<u8> {
    match name {
        "BE" => return Some(0),
        "EF" => return Some(46),
        _ => {}
    }
    if let Some(selector) = name.strip_prefix("CS") {
        return number_in(selector)
            .filter(|class| *class < 8)
            .map(|class: u8| class * 8);
    }
    let digits: Vec<u8> = name
        .strip_prefix("AF")?
        .chars()
        .map(|digit| digit.to_digit(10).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    match digits.as_slice() {
        [class @ 1..=4, drop @ 1..=3] => Some(class * 8 + drop * 2),
        _ => None,
    }
}

/// `-m tos`: the code point, and two bits below it that the model has no field for.
pub(super) fn tos(one: &Use<'_>, scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let [given] = one.given.as_slice() else {
        return Err("`-m tos` takes exactly one --tos".to_owned());
    };
    let (value, mask) = tos_value(given.value())?;
    let mut tests = vec![masked(
        Field::Dscp,
        63,
        u32::from(mask >> 2),
        u32::from(value >> 2),
    )];
    if mask & 3 != 0 {
        let words = format!("-m tos --tos {:#x}/{:#x}", value & 3, mask & 3);
        tests.push(scope.unknown(words, NotModelled));
    }
    if given.inverted {
        return Ok(vec![inverted_if(true, Condition::All(tests))]);
    }
    Ok(tests)
}

/// `VALUE`, `VALUE/MASK` or a name of RFC 1349, which leaves out the precedence bits.
pub(super) fn tos_value(text: &str) -> Result<(u8, u8), String> {
    let named = match text.to_ascii_lowercase().as_str() {
        "minimize-delay" => Some(0x10),
        "maximize-throughput" => Some(0x08),
        "maximize-reliability" => Some(0x04),
        "minimize-cost" => Some(0x02),
        "normal-service" => Some(0x00),
        _ => None,
    };
    if let Some(value) = named {
        return Ok((value, 0x3f));
    }
    let (value, mask) = value_and_mask(text)?;
    let mask = if text.contains('/') { mask } else { 0xff };
    u8::try_from(value)
        .ok()
        .zip(u8::try_from(mask).ok())
        .ok_or_else(|| format!("`{text}` is not a type of service"))
}

/// `-m ecn`.
pub(super) fn ecn(one: &Use<'_>, scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    for given in &one.given {
        let flag = match given.name.as_ref() {
            "ecn-tcp-ece" => 64,
            "ecn-tcp-cwr" => 128,
            _ => {
                let bits = scope.unknown(given.words(), NotModelled);
                conditions.push(inverted_if(given.inverted, bits));
                continue;
            }
        };
        if scope.protocol != Some(protocol::TCP) {
            return Err("`-m ecn` needs `-p tcp` to look at TCP flags".to_owned());
        }
        conditions.push(Condition::Has(Field::TcpFlags));
        conditions.push(inverted_if(
            given.inverted,
            masked(Field::TcpFlags, 255, flag, flag),
        ));
    }
    if conditions.is_empty() {
        return Err("`-m ecn` needs an option".to_owned());
    }
    Ok(conditions)
}

/// `-m ah`, `-m esp`: a range of all parameters is no test.
pub(super) fn security_parameters(
    one: &Use<'_>,
    scope: &mut Scope<'_>,
) -> Result<Vec<Condition>, String> {
    let expected = names::protocol(&one.name);
    if scope.family == Family::Ip4 && scope.protocol != expected {
        return Err(format!("`-m {0}` needs `-p {0}`", one.name));
    }
    let mut conditions = Vec::new();
    for given in &one.given {
        let all = matches!(given.value(), "0:4294967295" | "0:" | ":");
        if all && !given.inverted {
            continue;
        }
        let unknown = scope.unknown(format!("-m {} {}", one.name, given.words()), NotModelled);
        conditions.push(inverted_if(given.inverted, unknown));
    }
    if scope.family != Family::Ip4 && scope.protocol != expected {
        conditions.push(scope.unknown(format!("an {} header", one.name), NotModelled));
    }
    Ok(conditions)
}
