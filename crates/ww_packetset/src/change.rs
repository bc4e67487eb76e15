//! Functions of a changed packet, and sets after a change.

use crate::apply::Operation;
use crate::space::{LevelId, Map, Set, Space, Terminal, TooLarge};
use crate::store::Ref;
use rustc_hash::{FxHashMap, FxHashSet};
use std::rc::Rc;

/// What becomes of a stretch of a level's numbers in [`Space::substitute`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first number.
    pub first: u128,
    /// The last number, included.
    pub last: u128,
    /// What they become.
    pub value: Value,
}

/// What becomes of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// All become this number.
    Is(u128),
    /// One to one: the first becomes this number, and so on upward.
    From(u128),
}

/// Nodes that are done.
type Done = FxHashMap<Ref, Ref>;

impl Space {
    /// The map for packets whose number on this level is `value`, for all packets: what it decides
    /// after the number was set.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn restrict(&mut self, map: Map, level: LevelId, value: u128) -> Result<Map, TooLarge> {
        let piece = Piece {
            first: 0,
            last: u128::MAX,
            value: Value::Is(value.min(self.max(level))),
        };
        self.substitute(map, level, &[piece])
    }

    /// What the map decides after the numbers of a level were changed: `result(packet) =
    /// map(changed packet)`. Pieces are sorted and disjoint; numbers outside them stay.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn substitute(
        &mut self,
        map: Map,
        level: LevelId,
        pieces: &[Piece],
    ) -> Result<Map, TooLarge> {
        self.scratch.clear();
        let node = self.own(map);
        let node = self.rewrite(node, level.0, &mut Done::default(), &mut |space, node| {
            space.moved(node, level, pieces)
        })?;
        Ok(self.map(node))
    }

    /// What the map decides after the bit `to` was copied from the bit `from`.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn copy_bit(&mut self, map: Map, to: LevelId, from: LevelId) -> Result<Map, TooLarge> {
        let clear = self.restrict(map, to, 0)?;
        let set = self.restrict(map, to, 1)?;
        let is_set = self.within(from, [(1, 1)])?;
        self.choose(is_set, set, clear)
    }

    /// What the map decides after a level's number was drawn: it becomes `first` plus the number of
    /// the level `from`, which must be declared after it.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn draw(
        &mut self,
        map: Map,
        level: LevelId,
        first: u128,
        from: LevelId,
    ) -> Result<Map, TooLarge> {
        self.scratch.clear();
        let node = self.own(map);
        let node = self.rewrite(node, level.0, &mut Done::default(), &mut |space, node| {
            space.drawn(node, first, from)
        })?;
        Ok(self.map(node))
    }

    /// The points that become a member when some of these levels are chosen anew: projection.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn exists(&mut self, set: Set, levels: &[LevelId]) -> Result<Set, TooLarge> {
        self.scratch.clear();
        let node = self.own(set.0);
        let gone: FxHashSet<u32> = levels.iter().map(|level| level.0).collect();
        let Some(last) = gone.iter().max().copied() else {
            return Ok(set);
        };
        let node = self.project(node, &gone, last, &mut Done::default())?;
        Ok(self.set(node))
    }

    /// The points that are members whatever these levels are.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn forall(&mut self, set: Set, levels: &[LevelId]) -> Result<Set, TooLarge> {
        let outside = self.not(set)?;
        let some = self.exists(outside, levels)?;
        self.not(some)
    }

    /// The members after their number on this level was set to `value`.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn assign(&mut self, set: Set, level: LevelId, value: u128) -> Result<Set, TooLarge> {
        self.assign_within(set, level, value, value)
    }

    /// The members after their number on this level was set to any of `first` to `last`.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn assign_within(
        &mut self,
        set: Set,
        level: LevelId,
        first: u128,
        last: u128,
    ) -> Result<Set, TooLarge> {
        let free = self.exists(set, &[level])?;
        let values = self.within(level, [(first, last)])?;
        self.and(free, values)
    }

    /// The map with its decisions renamed. `rename` is asked once for each decision that occurs.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn relabel(
        &mut self,
        map: Map,
        mut rename: impl FnMut(Terminal) -> Terminal,
    ) -> Result<Map, TooLarge> {
        self.scratch.clear();
        let node = self.own(map);
        let node = self.rewrite(node, u32::MAX, &mut Done::default(), &mut |_, node| {
            let new = rename(node.as_terminal().unwrap_or_default());
            Ref::terminal(new).ok_or(TooLarge::Terminals)
        })?;
        Ok(self.map(node))
    }

    /// The points whose decision is wanted.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn select(
        &mut self,
        map: Map,
        mut wanted: impl FnMut(Terminal) -> bool,
    ) -> Result<Set, TooLarge> {
        self.relabel(map, |decision| Terminal::from(wanted(decision)))
            .map(Set)
    }

    /// The points of each decision that occurs, with [`NONE`](crate::NONE) left out, in order of
    /// the decisions' numbers.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn regions(&mut self, map: Map) -> Result<Vec<(Terminal, Set)>, TooLarge> {
        self.scratch.clear();
        let node = self.own(map);
        let parts = self.parts(node, &mut FxHashMap::default())?;
        Ok(parts
            .iter()
            .map(|(terminal, node)| (*terminal, self.set(*node)))
            .collect())
    }

    /// Rebuilds what is above `level`; `at` gives the new form of each node on it. Nodes below it
    /// stay, except that `u32::MAX`, the level of terminals, reaches everything.
    fn rewrite(
        &mut self,
        node: Ref,
        level: u32,
        done: &mut Done,
        at: &mut dyn FnMut(&mut Space, Ref) -> Result<Ref, TooLarge>,
    ) -> Result<Ref, TooLarge> {
        let here = self.store.level(node);
        if here > level {
            return Ok(node);
        }
        if let Some(result) = done.get(&node) {
            return Ok(*result);
        }
        let result = if here == level {
            at(self, node)?
        } else {
            self.rebuilt(node, &mut |space, child| {
                space.rewrite(child, level, done, at)
            })?
        };
        done.insert(node, result);
        Ok(result)
    }

    /// A node of this level, seen by packets whose numbers change first.
    fn moved(&mut self, node: Ref, level: LevelId, pieces: &[Piece]) -> Result<Ref, TooLarge> {
        let max = self.max(level);
        let start = self.begun().len();
        let mut next = Some(0);
        for piece in pieces {
            let Some(from) = next.filter(|from| *from <= max) else {
                break;
            };
            let (first, last) = (piece.first.max(from), piece.last.min(max));
            if first > last {
                continue;
            }
            if first > from {
                self.push_shifted(start, node, from, first - 1, from);
            }
            match piece.value {
                Value::Is(value) => {
                    let child = self.store.child_at(node, value.min(max));
                    self.push(start, last, child);
                }
                Value::From(to) => {
                    let to = to.saturating_add(first - piece.first);
                    self.push_shifted(start, node, first, last, to);
                }
            }
            next = last.checked_add(1);
        }
        if let Some(from) = next.filter(|from| *from <= max) {
            self.push_shifted(start, node, from, max, from);
        }
        self.close(level.0, start)
    }

    /// Edges for `first..=last` that lead where the node leads for `to` and the numbers after it.
    fn push_shifted(&mut self, start: usize, node: Ref, first: u128, last: u128, to: u128) {
        let ends = self.store.edges(node).end;
        let mut edge = self.store.edge_at(node, to);
        loop {
            let (edge_last, child) = self.store.edge(edge);
            let reach = edge_last.saturating_sub(to).saturating_add(first);
            edge += 1;
            if reach >= last || edge >= ends {
                self.push(start, last, child);
                return;
            }
            self.push(start, reach, child);
        }
    }

    /// A node seen by packets whose number is `first` plus that of a lower level.
    fn drawn(&mut self, node: Ref, first: u128, from: LevelId) -> Result<Ref, TooLarge> {
        let last = first.saturating_add(self.max(from));
        let mut result = Ref::NONE;
        let mut low = 0;
        for edge in self.store.edges(node) {
            let (edge_last, child) = self.store.edge(edge);
            let (a, b) = (low.max(first), edge_last.min(last));
            low = edge_last.saturating_add(1);
            if a > b {
                continue;
            }
            let start = self.begun().len();
            if a > first {
                self.push(start, a - first - 1, Ref::NONE);
            }
            self.push(start, b - first, Ref::YES);
            if b < last {
                self.push(start, last - first, Ref::NONE);
            }
            let drawn = self.close(from.0, start)?;
            let part = self.apply(Operation::Keep, child, drawn)?;
            result = self.apply(Operation::First, result, part)?;
        }
        Ok(result)
    }

    /// Joins the children of the nodes on the levels that go; `last` is the lowest of them.
    fn project(
        &mut self,
        node: Ref,
        gone: &FxHashSet<u32>,
        last: u32,
        done: &mut Done,
    ) -> Result<Ref, TooLarge> {
        let level = self.store.level(node);
        if level > last {
            return Ok(node);
        }
        if let Some(result) = done.get(&node) {
            return Ok(*result);
        }
        let result = if gone.contains(&level) {
            let mut children = Vec::new();
            for edge in self.store.edges(node) {
                let (_, child) = self.store.edge(edge);
                children.push(self.project(child, gone, last, done)?);
            }
            self.join(children)?
        } else {
            self.rebuilt(node, &mut |space, child| {
                space.project(child, gone, last, done)
            })?
        };
        done.insert(node, result);
        Ok(result)
    }

    /// The union of nodes.
    fn join(&mut self, mut children: Vec<Ref>) -> Result<Ref, TooLarge> {
        children.sort_unstable();
        children.dedup();
        while children.len() > 1 {
            let mut joined = Vec::with_capacity(children.len().div_ceil(2));
            for pair in children.chunks(2) {
                joined.push(match pair {
                    [left, right] => self.apply(Operation::First, *left, *right)?,
                    single => single.first().copied().unwrap_or(Ref::NONE),
                });
            }
            children = joined;
        }
        Ok(children.first().copied().unwrap_or(Ref::NONE))
    }

    /// The regions of a node, by terminal.
    fn parts(
        &mut self,
        node: Ref,
        done: &mut FxHashMap<Ref, Rc<Vec<(Terminal, Ref)>>>,
    ) -> Result<Rc<Vec<(Terminal, Ref)>>, TooLarge> {
        if let Some(parts) = done.get(&node) {
            return Ok(Rc::clone(parts));
        }
        let mut parts = Vec::new();
        if let Some(terminal) = node.as_terminal() {
            if node != Ref::NONE {
                parts.push((terminal, Ref::YES));
            }
        } else {
            let level = self.store.level(node);
            let mut edges: Vec<(Terminal, u32, Ref)> = Vec::new();
            for edge in self.store.edges(node) {
                let (_, child) = self.store.edge(edge);
                for (terminal, below) in self.parts(child, done)?.iter() {
                    edges.push((*terminal, edge, *below));
                }
            }
            edges.sort_unstable_by_key(|(terminal, edge, _)| (*terminal, *edge));
            for group in edges.chunk_by(|left, right| left.0 == right.0) {
                let terminal = group.first().map_or(0, |entry| entry.0);
                parts.push((terminal, self.part(node, level, group)?));
            }
        }
        let parts = Rc::new(parts);
        done.insert(node, Rc::clone(&parts));
        Ok(parts)
    }

    /// The node that keeps some edges of another, leading elsewhere, and drops the rest.
    fn part(
        &mut self,
        node: Ref,
        level: u32,
        kept: &[(Terminal, u32, Ref)],
    ) -> Result<Ref, TooLarge> {
        let start = self.begun().len();
        let edges = self.store.edges(node);
        for (_, edge, below) in kept {
            if *edge > edges.start {
                let (before, _) = self.store.edge(edge - 1);
                let covered = self.begun().get(start..).unwrap_or_default().last();
                if covered.is_none_or(|(last, _)| *last < before) {
                    self.push(start, before, Ref::NONE);
                }
            }
            let (last, _) = self.store.edge(*edge);
            self.push(start, last, *below);
        }
        let (max, _) = self.store.edge(edges.end - 1);
        let covered = self.begun().get(start..).unwrap_or_default().last();
        if covered.is_none_or(|(last, _)| *last < max) {
            self.push(start, max, Ref::NONE);
        }
        self.close(level, start)
    }
}
