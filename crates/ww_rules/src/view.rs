//! What a rule sees: one capture, how far to trust it, and helpers to point at frames.

use crate::Trust;
use crate::roster::{Roster, Trait};
use crate::shared::Shared;
use std::net::IpAddr;
use ww_base::{FrameRange, Limits, Locus};
use ww_evidence::{Capture, Mark, TcpFlow};
use ww_finding::Exhibit;

use crate::Subject;

/// One capture of a consultation.
#[derive(Debug)]
pub struct View<'a> {
    /// What was observed.
    pub capture: &'a Capture,
    /// How far it can be trusted.
    pub trust: Trust,
    /// The bounds in force.
    pub limits: &'a Limits,
    /// What rules work out about the whole capture.
    pub(crate) shared: Shared<'a>,
}

impl<'a> View<'a> {
    /// Judges the capture and makes it ready for rules.
    pub fn new(capture: &'a Capture, limits: &'a Limits) -> View<'a> {
        View {
            capture,
            trust: Trust::of(capture),
            limits,
            shared: Shared::default(),
        }
    }

    /// Every connection with its subject.
    pub fn flows(&self) -> impl Iterator<Item = (Subject, &'a TcpFlow)> {
        self.capture
            .tcp
            .iter()
            .enumerate()
            .map(|(index, flow)| (Subject::Tcp(index as u32), &**flow))
    }

    /// The connections that show this, with their subjects.
    pub(crate) fn flows_that_are(
        &self,
        one: Trait,
    ) -> impl Iterator<Item = (Subject, &'a TcpFlow)> {
        let shown = self.roster().connections();
        shown
            .filter(move |(_, row)| row.is(one))
            .filter_map(|(subject, _)| Some((subject, self.flow(subject)?)))
    }

    /// The connections of these hosts, with their subjects.
    pub(crate) fn flows_of(
        &self,
        hosts: Vec<IpAddr>,
    ) -> impl Iterator<Item = (Subject, &'a TcpFlow)> {
        let roster = self.roster();
        let mut concerned = vec![false; roster.hosts.listed().len()];
        for (number, _) in hosts.into_iter().filter_map(|addr| roster.host(addr)) {
            if let Some(host) = concerned.get_mut(number as usize) {
                *host = true;
            }
        }
        let is = move |number: u32| concerned.get(number as usize) == Some(&true);
        let shown = roster.connections();
        shown
            .filter(move |(_, row)| is(row.client) || is(row.server))
            .filter_map(|(subject, _)| Some((subject, self.flow(subject)?)))
    }

    /// Who takes part in the connections.
    pub(crate) fn roster(&self) -> &Roster {
        self.shared.roster.get_or_init(|| Roster::of(self.capture))
    }

    /// The connection that a subject names.
    pub fn flow(&self, subject: Subject) -> Option<&'a TcpFlow> {
        match subject {
            Subject::Tcp(index) => self.capture.tcp.get(index as usize).map(AsRef::as_ref),
            _ => None,
        }
    }

    /// Points at frames of a connection.
    pub fn in_flow(
        &self,
        flow: &TcpFlow,
        first: u64,
        last: u64,
        says: impl Into<String>,
    ) -> Exhibit {
        self.frames(first, last, flow.filter(), says)
    }

    /// Points at one frame of a connection.
    pub fn at(&self, flow: &TcpFlow, mark: Mark, says: impl Into<String>) -> Exhibit {
        self.in_flow(flow, mark.frame(), mark.frame(), says)
    }

    /// Points at frames with a Wireshark display filter of the caller's; the filter must be valid
    /// and select the first and the last of them.
    pub fn frames(
        &self,
        first: u64,
        last: u64,
        filter: impl Into<String>,
        says: impl Into<String>,
    ) -> Exhibit {
        Exhibit {
            at: Locus::Frames(FrameRange {
                source: self.capture.source,
                first: first.min(last),
                last: last.max(first),
                filter: filter.into(),
            }),
            says: says.into(),
        }
    }

    /// Points at the capture as a whole, where what matters is an absence.
    pub fn whole(&self, says: impl Into<String>) -> Exhibit {
        Exhibit {
            at: Locus::Whole(self.capture.source),
            says: says.into(),
        }
    }
}
