//! Answers about who can reach whom: for a terminal, as JSON, and as tables and graphs.

pub mod json;
pub mod matrix;
pub mod text;
pub mod trace;
