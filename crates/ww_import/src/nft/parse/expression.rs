//! Expressions: keys and operations on them to the left, values, sets and maps to the right.

use super::{Parser, Read};
use crate::nft::ast::{BinaryOp, Element, Expr, ExprKind, Verdict};
use crate::nft::lex::TokenKind;
use std::borrow::Cow;
use ww_base::ProblemKind;

/// What a word may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// A key.
    Keys,
    /// A value.
    Values,
    /// A key where it is one, else a value.
    Either,
}

/// Operations by mark and word, with how tightly they bind.
const OPERATORS: &[(&str, &str, BinaryOp, u8)] = &[
    ("|", "or", BinaryOp::Or, 0),
    ("^", "xor", BinaryOp::Xor, 1),
    ("&", "and", BinaryOp::And, 2),
    ("<<", "lshift", BinaryOp::ShiftLeft, 3),
    (">>", "rshift", BinaryOp::ShiftRight, 3),
];

impl<'a> Parser<'a, '_> {
    /// The left side of a comparison: keys joined by `.`, each with operations on its bits.
    pub(super) fn left(&mut self) -> Read<Expr<'a>> {
        self.concatenation(|parser| parser.binary(0, Words::Keys))
    }

    /// The right side of a comparison; `a,b` is a list of flags.
    pub(super) fn right(&mut self, prefixes: bool) -> Read<Expr<'a>> {
        let first = self.value(prefixes)?;
        if !self.is_mark(",") {
            return Ok(first);
        }
        let start = first.at;
        let mut list = vec![first];
        while self.take_mark(",") {
            list.push(self.value(prefixes)?);
        }
        Ok(Expr {
            at: self.since(start),
            kind: ExprKind::List(list),
        })
    }

    /// A value: ranges and prefixes joined by `.`.
    pub(super) fn value(&mut self, prefixes: bool) -> Read<Expr<'a>> {
        self.concatenation(|parser| parser.interval(Words::Values, prefixes))
    }

    /// What a statement takes: a value, a key, or a key looked up in a map.
    pub(super) fn operand(&mut self) -> Read<Expr<'a>> {
        let key = self.concatenation(|parser| parser.interval(Words::Either, true))?;
        if !self.take_word("map") {
            return Ok(key);
        }
        let data = self.deeper(|parser| parser.primary(Words::Values))?;
        Ok(Expr {
            at: self.since(key.at),
            kind: ExprKind::Map(Box::new(key), Box::new(data)),
        })
    }

    /// The value of a `define`.
    pub(super) fn initializer(&mut self) -> Read<Expr<'a>> {
        if self.is_mark("-") {
            let start = self.next().at;
            let number = self.number()?;
            return Ok(Expr {
                at: self.since(start),
                kind: ExprKind::Word(Cow::Owned(format!("-{number}"))),
            });
        }
        self.right(true)
    }

    fn concatenation(
        &mut self,
        mut part: impl FnMut(&mut Self) -> Read<Expr<'a>>,
    ) -> Read<Expr<'a>> {
        let first = self.deeper(&mut part)?;
        if !self.is_mark(".") {
            return Ok(first);
        }
        let start = first.at;
        let mut parts = vec![first];
        while self.take_mark(".") {
            parts.push(self.deeper(&mut part)?);
        }
        Ok(Expr {
            at: self.since(start),
            kind: ExprKind::Concat(parts),
        })
    }

    /// `a`, `a-b` or `a/length`.
    fn interval(&mut self, words: Words, prefixes: bool) -> Read<Expr<'a>> {
        let first = self.binary(0, words)?;
        let start = first.at;
        if self.take_mark("-") {
            let last = self.binary(0, Words::Values)?;
            return Ok(Expr {
                at: self.since(start),
                kind: ExprKind::Range(Box::new(first), Box::new(last)),
            });
        }
        if prefixes && self.take_mark("/") {
            let length = self.number()?;
            return Ok(Expr {
                at: self.since(start),
                kind: ExprKind::Prefix(Box::new(first), u32::try_from(length).unwrap_or(u32::MAX)),
            });
        }
        Ok(first)
    }

    /// Operations on bits, those that bind at least as tightly as `least`.
    fn binary(&mut self, least: u8, words: Words) -> Read<Expr<'a>> {
        let mut left = self.primary(words)?;
        let start = left.at;
        // Operands of keys are values; a value may meet a key in an assignment.
        let others = if words == Words::Keys {
            Words::Values
        } else {
            words
        };
        let mut operations = 0;
        while let Some((op, binds)) = self.operator(least) {
            self.next();
            operations += 1;
            if operations > self.limits.expression_nesting {
                return Err(Self::broken(
                    self.position.before,
                    "too many operations in one expression",
                ));
            }
            let right = self.deeper(|parser| parser.binary(binds + 1, others))?;
            self.deepest = self.deepest.max(self.depth + operations);
            left = Expr {
                at: self.since(start),
                kind: ExprKind::Binary(op, Box::new(left), Box::new(right)),
            };
        }
        Ok(left)
    }

    fn operator(&mut self, least: u8) -> Option<(BinaryOp, u8)> {
        let (TokenKind::Mark(name) | TokenKind::Word(name)) = self.peek().kind else {
            return None;
        };
        OPERATORS
            .iter()
            .find(|(mark, word, _, binds)| (*mark == name || *word == name) && *binds >= least)
            .map(|(_, _, op, binds)| (*op, *binds))
    }

    /// A word, a key, or something in brackets.
    fn primary(&mut self, words: Words) -> Read<Expr<'a>> {
        let start = self.peek().at;
        let kind = self.primary_kind(words)?;
        Ok(Expr {
            at: self.since(start),
            kind,
        })
    }

    fn primary_kind(&mut self, words: Words) -> Read<ExprKind<'a>> {
        if words != Words::Values
            && let Some(named) = self.key()
        {
            return Ok(ExprKind::Key(named.key));
        }
        match self.peek().kind {
            TokenKind::Mark("(") => {
                self.next();
                let inner = self.deeper(|parser| match words {
                    Words::Values => parser.right(true),
                    _ => parser.concatenation(|parser| parser.interval(words, true)),
                })?;
                self.expect_mark(")")?;
                Ok(inner.kind)
            }
            TokenKind::Mark("$") => {
                self.next();
                self.variable().map(|variable| variable.kind)
            }
            _ if words == Words::Keys => Err(self.expected("a statement")),
            TokenKind::Mark("{") => self.deeper(Self::set_literal),
            TokenKind::Mark("@") => {
                self.next();
                self.name().map(|name| ExprKind::Named(name.into()))
            }
            TokenKind::Mark("*") => {
                self.next();
                Ok(ExprKind::Everything)
            }
            TokenKind::Mark("[") => {
                self.next();
                let address = self.name()?;
                self.expect_mark("]")?;
                Ok(ExprKind::Word(address.into()))
            }
            TokenKind::Word(text) | TokenKind::Quoted(text) => {
                self.next();
                Ok(ExprKind::Word(text.into()))
            }
            _ => Err(self.expected("a value")),
        }
    }

    fn set_literal(&mut self) -> Read<ExprKind<'a>> {
        self.elements().map(ExprKind::Set)
    }

    /// `{ element, element, … }`; an element that cannot be read becomes a problem.
    pub(super) fn elements(&mut self) -> Read<Vec<Element<'a>>> {
        self.expect_mark("{")?;
        let mut elements = Vec::new();
        loop {
            self.skip_newlines();
            if self.take_mark("}") {
                return Ok(elements);
            }
            let element = self.element()?;
            if self.elements_left == 0 {
                return Err(super::Broken {
                    at: element.key.at,
                    kind: ProblemKind::TooLarge,
                    message: format!("sets have more than {} elements", self.limits.set_entries),
                });
            }
            self.elements_left -= 1;
            elements.push(element);
            self.skip_newlines();
            if !self.take_mark(",") && !self.is_mark("}") {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    fn element(&mut self) -> Read<Element<'a>> {
        let key = self.value(true)?;
        let mut passing = false;
        let data = loop {
            self.skip_newlines();
            if self.take_mark(":") {
                self.skip_newlines();
                break Some(Box::new(self.data()?));
            }
            if self.is_mark(",") || self.is_mark("}") {
                break None;
            }
            passing |= self.element_option()?;
        };
        Ok(Element { key, data, passing })
    }

    /// `timeout 5m`, `comment "x"`, `counter packets 0 bytes 0`, …: whether it decides anything.
    pub(super) fn element_option(&mut self) -> Read<bool> {
        match self.peek_word() {
            Some("timeout" | "expires") => {
                self.next();
                self.name()?;
                Ok(true)
            }
            Some("comment") => {
                self.next();
                self.name()?;
                Ok(false)
            }
            Some("counter" | "last" | "limit" | "quota" | "ct") => self.stateful(),
            _ => Err(self.expected("`,` or `}`")),
        }
    }

    /// What a map gives: a verdict, or values joined by `.`.
    fn data(&mut self) -> Read<Expr<'a>> {
        let start = self.peek().at;
        match self.verdict()? {
            Some(verdict) => Ok(Expr {
                at: self.since(start),
                kind: ExprKind::Verdict(verdict),
            }),
            None => self.value(true),
        }
    }

    /// The verdict that stands here, if one does.
    pub(super) fn verdict(&mut self) -> Read<Option<Verdict<'a>>> {
        let Some(word) = self.peek_word() else {
            return Ok(None);
        };
        let verdict = match word {
            "accept" => Verdict::Accept,
            "drop" => Verdict::Drop,
            "continue" => Verdict::Continue,
            "return" => Verdict::Return,
            "jump" | "goto" => {
                self.next();
                let target = self.target()?;
                return Ok(Some(if word == "jump" {
                    Verdict::Jump(target)
                } else {
                    Verdict::Goto(target)
                }));
            }
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(verdict))
    }

    /// The chain to jump to; a variable may name it.
    fn target(&mut self) -> Read<Cow<'a, str>> {
        if !self.take_mark("$") {
            return self.name().map(Cow::Borrowed);
        }
        let variable = self.variable()?;
        match self.word_behind(&variable) {
            Some(word) => Ok(word),
            None => Err(Self::broken(
                variable.at,
                "the variable is not the name of a chain",
            )),
        }
    }

    /// The word that an expression is or stands for.
    pub(super) fn word_behind(&self, expr: &Expr<'a>) -> Option<Cow<'a, str>> {
        let mut expr = expr;
        while let ExprKind::Variable(number) = &expr.kind {
            expr = self.parsed.definitions.get(*number as usize)?;
        }
        match &expr.kind {
            ExprKind::Word(word) => Some(word.clone()),
            _ => None,
        }
    }
}
