//! The table is total: every symptom with every combination of readings has one answer.

use super::*;
use crate::{Confidence, Reading, Readings, answer};
use std::collections::BTreeSet;

/// Every combination of "works", "degraded", "fails" and "not asked" of the controls of a symptom.
fn combinations(controls: &[Control]) -> Vec<Readings> {
    controls
        .iter()
        .fold(vec![Readings::default()], |all, &control| {
            all.into_iter()
                .flat_map(|known| {
                    Reading::ALL
                        .iter()
                        .map(|&reading| known.clone().with(control, reading))
                        .chain([known.clone()])
                        .collect::<Vec<_>>()
                })
                .collect()
        })
}

fn all() -> impl Iterator<Item = (Symptom, Readings)> {
    Symptom::ALL.iter().flat_map(|&symptom| {
        combinations(entry(symptom).controls)
            .into_iter()
            .map(move |readings| (symptom, readings))
    })
}

/// The causes that are left, by what they say.
fn left(symptom: Symptom, readings: &Readings) -> BTreeSet<&'static str> {
    answer(symptom, readings)
        .causes
        .iter()
        .map(|cause| cause.says)
        .collect()
}

/// Readings that no single cause of the table makes: two faults at once, or one that comes and goes.
fn is_two_at_once(symptom: Symptom, readings: &Readings) -> bool {
    let reads = |control, admits: Admits| {
        readings
            .get(control)
            .is_some_and(|reading| admits.allows(reading))
    };
    // The host's own queue overflows, and no other port answers either.
    symptom == Symptom::ConnectSilent
        && reads(Control::OwnQueue, Admits::FAILS)
        && reads(Control::OtherPort, Admits::FAILS)
}

#[test]
fn every_combination_has_one_answer() {
    let mut seen = 0;
    for (symptom, readings) in all() {
        let answer = answer(symptom, &readings);
        let contradictory = answer.confidence == Confidence::Contradictory;
        assert_eq!(
            contradictory,
            is_two_at_once(symptom, &readings),
            "{symptom:?} {readings:?}"
        );
        assert_eq!(answer.causes.is_empty(), contradictory);
        // The rows of a symptom are told apart by what they say, so that an answer is one set of rows.
        assert_eq!(left(symptom, &readings).len(), answer.causes.len());
        seen += 1;
    }
    assert!(seen > 2_000, "{seen}");
}

#[test]
fn where_everything_was_asked_one_cause_is_left_or_it_is_said_what_would_tell() {
    for (symptom, readings) in all() {
        let controls = entry(symptom).controls;
        if controls
            .iter()
            .any(|&control| readings.get(control).is_none())
        {
            continue;
        }
        let answer = answer(symptom, &readings);
        assert!(answer.open.is_empty(), "{symptom:?} {readings:?}");
        if answer.causes.len() != 1 {
            let told = answer.would_tell(symptom).unwrap_or_default();
            assert!(!told.is_empty(), "{symptom:?} {readings:?}");
        }
    }
}

#[test]
fn asking_more_only_crosses_out() {
    for (symptom, readings) in all() {
        let before = left(symptom, &readings);
        for &control in entry(symptom).controls {
            if readings.get(control).is_some() {
                continue;
            }
            let mut after = BTreeSet::new();
            for &reading in Reading::ALL {
                let left = left(symptom, &readings.clone().with(control, reading));
                assert!(
                    left.is_subset(&before),
                    "{symptom:?} {readings:?} {control:?}"
                );
                after.extend(left);
            }
            // No cause is crossed out whatever the control says.
            assert_eq!(after, before, "{symptom:?} {readings:?} {control:?}");
        }
    }
}

#[test]
fn what_works_poorly_never_blames_the_network_as_a_failure_does() {
    let mut blamed = 0;
    for (symptom, readings) in all() {
        for &control in entry(symptom).controls {
            if readings.get(control).is_some() {
                continue;
            }
            let with = |reading| answer(symptom, &readings.clone().with(control, reading)).causes;
            let said = |reading| left(symptom, &readings.clone().with(control, reading));
            let fails = with(Reading::Fails);
            let matters = said(Reading::Fails) != said(Reading::Works);
            if matters && !fails.is_empty() && fails.iter().all(|cause| cause.blames_network) {
                blamed += 1;
                assert_ne!(
                    said(Reading::Fails),
                    said(Reading::Degraded),
                    "{symptom:?} {readings:?} {control:?}"
                );
            }
        }
    }
    assert!(blamed > 10, "{blamed}");
}

#[test]
fn rows_name_only_controls_of_their_symptom() {
    for &symptom in Symptom::ALL {
        let entry = entry(symptom);
        assert!(!entry.causes.is_empty());
        for cause in entry.causes {
            for (control, admits) in cause.when {
                assert!(entry.controls.contains(control), "{symptom:?} {control:?}");
                assert!((1..3).contains(&admits.count()), "{symptom:?} {control:?}");
            }
            assert!(!cause.says.is_empty() && !cause.says.ends_with('.'));
        }
        // Every control tells at least two causes apart.
        for &control in entry.controls {
            let first = entry.causes[0].admits(control);
            assert!(
                entry
                    .causes
                    .iter()
                    .any(|cause| cause.admits(control) != first),
                "{symptom:?} {control:?}"
            );
        }
        assert_eq!(
            entry.causes.len() == 1,
            entry.controls.is_empty(),
            "{symptom:?}"
        );
    }
}

#[test]
fn words_are_their_own() {
    let symptoms: BTreeSet<&str> = Symptom::ALL.iter().map(|one| one.word()).collect();
    assert_eq!(symptoms.len(), Symptom::ALL.len());
    let controls: BTreeSet<&str> = Control::ALL.iter().map(|one| one.word()).collect();
    assert_eq!(controls.len(), Control::ALL.len());
    let used: BTreeSet<Control> = Symptom::ALL
        .iter()
        .flat_map(|&symptom| entry(symptom).controls.iter().copied())
        .collect();
    assert_eq!(used.len(), Control::ALL.len());
}
