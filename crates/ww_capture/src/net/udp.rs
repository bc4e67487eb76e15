//! Datagrams counted per pair of endpoints.

use super::full;
use super::hash::endpoint;
use super::index::Index;
use ww_base::{Gap, Limits};
use ww_evidence::{Endpoint, Mark, UdpFlow};

/// Datagram flows of a capture.
#[derive(Debug)]
pub struct UdpWatch {
    flows: Vec<UdpFlow>,
    index: Index,
    /// The flow of the previous datagram: the next one often belongs to it.
    latest: usize,
    limit: usize,
    dropped: u64,
}

impl UdpWatch {
    /// Keeps at most `limits.flows` flows.
    pub fn new(limits: &Limits) -> UdpWatch {
        UdpWatch {
            flows: Vec::new(),
            index: Index::default(),
            latest: 0,
            limit: limits.flows as usize,
            dropped: 0,
        }
    }

    /// Counts a datagram of `length` payload bytes.
    #[inline]
    pub fn datagram(&mut self, mark: Mark, src: Endpoint, dst: Endpoint, length: u64) {
        if !self
            .flows
            .get(self.latest)
            .is_some_and(|flow| joins(flow, src, dst))
        {
            let Some(position) = self.position(mark, src, dst) else {
                self.dropped += 1;
                return;
            };
            self.latest = position;
        }
        if let Some(flow) = self.flows.get_mut(self.latest) {
            let [client_sent, server_sent] = &mut flow.datagrams;
            let [client_bytes, server_bytes] = &mut flow.bytes;
            let (sent, bytes) = if flow.client == src {
                (client_sent, client_bytes)
            } else {
                (server_sent, server_bytes)
            };
            *sent += 1;
            *bytes += length;
            flow.last = mark;
        }
    }

    /// The flows in order of appearance; a full list becomes a gap.
    pub fn finish(self, gaps: &mut Vec<Gap>) -> Vec<UdpFlow> {
        gaps.extend(full("UDP flows", self.dropped));
        self.flows
    }

    /// Where the flow is, or now starts; none when there is no room.
    fn position(&mut self, mark: Mark, src: Endpoint, dst: Endpoint) -> Option<usize> {
        // The sum makes both directions meet.
        let hash = endpoint(src).wrapping_add(endpoint(dst));
        let flows = &self.flows;
        let held = self.index.find(hash, |position| {
            flows
                .get(position)
                .is_some_and(|flow| joins(flow, src, dst))
        });
        if held.is_some() {
            return held;
        }
        let position = self.flows.len();
        if position >= self.limit || !self.index.insert(hash, position) {
            return None;
        }
        self.flows.push(UdpFlow {
            client: src,
            server: dst,
            datagrams: [0; 2],
            bytes: [0; 2],
            first: mark,
            last: mark,
        });
        Some(position)
    }
}

/// The flow is between these endpoints.
fn joins(flow: &UdpFlow, src: Endpoint, dst: Endpoint) -> bool {
    (flow.client == src && flow.server == dst) || (flow.client == dst && flow.server == src)
}
