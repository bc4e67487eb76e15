//! nft and the kernel as judge: a rule set, its listing and its JSON listing mean the same.

use crate::fixtures::files;
use crate::shape;
use std::path::Path;
use std::process::Command;
use ww_base::{Limits, SourceId};
use ww_import::nft::{NoIncludes, read, read_json};

/// Rule sets whose JSON lacks what decides: nft 1.0 leaves out the devices of ingress and egress
/// chains, and that a table is dormant.
const JSON_SAYS_LESS: &[&str] = &["dormant", "inet_ingress", "netdev", "netdev_egress"];

/// What the kernel makes of a rule set: `nft list ruleset` and `nft -j list ruleset`, from a
/// network namespace of its own.
fn listings(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let script = "nft -f \"$1\" && nft list ruleset && printf '\\001' && nft -j list ruleset";
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", script, "sh"])
        .arg(path)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        path.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let cut = output.stdout.iter().position(|byte| *byte == 1).unwrap();
    let (text, json) = output.stdout.split_at(cut);
    (text.to_vec(), json[1..].to_vec())
}

/// Whether nft can be run in a network namespace; under CI it must be.
fn nft_is_there() -> bool {
    let possible = Command::new("unshare")
        .args(["--map-root-user", "--net", "nft", "list", "ruleset"])
        .output()
        .is_ok_and(|output| output.status.success());
    assert!(
        possible || std::env::var_os("CI").is_none(),
        "nft and network namespaces must be there under CI"
    );
    if !possible {
        eprintln!("NOT RUN: nft cannot be run in a network namespace here");
    }
    possible
}

#[test]
fn text_listing_and_json_give_the_same_model() {
    if !nft_is_there() {
        return;
    }
    let limits = Limits::default();
    let mut wrong = Vec::new();
    let files = files("testdata/nft");
    assert!(files.len() >= 60);
    for path in &files {
        let written = std::fs::read(path).unwrap();
        let (listed, json) = listings(path);
        let of_written = read(SourceId(0), &written, &mut NoIncludes, &limits);
        let of_listed = read(SourceId(0), &listed, &mut NoIncludes, &limits);
        let of_json = read_json(SourceId(0), &json, &limits);
        let name = path.file_stem().unwrap().to_str().unwrap();
        for (what, other) in [("listing", &of_listed), ("JSON", &of_json)] {
            if what == "JSON" && JSON_SAYS_LESS.contains(&name) {
                continue;
            }
            let (ours, theirs) = (shape::lines(&of_written.value), shape::lines(&other.value));
            for (left, right) in ours
                .iter()
                .zip(&theirs)
                .filter(|(left, right)| left != right)
            {
                wrong.push(format!(
                    "{} and its {what}:\n  {left}\n  {right}",
                    path.display()
                ));
            }
            if ours.len() != theirs.len() {
                wrong.push(format!(
                    "{} and its {what} differ in length",
                    path.display()
                ));
            }
        }
        let texts = [
            (&of_written, &written),
            (&of_listed, &listed),
            (&of_json, &json),
        ];
        for (read, text) in texts {
            for problem in &read.problems {
                let allowed = problem.kind == ww_base::ProblemKind::Unsupported
                    && problem.message.contains("decides about frames");
                if !allowed {
                    wrong.push(format!(
                        "{}: {}",
                        path.display(),
                        shape::problem(text, problem)
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
