//! A zone's own servers: which they are, and what each of them says.

use super::ask::{Ask, Reply};
use super::server::Server;
use super::wire::{A, AAAA, NS, SOA, same};
use super::{RETRY, Resolving, addresses_in};
use crate::Depth;
use crate::recorder::Why;
use std::net::{IpAddr, SocketAddr};
use ww_base::Gap;
use ww_evidence::transcript::{Answer, LookupOutcome, Record};

/// Name servers of a zone that are asked, as one side names them.
const SERVERS: usize = 6;

/// Addresses of one of them that are asked.
const ADDRESSES: usize = 2;

/// Servers of the parent zone that are asked until one answers.
const PARENTS: usize = 2;

/// Names above the target that are asked for where answers name no zone.
const NAMES_ABOVE: usize = 6;

/// A name server of a zone, with the addresses that came along.
#[derive(Debug)]
struct Named {
    name: String,
    addresses: Vec<IpAddr>,
}

/// Asks the servers of the target's zone for the zone's serial number and for the target, each at each of
/// its addresses; with `--depth deep` also to whom the parent delegates the zone. `why` says what raised the question.
pub(super) async fn ask_all(
    resolving: &Resolving<'_, '_>,
    resolver: &Server,
    kind: u16,
    why: &Why,
) {
    let walker = resolving.walker;
    let host = walker.target.host.as_str();
    let Some(zone) = zone(resolving, resolver, host, why).await else {
        walker.recorder.gap(Gap::new(
            format!("the name servers of {host}: no resolver names them"),
            format!("dig +trace {host}"),
        ));
        return;
    };
    let is_deep = walker.options.depth == Depth::Deep;
    let mut named = names(resolving, resolver, &zone, why).await;
    if is_deep {
        for one in delegated(resolving, resolver, &zone).await {
            if !named.iter().any(|known| same(&known.name, &one.name)) {
                named.push(one);
            }
        }
    }
    // To whom the zone itself says that it is delegated, the first server that has it is asked.
    let mut asks_own_names = is_deep;
    for server in addresses(resolving, resolver, named, why).await {
        let ask = Ask {
            authoritative_server: true,
            why: why.clone(),
            wait: RETRY,
            ..Ask::new(server, &zone, SOA)
        };
        let Some((ask, reply)) = retried(resolving, ask).await else {
            return;
        };
        // A server that is silent for the zone itself is silent for the name.
        let LookupOutcome::Answered(answer) = reply.outcome else {
            continue;
        };
        let of_target = Ask {
            name: host,
            kind,
            why: why.clone(),
            ..ask.clone()
        };
        if of_target.put(walker).await.is_none() {
            return;
        }
        if asks_own_names && answer.authoritative && answer.rcode == "NOERROR" {
            asks_own_names = false;
            let of_names = Ask {
                kind: NS,
                why: why.clone(),
                ..ask
            };
            if of_names.put(walker).await.is_none() {
                return;
            }
        }
    }
}

/// The name servers that the parent zone's servers give the zone; none where they serve the zone themselves.
async fn delegated(
    resolving: &Resolving<'_, '_>,
    resolver: &Server,
    zone_name: &str,
) -> Vec<Named> {
    let why = &Why::from("to whom does the parent delegate the zone?");
    let above = match zone_name.split_once('.') {
        _ if zone_name == "." => return Vec::new(),
        Some((_, above)) if !above.is_empty() => above,
        _ => ".",
    };
    let Some(parent) = zone(resolving, resolver, above, why).await else {
        return Vec::new();
    };
    let mut named = names(resolving, resolver, &parent, why).await;
    named.truncate(PARENTS);
    for server in addresses(resolving, resolver, named, why).await {
        let ask = Ask {
            delegation: true,
            why: why.clone(),
            wait: RETRY,
            ..Ask::new(server, zone_name, NS)
        };
        let Some(reply) = in_full(resolving, &ask).await else {
            return Vec::new();
        };
        if let LookupOutcome::Answered(answer) = reply.outcome
            && answer.rcode == "NOERROR"
        {
            return name_servers(&answer.authority, zone_name, &reply.additional);
        }
    }
    Vec::new()
}

/// What comes back in the end, and of which question: one lost datagram tells nothing of a server, and one that does not
/// know EDNS may serve the zone.
async fn retried<'a>(resolving: &Resolving<'_, '_>, ask: Ask<'a>) -> Option<(Ask<'a>, Reply)> {
    let reply = ask.put(resolving.walker).await?;
    let again = match &reply.outcome {
        LookupOutcome::TimedOut => ask.again(None, "nothing came: was it chance?"),
        LookupOutcome::Answered(said) if said.is_about_form() => ask.without_edns(said),
        _ => return Some((ask, reply)),
    };
    let reply = again.put(resolving.walker).await?;
    Some((again, reply))
}

/// An answer, over TCP where it is cut short over UDP and TCP works: of a referral that is cut, servers are missing.
async fn in_full(resolving: &Resolving<'_, '_>, ask: &Ask<'_>) -> Option<Reply> {
    let reply = ask.put(resolving.walker).await?;
    if !matches!(&reply.outcome, LookupOutcome::Answered(said) if said.truncated) {
        return Some(reply);
    }
    let whole = ask
        .over_tcp("the referral over UDP is cut short")
        .put(resolving.walker)
        .await?;
    Some(match whole.outcome {
        LookupOutcome::Answered(_) => whole,
        _ => reply,
    })
}

/// The zone that a name is in: whose SOA record answers for it or stands in a negative answer. A resolver that denies the
/// name and names no zone, as denials should (RFC 2308 section 3), is asked for the names above.
async fn zone(
    resolving: &Resolving<'_, '_>,
    resolver: &Server,
    host: &str,
    why: &Why,
) -> Option<String> {
    let mut name = host;
    let mut why = why.clone();
    for _ in 0..=NAMES_ABOVE {
        let answer = unchecked(resolving, resolver, name, SOA, &why).await?.0;
        if let Some(zone) = zone_of(&answer, name) {
            return Some(zone);
        }
        // Where an alias leads, others may keep the zone; and who refuses, refuses the names above as well.
        if !answer.records.is_empty() || answer.rcode == "REFUSED" {
            return None;
        }
        name = name.split_once('.')?.1;
        if name.is_empty() {
            return None;
        }
        why = why.says("the answer names no zone: does the resolver know the name above?");
    }
    None
}

/// The zone that an answer about a name says it is in.
fn zone_of(answer: &Answer, name: &str) -> Option<String> {
    // An alias leads to another zone, whose SOA record may come along; its own comes first or not at all.
    let is_above = |zone: &str| {
        let suffix = name.len().checked_sub(zone.len());
        let behind_dot = suffix.is_some_and(|at| {
            at == 0 || name.get(..at).is_some_and(|labels| labels.ends_with('.'))
        });
        zone == "."
            || (behind_dot
                && suffix
                    .and_then(|at| name.get(at..))
                    .is_some_and(|end| same(end, zone)))
    };
    answer
        .records
        .iter()
        .chain(&answer.authority)
        .find(|record| record.kind == "SOA" && is_above(&record.name))
        .map(|record| record.name.clone())
}

/// The name servers of a zone, as a resolver knows them.
async fn names(
    resolving: &Resolving<'_, '_>,
    resolver: &Server,
    zone: &str,
    why: &Why,
) -> Vec<Named> {
    match unchecked(resolving, resolver, zone, NS, why).await {
        Some((answer, additional)) => name_servers(&answer.records, zone, &additional),
        None => Vec::new(),
    }
}

/// The name servers of a zone among records, with the addresses among others.
fn name_servers(records: &[Record], zone: &str, additional: &[Record]) -> Vec<Named> {
    let of_zone = records
        .iter()
        .filter(|record| record.kind == "NS" && same(&record.name, zone));
    of_zone
        .take(SERVERS)
        .map(|record| Named {
            name: record.data.clone(),
            addresses: addresses_in(
                additional
                    .iter()
                    .filter(|glue| same(&glue.name, &record.data)),
            )
            .collect(),
        })
        .collect()
}

/// Where name servers are, as far as they may be asked.
async fn addresses(
    resolving: &Resolving<'_, '_>,
    resolver: &Server,
    named: Vec<Named>,
    why: &Why,
) -> Vec<SocketAddr> {
    let mut servers: Vec<SocketAddr> = Vec::new();
    for Named {
        name,
        mut addresses,
    } in named
    {
        for kind in [A, AAAA] {
            if addresses.is_empty()
                && let Some((answer, _)) = unchecked(resolving, resolver, &name, kind, why).await
            {
                addresses.extend(addresses_in(&answer.records));
            }
        }
        addresses.retain(|&address| resolving.may_ask(address));
        for address in addresses.into_iter().take(ADDRESSES) {
            let server = SocketAddr::new(address, resolving.authority_port);
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
    }
    servers
}

/// What a resolver says without judging signatures, so that a zone with broken ones is found as well.
async fn unchecked(
    resolving: &Resolving<'_, '_>,
    resolver: &Server,
    name: &str,
    kind: u16,
    why: &Why,
) -> Option<(Answer, Vec<Record>)> {
    let ask = Ask {
        checking_disabled: true,
        why: why.clone(),
        ..Ask::new(resolver, name, kind)
    };
    let Reply {
        outcome,
        additional,
    } = ask.put(resolving.walker).await?;
    match outcome {
        LookupOutcome::Answered(answer) => Some((*answer, additional)),
        _ => None,
    }
}
