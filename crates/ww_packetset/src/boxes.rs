//! Sets as lists of boxes that people can read.

use crate::read::Ranges;
use crate::space::{LevelId, Set, Space};
use crate::store::Ref;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A product of ranges: the points that lie in the ranges of every side. Levels without a side are
/// free.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketBox {
    /// One side for each level that is not free, in order of the levels; ranges are inclusive,
    /// sorted, and do not touch.
    pub sides: Vec<(LevelId, Ranges)>,
}

impl PacketBox {
    /// The ranges on a level; none where the level is free.
    pub fn side(&self, level: LevelId) -> Option<&[(u128, u128)]> {
        self.sides
            .iter()
            .find(|(of, _)| *of == level)
            .map(|(_, ranges)| ranges.as_slice())
    }
}

/// Disjoint boxes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoxList {
    /// The boxes, sorted.
    pub boxes: Vec<PacketBox>,
    /// Whether they are the whole set. When there are too many, a part of the set is left out.
    pub complete: bool,
}

impl Space {
    /// The set as at most `most` disjoint boxes, few where that is easily had: parts that differ on
    /// one level only are one box.
    pub fn boxes(&self, set: Set, most: usize) -> BoxList {
        let mut reader = Reader {
            space: self,
            most,
            complete: true,
            done: FxHashMap::default(),
        };
        let boxes = reader.below(self.own(set.0));
        let mut boxes = self.merge_all(boxes.as_ref().clone());
        boxes.sort();
        BoxList {
            boxes,
            complete: reader.complete,
        }
    }

    /// Joins boxes that differ on one level only, until there are none.
    fn merge_all(&self, mut boxes: Vec<PacketBox>) -> Vec<PacketBox> {
        let mut levels: Vec<LevelId> = boxes
            .iter()
            .flat_map(|one| one.sides.iter().map(|(level, _)| *level))
            .collect();
        levels.sort_unstable();
        levels.dedup();
        loop {
            let before = boxes.len();
            for level in levels.iter().rev() {
                boxes = merge_along(boxes, *level, self.max(*level));
            }
            if boxes.len() == before {
                return boxes;
            }
        }
    }
}

/// Reads boxes from the leaves upward, each node once.
struct Reader<'a> {
    space: &'a Space,
    most: usize,
    complete: bool,
    done: FxHashMap<Ref, Rc<Vec<PacketBox>>>,
}

impl Reader<'_> {
    /// The boxes of a node over the levels from its own on; equal boxes below different edges
    /// become one.
    fn below(&mut self, node: Ref) -> Rc<Vec<PacketBox>> {
        if node.as_terminal().is_some() {
            let whole = (node != Ref::NONE).then(PacketBox::default);
            return Rc::new(whole.into_iter().collect());
        }
        if let Some(boxes) = self.done.get(&node) {
            return Rc::clone(boxes);
        }
        let mut sides: BTreeMap<PacketBox, Ranges> = BTreeMap::new();
        let mut first = 0;
        for edge in self.space.store.edges(node) {
            let (last, child) = self.space.store.edge(edge);
            for lower in self.below(child).iter() {
                if let Some(side) = sides.get_mut(lower) {
                    extend(side, first, last);
                } else if sides.len() < self.most {
                    sides.insert(lower.clone(), vec![(first, last)]);
                } else {
                    self.complete = false;
                }
            }
            first = last.saturating_add(1);
        }
        let level = LevelId(self.space.store.level(node));
        let whole = vec![(0, self.space.max(level))];
        let boxes = sides
            .into_iter()
            .map(|(mut lower, ranges)| {
                if ranges != whole {
                    lower.sides.insert(0, (level, ranges));
                }
                lower
            })
            .collect();
        let boxes = Rc::new(boxes);
        self.done.insert(node, Rc::clone(&boxes));
        boxes
    }
}

/// Adds a range that lies behind all others.
fn extend(ranges: &mut Ranges, first: u128, last: u128) {
    match ranges.last_mut() {
        Some(end) if end.1.checked_add(1) == Some(first) => end.1 = last,
        _ => ranges.push((first, last)),
    }
}

/// Joins the boxes that differ on this level only. Disjoint boxes stay disjoint.
fn merge_along(boxes: Vec<PacketBox>, level: LevelId, max: u128) -> Vec<PacketBox> {
    let mut merged = Vec::new();
    let mut sides: BTreeMap<PacketBox, Ranges> = BTreeMap::new();
    for mut one in boxes {
        match one.sides.iter().position(|(of, _)| *of == level) {
            Some(place) => {
                let (_, ranges) = one.sides.remove(place);
                sides.entry(one).or_default().extend(ranges);
            }
            None => merged.push(one),
        }
    }
    merged.extend(sides.into_iter().map(|(mut rest, mut ranges)| {
        ranges.sort_unstable();
        let mut joined = Ranges::new();
        for (first, last) in ranges {
            extend(&mut joined, first, last);
        }
        if joined != [(0, max)] {
            let place = rest.sides.partition_point(|(of, _)| *of < level);
            rest.sides.insert(place, (level, joined));
        }
        rest
    }));
    merged
}
