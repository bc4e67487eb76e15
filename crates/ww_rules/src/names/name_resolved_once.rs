//! `name-resolved-once`: a proxy looks a name up when it starts only, and its addresses change.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::SourceSpan;
use ww_chain::{Chains, Hop};
use ww_finding::{Exhibit, Severity, Support};
use ww_model::kube::Service;
use ww_model::service::{Unit, UnitKind};

rule! {
    name: "name-resolved-once",
    family: "names",
    layer: Dns,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A proxy looks a name up only when it starts, while the addresses behind it change",
    needs: [Calls],
    explains: [],
    page: "name_resolved_once.md",
    check: check,
}

/// Ends of names whose addresses their providers change at any time, and what they belong to.
const MOVING: [(&str, &str); 11] = [
    (".elb.amazonaws.com", "a load balancer of AWS"),
    (
        ".rds.amazonaws.com",
        "a database of AWS, which moves when it fails over",
    ),
    (
        ".cache.amazonaws.com",
        "a cache of AWS, which moves when it fails over",
    ),
    (".execute-api.", "API Gateway of AWS"),
    (".cloudfront.net", "CloudFront"),
    (".trafficmanager.net", "Traffic Manager of Azure"),
    (".azurewebsites.net", "App Service of Azure"),
    (".azurefd.net", "Front Door of Azure"),
    (".run.app", "Cloud Run"),
    (".herokuapp.com", "Heroku"),
    (".fastly.net", "Fastly"),
];

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut found: BTreeMap<(usize, &str), Vec<&Hop<'_>>> = BTreeMap::new();
    for hop in &chains.hops {
        if hop.target.resolves_again.value() == Some(&false) {
            let key = (hop.caller.0, hop.target.host.as_str());
            found.entry(key).or_default().push(hop);
        }
    }
    for hops in found.values() {
        let Some(hop) = hops.first() else {
            continue;
        };
        if let Some(moves) = moves(declared, chains, hop) {
            reports.add(story(declared, chains, hops, &moves));
        }
    }
}

/// Why the addresses of a name change.
struct Moves {
    why: String,
    shown: Option<Exhibit>,
    severity: Severity,
}

fn moves<'m>(declared: &Declared<'m>, chains: &Chains<'m>, hop: &Hop<'m>) -> Option<Moves> {
    let host = hop.target.host.as_str();
    let mut known = MOVING.iter();
    if let Some((_, whose)) = known.find(|(end, _)| host.contains(end)) {
        return Some(Moves {
            why: format!("the name is that of {whose}"),
            shown: None,
            severity: Severity::Medium,
        });
    }
    if let Some(service) = headless(declared, chains, hop) {
        let name = &service.name;
        return Some(Moves {
            why: format!(
                "Service {}/{} has no address of its own: the name stands for those of its pods, which \
                 change with every rollout",
                name.namespace, name.name
            ),
            shown: service
                .headless_at
                .map(|place| at(place, "the Service is headless")),
            severity: Severity::High,
        });
    }
    let unit = scaled(chains, hop)?;
    Some(Moves {
        why: format!(
            "{} runs in several containers, which come and go",
            unit.name
        ),
        shown: unit
            .scaling
            .replicas
            .span()
            .map(|place| at(place, "how many containers there are")),
        severity: Severity::Low,
    })
}

/// The Service without an address of its own that a name stands for.
fn headless<'m>(
    declared: &Declared<'m>,
    chains: &Chains<'m>,
    hop: &Hop<'m>,
) -> Option<&'m Service> {
    let caller = chains.caller(hop)?;
    let own = caller
        .units
        .iter()
        .find(|unit| unit.kind == UnitKind::Container)
        .map(|unit| unit.group.as_str());
    let mut services = declared.model.cluster.services.iter();
    services.find(|service| {
        let (namespace, name) = (service.name.namespace.as_str(), &service.name.name);
        let whole = format!("{name}.{namespace}");
        let host = hop.target.host.as_str();
        let is_it = host == whole
            || host
                .strip_prefix(&whole)
                .is_some_and(|rest| rest.starts_with(".svc"))
            || (host == name && own == Some(namespace));
        service.headless_at.is_some() && is_it
    })
}

/// The service of the compose project that answers to a name in several containers.
fn scaled<'m>(chains: &Chains<'m>, hop: &Hop<'m>) -> Option<&'m Unit> {
    let callee = chains.callee(hop)?;
    let units = callee.units.iter();
    units.copied().find(|unit| {
        let replicas = unit.scaling.replicas.value();
        let is_several = replicas.is_some_and(|count| *count > 1);
        unit.kind == UnitKind::Compose && is_several && unit.scaling.replicas.is_written()
    })
}

fn story(declared: &Declared<'_>, chains: &Chains<'_>, hops: &[&Hop<'_>], moves: &Moves) -> Story {
    let hop = hops.first();
    let caller = hop.and_then(|hop| chains.caller(hop));
    let client = caller.map_or("", |party| &party.name);
    let component = caller.map_or("", |party| party.component());
    let host = hop.map_or("", |hop| &hop.target.host);
    let story = Story::proved(
        format!(
            "{client} looks {host} up when it starts and never again, but {}: requests go on to the old \
             addresses until it is reloaded",
            moves.why
        ),
        format!("a name {host} whose addresses stay the same, or a reload of {client} whenever they change"),
    )
    .support(Support::Declared)
    .severity(moves.severity);
    let mut places: Vec<SourceSpan> = hops.iter().map(|hop| hop.target.at).collect();
    places.sort_unstable();
    places.dedup();
    let story = places.iter().take(3).fold(story, |story, place| {
        story.show(at(*place, format!("{host} is looked up at the start only")))
    });
    let story = moves
        .shown
        .iter()
        .fold(story, |story, shown| story.show(shown.clone()));
    let place = places.first().and_then(|place| declared.text(*place));
    let is_group = place.is_some_and(|text| text.trim_start().starts_with("server"));
    story.advise(remedy(component, is_group))
}

/// What lets a product look a name up again.
fn remedy(component: &str, is_group: bool) -> &'static str {
    match component {
        "haproxy" => {
            "Let HAProxy look it up again: a `resolvers` section, and `resolvers NAME init-addr last,libc,none` \
             behind the server (`server-template` for several addresses)"
        }
        _ if is_group => {
            "Write `resolve` behind the server, with `zone` in the upstream and a `resolver` (nginx 1.27.3 \
             or newer)"
        }
        _ => {
            "Put the name into a variable and name a DNS server: `resolver ADDRESS valid=10s; set $target NAME; \
             proxy_pass http://$target;`"
        }
    }
}
