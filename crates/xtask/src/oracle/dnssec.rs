//! `cargo xtask oracle dnssec`: verdicts on signed and broken zones against delv's, through the same resolver, and
//! our reasons against the faults that were planted and the extended errors of unbound. DNSViz is a second judge that asks
//! the zones' own server: where it differs or comes to no verdict, that is printed and counted, and is no failure of ours.

#![expect(
    clippy::disallowed_methods,
    reason = "a chore starts servers and programs, and waits for them"
)]

use super::dnsviz::{self, Said};
use anyhow::{Context as _, Result, anyhow, ensure};
use std::net::SocketAddr;
use std::process::Command;
use ww_evidence::transcript::{SecurityVerdict, Validation};
use ww_lab::namespace::Namespace;
use ww_lab::signed::{self, Case, Tree};
use ww_probe::{Options, TrustAnchors, validate_name};

/// Where the server of the zones listens.
const AUTHORITY: &str = "127.0.0.2";

/// Where the resolver listens.
const RESOLVER: &str = "127.0.0.1";

/// Cases on which both must say something and the same.
const LEAST: usize = 13;

/// Compares; the number of questions on which anything differs.
pub(super) fn run() -> Result<usize> {
    ww_lab::namespace::sweep();
    let folder = tempfile::tempdir()?;
    let namespace = Namespace::create("dnssec")?;
    namespace.command("ip link set lo up")?;
    // BIND listens at addresses of interfaces alone.
    namespace.command(&format!("ip addr add {AUTHORITY}/32 dev lo"))?;
    let tree = Tree::sign(folder.path(), AUTHORITY, "192.0.2.80", &signed::zones())?;
    let _authority = signed::authority(&namespace, &tree)?;
    let _resolver = signed::unbound(&namespace, &tree, RESOLVER)?;
    let anchors = std::fs::read_to_string(tree.anchor())?;
    let options = Options {
        trust_anchors: TrustAnchors::parse(&anchors)?,
        ..Options::default()
    };
    let server: SocketAddr = format!("{RESOLVER}:53").parse()?;
    let cases = signed::cases();
    let (mut wrong, mut same_code, mut codes) = (0, 0, 0);
    let mut by_dnsviz = dnsviz::is_there()?.then(Second::default);
    println!(
        "{:32} {:14} {:30} {:14} {:14} unbound",
        "question", "verdict", "reason", "delv", "dnsviz"
    );
    for case in &cases {
        // Before it has learned from questions that it shall not judge.
        let code = extended_error(&namespace, case)?;
        let ours = namespace.run(|| validate_name(case.name, case.kind, server, &options))??;
        let theirs = delv(&namespace, &tree, case)?;
        let second = match &mut by_dnsviz {
            Some(second) => {
                let said = dnsviz::judge(&namespace, &tree, case, folder.path())?;
                second.count(word(ours.verdict), &said);
                Some(said)
            }
            None => None,
        };
        let differences = differences(case, &ours, &theirs);
        println!(
            "{:32} {:14} {:30} {:14} {:14} {}",
            format!("{} {}", case.name, case.kind),
            word(ours.verdict),
            reason(&ours),
            theirs,
            second.as_ref().map_or("", Said::word),
            code.map(|code| format!("EDE {code}")).unwrap_or_default()
        );
        for difference in &differences {
            println!("  DIFFERS: {difference}");
        }
        match &second {
            Some(Said::Stopped(why)) => println!("  dnsviz comes to no verdict: {why}"),
            Some(Said::Verdict(verdict)) if *verdict != word(ours.verdict) => {
                println!("  DNSVIZ DIFFERS: it says {verdict}");
            }
            _ => {}
        }
        wrong += usize::from(!differences.is_empty());
        if let (Some(code), Some(reason)) = (code, &ours.reason) {
            codes += 1;
            same_code += usize::from(reason.kind.extended_error() == code);
        }
    }
    println!(
        "{} questions, {wrong} differ; unbound gives an extended error for {codes}, ours is the same for {same_code}",
        cases.len()
    );
    if let Some(second) = &by_dnsviz {
        second.tell()?;
    }
    ensure!(
        cases.len() - wrong >= LEAST || wrong > 0,
        "fewer than {LEAST} questions were compared"
    );
    Ok(wrong)
}

/// How the verdicts of a second judge compare.
#[derive(Debug, Default)]
struct Second {
    same: usize,
    others: usize,
    none: usize,
}

impl Second {
    fn count(&mut self, ours: &str, said: &Said) {
        match said {
            Said::Verdict(verdict) if *verdict == ours => self.same += 1,
            Said::Verdict(_) => self.others += 1,
            Said::Stopped(_) => self.none += 1,
        }
    }

    /// Prints the sum. A judge that hardly judges is none.
    fn tell(&self) -> Result<()> {
        println!(
            "dnsviz says the same of {}, something else of {}, and nothing of {}",
            self.same, self.others, self.none
        );
        ensure!(
            self.same >= LEAST,
            "dnsviz agrees on fewer than {LEAST} questions"
        );
        Ok(())
    }
}

/// What is not as it must be.
fn differences(case: &Case, ours: &Validation, theirs: &str) -> Vec<String> {
    let mut differences = Vec::new();
    if word(ours.verdict) != theirs {
        differences.push(format!("delv says {theirs}"));
    }
    if word(ours.verdict) != case.verdict {
        differences.push(format!("planted is {}", case.verdict));
    }
    if reason(ours) != case.reason {
        differences.push(format!("the reason must be {:?}", case.reason));
    }
    differences
}

fn word(verdict: SecurityVerdict) -> &'static str {
    match verdict {
        SecurityVerdict::Secure => "secure",
        SecurityVerdict::Insecure => "insecure",
        SecurityVerdict::Bogus => "bogus",
        SecurityVerdict::Indeterminate => "indeterminate",
    }
}

/// The reason as transcripts write it.
fn reason(validation: &Validation) -> String {
    let kind = validation.reason.as_ref().map(|reason| reason.kind);
    let written = kind.and_then(|kind| serde_json::to_value(kind).ok());
    let word = written.as_ref().and_then(serde_json::Value::as_str);
    word.unwrap_or_default().to_owned()
}

/// delv's verdict, with the same anchor and through the same resolver.
fn delv(namespace: &Namespace, tree: &Tree, case: &Case) -> Result<String> {
    let anchor = tree.anchor_for_bind().display().to_string();
    let server = format!("@{RESOLVER}");
    let output = namespace
        .run(|| {
            Command::new("delv")
                .args([&server, "-a", &anchor, "+root=.", case.name, case.kind])
                .output()
        })?
        .context("start delv (Debian: bind9-dnsutils)")?;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let verdict = if said.contains("fully validated") {
        "secure"
    } else if said.contains("unsigned answer") {
        "insecure"
    } else if said.contains("resolution failed") {
        "bogus"
    } else {
        return Err(anyhow!("delv says of {}: {said}", case.name));
    };
    // An alias may lead from a signed answer to one that is not.
    if verdict == "secure" && said.contains("unsigned answer") {
        return Ok("insecure".to_owned());
    }
    Ok(verdict.to_owned())
}

/// The extended error that unbound gives, where it judges.
fn extended_error(namespace: &Namespace, case: &Case) -> Result<Option<u16>> {
    let server = format!("@{RESOLVER}");
    let output = namespace
        .run(|| {
            Command::new("dig")
                .args([&server, case.name, case.kind, "+dnssec", "+tries=1"])
                .output()
        })?
        .context("start dig (Debian: bind9-dnsutils)")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let code = said
        .lines()
        .find_map(|line| line.split_once("; EDE: "))
        .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    Ok(code)
}
