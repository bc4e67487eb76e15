//! Folders of manifests as clusters.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ww_base::{Limits, Partial, SourceId};
use ww_model::kube::{Cluster, Workload};

/// Endings of files that may hold manifests.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Every manifest file below a folder, or the file itself, sorted by path.
pub(super) fn files(path: &Path, recursively: bool) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let entries = fs::read_dir(path).with_context(|| format!("read {}", path.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && recursively {
            found.extend(files(&path, true)?);
        }
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads files as one cluster.
pub(super) fn read(paths: &[PathBuf]) -> Result<Partial<Cluster>> {
    let mut texts = Vec::with_capacity(paths.len());
    for path in paths {
        texts.push(fs::read(path).with_context(|| format!("read {}", path.display()))?);
    }
    let sources = texts.iter().enumerate();
    let sources = sources.map(|(index, text)| (SourceId(index as u32), text.as_slice()));
    Ok(ww_import::kube::import(sources, &Limits::default()))
}

/// A folder of manifests as netpol-analyzer sees it: without host networks.
pub(super) fn npguard_cluster(folder: &Path) -> Result<Cluster> {
    let mut cluster = read(&files(folder, true)?)?.value;
    for workload in &mut cluster.workloads {
        workload.host_network = false;
    }
    Ok(cluster)
}

/// The name of a pod's owner, or its own, as netpol-analyzer prints it: a node does not own the pods
/// that it starts by itself.
pub(super) fn npguard_name(workload: &Workload) -> String {
    let namespace = &workload.name.namespace;
    match workload.owner.as_ref().filter(|owner| owner.kind != "Node") {
        Some(owner) if owner.kind.is_empty() => format!("{namespace}/{}[Pod]", owner.name),
        Some(owner) => format!("{namespace}/{}[{}]", owner.name, owner.kind),
        None => format!("{namespace}/{}[{}]", workload.name.name, workload.kind),
    }
}
