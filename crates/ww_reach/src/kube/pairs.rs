//! The connections of all pairs of endpoints, one source after another.

use super::connections::{ConnId, Connections, Interner, NONE};
use super::endpoints::{Endpoint, EndpointId};
use super::{Reach, rows::RowId};

/// The most different sets for which a table of all pairs of them is worth its memory.
const MOST_IN_TABLE: usize = 2048;

/// A set of connections that occurs between a pair: a number in [`Pairs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(u32);

/// Works out all pairs of endpoints; equal sets of connections have equal numbers.
pub struct Pairs<'r, 'c> {
    reach: &'r Reach<'c>,
    /// What every ingress row says of each endpoint, by endpoint and then by row.
    inward: Vec<ConnId>,
    outward: Vec<ConnId>,
    outward_row: Option<RowId>,
    cells: Vec<SetId>,
    both: Both,
}

impl<'c> Reach<'c> {
    /// Makes ready to work out all pairs of endpoints.
    pub fn every_pair(&self) -> Pairs<'_, 'c> {
        let size = self.endpoints.list.len();
        Pairs {
            reach: self,
            inward: self.by_source(),
            outward: vec![NONE; size],
            outward_row: None,
            cells: vec![SetId(0); size],
            both: Both::new(self.interner.clone()),
        }
    }

    /// What each ingress row says of each endpoint, by endpoint and then by row.
    fn by_source(&self) -> Vec<ConnId> {
        let row_count = self.rows.list.len();
        let mut table = vec![NONE; self.endpoints.list.len() * row_count];
        let mut ingress_rows: Vec<RowId> = self.rows.ingress.clone();
        ingress_rows.sort_unstable();
        ingress_rows.dedup();
        for row in ingress_rows {
            for (bits, allowed) in self.rows.list.get(row.0 as usize).into_iter().flatten() {
                for endpoint in bits.iter() {
                    if let Some(cell) = table.get_mut(endpoint * row_count + row.0 as usize) {
                        *cell = *allowed;
                    }
                }
            }
        }
        table
    }
}

impl Pairs<'_, '_> {
    /// What is possible from an endpoint to each endpoint, in their order.
    pub fn from(&mut self, source: EndpointId) -> &[SetId] {
        let rows = &self.reach.rows;
        let egress = rows.egress.get(source.0 as usize).copied();
        if self.outward_row != egress {
            self.expand(egress);
        }
        let row_count = self.reach.rows.list.len();
        let start = source.0 as usize * row_count;
        let inward = self
            .inward
            .get(start..start + row_count)
            .unwrap_or_default();
        let sides = self.outward.iter().zip(&self.reach.rows.ingress);
        for (cell, (out, ingress)) in self.cells.iter_mut().zip(sides) {
            let into = inward.get(ingress.0 as usize).copied().unwrap_or(NONE);
            *cell = SetId(self.both.and(*out, into).0);
        }
        &self.cells
    }

    fn expand(&mut self, row: Option<RowId>) {
        self.outward_row = row;
        let pieces = row.and_then(|row| self.reach.rows.list.get(row.0 as usize));
        for (bits, allowed) in pieces.into_iter().flatten() {
            for endpoint in bits.iter() {
                if let Some(cell) = self.outward.get_mut(endpoint) {
                    *cell = *allowed;
                }
            }
        }
    }

    /// The connections of a number.
    pub fn set(&self, id: SetId) -> &Connections {
        self.both.interner.get(ConnId(id.0))
    }

    /// How many pairs of different workloads have each set of connections, most first.
    pub fn histogram(&mut self) -> Vec<(Connections, u64)> {
        let weight = |endpoint: &Endpoint| match endpoint {
            Endpoint::Pods(members) => members.len() as u64,
            _ => 0,
        };
        let weights: Vec<u64> = self
            .reach
            .endpoints()
            .map(|(_, endpoint)| weight(endpoint))
            .collect();
        let mut counts: Vec<u64> = Vec::new();
        for (from, sources) in weights
            .iter()
            .enumerate()
            .filter(|(_, sources)| **sources > 0)
        {
            for (to, (set, destinations)) in self
                .from(EndpointId(from as u32))
                .iter()
                .zip(&weights)
                .enumerate()
            {
                let others = if from == to {
                    destinations.saturating_sub(1)
                } else {
                    *destinations
                };
                let place = set.0 as usize;
                if place >= counts.len() {
                    counts.resize(place + 1, 0);
                }
                if let Some(count) = counts.get_mut(place) {
                    *count += sources * others;
                }
            }
        }
        let ids = (0..).map(SetId);
        let occurring = ids.zip(counts).filter(|(_, count)| *count > 0);
        let mut histogram: Vec<_> = occurring
            .map(|(id, count)| (self.set(id).clone(), count))
            .collect();
        histogram.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        histogram
    }
}

/// What two sets have in common, looked up in a table.
struct Both {
    interner: Interner,
    width: usize,
    table: Vec<ConnId>,
}

/// No entry yet.
const EMPTY: ConnId = ConnId(u32::MAX);

impl Both {
    fn new(interner: Interner) -> Both {
        let count = interner.len();
        let width = if count <= MOST_IN_TABLE { count } else { 0 };
        Both {
            interner,
            width,
            table: vec![EMPTY; width * width],
        }
    }

    fn and(&mut self, a: ConnId, b: ConnId) -> ConnId {
        let Some(slot) = self.table.get_mut(a.0 as usize * self.width + b.0 as usize) else {
            return self.interner.and(a, b);
        };
        if *slot == EMPTY {
            *slot = self.interner.and(a, b);
        }
        *slot
    }
}
