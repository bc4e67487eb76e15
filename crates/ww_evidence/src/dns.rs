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
    /// The message's identification.
    pub id: u16,
    /// The name, lower case, without the final dot, control characters escaped.
    pub name: String,
    /// The type asked for (1 A, 28 AAAA, …).
    pub kind: u16,
    /// First query.
    pub query: Mark,
    /// Last repetition, equal to `query` when asked once.
    pub last_query: Mark,
    /// How often it was asked (same socket, id and question).
    pub asked: u32,
    /// The answer.
    pub answer: Option<Mark>,
    /// Its outcome.
    pub outcome: DnsOutcome,
    /// From the query that the answer follows to the answer.
    pub took: Option<Span>,
    /// Addresses in the answer.
    pub addresses: Vec<IpAddr>,
    /// The lowest TTL in the answer, seconds.
    pub ttl: Option<u32>,
    /// Size of the answer, bytes.
    pub answer_bytes: u32,
    /// UDP payload size offered in EDNS (RFC 6891); none without EDNS.
    pub edns_size: Option<u16>,
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
    /// Transactions dropped by the bounds.
    pub dropped: u64,
    /// Connections to DNS over TLS (port 853) and other DNS that cannot be read.
    pub encrypted: u64,
}
