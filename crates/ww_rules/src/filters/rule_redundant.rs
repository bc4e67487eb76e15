//! `rule-redundant`: a rule that decides, and without which every packet would fare the same.

use super::dead;
use super::probe;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Limits, Order};
use ww_finding::Severity;
use ww_model::filter::{Aside, Chain, Condition, Field, Hook, Rule, Ruleset, Step};
use ww_model::packet::CtState;
use ww_packetset::{Bounds, TooLarge};
use ww_reach::symbolic::{Function, Redundant, Universe, Version, Wanted};
use ww_reach::walk::By;

rule! {
    name: "rule-redundant",
    family: "filters",
    layer: Policy,
    class: Security,
    severity: Low,
    owner: Configuration,
    summary: "A rule of a packet filter changes nothing: later rules decide the same about all its packets",
    needs: [FilterRules],
    explains: [],
    page: "rule_redundant.md",
    check: check,
}

/// Rules that decide instead, shown at most.
const SHOWN: usize = 3;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (device, dead) in declared.model.devices.iter().zip(declared.dead_rules()) {
        let ruleset = &device.filter;
        let Ok(dead) = dead else {
            reports.gap(dead::too_large());
            continue;
        };
        let dead: BTreeSet<By> = dead.iter().map(|one| one.by).collect();
        let Ok(spare) = spare(ruleset, &dead, declared.limits) else {
            reports.gap(dead::too_large());
            continue;
        };
        let (loosened, repeating): (Vec<_>, Vec<_>) = spare
            .iter()
            .partition(|one| loosens(ruleset, one).is_some());
        for one in loosened {
            reports
                .stories
                .extend(restriction(ruleset, one).map(|story| (1, story)));
        }
        if let Some(story) = repetition(ruleset, &repeating) {
            reports.add_all(repeating.len() as u64, story);
        }
    }
}

/// The rules that could all be left out, each with those who would decide instead.
fn spare(
    ruleset: &Ruleset,
    dead: &BTreeSet<By>,
    limits: &Limits,
) -> Result<Vec<Redundant>, TooLarge> {
    let called = dead::called(ruleset);
    let may_go = |by: By| {
        let chain = dead::chain(ruleset, by);
        chain.is_some_and(|(id, chain)| called.contains(&id) && is_plain(chain, by))
    };
    let repeats = |rule, then| repeats(ruleset, dead, (rule, then));
    let wanted = Wanted {
        rule: &may_go,
        instead: &repeats,
    };
    let mut worlds = Vec::new();
    let mut found: BTreeMap<By, Redundant> = BTreeMap::new();
    let mut needed = BTreeSet::new();
    for version in [Version::V4, Version::V6] {
        let mut world = World::of(ruleset, version)?;
        let deciding = world.deciders();
        let redundant = world.redundant(wanted, limits)?.into_iter();
        let redundant: BTreeMap<By, Redundant> = redundant
            .filter(|one| one.noticed_by.is_empty())
            .map(|one| (one.rule, one))
            .collect();
        needed.extend(
            deciding
                .into_iter()
                .filter(|by| !redundant.contains_key(by)),
        );
        for (by, one) in redundant {
            let known = found.entry(by).or_insert_with(|| one.clone());
            known.then.extend(one.then);
        }
        worlds.push(world);
    }
    found.retain(|by, _| !needed.contains(by));
    let mut together: Vec<By> = found.keys().copied().collect();
    for mut world in worlds {
        together = world.together(&together)?;
    }
    found.retain(|by, _| together.contains(by));
    let mut spare: Vec<Redundant> = found.into_values().collect();
    for one in &mut spare {
        one.then.put_in_order();
        one.then.dedup();
    }
    Ok(spare)
}

/// A rule set as functions, in one version of IP.
struct World<'a> {
    universe: Universe<'a>,
    functions: Vec<(Hook, Function)>,
}

impl<'a> World<'a> {
    fn of(ruleset: &'a Ruleset, version: Version) -> Result<World<'a>, TooLarge> {
        let mut universe = Universe::new(&[ruleset], version, &[], Bounds::default())?;
        let mut functions = Vec::new();
        for route in dead::ROUTES {
            functions.push((route, universe.compile(0, None, route)?));
        }
        Ok(World {
            universe,
            functions,
        })
    }

    fn deciders(&self) -> BTreeSet<By> {
        self.universe.deciders(&borrowed(&self.functions))
    }

    fn redundant(
        &mut self,
        wanted: Wanted<'_>,
        limits: &Limits,
    ) -> Result<Vec<Redundant>, TooLarge> {
        let functions = borrowed(&self.functions);
        self.universe.redundant(0, None, &functions, wanted, limits)
    }

    fn together(&mut self, rules: &[By]) -> Result<Vec<By>, TooLarge> {
        let functions = borrowed(&self.functions);
        self.universe.redundant_together(0, None, &functions, rules)
    }
}

fn borrowed(functions: &[(Hook, Function)]) -> Vec<(Hook, &Function)> {
    functions.iter().map(|(route, one)| (*route, one)).collect()
}

/// Whether a rule is there to let new connections pass or to stop them, and for nothing else that
/// can be seen.
fn is_plain(chain: &Chain, by: By) -> bool {
    let By::Rule { index, .. } = by else {
        return false;
    };
    let Some(rule) = chain.rules.get(index) else {
        return false;
    };
    let counts = |rule: &Rule| rule.asides.contains(&Aside::Count);
    let has_purpose = rule.asides.iter().any(|aside| match aside {
        // Who counts everything has no reason to count this.
        Aside::Count => !chain.rules.iter().all(counts),
        Aside::Log | Aside::NamedCount | Aside::Effect | Aside::Comment => true,
    });
    let one_verdict = matches!(
        rule.steps.as_slice(),
        [conditions @ .., Step::Do(_)] if conditions.iter().all(|step| matches!(step, Step::If(_)))
    );
    let conditions = probe::conditions(rule);
    !has_purpose
        && one_verdict
        && dead::is_judged(rule)
        && !conditions.is_empty()
        && conditions.into_iter().all(is_about_new_connections)
}

/// Whether a condition is one on the first packets of connections, and all of it is understood.
/// Rules for established connections and for the loopback interface stand first because they decide
/// about most packets, whoever else would accept them.
fn is_about_new_connections(condition: &Condition) -> bool {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().all(is_about_new_connections),
        Condition::Not(part) => is_about_new_connections(part) && !mentions_state(part),
        Condition::In(Field::CtState, states) => states.contains(CtState::New.number()),
        Condition::Interface(_, name) => !name.fits("lo"),
        Condition::Has(field) | Condition::In(field, _) | Condition::Masked { field, .. } => {
            !is_of_connection(*field)
        }
        Condition::Tuple { fields, .. } => !fields.iter().copied().any(is_of_connection),
        Condition::Unknown(_) => false,
    }
}

fn mentions_state(condition: &Condition) -> bool {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().any(mentions_state),
        Condition::Not(part) => mentions_state(part),
        Condition::In(field, _) | Condition::Has(field) => *field == Field::CtState,
        _ => false,
    }
}

fn is_of_connection(field: Field) -> bool {
    matches!(
        field,
        Field::CtState | Field::CtNat | Field::CtMark | Field::Mark
    )
}

/// Whether a decider in place of a rule makes it a repetition: another rule of the same table that is
/// about such packets. What a policy or a rule for all packets decides is none: a rule before it says
/// something.
fn repeats(ruleset: &Ruleset, dead: &BTreeSet<By>, (rule, then): (By, By)) -> bool {
    let table = |by| dead::chain(ruleset, by).map(|(_, chain)| &chain.table);
    let conditions = dead::rule(ruleset, then).map(probe::conditions);
    let mut conditions = conditions.unwrap_or_default().into_iter();
    table(then) == table(rule) && !dead.contains(&then) && conditions.any(is_about_packets)
}

/// Whether a condition tells packets by their ends or their kind, and not only by protocol, interface
/// or state.
fn is_about_packets(condition: &Condition) -> bool {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().any(is_about_packets),
        Condition::Not(part) => is_about_packets(part),
        Condition::Has(field) | Condition::In(field, _) | Condition::Masked { field, .. } => {
            tells_ends(*field)
        }
        Condition::Tuple { fields, .. } => fields.iter().copied().any(tells_ends),
        Condition::Interface(..) | Condition::Unknown(_) => false,
    }
}

fn tells_ends(field: Field) -> bool {
    matches!(
        field,
        Field::Src4
            | Field::Src6
            | Field::Dst4
            | Field::Dst6
            | Field::SrcPort
            | Field::DstPort
            | Field::IcmpType
            | Field::Icmp6Type
    )
}

/// The one rule that decides instead, where it does so whatever the source or the interface and
/// this one asks for them.
fn loosens(ruleset: &Ruleset, one: &Redundant) -> Option<By> {
    let [wider] = one.then.as_slice() else {
        return None;
    };
    let asks = |by| {
        let conditions = dead::rule(ruleset, by).map(probe::conditions);
        let mut conditions = conditions.unwrap_or_default().into_iter();
        conditions.any(|condition| {
            matches!(
                condition,
                Condition::In(Field::Src4 | Field::Src6, _) | Condition::Interface(..)
            )
        })
    };
    let accepts = dead::passes(ruleset, one.rule) == Some(true);
    (accepts && asks(one.rule) && !asks(*wider)).then_some(*wider)
}

const REFUTER: &str =
    "wirewise reach equivalent OLD NEW that finds a packet which fares otherwise without the rule";

/// A rule that reads like a restriction.
fn restriction(ruleset: &Ruleset, one: &Redundant) -> Option<Story> {
    let (_, chain) = dead::chain(ruleset, one.rule)?;
    let place = dead::rule(ruleset, one.rule)?.at;
    let wider = dead::span_of(ruleset, loosens(ruleset, one)?)?;
    Some(
        Story::proved(
            format!(
                "A rule of chain {} accepts from some what a later rule accepts from all: it restricts nothing",
                chain.name
            ),
            REFUTER,
        )
        .show(at(place, "reads like a restriction"))
        .show(at(wider, "accepts the same, whoever it comes from"))
        .advise("Remove the later rule if the restriction is meant, else this one"),
    )
}

/// Rules that could be left out, as one finding.
fn repetition(ruleset: &Ruleset, repeating: &[&Redundant]) -> Option<Story> {
    let first = repeating.first()?;
    let (_, chain) = dead::chain(ruleset, first.rule)?;
    let headline = match repeating {
        [_] => format!(
            "A rule of chain {} repeats what later rules decide, and nothing changes without it",
            chain.name
        ),
        all => format!(
            "{} rules repeat what later rules decide, the first in chain {}, and nothing changes without them",
            all.len(),
            chain.name
        ),
    };
    let mut story = Story::proved(headline, REFUTER).severity(Severity::Info);
    for one in repeating {
        let rule = dead::rule(ruleset, one.rule)?;
        story = story.show(at(rule.at, "could be left out"));
        let then = one.then.iter().take(SHOWN);
        for place in then.filter_map(|by| dead::span_of(ruleset, *by)) {
            story = story.show(at(place, "decides the same"));
        }
    }
    for one in repeating {
        let (_, chain) = dead::chain(ruleset, one.rule)?;
        story = story.fix(dead::removal(chain, dead::rule(ruleset, one.rule)?.at));
    }
    Some(story)
}
