//! Answers that are in the capture and did not reach the client: it asks again, with the same id from
//! the same socket, as if nobody had answered.

use super::common::{A, AAAA, at, counted, some_of, told_about, transactions};
use crate::{Sighting, Sightings, Story, Subject, View};
use rustc_hash::{FxHashMap, FxHashSet};
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

/// A socket, an id and a question.
type Question<'a> = (Endpoint, Endpoint, u16, u16, &'a str);

/// A socket, a type and a name.
type Twin<'a> = (Endpoint, Endpoint, u16, &'a str);

/// Reports every answered question that was asked again.
pub(super) fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let mut times: FxHashMap<Question<'_>, usize> = FxHashMap::default();
    let mut missing: FxHashSet<Twin<'_>> = FxHashSet::default();
    for (_, asked) in over_datagrams(view) {
        *times.entry(question(asked)).or_default() += 1;
        if asked.answers < asked.asked {
            missing.insert((asked.client, asked.server, asked.kind, &asked.name));
        }
    }
    let mut asked_by: BTreeMap<Question<'_>, Vec<(Subject, &DnsTransaction)>> = BTreeMap::new();
    for (subject, asked) in over_datagrams(view) {
        let question = question(asked);
        if times
            .get(&question)
            .is_some_and(|times| (2..=TRIES).contains(times))
        {
            asked_by.entry(question).or_default().push((subject, asked));
        }
    }
    for tries in asked_by.values() {
        for pair in tries.windows(2) {
            let &[(subject, asked), (_, again)] = pair else {
                continue;
            };
            let waited = again.query.at - asked.query.at;
            let Some(answer) = asked.answer else { continue };
            if !RETRY.contains(&waited) || twin(asked).is_some_and(|twin| missing.contains(&twin)) {
                continue;
            }
            sightings.add(
                Sighting::new(subject, format!("{GROUP}{}", asked.server))
                    .lost(waited)
                    .show(at(
                        view,
                        again,
                        again.query,
                        format!(
                            "{} {} asked again, {waited} after the first time",
                            asked.kind_name(),
                            asked.name
                        ),
                    ))
                    .show(at(
                        view,
                        asked,
                        answer,
                        "the answer that passed here before",
                    )),
            );
        }
    }
}

fn over_datagrams<'a>(view: &View<'a>) -> impl Iterator<Item = (Subject, &'a DnsTransaction)> {
    transactions(view).filter(|(_, asked)| asked.transport != Transport::Tcp)
}

fn question(asked: &DnsTransaction) -> Question<'_> {
    (
        asked.client,
        asked.server,
        asked.id,
        asked.kind,
        &asked.name,
    )
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
