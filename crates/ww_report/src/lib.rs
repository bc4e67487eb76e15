//! Findings to words: text, JSON and SARIF.
//!
//! A [`Consultation`](ww_finding::Consultation) becomes [`text`] for a terminal or [`json`] for a
//! program, [`sarif`] for code review, or [`markdown`] for a ticket; [`mending`] applies fixes; [`flows`] lists connections; [`pages`] prints what a rule means; [`verdict`] says it all
//! in one sentence. Same input, same bytes: no clock, environment or locale is asked.

pub mod defaults;
pub mod flows;
pub mod json;
pub mod map;
pub mod markdown;
pub mod mending;
pub mod pages;
pub mod reach;
pub mod sarif;
pub mod text;
pub mod watch;

mod place;
mod sheet;
mod verdict;
mod walk;
mod words;

pub use place::{Sources, TextRange, source_name};
pub use sheet::{Style, printable};
pub use verdict::{Traffic, verdict, verdict_on_files, verdict_on_walks};
pub use walk::{Stage, progress};
