//! `dns-name-error-burst`: names were asked for that do not exist.

use super::common::{Charged, NAME_ERROR, PTR, at, counted, some_of, told_about, transactions};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use std::collections::BTreeMap;
use ww_base::{Moment, Span};
use ww_evidence::DnsTransaction;
use ww_finding::{Severity, Support};

rule! {
    name: "dns-name-error-burst",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A client asks for names that do not exist (NXDOMAIN): a wrong name, or one tried again and again",
    needs: [Dns],
    explains: [],
    page: "dns_name_error_burst.md",
    detect: detect,
    tell: tell,
}

/// Missing names within [`BURST`] that make a burst, and lookups of one name that make a habit.
const MANY: usize = 3;

/// The time in which they must fall.
const BURST: Span = Span::from_secs(60);

/// A and AAAA of one name, and resolvers that ask two servers, are one lookup.
const ONE_LOOKUP: Span = Span::from_secs(1);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let mut charged = Charged::new();
    for (subject, asked) in transactions(view) {
        let Some(answer) = asked.answer.filter(|_| missing(asked)) else {
            continue;
        };
        let lost = charged.add(asked.client.addr, asked.query.at, answer.at);
        sightings.add(
            Sighting::new(subject, asked.client.addr.to_string())
                .lost(lost)
                .show(at(
                    view,
                    asked,
                    answer,
                    format!(
                        "NXDOMAIN: {} does not exist, says {}",
                        asked.name, asked.server
                    ),
                )),
        );
    }
}

/// The name does not exist, and that is no answer like any other: not a reverse lookup, nor an
/// address looked up in a block list (its digits reversed under the list's name), where most
/// addresses are not listed.
fn missing(asked: &DnsTransaction) -> bool {
    let digits = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
    let listed = asked
        .name
        .split('.')
        .take(4)
        .filter(|label| digits(label))
        .count()
        == 4;
    asked.rcode() == Some(NAME_ERROR) && asked.kind != PTR && !listed
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let told: Vec<&DnsTransaction> = told_about(view, group).into_values().collect();
    let tried = Tried::of(&told);
    let client = group.first().map_or("", |sighting| sighting.group.as_str());
    let names = some_of(tried.names.keys().copied());
    let missing = tried.names.len();
    let count = counted(
        missing,
        "name that does not exist",
        "names that do not exist",
    );
    let headline = match tried.habit {
        Some((name, times)) => {
            let others = if missing > 1 {
                format!(", and for {} more such", missing - 1)
            } else {
                String::new()
            };
            format!(
                "{client} asked {times} times for {name}, which does not exist (NXDOMAIN){others}"
            )
        }
        None if tried.burst => {
            format!("{client} asked for {count} within {BURST} (NXDOMAIN: {names})")
        }
        None => format!("{client} asked for {count} (NXDOMAIN: {names})"),
    };
    Story::observed(
        headline,
        "a client that carries on as if nothing was missing did not need these names: programs probe for names on purpose",
    )
    .severity(tried.severity())
    .support(if tried.severity() == Severity::Info { Support::Heuristic } else { Support::Observed })
    .advise("Find where the name comes from (configuration, environment, service list) and correct it; dig NAME shows whether the zone or only the host is missing")
    .advise("If the name should exist, look at the zone's negative TTL (the last number of its SOA): the wrong answer stays cached that long after the record is added")
}

/// The lookups of a client that ended with NXDOMAIN.
struct Tried<'a> {
    /// When each missing name was looked up; names with a search suffix count as the bare one.
    names: BTreeMap<&'a str, Vec<Moment>>,
    /// Many different names in a short time.
    burst: bool,
    /// The name that was looked up again and again, and how often.
    habit: Option<(&'a str, usize)>,
}

impl<'a> Tried<'a> {
    fn of(told: &[&'a DnsTransaction]) -> Tried<'a> {
        let mut names: BTreeMap<&str, Vec<Moment>> = BTreeMap::new();
        for asked in told {
            names.entry(&asked.name).or_default().push(asked.query.at);
        }
        let bare: Vec<&str> = names
            .keys()
            .copied()
            .filter(|name| is_expanded(name, &names))
            .collect();
        for expanded in bare {
            names.remove(expanded);
        }
        for times in names.values_mut() {
            times.sort_unstable();
            times.dedup_by(|later, earlier| *later - *earlier < ONE_LOOKUP);
        }
        let habit = names
            .iter()
            .map(|(&name, times)| (name, times.len()))
            .filter(|&(_, times)| times >= MANY)
            .max_by_key(|&(_, times)| times);
        let burst = burst(&names);
        Tried {
            names,
            burst,
            habit,
        }
    }

    fn severity(&self) -> Severity {
        match (self.burst, self.habit) {
            (_, Some((_, times))) if times >= 10 => Severity::Medium,
            (true, _) if self.names.len() >= 20 => Severity::Medium,
            (false, None) => Severity::Info,
            _ => Severity::Low,
        }
    }
}

/// The name is another missing one with a search suffix behind it.
fn is_expanded(name: &str, names: &BTreeMap<&str, Vec<Moment>>) -> bool {
    name.match_indices('.')
        .filter_map(|(dot, _)| name.get(..dot))
        .any(|stem| names.contains_key(stem))
}

/// Many names in a short time; names of one label are not counted: browsers make such names up, to
/// see whether the resolver tells the truth.
fn burst(names: &BTreeMap<&str, Vec<Moment>>) -> bool {
    let mut first: Vec<Moment> = names
        .iter()
        .filter(|(name, _)| name.contains('.'))
        .filter_map(|(_, times)| times.first().copied())
        .collect();
    first.sort_unstable();
    first.windows(MANY).any(|few| match few {
        [earliest, .., latest] => *latest - *earliest <= BURST,
        _ => false,
    })
}
