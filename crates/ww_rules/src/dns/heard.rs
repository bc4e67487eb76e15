//! Who sent anything in the capture, and to whom.

use crate::View;
use rustc_hash::FxHashSet;
use std::net::IpAddr;

/// Hosts as senders and receivers, as far as answers, connections, datagrams, ICMP errors and address
/// claims show them.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    senders: FxHashSet<IpAddr>,
    receivers: FxHashSet<IpAddr>,
    /// Those that claimed their address: everybody else on the link was sent the claim.
    claimants: FxHashSet<IpAddr>,
}

impl Heard {
    /// What the capture shows.
    pub(crate) fn of(view: &View<'_>) -> Heard {
        let mut heard = Heard::default();
        let capture = view.capture;
        for asked in &capture.dns.transactions {
            if asked.answer.is_some() {
                heard.senders.insert(asked.server.addr);
                heard.receivers.insert(asked.client.addr);
            }
        }
        for flow in &capture.tcp {
            if flow.sent_by_server.frames > 0 {
                heard.passed(flow.server.addr, flow.client.addr);
            }
            if flow.sent_by_client.frames > 0 {
                heard.passed(flow.client.addr, flow.server.addr);
            }
        }
        for flow in &capture.udp {
            let [by_client, by_server] = flow.datagrams;
            if by_server > 0 {
                heard.receivers.insert(flow.client.addr);
            }
            if by_client > 0 {
                heard.receivers.insert(flow.server.addr);
            }
        }
        heard
            .receivers
            .extend(capture.icmp.iter().map(|error| error.to));
        heard
            .claimants
            .extend(capture.arp.iter().map(|claim| claim.ip));
        heard
    }

    /// The host sent something: an answer of DNS, a segment, a claim to its address.
    pub(crate) fn has_sent(&self, host: IpAddr) -> bool {
        self.senders.contains(&host) || self.claimants.contains(&host)
    }

    /// Somebody sent something to this host.
    pub(crate) fn was_sent_to(&self, host: IpAddr) -> bool {
        let claims_of_others = self.claimants.len() - usize::from(self.claimants.contains(&host));
        claims_of_others > 0 || self.receivers.contains(&host)
    }

    fn passed(&mut self, from: IpAddr, to: IpAddr) {
        self.senders.insert(from);
        self.receivers.insert(to);
    }
}
