//! Which controls to ask next: those that tell most for what they cost.
//!
//! Before anything is asked, the causes that are left count the same: nobody published how often each happens, and
//! what a user sees of one network says nothing of another. A cause makes each reading that it allows equally likely.
//! What a control is expected to tell is then the entropy of the causes less what is expected to be left of it, both
//! from the table alone.

use crate::{Cause, Control, Reading, Readings, Symptom, answer, entry};
use ww_base::Span;

/// What a packet costs: a walk sends one in this time of its own accord, so that many packets are as dear as a long
/// wait.
pub const PACE: Span = Span::from_millis(50);

/// A control that could be asked now, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The control.
    pub control: Control,
    /// Packets that we send for it, where it fails.
    pub packets: u32,
    /// How long it takes where it works.
    pub answered: Span,
    /// How long it takes at most: where it fails, it is waited for.
    pub waited: Span,
}

/// What may still be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Time.
    pub time: Span,
    /// Packets.
    pub packets: u32,
}

/// Controls to be asked side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Which.
    pub controls: Vec<Control>,
    /// What they are expected to tell, bits.
    pub bits: f64,
    /// How much there is to know, bits.
    pub open: f64,
    /// Packets that they send at most.
    pub packets: u32,
    /// How long they are expected to take.
    pub expected: Span,
    /// How long they take at most.
    pub worst: Span,
}

impl Choice {
    /// What it costs as time: that which is expected, and that of its packets.
    fn cost(&self) -> f64 {
        self.expected.as_secs() + PACE.as_secs() * f64::from(self.packets)
    }

    /// Bits per second of cost.
    fn worth(&self) -> f64 {
        // What costs nothing is asked before all that costs something.
        self.bits / self.cost().max(f64::MIN_POSITIVE)
    }
}

/// The controls that tell most for what they cost, within the budget; nothing where one cause is left, or where no
/// offer tells anything or can be paid.
///
/// Controls that are asked side by side wait together, so that the second one costs its packets and little time: one is
/// added as long as the whole then tells more for its cost.
pub fn choose(
    symptom: Symptom,
    readings: &Readings,
    offers: &[Offer],
    budget: Budget,
) -> Option<Choice> {
    let row = entry(symptom);
    let causes = answer(symptom, readings).causes;
    let useful: Vec<Offer> = offers
        .iter()
        .copied()
        .filter(|offer| row.controls.contains(&offer.control))
        .filter(|offer| readings.get(offer.control).is_none())
        .collect();
    let mut taken: Vec<Offer> = Vec::new();
    let mut best: Option<Choice> = None;
    loop {
        let next = useful
            .iter()
            .filter(|offer| !taken.iter().any(|one| one.control == offer.control))
            .filter_map(|offer| {
                let set: Vec<Offer> = taken.iter().chain([offer]).copied().collect();
                let choice = weigh(&causes, &set);
                let within = choice.worst <= budget.time && choice.packets <= budget.packets;
                // A millionth of a bit is rounding, not knowledge.
                let told = choice.bits - best.as_ref().map_or(0.0, |best| best.bits) > 1e-6;
                (within && told).then_some((*offer, choice))
            })
            .reduce(|one, other| {
                if other.1.worth() > one.1.worth() {
                    other
                } else {
                    one
                }
            });
        match next {
            Some((offer, choice))
                if best
                    .as_ref()
                    .is_none_or(|best| choice.worth() > best.worth()) =>
            {
                taken.push(offer);
                best = Some(choice);
            }
            _ => return best,
        }
    }
}

/// What a set of controls tells and costs.
fn weigh(causes: &[&Cause], set: &[Offer]) -> Choice {
    let open = (causes.len().max(1) as f64).log2();
    let mut left = 0.0;
    let mut expected = 0.0;
    for readings in combinations(set.len()) {
        // How likely each cause is, together with these readings.
        let shares: Vec<f64> = causes
            .iter()
            .map(|cause| share(cause, set, &readings) / causes.len() as f64)
            .collect();
        let sum: f64 = shares.iter().sum();
        if sum <= 0.0 {
            continue;
        }
        left += shares
            .iter()
            .filter(|share| **share > 0.0)
            .map(|share| share * (sum / share).log2())
            .sum::<f64>();
        expected += sum * took(set, &readings).as_secs();
    }
    Choice {
        controls: set.iter().map(|offer| offer.control).collect(),
        bits: (open - left).max(0.0),
        open,
        packets: set.iter().map(|offer| offer.packets).sum(),
        expected: Span((expected * 1e9) as i64),
        worst: set
            .iter()
            .map(|offer| offer.waited)
            .max()
            .unwrap_or(Span::ZERO),
    }
}

/// How likely a cause makes readings of controls.
fn share(cause: &Cause, set: &[Offer], readings: &[Reading]) -> f64 {
    set.iter()
        .zip(readings)
        .map(|(offer, &reading)| {
            let admits = cause.admits(offer.control);
            if admits.allows(reading) {
                1.0 / f64::from(admits.count())
            } else {
                0.0
            }
        })
        .product()
}

/// How long controls take side by side.
fn took(set: &[Offer], readings: &[Reading]) -> Span {
    set.iter()
        .zip(readings)
        .map(|(offer, reading)| match reading {
            Reading::Fails => offer.waited,
            Reading::Works | Reading::Degraded => offer.answered,
        })
        .max()
        .unwrap_or(Span::ZERO)
}

/// Every combination of readings of so many controls.
fn combinations(count: usize) -> Vec<Vec<Reading>> {
    (0..count).fold(vec![Vec::new()], |all, _| {
        all.iter()
            .flat_map(|before| {
                Reading::ALL
                    .iter()
                    .map(move |&reading| before.iter().copied().chain([reading]).collect())
            })
            .collect()
    })
}

#[cfg(test)]
mod tests;
