//! The system's own resolver, as programs ask it.

use crate::recorder::Asked;
use crate::walk::Walker;
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;
use ww_evidence::transcript::{Answer, DnsVia, Lookup, LookupOutcome, Record, Seen};

/// The target's addresses as `getaddrinfo` gives them.
pub(super) async fn addresses(walker: &Walker<'_>, longer: Duration) -> Vec<IpAddr> {
    let host = &walker.target.host;
    let Some(patience) = walker.patience() else {
        return Vec::new();
    };
    let wait = patience + longer;
    let asked = Asked::now(format!("getent ahosts {host}"));
    let (addresses, seen) = look_up(host, wait).await;
    walker.recorder.answer(asked, Seen::Lookup(seen));
    addresses
}

/// The addresses of a host, and the step.
pub(super) async fn look_up(host: &str, wait: Duration) -> (Vec<IpAddr>, Lookup) {
    let outcome = match tokio::time::timeout(wait, found(host.to_owned())).await {
        Err(_) => LookupOutcome::TimedOut,
        Ok(Err(why)) => LookupOutcome::Failed(why),
        Ok(Ok(found)) => LookupOutcome::Answered(Box::new(Answer {
            rcode: "NOERROR".to_owned(),
            records: records(host, found),
            ..Answer::default()
        })),
    };
    let addresses = match &outcome {
        LookupOutcome::Answered(answer) => super::addresses_in(&answer.records).collect(),
        _ => Vec::new(),
    };
    let seen = Lookup {
        name: host.to_owned(),
        kind: "ADDR".to_owned(),
        via: DnsVia::System,
        outcome,
        ..Lookup::default()
    };
    (addresses, seen)
}

/// A thread of its own, which nobody waits for when the time is up: the call cannot be ended.
async fn found(host: String) -> Result<Vec<IpAddr>, String> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .spawn(move || {
            let found = (host.as_str(), 0).to_socket_addrs();
            // Nobody may be waiting any more.
            let _ = sender.send(found.map(|found| found.map(|found| found.ip()).collect()));
        })
        .map_err(|error| error.to_string())?;
    match receiver.await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the system's resolver gave up".to_owned()),
    }
}

/// Each address once, in the order in which the system gives them (RFC 6724).
fn records(name: &str, addresses: Vec<IpAddr>) -> Vec<Record> {
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
