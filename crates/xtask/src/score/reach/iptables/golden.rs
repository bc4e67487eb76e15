//! The analyser's service matrices, as it prints them.

use super::abstraction::range;
use anyhow::{Context as _, Result};
use ww_model::Ranges;
use ww_reach::symbolic::Matrix;

/// The matrix of a TCP port, with groups in order of their smallest address.
pub(super) fn matrix(text: &str, port: u16) -> Result<Matrix> {
    let heading = format!("=========== TCP port 10000->{port} =========");
    let mut lines = text.lines().skip_while(|line| *line != heading).skip(1);
    let mut groups: Vec<(Ranges, String)> = Vec::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let (name, ranges) = line.split_once(" |-> ").context("a group without |->")?;
        groups.push((union(ranges)?, name.to_owned()));
    }
    groups.sort();
    let place = |name: &str| groups.iter().position(|(_, known)| known == name);
    let mut edges = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let names = line.trim_matches(['(', ')']).split_once(',');
        let edge = names.and_then(|(from, to)| Some((place(from)?, place(to)?)));
        edges.push(edge.with_context(|| format!("an edge between unknown groups: {line}"))?);
    }
    edges.sort_unstable();
    Ok(Matrix {
        groups: groups.into_iter().map(|(ranges, _)| ranges).collect(),
        edges,
    })
}

/// Reads `{10.0.0.0 .. 10.0.0.9} u 10.1.0.1`.
fn union(text: &str) -> Result<Ranges> {
    let mut all = Ranges::none();
    for part in text.split(" u ") {
        let part = part.trim_matches(['{', '}', ' ']);
        all = all.or(&range(&part.replace(" .. ", "-"))?);
    }
    Ok(all)
}
