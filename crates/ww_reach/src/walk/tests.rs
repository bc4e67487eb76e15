use super::*;
use ww_base::{Locus, SourceId, Sourced};
use ww_model::Ranges;
use ww_model::filter::{
    Action, Base, Chain, ChainKind, Condition, Family, NamePattern, Nat, NatKind, Rule,
    Step as RuleStep, Unknown, UnknownReason,
};
use ww_model::packet::CtState;

fn span(line: u32) -> SourceSpan {
    SourceSpan {
        source: SourceId(0),
        start: line,
        end: line + 1,
    }
}

/// A chain of rules; a rule is its place in the file, its conditions and its action.
type Rules = Vec<(u32, Vec<Condition>, Action)>;

fn chain(name: &str, base: Option<(Hook, i32, ChainKind, Verdict)>, rules: Rules) -> Chain {
    let base = base.map(|(hook, priority, kind, policy)| Base {
        family: Family::Inet,
        hook,
        priority,
        kind,
        policy: Sourced {
            value: policy,
            at: Locus::Text(span(0)),
        },
    });
    let rules = rules
        .into_iter()
        .map(|(line, conditions, action)| Rule {
            at: span(line),
            steps: conditions
                .into_iter()
                .map(RuleStep::If)
                .chain([RuleStep::Do(action)])
                .collect(),
            asides: Vec::new(),
        })
        .collect();
    Chain {
        table: "filter".into(),
        name: name.into(),
        at: span(0),
        base,
        rules,
    }
}

fn filter(hook: Hook, priority: i32, policy: Verdict, rules: Rules) -> Chain {
    chain(
        "base",
        Some((hook, priority, ChainKind::Filter, policy)),
        rules,
    )
}

fn nat(hook: Hook, rules: Rules) -> Chain {
    chain(
        "nat",
        Some((hook, 0, ChainKind::Nat, Verdict::Accept)),
        rules,
    )
}

fn ruleset(chains: Vec<Chain>) -> Ruleset {
    let unknown = |text: &str| Unknown {
        at: span(99),
        text: text.into(),
        reason: UnknownReason::Dynamic,
    };
    Ruleset {
        chains,
        unknowns: vec![unknown("-m limit"), unknown("-m recent")],
    }
}

fn packet() -> Packet {
    Packet {
        iif: "eth0".into(),
        oif: "eth1".into(),
        src: "10.0.0.1".parse().unwrap(),
        dst: "192.0.2.1".parse().unwrap(),
        proto: 6,
        sport: 40_000,
        dport: 80,
        tcp_flags: 2,
        icmp_type: 0,
        icmp_code: 0,
        ct_state: CtState::New,
        mark: 0,
    }
}

fn port(number: u16) -> Condition {
    Condition::In(Field::DstPort, Ranges::one(number.into()))
}

fn mark(number: u32) -> Condition {
    Condition::In(Field::Mark, Ranges::one(number.into()))
}

fn state(state: CtState) -> Condition {
    Condition::In(Field::CtState, Ranges::one(state.number()))
}

fn unknown(number: u32) -> Condition {
    Condition::Unknown(UnknownId(number))
}

fn verdict(verdict: Verdict) -> Action {
    Action::Verdict(verdict)
}

fn set_mark(keep: u32, flip: u32) -> Action {
    Action::Set {
        field: Field::Mark,
        keep,
        flip,
    }
}

fn translation(kind: NatKind, addresses: (&str, &str), ports: Option<(u16, u16)>) -> Action {
    let number = |text: &str| seen::number(text.parse().unwrap());
    Action::Nat(Nat {
        kind,
        addresses: Some((number(addresses.0), number(addresses.1))),
        ports,
        random: false,
    })
}

const ACCEPT: Verdict = Verdict::Accept;
const DROP: Verdict = Verdict::Drop;

/// The outcome, and the place in the file of the rule that decided.
fn fate(chains: Vec<Chain>, hook: Hook, packet: &Packet) -> (Outcome, Option<u32>) {
    let walk = walk(&ruleset(chains), hook, packet);
    let line = match walk.by {
        By::Rule { at, .. } => Some(at.start),
        By::Policy(_) | By::Nothing => None,
    };
    (walk.outcome, line)
}

fn forwarded(chains: Vec<Chain>) -> (Outcome, Option<u32>) {
    fate(chains, Hook::Forward, &packet())
}

#[test]
fn the_first_rule_that_fits_decides_else_the_policy() {
    let chains = |number| {
        vec![filter(
            Hook::Forward,
            0,
            DROP,
            vec![
                (1, vec![port(22)], verdict(DROP)),
                (2, vec![port(number)], verdict(ACCEPT)),
                (3, vec![], verdict(DROP)),
            ],
        )]
    };
    assert_eq!(forwarded(chains(80)), (Outcome::Accept, Some(2)));
    assert_eq!(forwarded(chains(81)), (Outcome::Drop, Some(3)));
    let empty = vec![filter(Hook::Forward, 0, DROP, vec![])];
    assert_eq!(forwarded(empty), (Outcome::Drop, None));
    assert_eq!(forwarded(vec![]), (Outcome::Accept, None));
}

#[test]
fn an_accept_ends_its_base_chain_only() {
    let chains = vec![
        filter(Hook::Forward, 10, ACCEPT, vec![(2, vec![], verdict(DROP))]),
        filter(Hook::Forward, 0, DROP, vec![(1, vec![], verdict(ACCEPT))]),
    ];
    assert_eq!(forwarded(chains), (Outcome::Drop, Some(2)));
}

#[test]
fn of_equal_priorities_the_later_chain_goes_first() {
    let chains = vec![
        filter(
            Hook::Forward,
            0,
            ACCEPT,
            vec![(1, vec![mark(7)], verdict(DROP))],
        ),
        filter(Hook::Forward, 0, ACCEPT, vec![(2, vec![], set_mark(0, 7))]),
    ];
    assert_eq!(forwarded(chains), (Outcome::Drop, Some(1)));
}

#[test]
fn jump_comes_back_goto_does_not_and_return_leaves_a_base_chain_to_its_policy() {
    let calls = |call: Verdict| {
        vec![
            filter(
                Hook::Forward,
                0,
                DROP,
                vec![(1, vec![], verdict(call)), (2, vec![], verdict(ACCEPT))],
            ),
            chain("user", None, vec![(3, vec![], verdict(Verdict::Return))]),
        ]
    };
    let user = ChainId(1);
    assert_eq!(
        forwarded(calls(Verdict::Jump(user))),
        (Outcome::Accept, Some(2))
    );
    assert_eq!(forwarded(calls(Verdict::Goto(user))), (Outcome::Drop, None));
    assert_eq!(forwarded(calls(Verdict::Return)), (Outcome::Drop, None));
}

#[test]
fn chains_that_call_each_other_for_ever_are_given_up() {
    let again = vec![(1, vec![], verdict(Verdict::Goto(ChainId(0))))];
    let walk = walk(
        &ruleset(vec![filter(Hook::Forward, 0, DROP, again)]),
        Hook::Forward,
        &packet(),
    );
    assert_eq!(
        (walk.outcome, walk.missing),
        (Outcome::Unknown, vec![Missing::End])
    );
}

#[test]
fn what_is_not_known_matters_only_where_it_decides() {
    let limited = |then: Verdict, rest: Verdict| {
        vec![filter(
            Hook::Forward,
            0,
            DROP,
            vec![
                (1, vec![unknown(0)], verdict(then)),
                (2, vec![], verdict(rest)),
            ],
        )]
    };
    assert_eq!(forwarded(limited(DROP, DROP)), (Outcome::Drop, Some(2)));
    let walk = walk(&ruleset(limited(ACCEPT, DROP)), Hook::Forward, &packet());
    assert_eq!(walk.outcome, Outcome::Unknown);
    assert_eq!(walk.missing, [Missing::Unknown(UnknownId(0))]);
    let endings: Vec<Outcome> = walk.endings.iter().map(|(outcome, _)| *outcome).collect();
    assert_eq!(endings, [Outcome::Drop, Outcome::Accept]);
}

#[test]
fn many_unknown_rules_do_not_make_many_worlds() {
    let mut rules: Rules = (0..200)
        .map(|line| (line, vec![unknown(0)], set_mark(!(1 << (line % 3)), 0)))
        .collect();
    rules.push((200, vec![], verdict(ACCEPT)));
    let walk = walk(
        &ruleset(vec![filter(Hook::Forward, 0, DROP, rules)]),
        Hook::Forward,
        &packet(),
    );
    assert_eq!(walk.outcome, Outcome::Accept);
}

#[test]
fn a_false_condition_outweighs_an_unknown_one() {
    let both = Condition::All(vec![unknown(0), port(81)]);
    let either = Condition::Any(vec![unknown(0), port(80)]);
    for (condition, outcome) in [
        (both.clone(), Outcome::Drop),
        (Condition::Not(Box::new(both)), Outcome::Accept),
        (either, Outcome::Accept),
    ] {
        let chains = vec![filter(
            Hook::Forward,
            0,
            DROP,
            vec![(1, vec![condition], verdict(ACCEPT))],
        )];
        assert_eq!(forwarded(chains).0, outcome);
    }
}

#[test]
fn filters_see_the_translated_destination_and_only_new_connections_are_translated() {
    let chains = || {
        vec![
            nat(
                Hook::Prerouting,
                vec![(
                    1,
                    vec![port(80)],
                    translation(
                        NatKind::Destination,
                        ("10.1.0.1", "10.1.0.1"),
                        Some((8080, 8080)),
                    ),
                )],
            ),
            filter(
                Hook::Forward,
                0,
                DROP,
                vec![(
                    2,
                    vec![
                        port(8080),
                        Condition::In(Field::CtNat, Ranges::of([(2, 3)])),
                    ],
                    verdict(ACCEPT),
                )],
            ),
        ]
    };
    let walk = walk(&ruleset(chains()), Hook::Forward, &packet());
    assert_eq!(walk.outcome, Outcome::Accept);
    assert_eq!(walk.after.dst.0.to_string(), "10.1.0.1");
    assert_eq!(walk.after.dport, (8080, 8080));
    let established = Packet {
        ct_state: CtState::Established,
        ..packet()
    };
    assert_eq!(fate(chains(), Hook::Forward, &established).0, Outcome::Drop);
}

#[test]
fn an_address_out_of_a_range_stays_a_range() {
    let chains = vec![
        nat(
            Hook::Prerouting,
            vec![(
                1,
                vec![],
                translation(NatKind::Destination, ("10.1.0.0", "10.1.0.3"), None),
            )],
        ),
        filter(
            Hook::Forward,
            0,
            DROP,
            vec![(
                2,
                vec![Condition::In(
                    Field::Dst4,
                    Ranges::span(0x0a01_0000, 0x0a01_00ff),
                )],
                verdict(ACCEPT),
            )],
        ),
    ];
    let walk = walk(&ruleset(chains), Hook::Forward, &packet());
    let range = ("10.1.0.0".parse().unwrap(), "10.1.0.3".parse().unwrap());
    assert_eq!((walk.outcome, walk.after.dst), (Outcome::Accept, range));
}

#[test]
fn masks_of_a_range_are_exact_where_all_of_it_agrees() {
    let last_bits = |within: u128| Condition::Masked {
        field: Field::Dst4,
        mask: 0xf,
        within: Ranges::one(within),
    };
    let fate_of = |condition: Condition| {
        forwarded(vec![
            nat(
                Hook::Prerouting,
                vec![(
                    1,
                    vec![],
                    translation(NatKind::Destination, ("10.1.0.0", "10.1.0.3"), None),
                )],
            ),
            filter(
                Hook::Forward,
                0,
                DROP,
                vec![(2, vec![condition], verdict(ACCEPT))],
            ),
        ])
        .0
    };
    assert_eq!(
        fate_of(Condition::Not(Box::new(last_bits(5)))),
        Outcome::Accept
    );
    assert_eq!(fate_of(last_bits(5)), Outcome::Drop);
    assert_eq!(fate_of(last_bits(2)), Outcome::Unknown);
}

#[test]
fn masquerading_takes_the_address_of_the_way_out() {
    let masquerade = Action::Nat(Nat {
        kind: NatKind::Masquerade,
        addresses: None,
        ports: None,
        random: false,
    });
    let rules = ruleset(vec![nat(Hook::Postrouting, vec![(1, vec![], masquerade)])]);
    let device = Device {
        interfaces: vec![Interface {
            name: "eth1".into(),
            addresses: vec![("192.0.2.254".parse().unwrap(), 24)],
        }],
        routes: Vec::new(),
    };
    let limits = Limits::default();
    let walk = |device| Walker::new(&rules, device, &limits).walk(Hook::Forward, &packet());
    let own: IpAddr = "192.0.2.254".parse().unwrap();
    assert_eq!(walk(Some(&device)).after.src, (own, own));
    assert_ne!(walk(None).after.src, (own, own));
    assert_eq!(walk(None).outcome, Outcome::Accept);
}

#[test]
fn a_redirected_packet_is_for_the_device() {
    let redirect = Action::Nat(Nat {
        kind: NatKind::Redirect,
        addresses: None,
        ports: Some((3128, 3128)),
        random: false,
    });
    let chains = vec![
        nat(Hook::Prerouting, vec![(1, vec![port(80)], redirect)]),
        filter(Hook::Forward, 0, DROP, vec![]),
        filter(
            Hook::Input,
            0,
            DROP,
            vec![(2, vec![port(3128)], verdict(ACCEPT))],
        ),
    ];
    assert_eq!(forwarded(chains), (Outcome::Accept, Some(2)));
}

#[test]
fn tracking_is_blind_before_it_has_seen_the_packet_and_can_be_told_to_look_away() {
    let raw = |action: Action, rest: Rules| {
        vec![
            filter(
                Hook::Prerouting,
                -300,
                ACCEPT,
                vec![
                    (1, vec![state(CtState::New)], verdict(DROP)),
                    (2, vec![state(CtState::Invalid)], action),
                ],
            ),
            filter(Hook::Forward, 0, DROP, rest),
        ]
    };
    let accepted = |wanted: CtState| vec![(3, vec![state(wanted)], verdict(ACCEPT))];
    let untracked = raw(Action::Untrack, accepted(CtState::Untracked));
    assert_eq!(forwarded(untracked), (Outcome::Accept, Some(3)));
    let tracked = raw(set_mark(0, 1), accepted(CtState::New));
    assert_eq!(forwarded(tracked), (Outcome::Accept, Some(3)));
}

#[test]
fn marks_keep_the_bits_that_are_not_set() {
    let rules = vec![
        (1, vec![], set_mark(0, 0xff)),
        (2, vec![], set_mark(!0xf, 0x3)),
        (3, vec![], Action::SaveMark),
        (4, vec![], set_mark(0, 0)),
        (5, vec![], Action::RestoreMark),
        (6, vec![mark(0xf3)], verdict(ACCEPT)),
    ];
    let chains = vec![filter(Hook::Forward, 0, DROP, rules)];
    assert_eq!(forwarded(chains.clone()), (Outcome::Accept, Some(6)));
    let established = Packet {
        ct_state: CtState::Established,
        ..packet()
    };
    assert_eq!(fate(chains, Hook::Forward, &established).0, Outcome::Accept);
}

#[test]
fn the_mark_of_an_older_connection_is_not_known() {
    let rules = vec![
        (1, vec![], Action::RestoreMark),
        (2, vec![mark(1)], verdict(ACCEPT)),
    ];
    let chains = vec![filter(Hook::Forward, 0, DROP, rules)];
    let established = Packet {
        ct_state: CtState::Established,
        ..packet()
    };
    assert_eq!(
        fate(chains.clone(), Hook::Forward, &established).0,
        Outcome::Unknown
    );
    assert_eq!(forwarded(chains).0, Outcome::Drop);
}

#[test]
fn interfaces_are_seen_where_the_packet_has_them() {
    let at = |hook: Hook, way: Way, name: &str| {
        let pattern = NamePattern {
            text: name.into(),
            prefix: false,
        };
        let rules = vec![(1, vec![Condition::Interface(way, pattern)], verdict(DROP))];
        forwarded(vec![filter(hook, 0, ACCEPT, rules)]).0
    };
    assert_eq!(at(Hook::Prerouting, Way::Out, "eth1"), Outcome::Accept);
    assert_eq!(at(Hook::Forward, Way::Out, "eth1"), Outcome::Drop);
    assert_eq!(at(Hook::Postrouting, Way::In, "eth0"), Outcome::Drop);
    let nameless = Packet {
        iif: String::new(),
        ..packet()
    };
    let any = NamePattern {
        text: String::new(),
        prefix: true,
    };
    let rules = vec![(1, vec![Condition::Interface(Way::In, any)], verdict(DROP))];
    let chains = vec![filter(Hook::Forward, 0, ACCEPT, rules)];
    assert_eq!(fate(chains, Hook::Forward, &nameless).0, Outcome::Drop);
}

#[test]
fn the_steps_tell_the_story() {
    let chains = vec![
        filter(
            Hook::Forward,
            0,
            DROP,
            vec![
                (1, vec![], set_mark(0, 5)),
                (2, vec![], verdict(Verdict::Jump(ChainId(1)))),
                (3, vec![unknown(1)], verdict(DROP)),
            ],
        ),
        chain("user", None, vec![(4, vec![port(22)], verdict(ACCEPT))]),
    ];
    let walk = walk(&ruleset(chains), Hook::Forward, &packet());
    let events: Vec<Event> = walk.steps.iter().map(|step| step.event).collect();
    assert_eq!(
        events,
        [
            Event::Entered(Hook::Forward),
            Event::Matched,
            Event::Set {
                field: Field::Mark,
                to: Some(5)
            },
            Event::Matched,
            Event::Judged(Verdict::Jump(ChainId(1))),
            Event::Left,
            Event::Assumed {
                missing: Missing::Unknown(UnknownId(1)),
                holds: false
            },
            Event::Policy(DROP),
        ]
    );
    assert_eq!(
        (walk.outcome, walk.by),
        (Outcome::Drop, By::Policy(ChainId(0)))
    );
}
