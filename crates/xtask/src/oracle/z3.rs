//! `cargo xtask oracle z3`: our diagrams of rule lists against z3, which knows nothing of diagrams.
//!
//! Of every list: the points at its borders, whether it accepts anything, which of its rules ever
//! decide, and whether it accepts the same as the list with one rule changed.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::bench::Rng;
use crate::rule_lists::smt::{Said, Script, mistaken, z3};
use crate::rule_lists::{Diagram, Diagrams, FIELDS, Point, Rule, most, tangled};

/// Rules of the longest list, and points at its borders that are asked about.
const MOST_RULES: u64 = 24;
const POINTS: usize = 300;

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    rules: usize,
    idle: usize,
    equal: usize,
    empty: usize,
}

/// Compares; the number of lists about which the two disagree.
pub(super) fn run(args: &[String]) -> Result<usize> {
    let (mut lists, mut seed) = (200_u64, 1_u64);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let value = words
            .next()
            .with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--lists" => lists = value.parse()?,
            "--seed" => seed = value.parse()?,
            other => bail!("no such option: {other}"),
        }
    }
    let z3 = z3().context("z3 is not installed: Debian's package z3, or PyPI's z3-solver")?;
    let mut tally = Tally::default();
    let mut wrong = 0;
    for number in 0..lists {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(number);
        if let Err(error) = compare(&z3, seed, &mut tally) {
            wrong += 1;
            println!("list of seed {seed}: {error:#}");
        }
    }
    println!(
        "{lists} lists, {} rules, {} of them never decide; {} lists accept nothing, {} accept the \
         same with a rule changed; {wrong} disagree",
        tally.rules, tally.idle, tally.empty, tally.equal
    );
    Ok(wrong)
}

/// Compares one list.
///
/// # Errors
/// The first thing that differs.
fn compare(z3: &Path, seed: u64, tally: &mut Tally) -> Result<()> {
    let mut rng = Rng::new(seed);
    let count = rng.range(1, MOST_RULES + 1) as usize;
    let rules = tangled(count, &mut rng);
    let changed = change(&rules, &mut rng);
    let mut diagrams = Diagrams::new()?;
    let (ours, other) = (diagrams.of(&rules)?, diagrams.of(&changed)?);

    let points = points(&diagrams, ours, &mut rng);
    let mut script = Script::new();
    script.list("list", &rules);
    script.list("other", &changed);
    script.ask(&mistaken("list", &points));
    script.ask("list");
    script.ask("(not (= list other))");
    for number in 0..count {
        let before: Vec<String> = (0..number).map(|one| format!("(not list-{one})")).collect();
        let before = before.join(" ");
        script.ask(&format!("(and list-{number} {before})"));
    }
    let answers = script.answers(z3)?;
    let [points, accepted, difference, live @ ..] = answers.as_slice() else {
        bail!("z3 gave {} answers", answers.len());
    };
    ensure!(
        *points == Said::None,
        "this point is decided otherwise: {points:?}"
    );
    match (accepted, diagrams.witness(ours)) {
        (Said::None, None) => tally.empty += 1,
        (Said::Some(point), Some(_)) => {
            ensure!(diagrams.accepts(ours, point), "z3 accepts {point:?}");
        }
        (said, witness) => bail!("z3 accepts {said:?}, we accept {witness:?}"),
    }
    match (difference, Diagrams::equal(ours, other)) {
        (Said::None, true) => tally.equal += 1,
        (Said::Some(point), false) => {
            let differ = diagrams.accepts(ours, point) != diagrams.accepts(other, point);
            ensure!(differ, "z3 tells two lists apart by {point:?}");
        }
        (said, equal) => bail!("z3 tells two lists apart by {said:?}; equal to us: {equal}"),
    }
    let theirs: Vec<bool> = live.iter().map(|said| *said != Said::None).collect();
    let mine = diagrams.live(ours, count);
    ensure!(
        mine == theirs,
        "rules that decide: {theirs:?}, to us {mine:?}"
    );
    tally.rules += count;
    tally.idle += mine.iter().filter(|live| !**live).count();
    Ok(())
}

/// The list with one rule turned around, taken out, or swapped with the next.
fn change(rules: &[Rule], rng: &mut Rng) -> Vec<Rule> {
    let mut rules = rules.to_vec();
    let place = rng.range(0, rules.len() as u64) as usize;
    match rng.range(0, 3) {
        0 => {
            if let Some(rule) = rules.get_mut(place) {
                rule.accept = !rule.accept;
            }
        }
        1 => drop(rules.remove(place)),
        _ if place + 1 < rules.len() => rules.swap(place, place + 1),
        _ => {}
    }
    rules
}

/// Points at the borders of the list and random ones, with whether we accept them.
fn points(diagrams: &Diagrams, list: Diagram, rng: &mut Rng) -> Vec<(Point, bool)> {
    let mut points = diagrams.corners(list, POINTS);
    points.extend(
        (0..20).map(|_| FIELDS.map(|(_, width)| rng.range(0, u64::from(most(width)) + 1) as u32)),
    );
    points.extend(diagrams.witness(list));
    points
        .into_iter()
        .map(|point| (point, diagrams.accepts(list, &point)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Tally, compare, z3};

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "what may be left out depends on the environment"
    )]
    fn diagrams_and_z3_agree() {
        let Some(z3) = z3() else {
            assert!(
                std::env::var_os("CI").is_none(),
                "z3 is not installed; cargo xtask test installs it as root"
            );
            eprintln!("NOT TESTED: rule lists against z3, which is not installed");
            return;
        };
        let mut tally = Tally::default();
        for seed in 0..25 {
            compare(&z3, seed, &mut tally).unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
        }
        // All sorts of lists were among them.
        assert!(
            tally.rules > 100 && tally.idle > 5 && tally.equal > 0,
            "{tally:?}"
        );
    }
}
