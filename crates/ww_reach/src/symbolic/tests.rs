//! The function of a rule set against the walk of one packet, on random rule sets.

use super::*;
use crate::walk::{Device, Interface, Route, Walk, Walker};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::net::IpAddr;
use ww_base::{Limits, Locus, SourceId, SourceSpan, Sourced};
use ww_model::filter::{
    Action, Aside, Base, Chain, ChainId, ChainKind, Condition, Family, Field, Hook, NamePattern,
    Nat, NatKind, Refusal, Rule, Ruleset, Step, Unknown, UnknownId, UnknownReason, Verdict, Way,
};
use ww_model::{Packet, Ranges};
use ww_packetset::{Bounds, LevelId};

mod random;
mod redundant;
mod routed;
mod share;

use random::ruleset;

const SPAN: SourceSpan = SourceSpan {
    source: SourceId(0),
    start: 0,
    end: 0,
};

/// User chains stand behind the base chains; a user chain jumps to later ones only.
const BASES: u32 = 9;
const CHAINS: u32 = BASES + 3;

fn unknown() -> Unknown {
    Unknown {
        at: SPAN,
        text: "-m limit".into(),
        reason: UnknownReason::Dynamic,
    }
}

fn device() -> Device {
    let interface = |name: &str, address: &str| Interface {
        name: name.into(),
        addresses: vec![(address.parse().unwrap(), 24)],
    };
    Device {
        interfaces: vec![
            interface("eth0", "10.0.0.1"),
            interface("eth1", "192.168.1.1"),
        ],
        routes: vec![Route {
            network: "224.0.0.0".parse().unwrap(),
            prefix: 4,
            interface: "wg0".into(),
        }],
    }
}

/// All fates that the function has for a packet, over what is not known.
fn fates_of(universe: &mut Universe, function: &Function, packet: &Packet) -> Vec<Fate> {
    let point = universe.point(packet).unwrap();
    let sides: Vec<(LevelId, Vec<(u128, u128)>)> = universe
        .space
        .levels()
        .map(|(level, _)| level)
        .filter(|level| !universe.hidden.contains(level))
        .map(|level| (level, vec![(point[level.index()], point[level.index()])]))
        .collect();
    let here = universe.space.cube(&sides).unwrap();
    let map = universe.space.keep(function.map, here).unwrap();
    let decisions = universe.space.terminals(map);
    let fate = |decision| function.fate(decision).cloned();
    decisions.into_iter().filter_map(fate).collect()
}

/// Where a translation leaves an address or port that was this number.
fn reached(becomes: Option<Becomes>, old: u128) -> (u128, u128) {
    match becomes {
        None => (old, old),
        Some(Becomes::Is(number)) => (number, number),
        Some(Becomes::OneOf(first, last)) => (first, last),
        Some(Becomes::In(first, last)) => {
            let number = first & !(first ^ last) | old & (first ^ last);
            (number, number)
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The walk and the function agree on a packet.
fn agree(walk: &Walk, fates: &[Fate], packet: &Packet, is_exact: bool) -> Result<(), String> {
    let ours: BTreeSet<Outcome> = fates.iter().map(|fate| fate.outcome).collect();
    let theirs: BTreeSet<Outcome> = walk.endings.iter().map(|(outcome, _)| *outcome).collect();
    if !ours.is_subset(&theirs) || ours.is_empty() {
        return Err(format!("{packet:?}: {ours:?}, but walked to {theirs:?}"));
    }
    let [fate] = fates else { return Ok(()) };
    if !is_exact {
        return Ok(());
    }
    if walk.by != fate.by && fate.outcome != Outcome::Unknown {
        return Err(format!(
            "{packet:?}: by {:?}, but walked to {:?}",
            fate.by, walk.by
        ));
    }
    if fate.outcome != Outcome::Accept {
        return Ok(());
    }
    let of = |(first, last): (IpAddr, IpAddr)| (number(first), number(last));
    let ports = |(first, last): (u16, u16)| (u128::from(first), u128::from(last));
    let expected = [
        reached(fate.change.src, number(packet.src)),
        reached(fate.change.dst, number(packet.dst)),
        reached(fate.change.sport, packet.sport.into()),
        reached(fate.change.dport, packet.dport.into()),
    ];
    let walked = [
        of(walk.after.src),
        of(walk.after.dst),
        ports(walk.after.sport),
        ports(walk.after.dport),
    ];
    if expected == walked {
        Ok(())
    } else {
        Err(format!(
            "{packet:?}: becomes {expected:?}, but walked to {walked:?}"
        ))
    }
}

fn compare(ruleset: &Ruleset, route: Hook, device: Option<&Device>) -> Result<usize, String> {
    let interfaces = ["eth0", "eth1", "wg0"];
    let mut universe =
        Universe::new(&[ruleset], Version::V4, &interfaces, Bounds::default()).unwrap();
    let function = universe.compile(0, device, route).unwrap();
    let mut corners = universe.space.corners(function.map, 300);
    corners.push(vec![0; universe.space.levels().len()]);
    let packets: BTreeSet<Packet> = corners
        .iter()
        .map(|corner| universe.packet_at(corner))
        .collect();
    let limits = Limits::default();
    let walker = Walker::new(ruleset, device, &limits);
    for packet in &packets {
        let fates = fates_of(&mut universe, &function, packet);
        let walk = walker.decide(route, packet);
        agree(&walk, &fates, packet, universe.hidden.is_empty())?;
    }
    Ok(packets.len())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_function_agrees_with_the_walk(
        ruleset in ruleset(),
        route in prop::sample::select(vec![Hook::Forward, Hook::Input, Hook::Output]),
        has_device in any::<bool>(),
    ) {
        let device = device();
        let device = has_device.then_some(&device);
        compare(&ruleset, route, device).map_err(TestCaseError::fail)?;
    }
}

/// A rule set that forwards by these rules, and drops the rest.
fn forwarding(rules: Vec<(Vec<Condition>, Verdict)>) -> Ruleset {
    let rules = rules.into_iter().map(|(conditions, verdict)| Rule {
        at: SPAN,
        steps: conditions
            .into_iter()
            .map(Step::If)
            .chain([Step::Do(Action::Verdict(verdict))])
            .collect(),
        asides: Vec::new(),
    });
    Ruleset {
        chains: vec![Chain {
            table: "filter".into(),
            name: "FORWARD".into(),
            at: SPAN,
            base: Some(Base {
                family: Family::Inet,
                hook: Hook::Forward,
                priority: 0,
                kind: ChainKind::Filter,
                policy: Sourced {
                    value: Verdict::Drop,
                    at: Locus::Text(SPAN),
                },
            }),
            rules: rules.collect(),
        }],
        unknowns: vec![unknown()],
    }
}

fn from(first: u128, last: u128) -> Condition {
    Condition::In(Field::Src4, Ranges::span(first, last))
}

fn to_port(port: u128) -> Condition {
    Condition::In(Field::DstPort, Ranges::one(port))
}

fn by(index: usize) -> By {
    By::Rule {
        chain: ChainId(0),
        index,
        at: SPAN,
    }
}

const ALL_OF_TEN: (u128, u128) = (0x0a00_0000, 0x0aff_ffff);

#[test]
fn a_covered_rule_is_shadowed_and_says_by_whom() {
    let (first, last) = ALL_OF_TEN;
    let ruleset = forwarding(vec![
        (vec![from(first, last), to_port(22)], Verdict::Accept),
        (vec![from(first, first + 255)], Verdict::Drop),
        (vec![from(first, first + 9), to_port(22)], Verdict::Drop),
        (vec![from(first, first + 9)], Verdict::Drop),
        (
            vec![to_port(22), Condition::Not(Box::new(to_port(22)))],
            Verdict::Accept,
        ),
        (vec![to_port(80)], Verdict::Accept),
    ]);
    let mut universe = Universe::new(&[&ruleset], Version::V4, &[], Bounds::default()).unwrap();
    let function = universe.compile(0, None, Hook::Forward).unwrap();
    let shadows = universe
        .shadowed(0, None, &[(Hook::Forward, &function)])
        .unwrap();
    let told: Vec<(By, Vec<By>)> = shadows
        .into_iter()
        .map(|shadow| (shadow.rule, shadow.covered_by))
        .collect();
    assert_eq!(
        told,
        [
            (by(2), vec![by(0)]),
            (by(3), vec![by(0), by(1)]),
            (by(4), vec![])
        ]
    );
    let decided = universe.decided(&function).unwrap();
    let deciders: Vec<By> = decided.iter().map(|one| one.by).collect();
    assert_eq!(deciders, [by(0), by(1), by(5), By::Policy(ChainId(0))]);
}

#[test]
fn a_difference_names_the_deciders_on_both_sides() {
    let (first, last) = ALL_OF_TEN;
    let before = forwarding(vec![(
        vec![from(first, last), to_port(22)],
        Verdict::Accept,
    )]);
    let after = forwarding(vec![
        (vec![from(first, first + 255)], Verdict::Drop),
        (vec![to_port(22)], Verdict::Accept),
    ]);
    let mut universe =
        Universe::new(&[&before, &after], Version::V4, &[], Bounds::default()).unwrap();
    let old = universe.compile(0, None, Hook::Forward).unwrap();
    let new = universe.compile(1, None, Hook::Forward).unwrap();
    let differences = universe.diff(&old, &new).unwrap();
    let told: Vec<_> = differences
        .iter()
        .map(|difference| (difference.before, difference.after))
        .collect();
    let policy = (Outcome::Drop, By::Policy(ChainId(0)));
    assert_eq!(
        told,
        [
            ((Outcome::Accept, by(0)), (Outcome::Drop, by(0))),
            (policy, (Outcome::Accept, by(1)))
        ]
    );
    let packet = universe.distinguish(&old, &new).unwrap().unwrap();
    let walked = |ruleset| crate::walk::walk(ruleset, Hook::Forward, &packet).outcome;
    assert_ne!(walked(&before), walked(&after));
    assert_eq!(universe.distinguish(&old, &old).unwrap(), None);
}

#[test]
fn what_is_not_known_separates_must_from_may() {
    let limit = Condition::Unknown(UnknownId(0));
    let ruleset = forwarding(vec![
        (vec![limit, to_port(22)], Verdict::Accept),
        (vec![to_port(80)], Verdict::Accept),
    ]);
    let mut universe = Universe::new(&[&ruleset], Version::V4, &[], Bounds::default()).unwrap();
    let function = universe.compile(0, None, Hook::Forward).unwrap();
    let allowed = universe.allowed(&function).unwrap();
    let only = universe.space.minus(allowed.may, allowed.must).unwrap();
    assert_eq!(universe.packet(only).unwrap().dport, 22);
    assert_eq!(universe.packet(allowed.must).unwrap().dport, 80);
    assert!(universe.space.is_subset(allowed.must, allowed.may).unwrap());
}

#[test]
fn a_matrix_groups_addresses_that_fare_alike() {
    let (first, last) = ALL_OF_TEN;
    let to_ten = Condition::In(Field::Dst4, Ranges::span(first, last));
    let rules = vec![
        (vec![from(5, 5), to_ten.clone()], Verdict::Drop),
        (vec![from(5, 9), to_ten, to_port(22)], Verdict::Accept),
    ];
    // Many rules about senders, each with something unknown, put sources before destinations.
    let about_senders = (100..120).map(|sender| {
        let unknown = Condition::Unknown(UnknownId(0));
        (vec![from(sender, sender), unknown], Verdict::Drop)
    });
    for gates in [false, true] {
        let gates = about_senders.clone().take(if gates { 20 } else { 0 });
        let ruleset = forwarding(gates.chain(rules.clone()).collect());
        let mut universe = Universe::new(&[&ruleset], Version::V4, &[], Bounds::default()).unwrap();
        let source_first = universe.level(Field::Src4) < universe.level(Field::Dst4);
        assert_eq!(source_first, ruleset.chains[0].rules.len() > 2);
        let function = universe.compile(0, None, Hook::Forward).unwrap();
        let passing = universe.allowed(&function).unwrap().must;
        let ssh = Service {
            protocol: 6,
            port: 22,
            source_port: 10_000,
        };
        let matrix = universe.matrix(passing, ssh).unwrap();
        let all = u128::from(u32::MAX);
        let others = Ranges::of([(0, 5), (10, first - 1), (last + 1, all)]);
        let ten = Ranges::span(first, last);
        assert_eq!(matrix.groups, [others, Ranges::span(6, 9), ten]);
        assert_eq!(matrix.edges, [(1, 2)]);
    }
}

#[test]
fn chains_that_jump_in_circles_end_unknown() {
    let mut ruleset = forwarding(vec![(vec![], Verdict::Jump(ChainId(1)))]);
    let circle = |to| Rule {
        at: SPAN,
        steps: vec![Step::Do(Action::Verdict(Verdict::Jump(ChainId(to))))],
        asides: Vec::new(),
    };
    for to in [2, 1] {
        ruleset.chains.push(Chain {
            table: "filter".into(),
            name: "circle".into(),
            at: SPAN,
            base: None,
            rules: vec![circle(to)],
        });
    }
    let mut universe = Universe::new(&[&ruleset], Version::V4, &[], Bounds::default()).unwrap();
    let function = universe.compile(0, None, Hook::Forward).unwrap();
    let allowed = universe.allowed(&function).unwrap();
    assert!(allowed.must.is_empty() && allowed.may.is_all());
}
