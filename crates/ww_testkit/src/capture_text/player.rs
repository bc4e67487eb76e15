//! Statements played one after the other: the clock, the hosts, the connections, the frames.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::CompiledCapture;
use super::attributes::{Attributes, Identification};
use super::connection::{Connection, Host, Segment, Side};
use super::names::{Names, Sent};
use super::statement::{EndpointOptions, Event, FrameRef, HostOptions, Statement, When};
use super::wire::{self, Ip, Link, TCP};
use super::words::Mac;

/// Where the clock of every capture starts: 2024-01-01 00:00:00 UTC.
const START_NS: i64 = 1_704_067_200_000_000_000;

/// More than any page needs; a runaway `repeat` ends here.
const MOST_BYTES: usize = 32 << 20;

/// The largest IPv4 packet, and so the longest payload allowed, leaving room for headers.
const MOST_PAYLOAD: usize = 65_400;

/// The state of a capture that is being written.
#[derive(Debug, Default)]
pub(super) struct Player {
    pub(super) now_ns: i64,
    repeats_began_ns: Vec<i64>,
    snaplen: Option<u32>,
    hosts: BTreeMap<IpAddr, HostState>,
    client: Option<(SocketAddr, EndpointOptions)>,
    server: Option<(SocketAddr, EndpointOptions)>,
    pub(super) connections: BTreeMap<String, (Connection, EndpointOptions, EndpointOptions)>,
    connections_made: u32,
    pub(super) names: Names,
    pub(super) dns_queries: u16,
    pub(super) dns_ids: BTreeMap<(u16, String), u16>,
    frames: Vec<Sent>,
    records: Vec<u8>,
    finds: BTreeSet<u64>,
}

/// What packets of one address carry.
#[derive(Debug, Default)]
struct HostState {
    options: HostOptions,
    /// The identification of the next packet that belongs to no TCP connection.
    next_id: u16,
}

impl Player {
    /// Whether a `repeat` block is being played.
    pub(super) fn in_repeat(&self) -> bool {
        !self.repeats_began_ns.is_empty()
    }

    pub(super) fn enter_repeat(&mut self) {
        self.repeats_began_ns.push(self.now_ns);
    }

    pub(super) fn start_iteration(&mut self, offset_ns: Option<i64>) {
        if let (Some(began), Some(offset)) = (self.repeats_began_ns.last(), offset_ns) {
            self.now_ns = began.saturating_add(offset);
        }
    }

    pub(super) fn leave_repeat(&mut self) {
        self.repeats_began_ns.pop();
    }

    /// The capture.
    pub(super) fn finish(self) -> CompiledCapture {
        let mut pcap = wire::pcap_header(self.snaplen.unwrap_or(262_144));
        pcap.extend(self.records);
        CompiledCapture {
            pcap,
            frames: self.frames.len() as u64,
            finds: self.finds,
            names: self.names.frames(),
        }
    }

    /// Plays one statement.
    pub(super) fn play(&mut self, statement: Statement, finds: bool) -> Result<(), String> {
        let frames_before = self.frames.len();
        match statement {
            Statement::Endpoint {
                side,
                address,
                options,
            } => self.declare_end(side, address, options)?,
            Statement::Connection {
                name,
                client,
                server,
                options,
            } => {
                self.set_host(client.ip(), options.host);
                self.set_host(server.ip(), options.host);
                self.open(name, (client, options.clone()), (server, options));
            }
            Statement::Host { address, options } => self.set_host(address, options),
            Statement::Reopen { name, new_port } => self.reopen(&name, new_port)?,
            Statement::Snaplen(bytes) => self.snaplen = Some(bytes),
            Statement::Event {
                when,
                event,
                attributes,
            } => self.play_event(when, &event, &attributes)?,
        }
        if finds {
            let marked = frames_before as u64 + 1..=self.frames.len() as u64;
            if marked.is_empty() {
                return Err(
                    "`# finds` marks the frame of its own line; this line has none".to_owned(),
                );
            }
            self.finds.extend(marked);
        }
        Ok(())
    }

    fn declare_end(
        &mut self,
        side: Side,
        address: SocketAddr,
        options: EndpointOptions,
    ) -> Result<(), String> {
        self.set_host(address.ip(), options.host);
        match side {
            Side::Client => self.client = Some((address, options)),
            Side::Server => self.server = Some((address, options)),
        }
        if let (Some(client), Some(server)) = (self.client.clone(), self.server.clone()) {
            if client.0.is_ipv4() != server.0.is_ipv4() {
                return Err("both ends of a connection must be IPv4 or both IPv6".to_owned());
            }
            self.open(String::new(), client, server);
        }
        Ok(())
    }

    fn set_host(&mut self, address: IpAddr, options: HostOptions) {
        let known = &mut self.hosts.entry(address).or_default().options;
        known.ttl = options.ttl.or(known.ttl);
        known.mac = options.mac.or(known.mac);
    }

    fn open(
        &mut self,
        name: String,
        client: (SocketAddr, EndpointOptions),
        server: (SocketAddr, EndpointOptions),
    ) {
        self.connections_made += 1;
        let serial = self.connections_made * 2;
        let connection = Connection::new(
            name.clone(),
            Host::new(client.0, &client.1, serial),
            Host::new(server.0, &server.1, serial + 1),
        );
        self.connections
            .insert(name, (connection, client.1, server.1));
    }

    fn reopen(&mut self, name: &str, new_port: bool) -> Result<(), String> {
        let (connection, client, server) = self
            .connections
            .get(name)
            .cloned()
            .ok_or_else(|| unknown(name))?;
        let mut address = connection.client.address;
        if new_port {
            address.set_port(address.port().wrapping_add(1));
        }
        self.open(
            name.to_owned(),
            (address, client),
            (connection.server.address, server),
        );
        Ok(())
    }

    fn play_event(
        &mut self,
        when: When,
        event: &Event,
        attributes: &Attributes,
    ) -> Result<(), String> {
        match when {
            When::At(at) => self.now_ns = at,
            When::After(span) => self.now_ns = self.now_ns.saturating_add(span),
            When::Lost | When::Unseen => {}
        }
        if attributes.length.unwrap_or(0).max(attributes.text.len()) > MOST_PAYLOAD {
            return Err(format!("a payload is at most {MOST_PAYLOAD} bytes"));
        }
        let count = attributes.count.unwrap_or(1);
        for index in 0..count {
            if index > 0 {
                self.now_ns = self.now_ns.saturating_add(attributes.every.unwrap_or(0));
            }
            for sent in self.send(when, event, attributes)? {
                if let Some(name) = &attributes.name {
                    self.names.add(name, index, count, &sent);
                }
            }
        }
        Ok(())
    }

    fn send(
        &mut self,
        when: When,
        event: &Event,
        attributes: &Attributes,
    ) -> Result<Vec<Sent>, String> {
        match event {
            Event::Segment {
                connection,
                side,
                flags,
            } => self.send_segment(when, connection, *side, *flags, attributes),
            Event::Retransmission {
                connection,
                side,
                of,
            } => self.send_again(when, connection, *side, of.as_deref(), attributes),
            Event::Udp {
                source,
                destination,
            } => self.send_datagram(*source, *destination, attributes),
            Event::Icmp {
                source,
                destination,
                icmp,
            } => self.send_icmp(*source, *destination, icmp, attributes),
            Event::Arp {
                operation,
                sender,
                target,
            } => self.send_arp(*operation, *sender, *target, attributes),
            Event::Copy { of } => {
                let original = self.find(of)?;
                let mut packet = original.packet.clone();
                if let Some(ttl) = attributes.ttl {
                    wire::set_ttl(&mut packet, ttl);
                }
                let segment = original.segment.clone();
                self.emit(original.link, packet, segment, attributes)
            }
            Event::Raw(bytes) => self.emit_raw(bytes, attributes),
        }
    }

    pub(super) fn find(&self, of: &FrameRef) -> Result<&Sent, String> {
        match of {
            FrameRef::Previous => self
                .frames
                .last()
                .ok_or_else(|| "there is no frame yet".to_owned()),
            FrameRef::Name(name) => self.names.sent(name),
            FrameRef::Number(number) => usize::try_from(*number)
                .ok()
                .and_then(|number| self.frames.get(number.checked_sub(1)?))
                .ok_or_else(|| format!("there is no frame {number} yet")),
        }
    }

    pub(super) fn host_id(&mut self, address: IpAddr, attributes: &Attributes) -> u16 {
        let host = self.hosts.entry(address).or_default();
        match attributes.id {
            Some(Identification::Number(id)) => id,
            Some(Identification::Same) => host.next_id,
            None => {
                host.next_id = host.next_id.wrapping_add(1);
                host.next_id
            }
        }
    }

    pub(super) fn ip(
        &self,
        (source, destination): (IpAddr, IpAddr),
        protocol: u8,
        id: u16,
        attributes: &Attributes,
    ) -> Ip {
        let usual = self.hosts.get(&source).and_then(|host| host.options.ttl);
        Ip {
            source,
            destination,
            ttl: attributes.ttl.or(usual).unwrap_or(64),
            traffic_class: attributes.dscp << 2 | attributes.ecn,
            id,
            dont_fragment: !attributes.may_fragment && protocol == TCP,
            protocol,
        }
    }

    pub(super) fn link(&self, source: IpAddr, destination: IpAddr) -> Link {
        Link {
            source: self.mac(source),
            destination: self.mac(destination),
            vlan: None,
            ethertype: wire::ethertype(source),
        }
    }

    /// The hardware address of a host: the declared one, or one made of its address.
    pub(super) fn mac(&self, address: IpAddr) -> Mac {
        let declared = self.hosts.get(&address).and_then(|host| host.options.mac);
        declared.unwrap_or_else(|| {
            let octets = wire::octets(address);
            match octets.as_slice() {
                [.., a, b, c, d] => [2, u8::from(address.is_ipv6()), *a, *b, *c, *d],
                _ => [2, 0, 0, 0, 0, 0],
            }
        })
    }

    pub(super) fn emit(
        &mut self,
        mut link: Link,
        packet: Vec<u8>,
        segment: Option<Segment>,
        attributes: &Attributes,
    ) -> Result<Vec<Sent>, String> {
        if let Some((source, destination)) = attributes.ether {
            (link.source, link.destination) = (source, destination);
        }
        link.vlan = attributes.vlan.or(link.vlan);
        let frame = wire::ethernet(&link, &packet);
        self.record(&frame, attributes)?;
        let number = self.frames.len() as u64 + 1;
        let sent = Sent {
            frame: Some(number),
            link,
            packet,
            segment,
        };
        self.frames.push(sent.clone());
        Ok(vec![sent])
    }

    fn emit_raw(&mut self, bytes: &[u8], attributes: &Attributes) -> Result<Vec<Sent>, String> {
        let (Some((header, packet)), true) = (bytes.split_at_checked(14), bytes.len() < 1 << 18)
        else {
            return Err("a frame has at least the 14 bytes of an Ethernet header".to_owned());
        };
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, high, low] = header else {
            return Err("a frame has at least the 14 bytes of an Ethernet header".to_owned());
        };
        let link = Link {
            source: [*s0, *s1, *s2, *s3, *s4, *s5],
            destination: [*d0, *d1, *d2, *d3, *d4, *d5],
            vlan: None,
            ethertype: u16::from_be_bytes([*high, *low]),
        };
        self.emit(link, packet.to_vec(), None, attributes)
    }

    fn record(&mut self, frame: &[u8], attributes: &Attributes) -> Result<(), String> {
        let snaplen = self
            .snaplen
            .unwrap_or(u32::MAX)
            .min(attributes.caplen.unwrap_or(u32::MAX));
        let at = START_NS.saturating_add(self.now_ns);
        self.records.extend(wire::pcap_record(at, frame, snaplen));
        if self.records.len() > MOST_BYTES {
            return Err(format!("the capture exceeds {MOST_BYTES} bytes"));
        }
        Ok(())
    }
}

pub(super) fn unknown(name: &str) -> String {
    if name.is_empty() {
        "declare `client ADDRESS:PORT` and `server ADDRESS:PORT` first".to_owned()
    } else {
        format!(
            "no connection is named `{name}`; declare it with `conn {name} ADDRESS:PORT > ADDRESS:PORT`"
        )
    }
}

/// A payload of `length` bytes: the text, then a pattern that depends only on the place in the
/// stream, so that the same bytes are sent when the same place is sent again.
pub(super) fn fill(text: Vec<u8>, length: Option<usize>, place: i64) -> Vec<u8> {
    const PATTERN: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut payload = text;
    let missing = length.unwrap_or(0).saturating_sub(payload.len());
    let start = place.rem_euclid(PATTERN.len() as i64) as usize + payload.len();
    payload.extend(
        PATTERN
            .iter()
            .cycle()
            .skip(start % PATTERN.len())
            .take(missing),
    );
    payload
}
