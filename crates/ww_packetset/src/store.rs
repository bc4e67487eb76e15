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
    hash: u32,
}

/// The last number that an edge covers, as wide as its level needs it.
pub(crate) trait Number: Copy + Ord {
    fn edge(store: &Store, number: u32) -> (Self, Ref);
    /// Edges of nodes that are being made.
    fn scratch(scratch: &mut Scratch) -> &mut Vec<(Self, Ref)>;
    /// The node with these edges, made if it is new. The edges must be at least two, and reduced.
    fn node(store: &mut Store, level: u32, edges: &[(Self, Ref)]) -> Result<Ref, TooLarge>;

    /// The node with the edges that are being made since `start`, which then are gone.
    #[inline]
    fn stored(
        store: &mut Store,
        scratch: &mut Scratch,
        level: u32,
        start: usize,
    ) -> Result<Ref, TooLarge> {
        let edges = Self::scratch(scratch);
        let node = Self::node(store, level, edges.get(start..).unwrap_or_default())?;
        edges.truncate(start);
        Ok(node)
    }
}

/// Edges of nodes that are being made: those of levels whose numbers fit 32 bits, and others.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    narrow: Vec<(u32, Ref)>,
    wide: Vec<(u128, Ref)>,
}

impl Scratch {
    pub(crate) fn clear(&mut self) {
        self.narrow.clear();
        self.wide.clear();
    }

    /// Makes narrow edges of the wide ones since `start`.
    pub(crate) fn narrow_from(&mut self, start: usize) {
        let edges = self.wide.drain(start.min(self.wide.len())..);
        self.narrow
            .extend(edges.map(|(last, child)| (last as u32, child)));
    }
}

/// All nodes. An edge is the last number it covers and where it leads; the edges of a node cover
/// its level from 0 on without gaps, and neighbours lead to different places.
#[derive(Debug)]
pub(crate) struct Store {
    rows: Vec<Row>,
    /// Edges of levels whose numbers fit 32 bits.
    narrow: Vec<(u32, Ref)>,
    /// Edges of other levels: their last numbers, and where they lead.
    lasts: Vec<u128>,
    children: Vec<Ref>,
    unique: HashTable<u32>,
    bounds: Bounds,
}

/// Set in the numbers of edges that are not narrow.
const WIDE: u32 = 1 << 31;

#[expect(
    clippy::indexing_slicing,
    reason = "every row and edge number was handed out by the arena itself, which never shrinks"
)]
impl Store {
    pub(crate) fn new(bounds: Bounds) -> Store {
        Store {
            rows: Vec::new(),
            narrow: Vec::new(),
            lasts: Vec::new(),
            children: Vec::new(),
            unique: HashTable::new(),
            bounds: Bounds {
                nodes: bounds.nodes.min(Ref::TERMINAL),
                edges: bounds.edges.min(WIDE - 1),
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

    /// Whether numbers of a node's level may need more than 32 bits.
    #[inline]
    pub(crate) fn is_wide(&self, node: Ref) -> bool {
        self.edges(node).start & WIDE != 0
    }

    /// The last number an edge covers, and where it leads.
    #[inline]
    pub(crate) fn edge(&self, number: u32) -> (u128, Ref) {
        if number & WIDE == 0 {
            let (last, child) = self.narrow[number as usize];
            (u128::from(last), child)
        } else {
            u128::edge(self, number)
        }
    }

    /// The edge of a node that covers a value.
    pub(crate) fn edge_at(&self, node: Ref, value: u128) -> u32 {
        let edges = self.edges(node);
        let (first, end) = ((edges.start & !WIDE) as usize, (edges.end & !WIDE) as usize);
        let after = if self.is_wide(node) {
            self.lasts[first..end].partition_point(|last| *last < value)
        } else {
            self.narrow[first..end].partition_point(|(last, _)| u128::from(*last) < value)
        };
        edges.start + (after as u32).min((edges.len() as u32).saturating_sub(1))
    }

    /// Where a node leads for a value of its level.
    pub(crate) fn child_at(&self, node: Ref, value: u128) -> Ref {
        self.edge(self.edge_at(node, value)).1
    }

    /// Whether there is room for one more node with so many edges.
    fn room(&self, edges: usize) -> Result<(), TooLarge> {
        if self.rows.len() >= self.bounds.nodes as usize {
            return Err(TooLarge::Nodes);
        }
        if self.narrow.len() + self.lasts.len() + edges > self.bounds.edges as usize {
            return Err(TooLarge::Edges);
        }
        Ok(())
    }

    fn add(&mut self, level: u32, hash: u32, edges: Range<u32>) -> Ref {
        let number = self.rows.len() as u32;
        self.rows.push(Row {
            level,
            first: edges.start,
            end: edges.end,
            hash,
        });
        let rows = &self.rows;
        self.unique.insert_unique(spread(hash), number, |other| {
            spread(rows[*other as usize].hash)
        });
        Ref(number)
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "every row and edge number was handed out by the arena itself, which never shrinks"
)]
impl Number for u32 {
    #[inline]
    fn edge(store: &Store, number: u32) -> (u32, Ref) {
        store.narrow[number as usize]
    }

    #[inline]
    fn scratch(scratch: &mut Scratch) -> &mut Vec<(u32, Ref)> {
        &mut scratch.narrow
    }

    fn node(store: &mut Store, level: u32, edges: &[(u32, Ref)]) -> Result<Ref, TooLarge> {
        let words = edges.iter();
        let words = words.map(|(last, child)| u64::from(*last) | u64::from(child.0) << 32);
        let hash = hash_of(level, words);
        let same = |number: &u32| {
            let row = store.rows[*number as usize];
            row.hash == hash
                && row.level == level
                && (row.end - row.first) as usize == edges.len()
                && store.narrow[row.first as usize..row.end as usize] == *edges
        };
        if let Some(number) = store.unique.find(spread(hash), same) {
            return Ok(Ref(*number));
        }
        store.room(edges.len())?;
        let first = store.narrow.len() as u32;
        store.narrow.extend_from_slice(edges);
        Ok(store.add(level, hash, first..store.narrow.len() as u32))
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "every row and edge number was handed out by the arena itself, which never shrinks"
)]
impl Number for u128 {
    #[inline]
    fn edge(store: &Store, number: u32) -> (u128, Ref) {
        let place = (number & !WIDE) as usize;
        (store.lasts[place], store.children[place])
    }

    #[inline]
    fn scratch(scratch: &mut Scratch) -> &mut Vec<(u128, Ref)> {
        &mut scratch.wide
    }

    fn node(store: &mut Store, level: u32, edges: &[(u128, Ref)]) -> Result<Ref, TooLarge> {
        let words = edges.iter().flat_map(|(last, child)| {
            [
                *last as u64,
                (*last >> 64) as u64 ^ u64::from(child.0) << 32,
            ]
        });
        let hash = hash_of(level, words);
        let same = |number: &u32| {
            let row = store.rows[*number as usize];
            row.hash == hash
                && row.level == level
                && (row.end - row.first) as usize == edges.len()
                && (row.first..row.end)
                    .zip(edges)
                    .all(|(number, edge)| u128::edge(store, number) == *edge)
        };
        if let Some(number) = store.unique.find(spread(hash), same) {
            return Ok(Ref(*number));
        }
        store.room(edges.len())?;
        let first = store.lasts.len() as u32;
        store.lasts.extend(edges.iter().map(|edge| edge.0));
        store.children.extend(edges.iter().map(|edge| edge.1));
        let end = store.lasts.len() as u32;
        Ok(store.add(level, hash, first | WIDE..end | WIDE))
    }
}

fn hash_of(level: u32, words: impl Iterator<Item = u64>) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write_u32(level);
    for word in words {
        hasher.write_u64(word);
    }
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
}

/// A hash as wide as the table of nodes wants it.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
