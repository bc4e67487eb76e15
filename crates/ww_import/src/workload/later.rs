//! What objects say of containers that other objects declare.

use super::{Workload, name, number, texts};
use crate::document::View;
use crate::service::{Intake, Named, User, variables};
use std::collections::BTreeMap;
use ww_base::{Locus, Setting, SourceSpan, Sourced};
use ww_model::service::{ReferenceKind, Unit};

/// Variables with their values.
type Variables = Vec<(String, Sourced<String>)>;

/// What waits until all objects were read.
#[derive(Default)]
pub(crate) struct Pending {
    units: Vec<PendingUnit>,
    autoscalers: Vec<Autoscaler>,
    budgets: Vec<Budget>,
    /// Variables by the namespace and name of their map.
    maps: BTreeMap<(String, String), Variables>,
    /// Entries of maps that may be files: the path under which each is read, and its place.
    pub(crate) files: Vec<(String, SourceSpan)>,
    /// Namespaces in which a mesh puts its proxy beside every pod, or does not.
    meshed: BTreeMap<String, (bool, SourceSpan)>,
}

/// A unit of which more may be said.
struct PendingUnit {
    /// Its index.
    index: usize,
    kind: String,
    /// The workload's name, without the namespace.
    name: String,
    /// Maps whose variables it has, with what is put before their names.
    whole_maps: Vec<(String, String)>,
    /// Variables whose value is an entry of a map: name, map, key.
    entries: Vec<(String, String, String)>,
}

struct Autoscaler {
    namespace: String,
    kind: String,
    name: String,
    most: Setting<u64>,
    fewest: Setting<u64>,
}

struct Budget {
    namespace: String,
    selector: Vec<(String, String)>,
    /// The place, what is written, and whether it counts those that have to be there.
    bound: (SourceSpan, String, bool),
}

impl Pending {
    /// Keeps what a container says of other objects. The unit is the next one of all.
    pub(super) fn note_unit(&mut self, workload: &Workload<'_>, container: View<'_>, index: usize) {
        let text = |view: View<'_>, key| view.get(key).and_then(View::text).map(str::to_owned);
        let whole = container.get("envFrom").into_iter().flat_map(View::items);
        let whole_maps = whole.filter_map(|entry| {
            let map = entry.get("configMapRef")?;
            Some((
                text(map, "name")?,
                text(entry, "prefix").unwrap_or_default(),
            ))
        });
        let single = container.get("env").into_iter().flat_map(View::items);
        let entries = single.filter_map(|entry| {
            let from = entry.get("valueFrom")?.get("configMapKeyRef")?;
            Some((
                text(entry, "name")?,
                text(from, "name")?,
                text(from, "key")?,
            ))
        });
        self.units.push(PendingUnit {
            index,
            kind: workload.kind.to_owned(),
            name: workload.name.to_owned(),
            whole_maps: whole_maps.collect(),
            entries: entries.collect(),
        });
    }
}

/// The path under which a text of a ConfigMap is read, and by which mounts name it.
pub(super) fn path_of_map(namespace: &str, name: &str) -> String {
    format!("configmap/{namespace}/{name}")
}

/// Declares what makes pods, for those who name it.
pub(super) fn declare(object: View<'_>, intake: &mut Intake<'_>) {
    let metadata = object.get("metadata");
    let of = |key: &str| metadata.and_then(|it| it.get_with_key(key));
    if let Some((at, name)) = of("name") {
        let namespace = of("namespace").and_then(|(_, it)| it.text());
        let name = name.text().unwrap_or_default();
        let name = Named::object(ReferenceKind::Workload, namespace, name);
        intake.names.declare(name, at);
    }
}

/// Notes that an autoscaler names what makes pods. Of other kinds it is not known who reads them.
fn require(object: View<'_>, target: View<'_>, intake: &mut Intake<'_>) {
    let kinds = [
        "Deployment",
        "StatefulSet",
        "ReplicaSet",
        "ReplicationController",
    ];
    let kind = target.get("kind").and_then(View::text);
    let is_read = kind.is_some_and(|kind| kinds.contains(&kind));
    let named = target.get_with_key("name").filter(|_| is_read);
    if let Some((at, name)) = named {
        let metadata = object.get("metadata");
        let namespace = metadata.and_then(|it| it.get("namespace")?.text());
        let name = name.text().unwrap_or_default();
        let name = Named::object(ReferenceKind::Workload, namespace, name);
        intake.names.require(name, at, User::Autoscaler);
    }
}

pub(super) fn autoscaler(object: View<'_>, intake: &mut Intake<'_>) {
    let Some(spec) = object.get("spec") else {
        return;
    };
    let target = spec.get("scaleTargetRef");
    let text = |key| target.and_then(|it| it.get(key)).and_then(View::text);
    let (Some(kind), Some(target)) = (text("kind"), text("name")) else {
        return;
    };
    if let Some(written) = spec.get("scaleTargetRef") {
        require(object, written, intake);
    }
    let autoscaler = Autoscaler {
        namespace: name(object).0.to_owned(),
        kind: kind.to_owned(),
        name: target.to_owned(),
        most: number(spec, "maxReplicas", intake),
        fewest: number(spec, "minReplicas", intake),
    };
    intake.pending.autoscalers.push(autoscaler);
}

pub(super) fn budget(object: View<'_>, intake: &mut Intake<'_>) {
    let Some(spec) = object.get("spec") else {
        return;
    };
    let selector = spec.get("selector").and_then(|it| it.get("matchLabels"));
    let bound = |key, counts_present| {
        let (at, value) = spec.get_with_key(key)?;
        Some((at, value.text()?.to_owned(), counts_present))
    };
    let bound = bound("maxUnavailable", false).or_else(|| bound("minAvailable", true));
    if let (Some(selector), Some(bound)) = (selector, bound) {
        intake.pending.budgets.push(Budget {
            namespace: name(object).0.to_owned(),
            selector: texts(selector),
            bound,
        });
    }
}

pub(super) fn variables(object: View<'_>, intake: &mut Intake<'_>) {
    let (namespace, map) = name(object);
    let data = object.get("data");
    for (key, value) in data.into_iter().flat_map(View::entries) {
        if value.text().is_some_and(|text| text.contains('\n')) {
            let path = format!("{}/{key}", path_of_map(namespace, map));
            intake.pending.files.push((path, value.at()));
        }
    }
    let keys = data.into_iter().flat_map(View::entries).map(|(key, _)| key);
    let values = keys.filter_map(|key| {
        let (at, value) = data?.get_with_key(key)?;
        let value = variables::harmless(key, value.text()?)?;
        let at = Locus::Text(at);
        Some((key.to_owned(), Sourced { value, at }))
    });
    let values = values.collect();
    let maps = &mut intake.pending.maps;
    maps.insert((namespace.to_owned(), map.to_owned()), values);
}

pub(super) fn namespace(object: View<'_>, intake: &mut Intake<'_>) {
    let metadata = object.get("metadata");
    let labels = metadata.and_then(|it| it.get("labels"));
    if let Some((at, word)) = labels.and_then(|it| it.get_with_key("istio-injection")) {
        let is_meshed = word.text() == Some("enabled");
        let name = name(object).1.to_owned();
        intake.pending.meshed.insert(name, (is_meshed, at));
    }
}

/// Adds to each container what other objects say of it.
pub(crate) fn finish(intake: &mut Intake<'_>) {
    let pending = std::mem::take(&mut intake.pending);
    for told in &pending.units {
        if let Some(unit) = intake.services.units.get_mut(told.index) {
            pending.scale(told, unit);
            pending.disrupt(unit);
            pending.fill(told, unit);
            if let (true, Some((is_meshed, at))) = (
                unit.has_sidecar.is_unknown(),
                pending.meshed.get(&unit.group),
            ) {
                unit.has_sidecar = Setting::set(*is_meshed, *at);
            }
        }
    }
}

impl Pending {
    fn scale(&self, told: &PendingUnit, unit: &mut Unit) {
        let mut scalers = self.autoscalers.iter();
        let own = scalers.find(|scaler| {
            scaler.namespace == unit.group && scaler.kind == told.kind && scaler.name == told.name
        });
        if let Some(scaler) = own {
            unit.scaling.most = scaler.most.clone();
            unit.scaling.fewest = scaler.fewest.clone();
        }
    }

    /// A budget that lets more pods be missing than a rollout does counts instead.
    fn disrupt(&self, unit: &mut Unit) {
        let mut budgets = self.budgets.iter();
        let own = budgets.find(|budget| {
            let mut wanted = budget.selector.iter();
            budget.namespace == unit.group && wanted.all(|label| unit.labels.contains(label))
        });
        let Some(budget) = own else {
            return;
        };
        let (at, text, counts_present) = &budget.bound;
        let all = unit.scaling.replicas.value().copied();
        let fewest = unit.scaling.fewest.value().copied().or(all);
        let evicted = fewest.and_then(|all| evicted(text, all, *counts_present));
        if let Some(count) = evicted {
            unit.scaling.may_be_evicted = Setting::set(count, *at);
        }
    }

    /// Adds variables that maps hold; what the container itself says goes before them.
    fn fill(&self, told: &PendingUnit, unit: &mut Unit) {
        let map = |name: &str| self.maps.get(&(unit.group.clone(), name.to_owned()));
        let mut found: Vec<(String, Sourced<String>)> = Vec::new();
        for (name, map_name, key) in &told.entries {
            let mut values = map(map_name).into_iter().flatten();
            let value = values.find(|(known, _)| known == key);
            found.extend(value.map(|(_, value)| (name.clone(), value.clone())));
        }
        for (map_name, prefix) in &told.whole_maps {
            let values = map(map_name).into_iter().flatten();
            found.extend(values.map(|(key, value)| (format!("{prefix}{key}"), value.clone())));
        }
        for (name, value) in found {
            if unit.environment.iter().all(|(known, _)| *known != name) {
                unit.environment.push((name, value));
            }
        }
    }
}

/// How many of so many pods a budget lets be evicted: a share of them is rounded up, both of those
/// that may be missing and of those that have to be there (Kubernetes, "Specifying a Disruption
/// Budget for your Application").
fn evicted(bound: &str, all: u64, counts_present: bool) -> Option<u64> {
    let count = match bound.strip_suffix('%') {
        Some(percent) => {
            let percent: u64 = percent.trim().parse().ok()?;
            all.saturating_mul(percent).div_ceil(100)
        }
        None => bound.trim().parse().ok()?,
    };
    Some(if counts_present {
        all.saturating_sub(count)
    } else {
        count
    })
}
