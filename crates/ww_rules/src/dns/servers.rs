//! What name servers said of a live endpoint's name.

use crate::Walk;
use std::net::SocketAddr;
use ww_evidence::transcript::{
    Answer, DnsVia, Lookup, LookupOutcome, Record, ResolverSetup, Seen, Step,
};

/// One server, and every question about the target's name that was put to it, in order.
#[derive(Debug)]
pub(super) struct Server<'a> {
    /// Where it is.
    pub(super) at: SocketAddr,
    /// It is one of the zone's own.
    pub(super) is_own: bool,
    /// The questions.
    pub(super) lookups: Vec<(&'a Step, &'a Lookup)>,
}

/// The servers that were asked about the target's name: resolvers in the order in which programs ask them,
/// and those of the zone.
pub(super) fn servers<'a>(walk: &Walk<'a>) -> Vec<Server<'a>> {
    let mut servers: Vec<Server<'a>> = Vec::new();
    for (step, lookup) in all(walk) {
        let Some(at) = lookup.via.server() else {
            continue;
        };
        let is_own = lookup.authoritative_server;
        let of_target = same(&lookup.name, &walk.target().host) && lookup.expanded_by.is_empty();
        // What is asked only to find the zone's servers is no question of a program.
        let of_program =
            !(lookup.checking_disabled && matches!(lookup.kind.as_str(), "SOA" | "NS"));
        if !(is_own || (of_target && of_program)) {
            continue;
        }
        match servers
            .iter_mut()
            .find(|known| known.at == at && known.is_own == is_own)
        {
            Some(known) => known.lookups.push((step, lookup)),
            None => servers.push(Server {
                at,
                is_own,
                lookups: vec![(step, lookup)],
            }),
        }
    }
    servers
}

/// The resolvers among them.
pub(super) fn resolvers<'a>(walk: &Walk<'a>) -> Vec<Server<'a>> {
    let mut servers = servers(walk);
    servers.retain(|server| !server.is_own);
    servers
}

impl<'a> Server<'a> {
    /// Nothing was ever heard of it.
    pub(super) fn is_silent(&self) -> bool {
        !self
            .lookups
            .iter()
            .any(|(_, lookup)| answer(lookup).is_some())
    }

    /// What a program is told in the end when it asks for this type: the last answer that was judged, one
    /// that is whole before one that is not.
    pub(super) fn answer(&self, kind: &str) -> Option<(&'a Step, &'a Answer)> {
        let answers = || {
            self.asked(kind)
                .filter_map(|(step, lookup)| Some((step, answer(lookup)?)))
        };
        answers()
            .filter(|(_, answer)| !answer.truncated)
            .last()
            .or_else(|| answers().last())
    }

    /// The questions for one type that programs ask: signatures may be judged.
    pub(super) fn asked(&self, kind: &str) -> impl Iterator<Item = (&'a Step, &'a Lookup)> {
        self.lookups
            .iter()
            .copied()
            .filter(move |(_, lookup)| lookup.kind == kind && !lookup.checking_disabled)
    }

    /// The types that it was asked for, in order.
    pub(super) fn kinds(&self) -> Vec<&'a str> {
        let mut kinds = Vec::new();
        for (_, lookup) in &self.lookups {
            if !kinds.contains(&lookup.kind.as_str()) {
                kinds.push(lookup.kind.as_str());
            }
        }
        kinds
    }

    /// Whether it finds an address of this type; `None` when it does not tell.
    pub(super) fn finds(&self, kind: &str) -> Option<bool> {
        let (_, answer) = self.answer(kind)?;
        matches!(answer.rcode.as_str(), "NOERROR" | "NXDOMAIN")
            .then(|| addresses(answer).next().is_some())
    }
}

/// Every lookup of the walk.
pub(super) fn all<'a>(walk: &Walk<'a>) -> impl Iterator<Item = (&'a Step, &'a Lookup)> + use<'a> {
    walk.transcript
        .steps
        .iter()
        .filter_map(|step| match &step.seen {
            Seen::Lookup(lookup) => Some((step, lookup)),
            _ => None,
        })
}

/// The lookup of a step.
pub(super) fn lookup(step: &Step) -> Option<&Lookup> {
    match &step.seen {
        Seen::Lookup(lookup) => Some(lookup),
        _ => None,
    }
}

/// How this host resolves names.
pub(super) fn setup<'a>(walk: &Walk<'a>) -> Option<&'a ResolverSetup> {
    walk.transcript.resolvers().map(|(_, setup)| setup).next()
}

/// What came back, where something did.
pub(super) fn answer(lookup: &Lookup) -> Option<&Answer> {
    match &lookup.outcome {
        LookupOutcome::Answered(answer) => Some(answer),
        _ => None,
    }
}

/// The addresses in an answer.
pub(super) fn addresses(answer: &Answer) -> impl Iterator<Item = &Record> {
    answer
        .records
        .iter()
        .filter(|record| matches!(record.kind.as_str(), "A" | "AAAA"))
}

/// A program on this host is given an address, by the system or by a resolver that it may ask.
pub(super) fn is_found(walk: &Walk<'_>) -> bool {
    all(walk).any(|(_, lookup)| {
        !lookup.authoritative_server
            && !lookup.checking_disabled
            && answer(lookup).is_some_and(|answer| addresses(answer).next().is_some())
    })
}

/// The search list completes the name before it would be asked for as it is, so that programs do not care
/// what is said of it as it is.
pub(super) fn is_completed(walk: &Walk<'_>) -> bool {
    all(walk).any(|(_, lookup)| {
        lookup.expanded_by.len() > 1
            && answer(lookup).is_some_and(|answer| addresses(answer).next().is_some())
    })
}

/// The name at the end of the chain of aliases in an answer, where there is one.
pub(super) fn alias(answer: &Answer) -> Option<&str> {
    let last = answer.records.iter().rfind(|record| record.kind == "CNAME");
    last.map(|record| record.data.as_str())
}

/// Two names are the same whatever the case of their letters.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('.')
        .eq_ignore_ascii_case(other.trim_end_matches('.'))
}

/// A server as people name it: without the usual port.
pub(super) fn named(server: SocketAddr) -> String {
    match server.port() {
        53 => server.ip().to_string(),
        _ => server.to_string(),
    }
}

/// The beginning of a command that asks a server, which is given as [`named`] writes it.
pub(super) fn dig(server: &str) -> String {
    match server.parse::<SocketAddr>() {
        Ok(at) => format!("dig @{} -p {}", at.ip(), at.port()),
        Err(_) => format!("dig @{server}"),
    }
}

/// How a question was put: ` over TCP`, ` with answers of up to 4096 bytes`.
pub(super) fn how(lookup: &Lookup) -> String {
    match (&lookup.via, lookup.edns_size) {
        (DnsVia::Tcp(_), _) => " over TCP".to_owned(),
        (_, Some(size)) => format!(" over UDP with answers of up to {size} bytes"),
        (_, None) => " over UDP without EDNS".to_owned(),
    }
}

/// `one`, `one and two`, `one, two and three`; longer lists are cut.
pub(super) fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}
