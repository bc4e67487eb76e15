//! Prints the confusion table and the totals.

use super::judge::Judged;
use ww_lab::scenario::Class;

/// What a score must reach.
pub(super) struct Bars {
    /// Share of exact answers, in percent.
    exact_percent: f64,
    /// Whether clean captures count into that share; silence is cheap.
    with_clean: bool,
}

/// The bars of the lab's own scenarios.
pub(super) const LAB_BARS: Bars = Bars {
    exact_percent: 95.0,
    with_clean: false,
};
/// The bars of the labelled captures of a corpus.
pub(super) const CORPUS_BARS: Bars = Bars {
    exact_percent: 90.0,
    with_clean: true,
};

/// Prints every case and the totals; true when every bar is met.
pub(super) fn print(judged: &[Judged], bars: &Bars) -> bool {
    println!("{:38} {:44} {:60} ok", "scenario", "expected", "got");
    for row in judged {
        println!("{}", line(row));
    }
    let counted: Vec<&Judged> = judged
        .iter()
        .filter(|row| bars.with_clean || row.case.class != Class::Clean)
        .collect();
    let exact = counted.iter().filter(|row| row.exact).count();
    let percent = percent(exact, counted.len());
    let false_causes = |class| -> usize {
        judged
            .iter()
            .filter(|row| row.case.class == class)
            .map(|row| row.false_causes)
            .sum()
    };
    let (on_clean, on_artefacts) = (false_causes(Class::Clean), false_causes(Class::Artefact));
    let unnamed = judged
        .iter()
        .filter(|row| row.case.class == Class::Artefact && !row.exact)
        .count();
    let owners: Vec<bool> = judged.iter().filter_map(|row| row.owner_right).collect();
    let owners_right = owners.iter().filter(|right| **right).count();
    println!();
    println!(
        "exact causes              {exact} of {} = {percent:.1} % (at least {} %)",
        counted.len(),
        bars.exact_percent
    );
    println!("findings on clean         {on_clean} (none)");
    println!("false causes on artefacts {on_artefacts} (none); artefacts not named {unnamed}");
    println!(
        "owners right              {owners_right} of {}",
        owners.len()
    );
    percent >= bars.exact_percent && on_clean == 0 && on_artefacts == 0
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        100.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

fn line(row: &Judged) -> String {
    let expected = match row.case.class {
        Class::Clean => "nothing".to_owned(),
        _ => row.case.expected.join(" | "),
    };
    let said: Vec<String> = row
        .said
        .iter()
        .map(|said| format!("{} ({})", said.rule, said.severity))
        .collect();
    let got = if said.is_empty() {
        "nothing".to_owned()
    } else {
        said.join(", ")
    };
    let mut verdict = if row.exact { "yes" } else { "NO" }.to_owned();
    if !row.forbidden.is_empty() {
        verdict = format!("{verdict}, must not say {}", row.forbidden.join(", "));
    }
    if row.owner_right == Some(false) {
        let owner = row.case.owner.as_deref().unwrap_or_default();
        verdict = format!("{verdict}, but the owner is {owner}");
    }
    format!("{:38} {expected:44} {got:60} {verdict}", row.case.name)
}
