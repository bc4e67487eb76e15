//! Network-namespace topologies with a labelled, faulty link: labs for users, oracles for tests.
//!
//! [`link`] is the link itself, without clock or socket: frames in with a time, frames out with a time, and a
//! [`truth`] log of every packet it harmed. [`world`] puts it between two network
//! namespaces, in real time. A [`scenario`] adds hosts with habits and says what a capture of it must show; [`run`]
//! makes the capture. An [`endpoint`] is a real server with one fault, for whoever walks it; zones that it needs are
//! [`signed`].

#![expect(
    clippy::disallowed_methods,
    reason = "the lab is real: it starts programs, opens sockets and lives in real time"
)]

pub mod artefact;
pub mod capture;
pub mod checksum;
pub mod endpoint;
pub mod error;
pub mod forge;
pub mod kernel;
pub mod link;
pub mod namespace;
pub mod packet;
pub mod pcap;
pub mod process;
pub mod proof;
pub mod proxy;
pub mod race;
pub mod rng;
pub mod run;
pub mod scenario;
pub mod scenarios;
pub mod signed;
pub mod stale;
pub mod total_time;
pub mod traffic;
pub mod truth;
mod unbound;
pub mod wire;
pub mod world;
