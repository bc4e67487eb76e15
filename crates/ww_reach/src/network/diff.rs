//! What a change of a whole network opens and closes.

use ww_base::Locus;
use ww_model::packet::protocol;
use ww_model::{Packet, Ranges};
use ww_packetset::Set;

use super::Network;
use super::ask::{Trouble, between_hosts, first_packets};
use super::explorer::{Explorer, Intricate};
use super::groups::KnownPlaces;
use crate::answer::{Change, Step, Traffic};
use crate::device::boxes;
use crate::question::Service;
use crate::symbolic::{Universe, Version};

/// Boxes per change.
const BOXES: usize = 64;

/// Connections that get through the new network and did not get through the old one, then those that
/// do not any more. What may get through counts as getting through.
///
/// # Errors
/// A sentence, when the devices are too intricate.
pub fn changes(old: &Network<'_>, new: &Network<'_>) -> Result<Vec<Change>, String> {
    let (mut opened, mut closed) = (Vec::new(), Vec::new());
    for version in [Version::V4, Version::V6] {
        let found = changes_of(old, new, version).map_err(Trouble::sentence)?;
        let (open, gone): (Vec<Change>, Vec<Change>) =
            found.into_iter().partition(|change| change.opened);
        opened.extend(open);
        closed.extend(gone);
    }
    opened.append(&mut closed);
    Ok(opened)
}

fn changes_of<'a>(
    old: &Network<'a>,
    new: &Network<'a>,
    version: Version,
) -> Result<Vec<Change>, Trouble> {
    let mut universe = Network::universe(&[old, new], version)?;
    let places = [old, new].map(|network| network.known_places(version));
    let mut between = everything(&mut universe)?;
    for places in &places {
        between = between_hosts(&mut universe, between, places)?;
    }
    let before = Explorer::new(old, &mut universe, 0)?.reached(between)?;
    let first = old.nodes.len();
    let after = Explorer::new(new, &mut universe, first)?.reached(between)?;
    let (before, after) = (before.allowed.may, after.allowed.may);
    let [of_old, of_new] = places;
    let mut changes = Vec::new();
    for (opened, packets, network, places) in [
        (true, universe.space.minus(after, before)?, new, of_new),
        (false, universe.space.minus(before, after)?, old, of_old),
    ] {
        for one in boxes::list(&mut universe, packets, BOXES)? {
            let Some(packet) = network.example_of(&mut universe, one.packets)? else {
                continue;
            };
            changes.push(Change {
                opened,
                flow: named(one.traffic, &one.ends, &places),
                witness: Some(boxes::packet(&packet)),
                before: told(old, &packet),
                after: told(new, &packet),
            });
        }
    }
    Ok(changes)
}

/// Traffic with its ends by name.
fn named(traffic: Traffic, [sources, destinations]: &[Ranges; 2], places: &KnownPlaces) -> Traffic {
    let mut named = traffic;
    for (field, values) in &mut named.fields {
        match *field {
            "src" => *values = places.members(sources),
            "dst" => *values = places.members(destinations),
            _ => {}
        }
    }
    named
}

/// First packets of all connections, and echo requests.
pub(super) fn everything(universe: &mut Universe<'_>) -> Result<Set, Intricate> {
    let all = Ranges::span(0, universe.version().max_address());
    let echo = match universe.version() {
        Version::V4 => protocol::ICMP,
        Version::V6 => protocol::ICMPV6,
    };
    let echo = Service {
        protocol: Some(echo),
        ports: None,
    };
    let connections = first_packets(universe, &all, &all, Service::ANY)?;
    let echoes = first_packets(universe, &all, &all, echo)?;
    Ok(universe.space.or(connections, echoes)?)
}

/// Who decides about the packet.
fn told(network: &Network<'_>, packet: &Packet) -> Vec<Step> {
    match network.fare(packet) {
        Ok(fare) => fare.told(),
        Err(why) => vec![Step {
            at: Locus::Assumed {
                by: "the addresses and routes of these devices".to_owned(),
            },
            says: why,
        }],
    }
}
