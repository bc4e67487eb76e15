//! What the words to the right of a comparison stand for.

use super::Lowering;
use crate::nft::ast::{BinaryOp, Element, Expr, ExprKind};
use crate::nft::key::Datatype;
use crate::nft::symbols;
use ww_base::{ProblemKind, SourceSpan};
use ww_model::Ranges;
use ww_model::filter::{NamePattern, UnknownReason};

/// Something that cannot be told, and where it stands.
pub(super) type Unclear = (UnknownReason, SourceSpan);

/// Values that are known, and perhaps more that are not.
#[derive(Debug, Default)]
pub(super) struct Values<T> {
    pub(super) known: Vec<T>,
    pub(super) unclear: Option<Unclear>,
}

impl<T> Values<T> {
    fn unclear(reason: UnknownReason, at: SourceSpan) -> Values<T> {
        Values {
            known: Vec::new(),
            unclear: Some((reason, at)),
        }
    }

    fn one(value: T) -> Values<T> {
        Values {
            known: vec![value],
            unclear: None,
        }
    }

    fn add(&mut self, other: Values<T>) {
        self.known.extend(other.known);
        self.unclear = self.unclear.or(other.unclear);
    }
}

/// The elements of a set or map, and what is not known of them.
pub(super) struct Members<'e, 'a> {
    pub(super) elements: Vec<&'e Element<'a>>,
    pub(super) unclear: Option<Unclear>,
}

impl<'e, 'a> Lowering<'e, 'a, '_> {
    /// The expression behind variables.
    pub(super) fn resolve(&self, expr: &'e Expr<'a>) -> &'e Expr<'a> {
        let mut expr = expr;
        while let ExprKind::Variable(number) = expr.kind {
            match self.definitions.get(number as usize) {
                Some(value) => expr = value,
                None => return expr,
            }
        }
        expr
    }

    /// Whether the expression is a set, so that it is looked up rather than compared.
    pub(super) fn is_set(&self, expr: &'e Expr<'a>) -> bool {
        matches!(
            self.resolve(expr).kind,
            ExprKind::Set(_) | ExprKind::Named(_)
        )
    }

    /// The elements of a set or map; `None` when the expression is neither.
    pub(super) fn members(&mut self, expr: &'e Expr<'a>) -> Option<Members<'e, 'a>> {
        let mut members = Members {
            elements: Vec::new(),
            unclear: None,
        };
        let expr = self.resolve(expr);
        match &expr.kind {
            ExprKind::Set(elements) => self.flatten(elements, &mut members),
            ExprKind::Named(name) => match self.table.sets.get(name) {
                Some(set) if set.timeout || set.gated || self.is_updated(name) => {
                    members.unclear = Some((UnknownReason::Dynamic, expr.at));
                }
                Some(set) => self.flatten(&set.elements, &mut members),
                None => {
                    let message = format!("there is no set `{name}` in this table");
                    self.problems.add(expr.at, ProblemKind::Undefined, message);
                    members.unclear = Some((UnknownReason::NotUnderstood, expr.at));
                }
            },
            _ => return None,
        }
        Some(members)
    }

    /// Adds elements, with those of sets among them in their place.
    fn flatten(&mut self, elements: &'e [Element<'a>], members: &mut Members<'e, 'a>) {
        for element in elements {
            let key = self.resolve(&element.key);
            if !self.spend_entry(key.at) {
                members.unclear = Some((UnknownReason::NotUnderstood, key.at));
                return;
            }
            match &key.kind {
                ExprKind::Set(inner) => self.flatten(inner, members),
                ExprKind::Named(_) => {
                    if let Some(inner) = self.members(key) {
                        members.elements.extend(inner.elements);
                        members.unclear = members.unclear.or(inner.unclear);
                    }
                }
                _ if element.passing => {
                    members.unclear = Some((UnknownReason::Dynamic, key.at));
                }
                _ => members.elements.push(element),
            }
        }
    }

    /// The numbers that an expression stands for beside a key of this datatype.
    pub(super) fn numbers(
        &mut self,
        datatype: Datatype,
        expr: &'e Expr<'a>,
    ) -> Values<(u128, u128)> {
        if let Some(members) = self.members(expr) {
            let mut values = Values {
                known: Vec::with_capacity(members.elements.len()),
                unclear: members.unclear,
            };
            for element in members.elements {
                values.add(self.interval(datatype, &element.key));
            }
            return values;
        }
        self.interval(datatype, expr)
    }

    /// One number, range or prefix.
    fn interval(&mut self, datatype: Datatype, expr: &'e Expr<'a>) -> Values<(u128, u128)> {
        let expr = self.resolve(expr);
        let range = match &expr.kind {
            ExprKind::Everything => Ok((0, datatype.most())),
            ExprKind::Range(first, last) => self.range(datatype, expr.at, first, last),
            ExprKind::Prefix(address, length) => self.prefix(datatype, expr.at, address, *length),
            _ => self.number(datatype, expr).map(|number| (number, number)),
        };
        match range {
            Ok(range) => Values::one(range),
            Err((reason, at)) => Values::unclear(reason, at),
        }
    }

    fn range(
        &mut self,
        datatype: Datatype,
        at: SourceSpan,
        first: &'e Expr<'a>,
        last: &'e Expr<'a>,
    ) -> Result<(u128, u128), Unclear> {
        let range = (self.number(datatype, first)?, self.number(datatype, last)?);
        if range.0 > range.1 {
            return Err(self.malformed(at, "the range ends before it begins"));
        }
        Ok(range)
    }

    fn prefix(
        &mut self,
        datatype: Datatype,
        at: SourceSpan,
        address: &'e Expr<'a>,
        length: u32,
    ) -> Result<(u128, u128), Unclear> {
        let most = datatype.most();
        let number = self.number(datatype, address)?;
        if length > most.count_ones() {
            return Err(self.malformed(at, "the prefix is longer than the address"));
        }
        let host = most.checked_shr(length).unwrap_or(0);
        Ok((number & !host, number | host))
    }

    /// A single number: a word, or operations on numbers; a list of flags is all of them.
    pub(super) fn number(
        &mut self,
        datatype: Datatype,
        expr: &'e Expr<'a>,
    ) -> Result<u128, Unclear> {
        let expr = self.resolve(expr);
        match &expr.kind {
            ExprKind::Word(word) => self.word(datatype, word, expr.at),
            ExprKind::List(flags) if datatype.is_flags() => {
                let mut all = 0;
                for flag in flags {
                    all |= self.number(datatype, flag)?;
                }
                Ok(all)
            }
            ExprKind::Binary(op, left, right) => {
                let left = self.number(datatype, left)?;
                let right = match op {
                    BinaryOp::ShiftLeft | BinaryOp::ShiftRight => {
                        self.number(Datatype::Number(32), right)?
                    }
                    _ => self.number(datatype, right)?,
                };
                Ok(folded(*op, left, right) & datatype.most())
            }
            ExprKind::NotUnderstood => Err((UnknownReason::NotUnderstood, expr.at)),
            _ => Err(self.malformed(expr.at, "a single value is expected here")),
        }
    }

    fn word(&mut self, datatype: Datatype, word: &str, at: SourceSpan) -> Result<u128, Unclear> {
        if let Some(number) = symbols::number(datatype, word) {
            return Ok(number);
        }
        let is_address = matches!(datatype, Datatype::Address4 | Datatype::Address6);
        let is_name =
            word.starts_with(|first: char| first.is_ascii_alphabetic()) && !word.contains(':');
        if is_address && is_name {
            return Err((UnknownReason::Dynamic, at));
        }
        let shown: String = word.chars().take(40).collect();
        self.problems.add(
            at,
            ProblemKind::Undefined,
            format!("`{shown}` is no value that is known here"),
        );
        Err((UnknownReason::NotUnderstood, at))
    }

    pub(super) fn malformed(&mut self, at: SourceSpan, message: &str) -> Unclear {
        self.problems
            .add(at, ProblemKind::Malformed, message.to_owned());
        (UnknownReason::NotUnderstood, at)
    }

    /// The interface names that an expression stands for.
    pub(super) fn interfaces(&mut self, by_index: bool, expr: &'e Expr<'a>) -> Values<NamePattern> {
        if let Some(members) = self.members(expr) {
            let mut values = Values {
                known: Vec::with_capacity(members.elements.len()),
                unclear: members.unclear,
            };
            for element in members.elements {
                values.add(self.interface(by_index, &element.key));
            }
            return values;
        }
        self.interface(by_index, expr)
    }

    fn interface(&mut self, by_index: bool, expr: &'e Expr<'a>) -> Values<NamePattern> {
        let expr = self.resolve(expr);
        match &expr.kind {
            ExprKind::Everything => Values::one(NamePattern {
                text: String::new(),
                prefix: true,
            }),
            // The loopback interface is the first that is made.
            ExprKind::Word(word) if by_index && word == "1" => Values::one(name_pattern("lo")),
            ExprKind::Word(word) if by_index && symbols::plain(word).is_some() => {
                Values::unclear(UnknownReason::NotModelled, expr.at)
            }
            ExprKind::Word(word) => Values::one(name_pattern(word)),
            ExprKind::NotUnderstood => Values::unclear(UnknownReason::NotUnderstood, expr.at),
            _ => {
                let (reason, at) = self.malformed(expr.at, "the name of an interface is expected");
                Values::unclear(reason, at)
            }
        }
    }
}

/// `eth0`, or `eth*` for all that begin so.
pub(super) fn name_pattern(word: &str) -> NamePattern {
    match word.strip_suffix('*') {
        Some(text) if !text.ends_with('\\') => NamePattern {
            text: text.to_owned(),
            prefix: true,
        },
        Some(text) => NamePattern {
            text: format!("{}*", text.trim_end_matches('\\')),
            prefix: false,
        },
        None => NamePattern {
            text: word.to_owned(),
            prefix: false,
        },
    }
}

fn folded(op: BinaryOp, left: u128, right: u128) -> u128 {
    let distance = u32::try_from(right).unwrap_or(u32::MAX);
    match op {
        BinaryOp::And => left & right,
        BinaryOp::Or => left | right,
        BinaryOp::Xor => left ^ right,
        BinaryOp::ShiftLeft => left.checked_shl(distance).unwrap_or(0),
        BinaryOp::ShiftRight => left.checked_shr(distance).unwrap_or(0),
    }
}

/// Sorted, without overlaps.
pub(super) fn ranges(values: &Values<(u128, u128)>) -> Ranges {
    Ranges::of(values.known.iter().copied())
}
