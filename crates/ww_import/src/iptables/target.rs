//! Targets that decide, translate, or change a field of the model.

use super::command::{Given, Use};
use super::fields::{code_point, tos_value, value_and_mask};
use super::scope::Scope;
use super::set;
use super::translate::unknown;
use crate::address;
use crate::names;
use crate::text::number_in;
use ww_model::filter::UnknownReason::NotModelled;
use ww_model::filter::{Action, Family, Field, Nat, NatKind, Refusal, Step, Verdict};
use ww_model::packet::protocol;

type Steps = Result<Vec<Step>, String>;

fn one(action: Action) -> Vec<Step> {
    vec![Step::Do(action)]
}

/// `-j REJECT`.
pub(super) fn reject(target: &Use<'_>, scope: &mut Scope<'_>) -> Steps {
    let name = target.given.first().map(Given::value);
    let refusal = refusal(name, scope.family)?;
    if refusal == Refusal::TcpReset && scope.protocol != Some(protocol::TCP) {
        return Err("`--reject-with tcp-reset` needs `-p tcp`".to_owned());
    }
    Ok(one(Action::Verdict(Verdict::Reject(refusal))))
}

/// The first answer of the family whose name, or other name, begins so.
fn refusal(name: Option<&str>, family: Family) -> Result<Refusal, String> {
    let (table, default) = match family {
        Family::Ip4 => (REFUSALS, Refusal::Icmp(3, 3)),
        Family::Ip6 | Family::Inet => (REFUSALS6, Refusal::Icmp(1, 4)),
    };
    let Some(name) = name else {
        return Ok(default);
    };
    let asked = name.to_ascii_lowercase();
    let found = table
        .iter()
        .find(|(one, other, _)| one.starts_with(&asked) || other.starts_with(&asked));
    found
        .filter(|_| !asked.is_empty())
        .map(|(.., refusal)| *refusal)
        .ok_or_else(|| format!("`{name}` is not an answer to reject with"))
}

const REFUSALS: &[(&str, &str, Refusal)] = &[
    ("icmp-net-unreachable", "net-unreach", Refusal::Icmp(3, 0)),
    ("icmp-host-unreachable", "host-unreach", Refusal::Icmp(3, 1)),
    (
        "icmp-proto-unreachable",
        "proto-unreach",
        Refusal::Icmp(3, 2),
    ),
    ("icmp-port-unreachable", "port-unreach", Refusal::Icmp(3, 3)),
    ("icmp-net-prohibited", "net-prohib", Refusal::Icmp(3, 9)),
    ("icmp-host-prohibited", "host-prohib", Refusal::Icmp(3, 10)),
    ("tcp-reset", "tcp-rst", Refusal::TcpReset),
    (
        "icmp-admin-prohibited",
        "admin-prohib",
        Refusal::Icmp(3, 13),
    ),
];

const REFUSALS6: &[(&str, &str, Refusal)] = &[
    ("icmp6-no-route", "no-route", Refusal::Icmp(1, 0)),
    (
        "icmp6-adm-prohibited",
        "adm-prohibited",
        Refusal::Icmp(1, 1),
    ),
    (
        "icmp6-addr-unreachable",
        "addr-unreach",
        Refusal::Icmp(1, 3),
    ),
    (
        "icmp6-port-unreachable",
        "port-unreach",
        Refusal::Icmp(1, 4),
    ),
    ("tcp-reset", "tcp-reset", Refusal::TcpReset),
    ("icmp6-policy-fail", "policy-fail", Refusal::Icmp(1, 5)),
    ("icmp6-reject-route", "reject-route", Refusal::Icmp(1, 6)),
];

/// `-j MARK`.
pub(super) fn mark(target: &Use<'_>, _scope: &mut Scope<'_>) -> Steps {
    let [given] = target.given.as_slice() else {
        return Err("`-j MARK` takes exactly one option".to_owned());
    };
    Ok(one(set_mark(given, Field::Mark)?))
}

fn set_mark(given: &Given<'_>, field: Field) -> Result<Action, String> {
    let (value, mask) = value_and_mask(given.value())?;
    let (keep, flip) = match given.name.as_ref() {
        "set-xmark" => (!mask, value),
        "set-mark" => (!(mask | value), value),
        "and-mark" => (value, 0),
        "or-mark" => (!value, value),
        _ => (u32::MAX, value),
    };
    Ok(Action::Set { field, keep, flip })
}

/// `-j CONNMARK`.
pub(super) fn connmark(target: &Use<'_>, scope: &mut Scope<'_>) -> Steps {
    let verb = |given: &&Given<'_>| given.name.ends_with("mark") && !given.name.contains("shift");
    let verbs: Vec<&Given<'_>> = target.given.iter().filter(verb).collect();
    let [given] = verbs.as_slice() else {
        return Err("`-j CONNMARK` takes exactly one of its verbs".to_owned());
    };
    // `iptables-save` writes the masks of all bits out.
    let leaves_bits = |given: &Given<'_>| -> Result<bool, String> {
        let is_mask = given.name.ends_with("mask");
        Ok(is_mask && value_and_mask(given.value())?.0 != u32::MAX)
    };
    let masked = target.given.iter().try_fold(false, |any, given| {
        Ok::<_, String>(any | leaves_bits(given)?)
    })?;
    match given.name.as_ref() {
        "save-mark" | "restore-mark" if masked => Ok(vec![unknown(target, NotModelled, scope)]),
        "save-mark" => Ok(one(Action::SaveMark)),
        "restore-mark" => Ok(one(Action::RestoreMark)),
        _ => Ok(one(set_mark(given, Field::CtMark)?)),
    }
}

/// `-j DSCP`.
pub(super) fn dscp(target: &Use<'_>, _scope: &mut Scope<'_>) -> Steps {
    let [given] = target.given.as_slice() else {
        return Err("`-j DSCP` takes exactly one option".to_owned());
    };
    Ok(one(Action::Set {
        field: Field::Dscp,
        keep: 0,
        flip: code_point(given)?.into(),
    }))
}

/// `-j TOS`.
pub(super) fn tos(target: &Use<'_>, _scope: &mut Scope<'_>) -> Steps {
    let [given] = target.given.as_slice() else {
        return Err("`-j TOS` takes exactly one option".to_owned());
    };
    let (value, mask) = tos_value(given.value())?;
    let (keep, flip) = match given.name.as_ref() {
        "set-tos" => (!mask, value),
        "and-tos" => (value, 0),
        "or-tos" => (!value, value),
        _ => (u8::MAX, value),
    };
    Ok(one(Action::Set {
        field: Field::Dscp,
        keep: (keep >> 2).into(),
        flip: (flip >> 2).into(),
    }))
}

/// `-j CT`: helpers, events, timeouts and zones decide nothing.
pub(super) fn ct(target: &Use<'_>, _scope: &mut Scope<'_>) -> Steps {
    if target.given.iter().any(|given| given.name == "notrack") {
        return Ok(one(Action::Untrack));
    }
    if target.given.is_empty() {
        return Err("`-j CT` needs an option".to_owned());
    }
    Ok(Vec::new())
}

/// `-j SET`: fills or empties a set; `--map-set` may also change the mark.
pub(super) fn set(target: &Use<'_>, scope: &mut Scope<'_>) -> Steps {
    let named = |given: &&Given<'_>| given.name.ends_with("-set");
    let Some(verb) = target.given.iter().find(named) else {
        return Err("`-j SET` needs a set".to_owned());
    };
    set::sides(verb.second())?;
    if target.given.iter().any(|given| given.name == "map-mark") {
        return Ok(vec![unknown(target, NotModelled, scope)]);
    }
    Ok(Vec::new())
}

fn has_flag(target: &Use<'_>, beginning: &str) -> bool {
    target
        .given
        .iter()
        .any(|given| given.name.starts_with(beginning))
}

fn option<'u>(target: &'u Use<'_>, name: &str) -> Option<&'u str> {
    let mut all = target.given.iter();
    all.find(|given| given.name == name).map(Given::value)
}

/// `-j DNAT`.
pub(super) fn destination(target: &Use<'_>, scope: &mut Scope<'_>) -> Steps {
    let to = option(target, "to-destination").ok_or("`-j DNAT` needs --to-destination")?;
    translation(target, NatKind::Destination, to, scope)
}

/// `-j SNAT`.
pub(super) fn source(target: &Use<'_>, scope: &mut Scope<'_>) -> Steps {
    let to = option(target, "to-source").ok_or("`-j SNAT` needs --to-source")?;
    translation(target, NatKind::Source, to, scope)
}

fn translation(target: &Use<'_>, kind: NatKind, to: &str, scope: &Scope<'_>) -> Steps {
    let bad = || format!("`{to}` is not an address to translate to");
    let (host, ports) = address_and_ports(to, scope.family);
    let addresses = match host {
        "" => None,
        host => Some(address::span(host, scope.family).ok_or_else(bad)?),
    };
    let ports = match ports {
        None => None,
        Some(text) => Some(new_ports(text, scope)?),
    };
    if addresses.is_none() && ports.is_none() {
        return Err(bad());
    }
    Ok(one(Action::Nat(Nat {
        kind,
        addresses,
        ports,
        random: has_flag(target, "random"),
    })))
}

/// `10.0.0.1-10.0.0.9:80-90`, `[2001:db8::1]:80`, `2001:db8::1`.
fn address_and_ports(text: &str, family: Family) -> (&str, Option<&str>) {
    if family == Family::Ip4 {
        return match text.split_once(':') {
            Some((host, ports)) => (host, Some(ports)),
            None => (text, None),
        };
    }
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match bracketed {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => (text, None),
    }
}

/// `80`, `80-90`, `80-90/8080`: the last is the port that the first of the range stands for.
fn new_ports(text: &str, scope: &Scope<'_>) -> Result<(u16, u16), String> {
    let with_ports = scope.protocol.is_some_and(|number| {
        protocol::WITH_PORTS.contains(&number)
            || number == protocol::ICMP
            || number == protocol::ICMPV6
    });
    if !with_ports {
        return Err("translating ports needs `-p` with a protocol that has ports".to_owned());
    }
    let (range, base) = match text.split_once('/') {
        Some((range, base)) => (range, Some(base)),
        None => (text, None),
    };
    let based = base.is_none_or(|base| names::port(base).is_some_and(|port| port != 0));
    let ports = names::port(range).map(|port| (port, port)).or_else(|| {
        let (first, last) = range.split_once('-')?;
        number_in(first).zip(number_in(last))
    });
    ports
        .filter(|(first, last)| first <= last && based)
        .ok_or_else(|| format!("`{text}` is not a port or a range of ports"))
}

/// `-j MASQUERADE`.
pub(super) fn masquerade(target: &Use<'_>, scope: &mut Scope<'_>) -> Steps {
    to_interface(target, NatKind::Masquerade, scope)
}

/// `-j REDIRECT`.
pub(super) fn redirect(target: &Use<'_>, scope: &mut Scope<'_>) -> Steps {
    to_interface(target, NatKind::Redirect, scope)
}

fn to_interface(target: &Use<'_>, kind: NatKind, scope: &Scope<'_>) -> Steps {
    let ports = match option(target, "to-ports") {
        Some(text) => Some(new_ports(text, scope)?),
        None => None,
    };
    Ok(one(Action::Nat(Nat {
        kind,
        addresses: None,
        ports,
        random: has_flag(target, "random"),
    })))
}

/// `-j NETMAP`.
pub(super) fn netmap(target: &Use<'_>, scope: &mut Scope<'_>) -> Steps {
    let to = option(target, "to").ok_or("`-j NETMAP` needs --to")?;
    let network = address::block(to, scope.family)
        .and_then(address::Block::range)
        .ok_or_else(|| format!("`{to}` is not a network to translate to"))?;
    Ok(one(Action::Nat(Nat {
        kind: NatKind::Prefix,
        addresses: Some(network),
        ports: None,
        random: false,
    })))
}
