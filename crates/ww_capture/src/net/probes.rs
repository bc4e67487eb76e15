//! Packets that test the path, so that the errors they provoke are not taken for trouble.

use super::full;
use super::hash::{address, mix};
use super::index::Index;
use crate::decode::IpHeader;
use ww_base::{Gap, Limits};
use ww_evidence::{HopProbe, Mark};

/// Echo requests, and packets with a hop limit that no host sends by default.
#[derive(Debug)]
pub struct ProbeWatch {
    probes: Vec<HopProbe>,
    /// For each probe the low hop limits seen, one bit each.
    low: Vec<u32>,
    index: Index,
    limit: usize,
    dropped: u64,
}

impl ProbeWatch {
    /// Hop limits below this are low: hosts start at 64, 128 or 255, and few paths have more than 30
    /// routers.
    pub const LOW: u8 = 32;

    /// Keeps at most `limits.network_events` probes.
    pub fn new(limits: &Limits) -> ProbeWatch {
        ProbeWatch {
            probes: Vec::new(),
            low: Vec::new(),
            index: Index::default(),
            limit: limits.network_events as usize,
            dropped: 0,
        }
    }

    /// Takes a packet: an echo request, or any packet, which counts when its hop limit is low.
    pub fn packet(&mut self, mark: Mark, ip: &IpHeader, asks_echo: bool) {
        let is_low = ip.ttl < ProbeWatch::LOW;
        if !(is_low || asks_echo) || ip.dst.is_multicast() {
            return;
        }
        let Some(position) = self.position(mark, ip) else {
            self.dropped += 1;
            return;
        };
        if let (Some(probe), Some(low)) =
            (self.probes.get_mut(position), self.low.get_mut(position))
        {
            if is_low {
                *low |= 1 << ip.ttl;
            }
            probe.low_values = low.count_ones();
            probe.count = probe.count.saturating_add(1);
            probe.ttl_min = probe.ttl_min.min(ip.ttl);
            probe.ttl_max = probe.ttl_max.max(ip.ttl);
            probe.last = mark;
        }
    }

    /// The probes in order of appearance; a full list becomes a gap.
    pub fn finish(self, gaps: &mut Vec<Gap>) -> Vec<HopProbe> {
        gaps.extend(full(
            "path probes (echo requests, low hop limits)",
            self.dropped,
        ));
        self.probes
    }

    fn position(&mut self, mark: Mark, ip: &IpHeader) -> Option<usize> {
        let hash = mix(
            mix(address(ip.src), address(ip.dst)),
            u64::from(ip.protocol),
        );
        let probes = &self.probes;
        let held = self.index.find(hash, |position| {
            probes.get(position).is_some_and(|probe| {
                probe.src == ip.src && probe.dst == ip.dst && probe.protocol == ip.protocol
            })
        });
        if held.is_some() {
            return held;
        }
        let position = self.probes.len();
        if position >= self.limit || !self.index.insert(hash, position) {
            return None;
        }
        self.low.push(0);
        self.probes.push(HopProbe {
            src: ip.src,
            dst: ip.dst,
            protocol: ip.protocol,
            count: 0,
            ttl_min: ip.ttl,
            ttl_max: ip.ttl,
            low_values: 0,
            first: mark,
            last: mark,
        });
        Some(position)
    }
}
