//! What name servers said of a live endpoint's name.

use crate::Walk;
use std::net::SocketAddr;
use ww_base::Order;
use ww_evidence::transcript::{
    Answer, DnsVia, Lookup, LookupOutcome, Record, ResolverSetup, Seen, Step,
};

/// Where a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// Over UDP and TCP.
    Plain(SocketAddr),
    /// Over TLS.
    Tls(SocketAddr),
    /// Over HTTPS, at this URL.
    Https(&'a str),
}

impl<'a> Place<'a> {
    /// Where an answer came from; none for the system's resolver.
    pub(super) fn of(via: &'a DnsVia) -> Option<Place<'a>> {
        Some(match via {
            DnsVia::System => return None,
            DnsVia::Udp(at) | DnsVia::Tcp(at) => Place::Plain(*at),
            DnsVia::Tls(at) => Place::Tls(*at),
            DnsVia::Https(url) => Place::Https(url),
        })
    }

    /// Over TLS or HTTPS.
    pub(super) fn is_encrypted(self) -> bool {
        !matches!(self, Place::Plain(_))
    }
}

impl From<SocketAddr> for Place<'_> {
    fn from(at: SocketAddr) -> Self {
        Place::Plain(at)
    }
}

/// One server, and every question about the target's name that was put to it, in order.
#[derive(Debug)]
pub(super) struct Server<'a> {
    /// Where it is.
    pub(super) at: Place<'a>,
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
        let Some(at) = Place::of(&lookup.via) else {
            continue;
        };
        let is_own = lookup.authoritative_server;
        let of_target = same(&lookup.name, &walk.target().host) && lookup.expanded_by.is_empty();
        // The parent's servers know nothing of the name.
        if lookup.delegation {
            continue;
        }
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
        let finds = addresses(answer).next().is_some();
        // What is cut short may be what was looked for, and who refers to others knows nothing himself.
        let is_told = finds || !(answer.truncated || refers(answer));
        (is_told && matches!(answer.rcode.as_str(), "NOERROR" | "NXDOMAIN")).then_some(finds)
    }
}

/// The answer names the servers of another zone and nothing else (RFC 2308 section 2.2).
fn refers(answer: &Answer) -> bool {
    let mut authority = answer.authority.iter();
    !answer.authoritative
        && answer.records.is_empty()
        && authority.any(|record| record.kind == "NS")
}

/// Every lookup of the walk about the target itself.
pub(super) fn all<'a>(walk: &Walk<'a>) -> impl Iterator<Item = (&'a Step, &'a Lookup)> + use<'a> {
    every(walk).filter(|(_, lookup)| !lookup.by_binding)
}

/// Every lookup of the walk, those of names to which an HTTPS record leads too.
pub(super) fn every<'a>(walk: &Walk<'a>) -> impl Iterator<Item = (&'a Step, &'a Lookup)> + use<'a> {
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

/// A name server over TLS or HTTPS that answers the target's questions of this type in full, best one at the same
/// address: a control in which port 53 has no part.
pub(super) fn control<'a>(walk: &Walk<'a>, at: Place<'_>, kind: &str) -> Option<Control<'a>> {
    let answers = resolvers(walk).into_iter().filter_map(|server| {
        let (step, said) = server.answer(kind).filter(|_| server.at.is_encrypted())?;
        let is_told = matches!(said.rcode.as_str(), "NOERROR" | "NXDOMAIN") && !said.truncated;
        let address = |at: Place<'_>| address_of(walk, at).map(|at| at.ip());
        is_told.then(|| Control {
            step,
            name: named(server.at),
            is_same_host: address(server.at).is_some() && address(server.at) == address(at),
        })
    });
    let mut controls: Vec<Control<'a>> = answers.collect();
    controls.put_in_order_by_key(|control| !control.is_same_host);
    controls.into_iter().next()
}

/// An encrypted name server that answers.
#[derive(Debug)]
pub(super) struct Control<'a> {
    /// The answer.
    pub(super) step: &'a Step,
    /// The server.
    pub(super) name: String,
    /// It is the very host that is asked at port 53.
    pub(super) is_same_host: bool,
}

impl Control<'_> {
    /// What it tells, as the end of a sentence: of a server that is silent at port 53, or that refuses there.
    pub(super) fn tells(&self, is_silent: bool) -> String {
        let so = match (self.is_same_host, is_silent) {
            (true, true) => "the server is there and its port 53 is filtered",
            (true, false) => "the server is there",
            (false, _) => "names can be looked up from here past port 53",
        };
        format!("; {} answers, so that {so}", self.name)
    }
}

/// The address at which a server was reached, where that is known.
pub(super) fn address_of(walk: &Walk<'_>, at: Place<'_>) -> Option<SocketAddr> {
    match at {
        Place::Plain(at) | Place::Tls(at) => Some(at),
        Place::Https(url) => {
            let layers = walk.transcript.resolver_layers();
            let mut requests = layers.filter_map(|(_, layer)| match layer.layer.as_ref() {
                Seen::Http(exchange) if exchange.url == url => exchange.to,
                _ => None,
            });
            requests.next()
        }
    }
}

/// A host that the target's service is at (RFC 2782), and whether somebody gives it an address.
#[derive(Debug)]
pub(super) struct ServiceHost<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// What was asked of it, as programs ask; nothing of the root.
    pub(super) lookups: Vec<(&'a Step, &'a Lookup)>,
}

impl ServiceHost<'_> {
    /// It is the root, which says that the service is not offered (RFC 2782), and is no host.
    pub(super) fn is_refusal(&self) -> bool {
        self.name == "."
    }

    /// Somebody gives it an address.
    pub(super) fn is_found(&self) -> bool {
        let answers = self.lookups.iter().filter_map(|(_, lookup)| answer(lookup));
        answers.flat_map(addresses).next().is_some()
    }
}

/// The hosts that the target's service is at.
pub(super) fn service_hosts<'a>(walk: &Walk<'a>) -> Vec<ServiceHost<'a>> {
    let host = &walk.target().host;
    let records = all(walk)
        .filter(|(_, lookup)| lookup.kind == "SRV" && same(&lookup.name, host))
        .filter_map(|(_, lookup)| answer(lookup))
        .flat_map(|said| &said.records);
    let mut hosts: Vec<ServiceHost<'a>> = Vec::new();
    for name in records.filter_map(|record| record.data.split(' ').nth(3)) {
        if hosts.iter().any(|known| same(known.name, name)) {
            continue;
        }
        let is_about =
            |lookup: &Lookup| name != "." && same(&lookup.name, name) && !lookup.checking_disabled;
        hosts.push(ServiceHost {
            name,
            lookups: all(walk)
                .filter(|(_, lookup)| is_about(lookup) && !lookup.authoritative_server)
                .collect(),
        });
    }
    hosts
}

/// The addresses in an answer.
pub(super) fn addresses(answer: &Answer) -> impl Iterator<Item = &Record> {
    answer
        .records
        .iter()
        .filter(|record| matches!(record.kind.as_str(), "A" | "AAAA"))
}

/// A program on this host is given an address, by the system or by a resolver that it may ask.
pub(crate) fn is_found(walk: &Walk<'_>) -> bool {
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
pub(super) fn named<'p>(server: impl Into<Place<'p>>) -> String {
    match server.into() {
        Place::Plain(at) if at.port() == 53 => at.ip().to_string(),
        Place::Plain(at) => at.to_string(),
        Place::Tls(at) if at.port() == TLS_PORT && at.is_ipv4() => format!("tls://{}", at.ip()),
        Place::Tls(at) => format!("tls://{at}"),
        Place::Https(url) => url.to_owned(),
    }
}

/// The usual port of DNS over TLS (RFC 7858 section 3.1).
const TLS_PORT: u16 = 853;

/// The beginning of a command that asks a server, which is given as [`named`] writes it.
pub(super) fn dig(server: &str) -> String {
    if let Some(at) = server.strip_prefix("tls://") {
        return match at.parse::<SocketAddr>() {
            Ok(at) => format!("dig @{} -p {} +tls", at.ip(), at.port()),
            Err(_) => format!("dig @{at} +tls"),
        };
    }
    if let Some(rest) = server.strip_prefix("https://") {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, "dns-query"));
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']').unwrap_or((rest, "")),
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match port.trim_start_matches(':') {
            "" => String::new(),
            port => format!(" -p {port}"),
        };
        return format!("dig @{host}{port} +https=/{path}");
    }
    match server.parse::<SocketAddr>() {
        Ok(at) => format!("dig @{} -p {}", at.ip(), at.port()),
        Err(_) => format!("dig @{server}"),
    }
}

/// How a question was put: ` over TCP`, ` with answers of up to 4096 bytes`.
pub(super) fn how(lookup: &Lookup) -> String {
    match (&lookup.via, lookup.edns_size) {
        (DnsVia::Tcp(_), _) => " over TCP".to_owned(),
        (DnsVia::Tls(_), _) => " over TLS".to_owned(),
        (DnsVia::Https(_), _) => " over HTTPS".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dig_asks_a_server_as_it_is_named() {
        for (server, command) in [
            ("192.0.2.53", "dig @192.0.2.53"),
            ("[2001:db8::53]:5353", "dig @2001:db8::53 -p 5353"),
            ("tls://192.0.2.53", "dig @192.0.2.53 +tls"),
            ("tls://192.0.2.53:8853", "dig @192.0.2.53 -p 8853 +tls"),
            (
                "https://dns.example/dns-query",
                "dig @dns.example +https=/dns-query",
            ),
            (
                "https://192.0.2.53:8443/q",
                "dig @192.0.2.53 -p 8443 +https=/q",
            ),
            (
                "https://[2001:db8::53]:8443/q",
                "dig @2001:db8::53 -p 8443 +https=/q",
            ),
            ("https://[2001:db8::53]/q", "dig @2001:db8::53 +https=/q"),
        ] {
            assert_eq!(dig(server), command);
        }
    }
}
