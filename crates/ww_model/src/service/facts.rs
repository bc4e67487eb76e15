//! What a team states because no file says it (`wirewise.toml`).

use super::{Program, Version};
use ww_base::{Setting, SourceSpan, Sourced, Span};

/// Statements of the team.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Versions of products, by component.
    pub versions: Vec<(String, Sourced<Version>)>,
    /// Devices between a caller and whom it calls that watch connections without ending them.
    pub middleboxes: Vec<Middlebox>,
    /// What callees have to bear and callers expect.
    pub demands: Vec<Demand>,
    /// Programs and load balancers that no file configures, and settings of those that one does.
    pub programs: Vec<Program>,
    /// Other names of a program: the name that callers use, and the program's.
    pub names: Vec<(Sourced<String>, Sourced<String>)>,
}

/// A device that watches connections: NAT gateway, firewall, L4 load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct Middlebox {
    /// Where it is stated.
    pub at: SourceSpan,
    /// What it is called.
    pub name: String,
    /// A connection without traffic is forgotten after this.
    pub idle: Setting<Span>,
    /// What happens to packets of a connection that was forgotten.
    pub then: Setting<Silence>,
    /// Callers whose calls pass it; empty for all.
    pub from: Vec<String>,
    /// Callees that are reached through it; empty for all.
    pub to: Vec<String>,
}

/// What a device does with packets of a connection that it has forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Silence {
    /// It drops them.
    Drop,
    /// It answers with a reset.
    Reset,
}

/// What a program has to bear.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// Where it is stated.
    pub at: Option<SourceSpan>,
    /// The program's name.
    pub name: String,
    /// Requests per second, at their peak, over all instances.
    pub per_second: Setting<f64>,
    /// How long a request takes in the mean.
    pub mean: Setting<Span>,
    /// How long 99 of 100 requests take at most.
    pub p99: Setting<Span>,
    /// How long the longest request may honestly take.
    pub longest: Setting<Span>,
    /// How long it takes to start.
    pub start: Setting<Span>,
    /// Within what time callers want an answer.
    pub target: Setting<Span>,
    /// How long a failed instance may stay unnoticed.
    pub detect: Setting<Span>,
    /// Requests per second that it can do.
    pub most_per_second: Setting<f64>,
    /// Whether requests may be carried out twice: they carry an idempotency key.
    pub is_idempotent: Setting<bool>,
}
