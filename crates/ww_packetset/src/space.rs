//! The space: its levels, its bounds, and the handles to what it holds.

use crate::list::Lists;
use crate::memo::Memo;
use crate::store::{Ref, Scratch, Store};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of a decision; below 2^31.
pub type Terminal = u32;

/// No decision: a rule that does not apply, a point that is not in a set.
pub const NONE: Terminal = 0;

/// A level of a [`Space`], in order of declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LevelId(pub(crate) u32);

impl LevelId {
    /// The level's place in a point.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A declared level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// What it is called.
    pub name: String,
    /// What its numbers are.
    pub kind: LevelKind,
    /// The greatest number.
    pub max: u128,
}

/// What the numbers of a level are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LevelKind {
    /// Numbers with an order: addresses, ports, lengths.
    Interval,
    /// Names without an order: interfaces, states.
    Atom,
    /// One bit of a flag field, or the truth of one statement.
    Bit,
}

/// How large a [`Space`] may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Levels.
    pub levels: u32,
    /// Nodes of all diagrams together.
    pub nodes: u32,
    /// Edges of all nodes together; an edge takes 8 bytes, or 20 on levels whose numbers need more
    /// than 32 bits.
    pub edges: u32,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            levels: 1024,
            nodes: 4 << 20,
            edges: 16 << 20,
        }
    }
}

/// Which of a space's [`Bounds`] was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLarge {
    /// [`Bounds::levels`].
    Levels,
    /// [`Bounds::nodes`].
    Nodes,
    /// [`Bounds::edges`].
    Edges,
    /// A terminal has 31 bits.
    Terminals,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TooLarge::Levels => "more header fields and unknowns than the bound on levels",
            TooLarge::Nodes => "more nodes than the bound on decision diagrams",
            TooLarge::Edges => "more edges than the bound on decision diagrams",
            TooLarge::Terminals => "more decisions than 31 bits can number",
        })
    }
}

impl std::error::Error for TooLarge {}

/// A function from points to terminals: a handle, good only in the space that gave it.
///
/// Two maps of one space are equal exactly when their functions are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Map {
    pub(crate) node: Ref,
    pub(crate) space: u32,
}

/// A set of points: a handle, good only in the space that gave it.
///
/// Two sets of one space are equal exactly when their members are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set(pub(crate) Map);

impl Set {
    /// Whether it has no member.
    pub fn is_empty(self) -> bool {
        self.0.node == Ref::NONE
    }

    /// Whether every point is a member.
    pub fn is_all(self) -> bool {
        self.0.node == Ref::YES
    }

    /// The map that is 1 for members and [`NONE`] elsewhere.
    pub fn as_map(self) -> Map {
        self.0
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({:?} of space {})", self.node, self.space)
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Set({:?} of space {})", self.0.node, self.0.space)
    }
}

/// Where sets and maps live: declared levels, shared nodes, remembered results.
#[derive(Debug)]
pub struct Space {
    pub(crate) levels: Vec<Level>,
    pub(crate) bounds: Bounds,
    pub(crate) store: Store,
    pub(crate) memo: Memo,
    pub(crate) lists: Lists,
    pub(crate) scratch: Scratch,
    id: u32,
}

impl Space {
    /// An empty space without levels.
    pub fn new(bounds: Bounds) -> Space {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Space {
            levels: Vec::new(),
            bounds,
            store: Store::new(bounds),
            memo: Memo::new(),
            lists: Lists::default(),
            scratch: Scratch::default(),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Declares a level of numbers from 0 to `max`, below all earlier ones.
    ///
    /// # Errors
    /// [`TooLarge::Levels`].
    pub fn interval(&mut self, name: &str, max: u128) -> Result<LevelId, TooLarge> {
        self.declare(name, LevelKind::Interval, max)
    }

    /// Declares a level of `count` names (at least one), below all earlier ones.
    ///
    /// # Errors
    /// [`TooLarge::Levels`].
    pub fn atoms(&mut self, name: &str, count: u32) -> Result<LevelId, TooLarge> {
        self.declare(
            name,
            LevelKind::Atom,
            u128::from(count.max(1).saturating_sub(1)),
        )
    }

    /// Declares a level of one bit, below all earlier ones.
    ///
    /// # Errors
    /// [`TooLarge::Levels`].
    pub fn bit(&mut self, name: &str) -> Result<LevelId, TooLarge> {
        self.declare(name, LevelKind::Bit, 1)
    }

    fn declare(&mut self, name: &str, kind: LevelKind, max: u128) -> Result<LevelId, TooLarge> {
        let number = self.levels.len() as u32;
        if number >= self.bounds.levels {
            return Err(TooLarge::Levels);
        }
        self.levels.push(Level {
            name: name.to_owned(),
            kind,
            max,
        });
        Ok(LevelId(number))
    }

    /// The levels, in order of declaration.
    pub fn levels(&self) -> impl ExactSizeIterator<Item = (LevelId, &Level)> {
        self.levels
            .iter()
            .enumerate()
            .map(|(index, level)| (LevelId(index as u32), level))
    }

    /// The greatest number of a level.
    pub fn max(&self, level: LevelId) -> u128 {
        self.levels
            .get(level.index())
            .map_or(0, |declared| declared.max)
    }

    /// The set without members.
    pub fn none(&self) -> Set {
        self.set(Ref::NONE)
    }

    /// The set of all points.
    pub fn all(&self) -> Set {
        self.set(Ref::YES)
    }

    /// The map that decides the same everywhere.
    ///
    /// # Errors
    /// [`TooLarge::Terminals`].
    pub fn constant(&self, terminal: Terminal) -> Result<Map, TooLarge> {
        Ref::terminal(terminal)
            .map(|node| self.map(node))
            .ok_or(TooLarge::Terminals)
    }

    pub(crate) fn map(&self, node: Ref) -> Map {
        Map {
            node,
            space: self.id,
        }
    }

    pub(crate) fn set(&self, node: Ref) -> Set {
        Set(self.map(node))
    }

    /// The node behind a handle; a handle of another space is a mistake of the caller.
    pub(crate) fn own(&self, map: Map) -> Ref {
        debug_assert_eq!(map.space, self.id, "a handle of another space");
        map.node
    }
}
