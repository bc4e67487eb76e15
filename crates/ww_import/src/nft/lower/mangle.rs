//! Statements that change a packet or its connection.

use super::Lowering;
use crate::nft::ast::{BinaryOp, Expr, ExprKind};
use crate::nft::key::{Datatype, Key, Subject};
use ww_base::SourceSpan;
use ww_model::filter::{Action, Condition, Field, Step, UnknownReason};

/// The most rules that one becomes.
const MOST_VALUES: usize = 256;

/// Where a rule becomes several, which differ in a condition and the value that is set.
pub(super) struct Split {
    /// The number of steps before.
    place: usize,
    field: Field,
    values: Vec<(Condition, u32)>,
}

impl Split {
    /// The steps of each rule.
    pub(super) fn apart(self, steps: &[Step]) -> Vec<Vec<Step>> {
        let (before, after) = steps.split_at(self.place.min(steps.len()));
        let field = self.field;
        self.values
            .into_iter()
            .map(|(condition, flip)| {
                let set = Action::Set {
                    field,
                    keep: 0,
                    flip,
                };
                let between = [Step::If(condition), Step::Do(set)];
                before
                    .iter()
                    .chain(&between)
                    .chain(after)
                    .cloned()
                    .collect()
            })
            .collect()
    }
}

/// A mark made of another: `from & keep ^ flip`; a constant when made of none.
#[derive(Clone, Copy)]
struct Mark {
    from: Option<Field>,
    keep: u32,
    flip: u32,
}

impl<'e, 'a> Lowering<'e, 'a, '_> {
    /// `key set value`.
    pub(super) fn assignment(&mut self, key: Key, value: &'e Expr<'a>, at: SourceSpan) {
        self.need(key.needs, at);
        let done = match key.subject {
            Subject::Number(field @ (Field::Mark | Field::CtMark | Field::Dscp))
                if matches!(self.resolve(value).kind, ExprKind::Map(..)) =>
            {
                self.set_from_map(key, field, value, at)
            }
            Subject::Number(field @ (Field::Mark | Field::CtMark)) => self.set_mark(field, value),
            Subject::Number(Field::Dscp) => self.set_dscp(value),
            _ => false,
        };
        if !done {
            let id = self.unknown(UnknownReason::NotModelled, at);
            self.act(Action::Unknown(id));
        }
    }

    /// A value from a map: the rule becomes one rule for each value. Whether that can be said: the
    /// rules would see what the ones before them changed, so that nothing must be changed before,
    /// and the map must not be looked up by what it sets.
    fn set_from_map(
        &mut self,
        key: Key,
        field: Field,
        value: &'e Expr<'a>,
        at: SourceSpan,
    ) -> bool {
        let ExprKind::Map(lookup, data) = &self.resolve(value).kind else {
            return false;
        };
        let changed = self.steps.iter().any(|step| matches!(step, Step::Do(_)));
        let operands = self.lookup_keys(lookup, at);
        let by_itself = operands.iter().any(|operand| {
            matches!(
                operand.key.subject,
                Subject::Number(Field::Mark | Field::CtMark | Field::Dscp)
            )
        });
        if changed || by_itself || self.split.is_some() {
            return false;
        }
        let found = self.entries(&operands, data, |lowering, _, given| {
            lowering.number(key.datatype, given)
        });
        if found.unclear.is_some() || found.overlap || found.list.len() > MOST_VALUES {
            return false;
        }
        self.split = Some(Split {
            place: self.steps.len(),
            field,
            values: found
                .list
                .into_iter()
                .map(|(condition, value)| (condition, value as u32))
                .collect(),
        });
        true
    }

    fn set_dscp(&mut self, value: &'e Expr<'a>) -> bool {
        let word = matches!(self.resolve(value).kind, ExprKind::Word(_));
        let number = word
            .then(|| self.number(Datatype::Dscp, value).ok())
            .flatten();
        if let Some(number) = number {
            self.act(Action::Set {
                field: Field::Dscp,
                keep: 0,
                flip: number as u32,
            });
        }
        number.is_some()
    }

    /// Whether the new mark could be expressed.
    fn set_mark(&mut self, field: Field, value: &'e Expr<'a>) -> bool {
        let Some(mark) = self.mark(value) else {
            return false;
        };
        if let Some(from) = mark.from
            && from != field
        {
            self.act(if field == Field::Mark {
                Action::RestoreMark
            } else {
                Action::SaveMark
            });
        }
        if mark.from.is_none() || mark.keep != u32::MAX || mark.flip != 0 {
            self.act(Action::Set {
                field,
                keep: mark.keep,
                flip: mark.flip,
            });
        }
        true
    }

    fn mark(&mut self, value: &'e Expr<'a>) -> Option<Mark> {
        let value = self.resolve(value);
        match &value.kind {
            ExprKind::Word(_) => self.constant(value).map(|flip| Mark {
                from: None,
                keep: 0,
                flip,
            }),
            ExprKind::Key(key) => match key.subject {
                Subject::Number(from @ (Field::Mark | Field::CtMark)) => Some(Mark {
                    from: Some(from),
                    keep: u32::MAX,
                    flip: 0,
                }),
                _ => None,
            },
            ExprKind::Binary(op, left, right) => {
                let (left, right) = (self.mark(left)?, self.mark(right)?);
                match (left.from, right.from) {
                    (_, None) => combined(left, *op, right.flip),
                    (None, _) => combined(right, *op, left.flip),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn constant(&mut self, value: &'e Expr<'a>) -> Option<u32> {
        let number = self.number(Datatype::Number(32), value).ok()?;
        u32::try_from(number).ok()
    }
}

fn combined(mark: Mark, op: BinaryOp, constant: u32) -> Option<Mark> {
    let Mark { from, keep, flip } = mark;
    let (keep, flip) = match op {
        BinaryOp::And => (keep & constant, flip & constant),
        BinaryOp::Or => (keep & !constant, flip & !constant | constant),
        BinaryOp::Xor => (keep, flip ^ constant),
        BinaryOp::ShiftLeft | BinaryOp::ShiftRight if from.is_some() => return None,
        BinaryOp::ShiftLeft => (0, flip.checked_shl(constant).unwrap_or(0)),
        BinaryOp::ShiftRight => (0, flip.checked_shr(constant).unwrap_or(0)),
    };
    Some(Mark { from, keep, flip })
}
