//! The rules, and the engine that runs them and accounts for every one.
//!
//! A rule is declared once, in a file of its own with its page beside it, and listed in [`RULES`].
//! A rule over captures works in two steps: `detect` reports [`Sighting`]s, connection by
//! connection; the engine lets the sighting that explains another one stand and drops the other
//! (one cause per symptom), groups what remains, and asks `tell` for the sentence about each group.
//! A rule judges a live endpoint in the same two steps, `sight` and `say`, over a transcript.
//! A rule over files works in one: `check` reports stories about what is declared.

mod catalogue;
mod declared;
mod engine;
mod load;
mod many;
mod mend;
mod mesh_hosts;
mod operand;
mod pages;
mod roster;
mod rule;
mod shared;
mod sighting;
mod trust;
mod view;
mod walk;

pub mod app;
pub mod balancing;
pub mod breakers;
pub mod capture;
pub mod dns;
pub mod drain;
pub mod exposure;
pub mod filters;
pub mod health;
pub mod http;
pub mod keepalive;
pub mod kernel;
pub mod kube;
pub mod limits;
pub mod mesh;
pub mod names;
pub mod net;
pub mod pools;
pub mod references;
pub mod retries;
pub mod routes;
pub mod streams;
pub mod tcp;
pub mod timeouts;
pub mod tls;
pub mod tls_config;
pub mod traps;

pub use catalogue::{RULES, find};
pub use declared::{Declared, Reports};
pub use engine::{Joint, consult, consult_jointly, judge, review};
pub use rule::{
    Answering, CertificateOnDisk, Difference, Differences, IdleEnd, Probe, RenewedCertificate,
    Rule, Story, Work, named_certificates,
};
pub use sighting::{Sighting, Sightings, Subject};
pub use trust::Trust;
pub use view::View;
pub use walk::Walk;
