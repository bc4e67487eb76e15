//! The *declared* network, without a vendor's word in it.
//!
//! Importers lower what they read into these types; the questions about reachability are asked of
//! nothing else. Ids are indices into vectors, so that equal inputs give equal models.

mod append;
pub mod filter;
pub mod kube;
mod model;
pub mod net;
pub mod packet;
pub mod ranges;
pub mod service;

pub use model::{Device, Model};
pub use packet::Packet;
pub use ranges::Ranges;
