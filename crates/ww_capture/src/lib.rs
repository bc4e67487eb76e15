//! Packet captures to evidence: reader, decoder, flow table, TCP machine.
//!
//! [`analyse`] reads a capture of any size in one pass and says what it shows; [`labels`] gives
//! Wireshark's TCP analysis flags frame by frame.

mod analysis;
mod aside;
mod relay;

pub mod decode;
pub mod dns;
pub mod net;
pub mod reader;
pub mod tcp;
pub mod write;

pub use analysis::{Analysis, analyse, labels};
pub use reader::ReadError;
pub use tcp::{FrameLabels, Labels};
