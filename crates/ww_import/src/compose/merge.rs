//! Layers: services that begin with others, files over others.

use super::is_override;
use super::written::{Project, Service};
use crate::service::folder;
use std::collections::BTreeMap;
use ww_base::Limits;

/// The project of a file with its layers put together, and the names of all services that files of
/// its folder declare; none for a file that is a layer of another one.
///
/// A file with another name than the plain one (`compose.prod.yml`) is as a rule put over that one
/// by hand. Its services are those that it names; what it does not say of them the plain one says.
pub(super) fn effective(
    path: &str,
    projects: &BTreeMap<String, Project>,
    limits: &Limits,
) -> Option<(Project, Vec<String>)> {
    let own = projects.get(path)?;
    let beside = || {
        let all = projects.iter();
        all.filter(|(other, _)| folder(other) == folder(path) && *other != path)
    };
    let plain = beside().find(|(other, _)| is_plain(other));
    if is_override(path) && plain.is_some() {
        return None;
    }
    let mut project = own.clone();
    for service in &mut project.services {
        *service = extended(service.clone(), own, projects, limits.include_depth);
        let is_part = service.image.is_none() && service.build.is_none();
        let base = plain.filter(|_| is_part && !is_plain(path));
        let base = base.and_then(|(_, base)| named(base, &service.name));
        if let Some(base) = base {
            *service = over(service.clone(), base.clone());
        }
    }
    if is_plain(path) {
        for (_, layer) in beside().filter(|(other, _)| is_override(other)) {
            put_over(&mut project, layer);
        }
    }
    let declared = beside().flat_map(|(_, other)| &other.services);
    let declared = declared.chain(&project.services);
    let declared = declared.map(|service| service.name.clone()).collect();
    project.includes |= beside().any(|(_, other)| other.includes);
    Some((project, declared))
}

/// Whether compose takes a file without being told to.
fn is_plain(path: &str) -> bool {
    let name = crate::service::file_name(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    matches!(stem, "compose" | "docker-compose")
}

fn named<'p>(project: &'p Project, name: &str) -> Option<&'p Service> {
    project.services.iter().find(|service| service.name == name)
}

fn put_over(project: &mut Project, layer: &Project) {
    for service in &layer.services {
        let known = project.services.iter_mut();
        match known.into_iter().find(|known| known.name == service.name) {
            Some(known) => {
                let at = known.at;
                *known = over(service.clone(), known.clone());
                known.at = at;
            }
            None => project.services.push(service.clone()),
        }
    }
}

/// A service with what it begins with.
fn extended(
    service: Service,
    project: &Project,
    projects: &BTreeMap<String, Project>,
    depth: u32,
) -> Service {
    let (Some(extends), Some(depth)) = (&service.extends, depth.checked_sub(1)) else {
        return service;
    };
    let other = match &extends.file {
        Some(file) => projects.get(file),
        None => Some(project),
    };
    let base = other.and_then(|other| Some((other, named(other, &extends.service.value)?)));
    match base {
        Some((other, base)) => over(service, extended(base.clone(), other, projects, depth)),
        None => service,
    }
}

/// Puts a layer over a service: what the layer says counts, lists are added up.
fn over(layer: Service, base: Service) -> Service {
    let mut environment = base.environment;
    for (name, value) in layer.environment {
        environment.retain(|(known, _)| *known != name);
        environment.push((name, value));
    }
    let mut mounts = base.mounts;
    mounts.retain(|mount| layer.mounts.iter().all(|own| own.target != mount.target));
    mounts.extend(layer.mounts);
    Service {
        extends: None,
        image: layer.image.or(base.image),
        build: layer.build.or(base.build),
        dockerfile: layer.dockerfile.or(base.dockerfile),
        target: layer.target.or(base.target),
        entrypoint: layer.entrypoint.or(base.entrypoint),
        command: layer.command.or(base.command),
        environment,
        env_files: joined(base.env_files, layer.env_files),
        ports: joined(base.ports, layer.ports),
        waits_for: joined(base.waits_for, layer.waits_for),
        waits_until: joined(layer.waits_until, base.waits_until),
        links: joined(base.links, layer.links),
        health: layer.health.or(base.health),
        grace: layer.grace.or(base.grace),
        replicas: layer.replicas.or(base.replicas),
        may_share_address: base.may_share_address || layer.may_share_address,
        mounts,
        names: joined(base.names, layer.names),
        addresses: replaced(base.addresses, layer.addresses),
        labels: joined(base.labels, layer.labels),
        sysctls: base.sysctls.into_iter().chain(layer.sysctls).collect(),
        has_hosts_network: base.has_hosts_network || layer.has_hosts_network,
        name: layer.name,
        at: layer.at,
        path: layer.path,
    }
}

/// The entries of both layers; those of the second go before those of the same key in the first.
fn replaced<K: PartialEq, V>(mut first: Vec<(K, V)>, second: Vec<(K, V)>) -> Vec<(K, V)> {
    first.retain(|(key, _)| second.iter().all(|(other, _)| other != key));
    first.extend(second);
    first
}

fn joined<T: PartialEq>(mut first: Vec<T>, second: Vec<T>) -> Vec<T> {
    let new: Vec<T> = second
        .into_iter()
        .filter(|it| !first.contains(it))
        .collect();
    first.extend(new);
    first
}
