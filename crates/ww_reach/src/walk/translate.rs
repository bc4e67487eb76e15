//! What a translation makes of addresses and ports.

use super::device::possible_own;
use super::seen::{Seen, Span, View, number};
use crate::mutants::{Bug, planted};
use ww_model::filter::{Hook, Nat, NatKind};
use ww_model::packet::protocol;

/// Bit of [`Field::CtNat`](ww_model::filter::Field::CtNat): the source was translated.
const SOURCE: u32 = 1;
/// Bit of the same: the destination was translated.
const DESTINATION: u32 = 2;

/// The packet after the translation. What Linux chooses among several is a span.
pub(super) fn translate<'a>(nat: &Nat, view: &View<'_, 'a>) -> Seen<'a> {
    let mut seen = *view.seen;
    let of_source = is_of_source(nat.kind, seen.hook);
    let (old_address, old_port, field, bit) = if of_source {
        (seen.src, seen.sport, &mut seen.src, SOURCE)
    } else {
        (seen.dst, seen.dport, &mut seen.dst, DESTINATION)
    };
    let stays = of_source && !nat.random && fits(nat, old_address, old_port);
    let address = if stays {
        old_address
    } else {
        new_address(nat, old_address, view)
    };
    *field = address;
    let has_ports =
        !planted(Bug::PortTranslationLost) && protocol::WITH_PORTS.contains(&view.packet.proto);
    let port = if has_ports && !stays {
        new_port(nat, old_port, of_source)
    } else {
        old_port
    };
    if of_source {
        seen.sport = port;
    } else {
        seen.dport = port;
        seen.redirected |= nat.kind == NatKind::Redirect;
    }
    seen.ct_nat = match differ(old_address, address).or(differ(old_port, port)) {
        Change::Sure if planted(Bug::TranslationStatusUnseen) => seen.ct_nat,
        Change::Sure => seen.ct_nat.raise(bit),
        Change::None => seen.ct_nat,
        Change::Possible => seen.ct_nat.blur(bit),
    };
    seen
}

fn is_of_source(kind: NatKind, hook: Hook) -> bool {
    match kind {
        NatKind::Source | NatKind::Masquerade => true,
        NatKind::Destination | NatKind::Redirect => false,
        NatKind::Prefix => !matches!(hook, Hook::Prerouting | Hook::Output),
    }
}

/// A source that is in the ranges already is kept, if nothing else uses it.
fn fits(nat: &Nat, address: Span, port: Span) -> bool {
    let inside = |(first, last): Span, (low, high): Span| low <= first && last <= high;
    let port_fits = nat
        .ports
        .is_none_or(|(low, high)| inside(port, (low.into(), high.into())));
    nat.kind == NatKind::Source
        && nat.addresses.is_some_and(|range| inside(address, range))
        && port_fits
}

fn new_address(nat: &Nat, old: Span, view: &View) -> Span {
    match (nat.kind, nat.addresses) {
        (NatKind::Prefix, Some((first, last))) if old.0 == old.1 => {
            let host = first ^ last;
            let address = (first & !host) | (old.0 & host);
            (address, address)
        }
        (NatKind::Masquerade, _) => own_address(view.oif(), view),
        (NatKind::Redirect, _) if view.seen.hook == Hook::Output => {
            let loopback = if view.packet.src.is_ipv6() {
                1
            } else {
                0x7f00_0001
            };
            (loopback, loopback)
        }
        (NatKind::Redirect, _) => own_address(view.packet.iif.as_str(), view),
        (_, Some(range)) => range,
        (_, None) => old,
    }
}

/// The address of an interface; any that one can have when it is not known.
fn own_address(interface: &str, view: &View) -> Span {
    let v6 = view.packet.src.is_ipv6();
    let known = view.device.map(|device| device.usable(interface, v6));
    let numbers = known.unwrap_or_default().into_iter().map(number);
    numbers
        .map(|address| (address, address))
        .reduce(|(low, high), (address, _)| (low.min(address), high.max(address)))
        .unwrap_or(possible_own(v6))
}

/// A port that is in the range already is kept, and without a range every port; a source port chosen at random can
/// be any.
fn new_port(nat: &Nat, old: Span, of_source: bool) -> Span {
    let keeps = !nat.random;
    if let (Some((low, _)), true) = (nat.ports, planted(Bug::FirstPortTaken)) {
        return (low.into(), low.into());
    }
    match nat
        .ports
        .map(|(low, high)| (u128::from(low), u128::from(high)))
    {
        Some((low, high)) if keeps && low <= old.0 && old.1 <= high => old,
        Some(range) => range,
        None if keeps || !of_source => old,
        None => (1, u128::from(u16::MAX)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Possible,
    Sure,
}

impl Change {
    fn or(self, other: Change) -> Change {
        match (self, other) {
            (Change::Sure, _) | (_, Change::Sure) => Change::Sure,
            (Change::None, Change::None) => Change::None,
            _ => Change::Possible,
        }
    }
}

fn differ(old: Span, new: Span) -> Change {
    if old.1 < new.0 || new.1 < old.0 {
        Change::Sure
    } else if old == new && old.0 == old.1 {
        Change::None
    } else {
        Change::Possible
    }
}
