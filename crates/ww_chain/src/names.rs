//! Names, and who answers to them.

use crate::{Party, PartyId};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use ww_model::Model;
use ww_model::kube::{PortRef, Service};
use ww_model::service::{Target, Unit};

/// How many that answer to one name are followed.
const MOST: usize = 16;

/// Who answers to which name.
pub(crate) struct Names {
    /// By the group inside which a name is known, and the name; several parties when it is not sure
    /// which.
    local: BTreeMap<(String, String), BTreeSet<PartyId>>,
    /// By the name alone, for those that are known everywhere or whose group is not known.
    global: BTreeMap<String, BTreeSet<PartyId>>,
    /// By the port of a listener, for names of the own host.
    ports: BTreeMap<u16, BTreeSet<PartyId>>,
    /// By an address of a host, and the port there.
    addresses: BTreeMap<SocketAddr, BTreeSet<PartyId>>,
    /// Other names that the team states.
    aliases: BTreeMap<String, String>,
    /// By a Service's namespace and name: those whose pods it selects.
    services: BTreeMap<(String, String), BTreeSet<PartyId>>,
    /// By a service's name and port: the port at the pod.
    target_ports: BTreeMap<(String, u16), u16>,
}

impl Names {
    pub(crate) fn of(model: &Model, parties: &[Party<'_>]) -> Names {
        let aliases = model.services.facts.names.iter();
        let mut names = Names {
            local: BTreeMap::new(),
            global: BTreeMap::new(),
            ports: BTreeMap::new(),
            addresses: BTreeMap::new(),
            aliases: aliases
                .map(|(alias, name)| (alias.value.clone(), name.value.clone()))
                .collect(),
            services: BTreeMap::new(),
            target_ports: BTreeMap::new(),
        };
        for (index, party) in parties.iter().enumerate() {
            names.party(PartyId(index), party);
        }
        for service in &model.cluster.services {
            names.service(service, parties);
        }
        names
    }

    fn party(&mut self, id: PartyId, party: &Party<'_>) {
        self.add_global(&party.name, id);
        for unit in &party.units {
            for name in &unit.names {
                let key = (unit.group.clone(), name.clone());
                self.local.entry(key).or_default().insert(id);
                self.add_global(name, id);
            }
            // An address is known in the networks of its group only; others have the same ones.
            for address in &unit.addresses {
                let key = (unit.group.clone(), address.to_string());
                self.local.entry(key).or_default().insert(id);
            }
        }
        for listener in party.program.iter().flat_map(|program| &program.listeners) {
            if let Some(port) = listener.port {
                self.ports.entry(port).or_default().insert(id);
            }
        }
        for address in party.program.iter().flat_map(|program| &program.bound_to) {
            self.addresses.entry(*address).or_default().insert(id);
        }
    }

    fn add_global(&mut self, name: &str, id: PartyId) {
        self.global.entry(name.to_owned()).or_default().insert(id);
    }

    /// A Service of Kubernetes: its pods answer to its names.
    fn service(&mut self, service: &Service, parties: &[Party<'_>]) {
        let Some(selector) = &service.selector else {
            return;
        };
        let (namespace, name) = (&service.name.namespace, &service.name.name);
        let is_behind = |unit: &Unit| {
            let has = |(key, value): (&String, &String)| {
                let mut labels = unit.labels.iter();
                labels.any(|(own, its)| own == key && its == value)
            };
            unit.group == *namespace && selector.iter().all(has)
        };
        let behind: Vec<PartyId> = parties
            .iter()
            .enumerate()
            .filter(|(_, party)| party.units.iter().any(|unit| is_behind(unit)))
            .map(|(index, _)| PartyId(index))
            .collect();
        let long = format!("{name}.{namespace}");
        let whole = [
            long.clone(),
            format!("{long}.svc"),
            format!("{long}.svc.cluster.local"),
        ];
        for id in behind {
            let key = (namespace.clone(), name.clone());
            self.local.entry(key.clone()).or_default().insert(id);
            self.services.entry(key).or_default().insert(id);
            for name in &whole {
                self.add_global(name, id);
            }
        }
        for port in &service.ports {
            if let PortRef::Number(target) = port.target {
                for name in whole.iter().chain([name]) {
                    self.target_ports
                        .insert((name.clone(), port.number), target);
                }
            }
        }
    }

    /// Who answers to a target, called from a group: several where a Service selects the pods of
    /// several workloads; none when nobody does or it is not sure who.
    pub(crate) fn callees(&self, target: &Target, group: Option<&str>) -> Vec<PartyId> {
        let host = target.host.trim_end_matches('.');
        let host = self.aliases.get(host).map_or(host, String::as_str);
        let host = host.trim_matches(['[', ']']);
        if is_own_host(host) {
            let port = target.port.and_then(|port| self.ports.get(&port));
            return port.and_then(only).into_iter().collect();
        }
        let address = host.parse::<IpAddr>().ok();
        if let (Some(address), Some(port)) = (address, target.port)
            && let Some(bound) = self.addresses.get(&SocketAddr::new(address, port))
        {
            return only(bound).into_iter().collect();
        }
        let known = address.map_or_else(|| host.to_owned(), |address| address.to_string());
        let local = group.map(|group| (group.to_owned(), known));
        if let Some(one) = local.as_ref().and_then(|key| only(self.local.get(key)?)) {
            return vec![one];
        }
        if let Some(behind) = self.behind(host, group) {
            return behind.iter().copied().take(MOST).collect();
        }
        let one = self.global.get(host).and_then(only);
        one.into_iter().collect()
    }

    /// Those whose pods are selected by the Service that a host names.
    fn behind(&self, host: &str, group: Option<&str>) -> Option<&BTreeSet<PartyId>> {
        let short = host.strip_suffix(".cluster.local").unwrap_or(host);
        let short = short.strip_suffix(".svc").unwrap_or(short);
        let (name, namespace) = match short.split_once('.') {
            Some((name, namespace)) => (name, namespace),
            None => (short, group?),
        };
        self.services.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// The port at which a target is served: behind a Service, its pods'.
    pub(crate) fn port(&self, target: &Target) -> Option<u16> {
        let port = target.port?;
        let host = target.host.trim_end_matches('.').to_owned();
        Some(
            self.target_ports
                .get(&(host, port))
                .copied()
                .unwrap_or(port),
        )
    }
}

fn only(ids: &BTreeSet<PartyId>) -> Option<PartyId> {
    let mut ids = ids.iter();
    let first = ids.next()?;
    ids.next().is_none().then_some(*first)
}

fn is_own_host(host: &str) -> bool {
    matches!(host, "localhost" | "::1") || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use crate::Chains;
    use ww_base::{Setting, SourceId, SourceSpan};
    use ww_model::Model;
    use ww_model::service::{Product, Program, Target, Unit, UnitKind};

    const AT: SourceSpan = SourceSpan {
        source: SourceId(0),
        start: 0,
        end: 1,
    };

    #[test]
    fn an_address_that_is_fixed_is_known_in_its_own_group() {
        let mut model = Model::default();
        for (name, group) in [("api", "shop"), ("blog", "press")] {
            let mut unit = Unit::new(name, UnitKind::Compose, AT, "compose.yaml");
            unit.group = group.to_owned();
            unit.addresses = vec!["172.28.0.10".parse().unwrap()];
            model.services.units.push(unit);
        }
        let chains = Chains::of(&model);
        let names = super::Names::of(&model, &chains.parties);
        let callee = |host: &str, group| {
            let id = names.callees(&target(host, 80), group).pop()?;
            Some(chains.parties[id.0].name.as_str())
        };
        assert_eq!(callee("172.28.0.10", Some("shop")), Some("api"));
        assert_eq!(callee("172.28.0.10", Some("press")), Some("blog"));
        assert_eq!(callee("172.28.0.10", Some("other")), None);
        assert_eq!(callee("172.28.0.10", None), None);
        assert_eq!(callee("172.28.0.11", Some("shop")), None);
    }

    fn target(host: &str, port: u16) -> Target {
        Target {
            at: AT,
            host: host.to_owned(),
            port: Some(port),
            is_backup: false,
            resolves_again: Setting::default(),
            subset: None,
        }
    }

    #[test]
    fn programs_of_one_host_are_told_apart_by_their_ports() {
        let mut model = Model::default();
        for (name, port) in [("web", 80), ("api", 8080)] {
            let mut program = Program::new(name, Product::default(), AT, name);
            program.bind("10.0.0.5", Some(port));
            model.services.programs.push(program);
        }
        let chains = Chains::of(&model);
        let names = super::Names::of(&model, &chains.parties);
        let callee = |host: &str, port| {
            let id = names.callees(&target(host, port), None).pop()?;
            Some(chains.parties[id.0].name.as_str())
        };
        assert_eq!(callee("10.0.0.5", 80), Some("web"));
        assert_eq!(callee("10.0.0.5", 8080), Some("api"));
        assert_eq!(callee("10.0.0.5", 81), None);
        assert_eq!(callee("10.0.0.6", 80), None);
    }
}
