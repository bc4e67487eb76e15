//! One consultation over captures, walks and files: where they tell of the same connections or the same server, each
//! finding shows what the other one stands on.

mod addresses;
mod certificates;
mod held;
mod idle;
mod lines;
mod measured;
mod same_cause;
mod servers;

use super::declared::{review_declared, review_differences};
use super::walks::{add_all, observe_walks};
use super::{Told, observe, order, outcomes};
use crate::{CertificateOnDisk, Declared, Work};
use addresses::Addresses;
use idle::{Meeting, join, meeting};
use ww_base::{Gap, Limits, Order};
use ww_evidence::Capture;
use ww_evidence::transcript::Transcript;
use ww_finding::{Finding, Outcome};
use ww_model::Model;

/// What the rules say about captures, walks and files together.
#[derive(Debug)]
pub struct Joint {
    /// Findings in order of importance.
    pub findings: Vec<Finding>,
    /// The outcome of every rule, in the order of the catalogue.
    pub outcomes: Vec<(&'static str, Outcome)>,
    /// What could not be joined without guessing.
    pub gaps: Vec<Gap>,
}

/// Runs all rules over captures, over walks and over what files declare, and joins what they find. The texts are
/// those that the model was read from; their sources are behind those of captures and walks. The certificates are those
/// that the model names.
pub fn consult_jointly(
    captures: &[Capture],
    walks: &[Transcript],
    model: &Model,
    limits: &Limits,
    texts: &[&str],
    certificates: &[CertificateOnDisk],
) -> Joint {
    let (seen, mut rule_gaps) = observe(captures, limits);
    let (probed, more_gaps) = observe_walks(walks, limits);
    add_all(&mut rule_gaps, more_gaps);
    let mut seen = self::seen(captures, walks, (seen, probed), limits);
    let declared = Declared::new(model, limits, texts);
    let (mut written, more_gaps) = review_declared(&declared);
    add_all(&mut rule_gaps, more_gaps);
    let known = Addresses::of(model, captures, walks);
    let mut gaps = Vec::new();
    for told in &mut seen {
        let Some(end) = &told.idle_end else { continue };
        match meeting(&declared, &known, end) {
            Meeting::One(hop) => join(&declared, (hop, end), &mut told.finding, &mut written),
            Meeting::Open(gap) => gaps.push(gap),
            Meeting::None => {}
        }
    }
    let measures = measured::all(walks);
    let mut held = held::hold(&declared, &known, &measures, &mut seen, &mut written);
    certificates::hold(
        &declared,
        &known,
        &measures,
        certificates,
        &mut held,
        &mut seen,
    );
    gaps.extend(held.gaps);
    let (differing, more_gaps) = review_differences(&held.differences, limits);
    add_all(&mut rule_gaps, more_gaps);
    let mut findings: Vec<Finding> = seen.into_iter().map(|told| told.finding).collect();
    findings.append(&mut written);
    findings.extend(differing);
    findings.put_in_order_by(order::by_importance);
    let outcomes = outcomes(&findings, rule_gaps, |rule| {
        !walks.is_empty() || !matches!(rule.work, Work::Probed | Work::Compared { .. })
    });
    Joint {
        findings,
        outcomes,
        gaps,
    }
}

/// Findings over captures and walks, joined where both show the same.
pub(super) fn seen(
    captures: &[Capture],
    walks: &[Transcript],
    told: (Vec<Told>, Vec<Told>),
    limits: &Limits,
) -> Vec<Told> {
    let room = limits.exhibits_per_finding as usize;
    let mut seen = same_cause::joined(captures, walks, told, room);
    held::corroborate(&measured::all(walks), &mut seen, room);
    seen
}
