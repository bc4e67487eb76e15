//! Containers of pods.

use super::{Workload, kubernetes, number, probe, resolver, seconds, word};
use crate::document::View;
use crate::service::{Intake, image, variables};
use ww_base::{Gap, Locus, Setting, Sourced, Span};
use ww_model::service::{Mount, NamedValue, Unit, UnitKind};

/// Makes a unit of each container, and of each init container that goes on running beside them.
pub(super) fn all(workload: &Workload<'_>, intake: &mut Intake<'_>) {
    let of = |key| workload.spec.get(key).into_iter().flat_map(View::items);
    let stays = |container: &View<'_>| {
        container.get("restartPolicy").and_then(View::text) == Some("Always")
    };
    let containers: Vec<View<'_>> = of("containers")
        .chain(of("initContainers").filter(stays))
        .collect();
    let is_only = containers.len() == 1;
    for container in containers {
        let name = container.get("name").and_then(View::text);
        let mut full = format!("{}/{}", workload.namespace, workload.name);
        if let Some(name) = name.filter(|_| !is_only) {
            full = format!("{full}/{name}");
        }
        let unit = unit(workload, container, full, intake);
        let index = intake.services.units.len();
        intake.pending.note_unit(workload, container, index);
        intake.services.units.push(unit);
    }
}

fn unit(
    workload: &Workload<'_>,
    container: View<'_>,
    name: String,
    intake: &mut Intake<'_>,
) -> Unit {
    let mut unit = Unit::new(name, UnitKind::Container, container.at(), workload.path);
    workload.namespace.clone_into(&mut unit.group);
    unit.labels.clone_from(&workload.labels);
    unit.scaling = workload.scaling.clone();
    unit.has_sidecar = workload.has_sidecar.clone();
    unit.grace = workload.grace.clone();
    if let Some((at, written)) = container.get_with_key("image") {
        unit.image = word(written);
        unit.product = written.text().and_then(|text| image::product(text, at));
    }
    let words = ["command", "args"].into_iter();
    let words = words.filter_map(|key| container.get(key));
    unit.command = words.flat_map(View::items).filter_map(word).collect();
    unit.environment = environment(container);
    unit.resolver = resolver::resolver(workload, intake);
    unit.hidden_variables = hidden(container, &unit.environment);
    unit.mounts = mounts(workload, container);
    let ports = ports(container, intake);
    unit.ports = ports.iter().map(|(_, number)| *number).collect();
    unit.probes = probe::all(container, &ports, intake);
    unit.pre_stop = pre_stop(container, intake);
    if workload.spec.get("hostNetwork").and_then(View::text) != Some("true") {
        unit.kernel = intake.kernel(sysctls(workload));
    }
    unit
}

/// Settings of the kernel for the pod's network namespace.
fn sysctls(workload: &Workload<'_>) -> Vec<NamedValue> {
    let security = workload.spec.get("securityContext");
    let entries = security.and_then(|it| it.get("sysctls"));
    let entries = entries.into_iter().flat_map(View::items);
    entries
        .filter_map(|entry| {
            let name = entry.get("name")?.text()?.to_owned();
            let (at, value) = entry.get_with_key("value")?;
            let value = value.text()?.to_owned();
            Some(NamedValue { name, value, at })
        })
        .collect()
}

/// Variables with literal values.
fn environment(container: View<'_>) -> Vec<(String, Sourced<String>)> {
    let entries = container.get("env").into_iter().flat_map(View::items);
    entries
        .filter_map(|entry| {
            let name = entry.get("name")?.text()?;
            let (at, value) = entry.get_with_key("value")?;
            let value = variables::harmless(name, value.text()?)?;
            let at = Locus::Text(at);
            Some((name.to_owned(), Sourced { value, at }))
        })
        .collect()
}

/// Variables that are set otherwise.
fn hidden(container: View<'_>, known: &[(String, Sourced<String>)]) -> Vec<String> {
    let entries = container.get("env").into_iter().flat_map(View::items);
    let names = entries.filter_map(|entry| entry.get("name")?.text());
    let is_hidden = |name: &&str| known.iter().all(|(its, _)| its != name);
    names.filter(is_hidden).map(str::to_owned).collect()
}

/// The ports with their names.
fn ports<'t>(container: View<'t>, intake: &mut Intake<'_>) -> Vec<(Option<&'t str>, u16)> {
    let entries = container.get("ports").into_iter().flat_map(View::items);
    let mut ports = Vec::new();
    for entry in entries {
        let number = number(entry, "containerPort", intake);
        let number = number.value().and_then(|it| u16::try_from(*it).ok());
        let name = entry.get("name").and_then(View::text);
        ports.extend(number.map(|number| (name, number)));
    }
    ports
}

fn mounts(workload: &Workload<'_>, container: View<'_>) -> Vec<Mount> {
    let mounts = container.get("volumeMounts");
    let mounts = mounts.into_iter().flat_map(View::items);
    mounts
        .filter_map(|mount| {
            let target = mount.get("mountPath")?.text()?;
            let name = mount.get("name")?.text()?;
            let part = mount.get("subPath").and_then(View::text);
            let source = source(workload, name).map(|whole| match part {
                Some(part) => format!("{whole}/{part}"),
                None => whole,
            });
            Some(Mount {
                at: mount.at(),
                source: source.unwrap_or_default(),
                target: target.to_owned(),
            })
        })
        .collect()
}

/// What a volume shows: the texts of a ConfigMap under the name that they are read by, or a path of
/// the host.
fn source(workload: &Workload<'_>, volume: &str) -> Option<String> {
    let volumes = workload
        .spec
        .get("volumes")
        .into_iter()
        .flat_map(View::items);
    let mut named = volumes.filter(|it| it.get("name").and_then(View::text) == Some(volume));
    let volume = named.next()?;
    if let Some(map) = volume.get("configMap") {
        let name = map.get("name")?.text()?;
        return Some(super::later::path_of_map(workload.namespace, name));
    }
    let path = volume.get("hostPath")?.get("path")?.text()?;
    Some(path.to_owned())
}

/// The pause before a container is told to stop, where what runs is a sleep.
fn pre_stop(container: View<'_>, intake: &mut Intake<'_>) -> Setting<Span> {
    let hook = container
        .get("lifecycle")
        .and_then(|it| it.get_with_key("preStop"));
    let Some((at, hook)) = hook else {
        return intake.defaults.time(&kubernetes(), "preStop");
    };
    if let Some(sleep) = hook.get("sleep") {
        return seconds(sleep, "seconds", intake);
    }
    let words = hook.get("exec").and_then(|exec| exec.get("command"));
    let words: Vec<&str> = words
        .into_iter()
        .flat_map(View::items)
        .filter_map(View::text)
        .collect();
    match slept(&words) {
        Some(span) => Setting::set(span, at),
        None => Setting::Unknown(gap(&words)),
    }
}

fn gap(words: &[&str]) -> Gap {
    let what = if words.is_empty() {
        "the request of preStop".to_owned()
    } else {
        format!("`{}` in preStop", words.join(" "))
    };
    Gap::new(
        format!("how long {what} takes"),
        "the time that it takes, as a sleep in preStop",
    )
}

/// How long a command sleeps before it does anything else.
fn slept(words: &[&str]) -> Option<Span> {
    let line = match words {
        [shell, "-c" | "-ec" | "-cex", line, ..] if shell.ends_with("sh") => (*line).trim(),
        _ => &words.join(" "),
    };
    let mut parts = line
        .split([' ', ';', '&', '\n'])
        .filter(|part| !part.is_empty());
    let command = parts.next()?;
    if !matches!(command, "sleep" | "/bin/sleep" | "/usr/bin/sleep") {
        return None;
    }
    let count: u32 = parts.next()?.trim_end_matches('s').parse().ok()?;
    Some(Span::from_secs(count.into()))
}
