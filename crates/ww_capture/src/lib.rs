//! Packet captures to evidence: reader, decoder, flow table, TCP machine.

pub mod decode;
pub mod reader;
