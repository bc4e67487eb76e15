//! Chores of the project.

use std::process::ExitCode;

mod bench;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((chore, rest)) if chore == "bench" => bench::run(rest),
        _ => {
            eprintln!("usage: cargo xtask bench …");
            ExitCode::from(2)
        }
    }
}
