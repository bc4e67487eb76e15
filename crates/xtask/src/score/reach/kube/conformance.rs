//! The probes of the ClusterNetworkPolicy conformance suite.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ww_base::{SourceId, SourceSpan};
use ww_model::kube::{Cluster, Labels, Node, Protocol, Workload};
use ww_reach::kube::{Assumptions, EndpointId, Reach};

use super::Tally;
use super::world;

/// The node that every host-network pod runs on, with the label that the suite expects of nodes.
const NODE: &str = "node";

/// A row of `expectations.tsv`.
struct Probe {
    test: String,
    files: Vec<PathBuf>,
    from: String,
    to: String,
    protocol: Protocol,
    port: u16,
    connects: bool,
}

/// Asks every probe.
pub(super) fn score(suite: &Path) -> Result<Tally> {
    let mut tally = Tally::new("ClusterNetworkPolicy conformance");
    let addresses = addresses(suite)?;
    let mut worlds: BTreeMap<Vec<PathBuf>, Cluster> = BTreeMap::new();
    for probe in probes(suite)? {
        if !worlds.contains_key(&probe.files) {
            worlds.insert(probe.files.clone(), cluster(&probe.files, &addresses)?);
        }
        let Some(cluster) = worlds.get(&probe.files) else {
            continue;
        };
        let found = connects(cluster, &probe);
        let differs = found != Some(probe.connects);
        let line = format!(
            "{} to {} {:?} {}: expected {}, found {found:?}",
            probe.from, probe.to, probe.protocol, probe.port, probe.connects
        );
        tally.count(&probe.test, differs.then_some(line).into_iter().collect());
    }
    Ok(tally)
}

fn probes(suite: &Path) -> Result<Vec<Probe>> {
    let table = suite.join("expectations.tsv");
    let table = fs::read_to_string(&table).with_context(|| format!("read {}", table.display()))?;
    let mut probes = Vec::new();
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
        let policies = if cell(4).is_empty() { cell(3) } else { cell(4) };
        probes.push(Probe {
            test: format!("{} {}", cell(0), cell(1)),
            files: vec![suite.join("base/manifests.yaml"), suite.join(policies)],
            from: format!("{}/{}", cell(5), cell(6)),
            to: format!("{}/{}", cell(7), cell(8)),
            protocol: match cell(9) {
                "tcp" => Protocol::Tcp,
                "udp" => Protocol::Udp,
                _ => Protocol::Sctp,
            },
            port: cell(10)
                .parse()
                .with_context(|| format!("a port in {line}"))?,
            connects: cell(11) == "true",
        });
    }
    Ok(probes)
}

fn addresses(suite: &Path) -> Result<BTreeMap<String, IpAddr>> {
    let table = suite.join("pod-ips.tsv");
    let table = fs::read_to_string(&table).with_context(|| format!("read {}", table.display()))?;
    let row = |line: &str| -> Option<(String, IpAddr)> {
        let mut cells = line.split('\t');
        Some((cells.next()?.to_owned(), cells.next()?.parse().ok()?))
    };
    Ok(table.lines().filter_map(row).collect())
}

/// The cluster as the suite would run it: two pods of every StatefulSet, with addresses, on a node.
fn cluster(files: &[PathBuf], addresses: &BTreeMap<String, IpAddr>) -> Result<Cluster> {
    let mut cluster = world::read(files)?.value;
    let pod = |set: &Workload, ordinal: u32| {
        let mut pod = set.clone();
        pod.name.name = format!("{}-{ordinal}", set.name.name);
        let name = format!("{}/{}", pod.name.namespace, pod.name.name);
        pod.addresses = addresses.get(&name).copied().into_iter().collect();
        pod.node = Some(NODE.to_owned());
        pod
    };
    let sets = cluster.workloads.iter();
    cluster.workloads = sets.flat_map(|set| [pod(set, 0), pod(set, 1)]).collect();
    cluster.nodes.push(Node {
        name: NODE.to_owned(),
        labels: Labels::from([("kubernetes.io/os".to_owned(), "linux".to_owned())]),
        addresses: Vec::new(),
        at: SourceSpan {
            source: SourceId(0),
            start: 0,
            end: 0,
        },
    });
    Ok(cluster)
}

fn connects(cluster: &Cluster, probe: &Probe) -> Option<bool> {
    let reach = Reach::of(cluster, Assumptions::default(), &[]);
    let endpoint = |name: &str| -> Option<EndpointId> {
        let mut workloads = cluster.workloads.iter();
        let full = |pod: &Workload| format!("{}/{}", pod.name.namespace, pod.name.name);
        let index = workloads.position(|pod| full(pod) == name)?;
        reach.endpoint_of_workload(index as u32)
    };
    let (from, to) = (endpoint(&probe.from)?, endpoint(&probe.to)?);
    Some(
        reach
            .connections(from, to)
            .contains(probe.protocol, probe.port),
    )
}
