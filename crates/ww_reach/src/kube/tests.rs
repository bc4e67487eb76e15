use super::*;
use crate::answer::Reachability;
use crate::question::Place;
use std::collections::BTreeSet;
use ww_base::{Limits, SourceId};
use ww_model::kube::Protocol;

fn cluster(text: &str) -> Cluster {
    let read = ww_import::kube::import([(SourceId(0), text.as_bytes())], &Limits::default());
    assert_eq!(read.problems, []);
    read.value
}

fn endpoint(reach: &Reach<'_>, name: &str) -> EndpointId {
    let workload = reach
        .cluster()
        .workloads
        .iter()
        .position(|it| it.name.name == name)
        .unwrap();
    reach.endpoint_of_workload(workload as u32).unwrap()
}

/// What one pod of each name can do with the other.
fn between(text: &str, from: &str, to: &str) -> String {
    let cluster = cluster(text);
    let reach = Reach::of(&cluster, Assumptions::default(), &[]);
    reach
        .connections(endpoint(&reach, from), endpoint(&reach, to))
        .to_string()
}

const PODS: &str = "
kind: Namespace
metadata: {name: a, labels: {team: red}}
---
kind: Pod
metadata: {name: client, namespace: a, labels: {app: client}}
---
kind: Pod
metadata: {name: server, namespace: b, labels: {app: server}}
spec: {containers: [{ports: [{name: web, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}]}]}
---
kind: Pod
metadata: {name: host, namespace: b, labels: {app: server}}
spec: {hostNetwork: true}
---
";

fn with(policy: &str) -> String {
    format!("{PODS}{policy}")
}

#[test]
fn without_policies_everything_is_possible() {
    assert_eq!(between(PODS, "client", "server"), "all");
}

#[test]
fn isolation_is_by_direction() {
    let deny =
        with("kind: NetworkPolicy\nmetadata: {name: d, namespace: b}\nspec: {podSelector: {}}");
    assert_eq!(between(&deny, "client", "server"), "none");
    assert_eq!(between(&deny, "server", "client"), "all");
    assert_eq!(between(&deny, "client", "host"), "all");
    let egress = with(
        "kind: NetworkPolicy\nmetadata: {name: d, namespace: a}\n\
         spec: {podSelector: {}, egress: [{ports: [{port: web}, {port: 53, endPort: 54, protocol: UDP}]}]}",
    );
    assert_eq!(between(&egress, "server", "client"), "none");
    let egress = egress.replace("podSelector: {}", "podSelector: {}, policyTypes: [Egress]");
    assert_eq!(between(&egress, "client", "server"), "TCP 8080 UDP 53-54");
    assert_eq!(between(&egress, "server", "client"), "all");
    assert_eq!(between(&egress, "client", "host"), "UDP 53-54");
}

#[test]
fn both_sides_must_agree() {
    let text = with(
        "kind: NetworkPolicy\nmetadata: {name: e, namespace: a}\n\
         spec: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 1, endPort: 100}]}]}\n---\n\
         kind: NetworkPolicy\nmetadata: {name: i, namespace: b}\n\
         spec: {podSelector: {matchLabels: {app: server}}, ingress: [\
         {from: [{namespaceSelector: {matchLabels: {team: red}}}], ports: [{port: 90, endPort: 200}]},\
         {from: [{podSelector: {}}]}]}",
    );
    assert_eq!(between(&text, "client", "server"), "TCP 90-100");
    assert_eq!(between(&text, "server", "client"), "all");
}

#[test]
fn tiers_are_asked_in_order() {
    let tier = |tier: &str, priority: u32, action: &str, ports: &str| {
        format!(
            "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n\
             metadata: {{name: {tier}{priority}}}\nspec: {{tier: {tier}, priority: {priority}, subject: {{namespaces: {{}}}}, \
             ingress: [{{action: {action}, from: [{{namespaces: {{}}}}], protocols: [{ports}]}}]}}\n"
        )
    };
    let tcp = |port: u16| format!("{{tcp: {{destinationPort: {{number: {port}}}}}}}");
    let text = with(
        "kind: NetworkPolicy\nmetadata: {name: n, namespace: b}\n\
                     spec: {podSelector: {}, ingress: [{ports: [{port: 1, endPort: 3}]}]}\n",
    ) + &tier("Admin", 5, "Deny", &tcp(1))
        + &tier("Admin", 3, "Pass", "{destinationNamedPort: web}")
        + &tier(
            "Admin",
            9,
            "Accept",
            &(tcp(1) + "," + &tcp(8080) + "," + &tcp(7)),
        )
        + &tier("Baseline", 1, "Deny", &tcp(2));
    assert_eq!(between(&text, "client", "server"), "TCP 2-3,7");
    let baseline = with("")
        + &tier("Baseline", 1, "Accept", &tcp(2))
        + &tier("Baseline", 2, "Deny", "{tcp: {}}");
    assert_eq!(
        between(&baseline, "client", "server"),
        "SCTP 1-65535 TCP 2 UDP 1-65535 other protocols"
    );
}

#[test]
fn addresses_are_cut_at_blocks() {
    let cluster = cluster(&with(
        "kind: NetworkPolicy\nmetadata: {name: n, namespace: b}\nspec: {podSelector: {}, ingress: [{from: \
         [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 80}]}]}",
    ));
    let reach = Reach::of(&cluster, Assumptions::default(), &[]);
    let server = endpoint(&reach, "server");
    let from = |address: &str| {
        let outside = reach.endpoint_of_address(address.parse().unwrap()).unwrap();
        reach
            .connections(outside, server)
            .contains(Protocol::Tcp, 80)
    };
    assert!(from("10.0.255.255") && from("10.2.0.0"));
    assert!(!from("10.1.2.3") && !from("9.255.255.255") && !from("11.0.0.0"));
    assert!(!from("::1"));
}

#[test]
fn pods_that_are_not_declared_match_what_is_sure() {
    let cluster = cluster(&with(
        "kind: NetworkPolicy\nmetadata: {name: n, namespace: b}\nspec: {podSelector: {}, ingress: [\
         {from: [{namespaceSelector: {}, podSelector: {matchLabels: {role: monitor}}}], ports: [{port: 9090}]},\
         {from: [{namespaceSelector: {}}], ports: [{port: 80}]}]}",
    ));
    let monitor = ww_model::kube::Requirement {
        key: "role".into(),
        test: ww_model::kube::LabelTest::Is("monitor".into()),
    };
    let anywhere = UnknownNamespace::Labelled(Vec::new());
    let unknown = [
        UnknownPods {
            namespace: anywhere.clone(),
            labels: Vec::new(),
        },
        UnknownPods {
            namespace: anywhere,
            labels: vec![monitor],
        },
    ];
    let reach = Reach::of(&cluster, Assumptions::default(), &unknown);
    let server = endpoint(&reach, "server");
    let unknown: Vec<String> = reach
        .endpoints()
        .filter(|(_, endpoint)| matches!(endpoint, Endpoint::Unknown(_)))
        .map(|(id, _)| reach.connections(id, server).to_string())
        .collect();
    assert_eq!(unknown, ["TCP 80", "TCP 80,9090"]);
}

#[test]
fn a_diff_names_what_opens_and_closes() {
    let policy = |block: &str, ports: &str| {
        with(&format!(
            "kind: NetworkPolicy\nmetadata: {{name: n, namespace: b}}\nspec: {{podSelector: {{}}, ingress: [\
             {{from: [{{ipBlock: {{cidr: {block}}}}}, {{podSelector: {{}}}}], ports: [{ports}]}}]}}"
        ))
    };
    let (old, new) = (
        policy("10.0.0.0/9", "{port: 80}"),
        policy("10.0.0.0/8", "{port: 443}"),
    );
    let new = new + "\n---\nkind: Pod\nmetadata: {name: late, namespace: b}";
    let (old, new) = (cluster(&old), cluster(&new));
    let [old, new] = [&old, &new].map(|cluster| Reach::of(cluster, Assumptions::default(), &[]));
    let diff = diff(&old, &new);
    let name = |side: usize| match &diff.sides[side].members {
        Members::Parties(parties) => parties
            .iter()
            .map(|party| party.name.clone())
            .collect::<Vec<_>>()
            .join("+"),
        Members::Addresses { ranges, .. } => format!("{:x?}", ranges[0]),
    };
    let lines: BTreeSet<String> = diff
        .changes
        .iter()
        .map(|change| {
            format!(
                "{} > {}: +{} -{}",
                name(change.from),
                name(change.to),
                change.opened(),
                change.closed()
            )
        })
        .collect();
    assert!(
        lines.contains("(a000000, a7fffff) > server: +TCP 443 -TCP 80"),
        "{lines:#?}"
    );
    assert!(
        lines.contains("(a800000, affffff) > server: +TCP 443 -none"),
        "{lines:#?}"
    );
    assert!(
        lines.contains("late > server: +TCP 443 -none"),
        "{lines:#?}"
    );
    assert!(
        !lines.iter().any(|line| line.starts_with("client > server")),
        "{lines:#?}"
    );
}

#[test]
fn all_pairs_are_the_pairs_one_by_one() {
    let cluster = cluster(&with(
        "kind: NetworkPolicy\nmetadata: {name: n, namespace: b}\nspec: {podSelector: {matchLabels: {app: server}}, ingress: [\
         {from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: web}]}], \
         egress: [{to: [{namespaceSelector: {matchLabels: {team: red}}}]}]}",
    ));
    let reach = Reach::of(&cluster, Assumptions::default(), &[UnknownPods::anybody()]);
    let mut pairs = reach.every_pair();
    for (from, _) in reach.endpoints() {
        let sets = pairs.from(from).to_vec();
        for ((to, _), set) in reach.endpoints().zip(sets) {
            assert_eq!(*pairs.set(set), reach.connections(from, to));
        }
    }
    let total: u64 = pairs.histogram().iter().map(|(_, count)| count).sum();
    assert_eq!(total, 3 * 2);
}

fn bounds(text: &str, from: &str, to: &str) -> (String, String, usize) {
    let cluster = cluster(text);
    let reach = Reach::of(&cluster, Assumptions::default(), &[]);
    let bounds = reach.bounds(endpoint(&reach, from), endpoint(&reach, to));
    (
        bounds.least.to_string(),
        bounds.most.to_string(),
        reach.doubts().len(),
    )
}

#[test]
fn what_the_api_leaves_open_is_bounded() {
    let admin = |name: &str, priority: u32, action: &str| {
        format!(
            "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {{name: {name}}}\n\
             spec: {{priority: {priority}, subject: {{namespaces: {{}}}}, ingress: [{{action: {action}, from: \
             [{{namespaces: {{}}}}], ports: [{{portNumber: {{protocol: TCP, port: 80}}}}]}}]}}\n"
        )
    };
    let without = "SCTP 1-65535 TCP 1-79,81-65535 UDP 1-65535 other protocols";
    let equal = with("") + &admin("a", 5, "Allow") + &admin("b", 5, "Deny");
    assert_eq!(
        bounds(&equal, "client", "server"),
        (without.into(), "all".into(), 1)
    );
    let ordered = with("") + &admin("a", 5, "Allow") + &admin("b", 6, "Deny");
    assert_eq!(
        bounds(&ordered, "client", "server"),
        ("all".into(), "all".into(), 0)
    );
    let block = with("").replace(
        "labels: {app: client}}",
        "labels: {app: client}}\nstatus: {podIP: 10.0.0.1}",
    ) + "---\nkind: NetworkPolicy\nmetadata: {name: n, namespace: b}\nspec: {podSelector: {}, ingress: [{from: \
           [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80}]}]}";
    assert_eq!(
        bounds(&block, "client", "server"),
        ("none".into(), "TCP 80".into(), 1)
    );
    let except = block.replace("10.0.0.0/8", "10.0.0.0/8, except: [10.0.0.0/24]");
    assert_eq!(
        bounds(&except, "client", "server"),
        ("none".into(), "none".into(), 0)
    );
    let open = cluster(&equal);
    let reach = Reach::of(&open, Assumptions::default(), &[]);
    let place = |namespace: &str, name: &str| Place::Pod(namespace.into(), name.into());
    let can = reach.can(
        &place("a", "client"),
        &place("b", "server"),
        "80/tcp".parse().unwrap(),
    );
    let can = can.unwrap();
    assert_eq!(can.verdict, Reachability::May);
    assert!(
        can.gaps[0]
            .missing
            .contains("AdminNetworkPolicy a and AdminNetworkPolicy b")
    );
    let other = reach.can(
        &place("a", "client"),
        &place("b", "server"),
        "81/tcp".parse().unwrap(),
    );
    assert_eq!(other.unwrap().verdict, Reachability::Reachable);
}
