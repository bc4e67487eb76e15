//! Rule sets of iptables and ip6tables: `iptables-save`, `iptables -S`, and lists of commands.
//!
//! What the words mean follows iptables 1.8 and the modules of Linux 6: a test of a port does not
//! hold on a later fragment, negated or not; a test of a set does hold there when negated; and so
//! on, module by module. A match or target outside the model becomes an unknown of the rule set. A
//! rule that is broken becomes a rule that may or may not act, and a problem.

mod command;
mod conntrack;
mod extension;
mod fields;
mod general;
mod matches;
mod ports;
mod reader;
mod scope;
mod set;
mod shell;
mod table;
mod target;
mod targets;
mod translate;

use crate::sets::NamedSets;
use ww_base::{Limits, Partial, SourceId};
use ww_model::filter::{Family, Ruleset};

/// Reads one text.
///
/// `family` is that of the text when the caller knows it; otherwise the header comments, the names
/// of the programs and the addresses tell. `sets` are those that `-m set` may refer to.
pub fn read(
    source: SourceId,
    bytes: &[u8],
    family: Option<Family>,
    sets: &NamedSets,
    limits: &Limits,
) -> Partial<Ruleset> {
    reader::read(source, bytes, family, sets, limits)
}
