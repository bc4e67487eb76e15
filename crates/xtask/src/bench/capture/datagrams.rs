//! Flows that are not TCP: DNS, media, ping, ICMP errors, fragments, ARP.

use std::net::{IpAddr, Ipv4Addr};

use super::frame::{quoted, udp_datagram};
use super::hosts::{SITE_HOSTS, link, site_mac, site_v4};
use super::rng::Rng;
use super::stream::Stream;
use super::types::{Body, Flow, Link, Micros, Options, Packet, Pair, Side, Tunnel};

const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const RCODE_NAME_ERROR: u16 = 3;
const PROTOCOL_UDP: u8 = 17;
/// Even ports from here on carry media; no dissector claims them by number.
const MEDIA_PORTS: u16 = 50_000;
const FRAGMENT_BYTES: usize = 1480;

/// A flow without TCP.
fn flow(link: Link, packets: Vec<Packet>) -> Flow {
    let options = Options {
        mss: 0,
        scale: None,
        timestamps: false,
        sack: false,
    };
    Flow {
        link,
        options,
        streams: Pair {
            client: Stream::default(),
            server: Stream::default(),
        },
        packets,
    }
}

fn packet(at: Micros, from: Side, ip_id: u64, body: Body) -> Packet {
    Packet {
        at,
        from,
        ip_id: ip_id as u16,
        body,
    }
}

/// One lookup: answered, refused a name, slow, or asked again because nothing came.
pub(super) fn dns(rng: &mut Rng, serial: u64, start: Micros) -> Flow {
    let link = Link {
        tunnel: Tunnel::None,
        ..link(rng, serial, false, 53)
    };
    let id = rng.next() as u16;
    let kind = if rng.chance(400_000) {
        TYPE_AAAA
    } else {
        TYPE_A
    };
    let name = format!("host{}.example{}.com", rng.range(0, 4000), rng.range(0, 40));
    let query = dns_message(rng, id, 0x0100, &name, kind, false);
    let fate = rng.range(0, 1000);
    let mut at = start;
    let mut packets = vec![packet(
        at,
        Side::Client,
        rng.next(),
        Body::Udp(query.clone()),
    )];
    if fate < 30 {
        at += 5_000_000;
        packets.push(packet(at, Side::Client, rng.next(), Body::Udp(query)));
    }
    if fate >= 15 {
        let rcode = if fate < 120 { RCODE_NAME_ERROR } else { 0 };
        at += if fate < 150 {
            rng.micros(200_000, 1_500_000)
        } else {
            rng.micros(300, 40_000)
        };
        let answer = dns_message(rng, id, 0x8180 | rcode, &name, kind, rcode == 0);
        packets.push(packet(at, Side::Server, rng.next(), Body::Udp(answer)));
    }
    flow(link, packets)
}

/// A DNS message (RFC 1035 section 4) with one question and perhaps one to four answers.
fn dns_message(
    rng: &mut Rng,
    id: u16,
    flags: u16,
    name: &str,
    kind: u16,
    answered: bool,
) -> Box<[u8]> {
    let answers = if answered { rng.range(1, 5) as u16 } else { 0 };
    let mut out = Vec::with_capacity(128);
    for field in [id, flags, 1, answers, 0, 0] {
        out.extend(field.to_be_bytes());
    }
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
    }
    out.push(0);
    out.extend([kind, 1].map(u16::to_be_bytes).concat());
    for _ in 0..answers {
        let address = rng.next().to_be_bytes();
        out.extend([0xc0, 12]);
        out.extend([kind, 1].map(u16::to_be_bytes).concat());
        out.extend(300_u32.to_be_bytes());
        if kind == TYPE_A {
            out.extend([0, 4]);
            out.extend(address.iter().take(4));
        } else {
            out.extend([0, 16, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0]);
            out.extend(address);
        }
    }
    out.into_boxed_slice()
}

/// A call: both sides send a datagram every 20 ms for a while; `packets` in all.
pub(super) fn media(rng: &mut Rng, serial: u64, start: Micros, packets: u32) -> Flow {
    let inbound = rng.chance(500_000);
    let link = link(
        rng,
        serial,
        inbound,
        MEDIA_PORTS + (serial % 900) as u16 * 2,
    );
    let len = rng.pick(&[120, 160, 240, 320, 960], 160);
    let mut out = Vec::with_capacity(packets as usize);
    let first_id = rng.next();
    for index in 0..packets {
        let from = if index % 2 == 0 {
            Side::Client
        } else {
            Side::Server
        };
        let number = (index / 2) as u16;
        let at = start
            + i64::from(index / 2) * 20_000
            + rng.micros(0, 3_000)
            + i64::from(index % 2) * 7_000;
        let jitter = rng.range(0, 24) as u16;
        let body = Body::Media {
            number,
            len: len + jitter,
        };
        out.push(packet(
            at,
            from,
            first_id.wrapping_add(u64::from(index)),
            body,
        ));
    }
    flow(link, out)
}

/// Four echo requests a second apart, nearly all answered.
pub(super) fn ping(rng: &mut Rng, serial: u64, start: Micros) -> Flow {
    let link = link(rng, serial, false, 0);
    let (request, reply) = if link.hosts.client.is_ipv4() {
        (8, 0)
    } else {
        (128, 129)
    };
    let id = (rng.next() as u16).to_be_bytes();
    let round_trip = rng.micros(1_000, 80_000);
    let mut out = Vec::new();
    for number in 1..=4_u16 {
        let at = start + i64::from(number) * 1_000_000;
        let message = |kind: u8| -> Box<[u8]> {
            let data: Vec<u8> = (0x10..0x40).collect();
            [&[kind, 0, 0, 0][..], &id, &number.to_be_bytes(), &data]
                .concat()
                .into()
        };
        out.push(packet(
            at,
            Side::Client,
            rng.next(),
            Body::Icmp(message(request)),
        ));
        if !rng.chance(20_000) {
            let back = at + round_trip + rng.micros(0, 500);
            out.push(packet(
                back,
                Side::Server,
                rng.next(),
                Body::Icmp(message(reply)),
            ));
        }
    }
    flow(link, out)
}

/// A datagram to a closed port and the ICMP error that quotes it (RFC 792, RFC 4443).
pub(super) fn unreachable(rng: &mut Rng, serial: u64, start: Micros) -> Flow {
    let link = Link {
        tunnel: Tunnel::None,
        ..link(rng, serial, false, 33_434)
    };
    let payload: Box<[u8]> = format!("probe {serial}").into_bytes().into();
    let cause = packet(start, Side::Client, rng.next(), Body::Udp(payload.clone()));
    let datagram = udp_datagram(&link, Side::Client, &payload);
    let quote = quoted(&link, &cause, PROTOCOL_UDP, &datagram);
    let (kind, code) = if link.hosts.client.is_ipv4() {
        (3, 3)
    } else {
        (1, 4)
    };
    let error = [&[kind, code, 0, 0, 0, 0, 0, 0][..], &quote].concat();
    let back = start + rng.micros(1_000, 60_000);
    let packets = vec![
        cause,
        packet(back, Side::Server, rng.next(), Body::Icmp(error.into())),
    ];
    flow(link, packets)
}

/// Large datagrams over IPv4, each in three fragments, some of them missing one.
pub(super) fn fragments(rng: &mut Rng, serial: u64, start: Micros) -> Flow {
    let mut link = Link {
        tunnel: Tunnel::None,
        ..link(rng, serial, true, 40_000)
    };
    link.hosts.client = Ipv4Addr::new(198, 19, 7, serial as u8).into();
    link.hosts.server = IpAddr::V4(site_v4(serial % SITE_HOSTS));
    let mut out = Vec::new();
    for index in 0..8 {
        let at = start + index * 30_000;
        let noise = (0..500).flat_map(|_| rng.next().to_le_bytes().map(|byte| byte.max(1)));
        let payload: Vec<u8> = b"report\n".iter().copied().chain(noise).collect();
        let datagram = udp_datagram(&link, Side::Client, &payload);
        let id = rng.next();
        let lost = rng.chance(30_000);
        let pieces = datagram.chunks(FRAGMENT_BYTES);
        let last = pieces.len() - 1;
        for (number, bytes) in pieces
            .enumerate()
            .filter(|(number, _)| !(lost && *number == 1))
        {
            let offset = (number * FRAGMENT_BYTES) as u16;
            let body = Body::Fragment {
                offset,
                more: number < last,
                bytes: bytes.into(),
            };
            out.push(packet(at + number as i64 * 12, Side::Client, id, body));
        }
    }
    flow(link, out)
}

/// One machine of the site asks for another's address (RFC 826) and is told.
pub(super) fn arp(rng: &mut Rng, serial: u64, start: Micros) -> Flow {
    let asker = serial % SITE_HOSTS;
    let asked = (asker + 1 + rng.range(0, SITE_HOSTS - 1)) % SITE_HOSTS;
    let mut link = link(rng, serial, false, 0);
    link.vlan = None;
    link.macs = Pair {
        client: site_mac(asker),
        server: site_mac(asked),
    };
    let message = |operation: u8, from: u64, to: u64, to_mac: [u8; 6]| -> Box<[u8]> {
        let fixed = [0, 1, 8, 0, 6, 4, 0, operation];
        let (sender, target) = (site_v4(from).octets(), site_v4(to).octets());
        [&fixed[..], &site_mac(from), &sender, &to_mac, &target]
            .concat()
            .into()
    };
    let request = Body::Arp {
        to: [0xff; 6],
        bytes: message(1, asker, asked, [0; 6]),
    };
    let reply = Body::Arp {
        to: site_mac(asker),
        bytes: message(2, asked, asker, site_mac(asker)),
    };
    let packets = vec![
        packet(start, Side::Client, 0, request),
        packet(start + rng.micros(100, 900), Side::Server, 0, reply),
    ];
    flow(link, packets)
}
