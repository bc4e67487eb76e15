//! Bytes of a frame from some header on: those captured and how many the wire had.

/// A part of a frame. Never holds more bytes than the wire had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a> {
    /// The captured bytes.
    pub(super) held: &'a [u8],
    /// How many there were on the wire.
    pub(super) wire: u32,
}

impl<'a> Bytes<'a> {
    /// A whole frame or datagram of which `wire` bytes existed.
    #[inline]
    pub(super) fn new(held: &'a [u8], wire: u32) -> Bytes<'a> {
        Bytes {
            held,
            wire: wire.max(u32::try_from(held.len()).unwrap_or(u32::MAX)),
        }
    }

    /// What follows the first `count` bytes; `None` when those were not all captured.
    #[inline]
    pub(super) fn skip(self, count: usize) -> Option<Bytes<'a>> {
        let held = self.held.get(count..)?;
        Some(Bytes {
            held,
            wire: self
                .wire
                .saturating_sub(u32::try_from(count).unwrap_or(u32::MAX)),
        })
    }

    /// At most the first `length` bytes: a declared length ends the packet, but cannot lengthen it.
    #[inline]
    pub(super) fn limit(self, length: u32) -> Bytes<'a> {
        let wire = self.wire.min(length);
        let held = self.held.get(..wire as usize).unwrap_or(self.held);
        Bytes { held, wire }
    }

    /// A header of `N` bytes and what follows it.
    #[inline]
    pub(super) fn header<const N: usize>(self) -> Option<(&'a [u8; N], Bytes<'a>)> {
        Some((self.held.first_chunk::<N>()?, self.skip(N)?))
    }

    /// Bytes are missing that the wire had.
    #[inline]
    pub(super) fn is_cut(self) -> bool {
        (self.held.len() as u64) < u64::from(self.wire)
    }
}

/// The byte at `at`.
pub(super) fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The big-endian 16-bit number at `at`.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(array(bytes, at)?))
}

/// The big-endian 32-bit number at `at`.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(array(bytes, at)?))
}

/// `N` bytes at `at`.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}
