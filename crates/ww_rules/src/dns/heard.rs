//! Who sent anything in the capture, and to whom.

use crate::View;
use crate::shared::host;
use rustc_hash::FxHashMap;
use std::net::IpAddr;
use ww_evidence::SideId;

/// Hosts as senders and receivers, as far as answers, connections, datagrams, ICMP errors and address
/// claims show them.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// By their addresses as numbers.
    hosts: FxHashMap<u128, Part>,
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
        let roster = view.roster();
        let mut parts = vec![Part::default(); roster.hosts.listed().len()];
        for (_, row) in roster.connections() {
            for side in [SideId::Client, SideId::Server] {
                if let Some(part) = parts.get_mut(row.host(side) as usize) {
                    part.sent |= row.part(side).sent;
                    part.received |= row.part(side.other()).sent;
                }
            }
        }
        for (&(addr, _), part) in roster.hosts.listed().iter().zip(parts) {
            heard.add(addr, part);
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
            let part = heard.hosts.entry(host(claim.ip)).or_default();
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

    fn part(&self, addr: IpAddr) -> Part {
        self.hosts.get(&host(addr)).copied().unwrap_or_default()
    }

    fn sent(&mut self, host: IpAddr) {
        self.took_part(host, true, false);
    }

    fn received(&mut self, host: IpAddr) {
        self.took_part(host, false, true);
    }

    fn took_part(&mut self, addr: IpAddr, sent: bool, received: bool) {
        let part = Part {
            sent,
            received,
            ..Part::default()
        };
        self.add(host(addr), part);
    }

    fn add(&mut self, host: u128, part: Part) {
        if part.sent || part.received {
            let known = self.hosts.entry(host).or_default();
            known.sent |= part.sent;
            known.received |= part.received;
        }
    }
}
