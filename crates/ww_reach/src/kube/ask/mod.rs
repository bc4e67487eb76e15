//! Questions about a cluster, asked by name.

mod change;
mod group;
mod spots;
mod tell;

use std::collections::BTreeMap;

use ww_model::kube::Protocol;

use super::{Connections, Endpoint, EndpointId, Reach};
use crate::answer::{Answer, Group, Matrix, Reachability, Traffic};
use crate::question::{Place, Service};
pub use change::changes;
use group::group;
use spots::Spot;

/// What stands in a matrix where both sides are outside: none of the cluster's business, and told
/// apart from having no connections.
const OUTSIDE: &str = "";

/// Ports that an example is better made of than of port 1.
const FAMILIAR: [u16; 2] = [443, 80];

/// One connection that is asked about, with what policies leave of it.
struct Pair<'s> {
    from: &'s Spot,
    to: &'s Spot,
    asked: Connections,
    allowed: Connections,
}

impl Reach<'_> {
    /// Whether, and with what, one place reaches another.
    ///
    /// # Errors
    /// A sentence that says which place is not known, and which are.
    pub fn can(&self, from: &Place, to: &Place, service: Service) -> Result<Answer, String> {
        let (from, to) = (self.spots(from)?, self.spots(to)?);
        let pairs = self.pairs(&from, &to, service);
        let full = pairs.iter().all(|pair| pair.allowed == pair.asked);
        let none = pairs.iter().all(|pair| pair.allowed.is_empty());
        let is_unread = self.cluster.policies_unread > 0;
        let is_open = !self.doubts().is_empty() && pairs.iter().any(|pair| self.is_open(pair));
        let verdict = match (full, none) {
            _ if pairs.is_empty() => Reachability::Blocked,
            _ if is_open || is_unread => Reachability::May,
            (_, true) => Reachability::Blocked,
            (true, false) => Reachability::Reachable,
            (false, false) => Reachability::Partly,
        };
        let shown = pairs
            .iter()
            .find(|pair| !pair.allowed.is_empty())
            .or(pairs.first());
        let one = shown.map(|pair| (pair, pair.smallest()));
        Ok(Answer {
            verdict,
            allowed: boxes(&pairs),
            unanswered: Vec::new(),
            witness: one.as_ref().and_then(|(pair, one)| pair.packet(one)),
            steps: one.map_or(Vec::new(), |(pair, one)| self.steps(pair, &one)),
            gaps: self.gaps(is_open),
        })
    }

    /// Whether what is asked of a pair depends on how the policies are read.
    fn is_open(&self, pair: &Pair<'_>) -> bool {
        let bounds = self.bounds(pair.from.endpoint, pair.to.endpoint);
        bounds.least.and(&pair.asked) != bounds.most.and(&pair.asked)
    }

    /// Everybody who reaches a place, those with equal connections together.
    ///
    /// # Errors
    /// As [`Reach::can`].
    pub fn who(&self, to: &Place, service: Service) -> Result<Vec<Group>, String> {
        let (from, to) = (self.spots(&Place::Any)?, self.spots(to)?);
        let pairs = self.pairs(&from, &to, service);
        let mut groups: BTreeMap<String, (Vec<&Pair<'_>>, Vec<String>)> = BTreeMap::new();
        for pair in pairs.iter().filter(|pair| !pair.allowed.is_empty()) {
            let group = groups.entry(pair.allowed.to_string()).or_default();
            group.0.push(pair);
            if !group.1.contains(&pair.from.name) {
                group.1.push(pair.from.name.clone());
            }
        }
        Ok(groups
            .into_values()
            .map(|(pairs, members)| Group {
                members,
                allowed: fields(&pairs),
                steps: pairs
                    .first()
                    .map_or(Vec::new(), |pair| self.steps(pair, &pair.smallest())),
            })
            .collect())
    }

    /// Groups of workloads and addresses that behave alike, and who of them reaches whom.
    pub fn matrix(&self, service: Service) -> Matrix {
        let asked = service.connections();
        let ids: Vec<EndpointId> = self.endpoints().map(|(id, _)| id).collect();
        let named: Vec<(EndpointId, Vec<String>)> = ids
            .iter()
            .map(|id| (*id, self.names(*id)))
            .filter(|(_, names)| !names.is_empty())
            .collect();
        let texts: Vec<Vec<String>> = named
            .iter()
            .map(|(from, _)| {
                let to = |(to, _): &(EndpointId, _)| {
                    if self.is_outside(*from) && self.is_outside(*to) {
                        return OUTSIDE.to_owned();
                    }
                    self.connections(*from, *to).and(&asked).to_string()
                };
                named.iter().map(to).collect()
            })
            .collect();
        group(&named, &texts)
    }

    /// All pairs of different places, with what is asked and what is left of it.
    fn pairs<'s>(&self, from: &'s [Spot], to: &'s [Spot], service: Service) -> Vec<Pair<'s>> {
        let asked = service.connections();
        let mut pairs = Vec::new();
        for to in to {
            let asked = to.at_endpoint(&asked);
            for from in from.iter().filter(|from| from.name != to.name) {
                let outside = |spot: &Spot| self.is_outside(spot.endpoint);
                if outside(from) && outside(to) {
                    continue;
                }
                let allowed = self.connections(from.endpoint, to.endpoint).and(&asked);
                pairs.push(Pair {
                    from,
                    to,
                    asked: asked.clone(),
                    allowed,
                });
            }
        }
        pairs
    }
    fn is_outside(&self, id: EndpointId) -> bool {
        matches!(
            self.endpoints.list.get(id.0 as usize),
            Some(Endpoint::Addresses { .. })
        )
    }
}

impl Pair<'_> {
    /// One connection of it: an allowed one where there is any.
    fn smallest(&self) -> Connections {
        let all = if self.allowed.is_empty() {
            &self.asked
        } else {
            &self.allowed
        };
        for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
            let ports = all.ports(protocol);
            let familiar = FAMILIAR.iter().find(|port| all.contains(protocol, **port));
            if let Some(port) = familiar {
                return Connections::one(protocol, *port);
            }
            let first = ports.iter().find(|(_, last)| *last > 0);
            if let Some((first, _)) = first {
                return Connections::one(protocol, first.max(1) as u16);
            }
        }
        all.clone()
    }

    fn packet(&self, one: &Connections) -> Option<Traffic> {
        let packet = Traffic::default()
            .with_one("src", &self.from.name)
            .with_one("dst", &self.to.name);
        [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
            .into_iter()
            .find_map(|protocol| {
                let (port, _) = one.ports(protocol).iter().next()?;
                let packet = packet.clone().with_one("proto", word(protocol));
                Some(packet.with_one("dport", port.to_string()))
            })
    }
}
fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    }
}

/// What gets through, pairs with equal connections together.
fn boxes(pairs: &[Pair<'_>]) -> Vec<Traffic> {
    let mut groups: Vec<(String, String, Vec<&Pair<'_>>)> = Vec::new();
    for pair in pairs.iter().filter(|pair| !pair.allowed.is_empty()) {
        let key = (pair.to.name.clone(), pair.allowed.to_string());
        match groups
            .iter_mut()
            .find(|(to, with, _)| (to, with) == (&key.0, &key.1))
        {
            Some((_, _, known)) => known.push(pair),
            None => groups.push((key.0, key.1, vec![pair])),
        }
    }
    groups
        .iter()
        .flat_map(|(_, _, pairs)| fields(pairs))
        .collect()
}

/// One box per protocol; the pairs have equal connections.
fn fields(pairs: &[&Pair<'_>]) -> Vec<Traffic> {
    let Some(first) = pairs.first() else {
        return Vec::new();
    };
    let mut from: Vec<String> = pairs.iter().map(|pair| pair.from.name.clone()).collect();
    from.dedup();
    let mut to: Vec<String> = pairs.iter().map(|pair| pair.to.name.clone()).collect();
    to.dedup();
    let ends = Traffic::default().with("src", from).with("dst", to);
    if first.allowed == Connections::all() {
        return vec![ends];
    }
    [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
        .into_iter()
        .filter(|protocol| !first.allowed.ports(*protocol).is_empty())
        .map(|protocol| {
            let ports = first.allowed.ports(protocol);
            let all = ports.contains(1)
                && ports
                    .not(u128::from(u16::MAX))
                    .iter()
                    .all(|(first, last)| (first, last) == (0, 0));
            let one = ends.clone().with_one("proto", word(protocol));
            if all {
                return one;
            }
            let texts = ports.iter().map(|(first, last)| {
                if first == last {
                    first.to_string()
                } else {
                    format!("{first}-{last}")
                }
            });
            one.with("dport", texts.collect::<Vec<_>>())
        })
        .collect()
}
