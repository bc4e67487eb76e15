//! Redundant rules against rule sets without them.

use super::*;

const ALL: Wanted<'_> = Wanted {
    rule: &|_| true,
    instead: &|_, _| true,
};
const ROUTES: [Hook; 3] = [Hook::Input, Hook::Forward, Hook::Output];

/// The rule set with a rule that never matches in place of one of its rules.
fn without(ruleset: &Ruleset, chain: usize, index: usize) -> Ruleset {
    let mut without = ruleset.clone();
    let never = Step::If(Condition::Any(Vec::new()));
    without.chains[chain].rules[index].steps.insert(0, never);
    without
}

/// Whether all packets fare the same under both, on all routes.
fn equal(left: &Ruleset, right: &Ruleset) -> bool {
    let mut universe = Universe::new(&[left, right], Version::V4, &[], Bounds::default()).unwrap();
    ROUTES.into_iter().all(|route| {
        let left = universe.compile(0, None, route).unwrap();
        let right = universe.compile(1, None, route).unwrap();
        universe.distinguish(&left, &right).unwrap().is_none()
    })
}

fn redundant(ruleset: &Ruleset) -> (Vec<Redundant>, BTreeSet<By>, bool) {
    let mut universe = Universe::new(&[ruleset], Version::V4, &[], Bounds::default()).unwrap();
    let functions = ROUTES.map(|route| (route, universe.compile(0, None, route).unwrap()));
    let fates = functions
        .iter()
        .flat_map(|(_, function)| function.fates.values());
    let reached: Vec<&Fate> = fates.collect();
    let is_sure = reached.iter().all(|fate| fate.outcome != Outcome::Unknown);
    let functions: Vec<_> = functions.iter().map(|(route, one)| (*route, one)).collect();
    let mut live = BTreeSet::new();
    for (_, function) in &functions {
        for decision in universe.space.terminals(function.map) {
            live.extend(function.fate(decision).unwrap().trail.clone());
        }
    }
    let limits = Limits::default();
    let found = universe
        .redundant(0, None, &functions, ALL, &limits)
        .unwrap();
    (found, live, is_sure)
}

/// Redundant are exactly the rules that decide and whose removal changes nothing.
fn brute_force(ruleset: &Ruleset) -> Result<(), String> {
    let (found, live, is_sure) = redundant(ruleset);
    let found: BTreeSet<By> = found.into_iter().map(|one| one.rule).collect();
    for (number, chain) in ruleset.chains.iter().enumerate() {
        for (index, rule) in chain.rules.iter().enumerate() {
            let chain = ChainId(number as u32);
            let at = rule.at;
            let by = By::Rule { chain, index, at };
            let decides = rule.steps.iter().any(query::decides);
            let told = found.contains(&by);
            let is_candidate = is_sure && decides && live.contains(&by);
            if !(told || is_candidate) {
                continue;
            }
            let changes_nothing = equal(ruleset, &without(ruleset, number, index));
            if told != changes_nothing {
                return Err(format!("{by:?}: told {told}, but {changes_nothing}"));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..Default::default() })]

    #[test]
    fn removing_a_redundant_rule_changes_nothing(ruleset in ruleset()) {
        brute_force(&ruleset).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn a_rule_that_a_later_one_repeats_is_redundant() {
    let (first, last) = ALL_OF_TEN;
    let ruleset = forwarding(vec![
        (vec![from(first, first + 9), to_port(22)], Verdict::Accept),
        (vec![from(first, first + 9)], Verdict::Drop),
        (vec![to_port(22)], Verdict::Accept),
        (vec![to_port(23)], Verdict::Drop),
        (vec![from(first, last), to_port(22)], Verdict::Accept),
    ]);
    let (found, ..) = redundant(&ruleset);
    let told: Vec<(By, Vec<By>)> = found.into_iter().map(|one| (one.rule, one.then)).collect();
    let policy = By::Policy(ChainId(0));
    assert_eq!(told, [(by(1), vec![by(3), policy]), (by(3), vec![policy])]);
    let ruleset = forwarding(vec![
        (vec![from(first, first + 9), to_port(22)], Verdict::Accept),
        (vec![to_port(22)], Verdict::Accept),
    ]);
    let (found, ..) = redundant(&ruleset);
    assert_eq!(
        found,
        [Redundant {
            rule: by(0),
            then: vec![by(1)],
            noticed_by: Vec::new(),
        }]
    );
}

/// Of two equal rules either may go, and not both.
#[test]
fn rules_that_rely_on_one_another_are_not_removed_together() {
    let ruleset = forwarding(vec![
        (vec![to_port(22)], Verdict::Drop),
        (vec![to_port(22)], Verdict::Drop),
        (vec![to_port(23)], Verdict::Accept),
        (vec![to_port(23)], Verdict::Accept),
        (vec![], Verdict::Accept),
    ]);
    let mut universe = Universe::new(&[&ruleset], Version::V4, &[], Bounds::default()).unwrap();
    let function = universe.compile(0, None, Hook::Forward).unwrap();
    let functions = [(Hook::Forward, &function)];
    let mut together = |rules: &[By]| {
        universe
            .redundant_together(0, None, &functions, rules)
            .unwrap()
    };
    assert_eq!(together(&[by(0), by(1)]), [by(0)]);
    assert_eq!(together(&[by(1), by(0)]), [by(1)]);
    assert_eq!(together(&[by(2), by(3)]), [by(2), by(3)]);
    assert_eq!(together(&[by(4)]), []);
}

/// What a log rule would begin to see is said.
#[test]
fn a_rule_that_keeps_packets_from_a_log_is_told_so() {
    let ruleset = |port| {
        let (first, _) = ALL_OF_TEN;
        let mut ruleset = forwarding(vec![
            (vec![from(first, first + 9), to_port(22)], Verdict::Drop),
            (vec![to_port(port)], Verdict::Continue),
            (vec![], Verdict::Drop),
        ]);
        ruleset.chains[0].rules[1].asides = vec![Aside::Log];
        ruleset
    };
    let noticed = |ruleset: &Ruleset| {
        let (found, ..) = redundant(ruleset);
        let first = found.into_iter().find(|one| one.rule == by(0)).unwrap();
        first.noticed_by
    };
    assert_eq!(noticed(&ruleset(22)), [by(1)]);
    assert_eq!(noticed(&ruleset(23)), []);
}
