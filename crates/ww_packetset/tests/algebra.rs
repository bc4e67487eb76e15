//! Every operation against a table of all points of a small space.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

use proptest::prelude::*;
use ww_packetset::{Bounds, Count, LevelId, Map, NONE, Piece, Set, Space, Terminal, Value};

/// The greatest number of each level: two intervals, atoms, two bits.
const MAX: [u128; 5] = [9, 6, 4, 1, 1];

/// A map as something that can be built twice: as a diagram, and as a table of all points.
#[derive(Clone, Debug)]
enum Recipe {
    Constant(Terminal),
    Within(usize, Vec<(u128, u128)>, Terminal),
    Bits(u128, u128, Terminal),
    First(Vec<Recipe>),
    Keep(Box<Recipe>, Box<Recipe>),
    Cut(Box<Recipe>, Box<Recipe>),
    Choose(Box<Recipe>, Box<Recipe>, Box<Recipe>),
    Differ(Box<Recipe>, Box<Recipe>),
    Zip(Box<Recipe>, Box<Recipe>),
    Follow(Box<Recipe>, Box<Recipe>),
    Draw(Box<Recipe>, u128),
    Restrict(Box<Recipe>, usize, u128),
    Move(Box<Recipe>, usize, u128, u128, u128),
    CopyBit(Box<Recipe>),
    Exists(Box<Recipe>, Vec<usize>),
    Forall(Box<Recipe>, Vec<usize>),
    Assign(Box<Recipe>, usize, u128),
    Relabel(Box<Recipe>),
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let level = || 0..MAX.len();
    let ranges = || prop::collection::vec((0u128..11, 0u128..11), 0..3);
    let leaf = prop_oneof![
        (0u32..4).prop_map(Recipe::Constant),
        (level(), ranges(), 1u32..4).prop_map(|(a, b, c)| Recipe::Within(a, b, c)),
        (0u128..4, 0u128..4, 1u32..4).prop_map(|(a, b, c)| Recipe::Bits(a, b, c)),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        let one = || inner.clone().prop_map(Box::new);
        let gone = || prop::collection::vec(0..MAX.len(), 1..3);
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 0..5).prop_map(Recipe::First),
            2 => (one(), one()).prop_map(|(a, b)| Recipe::Keep(a, b)),
            2 => (one(), one()).prop_map(|(a, b)| Recipe::Cut(a, b)),
            1 => (one(), one(), one()).prop_map(|(a, b, c)| Recipe::Choose(a, b, c)),
            1 => (one(), one()).prop_map(|(a, b)| Recipe::Differ(a, b)),
            1 => (one(), one()).prop_map(|(a, b)| Recipe::Zip(a, b)),
            1 => (one(), one()).prop_map(|(a, b)| Recipe::Follow(a, b)),
            1 => (one(), 0u128..6).prop_map(|(a, b)| Recipe::Draw(a, b)),
            1 => (one(), level(), 0u128..10).prop_map(|(a, b, c)| Recipe::Restrict(a, b, c)),
            1 => (one(), level(), 0u128..10, 0u128..10, 0u128..10)
                .prop_map(|(a, b, c, d, e)| Recipe::Move(a, b, c, d, e)),
            1 => one().prop_map(Recipe::CopyBit),
            1 => (one(), gone()).prop_map(|(a, b)| Recipe::Exists(a, b)),
            1 => (one(), gone()).prop_map(|(a, b)| Recipe::Forall(a, b)),
            1 => (one(), level(), 0u128..10).prop_map(|(a, b, c)| Recipe::Assign(a, b, c)),
            1 => one().prop_map(Recipe::Relabel),
        ]
    })
}

fn space() -> (Space, Vec<LevelId>) {
    let mut space = Space::new(Bounds::default());
    let levels = vec![
        space.interval("a", MAX[0]).unwrap(),
        space.interval("b", MAX[1]).unwrap(),
        space.atoms("c", 5).unwrap(),
        space.bit("d").unwrap(),
        space.bit("e").unwrap(),
    ];
    (space, levels)
}

fn points() -> Vec<Vec<u128>> {
    let mut points = vec![Vec::new()];
    for max in MAX {
        points = points
            .into_iter()
            .flat_map(|point: Vec<u128>| {
                (0..=max).map(move |value| [point.clone(), vec![value]].concat())
            })
            .collect();
    }
    points
}

fn with(point: &[u128], level: usize, value: u128) -> Vec<u128> {
    let mut point = point.to_vec();
    point[level] = value;
    point
}

/// All points that agree with this one outside the levels.
fn around(point: &[u128], levels: &[usize]) -> Vec<Vec<u128>> {
    let mut points = vec![point.to_vec()];
    for level in levels {
        points = points
            .iter()
            .flat_map(|point| (0..=MAX[*level]).map(|value| with(point, *level, value)))
            .collect();
    }
    points
}

fn renamed(terminal: Terminal) -> Terminal {
    [2, 2, 0, 1][terminal as usize]
}

fn joined(left: Terminal, right: Terminal) -> Terminal {
    (left * 3 + right) % 4
}

/// Where the numbers of [`Recipe::Move`] go: `first..=last` to `to` and upward, cut at the end.
fn moved(level: usize, first: u128, last: u128, to: u128) -> Option<Piece> {
    let last = last.min(MAX[level]);
    (first <= last && to + (last - first) <= MAX[level]).then_some(Piece {
        first,
        last,
        value: Value::From(to),
    })
}

impl Recipe {
    /// What the map decides at a point, worked out naively.
    fn at(&self, point: &[u128]) -> Terminal {
        let yes = |recipe: &Recipe, point: &[u128]| recipe.at(point) != NONE;
        match self {
            Recipe::Constant(terminal) => *terminal,
            Recipe::Within(level, ranges, terminal) => {
                let inside = ranges
                    .iter()
                    .any(|(a, b)| (*a..=*b).contains(&point[*level]));
                if inside { *terminal } else { NONE }
            }
            Recipe::Bits(mask, value, terminal) => {
                let number = point[3] << 1 | point[4];
                if number & mask == value & mask {
                    *terminal
                } else {
                    NONE
                }
            }
            Recipe::First(list) => list
                .iter()
                .map(|recipe| recipe.at(point))
                .find(|terminal| *terminal != NONE)
                .unwrap_or(NONE),
            Recipe::Keep(map, set) if yes(set, point) => map.at(point),
            Recipe::Cut(map, set) if !yes(set, point) => map.at(point),
            Recipe::Keep(..) | Recipe::Cut(..) => NONE,
            Recipe::Choose(set, a, b) => if yes(set, point) { a } else { b }.at(point),
            Recipe::Differ(a, b) => Terminal::from(a.at(point) != b.at(point)),
            Recipe::Zip(a, b) => joined(a.at(point), b.at(point)),
            Recipe::Follow(a, b) => match a.at(point) {
                2 => 3,
                other => joined(other, b.at(point)),
            },
            Recipe::Draw(map, first) => map.at(&with(point, 0, first + point[2])),
            Recipe::Restrict(map, level, value) => {
                map.at(&with(point, *level, (*value).min(MAX[*level])))
            }
            Recipe::Move(map, level, first, last, to) => match moved(*level, *first, *last, *to) {
                Some(piece) if (piece.first..=piece.last).contains(&point[*level]) => {
                    map.at(&with(point, *level, point[*level] - piece.first + to))
                }
                _ => map.at(point),
            },
            Recipe::CopyBit(map) => map.at(&with(point, 3, point[4])),
            Recipe::Exists(map, levels) => {
                Terminal::from(around(point, levels).iter().any(|point| yes(map, point)))
            }
            Recipe::Forall(map, levels) => {
                Terminal::from(around(point, levels).iter().all(|point| yes(map, point)))
            }
            Recipe::Assign(map, level, value) => {
                let some = around(point, &[*level]).iter().any(|point| yes(map, point));
                Terminal::from(some && point[*level] == *value)
            }
            Recipe::Relabel(map) => renamed(map.at(point)),
        }
    }

    /// The map as a diagram.
    fn build(&self, space: &mut Space, levels: &[LevelId]) -> Map {
        let some = |space: &mut Space, recipe: &Recipe| -> Set {
            let map = recipe.build(space, levels);
            space.select(map, |terminal| terminal != NONE).unwrap()
        };
        let ids = |numbers: &[usize]| -> Vec<LevelId> {
            numbers.iter().map(|number| levels[*number]).collect()
        };
        match self {
            Recipe::Constant(terminal) => space.constant(*terminal),
            Recipe::Within(level, ranges, terminal) => {
                let set = space.within(levels[*level], ranges.clone()).unwrap();
                let map = space.constant(*terminal).unwrap();
                space.keep(map, set)
            }
            Recipe::Bits(mask, value, terminal) => {
                let place = |place: usize| (mask >> place & 1 == 1).then_some(levels[4 - place]);
                let bits = [place(1), place(0)];
                let set = space
                    .bits_within(&bits, value & mask, value & mask)
                    .unwrap();
                let map = space.constant(*terminal).unwrap();
                space.keep(map, set)
            }
            Recipe::First(list) => {
                let maps: Vec<Map> = list.iter().map(|r| r.build(space, levels)).collect();
                space.first_all(&maps)
            }
            Recipe::Keep(map, set) => {
                let (map, set) = (map.build(space, levels), some(space, set));
                space.keep(map, set)
            }
            Recipe::Cut(map, set) => {
                let (map, set) = (map.build(space, levels), some(space, set));
                space.cut(map, set)
            }
            Recipe::Choose(set, a, b) => {
                let set = some(space, set);
                let (a, b) = (a.build(space, levels), b.build(space, levels));
                space.choose(set, a, b)
            }
            Recipe::Differ(a, b) => {
                let (a, b) = (a.build(space, levels), b.build(space, levels));
                space.differ(a, b).map(Set::as_map)
            }
            Recipe::Zip(a, b) => {
                let (a, b) = (a.build(space, levels), b.build(space, levels));
                space.zip(a, b, joined)
            }
            Recipe::Follow(a, b) => {
                let (a, b) = (a.build(space, levels), b.build(space, levels));
                space.follow(a, b, |a| (a == 2).then_some(3), joined)
            }
            Recipe::Draw(map, first) => {
                let map = map.build(space, levels);
                space.draw(map, levels[0], *first, levels[2])
            }
            Recipe::Restrict(map, level, value) => {
                let map = map.build(space, levels);
                space.restrict(map, levels[*level], *value)
            }
            Recipe::Move(map, level, first, last, to) => {
                let map = map.build(space, levels);
                let pieces: Vec<Piece> = moved(*level, *first, *last, *to).into_iter().collect();
                space.substitute(map, levels[*level], &pieces)
            }
            Recipe::CopyBit(map) => {
                let map = map.build(space, levels);
                space.copy_bit(map, levels[3], levels[4])
            }
            Recipe::Exists(map, gone) => {
                let set = some(space, map);
                space.exists(set, &ids(gone)).map(Set::as_map)
            }
            Recipe::Forall(map, gone) => {
                let set = some(space, map);
                space.forall(set, &ids(gone)).map(Set::as_map)
            }
            Recipe::Assign(map, level, value) => {
                let set = some(space, map);
                space.assign(set, levels[*level], *value).map(Set::as_map)
            }
            Recipe::Relabel(map) => {
                let map = map.build(space, levels);
                space.relabel(map, renamed)
            }
        }
        .unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_diagram_decides_as_its_recipe(recipe in recipe()) {
        let (mut space, levels) = space();
        let map = recipe.build(&mut space, &levels);
        for point in points() {
            prop_assert_eq!(space.at(map, &point), recipe.at(&point), "at {:?}", point);
        }
    }

    #[test]
    fn equal_functions_are_equal_handles(a in recipe(), b in recipe()) {
        let (mut space, levels) = space();
        let left = a.build(&mut space, &levels);
        let right = b.build(&mut space, &levels);
        let same = points().iter().all(|point| a.at(point) == b.at(point));
        prop_assert_eq!(left == right, same);
        prop_assert_eq!(space.differ(left, right).unwrap().is_empty(), same);
    }

    #[test]
    fn sets_obey_the_laws(a in recipe(), b in recipe(), c in recipe()) {
        let (mut space, levels) = space();
        let mut set = |recipe: &Recipe| {
            let map = recipe.build(&mut space, &levels);
            space.select(map, |terminal| terminal != NONE).unwrap()
        };
        let (a, b, c) = (set(&a), set(&b), set(&c));
        let s = &mut space;
        let (a_or_b, a_and_b) = (s.or(a, b).unwrap(), s.and(a, b).unwrap());
        prop_assert_eq!(a_or_b, s.or(b, a).unwrap());
        prop_assert_eq!(a_and_b, s.and(b, a).unwrap());
        let (not_a, not_b) = (s.not(a).unwrap(), s.not(b).unwrap());
        prop_assert_eq!(s.not(not_a).unwrap(), a);
        prop_assert_eq!(s.not(a_or_b).unwrap(), s.and(not_a, not_b).unwrap());
        prop_assert_eq!(s.minus(a, b).unwrap(), s.and(a, not_b).unwrap());
        let (b_or_c, a_and_c) = (s.or(b, c).unwrap(), s.and(a, c).unwrap());
        prop_assert_eq!(s.and(a, b_or_c).unwrap(), s.or(a_and_b, a_and_c).unwrap());
        prop_assert_eq!(s.or(a, a_and_b).unwrap(), a);
        prop_assert!(s.and(a, not_a).unwrap().is_empty());
        prop_assert!(s.or(a, not_a).unwrap().is_all());
        let subset = s.is_subset(a, b).unwrap();
        prop_assert_eq!(subset, a_and_b == a);
        prop_assert!(s.is_subset(a_and_b, a).unwrap());
    }

    #[test]
    fn first_match_is_associative_and_ordered(list in prop::collection::vec(recipe(), 1..6)) {
        let (mut space, levels) = space();
        let maps: Vec<Map> = list.iter().map(|r| r.build(&mut space, &levels)).collect();
        let tree = space.first_all(&maps).unwrap();
        let mut sequence = maps[0];
        for map in &maps[1..] {
            sequence = space.first(sequence, *map).unwrap();
        }
        prop_assert_eq!(tree, sequence);
    }

    #[test]
    fn a_guarded_list_is_its_first_decision(
        list in prop::collection::vec((recipe(), recipe()), 0..9)
    ) {
        let (mut space, levels) = space();
        let mut parts = Vec::new();
        let mut kept = Vec::new();
        for (guard, map) in &list {
            let guard = guard.build(&mut space, &levels);
            let guard = space.select(guard, |decision| decision != NONE).unwrap();
            let map = map.build(&mut space, &levels);
            parts.push((guard, map));
            kept.push(space.keep(map, guard).unwrap());
        }
        let one_by_one = space.first_all(&kept).unwrap();
        prop_assert_eq!(space.first_guarded(&parts).unwrap(), one_by_one);
    }

    #[test]
    fn a_contrast_is_a_zip_that_forgets_what_is_equal(a in recipe(), b in recipe()) {
        let (mut space, levels) = space();
        let (a, b) = (a.build(&mut space, &levels), b.build(&mut space, &levels));
        let join = |left: Terminal, right: Terminal| if left == right { NONE } else { joined(left, right) };
        let zipped = space.zip(a, b, join).unwrap();
        prop_assert_eq!(space.contrast(a, b, join).unwrap(), zipped);
    }

    #[test]
    fn what_is_read_is_what_is_there(recipe in recipe(), over in 0usize..32) {
        let (mut space, levels) = space();
        let map = recipe.build(&mut space, &levels);
        let all = points();
        let decided: Vec<&Vec<u128>> = all.iter().filter(|p| recipe.at(p) != NONE).collect();
        let set = space.select(map, |terminal| terminal != NONE).unwrap();

        let smallest = decided.iter().min().copied().cloned();
        prop_assert_eq!(space.witness(set), smallest);

        let list = space.boxes(set, 1000);
        prop_assert!(list.complete);
        for point in &all {
            let holders = list.boxes.iter().filter(|one| {
                one.sides.iter().all(|(level, ranges)| {
                    ranges.iter().any(|(a, b)| (*a..=*b).contains(&point[level.index()]))
                })
            });
            prop_assert_eq!(holders.count(), usize::from(recipe.at(point) != NONE));
        }

        let counted: Vec<usize> = (0..5).filter(|level| over >> level & 1 == 1).collect();
        let ids: Vec<LevelId> = counted.iter().map(|level| levels[*level]).collect();
        let mut distinct: Vec<Vec<u128>> = decided
            .iter()
            .map(|point| counted.iter().map(|level| point[*level]).collect())
            .collect();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(space.count(set, &ids).unwrap(), Count::Exactly(distinct.len() as u128));

        let mut terminals: Vec<Terminal> = all.iter().map(|point| recipe.at(point)).collect();
        terminals.sort_unstable();
        terminals.dedup();
        prop_assert_eq!(space.terminals(map), terminals.clone());

        let regions = space.regions(map).unwrap();
        terminals.retain(|terminal| *terminal != NONE);
        prop_assert_eq!(regions.iter().map(|(t, _)| *t).collect::<Vec<_>>(), terminals);
        for (terminal, region) in regions {
            prop_assert_eq!(region, space.select(map, |other| other == terminal).unwrap());
        }
    }

    #[test]
    fn corners_reach_every_decision(recipe in recipe()) {
        let (mut space, levels) = space();
        let map = recipe.build(&mut space, &levels);
        let corners = space.corners(map, 100_000);
        for (terminal, _) in space.regions(map).unwrap() {
            let found = corners.iter().any(|point| recipe.at(point) == terminal);
            prop_assert!(found || space.support(map).is_empty());
        }
    }

    #[test]
    fn numbers_in_bits_are_numbers(first in 0u128..20, last in 0u128..20) {
        let mut space = Space::new(Bounds::default());
        let bits: Vec<LevelId> = (0..4).map(|_| space.bit("bit").unwrap()).collect();
        let places: Vec<Option<LevelId>> = bits.iter().copied().map(Some).collect();
        let set = space.bits_within(&places, first, last).unwrap();
        for number in 0..16u128 {
            let point: Vec<u128> = (0..4).map(|place| number >> (3 - place) & 1).collect();
            prop_assert_eq!(space.has(set, &point), (first..=last).contains(&number));
        }
    }

    #[test]
    fn the_narrowest_prefix_wins(
        entries in prop::collection::vec((0u128..64, 0u32..7, 1u32..9), 0..12),
    ) {
        let mut space = Space::new(Bounds::default());
        let level = space.interval("address", 63).unwrap();
        let entries: Vec<((u128, u128), Terminal)> = entries
            .into_iter()
            .map(|(base, bits, terminal)| {
                let first = base >> bits << bits;
                ((first, first + (1 << bits) - 1), terminal)
            })
            .collect();
        let map = space.narrowest(level, &entries).unwrap();
        for value in 0..64 {
            let best = entries
                .iter()
                .filter(|((first, last), _)| (*first..=*last).contains(&value))
                .min_by_key(|((first, last), _)| last - first);
            prop_assert_eq!(space.at(map, &[value]), best.map_or(NONE, |entry| entry.1));
        }
    }
}
