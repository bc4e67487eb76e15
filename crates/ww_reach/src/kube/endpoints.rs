//! Who takes part: pods that every policy treats alike, addresses outside, and pods not declared.

use std::collections::HashMap;
use std::net::IpAddr;

use ww_base::Order;
use ww_model::Ranges;
use ww_model::kube::{
    Cidr, Cluster, ContainerPort, LabelTest, Labels, Protocol, Requirement, Workload,
};

use super::bits::Bits;
use super::labels::LabelIndex;
use super::matchers::{Matcher, Matchers, NamespaceTable, Namespaces, implies, meets};
use super::rules::UnknownMatch;

/// An endpoint: index into the list of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(pub u32);

/// One side of connections: all its members behave alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Workloads of the cluster: indices into its `workloads`.
    Pods(Vec<u32>),
    /// Addresses outside the cluster.
    Addresses {
        /// Whether they are IPv6.
        is_v6: bool,
        /// The addresses; ranges end where a policy mentions a block.
        ranges: Vec<(u128, u128)>,
    },
    /// Pods that are not declared, of which something is assumed: index of the assumption.
    Unknown(u32),
}

/// What is assumed of pods that are not declared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownPods {
    /// Their namespace.
    pub namespace: UnknownNamespace,
    /// What is known of their labels.
    pub labels: Vec<Requirement>,
}

/// What is assumed of the namespace of pods that are not declared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnknownNamespace {
    /// It is one of the cluster.
    Named(String),
    /// It has such labels, and nothing else is known.
    Labelled(Vec<Requirement>),
}

impl UnknownPods {
    /// Any pod anywhere.
    pub fn anybody() -> UnknownPods {
        UnknownPods {
            namespace: UnknownNamespace::Labelled(Vec::new()),
            labels: Vec::new(),
        }
    }

    /// Whether any pod anywhere is meant.
    pub fn is_anybody(&self) -> bool {
        *self == UnknownPods::anybody()
    }

    /// Pods that selectors select, with nothing else known of them.
    pub(super) fn named(namespaces: &Namespaces<'_>, labels: &[Requirement]) -> UnknownPods {
        let namespace = match namespaces {
            Namespaces::Named(name) => UnknownNamespace::Named((*name).to_owned()),
            Namespaces::Labelled(
                [
                    Requirement {
                        key,
                        test: LabelTest::Is(name),
                    },
                ],
            ) if key == NAME_LABEL => UnknownNamespace::Named(name.clone()),
            Namespaces::Labelled(requirements) => UnknownNamespace::Labelled(requirements.to_vec()),
        };
        UnknownPods {
            namespace,
            labels: labels.to_vec(),
        }
    }
}

/// The label by which a namespace can be selected by its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Which addresses are outside, cut where a policy mentions a block.
pub(super) struct AddressCuts {
    /// First addresses of the pieces, ascending, by family.
    v4: Vec<u128>,
    v6: Vec<u128>,
}

impl AddressCuts {
    fn of(matchers: &Matchers<'_>) -> AddressCuts {
        let mut cuts = AddressCuts {
            v4: vec![0],
            v6: vec![0],
        };
        for matcher in &matchers.list {
            let Matcher::Addresses(block, except, _) = matcher else {
                continue;
            };
            for cidr in std::iter::once(block).chain(*except) {
                let (first, last) = range_of(*cidr);
                let (starts, most) = if cidr.address.is_ipv6() {
                    (&mut cuts.v6, u128::MAX)
                } else {
                    (&mut cuts.v4, u128::from(u32::MAX))
                };
                starts.push(first);
                starts.extend(last.checked_add(1).filter(|next| *next <= most));
            }
        }
        for starts in [&mut cuts.v4, &mut cuts.v6] {
            starts.put_in_order();
            starts.dedup();
        }
        cuts
    }

    /// All pieces: family, first and last address.
    fn pieces(&self) -> Vec<(bool, u128, u128)> {
        let family = |is_v6: bool, starts: &[u128], most: u128| -> Vec<_> {
            let ends = starts.iter().skip(1).map(|next| next - 1).chain([most]);
            starts
                .iter()
                .zip(ends)
                .map(|(first, last)| (is_v6, *first, last))
                .collect()
        };
        let mut pieces = family(false, &self.v4, u128::from(u32::MAX));
        pieces.extend(family(true, &self.v6, u128::MAX));
        pieces
    }
}

/// First and last address of a prefix.
pub(super) fn range_of(cidr: Cidr) -> (u128, u128) {
    let (first, bits) = number(cidr.address);
    let host_bits = bits.saturating_sub(u32::from(cidr.prefix));
    let hosts = 1_u128
        .checked_shl(host_bits)
        .map_or(u128::MAX, |size| size - 1);
    (first & !hosts, first | hosts)
}

/// An address as a number, with the bits of its family.
pub(super) fn number(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

/// Things that cannot be told apart by what they are made of: what classes are made from.
pub(super) struct Atom<'c> {
    pub(super) sort: Sort<'c>,
    matchers: Vec<u32>,
}

/// What an atom is made of.
pub(super) enum Sort<'c> {
    Pods {
        sample: &'c Workload,
        namespace: u32,
        members: Vec<u32>,
    },
    Addresses {
        is_v6: bool,
        first: u128,
        last: u128,
    },
    Unknown(u32),
}

/// The endpoints, and which of them every matcher matches.
pub(super) struct Endpoints {
    pub(super) list: Vec<Endpoint>,
    /// By matcher.
    pub(super) matched: Vec<Bits>,
    /// By endpoint: the matchers that match it, ascending.
    pub(super) matchers_of: Vec<Vec<u32>>,
    /// By workload.
    pub(super) of_workload: Vec<EndpointId>,
    /// By endpoint: the ports that its containers declare by name.
    pub(super) named_ports: Vec<Vec<(String, Protocol, u16)>>,
}

impl Endpoints {
    pub(super) fn of(
        cluster: &Cluster,
        matchers: &Matchers<'_>,
        unknown: &[UnknownPods],
        unknown_match: UnknownMatch,
    ) -> Endpoints {
        let namespaces = NamespaceTable::of(cluster);
        let mut atoms = pod_atoms(cluster, matchers, &namespaces);
        let pieces = AddressCuts::of(matchers).pieces();
        atoms.extend(pieces.into_iter().map(|(is_v6, first, last)| Atom {
            sort: Sort::Addresses { is_v6, first, last },
            matchers: Vec::new(),
        }));
        atoms.extend((0..unknown.len() as u32).map(|index| Atom {
            sort: Sort::Unknown(index),
            matchers: Vec::new(),
        }));
        let scene = Scene {
            cluster,
            namespaces: &namespaces,
            unknown,
            unknown_match,
        };
        scene.match_all(matchers, &mut atoms);
        classes(atoms, matchers.list.len(), cluster.workloads.len())
    }
}

/// Everything that a policy could ask of a workload: namespace, labels, named ports, the node when it
/// uses its network, and addresses.
type Key<'c> = (
    u32,
    &'c Labels,
    Vec<&'c ContainerPort>,
    Option<&'c str>,
    &'c [IpAddr],
);

/// Workloads grouped by everything that a policy could ask of them.
fn pod_atoms<'c>(
    cluster: &'c Cluster,
    matchers: &Matchers<'_>,
    namespaces: &NamespaceTable<'_>,
) -> Vec<Atom<'c>> {
    let addresses_count = matchers
        .list
        .iter()
        .any(|matcher| matches!(matcher, Matcher::Addresses(_, _, true)));
    let mut by_key: HashMap<Key<'c>, usize> = HashMap::new();
    let mut atoms: Vec<Atom<'c>> = Vec::new();
    for (index, workload) in cluster.workloads.iter().enumerate() {
        let namespace = namespaces.id(&workload.name.namespace).unwrap_or(u32::MAX);
        let named = workload
            .ports
            .iter()
            .filter(|port| port.name.is_some())
            .collect();
        let node = workload
            .host_network
            .then(|| workload.node.as_deref().unwrap_or_default());
        let addresses: &[IpAddr] = if addresses_count {
            &workload.addresses
        } else {
            &[]
        };
        let key = (namespace, &workload.labels, named, node, addresses);
        let place = *by_key.entry(key).or_insert_with(|| {
            let sort = Sort::Pods {
                sample: workload,
                namespace,
                members: Vec::new(),
            };
            atoms.push(Atom {
                sort,
                matchers: Vec::new(),
            });
            atoms.len() - 1
        });
        if let Some(Atom {
            sort: Sort::Pods { members, .. },
            ..
        }) = atoms.get_mut(place)
        {
            members.push(index as u32);
        }
    }
    atoms
}

/// Groups atoms of one sort that the same matchers match.
fn classes(atoms: Vec<Atom<'_>>, matcher_count: usize, workload_count: usize) -> Endpoints {
    let mut by_signature: HashMap<Signature, usize> = HashMap::new();
    let mut found = Endpoints {
        list: Vec::new(),
        matched: Vec::new(),
        matchers_of: Vec::new(),
        of_workload: vec![EndpointId(0); workload_count],
        named_ports: Vec::new(),
    };
    for atom in atoms {
        let signature = Signature::of(&atom);
        let place = *by_signature
            .entry(signature)
            .or_insert_with_key(|signature| {
                found.list.push(match &atom.sort {
                    Sort::Pods { .. } => Endpoint::Pods(Vec::new()),
                    Sort::Addresses { is_v6, .. } => Endpoint::Addresses {
                        is_v6: *is_v6,
                        ranges: Vec::new(),
                    },
                    Sort::Unknown(index) => Endpoint::Unknown(*index),
                });
                found.matchers_of.push(signature.matchers.clone());
                found.named_ports.push(signature.named_ports.clone());
                found.list.len() - 1
            });
        match (atom.sort, found.list.get_mut(place)) {
            (Sort::Pods { members, .. }, Some(Endpoint::Pods(all))) => {
                for member in &members {
                    if let Some(slot) = found.of_workload.get_mut(*member as usize) {
                        *slot = EndpointId(place as u32);
                    }
                }
                all.extend(members);
            }
            (Sort::Addresses { first, last, .. }, Some(Endpoint::Addresses { ranges, .. })) => {
                ranges.push((first, last));
            }
            _ => {}
        }
    }
    found.matched = vec![Bits::none(found.list.len()); matcher_count];
    for (place, matchers) in found.matchers_of.iter().enumerate() {
        for matcher in matchers {
            if let Some(bits) = found.matched.get_mut(*matcher as usize) {
                bits.insert(place);
            }
        }
    }
    found
}

/// What makes atoms one class.
#[derive(PartialEq, Eq, Hash)]
struct Signature {
    sort: (u8, u32),
    matchers: Vec<u32>,
    named_ports: Vec<(String, Protocol, u16)>,
}

impl Signature {
    fn of(atom: &Atom<'_>) -> Signature {
        let (sort, sample) = match &atom.sort {
            Sort::Pods { sample, .. } => ((0, u32::from(sample.host_network)), Some(*sample)),
            Sort::Addresses { is_v6, .. } => ((1, u32::from(*is_v6)), None),
            Sort::Unknown(index) => ((2, *index), None),
        };
        let ports = sample.into_iter().flat_map(|sample| &sample.ports);
        let mut named_ports: Vec<_> = ports
            .filter_map(|port| Some((port.name.clone()?, port.protocol, port.number)))
            .collect();
        named_ports.put_in_order();
        named_ports.dedup();
        Signature {
            sort,
            matchers: atom.matchers.clone(),
            named_ports,
        }
    }
}

/// What matching looks at.
struct Scene<'a> {
    cluster: &'a Cluster,
    namespaces: &'a NamespaceTable<'a>,
    unknown: &'a [UnknownPods],
    unknown_match: UnknownMatch,
}

impl Scene<'_> {
    /// Tells every atom which matchers match it.
    fn match_all(&self, matchers: &Matchers<'_>, atoms: &mut [Atom<'_>]) {
        let index = LabelIndex::of(matchers, atoms, self.namespaces.names.len());
        let mut namespace_bits: HashMap<&Namespaces<'_>, Bits> = HashMap::new();
        for (id, matcher) in matchers.list.iter().enumerate() {
            let matched = match matcher {
                Matcher::Everything => Bits::all(atoms.len()),
                Matcher::Nothing => Bits::none(atoms.len()),
                Matcher::Outside => outside(atoms),
                Matcher::Pods(namespaces, labels) => {
                    let found = namespace_bits
                        .entry(namespaces)
                        .or_insert_with(|| index.namespaces(namespaces, self.namespaces));
                    let mut matched = found.clone();
                    index.narrow(&mut matched, labels);
                    self.add_unknown(&mut matched, atoms, namespaces, labels);
                    matched
                }
                Matcher::Addresses(block, except, pods_too) => {
                    addresses(atoms, *block, except, *pods_too)
                }
                Matcher::Nodes(labels) => self.nodes(atoms, labels),
            };
            for place in matched.iter() {
                if let Some(atom) = atoms.get_mut(place) {
                    atom.matchers.push(id as u32);
                }
            }
        }
    }

    /// Adds the pods not declared that are sure to match.
    fn add_unknown(
        &self,
        matched: &mut Bits,
        atoms: &[Atom<'_>],
        namespaces: &Namespaces<'_>,
        labels: &[Requirement],
    ) {
        let first = atoms.len() - self.unknown.len();
        for (place, unknown) in self.unknown.iter().enumerate() {
            let is_matched = match self.unknown_match {
                UnknownMatch::Implied => {
                    self.is_implied(&unknown.namespace, namespaces)
                        && implies(&unknown.labels, labels)
                }
                UnknownMatch::Named => {
                    let is_everything =
                        *namespaces == Namespaces::Labelled(&[]) && labels.is_empty();
                    let is_same = *unknown == UnknownPods::named(namespaces, labels);
                    is_everything || is_same
                }
            };
            if is_matched {
                matched.insert(first + place);
            }
        }
    }

    /// Whether a matcher is sure to mean an assumed namespace.
    fn is_implied(&self, known: &UnknownNamespace, wanted: &Namespaces<'_>) -> bool {
        match (known, wanted) {
            (UnknownNamespace::Named(name), _) => self.is_named_in(name, wanted),
            (UnknownNamespace::Labelled(known), Namespaces::Labelled(wanted)) => {
                implies(known, wanted)
            }
            (UnknownNamespace::Labelled(known), Namespaces::Named(name)) => {
                implies(known, &[own_name(name)])
            }
        }
    }

    /// Whether a matcher is sure to mean the namespace of a name, declared or not.
    fn is_named_in(&self, name: &str, namespaces: &Namespaces<'_>) -> bool {
        match (self.namespaces.id(name), namespaces) {
            (Some(id), _) => self.namespaces.is_in(id, namespaces),
            (None, Namespaces::Named(wanted)) => name == *wanted,
            (None, Namespaces::Labelled(wanted)) => implies(&[own_name(name)], wanted),
        }
    }

    /// Pods in the network of nodes with such labels.
    fn nodes(&self, atoms: &[Atom<'_>], wanted: &[Requirement]) -> Bits {
        let mut matched = Bits::none(atoms.len());
        for (place, atom) in atoms.iter().enumerate() {
            let Sort::Pods { sample, .. } = &atom.sort else {
                continue;
            };
            let is_on_such = || {
                let mut nodes = self.cluster.nodes.iter();
                let node = nodes.find(|node| Some(&node.name) == sample.node.as_ref());
                node.map_or(wanted.is_empty(), |node| meets(&node.labels, wanted))
            };
            if sample.host_network && is_on_such() {
                matched.insert(place);
            }
        }
        matched
    }
}

/// The requirement that a namespace has this name.
fn own_name(name: &str) -> Requirement {
    Requirement {
        key: NAME_LABEL.to_owned(),
        test: LabelTest::Is(name.to_owned()),
    }
}

/// All pieces of addresses.
fn outside(atoms: &[Atom<'_>]) -> Bits {
    let mut matched = Bits::none(atoms.len());
    let pieces = atoms.iter().enumerate();
    for (place, _) in pieces.filter(|(_, atom)| matches!(atom.sort, Sort::Addresses { .. })) {
        matched.insert(place);
    }
    matched
}

/// Pieces of addresses that lie in a block, and pods whose address does.
///
/// A pod whose address is not known lies in the block of all IPv4 addresses.
fn addresses(atoms: &[Atom<'_>], block: Cidr, except: &[Cidr], pods_too: bool) -> Bits {
    let is_block_v6 = block.address.is_ipv6();
    let same_family = except
        .iter()
        .filter(|cidr| cidr.address.is_ipv6() == is_block_v6);
    let except = Ranges::of(same_family.map(|cidr| range_of(*cidr)));
    let (first, last) = range_of(block);
    let inside = Ranges::span(first, last).minus(&except);
    let everything = if is_block_v6 {
        u128::MAX
    } else {
        u128::from(u32::MAX)
    };
    let holds_all_v4 = !is_block_v6 && inside == Ranges::span(0, everything);
    let mut matched = Bits::none(atoms.len());
    for (place, atom) in atoms.iter().enumerate() {
        let is_in = match &atom.sort {
            Sort::Addresses { is_v6, first, .. } => {
                *is_v6 == is_block_v6 && inside.contains(*first)
            }
            Sort::Pods { sample, .. } if pods_too => {
                let mut own = sample
                    .addresses
                    .iter()
                    .filter(|address| address.is_ipv6() == is_block_v6);
                own.any(|address| inside.contains(number(*address).0))
                    || (holds_all_v4 && sample.addresses.is_empty())
            }
            Sort::Unknown(_) => pods_too && holds_all_v4,
            Sort::Pods { .. } => false,
        };
        if is_in {
            matched.insert(place);
        }
    }
    matched
}
