//! Readers of the files that firewalls, networks and services are declared in.
//!
//! Every reader takes bytes and gives a [`Partial`](ww_base::Partial): what it understood, and the
//! problems it met, each with its place. No input makes a reader fail. What a reader does not
//! understand stays in the model as an unknown, so that no answer is wrong in silence.
//!
//! One module reads one format; readers do not know of one another.

mod address;
mod application;
mod compose;
mod database;
pub mod defaults;
mod dockerfile;
mod document;
mod embedded;
mod envoy;
mod facts;
mod gateway_api;
mod gather;
mod haproxy;
mod host;
mod include;
mod ingress;
pub mod iproute;
pub mod ipset;
pub mod iptables;
mod istio;
mod json;
pub mod kube;
mod missing;
mod names;
pub mod nft;
pub mod nginx;
mod recognise;
mod service;
pub mod sets;
mod spring;
mod text;
pub mod wireguard;
mod workload;

#[cfg(test)]
mod fixture;

pub use gather::{Gathered, Text, gather};
pub use recognise::{Format, recognise};
