//! `service-port-leads-nowhere`: a Service sends to a port that none of its pods has.

use crate::declared::at;
use crate::kube::pods;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::Order;
use ww_finding::{Severity, Support};
use ww_model::kube::{ContainerPort, PortRef, Protocol, Service, ServicePort, Workload};

rule! {
    name: "service-port-leads-nowhere",
    family: "references",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A Service sends to a port that its pods do not have: connections are refused or have no endpoint",
    needs: [KubernetesObjects],
    explains: [],
    page: "service_port_leads_nowhere.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let cluster = &declared.model.cluster;
    for service in &cluster.services {
        let Some(wanted) = &service.selector else {
            continue;
        };
        let behind: Vec<&Workload> = pods::in_namespace(cluster, &service.name.namespace)
            .filter(|workload| pods::has(workload, wanted))
            .collect();
        for port in service.ports.iter().filter(|_| !behind.is_empty()) {
            match &port.target {
                PortRef::Name(name) if !any(&behind, |it| it.name.as_ref() == Some(name)) => {
                    reports.add(by_name(service, port, name, &behind));
                }
                PortRef::Number(number) => {
                    if let Some(only) = only(&behind, port.protocol, *number) {
                        reports.add(by_number(service, port, *number, only, &behind));
                    }
                }
                PortRef::Name(_) => {}
            }
        }
    }
}

fn any(behind: &[&Workload], is_it: impl Fn(&ContainerPort) -> bool) -> bool {
    let mut ports = behind.iter().flat_map(|workload| &workload.ports);
    ports.any(is_it)
}

/// The only port that each of the pods declares, where it is another one than the Service's. A
/// declaration opens nothing and closes nothing, so that pods which declare several are believed to
/// have others as well.
fn only(behind: &[&Workload], protocol: Protocol, number: u16) -> Option<u16> {
    let mut numbers = behind
        .iter()
        .map(|workload| match workload.ports.as_slice() {
            [one] if one.protocol == protocol && !is_metrics(one) => Some(one.number),
            _ => None,
        });
    let first = numbers.next()??;
    (first != number && numbers.all(|other| other == Some(first))).then_some(first)
}

/// Whether a port is declared for those who collect figures, as often beside others that are not.
fn is_metrics(port: &ContainerPort) -> bool {
    let words = ["metric", "prom", "health", "admin", "probe", "debug"];
    let mut names = port.name.iter();
    names.any(|name| words.iter().any(|word| name.contains(word)))
}

fn by_name(service: &Service, port: &ServicePort, name: &str, behind: &[&Workload]) -> Story {
    let which = called(service);
    let mut known: Vec<&str> = behind
        .iter()
        .flat_map(|workload| &workload.ports)
        .filter_map(|port| port.name.as_deref())
        .collect();
    known.put_in_order();
    known.dedup();
    let story = Story::proved(
        format!(
            "{which} sends port {} to the pods' port `{name}`, but none of them has a port of that name: \
             it has no endpoint, and connections are refused",
            port.number
        ),
        format!(
            "kubectl get endpointslices -n {} -l kubernetes.io/service-name={} that lists the port",
            service.name.namespace, service.name.name
        ),
    )
    .show(at(port.at, format!("asks for the port `{name}`")));
    let story = shown(story, behind, "has no port of that name");
    if let [one] = known.as_slice() {
        story.advise(format!(
            "Ask for `{one}`, if that is what is meant, or give the port the name `{name}`"
        ))
    } else {
        story.advise(format!(
            "Give a containerPort the name `{name}`, or ask for its number"
        ))
    }
}

fn by_number(
    service: &Service,
    port: &ServicePort,
    number: u16,
    only: u16,
    behind: &[&Workload],
) -> Story {
    let which = called(service);
    let story = Story::proved(
        format!(
            "{which} sends port {} to the pods' port {number}, but the only one that they declare is \
             {only}: connections are refused, unless the program listens where nothing says so",
            port.number
        ),
        format!("a program in these pods that accepts connections on port {number}"),
    )
    .support(Support::Heuristic)
    .severity(Severity::Low)
    .show(at(port.at, format!("sends to port {number}")));
    shown(story, behind, &format!("declares port {only} and no other")).advise(format!(
        "Send to the port that is declared: `targetPort: {only}`"
    ))
}

fn called(service: &Service) -> String {
    format!("Service {}/{}", service.name.namespace, service.name.name)
}

fn shown(story: Story, behind: &[&Workload], says: &str) -> Story {
    const MOST: usize = 3;
    behind.iter().take(MOST).fold(story, |story, workload| {
        story.show(at(
            workload.at,
            format!("{} {says}", pods::called(workload)),
        ))
    })
}
