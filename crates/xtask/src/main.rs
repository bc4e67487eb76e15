//! Chores of the project.

use std::process::ExitCode;

mod anomaly;
mod bench;
mod new_rule;
mod oracle;
mod rule_lists;
mod score;
mod test;
mod tidy;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((chore, [])) if chore == "anomaly" => anomaly::run(),
        Some((chore, rest)) if chore == "bench" => bench::run(rest),
        Some((chore, rest)) if chore == "new-rule" => new_rule::run(rest),
        Some((chore, rest)) if chore == "oracle" => oracle::run(rest),
        Some((chore, rest)) if chore == "score" => score::run(rest),
        Some((chore, rest)) if chore == "test" => test::run(rest),
        Some((chore, [])) if chore == "tidy" => tidy::run(),
        _ => {
            eprintln!(
                "usage: cargo xtask anomaly | bench … | new-rule FAMILY NAME | oracle … | score … | test … | tidy"
            );
            ExitCode::from(2)
        }
    }
}
