//! One packet from device to device.
//!
//! Every declared device is taken to forward packets, and every WireGuard tunnel to be up. A device
//! remembers the connections whose first packet it let pass, and turns their translations back for
//! replies; what it has not seen begin, it takes for what Linux would: a TCP answer belongs to no
//! connection and is invalid, a datagram begins one.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ww_base::{Gap, Locus};
use ww_model::filter::{Hook, UnknownReason};
use ww_model::packet::{CtState, protocol};
use ww_model::{Device, Packet};

use super::links::{Beyond, Port};
use super::route::{self, Routed, Way};
use super::{Network, Node};
use crate::answer::{Reachability, Step};
use crate::device::steps;
use crate::walk::{After, Missing, Outcome, Walk, Walker};

/// Where a trip begins, or goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot<'a> {
    /// The device sends the packet itself.
    From(usize),
    /// The packet comes in by this interface.
    At(Port<'a>),
}

/// How a trip ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End<'a> {
    /// The device takes the packet for itself.
    Taken(usize),
    /// It leaves the declared network by this interface.
    Left(Port<'a>),
    /// It is thrown away.
    Lost,
    /// It cannot be told; the last doubt says why.
    Unclear,
}

/// What is not known, and what becomes of the answer because of it.
pub(super) type Doubt = (Reachability, Gap);

/// A connection as a device remembers it: its first packet as it came and as it left.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    node: usize,
    came: Packet,
    left: Packet,
}

/// A packet's trip.
#[derive(Clone, Debug)]
pub(super) struct Trip<'a> {
    pub(super) end: End<'a>,
    /// The packet at the end.
    pub(super) packet: Packet,
    pub(super) steps: Vec<Step>,
    /// Those of the steps that say who let it pass or did not, or changed it.
    pub(super) decisive: Vec<Step>,
    pub(super) doubts: Vec<Doubt>,
    pub(super) connections: Vec<Connection>,
}

/// What a device makes of a packet.
enum Passage<'a> {
    On(Port<'a>, IpAddr),
    Ended(End<'a>),
}

/// A packet on its way.
struct Traveller<'n, 'a> {
    network: &'n Network<'a>,
    /// What began before this packet.
    known: &'n [Connection],
    /// What each step's words begin with.
    whose: &'static str,
    packet: Packet,
    steps: Vec<Step>,
    decisive: Vec<Step>,
    doubts: Vec<Doubt>,
    begun: Vec<Connection>,
    /// The line that last said where it goes.
    routed_by: Option<Locus>,
}

/// Sends the packet on its way. `known` are the connections that devices remember; with some, the
/// packet is told of as a reply.
pub(super) fn travel<'a>(
    network: &Network<'a>,
    start: Spot<'a>,
    packet: &Packet,
    known: &[Connection],
) -> Trip<'a> {
    let mut traveller = Traveller {
        network,
        known,
        whose: if known.is_empty() { "" } else { "the reply: " },
        packet: packet.clone(),
        steps: Vec::new(),
        decisive: Vec::new(),
        doubts: Vec::new(),
        begun: Vec::new(),
        routed_by: None,
    };
    let end = traveller.follow(start);
    if end == End::Lost {
        let last = traveller.steps.last();
        let is_told = last == traveller.decisive.last();
        let last = last.filter(|_| !is_told).cloned();
        traveller.decisive.extend(last);
    }
    Trip {
        end,
        packet: traveller.packet,
        steps: traveller.steps,
        decisive: traveller.decisive,
        doubts: traveller.doubts,
        connections: traveller.begun,
    }
}

impl<'n, 'a> Traveller<'n, 'a> {
    fn follow(&mut self, start: Spot<'a>) -> End<'a> {
        let mut been: BTreeSet<(Spot<'a>, Packet)> = BTreeSet::new();
        let mut spot = start;
        loop {
            let node = match spot {
                Spot::From(node) | Spot::At(Port { node, .. }) => node,
            };
            let Some(one) = self.network.nodes.get(node) else {
                return End::Unclear;
            };
            if !been.insert((spot, self.fresh())) {
                let at = self.routed_by.take().unwrap_or_else(|| Locus::Assumed {
                    by: "the routes of these devices".to_owned(),
                });
                self.say(
                    node,
                    at,
                    "it is back here: a routing loop, in which it dies",
                );
                return End::Lost;
            }
            let (out, next) = match self.pass(node, one, spot) {
                Passage::On(out, next) => (out, next),
                Passage::Ended(end) => return end,
            };
            match self.network.beyond(out, next, &self.packet) {
                Beyond::Device(port) => spot = Spot::At(port),
                Beyond::Outside(behind) => {
                    let by = format!("{behind}, which these files do not declare");
                    self.say(node, Locus::Assumed { by }, "leaves the declared network");
                    return End::Left(out);
                }
                Beyond::Refused(at, says) => {
                    self.say(node, Locus::Text(at), &says);
                    return End::Lost;
                }
                Beyond::Unclear(gap) => return self.unclear(gap),
            }
        }
    }

    /// The packet as no device has seen it yet.
    fn fresh(&self) -> Packet {
        Packet {
            iif: String::new(),
            oif: String::new(),
            mark: 0,
            ..self.packet.clone()
        }
    }

    /// Through one device, or to its end there.
    fn pass(&mut self, node: usize, one: &Node<'a>, spot: Spot<'a>) -> Passage<'a> {
        let came_in = match spot {
            Spot::From(_) => "",
            Spot::At(port) => port.interface,
        };
        let mut packet = Packet {
            iif: came_in.to_owned(),
            ..self.fresh()
        };
        if let Some(why) = martian(one.device, &packet) {
            let by = "Linux: addresses that no packet from outside may have".to_owned();
            self.say(node, Locus::Assumed { by }, why);
            return Passage::Ended(End::Lost);
        }
        self.check_way_back(one.device, &packet);
        let connection = self.remembered(node);
        packet.ct_state = self.state(connection);
        if let Some(connection) = connection {
            (packet.dst, packet.dport) = (connection.came.src, connection.came.sport);
        }
        let before = route::of(one.device, &packet, came_in);
        let hook = hook(spot, &before.way);
        packet.oif = match before.way {
            Way::Out(interface, _) => interface.to_owned(),
            Way::Here if hook == Hook::Output => "lo".to_owned(),
            _ => String::new(),
        };
        let walker = Walker::new(&one.device.filter, one.stack.as_ref(), self.network.limits);
        let walk = walker.walk(hook, &packet);
        let routed = route_again(one, &packet, &walk, before);
        self.walked(node, one, &packet, &walk, connection, &routed)
    }

    /// What comes of a walk and a way.
    fn walked(
        &mut self,
        node: usize,
        one: &Node<'a>,
        packet: &Packet,
        walk: &Walk,
        connection: Option<&Connection>,
        routed: &Routed<'a>,
    ) -> Passage<'a> {
        self.say(node, routed.step.at.clone(), &routed.step.says);
        self.routed_by = Some(routed.step.at.clone());
        if routed.way == Way::Nowhere {
            return Passage::Ended(End::Lost);
        }
        if !one.device.filter.chains.is_empty() {
            let whose = format!("{}{}: ", self.whose, self.network.name(node));
            let told = steps::told(one.device, walk, &whose);
            self.decisive.extend(told.iter().cloned());
            self.steps.extend(told);
        }
        let can_pass = walk
            .endings
            .iter()
            .any(|(outcome, _)| *outcome == Outcome::Accept);
        if !can_pass
            && walk
                .endings
                .iter()
                .all(|(outcome, _)| *outcome != Outcome::Unknown)
        {
            return Passage::Ended(End::Lost);
        }
        if walk.outcome == Outcome::Unknown {
            let doubts = walk
                .missing
                .iter()
                .map(|missing| doubt(one.device, *missing));
            self.doubts.extend(doubts);
        }
        let Some(left) = self.changed(one.device, packet, &walk.after, connection) else {
            return Passage::Ended(End::Unclear);
        };
        if packet.ct_state == CtState::New {
            self.begun.push(Connection {
                node,
                came: self.fresh(),
                left: left.clone(),
            });
        }
        self.packet = left;
        match &routed.way {
            Way::Here | Way::Nowhere => Passage::Ended(End::Taken(node)),
            Way::Unclear(gap) => Passage::Ended(self.unclear(gap.clone())),
            Way::Out(interface, next) => {
                let port = Port { node, interface };
                match self.network.interface(port) {
                    Some(known) if !known.up => {
                        self.say(node, Locus::Text(known.at), "this interface is down");
                        Passage::Ended(End::Lost)
                    }
                    _ => Passage::On(port, *next),
                }
            }
        }
    }

    /// The packet as it leaves; nothing, with a doubt, where a translation gives it an address that
    /// is not known at all.
    fn changed(
        &mut self,
        device: &Device,
        packet: &Packet,
        after: &After,
        connection: Option<&Connection>,
    ) -> Option<Packet> {
        let mut left = Packet {
            src: after.src.0,
            dst: after.dst.0,
            sport: after.sport.0,
            dport: after.dport.0,
            ..packet.clone()
        };
        if let Some(connection) = connection {
            (left.src, left.sport) = (connection.came.dst, connection.came.dport);
        }
        let exact = after.src.0 == after.src.1
            && after.dst.0 == after.dst.1
            && after.sport.0 == after.sport.1
            && after.dport.0 == after.dport.1;
        if !exact {
            let gap = Gap::new(
                format!(
                    "which address or port {} chooses when it translates",
                    device.name
                ),
                format!("conntrack -L on {}", device.name),
            );
            self.doubts.push((Reachability::May, gap));
        }
        let any = |(first, last): (IpAddr, IpAddr)| first.is_unspecified() && first != last;
        (!any(after.src) && !any(after.dst)).then_some(left)
    }

    /// The connection that the packet is a reply of, on this device.
    fn remembered(&self, node: usize) -> Option<&'n Connection> {
        let packet = &self.packet;
        let ends = (
            packet.dst,
            packet.dport,
            packet.src,
            packet.sport,
            packet.proto,
        );
        self.known.iter().find(|one| {
            let left = &one.left;
            let far = (left.src, left.sport, left.dst, left.dport, left.proto);
            one.node == node && far == ends
        })
    }

    /// What connection tracking thinks of the packet.
    fn state(&self, connection: Option<&Connection>) -> CtState {
        let is_reply = !self.known.is_empty();
        let begins = !matches!(
            self.packet.proto,
            protocol::TCP | protocol::ICMP | protocol::ICMPV6 | protocol::SCTP
        );
        match connection {
            Some(_) => CtState::Established,
            None if is_reply && !begins => CtState::Invalid,
            None => CtState::New,
        }
    }

    /// A packet that comes in where replies to it would not leave is thrown away by devices that
    /// check that.
    fn check_way_back(&mut self, device: &Device, packet: &Packet) {
        let is_own = packet.iif.is_empty();
        if is_own || packet.src.is_ipv6() || route::comes_from(device, packet, &packet.iif) {
            return;
        }
        let gap = Gap::new(
            format!(
                "whether {} checks that packets from {} come in where it would send packets to it, \
                 which is not {}",
                device.name, packet.src, packet.iif
            ),
            format!(
                "sysctl net.ipv4.conf.{}.rp_filter on {}",
                packet.iif, device.name
            ),
        );
        self.doubts.push((Reachability::May, gap));
    }

    fn unclear(&mut self, gap: Gap) -> End<'a> {
        self.doubts.push((Reachability::Unknown, gap));
        End::Unclear
    }

    fn say(&mut self, node: usize, at: Locus, says: &str) {
        let says = format!("{}{}: {says}", self.whose, self.network.name(node));
        self.steps.push(Step { at, says });
    }
}

/// The way of the packet as it is when it is routed: with its destination translated, and the
/// mark that the filter gave it.
fn route_again<'a>(one: &Node<'a>, packet: &Packet, walk: &Walk, before: Routed<'a>) -> Routed<'a> {
    let translated = Packet {
        dst: walk.after.dst.0,
        dport: walk.after.dport.0,
        ..packet.clone()
    };
    let is_marked = walk.after.mark != Some(packet.mark);
    if !is_marked && translated == *packet {
        return before;
    }
    let routed = if is_marked {
        route::of_marked(one.device, &translated, &packet.iif)
    } else {
        route::of(one.device, &translated, &packet.iif)
    };
    let seen_by_filter = one
        .stack
        .as_ref()
        .and_then(|stack| stack.way_out(translated.dst));
    match routed.way {
        Way::Out(interface, _)
            if translated.dst != packet.dst && seen_by_filter != Some(interface) =>
        {
            let gap = Gap::new(
                format!(
                    "by which interface {} sends on what it translates",
                    one.device.name
                ),
                format!("ip route get {} on {}", translated.dst, one.device.name),
            );
            Routed {
                way: Way::Unclear(gap),
                ..routed
            }
        }
        _ => routed,
    }
}

fn hook(spot: Spot<'_>, way: &Way<'_>) -> Hook {
    match (spot, way) {
        (Spot::From(_), _) => Hook::Output,
        (Spot::At(_), Way::Here) => Hook::Input,
        (Spot::At(_), _) => Hook::Forward,
    }
}

/// Why Linux throws a packet away on sight that comes from outside.
fn martian(device: &Device, packet: &Packet) -> Option<&'static str> {
    if packet.iif.is_empty() {
        return None;
    }
    let bad_source = match packet.src {
        IpAddr::V4(v4) => v4.octets().first() == Some(&0) || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unspecified(),
    };
    if bad_source || packet.src.is_multicast() || packet.src.is_loopback() {
        Some("its source is an address that no host has")
    } else if device.stack.owns(packet.src) {
        Some("its source is an address of this device itself")
    } else if packet.dst.is_loopback() || packet.dst.is_unspecified() {
        Some("its destination is an address that no other host has")
    } else {
        None
    }
}

/// What a filter's answer depends on.
fn doubt(device: &Device, missing: Missing) -> Doubt {
    let how_to_learn = format!("wirewise reach trace with --device {}", device.name);
    let unknown = match missing {
        Missing::Unknown(id) => device.filter.unknowns.get(id.0 as usize),
        _ => None,
    };
    let verdict = match unknown.map(|unknown| unknown.reason) {
        Some(UnknownReason::Dynamic | UnknownReason::NotModelled) => Reachability::May,
        Some(UnknownReason::NotUnderstood) | None => Reachability::Unknown,
    };
    let what = match (unknown, missing) {
        (Some(unknown), _) => format!("whether `{}` holds", unknown.text),
        (None, Missing::Field(field)) => format!("{field:?} of the packet"),
        (None, Missing::Interface(_)) => "the name of an interface".to_owned(),
        (None, _) => "how the packet's walk ends".to_owned(),
    };
    let gap = Gap::new(format!("{what} on {}", device.name), how_to_learn);
    (verdict, gap)
}
