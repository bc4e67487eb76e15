//! Workloads of Kubernetes: each container that keeps running is a unit.
//!
//! Objects come one by one; what one says of another (autoscalers, disruption budgets, maps of
//! variables, the mesh of a namespace) is kept until all are there, see [`finish`].

mod container;
mod later;
mod probe;
mod resolver;
#[cfg(test)]
mod tests;

use crate::document::View;
use crate::service::Intake;
use ww_base::{Gap, Locus, Setting, Span};
use ww_model::service::{Product, Scaling};

pub(crate) use later::{Pending, finish};

/// The namespace of objects that name none.
const DEFAULT_NAMESPACE: &str = "default";

/// Reads an object that starts programs, or says something of those that do.
pub(crate) fn object(kind: &str, object: View<'_>, path: &str, intake: &mut Intake<'_>) {
    match kind {
        "Pod" => workload(kind, object, Some(object), path, intake),
        "Deployment"
        | "ReplicaSet"
        | "StatefulSet"
        | "DaemonSet"
        | "Job"
        | "ReplicationController" => {
            let template = object.get("spec").and_then(|spec| spec.get("template"));
            workload(kind, object, template, path, intake);
        }
        "CronJob" => {
            let job = object.get("spec").and_then(|spec| spec.get("jobTemplate"));
            let template = job.and_then(|job| job.get("spec")?.get("template"));
            workload(kind, object, template, path, intake);
        }
        "HorizontalPodAutoscaler" => later::autoscaler(object, intake),
        "PodDisruptionBudget" => later::budget(object, intake),
        "ConfigMap" => later::variables(object, intake),
        "Namespace" => later::namespace(object, intake),
        _ => {}
    }
}

/// What is said of all containers of a workload.
struct Workload<'t> {
    kind: &'t str,
    namespace: &'t str,
    name: &'t str,
    path: &'t str,
    labels: Vec<(String, String)>,
    spec: View<'t>,
    scaling: Scaling,
    has_sidecar: Setting<bool>,
    grace: Setting<Span>,
}

fn workload(
    kind: &str,
    object: View<'_>,
    template: Option<View<'_>>,
    path: &str,
    intake: &mut Intake<'_>,
) {
    let Some((template, spec)) = template.and_then(|it| Some((it, it.get("spec")?))) else {
        return;
    };
    let (namespace, name) = name(object);
    later::declare(object, intake);
    intake.services.rooms.extend(spec.room("pod", spec.at()));
    let metadata = template.get("metadata");
    let labels = metadata.and_then(|it| it.get("labels"));
    let product = kubernetes();
    let workload = Workload {
        kind,
        namespace,
        name,
        path,
        labels: labels.map(texts).unwrap_or_default(),
        spec,
        scaling: scaling(kind, object, intake),
        has_sidecar: sidecar(metadata),
        grace: seconds(spec, "terminationGracePeriodSeconds", intake).or(intake
            .defaults
            .time(&product, "terminationGracePeriodSeconds")),
    };
    container::all(&workload, intake);
}

/// The name under which the default tables have the orchestrator.
fn kubernetes() -> Product {
    Product::named("kubernetes")
}

/// The object's namespace and name.
fn name(object: View<'_>) -> (&str, &str) {
    let metadata = object.get("metadata");
    let text = |key| metadata.and_then(|it| it.get(key)).and_then(View::text);
    let name = text("name").or_else(|| text("generateName"));
    (
        text("namespace").unwrap_or(DEFAULT_NAMESPACE),
        name.unwrap_or_default(),
    )
}

fn texts(map: View<'_>) -> Vec<(String, String)> {
    let entries = map.entries();
    entries
        .filter_map(|(key, value)| Some((key.to_owned(), value.text()?.to_owned())))
        .collect()
}

/// Whether labels or annotations of the pods ask a mesh for its proxy.
fn sidecar(metadata: Option<View<'_>>) -> Setting<bool> {
    let words = [
        ("sidecar.istio.io/inject", "true", "false"),
        ("linkerd.io/inject", "enabled", "disabled"),
    ];
    let places = ["labels", "annotations"];
    let maps = places.iter().filter_map(|key| metadata?.get(key));
    for map in maps {
        for (key, yes, no) in words {
            if let Some((at, value)) = map.get_with_key(key) {
                match value.text() {
                    Some(word) if word == yes => return Setting::set(true, at),
                    Some(word) if word == no => return Setting::set(false, at),
                    _ => {}
                }
            }
        }
    }
    Setting::default()
}

fn scaling(kind: &str, object: View<'_>, intake: &mut Intake<'_>) -> Scaling {
    let spec = object.get("spec");
    let count = |key: &str, intake: &mut Intake<'_>| {
        spec.map_or_else(Setting::default, |spec| number(spec, key, intake))
    };
    let one = intake.defaults.number(&kubernetes(), "replicas");
    let replicas = match kind {
        "DaemonSet" => Setting::Unknown(Gap::new(
            "the number of nodes, on each of which a DaemonSet runs a pod",
            "the Node objects (kubectl get nodes -o yaml)",
        )),
        "Job" => count("parallelism", intake).or(one),
        "Pod" | "CronJob" => one,
        _ => count("replicas", intake).or(one),
    };
    let rollout_missing_percent = missing(kind, spec, &replicas, intake);
    Scaling {
        replicas,
        rollout_missing_percent,
        ..Scaling::default()
    }
}

/// How many of the pods may be missing in a rollout, in percent.
fn missing(
    kind: &str,
    spec: Option<View<'_>>,
    replicas: &Setting<u64>,
    intake: &mut Intake<'_>,
) -> Setting<u64> {
    if kind != "Deployment" {
        return Setting::default();
    }
    let strategy = spec.and_then(|spec| spec.get("strategy"));
    if let Some((at, kind)) = strategy.and_then(|it| it.get_with_key("type"))
        && kind.text() == Some("Recreate")
    {
        return Setting::set(100, at);
    }
    let default = intake
        .defaults
        .number(&kubernetes(), "rollingUpdate.maxUnavailable");
    let rolling = strategy.and_then(|it| it.get("rollingUpdate"));
    let Some((at, value)) = rolling.and_then(|it| it.get_with_key("maxUnavailable")) else {
        return default;
    };
    let text = value.text().unwrap_or_default();
    if let Some(percent) = share(text, replicas.value().copied()) {
        return Setting::set(percent, at);
    }
    let message = "maxUnavailable is a number of pods or a share such as 25%";
    intake.malformed(value.at(), message);
    Setting::default()
}

/// A number of pods, or a share of them, as percent; none when it is neither, or the number of all
/// is not known.
fn share(text: &str, of: Option<u64>) -> Option<u64> {
    if let Some(percent) = text.strip_suffix('%') {
        return percent.trim().parse().ok();
    }
    let count: u64 = text.parse().ok()?;
    Some(count.saturating_mul(100).checked_div(of?)?.min(100))
}

/// A number of seconds behind a key, with the place from the key to the number's end.
fn seconds(map: View<'_>, key: &str, intake: &mut Intake<'_>) -> Setting<Span> {
    number(map, key, intake).map(|count| Span::from_secs(i64::try_from(count).unwrap_or(0)))
}

/// A number behind a key, with the place from the key to the number's end.
fn number(map: View<'_>, key: &str, intake: &mut Intake<'_>) -> Setting<u64> {
    let Some((at, value)) = map.get_with_key(key) else {
        return Setting::default();
    };
    let text = value.text().unwrap_or_default();
    let count = text.parse::<u32>();
    if let Ok(count) = count {
        return Setting::set(count.into(), at);
    }
    let is_open = text.contains(['{', '$']);
    if !is_open {
        intake.malformed(value.at(), format!("{key} is a whole number from 0 on"));
    }
    Setting::Unknown(Gap::new(
        format!("the value of {key}, which is `{text}` here"),
        "the manifest as it is applied",
    ))
}

/// A number as [`number`], where 0 is the same as none.
fn number_above_zero(map: View<'_>, key: &str, intake: &mut Intake<'_>) -> Setting<u64> {
    let number = number(map, key, intake);
    if number.value() == Some(&0) {
        Setting::default()
    } else {
        number
    }
}

/// A text with its place.
fn word(view: View<'_>) -> Option<ww_base::Sourced<String>> {
    Some(ww_base::Sourced {
        value: view.text()?.to_owned(),
        at: Locus::Text(view.at()),
    })
}
