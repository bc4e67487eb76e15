//! Chores of the project.

use std::process::ExitCode;

mod bench;
mod tidy;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((chore, rest)) if chore == "bench" => bench::run(rest),
        Some((chore, [])) if chore == "tidy" => tidy::run(),
        _ => {
            eprintln!("usage: cargo xtask bench … | tidy");
            ExitCode::from(2)
        }
    }
}
