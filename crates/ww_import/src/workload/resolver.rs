//! How the containers of a pod look names up: `dnsPolicy` and `dnsConfig`.

use super::{Workload, kubernetes, word};
use crate::document::View;
use crate::service::Intake;
use ww_base::{Locus, Setting, Sourced, Span};
use ww_model::service::Resolver;

/// The domains that the kubelet lets pods try, behind that of their namespace.
const CLUSTER_DOMAINS: [&str; 2] = ["svc.cluster.local", "cluster.local"];

/// The resolver of a pod's containers; none where it is the node's.
pub(super) fn resolver(workload: &Workload<'_>, intake: &mut Intake<'_>) -> Option<Resolver> {
    let get = |key| workload.spec.get(key);
    let text = |key| get(key).and_then(View::text);
    let uses_node = get("hostNetwork").is_some_and(View::is_true);
    let mut resolver = match text("dnsPolicy") {
        Some("None") => Resolver::default(),
        Some("ClusterFirstWithHostNet") => of_cluster(workload, intake),
        None | Some("ClusterFirst") if !uses_node => of_cluster(workload, intake),
        _ => return None,
    };
    if let Some((at, config)) = workload.spec.get_with_key("dnsConfig") {
        resolver.at = Some(at);
        let list = |key| config.get(key).into_iter().flat_map(View::items);
        resolver
            .servers
            .extend(list("nameservers").filter_map(word));
        resolver.search.extend(list("searches").filter_map(word));
        for option in list("options") {
            set(&mut resolver, option);
        }
    }
    Some(resolver)
}

/// What the kubelet writes for pods that ask the cluster's name servers first.
fn of_cluster(workload: &Workload<'_>, intake: &Intake<'_>) -> Resolver {
    let own = format!("{}.svc.cluster.local", workload.namespace);
    let domains = std::iter::once(own).chain(CLUSTER_DOMAINS.map(str::to_owned));
    let sourced = |value| Sourced {
        value,
        at: Locus::Assumed {
            by: "dnsPolicy ClusterFirst".to_owned(),
        },
    };
    Resolver {
        search: domains.map(sourced).collect(),
        ndots: intake.defaults.number(&kubernetes(), "dnsPolicy ndots"),
        ..Resolver::default()
    }
}

/// An option of `resolv.conf`.
fn set(resolver: &mut Resolver, option: View<'_>) {
    let text = |key| option.get(key).and_then(View::text);
    let number = text("value").and_then(|value| value.parse::<u32>().ok());
    let at = option.at();
    match (text("name"), number) {
        (Some("ndots"), Some(count)) => resolver.ndots = Setting::set(count.into(), at),
        (Some("attempts"), Some(count)) => resolver.attempts = Setting::set(count.into(), at),
        (Some("timeout"), Some(seconds)) => {
            resolver.timeout = Setting::set(Span::from_secs(seconds.into()), at);
        }
        (Some("rotate"), _) => resolver.rotate = Setting::set(true, at),
        (Some("single-request" | "single-request-reopen"), _) => {
            resolver.single_request = Setting::set(true, at);
        }
        _ => {}
    }
}
