//! Packets whose destination is translated are routed anew.

use super::*;
use ww_model::packet::CtState;

/// A base chain with these rules, each of one action.
fn base_chain(hook: Hook, kind: ChainKind, policy: Verdict, actions: Vec<Action>) -> Chain {
    let rule = |action| Rule {
        at: SPAN,
        steps: vec![Step::Do(action)],
        asides: Vec::new(),
    };
    Chain {
        table: "table".into(),
        name: format!("{hook:?}"),
        at: SPAN,
        base: Some(Base {
            family: Family::Inet,
            hook,
            priority: 0,
            kind,
            policy: Sourced {
                value: policy,
                at: Locus::Text(SPAN),
            },
        }),
        rules: actions.into_iter().map(rule).collect(),
    }
}

#[test]
fn a_destination_out_of_a_range_is_routed_anew() {
    let to = |first: u128, last: u128| {
        let nat = Nat {
            kind: NatKind::Destination,
            addresses: Some((first, last)),
            ports: None,
            random: false,
        };
        let ruleset = Ruleset {
            chains: vec![
                base_chain(
                    Hook::Prerouting,
                    ChainKind::Nat,
                    Verdict::Accept,
                    vec![Action::Nat(nat)],
                ),
                base_chain(Hook::Forward, ChainKind::Filter, Verdict::Accept, vec![]),
                base_chain(Hook::Input, ChainKind::Filter, Verdict::Drop, vec![]),
            ],
            unknowns: vec![],
        };
        let device = device();
        compare(&ruleset, Hook::Input, Some(&device)).unwrap();
        let packet = Packet {
            iif: "eth0".into(),
            oif: String::new(),
            src: "198.51.100.1".parse().unwrap(),
            dst: "203.0.113.1".parse().unwrap(),
            proto: 1,
            sport: 0,
            dport: 0,
            tcp_flags: 0,
            icmp_type: 8,
            icmp_code: 0,
            ct_state: CtState::New,
            mark: 0,
        };
        let limits = Limits::default();
        let walk = Walker::new(&ruleset, Some(&device), &limits).decide(Hook::Input, &packet);
        let outcomes: BTreeSet<Outcome> = walk.endings.iter().map(|(end, _)| *end).collect();
        outcomes
    };
    let elsewhere = to(0x0a00_0002, 0x0a00_0003);
    assert_eq!(elsewhere, BTreeSet::from([Outcome::Accept]));
    let partly_own = to(0x0a00_0001, 0x0a00_0003);
    assert_eq!(partly_own, BTreeSet::from([Outcome::Accept, Outcome::Drop]));
}
