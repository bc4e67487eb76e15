//! One TCP segment as the analysis sees it.

use crate::decode::{IpHeader, Tcp};
use ww_base::Moment;
use ww_evidence::Mark;

/// FIN flag.
pub(crate) const FIN: u16 = 0x01;
/// SYN flag.
pub(crate) const SYN: u16 = 0x02;
/// RST flag.
pub(crate) const RST: u16 = 0x04;
/// PSH flag.
pub(crate) const PSH: u16 = 0x08;
/// ACK flag.
pub(crate) const ACK: u16 = 0x10;

/// One segment with its header fields and options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) mark: Mark,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u16,
    pub(crate) window: u16,
    pub(crate) checksum: u16,
    /// Payload length on the wire.
    pub(crate) len: u32,
    pub(crate) ttl: u8,
    /// IPv4 identification; none in IPv6.
    pub(crate) ip_id: Option<u16>,
    /// RFC 7323: value and echo.
    pub(crate) timestamps: Option<(u32, u32)>,
    /// All options as captured: hardly any segment has others than timestamps.
    options: &'a [u8],
    /// Captured payload.
    pub(crate) payload: &'a [u8],
}

impl<'a> Segment<'a> {
    /// A decoded segment whose payload had `len` bytes on the wire.
    #[inline]
    pub(crate) fn new(mark: Mark, ip: &IpHeader, tcp: &Tcp<'a>, len: u32) -> Segment<'a> {
        Segment {
            mark,
            seq: tcp.seq,
            ack: tcp.ack,
            flags: tcp.flags,
            window: tcp.window,
            checksum: tcp.checksum,
            len,
            ttl: ip.ttl,
            ip_id: ip.id,
            timestamps: timestamps(tcp.options),
            options: tcp.options,
            payload: tcp.payload,
        }
    }

    /// Any of the given flags is set.
    #[inline]
    pub(crate) fn has(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    /// Time in nanoseconds.
    #[inline]
    pub(crate) fn at(&self) -> Moment {
        self.mark.at
    }

    /// Its options beside timestamps: none where those are all it has.
    #[inline]
    pub(crate) fn options(&self) -> Option<Options> {
        let more = !self.options.is_empty() && lone_timestamps(self.options).is_none();
        more.then(|| Options::read(self.options))
    }

    /// Sequence numbers it occupies: payload, SYN and FIN.
    #[inline]
    pub(crate) fn extent(&self) -> u32 {
        self.len
            .wrapping_add(u32::from(self.has(SYN)))
            .wrapping_add(u32::from(self.has(FIN)))
    }

    /// The sequence number after it.
    #[inline]
    pub(crate) fn end(&self) -> u32 {
        self.seq.wrapping_add(self.extent())
    }
}

/// TCP options that the analysis uses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// RFC 7323: value and echo.
    pub(crate) timestamps: Option<(u32, u32)>,
    /// Maximum segment size.
    pub(crate) mss: Option<u16>,
    /// Window scale, as sent.
    pub(crate) window_scale: Option<u8>,
    /// SACK permitted.
    pub(crate) sack_permitted: bool,
    /// Fast Open.
    pub(crate) fast_open: bool,
    /// SACK blocks, left and right edge.
    pub(crate) sack: [(u32, u32); 4],
    /// How many of them.
    pub(crate) sack_count: u8,
}

impl Options {
    /// Reads the options; stops at the first one that does not fit.
    #[inline(never)]
    pub(crate) fn read(mut bytes: &[u8]) -> Options {
        let mut options = Options::default();
        loop {
            match bytes {
                [] | [0, ..] => return options,
                [1, rest @ ..] => bytes = rest,
                [kind, length, ..] => {
                    let Some((option, rest)) = bytes.split_at_checked(usize::from(*length)) else {
                        return options;
                    };
                    let Some((_, value)) = option.split_at_checked(2) else {
                        return options;
                    };
                    options.take(*kind, value);
                    bytes = rest;
                }
                [_] => return options,
            }
        }
    }

    fn take(&mut self, kind: u8, value: &[u8]) {
        match (kind, value) {
            (2, [a, b]) => self.mss = Some(u16::from_be_bytes([*a, *b])),
            (3, [shift]) => self.window_scale = Some(*shift),
            (4, []) => self.sack_permitted = true,
            (5, blocks) => self.take_sack(blocks),
            (8, pair) => self.timestamps = two_words(pair),
            (34, _) => self.fast_open = true,
            _ => {}
        }
    }

    fn take_sack(&mut self, blocks: &[u8]) {
        let blocks = blocks.chunks_exact(8).filter_map(two_words);
        for (block, slot) in blocks.zip(&mut self.sack) {
            *slot = block;
            self.sack_count += 1;
        }
    }

    /// The SACK blocks.
    #[inline]
    pub(crate) fn sack_blocks(&self) -> &[(u32, u32)] {
        self.sack
            .get(..usize::from(self.sack_count))
            .unwrap_or_default()
    }
}

/// The value and the echo of the timestamps option.
#[inline]
fn timestamps(options: &[u8]) -> Option<(u32, u32)> {
    match options {
        [] => None,
        some => lone_timestamps(some).or_else(|| Options::read(some).timestamps),
    }
}

/// The timestamps in the layout nearly every data segment and ACK has: NOP NOP Timestamps.
#[inline]
fn lone_timestamps(options: &[u8]) -> Option<(u32, u32)> {
    match options {
        [1, 1, 8, 10, pair @ ..] if pair.len() == 8 => two_words(pair),
        _ => None,
    }
}

/// Eight bytes as two words of network byte order.
#[inline]
fn two_words(bytes: &[u8]) -> Option<(u32, u32)> {
    let (first, rest) = bytes.split_first_chunk::<4>()?;
    let second = <[u8; 4]>::try_from(rest).ok()?;
    Some((u32::from_be_bytes(*first), u32::from_be_bytes(second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_syn() {
        let options = Options::read(&[
            2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7,
        ]);
        assert_eq!(options.mss, Some(1460));
        assert_eq!(options.window_scale, Some(7));
        assert!(options.sack_permitted);
        assert_eq!(options.timestamps, Some((9, 0)));
    }

    #[test]
    fn sack_blocks_and_broken_lengths() {
        let mut bytes = vec![1, 1, 5, 18];
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 6]);
        assert_eq!(Options::read(&bytes).sack_blocks(), [(1, 2), (5, 6)]);
        for cut in 0..bytes.len() {
            let _ = Options::read(&bytes[..cut]);
        }
        assert_eq!(Options::read(&[8, 0, 1, 1]).timestamps, None);
        assert_eq!(Options::read(&[8, 1]).timestamps, None);
    }
}
