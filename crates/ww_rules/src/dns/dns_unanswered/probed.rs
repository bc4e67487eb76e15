//! The same cause at a live endpoint: a server is silent, to everything or to some questions.

use super::super::servers::{
    Control, Server, answer, control, dig, how, is_found, listed, named, resolvers, servers, setup,
};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Span;
use ww_evidence::transcript::{Chosen, DnsVia, Lookup, LookupOutcome, Step};
use ww_finding::{Owner, Severity};

/// Answers up to this size pass every path in one piece.
const SMALL: u16 = 1232;

/// What a server is silent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silence<'a> {
    /// Everything.
    All,
    /// Everything over UDP.
    Udp,
    /// Questions with EDNS.
    Edns,
    /// One type.
    Kind(&'a str),
    /// One datagram, by chance.
    Once,
}

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for server in servers(walk) {
        let Some((silence, steps)) = silence(&server) else {
            continue;
        };
        let word = match silence {
            Silence::All if server.is_own => "own",
            Silence::All => "all",
            Silence::Udp => "udp",
            Silence::Edns => "edns",
            Silence::Kind(kind) => kind,
            Silence::Once => "once",
        };
        let mut sighting = Sighting::new(Subject::Capture, format!("{word} {}", named(server.at)));
        sighting.subjects = steps
            .iter()
            .map(|(step, _)| Subject::Step(step.number))
            .collect();
        sighting.lost = waited(&steps);
        for &(step, lookup) in &steps {
            sighting = sighting.show(walk.at(step, says(step, lookup)));
        }
        if let Some(control) = past_port_53(walk, &server) {
            let says = format!("{} answers", control.name);
            sighting = sighting.show(walk.at(control.step, says));
        }
        sightings.add(sighting);
    }
}

/// How long was waited: once for what one choice put side by side.
fn waited(steps: &[(&Step, &Lookup)]) -> Span {
    let mut waits: Vec<(Option<&Chosen>, Span)> = Vec::new();
    for (step, _) in steps {
        let chosen = step.chosen.as_ref();
        let is_beside =
            |(known, _): &&mut (Option<&Chosen>, Span)| chosen.is_some() && *known == chosen;
        match waits.iter_mut().find(is_beside) {
            Some((_, longest)) => *longest = (*longest).max(step.took),
            None => waits.push((chosen, step.took)),
        }
    }
    waits.iter().map(|(_, wait)| *wait).sum()
}

/// What answers where a resolver does not, at least over UDP.
fn past_port_53<'a>(walk: &Walk<'a>, server: &Server<'_>) -> Option<Control<'a>> {
    let is_concerned = !server.is_own
        && !server.at.is_encrypted()
        && matches!(silence(server)?.0, Silence::All | Silence::Udp);
    let mut kinds = server.kinds().into_iter().filter(|_| is_concerned);
    kinds.find_map(|kind| control(walk, server.at, kind))
}

/// What a server is silent to, and the questions that show it.
fn silence<'a>(server: &Server<'a>) -> Option<(Silence<'a>, Vec<(&'a Step, &'a Lookup)>)> {
    let unanswered = |lookup: &Lookup| answer(lookup).is_none();
    let mut steps: Vec<(&Step, &Lookup)> = server.lookups.clone();
    steps.retain(|(_, lookup)| unanswered(lookup));
    if steps.is_empty() {
        return None;
    }
    if server.is_silent() {
        return Some((Silence::All, steps));
    }
    // An answer that is cut short and not continued over TCP is another matter.
    steps.retain(|(_, lookup)| !matches!(lookup.via, DnsVia::Tcp(_)));
    let (heard_udp, heard_tcp) = heard(server);
    if !heard_udp {
        return heard_tcp.then_some((Silence::Udp, steps));
    }
    let silent_kind = server.kinds().into_iter().find(|kind| {
        let mut asked = server.asked(kind).peekable();
        asked.peek().is_some() && server.asked(kind).all(|(_, lookup)| unanswered(lookup))
    });
    if let Some(kind) = silent_kind {
        steps.retain(|(_, lookup)| lookup.kind == kind);
        return (!server.is_own).then_some((Silence::Kind(kind), steps));
    }
    if server.at.is_encrypted() {
        return None;
    }
    steps.retain(|(_, lookup)| {
        !lookup.checking_disabled && lookup.outcome == LookupOutcome::TimedOut
    });
    let &(_, lost) = steps.first()?;
    let answered_as_it_was = server.asked(&lost.kind).any(|(_, lookup)| {
        lookup.edns_size == lost.edns_size && lookup.via == lost.via && answer(lookup).is_some()
    });
    if answered_as_it_was {
        return Some((Silence::Once, steps));
    }
    let small_is_lost = steps
        .iter()
        .any(|(_, lookup)| lookup.edns_size == Some(SMALL));
    let plain_is_heard = server.asked(&lost.kind).any(|(_, lookup)| {
        lookup.edns_size.is_none()
            && matches!(lookup.via, DnsVia::Udp(_))
            && answer(lookup).is_some()
    });
    (small_is_lost && plain_is_heard).then_some((Silence::Edns, steps))
}

/// Whether it answered over UDP, and over TCP.
fn heard(server: &Server<'_>) -> (bool, bool) {
    let over = |tcp: bool| {
        server.lookups.iter().any(|(_, lookup)| {
            matches!(lookup.via, DnsVia::Tcp(_)) == tcp && answer(lookup).is_some()
        })
    };
    (over(false), over(true))
}

fn says(step: &Step, lookup: &Lookup) -> String {
    let asked = format!("{} {} asked{}", lookup.kind, lookup.name, how(lookup));
    match &lookup.outcome {
        LookupOutcome::Refused => format!("{asked}: the port is closed"),
        LookupOutcome::Failed(why) => format!("{asked}: {why}"),
        _ => format!("{asked}: nothing came in {}", step.took),
    }
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let group = sightings
        .first()
        .map_or("", |sighting| sighting.group.as_str());
    let (word, at) = group.split_once(' ').unwrap_or_default();
    let host = &walk.target().host;
    let ask = format!("{} {host}", dig(at));
    match word {
        "all" => dead(walk, at),
        "own" => Story::observed(
            format!("{at}, one of the name servers of {host}'s zone, does not answer"),
            "an answer from it to another host: then the path from here is at fault",
        )
        .severity(Severity::Low)
        .owner(Owner::Server)
        .advise("Start that server, or take it out of the zone's NS records and the parent's delegation: resolvers wait for it now and then"),
        "udp" => Story::observed(
            format!("{at} answers over TCP alone: {}{}", without_udp(walk, at), past(walk, at)),
            "an answer over UDP to another host",
        )
        .severity(if is_found(walk) { Severity::Medium } else { Severity::High })
        .owner(Owner::Middlebox)
        .advise("Open UDP port 53 both ways between this host and the server; programs ask over UDP first"),
        "edns" => Story::observed(
            format!("{at} is silent to questions with EDNS and answers those without"),
            format!("{ask} +bufsize={SMALL} that is answered"),
        )
        .severity(Severity::Medium)
        .owner(Owner::Middlebox)
        .advise("Let the firewall's DNS inspection pass the OPT record and messages above 512 bytes, or update the server (RFC 8906)"),
        "once" => Story::observed(
            format!("one datagram to or from {at} was lost: the same question was answered when it was asked again"),
            "many repetitions without a loss",
        )
        .severity(Severity::Info)
        .advise(format!("Repeat {ask} a hundred times; loss that stays is a matter of the path or of the server's load")),
        kind => Story::observed(
            format!("{at} does not answer questions for {kind} records, and answers others"),
            format!("{ask} {kind} that is answered, if only with no record"),
        )
        .severity(if kind == "HTTPS" { Severity::Low } else { Severity::Medium })
        .owner(Owner::Middlebox)
        .advise(format!("Find what drops the type between here and the server; a name without {kind} records must be answered with none (RFC 8906 section 3.1.2)")),
    }
}

/// Why a server that answers over TCP does not over UDP.
fn without_udp(walk: &Walk<'_>, at: &str) -> &'static str {
    let asked = servers(walk);
    let server = asked.iter().find(|server| named(server.at) == at);
    if server.is_some_and(is_silent_somewhere) {
        "questions over UDP, or their answers, are dropped"
    } else {
        "its UDP port is closed"
    }
}

/// What an encrypted name server tells of one at port 53, as the end of a sentence; empty when there is none.
fn past(walk: &Walk<'_>, at: &str) -> String {
    let asked = resolvers(walk);
    let silent = asked.iter().find(|server| named(server.at) == at);
    let is_silent = silent.is_some_and(is_silent_somewhere);
    let control = silent.and_then(|server| past_port_53(walk, server));
    control.map_or_else(String::new, |control| control.tells(is_silent))
}

/// Some question was met with silence: elsewhere a port is closed, or nothing could be sent.
fn is_silent_somewhere(server: &Server<'_>) -> bool {
    let mut lookups = server.lookups.iter();
    lookups.any(|(_, lookup)| lookup.outcome == LookupOutcome::TimedOut)
}

/// An encrypted resolver that takes connections and answers nothing.
fn dead_behind_tls(walk: &Walk<'_>, silent: &Server<'_>) -> Story {
    let host = &walk.target().host;
    let at = named(silent.at);
    let why = silent
        .lookups
        .iter()
        .find_map(|(_, lookup)| match &lookup.outcome {
            LookupOutcome::Failed(why) => Some(format!(": {why}")),
            _ => None,
        })
        .unwrap_or_default();
    Story::observed(
        format!("{at} takes the connection and agrees on TLS, and does not answer the question{why}"),
        format!("{} {host} that is answered", dig(&at)),
    )
    .severity(if is_found(walk) { Severity::Medium } else { Severity::High })
    .owner(Owner::Server)
    .advise("See that it is a name server that listens there, not another service behind TLS; its log tells whether the question arrived")
    .advise("If it forwards questions, see whether what it forwards them to answers")
}

/// A resolver of which nothing is heard.
fn dead(walk: &Walk<'_>, at: &str) -> Story {
    let host = &walk.target().host;
    let asked = resolvers(walk);
    let silent = asked.iter().find(|server| named(server.at) == at);
    if let Some(silent) = silent.filter(|server| server.at.is_encrypted()) {
        return dead_behind_tls(walk, silent);
    }
    let control = silent.and_then(|server| past_port_53(walk, server));
    let is_closed = silent.is_some_and(|server| {
        server
            .lookups
            .iter()
            .all(|(_, lookup)| lookup.outcome == LookupOutcome::Refused)
    });
    let not_sent = silent.is_some_and(|server| {
        server
            .lookups
            .iter()
            .all(|(_, lookup)| matches!(lookup.outcome, LookupOutcome::Failed(_)))
    });
    let what = match (is_closed, not_sent) {
        (true, _) => "is no name server: its port is closed",
        (_, true) => "cannot be asked",
        _ => "does not answer, neither over UDP nor over TCP",
    };
    let alive: Vec<String> = asked
        .iter()
        .filter(|server| !server.is_silent() && !server.at.is_encrypted())
        .map(|server| named(server.at))
        .collect();
    let is_first = asked.first().is_some_and(|server| named(server.at) == at);
    let is_slow = !(is_closed || not_sent);
    let timeout = setup(walk)
        .map(|setup| setup.timeout)
        .filter(|timeout| timeout.0 > 0);
    let (severity, end) = match (alive.is_empty(), is_first && is_slow) {
        (true, _) if !is_found(walk) => (Severity::High, format!("; {host} cannot be resolved")),
        (true, _) => (Severity::Medium, String::new()),
        (false, true) => {
            let wait = timeout.map_or_else(String::new, |timeout| format!(" for {timeout}"));
            (
                Severity::Medium,
                format!(
                    "; it is asked first, so that programs wait{wait} before they ask {}",
                    listed(&alive)
                ),
            )
        }
        (false, false) => (Severity::Low, format!("; {} does", listed(&alive))),
    };
    let is_silent = silent.is_some_and(is_silent_somewhere);
    let past = control
        .as_ref()
        .map_or_else(String::new, |control| control.tells(is_silent));
    let owner = match &control {
        _ if is_closed => Owner::Server,
        Some(control) if control.is_same_host && is_silent => Owner::Middlebox,
        _ => Owner::Network,
    };
    Story::observed(
        format!("{at} {what}{end}{past}"),
        "an answer from it to this host at another time, or to another host, moves the fault to the path or to the moment",
    )
    .severity(severity)
    .owner(owner)
    .advise(format!("Ask from this host: {} {host}; if it is meant to be there, start it or open port 53 over UDP and TCP", dig(at)))
    .advise("If it is not, take it out of /etc/resolv.conf or the DHCP option; until then `options timeout:1 rotate` keeps the wait short (glibc)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_evidence::transcript::Seen;

    #[test]
    fn what_is_asked_side_by_side_is_waited_for_once() {
        let step = |took: i64, raised_by: Option<u32>| Step {
            took: Span::from_millis(took),
            chosen: raised_by.map(|raised_by| Chosen {
                raised_by,
                ..Chosen::default()
            }),
            number: 1,
            began: Span::ZERO,
            why: String::new(),
            command: String::new(),
            seen: Seen::Lookup(Lookup::default()),
        };
        let steps = [
            step(5_000, None),
            step(1_500, Some(1)),
            step(1_400, Some(1)),
            step(5_000, None),
            step(1_500, Some(4)),
        ];
        let lookup = Lookup::default();
        let steps: Vec<(&Step, &Lookup)> = steps.iter().map(|step| (step, &lookup)).collect();
        assert_eq!(waited(&steps), Span::from_millis(13_000));
    }
}
