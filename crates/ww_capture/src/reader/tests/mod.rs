//! The reader against captures built here, byte by byte.

mod batches;
mod compressed;
mod pcap;
mod pcapng;
mod robust;

use std::io::Read;

use ww_base::{Limits, Moment, Problem, SourceId};

use super::{CaptureReader, Interface, LinkType, Notes, ReadError};

/// A byte order to write numbers in.
#[derive(Clone, Copy, Debug)]
enum Order {
    Little,
    Big,
}

const BOTH: [Order; 2] = [Order::Little, Order::Big];

/// Bytes being put together in one byte order.
struct Bytes {
    order: Order,
    bytes: Vec<u8>,
}

impl Bytes {
    fn new(order: Order) -> Bytes {
        Bytes {
            order,
            bytes: Vec::new(),
        }
    }

    fn u16(mut self, value: u16) -> Bytes {
        self.bytes.extend(match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        });
        self
    }

    fn u32(mut self, value: u32) -> Bytes {
        self.bytes.extend(match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        });
        self
    }

    fn u64(mut self, value: u64) -> Bytes {
        self.bytes.extend(match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        });
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Bytes {
        self.bytes.extend(bytes);
        self
    }

    fn pad(mut self) -> Bytes {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }
}

/// A frame that outlives its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    number: u64,
    at: Moment,
    interface: u32,
    link: LinkType,
    wire_len: u32,
    data: Vec<u8>,
}

/// Everything a reader tells about a capture.
#[derive(Debug)]
struct Reading {
    frames: Vec<Owned>,
    problems: Vec<Problem>,
    interfaces: Vec<Interface>,
    notes: Notes,
    bytes_read: u64,
}

impl Reading {
    /// The only problem there is.
    fn problem(&self) -> &str {
        let [problem] = self.problems.as_slice() else {
            panic!("not one problem: {:?}", self.problems);
        };
        &problem.message
    }
}

fn read_from(input: Box<dyn Read + '_>, limits: &Limits) -> Result<Reading, ReadError> {
    let mut reader = CaptureReader::open(input, SourceId(7), limits)?;
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame() {
        frames.push(Owned {
            number: frame.number,
            at: frame.at,
            interface: frame.interface,
            link: frame.link,
            wire_len: frame.wire_len,
            data: frame.data.to_vec(),
        });
    }
    assert!(reader.next_frame().is_none(), "the end is the end");
    Ok(Reading {
        frames,
        problems: reader.problems().to_vec(),
        interfaces: reader.interfaces().to_vec(),
        notes: reader.notes().clone(),
        bytes_read: reader.bytes_read(),
    })
}

fn try_read(bytes: &[u8]) -> Result<Reading, ReadError> {
    read_from(Box::new(bytes), &Limits::default())
}

fn read(bytes: &[u8]) -> Reading {
    try_read(bytes).unwrap()
}

/// A reader that hands out one byte at a time and is interrupted before each.
struct Drip<'b> {
    bytes: &'b [u8],
    interrupted: bool,
}

impl Read for Drip<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let one = out.len().min(1);
        self.bytes.read(&mut out[..one])
    }
}
