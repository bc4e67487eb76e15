//! Names asked for and answers given, over UDP and TCP port 53 (and 5353 where it is no multicast).

use crate::{Endpoint, Mark};
use std::net::IpAddr;
use ww_base::Span;

/// What carried the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A connection.
    Tcp,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DnsOutcome {
    /// Answered; the RCODE (RFC 1035 section 4.1.1, extended by RFC 6891).
    Answered {
        /// 0 `NoError`, 1 `FormErr`, 2 `ServFail`, 3 `NXDomain`, 5 `Refused` …
        rcode: u16,
        /// The TC bit: the answer did not fit.
        truncated: bool,
    },
    /// Never answered in the capture.
    Unanswered,
}

/// One question, its repetitions and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct DnsTransaction {
    /// Who asked.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// What carried it.
    pub transport: Transport,
    /// The TCP stream, where a connection carried it.
    pub stream: Option<u32>,
    /// The message's identification.
    pub id: u16,
    /// The name, lower case, without the final dot (`.` alone is the root); what is no printable
    /// ASCII stands as a backslash and three decimal digits (RFC 1035 section 5.1).
    pub name: String,
    /// The type asked for (1 A, 28 AAAA, …).
    pub kind: u16,
    /// First query.
    pub query: Mark,
    /// Last repetition, equal to `query` when asked once.
    pub last_query: Mark,
    /// How often it was asked before it was answered (same socket, id and question; copies by the
    /// capture excluded). Asked again after the answer, it is a new transaction.
    pub asked: u32,
    /// The first answer.
    pub answer: Option<Mark>,
    /// Answers in all.
    pub answers: u32,
    /// Its outcome.
    pub outcome: DnsOutcome,
    /// From the query that the answer follows to the answer.
    pub took: Option<Span>,
    /// Records in the answer section.
    pub records: u16,
    /// Addresses in the answer; a bounded number of them.
    pub addresses: Vec<IpAddr>,
    /// The lowest TTL in the answer, seconds.
    pub ttl: Option<u32>,
    /// Size of the answer, bytes.
    pub answer_bytes: u32,
    /// UDP payload size that the query offers in EDNS (RFC 6891); none without EDNS.
    pub edns_size: Option<u16>,
    /// The answer says that its server looks names up for its clients (RA).
    pub recursion_available: bool,
    /// The reason that the answer gives for a failure (RFC 8914), as its number.
    pub extended_error: Option<u16>,
}

impl DnsTransaction {
    /// From the first query to the first answer: what the client waited.
    pub fn waited(&self) -> Option<Span> {
        self.answer
            .map(|answer| (answer.at - self.query.at).or_zero())
    }

    /// The RCODE of the answer.
    pub fn rcode(&self) -> Option<u16> {
        match self.outcome {
            DnsOutcome::Answered { rcode, .. } => Some(rcode),
            DnsOutcome::Unanswered => None,
        }
    }

    /// The Wireshark display filter that shows its messages.
    pub fn filter(&self) -> String {
        match self.stream {
            Some(stream) => format!("tcp.stream eq {stream} && dns.id == {:#06x}", self.id),
            None => format!(
                "udp.port == {} && dns.id == {:#06x}",
                self.client.port, self.id
            ),
        }
    }

    /// The type asked for, by its name where it has a common one.
    pub fn kind_name(&self) -> String {
        let name = match self.kind {
            1 => "A",
            2 => "NS",
            5 => "CNAME",
            6 => "SOA",
            12 => "PTR",
            15 => "MX",
            16 => "TXT",
            28 => "AAAA",
            33 => "SRV",
            43 => "DS",
            48 => "DNSKEY",
            64 => "SVCB",
            65 => "HTTPS",
            251 => "IXFR",
            252 => "AXFR",
            255 => "ANY",
            other => return format!("TYPE{other}"),
        };
        name.to_owned()
    }
}

/// All name resolution in a capture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dns {
    /// Transactions in order of their first query.
    pub transactions: Vec<DnsTransaction>,
    /// Answers to questions that are not in the capture.
    pub orphan_answers: u64,
    /// Messages that could not be read, with the first one's frame.
    pub malformed: u64,
    /// Frame of the first unreadable message.
    pub malformed_frame: Option<u64>,
    /// Transactions dropped by the bounds, or on connections with a hole.
    pub dropped: u64,
    /// Messages that are no queries: updates (RFC 2136), notifications (RFC 1996) and the like.
    pub other_operations: u64,
}
