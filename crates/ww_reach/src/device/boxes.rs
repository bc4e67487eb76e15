//! Sets of packets as people write them.

use std::net::IpAddr;

use ww_model::filter::{Field, Hook};
use ww_model::net::Prefix;
use ww_model::packet::protocol;
use ww_model::{Packet, Ranges};
use ww_packetset::{LevelId, PacketBox, Set, TooLarge};

use crate::address;
use crate::answer::{Edge, Matrix, Traffic};
use crate::symbolic::{self, Universe, Version};

/// The source port of connections in a matrix.
pub(crate) const CLIENT_PORT: u16 = 10_000;

/// The numbers of an address block; none for the other version.
pub(crate) fn block(address: IpAddr, length: u8, version: Version) -> Ranges {
    let prefix = Prefix::new(address, length);
    let prefix = prefix.filter(|prefix| prefix.is_ip4() == (version == Version::V4));
    Ranges::of(prefix.map(|prefix| prefix.range()))
}

/// A set as boxes, each with the fields that are not free.
pub(crate) fn of(universe: &Universe<'_>, set: Set, most: usize) -> Vec<Traffic> {
    let list = universe.space.boxes(set, most);
    let mut boxes: Vec<Traffic> = list
        .boxes
        .iter()
        .map(|one| traffic(universe, one))
        .collect();
    boxes.dedup();
    boxes
}

/// A set as boxes, each with an example.
pub(crate) fn with_examples(
    universe: &mut Universe<'_>,
    set: Set,
    most: usize,
) -> Result<Vec<(Traffic, Packet)>, TooLarge> {
    let list = universe.space.boxes(set, most);
    let mut told: Vec<(Traffic, Packet)> = Vec::with_capacity(list.boxes.len());
    for one in &list.boxes {
        let inside = universe.space.cube(&one.sides)?;
        let shown = familiar(universe, inside)?;
        if let Some(packet) = universe.packet(shown) {
            let flow = traffic(universe, one);
            if told.iter().all(|(known, _)| *known != flow) {
                told.push((flow, packet));
            }
        }
    }
    Ok(told)
}

/// A box of a set.
pub(crate) struct Listed {
    /// The fields that are not free.
    pub(crate) traffic: Traffic,
    /// The packets.
    pub(crate) packets: Set,
    /// Its sources and its destinations.
    pub(crate) ends: [Ranges; 2],
}

/// A set as boxes, with the packets and the ends of each.
pub(crate) fn list(
    universe: &mut Universe<'_>,
    set: Set,
    most: usize,
) -> Result<Vec<Listed>, TooLarge> {
    let fields = [universe.address_field(true), universe.address_field(false)];
    let whole = Ranges::span(0, universe.version().max_address());
    let list = universe.space.boxes(set, most);
    let mut listed = Vec::with_capacity(list.boxes.len());
    for one in &list.boxes {
        let ends = fields.map(|field| side(universe, one, field));
        listed.push(Listed {
            traffic: traffic(universe, one),
            packets: universe.space.cube(&one.sides)?,
            ends: ends.map(|end| end.unwrap_or_else(|| whole.clone())),
        });
    }
    Ok(listed)
}

/// The source addresses of a set.
pub(crate) fn sources(universe: &Universe<'_>, set: Set, most: usize) -> Vec<String> {
    let field = universe.address_field(true);
    let whole = Ranges::span(0, universe.version().max_address());
    let list = universe.space.boxes(set, most);
    let all = list.boxes.iter().fold(Ranges::none(), |all, one| {
        all.or(&side(universe, one, field).unwrap_or_else(|| whole.clone()))
    });
    addresses(&all, universe.version())
}

/// The numbers of a level in a set that depends on no other.
pub(crate) fn numbers_on(universe: &Universe<'_>, set: Set, level: LevelId) -> Ranges {
    let whole = [(0, universe.space.max(level))];
    let list = universe.space.boxes(set, 1);
    list.boxes.first().map_or_else(Ranges::none, |one| {
        Ranges::of(one.side(level).unwrap_or(&whole).iter().copied())
    })
}

/// Calls a field of boxes by a name, where it is all of what the name means.
pub(crate) fn name(boxes: &mut [Traffic], field: &str, texts: &[String], name: &str) {
    for traffic in boxes {
        for (known, values) in &mut traffic.fields {
            if *known == field && *values == texts && texts.len() > 1 {
                *values = vec![name.to_owned()];
            }
        }
    }
}

fn side(universe: &Universe<'_>, one: &PacketBox, field: Field) -> Option<Ranges> {
    let level = universe.level(field)?;
    one.side(level)
        .map(|ranges| Ranges::of(ranges.iter().copied()))
}

fn traffic(universe: &Universe<'_>, one: &PacketBox) -> Traffic {
    let version = universe.version();
    let mut traffic = Traffic::default();
    for (name, source) in [("src", true), ("dst", false)] {
        if let Some(ranges) = side(universe, one, universe.address_field(source)) {
            traffic = traffic.with(name, addresses(&ranges, version));
        }
    }
    if let Some(ranges) = side(universe, one, Field::Protocol) {
        traffic = traffic.with("proto", protocols(&ranges));
    }
    for (name, field) in [("dport", Field::DstPort), ("sport", Field::SrcPort)] {
        if let Some(ranges) = side(universe, one, field) {
            traffic = traffic.with(name, numbers(&ranges));
        }
    }
    for (name, names) in universe.interfaces_of(one) {
        traffic = traffic.with(name, names);
    }
    traffic
}

/// Ranges as numbers: `80`, `8000-8100`.
pub(crate) fn numbers(ranges: &Ranges) -> Vec<String> {
    ranges
        .iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect()
}

fn protocols(ranges: &Ranges) -> Vec<String> {
    let mut words = Vec::new();
    for (first, last) in ranges.iter() {
        if last - first > 8 {
            words.push(format!("{first}-{last}"));
            continue;
        }
        words.extend((first..=last).map(|number| protocol_word(number as u8)));
    }
    words
}

fn protocol_word(number: u8) -> String {
    match number {
        protocol::ICMP => "icmp".to_owned(),
        protocol::TCP => "tcp".to_owned(),
        protocol::UDP => "udp".to_owned(),
        protocol::ICMPV6 => "icmpv6".to_owned(),
        protocol::SCTP => "sctp".to_owned(),
        other => other.to_string(),
    }
}

/// Ranges of addresses, as blocks where they are.
pub(crate) fn addresses(ranges: &Ranges, version: Version) -> Vec<String> {
    let is_v6 = version == Version::V6;
    let texts = ranges
        .iter()
        .map(|(first, last)| address::text(is_v6, first, last));
    texts.collect()
}

/// One packet on its way, field by field: one for the device leaves by no interface, and one from it
/// came in by none.
pub(crate) fn packet_on(route: Hook, one: &Packet) -> Traffic {
    let mut shown = one.clone();
    match route {
        Hook::Input => shown.oif.clear(),
        Hook::Output => shown.iif.clear(),
        _ => {}
    }
    packet(&shown)
}

/// One packet, field by field.
pub(crate) fn packet(packet: &Packet) -> Traffic {
    let mut traffic = Traffic::default()
        .with_one("src", packet.src.to_string())
        .with_one("dst", packet.dst.to_string())
        .with_one("proto", protocol_word(packet.proto));
    if protocol::WITH_PORTS.contains(&packet.proto) {
        traffic = traffic
            .with_one("dport", packet.dport.to_string())
            .with_one("sport", packet.sport.to_string());
    }
    for (name, interface) in [("iif", &packet.iif), ("oif", &packet.oif)] {
        if !interface.is_empty() {
            traffic = traffic.with_one(name, interface);
        }
    }
    traffic
}

/// The part of a set that is best for an example: from an ordinary client port, to a port that
/// people know, as far as the set has it.
pub(crate) fn familiar(universe: &mut Universe<'_>, set: Set) -> Result<Set, TooLarge> {
    let mut set = set;
    let (source, destination) = (universe.address_field(true), universe.address_field(false));
    let wishes = [
        (destination, ordinary(universe.version())),
        (source, ordinary(universe.version())),
        (destination, examples(universe.version(), DESTINATION)),
        (source, examples(universe.version(), SOURCE)),
        (Field::SrcPort, Ranges::one(u128::from(40_000u16))),
        (Field::DstPort, Ranges::of([(22, 22), (80, 80), (443, 443)])),
        (Field::DstPort, Ranges::span(1, 65_535)),
    ];
    for (field, numbers) in wishes {
        let wished = universe.numbers(field, &numbers)?;
        let both = universe.space.and(set, wished)?;
        if !both.is_empty() {
            set = both;
        }
    }
    Ok(set)
}

/// Addresses for documentation (RFC 5737, RFC 3849), as sources and as destinations of examples.
const SOURCE: (&str, &str) = ("198.51.100.0", "2001:db8:1::");
const DESTINATION: (&str, &str) = ("192.0.2.0", "2001:db8:2::");

fn examples(version: Version, (v4, v6): (&str, &str)) -> Ranges {
    let (text, length) = match version {
        Version::V4 => (v4, 24),
        Version::V6 => (v6, 48),
    };
    let network = text.parse().map(|address| block(address, length, version));
    network.unwrap_or_default().minus(&Ranges::one(0))
}

/// Addresses that a host can have.
fn ordinary(version: Version) -> Ranges {
    match version {
        Version::V4 => Ranges::of([(0x0100_0001, 0x7eff_ffff), (0x8000_0000, 0xdfff_ffff)]),
        Version::V6 => Ranges::span(0x2000 << 112, 0xfdff << 112 | ((1 << 112) - 1)),
    }
}

/// Adds the groups of one version of IP, with the edges between them.
pub(crate) fn add_matrix(
    matrix: &mut Matrix,
    version: Version,
    found: &symbolic::Matrix,
    with: &str,
) {
    let offset = matrix.groups.len();
    for group in &found.groups {
        matrix.groups.push(addresses(group, version));
    }
    matrix
        .edges
        .extend(found.edges.iter().map(|(from, to)| Edge {
            from: offset + from,
            to: offset + to,
            with: with.to_owned(),
        }));
}
