//! The same rule lists as binary decision diagrams of another library.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

use oxidd::bdd::BDDFunction;
use oxidd::{BooleanFunction as _, Manager as _, ManagerRef as _};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use ww_packetset::{Bounds, LevelId, Map, Set, Space};

/// Bits of each level: two addresses, a protocol, two ports.
const WIDTHS: [u32; 5] = [32, 32, 8, 16, 16];

/// Inclusive ranges on some levels, and whether what fits is accepted.
#[derive(Clone, Debug)]
struct Rule {
    sides: Vec<Option<(u128, u128)>>,
    accept: bool,
}

/// Few distinct numbers, so that rules overlap; ranges of every shape, so that borders are odd.
fn side(width: u32) -> impl Strategy<Value = Option<(u128, u128)>> {
    let most = (1u128 << width) - 1;
    let range = (0u128..8, 0u128..20, 0u128..5).prop_map(move |(base, length, shift)| {
        let first = base << (width - 3) | shift;
        (first, (first + (1 << length) - 1).min(most))
    });
    prop_oneof![Just(None), range.prop_map(Some)]
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let sides = Vec::from(WIDTHS.map(side));
    let rule = (sides, any::<bool>()).prop_map(|(sides, accept)| Rule { sides, accept });
    prop::collection::vec(rule, 1..12)
}

/// Our diagram of what a rule list accepts.
fn ours(space: &mut Space, levels: &[LevelId], rules: &[Rule]) -> Set {
    let maps: Vec<Map> = rules
        .iter()
        .map(|rule| {
            let sides: Vec<_> = levels
                .iter()
                .zip(&rule.sides)
                .filter_map(|(level, side)| side.map(|range| (*level, vec![range])))
                .collect();
            let fits = space.cube(&sides).unwrap();
            let verdict = space.constant(if rule.accept { 1 } else { 2 }).unwrap();
            space.keep(verdict, fits).unwrap()
        })
        .collect();
    let list = space.first_all(&maps).unwrap();
    space.select(list, |verdict| verdict == 1).unwrap()
}

/// Theirs, rule by rule from the last to the first.
fn theirs(bits: &[BDDFunction], no: &BDDFunction, rules: &[Rule]) -> BDDFunction {
    rules.iter().rev().fold(no.clone(), |rest, rule| {
        let yes = no.not().unwrap();
        let mut fits = yes.clone();
        let mut from = 0;
        for (width, side) in WIDTHS.iter().zip(&rule.sides) {
            let level = &bits[from as usize..(from + width) as usize];
            if let Some((first, last)) = side {
                fits = fits.and(&at_least(level, *first, &yes)).unwrap();
                fits = fits.and(&at_most(level, *last, &yes)).unwrap();
            }
            from += width;
        }
        let verdict = if rule.accept { yes } else { no.clone() };
        fits.ite(&verdict, &rest).unwrap()
    })
}

fn at_least(bits: &[BDDFunction], number: u128, yes: &BDDFunction) -> BDDFunction {
    bits.iter()
        .rev()
        .enumerate()
        .fold(yes.clone(), |below, (place, bit)| {
            if number >> place & 1 == 1 {
                bit.and(&below)
            } else {
                bit.or(&below)
            }
            .unwrap()
        })
}

fn at_most(bits: &[BDDFunction], number: u128, yes: &BDDFunction) -> BDDFunction {
    bits.iter()
        .rev()
        .enumerate()
        .fold(yes.clone(), |below, (place, bit)| {
            let clear = bit.not().unwrap();
            if number >> place & 1 == 1 {
                clear.or(&below)
            } else {
                clear.and(&below)
            }
            .unwrap()
        })
}

fn bits_of(point: &[u128]) -> Vec<(u32, bool)> {
    let bits = WIDTHS
        .iter()
        .zip(point)
        .flat_map(|(width, value)| (0..*width).rev().map(move |place| value >> place & 1 == 1));
    (0..).zip(bits).collect()
}

#[test]
fn two_libraries_agree() {
    let manager = oxidd::bdd::new_manager(1 << 16, 1 << 14, 1);
    let (bits, no) = manager.with_manager_exclusive(|manager| {
        let variables = manager.add_vars(WIDTHS.iter().sum());
        let bits: Vec<BDDFunction> = variables
            .map(|variable| BDDFunction::var(manager, variable).unwrap())
            .collect();
        (bits, BDDFunction::f(manager))
    });
    let random = prop::collection::vec(any::<[u32; 5]>(), 50);
    let cases = (rules(), any::<prop::sample::Index>(), random);
    let config = ProptestConfig {
        cases: 30,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&cases, |(rules, gone, random)| {
            let mut space = Space::new(Bounds::default());
            let levels: Vec<LevelId> = WIDTHS
                .iter()
                .map(|width| space.interval("level", (1 << width) - 1).unwrap())
                .collect();
            let our_set = ours(&mut space, &levels, &rules);
            let their_set = theirs(&bits, &no, &rules);
            let mut points = space.corners(our_set.as_map(), 500);
            points.extend(random.iter().map(|point| {
                let wide = point.iter().zip(WIDTHS);
                wide.map(|(value, width)| u128::from(*value) & ((1 << width) - 1))
                    .collect()
            }));
            for point in &points {
                prop_assert_eq!(space.has(our_set, point), their_set.eval(bits_of(point)));
            }

            let mut fewer = rules.clone();
            fewer.remove(gone.index(rules.len()));
            let our_fewer = ours(&mut space, &levels, &fewer);
            let their_fewer = theirs(&bits, &no, &fewer);
            prop_assert_eq!(our_fewer == our_set, their_fewer == their_set);
            Ok(())
        })
        .unwrap();
}
