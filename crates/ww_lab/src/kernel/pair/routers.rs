//! The two routers and what comes through them.

use super::invent::Files;
use crate::error::LabError;
use crate::kernel::frame::{self, Arrival};
use crate::kernel::router::{feed, forget_connections};
use crate::namespace::Namespace;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use ww_model::Packet;
use ww_model::net::Prefix;
use ww_model::packet::protocol;
use ww_reach::answer::Reachability;

/// Where hosts are: on the TAP interfaces, by router and interface.
const ENDS: [(usize, &str); 3] = [(0, "eth0"), (0, "eth2"), (1, "eth0")];

const SYSCTLS: [(&str, &str); 10] = [
    ("ipv4.ip_forward", "1"),
    ("ipv4.conf.all.rp_filter", "0"),
    ("ipv4.conf.default.rp_filter", "0"),
    ("ipv4.conf.all.send_redirects", "0"),
    ("ipv4.conf.default.send_redirects", "0"),
    ("ipv4.icmp_ratelimit", "0"),
    ("ipv6.conf.all.disable_ipv6", "1"),
    ("ipv6.conf.default.disable_ipv6", "1"),
    // Replies acknowledge numbers that nobody sent.
    ("netfilter.nf_conntrack_tcp_be_liberal", "1"),
    ("netfilter.nf_conntrack_checksum", "0"),
];

/// Two routers in namespaces.
pub(super) struct Pair {
    namespaces: [Namespace; 2],
    taps: Vec<File>,
    added: Vec<(usize, String)>,
    buffer: Vec<u8>,
}

/// Where a packet came out, and as what.
pub(super) type Out = (usize, Arrival);

impl Pair {
    pub(super) fn build() -> Result<Pair, LabError> {
        let namespaces = [Namespace::create("one")?, Namespace::create("two")?];
        for namespace in &namespaces {
            for (key, value) in SYSCTLS {
                namespace.sysctl(key, value)?;
            }
            namespace.command("ip link set lo up")?;
        }
        let [one, two] = &namespaces;
        one.command(&format!(
            "ip link add eth1 address 02:77:00:00:02:01 type veth peer name eth1 address 02:77:00:00:02:02 netns {}",
            two.name()
        ))?;
        for (namespace, own, other) in [(one, 1, 2), (two, 2, 1)] {
            namespace.command(&format!("ip addr add 10.12.0.{own}/24 dev eth1"))?;
            namespace.command("ip link set eth1 up")?;
            namespace.command(&format!(
                "ip neigh add 10.12.0.{other} lladdr 02:77:00:00:02:0{other} dev eth1 nud permanent"
            ))?;
        }
        let mut taps = Vec::new();
        for (number, (router, interface)) in ENDS.into_iter().enumerate() {
            let Some(namespace) = namespaces.get(router) else {
                continue;
            };
            let tap = namespace.run(|| ww_sys::open_tap(interface))?;
            taps.push(tap.map_err(|error| LabError::NotPossible {
                operation: "create TAP interfaces".to_owned(),
                reason: error.to_string(),
            })?);
            namespace.command(&format!(
                "ip link set {interface} arp off address 02:77:00:00:01:0{number} up"
            ))?;
            let own = ["10.1.0.1", "198.51.100.2", "10.2.0.1"]
                .get(number)
                .copied();
            let own = own.unwrap_or_default();
            namespace.command(&format!("ip addr add {own}/24 dev {interface}"))?;
        }
        Ok(Pair {
            namespaces,
            taps,
            added: Vec::new(),
            buffer: vec![0; 4096],
        })
    }

    /// Puts other routes and rules in the place of those before.
    pub(super) fn load(&mut self, files: &[Files; 2]) -> Result<(), LabError> {
        for (router, route) in std::mem::take(&mut self.added) {
            if let Some(namespace) = self.namespaces.get(router) {
                namespace.command(&format!("ip route del {route}"))?;
            }
        }
        for (router, (namespace, one)) in self.namespaces.iter().zip(files).enumerate() {
            for route in &one.added {
                namespace.command(&format!("ip route add {route}"))?;
                self.added.push((router, route.clone()));
            }
            namespace.run(|| feed("iptables-restore", &[], &one.rules))??;
        }
        Ok(())
    }

    /// Tries a connection: how it fares, and as what the first packet comes out.
    pub(super) fn connect(
        &mut self,
        packet: &Packet,
        id: u32,
        patience: Duration,
    ) -> Result<(Reachability, Option<Out>), LabError> {
        for namespace in &self.namespaces {
            namespace.run(forget_connections)??;
        }
        let home = end_of(packet.src);
        let out = self.send(home, packet, id, patience)?;
        let Some((end, seen)) = out else {
            return Ok((Reachability::Blocked, None));
        };
        let reply = Packet {
            src: seen.dst,
            dst: seen.src,
            sport: seen.ports.1,
            dport: seen.ports.0,
            tcp_flags: if packet.proto == protocol::TCP {
                0x12
            } else {
                0
            },
            ..packet.clone()
        };
        // Hosts on one link need no router.
        let back = if is_on_link(end, reply.dst) && !is_own(reply.dst) {
            Some((end, (reply.src, reply.dst, (reply.sport, reply.dport))))
        } else {
            let back = self.send(end, &reply, id | 1 << 31, patience)?;
            back.map(|(end, seen)| (end, (seen.src, seen.dst, seen.ports)))
        };
        let expected = (packet.dst, packet.src, (packet.dport, packet.sport));
        let verdict = if back == Some((home, expected)) {
            Reachability::Reachable
        } else {
            Reachability::Blocked
        };
        Ok((verdict, out))
    }

    /// Sends a packet into an end, and waits until it comes out of one.
    fn send(
        &mut self,
        end: usize,
        packet: &Packet,
        id: u32,
        patience: Duration,
    ) -> Result<Option<Out>, LabError> {
        let frame = frame::build(packet, id, [2, 0x77, 0, 0, 1, end as u8]);
        if let Some(tap) = self.taps.get_mut(end) {
            tap.write_all(&frame)
                .map_err(LabError::io("write a frame"))?;
        }
        let sent = Instant::now();
        let mut found = None;
        loop {
            for (number, tap) in self.taps.iter_mut().enumerate() {
                while let Ok(length) = tap.read(&mut self.buffer) {
                    let arrival = frame::parse(self.buffer.get(..length).unwrap_or_default());
                    let own = arrival.filter(|one| one.refusal.is_none() && one.id == id);
                    found = found.or(own.map(|one| (number, one)));
                }
            }
            if found.is_some() || sent.elapsed() > patience {
                return Ok(found);
            }
            std::thread::yield_now();
        }
    }
}

/// Whether a host is on the link of an end.
fn is_on_link(end: usize, host: IpAddr) -> bool {
    let links = ["10.1.0.0/24", "198.51.100.0/24", "10.2.0.0/24"];
    let link = links.get(end).and_then(|link| link.parse().ok());
    link.is_some_and(|link: Prefix| link.contains(host))
}

/// Whether an address is one of a router.
fn is_own(address: IpAddr) -> bool {
    let own = [[10, 1, 0, 1], [10, 2, 0, 1], [198, 51, 100, 2]];
    own.iter().any(|one| address == IpAddr::from(*one))
}

/// The end where packets of a source come in.
fn end_of(source: IpAddr) -> usize {
    match source {
        IpAddr::V4(v4) => match v4.octets() {
            [10, 1, 0, _] => 0,
            [10, 2, 0, _] => 2,
            _ => 1,
        },
        IpAddr::V6(_) => 1,
    }
}
