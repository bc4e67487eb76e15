//! Blocks: what stands between the braces of tables, chains, sets and maps.

use super::{Parser, Read};
use crate::nft::ast::{
    ChainSpec, Change, Command, Expr, ExprKind, HookSpec, Place, Priority, Rule, SetSpec,
    Statement, StatementKind, TableName, Word,
};
use crate::nft::lex::TokenKind;
use std::borrow::Cow;
use std::collections::BTreeMap;
use ww_base::{ProblemKind, SourceSpan};
use ww_model::filter::UnknownReason;

impl<'a> Parser<'a, '_> {
    /// Items up to the closing brace, each read by `item`; a broken one is told and skipped.
    pub(super) fn block(&mut self, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.expect_mark("{")?;
        self.scopes.push(BTreeMap::new());
        let result = self.block_items(&mut item);
        self.scopes.pop();
        result
    }

    fn block_items(&mut self, item: &mut impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        loop {
            while self.peek().kind == TokenKind::Newline || self.is_mark(";") {
                self.next();
            }
            if self.take_mark("}") {
                return Ok(());
            }
            if self.at_end_of_texts() {
                // Told of the innermost block only.
                if self.problems.broke_off_at().is_none() {
                    let broken = self.expected("`}`");
                    self.problems
                        .break_off(broken.at, broken.kind, broken.message);
                }
                return Ok(());
            }
            if self.peek().kind == TokenKind::Newline {
                continue;
            }
            let start = self.position;
            let result = self.block_item(item);
            if let Err(broken) = result {
                self.tell(broken);
                self.skip_statement(start);
            }
        }
    }

    /// What every block may hold, or an item of its own.
    fn block_item(&mut self, item: &mut impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        match self.peek_word() {
            Some("include") => {
                self.next();
                self.include()
            }
            Some(word @ ("define" | "redefine" | "undefine")) => {
                self.next();
                self.define(word)?;
                self.expect_end_of_statement()
            }
            _ => item(self),
        }
    }

    /// Adds a command.
    pub(super) fn command(&mut self, start: SourceSpan, change: Change<'a>) {
        let at = self.since(start);
        self.parsed.commands.push(Command { at, change });
    }

    /// The block of a table.
    pub(super) fn table_block(&mut self, start: SourceSpan, table: &TableName<'a>) -> Read<()> {
        let place = self.parsed.commands.len();
        self.command(
            start,
            Change::Table {
                table: table.clone(),
                dormant: false,
            },
        );
        self.block(|parser| {
            let is_dormant = parser.table_item(table)?;
            if is_dormant
                && let Some(Command {
                    change: Change::Table { dormant, .. },
                    ..
                }) = parser.parsed.commands.get_mut(place)
            {
                *dormant = true;
            }
            Ok(())
        })
    }

    /// An item of a table; whether it says that the table is dormant.
    fn table_item(&mut self, table: &TableName<'a>) -> Read<bool> {
        let start = self.peek().at;
        let word = self.name()?;
        match word {
            "flags" => {
                let mut dormant = false;
                loop {
                    dormant |= self.name()? == "dormant";
                    if !self.take_mark(",") {
                        break;
                    }
                }
                self.expect_end_of_statement()?;
                return Ok(dormant);
            }
            "comment" => {
                self.name()?;
                self.expect_end_of_statement()?;
            }
            "chain" => {
                let name = self.name()?;
                self.chain_block(start, table, &name.into())?;
            }
            "set" | "map" => {
                let name = self.name()?;
                self.set_block(start, table, name.into())?;
            }
            _ => self.object_block(start, word)?,
        }
        Ok(false)
    }

    /// The block of a chain.
    pub(super) fn chain_block(
        &mut self,
        start: SourceSpan,
        table: &TableName<'a>,
        name: &Word<'a>,
    ) -> Read<()> {
        let place = self.parsed.commands.len();
        self.command(
            start,
            Change::Chain {
                table: table.clone(),
                name: name.clone(),
                spec: ChainSpec::default(),
            },
        );
        let mut spec = ChainSpec::default();
        let result = self.block(|parser| parser.chain_item(table, name, &mut spec));
        if let Some(Command {
            change: Change::Chain { spec: declared, .. },
            ..
        }) = self.parsed.commands.get_mut(place)
        {
            *declared = spec;
        }
        result
    }

    fn chain_item(
        &mut self,
        table: &TableName<'a>,
        chain: &Word<'a>,
        spec: &mut ChainSpec<'a>,
    ) -> Read<()> {
        match self.peek_word() {
            Some("type" | "policy" | "flags" | "device" | "devices") => self.chain_property(spec),
            Some("comment") => {
                self.next();
                self.name().map(|_| ())
            }
            _ => {
                self.rule(table, chain, Place::Last);
                Ok(())
            }
        }
    }

    /// `type filter hook input priority 0`, `policy drop`.
    pub(super) fn chain_property(&mut self, spec: &mut ChainSpec<'a>) -> Read<()> {
        let start = self.peek().at;
        match self.name()? {
            "type" => spec.hook = Some(self.hook()?),
            "policy" => {
                let accept = self.policy()?;
                spec.policy = Some((self.since(start), accept));
            }
            _ => {
                self.take_mark("=");
                self.value(false)?;
            }
        }
        self.expect_end_of_statement()
    }

    fn policy(&mut self) -> Read<bool> {
        let word = if self.take_mark("$") {
            let variable = self.variable()?;
            self.word_behind(&variable)
        } else {
            Some(Cow::Borrowed(self.name()?))
        };
        match word.as_deref() {
            Some("accept") => Ok(true),
            Some("drop") => Ok(false),
            _ => Err(Self::broken(
                self.position.before,
                "a policy is `accept` or `drop`",
            )),
        }
    }

    fn hook(&mut self) -> Read<HookSpec<'a>> {
        let kind = self.name()?;
        if !self.take_word("hook") {
            return Err(self.expected("`hook`"));
        }
        let mut hook = HookSpec {
            kind: kind.into(),
            hook: self.name()?.into(),
            priority: Priority::default(),
            devices: Vec::new(),
        };
        while self.take_one_of(&["device", "devices"]) {
            self.take_mark("=");
            hook.devices.push(self.value(false)?);
        }
        if !self.take_word("priority") {
            return Err(self.expected("`priority`"));
        }
        hook.priority = self.priority()?;
        Ok(hook)
    }

    /// `0`, `-10`, `filter`, `filter + 10`, `$variable - 1`.
    fn priority(&mut self) -> Read<Priority<'a>> {
        let mut priority = Priority::default();
        if !self.is_mark("-") && !self.is_mark("+") {
            priority.base = Some(self.priority_word()?);
        }
        let sign = match self.peek().kind {
            TokenKind::Mark("-") => -1,
            TokenKind::Mark("+") => 1,
            _ => return Ok(priority),
        };
        self.next();
        let offset = i32::try_from(self.number()?).unwrap_or(i32::MAX);
        priority.offset = sign * offset;
        Ok(priority)
    }

    fn priority_word(&mut self) -> Read<Expr<'a>> {
        let start = self.peek().at;
        let word = if self.take_mark("$") {
            let variable = self.variable()?;
            self.word_behind(&variable)
                .ok_or_else(|| Self::broken(variable.at, "the variable is no priority"))?
        } else {
            self.name()?.into()
        };
        Ok(Expr {
            at: self.since(start),
            kind: ExprKind::Word(word),
        })
    }

    /// A rule up to the end of its statement. A broken one stays, as far as it was understood and
    /// with something unknown in place of the rest.
    pub(super) fn rule(&mut self, table: &TableName<'a>, chain: &Word<'a>, place: Place) {
        let start = self.position;
        let first = self.peek().at;
        let mut statements = Vec::new();
        let result = self
            .statements(&mut statements)
            .and_then(|()| self.expect_end_of_statement());
        let mut at = self.since(first);
        if let Err(broken) = result {
            let from = broken.at;
            self.tell(broken);
            self.skip_statement(start);
            at = self.since(first);
            statements.push(Statement {
                at: SourceSpan {
                    end: at.end.max(from.end),
                    ..from
                },
                kind: StatementKind::Effect(UnknownReason::NotUnderstood),
            });
        }
        if !self.spend_rule(at) {
            return;
        }
        statements.shrink_to_fit();
        let rule = Rule {
            at,
            handle: None,
            statements,
        };
        self.parsed.commands.push(Command {
            at,
            change: Change::Rule {
                table: table.clone(),
                chain: chain.clone(),
                place,
                rule,
            },
        });
    }

    /// Takes one from the rules that may still be read; told once when none is left.
    fn spend_rule(&mut self, at: SourceSpan) -> bool {
        let left = self.rules_left;
        if left == Some(0) {
            let most = self.limits.filter_rules;
            let message =
                format!("there are more than {most} rules; this and later ones are not read");
            self.problems.break_off(at, ProblemKind::TooLarge, message);
        }
        self.rules_left = left.and_then(|left| left.checked_sub(1));
        self.rules_left.is_some()
    }

    /// The block of a set or map.
    pub(super) fn set_block(
        &mut self,
        start: SourceSpan,
        table: &TableName<'a>,
        name: Word<'a>,
    ) -> Read<()> {
        let mut spec = SetSpec::default();
        let result = self.block(|parser| {
            let item = parser.set_item(&mut spec);
            // A set that was not understood in full holds more than its elements.
            spec.gated |= item.is_err();
            item
        });
        spec.gated |= self.problems.broke_off_at().is_some();
        self.command(
            start,
            Change::Set {
                table: table.clone(),
                name,
                spec,
            },
        );
        result
    }

    fn set_item(&mut self, spec: &mut SetSpec<'a>) -> Read<()> {
        match self.peek_word() {
            Some("type" | "typeof") => {
                while !self.at_end_of_statement() {
                    self.next();
                }
            }
            Some("flags") => {
                self.next();
                loop {
                    spec.timeout |= self.name()? == "timeout";
                    if !self.take_mark(",") {
                        break;
                    }
                }
            }
            Some("timeout") => {
                self.next();
                self.name()?;
                spec.timeout = true;
            }
            Some("gc-interval" | "size" | "policy" | "comment") => {
                self.next();
                self.name()?;
            }
            Some("auto-merge") => {
                self.next();
            }
            Some("elements") => {
                self.next();
                self.expect_mark("=")?;
                spec.elements.extend(self.set_elements()?);
            }
            Some("counter" | "last" | "limit" | "quota" | "ct") => spec.gated |= self.stateful()?,
            _ => return Err(self.expected("a property of the set")),
        }
        self.expect_end_of_statement()
    }

    /// `{ … }`, or a variable that stands for it.
    pub(super) fn set_elements(&mut self) -> Read<Vec<crate::nft::ast::Element<'a>>> {
        if self.is_mark("{") {
            return self.deeper(Self::elements);
        }
        let key = self.value(true)?;
        Ok(vec![crate::nft::ast::Element {
            key,
            data: None,
            passing: false,
        }])
    }
}
