//! Answers that are in the capture and did not reach the client: it asks again, with the same id from
//! the same socket, as if nobody had answered.

use super::common::{A, AAAA, at, counted, some_of, told_about, transactions};
use super::lookup::by_question;
use crate::{Sighting, Sightings, Story, Subject, View};
use rustc_hash::FxHashSet;
use std::cell::LazyCell;
use std::collections::BTreeMap;
use ww_base::Span;
use ww_evidence::{DnsTransaction, Endpoint, Transport};
use ww_finding::{Owner, Severity};

/// Resolvers ask again within this.
const RETRY: std::ops::RangeInclusive<Span> = Span::from_millis(500)..=Span::from_secs(10);

/// More equal questions than this come from a program that uses one id for all it asks.
const TRIES: usize = 4;

/// Marks the groups of these sightings.
const GROUP: &str = "unheard ";

/// A socket, a type and a name.
type Twin<'a> = (Endpoint, Endpoint, u16, &'a str);

/// Reports every answered question that was asked again.
pub(super) fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let missing = LazyCell::new(|| missing(view));
    for lookups in by_question(view) {
        let attempts = || lookups.iter().flat_map(|lookup| &lookup.attempts);
        if attempts().nth(1).is_none() {
            continue;
        }
        let mut tries: BTreeMap<(Endpoint, Endpoint, u16), Vec<Attempt<'_>>> = BTreeMap::new();
        for &(subject, asked) in attempts().filter(|(_, asked)| over_datagrams(asked)) {
            let tries = tries.entry((asked.client, asked.server, asked.id));
            tries.or_default().push((subject, asked));
        }
        for tries in tries.values().filter(|tries| tries.len() <= TRIES) {
            for pair in tries.windows(2) {
                let &[(subject, asked), (_, again)] = pair else {
                    continue;
                };
                let waited = again.query.at - asked.query.at;
                let twin = || twin(asked).is_some_and(|twin| missing.contains(&twin));
                if RETRY.contains(&waited) && !twin() {
                    sightings.extend(sighting(view, subject, asked, again));
                }
            }
        }
    }
}

type Attempt<'a> = (Subject, &'a DnsTransaction);

/// A question that was answered, and asked again as if it had not been.
fn sighting(
    view: &View<'_>,
    subject: Subject,
    asked: &DnsTransaction,
    again: &DnsTransaction,
) -> Option<Sighting> {
    let answer = asked.answer?;
    let waited = again.query.at - asked.query.at;
    let says = format!(
        "{} {} asked again, {waited} after the first time",
        asked.kind_name(),
        asked.name
    );
    let passed = at(view, asked, answer, "the answer that passed here before");
    let sighting = Sighting::new(subject, format!("{GROUP}{}", asked.server))
        .lost(waited)
        .show(at(view, again, again.query, says))
        .show(passed);
    Some(sighting)
}

fn over_datagrams(asked: &DnsTransaction) -> bool {
    asked.transport != Transport::Tcp
}

/// What was asked more often than answered.
fn missing<'a>(view: &View<'a>) -> FxHashSet<Twin<'a>> {
    transactions(view)
        .filter(|(_, asked)| over_datagrams(asked) && asked.answers < asked.asked)
        .map(|(_, asked)| (asked.client, asked.server, asked.kind, asked.name.as_str()))
        .collect()
}

/// The other half of two questions for both address types from one socket, which some resolvers
/// repeat together when one answer is missing.
fn twin(asked: &DnsTransaction) -> Option<Twin<'_>> {
    let other = match asked.kind {
        A => AAAA,
        AAAA => A,
        _ => return None,
    };
    Some((asked.client, asked.server, other, &asked.name))
}

/// The story of a group, if it is one of these.
pub(super) fn tell(view: &View<'_>, group: &[Sighting]) -> Option<Story> {
    let server = group.first()?.group.strip_prefix(GROUP)?;
    let told = told_about(view, group);
    let names = some_of(told.values().map(|asked| asked.name.as_str()));
    let answers = counted(told.len(), "answer", "answers");
    let waited: Span = group.iter().map(|sighting| sighting.lost).sum();
    let story = Story::observed(
        format!("{answers} of {server} did not reach the client or was not accepted: it asked again after {waited} in all ({names})"),
        "a capture at the client that shows the answers arriving means that the client rejects them: wrong content, or a filter on its host",
    )
    .severity(Severity::Medium)
    .owner(Owner::Network)
    .advise("Capture at the client: an answer that does not arrive is lost between the two capture points; one that arrives is dropped by the client's own filter or is not acceptable to it")
    .advise("Look at filters and address translation on the way back: answers must come from the address and port that was asked");
    Some(story)
}
