//! Questions about one device: what its packet filter lets to it, through it and from it.
//!
//! A connection is possible when its first packet passes and the reply to it does. The first packet
//! is new to connection tracking, and for TCP a SYN alone; the reply belongs to an established
//! connection and takes the opposite way.

pub(crate) mod boxes;
mod change;
pub(crate) mod reply;
mod shadow;
pub(crate) mod steps;

use std::net::IpAddr;

use ww_base::{Gap, Limits};
use ww_model::filter::{Field, Hook, UnknownReason};
use ww_model::packet::{CtState, protocol};
use ww_model::{Device, Packet, Ranges};
use ww_packetset::{Bounds, Set, TooLarge};

use crate::address;
use crate::answer::{Answer, Group, Matrix, Reachability, Traffic};
use crate::question::{Place, Service};
use crate::symbolic::{self, Function, Universe, Version};
use crate::walk::{self, Walker};

pub use change::{changes, distinguish};

/// Boxes of an answer.
const BOXES: usize = 256;

/// A device that is asked about.
pub struct Asked<'a> {
    device: &'a Device,
    stack: Option<walk::Device>,
    limits: &'a Limits,
}

/// A question to a device: where packets come from and go to, and which.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// Where they come from.
    pub from: &'q Place,
    /// Where they go.
    pub to: &'q Place,
    /// Which they are.
    pub service: Service,
    /// Whether they are for the device, from it, or pass through; told from the places when absent.
    pub route: Option<Hook>,
}

/// What a question means in one version of IP.
struct World<'a> {
    universe: Universe<'a>,
    function: Function,
    /// The packets that are asked about.
    asked: Set,
    /// Those of them that get through, and whose reply does, whatever is not known.
    must: Set,
    /// Those of them that may.
    may: Set,
    /// Those of them that get through alone, without a reply.
    lonely: Set,
    /// Replies were followed for all packets, not only for the example.
    replies_known: bool,
}

/// Why a question cannot be answered.
fn too_large(error: TooLarge) -> String {
    format!("the rules are too intricate for an exact answer: {error}")
}

impl<'a> Asked<'a> {
    /// A device made ready for questions.
    pub fn new(device: &'a Device, limits: &'a Limits) -> Asked<'a> {
        Asked {
            device,
            stack: walk::Device::of(&device.stack),
            limits,
        }
    }

    /// Whether, and with what, one place reaches another by way of this device.
    ///
    /// # Errors
    /// A sentence that says which place means nothing to a device, or that the rules are too
    /// intricate.
    pub fn can(&self, question: Question<'_>) -> Result<Answer, String> {
        let route = self.route(question);
        let mut worlds = self.worlds(question, route)?;
        let mut verdict = self.verdict(&worlds);
        let mut allowed = Vec::new();
        for world in &worlds {
            let shown = match verdict {
                Reachability::May | Reachability::Unknown => world.may,
                _ => world.must,
            };
            allowed.extend(boxes::of(&world.universe, shown, BOXES));
        }
        let mut unanswered = Vec::new();
        for world in &worlds {
            unanswered.extend(boxes::of(&world.universe, world.lonely, BOXES));
        }
        self.name_ends(question, &mut allowed);
        self.name_ends(question, &mut unanswered);
        let packet = example(&mut worlds).map_err(too_large)?;
        let (mut steps, mut answered) = (Vec::new(), true);
        if let Some(packet) = &packet {
            let walker = Walker::new(&self.device.filter, self.stack.as_ref(), self.limits);
            (steps, answered) = steps::of(self.device, &walker, route, packet);
        }
        let mut gaps = self.gaps(verdict);
        let gets_through = verdict != Reachability::Blocked;
        if gets_through && !worlds.iter().all(|world| world.replies_known) {
            gaps.push(Gap::new(
                "whether all replies pass: it depends on how addresses are translated on the way, so only that of the example was followed",
                "wirewise reach trace with a reply of yours, ct_state=established",
            ));
            if !answered {
                verdict = Reachability::Unknown;
            }
        }
        Ok(Answer {
            verdict,
            allowed,
            unanswered,
            witness: packet.as_ref().map(|one| boxes::packet_on(route, one)),
            steps,
            gaps,
        })
    }

    /// Calls the ends of boxes as the question does, where they are all of what it means.
    fn name_ends(&self, question: Question<'_>, boxes: &mut [Traffic]) {
        for (field, place) in [("src", question.from), ("dst", question.to)] {
            for version in [Version::V4, Version::V6] {
                let texts = match self.addresses(place, version) {
                    Ok(ranges) => boxes::addresses(&ranges, version),
                    Err(_) => continue,
                };
                boxes::name(boxes, field, &texts, &place.to_string());
            }
        }
    }

    /// Who reaches a place by way of this device, by the rule that lets them.
    ///
    /// # Errors
    /// As [`Asked::can`].
    pub fn who(&self, question: Question<'_>) -> Result<Vec<Group>, String> {
        let route = self.route(question);
        let mut groups = Vec::new();
        for mut world in self.worlds(question, route)? {
            let decided = world.universe.decided(&world.function).map_err(too_large)?;
            for one in decided {
                let open = world
                    .universe
                    .space
                    .and(one.packets, world.may)
                    .map_err(too_large)?;
                if open.is_empty() {
                    continue;
                }
                let mut members = boxes::sources(&world.universe, open, BOXES);
                members.dedup();
                groups.push(Group {
                    members,
                    allowed: boxes::of(&world.universe, open, BOXES),
                    steps: steps::decider(self.device, one.by).into_iter().collect(),
                });
            }
        }
        Ok(groups)
    }

    /// Addresses that fare alike, and who of them reaches whom through this device, with one
    /// service.
    ///
    /// # Errors
    /// As [`Asked::can`]; also when the service is not one port of one protocol.
    pub fn matrix(&self, route: Hook, service: Service) -> Result<Matrix, String> {
        let (Some(proto), Some((port, last))) = (service.protocol, service.ports) else {
            return Err("a matrix of addresses is about one service: --port 443/tcp".to_owned());
        };
        if port != last {
            return Err("a matrix of addresses is about one port: --port 443/tcp".to_owned());
        }
        let mut matrix = Matrix::default();
        for version in [Version::V4, Version::V6] {
            let (mut universe, function) = self.compile(version, route)?;
            let one = symbolic::Service {
                protocol: proto,
                port,
                source_port: boxes::CLIENT_PORT,
            };
            let found = service_matrix(&mut universe, &function, one).map_err(too_large)?;
            boxes::add_matrix(&mut matrix, version, &found, &service.to_string());
        }
        Ok(matrix)
    }

    fn universe(&self, version: Version) -> Result<Universe<'a>, String> {
        let interfaces = self.device.stack.interfaces.iter();
        let names: Vec<&str> = interfaces.map(|one| one.name.as_str()).collect();
        let filter = &self.device.filter;
        Universe::new(&[filter], version, &names, Bounds::default()).map_err(too_large)
    }

    fn compile(&self, version: Version, route: Hook) -> Result<(Universe<'a>, Function), String> {
        let mut universe = self.universe(version)?;
        let function = universe
            .compile(0, self.stack.as_ref(), route)
            .map_err(too_large)?;
        Ok((universe, function))
    }

    /// The question in both versions of IP, where both of its places have addresses.
    fn worlds(&self, question: Question<'_>, route: Hook) -> Result<Vec<World<'a>>, String> {
        let mut worlds = Vec::new();
        for version in [Version::V4, Version::V6] {
            let from = self.addresses(question.from, version)?;
            let to = self.addresses(question.to, version)?;
            if from.is_empty() || to.is_empty() {
                continue;
            }
            let (universe, function) = self.compile(version, route)?;
            let world = self
                .world(universe, function, (&from, &to), question.service, route)
                .map_err(too_large)?;
            worlds.extend(world);
        }
        if worlds.is_empty() {
            return Err(format!(
                "{} and {} have no version of IP in common",
                question.from, question.to
            ));
        }
        Ok(worlds)
    }

    fn world(
        &self,
        mut universe: Universe<'a>,
        function: Function,
        (from, to): (&Ranges, &Ranges),
        service: Service,
        route: Hook,
    ) -> Result<Option<World<'a>>, TooLarge> {
        let asked = asked(&mut universe, from, to, service)?;
        if asked.is_empty() {
            return Ok(None);
        }
        let allowed = universe.allowed(&function)?;
        let space = &mut universe.space;
        let (must, may) = (
            space.and(allowed.must, asked)?,
            space.and(allowed.may, asked)?,
        );
        let (filter, stack) = (&self.device.filter, self.stack.as_ref());
        let back = reply::answered(&mut universe, &function, filter, stack, route)?;
        let replies_known = back.is_some();
        let (answered_must, answered_may) = match back {
            None => (must, may),
            Some(back) => (
                universe.space.and(must, back.must)?,
                universe.space.and(may, back.may)?,
            ),
        };
        Ok(Some(World {
            lonely: universe.space.minus(may, answered_may)?,
            universe,
            function,
            asked,
            must: answered_must,
            may: answered_may,
            replies_known,
        }))
    }

    fn verdict(&self, worlds: &[World<'_>]) -> Reachability {
        let every = |holds: &dyn Fn(&World<'_>) -> bool| worlds.iter().all(holds);
        if every(&|world| world.may.is_empty()) {
            return Reachability::Blocked;
        }
        if every(&|world| world.must == world.asked) {
            return Reachability::Reachable;
        }
        if !every(&|world| world.must.is_empty()) {
            return Reachability::Partly;
        }
        let unknowns = &self.device.filter.unknowns;
        let dynamic = unknowns
            .iter()
            .all(|unknown| unknown.reason != UnknownReason::NotUnderstood);
        if dynamic {
            Reachability::May
        } else {
            Reachability::Unknown
        }
    }

    /// What would have to be known, where the answer depends on it.
    fn gaps(&self, verdict: Reachability) -> Vec<Gap> {
        if !matches!(verdict, Reachability::May | Reachability::Unknown) {
            return Vec::new();
        }
        let mut gaps = Vec::new();
        for unknown in &self.device.filter.unknowns {
            let how = match unknown.reason {
                UnknownReason::Dynamic => {
                    "it depends on what happens at run time; try it, or read its state on the device"
                }
                UnknownReason::NotModelled => {
                    "it is about something besides addresses, ports and states; look who that is"
                }
                UnknownReason::NotUnderstood => {
                    "wirewise does not know these words; the manual of their module says what they do"
                }
            };
            let gap = Gap::new(format!("whether `{}` holds", unknown.text), how);
            if !gaps.contains(&gap) {
                gaps.push(gap);
            }
        }
        gaps
    }

    /// Whether packets are for the device, from it, or pass through.
    fn route(&self, question: Question<'_>) -> Hook {
        if let Some(route) = question.route {
            return route;
        }
        let own = |place: &Place| match place {
            Place::Named(None, name) => is_self(name),
            Place::Block(address, length) => {
                let host = if address.is_ipv4() { 32 } else { 128 };
                *length == host && self.addresses_of_device().any(|own| own == *address)
            }
            _ => false,
        };
        if own(question.to) {
            Hook::Input
        } else if own(question.from) {
            Hook::Output
        } else {
            Hook::Forward
        }
    }

    fn addresses_of_device(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let interfaces = self.device.stack.interfaces.iter();
        interfaces.flat_map(|interface| interface.addresses.iter().map(|one| one.address))
    }

    /// The addresses that a place stands for.
    fn addresses(&self, place: &Place, version: Version) -> Result<Ranges, String> {
        let all = Ranges::span(0, version.max_address());
        Ok(match place {
            Place::Any => all,
            Place::Internet => address::internet(version == Version::V6),
            Place::Block(address, length) => boxes::block(*address, *length, version),
            Place::Named(None, name) if is_self(name) => {
                let own = self.addresses_of_device().map(|own| {
                    let bits = if own.is_ipv4() { 32 } else { 128 };
                    boxes::block(own, bits, version)
                });
                let own = own.fold(Ranges::none(), |all, one| all.or(&one));
                if own.is_empty() { all } else { own }
            }
            Place::Named(None, name) => {
                let mut interfaces = self.device.stack.interfaces.iter();
                let Some(interface) = interfaces.find(|one| one.name == *name) else {
                    return Err(self.unknown(place));
                };
                let networks = interface
                    .addresses
                    .iter()
                    .map(|one| boxes::block(one.network.address(), one.network.length(), version));
                networks.fold(Ranges::none(), |all, one| all.or(&one))
            }
            _ => return Err(self.unknown(place)),
        })
    }

    fn unknown(&self, place: &Place) -> String {
        let interfaces: Vec<&str> = self
            .device
            .stack
            .interfaces
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        let interfaces = if interfaces.is_empty() {
            String::new()
        } else {
            format!("; {} mean the networks there", interfaces.join(", "))
        };
        format!(
            "the packet filter's files do not say where {place} is; name addresses, `device` for the device itself, internet or any{interfaces}"
        )
    }
}

/// The words for the device itself.
fn is_self(name: &str) -> bool {
    ["device", "self", "localhost"].contains(&name)
}

/// Who may open the service to whom, whatever is not known.
fn service_matrix(
    universe: &mut Universe<'_>,
    function: &Function,
    service: symbolic::Service,
) -> Result<symbolic::Matrix, TooLarge> {
    let opening = universe.opening(service)?;
    let passing = universe.allowed_among(function, opening)?.must;
    universe.matrix(passing, service)
}

/// The first packets of all connections that are asked about.
pub(crate) fn asked(
    universe: &mut Universe<'_>,
    from: &Ranges,
    to: &Ranges,
    service: Service,
) -> Result<Set, TooLarge> {
    let ends = [universe.address_field(true), universe.address_field(false)];
    let mut set = universe.numbers(ends[0], from)?;
    let destinations = universe.numbers(ends[1], to)?;
    set = universe.space.and(set, destinations)?;
    let new = universe.numbers(Field::CtState, &Ranges::one(CtState::New.number()))?;
    set = universe.space.and(set, new)?;
    let protocols = match service.protocol {
        Some(one) => vec![one],
        None => vec![protocol::TCP, protocol::UDP, protocol::SCTP],
    };
    let mut each = Vec::new();
    for number in protocols {
        let mut one = universe.numbers(Field::Protocol, &Ranges::one(number.into()))?;
        if let Some((first, last)) = service.ports {
            let ports = Ranges::span(first.into(), last.into());
            let ports = universe.numbers(Field::DstPort, &ports)?;
            one = universe.space.and(one, ports)?;
        }
        let narrow = match number {
            protocol::TCP => Some((Field::TcpFlags, 2)),
            protocol::ICMP => Some((Field::IcmpType, 8)),
            protocol::ICMPV6 => Some((Field::Icmp6Type, 128)),
            _ => None,
        };
        if let Some((field, value)) = narrow {
            let narrowed = universe.numbers(field, &Ranges::one(value))?;
            one = universe.space.and(one, narrowed)?;
        }
        each.push(one);
    }
    let services = universe.space.or_all(&each)?;
    universe.space.and(set, services)
}

/// One packet to show: one that gets through where any does, one that lacks only its reply where
/// there is such, else one that does not.
fn example(worlds: &mut [World<'_>]) -> Result<Option<Packet>, TooLarge> {
    let sets: [fn(&World<'_>) -> Set; 4] = [
        |world| world.must,
        |world| world.may,
        |world| world.lonely,
        |world| world.asked,
    ];
    for set in sets {
        for world in worlds.iter_mut() {
            let wanted = set(world);
            let set = boxes::familiar(&mut world.universe, wanted)?;
            if let Some(packet) = world.universe.packet(set) {
                return Ok(Some(packet));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
