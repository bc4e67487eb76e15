//! What passes beside connections: errors, datagrams, claims to addresses, fragments, loops.
//!
//! [`NetWatch`] takes every frame that is no TCP segment and hands it to the watchers concerned. Each
//! keeps a bounded list in order of first appearance; what does not fit is counted and becomes a
//! [`Gap`].

mod arp;
mod fragments;
mod hash;
mod icmp;
mod index;
mod loops;
mod probes;
mod udp;

#[cfg(test)]
mod tests;

pub use arp::ArpWatch;
pub use fragments::losses;
pub use hash::digest;
pub use icmp::{IcmpWatch, ReassemblyTimeout, meaning};
pub use loops::{LoopWatch, Passing};
pub use probes::ProbeWatch;
pub use udp::UdpWatch;

use crate::decode::{Body, Decoded, FragmentReport, Icmp, IpHeader, LinkLayer, Udp};
use hash::mix;
use ww_base::{Gap, Limits};
use ww_evidence::{Capture, Endpoint, Mark};

/// All watchers of one capture.
#[derive(Debug)]
pub struct NetWatch {
    udp: UdpWatch,
    icmp: IcmpWatch,
    arp: ArpWatch,
    loops: LoopWatch,
    probes: ProbeWatch,
}

impl NetWatch {
    /// Watchers that keep at most `limits.flows` datagram flows and `limits.network_events` of
    /// everything else.
    pub fn new(limits: &Limits) -> NetWatch {
        NetWatch {
            udp: UdpWatch::new(limits),
            icmp: IcmpWatch::new(limits),
            arp: ArpWatch::new(limits),
            loops: LoopWatch::new(limits),
            probes: ProbeWatch::new(limits),
        }
    }

    /// Takes a frame that is no TCP segment. `stream` is the TCP stream of a packet that an ICMP
    /// error quotes.
    pub fn frame(&mut self, mark: Mark, decoded: &Decoded<'_>, wire_len: u32, stream: Option<u32>) {
        match (&decoded.body, &decoded.ip) {
            (Body::Udp(udp), Some(ip)) => self.datagram(mark, ip, udp, wire_len),
            (Body::Icmp(icmp), Some(ip)) => {
                let stream = icmp.quoted.and(stream);
                self.message(mark, ip, &decoded.link, icmp, stream, wire_len);
            }
            (Body::Arp(arp), _) => self.arp.arp(mark, arp),
            _ => {}
        }
    }

    /// Takes a TCP segment whose hop limit is below [`ProbeWatch::LOW`].
    pub fn low_segment(&mut self, mark: Mark, ip: &IpHeader) {
        self.probes.packet(mark, ip, false);
    }

    /// Takes a packet, of TCP for instance, that is a copy of an earlier one but for its hop limit.
    pub fn copy(&mut self, passing: &Passing) {
        self.loops.packet(passing);
    }

    /// Writes what was seen into the capture. `fragments` is what the decoder reports at the end.
    pub fn finish(self, fragments: &FragmentReport, capture: &mut Capture) {
        let gaps = &mut capture.gaps;
        capture.udp = self.udp.finish(gaps);
        let timeouts;
        (capture.icmp, timeouts) = self.icmp.finish(gaps);
        capture.probes = self.probes.finish(gaps);
        capture.loops = self.loops.finish(gaps);
        self.arp.finish(capture);
        capture.fragment_losses = losses(fragments, &timeouts);
        capture.fragmented = fragments.completed
            + fragments.incomplete.len() as u64
            + fragments.incomplete_more
            + fragments.cut;
        capture.gaps.extend(fragments::gap(fragments));
    }

    /// Takes a datagram.
    #[inline]
    pub fn datagram(&mut self, mark: Mark, ip: &IpHeader, udp: &Udp<'_>, wire_len: u32) {
        let src = Endpoint {
            addr: ip.src,
            port: udp.src_port,
        };
        let dst = Endpoint {
            addr: ip.dst,
            port: udp.dst_port,
        };
        let length = match udp.length.checked_sub(8) {
            Some(length) => u64::from(length),
            None => udp.payload.len() as u64,
        };
        self.udp.datagram(mark, src, dst, length);
        if ip.ttl < ProbeWatch::LOW {
            self.probes.packet(mark, ip, false);
        }
        let ports = u64::from(udp.src_port) << 16 | u64::from(udp.dst_port);
        let digest = mix(digest(udp.payload), ports);
        self.loops.packet(&Passing::of(mark, ip, wire_len, digest));
    }

    fn message(
        &mut self,
        mark: Mark,
        ip: &IpHeader,
        link: &LinkLayer,
        icmp: &Icmp<'_>,
        stream: Option<u32>,
        wire_len: u32,
    ) {
        self.icmp.icmp(mark, ip.src, ip.dst, icmp, stream);
        let asks_echo = icmp.kind == if icmp.v6 { 128 } else { 8 };
        if asks_echo || ip.ttl < ProbeWatch::LOW {
            self.probes.packet(mark, ip, asks_echo);
        }
        if icmp.v6 && matches!(icmp.kind, 135 | 136) {
            self.arp.neighbour(mark, ip.src, link.src, icmp);
        } else {
            let head =
                u64::from(icmp.kind) << 40 | u64::from(icmp.code) << 32 | u64::from(icmp.rest);
            let digest = mix(digest(icmp.payload), head);
            self.loops.packet(&Passing::of(mark, ip, wire_len, digest));
        }
    }
}

/// The gap of a list that was full.
fn full(what: &str, dropped: u64) -> Option<Gap> {
    (dropped > 0).then(|| {
        Gap::new(
            format!("{what} beyond the bound on their number ({dropped} packets not counted)"),
            "cut the capture into shorter ones, for instance with editcap -i",
        )
    })
}
