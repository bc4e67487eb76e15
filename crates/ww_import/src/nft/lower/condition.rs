//! Comparisons into conditions.

use super::Lowering;
use super::operand::Operand;
use super::value::{self, Members, Unclear};
use crate::nft::ast::{Expr, ExprKind, Relation};
use crate::nft::key::{Needs, Subject};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_model::Ranges;
use ww_model::filter::{Action, Condition, Field, Step, UnknownReason};

/// What the conditions of a rule so far leave possible.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) version: Ranges,
    pub(super) protocol: Ranges,
    pub(super) icmp_type: Ranges,
    pub(super) icmp6_type: Ranges,
}

impl Known {
    fn of_field(&mut self, field: Field) -> Option<&mut Ranges> {
        Some(match field {
            Field::IpVersion => &mut self.version,
            Field::Protocol => &mut self.protocol,
            Field::IcmpType => &mut self.icmp_type,
            Field::Icmp6Type => &mut self.icmp6_type,
            _ => return None,
        })
    }
}

impl<'e, 'a> Lowering<'e, 'a, '_> {
    /// Adds a condition, unless what is known already says so.
    pub(super) fn require(&mut self, condition: Condition) {
        if let Condition::In(field, within) = &condition
            && let Some(known) = self.known.of_field(*field)
        {
            if known.minus(within).is_empty() {
                return;
            }
            *known = known.and(within);
        }
        if condition != Condition::All(Vec::new()) {
            self.steps.push(Step::If(condition));
        }
    }

    pub(super) fn act(&mut self, action: Action) {
        self.steps.push(Step::Do(action));
    }

    /// What a packet must be for a key to be loaded.
    pub(super) fn need(&mut self, needs: Needs, at: SourceSpan) {
        if needs.link && self.family != crate::nft::ast::Family::Netdev {
            let condition = self.not_modelled(at);
            self.require(condition);
        }
        if let Some(version) = needs.version {
            self.require(Condition::In(Field::IpVersion, Ranges::one(version.into())));
        }
        if let Some(protocol) = needs.protocol {
            self.require(Condition::In(Field::Protocol, Ranges::one(protocol.into())));
        }
        if !needs.icmp_types.is_empty() {
            let field = match needs.version {
                Some(6) => Field::Icmp6Type,
                _ => Field::IcmpType,
            };
            let types = needs.icmp_types.iter().map(|kind| u128::from(*kind));
            let within = Ranges::of(types.map(|kind| (kind, kind)));
            self.require(Condition::In(field, within));
        }
    }

    /// `left op right`, with what its keys need.
    pub(super) fn comparison(
        &mut self,
        left: &'e Expr<'a>,
        op: Relation,
        right: &'e Expr<'a>,
        at: SourceSpan,
    ) {
        let operands = self.operands(left);
        for operand in &operands {
            self.need(operand.key.needs, at);
        }
        let condition = match operands.as_slice() {
            [operand] => self.single(operand, op, right, at),
            several => self.tuple(several, op, right, at),
        };
        self.require(condition);
    }

    fn single(
        &mut self,
        operand: &Operand,
        op: Relation,
        right: &'e Expr<'a>,
        at: SourceSpan,
    ) -> Condition {
        let negated = op == Relation::NotEqual;
        match operand.key.subject {
            Subject::Opaque(reason) => Condition::Unknown(self.unknown(reason, at)),
            Subject::Interface(way, by_index) => {
                if !matches!(
                    op,
                    Relation::Implicit | Relation::Equal | Relation::NotEqual
                ) {
                    return self.not_modelled(at);
                }
                let names = self.interfaces(by_index, right);
                let mut any: Vec<Condition> = names
                    .known
                    .into_iter()
                    .map(|name| Condition::Interface(way, name))
                    .collect();
                any.extend(names.unclear.map(|unclear| self.unclear(unclear)));
                let condition = any_of(any);
                if negated { not(condition) } else { condition }
            }
            _ => self.numeric(operand, op, right),
        }
    }

    fn unclear(&mut self, (reason, at): Unclear) -> Condition {
        Condition::Unknown(self.unknown(reason, at))
    }

    /// A comparison of numbers. Negation is over the numbers, because a packet without the field
    /// ends the rule then too.
    fn numeric(&mut self, operand: &Operand, op: Relation, right: &'e Expr<'a>) -> Condition {
        let datatype = operand.key.datatype;
        let most = datatype.most();
        let bit_test = op == Relation::NoneOf
            || op == Relation::Implicit
                && datatype.is_flags()
                && operand.is_plain()
                && !self.is_set(right);
        if bit_test {
            return match self.number(datatype, right) {
                Ok(bits) => {
                    let masked = Operand {
                        mask: operand.mask & bits,
                        ..*operand
                    };
                    let within = match op {
                        Relation::NoneOf => Ranges::one(0),
                        _ => Ranges::span(1, bits),
                    };
                    self.holds(&masked, &within)
                }
                Err(unclear) => self.unclear(unclear),
            };
        }
        let bound = |value: Result<u128, Unclear>,
                     range: fn(u128, u128) -> Option<(u128, u128)>| {
            value.map(|value| Ranges::of(range(value, most)))
        };
        let within = match op {
            Relation::Less => bound(self.number(datatype, right), |value, _| {
                value.checked_sub(1).map(|last| (0, last))
            }),
            Relation::LessOrEqual => {
                bound(self.number(datatype, right), |value, _| Some((0, value)))
            }
            Relation::Greater => bound(self.number(datatype, right), |value, most| {
                value.checked_add(1).map(|first| (first, most))
            }),
            Relation::GreaterOrEqual => bound(self.number(datatype, right), |value, most| {
                Some((value, most))
            }),
            _ => return self.membership(operand, op == Relation::NotEqual, right),
        };
        match within {
            Ok(within) => self.holds(operand, &within),
            Err(unclear) => self.unclear(unclear),
        }
    }

    fn membership(&mut self, operand: &Operand, negated: bool, right: &'e Expr<'a>) -> Condition {
        let values = self.numbers(operand.key.datatype, right);
        let known = value::ranges(&values);
        let most = operand.key.datatype.most();
        if negated {
            let outside = self.holds(operand, &known.not(most));
            return match values.unclear {
                Some(unclear) => {
                    let perhaps = self.unclear(unclear);
                    Condition::All(vec![outside, not(perhaps)])
                }
                None => outside,
            };
        }
        match values.unclear {
            Some(unclear) if known.is_empty() => self.unclear(unclear),
            Some(unclear) => {
                let inside = self.holds(operand, &known);
                let perhaps = self.unclear(unclear);
                Condition::Any(vec![inside, perhaps])
            }
            None => self.holds(operand, &known),
        }
    }

    /// Several keys against tuples of values.
    fn tuple(
        &mut self,
        operands: &[Operand],
        op: Relation,
        right: &'e Expr<'a>,
        at: SourceSpan,
    ) -> Condition {
        let members = self.members(right);
        let mut rows = Vec::new();
        let mut unclear = None;
        match &members {
            Some(Members {
                elements,
                unclear: rest,
            }) => {
                unclear = *rest;
                for element in elements {
                    rows.push(self.row(operands, &element.key));
                }
            }
            None => rows.push(self.row(operands, right)),
        }
        let mut any = Vec::new();
        if !rows.is_empty() {
            any.push(rows_condition(rows));
        }
        any.extend(unclear.map(|unclear| self.unclear(unclear)));
        let any = any_of(any);
        match op {
            Relation::Implicit | Relation::Equal => any,
            Relation::NotEqual => {
                let mut all: Vec<Condition> = operands.iter().filter_map(presence).collect();
                all.push(not(any));
                Condition::All(all)
            }
            _ => self.not_modelled(at),
        }
    }

    /// One condition for each key of an element.
    pub(super) fn row(&mut self, operands: &[Operand], element: &'e Expr<'a>) -> Vec<Condition> {
        let element = self.resolve(element);
        let parts: Vec<&'e Expr<'a>> = match &element.kind {
            ExprKind::Concat(parts) => parts.iter().collect(),
            ExprKind::Everything => operands.iter().map(|_| element).collect(),
            _ => vec![element],
        };
        if parts.len() != operands.len() {
            let unclear = self.malformed(
                element.at,
                "the element has not as many parts as it is compared with",
            );
            return vec![self.unclear(unclear)];
        }
        // A port behind a protocol of the same element is a port of that protocol.
        let before = self.known.protocol.clone();
        let mut row = Vec::with_capacity(operands.len());
        for (operand, part) in operands.iter().zip(parts) {
            let condition = self.single(operand, Relation::Equal, part, operand.at);
            if let Condition::In(Field::Protocol, within) = &condition {
                self.known.protocol = self.known.protocol.and(within);
            }
            row.push(condition);
        }
        self.known.protocol = before;
        row
    }

    /// A condition that is not known to hold.
    pub(super) fn gate(&mut self, reason: UnknownReason, at: SourceSpan) {
        let condition = Condition::Unknown(self.unknown(reason, at));
        self.require(condition);
    }
}

/// That a packet has the key at all, where not every packet has.
fn presence(operand: &Operand) -> Option<Condition> {
    let (Subject::Number(field) | Subject::BarePort(field) | Subject::Shifted(field, _)) =
        operand.key.subject
    else {
        return None;
    };
    let everywhere = matches!(
        field,
        Field::Protocol | Field::Mark | Field::Length | Field::HopLimit | Field::Dscp
    );
    (!everywhere).then_some(Condition::Has(field))
}

pub(super) fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// At least one, in an order that does not depend on how they were written.
pub(super) fn any_of(mut conditions: Vec<Condition>) -> Condition {
    conditions.sort();
    conditions.dedup();
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        Some(last) => {
            conditions.push(last);
            Condition::Any(conditions)
        }
        None => Condition::Any(conditions),
    }
}

/// At least one row holds in full: a set of numbers or of tuples where the rows are of that kind.
pub(super) fn rows_condition(rows: Vec<Vec<Condition>>) -> Condition {
    let fields: Option<Vec<Field>> = rows.first().and_then(|row| fields_of(row));
    let Some(fields) = fields else {
        return any_of(rows.into_iter().map(all_of).collect());
    };
    let mut boxes = Vec::with_capacity(rows.len());
    let mut others = Vec::new();
    for row in rows {
        if fields_of(&row).as_ref() == Some(&fields) {
            boxes.push(row.into_iter().filter_map(within).collect::<Vec<_>>());
        } else {
            others.push(all_of(row));
        }
    }
    others.push(boxes_condition(fields, boxes));
    any_of(others)
}

fn boxes_condition(fields: Vec<Field>, mut boxes: Vec<Vec<Ranges>>) -> Condition {
    if let [field] = fields.as_slice() {
        let all = boxes.iter().flatten().flat_map(Ranges::iter);
        return Condition::In(*field, Ranges::of(all.collect::<Vec<_>>()));
    }
    boxes.sort();
    boxes.dedup();
    Condition::Tuple { fields, boxes }
}

fn all_of(mut row: Vec<Condition>) -> Condition {
    match row.pop() {
        Some(only) if row.is_empty() => only,
        Some(last) => {
            row.push(last);
            Condition::All(row)
        }
        None => Condition::All(row),
    }
}

/// The fields of a row of plain tests, when no field is tested twice.
fn fields_of(row: &[Condition]) -> Option<Vec<Field>> {
    let mut seen = BTreeSet::new();
    row.iter()
        .map(|condition| match condition {
            Condition::In(field, _) => seen.insert(*field).then_some(*field),
            _ => None,
        })
        .collect()
}

fn within(condition: Condition) -> Option<Ranges> {
    match condition {
        Condition::In(_, within) => Some(within),
        _ => None,
    }
}
