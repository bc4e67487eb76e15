//! Names asked for and answers given, from datagrams and connections.

mod ledger;
mod message;
mod name;
mod stream;

#[cfg(test)]
mod tests;

use ledger::{Exchange, Ledger};
use message::{Message, Reading};
use std::net::{IpAddr, Ipv4Addr};
use stream::{Broken, Segment, Streams};
use ww_base::Limits;
use ww_evidence::{Dns, Endpoint, Mark};

/// The port of DNS (RFC 1035 section 4.2).
const DNS_PORT: u16 = 53;

/// The port of multicast DNS (RFC 6762), on which some servers speak ordinary DNS.
const MULTICAST_DNS_PORT: u16 = 5353;

/// The operation that asks for records.
const QUERY: u8 = 0;

/// Whether a datagram between two endpoints is DNS: to or from port 53, or port 5353 where it is
/// no multicast DNS (not spoken between two such ports). What goes to many hosts is none of it: nobody
/// in particular owes an answer.
pub fn is_dns_datagram(src: Endpoint, dst: Endpoint) -> bool {
    let one_is = |port| src.port == port || dst.port == port;
    let both_are = |port| src.port == port && dst.port == port;
    let to_many = |addr: IpAddr| addr.is_multicast() || addr == IpAddr::V4(Ipv4Addr::BROADCAST);
    !to_many(src.addr)
        && !to_many(dst.addr)
        && (one_is(DNS_PORT) || (one_is(MULTICAST_DNS_PORT) && !both_are(MULTICAST_DNS_PORT)))
}

/// Whether a connection to this port carries DNS (RFC 7766).
pub fn is_dns_stream_port(port: u16) -> bool {
    port == DNS_PORT
}

/// Joins queries and answers to transactions.
///
/// Memory is bounded by [`Limits::dns_pending`] and [`Limits::dns_transactions`]: beyond the
/// latter, transactions that were answered well and quickly are dropped first.
#[derive(Debug)]
pub struct DnsWatch {
    ledger: Ledger,
    streams: Streams,
    message: Message,
    counts: Counts,
}

/// What is only counted.
#[derive(Debug, Default)]
struct Counts {
    orphan_answers: u64,
    malformed: u64,
    malformed_frame: Option<u64>,
    other_operations: u64,
}

impl DnsWatch {
    /// Nothing seen yet.
    pub fn new(limits: &Limits) -> DnsWatch {
        DnsWatch {
            ledger: Ledger::new(limits),
            streams: Streams::default(),
            message: Message::default(),
            counts: Counts::default(),
        }
    }

    /// One datagram for which [`is_dns_datagram`] holds; `payload` is what was captured of it,
    /// `truncated` says that more was on the wire.
    pub fn udp(
        &mut self,
        mark: Mark,
        src: Endpoint,
        dst: Endpoint,
        payload: &[u8],
        truncated: bool,
    ) {
        let reading = self.message.read(payload);
        if reading != Reading::Whole && !truncated {
            self.counts.malformed(mark);
        }
        if reading != Reading::Nothing {
            let size = payload.len() as u32;
            self.counts.note(
                &mut self.ledger,
                &self.message,
                mark,
                (src, dst, None),
                size,
            );
        }
    }

    /// One segment with payload of a connection to a port for which [`is_dns_stream_port`] holds.
    /// Segments must come in order; after a hole the connection is not read any further.
    #[expect(
        clippy::too_many_arguments,
        reason = "the coordinates of a segment, as decoded"
    )]
    pub fn tcp(
        &mut self,
        mark: Mark,
        src: Endpoint,
        dst: Endpoint,
        stream: u32,
        seq: u32,
        payload: &[u8],
        truncated: bool,
    ) {
        let DnsWatch {
            ledger,
            streams,
            message,
            counts,
        } = self;
        let segment = Segment {
            stream,
            to_server: is_dns_stream_port(dst.port),
            seq,
            payload,
            cut: truncated,
        };
        let unseen = streams.segment(segment, |bytes| {
            match message.read(bytes) {
                Reading::Nothing => return Err(Broken),
                Reading::Part => counts.malformed(mark),
                Reading::Whole => {}
            }
            let between = (src, dst, Some(stream));
            Ok(counts.note(ledger, message, mark, between, bytes.len() as u32))
        });
        for number in unseen {
            ledger.forget(number);
        }
    }

    /// All transactions; what is still waiting was never answered.
    pub fn finish(self) -> Dns {
        let (transactions, dropped) = self.ledger.finish();
        Dns {
            transactions,
            orphan_answers: self.counts.orphan_answers,
            malformed: self.counts.malformed,
            malformed_frame: self.counts.malformed_frame,
            dropped,
            other_operations: self.counts.other_operations,
        }
    }
}

impl Counts {
    fn malformed(&mut self, mark: Mark) {
        self.malformed += 1;
        self.malformed_frame.get_or_insert(mark.frame());
    }

    /// Enters a message into the ledger; the number of the transaction that it opened, if it did.
    fn note(
        &mut self,
        ledger: &mut Ledger,
        message: &Message,
        mark: Mark,
        (src, dst, stream): (Endpoint, Endpoint, Option<u32>),
        bytes: u32,
    ) -> Option<u64> {
        let id = message.id;
        if message.opcode != QUERY {
            self.other_operations += 1;
            return None;
        }
        if message.is_response {
            let exchange = Exchange {
                client: dst,
                server: src,
                stream,
                id,
            };
            if !ledger.answer(exchange, message, mark, bytes) {
                self.orphan_answers += 1;
            }
            return None;
        }
        if !message.has_question {
            return None;
        }
        let exchange = Exchange {
            client: src,
            server: dst,
            stream,
            id,
        };
        ledger.query(exchange, message, mark)
    }
}
