//! Commands: `add rule …`, `flush ruleset`, `table … { … }`.

use super::{Parser, Read};
use crate::nft::ast::{ChainSpec, Change, Family, Place, SetSpec, TableName, Word};
use crate::nft::lex::TokenKind;
use ww_base::{ProblemKind, SourceSpan};

const OBJECTS: &[&str] = &[
    "flowtable",
    "flowtables",
    "counter",
    "counters",
    "quota",
    "quotas",
    "limit",
    "limits",
    "secmark",
    "secmarks",
    "synproxy",
    "synproxys",
    "ct",
];

impl<'a> Parser<'a, '_> {
    /// All commands of all texts.
    pub(super) fn commands(&mut self) {
        loop {
            while self.peek().kind == TokenKind::Newline || self.is_mark(";") {
                self.next();
            }
            if self.at_end_of_texts() {
                return;
            }
            if self.peek().kind == TokenKind::Newline {
                continue;
            }
            if self.is_mark("}") {
                let broken = self.expected("a command");
                self.tell(broken);
                self.next();
                continue;
            }
            let start = self.position;
            if let Err(broken) = self.top_level() {
                self.tell(broken);
                self.skip_statement(start);
            }
        }
    }

    fn top_level(&mut self) -> Read<()> {
        let start = self.peek().at;
        let word = self.peek_word().unwrap_or_default();
        match word {
            "include" => {
                self.next();
                return self.include();
            }
            "define" | "redefine" | "undefine" => {
                self.next();
                self.define(word)?;
            }
            "add" | "create" => {
                self.next();
                self.add(start)?;
            }
            "insert" | "replace" => {
                self.next();
                self.take_word("rule");
                self.rule_command(word)?;
            }
            "delete" | "destroy" => {
                self.next();
                self.delete(start)?;
            }
            "flush" => {
                self.next();
                self.flush(start)?;
            }
            "rename" => {
                self.next();
                self.take_word("chain");
                let table = self.table_name()?;
                let (old, new) = (self.name()?, self.name()?);
                self.command(start, Change::RenameChain(table, old.into(), new.into()));
            }
            "list" | "reset" | "monitor" | "describe" | "export" => {
                while !self.at_end_of_statement() {
                    self.next();
                }
            }
            _ => self.add(start)?,
        }
        self.expect_end_of_statement()
    }

    /// `[family] name`.
    fn table_name(&mut self) -> Read<TableName<'a>> {
        let family = self.peek_word().and_then(Family::named);
        if family.is_some() {
            self.next();
        }
        Ok(TableName {
            family: family.unwrap_or(Family::Ip),
            name: self.name()?.into(),
        })
    }

    /// What follows `add`, `create` or nothing.
    fn add(&mut self, start: SourceSpan) -> Read<()> {
        match self.peek_word() {
            Some("table") => {
                self.next();
                let table = self.table_name()?;
                if self.is_mark("{") {
                    return self.table_block(start, &table);
                }
                self.command(
                    start,
                    Change::Table {
                        table,
                        dormant: false,
                    },
                );
                Ok(())
            }
            Some("chain") => {
                self.next();
                let table = self.table_name()?;
                let name = self.name()?;
                self.add_chain(start, &table, name.into())
            }
            Some("set" | "map") => {
                self.next();
                let table = self.table_name()?;
                let name = self.name()?;
                self.add_set(start, &table, name.into())
            }
            Some("element") => {
                self.next();
                let (table, set) = (self.table_name()?, self.name()?);
                let elements = self.set_elements()?;
                self.command(start, Change::Elements(table, set.into(), elements));
                Ok(())
            }
            Some(word) if OBJECTS.contains(&word) => self.add_object(),
            _ => {
                self.take_word("rule");
                self.rule_command("add")
            }
        }
    }

    fn add_object(&mut self) -> Read<()> {
        while !self.at_end_of_statement() {
            if self.take_mark("{") {
                if !self.skip_block() {
                    return Err(self.expected("`}`"));
                }
            } else {
                self.next();
            }
        }
        Ok(())
    }

    fn add_chain(&mut self, start: SourceSpan, table: &TableName<'a>, name: Word<'a>) -> Read<()> {
        if self.is_mark("{") {
            return self.chain_block(start, table, &name);
        }
        self.command(
            start,
            Change::Chain {
                table: table.clone(),
                name,
                spec: ChainSpec::default(),
            },
        );
        Ok(())
    }

    fn add_set(&mut self, start: SourceSpan, table: &TableName<'a>, name: Word<'a>) -> Read<()> {
        if self.is_mark("{") {
            return self.set_block(start, table, name);
        }
        self.command(
            start,
            Change::Set {
                table: table.clone(),
                name,
                spec: SetSpec::default(),
            },
        );
        Ok(())
    }

    /// `[family] table chain [position] statements`.
    fn rule_command(&mut self, verb: &str) -> Read<()> {
        let table = self.table_name()?;
        let chain: Word<'a> = self.name()?.into();
        let place = self.place(verb)?;
        if self.at_end_of_statement() {
            return Err(self.expected("a statement"));
        }
        self.rule(&table, &chain, place);
        Ok(())
    }

    fn place(&mut self, verb: &str) -> Read<Place> {
        let before = verb == "insert";
        let word = self.peek_word();
        if !matches!(word, Some("handle" | "position" | "index")) {
            return Ok(if before { Place::First } else { Place::Last });
        }
        self.next();
        let number = self.number()?;
        Ok(match (word, verb) {
            (Some("index"), _) if before => Place::BeforeIndex(number as usize),
            (Some("index"), _) => Place::AfterIndex(number as usize),
            (_, "replace") => Place::Instead(number),
            _ if before => Place::BeforeHandle(number),
            _ => Place::AfterHandle(number),
        })
    }

    /// What follows `delete` or `destroy`.
    fn delete(&mut self, start: SourceSpan) -> Read<()> {
        let what = self.name()?;
        let change = match what {
            "table" if self.peek_word() == Some("handle") => return self.by_handle(start),
            "table" => Change::DeleteTable(self.table_name()?),
            "chain" => Change::DeleteChain(self.table_name()?, self.name()?.into()),
            "rule" => {
                let (table, chain) = (self.table_name()?, self.name()?);
                if !self.take_word("handle") {
                    return Err(self.expected("`handle`"));
                }
                Change::DeleteRule(table, chain.into(), self.number()?)
            }
            "set" | "map" => Change::DeleteSet(self.table_name()?, self.name()?.into()),
            "element" => {
                let (table, set) = (self.table_name()?, self.name()?);
                Change::DeleteElements(table, set.into(), self.set_elements()?)
            }
            _ if OBJECTS.contains(&what) => return self.add_object(),
            _ => {
                let at = self.position.before;
                return Err(Self::broken(at, "expected what to delete"));
            }
        };
        self.command(start, change);
        Ok(())
    }

    fn by_handle(&mut self, start: SourceSpan) -> Read<()> {
        self.next();
        self.number()?;
        Err(super::Broken {
            at: self.since(start),
            kind: ProblemKind::Unsupported,
            message: "handles of tables are not in the text".to_owned(),
        })
    }

    fn flush(&mut self, start: SourceSpan) -> Read<()> {
        let change = match self.name()? {
            "ruleset" => {
                let family = self.peek_word().and_then(Family::named);
                if family.is_some() {
                    self.next();
                }
                Change::FlushRuleset(family)
            }
            "table" => Change::FlushTable(self.table_name()?),
            "chain" => Change::FlushChain(self.table_name()?, self.name()?.into()),
            "set" | "map" | "meter" => Change::FlushSet(self.table_name()?, self.name()?.into()),
            _ => {
                let at = self.position.before;
                return Err(Self::broken(at, "expected what to flush"));
            }
        };
        self.command(start, change);
        Ok(())
    }
}
