//! ICMP errors, grouped by who sent them about what.

use super::full;
use super::hash::{address, endpoint, mix};
use super::index::Index;
use crate::decode::{self, Icmp};
use std::net::IpAddr;
use ww_base::{Gap, Limits};
use ww_evidence::{Endpoint, IcmpError, IcmpMeaning, Mark, Quoted};

/// A report that fragments did not all arrive, with what identifies the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReassemblyTimeout {
    /// Sender of the datagram.
    pub src: IpAddr,
    /// Its receiver.
    pub dst: IpAddr,
    /// Its IPv4 identification; errors about IPv6 are matched without.
    pub id: Option<u16>,
    /// The frame that reports it.
    pub frame: u64,
}

/// ICMP and ICMPv6 errors of a capture.
#[derive(Debug)]
pub struct IcmpWatch {
    errors: Vec<IcmpError>,
    index: Index,
    timeouts: Vec<ReassemblyTimeout>,
    limit: usize,
    dropped: u64,
}

impl IcmpWatch {
    /// Keeps at most `limits.network_events` different errors.
    pub fn new(limits: &Limits) -> IcmpWatch {
        IcmpWatch {
            errors: Vec::new(),
            index: Index::default(),
            timeouts: Vec::new(),
            limit: limits.network_events as usize,
            dropped: 0,
        }
    }

    /// Takes a message from `src` to `dst`; `stream` is the TCP stream of the packet it quotes.
    /// Messages that are no errors are ignored.
    pub fn icmp(
        &mut self,
        mark: Mark,
        src: IpAddr,
        dst: IpAddr,
        icmp: &Icmp<'_>,
        stream: Option<u32>,
    ) {
        let Some(meaning) = meaning(icmp.v6, icmp.kind, icmp.code) else {
            return;
        };
        if meaning == IcmpMeaning::ReassemblyTimeExceeded {
            self.timeout(mark, icmp);
        }
        let error = IcmpError {
            from: src,
            to: dst,
            v6: icmp.v6,
            kind: icmp.kind,
            code: icmp.code,
            meaning,
            quoted: icmp.quoted.as_ref().map(quoted),
            stream,
            mtu: icmp.mtu,
            count: 1,
            first: mark,
            last: mark,
        };
        let hash = key(&error);
        let errors = &self.errors;
        let held = self.index.find(hash, |position| {
            errors.get(position).is_some_and(|held| alike(held, &error))
        });
        if let Some(held) = held.and_then(|position| self.errors.get_mut(position)) {
            held.count = held.count.saturating_add(1);
            held.last = mark;
            // A path can narrow twice; the lowest MTU is the one that counts.
            held.mtu = held.mtu.into_iter().chain(error.mtu).min();
        } else if self.errors.len() < self.limit && self.index.insert(hash, self.errors.len()) {
            self.errors.push(error);
        } else {
            self.dropped += 1;
        }
    }

    /// The errors in order of appearance, and reports of missing fragments; a full list becomes a
    /// gap.
    pub fn finish(self, gaps: &mut Vec<Gap>) -> (Vec<IcmpError>, Vec<ReassemblyTimeout>) {
        gaps.extend(full("ICMP errors", self.dropped));
        (self.errors, self.timeouts)
    }

    fn timeout(&mut self, mark: Mark, icmp: &Icmp<'_>) {
        if let Some(quoted) = icmp.quoted.filter(|_| self.timeouts.len() < self.limit) {
            self.timeouts.push(ReassemblyTimeout {
                src: quoted.src,
                dst: quoted.dst,
                id: quoted.id,
                frame: mark.frame(),
            });
        }
    }
}

/// What an ICMP or ICMPv6 error means; none for messages that are no errors.
pub fn meaning(v6: bool, kind: u8, code: u8) -> Option<IcmpMeaning> {
    use IcmpMeaning as M;
    Some(match (v6, kind, code) {
        (false, 3, 0 | 6 | 11) | (true, 1, 0) => M::NetUnreachable,
        (false, 3, 1 | 7 | 12) | (true, 1, 3) => M::HostUnreachable,
        (false, 3, 2) | (true, 4, 1) => M::ProtocolUnreachable,
        (false, 3, 3) | (true, 1, 4) => M::PortUnreachable,
        (false, 3, 4) | (true, 2, _) => M::TooBig,
        (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => M::Prohibited,
        (false, 11, 0) | (true, 3, 0) => M::TimeExceeded,
        (false, 11, 1) | (true, 3, 1) => M::ReassemblyTimeExceeded,
        (false, 5, _) | (true, 137, _) => M::Redirect,
        (false, 3 | 4 | 11 | 12, _) | (true, 1..=127, _) => M::Other,
        _ => return None,
    })
}

/// The flow that an error is about; ports are 0 where the quote does not reach them.
fn quoted(quoted: &decode::Quoted) -> Quoted {
    let (src_port, dst_port) = quoted.ports.unwrap_or_default();
    Quoted {
        src: Endpoint {
            addr: quoted.src,
            port: src_port,
        },
        dst: Endpoint {
            addr: quoted.dst,
            port: dst_port,
        },
        protocol: quoted.protocol,
    }
}

fn key(error: &IcmpError) -> u64 {
    let kind = u64::from(error.kind) << 8 | u64::from(error.code);
    let from = mix(mix(address(error.from), address(error.to)), kind);
    match &error.quoted {
        Some(quoted) => mix(mix(from, endpoint(quoted.src)), endpoint(quoted.dst)),
        None => from,
    }
}

/// Same sender, receiver, meaning and flow.
fn alike(a: &IcmpError, b: &IcmpError) -> bool {
    (a.from, a.to, a.v6, a.kind, a.code, a.quoted, a.stream)
        == (b.from, b.to, b.v6, b.kind, b.code, b.quoted, b.stream)
}
