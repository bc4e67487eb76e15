//! TCP segments as the player sends them.

use super::attributes::{Attributes, Identification};
use super::connection::{Plan, Side};
use super::names::Sent;
use super::player::{Player, fill, unknown};
use super::statement::When;
use super::wire::{self, TCP};

impl Player {
    pub(super) fn send_segment(
        &mut self,
        when: When,
        name: &str,
        side: Side,
        flags: u8,
        attributes: &Attributes,
    ) -> Result<Vec<Sent>, String> {
        let text = self.application_bytes(attributes, true)?;
        let (connection, ..) = self
            .connections
            .get_mut(name)
            .ok_or_else(|| unknown(name))?;
        let host = connection.ends(side).0;
        let next = if flags & wire::SYN != 0 {
            0
        } else {
            host.next()
        };
        let everything = host.acknowledgeable();
        let seq = attributes
            .seq
            .as_ref()
            .map_or(Ok(next), |seq| self.names.seq(seq, next))?;
        let plan = Plan {
            flags,
            seq,
            ack: attributes
                .ack
                .as_ref()
                .map_or(Ok(everything), |ack| self.names.ack(ack, everything))?,
            payload: fill(text, attributes.length, seq),
            sack: attributes
                .sack
                .as_ref()
                .map(|blocks| blocks.iter().map(|block| self.names.block(block)).collect())
                .transpose()?,
        };
        self.transmit(when, name, side, plan, attributes)
    }

    pub(super) fn send_again(
        &mut self,
        when: When,
        name: &str,
        side: Side,
        of: Option<&str>,
        attributes: &Attributes,
    ) -> Result<Vec<Sent>, String> {
        let (connection, ..) = self
            .connections
            .get_mut(name)
            .ok_or_else(|| unknown(name))?;
        let original = match of {
            Some(name) => self.names.sent(name)?.segment.clone(),
            None => connection.last_segment(side),
        };
        let original = original
            .filter(|segment| segment.connection == name && segment.side == side)
            .ok_or("there is no such segment of this side to send again")?;
        let everything = connection.ends(side).0.acknowledgeable();
        let plan = Plan {
            flags: original.flags,
            seq: original.seq,
            ack: attributes
                .ack
                .as_ref()
                .map_or(Ok(everything), |ack| self.names.ack(ack, everything))?,
            payload: original.payload,
            sack: attributes.sack.as_ref().map(|_| Vec::new()),
        };
        let attributes = Attributes {
            syn: original.syn,
            ..attributes.clone()
        };
        self.transmit(when, name, side, plan, &attributes)
    }

    /// Sends a segment, and lets it arrive unless the line says it does not.
    pub(super) fn transmit(
        &mut self,
        when: When,
        name: &str,
        side: Side,
        plan: Plan,
        attributes: &Attributes,
    ) -> Result<Vec<Sent>, String> {
        let (connection, ..) = self
            .connections
            .get_mut(name)
            .ok_or_else(|| unknown(name))?;
        let payload = plan.payload.clone();
        let (tcp, segment) = connection.send(side, plan, attributes, self.now_ns)?;
        if when != When::Lost && !attributes.dropped {
            connection.deliver(&segment, &tcp);
        }
        let (host, peer) = connection.ends(side);
        let id = match attributes.id {
            Some(Identification::Number(id)) => id,
            Some(Identification::Same) => host.last_id(),
            None => host.take_id(),
        };
        let (source, destination) = (host.address.ip(), peer.address.ip());
        let ip = self.ip((source, destination), TCP, id, attributes);
        let packet = ip.packet(&tcp.segment(&ip, &payload));
        let link = self.link(source, destination);
        if matches!(when, When::Lost | When::Unseen) {
            return Ok(vec![Sent {
                frame: None,
                link,
                packet,
                segment: Some(segment),
            }]);
        }
        self.emit(link, packet, Some(segment), attributes)
    }
}
