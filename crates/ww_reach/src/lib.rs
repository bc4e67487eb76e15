//! Who can reach whom, with which packets, decided by which line.

mod address;
pub mod answer;
pub mod device;
pub mod kube;
pub mod map;
pub mod mutants;
pub mod network;
pub mod question;
pub mod symbolic;
pub mod walk;
