//! The same rule lists in programs of others: oxidd's diagrams, and z3.

use std::io;
use std::time::{Duration, Instant};

use crate::bench::Rng;
use crate::rule_lists::bdd::Bdds;
use crate::rule_lists::smt::{Said, Script, z3};
use crate::rule_lists::{Diagrams, Rule, edited, gateway};

/// Runs of each; the fastest counts.
const RUNS: usize = 3;

/// What is asked of two lists: whether the first accepts anything, and whether both accept the same.
type Answers = (bool, bool);

/// Asks everybody the same of two rule lists; prints how long each takes, all of it: making what it
/// needs, and two answers. True when they agree.
///
/// # Errors
/// When one of them cannot answer.
pub(super) fn race(count: usize, edits: usize) -> io::Result<bool> {
    let mut rng = Rng::new(count as u64);
    let old = gateway(count, &mut rng);
    let new = edited(&old, edits, &mut rng);
    println!(
        "two lists of {count} rules over addresses, protocol and ports, {edits} changed: does the \
         first accept anything, do both accept the same"
    );
    let (own, answers) = fastest(|| with_diagrams(&old, &new))?;
    println!(
        "{:<40}{:>14}",
        "ours, with deciding rules",
        super::written(own)
    );
    let mut agree = true;
    let mut peer = |name: &str, outcome: io::Result<(Duration, Answers)>| match outcome {
        Ok((time, theirs)) => {
            agree &= theirs == answers;
            let times = time.as_secs_f64() / own.as_secs_f64();
            let verdict = if theirs == answers { "" } else { ", DISAGREES" };
            println!(
                "{name:<40}{:>14}  {times:.1} times ours{verdict}",
                super::written(time)
            );
        }
        Err(error) => println!("SKIPPED, {name}: {error}"),
    };
    peer(
        "oxidd (binary decision diagrams)",
        fastest(|| with_oxidd(&old, &new)),
    );
    peer("z3 (bit vectors)", fastest(|| with_z3(&old, &new)));
    Ok(agree)
}

fn fastest(mut answer: impl FnMut() -> io::Result<Answers>) -> io::Result<(Duration, Answers)> {
    let mut best = (Duration::MAX, (false, false));
    for _ in 0..RUNS {
        let started = Instant::now();
        let answers = answer()?;
        best = (best.0.min(started.elapsed()), answers);
    }
    Ok(best)
}

fn with_diagrams(old: &[Rule], new: &[Rule]) -> io::Result<Answers> {
    let mut diagrams = Diagrams::new().map_err(io::Error::other)?;
    let before = diagrams.of(old).map_err(io::Error::other)?;
    let after = diagrams.of(new).map_err(io::Error::other)?;
    Ok((
        diagrams.witness(before).is_some(),
        Diagrams::equal(before, after),
    ))
}

fn with_oxidd(old: &[Rule], new: &[Rule]) -> io::Result<Answers> {
    use oxidd::BooleanFunction as _;
    let full = |_| io::Error::other("more nodes than there is room for");
    let bdds = Bdds::new().map_err(full)?;
    let before = bdds.of(old).map_err(full)?;
    let after = bdds.of(new).map_err(full)?;
    Ok((before.satisfiable(), before == after))
}

fn with_z3(old: &[Rule], new: &[Rule]) -> io::Result<Answers> {
    let z3 = z3().ok_or_else(|| io::Error::other("not installed"))?;
    let mut script = Script::new();
    script.list("old", old);
    script.list("new", new);
    script.ask("old");
    script.ask("(not (= old new))");
    match script.answers(&z3)?.as_slice() {
        [accepted, difference] => Ok((*accepted != Said::None, *difference == Said::None)),
        other => Err(io::Error::other(format!("{} answers", other.len()))),
    }
}
