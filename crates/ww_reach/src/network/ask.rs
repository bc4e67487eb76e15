//! Questions to a network about all packets.

use std::net::IpAddr;

use ww_base::Gap;
use ww_model::filter::Field;
use ww_model::packet::protocol;
use ww_model::{Packet, Ranges};
use ww_packetset::{Bounds, Set, TooLarge};

use super::explorer::{Explorer, Intricate, Reached};
use super::groups::KnownPlaces;
use super::neighbours::owned_by;
use super::{Fare, Network};
use crate::address;
use crate::answer::{Answer, Group, Reachability, Traffic};
use crate::device::{asked, boxes};
use crate::question::{Place, Service};
use crate::symbolic::{Universe, Version};

/// Boxes of an answer.
const BOXES: usize = 256;

/// Why a question is not answered for all packets.
pub(super) enum Trouble {
    /// The question itself; in a sentence.
    Question(String),
    /// The rules.
    Intricate(Intricate),
}

impl From<String> for Trouble {
    fn from(sentence: String) -> Trouble {
        Trouble::Question(sentence)
    }
}

impl From<Intricate> for Trouble {
    fn from(why: Intricate) -> Trouble {
        Trouble::Intricate(why)
    }
}

impl From<TooLarge> for Trouble {
    fn from(bound: TooLarge) -> Trouble {
        Trouble::Intricate(bound.into())
    }
}

impl Trouble {
    pub(super) fn sentence(self) -> String {
        match self {
            Trouble::Question(sentence) => sentence,
            Trouble::Intricate(why) => {
                format!("these devices are too intricate for an exact answer: {why}")
            }
        }
    }
}

/// A question in one version of IP, answered.
pub(super) struct World<'a> {
    pub(super) universe: Universe<'a>,
    pub(super) reached: Reached,
}

impl<'a> Network<'a> {
    /// Whether, and with what, one place reaches another: devices by name, hosts and networks by
    /// address, `internet`, `any`. Where the devices are too intricate to follow all packets, one
    /// packet of the service is followed.
    ///
    /// # Errors
    /// A sentence that says which place is none of this network, or that the service is not one port
    /// where it has to be.
    pub fn can(&self, from: &Place, to: &Place, service: Service) -> Result<Answer, String> {
        match self.can_all(from, to, service) {
            Ok(answer) => Ok(answer),
            Err(Trouble::Intricate(why)) => self.can_one(from, to, service, why),
            Err(Trouble::Question(sentence)) => Err(sentence),
        }
    }

    fn can_all(&self, from: &Place, to: &Place, service: Service) -> Result<Answer, Trouble> {
        let mut worlds = self.worlds(from, to, service)?;
        let every = |holds: &dyn Fn(&Reached) -> bool| worlds.iter().all(|one| holds(&one.reached));
        let sure = if every(&|reached| reached.allowed.may.is_empty()) {
            Some(Reachability::Blocked)
        } else if every(&|reached| reached.allowed.must == reached.asked) {
            Some(Reachability::Reachable)
        } else if every(&|reached| reached.allowed.must.is_empty()) {
            None
        } else {
            Some(Reachability::Partly)
        };
        let mut allowed = Vec::new();
        for world in &worlds {
            let Reached { allowed: found, .. } = world.reached;
            let shown = if sure.is_none() {
                found.may
            } else {
                found.must
            };
            allowed.extend(boxes::of(&world.universe, shown, BOXES));
        }
        for (field, place) in [("src", from), ("dst", to)] {
            for version in [Version::V4, Version::V6] {
                let texts = boxes::addresses(&self.meant(place, version)?, version);
                boxes::name(&mut allowed, field, &texts, &place.to_string());
            }
        }
        let told = self.example(&mut worlds, |reached| {
            [reached.allowed.must, reached.allowed.may, reached.asked]
        })?;
        let told = told.ok_or_else(|| format!("{from} and {to} have nothing to say"))?;
        let verdict = sure.unwrap_or(match told.verdict {
            Reachability::Unknown => Reachability::Unknown,
            _ => Reachability::May,
        });
        let mut gaps = if sure.is_none() {
            told.gaps
        } else {
            Vec::new()
        };
        if verdict == Reachability::Partly {
            gaps.extend(self.doubts(&mut worlds)?);
        }
        Ok(Answer {
            verdict,
            allowed,
            unanswered: Vec::new(),
            witness: Some(boxes::packet(&told.packet)),
            steps: told.steps,
            gaps,
        })
    }

    /// What would have to be known of packets that may get through, or not.
    fn doubts(&self, worlds: &mut [World<'a>]) -> Result<Vec<Gap>, Trouble> {
        let mut gaps = Vec::new();
        for world in worlds {
            let allowed = world.reached.allowed;
            let doubtful = world.universe.space.minus(allowed.may, allowed.must)?;
            if let Some(packet) = self.example_of(&mut world.universe, doubtful)? {
                gaps.extend(self.fare(&packet)?.gaps);
            }
        }
        Ok(gaps)
    }

    /// How one packet fares, of the first of these sets that has one.
    fn example<const N: usize>(
        &self,
        worlds: &mut [World<'a>],
        sets: impl Fn(&Reached) -> [Set; N],
    ) -> Result<Option<Fare>, Trouble> {
        for place in 0..N {
            for world in worlds.iter_mut() {
                let Some(wanted) = sets(&world.reached).get(place).copied() else {
                    continue;
                };
                if let Some(packet) = self.example_of(&mut world.universe, wanted)? {
                    return Ok(Some(self.fare(&packet)?));
                }
            }
        }
        Ok(None)
    }

    /// Who reaches a place, and with what: sources that may, grouped by what gets through.
    ///
    /// # Errors
    /// A sentence that says that the place is none of this network, or that the devices are too
    /// intricate.
    pub fn who(&self, to: &Place, service: Service) -> Result<Vec<Group>, String> {
        self.who_all(to, service).map_err(Trouble::sentence)
    }

    fn who_all(&self, to: &Place, service: Service) -> Result<Vec<Group>, Trouble> {
        let mut groups: Vec<Group> = Vec::new();
        for mut world in self.worlds(&Place::Any, to, service)? {
            let version = world.universe.version();
            let may = world.reached.allowed.may;
            let places = self.known_places(version);
            let may = between_hosts(&mut world.universe, may, &places)?;
            let mut by_source: Vec<(Ranges, Set, Vec<Traffic>)> = Vec::new();
            for one in boxes::list(&mut world.universe, may, BOXES)? {
                let [sources, _] = one.ends;
                let known = by_source.iter_mut().find(|(known, ..)| *known == sources);
                match known {
                    None => by_source.push((sources, one.packets, vec![one.traffic])),
                    Some((_, all, flows)) => {
                        *all = world.universe.space.or(*all, one.packets)?;
                        flows.push(one.traffic);
                    }
                }
            }
            for (sources, set, allowed) in by_source {
                let Some(packet) = self.example_of(&mut world.universe, set)? else {
                    continue;
                };
                groups.push(Group {
                    members: places.members(&sources),
                    allowed,
                    steps: self.fare(&packet)?.told(),
                });
            }
        }
        Ok(groups)
    }

    /// The question in both versions of IP, as far as its places have addresses of both, answered.
    fn worlds(
        &self,
        from: &Place,
        to: &Place,
        service: Service,
    ) -> Result<Vec<World<'a>>, Trouble> {
        let (mut worlds, mut stopped) = (Vec::new(), None);
        for version in [Version::V4, Version::V6] {
            let (sources, destinations) = (self.meant(from, version)?, self.meant(to, version)?);
            if sources.is_empty() || destinations.is_empty() {
                continue;
            }
            let mut universe = Network::universe(&[self], version)?;
            let asked = first_packets(&mut universe, &sources, &destinations, service)?;
            let reached = Explorer::new(self, &mut universe, 0)?.reached(asked)?;
            if !reached.asked.is_empty() {
                worlds.push(World { universe, reached });
            } else if let Some(packet) = self.example_of(&mut universe, asked)? {
                stopped = stopped.or(self.starts(&packet).err());
            }
        }
        if worlds.is_empty() {
            let sentence = stopped
                .unwrap_or_else(|| format!("{from} and {to} have no version of IP in common"));
            return Err(sentence.into());
        }
        Ok(worlds)
    }

    /// What all rule sets of some networks can tell apart.
    pub(super) fn universe(
        networks: &[&Network<'a>],
        version: Version,
    ) -> Result<Universe<'a>, Intricate> {
        let devices: Vec<&'a ww_model::Device> = networks
            .iter()
            .flat_map(|network| network.nodes.iter().map(|one| one.device))
            .collect();
        let filters: Vec<_> = devices.iter().map(|device| &device.filter).collect();
        let interfaces = devices.iter().flat_map(|device| &device.stack.interfaces);
        let names: Vec<&str> = interfaces.map(|one| one.name.as_str()).collect();
        let rules = devices.iter().flat_map(|device| &device.stack.rules);
        let marks = rules.filter_map(|rule| rule.mark);
        let marks = marks.fold(0, |all, (_, mask)| all | mask);
        let bounds = Bounds::default();
        Ok(Universe::asking(&filters, version, &names, marks, bounds)?)
    }

    /// A packet of the set that is good to show.
    pub(super) fn example_of(
        &self,
        universe: &mut Universe<'_>,
        set: Set,
    ) -> Result<Option<Packet>, TooLarge> {
        let mut set = set;
        let ends = [universe.address_field(true), universe.address_field(false)];
        for hosts in self.known_places(universe.version()).to_show() {
            for end in ends {
                let wished = universe.numbers(end, &hosts)?;
                let both = universe.space.and(set, wished)?;
                if !both.is_empty() {
                    set = both;
                }
            }
        }
        let set = boxes::familiar(universe, set)?;
        let packet = universe.packet(set);
        Ok(packet.map(|packet| Packet {
            iif: String::new(),
            oif: String::new(),
            mark: 0,
            ..packet
        }))
    }

    /// The addresses that a place stands for.
    fn meant(&self, place: &Place, version: Version) -> Result<Ranges, String> {
        match place {
            Place::Any => Ok(Ranges::span(0, version.max_address())),
            Place::Internet => {
                let devices = self.nodes.iter();
                let own = devices.map(|one| owned_by(one.device, version));
                let own = own.fold(Ranges::none(), |all, one| all.or(&one));
                Ok(address::internet(version == Version::V6).minus(&own))
            }
            Place::Block(address, length) => Ok(boxes::block(*address, *length, version)),
            _ => {
                let own = self.hosts(place)?.into_iter().map(|own: IpAddr| {
                    let bits = if own.is_ipv4() { 32 } else { 128 };
                    boxes::block(own, bits, version)
                });
                Ok(own.fold(Ranges::none(), |all, one| all.or(&one)))
            }
        }
    }
}

impl Fare {
    /// The steps that decide, or all where no filter had a say.
    pub(super) fn told(self) -> Vec<crate::answer::Step> {
        if self.decisive.is_empty() {
            self.steps
        } else {
            self.decisive
        }
    }
}

/// The first packets of the connections that are asked about, as they are sent.
pub(super) fn first_packets(
    universe: &mut Universe<'_>,
    from: &Ranges,
    to: &Ranges,
    service: Service,
) -> Result<Set, TooLarge> {
    let packets = asked(universe, from, to, service)?;
    let icmp = [protocol::ICMP, protocol::ICMPV6];
    let icmp = Ranges::of(icmp.map(|number| (number.into(), number.into())));
    let others = universe.numbers(Field::Protocol, &icmp.not(255))?;
    let code = universe.numbers(Field::IcmpCode, &Ranges::one(0))?;
    let plain = universe.space.or(others, code)?;
    universe.space.and(packets, plain)
}

/// The packets that no device sends to itself.
pub(super) fn between_hosts(
    universe: &mut Universe<'_>,
    packets: Set,
    places: &KnownPlaces,
) -> Result<Set, TooLarge> {
    let ends = [universe.address_field(true), universe.address_field(false)];
    let mut packets = packets;
    for own in places.devices() {
        let mut itself = universe.space.all();
        for end in ends {
            let own = universe.numbers(end, own)?;
            itself = universe.space.and(itself, own)?;
        }
        packets = universe.space.minus(packets, itself)?;
    }
    Ok(packets)
}
