//! What a symptom and the readings of its controls leave.

use crate::control::words;
use crate::{Cause, Control, Readings, Sender, Symptom, entry};

words! {
    /// How sure a cause is.
    Confidence {
        /// One cause is left, and who says that it does not work is known.
        Proved = "proved",
        /// One cause is left of those that the table knows.
        Consistent = "consistent with",
        /// Several causes are left.
        Open = "cannot tell from here",
        /// None is: the trouble comes and goes, or there are two.
        Contradictory = "contradictory",
    }
}

/// What is left of a symptom's causes.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The causes that the readings allow, in the order of the table.
    pub causes: Vec<&'static Cause>,
    /// How sure they are.
    pub confidence: Confidence,
    /// Controls that were not asked and would still tell causes apart.
    pub open: Vec<Control>,
}

impl Answer {
    /// What would tell the causes that are left apart; nothing where one is.
    pub fn would_tell(&self, symptom: Symptom) -> Option<&'static str> {
        match self.confidence {
            Confidence::Open => Some(entry(symptom).would_tell),
            Confidence::Contradictory => {
                Some("wirewise diagnose --repeat 60 (does the trouble come and go?)")
            }
            Confidence::Proved | Confidence::Consistent => None,
        }
    }
}

/// Crosses out the causes that readings do not allow.
pub fn answer(symptom: Symptom, readings: &Readings) -> Answer {
    let entry = entry(symptom);
    let causes: Vec<&'static Cause> = entry
        .causes
        .iter()
        .filter(|cause| fits(cause, readings))
        .collect();
    let confidence = match causes.as_slice() {
        [] => Confidence::Contradictory,
        [_] if entry.sender == Sender::Known => Confidence::Proved,
        [_] => Confidence::Consistent,
        _ => Confidence::Open,
    };
    let separates = |control: Control| {
        let mut admits = causes.iter().map(|cause| cause.admits(control));
        let first = admits.next();
        admits.any(|other| Some(other) != first)
    };
    let open = entry
        .controls
        .iter()
        .copied()
        .filter(|&control| readings.get(control).is_none() && separates(control))
        .collect();
    Answer {
        causes,
        confidence,
        open,
    }
}

/// Every reading is one that the cause allows.
fn fits(cause: &Cause, readings: &Readings) -> bool {
    readings
        .iter()
        .all(|(control, reading)| cause.admits(control).allows(reading))
}
