//! Maps: a value, verdict or translation for each of several conditions.

use super::Lowering;
use super::condition::{any_of, rows_condition};
use super::operand::Operand;
use super::value::Unclear;
use crate::nft::ast::{self, Expr, ExprKind};
use std::collections::BTreeMap;
use ww_base::{ProblemKind, SourceSpan};
use ww_model::filter::{Action, Condition, UnknownReason, Verdict};

/// What a map gives under which condition, in the order in which they are tried.
pub(super) struct Entries<T> {
    pub(super) list: Vec<(Condition, T)>,
    /// Whether the last entries fit what entries before them fit too: `*`.
    pub(super) overlap: bool,
    /// Set when some entries are not known.
    pub(super) unclear: Option<Unclear>,
}

impl<'e, 'a> Lowering<'e, 'a, '_> {
    /// The keys that a map is looked up by, with what they need.
    pub(super) fn lookup_keys(&mut self, key: &'e Expr<'a>, at: SourceSpan) -> Vec<Operand> {
        let operands = self.operands(key);
        for operand in &operands {
            self.need(operand.key.needs, at);
        }
        operands
    }

    /// The entries of a map, those with the same data as one.
    pub(super) fn entries<T: Ord + Clone>(
        &mut self,
        operands: &[Operand],
        map: &'e Expr<'a>,
        mut data: impl FnMut(&mut Self, &'e Expr<'a>, &'e Expr<'a>) -> Result<T, Unclear>,
    ) -> Entries<T> {
        let Some(members) = self.members(map) else {
            let unclear = self.malformed(map.at, "a map is expected here");
            return Entries {
                list: Vec::new(),
                overlap: false,
                unclear: Some(unclear),
            };
        };
        let mut unclear = members.unclear;
        let mut rows: BTreeMap<T, Vec<Vec<Condition>>> = BTreeMap::new();
        let mut last = Vec::new();
        for element in &members.elements {
            let given = match &element.data {
                Some(given) => data(self, &element.key, given),
                None => Err(self.malformed(element.key.at, "the element has no data")),
            };
            let row = self.row(operands, &element.key);
            match given {
                Ok(given) if matches!(element.key.kind, ExprKind::Everything) => {
                    last.push((rows_condition(vec![row]), given));
                }
                Ok(given) => rows.entry(given).or_default().push(row),
                Err(why) => unclear = unclear.or(Some(why)),
            }
        }
        let mut entries: Vec<(Condition, T)> = rows
            .into_iter()
            .map(|(given, rows)| (rows_condition(rows), given))
            .collect();
        entries.sort();
        let overlap = !last.is_empty();
        entries.extend(last);
        Entries {
            list: entries,
            overlap,
            unclear,
        }
    }

    /// `key vmap map`. A packet without an entry ends the rule, which matters when more follows.
    pub(super) fn verdict_map(
        &mut self,
        key: &'e Expr<'a>,
        map: &'e Expr<'a>,
        at: SourceSpan,
        more_follows: bool,
    ) {
        let operands = self.lookup_keys(key, at);
        let found = self.entries(&operands, map, |lowering, _, given| {
            let given = lowering.resolve(given);
            match &given.kind {
                ExprKind::Verdict(verdict) => lowering.verdict(verdict, given.at),
                _ => Err(lowering.malformed(given.at, "a verdict is expected here")),
            }
        });
        if let Some((reason, place)) = found.unclear {
            let id = self.unknown(
                reason,
                if reason == UnknownReason::Dynamic {
                    at
                } else {
                    place
                },
            );
            self.act(Action::Unknown(id));
            return;
        }
        if more_follows {
            self.require_entry(&found.list);
        }
        self.act(Action::VerdictMap(found.list));
    }

    /// That one of the entries fits.
    pub(super) fn require_entry<T>(&mut self, entries: &[(Condition, T)]) {
        let conditions = entries.iter().map(|(condition, _)| condition.clone());
        let condition = any_of(conditions.collect());
        self.require(condition);
    }

    /// A verdict; chains are looked up in the same table.
    pub(super) fn verdict(
        &mut self,
        verdict: &ast::Verdict<'a>,
        at: SourceSpan,
    ) -> Result<Verdict, Unclear> {
        let target = match verdict {
            ast::Verdict::Accept => return Ok(Verdict::Accept),
            ast::Verdict::Drop => return Ok(Verdict::Drop),
            ast::Verdict::Continue => return Ok(Verdict::Continue),
            ast::Verdict::Return => return Ok(Verdict::Return),
            ast::Verdict::Jump(target) | ast::Verdict::Goto(target) => target,
        };
        let Some(id) = self.chains.get(&**target).copied() else {
            let message = format!("there is no chain `{target}` in this table");
            self.problems.add(at, ProblemKind::Undefined, message);
            return Err((UnknownReason::NotUnderstood, at));
        };
        Ok(match verdict {
            ast::Verdict::Goto(_) => Verdict::Goto(id),
            _ => Verdict::Jump(id),
        })
    }
}
