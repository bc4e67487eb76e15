//! Matches on transport headers with ports: tcp, udp, udplite, sctp, dccp, multiport.

use super::command::{Given, Use};
use super::scope::{Scope, inverted_if};
use crate::names;
use ww_model::Ranges;
use ww_model::filter::UnknownReason::NotModelled;
use ww_model::filter::{Condition, Field};
use ww_model::packet::protocol;

/// `-m tcp`, `-m udp`, `-m udplite`, `-m sctp`, `-m dccp`.
///
/// The kernel's modules find no match on a fragment without the header, whatever the options and
/// negations, so that the header has to be there even when no option asks for it.
pub(super) fn transport(one: &Use<'_>, scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let expected = names::protocol(&one.name);
    if expected.is_none() || scope.protocol != expected {
        return Err(format!("`-m {0}` needs `-p {0}`", one.name));
    }
    let mut conditions = Vec::new();
    for given in &one.given {
        conditions.push(option(given, scope)?);
    }
    let sure =
        |condition: &Condition| matches!(condition, Condition::In(..) | Condition::Masked { .. });
    if !conditions.iter().any(sure) {
        conditions.insert(0, Condition::Has(Field::DstPort));
    }
    Ok(conditions)
}

fn option(given: &Given<'_>, scope: &mut Scope<'_>) -> Result<Condition, String> {
    let condition = match given.name.as_ref() {
        "sport" | "source-port" => Condition::In(Field::SrcPort, one_range(given, scope)?),
        "dport" | "destination-port" => Condition::In(Field::DstPort, one_range(given, scope)?),
        "syn" => flags(FIN | SYN | RST | ACK, SYN),
        "tcp-flags" => flags(flag_set(given.value())?, flag_set(given.second())?),
        _ => scope.unknown(given.words(), NotModelled),
    };
    Ok(inverted_if(given.inverted, condition))
}

/// A port or a range. iptables 1.8.9 refuses a range that ends before it begins for tcp and sctp
/// only; elsewhere the kernel takes it, and no port is in it.
fn one_range(given: &Given<'_>, scope: &Scope<'_>) -> Result<Ranges, String> {
    let text = given.value();
    let refuses = [Some(protocol::TCP), Some(protocol::SCTP)].contains(&scope.protocol);
    names::ports(text, ':')
        .filter(|(first, last)| first <= last || !refuses)
        .map(|(first, last)| Ranges::span(first.into(), last.into()))
        .ok_or_else(|| format!("`{text}` is not a port or a range of ports"))
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

fn flags(mask: u8, set: u8) -> Condition {
    Condition::Masked {
        field: Field::TcpFlags,
        mask: mask.into(),
        within: Ranges::one(set.into()),
    }
}

/// `SYN,ACK`, `ALL`, `NONE`.
fn flag_set(text: &str) -> Result<u8, String> {
    text.split(',').try_fold(0, |flags, name| {
        let flag = match name.to_ascii_uppercase().as_str() {
            "FIN" => FIN,
            "SYN" => SYN,
            "RST" => RST,
            "PSH" => 8,
            "ACK" => ACK,
            "URG" => 32,
            "ALL" => 63,
            "NONE" => 0,
            _ => return Err(format!("`{name}` is not a TCP flag")),
        };
        Ok(flags | flag)
    })
}

/// `-m multiport`: fifteen ports at most, a range counting for two.
pub(super) fn multiport(one: &Use<'_>, scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let with_ports = scope
        .protocol
        .is_some_and(|number| protocol::WITH_PORTS.contains(&number));
    if !with_ports {
        return Err("`-m multiport` needs `-p` with a protocol that has ports".to_owned());
    }
    let [given] = one.given.as_slice() else {
        return Err("`-m multiport` takes exactly one of --sports, --dports, --ports".to_owned());
    };
    let (set, slots) = list(given.value())?;
    if slots > 15 {
        return Err("`-m multiport` takes fifteen ports at most".to_owned());
    }
    let condition = match given.name.as_ref() {
        "sports" | "source-ports" => Condition::In(Field::SrcPort, set),
        "dports" | "destination-ports" => Condition::In(Field::DstPort, set),
        _ => Condition::Any(vec![
            Condition::In(Field::SrcPort, set.clone()),
            Condition::In(Field::DstPort, set),
        ]),
    };
    let mut conditions = vec![inverted_if(given.inverted, condition)];
    if given.inverted {
        conditions.insert(0, Condition::Has(Field::DstPort));
    }
    Ok(conditions)
}

fn list(text: &str) -> Result<(Ranges, usize), String> {
    let mut slots = 0;
    let mut ranges = Vec::new();
    for part in text.split(',') {
        slots += if part.contains(':') { 2 } else { 1 };
        let (first, last) = names::ports(part, ':')
            .filter(|(first, last)| first <= last)
            .ok_or_else(|| format!("`{part}` is not a port or a range of ports"))?;
        ranges.push((first.into(), last.into()));
    }
    Ok((Ranges::of(ranges), slots))
}
