//! Questions that build nothing, or nothing that stays.

use crate::space::{LevelId, Map, Set, Space, Terminal, TooLarge};
use crate::store::Ref;
use rustc_hash::{FxHashMap, FxHashSet};

/// Sorted, disjoint, inclusive ranges that do not touch.
pub(crate) type Ranges = Vec<(u128, u128)>;

/// How many points a set has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Count {
    /// So many.
    Exactly(u128),
    /// More than 128 bits can count: the nearest floating-point number.
    About(f64),
}

/// How large a diagram is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Distinct nodes, without terminals.
    pub nodes: usize,
    /// Their edges.
    pub edges: usize,
}

impl Space {
    /// The decision at a point: one number for each level, 0 for those that are missing.
    pub fn at(&self, map: Map, point: &[u128]) -> Terminal {
        let mut node = self.own(map);
        loop {
            if let Some(terminal) = node.as_terminal() {
                return terminal;
            }
            let level = self.store.level(node) as usize;
            let value = point.get(level).copied().unwrap_or_default();
            node = self.store.child_at(node, value);
        }
    }

    /// The decision of a map that decides the same everywhere.
    pub fn as_constant(&self, map: Map) -> Option<Terminal> {
        self.own(map).as_terminal()
    }

    /// Whether the set has this point.
    pub fn has(&self, set: Set, point: &[u128]) -> bool {
        self.at(set.0, point) != crate::NONE
    }

    /// The smallest member: compared level by level, in order of declaration.
    pub fn witness(&self, set: Set) -> Option<Vec<u128>> {
        let mut point = vec![0; self.levels.len()];
        self.complete(self.own(set.0), &mut point).then_some(point)
    }

    /// Fills in the smallest way from a node to a decision; false when there is none.
    fn complete(&self, mut node: Ref, point: &mut [u128]) -> bool {
        while node.as_terminal().is_none() {
            let mut first = 0;
            for edge in self.store.edges(node) {
                let (last, child) = self.store.edge(edge);
                if child != Ref::NONE {
                    if let Some(value) = point.get_mut(self.store.level(node) as usize) {
                        *value = first;
                    }
                    node = child;
                    break;
                }
                first = last.saturating_add(1);
            }
        }
        node != Ref::NONE
    }

    /// Points on both sides of every border: for each edge of the diagram its first and its last
    /// number, at a place where that edge is reached. At most `most` of them, sorted.
    pub fn corners(&self, map: Map, most: usize) -> Vec<Vec<u128>> {
        let mut corners = Vec::new();
        let mut seen = FxHashSet::default();
        let mut open = vec![(self.own(map), vec![0; self.levels.len()])];
        while let Some((node, way)) = open.pop() {
            let level = self.store.level(node) as usize;
            let mut first = 0;
            for edge in self.store.edges(node) {
                let (last, child) = self.store.edge(edge);
                let mut point = way.clone();
                for number in [first, last] {
                    if let Some(value) = point.get_mut(level) {
                        *value = number;
                    }
                    let mut corner = point.clone();
                    self.complete(child, &mut corner);
                    corners.push(corner);
                }
                if corners.len() >= most {
                    open.clear();
                    break;
                }
                if seen.insert(child) {
                    open.push((child, point));
                }
                first = last.saturating_add(1);
            }
        }
        corners.sort_unstable();
        corners.dedup();
        corners.truncate(most);
        corners
    }

    /// The numbers of a level by what they leave of the set: for each distinct rest, the numbers
    /// that leave it, in order of the first of them. No level above this one may matter to the set.
    pub fn rows(&self, set: Set, level: LevelId) -> Vec<(Set, Ranges)> {
        let node = self.own(set.0);
        if self.store.level(node) != level.0 {
            return vec![(set, vec![(0, self.max(level))])];
        }
        let mut rows: Vec<(Set, Ranges)> = Vec::new();
        let mut places: FxHashMap<Ref, usize> = FxHashMap::default();
        let mut first = 0;
        for edge in self.store.edges(node) {
            let (last, child) = self.store.edge(edge);
            let place = *places.entry(child).or_insert(rows.len());
            match rows.get_mut(place) {
                Some((_, ranges)) => ranges.push((first, last)),
                None => rows.push((self.set(child), vec![(first, last)])),
            }
            first = last.saturating_add(1);
        }
        rows
    }

    /// How many points the set has when only these levels count: points that differ on no other
    /// level are one.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn count(&mut self, set: Set, levels: &[LevelId]) -> Result<Count, TooLarge> {
        let others: Vec<LevelId> = self
            .levels()
            .map(|(level, _)| level)
            .filter(|level| !levels.contains(level))
            .collect();
        let flat = self.exists(set, &others)?;
        let mut counted: Vec<u32> = levels.iter().map(|level| level.0).collect();
        counted.sort_unstable();
        counted.dedup();
        let node = self.own(flat.0);
        let below = self.points(node, &counted, &mut FxHashMap::default());
        let above = counted
            .iter()
            .filter(|level| **level < self.store.level(node));
        let total = above.fold(below, |sum, level| sum.times(self.width(*level)));
        Ok(match total.exact {
            Some(points) => Count::Exactly(points),
            None => Count::About(total.about),
        })
    }

    /// Points below a node, over the counted levels from its own on.
    fn points(&self, node: Ref, counted: &[u32], done: &mut FxHashMap<Ref, Tally>) -> Tally {
        if node.as_terminal().is_some() {
            return Tally::of(u128::from(node != Ref::NONE));
        }
        if let Some(tally) = done.get(&node) {
            return *tally;
        }
        let level = self.store.level(node);
        let mut sum = Tally::of(0);
        let mut first = 0;
        for edge in self.store.edges(node) {
            let (last, child) = self.store.edge(edge);
            let skipped = level + 1..self.store.level(child);
            let width = Tally::from_width(first, last);
            let below = counted
                .iter()
                .filter(|level| skipped.contains(level))
                .fold(self.points(child, counted, done), |sum, level| {
                    sum.times(self.width(*level))
                });
            sum = sum.plus(below.times(width));
            first = last.saturating_add(1);
        }
        done.insert(node, sum);
        sum
    }

    fn width(&self, level: u32) -> Tally {
        Tally::from_width(0, self.max(LevelId(level)))
    }

    /// The decisions that occur, sorted.
    pub fn terminals(&self, map: Map) -> Vec<Terminal> {
        let mut found = Vec::new();
        self.visit(map, |node| found.extend(node.as_terminal()));
        found.sort_unstable();
        found
    }

    /// The levels that matter to the map, in order of declaration.
    pub fn support(&self, map: Map) -> Vec<LevelId> {
        let mut found = Vec::new();
        self.visit(map, |node| {
            if node.as_terminal().is_none() {
                found.push(LevelId(self.store.level(node)));
            }
        });
        found.sort_unstable();
        found.dedup();
        found
    }

    /// How large the map's diagram is.
    pub fn size(&self, map: Map) -> Size {
        let mut size = Size::default();
        self.visit(map, |node| {
            size.nodes += usize::from(node.as_terminal().is_none());
            size.edges += self.store.edges(node).len();
        });
        size
    }

    fn visit(&self, map: Map, mut visitor: impl FnMut(Ref)) {
        let root = self.own(map);
        let mut seen = Seen::default();
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            visitor(node);
            for edge in self.store.edges(node) {
                let (_, child) = self.store.edge(edge);
                if seen.is_new(child) {
                    open.push(child);
                }
            }
        }
    }
}

/// Nodes and terminals that were met: a bit for each small number, a set of the others.
#[derive(Default)]
struct Seen {
    nodes: Vec<u64>,
    terminals: Vec<u64>,
    others: FxHashSet<Ref>,
}

impl Seen {
    /// Whether it is met for the first time.
    #[inline]
    fn is_new(&mut self, node: Ref) -> bool {
        let (words, number) = match node.as_terminal() {
            Some(number) => (&mut self.terminals, number),
            None => (&mut self.nodes, node.bits()),
        };
        let (place, bit) = (number as usize / 64, 1 << (number % 64));
        if let Some(word) = words.get_mut(place) {
            let is_new = *word & bit == 0;
            *word |= bit;
            return is_new;
        }
        if place >= 1 << 16 {
            return self.others.insert(node);
        }
        words.resize(place + 1, 0);
        words.get_mut(place).is_some_and(|word| {
            *word = bit;
            true
        })
    }
}

/// A count that knows when it has become too large to be exact.
#[derive(Clone, Copy)]
struct Tally {
    exact: Option<u128>,
    about: f64,
}

impl Tally {
    fn of(points: u128) -> Tally {
        Tally {
            exact: Some(points),
            about: points as f64,
        }
    }

    fn from_width(first: u128, last: u128) -> Tally {
        let exact = (last - first).checked_add(1);
        Tally {
            exact,
            about: exact.map_or(2f64.powi(128), |width| width as f64),
        }
    }

    fn times(self, other: Tally) -> Tally {
        let exact = match (self.exact, other.exact) {
            (Some(0), _) | (_, Some(0)) => Some(0),
            (Some(left), Some(right)) => left.checked_mul(right),
            _ => None,
        };
        Tally {
            exact,
            about: self.about * other.about,
        }
    }

    fn plus(self, other: Tally) -> Tally {
        Tally {
            exact: self
                .exact
                .zip(other.exact)
                .and_then(|(left, right)| left.checked_add(right)),
            about: self.about + other.about,
        }
    }
}
