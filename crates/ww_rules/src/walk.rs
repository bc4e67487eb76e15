//! What a rule sees of a live endpoint: the transcript, and helpers to point at its steps.

use crate::Subject;
use std::net::SocketAddr;
use ww_base::{Limits, Locus};
use ww_evidence::transcript::{Step, Target, Transcript};
use ww_finding::Exhibit;

/// One probed endpoint of a consultation.
#[derive(Debug)]
pub struct Walk<'a> {
    /// What was observed.
    pub transcript: &'a Transcript,
    /// The bounds in force.
    pub limits: &'a Limits,
}

impl<'a> Walk<'a> {
    /// Makes a transcript ready for rules.
    pub fn new(transcript: &'a Transcript, limits: &'a Limits) -> Walk<'a> {
        Walk { transcript, limits }
    }

    /// What was probed.
    pub fn target(&self) -> &'a Target {
        &self.transcript.head.target
    }

    /// The step that a subject names.
    pub fn step(&self, subject: Subject) -> Option<&'a Step> {
        match subject {
            Subject::Step(number) => self
                .transcript
                .steps
                .iter()
                .find(|step| step.number == number),
            _ => None,
        }
    }

    /// Points at a step.
    pub fn at(&self, step: &Step, says: impl Into<String>) -> Exhibit {
        Exhibit {
            at: Locus::Probe {
                source: self.transcript.source,
                step: step.number,
            },
            says: says.into(),
        }
    }

    /// The addresses to which a connection could be opened, in the order in which they were tried.
    pub fn open_addresses(&self) -> Vec<SocketAddr> {
        use ww_evidence::transcript::ConnectOutcome::Open;
        let mut open = Vec::new();
        for (_, connect) in self.transcript.connects() {
            if let Some(to) = connect.to
                && connect.outcome == Open
                && !connect.control
                && !open.contains(&to)
            {
                open.push(to);
            }
        }
        open
    }
}
