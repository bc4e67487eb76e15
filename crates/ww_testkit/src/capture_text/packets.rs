//! Packets other than TCP segments, as the player sends them.

use std::net::{IpAddr, SocketAddr};

use super::attributes::Attributes;
use super::dns::Message;
use super::icmp::Icmp;
use super::names::Sent;
use super::player::{Player, fill};
use super::wire::{self, ICMP, ICMPV6, Link, UDP};
use super::words::Mac;

impl Player {
    pub(super) fn send_datagram(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        attributes: &Attributes,
    ) -> Result<Vec<Sent>, String> {
        if source.is_ipv4() != destination.is_ipv4() {
            return Err("both addresses must be IPv4 or both IPv6".to_owned());
        }
        let payload = fill(
            self.application_bytes(attributes, false)?,
            attributes.length,
            0,
        );
        let (from, to) = (source.ip(), destination.ip());
        let id = self.host_id(from, attributes);
        let ip = self.ip((from, to), UDP, id, attributes);
        let datagram = wire::udp(&ip, source.port(), destination.port(), &payload);
        let link = self.link(from, to);
        let Some(size) = attributes.fragment_bytes else {
            return self.emit(link, ip.packet(&datagram), None, attributes);
        };
        let mut sent = Vec::new();
        for (index, fragment) in ip.fragments(&datagram, size).into_iter().enumerate() {
            if !attributes.omitted_fragments.contains(&(index + 1)) {
                sent.extend(self.emit(link, fragment, None, attributes)?);
            }
        }
        Ok(sent)
    }

    pub(super) fn send_icmp(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        icmp: &Icmp,
        attributes: &Attributes,
    ) -> Result<Vec<Sent>, String> {
        if source.is_ipv4() != destination.is_ipv4() {
            return Err("both addresses must be IPv4 or both IPv6".to_owned());
        }
        let body = match &icmp.quote {
            None => fill(attributes.text.clone(), attributes.length, 0),
            Some((of, bytes)) => {
                // As much as fits (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4).
                let most = if source.is_ipv4() {
                    576 - 28
                } else {
                    1280 - 48
                };
                let mut quoted = self.find(of)?.packet.clone();
                quoted.truncate(bytes.unwrap_or(most));
                quoted
            }
        };
        let protocol = if source.is_ipv4() { ICMP } else { ICMPV6 };
        let id = self.host_id(source, attributes);
        let ip = self.ip((source, destination), protocol, id, attributes);
        let packet = ip.packet(&wire::icmp(&ip, icmp.kind, icmp.code, icmp.word, &body));
        self.emit(self.link(source, destination), packet, None, attributes)
    }

    pub(super) fn send_arp(
        &mut self,
        operation: u16,
        (mac, sender): (Option<Mac>, IpAddr),
        target: IpAddr,
        attributes: &Attributes,
    ) -> Result<Vec<Sent>, String> {
        let source = mac.unwrap_or_else(|| self.mac(sender));
        let is_request = operation == 1;
        let target_mac = if is_request { [0; 6] } else { self.mac(target) };
        let is_announcement = is_request || sender == target;
        let link = Link {
            source,
            destination: if is_announcement {
                [0xff; 6]
            } else {
                target_mac
            },
            vlan: None,
            ethertype: wire::ARP,
        };
        let packet = wire::arp(operation, (source, sender), (target_mac, target));
        self.emit(link, packet, None, attributes)
    }

    /// The text of a line or its DNS message, which over TCP has its length before it
    /// (RFC 1035 section 4.2.2).
    pub(super) fn application_bytes(
        &mut self,
        attributes: &Attributes,
        over_tcp: bool,
    ) -> Result<Vec<u8>, String> {
        let Some(message) = &attributes.dns else {
            return Ok(attributes.text.clone());
        };
        let message = message.bytes(self.transaction(message))?;
        let length = (message.len() as u16).to_be_bytes();
        Ok(if over_tcp {
            [&length, message.as_slice()].concat()
        } else {
            message
        })
    }

    /// The id of a DNS message: a fresh one for a query, that of the query for an answer.
    pub(super) fn transaction(&mut self, message: &Message) -> u16 {
        let question = (message.kind, message.name.clone());
        let known = self
            .dns_ids
            .get(&question)
            .copied()
            .filter(|_| message.is_answer);
        let id = message.id.or(known).unwrap_or_else(|| {
            self.dns_queries = self.dns_queries.wrapping_add(1);
            self.dns_queries.wrapping_mul(0x9e37)
        });
        self.dns_ids.insert(question, id);
        id
    }
}
