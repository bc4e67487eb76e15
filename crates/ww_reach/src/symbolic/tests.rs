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

mod redundant;
mod routed;
mod share;

const SPAN: SourceSpan = SourceSpan {
    source: SourceId(0),
    start: 0,
    end: 0,
};

/// User chains stand behind the base chains; a user chain jumps to later ones only.
const BASES: u32 = 9;
const CHAINS: u32 = BASES + 3;

fn address() -> impl Strategy<Value = u128> {
    prop_oneof![
        (0u128..6).prop_map(|host| 0x0a00_0000 + host),
        Just(0x7f00_0001),
        Just(0xe000_0001),
        Just(0xc0a8_0101),
        Just(0xc0a8_01ff),
    ]
}

fn addresses() -> impl Strategy<Value = Ranges> {
    (address(), 0u128..4).prop_map(|(first, more)| Ranges::span(first, first + more))
}

fn field_test() -> impl Strategy<Value = Condition> {
    let few = |field: Field, most: u128| {
        (0..=most, 0..=most)
            .prop_map(move |(a, b)| Condition::In(field, Ranges::span(a.min(b), a.max(b))))
    };
    let masked = |field: Field| {
        (0u128..8, 0u128..8).prop_map(move |(mask, value)| Condition::Masked {
            field,
            mask,
            within: Ranges::one(value & mask),
        })
    };
    let protocols = prop::sample::select(vec![1u128, 6, 17, 58, 89]);
    let any_field = prop::sample::select(vec![
        Field::SrcPort,
        Field::IcmpType,
        Field::TcpFlags,
        Field::CtMark,
        Field::Src6,
        Field::Mark,
    ]);
    prop_oneof![
        3 => addresses().prop_map(|set| Condition::In(Field::Dst4, set)),
        3 => addresses().prop_map(|set| Condition::In(Field::Src4, set)),
        2 => protocols.prop_map(|number| Condition::In(Field::Protocol, Ranges::one(number))),
        3 => few(Field::DstPort, 5),
        1 => few(Field::SrcPort, 5),
        1 => few(Field::IcmpType, 3),
        1 => masked(Field::TcpFlags),
        1 => masked(Field::DstPort),
        2 => few(Field::CtState, 4),
        1 => few(Field::CtNat, 3),
        2 => masked(Field::Mark),
        1 => few(Field::Mark, 5),
        1 => masked(Field::CtMark),
        1 => masked(Field::Dscp),
        1 => few(Field::SrcKind, 4),
        1 => few(Field::DstKind, 4),
        1 => few(Field::HopLimit, 5),
        1 => any_field.prop_map(Condition::Has),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let name = prop::sample::select(vec!["eth0", "eth1", "eth", "wg", ""]);
    let way = prop_oneof![Just(Way::In), Just(Way::Out)];
    let interface = (way, name, any::<bool>()).prop_map(|(way, text, prefix)| {
        let text = text.to_owned();
        Condition::Interface(way, NamePattern { text, prefix })
    });
    let scattered = (0u128..4).prop_map(|value| Condition::Masked {
        field: Field::Src4,
        mask: 0xff00_0003,
        within: Ranges::one(0x0a00_0000 | value),
    });
    let tuple = prop::collection::vec((addresses(), 0u128..5, 0u128..3), 1..4).prop_map(|boxes| {
        let side =
            |(set, port, more): (Ranges, u128, u128)| vec![set, Ranges::span(port, port + more)];
        Condition::Tuple {
            fields: vec![Field::Dst4, Field::DstPort],
            boxes: boxes.into_iter().map(side).collect(),
        }
    });
    let leaf = prop_oneof![
        12 => field_test(),
        2 => interface,
        1 => (0u32..3).prop_map(|id| Condition::Unknown(UnknownId(id))),
        1 => scattered,
        1 => tuple,
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            2 => inner.clone().prop_map(|part| Condition::Not(Box::new(part))),
            1 => list().prop_map(Condition::All),
            1 => list().prop_map(Condition::Any),
        ]
    })
}

fn verdict(chain: u32) -> BoxedStrategy<Verdict> {
    let plain = prop_oneof![
        4 => Just(Verdict::Accept),
        3 => Just(Verdict::Drop),
        1 => Just(Verdict::Reject(Refusal::TcpReset)),
        2 => Just(Verdict::Return),
        1 => Just(Verdict::Continue),
    ];
    let next = if chain < BASES { BASES } else { chain + 1 };
    if next >= CHAINS {
        return plain.boxed();
    }
    let further = (next..CHAINS, any::<bool>()).prop_map(|(to, jumps)| {
        let to = ChainId(to);
        if jumps {
            Verdict::Jump(to)
        } else {
            Verdict::Goto(to)
        }
    });
    prop_oneof![3 => plain, 1 => further].boxed()
}

/// A translation that Linux takes at the hook: of the source where packets leave or are delivered, of the
/// destination where they enter or are made.
fn nat(of_source: bool) -> impl Strategy<Value = Nat> {
    let (plain, own) = if of_source {
        (NatKind::Source, NatKind::Masquerade)
    } else {
        (NatKind::Destination, NatKind::Redirect)
    };
    let kind = prop_oneof![
        6 => Just(plain),
        1 => Just(own),
        1 => Just(NatKind::Prefix),
    ];
    let range = prop::option::of((address(), prop_oneof![3 => Just(0u128), 1 => 0u128..3]));
    let ports = prop::option::of((0u16..5, prop_oneof![3 => Just(0u16), 1 => 0u16..3]));
    (kind, range, ports, prop::bool::weighted(0.1)).prop_map(|(kind, range, ports, random)| Nat {
        kind,
        addresses: range.map(|(first, more)| match kind {
            NatKind::Prefix => (first & !3, first | 3),
            _ => (first, first + more),
        }),
        ports: ports.map(|(first, more)| (first, first + more)),
        random,
    })
}

/// An action of a chain; of one that translates when it is said whether it translates sources.
fn action(chain: u32, translates: Option<bool>) -> BoxedStrategy<Action> {
    let mark = prop::sample::select(vec![Field::Mark, Field::CtMark, Field::Dscp]);
    let set =
        (mark, 0u32..8, 0u32..8).prop_map(|(field, keep, flip)| Action::Set { field, keep, flip });
    let entries = prop::collection::vec((condition(), verdict(chain)), 0..4);
    let others = prop_oneof![
        12 => verdict(chain).prop_map(Action::Verdict),
        2 => entries.prop_map(Action::VerdictMap),
        4 => set,
        1 => Just(Action::SaveMark),
        1 => Just(Action::RestoreMark),
        1 => Just(Action::Untrack),
        1 => Just(Action::Unknown(UnknownId(0))),
    ];
    let Some(of_source) = translates else {
        return others.boxed();
    };
    let map = prop::collection::vec((condition(), nat(of_source)), 0..3).prop_map(Action::NatMap);
    prop_oneof![1 => others, 3 => nat(of_source).prop_map(Action::Nat), 1 => map].boxed()
}

fn rules(chain: u32, translates: Option<bool>) -> impl Strategy<Value = Vec<Rule>> {
    let conditions = prop::collection::vec(condition(), 0..3);
    let actions = prop::collection::vec(action(chain, translates), 1..3);
    let late = prop::option::weighted(0.2, condition());
    let rule = (conditions, actions, late).prop_map(|(conditions, actions, late)| {
        let conditions = conditions.into_iter().map(Step::If);
        let mut steps: Vec<Step> = conditions.collect();
        let mut actions = actions.into_iter().map(Step::Do);
        steps.extend(actions.next());
        steps.extend(late.map(Step::If));
        steps.extend(actions);
        Rule {
            at: SPAN,
            steps,
            asides: Vec::new(),
        }
    });
    prop::collection::vec(rule, 0..5)
}

fn chain(number: u32, base: Option<(Hook, i32, ChainKind)>) -> impl Strategy<Value = Chain> {
    let of_source = |(hook, _, kind)| {
        (kind == ChainKind::Nat).then_some(matches!(hook, Hook::Postrouting | Hook::Input))
    };
    let translates = base.and_then(of_source);
    let accepts = prop::bool::weighted(if translates.is_some() { 1.0 } else { 0.6 });
    (rules(number, translates), accepts).prop_map(move |(rules, accepts)| {
        let policy = if accepts {
            Verdict::Accept
        } else {
            Verdict::Drop
        };
        Chain {
            table: "table".into(),
            name: format!("chain{number}"),
            at: SPAN,
            base: base.map(|(hook, priority, kind)| Base {
                family: Family::Inet,
                hook,
                priority,
                kind,
                policy: Sourced {
                    value: policy,
                    at: Locus::Text(SPAN),
                },
            }),
            rules,
        }
    })
}

fn ruleset() -> impl Strategy<Value = Ruleset> {
    let bases = [
        (Hook::Prerouting, -300, ChainKind::Filter),
        (Hook::Prerouting, -150, ChainKind::Filter),
        (Hook::Prerouting, -100, ChainKind::Nat),
        (Hook::Forward, 0, ChainKind::Filter),
        (Hook::Input, 0, ChainKind::Filter),
        (Hook::Output, 0, ChainKind::Filter),
        (Hook::Output, -100, ChainKind::Nat),
        (Hook::Postrouting, 100, ChainKind::Nat),
        (Hook::Postrouting, 150, ChainKind::Filter),
    ];
    let bases: Vec<_> = bases
        .into_iter()
        .zip(0..)
        .map(|(base, number)| chain(number, Some(base)))
        .collect();
    let users: Vec<_> = (BASES..CHAINS).map(|number| chain(number, None)).collect();
    (bases, users, prop::collection::vec(any::<bool>(), 9)).prop_map(|(bases, users, used)| {
        let mut chains: Vec<Chain> = bases;
        for (chain, used) in chains.iter_mut().zip(used) {
            if !used
                && chain
                    .base
                    .as_ref()
                    .is_some_and(|base| base.hook != Hook::Forward)
            {
                chain.rules.clear();
            }
        }
        chains.extend(users);
        Ruleset {
            chains,
            unknowns: (0..3).map(|_| unknown()).collect(),
        }
    })
}

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
