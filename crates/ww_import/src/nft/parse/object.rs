//! Objects that decide nothing by themselves: flow tables, counters, helpers.

use super::{Parser, Read};
use ww_base::SourceSpan;

impl Parser<'_, '_> {
    /// `counter x { … }`, `ct helper x { … }`, the first word already taken: skipped.
    pub(super) fn object_block(&mut self, start: SourceSpan, word: &str) -> Read<()> {
        match word {
            "flowtable" | "counter" | "quota" | "limit" | "secmark" | "synproxy" => {}
            "ct" => {
                if !self.take_one_of(&["helper", "timeout", "expectation"]) {
                    return Err(self.expected("`helper`, `timeout` or `expectation`"));
                }
            }
            _ => {
                return Err(Self::broken(
                    start,
                    format!("a table holds no `{}`", super::shown(word)),
                ));
            }
        }
        self.name()?;
        if !self.is_mark("{") {
            while !self.at_end_of_statement() {
                self.next();
            }
            return Ok(());
        }
        self.next();
        if self.skip_block() {
            Ok(())
        } else {
            Err(self.expected("`}`"))
        }
    }

    /// Skips through the brace that closes the one just taken; false when there is none.
    pub(super) fn skip_block(&mut self) -> bool {
        loop {
            let within = self.skip_balanced();
            if self.take_mark("}") {
                return true;
            }
            if !within || self.peek().kind == crate::nft::lex::TokenKind::End {
                return false;
            }
            self.next();
        }
    }
}
