//! Names whose addresses change while those run who look them up.

use crate::declared::at;
use ww_chain::{Chains, Hop};
use ww_finding::{Exhibit, Severity};
use ww_model::kube::Service;
use ww_model::service::{Unit, UnitKind};

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

/// Why the addresses of a name change.
pub(super) struct Moves {
    /// In words.
    pub(super) why: String,
    /// The line that says so.
    pub(super) shown: Option<Exhibit>,
    /// How bad it is to miss it.
    pub(super) severity: Severity,
}

/// Whether the addresses of a target's name change while its callers run.
pub(super) fn moves<'m>(chains: &Chains<'m>, hop: &Hop<'m>) -> Option<Moves> {
    let host = hop.target.host.as_str();
    let mut known = MOVING.iter();
    if let Some((_, whose)) = known.find(|(end, _)| host.contains(end)) {
        return Some(Moves {
            why: format!("the name is that of {whose}"),
            shown: None,
            severity: Severity::Medium,
        });
    }
    let headless = |service: &&Service| service.headless_at.is_some();
    if let Some(service) = hop.service.filter(headless) {
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

/// The service of the compose project that answers to a name in several containers.
fn scaled<'m>(chains: &Chains<'m>, hop: &Hop<'m>) -> Option<&'m Unit> {
    let callee = chains.callee(hop)?;
    let units = callee.units.iter();
    units.copied().find(|unit| {
        let replicas = unit.scaling.replicas.value();
        let is_several = replicas.is_some_and(|count| *count > 1);
        let scaling = &unit.scaling;
        let each_has_one = scaling.replicas.is_written() && !scaling.may_share_address;
        unit.kind == UnitKind::Compose && is_several && each_has_one
    })
}
