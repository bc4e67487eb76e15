//! The same walk again and again: what changed from one to the next, and what all of them tell together.

use crate::walk::lines;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use ww_base::{Limits, Span, chance};
use ww_evidence::transcript::{Seen, Step, Transcript};
use ww_finding::{Finding, Severity};

/// Failures are said to come in bursts when so few changes between good and bad come by chance this seldom.
const SELDOM: f64 = 0.05;

/// A walk is in trouble when a finding of this severity was made.
const TROUBLE: Severity = Severity::Medium;

/// What is known of all walks so far.
#[derive(Debug, Default)]
pub struct History {
    /// What the last walk found, by rule, with its headline.
    found: BTreeMap<&'static str, String>,
    /// Whether each walk was in trouble, in order; as many as are kept.
    outcomes: Vec<bool>,
    walks: u64,
    troubled: u64,
    /// How often each rule found something.
    by_rule: BTreeMap<&'static str, u64>,
}

/// One walk, held against the one before.
#[derive(Debug, Serialize)]
pub struct Round {
    /// Its number, from 1.
    pub walk: u64,
    /// When it began, seconds since 1970.
    pub at: f64,
    /// `fine`, or `trouble` where something of medium severity or more was found.
    pub state: &'static str,
    /// The state is another one than before; true of the first walk.
    pub changed: bool,
    /// How long the steps of each layer took, one after the other.
    pub layers_ms: BTreeMap<&'static str, f64>,
    /// What the layers say, where one is not fine.
    pub layers: BTreeMap<&'static str, String>,
    /// Findings that were not there before: rule and headline.
    pub appeared: BTreeMap<&'static str, String>,
    /// Rules whose findings are gone.
    pub ended: Vec<&'static str>,
}

/// All walks together.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// How many walks there were.
    pub walks: u64,
    /// How many were in trouble.
    pub troubled: u64,
    /// The interval that holds the true rate with 95 % confidence (Wilson), from 0 to 1.
    pub rate_95: [f64; 2],
    /// In how many walks each rule found something.
    pub by_rule: BTreeMap<&'static str, u64>,
    /// `bursts` or `scattered`, where there were both kinds of walks.
    pub pattern: Option<&'static str>,
    /// The same in a sentence.
    pub says: String,
}

impl History {
    /// Takes a walk and what was found in it.
    pub fn note(&mut self, walk: &Transcript, findings: &[Finding], limits: &Limits) -> Round {
        let found: BTreeMap<&'static str, String> = findings
            .iter()
            .filter(|finding| finding.severity > Severity::Info)
            .map(|finding| (finding.rule, finding.headline.clone()))
            .collect();
        let troubled = findings.iter().any(|finding| finding.severity >= TROUBLE);
        let changed = self
            .outcomes
            .last()
            .is_none_or(|before| *before != troubled);
        self.walks += 1;
        self.troubled += u64::from(troubled);
        // The oldest are forgotten: bursts are told from those that are kept.
        if self.outcomes.len() >= limits.watched_walks as usize {
            self.outcomes.remove(0);
        }
        self.outcomes.push(troubled);
        for rule in found.keys() {
            *self.by_rule.entry(rule).or_default() += 1;
        }
        let is_new = |rule: &&'static str| !self.found.contains_key(rule);
        let appeared = found.iter().filter(|(rule, _)| is_new(rule));
        let round = Round {
            walk: self.walks,
            at: walk.head.began.0 as f64 / 1e9,
            state: if troubled { "trouble" } else { "fine" },
            changed,
            layers_ms: times(&walk.steps),
            layers: not_fine(walk, findings),
            appeared: appeared.map(|(rule, said)| (*rule, said.clone())).collect(),
            ended: gone(&self.found, &found),
        };
        self.found = found;
        round
    }

    /// What all walks tell together.
    pub fn summary(&self) -> Summary {
        let (low, high) = chance::wilson(self.troubled, self.walks);
        let pattern = match self.troubled {
            0 => None,
            all if all == self.walks => None,
            _ if chance::few_runs(&self.outcomes) < SELDOM => Some("bursts"),
            _ => Some("scattered"),
        };
        Summary {
            walks: self.walks,
            troubled: self.troubled,
            rate_95: [low, high],
            by_rule: self.by_rule.clone(),
            pattern,
            says: self.sentence(pattern),
        }
    }

    fn sentence(&self, pattern: Option<&str>) -> String {
        let (walks, troubled) = (self.walks, self.troubled);
        if troubled == 0 {
            let rate = chance::percent(chance::detectable_rate(walks));
            return format!(
                "no trouble in {walks} walks: a fault that strikes {rate} % or more of them would have been seen with 95 % confidence"
            );
        }
        let (low, high) = chance::wilson(troubled, walks);
        let (low, high) = (chance::percent(low), chance::percent(high));
        let how = match pattern {
            Some("bursts") => ", in bursts",
            Some(_) => ", no more in bursts than chance has it",
            None => "",
        };
        format!("trouble in {troubled} of {walks} walks (95 % interval {low}–{high} %){how}")
    }
}

/// Rules that found something before and nothing now.
fn gone(
    before: &BTreeMap<&'static str, String>,
    now: &BTreeMap<&'static str, String>,
) -> Vec<&'static str> {
    let now: BTreeSet<&&'static str> = now.keys().collect();
    before
        .keys()
        .filter(|rule| !now.contains(rule))
        .copied()
        .collect()
}

/// How long the steps of each layer took together.
fn times(steps: &[Step]) -> BTreeMap<&'static str, f64> {
    let mut times: BTreeMap<&'static str, Span> = BTreeMap::new();
    for step in steps
        .iter()
        .filter(|step| !matches!(step.seen, Seen::Resolver(_)))
    {
        *times
            .entry(crate::Stage::of(&step.seen).word())
            .or_default() += step.took;
    }
    times
        .into_iter()
        .map(|(stage, took)| (stage, took.as_secs() * 1e3))
        .collect()
}

fn not_fine(walk: &Transcript, findings: &[Finding]) -> BTreeMap<&'static str, String> {
    let lines = lines(walk, findings).into_iter();
    lines
        .filter(|line| line.glyph() != "✓")
        .map(|line| (line.stage.word(), line.says))
        .collect()
}

impl Round {
    /// Something is not as it was in the walk before.
    pub fn is_change(&self) -> bool {
        self.changed || !self.appeared.is_empty() || !self.ended.is_empty()
    }

    /// The changes, a line each; printable whatever a server says of itself.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.changed {
            let _ = writeln!(text, "walk {}: {}", self.walk, self.state);
        }
        for (rule, headline) in &self.appeared {
            let headline = crate::printable(headline);
            let _ = writeln!(text, "walk {}: + {headline} ({rule})", self.walk);
        }
        for rule in &self.ended {
            let _ = writeln!(text, "walk {}: - {rule} is over", self.walk);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_finding::{Class, Layer, Owner, Support};

    fn finding() -> Finding {
        Finding {
            rule: "connection-refused",
            layer: Layer::Tcp,
            class: Class::Connectivity,
            severity: Severity::High,
            support: Support::Observed,
            owner: Owner::Server,
            headline: "It is refused".into(),
            count: 1,
            lost: Span::ZERO,
            exhibits: Vec::new(),
            refuter: String::new(),
            fixes: Vec::new(),
        }
    }

    fn after(outcomes: &str) -> (History, Vec<String>) {
        let mut history = History::default();
        let limits = Limits::default();
        let walk = Transcript::default();
        let rounds = outcomes.chars().map(|one| {
            let found = if one == 'x' {
                vec![finding()]
            } else {
                Vec::new()
            };
            history.note(&walk, &found, &limits).text()
        });
        let told = rounds.collect();
        (history, told)
    }

    #[test]
    fn only_changes_are_told() {
        let (_, told) = after("..xx.");
        let expected = [
            "walk 1: fine\n",
            "",
            "walk 3: trouble\nwalk 3: + It is refused (connection-refused)\n",
            "",
            "walk 5: fine\nwalk 5: - connection-refused is over\n",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn all_walks_together_tell_a_rate_and_a_pattern() {
        let says = |outcomes: &str| after(outcomes).0.summary().says;
        assert_eq!(
            says(&".".repeat(59)),
            "no trouble in 59 walks: a fault that strikes 5 % or more of them would have been seen with 95 % confidence"
        );
        let bursts = format!("{}{}", ".".repeat(20), "x".repeat(10));
        assert_eq!(
            says(&bursts),
            "trouble in 10 of 30 walks (95 % interval 19–51 %), in bursts"
        );
        assert!(says("x..x.x..x.").ends_with("no more in bursts than chance has it"));
        assert_eq!(after("xxx").0.summary().pattern, None);
    }

    #[test]
    fn the_oldest_outcomes_are_forgotten_and_still_counted() {
        let mut history = History::default();
        let few = Limits {
            watched_walks: 3,
            ..Limits::default()
        };
        for _ in 0..10 {
            history.note(&Transcript::default(), &[], &few);
        }
        assert_eq!((history.outcomes.len(), history.summary().walks), (3, 10));
    }
}
