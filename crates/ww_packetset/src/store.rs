//! The arena of nodes: each distinct node once.

use crate::space::{Bounds, NONE, Terminal, TooLarge};
use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::fmt;
use std::hash::Hasher;
use std::ops::Range;

/// A node, or a terminal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ref(u32);

impl Ref {
    const TERMINAL: u32 = 1 << 31;

    /// The undecided terminal: the empty set.
    pub(crate) const NONE: Ref = Ref(Ref::TERMINAL | NONE);

    /// Terminal 1: the set of all points.
    pub(crate) const YES: Ref = Ref(Ref::TERMINAL | 1);

    /// A terminal, if its number is small enough.
    pub(crate) fn terminal(number: Terminal) -> Option<Ref> {
        (number < Ref::TERMINAL).then_some(Ref(number | Ref::TERMINAL))
    }

    /// The terminal's number; none for a node.
    pub(crate) fn as_terminal(self) -> Option<Terminal> {
        (self.0 >= Ref::TERMINAL).then_some(self.0 & !Ref::TERMINAL)
    }

    pub(crate) fn bits(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_terminal() {
            Some(number) => write!(f, "terminal {number}"),
            None => write!(f, "node {}", self.0),
        }
    }
}

/// A node: its level, and where its edges are.
#[derive(Clone, Copy, Debug)]
struct Row {
    level: u32,
    first: u32,
    end: u32,
    /// Of the level and the edges, so that a growing table need not look at them again.
    hash: u64,
}

/// All nodes. An edge is the last number it covers and where it leads; the edges of a node cover
/// its level from 0 on without gaps, and neighbours lead to different places.
#[derive(Debug)]
pub(crate) struct Store {
    rows: Vec<Row>,
    lasts: Vec<u128>,
    children: Vec<Ref>,
    unique: HashTable<u32>,
    bounds: Bounds,
}

#[expect(
    clippy::indexing_slicing,
    reason = "every row and edge number was handed out by the arena itself, which never shrinks"
)]
impl Store {
    pub(crate) fn new(bounds: Bounds) -> Store {
        Store {
            rows: Vec::new(),
            lasts: Vec::new(),
            children: Vec::new(),
            unique: HashTable::new(),
            bounds: Bounds {
                nodes: bounds.nodes.min(Ref::TERMINAL),
                ..bounds
            },
        }
    }

    /// Nodes made so far.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The level of a node; below every level for a terminal.
    #[inline]
    pub(crate) fn level(&self, node: Ref) -> u32 {
        if node.0 >= Ref::TERMINAL {
            u32::MAX
        } else {
            self.rows[node.0 as usize].level
        }
    }

    /// The numbers of a node's edges; none for a terminal.
    #[inline]
    pub(crate) fn edges(&self, node: Ref) -> Range<u32> {
        if node.0 >= Ref::TERMINAL {
            0..0
        } else {
            let row = self.rows[node.0 as usize];
            row.first..row.end
        }
    }

    /// The last number an edge covers, and where it leads.
    #[inline]
    pub(crate) fn edge(&self, number: u32) -> (u128, Ref) {
        (self.lasts[number as usize], self.children[number as usize])
    }

    /// The edge of a node that covers a value.
    pub(crate) fn edge_at(&self, node: Ref, value: u128) -> u32 {
        let edges = self.edges(node);
        let lasts = &self.lasts[edges.start as usize..edges.end as usize];
        let after = lasts.partition_point(|last| *last < value);
        edges.start + (after as u32).min((edges.len() as u32).saturating_sub(1))
    }

    /// Where a node leads for a value of its level.
    pub(crate) fn child_at(&self, node: Ref, value: u128) -> Ref {
        self.children[self.edge_at(node, value) as usize]
    }

    /// The node with these edges, made if it is new. The edges must be at least two, and reduced.
    pub(crate) fn node(&mut self, level: u32, edges: &[(u128, Ref)]) -> Result<Ref, TooLarge> {
        let Store {
            rows,
            lasts,
            children,
            unique,
            bounds,
        } = self;
        let hash = hash_of(level, edges.iter().copied());
        let same = |number: &u32| {
            let row = rows[*number as usize];
            let (first, end) = (row.first as usize, row.end as usize);
            row.hash == hash
                && row.level == level
                && end - first == edges.len()
                && edges
                    .iter()
                    .zip(&lasts[first..end])
                    .zip(&children[first..end])
                    .all(|((edge, last), child)| edge.0 == *last && edge.1 == *child)
        };
        if let Some(number) = unique.find(hash, same) {
            return Ok(Ref(*number));
        }
        if rows.len() >= bounds.nodes as usize {
            return Err(TooLarge::Nodes);
        }
        if lasts.len() + edges.len() > bounds.edges as usize {
            return Err(TooLarge::Edges);
        }
        let number = rows.len() as u32;
        let first = lasts.len() as u32;
        lasts.extend(edges.iter().map(|edge| edge.0));
        children.extend(edges.iter().map(|edge| edge.1));
        let end = lasts.len() as u32;
        rows.push(Row {
            level,
            first,
            end,
            hash,
        });
        unique.insert_unique(hash, number, |other| rows[*other as usize].hash);
        Ok(Ref(number))
    }
}

/// Numbers of up to 32 bits, and where they lead, are one word of the hash.
fn hash_of(level: u32, edges: impl Iterator<Item = (u128, Ref)>) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u32(level);
    for (last, child) in edges {
        let (low, high) = (last as u64, (last >> 64) as u64);
        if high != 0 {
            hasher.write_u64(high);
        }
        hasher.write_u64(low ^ u64::from(child.0) << 32);
    }
    hasher.finish()
}
