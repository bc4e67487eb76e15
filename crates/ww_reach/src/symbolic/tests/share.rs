//! Chains that two rule sets have in common.

use super::*;

#[test]
fn equal_chains_of_two_rule_sets_are_one_function_with_the_names_of_each() {
    let chain = |name: &str, rules: Vec<Rule>| Chain {
        table: "filter".into(),
        name: name.into(),
        at: SPAN,
        base: None,
        rules,
    };
    let accepts = Rule {
        at: SPAN,
        steps: vec![
            Step::If(to_port(22)),
            Step::Do(Action::Verdict(Verdict::Accept)),
        ],
        asides: Vec::new(),
    };
    let mut old = forwarding(vec![(vec![], Verdict::Jump(ChainId(1)))]);
    old.chains.push(chain("ssh", vec![accepts.clone()]));
    let mut new = forwarding(vec![
        (vec![from(5, 5)], Verdict::Drop),
        (vec![], Verdict::Jump(ChainId(2))),
    ]);
    new.chains.push(chain("empty", Vec::new()));
    new.chains.push(chain("ssh", vec![accepts]));
    let mut universe = Universe::new(&[&old, &new], Version::V4, &[], Bounds::default()).unwrap();
    let before = universe.compile(0, None, Hook::Forward).unwrap();
    let after = universe.compile(1, None, Hook::Forward).unwrap();
    let maps: BTreeSet<Map> = universe.chains.values().map(|chain| chain.map).collect();
    assert_eq!((universe.chains.len(), maps.len()), (2, 1));
    let rule = |chain, index| By::Rule {
        chain: ChainId(chain),
        index,
        at: SPAN,
    };
    let deciders: Vec<By> = universe
        .decided(&after)
        .unwrap()
        .iter()
        .map(|one| one.by)
        .collect();
    assert!(deciders.contains(&rule(2, 0)), "{deciders:?}");
    let differences = universe.diff(&before, &after).unwrap();
    let deciders: Vec<(By, By)> = differences
        .iter()
        .map(|one| (one.before.1, one.after.1))
        .collect();
    assert!(deciders.contains(&(rule(1, 0), rule(0, 0))), "{deciders:?}");
}
