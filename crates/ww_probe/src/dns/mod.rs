//! Names: which addresses a program would be given, and what each name server says.

mod ask;
mod authority;
mod binding;
mod channel;
mod dnssec;
mod follow;
mod named;
mod resolved;
mod resolver;
mod search;
mod server;
mod setup;
mod system;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use binding::Endpoint;
pub(crate) use dnssec::{Doubt, validate, validate_one};
pub use dnssec::{TrustAnchorError, TrustAnchors, validate_answers};
pub use named::{EncryptedServer, NameServer};

use crate::recorder::{Asked, Why};
use crate::tls::{Pending, together};
use crate::walk::Walker;
use crate::{Depth, Families};
use ask::Ask;
use resolver::Resolver;
use server::Server;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use wire::{A, AAAA, HTTPS, SRV, same};
use ww_base::{Gap, Order};
use ww_evidence::transcript::{Answer, LookupOutcome, Record, ResolverSetup, Seen, Service};

/// Sizes of UDP answers that are offered: one that fits into fragments only, and one that every path takes
/// whole (DNS flag day 2020).
const SIZES: (u16, u16) = (4096, 1232);

/// How long a question waits that was put to the same server before: what it looks up, it has by now.
const RETRY: Duration = Duration::from_millis(1_500);

/// Hosts of a service that are followed.
const SERVICE_HOSTS: usize = 4;

/// What names lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Where the target is, as programs on this host would be told: the system's addresses first, then those
    /// that only name servers know.
    pub(crate) endpoints: Vec<SocketAddr>,
    /// Answers whose chain of signatures is worth a look.
    pub(crate) doubts: Vec<Doubt>,
    /// Endpoints that the target's HTTPS record names.
    pub(crate) bound: Vec<Endpoint>,
}

impl Found {
    fn at(endpoints: Vec<SocketAddr>) -> Found {
        Found {
            endpoints,
            ..Found::default()
        }
    }
}

/// Finds the target.
pub(crate) async fn find(walker: &Walker<'_>) -> Found {
    let target = walker.target;
    let named: Vec<SocketAddr> = match target.host.parse() {
        Ok(address) => vec![SocketAddr::new(address, target.port)],
        Err(_) => by_user(walker, &target.host, target.port)
            .into_iter()
            .map(|address| SocketAddr::new(address, target.port))
            .collect(),
    };
    if !named.is_empty() {
        return Found::at(named);
    }
    let asked = Asked::now("cat /etc/resolv.conf /etc/nsswitch.conf /etc/hosts");
    let mut setup = setup::read(&target.host);
    let named = &walker.options.dns_servers;
    if !named.is_empty() {
        setup.servers = named.iter().filter_map(plain).collect();
        setup.stub = None;
    }
    walker.recorder.answer(asked, Seen::Resolver(setup.clone()));
    Resolving::new(walker, setup).run().await
}

fn plain(server: &NameServer) -> Option<SocketAddr> {
    match server {
        NameServer::Plain(address) => Some(*address),
        NameServer::Encrypted(_) => None,
    }
}

/// The addresses that the user gives a host and port.
fn by_user(walker: &Walker<'_>, host: &str, port: u16) -> Vec<IpAddr> {
    let given = walker.options.resolve.iter();
    given
        .filter(|(known, at, _)| same(known, host) && *at == port)
        .map(|&(_, _, address)| address)
        .collect()
}

/// A name that is being resolved.
struct Resolving<'r, 'w> {
    walker: &'r Walker<'w>,
    setup: ResolverSetup,
    /// The system's resolver is asked: the user named no server in its place.
    asks_system: bool,
    /// Where a zone's own servers listen.
    authority_port: u16,
    /// They may be on this host.
    authority_here: bool,
}

/// What one server says of the target.
#[derive(Debug, Default)]
struct Said {
    answers: Vec<(u16, Answer)>,
    /// What it says of the target's HTTPS record.
    https: Option<Answer>,
    /// It did not answer some question.
    silent: bool,
}

impl<'r, 'w> Resolving<'r, 'w> {
    fn new(walker: &'r Walker<'w>, setup: ResolverSetup) -> Resolving<'r, 'w> {
        Resolving {
            walker,
            setup,
            asks_system: walker.options.dns_servers.is_empty(),
            authority_port: 53,
            authority_here: false,
        }
    }

    async fn run(&self) -> Found {
        let target = self.walker.target;
        let is_service = target.host.starts_with('_');
        let is_local = same(&target.host, "localhost") || target.host.ends_with(".localhost");
        let mut found = Vec::new();
        let mut resolvers = self.resolvers();
        if is_service {
            return Found::at(self.service(&mut resolvers).await);
        }
        let mut said = if is_local || self.walker.options.depth == Depth::Quick {
            self.add(&mut found, self.by_system().await);
            if is_local || !found.is_empty() {
                return Found::at(found);
            }
            self.ask_each(&mut resolvers).await
        } else {
            let (by_system, said) = self.by_system_and_each(&mut resolvers).await;
            self.add(&mut found, by_system);
            said
        };
        if said.iter().all(Said::is_failure) {
            let mut behind = self.behind_stub();
            said.extend(self.ask_each(&mut behind).await);
            resolvers.extend(behind);
        }
        // What the hosts file says is what programs are given.
        let by_file = self.asks_system && !self.setup.hosts.is_empty() && !found.is_empty();
        let at_servers: Vec<IpAddr> = said.iter().flat_map(Said::addresses).collect();
        let at_suffixes = self.expansions(&resolvers, !at_servers.is_empty()).await;
        let nowhere = found.is_empty() && at_servers.is_empty();
        if !by_file {
            self.add(&mut found, at_servers);
        }
        if nowhere {
            self.add(&mut found, at_suffixes);
        }
        self.authorities(&resolvers, &said, found.is_empty()).await;
        if by_file {
            return Found::at(found);
        }
        Found {
            endpoints: found,
            doubts: self.doubts(&resolvers, &said),
            bound: self.bound(&mut resolvers, &said).await,
        }
    }

    /// The endpoints of the target's HTTPS record, as the first server has them that has one.
    async fn bound(&self, resolvers: &mut [Resolver], said: &[Said]) -> Vec<Endpoint> {
        let has_one =
            |said: &Said| matches!(&said.https, Some(answer) if !answer.bindings.is_empty());
        match resolvers
            .iter_mut()
            .zip(said)
            .find(|(_, said)| has_one(said))
        {
            Some((resolver, said)) => self.endpoints(resolver, said).await,
            None => Vec::new(),
        }
    }

    /// The servers that the user names, or else those that the system asks.
    fn resolvers(&self) -> Vec<Resolver> {
        let named = &self.walker.options.dns_servers;
        let servers: Vec<Server> = if named.is_empty() {
            self.setup
                .servers
                .iter()
                .copied()
                .map(Server::from)
                .collect()
        } else {
            named.iter().cloned().map(Server::from).collect()
        };
        servers.into_iter().map(Resolver::new).collect()
    }

    /// The servers that a stub asks over TLS and nothing else. They know why it fails; of names that it finds they may know
    /// less, as links have servers of their own.
    fn behind_stub(&self) -> Vec<Resolver> {
        let servers = self.setup.stub.iter().flat_map(resolved::over_tls);
        servers.map(Server::from).map(Resolver::new).collect()
    }

    /// What the system and each server say, asked side by side: a dead server is waited for once.
    async fn by_system_and_each(&self, resolvers: &mut [Resolver]) -> (Vec<IpAddr>, Vec<Said>) {
        let (mut addresses, mut said) = (Vec::new(), Vec::new());
        let system: Pending<'_> = Box::pin(async { addresses = self.by_system().await });
        let servers: Pending<'_> = Box::pin(async { said = self.ask_each(resolvers).await });
        together([system, servers]).await;
        (addresses, said)
    }

    /// The addresses that programs on this host are given; none where the user names servers in place of the system's.
    async fn by_system(&self) -> Vec<IpAddr> {
        if !self.asks_system {
            return Vec::new();
        }
        // A dead server before one that answers costs its timer.
        let longer = match self.setup.servers.len() {
            0 | 1 => Duration::ZERO,
            _ => Duration::from_nanos(self.setup.timeout.0.unsigned_abs()),
        };
        system::addresses(self.walker, longer).await
    }

    /// Adds addresses of the families in use that are not there yet.
    fn add(&self, found: &mut Vec<SocketAddr>, addresses: Vec<IpAddr>) {
        for address in addresses {
            let endpoint = SocketAddr::new(address, self.walker.target.port);
            if self.walker.options.families.allow(address) && !found.contains(&endpoint) {
                found.push(endpoint);
            }
        }
    }

    /// The types of addresses in use.
    fn kinds(&self) -> &'static [u16] {
        match self.walker.options.families {
            Families::Both => &[A, AAAA],
            Families::V4 => &[A],
            Families::V6 => &[AAAA],
        }
    }

    /// Asks each server for the target's addresses, and how its service is reached.
    async fn ask_each(&self, resolvers: &mut [Resolver]) -> Vec<Said> {
        let host = &self.walker.target.host;
        // Side by side: one that is dead keeps nobody waiting for the others.
        together(
            resolvers
                .iter_mut()
                .map(|resolver| self.ask_one(resolver, host)),
        )
        .await
    }

    async fn ask_one(&self, resolver: &mut Resolver, host: &str) -> Said {
        let mut said = Said::default();
        for &kind in self.kinds() {
            let ask = Ask::new(&resolver.server, host, kind);
            match resolver.question(self.walker, &ask).await {
                Some(answer) => said.answers.push((kind, answer)),
                None => said.silent = true,
            }
        }
        let exists = |(_, answer): &(u16, Answer)| answer.rcode == "NOERROR";
        if let Some(name) = self.https_name()
            && said.answers.iter().any(exists)
        {
            let ask = Ask::new(&resolver.server, &name, HTTPS);
            said.https = resolver.question(self.walker, &ask).await;
        }
        said
    }

    /// Where the target's HTTPS record is (RFC 9460 section 9.1).
    fn https_name(&self) -> Option<String> {
        let target = self.walker.target;
        match (target.service, target.port) {
            (Service::Https | Service::Wss, 443) => Some(target.host.clone()),
            (Service::Https | Service::Wss, port) => {
                Some(format!("_{port}._https.{}", target.host))
            }
            _ => None,
        }
    }

    /// Asks for the names that search lists make, as long as a library would go on.
    async fn expansions(&self, resolvers: &[Resolver], exists: bool) -> Vec<IpAddr> {
        let host = &self.walker.target.host;
        let Some(resolver) = resolvers.iter().find(|resolver| resolver.answers()) else {
            return Vec::new();
        };
        let mut done: BTreeSet<String> = BTreeSet::new();
        let mut found = Vec::new();
        for one in search::expanded(host, &self.setup, exists) {
            if one.by.iter().all(|library| done.contains(library)) {
                continue;
            }
            for &kind in self.kinds() {
                let ask = Ask {
                    expanded_by: one.by.clone(),
                    why: format!("the search list makes this name of {host}").into(),
                    ..Ask::new(&resolver.server, &one.name, kind)
                };
                let Some(reply) = ask.put(self.walker).await else {
                    return found;
                };
                let LookupOutcome::Answered(answer) = reply.outcome else {
                    return found;
                };
                let addresses: Vec<IpAddr> = addresses_in(&answer.records).collect();
                if !addresses.is_empty() {
                    done.extend(one.by.iter().cloned());
                    found.extend(addresses);
                }
                if answer.rcode != "NOERROR" {
                    break;
                }
            }
        }
        found
    }

    /// Asks the zone's own servers where that tells more.
    async fn authorities(&self, resolvers: &[Resolver], said: &[Said], nothing_found: bool) {
        let Some(resolver) = resolvers.iter().find(|resolver| resolver.answers()) else {
            return;
        };
        let differs = self.kinds().iter().find(|&&kind| {
            let finds: BTreeSet<bool> = said.iter().filter_map(|said| said.finds(kind)).collect();
            finds.len() > 1
        });
        let first = self.kinds().first().copied().unwrap_or(A);
        let (kind, why) = if let Some(&kind) = differs {
            let why = "the resolvers disagree: what do the zone's own servers say?";
            (kind, why.into())
        } else if nothing_found && let Some(why) = self.zone_tells(&resolver.server) {
            (first, why)
        } else if self.walker.options.depth == Depth::Deep {
            (first, Why::default())
        } else {
            return;
        };
        authority::ask_all(self, &resolver.server, kind, &why).await;
    }

    /// A zone's server may be anywhere in the network, and never this host or its link.
    fn may_ask(&self, address: IpAddr) -> bool {
        let is_here = match address {
            IpAddr::V4(v4) => {
                v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast()
            }
            IpAddr::V6(v6) => {
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_unicast_link_local()
                    || v6.to_ipv4_mapped().is_some()
            }
        };
        (self.authority_here || !is_here)
            && !address.is_multicast()
            && self.walker.options.families.allow(address)
    }

    /// The hosts and ports of a service, in the order in which clients try them (RFC 2782). Every server is asked for
    /// every host, as it is for a host that is the target itself.
    async fn service(&self, resolvers: &mut [Resolver]) -> Vec<SocketAddr> {
        let host = &self.walker.target.host;
        let mut hosts: Vec<ServiceHost> = Vec::new();
        let named = together(resolvers.iter_mut().map(|resolver| async move {
            let ask = Ask::new(&resolver.server, host, SRV);
            resolver.question(self.walker, &ask).await
        }))
        .await;
        let records = named.iter().flatten().flat_map(|answer| &answer.records);
        for found in records.filter_map(service_host) {
            if !hosts.contains(&found) {
                hosts.push(found);
            }
        }
        hosts.put_in_order_by_key(|one| (one.priority, Reverse(one.weight)));
        if hosts.len() > SERVICE_HOSTS {
            self.walker.recorder.gap(Gap::new(
                format!("hosts of {host} beyond the first {SERVICE_HOSTS}"),
                "a walk to each of them by its name and port",
            ));
            hosts.truncate(SERVICE_HOSTS);
        }
        let hosts = &hosts;
        let told = together(resolvers.iter_mut().map(|resolver| async move {
            let mut told = Vec::new();
            for one in hosts {
                told.push(self.service_addresses(resolver, one).await);
            }
            told
        }))
        .await;
        let mut found: Vec<SocketAddr> = Vec::new();
        for (nth, one) in hosts.iter().enumerate() {
            let by_user = by_user(self.walker, &one.name, one.port);
            let by_servers = told.iter().filter_map(|told| told.get(nth)).flatten();
            let addresses = by_user.iter().chain(by_servers);
            for endpoint in addresses.map(|&address| SocketAddr::new(address, one.port)) {
                if !found.contains(&endpoint) {
                    found.push(endpoint);
                }
            }
        }
        found
    }

    /// The addresses that one server gives a host of the service.
    async fn service_addresses(&self, resolver: &mut Resolver, one: &ServiceHost) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        if !by_user(self.walker, &one.name, one.port).is_empty() {
            return addresses;
        }
        for &kind in self.kinds() {
            let ask = Ask {
                why: format!("the service {} is there", self.walker.target.host).into(),
                ..Ask::new(&resolver.server, &one.name, kind)
            };
            let answer = resolver.question(self.walker, &ask).await;
            addresses.extend(addresses_in(
                answer.iter().flat_map(|answer| &answer.records),
            ));
        }
        addresses
    }
}

impl Said {
    /// Nothing came of it but failures.
    fn is_failure(&self) -> bool {
        self.answers
            .iter()
            .all(|(_, answer)| answer.rcode == "SERVFAIL")
    }

    fn addresses(&self) -> Vec<IpAddr> {
        self.answers
            .iter()
            .flat_map(|(_, answer)| addresses_in(&answer.records))
            .collect()
    }

    /// Whether it finds an address of this type; `None` when it does not tell.
    fn finds(&self, kind: u16) -> Option<bool> {
        let (_, answer) = self.answers.iter().find(|(of, _)| *of == kind)?;
        let finds = addresses_in(&answer.records).next().is_some();
        // What is cut short may be what was looked for.
        let is_told = finds || !answer.truncated;
        (is_told && matches!(answer.rcode.as_str(), "NOERROR" | "NXDOMAIN")).then_some(finds)
    }
}

/// The addresses among records.
fn addresses_in<'r>(records: impl IntoIterator<Item = &'r Record>) -> impl Iterator<Item = IpAddr> {
    records
        .into_iter()
        .filter(|record| matches!(record.kind.as_str(), "A" | "AAAA"))
        .filter_map(|record| record.data.parse().ok())
}

/// A host of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ServiceHost {
    priority: u16,
    weight: u16,
    port: u16,
    name: String,
}

/// What an SRV record names; a root host says that there is none.
fn service_host(record: &Record) -> Option<ServiceHost> {
    let mut words = record.data.split(' ');
    let mut number = || words.next()?.parse().ok();
    let (priority, weight, port) = (number()?, number()?, number()?);
    let name = words.next().filter(|host| *host != ".")?.to_owned();
    (record.kind == "SRV").then_some(ServiceHost {
        priority,
        weight,
        port,
        name,
    })
}
