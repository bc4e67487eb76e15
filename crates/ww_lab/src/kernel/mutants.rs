//! Bugs planted on purpose: each must be found by the comparison with the kernel, or the comparison is too weak.
//!
//! Bugs of the walk are planted in it. Bugs of a reader of rules are planted in what it read: a mutant changes the
//! rule set into the one that a reader with the bug would have handed over.

use super::judge;
use super::oracle::Trial;
use ww_model::Ranges;
use ww_model::filter::{Action, Condition, Field, Ruleset, Step};
use ww_reach::mutants::{Bug, plant};

/// A bug of a reader: its name, and what becomes of every condition.
type Misreading = (&'static str, fn(Condition) -> Condition);

/// Bugs of readers.
const MISREADINGS: [Misreading; 13] = [
    ("negation is dropped", |condition| match condition {
        Condition::Not(inner) => *inner,
        other => other,
    }),
    ("the last port of a range is left out", |condition| {
        ranges_of(
            condition,
            &[Field::DstPort, Field::SrcPort],
            |first, last| (first, if first < last { last - 1 } else { last }),
        )
    }),
    ("a range of addresses has one more", |condition| {
        ranges_of(
            condition,
            &[Field::Src4, Field::Dst4, Field::Src6, Field::Dst6],
            |first, last| (first, last.saturating_add(1)),
        )
    }),
    (
        "TCP flags are compared as a whole",
        |condition| match condition {
            Condition::Masked {
                field: Field::TcpFlags,
                within,
                ..
            } => Condition::In(Field::TcpFlags, within),
            other => other,
        },
    ),
    ("masks of marks are ignored", |condition| match condition {
        Condition::Masked {
            field: field @ (Field::Mark | Field::CtMark),
            within,
            ..
        } => Condition::In(field, within),
        other => other,
    }),
    (
        "masks of addresses are ignored",
        |condition| match condition {
            Condition::Masked {
                field: field @ (Field::Src4 | Field::Dst4 | Field::Src6 | Field::Dst6),
                within,
                ..
            } => Condition::In(field, within),
            other => other,
        },
    ),
    (
        "wildcards of interfaces are letters",
        |condition| match condition {
            Condition::Interface(way, mut pattern) => {
                pattern.prefix = false;
                Condition::Interface(way, pattern)
            }
            other => other,
        },
    ),
    (
        "fields of a tuple are tested one by one",
        |condition| match condition {
            Condition::Tuple { fields, boxes } => one_by_one(&fields, &boxes),
            other => other,
        },
    ),
    ("the state of a connection is ignored", |condition| {
        forget(condition, Field::CtState)
    }),
    ("the code of ICMP is ignored", |condition| {
        forget(forget(condition, Field::IcmpCode), Field::Icmp6Code)
    }),
    ("the protocol is ignored", |condition| {
        forget(condition, Field::Protocol)
    }),
    (
        "source and destination ports are one",
        |condition| match condition {
            Condition::In(Field::SrcPort, ranges) => Condition::In(Field::DstPort, ranges),
            other => other,
        },
    ),
    ("the device's own addresses are any other", |condition| {
        forget(forget(condition, Field::DstKind), Field::SrcKind)
    }),
];

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The bug.
    pub name: String,
    /// How many trials it took to find it; none when no trial did.
    pub found_after: Option<usize>,
}

/// Plants every bug and looks for the first trial that finds it.
///
/// # Errors
/// The number of trials that disagree with no bug planted: nothing can be said of mutants then.
pub fn hunt(trials: &[Trial]) -> Result<Vec<Verdict>, usize> {
    plant(None);
    let rules: Vec<Ruleset> = trials
        .iter()
        .map(|trial| judge::import(&trial.case).value)
        .collect();
    let sound = trials
        .iter()
        .zip(&rules)
        .filter(|(trial, rules)| disagrees(trial, rules));
    match sound.count() {
        0 => {}
        disagreeing => return Err(disagreeing),
    }
    let mut verdicts = Vec::new();
    for bug in Bug::ALL {
        plant(Some(bug));
        let mut pairs = trials.iter().zip(&rules);
        verdicts.push(Verdict {
            name: format!("{bug:?}"),
            found_after: pairs.position(|(trial, rules)| disagrees(trial, rules)),
        });
    }
    plant(None);
    for (name, misread) in MISREADINGS {
        let mut pairs = trials.iter().zip(&rules);
        let finds = |(trial, rules): (&Trial, &Ruleset)| {
            let wrong = misreading(rules, &misread);
            wrong != *rules && disagrees(trial, &wrong)
        };
        verdicts.push(Verdict {
            name: name.to_owned(),
            found_after: pairs.position(finds),
        });
    }
    Ok(verdicts)
}

fn disagrees(trial: &Trial, rules: &Ruleset) -> bool {
    let (mismatches, _) = judge::compare(rules, trial.case.hook, &trial.packets, &trial.observed);
    !mismatches.is_empty()
}

/// The rule set with every condition misread.
fn misreading(rules: &Ruleset, misread: &dyn Fn(Condition) -> Condition) -> Ruleset {
    let mut wrong = rules.clone();
    let rules = wrong.chains.iter_mut().flat_map(|chain| &mut chain.rules);
    for step in rules.flat_map(|rule| &mut rule.steps) {
        match step {
            Step::If(condition) => replace(condition, misread),
            Step::Do(Action::VerdictMap(entries)) => {
                for (condition, _) in entries {
                    replace(condition, misread);
                }
            }
            Step::Do(Action::NatMap(entries)) => {
                for (condition, _) in entries {
                    replace(condition, misread);
                }
            }
            Step::Do(_) => {}
        }
    }
    wrong
}

/// Misreads a condition, its parts first.
fn replace(condition: &mut Condition, misread: &dyn Fn(Condition) -> Condition) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts {
                replace(part, misread);
            }
        }
        Condition::Not(inner) => replace(inner, misread),
        _ => {}
    }
    *condition = misread(std::mem::replace(condition, always()));
}

fn always() -> Condition {
    Condition::All(Vec::new())
}

fn forget(condition: Condition, forgotten: Field) -> Condition {
    match condition {
        Condition::In(field, _) if field == forgotten => always(),
        other => other,
    }
}

fn ranges_of(
    condition: Condition,
    fields: &[Field],
    change: impl Fn(u128, u128) -> (u128, u128),
) -> Condition {
    match condition {
        Condition::In(field, ranges) if fields.contains(&field) => {
            let changed = ranges.iter().map(|(first, last)| change(first, last));
            Condition::In(field, Ranges::of(changed))
        }
        other => other,
    }
}

fn one_by_one(fields: &[Field], boxes: &[Vec<Ranges>]) -> Condition {
    let tests = fields.iter().enumerate().map(|(place, field)| {
        let sides = boxes.iter().filter_map(|sides| sides.get(place));
        let any = sides.fold(Ranges::none(), |any, side| any.or(side));
        Condition::In(*field, any)
    });
    Condition::All(tests.collect())
}
