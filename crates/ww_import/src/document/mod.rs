//! YAML and JSON documents as trees that know where everything stands.

mod room;
#[cfg(test)]
mod tests;
mod tree;
mod yaml;

pub(crate) use tree::View;
pub(crate) use yaml::{Document, read};
