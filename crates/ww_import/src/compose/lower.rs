//! Services of a project to units.

use super::Environments;
use super::written::{Health, Project, Service, Word};
use crate::service::{Build, Intake, file_name, folder, image, resolve};
use ww_base::{Locus, SourceSpan};
use ww_model::service::{Probe, ProbeKind, Product, Reference, ReferenceKind, Unit, UnitKind};

/// Makes a unit of each service.
pub(super) fn project(
    project: &Project,
    declared: &[String],
    environments: &Environments,
    intake: &mut Intake<'_>,
) {
    let folder = folder(&project.path);
    let group = match (&project.name, folder) {
        (Some(name), _) => name.clone(),
        (None, "") => file_name(&project.path).to_owned(),
        (None, folder) => folder.to_owned(),
    };
    let places: Vec<(String, SourceSpan)> = project
        .services
        .iter()
        .map(|service| (service.name.clone(), service.at))
        .collect();
    for service in &project.services {
        let mut unit = unit(service, environments, intake);
        unit.group.clone_from(&group);
        if !project.includes && service.extends.is_none() {
            unit.references = dangling(service, declared, &places);
        }
        if let Some(folder) = &service.build {
            let file = service.dockerfile.as_ref();
            let file = file.map_or("Dockerfile", |file| &file.value);
            intake.builds.push(Build {
                unit: intake.services.units.len(),
                dockerfile: resolve(&folder.value, file),
                target: service.target.as_ref().map(|target| target.value.clone()),
                has_entrypoint: service.entrypoint.is_some(),
                has_command: service.command.is_some(),
                has_health: service.health.is_some(),
            });
        }
        intake.services.units.push(unit);
    }
}

fn compose() -> Product {
    Product::named("compose")
}

fn unit(service: &Service, environments: &Environments, intake: &mut Intake<'_>) -> Unit {
    let mut unit = Unit::new(&service.name, UnitKind::Compose, service.at, &service.path);
    unit.names = vec![service.name.clone()];
    for name in &service.names {
        if !unit.names.contains(name) {
            unit.names.push(name.clone());
        }
    }
    for (_, address) in &service.addresses {
        if !unit.addresses.contains(address) {
            unit.addresses.push(*address);
        }
    }
    unit.labels.clone_from(&service.labels);
    if let Some(image) = &service.image {
        let built = service.build.is_some();
        if let (true, false, Locus::Text(at)) = (image.is_whole, built, &image.word.at) {
            unit.product = image::product(&image.word.value, *at);
        }
        unit.image = Some(image.word.clone());
    }
    unit.built_from.clone_from(&service.build);
    let words = [&service.entrypoint, &service.command];
    unit.command = words.into_iter().flatten().flatten().cloned().collect();
    unit.environment = environment(service, environments);
    unit.mounts.clone_from(&service.mounts);
    unit.ports.clone_from(&service.ports);
    let one = intake.defaults.number(&compose(), "deploy.replicas");
    unit.scaling.replicas = service.replicas.clone().or(one);
    unit.scaling.may_share_address = service.may_share_address;
    let health = service.health.iter().filter(|health| !health.is_disabled);
    unit.probes = health.map(|health| probe(health, intake)).collect();
    let grace = intake.defaults.time(&compose(), "stop_grace_period");
    unit.grace = service.grace.clone().or(grace);
    unit.waits_for.clone_from(&service.waits_for);
    if !service.has_hosts_network {
        unit.kernel = intake.kernel(service.sysctls.clone());
    }
    unit.waits_until.clone_from(&service.waits_until);
    unit
}

/// Variables of files first, each of which the service's own go before.
fn environment(service: &Service, environments: &Environments) -> Vec<(String, Word)> {
    let files = service.env_files.iter();
    let files = files.filter_map(|path| environments.get(path)).flatten();
    let mut variables: Vec<(String, Word)> = Vec::new();
    for (name, value) in files {
        variables.retain(|(known, _)| known != name);
        variables.push((name.clone(), value.clone()));
    }
    for (name, value) in &service.environment {
        variables.retain(|(known, _)| known != name);
        variables.extend(value.iter().map(|value| (name.clone(), value.clone())));
    }
    variables
}

fn probe(health: &Health, intake: &Intake<'_>) -> Probe {
    let time = |key| intake.defaults.time(&compose(), key);
    let retries = intake.defaults.number(&compose(), "healthcheck.retries");
    Probe {
        at: health.at,
        kind: ProbeKind::Health,
        check: None,
        command: health.command.clone().unwrap_or_default(),
        port: None,
        port_number: None,
        initial_delay: health
            .start_period
            .clone()
            .or(time("healthcheck.start_period")),
        period: health.interval.clone().or(time("healthcheck.interval")),
        timeout: health.timeout.clone().or(time("healthcheck.timeout")),
        failures: health.retries.clone().or(retries),
        successes: ww_base::Setting::default(),
    }
}

/// Services that are waited for or linked to and that no file of the folder declares.
fn dangling(
    service: &Service,
    declared: &[String],
    places: &[(String, SourceSpan)],
) -> Vec<Reference> {
    let names = service.waits_for.iter().chain(&service.links);
    let missing = names.filter(|name| !declared.contains(&name.value));
    let references = missing.filter_map(|name| {
        let Locus::Text(at) = name.at else {
            return None;
        };
        Some(Reference {
            at,
            kind: ReferenceKind::ComposeService,
            name: name.value.clone(),
            declared: places.to_vec(),
        })
    });
    references.collect()
}
