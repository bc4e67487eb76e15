//! Names: which addresses a program would be given.

use crate::recorder::Asked;
use crate::walk::Walker;
use std::net::{IpAddr, ToSocketAddrs};
use ww_evidence::transcript::{Answer, DnsVia, Lookup, LookupOutcome, Record, Seen};

/// The addresses of the target, as programs on this host would be given them.
pub(crate) async fn addresses(walker: &Walker<'_>) -> Vec<IpAddr> {
    let target = walker.target;
    if let Ok(address) = target.host.parse() {
        return vec![address];
    }
    let named: Vec<IpAddr> = walker
        .options
        .resolve
        .iter()
        .filter(|(host, port, _)| *host == target.host && *port == target.port)
        .map(|&(_, _, address)| address)
        .collect();
    if !named.is_empty() {
        return named;
    }
    let Some(patience) = walker.patience() else {
        return Vec::new();
    };
    let asked = Asked::now(format!("getent ahosts {}", target.host));
    let host = target.host.clone();
    let system = tokio::task::spawn_blocking(move || (host.as_str(), 0).to_socket_addrs());
    let outcome = match tokio::time::timeout(patience, system).await {
        Err(_) => LookupOutcome::TimedOut,
        Ok(Err(error)) => LookupOutcome::Failed(error.to_string()),
        Ok(Ok(Err(error))) => LookupOutcome::Failed(error.to_string()),
        Ok(Ok(Ok(found))) => LookupOutcome::Answered(Box::new(Answer {
            rcode: "NOERROR".to_owned(),
            records: records(&target.host, found.map(|found| found.ip())),
            ..Answer::default()
        })),
    };
    let addresses = match &outcome {
        LookupOutcome::Answered(answer) => answer
            .records
            .iter()
            .filter_map(|record| record.data.parse().ok())
            .collect(),
        _ => Vec::new(),
    };
    walker.recorder.answer(
        asked,
        Seen::Lookup(Lookup {
            name: target.host.clone(),
            kind: "ADDR".to_owned(),
            via: DnsVia::System,
            outcome,
            ..Lookup::default()
        }),
    );
    addresses
}

/// Each address once, in the order in which the system gives them (RFC 6724).
fn records(name: &str, addresses: impl Iterator<Item = IpAddr>) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for address in addresses {
        let data = address.to_string();
        if !records.iter().any(|known| known.data == data) {
            records.push(Record {
                name: name.to_owned(),
                kind: if address.is_ipv4() { "A" } else { "AAAA" }.to_owned(),
                ttl: 0,
                data,
            });
        }
    }
    records
}
