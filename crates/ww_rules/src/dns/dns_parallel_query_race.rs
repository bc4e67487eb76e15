//! `dns-parallel-query-race`: of two questions sent at once from one socket, one vanished.

use super::common::{A, AAAA, at, counted, some_of, told_about, transactions};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use ww_base::Span;
use ww_evidence::{DnsTransaction, Endpoint, Mark, Transport};
use ww_finding::{Severity, Support};

rule! {
    name: "dns-parallel-query-race",
    family: "dns",
    layer: Dns,
    class: Performance,
    severity: High,
    owner: Middlebox,
    summary: "A and AAAA questions sent at once from one socket race in connection tracking; one is dropped and waited for",
    needs: [Dns],
    explains: ["dns-unanswered", "dns-slow"],
    page: "dns_parallel_query_race.md",
    detect: detect,
    tell: tell,
}

/// Questions this close were sent at once.
const AT_ONCE: Span = Span::from_millis(10);

/// The half that was not dropped is answered within this.
const PROMPT: Span = Span::from_secs(1);

/// The default time after which glibc asks again, and how exactly timers keep it.
const TIMEOUT: Span = Span::from_secs(5);
const TIMEOUT_LEEWAY: Span = Span::from_millis(250);

/// Cases from which the pattern is no accident.
const ENOUGH: usize = 2;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let halves = halves(view);
    // Where other questions vanish just as often, packets are lost without regard to pairs.
    let mut others: BTreeMap<(IpAddr, Endpoint), usize> = BTreeMap::new();
    let paired: BTreeSet<Subject> = halves
        .iter()
        .flat_map(|half| half.subjects.iter().copied())
        .collect();
    for (subject, asked) in transactions(view) {
        let lost = asked.asked > 1 || asked.answer.is_none();
        if lost && asked.transport == Transport::Udp && !paired.contains(&subject) {
            *others.entry((asked.client.addr, asked.server)).or_default() += 1;
        }
    }
    let mut cases: BTreeMap<(IpAddr, Endpoint), Vec<Half<'_>>> = BTreeMap::new();
    for half in halves {
        cases
            .entry((half.dropped.client.addr, half.dropped.server))
            .or_default()
            .push(half);
    }
    for (pair, halves) in cases {
        let by_the_book = halves.iter().any(Half::waited_for_the_timeout);
        let lost_otherwise = others.get(&pair).copied().unwrap_or(0);
        if (halves.len() >= ENOUGH || by_the_book) && lost_otherwise < halves.len() {
            for half in &halves {
                sightings.add(half.sighting(view));
            }
        }
    }
}

/// A transaction with its subject.
type Question<'a> = (Subject, &'a DnsTransaction);

/// Two questions sent at once, of which one was answered and the other had to be repeated.
struct Half<'a> {
    answered: &'a DnsTransaction,
    dropped: &'a DnsTransaction,
    /// When the dropped question was asked again.
    again: Mark,
    repeated: &'a DnsTransaction,
    /// All transactions that belong to the story.
    subjects: Vec<Subject>,
}

impl Half<'_> {
    fn waited(&self) -> Span {
        self.again.at - self.dropped.query.at
    }

    fn waited_for_the_timeout(&self) -> bool {
        let off = self.waited() - TIMEOUT;
        off.max(Span::ZERO - off) <= TIMEOUT_LEEWAY
    }

    fn sighting(&self, view: &View<'_>) -> Sighting {
        let (dropped, answered) = (self.dropped, self.answered);
        let group = format!("{} {}", dropped.client.addr, dropped.server);
        let mut sighting = Sighting::new(Subject::Capture, group)
            .lost(self.waited())
            .show(at(view, dropped, dropped.query, format!(
                "{} {} asked at once with {}, from the same socket; this query was never answered",
                dropped.kind_name(),
                dropped.name,
                answered.kind_name(),
            )))
            .show(at(view, self.repeated, self.again, format!("asked again, {} later", self.waited())));
        if let Some(answer) = answered.answer {
            sighting = sighting.show(at(
                view,
                answered,
                answer,
                format!("{} was answered at once", answered.kind_name()),
            ));
        }
        sighting.subjects.clone_from(&self.subjects);
        sighting
    }
}

/// Every pair of which only one half was answered in time.
fn halves<'a>(view: &View<'a>) -> Vec<Half<'a>> {
    let pairable = |asked: &DnsTransaction| {
        asked.transport == Transport::Udp && [A, AAAA].contains(&asked.kind)
    };
    // Most names never miss an answer; only the others are sorted.
    let missed: FxHashSet<(IpAddr, Endpoint, &str)> = transactions(view)
        .filter(|(_, asked)| pairable(asked) && asked.answers < asked.asked)
        .map(|(_, asked)| (asked.client.addr, asked.server, asked.name.as_str()))
        .collect();
    let mut pairs: BTreeMap<(Endpoint, Endpoint, &str), Vec<Question<'_>>> = BTreeMap::new();
    let mut again: BTreeMap<(IpAddr, Endpoint, u16, &str), Vec<Question<'_>>> = BTreeMap::new();
    for (subject, asked) in transactions(view) {
        let client = asked.client.addr;
        if pairable(asked) && missed.contains(&(client, asked.server, asked.name.as_str())) {
            pairs
                .entry((asked.client, asked.server, &asked.name))
                .or_default()
                .push((subject, asked));
            again
                .entry((client, asked.server, asked.kind, &asked.name))
                .or_default()
                .push((subject, asked));
        }
    }
    let mut halves = Vec::new();
    for questions in pairs.values() {
        for window in questions.windows(2) {
            let &[one, other] = window else { continue };
            for (lucky, unlucky) in [(one, other), (other, one)] {
                let key = (
                    unlucky.1.client.addr,
                    unlucky.1.server,
                    unlucky.1.kind,
                    unlucky.1.name.as_str(),
                );
                let later = again.get(&key).map_or(&[][..], Vec::as_slice);
                halves.extend(half(lucky, unlucky, later));
            }
        }
    }
    halves
}

/// The pair as a case, if it is one. `later` are the questions for the unlucky type and name.
fn half<'a>(
    (lucky_subject, lucky): (Subject, &'a DnsTransaction),
    (unlucky_subject, unlucky): (Subject, &'a DnsTransaction),
    later: &[(Subject, &'a DnsTransaction)],
) -> Option<Half<'a>> {
    let apart = lucky.query.at - unlucky.query.at;
    let at_once = apart.max(Span::ZERO - apart) <= AT_ONCE && lucky.kind != unlucky.kind;
    let prompt = lucky.asked == 1 && lucky.answer?.at - lucky.query.at <= PROMPT;
    let lost = unlucky.answers < unlucky.asked;
    if !(at_once && prompt && lost) {
        return None;
    }
    let mut subjects = vec![lucky_subject, unlucky_subject];
    let (again, repeated) = if unlucky.asked > 1 {
        (unlucky.last_query, unlucky)
    } else {
        let (subject, next) = later
            .iter()
            .find(|(_, next)| next.query.at > unlucky.query.at)?;
        subjects.push(*subject);
        (next.query, *next)
    };
    let waited = again.at - unlucky.query.at;
    (waited >= PROMPT && waited <= TIMEOUT.times(3)).then_some(Half {
        answered: lucky,
        dropped: unlucky,
        again,
        repeated,
        subjects,
    })
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let told: Vec<&DnsTransaction> = told_about(view, group).into_values().collect();
    let names = some_of(told.iter().map(|asked| asked.name.as_str()));
    let key = group.first().map_or("", |sighting| sighting.group.as_str());
    let (client, server) = key.split_once(' ').unwrap_or_default();
    let lost: Span = group.iter().map(|sighting| sighting.lost).sum();
    let each = Span(lost.0 / (group.len().max(1) as i64));
    let times = counted(group.len(), "time", "times");
    let story = Story::observed(
        format!("{client} asked {server} for A and AAAA at once and {times} got only one answer, waiting {each} for the other ({names}): a race in connection tracking on the way"),
        "a capture at the server that shows both questions arriving, or insert_failed in `conntrack -S` on the client's node staying where it is, would rule this out",
    )
    .advise("Let the resolver use another socket for the second question: `options single-request-reopen` in /etc/resolv.conf (glibc)")
    .advise("Or keep these questions out of connection tracking: a cache on the node (NodeLocal DNSCache, which also asks upstream over TCP), or a NOTRACK rule for port 53")
    .advise("musl (Alpine) has no such option: use a cache on the node, or `options use-vc` with glibc, to ask over TCP");
    if group.len() < ENOUGH {
        return story.severity(Severity::Medium).support(Support::Heuristic);
    }
    story
}
