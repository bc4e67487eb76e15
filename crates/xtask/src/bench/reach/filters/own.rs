//! What each question costs, in a universe made for it.

use std::io;
use std::time::{Duration, Instant};

use ww_base::{Limits, SourceId};
use ww_import::sets::NamedSets;
use ww_model::filter::{Family, Hook, Ruleset};
use ww_model::packet::protocol;
use ww_packetset::Bounds;
use ww_reach::symbolic::{Service, Universe, Version};
use ww_reach::walk::Walker;

use super::generate::packets;

/// Passes over all questions; of each the fastest counts.
const PASSES: usize = 5;
/// Packets that are walked.
const WALKED: usize = 20_000;
const HTTPS: Service = Service {
    protocol: protocol::TCP,
    port: 443,
    source_port: 10_000,
};

/// How long everything took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Text to rules.
    pub(super) parse: Duration,
    /// Text to the function with the deciding rules.
    pub(super) function: Duration,
    /// The function to the matrix of a service.
    pub(super) matrix: Duration,
    /// Text to the matrix of a service.
    pub(super) matrix_from_text: Duration,
    /// The function to the rules that never decide.
    pub(super) shadowed: Duration,
    /// Two texts to their differences, with the deciding rules.
    pub(super) diff: Duration,
    /// Two functions to their differences.
    pub(super) diff_of_functions: Duration,
    /// One packet through the rules, without a function.
    pub(super) walk: Duration,
}

/// What was found, which is the same in every pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Findings {
    pub(super) nodes: usize,
    pub(super) edges: usize,
    pub(super) groups: usize,
    pub(super) shadows: usize,
    pub(super) differences: usize,
}

/// The rules of a text.
///
/// # Errors
/// When some of it was not understood.
pub(super) fn read(text: &str) -> io::Result<Ruleset> {
    let sets = NamedSets::default();
    let limits = Limits::default();
    let read = ww_import::iptables::read(
        SourceId(0),
        text.as_bytes(),
        Some(Family::Ip4),
        &sets,
        &limits,
    );
    match read.problems.first() {
        None => Ok(read.value),
        Some(problem) => Err(io::Error::other(problem.message.clone())),
    }
}

/// Asks everything, several times.
pub(super) fn measure(old: &str, new: &str) -> io::Result<(Times, Findings)> {
    let (mut best, findings) = pass(old, new)?;
    for _ in 1..PASSES {
        let (times, _) = pass(old, new)?;
        best = best.best(times);
    }
    Ok((best, findings))
}

impl Times {
    fn best(self, other: Times) -> Times {
        Times {
            parse: self.parse.min(other.parse),
            function: self.function.min(other.function),
            matrix: self.matrix.min(other.matrix),
            matrix_from_text: self.matrix_from_text.min(other.matrix_from_text),
            shadowed: self.shadowed.min(other.shadowed),
            diff: self.diff.min(other.diff),
            diff_of_functions: self.diff_of_functions.min(other.diff_of_functions),
            walk: self.walk.min(other.walk),
        }
    }
}

/// One pass; no question profits from what another left in its universe.
fn pass(old: &str, new: &str) -> io::Result<(Times, Findings)> {
    let started = Instant::now();
    let ruleset = read(old)?;
    let parse = started.elapsed();
    let mut universe = universe(&[&ruleset])?;
    let function = universe
        .compile(0, None, Hook::Forward)
        .map_err(io::Error::other)?;
    let made = started.elapsed();
    let opening = universe.opening(HTTPS).map_err(io::Error::other)?;
    let passing = universe
        .allowed_among(&function, opening)
        .map_err(io::Error::other)?
        .may;
    let matrix = universe.matrix(passing, HTTPS).map_err(io::Error::other)?;
    let matrix_from_text = started.elapsed();
    let size = universe.space.size(function.map);

    let asked = Instant::now();
    let shadows = universe
        .shadowed(0, None, &[(Hook::Forward, &function)])
        .map_err(io::Error::other)?;
    let shadowed = asked.elapsed();
    let (diff, diff_of_functions, differences) = difference(old, new)?;
    let times = Times {
        parse,
        function: made,
        matrix: matrix_from_text.saturating_sub(made),
        matrix_from_text,
        shadowed,
        diff,
        diff_of_functions,
        walk: walk(&ruleset),
    };
    let findings = Findings {
        nodes: size.nodes,
        edges: size.edges,
        groups: matrix.groups.len(),
        shadows: shadows.len(),
        differences,
    };
    Ok((times, findings))
}

/// The differences of two texts: all of it, the part after the functions, and how many.
fn difference(old: &str, new: &str) -> io::Result<(Duration, Duration, usize)> {
    let started = Instant::now();
    let (old, new) = (read(old)?, read(new)?);
    let mut universe = universe(&[&old, &new])?;
    let mut function = |number| {
        universe
            .compile(number, None, Hook::Forward)
            .map_err(io::Error::other)
    };
    let (before, after) = (function(0)?, function(1)?);
    let made = started.elapsed();
    let differences = universe.diff(&before, &after).map_err(io::Error::other)?;
    let whole = started.elapsed();
    Ok((whole, whole.saturating_sub(made), differences.len()))
}

fn walk(ruleset: &Ruleset) -> Duration {
    let packets = packets(WALKED);
    let limits = Limits::default();
    let walker = Walker::new(ruleset, None, &limits);
    let started = Instant::now();
    for packet in &packets {
        std::hint::black_box(walker.decide(Hook::Forward, packet));
    }
    started.elapsed() / WALKED as u32
}

/// A universe of rule sets for IPv4.
pub(super) fn universe<'a>(rulesets: &[&'a Ruleset]) -> io::Result<Universe<'a>> {
    Universe::new(rulesets, Version::V4, &[], Bounds::default()).map_err(io::Error::other)
}
