//! How far the clocks of servers are from this host's, by the `Date` of their answers.

use super::url::host_of;
use crate::Walk;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use ww_base::{Moment, Span};
use ww_evidence::transcript::{ClockState, HttpExchange, Step, TrustVerdict};

/// A clock that is nearer than this is right: a step of one-time passwords (RFC 6238 section 5.2).
pub(crate) const OFF_MIN: Span = Span::from_secs(30);

/// `Date` tells whole seconds, and so does the head of a recorded walk.
const SECOND: Span = Span::from_secs(1);

/// Between two answers of a clock that runs there is at least this much.
const APART: Span = Span::from_millis(1_050);

/// An answer with a `Date`.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'w> {
    pub(crate) step: &'w Step,
    pub(crate) exchange: &'w HttpExchange,
    date: Moment,
    /// The server's clock is ahead of this host's by at least this; negative where it may be behind.
    pub(crate) low: Span,
    /// And by at most this.
    pub(crate) high: Span,
}

impl Reading<'_> {
    fn of<'w>(walk: &Walk<'w>, step: &'w Step, exchange: &'w HttpExchange) -> Option<Reading<'w>> {
        let reply = exchange.reply()?;
        // What a cache stored tells when it was made, not when it was sent (RFC 9111 section 5.1).
        let stored = reply.header("age").is_some_and(|age| age != "0");
        let date = reply.date().filter(|_| !stored)?;
        let phases = exchange.phases;
        let sent = step.began + phases.connect + phases.handshake;
        let came = (sent + phases.wait).max(step.began + step.took - phases.transfer);
        let began = walk.transcript.head.began;
        Some(Reading {
            step,
            exchange,
            date,
            low: date - (began + came + SECOND),
            high: date + SECOND - (began + sent),
        })
    }
}

/// Whose clock is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The server's.
    Server,
    /// This host's.
    Ours,
    /// One of both.
    Open,
}

/// A server whose clock runs, and is not this host's.
pub(crate) struct Skew<'w> {
    pub(crate) address: IpAddr,
    /// The first of the addresses that may be the same machine's.
    pub(crate) machine: IpAddr,
    /// Its answers.
    pub(crate) readings: Vec<Reading<'w>>,
    /// Ahead by at least this.
    pub(crate) low: Span,
    /// And by at most this.
    pub(crate) high: Span,
    pub(crate) whose: Whose,
    /// Answers of other servers that tell the same time, one of each that is certainly another machine.
    pub(crate) witnesses: Vec<Reading<'w>>,
    /// The number of the handshake with a trusted certificate that begins later than now, and not by the server's clock.
    pub(crate) issued: Option<u32>,
}

impl Skew<'_> {
    /// How far it is ahead; negative when it is behind.
    pub(crate) fn ahead(&self) -> Span {
        Span(self.low.0.midpoint(self.high.0))
    }

    /// How far the two are apart.
    pub(crate) fn off(&self) -> Span {
        self.ahead().max(Span(-self.ahead().0))
    }

    /// `2.00 h ahead of`.
    pub(crate) fn words(&self) -> String {
        let direction = if self.ahead() < Span::ZERO {
            "behind"
        } else {
            "ahead of"
        };
        format!("{} {direction}", self.off())
    }
}

/// What the answers of one server tell together.
struct Server<'w> {
    /// The hosts that were asked for there.
    hosts: BTreeSet<&'w str>,
    readings: Vec<Reading<'w>>,
    low: Span,
    high: Span,
}

impl Server<'_> {
    /// Its answers fit one clock.
    fn is_consistent(&self) -> bool {
        self.low <= self.high
    }

    /// Both tell the same time.
    fn agrees_with(&self, other: &Server<'_>) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// Both tell the same time and are addresses of one name: one machine has one clock.
    fn may_be_one_with(&self, other: &Server<'_>) -> bool {
        self.agrees_with(other) && !self.hosts.is_disjoint(&other.hosts)
    }

    fn is_off(&self) -> bool {
        self.low >= OFF_MIN || self.high <= Span(-OFF_MIN.0)
    }

    /// It was seen to go on: what is stored tells the same time again.
    fn runs(&self) -> bool {
        self.readings.iter().any(|one| {
            self.readings
                .iter()
                .any(|other| other.step.began - one.step.began >= APART && other.date > one.date)
        })
    }
}

fn servers<'w>(walk: &Walk<'w>) -> BTreeMap<IpAddr, Server<'w>> {
    let mut servers: BTreeMap<IpAddr, Server<'w>> = BTreeMap::new();
    // A transcript that does not say when it was made.
    if walk.transcript.head.began == Moment(0) {
        return servers;
    }
    for (step, exchange) in walk.transcript.exchanges() {
        let (Some(to), Some(reading)) = (exchange.to, Reading::of(walk, step, exchange)) else {
            continue;
        };
        let server = servers.entry(to.ip()).or_insert_with(|| Server {
            hosts: BTreeSet::new(),
            readings: Vec::new(),
            low: reading.low,
            high: reading.high,
        });
        server.low = server.low.max(reading.low);
        server.high = server.high.min(reading.high);
        server.hosts.insert(host_of(&exchange.url));
        server.readings.push(reading);
    }
    servers
}

/// The servers whose clock is not this host's.
pub(crate) fn skews<'w>(walk: &Walk<'w>) -> Vec<Skew<'w>> {
    let servers = servers(walk);
    servers
        .iter()
        .filter(|(_, server)| server.is_consistent() && server.is_off() && server.runs())
        .map(|(address, server)| {
            let others = servers
                .iter()
                .filter(|(other, server)| *other != address && server.is_consistent());
            let others: Vec<&Server<'_>> = others.map(|(_, server)| server).collect();
            let mut machines = vec![server];
            for other in others.iter().filter(|other| other.agrees_with(server)) {
                if !machines.iter().any(|known| known.may_be_one_with(other)) {
                    machines.push(other);
                }
            }
            let witnesses: Vec<Reading<'_>> = machines
                .iter()
                .skip(1)
                .filter_map(|other| other.readings.first().copied())
                .collect();
            let machine = servers
                .iter()
                .find(|(_, other)| other.may_be_one_with(server))
                .map_or(*address, |(first, _)| *first);
            let issued = issued(walk, server);
            let is_kept = walk.transcript.head.clock == ClockState::Synchronised;
            let whose = if others.iter().any(|other| !other.is_off()) {
                Whose::Server
            } else if !witnesses.is_empty() || issued.is_some() {
                Whose::Ours
            } else if is_kept {
                Whose::Server
            } else {
                Whose::Open
            };
            Skew {
                address: *address,
                machine,
                readings: server.readings.clone(),
                low: server.low,
                high: server.high,
                whose,
                witnesses,
                issued,
            }
        })
        .collect()
}

/// The address whose clock seems to be another one, and was looked at once only.
pub(crate) fn doubtful(walk: &Walk<'_>) -> Option<IpAddr> {
    servers(walk)
        .iter()
        .find(|(_, server)| server.is_off() && server.readings.len() == 1)
        .map(|(address, _)| *address)
}

/// The handshake that shows a certificate from an authority that is trusted here, which by this host's clock was made
/// in the future, and not by the server's. An authority's clock is a third one.
fn issued(walk: &Walk<'_>, server: &Server<'_>) -> Option<u32> {
    walk.transcript.handshakes().find_map(|(step, handshake)| {
        let at = walk.transcript.head.began + step.began;
        let own = handshake.certificates.first()?;
        let is_told = handshake.trust == TrustVerdict::Trusted
            && own.subject != own.issuer
            && at < own.not_before
            && own.not_before <= at + server.high;
        is_told.then_some(step.number)
    })
}

/// The server by whose clock something is valid between these dates, which is met at this time by this host's.
pub(crate) fn by_which_valid<'w>(
    walk: &Walk<'w>,
    at: Moment,
    (not_before, not_after): (Moment, Moment),
) -> Option<Skew<'w>> {
    skews(walk).into_iter().find(|skew| {
        let there = at + skew.ahead();
        not_before <= there && there <= not_after
    })
}
