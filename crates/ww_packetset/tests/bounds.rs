//! Large inputs, and what happens at the bounds.

use ww_packetset::{Bounds, Count, Space, TooLarge};

/// Numbers that look random, the same in every run.
fn numbers(count: usize) -> impl Iterator<Item = u128> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    (0..count).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u128::from(state >> 8)
    })
}

#[test]
fn a_hundred_thousand_prefixes_are_one_node() {
    let mut space = Space::new(Bounds::default());
    let address = space.interval("address", u128::from(u32::MAX)).unwrap();
    let prefixes: Vec<(u128, u128)> = numbers(100_000)
        .map(|number| (number & 0xffff_ff00, number & 0xffff_ff00 | 0xff))
        .collect();
    let set = space.within(address, prefixes.iter().copied()).unwrap();
    assert_eq!(space.size(set.as_map()).nodes, 1);
    let mut distinct = prefixes.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let count = space.count(set, &[address]).unwrap();
    assert_eq!(count, Count::Exactly(distinct.len() as u128 * 256));
    for (first, last) in prefixes.iter().step_by(997) {
        assert!(space.has(set, &[*first]) && space.has(set, &[*last]));
    }
    let rest = space.not(set).unwrap();
    assert!(space.or(set, rest).unwrap().is_all());
    assert!(space.and(set, rest).unwrap().is_empty());
}

#[test]
fn the_widest_addresses_fit() {
    let mut space = Space::new(Bounds::default());
    let source = space.interval("source", u128::MAX).unwrap();
    let destination = space.interval("destination", u128::MAX).unwrap();
    let last = space.within(source, [(u128::MAX, u128::MAX)]).unwrap();
    let rest = space.not(last).unwrap();
    assert_eq!(space.witness(last), Some(vec![u128::MAX, 0]));
    assert!(space.has(rest, &[u128::MAX - 1, 7]) && !space.has(rest, &[u128::MAX, 7]));
    assert_eq!(
        space.count(rest, &[source]).unwrap(),
        Count::Exactly(u128::MAX)
    );
    let Count::About(points) = space.count(rest, &[source, destination]).unwrap() else {
        panic!("more points than 128 bits count");
    };
    assert!((points / 2f64.powi(256) - 1.0).abs() < 1e-9);
    let everywhere = space.exists(last, &[source]).unwrap();
    assert!(everywhere.is_all());
}

#[test]
fn bounds_are_answers() {
    let small = Bounds {
        levels: 2,
        nodes: 50,
        edges: 400,
    };
    let mut space = Space::new(small);
    let a = space.interval("a", 10_000).unwrap();
    let b = space.interval("b", 10_000).unwrap();
    assert_eq!(space.bit("c"), Err(TooLarge::Levels));
    assert_eq!(space.constant(1 << 31), Err(TooLarge::Terminals));

    let far_apart = (0..1000).map(|number| (number * 2, number * 2));
    assert_eq!(space.within(a, far_apart), Err(TooLarge::Edges));

    let mut diagonal = space.none();
    let grown = (0..100).try_for_each(|number| {
        let one = [(a, vec![(number, number)]), (b, vec![(number, number)])];
        let point = space.cube(&one)?;
        diagonal = space.or(diagonal, point)?;
        Ok::<(), TooLarge>(())
    });
    assert!(matches!(grown, Err(TooLarge::Nodes | TooLarge::Edges)));
    assert!(space.has(diagonal, &[0, 0]), "what was built stays good");
    assert!(!space.has(diagonal, &[0, 1]));
}

#[test]
fn many_bits_below_one_another_do_not_exhaust_the_stack() {
    let mut space = Space::new(Bounds::default());
    let bits: Vec<_> = (0..1024).map(|_| space.bit("unknown").unwrap()).collect();
    let sides: Vec<_> = bits.iter().map(|bit| (*bit, vec![(1, 1)])).collect();
    let all_set = space.cube(&sides).unwrap();
    let some_clear = space.not(all_set).unwrap();
    assert!(space.or(all_set, some_clear).unwrap().is_all());
    assert!(space.exists(all_set, &bits).unwrap().is_all());
    assert!(space.forall(some_clear, &bits).unwrap().is_empty());
    assert_eq!(space.boxes(all_set, 10).boxes.len(), 1);
    assert_eq!(space.witness(all_set), Some(vec![1; 1024]));
}

#[test]
fn too_many_boxes_are_cut_and_said_so() {
    let mut space = Space::new(Bounds::default());
    let a = space.interval("a", 10_000).unwrap();
    let b = space.interval("b", 10_000).unwrap();
    let points: Vec<_> = (0..100u128)
        .map(|number| {
            let sides = [(a, vec![(number, number)]), (b, vec![(number, number)])];
            space.cube(&sides).unwrap()
        })
        .collect();
    let diagonal = space.or_all(&points).unwrap();
    assert_eq!(space.boxes(diagonal, 100).boxes.len(), 100);
    assert!(space.boxes(diagonal, 100).complete);
    let cut = space.boxes(diagonal, 30);
    assert!(!cut.complete && cut.boxes.len() == 30);
}
