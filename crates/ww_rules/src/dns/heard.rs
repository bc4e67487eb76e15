//! Who sent anything in the capture, and to whom.

use crate::View;
use rustc_hash::FxHashMap;
use std::net::IpAddr;

/// Hosts as senders and receivers, as far as answers, connections, datagrams, ICMP errors and address
/// claims show them.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    hosts: FxHashMap<IpAddr, Part>,
    /// Hosts that claimed their address: everybody else on the link was sent the claim.
    claimants: usize,
}

/// What a host was seen to do.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    sent: bool,
    received: bool,
    claimed: bool,
}

impl Heard {
    /// What the capture shows.
    pub(crate) fn of(view: &View<'_>) -> Heard {
        let mut heard = Heard::default();
        let capture = view.capture;
        for asked in &capture.dns.transactions {
            if asked.answer.is_some() {
                heard.sent(asked.server.addr);
                heard.received(asked.client.addr);
            }
        }
        for flow in &capture.tcp {
            let by_client = flow.sent_by_client.frames > 0;
            let by_server = flow.sent_by_server.frames > 0;
            heard.took_part(flow.client.addr, by_client, by_server);
            heard.took_part(flow.server.addr, by_server, by_client);
        }
        for flow in &capture.udp {
            let [by_client, by_server] = flow.datagrams;
            heard.took_part(flow.client.addr, false, by_server > 0);
            heard.took_part(flow.server.addr, false, by_client > 0);
        }
        for error in &capture.icmp {
            heard.received(error.to);
        }
        for claim in &capture.arp {
            let part = heard.hosts.entry(claim.ip).or_default();
            heard.claimants += usize::from(!part.claimed);
            part.claimed = true;
        }
        heard
    }

    /// The host sent something: an answer of DNS, a segment, a claim to its address.
    pub(crate) fn has_sent(&self, host: IpAddr) -> bool {
        let part = self.part(host);
        part.sent || part.claimed
    }

    /// Somebody sent something to this host.
    pub(crate) fn was_sent_to(&self, host: IpAddr) -> bool {
        let part = self.part(host);
        self.claimants > usize::from(part.claimed) || part.received
    }

    fn part(&self, host: IpAddr) -> Part {
        self.hosts.get(&host).copied().unwrap_or_default()
    }

    fn sent(&mut self, host: IpAddr) {
        self.took_part(host, true, false);
    }

    fn received(&mut self, host: IpAddr) {
        self.took_part(host, false, true);
    }

    fn took_part(&mut self, host: IpAddr, sent: bool, received: bool) {
        if sent || received {
            let part = self.hosts.entry(host).or_default();
            part.sent |= sent;
            part.received |= received;
        }
    }
}
