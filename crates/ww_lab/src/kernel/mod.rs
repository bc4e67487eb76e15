//! A real kernel as judge of packet filters: rules are loaded into a network namespace, packets sent through it, and
//! what became of each is compared with what `ww_reach` says.
//!
//! [`router`] is the namespace with its interfaces; [`frame`] makes packets that carry a number and finds it again;
//! [`generate`] invents rule sets and packets that touch their edges; [`judge`] compares; [`shrink`] makes a
//! disagreement small; [`pair`] does the same with two routers in a chain, for whole connections.

pub mod frame;
pub mod generate;
pub mod judge;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod oracle;
pub mod pair;
pub mod router;
pub mod shrink;
