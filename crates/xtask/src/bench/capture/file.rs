//! The file: classic pcap, microseconds, little endian, Ethernet, hashed as it is written.

use std::io::{self, Write};

use super::types::Micros;

/// Seconds since 1970 of the capture's first instant: 2026-01-05 09:00:00 UTC.
const EPOCH_SECONDS: i64 = 1_767_603_600;
const SNAPLEN: u32 = 262_144;
const LINKTYPE_ETHERNET: u32 = 1;

/// A pcap file under construction.
#[derive(Debug)]
pub(super) struct PcapFile<W> {
    out: W,
    hash: Fnv,
    bytes: u64,
    packets: u64,
}

impl<W: Write> PcapFile<W> {
    /// Start a file with its header.
    pub(super) fn new(out: W) -> io::Result<Self> {
        let mut file = Self {
            out,
            hash: Fnv::default(),
            bytes: 0,
            packets: 0,
        };
        let mut header = Vec::with_capacity(24);
        header.extend(0xa1b2_c3d4_u32.to_le_bytes());
        header.extend(2_u16.to_le_bytes());
        header.extend(4_u16.to_le_bytes());
        header.extend([0; 8]);
        header.extend(SNAPLEN.to_le_bytes());
        header.extend(LINKTYPE_ETHERNET.to_le_bytes());
        file.put(&header)?;
        Ok(file)
    }

    /// Write one packet.
    pub(super) fn packet(&mut self, at: Micros, frame: &[u8]) -> io::Result<()> {
        let seconds = (EPOCH_SECONDS + at.div_euclid(1_000_000)) as u32;
        let micros = at.rem_euclid(1_000_000) as u32;
        let len = (frame.len() as u32).to_le_bytes();
        let mut header = [0; 16];
        let fields = seconds
            .to_le_bytes()
            .into_iter()
            .chain(micros.to_le_bytes());
        for (to, from) in header.iter_mut().zip(fields.chain(len).chain(len)) {
            *to = from;
        }
        self.packets += 1;
        self.put(&header)?;
        self.put(frame)
    }

    /// Finish: flush and say how much was written and its hash.
    pub(super) fn finish(mut self) -> io::Result<(u64, u64, u64)> {
        self.out.flush()?;
        Ok((self.packets, self.bytes, self.hash.0))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// The 64-bit FNV-1a hash.
#[derive(Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
