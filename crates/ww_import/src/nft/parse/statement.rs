//! Statements of rules.

use super::{Parser, Read};
use crate::nft::ast::{
    Expr, ExprKind, Family, NatSpec, RejectKind, Relation, Statement, StatementKind,
};
use crate::nft::key::{Datatype, Key};
use crate::nft::lex::TokenKind;
use ww_model::filter::{Aside, NatKind, UnknownReason};

impl<'a> Parser<'a, '_> {
    /// The statements up to the end of a rule.
    pub(super) fn statements(&mut self, into: &mut Vec<Statement<'a>>) -> Read<()> {
        loop {
            let start = self.peek().at;
            let kind = if self.take_word("comment") {
                self.name()?;
                StatementKind::Aside(Aside::Comment)
            } else if self.at_end_of_statement() {
                return Ok(());
            } else {
                self.statement()?
            };
            let at = self.since(start);
            if !matches!(kind, StatementKind::Quiet) {
                into.push(Statement { at, kind });
            }
        }
    }

    fn statement(&mut self) -> Read<StatementKind<'a>> {
        if let Some(verdict) = self.verdict()? {
            return Ok(StatementKind::Verdict(verdict));
        }
        let Some(word) = self.peek_word() else {
            return self.comparison();
        };
        match word {
            "counter" | "limit" | "quota" | "last" => self.stateful_statement(),
            "ct" => self.ct_statement(),
            "log" => self.log(),
            "reject" => self.reject(),
            "snat" | "dnat" | "masquerade" | "redirect" => self.nat(word),
            "notrack" => {
                self.next();
                Ok(StatementKind::Untrack)
            }
            "queue" => {
                self.skip_statement_words();
                Ok(StatementKind::Effect(UnknownReason::NotModelled))
            }
            "tproxy" => self.tproxy(),
            "synproxy" => self.synproxy(),
            "fwd" => {
                self.next();
                self.destination()?;
                Ok(StatementKind::Effect(UnknownReason::NotModelled))
            }
            "dup" => {
                self.next();
                self.destination()?;
                Ok(StatementKind::Aside(Aside::Log))
            }
            "flow" => {
                self.next();
                self.take_one_of(&["add", "offload"]);
                self.expect_mark("@")?;
                self.name()?;
                Ok(StatementKind::Aside(Aside::Effect))
            }
            "add" | "update" | "delete" => self.set_statement(word),
            "set" => self.old_set_statement(),
            "meter" => self.meter(),
            "reset" => {
                self.next();
                self.key();
                Ok(StatementKind::Aside(Aside::Effect))
            }
            "xt" => {
                self.next();
                let kind = self.name()?;
                Ok(StatementKind::of_xt(kind, self.name()?))
            }
            _ => self.comparison(),
        }
    }

    /// The words of a statement that ends its rule.
    fn skip_statement_words(&mut self) {
        while !self.at_end_of_statement() && self.peek_word() != Some("comment") {
            self.next();
        }
    }

    fn stateful_statement(&mut self) -> Read<StatementKind<'a>> {
        let start = self.position;
        let is_counter = self.take_word("counter");
        let is_named = self.peek_word() == Some("name");
        self.position = start;
        Ok(match (self.stateful()?, is_counter, is_named) {
            (true, ..) => StatementKind::Gate(UnknownReason::Dynamic),
            (_, true, true) => StatementKind::Aside(Aside::NamedCount),
            (_, true, false) => StatementKind::Aside(Aside::Count),
            _ => StatementKind::Quiet,
        })
    }

    /// `counter`, `limit`, `quota`, `last`, `ct count`: whether it may end the rule.
    pub(super) fn stateful(&mut self) -> Read<bool> {
        match self.name()? {
            "counter" => self.counter(),
            "limit" => self.limit().map(|()| true),
            "quota" => self.quota().map(|()| true),
            "ct" => {
                if !self.take_word("count") {
                    return Err(self.expected("`count`"));
                }
                self.take_word("over");
                self.number().map(|_| true)
            }
            _ => {
                if self.take_word("used") {
                    self.name()?;
                }
                Ok(false)
            }
        }
    }

    /// `packets N bytes N`, `name "x"`, `name KEY map {…}`: a map may lack the key.
    fn counter(&mut self) -> Read<bool> {
        if self.take_word("name") {
            return self.object_name();
        }
        while self.take_one_of(&["packets", "bytes"]) {
            self.number()?;
        }
        Ok(false)
    }

    /// The name of an object, or a map that gives one.
    fn object_name(&mut self) -> Read<bool> {
        let expr = self.operand()?;
        Ok(matches!(expr.kind, ExprKind::Map(..)))
    }

    fn limit(&mut self) -> Read<()> {
        if self.take_word("name") {
            return self.object_name().map(|_| ());
        }
        if !self.take_word("rate") {
            return Err(self.expected("`rate`"));
        }
        self.take_one_of(&["over", "until"]);
        self.amount()?;
        if self.take_mark("/") {
            self.name()?;
        }
        if self.take_word("burst") {
            self.amount()?;
        }
        Ok(())
    }

    fn quota(&mut self) -> Read<()> {
        if self.take_word("name") {
            return self.object_name().map(|_| ());
        }
        self.take_one_of(&["over", "until"]);
        self.amount()?;
        if self.take_word("used") {
            self.amount()?;
        }
        Ok(())
    }

    /// A number with a unit, perhaps one per time: `10 mbytes/second`.
    fn amount(&mut self) -> Read<()> {
        self.number()?;
        if self.peek_word().is_some_and(|word| {
            let unit = word.split('/').next().unwrap_or(word);
            matches!(unit, "packets" | "bytes" | "kbytes" | "mbytes" | "gbytes")
        }) {
            self.next();
        }
        Ok(())
    }

    /// `ct count`, `ct helper set`, or a comparison of a connection's key.
    fn ct_statement(&mut self) -> Read<StatementKind<'a>> {
        let start = self.position;
        self.next();
        if self.peek_word() == Some("count") {
            self.position = start;
            return self.stateful_statement();
        }
        self.position = start;
        self.comparison()
    }

    fn log(&mut self) -> Read<StatementKind<'a>> {
        self.next();
        loop {
            match self.peek_word() {
                Some("prefix") => {
                    self.next();
                    if self.take_mark("$") {
                        self.variable()?;
                    } else {
                        self.name()?;
                    }
                }
                Some("group" | "snaplen" | "queue-threshold" | "level") => {
                    self.next();
                    self.name()?;
                }
                Some("flags") => {
                    self.next();
                    self.log_flags()?;
                }
                _ => return Ok(StatementKind::Aside(Aside::Log)),
            }
        }
    }

    fn log_flags(&mut self) -> Read<()> {
        match self.name()? {
            "tcp" | "ip" => {
                self.name()?;
                while self.take_mark(",") {
                    self.name()?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn reject(&mut self) -> Read<StatementKind<'a>> {
        self.next();
        if !self.take_word("with") {
            return Ok(StatementKind::Reject(None));
        }
        let kind = match self.name()? {
            "tcp" => {
                self.name()?;
                return Ok(StatementKind::Reject(Some((RejectKind::TcpReset, None))));
            }
            "icmp" => RejectKind::Icmp,
            "icmpv6" => RejectKind::Icmp6,
            "icmpx" => RejectKind::Icmpx,
            _ => {
                let at = self.position.before;
                return Err(Self::broken(
                    at,
                    "expected `tcp`, `icmp`, `icmpv6` or `icmpx`",
                ));
            }
        };
        self.take_word("type");
        let code = self.value(false)?;
        Ok(StatementKind::Reject(Some((kind, Some(code)))))
    }

    /// `[ip|ip6] to X [device Y]`.
    fn destination(&mut self) -> Read<()> {
        self.take_one_of(&["ip", "ip6"]);
        self.take_word("to");
        self.operand()?;
        if self.take_word("device") {
            self.operand()?;
        }
        Ok(())
    }

    fn tproxy(&mut self) -> Read<StatementKind<'a>> {
        self.next();
        self.take_one_of(&["ip", "ip6"]);
        self.take_word("to");
        if !self.is_mark(":") {
            self.operand()?;
        }
        if self.take_mark(":") {
            self.operand()?;
        }
        Ok(StatementKind::Effect(UnknownReason::NotModelled))
    }

    fn synproxy(&mut self) -> Read<StatementKind<'a>> {
        self.next();
        loop {
            match self.peek_word() {
                Some("timestamp" | "sack-perm") => {
                    self.next();
                }
                Some("mss" | "wscale") => {
                    self.next();
                    self.number()?;
                }
                Some("name") => {
                    self.next();
                    self.operand()?;
                }
                _ => return Ok(StatementKind::Effect(UnknownReason::NotModelled)),
            }
        }
    }

    fn nat(&mut self, word: &str) -> Read<StatementKind<'a>> {
        self.next();
        let mut nat = NatSpec {
            kind: match word {
                "snat" => NatKind::Source,
                "dnat" => NatKind::Destination,
                "masquerade" => NatKind::Masquerade,
                _ => NatKind::Redirect,
            },
            family: None,
            address: None,
            port: None,
            prefix: false,
            random: false,
        };
        while !self.is_mark(":") && self.nat_word(&mut nat) {}
        if self.take_word("to") || self.address_follows() {
            self.nat_target(&mut nat)?;
        }
        self.nat_flags(&mut nat)?;
        Ok(StatementKind::Nat(nat))
    }

    /// A word between `snat` and `to`: a family, `prefix`, `interval`, `addr . port`.
    fn nat_word(&mut self, nat: &mut NatSpec<'a>) -> bool {
        match self.peek_word() {
            Some(word @ ("ip" | "ip6")) => nat.family = Family::named(word),
            Some("prefix") => nat.prefix = true,
            Some("interval" | "addr" | "port") => {}
            _ if self.is_mark(".") => {}
            _ => return false,
        }
        self.next();
        true
    }

    /// Whether an address stands here without the `to` that nft asks for since 0.9.
    fn address_follows(&mut self) -> bool {
        self.peek_word().is_some_and(|word| {
            word.contains(':') || word.starts_with(|c: char| c.is_ascii_digit())
        })
    }

    fn nat_target(&mut self, nat: &mut NatSpec<'a>) -> Read<()> {
        if !self.is_mark(":") {
            let target = self.operand()?;
            if matches!(nat.kind, NatKind::Masquerade | NatKind::Redirect) {
                nat.port = Some(target);
            } else {
                nat.address = Some(target);
            }
        }
        if self.take_mark(":") {
            nat.port = Some(self.operand()?);
        }
        Ok(())
    }

    fn nat_flags(&mut self, nat: &mut NatSpec<'a>) -> Read<()> {
        loop {
            match self.peek_word() {
                Some("random" | "fully-random") => nat.random = true,
                Some("persistent") => {}
                _ => return Ok(()),
            }
            self.next();
            if !self.take_mark(",") {
                return Ok(());
            }
        }
    }

    /// `add @set { key … }`.
    fn set_statement(&mut self, op: &str) -> Read<StatementKind<'a>> {
        self.next();
        self.expect_mark("@")?;
        let set = self.name()?;
        self.expect_mark("{")?;
        let key = self.operand()?;
        self.rest_of_update()?;
        Ok(StatementKind::Update {
            set: set.into(),
            key,
            removes: op == "delete",
        })
    }

    /// What follows the key of an update, through the closing brace.
    fn rest_of_update(&mut self) -> Read<()> {
        loop {
            self.skip_newlines();
            match self.peek_word() {
                _ if self.take_mark("}") => return Ok(()),
                _ if self.take_mark(":") => {
                    self.operand()?;
                }
                Some("timeout" | "expires" | "comment") => {
                    self.next();
                    self.name()?;
                }
                Some("counter" | "last" | "limit" | "quota" | "ct") => {
                    self.stateful()?;
                }
                _ => return Err(self.expected("`}`")),
            }
        }
    }

    /// `set add KEY @set`, as nft wrote it before 1.0.
    fn old_set_statement(&mut self) -> Read<StatementKind<'a>> {
        self.next();
        let op = self.name()?;
        let key = self.operand()?;
        if self.take_word("timeout") {
            self.name()?;
        }
        self.expect_mark("@")?;
        let set = self.name()?;
        Ok(StatementKind::Update {
            set: set.into(),
            key,
            removes: op == "delete",
        })
    }

    fn meter(&mut self) -> Read<StatementKind<'a>> {
        self.next();
        self.name()?;
        if self.take_word("size") {
            self.number()?;
        }
        self.expect_mark("{")?;
        self.operand()?;
        self.rest_of_update()?;
        Ok(StatementKind::Gate(UnknownReason::Dynamic))
    }

    /// A comparison, a verdict map or an assignment: all begin with a key.
    fn comparison(&mut self) -> Read<StatementKind<'a>> {
        let start = self.position;
        if let Some(named) = self.key()
            && self.take_word("set")
        {
            return self.assignment(named.key, named.header, named.name);
        }
        self.position = start;
        let left = self.left()?;
        if self.take_word("vmap") {
            let map = self.value(false)?;
            return Ok(StatementKind::VerdictMap { key: left, map });
        }
        let op = self.relation();
        let flags = is_flags(&left);
        let right = self.right(!flags)?;
        if is_opaque(&left) && self.take_mark(":") {
            // Traffic classes are written `1:2`.
            self.value(false)?;
        }
        if flags && self.take_mark("/") {
            let mask = self.right(false)?;
            return Ok(masked(left, mask, op, right));
        }
        Ok(StatementKind::Match { left, op, right })
    }

    fn relation(&mut self) -> Relation {
        let op = match self.peek().kind {
            TokenKind::Mark("==") | TokenKind::Word("eq") => Relation::Equal,
            TokenKind::Mark("!=") | TokenKind::Word("neq" | "ne") => Relation::NotEqual,
            TokenKind::Mark("<") | TokenKind::Word("lt") => Relation::Less,
            TokenKind::Mark("<=") | TokenKind::Word("le") => Relation::LessOrEqual,
            TokenKind::Mark(">") | TokenKind::Word("gt") => Relation::Greater,
            TokenKind::Mark(">=") | TokenKind::Word("ge") => Relation::GreaterOrEqual,
            TokenKind::Mark("!") => Relation::NoneOf,
            _ => return Relation::Implicit,
        };
        self.next();
        op
    }

    /// `KEY set VALUE`, both first words already taken.
    fn assignment(&mut self, key: Key, header: &str, name: &str) -> Read<StatementKind<'a>> {
        let value = self.operand()?;
        if self.take_mark(":") {
            self.name()?;
        }
        while self.take_mark(",") {
            self.name()?;
        }
        if header == "tcp" && name == "option" || Key::set_is_quiet(header, name) {
            return Ok(StatementKind::Aside(Aside::Effect));
        }
        Ok(StatementKind::Assign { key, value })
    }
}

fn is_flags(left: &Expr<'_>) -> bool {
    match &left.kind {
        ExprKind::Key(key) => key.datatype.is_flags(),
        ExprKind::Binary(_, left, _) => is_flags(left),
        _ => false,
    }
}

fn is_opaque(left: &Expr<'_>) -> bool {
    matches!(&left.kind, ExprKind::Key(key) if key.datatype == Datatype::Opaque)
}

/// `flags value / mask`: the flags under the mask are exactly the value.
fn masked<'a>(left: Expr<'a>, mask: Expr<'a>, op: Relation, right: Expr<'a>) -> StatementKind<'a> {
    let at = left.at;
    let kind = ExprKind::Binary(
        crate::nft::ast::BinaryOp::And,
        Box::new(left),
        Box::new(mask),
    );
    let op = match op {
        Relation::NotEqual => Relation::NotEqual,
        _ => Relation::Equal,
    };
    StatementKind::Match {
        left: Expr { at, kind },
        op,
        right,
    }
}
