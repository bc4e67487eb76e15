//! A zone's own servers: which they are, and what each of them says.

use super::ask::{Ask, Reply};
use super::server::Server;
use super::wire::{A, AAAA, NS, SOA, same};
use super::{RETRY, Resolving, addresses_in};
use std::net::{IpAddr, SocketAddr};
use ww_base::Gap;
use ww_evidence::transcript::{Answer, LookupOutcome, Record};

/// Name servers of a zone that are asked.
const SERVERS: usize = 6;

/// Addresses of one of them that are asked.
const ADDRESSES: usize = 2;

/// Asks the servers of the target's zone for the zone's serial number and for the target, each at each of
/// its addresses. `why` says what raised the question.
pub(super) async fn ask_all(
    resolving: &Resolving<'_, '_>,
    resolver: &Server,
    kind: u16,
    why: &str,
) {
    let walker = resolving.walker;
    let host = walker.target.host.as_str();
    let Some(zone) = zone(resolving, resolver, why).await else {
        walker.recorder.gap(Gap::new(
            format!("the name servers of {host}: no resolver names them"),
            format!("dig +trace {host}"),
        ));
        return;
    };
    for server in servers(resolving, resolver, &zone, why).await {
        let ask = Ask {
            authoritative_server: true,
            why: why.to_owned(),
            wait: RETRY,
            ..Ask::new(server, &zone, SOA)
        };
        let Some(reply) = retried(resolving, &ask).await else {
            return;
        };
        // A server that is silent for the zone itself is silent for the name.
        if matches!(reply.outcome, LookupOutcome::Answered(_)) {
            let of_target = Ask {
                name: host,
                kind,
                ..ask
            };
            if of_target.put(walker).await.is_none() {
                return;
            }
        }
    }
}

/// One lost datagram tells nothing of a server.
async fn retried(resolving: &Resolving<'_, '_>, ask: &Ask<'_>) -> Option<Reply> {
    let reply = ask.put(resolving.walker).await?;
    if reply.outcome != LookupOutcome::TimedOut {
        return Some(reply);
    }
    ask.again(None, "nothing came: was it chance?")
        .put(resolving.walker)
        .await
}

/// The zone that the target is in: whose SOA record answers for it or stands in a negative answer.
async fn zone(resolving: &Resolving<'_, '_>, resolver: &Server, why: &str) -> Option<String> {
    let host = resolving.walker.target.host.as_str();
    let answer = unchecked(resolving, resolver, host, SOA, why).await?.0;
    // An alias leads to another zone, whose SOA record may come along; its own comes first or not at all.
    let is_above = |zone: &str| {
        let suffix = host.len().checked_sub(zone.len());
        let behind_dot = suffix.is_some_and(|at| {
            at == 0 || host.get(..at).is_some_and(|labels| labels.ends_with('.'))
        });
        zone == "."
            || (behind_dot
                && suffix
                    .and_then(|at| host.get(at..))
                    .is_some_and(|end| same(end, zone)))
    };
    answer
        .records
        .iter()
        .chain(&answer.authority)
        .find(|record| record.kind == "SOA" && is_above(&record.name))
        .map(|record| record.name.clone())
}

async fn servers(
    resolving: &Resolving<'_, '_>,
    resolver: &Server,
    zone: &str,
    why: &str,
) -> Vec<SocketAddr> {
    let mut servers: Vec<SocketAddr> = Vec::new();
    let Some((answer, additional)) = unchecked(resolving, resolver, zone, NS, why).await else {
        return servers;
    };
    let names = answer.records.iter().filter(|record| record.kind == "NS");
    for name in names.take(SERVERS).map(|record| record.data.as_str()) {
        let mut addresses: Vec<IpAddr> =
            addresses_in(additional.iter().filter(|record| same(&record.name, name))).collect();
        for kind in [A, AAAA] {
            if addresses.is_empty()
                && let Some((answer, _)) = unchecked(resolving, resolver, name, kind, why).await
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
    why: &str,
) -> Option<(Answer, Vec<Record>)> {
    let ask = Ask {
        checking_disabled: true,
        why: why.to_owned(),
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
