//! The places of a network by name, and who of them reaches whom.

use ww_base::Order;
use ww_model::Ranges;
use ww_model::filter::Field;
use ww_model::net::{Prefix, RouteKind};
use ww_model::packet::protocol;
use ww_packetset::{LevelId, NONE, Set};

use super::Network;
use super::ask::{Trouble, first_packets};
use super::explorer::{Explorer, Intricate};
use super::places::is_spoken_to;
use crate::address;
use crate::answer::{Edge, Matrix};
use crate::device::{boxes, reply};
use crate::question::Service;
use crate::symbolic::{Allowed, Universe, Version};

/// A place that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    kind: Kind,
    name: String,
    /// Its hosts.
    hosts: Ranges,
    /// All its addresses, those that no host has too.
    all: Ranges,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Device,
    Network,
    Internet,
    /// All that is none of the others.
    Rest,
}

/// Places that have names; no two of them share a host.
pub(super) struct KnownPlaces {
    version: Version,
    places: Vec<Known>,
}

impl KnownPlaces {
    /// Addresses by the names of their places, as far as they have some.
    pub(super) fn members(&self, addresses: &Ranges) -> Vec<String> {
        let mut rest = addresses.clone();
        let mut members = Vec::new();
        for place in &self.places {
            let here = place.hosts.and(&rest);
            rest = rest.minus(&place.all);
            let texts = || boxes::addresses(&here, self.version).into_iter();
            if here == place.hosts {
                members.extend((!here.is_empty()).then(|| place.name.clone()));
            } else if place.kind == Kind::Device {
                members.extend(texts().map(|text| format!("{} {text}", place.name)));
            } else {
                members.extend(texts());
            }
        }
        members.extend(boxes::addresses(&rest, self.version));
        members
    }

    /// All hosts that are told apart by name.
    fn hosts(&self) -> Ranges {
        self.hosts_of(&[Kind::Device, Kind::Network, Kind::Internet])
    }

    /// Hosts as they are good to show: those on known networks, else whatever has a name.
    pub(super) fn to_show(&self) -> [Ranges; 2] {
        [self.hosts(), self.hosts_of(&[Kind::Network])]
    }

    /// The addresses of each device.
    pub(super) fn devices(&self) -> impl Iterator<Item = &Ranges> {
        let places = self.places.iter();
        let devices = places.filter(|place| place.kind == Kind::Device);
        devices.map(|place| &place.hosts)
    }

    fn hosts_of(&self, kinds: &[Kind]) -> Ranges {
        let places = self.places.iter();
        places
            .filter(|place| kinds.contains(&place.kind))
            .fold(Ranges::none(), |all, place| all.or(&place.hosts))
    }
}

impl Network<'_> {
    /// The devices, the networks that they are on or have routes to, the internet, and the rest.
    pub(super) fn known_places(&self, version: Version) -> KnownPlaces {
        let is_v4 = version == Version::V4;
        let mut places: Vec<Known> = Vec::new();
        let mut taken = Ranges::none();
        let mut add = |kind, name: String, all: Ranges, nobodys: &Ranges| {
            let all = all.minus(&taken);
            taken = taken.or(&all);
            places.push(Known {
                kind,
                name,
                hosts: all.minus(nobodys),
                all,
            });
        };
        for one in &self.nodes {
            let addresses = one.device.stack.interfaces.iter();
            let addresses = addresses.flat_map(|interface| &interface.addresses);
            let own = addresses.map(|own| own.address);
            let own = own.filter(|own| own.is_ipv4() == is_v4 && is_spoken_to(*own));
            let own = Ranges::of(own.map(|own| Prefix::host(own).range()));
            add(Kind::Device, one.device.name.clone(), own, &Ranges::none());
        }
        for prefix in self.known_networks(is_v4) {
            let (first, last) = prefix.range();
            let nobodys = if is_v4 && prefix.length() < 31 {
                Ranges::of([(first, first), (last, last)])
            } else {
                Ranges::none()
            };
            let all = Ranges::span(first, last);
            add(Kind::Network, prefix.to_string(), all, &nobodys);
        }
        let nobodys = address::nobodys(!is_v4);
        let internet = address::internet(!is_v4);
        add(Kind::Internet, "internet".to_owned(), internet, &nobodys);
        let all = Ranges::span(0, version.max_address());
        add(Kind::Rest, "other addresses".to_owned(), all, &nobodys);
        KnownPlaces { version, places }
    }

    /// Networks of interfaces and of routes, the narrowest first.
    fn known_networks(&self, is_v4: bool) -> Vec<Prefix> {
        let stacks = self.nodes.iter().map(|one| &one.device.stack);
        let mut networks: Vec<Prefix> = Vec::new();
        for stack in stacks {
            let interfaces = stack.interfaces.iter().flat_map(|one| &one.addresses);
            networks.extend(interfaces.map(|own| own.network));
            let routes = stack.routes.iter();
            let routes = routes
                .filter(|route| route.kind == RouteKind::Unicast && route.destination.length() > 0);
            networks.extend(routes.map(|route| route.destination));
        }
        networks.retain(|one| one.is_ip4() == is_v4 && is_spoken_to(one.address()));
        networks.put_in_order_by_key(|one| (u8::MAX - one.length(), *one));
        networks.dedup();
        networks
    }

    /// The known places in groups that fare alike, and who of them reaches whom, with what. Hosts on
    /// one link reach each other: no device stands between them.
    ///
    /// # Errors
    /// A sentence, when the devices are too intricate.
    pub fn matrix(&self, service: Service) -> Result<Matrix, String> {
        let mut matrix = Matrix::default();
        for version in [Version::V4, Version::V6] {
            self.matrix_of(version, service, &mut matrix)
                .map_err(Trouble::sentence)?;
        }
        Ok(matrix)
    }

    fn matrix_of(
        &self,
        version: Version,
        service: Service,
        matrix: &mut Matrix,
    ) -> Result<(), Trouble> {
        let places = self.known_places(version);
        if places.devices().all(Ranges::is_empty) {
            return Ok(());
        }
        let hosts = places.hosts();
        let mut universe = Network::universe(&[self], version)?;
        let asked = first_packets(&mut universe, &hosts, &hosts, service)?;
        let mut explorer = Explorer::new(self, &mut universe, 0)?;
        let mut allowed = explorer.reached(asked)?.allowed;
        let neighbours = explorer.on_one_link(asked)?;
        allowed.must = universe.space.or(allowed.must, neighbours)?;
        allowed.may = universe.space.or(allowed.may, neighbours)?;
        let pairs = Pairs::of(&mut universe, allowed)?;
        let groups = pairs.groups(&mut universe, &hosts)?;
        let offset = matrix.groups.len();
        for (from, sources) in groups.iter().enumerate() {
            for (to, destinations) in groups.iter().enumerate() {
                let one = pairs.between(&mut universe, sources, destinations)?;
                if !one.may.is_empty() {
                    matrix.edges.push(Edge {
                        from: offset + from,
                        to: offset + to,
                        with: pairs.words(&universe, service, one),
                    });
                }
            }
        }
        matrix
            .groups
            .extend(groups.iter().map(|group| places.members(group)));
        Ok(())
    }
}

/// Who reaches whom with which service.
struct Pairs {
    destination: LevelId,
    source: LevelId,
    protocol: LevelId,
    port: LevelId,
    allowed: Allowed,
}

impl Pairs {
    fn of(universe: &mut Universe<'_>, allowed: Allowed) -> Result<Pairs, Intricate> {
        let level = |universe: &Universe<'_>, field| universe.level(field).ok_or(Intricate::Bits);
        let destination = level(universe, universe.address_field(false))?;
        let source = level(universe, universe.address_field(true))?;
        let protocol = level(universe, Field::Protocol)?;
        let port = level(universe, Field::DstPort)?;
        let kept = [destination, source, protocol, port];
        let others: Vec<LevelId> = universe
            .space
            .levels()
            .map(|(level, _)| level)
            .filter(|level| !kept.contains(level))
            .collect();
        // Services of which only some packets pass, by their source ports, count as far as they do.
        let allowed = Allowed {
            must: universe.space.exists(allowed.must, &others)?,
            may: universe.space.exists(allowed.may, &others)?,
        };
        Ok(Pairs {
            destination,
            source,
            protocol,
            port,
            allowed,
        })
    }

    /// The addresses in groups that fare alike both as sources and as destinations, in order of
    /// their smallest address.
    fn groups(
        &self,
        universe: &mut Universe<'_>,
        hosts: &Ranges,
    ) -> Result<Vec<Ranges>, Intricate> {
        let mut views = Vec::new();
        for set in [self.allowed.must, self.allowed.may] {
            let turned = reply::exchange(universe, set, &[(self.source, self.destination)])?;
            views.extend([set, turned.ok_or(Intricate::Replies)?]);
        }
        let mut groups = vec![hosts.clone()];
        for view in views {
            let rows = universe.space.rows(view, self.destination);
            let rows: Vec<Ranges> = rows.into_iter().map(|(_, one)| Ranges::of(one)).collect();
            groups = groups
                .iter()
                .flat_map(|group| rows.iter().map(move |row| group.and(row)))
                .filter(|part| !part.is_empty())
                .collect();
        }
        groups.put_in_order_by_key(|group| group.iter().next());
        Ok(groups)
    }

    /// Protocols and ports from one group to another.
    fn between(
        &self,
        universe: &mut Universe<'_>,
        sources: &Ranges,
        destinations: &Ranges,
    ) -> Result<Allowed, Intricate> {
        let first = |ranges: &Ranges| ranges.iter().next().map_or(0, |(first, _)| first);
        let (source, destination) = (first(sources), first(destinations));
        let mut services = |set: Set| {
            let map = set.as_map();
            let map = universe
                .space
                .restrict(map, self.destination, destination)?;
            let map = universe.space.restrict(map, self.source, source)?;
            universe.space.select(map, |inside| inside != NONE)
        };
        Ok(Allowed {
            must: services(self.allowed.must)?,
            may: services(self.allowed.may)?,
        })
    }

    /// Services in words; those that only may be let through are told apart.
    fn words(&self, universe: &Universe<'_>, service: Service, allowed: Allowed) -> String {
        let words = |set: Set| {
            let is_one = service.protocol.is_some_and(|number| {
                !protocol::WITH_PORTS.contains(&number)
                    || service.ports.is_some_and(|(first, last)| first == last)
            });
            if is_one {
                service.to_string()
            } else {
                self.services(universe, set)
            }
        };
        if allowed.must == allowed.may {
            words(allowed.must)
        } else if allowed.must.is_empty() {
            format!("may {}", words(allowed.may))
        } else {
            format!("{}, may {}", words(allowed.must), words(allowed.may))
        }
    }

    /// `TCP 80,443 UDP 53`; `all` for all that can be asked about.
    fn services(&self, universe: &Universe<'_>, set: Set) -> String {
        let list = universe.space.boxes(set, usize::MAX);
        let whole = Ranges::span(0, u16::MAX.into());
        let all = Ranges::span(0, u8::MAX.into());
        let mut words = Vec::new();
        let mut free = 0;
        for (name, protocol) in SERVICES {
            let mut ports = Ranges::none();
            for one in &list.boxes {
                let side = |level, whole: &Ranges| {
                    let side = one.side(level);
                    side.map_or_else(|| whole.clone(), |side| Ranges::of(side.iter().copied()))
                };
                if side(self.protocol, &all).contains(protocol.into()) {
                    ports = ports.or(&side(self.port, &whole));
                }
            }
            if ports == whole {
                free += 1;
                words.push(name.to_owned());
            } else if !ports.is_empty() {
                words.push(format!("{name} {}", boxes::numbers(&ports).join(",")));
            }
        }
        if free == SERVICES.len() {
            return "all".to_owned();
        }
        words.join(" ")
    }
}

/// Protocols that are asked about where none is named.
const SERVICES: [(&str, u8); 3] = [
    ("SCTP", protocol::SCTP),
    ("TCP", protocol::TCP),
    ("UDP", protocol::UDP),
];
