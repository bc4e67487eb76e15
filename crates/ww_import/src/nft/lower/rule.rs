//! Rules into steps.

use super::Lowering;
use super::condition::Known;
use crate::nft::ast::{self, Expr, ExprKind, Family, RejectKind, StatementKind};
use crate::nft::key::Datatype;
use crate::nft::symbols;
use ww_base::{Order, SourceSpan};
use ww_model::Ranges;
use ww_model::filter::{Action, Aside, Condition, Field, Refusal, Rule, UnknownReason, Verdict};
use ww_model::packet::protocol;

impl Known {
    /// What is known of every packet in a table.
    pub(super) fn of(family: Family) -> Known {
        Known {
            version: match family {
                Family::Ip => Ranges::one(4),
                Family::Ip6 => Ranges::one(6),
                _ => Ranges::of([(4, 4), (6, 6)]),
            },
            protocol: Ranges::span(0, 255),
            // A packet without the field is in none of its ranges.
            icmp_type: Ranges::span(0, 256),
            icmp6_type: Ranges::span(0, 256),
        }
    }
}

impl<'e, 'a> Lowering<'e, 'a, '_> {
    /// A rule with its steps; several where a value depends on the packet.
    pub(super) fn rule(&mut self, rule: &'e ast::Rule<'a>) -> Vec<Rule> {
        self.known = Known::of(self.family);
        let statements = rule.statements.iter();
        let mut statements = statements
            .filter(|statement| !matches!(statement.kind, StatementKind::Aside(_)))
            .peekable();
        while let Some(statement) = statements.next() {
            self.statement(statement, statements.peek().is_some());
        }
        let steps = std::mem::take(&mut self.steps);
        let alternatives = match self.split.take() {
            Some(split) => split.apart(&steps),
            None => vec![steps],
        };
        alternatives
            .into_iter()
            .map(|steps| Rule {
                at: rule.at,
                steps,
                asides: asides(rule),
            })
            .collect()
    }

    fn statement(&mut self, statement: &'e ast::Statement<'a>, more_follows: bool) {
        let at = statement.at;
        match &statement.kind {
            StatementKind::Match { left, op, right } => self.comparison(left, *op, right, at),
            StatementKind::Verdict(verdict) => match self.verdict(verdict, at) {
                Ok(verdict) => self.act(Action::Verdict(verdict)),
                Err((reason, at)) => self.effect(reason, at),
            },
            StatementKind::VerdictMap { key, map } => self.verdict_map(key, map, at, more_follows),
            StatementKind::Reject(with) => self.reject(with.as_ref(), at),
            StatementKind::Assign { key, value } => self.assignment(*key, value, at),
            StatementKind::Nat(spec) => self.nat(spec, at),
            StatementKind::Untrack => self.act(Action::Untrack),
            StatementKind::Quiet | StatementKind::Aside(_) => {}
            StatementKind::Gate(reason) => self.gate(*reason, at),
            StatementKind::Update { key, removes, .. } => {
                self.lookup_keys(key, at);
                if !removes {
                    self.gate(UnknownReason::Dynamic, at);
                }
            }
            StatementKind::Effect(reason) => self.effect(*reason, at),
        }
    }

    fn effect(&mut self, reason: UnknownReason, at: SourceSpan) {
        let id = self.unknown(reason, at);
        self.act(Action::Unknown(id));
    }

    fn reject(&mut self, with: Option<&'e (RejectKind, Option<Expr<'a>>)>, at: SourceSpan) {
        let default = match self.family {
            Family::Ip => RejectKind::Icmp,
            Family::Ip6 => RejectKind::Icmp6,
            _ => RejectKind::Icmpx,
        };
        let (kind, code) = match with {
            Some((kind, code)) => (*kind, code.as_ref()),
            None => (default, None),
        };
        match kind {
            RejectKind::TcpReset => {
                self.need_reject(None, Some(protocol::TCP), at);
                self.act(refused(Refusal::TcpReset));
            }
            RejectKind::Icmp => {
                self.need_reject(Some(4), None, at);
                match self.code(Datatype::IcmpCode, code, ICMP_PORT_UNREACHABLE) {
                    Some(code) => self.act(refused(Refusal::Icmp(ICMP_UNREACHABLE, code))),
                    None => self.effect(UnknownReason::NotUnderstood, at),
                }
            }
            RejectKind::Icmp6 => {
                self.need_reject(Some(6), None, at);
                match self.code(Datatype::Icmp6Code, code, ICMP6_PORT_UNREACHABLE) {
                    Some(code) => self.act(refused(Refusal::Icmp(ICMP6_UNREACHABLE, code))),
                    None => self.effect(UnknownReason::NotUnderstood, at),
                }
            }
            RejectKind::Icmpx => self.reject_either(code, at),
        }
    }

    fn need_reject(&mut self, version: Option<u8>, protocol: Option<u8>, at: SourceSpan) {
        let needs = crate::nft::key::Needs {
            version,
            protocol,
            ..crate::nft::key::Needs::default()
        };
        self.need(needs, at);
    }

    fn code(&mut self, datatype: Datatype, code: Option<&'e Expr<'a>>, default: u8) -> Option<u8> {
        let Some(code) = code else {
            return Some(default);
        };
        self.number(datatype, code)
            .ok()
            .and_then(|code| u8::try_from(code).ok())
    }

    /// `icmpx`: the error of the packet's own family.
    fn reject_either(&mut self, code: Option<&'e Expr<'a>>, at: SourceSpan) {
        let word = match code.map(|code| &self.resolve(code).kind) {
            Some(ExprKind::Word(word)) => word,
            Some(_) => return self.effect(UnknownReason::NotUnderstood, at),
            None => "port-unreachable",
        };
        let Some((four, six)) = symbols::icmpx_codes(word) else {
            return self.effect(UnknownReason::NotUnderstood, at);
        };
        let refusals = [
            (4, Refusal::Icmp(ICMP_UNREACHABLE, four)),
            (6, Refusal::Icmp(ICMP6_UNREACHABLE, six)),
        ];
        let mut possible = refusals
            .into_iter()
            .filter(|(version, _)| self.known.version.contains(*version));
        match (possible.next(), possible.next()) {
            (Some((_, only)), None) => self.act(refused(only)),
            _ => self.act(Action::VerdictMap(
                refusals
                    .map(|(version, refusal)| {
                        let condition = Condition::In(Field::IpVersion, Ranges::one(version));
                        (condition, Verdict::Reject(refusal))
                    })
                    .to_vec(),
            )),
        }
    }
}

/// What a rule may be there for besides its steps.
fn asides(rule: &ast::Rule<'_>) -> Vec<Aside> {
    let statements = rule.statements.iter();
    let mut asides: Vec<Aside> = statements
        .filter_map(|statement| match &statement.kind {
            StatementKind::Aside(aside) => Some(*aside),
            StatementKind::Update { .. } => Some(Aside::Effect),
            _ => None,
        })
        .collect();
    asides.put_in_order();
    asides.dedup();
    asides
}

const ICMP_UNREACHABLE: u8 = 3;
const ICMP_PORT_UNREACHABLE: u8 = 3;
const ICMP6_UNREACHABLE: u8 = 1;
const ICMP6_PORT_UNREACHABLE: u8 = 4;

fn refused(refusal: Refusal) -> Action {
    Action::Verdict(Verdict::Reject(refusal))
}
