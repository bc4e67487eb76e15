//! The network as its files declare it: zones, who is in them, and who may talk to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ww_model::filter::{Base, Chain, ChainKind, Hook, Verdict};
use ww_model::kube::Cluster;
use ww_model::{Device, Model};

use crate::kube::{Assumptions, Connections, Direction, Endpoint, EndpointId, Party, Reach};

/// A map of the declared network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    /// Its zones.
    pub zones: Vec<Zone>,
    /// Who may talk to whom, from zone to zone.
    pub links: Vec<Link>,
}

/// What a zone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ZoneKind {
    /// A Kubernetes namespace.
    Namespace,
    /// A network to which a device has an interface.
    Network,
    /// A device: a host, a router, a firewall.
    Device,
    /// Whatever is not declared.
    Outside,
}

impl ZoneKind {
    /// The word that reports print.
    pub fn word(self) -> &'static str {
        match self {
            ZoneKind::Namespace => "namespace",
            ZoneKind::Network => "network",
            ZoneKind::Device => "device",
            ZoneKind::Outside => "outside",
        }
    }
}

/// A part of the network inside one trust boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ZoneKind,
    /// How its boundary is kept: what is closed by default, and what is open.
    pub boundary: String,
    /// Who or what is in it, with a remark.
    pub members: Vec<(String, String)>,
}

/// Some of one zone may talk to some of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Index of the zone that connects.
    pub from: usize,
    /// Index of the zone that is connected to.
    pub to: usize,
    /// With what, as a sentence has it.
    pub with: String,
    /// How many members of the first zone connect to how many of the second; none where that is not
    /// counted.
    pub pairs: Option<(usize, usize)>,
}

impl Map {
    /// The map of everything that is declared.
    pub fn of(model: &Model) -> Map {
        let mut map = Map::default();
        if !model.cluster.workloads.is_empty() || !model.cluster.namespaces.is_empty() {
            map.cluster(&model.cluster);
        }
        for device in &model.devices {
            map.device(device);
        }
        map
    }

    fn cluster(&mut self, cluster: &Cluster) {
        let reach = Reach::of(cluster, Assumptions::default(), &[]);
        let mut namespaces: BTreeMap<&str, BTreeMap<Party, EndpointId>> = BTreeMap::new();
        for namespace in &cluster.namespaces {
            namespaces.entry(&namespace.name).or_default();
        }
        for (index, workload) in (0..).zip(&cluster.workloads) {
            if let Some(endpoint) = reach.endpoint_of_workload(index) {
                let members = namespaces.entry(&workload.name.namespace).or_default();
                members.insert(Party::of(workload), endpoint);
            }
        }
        let mut zones: Vec<Vec<EndpointId>> = Vec::new();
        for (name, members) in namespaces {
            zones.push(members.values().copied().collect());
            self.zones.push(namespace(&reach, name, &members));
        }
        let outside: Vec<EndpointId> = reach
            .endpoints()
            .filter(|(_, endpoint)| matches!(endpoint, Endpoint::Addresses { .. }))
            .map(|(id, _)| id)
            .collect();
        self.zones.push(Zone {
            name: "outside the cluster".to_owned(),
            kind: ZoneKind::Outside,
            boundary: "every other address".to_owned(),
            members: Vec::new(),
        });
        zones.push(outside);
        self.connect(&reach, &zones);
    }

    /// Links between all zones but from the last one, which is outside, to itself.
    fn connect(&mut self, reach: &Reach<'_>, zones: &[Vec<EndpointId>]) {
        for (from, sources) in zones.iter().enumerate() {
            for (to, targets) in zones.iter().enumerate() {
                if from + 1 == zones.len() && to + 1 == zones.len() {
                    continue;
                }
                let mut all = Connections::none();
                let (mut talkers, mut listeners) = (BTreeSet::new(), BTreeSet::new());
                for (nth, source) in sources.iter().enumerate() {
                    for (other, target) in targets.iter().enumerate() {
                        if from == to && nth == other {
                            continue;
                        }
                        let between = reach.connections(*source, *target);
                        if !between.is_empty() {
                            talkers.insert(nth);
                            listeners.insert(other);
                            all = all.or(&between);
                        }
                    }
                }
                if !all.is_empty() {
                    self.links.push(Link {
                        from,
                        to,
                        with: all.to_string(),
                        pairs: Some((talkers.len(), listeners.len())),
                    });
                }
            }
        }
    }

    fn device(&mut self, device: &Device) {
        let name = if device.name.is_empty() {
            "this device".to_owned()
        } else {
            device.name.clone()
        };
        let mut members = Vec::new();
        for (chain, base) in hooks(device) {
            members.push((
                format!("{} {}", chain.table, chain.name),
                format!(
                    "{}, {} by default, {} rules",
                    hook_word(base.hook),
                    default_word(base),
                    chain.rules.len()
                ),
            ));
        }
        for tunnel in &device.stack.tunnels {
            members.push((
                tunnel.interface.clone(),
                format!("WireGuard, {} peers", tunnel.peers.len()),
            ));
        }
        let index = self.zones.len();
        self.zones.push(Zone {
            name,
            kind: ZoneKind::Device,
            boundary: boundary(device),
            members,
        });
        let forwards = default_of(device, Hook::Forward);
        let input = default_of(device, Hook::Input);
        for interface in &device.stack.interfaces {
            for address in &interface.addresses {
                if matches!(address.address, IpAddr::V4(a) if a.is_loopback())
                    || address.address.is_loopback()
                {
                    continue;
                }
                let network = self.zones.len();
                self.zones.push(Zone {
                    name: format!("{}/{}", address.network.address(), address.network.length()),
                    kind: ZoneKind::Network,
                    boundary: format!("behind {}", interface.name),
                    members: vec![(address.address.to_string(), "the device".to_owned())],
                });
                self.links.push(Link {
                    from: network,
                    to: index,
                    with: format!(
                        "to the device: {}; through it: {}",
                        words(input),
                        words(forwards)
                    ),
                    pairs: None,
                });
            }
        }
    }
}

fn namespace(reach: &Reach<'_>, name: &str, members: &BTreeMap<Party, EndpointId>) -> Zone {
    let isolated =
        |endpoint: EndpointId, direction| reach.policies_of(endpoint, direction).next().is_some();
    let count = |direction| {
        let isolated = members.values().filter(|id| isolated(**id, direction));
        isolated.count()
    };
    let (inward, outward) = (count(Direction::Ingress), count(Direction::Egress));
    let all = members.len();
    let boundary = match (inward, outward) {
        _ if all == 0 => "empty".to_owned(),
        (0, 0) => "open: no policy selects anything here".to_owned(),
        _ => format!("policies guard {inward} of {all} workloads inward, {outward} outward"),
    };
    let remark = |endpoint: EndpointId| {
        let ways = [
            (Direction::Ingress, "inward"),
            (Direction::Egress, "outward"),
        ];
        let guarded: Vec<&str> = ways
            .into_iter()
            .filter(|(direction, _)| isolated(endpoint, *direction))
            .map(|(_, word)| word)
            .collect();
        if guarded.is_empty() {
            "open".to_owned()
        } else {
            format!("guarded {}", guarded.join(" and "))
        }
    };
    Zone {
        name: name.to_owned(),
        kind: ZoneKind::Namespace,
        boundary,
        members: members
            .iter()
            .map(|(party, id)| (format!("{} {}", party.kind, party.name), remark(*id)))
            .collect(),
    }
}

/// The chains that decide about packets to, through or from a device.
fn hooks(device: &Device) -> impl Iterator<Item = (&Chain, &Base)> {
    device.filter.chains.iter().filter_map(|chain| {
        let base = chain.base.as_ref()?;
        let decides = base.kind == ChainKind::Filter
            && base.priority == 0
            && matches!(base.hook, Hook::Input | Hook::Forward | Hook::Output);
        decides.then_some((chain, base))
    })
}

/// Whether packets at a hook are dropped unless a rule says otherwise; none when nothing filters.
fn default_of(device: &Device, hook: Hook) -> Option<bool> {
    let mut closed = None;
    for (_, base) in hooks(device).filter(|(_, base)| base.hook == hook) {
        let drops = base.policy.value != Verdict::Accept;
        closed = Some(closed.unwrap_or(false) || drops);
    }
    closed
}

fn words(closed: Option<bool>) -> &'static str {
    match closed {
        None => "everything, nothing filters",
        Some(true) => "what rules allow",
        Some(false) => "everything that no rule forbids",
    }
}

fn boundary(device: &Device) -> String {
    let hooks = [Hook::Input, Hook::Forward, Hook::Output];
    let parts: Vec<String> = hooks
        .into_iter()
        .filter_map(|hook| {
            let closed = default_of(device, hook)?;
            let word = if closed { "closed" } else { "open" };
            Some(format!("{} {word} by default", hook_word(hook)))
        })
        .collect();
    if parts.is_empty() {
        "nothing filters here".to_owned()
    } else {
        parts.join(", ")
    }
}

fn hook_word(hook: Hook) -> &'static str {
    match hook {
        Hook::Input => "input",
        Hook::Forward => "forward",
        Hook::Output => "output",
        Hook::Prerouting => "prerouting",
        Hook::Postrouting => "postrouting",
        Hook::Ingress => "ingress",
    }
}

fn default_word(base: &Base) -> &'static str {
    if base.policy.value == Verdict::Accept {
        "accepts"
    } else {
        "drops"
    }
}
