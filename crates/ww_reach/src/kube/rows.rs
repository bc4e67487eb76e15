//! What policies leave of all connections, for one endpoint and one direction.

use std::collections::HashMap;

use ww_base::Order;
use ww_model::kube::Action;

use super::bits::Bits;
use super::connections::{ALL, ConnId, Connections, Interner, NONE};
use super::endpoints::{EndpointId, Endpoints};
use super::rules::{Direction, NameId, Policies, Policy, Rule, Stage};

/// A row: index into [`Rows::list`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RowId(pub(super) u32);

/// For one endpoint and direction: what is allowed with which other endpoints. The sets of
/// endpoints are disjoint and hold all of them.
pub(super) type Row = Vec<(Bits, ConnId)>;

/// The rows of all endpoints; endpoints that the same policies select share theirs.
pub(super) struct Rows {
    pub(super) list: Vec<Row>,
    /// By endpoint.
    pub(super) ingress: Vec<RowId>,
    /// By endpoint.
    pub(super) egress: Vec<RowId>,
    /// By endpoint: the policies that select it, in the order in which they are asked.
    pub(super) policies_of: Vec<Vec<u32>>,
}

/// What is known of connections with some endpoints while policies are asked one by one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    undecided: ConnId,
    allowed: ConnId,
    passed: ConnId,
}

impl Rows {
    pub(super) fn of(
        policies: &Policies<'_>,
        list: &[Policy],
        endpoints: &Endpoints,
        interner: &mut Interner,
    ) -> Rows {
        let matcher_count = policies.matchers.list.len();
        let policies_of = policies_of(list, matcher_count, endpoints);
        let names = NamedPorts::of(policies, endpoints, interner);
        let mut maker = Maker {
            policies: list,
            name_count: policies.names.len(),
            endpoints,
            names,
            interner,
        };
        let mut rows = Vec::new();
        let mut known: HashMap<(Direction, Vec<u32>, Vec<ConnId>), RowId> = HashMap::new();
        let mut rows_of = |direction| -> Vec<RowId> {
            let mut ids = Vec::with_capacity(policies_of.len());
            for (endpoint, selecting) in policies_of.iter().enumerate() {
                let asked = maker.asked(selecting, direction);
                let own_names = maker.own_names(endpoint, &asked, direction);
                let key = (direction, asked, own_names);
                let row = known.get(&key).copied().unwrap_or_else(|| {
                    rows.push(maker.row(endpoint, &key.1, direction));
                    let row = RowId(rows.len() as u32 - 1);
                    known.insert(key, row);
                    row
                });
                ids.push(row);
            }
            ids
        };
        let (ingress, egress) = (rows_of(Direction::Ingress), rows_of(Direction::Egress));
        Rows {
            list: rows,
            ingress,
            egress,
            policies_of,
        }
    }

    /// The row of an endpoint.
    pub(super) fn row(&self, endpoint: EndpointId, direction: Direction) -> Option<RowId> {
        let rows = match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        };
        rows.get(endpoint.0 as usize).copied()
    }

    /// What is allowed between an endpoint and another, as far as the first one's policies go.
    pub(super) fn allowed(&self, row: RowId, other: usize) -> ConnId {
        let row = self.list.get(row.0 as usize);
        let piece = row.and_then(|row| row.iter().find(|(bits, _)| bits.contains(other)));
        piece.map_or(NONE, |(_, allowed)| *allowed)
    }
}

/// For every endpoint the policies that select it.
fn policies_of(list: &[Policy], matcher_count: usize, endpoints: &Endpoints) -> Vec<Vec<u32>> {
    let mut by_subject: Vec<Vec<u32>> = vec![Vec::new(); matcher_count];
    for (index, policy) in list.iter().enumerate() {
        if let Some(list) = by_subject.get_mut(policy.subject.0 as usize) {
            list.push(index as u32);
        }
    }
    let selecting = |matchers: &Vec<u32>| {
        let lists = matchers
            .iter()
            .filter_map(|matcher| by_subject.get(*matcher as usize));
        let mut selecting: Vec<u32> = lists.flatten().copied().collect();
        selecting.put_in_order();
        selecting
    };
    endpoints.matchers_of.iter().map(selecting).collect()
}

/// Named ports of rules, looked up at every endpoint.
struct NamedPorts {
    /// By name, then by endpoint.
    at: Vec<Vec<ConnId>>,
    /// By name: the endpoints that have it, by what it is there.
    groups: Vec<Vec<(ConnId, Bits)>>,
}

impl NamedPorts {
    fn of(policies: &Policies<'_>, endpoints: &Endpoints, interner: &mut Interner) -> NamedPorts {
        let mut ports = NamedPorts {
            at: Vec::new(),
            groups: Vec::new(),
        };
        let size = endpoints.list.len();
        for (wanted, wanted_protocol) in &policies.names {
            let mut groups: Vec<(ConnId, Bits)> = Vec::new();
            let mut at = vec![NONE; size];
            for (endpoint, slot) in at.iter_mut().enumerate() {
                let declared = endpoints.named_ports.get(endpoint).into_iter().flatten();
                let meant = declared.filter(|(name, protocol, _)| {
                    name == wanted && wanted_protocol.is_none_or(|wanted| wanted == *protocol)
                });
                let set = meant.fold(Connections::none(), |all, (_, protocol, number)| {
                    all.or(&Connections::one(*protocol, *number))
                });
                *slot = interner.id(set);
                if *slot == NONE {
                    continue;
                }
                let known = groups.iter().position(|(id, _)| id == slot);
                let place = known.unwrap_or_else(|| {
                    groups.push((*slot, Bits::none(size)));
                    groups.len() - 1
                });
                if let Some((_, bits)) = groups.get_mut(place) {
                    bits.insert(endpoint);
                }
            }
            ports.at.push(at);
            ports.groups.push(groups);
        }
        ports
    }

    fn at(&self, name: NameId, endpoint: usize) -> ConnId {
        let at = self.at.get(name.0 as usize).and_then(|at| at.get(endpoint));
        at.copied().unwrap_or(NONE)
    }
}

/// What making rows needs.
struct Maker<'a> {
    policies: &'a [Policy],
    name_count: usize,
    endpoints: &'a Endpoints,
    names: NamedPorts,
    interner: &'a mut Interner,
}

impl<'a> Maker<'a> {
    /// Those of the selecting policies that say something about a direction.
    fn asked(&self, selecting: &[u32], direction: Direction) -> Vec<u32> {
        let speaks = |index: &&u32| {
            let policy = self.policies.get(**index as usize);
            policy.is_some_and(|policy| policy.rules(direction).is_some())
        };
        selecting.iter().filter(speaks).copied().collect()
    }

    fn rules(&self, asked: &[u32], stage: Stage, direction: Direction) -> Option<Vec<&'a Rule>> {
        let policies = self.policies;
        let mut found = None;
        for index in asked {
            let policy = policies.get(*index as usize);
            let policy = policy.filter(|policy| policy.stage == stage);
            if let Some(rules) = policy.and_then(|policy| policy.rules(direction)) {
                found.get_or_insert_with(Vec::new).extend(rules);
            }
        }
        found
    }

    /// What the endpoint's own named ports are, when an ingress rule refers to one.
    fn own_names(&self, endpoint: usize, asked: &[u32], direction: Direction) -> Vec<ConnId> {
        let policies = asked
            .iter()
            .filter_map(|index| self.policies.get(*index as usize));
        let rules = policies
            .filter_map(|policy| policy.rules(direction))
            .flatten();
        let uses_names =
            direction == Direction::Ingress && { rules }.any(|rule| !rule.names.is_empty());
        if !uses_names {
            return Vec::new();
        }
        let names = 0..self.name_count as u32;
        names
            .map(|name| self.names.at(NameId(name), endpoint))
            .collect()
    }

    fn row(&mut self, endpoint: usize, asked: &[u32], direction: Direction) -> Row {
        let nothing = State {
            undecided: ALL,
            allowed: NONE,
            passed: NONE,
        };
        let mut pieces = vec![(Bits::all(self.endpoints.list.len()), nothing)];
        for (index, stage) in [Stage::Admin, Stage::Network, Stage::Baseline]
            .into_iter()
            .enumerate()
        {
            let Some(rules) = self.rules(asked, stage, direction) else {
                continue;
            };
            if index > 0 {
                self.next_stage(&mut pieces);
            }
            let mut hits = Vec::new();
            for rule in rules {
                self.hits(endpoint, rule, direction, &mut hits);
            }
            if stage == Stage::Network {
                unite(&mut hits, self.interner);
            }
            for (bits, ports, action) in &hits {
                self.apply(&mut pieces, bits, *ports, *action);
            }
            if stage == Stage::Network {
                for (_, state) in &mut pieces {
                    (state.undecided, state.passed) = (NONE, NONE);
                }
                break;
            }
        }
        self.finish(pieces)
    }

    /// What a rule matches: endpoints, connections, and what it does with them.
    fn hits(
        &self,
        endpoint: usize,
        rule: &Rule,
        direction: Direction,
        hits: &mut Vec<(Bits, ConnId, Action)>,
    ) {
        let mut peers = Bits::none(self.endpoints.list.len());
        for matcher in &rule.peers {
            if let Some(bits) = self.endpoints.matched.get(matcher.0 as usize) {
                peers.or_with(bits);
            }
        }
        for name in &rule.names {
            if direction == Direction::Ingress {
                hits.push((peers.clone(), self.names.at(*name, endpoint), rule.action));
                continue;
            }
            for (ports, bits) in self.names.groups.get(name.0 as usize).into_iter().flatten() {
                hits.push((peers.and(bits), *ports, rule.action));
            }
        }
        hits.push((peers, rule.numbers, rule.action));
    }

    /// What was passed is undecided again.
    fn next_stage(&mut self, pieces: &mut [(Bits, State)]) {
        for (_, state) in pieces {
            state.undecided = self.interner.or(state.undecided, state.passed);
            state.passed = NONE;
        }
    }

    /// Lets a rule decide what is still undecided.
    fn apply(
        &mut self,
        pieces: &mut Vec<(Bits, State)>,
        bits: &Bits,
        ports: ConnId,
        action: Action,
    ) {
        let mut places: HashMap<State, usize> = HashMap::with_capacity(pieces.len() + 1);
        let mut next: Vec<(Bits, State)> = Vec::with_capacity(pieces.len() + 1);
        let mut put = |bits: Bits, state: State| {
            let place = *places.entry(state).or_insert(next.len());
            match next.get_mut(place) {
                Some((united, _)) => united.or_with(&bits),
                None => next.push((bits, state)),
            }
        };
        for (piece, state) in pieces.drain(..) {
            let hit = self.interner.and(state.undecided, ports);
            let both = piece.and(bits);
            if hit == NONE || both.is_empty() {
                put(piece, state);
                continue;
            }
            let mut after = State {
                undecided: self.interner.minus(state.undecided, hit),
                ..state
            };
            match action {
                Action::Accept => after.allowed = self.interner.or(state.allowed, hit),
                Action::Pass => after.passed = self.interner.or(state.passed, hit),
                Action::Deny => {}
            }
            let mut rest = piece;
            rest.minus_with(&both);
            put(both, after);
            if !rest.is_empty() {
                put(rest, state);
            }
        }
        *pieces = next;
    }

    /// What nothing decided is allowed.
    fn finish(&mut self, pieces: Vec<(Bits, State)>) -> Row {
        let mut row: Row = Vec::with_capacity(pieces.len());
        for (bits, state) in pieces {
            let undecided = self.interner.or(state.undecided, state.passed);
            let allowed = self.interner.or(state.allowed, undecided);
            match row.iter_mut().find(|(_, known)| *known == allowed) {
                Some((united, _)) => united.or_with(&bits),
                None => row.push((bits, allowed)),
            }
        }
        row
    }
}

/// Rules that only ever allow can come in any order: those of equal ports become one, and those
/// with more connections come first.
fn unite(hits: &mut Vec<(Bits, ConnId, Action)>, interner: &Interner) {
    let mut united: HashMap<ConnId, usize> = HashMap::new();
    let mut kept: Vec<(Bits, ConnId, Action)> = Vec::new();
    for (bits, ports, action) in hits.drain(..) {
        if ports == NONE {
            continue;
        }
        let place = *united.entry(ports).or_insert(kept.len());
        match kept.get_mut(place) {
            Some((known, _, _)) => known.or_with(&bits),
            None => kept.push((bits, ports, action)),
        }
    }
    kept.put_in_order_by_key(|(_, ports, _)| (!interner.get(*ports).is_all_ports(), *ports));
    *hits = kept;
}
