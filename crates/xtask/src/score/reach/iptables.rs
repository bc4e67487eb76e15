//! Golden service matrices and closures of a verified analyser of iptables rule sets.
//!
//! Its abstraction: connections that begin; what it does not know matches in rules that accept and
//! not in rules that drop (*upper*), or the other way round (*lower*); interfaces of entry are the
//! source addresses behind them, as far as they are assigned, and other interfaces not known.

mod abstraction;
mod golden;
mod listing;

use abstraction::{Assignment, Closure, flat, one_chain};
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::time::{Duration, Instant};
use ww_base::{Limits, SourceId};
use ww_import::sets::NamedSets;
use ww_model::filter::{Family, Hook, Ruleset};
use ww_packetset::{Bounds, LevelId, Set};
use ww_reach::symbolic::{Service, Universe, Version};

/// What was compared.
pub(super) struct Tally {
    pub(super) suite: &'static str,
    pub(super) right: usize,
    pub(super) cases: usize,
    /// Cases that are wrong, and in what.
    pub(super) wrong: Vec<String>,
}

impl Tally {
    fn new(suite: &'static str) -> Tally {
        Tally {
            suite,
            right: 0,
            cases: 0,
            wrong: Vec::new(),
        }
    }

    fn count(&mut self, case: &str, outcome: Result<()>) {
        self.cases += 1;
        match outcome {
            Ok(()) => self.right += 1,
            Err(error) => self.wrong.push(format!("{case}: {error:#}")),
        }
    }
}

/// Compares everything; also how long the largest rule set takes.
pub(super) fn score(corpora: &Path) -> Result<Vec<Tally>> {
    let folder = corpora.join("reach/iptables-semantics");
    Ok(vec![matrices(&folder)?, closures(&folder)?])
}

fn matrices(folder: &Path) -> Result<Tally> {
    let mut tally = Tally::new("iptables: golden service matrices");
    for row in table(&folder.join("golden.tsv"))? {
        let [golden, rules, assignment, table, chain, ports, ..] = row.as_slice() else {
            bail!("golden.tsv: a row is too short");
        };
        let ruleset = read(&folder.join(rules))?;
        let assignment = assignment_at(folder, assignment)?;
        let golden = text(&folder.join(golden))?;
        let whole = flat(&ruleset, table, chain, &assignment, Closure::Upper)?;
        for port in ports.split(',') {
            let port: u16 = port.parse().context("a port of golden.tsv")?;
            tally.count(
                &format!("{rules} port {port}"),
                matrix(&whole, &golden, port),
            );
        }
    }
    Ok(tally)
}

/// The matrix of a port is the golden one.
fn matrix(ruleset: &Ruleset, golden: &str, port: u16) -> Result<()> {
    let started = Instant::now();
    let mut universe = Universe::new(&[ruleset], Version::V4, &[], Bounds::default())?;
    let function = universe.compile(0, None, Hook::Forward)?;
    let compiled = started.elapsed();
    let passing = universe.allowed(&function)?.may;
    let service = Service {
        protocol: 6,
        port,
        source_port: 10_000,
    };
    let ours = universe.matrix(passing, service)?;
    let rules = ruleset.chains.iter().map(|chain| chain.rules.len());
    println!(
        "  {} rules: function {:.1} ms, matrix of port {port} {:.1} ms, {} groups, {} edges",
        rules.sum::<usize>(),
        milliseconds(compiled),
        milliseconds(started.elapsed()),
        ours.groups.len(),
        ours.edges.len()
    );
    let golden = golden::matrix(golden, port)?;
    if golden.groups != ours.groups {
        bail!(
            "{} groups instead of {}",
            ours.groups.len(),
            golden.groups.len()
        );
    }
    if golden.edges != ours.edges {
        bail!(
            "{} edges instead of {}",
            ours.edges.len(),
            golden.edges.len()
        );
    }
    Ok(())
}

fn closures(folder: &Path) -> Result<Tally> {
    let mut tally = Tally::new("iptables: lower and upper closures");
    for row in table(&folder.join("closures.tsv"))? {
        let [_, rules, chain, lower, upper, _, assignment] = row.as_slice() else {
            bail!("closures.tsv: a row is too short");
        };
        let ruleset = read(&folder.join(rules))?;
        let assignment = assignment_at(folder, assignment)?;
        let exact = one_chain(&ruleset, "filter", chain, &assignment)?;
        let lower = listing::read(&text(&folder.join(lower))?, chain)?;
        let upper = listing::read(&text(&folder.join(upper))?, chain)?;
        tally.count(&format!("{rules} {chain}"), between(&exact, &lower, &upper));
    }
    Ok(tally)
}

/// What must pass lies above the lower closure, what may pass below the upper one.
fn between(exact: &Ruleset, lower: &Ruleset, upper: &Ruleset) -> Result<()> {
    let rulesets = [exact, lower, upper];
    let mut universe = Universe::new(&rulesets, Version::V4, &[], Bounds::default())?;
    let new = universe.number_is(ww_model::filter::Field::CtState, 0)?;
    let hidden = not_asked(&universe);
    let function = universe.compile(0, None, Hook::Forward)?;
    let allowed = universe.allowed(&function)?;
    let space = &mut universe.space;
    let dropped = space.minus(new, allowed.must)?;
    let sometimes_dropped = space.exists(dropped, &hidden)?;
    let must = space.not(sometimes_dropped)?;
    let passed = space.and(new, allowed.may)?;
    let may = space.exists(passed, &hidden)?;
    let mut accepted = |number: usize| -> Result<Set> {
        let function = universe.compile(number, None, Hook::Forward)?;
        let allowed = universe.allowed(&function)?;
        Ok(universe.space.exists(allowed.must, &hidden)?)
    };
    let (lower, upper) = (accepted(1)?, accepted(2)?);
    if let Some(packet) = beyond(&mut universe, lower, must)? {
        bail!("the lower closure accepts {packet}");
    }
    if let Some(packet) = beyond(&mut universe, may, upper)? {
        bail!("the upper closure refuses {packet}");
    }
    Ok(())
}

/// A packet of the first set that is not in the second.
fn beyond(universe: &mut Universe, inner: Set, outer: Set) -> Result<Option<String>> {
    let beyond = universe.space.minus(inner, outer)?;
    let packet = universe.packet(beyond);
    Ok(packet.map(|packet| format!("{packet:?}")))
}

/// The levels that closures do not speak of.
fn not_asked(universe: &Universe) -> Vec<LevelId> {
    use ww_model::filter::Field;
    let asked: Vec<LevelId> = [
        Field::Src4,
        Field::Dst4,
        Field::Protocol,
        Field::SrcPort,
        Field::DstPort,
    ]
    .into_iter()
    .filter_map(|field| universe.level(field))
    .collect();
    let levels = universe.space.levels().map(|(level, _)| level);
    levels.filter(|level| !asked.contains(level)).collect()
}

fn read(path: &Path) -> Result<Ruleset> {
    let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let sets = NamedSets::default();
    let read = ww_import::iptables::read(
        SourceId(0),
        &bytes,
        Some(Family::Ip4),
        &sets,
        &Limits::default(),
    );
    Ok(read.value)
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

/// The rows of a table without its heading, cut at tabs.
fn table(path: &Path) -> Result<Vec<Vec<String>>> {
    let rows = text(path)?;
    let rows = rows.lines().skip(1).filter(|row| !row.is_empty());
    Ok(rows
        .map(|row| row.split('\t').map(str::to_owned).collect())
        .collect())
}

fn assignment_at(folder: &Path, path: &str) -> Result<Assignment> {
    if path.is_empty() {
        return Assignment::read("lo = [127.0.0.0/8]");
    }
    Assignment::read(&text(&folder.join(path))?)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
