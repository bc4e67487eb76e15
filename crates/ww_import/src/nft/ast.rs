//! What text and JSON have in common: commands on tables, rules made of statements, expressions
//! whose words are still words.
//!
//! Words get their meaning when a rule is lowered, because it depends on what they are compared
//! with: `22` is a port beside `tcp dport` and a mark beside `meta mark`.

use super::key::Key;
use std::borrow::Cow;
use ww_base::SourceSpan;
use ww_model::filter::{Aside, UnknownReason};

/// A name or word of the input.
pub(super) type Word<'a> = Cow<'a, str>;

/// A table's family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Ip,
    Ip6,
    Inet,
    Arp,
    Bridge,
    Netdev,
}

impl Family {
    /// The family of this name.
    pub(super) fn named(name: &str) -> Option<Family> {
        Some(match name {
            "ip" => Family::Ip,
            "ip6" => Family::Ip6,
            "inet" => Family::Inet,
            "arp" => Family::Arp,
            "bridge" => Family::Bridge,
            "netdev" => Family::Netdev,
            _ => return None,
        })
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Family::Ip => "ip",
            Family::Ip6 => "ip6",
            Family::Inet => "inet",
            Family::Arp => "arp",
            Family::Bridge => "bridge",
            Family::Netdev => "netdev",
        }
    }
}

/// A table as commands name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TableName<'a> {
    pub(super) family: Family,
    pub(super) name: Word<'a>,
}

/// A change of the rule set.
#[derive(Debug)]
pub(super) struct Command<'a> {
    pub(super) at: SourceSpan,
    pub(super) change: Change<'a>,
}

/// What a command changes.
#[derive(Debug)]
pub(super) enum Change<'a> {
    FlushRuleset(Option<Family>),
    Table {
        table: TableName<'a>,
        dormant: bool,
    },
    DeleteTable(TableName<'a>),
    /// Removes all rules of a table.
    FlushTable(TableName<'a>),
    Chain {
        table: TableName<'a>,
        name: Word<'a>,
        spec: ChainSpec<'a>,
    },
    DeleteChain(TableName<'a>, Word<'a>),
    FlushChain(TableName<'a>, Word<'a>),
    RenameChain(TableName<'a>, Word<'a>, Word<'a>),
    Rule {
        table: TableName<'a>,
        chain: Word<'a>,
        place: Place,
        rule: Rule<'a>,
    },
    DeleteRule(TableName<'a>, Word<'a>, u64),
    Set {
        table: TableName<'a>,
        name: Word<'a>,
        spec: SetSpec<'a>,
    },
    DeleteSet(TableName<'a>, Word<'a>),
    Elements(TableName<'a>, Word<'a>, Vec<Element<'a>>),
    DeleteElements(TableName<'a>, Word<'a>, Vec<Element<'a>>),
    FlushSet(TableName<'a>, Word<'a>),
}

/// Where a rule goes in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Last,
    First,
    AfterHandle(u64),
    BeforeHandle(u64),
    AfterIndex(usize),
    BeforeIndex(usize),
    /// In place of the rule with this handle.
    Instead(u64),
}

/// What is declared about a chain.
#[derive(Debug, Default)]
pub(super) struct ChainSpec<'a> {
    pub(super) hook: Option<HookSpec<'a>>,
    pub(super) policy: Option<(SourceSpan, bool)>,
}

/// How a chain is attached.
#[derive(Debug)]
pub(super) struct HookSpec<'a> {
    pub(super) kind: Word<'a>,
    pub(super) hook: Word<'a>,
    pub(super) priority: Priority<'a>,
    pub(super) devices: Vec<Expr<'a>>,
}

/// A priority: a name or nothing, and an offset.
#[derive(Debug, Default)]
pub(super) struct Priority<'a> {
    pub(super) base: Option<Expr<'a>>,
    pub(super) offset: i32,
}

/// A named set or map.
#[derive(Debug, Default)]
pub(super) struct SetSpec<'a> {
    /// Elements expire.
    pub(super) timeout: bool,
    /// Elements carry a rate, a quota or the like, that decides whether they match.
    pub(super) gated: bool,
    pub(super) elements: Vec<Element<'a>>,
}

/// An element of a set or map.
#[derive(Debug)]
pub(super) struct Element<'a> {
    pub(super) key: Expr<'a>,
    pub(super) data: Option<Box<Expr<'a>>>,
    /// Expires, or carries a rate or quota.
    pub(super) passing: bool,
}

/// A rule.
#[derive(Debug)]
pub(super) struct Rule<'a> {
    pub(super) at: SourceSpan,
    pub(super) handle: Option<u64>,
    pub(super) statements: Vec<Statement<'a>>,
}

/// A part of a rule.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    pub(super) at: SourceSpan,
    pub(super) kind: StatementKind<'a>,
}

/// What a statement does.
#[derive(Debug)]
pub(super) enum StatementKind<'a> {
    Match {
        left: Expr<'a>,
        op: Relation,
        right: Expr<'a>,
    },
    Verdict(Verdict<'a>),
    VerdictMap {
        key: Expr<'a>,
        map: Expr<'a>,
    },
    Reject(Option<(RejectKind, Option<Expr<'a>>)>),
    Assign {
        key: Key,
        value: Expr<'a>,
    },
    Nat(NatSpec<'a>),
    Untrack,
    /// No effect on where the packet goes, and none that is missed.
    Quiet,
    /// No effect on where the packet goes.
    Aside(Aside),
    /// The rule may end here.
    Gate(UnknownReason),
    /// Changes a set. Adding fails when the set is full, or a rate in the element is exceeded.
    Update {
        set: Word<'a>,
        key: Expr<'a>,
        removes: bool,
    },
    /// Does something to the packet that is not modelled.
    Effect(UnknownReason),
}

impl StatementKind<'_> {
    /// An extension of iptables, `xt match NAME` or `xt target NAME`: what it is told of is not in
    /// the listing.
    pub(super) fn of_xt(kind: &str, name: &str) -> Self {
        match (kind, name) {
            ("match", "comment") => StatementKind::Aside(Aside::Comment),
            ("target", "LOG" | "NFLOG" | "TRACE" | "AUDIT") => StatementKind::Aside(Aside::Log),
            ("target", "TCPMSS" | "CHECKSUM") => StatementKind::Aside(Aside::Effect),
            ("match", _) => StatementKind::Gate(UnknownReason::NotUnderstood),
            _ => StatementKind::Effect(UnknownReason::NotUnderstood),
        }
    }
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// None written: a bit test for flags, equality for the rest.
    Implicit,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `!`: none of the bits.
    NoneOf,
}

/// Where a packet goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict<'a> {
    Accept,
    Drop,
    Continue,
    Return,
    Jump(Word<'a>),
    Goto(Word<'a>),
}

/// How the sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RejectKind {
    TcpReset,
    Icmp,
    Icmp6,
    /// Either, by the packet's family.
    Icmpx,
}

/// A translation.
#[derive(Debug)]
pub(super) struct NatSpec<'a> {
    pub(super) kind: ww_model::filter::NatKind,
    pub(super) family: Option<Family>,
    pub(super) address: Option<Expr<'a>>,
    pub(super) port: Option<Expr<'a>>,
    /// Network part only.
    pub(super) prefix: bool,
    pub(super) random: bool,
}

/// An expression with its place.
#[derive(Debug)]
pub(super) struct Expr<'a> {
    pub(super) at: SourceSpan,
    pub(super) kind: ExprKind<'a>,
}

/// Kinds of expression.
#[derive(Debug)]
pub(super) enum ExprKind<'a> {
    /// A number, name or address, as written.
    Word(Word<'a>),
    /// `*` among elements.
    Everything,
    /// What a packet has.
    Key(Key),
    /// `@name`.
    Named(Word<'a>),
    /// The definition of this number.
    Variable(u32),
    Range(Box<Expr<'a>>, Box<Expr<'a>>),
    Prefix(Box<Expr<'a>>, u32),
    Set(Vec<Element<'a>>),
    /// `a . b`.
    Concat(Vec<Expr<'a>>),
    /// `a,b`.
    List(Vec<Expr<'a>>),
    Binary(BinaryOp, Box<Expr<'a>>, Box<Expr<'a>>),
    /// `key map data`.
    Map(Box<Expr<'a>>, Box<Expr<'a>>),
    Verdict(Verdict<'a>),
    /// Something that could not be read; its problem is told.
    NotUnderstood,
}

/// Operations on bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BinaryOp {
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}
