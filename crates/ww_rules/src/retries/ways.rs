//! Every place that says how requests are sent on: calls of programs, and routes of a mesh.

use crate::Declared;
use ww_base::SourceSpan;
use ww_model::service::{ClientSide, Protocol, Retry, RetryOn, Target, WrittenMatch};

/// A place that says how requests are sent on.
pub(crate) struct Way<'m> {
    /// Who sends them, and where to, as `nginx to api`.
    pub(crate) name: String,
    /// Where it is written.
    pub(crate) at: SourceSpan,
    /// What is spoken.
    pub(crate) protocol: Protocol,
    /// Which requests take it.
    pub(crate) matches: Option<&'m WrittenMatch>,
    /// Timers and retries.
    pub(crate) side: &'m ClientSide,
    /// Who is called.
    pub(crate) to: &'m [Target],
    /// The namespace of the object, of a route of a mesh.
    pub(crate) namespace: Option<&'m str>,
    /// Whether the team states that requests may be carried out twice.
    pub(crate) is_idempotent: bool,
}

/// Whether what is tried again may be more than failed connections, which cost a server nothing.
pub(super) fn costs(retry: &Retry) -> bool {
    let on = retry.on.value();
    on.is_none_or(|on| {
        on.iter()
            .any(|one| !matches!(one, RetryOn::Connect | RetryOn::Refused))
    })
}

impl Way<'_> {
    /// Whether a try that got no answer in time is repeated. Where the conditions are not known it
    /// is taken for granted, as a bound of one try is written for nothing else.
    pub(crate) fn repeats_slow_tries(&self) -> bool {
        let on = self.side.retry.on.value();
        on.is_none_or(|on| on.contains(&RetryOn::Timeout))
    }
}

/// Every such place, those of programs first.
pub(crate) fn all<'m>(declared: &Declared<'m>) -> Vec<Way<'m>> {
    let model = declared.model;
    let chains = declared.chains();
    let programs = chains.parties.iter();
    let calls = programs.flat_map(|party| {
        let calls = party.program.iter().flat_map(|program| &program.calls);
        calls.map(|call| Way {
            name: format!("{} to {}", party.name, call.name),
            at: call.at,
            protocol: call.protocol,
            matches: call.matches.as_ref(),
            side: &call.side,
            to: &call.to,
            namespace: None,
            is_idempotent: states_idempotence(declared, &call.to),
        })
    });
    let routes = model.services.mesh.routes.iter().map(|route| Way {
        name: format!("route {}", route.name),
        at: route.at,
        protocol: route.protocol,
        matches: route.matches.as_ref(),
        side: &route.side,
        to: &route.to,
        namespace: Some(&route.namespace),
        is_idempotent: states_idempotence(declared, &route.to),
    });
    calls.chain(routes).collect()
}

/// Whether the team states it of everybody that is called.
fn states_idempotence(declared: &Declared<'_>, to: &[Target]) -> bool {
    let demands = &declared.model.services.facts.demands;
    let states = |target: &Target| {
        let mut of = demands.iter().filter(|demand| demand.name == target.host);
        of.any(|demand| demand.is_idempotent.value() == Some(&true))
    };
    !to.is_empty() && to.iter().all(states)
}
