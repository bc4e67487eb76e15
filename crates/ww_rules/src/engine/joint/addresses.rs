//! What names stand for, and how well somebody that files name fits to a server that was met.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use ww_chain::{Hop, Party};
use ww_evidence::transcript::{ConnectOutcome, LookupOutcome, Transcript};
use ww_evidence::{Capture, Endpoint};
use ww_model::Model;
use ww_model::kube::Service;

/// How well a hop's target and a server that was met fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// The port is the same, and the name has an address of its own: what was met may be one behind it, and nothing
    /// tells these.
    Translated,
    /// The port is the same, and nothing tells the address of the target's name.
    Port,
    /// Address and port are the same.
    Address,
}

/// What is known of the addresses that names stand for.
pub(super) struct Addresses<'a> {
    by_name: BTreeMap<&'a str, BTreeSet<IpAddr>>,
    /// By a Service's namespace and name: those behind it.
    behind: BTreeMap<(&'a str, &'a str), BTreeSet<IpAddr>>,
}

impl<'a> Addresses<'a> {
    /// From the lookups in captures and walks, and from what the team states.
    pub(super) fn of(
        model: &'a Model,
        captures: &'a [Capture],
        walks: &'a [Transcript],
    ) -> Addresses<'a> {
        let mut by_name: BTreeMap<&str, BTreeSet<IpAddr>> = BTreeMap::new();
        for walk in walks {
            for (name, address) in walked(walk) {
                by_name.entry(name).or_default().insert(address);
            }
        }
        let lookups = captures
            .iter()
            .flat_map(|capture| &capture.dns.transactions);
        for lookup in lookups.filter(|lookup| !lookup.addresses.is_empty()) {
            by_name
                .entry(&lookup.name)
                .or_default()
                .extend(&lookup.addresses);
        }
        for (alias, name) in &model.services.facts.names {
            if let Ok(address) = alias.value.parse() {
                by_name.entry(&name.value).or_default().insert(address);
            }
        }
        let mut behind: BTreeMap<(&str, &str), BTreeSet<IpAddr>> = BTreeMap::new();
        for slice in &model.cluster.endpoint_slices {
            if let Some(service) = &slice.service {
                let key = (&*slice.name.namespace, &**service);
                behind.entry(key).or_default().extend(&slice.addresses);
            }
        }
        Addresses { by_name, behind }
    }

    /// How well the target of a hop fits to a server that was met; none when it is another one.
    pub(super) fn fit(
        &self,
        hop: &Hop<'_>,
        callee: Option<&Party<'_>>,
        server: Endpoint,
    ) -> Option<Fit> {
        let ports = [hop.target.port, hop.listener.and_then(|one| one.port)];
        if !ports.contains(&Some(server.port)) {
            return None;
        }
        let host = hop
            .target
            .host
            .trim_end_matches('.')
            .trim_matches(['[', ']']);
        if let Ok(address) = host.parse::<IpAddr>() {
            return (address == server.addr).then_some(Fit::Address);
        }
        if host == "localhost" {
            return server.addr.is_loopback().then_some(Fit::Address);
        }
        // A search list makes a longer name of the one that is written.
        let longer = format!("{host}.");
        let is_it = |name: &str| name == host || name.starts_with(&longer);
        let mut addresses: BTreeSet<IpAddr> = self
            .by_name
            .iter()
            .filter(|(name, _)| is_it(name))
            .flat_map(|(_, addresses)| addresses)
            .copied()
            .collect();
        let units = callee.into_iter().flat_map(|party| &party.units);
        addresses.extend(units.flat_map(|unit| &unit.addresses));
        if addresses.contains(&server.addr) {
            return Some(Fit::Address);
        }
        match hop.service {
            Some(service) => self.fit_behind(service, addresses.is_empty(), server),
            None => addresses.is_empty().then_some(Fit::Port),
        }
    }

    /// How well a Service fits to a server that was met, of which lookups say nothing: on one side of the translation
    /// the Service's own address is met, and those behind it on the other.
    fn fit_behind(
        &self,
        service: &Service,
        is_not_looked_up: bool,
        server: Endpoint,
    ) -> Option<Fit> {
        let name = &service.name;
        let behind = self.behind.get(&(&*name.namespace, &*name.name));
        let behind = behind.filter(|behind| !behind.is_empty());
        if service.addresses.contains(&server.addr) {
            return Some(Fit::Address);
        }
        match behind {
            Some(behind) => behind.contains(&server.addr).then_some(Fit::Address),
            None if is_not_looked_up => Some(Fit::Port),
            None => service.headless_at.is_none().then_some(Fit::Translated),
        }
    }
}

/// The addresses that a walk found for names, and those that it reached by the target's.
fn walked(walk: &Transcript) -> impl Iterator<Item = (&str, IpAddr)> {
    let looked_up = walk.lookups().flat_map(|(_, lookup)| {
        let records = match &lookup.outcome {
            LookupOutcome::Answered(answer) => answer.records.as_slice(),
            _ => &[],
        };
        let addresses = records.iter().filter_map(|record| record.data.parse().ok());
        addresses.map(|address| (lookup.name.as_str(), address))
    });
    let is_open = |outcome| outcome == ConnectOutcome::Open;
    let reached = walk
        .connects()
        .filter(move |(_, connect)| !connect.control && is_open(connect.outcome));
    let reached =
        reached.filter_map(|(_, connect)| Some((walk.head.target.host.as_str(), connect.to?.ip())));
    looked_up.chain(reached)
}
