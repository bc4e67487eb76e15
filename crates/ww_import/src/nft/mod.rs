//! nftables rule sets: files for `nft -f`, the output of `nft list ruleset`, and that of
//! `nft -j list ruleset` (nftables 0.9 to 1.1).
//!
//! Text and JSON are read into the same tree and lowered by the same code, so that both forms of a
//! rule set give the same model. The semantics are those of the kernel: a key that a packet does
//! not have ends the rule, also under `!=`; `tcp flags syn` tests a bit and `tcp flags { syn }`
//! the whole byte; in tables of both families `ip saddr` asks for IPv4 first.

mod ast;
mod json;
mod key;
mod lex;
mod lower;
mod parse;
mod source;
mod state;
mod symbols;

pub use source::{Included, Includes, NoIncludes};

use crate::missing;
use crate::text::Problems;
use std::collections::BTreeMap;
use ww_base::{Limits, Locus, Order, Partial, Problem, SourceId};
use ww_model::filter::Ruleset;

/// Reads nftables text. Files that it includes are asked of `includes`.
pub fn read(
    source: SourceId,
    bytes: &[u8],
    includes: &mut dyn Includes,
    limits: &Limits,
) -> Partial<Ruleset> {
    let mut problems = Problems::new(source, limits);
    let texts = source::load(source, bytes, includes, limits, &mut problems);
    let parsed = parse::parse(&texts, limits, &mut problems);
    let state = state::apply(parsed.commands, &mut problems);
    let quoted: BTreeMap<SourceId, &[u8]> = texts
        .texts
        .iter()
        .map(|text| (text.source, &*text.bytes))
        .collect();
    let mut value = lower::lower(&state, &parsed.definitions, &quoted, limits, &mut problems);
    leave_open(&mut value, &problems);
    Partial {
        value,
        problems: in_order(problems),
    }
}

/// Reads the JSON form: the output of `nft -j list ruleset`, or commands for `nft -j -f`.
pub fn read_json(source: SourceId, bytes: &[u8], limits: &Limits) -> Partial<Ruleset> {
    let mut problems = Problems::new(source, limits);
    let text = problems.bounded(bytes, limits);
    let commands = json::parse(source, text, limits, &mut problems);
    let state = state::apply(commands, &mut problems);
    let quoted = BTreeMap::from([(source, text)]);
    let mut value = lower::lower(&state, &[], &quoted, limits, &mut problems);
    leave_open(&mut value, &problems);
    Partial {
        value,
        problems: in_order(problems),
    }
}

/// Where the text breaks off, chains and rules may be missing.
fn leave_open(ruleset: &mut Ruleset, problems: &Problems) {
    if let Some(at) = problems.broke_off_at() {
        missing::chains(ruleset, at);
    }
}

/// The problems by their places; those without a place of their own come last.
fn in_order(problems: Problems) -> Vec<Problem> {
    let mut list = problems.finish();
    list.put_in_order_by_key(|problem| match &problem.at {
        Locus::Text(at) => (at.source, at.start),
        _ => (SourceId(u32::MAX), 0),
    });
    list
}
