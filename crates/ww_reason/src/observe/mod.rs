//! Symptoms and readings among the steps of a walk: while it goes on, or when it is judged again.

mod connections;
mod handshakes;
mod names;
mod requests;

use crate::{Answer, Readings, Symptom, answer};
use std::net::SocketAddr;
use ww_evidence::transcript::{Step, Target};

/// A symptom at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What does not work.
    pub symptom: Symptom,
    /// Where: an address of the target, or a name server; `None` where it is about the name as a whole.
    pub at: Option<SocketAddr>,
    /// The step that shows it.
    pub step: u32,
    /// What its controls said.
    pub readings: Readings,
}

impl Case {
    /// What is left of its causes.
    pub fn answer(&self) -> Answer {
        answer(self.symptom, &self.readings)
    }
}

/// What does not work so that causes must be told apart, in the order of the layers, and of the steps within one. What
/// names its cause itself is left to the rules.
pub fn cases(target: &Target, steps: &[Step]) -> Vec<Case> {
    let mut all = names::cases(target, steps);
    all.extend(connections::cases(steps));
    all.extend(handshakes::cases(target, steps));
    all.extend(requests::cases(target, steps));
    all
}

#[cfg(test)]
mod tests;
