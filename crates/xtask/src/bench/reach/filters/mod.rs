//! Questions to packet filters that grow, and to the largest also by others.

mod bars;
mod generate;
mod kernel;
mod own;
mod peers;

use std::fs;
use std::io;
use std::time::Duration;

use bars::Bar;
use generate::Rules;
use own::{Findings, Times};

/// Rules of the smallest rule set, and how many times as many the others have.
const RULES: usize = 625;
const SCALES: [usize; 4] = [1, 2, 4, 8];
/// Rules that differ where two rule sets are compared.
const EDITS: usize = 10;

/// Measures everything; true when every bar is met.
pub(super) fn measure() -> io::Result<bool> {
    println!("load before: {}", load());
    let mut rows = Vec::new();
    for scale in SCALES {
        let old = Rules::generate(RULES * scale);
        let new = old.edited(EDITS);
        let (times, findings) = own::measure(&old.text(), &new.text())?;
        rows.push((old.len(), times, findings));
    }
    print(&rows);
    let mut met = true;
    if let Some((_, times, _)) = rows.last() {
        for bar in Bar::ALL {
            met &= bar.judge(times);
        }
    }
    let largest = RULES * SCALES.iter().max().copied().unwrap_or_default();
    match kernel::race(&Rules::generate(largest).text()) {
        Ok(agrees) => met &= agrees,
        Err(error) => println!("SKIPPED, the kernel: {error}"),
    }
    met &= peers::race(largest, EDITS)?;
    println!("load after: {}", load());
    Ok(met)
}

/// Writes the rule set of this many rules.
pub(super) fn build(count: &str, file: &str) -> io::Result<()> {
    let count = count.parse().map_err(io::Error::other)?;
    fs::write(file, Rules::generate(count).text())
}

/// One line for each question, one column for each size.
fn print(rows: &[(usize, Times, Findings)]) {
    type Question = (&'static str, fn(&Times) -> Duration);
    const QUESTIONS: [Question; 8] = [
        ("text to rules", |times| times.parse),
        ("text to function with deciding rules", |times| {
            times.function
        }),
        ("function to matrix of 443/tcp", |times| times.matrix),
        ("text to matrix of 443/tcp", |times| times.matrix_from_text),
        ("function to rules that never decide", |times| {
            times.shadowed
        }),
        ("two functions to differences", |times| {
            times.diff_of_functions
        }),
        ("two texts to differences", |times| times.diff),
        ("one packet through the rules", |times| times.walk),
    ];
    type Found = (&'static str, fn(&Findings) -> usize);
    const FOUND: [Found; 5] = [
        ("nodes of the function", |found| found.nodes),
        ("edges of the function", |found| found.edges),
        ("groups of the matrix", |found| found.groups),
        ("rules that never decide", |found| found.shadows),
        ("differences", |found| found.differences),
    ];
    line("rules", rows.iter().map(|(rules, ..)| rules.to_string()));
    for (question, time) in QUESTIONS {
        let times = rows.iter().map(|(_, times, _)| written(time(times)));
        line(question, times);
    }
    for (what, number) in FOUND {
        line(
            what,
            rows.iter().map(|(.., found)| number(found).to_string()),
        );
    }
}

fn line(name: &str, cells: impl Iterator<Item = String>) {
    print!("{name:<40}");
    for cell in cells {
        print!("{cell:>14}");
    }
    println!();
}

/// A duration in the unit that suits it.
fn written(time: Duration) -> String {
    if time < Duration::from_micros(100) {
        format!("{} ns", time.as_nanos())
    } else {
        format!("{:.2} ms", time.as_secs_f64() * 1e3)
    }
}

/// How busy the machine is: processes that ran or waited over the last minutes.
fn load() -> String {
    fs::read_to_string("/proc/loadavg").map_or_else(
        |_| "not known".to_owned(),
        |text| text.split(' ').take(3).collect::<Vec<_>>().join(" "),
    )
}
