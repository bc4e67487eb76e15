//! Which programs look names up with which resolver.

use ww_base::SourceSpan;
use ww_chain::{Chains, Hop, Party};
use ww_model::Model;
use ww_model::service::{Host, Resolver};

/// A resolver, and who looks names up with it.
pub(super) struct Asked<'c, 'm> {
    pub(super) resolver: &'m Resolver,
    /// Where it is configured, or the container that has it.
    pub(super) place: SourceSpan,
    pub(super) parties: Vec<(usize, &'c Party<'m>)>,
}

/// Proxies with resolvers of their own: what the system says of names holds for them at the start
/// only.
const OWN_RESOLVERS: [&str; 7] = [
    "nginx",
    "ingress-nginx",
    "haproxy",
    "envoy",
    "envoy-gateway",
    "istio",
    "traefik",
];

/// Every resolver that files configure.
pub(super) fn all<'c, 'm>(model: &'m Model, chains: &'c Chains<'m>) -> Vec<Asked<'c, 'm>> {
    let parties = || {
        let parties = chains.parties.iter().enumerate();
        parties.filter(|(_, party)| !OWN_RESOLVERS.contains(&party.component()))
    };
    let mut found = Vec::new();
    for host in &model.services.hosts {
        if let Some((resolver, place)) = host.resolver.as_ref().and_then(|it| Some((it, it.at?))) {
            let on_host = parties().filter(|(_, party)| is_on(host, party));
            found.push(Asked {
                resolver,
                place,
                parties: on_host.collect(),
            });
        }
    }
    for (index, party) in parties() {
        for unit in &party.units {
            if let Some(resolver) = &unit.resolver {
                found.push(Asked {
                    resolver,
                    place: resolver.at.unwrap_or(unit.at),
                    parties: vec![(index, party)],
                });
            }
        }
    }
    found
}

/// Whether a program runs on a host as far as its files tell: they lie in the same tree, of which the
/// host's are those below `etc`.
fn is_on(host: &Host, party: &Party<'_>) -> bool {
    let folder = host.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let root = folder.strip_suffix("etc").unwrap_or(folder);
    let path = party.program.map_or("", |program| &program.path);
    party.units.is_empty() && !path.is_empty() && path.starts_with(root)
}

/// Whether a call is one to a name of the world outside, as far as the name tells.
pub(super) fn is_outside(hop: &Hop<'_>) -> bool {
    const INNER: [&str; 5] = [
        ".svc",
        ".cluster.local",
        ".internal",
        ".local",
        ".localhost",
    ];
    let host = hop.target.host.as_str();
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_name = host.contains('.')
        && last.len() > 1
        && last.chars().all(|letter| letter.is_ascii_alphabetic())
        && !host.contains(['/', '$', '{', '*', ':', '<', '%']);
    is_name && hop.callee.is_none() && !INNER.iter().any(|end| host.ends_with(end))
}
