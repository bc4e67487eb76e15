//! Walks over edges, and nodes from them.

use crate::space::{Space, TooLarge};
use crate::store::{Number, Ref, Store};

/// Walks the edges of one operand while others are walked beside it.
pub(crate) struct Cursor<N> {
    next: u32,
    end: u32,
    /// The last number of the current edge; none for an operand that is one edge over all.
    pub(crate) last: Option<N>,
    /// Where the current edge leads.
    pub(crate) child: Ref,
}

impl<N: Number> Cursor<N> {
    /// At the first edge of a node on this level; a node below stands for one edge over all.
    #[inline]
    pub(crate) fn new(store: &Store, node: Ref, level: u32) -> Cursor<N> {
        let edges = if store.level(node) == level {
            store.edges(node)
        } else {
            0..0
        };
        let mut cursor = Cursor {
            next: edges.start,
            end: edges.end,
            last: None,
            child: node,
        };
        cursor.advance(store);
        cursor
    }

    /// To the next edge; false after the last one.
    #[inline]
    pub(crate) fn advance(&mut self, store: &Store) -> bool {
        if self.next == self.end {
            return false;
        }
        let (last, child) = N::edge(store, self.next);
        (self.last, self.child) = (Some(last), child);
        self.next += 1;
        true
    }
}

impl Space {
    /// Walks two nodes beside each other; `below` gives the child for each stretch of numbers on
    /// which neither changes.
    #[inline]
    pub(crate) fn beside(
        &mut self,
        left: Ref,
        right: Ref,
        below: &mut impl FnMut(&mut Space, Ref, Ref) -> Result<Ref, TooLarge>,
    ) -> Result<Ref, TooLarge> {
        let (left_level, right_level) = (self.store.level(left), self.store.level(right));
        let upper = if left_level <= right_level {
            left
        } else {
            right
        };
        let level = left_level.min(right_level);
        if self.store.is_wide(upper) {
            self.beside_on::<u128>(level, left, right, below)
        } else {
            self.beside_on::<u32>(level, left, right, below)
        }
    }

    #[inline]
    fn beside_on<N: Number>(
        &mut self,
        level: u32,
        left: Ref,
        right: Ref,
        below: &mut impl FnMut(&mut Space, Ref, Ref) -> Result<Ref, TooLarge>,
    ) -> Result<Ref, TooLarge> {
        let mut left = Cursor::<N>::new(&self.store, left, level);
        let mut right = Cursor::<N>::new(&self.store, right, level);
        let start = N::scratch(&mut self.scratch).len();
        loop {
            let child = below(self, left.child, right.child)?;
            let last = match (left.last, right.last) {
                (Some(left), Some(right)) => left.min(right),
                (Some(last), None) | (None, Some(last)) => last,
                (None, None) => return Ok(child),
            };
            self.push(start, last, child);
            let (left_ends, right_ends) = (left.last == Some(last), right.last == Some(last));
            let more = (left_ends && left.advance(&self.store))
                | (right_ends && right.advance(&self.store));
            if !more {
                return self.close_on::<N>(level, start);
            }
        }
    }

    /// The node with other children.
    #[inline]
    pub(crate) fn rebuilt(
        &mut self,
        node: Ref,
        below: &mut impl FnMut(&mut Space, Ref) -> Result<Ref, TooLarge>,
    ) -> Result<Ref, TooLarge> {
        if self.store.is_wide(node) {
            self.rebuilt_on::<u128>(node, below)
        } else {
            self.rebuilt_on::<u32>(node, below)
        }
    }

    #[inline]
    fn rebuilt_on<N: Number>(
        &mut self,
        node: Ref,
        below: &mut impl FnMut(&mut Space, Ref) -> Result<Ref, TooLarge>,
    ) -> Result<Ref, TooLarge> {
        let start = N::scratch(&mut self.scratch).len();
        for edge in self.store.edges(node) {
            let (last, child) = N::edge(&self.store, edge);
            let child = below(self, child)?;
            self.push(start, last, child);
        }
        self.close_on::<N>(self.store.level(node), start)
    }

    /// Adds an edge to the node being made since `start`; a neighbour that leads to the same place
    /// grows instead.
    #[inline]
    pub(crate) fn push<N: Number>(&mut self, start: usize, last: N, child: Ref) {
        let scratch = N::scratch(&mut self.scratch);
        let begun = scratch.len() > start;
        match scratch.last_mut() {
            Some(edge) if begun && edge.1 == child => edge.0 = last,
            _ => scratch.push((last, child)),
        }
    }

    /// Ends the node being made since `start`; one edge over all numbers is no node.
    #[inline]
    pub(crate) fn close_on<N: Number>(
        &mut self,
        level: u32,
        start: usize,
    ) -> Result<Ref, TooLarge> {
        let edges = N::scratch(&mut self.scratch).get(start..);
        if let Some([(_, only)]) = edges {
            let only = *only;
            N::scratch(&mut self.scratch).truncate(start);
            return Ok(only);
        }
        let result = N::stored(&mut self.store, &mut self.scratch, level, start)?;
        self.memo.fit(self.store.len());
        Ok(result)
    }

    /// Edges that are being made, and were added as `u128` whatever their level.
    pub(crate) fn begun(&mut self) -> &mut Vec<(u128, Ref)> {
        u128::scratch(&mut self.scratch)
    }

    /// As [`Space::close_on`], for edges that were added as `u128` whatever their level.
    pub(crate) fn close(&mut self, level: u32, start: usize) -> Result<Ref, TooLarge> {
        let edges = u128::scratch(&mut self.scratch);
        let max = edges.last().map_or(0, |edge| edge.0);
        if max > u128::from(u32::MAX) {
            return self.close_on::<u128>(level, start);
        }
        let first = u32::scratch(&mut self.scratch).len();
        self.scratch.narrow_from(start);
        self.close_on::<u32>(level, first)
    }
}
