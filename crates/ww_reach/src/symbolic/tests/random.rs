//! Random rule sets and what they test.

use super::*;

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

pub(super) fn ruleset() -> impl Strategy<Value = Ruleset> {
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
