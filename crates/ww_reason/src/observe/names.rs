//! Name servers that are silent or fail, and names that nobody finds.

use super::Case;
use crate::{Control, Reading, Readings, Symptom};
use std::net::SocketAddr;
use ww_evidence::transcript::{
    Answer, DnsVia, Lookup, LookupOutcome, SecurityVerdict, Seen, Step, Target,
};

/// What every path takes whole (DNS flag day 2020).
const WHOLE: u16 = 1_232;

type Asked<'s> = (&'s Step, &'s Lookup);

pub(super) fn cases(target: &Target, steps: &[Step]) -> Vec<Case> {
    let asked: Vec<Asked<'_>> = steps
        .iter()
        .filter_map(|step| match &step.seen {
            Seen::Lookup(lookup) => Some((step, lookup)),
            _ => None,
        })
        .filter(|(_, lookup)| {
            // The parent's servers are asked of the zone, not of the name.
            let of_zone = lookup.authoritative_server || lookup.delegation;
            lookup.expanded_by.is_empty() && !of_zone
        })
        .collect();
    let mut known: Vec<(Place<'_>, Symptom, &str, &str)> = Vec::new();
    let mut cases: Vec<Case> = Vec::new();
    for &(step, lookup) in &asked {
        let (Some(server), Some(symptom)) = (Place::of(&lookup.via), symptom(step, lookup)) else {
            continue;
        };
        let key = (server, symptom, lookup.name.as_str(), lookup.kind.as_str());
        if known.contains(&key) {
            continue;
        }
        known.push(key);
        let readings = match symptom {
            Symptom::ServerSilent => of_silence(&asked, (step, lookup), server),
            _ => of_failure(&asked, steps, lookup, server),
        };
        cases.push(Case {
            symptom,
            at: lookup.via.server(),
            step: step.number,
            readings,
        });
    }
    let of_target: Vec<Asked<'_>> = asked
        .into_iter()
        .filter(|(_, lookup)| !lookup.by_binding && same(&lookup.name, &target.host))
        .collect();
    cases.extend(not_found(target, steps, &of_target));
    cases
}

/// Where a name server is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place<'s> {
    At(SocketAddr),
    Web(&'s str),
}

impl<'s> Place<'s> {
    fn of(via: &'s DnsVia) -> Option<Place<'s>> {
        match via {
            DnsVia::Https(url) => Some(Place::Web(url)),
            _ => via.server().map(Place::At),
        }
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('.')
        .eq_ignore_ascii_case(other.trim_end_matches('.'))
}

fn answer(lookup: &Lookup) -> Option<&Answer> {
    match &lookup.outcome {
        LookupOutcome::Answered(answer) => Some(answer),
        _ => None,
    }
}

fn symptom(step: &Step, lookup: &Lookup) -> Option<Symptom> {
    // A control of another question that fails too tells of that one.
    let is_control = step.chosen.is_some();
    let over_udp = matches!(lookup.via, DnsVia::Udp(_));
    match &lookup.outcome {
        _ if lookup.checking_disabled => None,
        LookupOutcome::TimedOut if over_udp && !is_control => Some(Symptom::ServerSilent),
        LookupOutcome::Answered(answer) if answer.rcode == "SERVFAIL" => {
            Some(Symptom::ServerFailure)
        }
        _ => None,
    }
}

/// What the server made of other questions.
fn of_silence(asked: &[Asked<'_>], (failed, silent): Asked<'_>, server: Place<'_>) -> Readings {
    let mut readings = Readings::default();
    // What asked for no more than a packet, or without EDNS, failed as such.
    if silent.edns_size.is_none_or(|size| size <= WHOLE) {
        readings.note(Control::SmallAnswer, Reading::Fails);
    }
    if silent.edns_size.is_none() {
        readings.note(Control::WithoutEdns, Reading::Fails);
    }
    for (step, lookup) in asked {
        let of_server = Place::of(&lookup.via) == Some(server) && !lookup.checking_disabled;
        if !of_server || step.number == failed.number {
            continue;
        }
        let is_same = lookup.kind == silent.kind && same(&lookup.name, &silent.name);
        let control = match (&lookup.via, lookup.edns_size) {
            (DnsVia::Udp(_), _) if !is_same => Control::OtherType,
            _ if !is_same => continue,
            (DnsVia::Tcp(_), _) => Control::OverTcp,
            (DnsVia::Udp(_), size) if size == silent.edns_size => Control::SameAgain,
            (DnsVia::Udp(_), None) => Control::WithoutEdns,
            (DnsVia::Udp(_), Some(size)) if size <= WHOLE => Control::SmallAnswer,
            _ => continue,
        };
        let reading = match answer(lookup) {
            Some(answer) if answer.truncated => Reading::Degraded,
            Some(_) => Reading::Works,
            None => Reading::Fails,
        };
        readings.note(control, reading);
    }
    readings
}

/// What the server gives without validation, and what validation by ourselves finds.
fn of_failure(asked: &[Asked<'_>], steps: &[Step], failed: &Lookup, server: Place<'_>) -> Readings {
    let mut readings = Readings::default();
    let unchecked = asked.iter().filter(|(_, lookup)| {
        lookup.checking_disabled
            && Place::of(&lookup.via) == Some(server)
            && lookup.kind == failed.kind
            && same(&lookup.name, &failed.name)
    });
    for (_, lookup) in unchecked {
        let reading = match answer(lookup).map(|answer| answer.rcode.as_str()) {
            Some("NOERROR" | "NXDOMAIN") => Reading::Works,
            Some("SERVFAIL") | None => Reading::Fails,
            Some(_) => Reading::Degraded,
        };
        readings.note(Control::WithoutValidation, reading);
    }
    for step in steps {
        if let Seen::Validation(chain) = &step.seen
            && same(&chain.name, &failed.name)
            && chain.kind == failed.kind
        {
            let reading = match chain.verdict {
                SecurityVerdict::Secure => Reading::Works,
                SecurityVerdict::Insecure | SecurityVerdict::Indeterminate => Reading::Degraded,
                SecurityVerdict::Bogus => Reading::Fails,
            };
            readings.note(Control::Chain, reading);
        }
    }
    if let Some(reading) = zone_servers(steps, &failed.name) {
        readings.note(Control::ZoneServers, reading);
    }
    readings
}

/// Whether the zone's own servers that were asked answer for a name: all of them, some, or none.
fn zone_servers(steps: &[Step], name: &str) -> Option<Reading> {
    let mut servers: Vec<(Place<'_>, bool)> = Vec::new();
    for step in steps {
        let Seen::Lookup(lookup) = &step.seen else {
            continue;
        };
        let Some(place) = Place::of(&lookup.via).filter(|_| lookup.authoritative_server) else {
            continue;
        };
        let answers = same(&lookup.name, name)
            && answer(lookup)
                .is_some_and(|said| matches!(said.rcode.as_str(), "NOERROR" | "NXDOMAIN"));
        match servers.iter_mut().find(|(known, _)| *known == place) {
            Some((_, known)) => *known |= answers,
            None => servers.push((place, answers)),
        }
    }
    let answering = servers.iter().filter(|(_, answers)| *answers).count();
    Some(match answering {
        _ if servers.is_empty() => return None,
        0 => Reading::Fails,
        some if some < servers.len() => Reading::Degraded,
        _ => Reading::Works,
    })
}

fn has_address(answer: &Answer) -> bool {
    answer
        .records
        .iter()
        .any(|record| matches!(record.kind.as_str(), "A" | "AAAA"))
}

/// A name that every resolver that answers says it has no address for.
fn not_found(target: &Target, steps: &[Step], asked: &[Asked<'_>]) -> Option<Case> {
    let answers: Vec<(&Step, &Answer)> = asked
        .iter()
        .filter(|(_, lookup)| {
            !lookup.checking_disabled && matches!(lookup.kind.as_str(), "A" | "AAAA")
        })
        .filter_map(|(step, lookup)| Some((*step, answer(lookup)?)))
        .filter(|(_, answer)| matches!(answer.rcode.as_str(), "NOERROR" | "NXDOMAIN"))
        .collect();
    let (first, said) = answers.first()?;
    if answers
        .iter()
        .any(|(_, answer)| has_address(answer) || answer.truncated)
    {
        return None;
    }
    let symptom = if said.rcode == "NXDOMAIN" {
        Symptom::NameNotFound
    } else {
        Symptom::NameWithoutAddress
    };
    let mut readings = Readings::default();
    for step in steps {
        match &step.seen {
            Seen::Lookup(lookup) => {
                let Some(answer) = answer(lookup) else {
                    continue;
                };
                let is_address = matches!(lookup.kind.as_str(), "A" | "AAAA");
                if !lookup.expanded_by.is_empty() {
                    readings.note(Control::SearchedName, Reading::from(has_address(answer)));
                } else if lookup.authoritative_server
                    && is_address
                    && same(&lookup.name, &target.host)
                {
                    readings.note(Control::ZoneServers, Reading::from(has_address(answer)));
                }
            }
            // A list without suffixes makes no other name.
            Seen::Resolver(setup) if setup.search.is_empty() => {
                readings.note(Control::SearchedName, Reading::Fails);
            }
            _ => {}
        }
    }
    Some(Case {
        symptom,
        at: None,
        step: first.number,
        readings,
    })
}
