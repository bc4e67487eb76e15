//! What the rules about names share: codes, frames, the habits of servers, and words.

use crate::{Sighting, Subject, View};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Moment, Span};
use ww_evidence::{DnsTransaction, Endpoint, Mark, Transport};
use ww_finding::Exhibit;

/// RCODE: no error.
pub(super) const NO_ERROR: u16 = 0;
/// RCODE: the server could not read the query.
pub(super) const FORMAT_ERROR: u16 = 1;
/// RCODE: the server could not find out.
pub(super) const SERVER_FAILURE: u16 = 2;
/// RCODE: the name does not exist.
pub(super) const NAME_ERROR: u16 = 3;
/// RCODE: the server does not do this.
pub(super) const NOT_IMPLEMENTED: u16 = 4;
/// RCODE: the server does not want to.
pub(super) const REFUSED: u16 = 5;

/// Type: an IPv4 address.
pub(super) const A: u16 = 1;
/// Type: a name for an address.
pub(super) const PTR: u16 = 12;
/// Type: an IPv6 address.
pub(super) const AAAA: u16 = 28;
/// Types: zone transfers.
pub(super) const TRANSFERS: [u16; 2] = [251, 252];

/// Every transaction with its subject, in order of the first query.
pub(super) fn transactions<'a>(
    view: &View<'a>,
) -> impl Iterator<Item = (Subject, &'a DnsTransaction)> {
    view.capture
        .dns
        .transactions
        .iter()
        .enumerate()
        .map(|(index, asked)| (Subject::Dns(index as u32), asked))
}

/// The transactions with one server, in order of the first query.
pub(super) fn put_to<'v, 'a>(
    view: &'v View<'a>,
    server: Endpoint,
) -> impl Iterator<Item = (Subject, &'a DnsTransaction)> + use<'v, 'a> {
    let servers = view.shared.dns_servers.get_or_init(|| {
        let mut servers: FxHashMap<Endpoint, Vec<Subject>> = FxHashMap::default();
        for (subject, asked) in transactions(view) {
            servers.entry(asked.server).or_default().push(subject);
        }
        servers
    });
    let subjects = servers.get(&server).map_or(&[][..], Vec::as_slice);
    subjects
        .iter()
        .filter_map(|&subject| Some((subject, transaction(view, subject)?)))
}

/// The transaction that a subject names.
fn transaction<'a>(view: &View<'a>, subject: Subject) -> Option<&'a DnsTransaction> {
    match subject {
        Subject::Dns(index) => view.capture.dns.transactions.get(index as usize),
        _ => None,
    }
}

/// The transactions that a group of sightings is about, in order of the first query.
pub(super) fn told_about<'a>(
    view: &View<'a>,
    group: &[Sighting],
) -> BTreeMap<Subject, &'a DnsTransaction> {
    group
        .iter()
        .flat_map(|sighting| &sighting.subjects)
        .filter_map(|&subject| Some((subject, transaction(view, subject)?)))
        .collect()
}

/// Points at one message of a transaction.
pub(super) fn at(
    view: &View<'_>,
    asked: &DnsTransaction,
    mark: Mark,
    says: impl Into<String>,
) -> Exhibit {
    view.frames(mark.frame(), mark.frame(), asked.filter(), says)
}

/// How a server usually behaves in this capture.
#[derive(Debug, Default)]
pub(crate) struct Habit {
    /// Questions put to it.
    pub(crate) asked: usize,
    /// Questions that it answered.
    pub(crate) answered: usize,
    /// Median time to an answer over UDP that was asked for once.
    pub(crate) typical: Span,
    /// How many answers that median is of.
    pub(crate) sample: usize,
}

/// The habits of all servers, worked out once per capture.
pub(super) fn habits<'v>(view: &'v View<'_>) -> &'v FxHashMap<Endpoint, Habit> {
    view.shared.dns_habits.get_or_init(|| learn_habits(view))
}

fn learn_habits(view: &View<'_>) -> FxHashMap<Endpoint, Habit> {
    let mut times: FxHashMap<Endpoint, (Habit, Vec<Span>)> = FxHashMap::default();
    for (_, asked) in transactions(view) {
        let (habit, took) = times.entry(asked.server).or_default();
        habit.asked += 1;
        habit.answered += usize::from(asked.answer.is_some());
        took.extend(
            asked
                .took
                .filter(|_| asked.asked == 1 && asked.transport == Transport::Udp),
        );
    }
    times
        .into_iter()
        .map(|(server, (mut habit, mut took))| {
            took.sort_unstable();
            habit.sample = took.len();
            habit.typical = took.get(took.len() / 2).copied().unwrap_or_default();
            (server, habit)
        })
        .collect()
}

/// Time that was charged already, by whoever waited: questions that wait side by side cost their
/// client only once.
#[derive(Debug)]
pub(super) struct Charged<K> {
    until: BTreeMap<K, Moment>,
}

impl<K: Ord> Charged<K> {
    /// Nothing was charged yet.
    pub(super) fn new() -> Charged<K> {
        Charged {
            until: BTreeMap::new(),
        }
    }

    /// What a wait from `from` to `to` adds.
    pub(super) fn add(&mut self, who: K, from: Moment, to: Moment) -> Span {
        let until = self.until.entry(who).or_insert(from);
        let fresh = (to - from.max(*until)).or_zero();
        *until = to.max(*until);
        fresh
    }
}

/// A repeated question whose answer followed the repetition closely: the first query, or its
/// answer, was lost. Otherwise the server was slow and the client impatient.
pub(super) fn repeated_for_loss(asked: &DnsTransaction, habit: Option<&Habit>) -> bool {
    let (Some(took), waited) = (asked.took, asked.last_query.at - asked.query.at) else {
        return false;
    };
    let typical = habit.map_or(Span::ZERO, |habit| habit.typical);
    let prompt = took.times(4) <= waited || took <= typical.times(2);
    asked.asked > 1 && asked.answers < asked.asked && prompt
}

/// What a server says why it fails, in the words of RFC 8914.
pub(super) fn extended_error(code: u16) -> Cow<'static, str> {
    Cow::Borrowed(match code {
        3 => "stale answer",
        6 => "DNSSEC bogus",
        7 => "DNSSEC signature expired",
        8 => "DNSSEC signature not yet valid",
        9 => "DNSKEY missing",
        10 => "RRSIGs missing",
        12 => "NSEC missing",
        13 => "cached error",
        14 => "not ready",
        15 => "blocked",
        16 => "censored",
        17 => "filtered",
        18 => "prohibited",
        20 => "not authoritative",
        22 => "no reachable authority",
        23 => "network error",
        other => return Cow::Owned(format!("extended error {other}")),
    })
}

/// `1 query`, `3 queries`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

/// The first two of some names, and how many more there are.
pub(super) fn some_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut seen = BTreeSet::new();
    let mut first: Vec<&str> = Vec::new();
    for name in names {
        if seen.insert(name) && first.len() < 2 {
            first.push(name);
        }
    }
    let shown = first.join(", ");
    match seen.len() - first.len() {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
