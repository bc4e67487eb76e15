//! Whom a question is put to: the cluster of the manifests, a network of devices, or one device.

use anyhow::{Context, Result, anyhow, bail};
use ww_base::{Limits, Order};
use ww_model::filter::Hook;
use ww_model::{Device, Model};
use ww_reach::answer::{Answer, Change, Group, Matrix};
use ww_reach::device::{self, Asked};
use ww_reach::kube::{Assumptions, Reach};
use ww_reach::network::{self, Network};
use ww_reach::question::{Place, Service};

use super::arguments::{HookArgument, Which};
use crate::output;

impl HookArgument {
    pub(super) fn hook(self) -> Hook {
        match self {
            HookArgument::Input => Hook::Input,
            HookArgument::Forward => Hook::Forward,
            HookArgument::Output => Hook::Output,
        }
    }
}

/// A declared network with a question's choice of device and way.
pub(super) struct World<'a> {
    model: &'a Model,
    which: &'a Which,
    limits: Limits,
}

impl<'a> World<'a> {
    pub(super) fn new(model: &'a Model, which: &'a Which) -> World<'a> {
        World {
            model,
            which,
            limits: Limits::default(),
        }
    }

    pub(super) fn can(&self, from: &Place, to: &Place, service: Service) -> Result<Answer> {
        if let Some(policies) = self.policies() {
            return told(policies.can(from, to, service));
        }
        if let Some(network) = self.network() {
            return told(network.can(from, to, service));
        }
        let device = self.device()?;
        let question = self.question(from, to, service);
        told(Asked::new(device, &self.limits).can(question))
    }

    pub(super) fn who(&self, to: &Place, service: Service) -> Result<Vec<Group>> {
        if let Some(policies) = self.policies() {
            return told(policies.who(to, service));
        }
        if let Some(network) = self.network() {
            return told(network.who(to, service));
        }
        let device = self.device()?;
        let question = self.question(&Place::Any, to, service);
        told(Asked::new(device, &self.limits).who(question))
    }

    pub(super) fn matrix(&self, service: Service) -> Result<Matrix> {
        if let Some(policies) = self.policies() {
            return Ok(policies.matrix(service));
        }
        if let Some(network) = self.network() {
            return told(network.matrix(service));
        }
        let route = self.which.hook.map_or(Hook::Forward, HookArgument::hook);
        told(Asked::new(self.device()?, &self.limits).matrix(route, service))
    }

    fn question<'q>(
        &self,
        from: &'q Place,
        to: &'q Place,
        service: Service,
    ) -> device::Question<'q> {
        device::Question {
            from,
            to,
            service,
            route: self.which.hook.map(HookArgument::hook),
        }
    }

    /// The cluster's policies, unless a device is asked for or there is no cluster.
    fn policies(&self) -> Option<Reach<'a>> {
        (!self.wants_device() && has_cluster(self.model)).then(|| policies(self.model))
    }

    /// The devices as one network, where they make one and no single one is asked for.
    fn network(&self) -> Option<Network<'_>> {
        let network = Network::new(&self.model.devices, &self.limits);
        (!self.wants_device() && network.is_joined()).then_some(network)
    }

    /// Whether the question names one device, or a way through one.
    fn wants_device(&self) -> bool {
        self.which.device.is_some() || self.which.hook.is_some()
    }

    fn device(&self) -> Result<&'a Device> {
        device(self.model, self.which.device.as_deref())
    }
}

fn told<T>(answer: Result<T, String>) -> Result<T> {
    answer.map_err(|why| anyhow!(why))
}

fn policies(model: &Model) -> Reach<'_> {
    Reach::of(&model.cluster, Assumptions::default(), &[])
}

fn has_cluster(model: &Model) -> bool {
    let cluster = &model.cluster;
    !cluster.workloads.is_empty() || !cluster.network_policies.is_empty()
}

/// The device that is named, or the only one.
pub(super) fn device<'a>(model: &'a Model, name: Option<&str>) -> Result<&'a Device> {
    let devices = &model.devices;
    let names = || {
        let names: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
        names.join(", ")
    };
    match (name, devices.as_slice()) {
        (_, []) => bail!("these files hold no rules of a packet filter"),
        (None, [only]) => Ok(only),
        (None, _) => bail!(
            "rules of several devices: {}; choose one with --device",
            names()
        ),
        (Some(name), _) => devices
            .iter()
            .find(|device| device.name == name)
            .with_context(|| format!("no such device: {name}; there are {}", names())),
    }
}

/// What opens and what closes between two states: in the cluster, and through the network that the
/// devices make or else on every device.
pub(super) fn changes(old: &Model, new: &Model) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    if has_cluster(old) || has_cluster(new) {
        changes = ww_reach::kube::changes(&policies(old), &policies(new));
    }
    changes.extend(changes_of_devices(old, new)?);
    changes.put_in_order_by_key(|change| !change.opened);
    Ok(changes)
}

fn changes_of_devices(old: &Model, new: &Model) -> Result<Vec<Change>> {
    let limits = Limits::default();
    let before = Network::new(&old.devices, &limits);
    let after = Network::new(&new.devices, &limits);
    if before.is_joined() && after.is_joined() {
        match network::changes(&before, &after) {
            Ok(found) => return Ok(found),
            Err(why) => output::complain(&format!("{why}; each device is compared by itself")),
        }
    }
    let mut changes = Vec::new();
    for (before, after) in pairs(old, new) {
        changes.extend(told(device::changes(&before, &after, &limits))?);
    }
    Ok(changes)
}

/// A packet that fares differently; none when two states are equivalent.
pub(super) fn distinguish(old: &Model, new: &Model) -> Result<Option<Change>> {
    if has_cluster(old) || has_cluster(new) {
        let changes = ww_reach::kube::changes(&policies(old), &policies(new));
        if let Some(first) = changes.into_iter().next() {
            return Ok(Some(first));
        }
    }
    for (before, after) in pairs(old, new) {
        let found = told(device::distinguish(&before, &after, &Limits::default()))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Devices of both states by name; the only device of each, whatever it is called. A device that
/// one state lacks filters nothing there.
fn pairs(old: &Model, new: &Model) -> Vec<(Device, Device)> {
    if let ([before], [after]) = (old.devices.as_slice(), new.devices.as_slice()) {
        return vec![(before.clone(), after.clone())];
    }
    let named = |model: &Model, name: &str| {
        let known = model.devices.iter().find(|device| device.name == name);
        known.cloned().unwrap_or_default()
    };
    let mut names: Vec<&str> = Vec::new();
    for device in old.devices.iter().chain(&new.devices) {
        if !names.contains(&device.name.as_str()) {
            names.push(&device.name);
        }
    }
    names
        .into_iter()
        .map(|name| (named(old, name), named(new, name)))
        .collect()
}
