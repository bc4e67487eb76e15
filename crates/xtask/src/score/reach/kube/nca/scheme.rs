//! Scheme files of network-config-analyzer: which clusters there are, and what is asked of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;
use ww_model::kube::Cluster;

use super::super::world;
use super::yaml;

/// A scheme file.
pub(super) struct Scheme {
    folder: PathBuf,
    value: Value,
    configs: BTreeMap<String, Cluster>,
}

/// What one cluster is read from, by the kind of what is taken from it.
#[derive(Clone, Copy)]
enum Part {
    Namespaces,
    Pods,
    Policies,
}

impl Scheme {
    pub(super) fn read(path: &Path) -> Result<Scheme> {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let value = yaml::read(&text).with_context(|| format!("read {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        let mut scheme = Scheme {
            folder,
            value,
            configs: BTreeMap::new(),
        };
        let configs = scheme
            .value
            .get("networkConfigList")
            .and_then(Value::as_array)
            .cloned();
        for config in configs.into_iter().flatten() {
            let name = config
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            if let Ok(cluster) = scheme.cluster(&config) {
                scheme.configs.insert(name, cluster);
            }
        }
        Ok(scheme)
    }

    /// The clusters that a query is asked of, in order, and whether pods are counted and not what
    /// made them. Queries of one name are told apart by their place among them.
    pub(super) fn asked(
        &self,
        query: &str,
        kind: &str,
        place: usize,
    ) -> Option<(Vec<Cluster>, bool)> {
        let queries = self.value.get("queries")?.as_array()?;
        let is_it = |value: &&Value| value.get("name").and_then(Value::as_str) == Some(query);
        let asked = queries.iter().filter(is_it).nth(place)?;
        let names = asked.get(kind)?.as_array()?;
        let clusters: Option<Vec<Cluster>> = names
            .iter()
            .map(|name| self.config(name.as_str()?))
            .collect();
        let endpoints = asked
            .get("outputConfiguration")
            .and_then(|output| output.get("outputEndpoints"));
        Some((clusters?, endpoints.and_then(Value::as_str) == Some("pods")))
    }

    /// A whole cluster, or one policy of it: `config/namespace/policy`.
    fn config(&self, name: &str) -> Option<Cluster> {
        let (config, policy) = match name.split_once('/') {
            None => (name, None),
            Some((config, policy)) => (config, Some(policy)),
        };
        let mut cluster = self.configs.get(config)?.clone();
        if let Some(policy) = policy {
            let policy = policy.strip_prefix("K8sNetworkPolicy/").unwrap_or(policy);
            cluster.network_policies.retain(|known| {
                policy == format!("{}/{}", known.name.namespace, known.name.name)
                    || policy == known.name.name
            });
        }
        Some(cluster)
    }

    /// Puts a cluster together from what the configuration and the scheme name.
    fn cluster(&self, config: &Value) -> Result<Cluster> {
        let mut cluster = Cluster::default();
        let own = |key: &str| self.sources(config, key);
        let global = |key: &str| self.sources(&self.value, key);
        for (key, part) in [
            ("namespaceList", Part::Namespaces),
            ("podList", Part::Pods),
            ("networkPolicyList", Part::Policies),
        ] {
            let mut choices = vec![own(key)?, own("resourceList")?];
            if !matches!(part, Part::Policies) {
                choices.extend([global(key)?, global("resourceList")?]);
            }
            for files in choices {
                let read = world::read(&files)?.value;
                if take(&mut cluster, part, read) {
                    break;
                }
            }
        }
        for workload in &mut cluster.workloads {
            workload.host_network = false;
        }
        Ok(cluster)
    }

    /// The files that a key names: files, folders, and folders with `/**`.
    fn sources(&self, value: &Value, key: &str) -> Result<Vec<PathBuf>> {
        let named = match value.get(key) {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one.as_str()],
            _ => Vec::new(),
        };
        let mut files = Vec::new();
        for name in named {
            if name.starts_with("http") {
                anyhow::bail!("{name} is not here");
            }
            let (name, recursively) = match name.strip_suffix("/**") {
                Some(folder) => (folder, true),
                None => (name, false),
            };
            files.extend(world::files(&self.folder.join(name), recursively)?);
        }
        Ok(files)
    }
}

/// Takes one part of what was read; true when there was any.
fn take(cluster: &mut Cluster, part: Part, read: Cluster) -> bool {
    match part {
        Part::Namespaces => {
            cluster.namespaces = read.namespaces;
            !cluster.namespaces.is_empty()
        }
        Part::Pods => {
            cluster.workloads = read.workloads;
            !cluster.workloads.is_empty()
        }
        Part::Policies => {
            cluster.network_policies = read.network_policies;
            !cluster.network_policies.is_empty()
        }
    }
}
