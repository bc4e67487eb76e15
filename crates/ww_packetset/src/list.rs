//! Many guarded maps after one another, in one pass.

use crate::apply::Operation;
use crate::space::{Map, Set, Space, TooLarge};
use crate::store::{Number, Ref, Store};
use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// A map, and where it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operand {
    guard: Ref,
    map: Ref,
}

impl Operand {
    /// Whether it leaves nothing to the operands after it.
    #[inline]
    fn is_last(self) -> bool {
        self.guard == Ref::YES && self.map.as_terminal().is_some()
    }
}

/// What has become of lists of operands, remembered as long as there is room.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// The lists that are being worked on, one behind the other.
    open: Vec<Operand>,
    operands: Vec<Operand>,
    done: Vec<Done>,
    index: HashTable<u32>,
    /// Surroundings that were numbered.
    surroundings: u32,
}

/// A list by the places of its operands, and what it has become.
#[derive(Clone, Copy, Debug)]
struct Done {
    first: u32,
    end: u32,
    hash: u64,
    result: Ref,
}

/// Surroundings are remembered among operations on two nodes, from this number on.
const SURROUNDINGS: u32 = 1 << 8;

/// Remembered operands; with more, everything is forgotten. 64 MiB.
const MOST: usize = 8 << 20;

impl Lists {
    /// Adds an operand to the list that began at `start`; false where none can follow.
    #[inline]
    fn add(&mut self, start: usize, operand: Operand) -> bool {
        if operand.guard == Ref::NONE || operand.map == Ref::NONE {
            return true;
        }
        let begun = self.open.len() > start;
        match self.open.last_mut() {
            // What the same map decides under a guard it also decides without.
            Some(before)
                if begun
                    && before.map == operand.map
                    && (before.guard == operand.guard || operand.guard == Ref::YES) =>
            {
                *before = operand;
            }
            _ => self.open.push(operand),
        }
        !operand.is_last()
    }

    /// The number of a list in which one guard or map varies; what does not count in it does not
    /// count in the number. Nothing when there are no more numbers.
    fn surroundings(&mut self, list: &[Operand], operand: usize, is_guard: bool) -> Option<u32> {
        // An operand of nothing stands for the one that varies; no other list has such an operand.
        let nothing = Ref::NONE;
        let mut key = Vec::with_capacity(list.len());
        for (number, one) in list.iter().enumerate() {
            if number == operand && is_guard {
                key.push(Operand {
                    guard: nothing,
                    ..*one
                });
            } else if number == operand {
                key.push(Operand {
                    map: nothing,
                    ..*one
                });
            } else if one.guard != nothing && one.map != nothing {
                key.push(*one);
                if one.is_last() && number < operand {
                    key.push(Operand {
                        guard: nothing,
                        map: nothing,
                    });
                }
                if one.is_last() {
                    break;
                }
            }
        }
        let hash = hash_of(&key);
        if let Some(known) = self.find(hash, &key) {
            return known.as_terminal();
        }
        let number = SURROUNDINGS + self.surroundings;
        let result = Ref::terminal(number)?;
        self.surroundings += 1;
        self.remember(hash, &key, result);
        Some(number)
    }

    fn find(&self, hash: u64, list: &[Operand]) -> Option<Ref> {
        let same = |place: &u32| {
            self.done.get(*place as usize).is_some_and(|done| {
                let operands = done.first as usize..done.end as usize;
                done.hash == hash && self.operands.get(operands) == Some(list)
            })
        };
        let place = self.index.find(hash, same)?;
        self.done.get(*place as usize).map(|done| done.result)
    }

    fn remember(&mut self, hash: u64, list: &[Operand], result: Ref) {
        if self.operands.len() + list.len() > MOST {
            self.operands.clear();
            self.done.clear();
            self.index.clear();
        }
        let first = self.operands.len() as u32;
        self.operands.extend_from_slice(list);
        let place = self.done.len() as u32;
        self.done.push(Done {
            first,
            end: self.operands.len() as u32,
            hash,
            result,
        });
        let done = &self.done;
        let hash_of = |place: &u32| done.get(*place as usize).map_or(0, |done| done.hash);
        self.index.insert_unique(hash, place, hash_of);
    }
}

/// Walks the edges of a guard or a map.
struct Walk<N> {
    operand: usize,
    is_guard: bool,
    next: u32,
    end: u32,
    last: N,
}

impl Space {
    /// The first decision of a list of maps, each of which counts in its set only: a rule list from
    /// its rules. As `first_all` over `keep`, in one pass that makes nothing in between; for lists
    /// of some dozens.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn first_guarded(&mut self, list: &[(Set, Map)]) -> Result<Map, TooLarge> {
        self.scratch.clear();
        self.lists.open.clear();
        for (guard, map) in list {
            let operand = Operand {
                guard: self.own(guard.0),
                map: self.own(*map),
            };
            if !self.lists.add(0, operand) {
                break;
            }
        }
        let node = self.first_open(0)?;
        Ok(self.map(node))
    }

    /// What becomes of the open list that began at `start`, which is closed.
    fn first_open(&mut self, start: usize) -> Result<Ref, TooLarge> {
        let list = self.lists.open.get(start..).unwrap_or_default();
        match list {
            [] => return Ok(Ref::NONE),
            [Operand { guard, map }] => {
                let (guard, map) = (*guard, *map);
                self.lists.open.truncate(start);
                return self.apply(Operation::Keep, map, guard);
            }
            [one, two] if one.guard == Ref::YES && two.guard == Ref::YES => {
                let (one, two) = (one.map, two.map);
                self.lists.open.truncate(start);
                return self.apply(Operation::First, one, two);
            }
            _ => {}
        }
        let hash = hash_of(list);
        if let Some(result) = self.lists.find(hash, list) {
            self.lists.open.truncate(start);
            return Ok(result);
        }
        let list = list.to_vec();
        self.lists.open.truncate(start);
        let nodes = list.iter().flat_map(|operand| [operand.guard, operand.map]);
        let Some(upper) = nodes.min_by_key(|node| self.store.level(*node)) else {
            return Ok(Ref::NONE);
        };
        let result = if self.store.is_wide(upper) {
            self.first_on::<u128>(upper, list.clone())?
        } else {
            self.first_on::<u32>(upper, list.clone())?
        };
        self.lists.remember(hash, &list, result);
        Ok(result)
    }

    /// Walks the operands beside one another on the level of the uppermost of them.
    fn first_on<N: Number>(
        &mut self,
        upper: Ref,
        mut current: Vec<Operand>,
    ) -> Result<Ref, TooLarge> {
        let level = self.store.level(upper);
        let mut walks = walks::<N>(&self.store, level, &mut current);
        let start = N::scratch(&mut self.scratch).len();
        while let Some((last, lone)) = nearest(&walks) {
            if let Some((walk, until)) = lone
                && let Some(walk) = walks.get_mut(walk)
                && walk.goes_on_before(&self.store, until)
            {
                self.walk_alone(walk, until, start, &mut current)?;
                continue;
            }
            let child = self.first_of(&current)?;
            self.push(start, last, child);
            if !advance(&self.store, &mut walks, &mut current, last) {
                break;
            }
        }
        self.close_on::<N>(level, start)
    }

    /// Follows the edges of one guard or map that end before the next edge of all others does.
    fn walk_alone<N: Number>(
        &mut self,
        walk: &mut Walk<N>,
        until: N,
        start: usize,
        current: &mut [Operand],
    ) -> Result<(), TooLarge> {
        let around = self
            .lists
            .surroundings(current, walk.operand, walk.is_guard);
        while walk.last < until {
            let Some(operand) = current.get(walk.operand).copied() else {
                break;
            };
            let (varies, other) = if walk.is_guard {
                (operand.guard, operand.map)
            } else {
                (operand.map, operand.guard)
            };
            // Beside nothing, all is nothing.
            let varies = if other == Ref::NONE {
                Ref::NONE
            } else {
                varies
            };
            let known = around.and_then(|around| self.memo.get(around, varies, other));
            let child = match known {
                Some(child) => child,
                None => self.first_of(current)?,
            };
            if let (Some(around), None) = (around, known) {
                self.memo.put(around, varies, other, child);
            }
            self.push(start, walk.last, child);
            walk.advance(&self.store, current);
        }
        Ok(())
    }

    /// What becomes of a list, the parts of which may be empty.
    fn first_of(&mut self, list: &[Operand]) -> Result<Ref, TooLarge> {
        let start = self.lists.open.len();
        for operand in list {
            if !self.lists.add(start, *operand) {
                break;
            }
        }
        self.first_open(start)
    }
}

impl<N: Number> Walk<N> {
    /// Whether the next edge too ends before this number.
    #[inline]
    fn goes_on_before(&self, store: &Store, until: N) -> bool {
        self.next < self.end && N::edge(store, self.next).0 < until
    }

    /// To the next edge; false after the last one.
    #[inline]
    fn advance(&mut self, store: &Store, current: &mut [Operand]) -> bool {
        if self.next == self.end {
            return false;
        }
        let (last, child) = N::edge(store, self.next);
        self.next += 1;
        self.last = last;
        if let Some(operand) = current.get_mut(self.operand) {
            if self.is_guard {
                operand.guard = child;
            } else {
                operand.map = child;
            }
        }
        true
    }
}

/// Where the next edges end; and if that is one edge only, whose it is and where the others end.
fn nearest<N: Number>(walks: &[Walk<N>]) -> Option<(N, Option<(usize, N)>)> {
    let (first, others) = walks.split_first()?;
    let (mut last, mut whose) = (first.last, Some(0));
    let mut until = None;
    for (number, walk) in others.iter().enumerate() {
        if walk.last < last {
            until = Some(last);
            (last, whose) = (walk.last, Some(number + 1));
        } else if walk.last == last {
            whose = None;
        } else if until.is_none_or(|until| walk.last < until) {
            until = Some(walk.last);
        }
    }
    Some((last, whose.zip(until)))
}

/// Walks over the operands that have edges on the level; the operands become their first children.
fn walks<N: Number>(store: &Store, level: u32, current: &mut [Operand]) -> Vec<Walk<N>> {
    let mut walks = Vec::with_capacity(2 * current.len());
    for (number, operand) in current.iter_mut().enumerate() {
        for (is_guard, node) in [(true, &mut operand.guard), (false, &mut operand.map)] {
            if store.level(*node) == level {
                let edges = store.edges(*node);
                let (last, child) = N::edge(store, edges.start);
                *node = child;
                walks.push(Walk {
                    operand: number,
                    is_guard,
                    next: edges.start + 1,
                    end: edges.end,
                    last,
                });
            }
        }
    }
    walks
}

/// Leaves the edges that end with this number; false at the end of the level.
fn advance<N: Number>(
    store: &Store,
    walks: &mut [Walk<N>],
    current: &mut [Operand],
    last: N,
) -> bool {
    let mut ending = walks.iter_mut().filter(|walk| walk.last == last);
    ending.all(|walk| walk.advance(store, current))
}

fn hash_of(list: &[Operand]) -> u64 {
    let mut hasher = FxHasher::default();
    for Operand { guard, map } in list {
        hasher.write_u64(u64::from(guard.bits()) << 32 | u64::from(map.bits()));
    }
    hasher.finish()
}
