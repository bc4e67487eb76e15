//! The left side of a comparison: one key or several, each with operations on its bits.

use super::Lowering;
use crate::nft::ast::{BinaryOp, Expr, ExprKind};
use crate::nft::key::{Datatype, Key, Subject};
use ww_base::SourceSpan;
use ww_model::Ranges;
use ww_model::filter::{AddressKind, Condition, Field, UnknownReason};
use ww_model::packet::protocol;

/// A key of which some bits count: `key & mask ^ flip`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub(super) key: Key,
    pub(super) mask: u128,
    pub(super) flip: u128,
    pub(super) at: SourceSpan,
}

impl Operand {
    /// Whether all bits count as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.mask == self.key.datatype.most() && self.flip == 0
    }
}

/// Protocol numbers that announce a header between IPv6 and the transport.
const EXTENSIONS: [(u128, u128); 7] = [
    (0, 0),
    (43, 44),
    (51, 51),
    (60, 60),
    (135, 135),
    (139, 140),
    (253, 254),
];

impl<'e, 'a> Lowering<'e, 'a, '_> {
    /// The keys of an expression, in order.
    pub(super) fn operands(&mut self, expr: &'e Expr<'a>) -> Vec<Operand> {
        let expr = self.resolve(expr);
        match &expr.kind {
            ExprKind::Concat(parts) => parts.iter().map(|part| self.operand(part)).collect(),
            _ => vec![self.operand(expr)],
        }
    }

    fn operand(&mut self, expr: &'e Expr<'a>) -> Operand {
        let expr = self.resolve(expr);
        let opaque = |reason| Operand {
            key: Key::opaque(reason),
            mask: u128::MAX,
            flip: 0,
            at: expr.at,
        };
        match &expr.kind {
            ExprKind::Key(key) => Operand {
                key: *key,
                mask: key.datatype.most(),
                flip: 0,
                at: expr.at,
            },
            ExprKind::Binary(op, left, right) => {
                let operand = self.operand(left);
                let constant = match op {
                    BinaryOp::ShiftLeft | BinaryOp::ShiftRight => None,
                    _ if operand.key.datatype == Datatype::Opaque => None,
                    _ => self.number(operand.key.datatype, right).ok(),
                };
                constant
                    .and_then(|constant| combined(operand, *op, constant))
                    .unwrap_or_else(|| Operand {
                        key: Key {
                            needs: operand.key.needs,
                            ..Key::opaque(UnknownReason::NotModelled)
                        },
                        ..operand
                    })
            }
            _ => opaque(UnknownReason::NotUnderstood),
        }
    }

    /// That the key, with its operations, gives a number in `within`; false where the packet lacks
    /// it.
    pub(super) fn holds(&mut self, operand: &Operand, within: &Ranges) -> Condition {
        let most = operand.key.datatype.most();
        let Some(within) = unflipped(within, operand) else {
            return self.not_modelled(operand.at);
        };
        let mask = operand.mask;
        match operand.key.subject {
            Subject::Number(field) => number_in(field, most, mask, &within),
            Subject::Shifted(field, by) if operand.is_plain() => {
                let shifted = within.iter().map(|(first, last)| (first + by, last + by));
                Condition::In(field, Ranges::of(shifted))
            }
            Subject::Coded(field, codes) => {
                self.coded(field, codes, operand.at, |raw| within.contains(raw & mask))
            }
            Subject::NatStatus if mask & !NAT_BITS == 0 => Condition::In(
                Field::CtNat,
                numbers((0..4).filter(|bits| within.contains((bits << 4) & mask))),
            ),
            Subject::Fragment if mask == FRAGMENT_OFFSET => self.fragment(operand.at, &within),
            Subject::BarePort(field) if operand.is_plain() => {
                self.bare_port(field, operand.at, within)
            }
            Subject::NextHeader if operand.is_plain() => self.next_header(operand.at, &within),
            Subject::Constant(value) if within.contains(value & mask) => Condition::All(Vec::new()),
            Subject::Constant(_) => Condition::Any(Vec::new()),
            Subject::Opaque(reason) => Condition::Unknown(self.unknown(reason, operand.at)),
            _ => self.not_modelled(operand.at),
        }
    }

    pub(super) fn not_modelled(&mut self, at: SourceSpan) -> Condition {
        Condition::Unknown(self.unknown(UnknownReason::NotModelled, at))
    }

    /// Fields whose numbers differ: those of the model whose counterparts fit.
    fn coded(
        &mut self,
        field: Field,
        codes: &[(u128, u128)],
        at: SourceSpan,
        fits: impl Fn(u128) -> bool,
    ) -> Condition {
        let mut found = Ranges::of(
            codes
                .iter()
                .filter(|(_, raw)| fits(*raw))
                .map(|(number, _)| (*number, *number)),
        );
        if !matches!(field, Field::SrcKind | Field::DstKind) {
            return Condition::In(field, found);
        }
        let other = Ranges::one(AddressKind::Other as u128);
        let fitting = OTHER_KINDS.iter().filter(|kind| fits(**kind)).count();
        if fitting == OTHER_KINDS.len() {
            found = found.or(&other);
        } else if fitting > 0 {
            let perhaps = self.not_modelled(at);
            return Condition::Any(vec![
                Condition::In(field, found),
                Condition::All(vec![Condition::In(field, other), perhaps]),
            ]);
        }
        Condition::In(field, found)
    }

    /// The transport's number where no header stands before it, as in nearly all packets; a
    /// packet with such headers is told by their numbers, which are not modelled.
    fn next_header(&mut self, at: SourceSpan, within: &Ranges) -> Condition {
        let extensions = Ranges::of(EXTENSIONS);
        let plain = Condition::In(Field::Protocol, within.minus(&extensions));
        if within.and(&extensions).is_empty() {
            return plain;
        }
        Condition::Any(vec![plain, self.not_modelled(at)])
    }

    fn fragment(&mut self, at: SourceSpan, within: &Ranges) -> Condition {
        let later = within.and(&Ranges::span(1, FRAGMENT_OFFSET));
        let first = within.contains(0);
        if later.is_empty() || later == Ranges::span(1, FRAGMENT_OFFSET) {
            let numbers = [(0, first), (1, !later.is_empty())];
            let fitting = numbers.iter().filter(|(_, fits)| *fits);
            return Condition::In(
                Field::LaterFragment,
                Ranges::of(fitting.map(|(number, _)| (*number, *number))),
            );
        }
        self.not_modelled(at)
    }

    /// Bytes where ports would be: ports where the protocol has them, and unknown elsewhere.
    fn bare_port(&mut self, field: Field, at: SourceSpan, within: Ranges) -> Condition {
        let with_ports = numbers(
            protocol::WITH_PORTS
                .iter()
                .map(|number| u128::from(*number)),
        );
        let port = Condition::In(field, within);
        if self.known.protocol.minus(&with_ports).is_empty() {
            return port;
        }
        let without = Condition::In(Field::Protocol, with_ports.not(255));
        Condition::Any(vec![
            port,
            Condition::All(vec![without, self.not_modelled(at)]),
        ])
    }
}

/// Source and destination translation among the status bits of a connection.
const NAT_BITS: u128 = 0x30;
const FRAGMENT_OFFSET: u128 = 0x1fff;
/// Kinds of address that are one kind in the model.
const OTHER_KINDS: [u128; 5] = [0, 4, 6, 7, 8];

fn numbers(values: impl Iterator<Item = u128>) -> Ranges {
    Ranges::of(values.map(|value| (value, value)))
}

fn combined(operand: Operand, op: BinaryOp, constant: u128) -> Option<Operand> {
    let Operand { mask, flip, .. } = operand;
    let (mask, flip) = match op {
        BinaryOp::And => (mask & constant, flip & constant),
        BinaryOp::Or => (mask & !constant, flip & !constant | constant),
        BinaryOp::Xor => (mask, flip ^ constant),
        BinaryOp::ShiftLeft | BinaryOp::ShiftRight => return None,
    };
    Some(Operand {
        mask,
        flip,
        ..operand
    })
}

/// The numbers before they were flipped; `None` where ranges would fall apart.
fn unflipped(within: &Ranges, operand: &Operand) -> Option<Ranges> {
    if operand.flip == 0 {
        return Some(within.clone());
    }
    let mut numbers = Vec::new();
    for (first, last) in within.iter() {
        if first != last {
            return None;
        }
        numbers.push((first ^ operand.flip, first ^ operand.flip));
    }
    Some(Ranges::of(numbers))
}

/// `field & mask` in `within`, as plain ranges where the mask is that of a prefix.
fn number_in(field: Field, most: u128, mask: u128, within: &Ranges) -> Condition {
    let host = most & !mask;
    // What has bits outside of the mask never equals anything under it.
    let reachable = within.and(&Ranges::span(0, mask));
    if host & host.wrapping_add(1) != 0 {
        return Condition::Masked {
            field,
            mask,
            within: reachable,
        };
    }
    // Under a prefix mask the numbers come in steps: only what lies on a step counts.
    let blocks = reachable.iter().filter_map(|(first, last)| {
        let first = first.checked_add(host)? & !host;
        let last = last & !host;
        (first <= last).then_some((first, last | host))
    });
    Condition::In(field, Ranges::of(blocks))
}
