//! Makes a disagreement small enough to understand.

use super::generate::first_state;
use super::judge::{self, Mismatch};
use super::oracle::{Disagreement, Trial};
use super::router::{INTERFACES, Router};
use crate::error::LabError;
use std::fmt::Write as _;
use ww_model::Packet;
use ww_model::filter::Hook;
use ww_model::packet::protocol;

/// The smallest rule set and the plainest packet that still show the first disagreement.
///
/// # Errors
/// [`LabError::Io`] when the router is gone.
pub fn shrink(router: &mut Router, disagreement: &Disagreement) -> Result<Disagreement, LabError> {
    let mut small = disagreement.clone();
    if let Some(mismatch) = disagreement.mismatches.first() {
        small.trial.packets = vec![mismatch.packet.clone()];
    }
    if let Some(found) = attempt(router, &small.trial)? {
        small = found;
    } else {
        // It takes more than one packet; the rules alone are made fewer.
        small.trial.packets.clone_from(&disagreement.trial.packets);
    }
    drop_rules(router, &mut small)?;
    simplify_packet(router, &mut small)?;
    Ok(small)
}

/// Leaves out rules, many at once first.
fn drop_rules(router: &mut Router, small: &mut Disagreement) -> Result<(), LabError> {
    let mut stride = small.trial.case.lines.len().next_power_of_two() / 2;
    while stride > 0 {
        let mut at = 0;
        while at < small.trial.case.lines.len() {
            let mut fewer = small.trial.clone();
            let mut number = 0;
            fewer.case.lines.retain(|line| {
                let inside = (at..at + stride).contains(&number);
                number += 1;
                !(inside && line.is_rule)
            });
            let is_fewer = fewer.case.lines.len() < small.trial.case.lines.len();
            match attempt(router, &fewer)? {
                Some(found) if is_fewer => *small = found,
                _ => at += stride,
            }
        }
        stride /= 2;
    }
    Ok(())
}

/// Gives the packet plain values where they show the same.
fn simplify_packet(router: &mut Router, small: &mut Disagreement) -> Result<(), LabError> {
    const PLAIN: [fn(&mut Packet); 7] = [
        |packet| packet.tcp_flags = if packet.proto == protocol::TCP { 2 } else { 0 },
        |packet| packet.icmp_code = 0,
        |packet| packet.sport = if packet.sport == 0 { 0 } else { 40_000 },
        |packet| packet.dport = if packet.dport == 0 { 0 } else { 80 },
        |packet| packet.src = plain_address(packet, 1),
        |packet| packet.dst = plain_address(packet, 2),
        |packet| {
            if let (false, Some(first)) = (packet.iif.is_empty(), INTERFACES.first()) {
                packet.iif = (*first).into();
            }
        },
    ];
    for change in PLAIN {
        let mut plainer = small.trial.clone();
        let [packet] = plainer.packets.as_mut_slice() else {
            return Ok(());
        };
        let dst = packet.dst;
        change(packet);
        if small.trial.case.hook == Hook::Input {
            packet.dst = dst;
        }
        packet.ct_state = first_state(packet);
        if let Some(found) = attempt(router, &plainer)? {
            *small = found;
        }
    }
    Ok(())
}

fn plain_address(packet: &Packet, last: u8) -> std::net::IpAddr {
    if packet.src.is_ipv4() {
        [10, 0, 0, last].into()
    } else {
        [0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)].into()
    }
}

/// The trial run again; `None` when it shows no disagreement, or its rules are refused.
fn attempt(router: &mut Router, trial: &Trial) -> Result<Option<Disagreement>, LabError> {
    match judge::load(router, &trial.case) {
        Err(LabError::Program { .. }) => return Ok(None),
        other => other?,
    }
    let observed = judge::observe(router, trial.case.hook, &trial.packets)?;
    let rules = judge::import(&trial.case);
    let (mismatches, _) = judge::compare(&rules.value, trial.case.hook, &trial.packets, &observed);
    let trial = Trial {
        observed,
        ..trial.clone()
    };
    Ok((!mismatches.is_empty()).then_some(Disagreement { trial, mismatches }))
}

/// A disagreement as a text that can be kept as a fixture.
pub fn report(disagreement: &Disagreement) -> String {
    let Disagreement { trial, mismatches } = disagreement;
    let case = &trial.case;
    let mut text = String::new();
    let version = if case.v6 { "IPv6" } else { "IPv4" };
    let _ = writeln!(
        text,
        "seed {} of {}, {version} {:?}: {} of {} packets disagree",
        trial.seed,
        case.backend.name(),
        case.hook,
        mismatches.len(),
        trial.packets.len()
    );
    text.push_str(&case.sets_text());
    text.push_str(&case.text());
    let rules = judge::import(case);
    for problem in &rules.problems {
        let _ = writeln!(text, "problem: {}", problem.message);
    }
    for unknown in &rules.value.unknowns {
        let _ = writeln!(text, "unknown: {}", unknown.text);
    }
    let shown: Vec<String> = mismatches.iter().take(3).map(Mismatch::to_string).collect();
    text.push_str(&shown.join("\n"));
    text.push('\n');
    text
}
