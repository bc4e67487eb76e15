//! Questions across several devices: from where a packet is sent to where it is taken, hop by hop.
//!
//! Devices whose interfaces share a network are neighbours; the two ends of a WireGuard tunnel are
//! too. What no file declares is the outside: a host on a declared link, or whatever is behind a
//! router that nobody declares. A connection is possible when its first packet arrives and the reply
//! to it does, each on the way that the devices' own routes give it.

mod ask;
mod diff;
mod explorer;
mod fates;
mod groups;
mod header;
mod links;
mod neighbours;
mod passing;
mod places;
mod route;
mod trip;
mod ways;

use std::net::{IpAddr, SocketAddr};

pub use diff::changes;
pub use fates::Fates;

use ww_base::{Gap, Limits, Locus};
use ww_model::filter::{self, Action, Condition, Field};
use ww_model::packet::{CtState, protocol};
use ww_model::{Device, Packet};

use crate::answer::{Answer, Reachability, Step};
use crate::device::boxes;
use crate::question::{Place, Service};
use crate::walk;
use explorer::Intricate;
use links::Port;
use trip::{Doubt, End, Spot, Trip, travel};

/// Port of the client in the packets that are followed.
const CLIENT_PORT: u16 = 40_000;

/// Devices as one network.
pub struct Network<'a> {
    nodes: Vec<Node<'a>>,
    limits: &'a Limits,
}

/// A device of a network.
struct Node<'a> {
    device: &'a Device,
    stack: Option<walk::Device>,
}

/// How one connection fares.
struct Fare {
    verdict: Reachability,
    packet: Packet,
    steps: Vec<Step>,
    /// Those of the steps that say who let it pass or did not, or changed it.
    decisive: Vec<Step>,
    gaps: Vec<Gap>,
}

impl<'a> Network<'a> {
    /// The network of these devices.
    pub fn new(devices: &'a [Device], limits: &'a Limits) -> Network<'a> {
        let node = |device: &'a Device| Node {
            device,
            stack: walk::Device::of(&device.stack),
        };
        Network {
            nodes: devices.iter().map(node).collect(),
            limits,
        }
    }

    /// Whether one host reaches another with one service, by one packet each; `why` not all packets
    /// can be followed.
    fn can_one(
        &self,
        from: &Place,
        to: &Place,
        service: Service,
        why: Intricate,
    ) -> Result<Answer, String> {
        let (sources, destinations) = (self.hosts(from)?, self.hosts(to)?);
        let mut fares = Vec::new();
        for source in &sources {
            for destination in &destinations {
                if source.is_ipv4() == destination.is_ipv4() {
                    let packet = first_packet(*source, *destination, service);
                    let packet = packet.map_err(|wants| format!("{wants}; {why}"))?;
                    fares.push(self.fare(&packet)?);
                }
            }
        }
        let mut answer = answer(fares)
            .ok_or_else(|| format!("{from} and {to} have no version of IP in common"))?;
        if self.asks_for_source_ports() {
            answer.gaps.push(Gap::new(
                format!("whether other source ports than {CLIENT_PORT} fare alike: a rule asks for source ports, and not all packets could be followed ({why})"),
                "wirewise reach can --device NAME for each device on the way, which answers for all of them",
            ));
        }
        Ok(answer)
    }

    /// Whether a rule of some device tells source ports apart.
    fn asks_for_source_ports(&self) -> bool {
        let chains = self
            .nodes
            .iter()
            .flat_map(|node| &node.device.filter.chains);
        let mut steps = chains
            .flat_map(|chain| &chain.rules)
            .flat_map(|rule| &rule.steps);
        steps.any(|step| match step {
            filter::Step::If(condition) => asks_for_source_port(condition),
            filter::Step::Do(Action::VerdictMap(entries)) => entries
                .iter()
                .any(|(condition, _)| asks_for_source_port(condition)),
            filter::Step::Do(Action::NatMap(entries)) => entries
                .iter()
                .any(|(condition, _)| asks_for_source_port(condition)),
            filter::Step::Do(_) => false,
        })
    }

    /// Whether the devices make a network: more than one of them has an address.
    pub fn is_joined(&self) -> bool {
        let has_address = |one: &&Node<'a>| {
            let mut interfaces = one.device.stack.interfaces.iter();
            interfaces.any(|interface| !interface.addresses.is_empty())
        };
        self.nodes.iter().filter(has_address).count() > 1
    }

    fn device(&self, node: usize) -> Option<&'a Device> {
        self.nodes.get(node).map(|one| one.device)
    }

    fn name(&self, node: usize) -> &'a str {
        self.device(node).map_or("", |device| device.name.as_str())
    }

    /// How the connection fares that this packet begins; where it can come in at several places, at
    /// each of them.
    fn fare(&self, packet: &Packet) -> Result<Fare, String> {
        let mut fares = Vec::new();
        let starts = self.starts(packet)?;
        for start in &starts {
            fares.push(self.fare_from(*start, &starts, packet));
        }
        let alike = fares.windows(2).all(|pair| match pair {
            [one, other] => one.verdict == other.verdict,
            _ => true,
        });
        let several = fares.len() > 1;
        let mut fares = fares.into_iter();
        let mut first = fares
            .next()
            .ok_or_else(|| format!("nothing in these files leads from {}", packet.src))?;
        if several && !alike {
            first.verdict = Reachability::Unknown;
            first.gaps.push(Gap::new(
                format!("by which device packets from {} come in", packet.src),
                format!("the routes of {}", packet.src),
            ));
        }
        Ok(first)
    }

    fn fare_from(&self, start: Spot<'a>, starts: &[Spot<'a>], packet: &Packet) -> Fare {
        let there = travel(self, start, packet, &[]);
        let reply = reply_to(&there.packet);
        let back = match there.end {
            _ if there.connections.is_empty() => None,
            End::Taken(node) => Some(travel(self, Spot::From(node), &reply, &there.connections)),
            End::Left(port) => Some(match self.back_from(port, &reply) {
                Some(port) => travel(self, Spot::At(port), &reply, &there.connections),
                None => past_all(port, &reply),
            }),
            End::Lost | End::Unclear => None,
        };
        let arrives = |trip: &Trip<'_>| match (trip.end, start) {
            (End::Taken(node), Spot::From(first)) => node == first,
            (End::Left(port), Spot::At(_)) => starts.contains(&Spot::At(port)),
            _ => false,
        };
        let stranger = back
            .as_ref()
            .filter(|trip| arrives(trip))
            .and_then(|trip| stranger(packet, &trip.packet));
        let verdict = match (&there.end, &back) {
            (End::Lost, _) => Reachability::Blocked,
            (_, Some(back)) if back.end == End::Lost => Reachability::Blocked,
            (End::Unclear, _) | (_, None) => Reachability::Unknown,
            (_, Some(back)) if back.end == End::Unclear => Reachability::Unknown,
            (_, Some(back)) if !arrives(back) => Reachability::Blocked,
            _ if stranger.is_some() => Reachability::Blocked,
            (_, Some(back)) => doubted(there.doubts.iter().chain(&back.doubts)),
        };
        let mut steps = there.steps;
        let mut decisive = there.decisive;
        let mut doubts = there.doubts;
        if let Some(back) = back {
            steps.extend(back.steps);
            decisive.extend(back.decisive);
            doubts.extend(back.doubts);
        }
        decisive.extend(stranger.clone());
        steps.extend(stranger);
        let is_sure = matches!(verdict, Reachability::Reachable | Reachability::Blocked);
        let mut gaps: Vec<Gap> = Vec::new();
        for (_, gap) in doubts.into_iter().filter(|_| !is_sure) {
            if !gaps.contains(&gap) {
                gaps.push(gap);
            }
        }
        Fare {
            verdict,
            packet: packet.clone(),
            steps,
            decisive,
            gaps,
        }
    }
}

/// A reply that goes over the link of an interface, past all devices.
fn past_all<'a>(port: Port<'a>, reply: &Packet) -> Trip<'a> {
    let says = format!(
        "the reply: it goes straight to {} on the link of {}, past all devices",
        reply.dst, port.interface
    );
    let by = "hosts on one link need no router between them".to_owned();
    let step = Step {
        at: Locus::Assumed { by },
        says,
    };
    Trip {
        end: End::Left(port),
        packet: reply.clone(),
        steps: vec![step.clone()],
        decisive: vec![step],
        doubts: Vec::new(),
        connections: Vec::new(),
    }
}

/// What is wrong with a reply that does not come from where the first packet was sent to, or not to
/// where it came from.
fn stranger(first: &Packet, reply: &Packet) -> Option<Step> {
    let asked = (first.dst, first.dport, first.src, first.sport);
    if asked == (reply.src, reply.sport, reply.dst, reply.dport) {
        return None;
    }
    let end = |address: IpAddr, port: u16| {
        if port == 0 {
            address.to_string()
        } else {
            SocketAddr::new(address, port).to_string()
        }
    };
    let says = format!(
        "the reply: it comes from {} to {}, and {} has asked {}",
        end(reply.src, reply.sport),
        end(reply.dst, reply.dport),
        end(first.src, first.sport),
        end(first.dst, first.dport)
    );
    let by = "a connection is known by the addresses and ports of both ends".to_owned();
    Some(Step {
        at: Locus::Assumed { by },
        says,
    })
}

/// What doubts leave of an arrival.
fn doubted<'d>(mut doubts: impl Iterator<Item = &'d Doubt>) -> Reachability {
    let worst = |so_far: Reachability, (doubt, _): &Doubt| so_far.max(*doubt);
    doubts.by_ref().fold(Reachability::Reachable, worst)
}

/// All connections as one answer, with the way of the most telling one.
fn answer(fares: Vec<Fare>) -> Option<Answer> {
    let verdicts: Vec<Reachability> = fares.iter().map(|fare| fare.verdict).collect();
    let all = |one: Reachability| verdicts.iter().all(|verdict| *verdict == one);
    let any = |one: Reachability| verdicts.contains(&one);
    let verdict = [Reachability::Reachable, Reachability::Blocked]
        .into_iter()
        .find(|one| all(*one))
        .or_else(|| {
            let weaker = [
                Reachability::Reachable,
                Reachability::May,
                Reachability::Unknown,
            ];
            weaker.into_iter().find(|one| any(*one))
        })
        .map(|one| match one {
            Reachability::Reachable if !all(one) => Reachability::Partly,
            other => other,
        })?;
    let allowed = fares
        .iter()
        .filter(|fare| fare.verdict != Reachability::Blocked)
        .map(|fare| boxes::packet(&fare.packet))
        .collect();
    let gaps = fares.iter().flat_map(|fare| fare.gaps.clone()).collect();
    let told = fares
        .into_iter()
        .min_by_key(|fare| fare.verdict == Reachability::Blocked)?;
    Some(Answer {
        verdict,
        allowed,
        unanswered: Vec::new(),
        witness: Some(boxes::packet(&told.packet)),
        steps: told.steps,
        gaps,
    })
}

/// The first packet of a connection.
fn first_packet(src: IpAddr, dst: IpAddr, service: Service) -> Result<Packet, String> {
    let one = "these devices can be asked about one service only: --port 443/tcp, --port icmp";
    let proto = service.protocol.ok_or(one)?;
    let has_ports = protocol::WITH_PORTS.contains(&proto);
    let dport = match service.ports {
        Some((first, last)) if first == last => first,
        None if !has_ports => 0,
        _ => return Err(one.to_owned()),
    };
    Ok(Packet {
        iif: String::new(),
        oif: String::new(),
        src,
        dst,
        proto,
        sport: if has_ports { CLIENT_PORT } else { 0 },
        dport,
        tcp_flags: if proto == protocol::TCP { 0x02 } else { 0 },
        icmp_type: match proto {
            protocol::ICMP => 8,
            protocol::ICMPV6 => 128,
            _ => 0,
        },
        icmp_code: 0,
        ct_state: CtState::New,
        mark: 0,
    })
}

/// The reply to a packet, as it begins its way back.
fn reply_to(packet: &Packet) -> Packet {
    Packet {
        src: packet.dst,
        dst: packet.src,
        sport: packet.dport,
        dport: packet.sport,
        tcp_flags: if packet.proto == protocol::TCP {
            0x12
        } else {
            0
        },
        icmp_type: match packet.proto {
            protocol::ICMPV6 => 129,
            _ => 0,
        },
        ..packet.clone()
    }
}

fn asks_for_source_port(condition: &Condition) -> bool {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().any(asks_for_source_port),
        Condition::Not(part) => asks_for_source_port(part),
        Condition::In(field, _) | Condition::Masked { field, .. } => *field == Field::SrcPort,
        Condition::Tuple { fields, .. } => fields.contains(&Field::SrcPort),
        Condition::Has(_) | Condition::Interface(..) | Condition::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests;
