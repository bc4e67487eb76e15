//! What the kernel did, and whether `ww_reach` says the same.

use super::frame::Arrival;
use super::generate::{Backend, Case};
use super::router::{INTERFACES, Place, Router, device};
use crate::error::LabError;
use std::fmt;
use std::net::IpAddr;
use ww_base::{Limits, Partial, SourceId};
use ww_import::{ipset, iptables, nft};
use ww_model::Packet;
use ww_model::filter::{Family, Hook, Refusal, Ruleset};
use ww_model::packet::protocol;
use ww_reach::walk::{After, Device, Outcome, Walk, Walker};

/// Packets sent before what came of them is taken: fewer than any queue holds.
const BATCH: usize = 64;

/// What the kernel did with one packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Where the packet was seen again; more than once would be a surprise.
    pub arrivals: Vec<(Place, Arrival)>,
    /// What its sender was told.
    pub refusal: Option<Refusal>,
}

/// A packet about which the kernel and the walk do not agree.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// The packet.
    pub packet: Packet,
    /// What the walk says.
    pub walk: Walk,
    /// What the kernel did.
    pub observed: Observed,
    /// In what they differ.
    pub difference: &'static str,
}

/// Loads the rules of a case in place of any others, and forgets connections.
///
/// # Errors
/// [`LabError::Program`] when the kernel does not take them.
pub fn load(router: &Router, case: &Case) -> Result<(), LabError> {
    let prefix = if case.v6 { "ip6tables" } else { "iptables" };
    let kind = match case.backend {
        Backend::IptablesNft => "nft",
        Backend::IptablesLegacy => "legacy",
        Backend::Nft => {
            let text = format!("flush ruleset\n{}", case.text());
            router.load("nft", &["-f", "-"], &text)?;
            return router.forget_connections();
        }
    };
    if !case.sets.is_empty() {
        router.load("ipset", &["-exist", "restore"], &case.sets_text())?;
    }
    router.load(&format!("{prefix}-{kind}-restore"), &[], &case.text())?;
    router.forget_connections()
}

/// Sends the packets through the rules that are loaded.
///
/// # Errors
/// [`LabError::Io`] when an interface is gone.
pub fn observe(
    router: &mut Router,
    hook: Hook,
    packets: &[Packet],
) -> Result<Vec<Observed>, LabError> {
    let mut all = vec![Observed::default(); packets.len()];
    router.take();
    let numbered: Vec<(u32, &Packet)> = (0..).zip(packets).collect();
    for batch in numbered.chunks(BATCH) {
        for (id, packet) in batch {
            match hook {
                Hook::Output => router.send(packet, *id),
                _ => router.receive(packet, *id)?,
            }
        }
        let seen = router.take();
        for (place, arrival) in seen.arrivals {
            let Some(observed) = all.get_mut(arrival.id as usize) else {
                continue;
            };
            match arrival.refusal {
                None => observed.arrivals.push((place, arrival)),
                refusal => observed.refusal = refusal,
            }
        }
        for (from, to) in seen.resets {
            let refused = batch.iter().find(|(_, packet)| {
                packet.proto == protocol::TCP
                    && (packet.src, packet.sport) == from
                    && (packet.dst, packet.dport) == to
            });
            if let Some(observed) = refused.and_then(|(id, _)| all.get_mut(*id as usize)) {
                observed.refusal = Some(Refusal::TcpReset);
            }
        }
    }
    Ok(all)
}

/// The rules of a case as their reader understands them.
pub fn import(case: &Case) -> Partial<Ruleset> {
    let limits = Limits::default();
    if case.backend == Backend::Nft {
        return nft::read(
            SourceId(0),
            case.text().as_bytes(),
            &mut nft::NoIncludes,
            &limits,
        );
    }
    let sets = ipset::read(SourceId(1), case.sets_text().as_bytes(), &limits);
    let family = if case.v6 { Family::Ip6 } else { Family::Ip4 };
    let text = case.text();
    let mut rules = iptables::read(
        SourceId(0),
        text.as_bytes(),
        Some(family),
        &sets.value,
        &limits,
    );
    rules.problems.extend(sets.problems);
    rules
}

/// All packets about which the walk says something else than the kernel did, and every walk.
pub fn compare(
    ruleset: &Ruleset,
    hook: Hook,
    packets: &[Packet],
    observed: &[Observed],
) -> (Vec<Mismatch>, Vec<Walk>) {
    let (device, limits) = (device(), Limits::default());
    let walker = Walker::new(ruleset, Some(&device), &limits);
    let mut mismatches = Vec::new();
    let mut walks = Vec::with_capacity(packets.len());
    for (packet, observed) in packets.iter().zip(observed) {
        let walk = walker.decide(hook, packet);
        if let Some(difference) = difference(packet, &walk, observed, &device) {
            mismatches.push(Mismatch {
                packet: packet.clone(),
                walk: walk.clone(),
                observed: observed.clone(),
                difference,
            });
        }
        walks.push(walk);
    }
    (mismatches, walks)
}

/// In what the walk and the kernel differ, if they do.
fn difference(
    packet: &Packet,
    walk: &Walk,
    observed: &Observed,
    device: &Device,
) -> Option<&'static str> {
    match (walk.outcome, observed.arrivals.as_slice()) {
        // Which address of a range a packet gets is the kernel's to choose; what becomes of it may depend on that.
        (Outcome::Unknown, arrivals)
            if is_ranged(walk) && can_end_so(walk, !arrivals.is_empty()) =>
        {
            None
        }
        (Outcome::Unknown, _) => Some("the walk does not know"),
        (Outcome::Accept, []) => Some("accepted, but not seen again"),
        (Outcome::Accept, [(place, arrival)]) => {
            arrived_otherwise(packet, walk, *place, arrival, device)
        }
        (Outcome::Drop | Outcome::Reject(_), [_, ..]) => Some("refused, but seen again"),
        (_, [_, _, ..]) => Some("seen more than once"),
        (Outcome::Drop, []) => observed.refusal.map(|_| "dropped, but the sender was told"),
        (Outcome::Reject(refusal), []) => observed
            .refusal
            .filter(|seen| *seen != refusal)
            .map(|_| "refused in another way"),
    }
}

/// Whether an address of the packet is one out of a range.
fn is_ranged(walk: &Walk) -> bool {
    let After { src, dst, .. } = &walk.after;
    src.0 != src.1 || dst.0 != dst.1
}

fn can_end_so(walk: &Walk, passes: bool) -> bool {
    let mut endings = walk.endings.iter();
    endings.any(|(outcome, _)| (*outcome == Outcome::Accept) == passes)
}

fn arrived_otherwise(
    packet: &Packet,
    walk: &Walk,
    place: Place,
    arrival: &Arrival,
    device: &Device,
) -> Option<&'static str> {
    fn among<T: PartialOrd + Copy>(value: T, (first, last): (T, T)) -> bool {
        first <= value && value <= last
    }
    let after = &walk.after;
    // A raw socket of IPv6 hands over no header.
    let addresses_known = !arrival.src.is_unspecified();
    let (sport, dport) = arrival.ports;
    let has_ports = protocol::WITH_PORTS.contains(&packet.proto);
    let expected = place_of(after.dst, device);
    if expected.is_some_and(|expected| expected != place) {
        Some("went elsewhere")
    } else if addresses_known && !among(arrival.src, after.src) {
        Some("another source address")
    } else if addresses_known && !among(arrival.dst, after.dst) {
        Some("another destination address")
    } else if has_ports && !among(sport, after.sport) {
        Some("another source port")
    } else if has_ports && !among(dport, after.dport) {
        Some("another destination port")
    } else {
        None
    }
}

/// Where a packet to one of the addresses is seen again, if that is the same for all.
fn place_of((first, last): (IpAddr, IpAddr), device: &Device) -> Option<Place> {
    let own = device
        .interfaces
        .iter()
        .flat_map(|interface| &interface.addresses)
        .any(|(mine, _)| first == *mine && last == *mine);
    if own {
        return Some(Place::Local);
    }
    let way_out = device.way_out_to_all(first, last)?;
    let number = INTERFACES.iter().position(|name| *name == way_out)?;
    Some(Place::Behind(number))
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Packet {
            iif,
            src,
            dst,
            proto,
            sport,
            dport,
            tcp_flags,
            icmp_type,
            icmp_code,
            ct_state,
            ..
        } = &self.packet;
        writeln!(f, "{}", self.difference)?;
        writeln!(
            f,
            "  packet: iif={iif:?} src={src} dst={dst} proto={proto} sport={sport} dport={dport} \
             flags={tcp_flags:#x} icmp={icmp_type}/{icmp_code} state={ct_state:?}"
        )?;
        let Walk {
            outcome,
            by,
            after,
            missing,
            ..
        } = &self.walk;
        writeln!(
            f,
            "  walk:   {outcome:?} by {by:?}, {after:?}, missing {missing:?}"
        )?;
        write!(
            f,
            "  kernel: {:?} {:?}",
            self.observed.arrivals, self.observed.refusal
        )
    }
}
