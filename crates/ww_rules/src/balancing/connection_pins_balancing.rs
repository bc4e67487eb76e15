//! `connection-pins-balancing`: a Service picks a pod for each connection, and gRPC has one for all.

use super::service;
use crate::declared::at;
use crate::operand::{Answer, Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Gap, Setting, SourceSpan, Span};
use ww_chain::{Hop, Party};
use ww_finding::{Severity, Support};
use ww_model::kube::Service;
use ww_model::service::{CheckKind, Protocol};

rule! {
    name: "connection-pins-balancing",
    family: "balancing",
    layer: Http,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "gRPC goes through a Service that picks a pod for each connection: one pod gets all requests of a caller",
    needs: [Calls],
    explains: [],
    page: "connection_pins_balancing.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<(SourceSpan, usize)> = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| hop.call.from.is_empty()) {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        let Some(service) = service::of(declared.model, hop, caller) else {
            continue;
        };
        let Some((pods, pods_at)) = service::several_pods(callee) else {
            continue;
        };
        if !picks_by_connection(service) || !speaks_grpc(hop, callee, service) {
            continue;
        }
        match ends_connections(declared, hop, (caller, callee)) {
            Answer::Yes(()) => {
                if told.insert((service.at, hop.caller.0)) {
                    let place = pods_at.or(callee.at()).unwrap_or(hop.call.at);
                    reports.add(story(hop, (caller, callee), service, (pods, place)));
                }
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
}

/// Whether gRPC is spoken, which sends all requests of a caller by one connection: as the call, the
/// listener, the port's name or a probe says. The caller is no proxy: those balance by themselves, or
/// make a connection for each request.
fn speaks_grpc(hop: &Hop<'_>, callee: &Party<'_>, service: &Service) -> bool {
    let is_grpc = |protocol| protocol == Protocol::Grpc;
    let port = service
        .ports
        .iter()
        .find(|port| Some(port.number) == hop.target.port);
    let name = port.and_then(|port| port.name.as_deref());
    let mut probes = callee.units.iter().flat_map(|unit| &unit.probes);
    is_grpc(hop.call.protocol)
        || hop
            .listener
            .is_some_and(|listener| is_grpc(listener.protocol))
        || name.is_some_and(|name| name == "grpc" || name.starts_with("grpc-"))
        || probes.any(|probe| probe.check == Some(CheckKind::Grpc))
}

/// Whether a Service has an address of its own, behind which kube-proxy picks a pod.
fn picks_by_connection(service: &Service) -> bool {
    let has_address = matches!(
        service.kind.as_str(),
        "ClusterIP" | "NodePort" | "LoadBalancer"
    );
    has_address && service.headless_at.is_none() && service.selector.is_some()
}

/// Whether nothing ends connections so that new ones are made, and no mesh balances requests.
fn ends_connections(
    declared: &Declared<'_>,
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
) -> Answer<()> {
    let mut sidecars = caller.units.iter().map(|unit| &unit.has_sidecar);
    let mesh = &declared.model.services.mesh;
    let is_open = mesh != &ww_model::service::Mesh::default();
    if sidecars.any(|sidecar| sidecar.value() == Some(&true)) {
        return Answer::No;
    }
    if is_open
        && caller
            .units
            .iter()
            .any(|unit| unit.has_sidecar.is_unknown())
    {
        return Answer::Open(Gap::new(
            format!("whether the mesh puts a proxy beside {}", caller.name),
            "the manifest of its namespace",
        ));
    }
    let listener = hop.listener;
    let age: Option<&Setting<Span>> = listener.map(|listener| &listener.side.max_age);
    match age {
        Some(Setting::Off(_)) => Answer::Yes(()),
        Some(age) if !each(age).is_empty() => {
            let short = |known: &Known<Span>| known.value > Span::ZERO;
            if each(age).iter().all(short) {
                Answer::No
            } else {
                Answer::Yes(())
            }
        }
        _ => Answer::Open(Gap::new(
            format!("whether {} ends connections for their age", callee.name),
            "the source of its server, or `max_age` of its listener in wirewise.toml",
        )),
    }
}

fn story(
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    service: &Service,
    (pods, pods_at): (u64, SourceSpan),
) -> Story {
    let (client, server) = (&caller.name, &callee.name);
    let name = &service.name.name;
    Story::proved(
        format!(
            "{client} has one connection to Service {name}, which leads to one of {pods} pods of {server}: \
             that one gets all its requests, new pods get none"
        ),
        format!(
            "a capture at {client} with connections to {name} that begin again and again, or with several \
             at the same time"
        ),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(at(hop.target.at, format!("{client} calls the Service, by gRPC")))
    .show(at(service.at, "one address for all pods: a pod is picked for each connection"))
    .show(at(pods_at, format!("{pods} pods that are to share the requests")))
    .advise(format!(
        "Let {client} see all pods: a headless Service (`clusterIP: None`), `dns:///` before its name and \
         the policy `round_robin`"
    ))
    .advise(format!(
        "Or let {server} end connections for their age (`MaxConnectionAge`), so that they are spread anew; \
         or let a mesh balance requests"
    ))
}
