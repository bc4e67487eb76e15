//! Who claims which address on the local link: ARP (RFC 826) and neighbour discovery (RFC 4861).

use super::full;
use super::hash::{address, mix};
use super::index::Index;
use crate::decode::{Arp, Icmp, Mac};
use std::net::{IpAddr, Ipv6Addr};
use ww_base::{Limits, Span};
use ww_evidence::{ArpClaim, Capture, Mark};

/// An answer this long after the last request is still one.
const PATIENCE: Span = Span::from_secs(5);

/// The Override flag of a neighbour advertisement (RFC 4861 section 4.4).
const OVERRIDE: u32 = 0x2000_0000;

/// One address of the link.
#[derive(Debug)]
struct Address {
    ip: IpAddr,
    /// The claim made last.
    holder: Option<usize>,
    asked: u32,
    first_asked: Mark,
    last_asked: Mark,
}

/// Claims to addresses, and questions for them.
#[derive(Debug)]
pub struct ArpWatch {
    addresses: Vec<Address>,
    by_address: Index,
    claims: Vec<ArpClaim>,
    by_claim: Index,
    packets: u64,
    limit: usize,
    dropped: u64,
}

impl ArpWatch {
    /// Keeps at most `limits.network_events` addresses and claims.
    pub fn new(limits: &Limits) -> ArpWatch {
        ArpWatch {
            addresses: Vec::new(),
            by_address: Index::default(),
            claims: Vec::new(),
            by_claim: Index::default(),
            packets: 0,
            limit: limits.network_events as usize,
            dropped: 0,
        }
    }

    /// Takes an ARP message. Requests claim the sender's address too; probes (RFC 5227, sender
    /// 0.0.0.0) and reverse ARP claim nothing.
    pub fn arp(&mut self, mark: Mark, arp: &Arp) {
        if !matches!(arp.operation, 1 | 2) {
            return;
        }
        self.packets += 1;
        if arp.sender_ip.is_unspecified() {
            return;
        }
        let announces = arp.sender_ip == arp.target_ip;
        if arp.operation == 1 && !announces {
            self.ask(mark, arp.target_ip.into());
        }
        let replies = arp.operation == 2 && !announces;
        let asked =
            arp.operation == 1 && !announces || replies && self.asked(mark, arp.sender_ip.into());
        self.claim(mark, arp.sender_ip.into(), arp.sender_mac, !asked);
    }

    /// Takes a neighbour solicitation or advertisement from `src`; `mac` is the frame's source
    /// address, used where the message has no link-layer option. Advertisements that do not override
    /// come from proxies and anycast addresses and claim nothing.
    pub fn neighbour(&mut self, mark: Mark, src: IpAddr, mac: Option<Mac>, icmp: &Icmp<'_>) {
        let Some((target, options)) = icmp.payload.split_first_chunk::<16>() else {
            return;
        };
        self.packets += 1;
        let target = IpAddr::V6(Ipv6Addr::from(*target));
        if icmp.kind == 135 {
            if src.is_unspecified() {
                return;
            }
            self.ask(mark, target);
            if let Some(mac) = link_address(options, 1) {
                self.claim(mark, src, mac, false);
            }
        } else if icmp.rest & OVERRIDE != 0
            && let Some(mac) = link_address(options, 2).or(mac)
        {
            let asked = self.asked(mark, target);
            self.claim(mark, target, mac, !asked);
        }
    }

    /// Writes claims, unanswered questions and the count of packets; a full list becomes a gap.
    pub fn finish(self, capture: &mut Capture) {
        capture
            .gaps
            .extend(full("claims to addresses of the link", self.dropped));
        capture.arp_unanswered = self
            .addresses
            .iter()
            .filter(|address| address.asked > 0 && address.holder.is_none())
            .map(|address| (address.ip, address.asked, address.first_asked))
            .collect();
        capture.arp = self.claims;
        capture.arp_packets = self.packets;
    }

    fn ask(&mut self, mark: Mark, ip: IpAddr) {
        let Some(position) = self.address(ip) else {
            return;
        };
        if let Some(address) = self.addresses.get_mut(position) {
            if address.asked == 0 {
                address.first_asked = mark;
            }
            address.asked = address.asked.saturating_add(1);
            address.last_asked = mark;
        }
    }

    /// Somebody asked for the address just now.
    fn asked(&mut self, mark: Mark, ip: IpAddr) -> bool {
        let position = self.address(ip);
        position
            .and_then(|position| self.addresses.get(position))
            .is_some_and(|address| address.asked > 0 && mark.at - address.last_asked.at <= PATIENCE)
    }

    fn claim(&mut self, mark: Mark, ip: IpAddr, mac: Mac, unsolicited: bool) {
        let (Some(position), Some(claim)) = (self.address(ip), self.claim_of(mark, ip, mac)) else {
            self.dropped += 1;
            return;
        };
        let before = self
            .addresses
            .get_mut(position)
            .and_then(|address| address.holder.replace(claim));
        if let Some(held) = self.claims.get_mut(claim) {
            held.count = held.count.saturating_add(1);
            held.unsolicited = held.unsolicited.saturating_add(u32::from(unsolicited));
            let taken = before.is_some_and(|before| before != claim);
            held.takeovers = held.takeovers.saturating_add(u32::from(taken));
            held.last = mark;
        }
    }

    fn address(&mut self, ip: IpAddr) -> Option<usize> {
        let hash = address(ip);
        let addresses = &self.addresses;
        let held = self.by_address.find(hash, |position| {
            addresses.get(position).is_some_and(|held| held.ip == ip)
        });
        if held.is_some() {
            return held;
        }
        let position = self.addresses.len();
        if position >= self.limit || !self.by_address.insert(hash, position) {
            return None;
        }
        self.addresses.push(Address {
            ip,
            holder: None,
            asked: 0,
            first_asked: Mark::default(),
            last_asked: Mark::default(),
        });
        Some(position)
    }

    fn claim_of(&mut self, mark: Mark, ip: IpAddr, mac: Mac) -> Option<usize> {
        let hash = mac
            .iter()
            .fold(address(ip), |state, &byte| mix(state, u64::from(byte)));
        let claims = &self.claims;
        let held = self.by_claim.find(hash, |position| {
            claims
                .get(position)
                .is_some_and(|held| held.ip == ip && held.mac == mac)
        });
        if held.is_some() {
            return held;
        }
        let position = self.claims.len();
        if position >= self.limit || !self.by_claim.insert(hash, position) {
            return None;
        }
        self.claims.push(ArpClaim {
            ip,
            mac,
            count: 0,
            unsolicited: 0,
            takeovers: 0,
            first: mark,
            last: mark,
        });
        Some(position)
    }
}

/// The link-layer address in the option of that type (RFC 4861 section 4.6.1).
fn link_address(mut options: &[u8], kind: u8) -> Option<Mac> {
    while let &[this, units, ..] = options {
        let length = usize::from(units) * 8;
        let option = options.get(..length).filter(|_| length > 0)?;
        if this == kind {
            return option.get(2..)?.first_chunk::<6>().copied();
        }
        options = options.get(length..)?;
    }
    None
}
