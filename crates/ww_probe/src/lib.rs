//! Walks a live endpoint layer by layer and writes down what it answers.
//!
//! [`walk`] puts questions to a [`Target`](ww_evidence::transcript::Target) and returns a
//! [`Transcript`](ww_evidence::transcript::Transcript): facts, no judgement. Every layer is tried at every
//! address, whatever became of the others, so that one failure never hides another. It is the only crate
//! that opens sockets to the world outside, and it is polite: few packets, one question at a time and
//! address, nothing but the target, its names and the path to it.

#![expect(
    clippy::disallowed_methods,
    reason = "probes are real: they open sockets, read how this host resolves names, and live in real time"
)]

mod apply;
mod binding;
mod dice;
mod dns;
mod http;
mod inquiry;
mod namespace;
mod options;
mod recorder;
mod series;
mod tap;
mod target;
mod tcp;
mod tls;
mod unanswered;
mod walk;

pub use dice::spacing;
pub use dns::{EncryptedServer, NameServer, TrustAnchorError, TrustAnchors, validate_answers};
pub use namespace::NetworkNamespace;
pub use options::{Depth, Families, Options};
pub use target::{TargetError, parse_target};
pub use tls::read_certificates;
pub use walk::{survey_tls, validate_name, walk};
