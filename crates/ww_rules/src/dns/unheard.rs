//! Answers that are in the capture and did not reach the client: it asks again, with the same id from
//! the same socket, as if nobody had answered.

use super::common::{A, AAAA, at, counted, some_of, told_about};
use super::lookup::{by_question, lookups_of};
use crate::{Sighting, Sightings, Story, Subject, View};
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

/// Reports every answered question that was asked again.
pub(super) fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for lookups in by_question(view) {
        let attempts = || lookups.iter().flat_map(|lookup| &lookup.attempts);
        if attempts().nth(1).is_none() {
            continue;
        }
        let mut tries: BTreeMap<(Endpoint, Endpoint, u16), Vec<Attempt<'_>>> = BTreeMap::new();
        for &(subject, asked) in attempts() {
            if asked.transport != Transport::Tcp {
                let tries = tries.entry((asked.client, asked.server, asked.id));
                tries.or_default().push((subject, asked));
            }
        }
        for tries in tries.values().filter(|tries| tries.len() <= TRIES) {
            for pair in tries.windows(2) {
                if let &[first, (_, again)] = pair {
                    sightings.extend(asked_again(view, first, again));
                }
            }
        }
    }
}

type Attempt<'a> = (Subject, &'a DnsTransaction);

/// A question that was answered, and asked again as if it had not been.
fn asked_again(
    view: &View<'_>,
    (subject, asked): Attempt<'_>,
    again: &DnsTransaction,
) -> Option<Sighting> {
    let waited = again.query.at - asked.query.at;
    let answer = asked.answer?;
    if !RETRY.contains(&waited) || twin_is_missing(view, asked) {
        return None;
    }
    let says = format!(
        "{} {} asked again, {waited} after the first time",
        asked.kind_name(),
        asked.name
    );
    let sighting = Sighting::new(subject, format!("{GROUP}{}", asked.server))
        .lost(waited)
        .show(at(view, again, again.query, says))
        .show(at(
            view,
            asked,
            answer,
            "the answer that passed here before",
        ));
    Some(sighting)
}

/// The other half of two questions for both address types from one socket, which some resolvers
/// repeat together when one answer is missing.
fn twin_is_missing(view: &View<'_>, asked: &DnsTransaction) -> bool {
    let other = match asked.kind {
        A => AAAA,
        AAAA => A,
        _ => return false,
    };
    let twins = lookups_of(view, (asked.client.addr, other, &asked.name));
    let mut twins = twins.iter().flat_map(|lookup| &lookup.attempts);
    twins.any(|(_, twin)| {
        let of_socket = (twin.client, twin.server) == (asked.client, asked.server);
        of_socket && twin.transport != Transport::Tcp && twin.answers < twin.asked
    })
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
