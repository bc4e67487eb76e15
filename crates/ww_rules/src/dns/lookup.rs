//! What a client wanted to know: one name and type, asked of one or several servers, from one or
//! several sockets, until it was told or gave up.

use super::common::{NAME_ERROR, NO_ERROR};
use crate::shared::host;
use crate::{Subject, View};
use std::cmp::Ordering;
use std::net::IpAddr;
use ww_base::{Moment, Span};
use ww_evidence::{DnsOutcome, DnsTransaction, Mark};

/// Beyond this pause a question is a new one; resolvers give up sooner.
const PAUSE: Span = Span::from_secs(20);

/// Transactions for one name and type by one client, one after another.
#[derive(Debug)]
pub(crate) struct Lookup<'a> {
    /// In order of their first query; never empty.
    pub(super) attempts: Vec<(Subject, &'a DnsTransaction)>,
    /// Kept as attempts come: a lookup can have very many.
    settled: Option<Mark>,
}

impl<'a> Lookup<'a> {
    /// A lookup that begins with this attempt.
    fn of(subject: Subject, asked: &'a DnsTransaction) -> Lookup<'a> {
        let mut lookup = Lookup {
            attempts: Vec::new(),
            settled: None,
        };
        lookup.add(subject, asked);
        lookup
    }

    /// One more attempt.
    fn add(&mut self, subject: Subject, asked: &'a DnsTransaction) {
        self.attempts.push((subject, asked));
        let told = asked.answer.filter(|_| settles(asked));
        let earlier = |answer: &Mark| self.settled.is_none_or(|first| answer.at < first.at);
        self.settled = told.filter(earlier).or(self.settled);
    }

    /// The answer that told the client what it wanted, be it that the name does not exist.
    pub(super) fn settled(&self) -> Option<Mark> {
        self.settled
    }

    /// Time of the first query.
    pub(super) fn began(&self) -> Moment {
        self.attempts
            .first()
            .map_or(Moment(0), |(_, asked)| asked.query.at)
    }

    /// How long the client waited for this attempt before it turned to the next one or was told;
    /// for the last attempt of a lookup that failed, as long as it had waited before repeating, but
    /// not beyond `end`.
    pub(super) fn waited_for(&self, attempt: usize, end: Moment) -> Span {
        let Some((_, asked)) = self.attempts.get(attempt) else {
            return Span::ZERO;
        };
        let next = self
            .attempts
            .get(attempt + 1)
            .map(|(_, next)| next.query.at)
            .into_iter()
            .chain(self.settled().map(|answer| answer.at))
            .filter(|&then| then >= asked.query.at)
            .min();
        let until = next.unwrap_or_else(|| {
            let last_pause = if asked.asked > 1 {
                Span((asked.last_query.at - asked.query.at).0 / i64::from(asked.asked - 1))
            } else {
                attempt
                    .checked_sub(1)
                    .and_then(|before| self.attempts.get(before))
                    .map_or(Span::ZERO, |(_, before)| {
                        asked.query.at - before.last_query.at
                    })
            };
            let patience = asked.last_query.at + last_pause.or_zero();
            patience.min(end.max(asked.last_query.at))
        });
        (until - asked.query.at).or_zero()
    }
}

/// All lookups, in order of the questions, and of time.
pub(super) fn lookups<'v, 'a>(view: &'v View<'a>) -> &'v [Lookup<'a>] {
    view.shared.lookups.get_or_init(|| collect(view))
}

/// The lookups of one name and type by one client.
pub(super) fn lookups_of<'v, 'a>(
    view: &'v View<'a>,
    (client, kind, name): (IpAddr, u16, &str),
) -> &'v [Lookup<'a>] {
    let place = Place::of(client, kind, name);
    let order = |lookup: &Lookup<'_>| {
        let first = lookup.attempts.first();
        first.map_or(Ordering::Less, |(_, asked)| {
            let before = Place::of(asked.client.addr, asked.kind, &asked.name).cmp(&place);
            before.then_with(|| asked.name.as_str().cmp(name))
        })
    };
    let all = lookups(view);
    let (_, from) = all.split_at(all.partition_point(|lookup| order(lookup).is_lt()));
    let (these, _) = from.split_at(from.partition_point(|lookup| order(lookup).is_eq()));
    these
}

/// The lookups of each name and type by each client.
pub(super) fn by_question<'v, 'a>(
    view: &'v View<'a>,
) -> impl Iterator<Item = &'v [Lookup<'a>]> + use<'v, 'a> {
    let asks_same = |one: &Lookup<'_>, next: &Lookup<'_>| {
        let (Some((_, one)), Some((_, next))) = (one.attempts.first(), next.attempts.first())
        else {
            return false;
        };
        same_question(one, next)
    };
    lookups(view).chunk_by(asks_same)
}

/// Where a question stands among all: numbers that are quick to compare. Names that begin alike are compared after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    client: u128,
    kind: u16,
    /// The first letters of the name.
    letters: [u8; 8],
}

impl Place {
    fn of(client: IpAddr, kind: u16, name: &str) -> Place {
        let mut letters = [0; 8];
        for (letter, byte) in letters.iter_mut().zip(name.bytes()) {
            *letter = byte;
        }
        Place {
            client: host(client),
            kind,
            letters,
        }
    }
}

fn collect<'a>(view: &View<'a>) -> Vec<Lookup<'a>> {
    let all = &view.capture.dns.transactions;
    let mut sorted: Vec<(Place, usize)> = all
        .iter()
        .map(|asked| Place::of(asked.client.addr, asked.kind, &asked.name))
        .zip(0..)
        .collect();
    let name = |index: usize| all.get(index).map(|asked| asked.name.as_str());
    sorted.sort_unstable_by(|&(place, index), &(other, nth)| {
        let names = || name(index).cmp(&name(nth));
        place.cmp(&other).then_with(names).then(index.cmp(&nth))
    });
    let mut lookups: Vec<Lookup<'_>> = Vec::new();
    for (_, index) in sorted {
        let Some(asked) = all.get(index) else {
            continue;
        };
        let subject = Subject::Dns(index as u32);
        match lookups.last_mut() {
            Some(lookup) if continues(lookup, asked) => lookup.add(subject, asked),
            _ => lookups.push(Lookup::of(subject, asked)),
        }
    }
    lookups
}

/// The same client asks for the same name and type.
fn same_question(one: &DnsTransaction, other: &DnsTransaction) -> bool {
    let key = |asked: &DnsTransaction| (host(asked.client.addr), asked.kind);
    key(one) == key(other) && one.name == other.name
}

/// The client got what it asked for, in full.
pub(super) fn settles(asked: &DnsTransaction) -> bool {
    matches!(
        asked.outcome,
        DnsOutcome::Answered {
            rcode: NO_ERROR | NAME_ERROR,
            truncated: false
        }
    )
}

/// Whether a question is one more attempt of that lookup.
fn continues(lookup: &Lookup<'_>, asked: &DnsTransaction) -> bool {
    let Some((_, last)) = lookup.attempts.last() else {
        return false;
    };
    let told = lookup
        .settled()
        .is_some_and(|answer| answer.at <= asked.query.at);
    same_question(last, asked) && !told && asked.query.at - last.last_query.at <= PAUSE
}
