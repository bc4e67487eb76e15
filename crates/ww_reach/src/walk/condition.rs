//! Whether a condition holds: yes, no, or not known.

use super::Missing;
use super::seen::{Reading, View};
use ww_model::Ranges;
use ww_model::filter::{Condition, Field, NamePattern, Way};

/// An answer of three-valued logic; the third says what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    Maybe(Missing),
}

impl Truth {
    fn of(holds: bool) -> Truth {
        if holds { Truth::Yes } else { Truth::No }
    }

    fn not(self) -> Truth {
        match self {
            Truth::Yes => Truth::No,
            Truth::No => Truth::Yes,
            Truth::Maybe(missing) => Truth::Maybe(missing),
        }
    }

    /// True when all are; one that is false outweighs any that are not known.
    fn all(truths: impl Iterator<Item = Truth>) -> Truth {
        let mut all = Truth::Yes;
        for truth in truths {
            match truth {
                Truth::No => return Truth::No,
                Truth::Maybe(_) if all == Truth::Yes => all = truth,
                _ => {}
            }
        }
        all
    }

    /// True when one is; one that is true outweighs any that are not known.
    fn any(truths: impl Iterator<Item = Truth>) -> Truth {
        Truth::all(truths.map(Truth::not)).not()
    }
}

/// Whether the condition holds for the packet as it is seen now.
pub(super) fn holds(condition: &Condition, view: &View) -> Truth {
    match condition {
        Condition::All(parts) => Truth::all(parts.iter().map(|part| holds(part, view))),
        Condition::Any(parts) => Truth::any(parts.iter().map(|part| holds(part, view))),
        Condition::Not(inner) => holds(inner, view).not(),
        Condition::Has(field) => Truth::of(view.read(*field) != Reading::Absent),
        Condition::In(field, ranges) => within(*field, view.read(*field), ranges),
        Condition::Masked {
            field,
            mask,
            within,
        } => masked(*field, view.read(*field), *mask, within),
        Condition::Tuple { fields, boxes } => tuple(fields, boxes, view),
        Condition::Interface(way, pattern) => interface(*way, pattern, view),
        Condition::Unknown(id) => Truth::Maybe(Missing::Unknown(*id)),
    }
}

fn within(field: Field, reading: Reading, ranges: &Ranges) -> Truth {
    match reading {
        Reading::Absent => Truth::No,
        Reading::Within(first, last) if first == last => Truth::of(ranges.contains(first)),
        Reading::Within(first, last) => {
            let span = Ranges::span(first, last);
            let common = ranges.and(&span);
            if common.is_empty() {
                Truth::No
            } else if common == span {
                Truth::Yes
            } else {
                Truth::Maybe(Missing::Field(field))
            }
        }
        Reading::Bits(value, known) => {
            every_bit(field, value, known, |value| ranges.contains(value))
        }
        Reading::Hidden(missing) => Truth::Maybe(missing),
    }
}

/// Bits that are not known, of which every combination is tried.
const FEW_BITS: u32 = 8;
/// Values of a range that are tried one by one.
const FEW_VALUES: u128 = 1024;

/// The answer for a number of which only some bits are known, when it is the same for all that it can be.
fn every_bit(field: Field, value: u128, known: u128, holds: impl Fn(u128) -> bool) -> Truth {
    let unknown = u128::from(u32::MAX) & !known;
    if unknown.count_ones() > FEW_BITS {
        return Truth::Maybe(Missing::Field(field));
    }
    // Every number made of unknown bits only, in falling order.
    let combinations = std::iter::successors(Some(unknown), |bits| {
        (*bits != 0).then(|| (*bits - 1) & unknown)
    });
    same_for_all(field, combinations.map(|bits| holds(value | bits)))
}

fn same_for_all(field: Field, answers: impl Iterator<Item = bool>) -> Truth {
    let (mut some, mut all) = (false, true);
    for answer in answers {
        some |= answer;
        all &= answer;
    }
    match (some, all) {
        (false, _) => Truth::No,
        (true, true) => Truth::Yes,
        (true, false) => Truth::Maybe(Missing::Field(field)),
    }
}

fn masked(field: Field, reading: Reading, mask: u128, ranges: &Ranges) -> Truth {
    match reading {
        Reading::Absent => Truth::No,
        Reading::Within(first, last) if first == last => Truth::of(ranges.contains(first & mask)),
        Reading::Bits(value, known) if mask & !known == 0 => {
            Truth::of(ranges.contains(value & mask))
        }
        Reading::Bits(value, known) => {
            every_bit(field, value, known, |value| ranges.contains(value & mask))
        }
        Reading::Within(first, last) if last - first < FEW_VALUES => {
            let values = first..=last;
            same_for_all(field, values.map(|value| ranges.contains(value & mask)))
        }
        Reading::Within(..) => Truth::Maybe(Missing::Field(field)),
        Reading::Hidden(missing) => Truth::Maybe(missing),
    }
}

fn tuple(fields: &[Field], boxes: &[Vec<Ranges>], view: &View) -> Truth {
    let readings: Vec<(Field, Reading)> = fields
        .iter()
        .map(|field| (*field, view.read(*field)))
        .collect();
    Truth::any(boxes.iter().map(|sides| {
        let tests = readings.iter().zip(sides);
        Truth::all(tests.map(|((field, reading), ranges)| within(*field, *reading, ranges)))
    }))
}

fn interface(way: Way, pattern: &NamePattern, view: &View) -> Truth {
    match view.interface(way) {
        Ok(name) => Truth::of(pattern.fits(name)),
        Err(_) if pattern.prefix && pattern.text.is_empty() => Truth::Yes,
        Err(missing) => Truth::Maybe(missing),
    }
}
