use super::*;
use std::fmt::Write as _;
use ww_model::kube::{
    Action, BackendPort, LabelTest, NamespaceMatch, PortRef, Ports, Protocol, Tier, Who,
};

fn read(text: &str) -> Partial<Cluster> {
    import([(SourceId(0), text.as_bytes())], &Limits::default())
}

fn messages(read: &Partial<Cluster>) -> Vec<&str> {
    read.problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect()
}

fn quoted(text: &str, at: SourceSpan) -> &str {
    text.get(at.start as usize..at.end as usize).unwrap()
}

const POLICY: &str = "\
# comment
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector:
    matchLabels: {app: web}
  ingress:
  - from:
    - podSelector: {}
      namespaceSelector:
        matchExpressions:
        - {key: env, operator: In, values: [prod, dev]}
    - ipBlock: {cidr: 10.1.2.3/8, except: [10.2.0.0/16]}
    ports:
    - {port: 80, endPort: 90}
    - {port: metrics, protocol: UDP}
  - {}
";

#[test]
fn a_policy_keeps_its_places() {
    let read = read(POLICY);
    assert_eq!(messages(&read), [""; 0]);
    let policy = &read.value.network_policies[0];
    assert_eq!(
        (policy.name.namespace.as_str(), policy.name.name.as_str()),
        ("shop", "web")
    );
    assert!(policy.egress.is_none());
    let ingress = policy.ingress.as_ref().unwrap();
    assert!(quoted(POLICY, ingress.at).starts_with("ingress:"));
    let [rule, everyone] = ingress.rules.as_slice() else {
        panic!("two rules")
    };
    assert!(everyone.peers.is_none() && everyone.ports.is_none());
    assert!(quoted(POLICY, rule.at).starts_with("from:"));
    let [pods, block] = rule.peers.as_deref().unwrap() else {
        panic!("two peers")
    };
    let Who::Pods(pods) = &pods.who else {
        panic!("pods")
    };
    let NamespaceMatch::Labelled(namespaces) = &pods.namespaces else {
        panic!("by labels")
    };
    assert_eq!(
        namespaces.requirements[0].test,
        LabelTest::In(vec!["dev".into(), "prod".into()])
    );
    let Who::Addresses {
        block: prefix,
        except,
    } = &block.who
    else {
        panic!("addresses")
    };
    assert_eq!(
        (
            prefix.address.to_string().as_str(),
            prefix.prefix,
            except.len()
        ),
        ("10.0.0.0", 8, 1)
    );
    assert_eq!(
        quoted(POLICY, block.at),
        "ipBlock: {cidr: 10.1.2.3/8, except: [10.2.0.0/16]}"
    );
    let ports = rule.ports.as_deref().unwrap();
    assert_eq!(ports[0].ports, Ports::Range(80, 90));
    assert_eq!(
        (&ports[1].ports, ports[1].protocol),
        (&Ports::Named("metrics".into()), Some(Protocol::Udp))
    );
}

#[test]
fn isolation_follows_the_policy_types() {
    let policy = |spec: &str| {
        let text = format!("kind: NetworkPolicy\nmetadata: {{name: a}}\nspec: {spec}\n");
        let policy = read(&text).value.network_policies.remove(0);
        (
            policy.ingress.map(|allowed| allowed.rules.len()),
            policy.egress.map(|allowed| allowed.rules.len()),
        )
    };
    assert_eq!(policy("{podSelector: {}}"), (Some(0), None));
    assert_eq!(policy("{podSelector: {}, egress: []}"), (Some(0), None));
    assert_eq!(
        policy("{podSelector: {}, egress: [{}]}"),
        (Some(0), Some(1))
    );
    assert_eq!(
        policy("{podSelector: {}, policyTypes: [Egress]}"),
        (None, Some(0))
    );
    assert_eq!(
        policy("{podSelector: {}, policyTypes: [], ingress: null}"),
        (Some(0), None)
    );
}

#[test]
fn lists_json_and_many_documents_are_read() {
    let text = r#"{"kind": "List", "items": [
        {"kind": "Namespace", "metadata": {"name": "a", "labels": {"env": "prod"}}},
        {"kind": "Pod", "metadata": {"name": "p", "ownerReferences": [{"kind": "ReplicaSet", "name": "r"}]},
         "spec": {"hostNetwork": true, "containers": [{"ports": [{"containerPort": 80, "name": "web"}]}]},
         "status": {"podIP": "10.0.0.1"}},
        {"kind": "ConfigMap", "metadata": {"name": "c"}}]}
---
kind: PodList
items:
- metadata: {name: q, namespace: a}
---
kind: Deployment
metadata: {name: d, labels: {not: these}}
spec:
  replicas: 3
  template: {metadata: {labels: {app: d}}, spec: {containers: [{ports: [{containerPort: 53, protocol: UDP}]}]}}
---
- kind: ReplicaSet
  metadata: {name: r}
  spec: {template: {}}
---
kind: CronJob
metadata: {name: c}
spec: {jobTemplate: {spec: {template: {metadata: {labels: {app: c}}}}}}
"#;
    let read = read(text);
    assert_eq!(messages(&read), [""; 0]);
    let cluster = read.value;
    assert_eq!(cluster.namespaces[0].labels.len(), 2);
    let names: Vec<_> = cluster
        .workloads
        .iter()
        .map(|it| (it.kind.as_str(), it.name.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("Pod", "p"),
            ("Pod", "q"),
            ("Deployment", "d"),
            ("ReplicaSet", "r"),
            ("CronJob", "c")
        ]
    );
    let pod = &cluster.workloads[0];
    assert!(pod.host_network && pod.owner.as_ref().unwrap().name == "r");
    assert_eq!(pod.ports[0].name.as_deref(), Some("web"));
    assert_eq!(pod.addresses[0].to_string(), "10.0.0.1");
    assert_eq!(
        (
            cluster.workloads[2].replicas,
            cluster.workloads[2].labels["app"].as_str()
        ),
        (3, "d")
    );
    assert_eq!(cluster.ignored["ConfigMap"], 1);
}

#[test]
fn services_and_ways_in_are_read() {
    let read = read(
        "kind: Service\nmetadata: {name: s}\nspec: {selector: {app: a}, ports: [{port: 80, targetPort: web}]}\n---\n\
         kind: Ingress\nmetadata: {name: i}\nspec:\n  rules:\n  - host: h\n    http:\n      paths:\n      \
         - {path: /, backend: {service: {name: s, port: {number: 80}}}}\n      \
         - {path: /old, backend: {serviceName: s, servicePort: web}}\n---\n\
         kind: Route\nmetadata: {name: r}\nspec: {to: {kind: Service, name: s}, port: {targetPort: 8080}}\n---\n\
         kind: EndpointSlice\nmetadata: {name: e, labels: {kubernetes.io/service-name: s}}\n\
         endpoints: [{addresses: [10.0.0.9], targetRef: {kind: Pod, name: p}}]\nports: [{port: 8080}]\n",
    );
    assert_eq!(messages(&read), [""; 0]);
    let cluster = read.value;
    assert_eq!(
        cluster.services[0].ports[0].target,
        PortRef::Name("web".into())
    );
    let ports: Vec<_> = cluster
        .ingresses
        .iter()
        .flat_map(|it| &it.backends)
        .map(|it| it.port.clone())
        .collect();
    assert_eq!(
        ports,
        [
            Some(BackendPort::Service(PortRef::Number(80))),
            Some(BackendPort::Service(PortRef::Name("web".into()))),
            Some(BackendPort::Target(PortRef::Number(8080))),
        ]
    );
    assert_eq!(cluster.endpoint_slices[0].pods, ["p"]);
}

#[test]
fn endpoints_are_read_as_slices_are() {
    let read = read(
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: s, namespace: shop}\n\
         subsets: [{addresses: [{ip: 10.0.0.9, targetRef: {kind: Pod, name: p}}], ports: [{port: 8080}]}]\n",
    );
    assert_eq!(messages(&read), [""; 0]);
    let slice = &read.value.endpoint_slices[0];
    assert_eq!(slice.service.as_deref(), Some("s"));
    assert_eq!(slice.addresses[0].to_string(), "10.0.0.9");
    assert_eq!(
        (&slice.pods[..], slice.ports[0].number),
        (&["p".to_owned()][..], 8080)
    );
}

#[test]
fn cluster_policies_of_both_versions_are_read() {
    let read = read(
        "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {name: a}\n\
         spec:\n  priority: 5\n  subject: {namespaces: {}}\n  egress:\n  - action: Pass\n    \
         to: [{networks: [10.0.0.0/8, \"::/0\"]}, {nodes: {}}]\n    \
         ports: [{portNumber: {protocol: UDP, port: 53}}, {portRange: {start: 1, end: 9}}, {namedPort: web}]\n---\n\
         apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: c}\n\
         spec:\n  tier: Baseline\n  priority: 7\n  subject: {pods: {namespaceSelector: {}, podSelector: {}}}\n  \
         ingress:\n  - action: Accept\n    from: [{namespaces: {}}, {future: {}}]\n    \
         protocols: [{tcp: {destinationPort: {number: 80}}}, {sctp: {}}, {destinationNamedPort: dns}, {icmp: {}}]\n",
    );
    let [admin, baseline] = read.value.cluster_policies.as_slice() else {
        panic!("two policies")
    };
    assert_eq!(
        (admin.tier, admin.priority, admin.egress[0].action),
        (Tier::Admin, 5, Action::Pass)
    );
    assert_eq!(admin.egress[0].peers.len(), 3);
    assert_eq!(admin.egress[0].ports.as_ref().unwrap().len(), 3);
    assert_eq!(
        (baseline.tier, baseline.ingress[0].peers.len()),
        (Tier::Baseline, 2)
    );
    let ports: Vec<_> = baseline.ingress[0]
        .ports
        .iter()
        .flatten()
        .map(|it| it.ports.clone())
        .collect();
    assert_eq!(
        ports,
        [Ports::Range(80, 80), Ports::All, Ports::Named("dns".into())]
    );
    assert_eq!(read.problems.len(), 2, "{:?}", messages(&read));
    assert!(
        read.problems
            .iter()
            .all(|problem| problem.kind == ProblemKind::Unsupported)
    );
}

#[test]
fn templates_are_named_once_a_file() {
    for text in [
        "kind: Pod\nmetadata:\n  name: {{ .Values.name }}\n",
        "{{- if .Values.on }}\nkind: Pod\n{{- end }}\n---\nkind: {{ .x }}\n",
        "kind: Pod\nmetadata: {name: \"{{ .Values.name }}\"}\n",
    ] {
        let read = read(text);
        assert_eq!(messages(&read), [RENDER], "{text}");
        assert!(read.value.workloads.is_empty());
    }
}

#[test]
fn damage_is_placed_and_the_rest_is_read() {
    let text = "kind: Namespace\nmetadata: {name: a}\n---\nkind: [Pod\n  x: }\n---\nkind: Namespace\nmetadata: {name: b}\n";
    let read = read(text);
    assert_eq!(read.value.namespaces.len(), 2);
    let [problem] = read.problems.as_slice() else {
        panic!("{:?}", messages(&read))
    };
    let Locus::Text(at) = &problem.at else {
        panic!("a place in the text")
    };
    assert!((40..58).contains(&at.start), "{at:?}");
}

#[test]
fn wrong_values_are_problems_and_not_silence() {
    let wrong = [
        (
            "kind: NetworkPolicy\nmetadata: {name: a}\nspec: {podSelector: {}, ingress: [{from: [{}]}]}",
            "a peer has",
        ),
        (
            "kind: NetworkPolicy\nmetadata: {name: a}\nspec: {podSelector: {}, ingress: [{ports: [{port: 70000}]}]}",
            "port is",
        ),
        (
            "kind: NetworkPolicy\nmetadata: {name: a}\nspec: {podSelector: {matchExpressions: [{key: a, operator: Is}]}}",
            "operator is",
        ),
        (
            "kind: NetworkPolicy\nmetadata: {name: a}\nspec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]}",
            "an address prefix",
        ),
        (
            "kind: CiliumNetworkPolicy\nmetadata: {name: a}",
            "does not read CiliumNetworkPolicy",
        ),
        (
            "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: a}",
            "does not read projectcalico.org",
        ),
        (
            "kind: Pod\nmetadata: {name: a}\nspec: {containers: [{ports: [{containerPort: x}]}]}",
            "containerPort",
        ),
        (
            "kind: Pod\nmetadata: {name: a}\n---\nkind: Pod\nmetadata: {name: a}",
            "declared again",
        ),
    ];
    for (text, expected) in wrong {
        let read = read(text);
        assert!(
            messages(&read)[0].contains(expected),
            "{text}: {:?}",
            messages(&read)
        );
    }
}

#[test]
fn bombs_do_not_explode() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(9);
        writeln!(text, "a{level}: &a{level} [{below}]").unwrap();
    }
    text.push_str("kind: List\nitems: *a11\n");
    assert!(read(&text).value.workloads.is_empty());
    let mut text = String::from("p: &p {kind: Pod, metadata: {name: p}}\nl0: &l0 [*p, *p, *p]\n");
    text.push_str("kind: List\nitems: [");
    text.push_str(&"*p, ".repeat(300_000));
    text.push_str("]\n");
    assert!(
        read(&text)
            .problems
            .iter()
            .any(|problem| problem.kind == ProblemKind::TooLarge)
    );
    let deep = format!(
        "kind: Pod\nx: {}{}\n",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(read(&deep).problems.len(), 1);
    let mut deep = String::new();
    for depth in 0..50_000 {
        writeln!(deep, "{}a:", " ".repeat(depth % 1000)).unwrap();
    }
    assert!(read(&deep).value.workloads.is_empty());
}

#[test]
fn limits_are_problems() {
    let small = Limits {
        document_bytes: 10,
        ..Limits::default()
    };
    let read = import([(SourceId(0), POLICY.as_bytes())], &small);
    assert_eq!(read.problems[0].kind, ProblemKind::TooLarge);
    let few = Limits {
        document_nodes: 20,
        ..Limits::default()
    };
    let read = import([(SourceId(0), POLICY.as_bytes())], &few);
    assert!(
        read.problems
            .iter()
            .any(|problem| problem.kind == ProblemKind::TooLarge)
    );
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let port = "kind: Service\nmetadata: {name: a}\nspec: {ports: [{port: x}]}\n---\n".repeat(5);
    let limits = Limits {
        problems_per_text: 2,
        ..Limits::default()
    };
    let read = import([(SourceId(0), port.as_bytes())], &limits);
    let [_, _, rest] = read.problems.as_slice() else {
        panic!("{:?}", messages(&read));
    };
    assert_eq!(rest.at, Locus::Whole(SourceId(0)));
    assert!(
        rest.message
            .ends_with("more problems in this text are not listed")
    );
}

#[test]
fn any_bytes_are_read() {
    let bytes = POLICY.as_bytes();
    for cut in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged.truncate(cut);
        import([(SourceId(0), damaged.as_slice())], &Limits::default());
        let mut damaged = bytes.to_vec();
        damaged[cut] ^= 0x9b;
        import([(SourceId(0), damaged.as_slice())], &Limits::default());
    }
    let read = import(
        [(
            SourceId(0),
            b"kind: Namespace\nmetadata: {name: a}\n---\n\xff\xfe".as_slice(),
        )],
        &Limits::default(),
    );
    assert_eq!((read.value.namespaces.len(), read.problems.len()), (1, 1));
}

#[test]
fn tabs_inside_brackets_are_read_as_kubectl_reads_them() {
    let text = "kind: Namespace\nmetadata: {name: a}\n---\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  \
                - args: [\n\t\t  x,\n      y]\n    ports: [{containerPort: 80}]\n";
    let read = read(text);
    assert_eq!(messages(&read), [""; 0]);
    assert_eq!(
        (
            read.value.namespaces.len(),
            read.value.workloads[0].ports.len()
        ),
        (1, 1)
    );
    assert!(quoted(text, read.value.workloads[0].at).starts_with("kind: Pod"));
    assert_eq!(
        self::read("kind: Pod\nmetadata:\n\tname: a\n")
            .problems
            .len(),
        1
    );
}

#[test]
fn a_load_balancer_says_whom_it_serves() {
    let service = |annotations: &str, spec: &str| {
        let text = format!(
            "kind: Service\napiVersion: v1\nmetadata: {{name: x, annotations: {{{annotations}}}}}\n\
             spec: {{type: LoadBalancer, selector: {{app: x}}, {spec}}}\n"
        );
        let cluster = import([(SourceId(0), text.as_bytes())], &Limits::default()).value;
        let service = cluster.services.into_iter().next().unwrap();
        (service.is_internal, service.source_ranges.len())
    };
    let internal = "service.beta.kubernetes.io/aws-load-balancer-internal";
    let old = "service.beta.kubernetes.io/load-balancer-source-ranges";
    let cases = [
        (String::new(), "", (false, 0)),
        (format!("{internal}: 'true'"), "", (true, 0)),
        (format!("{internal}: 'false'"), "", (false, 0)),
        (
            "networking.gke.io/load-balancer-type: Internal".into(),
            "",
            (true, 0),
        ),
        ("note: internal".into(), "", (false, 0)),
        (format!("{old}: '10.0.0.0/8, 192.0.2.0/24'"), "", (false, 2)),
        (
            String::new(),
            "loadBalancerSourceRanges: [192.0.2.0/24]",
            (false, 1),
        ),
    ];
    for (annotations, spec, expected) in cases {
        assert_eq!(
            service(&annotations, spec),
            expected,
            "{annotations} {spec}"
        );
    }
}

#[test]
fn what_could_not_be_read_is_counted() {
    let text = "kind: Service\nmetadata: {name: '{{ .Release.Name }}'}\n---\n\
                kind: Namespace\nmetadata: {name: a}\n---\n\
                kind: Namespace\nmetadata: {name: a}\n";
    let cluster = import([(SourceId(0), text.as_bytes())], &Limits::default()).value;
    assert_eq!((cluster.unread, cluster.namespaces.len()), (2, 1));
}
