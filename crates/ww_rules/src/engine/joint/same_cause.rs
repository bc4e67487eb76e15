//! The same cause at the same server, seen in a capture and by a walk: one finding.

use crate::Subject;
use crate::engine::{Told, order};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use ww_base::Locus;
use ww_evidence::transcript::{Seen, Transcript, address_of};
use ww_evidence::{Capture, Endpoint};
use ww_finding::{Exhibit, Support};

/// Findings over captures and those over walks, those about the same cause at the same servers as one.
pub(in crate::engine) fn joined(
    captures: &[Capture],
    walks: &[Transcript],
    (mut seen, probed): (Vec<Told>, Vec<Told>),
    room: usize,
) -> Vec<Told> {
    for told in probed {
        let servers = walked(walks, &told);
        let same = seen.iter_mut().find(|other| {
            let shown = captured(captures, other);
            let are_same =
                !shown.is_empty() && (shown.is_subset(&servers) || servers.is_subset(&shown));
            other.finding.rule == told.finding.rule && !servers.is_empty() && are_same
        });
        match same {
            Some(other) => one(other, told, room),
            None => seen.push(told),
        }
    }
    seen
}

/// The servers that a capture's finding is about.
fn captured(captures: &[Capture], told: &Told) -> BTreeSet<Endpoint> {
    let Some(capture) = captures.iter().find(|one| one.source == told.source) else {
        return BTreeSet::new();
    };
    let server = |subject: &Subject| match *subject {
        Subject::Tcp(index) => capture.tcp.get(index as usize).map(|flow| flow.server),
        Subject::Dns(index) => {
            let asked = capture.dns.transactions.get(index as usize);
            asked.map(|transaction| transaction.server)
        }
        _ => None,
    };
    told.subjects.iter().filter_map(server).collect()
}

/// The servers that a walk's finding is about.
fn walked(walks: &[Transcript], told: &Told) -> BTreeSet<Endpoint> {
    let Some(walk) = walks.iter().find(|one| one.source == told.source) else {
        return BTreeSet::new();
    };
    let steps = walk
        .steps
        .iter()
        .filter(|step| told.subjects.contains(&Subject::Step(step.number)));
    let server = |seen: &Seen| match seen {
        Seen::Lookup(lookup) => lookup.via.server(),
        other => address_of(other),
    };
    let servers = steps.filter_map(|step| server(&step.seen));
    servers
        .map(|server| Endpoint {
            addr: server.ip(),
            port: server.port(),
        })
        .collect()
}

/// Makes two findings one: the more important tells it, and shows the other's exhibits too.
fn one(first: &mut Told, mut other: Told, room: usize) {
    if order::by_importance(&other.finding, &first.finding) == Ordering::Less {
        std::mem::swap(first, &mut other);
    }
    let told = match other.finding.exhibits.first().map(|exhibit| &exhibit.at) {
        Some(Locus::Probe { .. }) => "seen from here too",
        _ => "the capture shows it too",
    };
    let (finding, other) = (&mut first.finding, other.finding);
    finding.headline = format!("{}; {told}", finding.headline.trim_end_matches('.'));
    finding.count += other.count;
    finding.lost += other.lost;
    finding.support = Support::Corroborated;
    // The primary exhibit of each before anyone's second.
    let mut others: Vec<Exhibit> = other.exhibits;
    let rest = others.split_off(others.len().min(1));
    let at = finding.exhibits.len().min(1);
    finding.exhibits.splice(at..at, others);
    finding.exhibits.extend(rest);
    finding.exhibits.truncate(room);
}
