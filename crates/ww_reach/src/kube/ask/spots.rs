//! What a place stands for in a cluster.

use std::net::IpAddr;

use ww_base::Order;
use ww_model::Ranges;
use ww_model::kube::{Service, ServicePort, Workload};

use crate::address;
use crate::kube::{Connections, Endpoint, EndpointId, Reach, at_pod, selects};
use crate::question::Place;

/// One side of a question.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) endpoint: EndpointId,
    pub(super) name: String,
    /// How ports at the name become ports at the endpoint; unchanged when absent.
    ports: Option<Vec<(Connections, Connections)>>,
}

impl Spot {
    /// An endpoint under a name.
    pub(super) fn at(endpoint: EndpointId, name: String) -> Spot {
        Spot {
            endpoint,
            name,
            ports: None,
        }
    }

    /// What is asked of the endpoint when `asked` is asked of the name.
    pub(super) fn at_endpoint(&self, asked: &Connections) -> Connections {
        let Some(ports) = &self.ports else {
            return asked.clone();
        };
        ports
            .iter()
            .filter(|(at_name, _)| !asked.and(at_name).is_empty())
            .fold(Connections::none(), |all, (_, at_pod)| all.or(at_pod))
    }
}
impl Reach<'_> {
    /// What a place stands for in this cluster.
    pub(super) fn spots(&self, place: &Place) -> Result<Vec<Spot>, String> {
        let found = match place {
            Place::Any => {
                let mut all = self.workloads(|_, _| true);
                all.extend(self.outside(|_, _, _| true));
                all
            }
            Place::Internet => self.outside(|is_v6, first, last| {
                let piece = Ranges::span(first, last);
                !address::internet(is_v6).and(&piece).is_empty()
            }),
            Place::Block(address, length) => self.block(*address, *length),
            Place::Pod(namespace, name) => {
                self.workloads(|ns, known| ns == namespace && known == name)
            }
            Place::Namespace(name) => self.workloads(|ns, _| ns == name),
            Place::Service(namespace, name) => self.service(Some(namespace), name),
            Place::Named(namespace, name) => {
                let fits = |ns: &str| namespace.as_deref().is_none_or(|wanted| wanted == ns);
                let found = self.workloads(|ns, known| fits(ns) && known == name);
                if found.is_empty() {
                    self.service(namespace.as_deref(), name)
                } else {
                    found
                }
            }
        };
        if found.is_empty() {
            return Err(self.unknown(place));
        }
        Ok(found)
    }

    fn unknown(&self, place: &Place) -> String {
        let mut known: Vec<String> = self
            .workloads(|_, _| true)
            .into_iter()
            .map(|spot| spot.name)
            .collect();
        known.put_in_order();
        known.dedup();
        let shown = known.get(..6).unwrap_or(&known).join(", ");
        let more = if known.len() > 6 { " and more" } else { "" };
        format!("nothing in these manifests is {place}; known are {shown}{more}")
    }

    fn workloads(&self, fits: impl Fn(&str, &str) -> bool) -> Vec<Spot> {
        let workloads = (0..).zip(&self.cluster.workloads);
        workloads
            .filter(|(_, workload)| {
                let namespace = &workload.name.namespace;
                called(workload).any(|name| fits(namespace, name))
            })
            .filter_map(|(index, workload)| {
                Some(Spot {
                    endpoint: self.endpoint_of_workload(index)?,
                    name: format!("{}/{}", workload.name.namespace, workload.name.name),
                    ports: None,
                })
            })
            .collect()
    }

    /// The pieces of the outside that have an address which fits.
    fn outside(&self, fits: impl Fn(bool, u128, u128) -> bool) -> Vec<Spot> {
        let mut spots = Vec::new();
        for (endpoint, what) in self.endpoints() {
            let Endpoint::Addresses { is_v6, ranges } = what else {
                continue;
            };
            for (first, last) in ranges
                .iter()
                .filter(|(first, last)| fits(*is_v6, *first, *last))
            {
                spots.push(Spot {
                    endpoint,
                    name: address::text(*is_v6, *first, *last),
                    ports: None,
                });
            }
        }
        spots
    }

    fn block(&self, address: IpAddr, length: u8) -> Vec<Spot> {
        let (number, bits) = match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let host = (bits - u32::from(length)).min(bits);
        let mask = 1u128.checked_shl(host).map_or(u128::MAX, |size| size - 1);
        let (from, to) = (number & !mask, number | mask);
        let mut spots: Vec<Spot> = Vec::new();
        for (index, workload) in (0..).zip(&self.cluster.workloads) {
            let inside = workload.addresses.iter().any(|known| {
                let number = match known {
                    IpAddr::V4(known) => u128::from(known.to_bits()),
                    IpAddr::V6(known) => known.to_bits(),
                };
                known.is_ipv6() == address.is_ipv6() && (from..=to).contains(&number)
            });
            if let Some(endpoint) = self.endpoint_of_workload(index).filter(|_| inside) {
                spots.push(Spot {
                    endpoint,
                    name: format!("{}/{}", workload.name.namespace, workload.name.name),
                    ports: None,
                });
            }
        }
        if spots.is_empty() || length < bits as u8 {
            let v6 = address.is_ipv6();
            let overlaps = |is_v6, first, last| is_v6 == v6 && first <= to && from <= last;
            let mut outside = self.outside(overlaps);
            for spot in &mut outside {
                spot.name = within(&spot.name, v6, from, to, self, spot.endpoint);
            }
            spots.extend(outside);
        }
        spots
    }

    /// The pods behind a service, with its ports as theirs.
    fn service(&self, namespace: Option<&str>, name: &str) -> Vec<Spot> {
        let mut spots = Vec::new();
        for service in &self.cluster.services {
            let own = &service.name.namespace;
            if service.name.name != name || namespace.is_some_and(|wanted| wanted != own) {
                continue;
            }
            for (index, workload) in (0..).zip(&self.cluster.workloads) {
                let selected = selects(service, workload);
                if let Some(endpoint) = self.endpoint_of_workload(index).filter(|_| selected) {
                    spots.push(Spot {
                        endpoint,
                        name: format!("{own}/{}", workload.name.name),
                        ports: Some(targets(service, workload)),
                    });
                }
            }
        }
        spots
    }

    /// What the members of an endpoint are called.
    pub(super) fn names(&self, id: EndpointId) -> Vec<String> {
        match self.endpoints.list.get(id.0 as usize) {
            Some(Endpoint::Pods(workloads)) => {
                let workloads = workloads
                    .iter()
                    .filter_map(|index| self.cluster.workloads.get(*index as usize));
                workloads
                    .map(|workload| format!("{}/{}", workload.name.namespace, workload.name.name))
                    .collect()
            }
            Some(Endpoint::Addresses { is_v6, ranges }) => ranges
                .iter()
                .map(|(first, last)| address::text(*is_v6, *first, *last))
                .collect(),
            Some(Endpoint::Unknown(_)) | None => Vec::new(),
        }
    }
}

/// What each port of a service is at a workload.
fn targets(service: &Service, workload: &Workload) -> Vec<(Connections, Connections)> {
    let port = |port: &ServicePort| {
        let at_name = Connections::one(port.protocol, port.number);
        (at_name, at_pod(port, workload))
    };
    service.ports.iter().map(port).collect()
}

/// The names that people use for a workload: its own, its controller's, and for pods of a
/// ReplicaSet that of the Deployment, which its name begins with.
fn called(workload: &Workload) -> impl Iterator<Item = &str> {
    let owner = workload.owner.as_ref();
    let deployment = owner
        .filter(|owner| owner.kind == "ReplicaSet")
        .and_then(|owner| owner.name.rsplit_once('-'))
        .map(|(name, _)| name);
    [
        Some(workload.name.name.as_str()),
        owner.map(|owner| owner.name.as_str()),
        deployment,
    ]
    .into_iter()
    .flatten()
}

/// The part of an outside piece that lies in the block that was asked about.
fn within(name: &str, v6: bool, from: u128, to: u128, reach: &Reach<'_>, id: EndpointId) -> String {
    let Some(Endpoint::Addresses { ranges, .. }) = reach.endpoints.list.get(id.0 as usize) else {
        return name.to_owned();
    };
    let part = ranges
        .iter()
        .find(|(first, last)| address::text(v6, *first, *last) == name);
    part.map_or_else(
        || name.to_owned(),
        |(first, last)| address::text(v6, (*first).max(from), (*last).min(to)),
    )
}
