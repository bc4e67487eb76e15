//! Operations on two diagrams, point by point.

use crate::space::{Map, Set, Space, Terminal, TooLarge};
use crate::store::Ref;
use rustc_hash::FxHashMap;

/// An operation whose results are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Operation {
    /// The left decision, or the right one where there is none.
    First,
    /// The left decision where the right set has the point.
    Keep,
    /// The left decision where the right set does not have the point.
    Cut,
    /// Yes where the decisions differ.
    Differ,
}

impl Operation {
    /// The result, where it is plain without looking below.
    #[inline]
    fn plain(self, left: Ref, right: Ref) -> Option<Ref> {
        let none = Ref::NONE;
        match self {
            Operation::First if left == none || left == right => Some(right),
            Operation::First if right == none || left.as_terminal().is_some() => Some(left),
            Operation::Keep if left == none || right == none => Some(none),
            Operation::Keep if right == Ref::YES || left == right => Some(left),
            Operation::Cut if left == none || right == Ref::YES || left == right => Some(none),
            Operation::Cut if right == none => Some(left),
            Operation::Differ if left == right => Some(none),
            Operation::Differ if left.as_terminal().is_some() && right.as_terminal().is_some() => {
                Some(Ref::YES)
            }
            _ => None,
        }
    }

    /// The operands in the order under which the result is remembered.
    fn ordered(self, left: Ref, right: Ref) -> (Ref, Ref) {
        if self == Operation::Differ && right < left {
            (right, left)
        } else {
            (left, right)
        }
    }
}

/// How two decisions become one, and what has become of two nodes.
struct Joiner<'a> {
    /// What equal nodes become, if that is always the same.
    equal: Option<Ref>,
    done: FxHashMap<(Ref, Ref), Ref>,
    ends: &'a mut dyn FnMut(Terminal) -> Option<Terminal>,
    join: &'a mut dyn FnMut(Terminal, Terminal) -> Terminal,
}

impl Space {
    /// `left` where it decides, `right` elsewhere: "first match wins". Associative.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn first(&mut self, left: Map, right: Map) -> Result<Map, TooLarge> {
        self.binary(Operation::First, left, right)
    }

    /// The first decision of a list of maps, in a balanced tree: a rule list from its rules.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn first_all(&mut self, maps: &[Map]) -> Result<Map, TooLarge> {
        match maps {
            [] => Ok(self.map(Ref::NONE)),
            [only] => Ok(*only),
            _ => {
                let (front, back) = maps.split_at(maps.len() / 2);
                let front = self.first_all(front)?;
                let back = self.first_all(back)?;
                self.first(front, back)
            }
        }
    }

    /// The map inside the set, undecided outside.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn keep(&mut self, map: Map, inside: Set) -> Result<Map, TooLarge> {
        self.binary(Operation::Keep, map, inside.0)
    }

    /// The map outside the set, undecided inside.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn cut(&mut self, map: Map, outside: Set) -> Result<Map, TooLarge> {
        self.binary(Operation::Cut, map, outside.0)
    }

    /// `inside` in the set, `outside` elsewhere.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn choose(&mut self, set: Set, inside: Map, outside: Map) -> Result<Map, TooLarge> {
        if inside == outside {
            return Ok(inside);
        }
        let inside = self.keep(inside, set)?;
        let outside = self.cut(outside, set)?;
        self.first(inside, outside)
    }

    /// Where two maps decide differently.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn differ(&mut self, left: Map, right: Map) -> Result<Set, TooLarge> {
        self.binary(Operation::Differ, left, right).map(Set)
    }

    /// Points in either set.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn or(&mut self, left: Set, right: Set) -> Result<Set, TooLarge> {
        self.first(left.0, right.0).map(Set)
    }

    /// Points in any of the sets.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn or_all(&mut self, sets: &[Set]) -> Result<Set, TooLarge> {
        let maps: Vec<Map> = sets.iter().map(|set| set.0).collect();
        self.first_all(&maps).map(Set)
    }

    /// Points in both sets.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn and(&mut self, left: Set, right: Set) -> Result<Set, TooLarge> {
        let (left, right) = if right < left {
            (right, left)
        } else {
            (left, right)
        };
        self.keep(left.0, right).map(Set)
    }

    /// Points in the left set that are not in the right one.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn minus(&mut self, left: Set, right: Set) -> Result<Set, TooLarge> {
        self.cut(left.0, right).map(Set)
    }

    /// Points that are not in the set.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn not(&mut self, set: Set) -> Result<Set, TooLarge> {
        self.minus(self.all(), set)
    }

    /// Whether every point of `part` is in `whole`.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn is_subset(&mut self, part: Set, whole: Set) -> Result<bool, TooLarge> {
        self.minus(part, whole).map(Set::is_empty)
    }

    /// Joins the decisions of two maps, point by point. `join` is asked once for each pair of
    /// decisions that occurs, always in the same order.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn zip(
        &mut self,
        left: Map,
        right: Map,
        join: impl FnMut(Terminal, Terminal) -> Terminal,
    ) -> Result<Map, TooLarge> {
        self.follow(left, right, |_| None, join)
    }

    /// As [`Space::zip`], but equal decisions become [`NONE`](crate::NONE) unasked, and what the
    /// maps share is not looked at.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn contrast(
        &mut self,
        left: Map,
        right: Map,
        mut join: impl FnMut(Terminal, Terminal) -> Terminal,
    ) -> Result<Map, TooLarge> {
        self.join_maps(left, right, Some(Ref::NONE), &mut |_| None, &mut join)
    }

    /// As [`Space::zip`], but does not look at the right map where the left decision `ends` it.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn follow(
        &mut self,
        left: Map,
        right: Map,
        mut ends: impl FnMut(Terminal) -> Option<Terminal>,
        mut join: impl FnMut(Terminal, Terminal) -> Terminal,
    ) -> Result<Map, TooLarge> {
        self.join_maps(left, right, None, &mut ends, &mut join)
    }

    fn join_maps(
        &mut self,
        left: Map,
        right: Map,
        equal: Option<Ref>,
        ends: &mut dyn FnMut(Terminal) -> Option<Terminal>,
        join: &mut dyn FnMut(Terminal, Terminal) -> Terminal,
    ) -> Result<Map, TooLarge> {
        self.scratch.clear();
        let (left, right) = (self.own(left), self.own(right));
        let mut joiner = Joiner {
            equal,
            done: FxHashMap::default(),
            ends,
            join,
        };
        let node = self.join_nodes(left, right, &mut joiner)?;
        Ok(self.map(node))
    }

    fn join_nodes(&mut self, left: Ref, right: Ref, joiner: &mut Joiner) -> Result<Ref, TooLarge> {
        if let Some(equal) = joiner.equal.filter(|_| left == right) {
            return Ok(equal);
        }
        if let Some(result) = joiner.done.get(&(left, right)) {
            return Ok(*result);
        }
        let ended = left.as_terminal().and_then(|a| (joiner.ends)(a));
        let both = left.as_terminal().zip(right.as_terminal());
        let joined = ended.or_else(|| both.map(|(a, b)| (joiner.join)(a, b)));
        let result = match joined {
            Some(terminal) => Ref::terminal(terminal).ok_or(TooLarge::Terminals)?,
            None => self.beside(left, right, &mut |space, left, right| {
                space.join_nodes(left, right, joiner)
            })?,
        };
        joiner.done.insert((left, right), result);
        Ok(result)
    }

    fn binary(&mut self, operation: Operation, left: Map, right: Map) -> Result<Map, TooLarge> {
        self.scratch.clear();
        let (left, right) = (self.own(left), self.own(right));
        let node = self.apply(operation, left, right)?;
        Ok(self.map(node))
    }

    pub(crate) fn apply(
        &mut self,
        operation: Operation,
        left: Ref,
        right: Ref,
    ) -> Result<Ref, TooLarge> {
        if let Some(result) = operation.plain(left, right) {
            return Ok(result);
        }
        let (left, right) = operation.ordered(left, right);
        if let Some(result) = self.memo.get(operation as u32, left, right) {
            return Ok(result);
        }
        let result = self.beside(left, right, &mut |space, left, right| {
            space.apply(operation, left, right)
        })?;
        self.memo.put(operation as u32, left, right, result);
        Ok(result)
    }
}
