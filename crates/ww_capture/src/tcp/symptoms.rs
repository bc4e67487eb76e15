//! The list of what went wrong in one connection.

use ww_base::Span;
use ww_evidence::{SideId, Symptom, SymptomKind};

/// Frames kept per symptom.
const FRAMES_KEPT: usize = 4;

/// Symptoms of one connection; most have none.
#[derive(Debug, Default)]
pub(crate) struct Symptoms(Vec<Symptom>);

/// One case of a symptom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) frame: u64,
    pub(crate) bytes: u32,
    pub(crate) lost: Span,
}

impl Symptoms {
    /// Counts a case.
    pub(crate) fn add(&mut self, kind: SymptomKind, side: SideId, case: Case) {
        let known = self
            .0
            .iter_mut()
            .find(|symptom| symptom.kind == kind && symptom.side == side);
        let Some(symptom) = known else {
            self.0.push(Symptom {
                kind,
                side,
                count: 1,
                bytes: u64::from(case.bytes),
                lost: case.lost,
                worst: case.lost,
                frames: vec![case.frame],
                worst_frame: case.frame,
                last_frame: case.frame,
            });
            return;
        };
        symptom.count += 1;
        symptom.bytes += u64::from(case.bytes);
        symptom.lost += case.lost;
        symptom.last_frame = case.frame;
        if case.lost > symptom.worst {
            symptom.worst = case.lost;
            symptom.worst_frame = case.frame;
        }
        if symptom.frames.len() < FRAMES_KEPT {
            symptom.frames.push(case.frame);
        }
    }

    /// Takes a case back that turned out to be something else.
    pub(crate) fn take_back(&mut self, kind: SymptomKind, side: SideId, case: Case) {
        let Some(index) = self
            .0
            .iter()
            .position(|symptom| symptom.kind == kind && symptom.side == side)
        else {
            return;
        };
        if let Some(symptom) = self.0.get_mut(index) {
            symptom.count -= 1;
            symptom.bytes = symptom.bytes.saturating_sub(u64::from(case.bytes));
            symptom.lost = (symptom.lost - case.lost).or_zero();
            symptom.frames.retain(|&frame| frame != case.frame);
            if symptom.count == 0 {
                self.0.swap_remove(index);
                return;
            }
            if symptom.last_frame == case.frame {
                symptom.last_frame = symptom.frames.last().copied().unwrap_or(case.frame);
            }
            if symptom.worst_frame == case.frame {
                symptom.worst_frame = symptom
                    .frames
                    .first()
                    .copied()
                    .unwrap_or(symptom.last_frame);
                symptom.worst = Span(symptom.lost.0 / i64::from(symptom.count));
            }
        }
    }

    /// Most time lost first.
    pub(crate) fn finish(mut self) -> Vec<Symptom> {
        self.0.sort_by_key(|symptom| {
            (
                std::cmp::Reverse(symptom.lost),
                std::cmp::Reverse(symptom.count),
                symptom.kind,
                symptom.side,
            )
        });
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_add_up_and_can_be_taken_back() {
        let mut symptoms = Symptoms::default();
        let case = |frame, ms| Case {
            frame,
            bytes: 100,
            lost: Span::from_millis(ms),
        };
        symptoms.add(SymptomKind::LossAfter, SideId::Client, case(5, 10));
        symptoms.add(SymptomKind::LossAfter, SideId::Client, case(9, 30));
        symptoms.take_back(SymptomKind::LossAfter, SideId::Client, case(5, 10));
        let list = symptoms.finish();
        assert_eq!(list.len(), 1);
        assert_eq!((list[0].count, list[0].bytes), (1, 100));
        assert_eq!(list[0].lost, Span::from_millis(30));
        assert_eq!(list[0].frames, [9]);
        assert_eq!(list[0].worst_frame, 9);
    }
}
