//! The classic pcap format (`draft-ietf-opsawg-pcap`) and its two common relatives.

use ww_base::{Limits, Moment};

use super::Found;
use super::book::Book;
use super::bytes::Order;
use super::error::ReadError;
use super::info::{CaptureFormat, Interface, TimeResolution};
use super::link::LinkType;
use super::window::Window;

/// Bytes of the file header up to the link type.
const FILE_HEADER_BYTES: usize = 24;

/// Bytes of Kuznetzov's record header.
const MODIFIED_RECORD_HEADER_BYTES: usize = 24;

/// Records looked at to tell the two record headers apart.
const RECORDS_TRIED: u32 = 3;

/// A frame that claims to have been longer than this on the wire speaks for a wrong reading.
const LONGEST_WIRE_BYTES: u32 = 128 << 20;

/// What a magic number tells.
#[derive(Clone, Copy)]
struct Variant {
    format: CaptureFormat,
    resolution: TimeResolution,
    file_header_bytes: usize,
    record_header_bytes: usize,
}

/// The variant and byte order of a file that begins so, if it is classic pcap.
fn recognise(first: [u8; 4]) -> Option<(Variant, Order)> {
    [Order::Little, Order::Big]
        .into_iter()
        .find_map(|order| Some((variant(order.u32(first))?, order)))
}

/// Whether a file that begins so is classic pcap.
pub(super) fn is_pcap(first: &[u8]) -> bool {
    first.first_chunk().copied().and_then(recognise).is_some()
}

fn variant(magic: u32) -> Option<Variant> {
    let standard = Variant {
        format: CaptureFormat::PcapMicroseconds,
        resolution: TimeResolution::MICROSECONDS,
        file_header_bytes: FILE_HEADER_BYTES,
        record_header_bytes: 16,
    };
    Some(match magic {
        0xa1b2_c3d4 => standard,
        0xa1b2_3c4d => Variant {
            format: CaptureFormat::PcapNanoseconds,
            resolution: TimeResolution::NANOSECONDS,
            ..standard
        },
        // Interface index, protocol, packet type and padding follow the usual record header.
        0xa1b2_cd34 => Variant {
            format: CaptureFormat::PcapModified,
            record_header_bytes: MODIFIED_RECORD_HEADER_BYTES,
            ..standard
        },
        // The total size of the packet data follows the usual file header.
        0x1c00_01ac | 0x1c00_01ab => Variant {
            format: CaptureFormat::PcapIxia,
            file_header_bytes: FILE_HEADER_BYTES + 4,
            ..standard
        },
        _ => return None,
    })
}

/// In which order the two lengths of a record stand; old writers swapped them.
#[derive(Clone, Copy)]
enum Lengths {
    /// The captured length stands first.
    Regular,
    /// The length on the wire stands first.
    Swapped,
    /// Version 2.3 was written both ways: the captured length is the smaller one.
    Either,
}

/// A classic pcap being read.
pub(super) struct Pcap {
    order: Order,
    record_header_bytes: usize,
    /// Nanoseconds per unit of the second half of the timestamp.
    subsecond_ns: i64,
    lengths: Lengths,
    link: LinkType,
    longest_frame: u32,
}

impl Pcap {
    /// Reads the file header.
    pub(super) fn open(
        window: &mut Window<'_>,
        book: &mut Book,
        limits: &Limits,
    ) -> Result<(Pcap, CaptureFormat), ReadError> {
        let cut = || ReadError::CutInHeader("pcap");
        let (variant, order) = window
            .ahead()
            .first_chunk()
            .copied()
            .and_then(recognise)
            .ok_or_else(cut)?;
        if !window.has(variant.file_header_bytes) {
            return Err(cut());
        }
        let header = window.ahead();
        let major = order.u16_at(header, 4).ok_or_else(cut)?;
        let minor = order.u16_at(header, 6).ok_or_else(cut)?;
        let snaplen = order.u32_at(header, 16).ok_or_else(cut)?;
        let network = order.u32_at(header, 20).ok_or_else(cut)?;
        if major < 2 {
            return Err(ReadError::UnsupportedVersion {
                format: "pcap",
                major,
                minor,
            });
        }
        window.consume(variant.file_header_bytes);

        let link = LinkType(network as u16);
        book.notes.sections = 1;
        book.interfaces.push(Interface {
            resolution: variant.resolution,
            fcs_bytes: fcs_bytes(network),
            ..Interface::new(link, snaplen)
        });
        let mut pcap = Pcap {
            order,
            record_header_bytes: variant.record_header_bytes,
            subsecond_ns: if variant.resolution == TimeResolution::NANOSECONDS {
                1
            } else {
                1000
            },
            lengths: match minor {
                0..=2 => Lengths::Swapped,
                3 => Lengths::Either,
                _ => Lengths::Regular,
            },
            link,
            longest_frame: link.longest_frame().min(limits.frame_bytes),
        };
        if variant.format == CaptureFormat::PcapMicroseconds && pcap.is_modified(window, snaplen) {
            pcap.record_header_bytes = MODIFIED_RECORD_HEADER_BYTES;
            return Ok((pcap, CaptureFormat::PcapModified));
        }
        Ok((pcap, variant.format))
    }

    /// Whether the records have Kuznetzov's longer header although the magic number is the usual
    /// one, as some patched libraries wrote it.
    ///
    /// As Wireshark does it: the first records are read both ways, and the reading counts that
    /// makes sense for longer.
    fn is_modified(&self, window: &mut Window<'_>, snaplen: u32) -> bool {
        let (regular, is_absurd) =
            self.plausible_records(self.record_header_bytes, window, snaplen);
        is_absurd
            && self
                .plausible_records(MODIFIED_RECORD_HEADER_BYTES, window, snaplen)
                .0
                > regular
    }

    /// How many of the first records make sense, and whether the one after them does not.
    fn plausible_records(
        &self,
        header_bytes: usize,
        window: &mut Window<'_>,
        snaplen: u32,
    ) -> (u32, bool) {
        let mut at = 0;
        for plausible in 0..RECORDS_TRIED {
            if !window.has(at + header_bytes) {
                return (plausible, false);
            }
            let captured = self.order.u32_at(window.ahead(), at + 8).unwrap_or(0);
            let wire_len = self.order.u32_at(window.ahead(), at + 12).unwrap_or(0);
            if captured > self.longest_frame
                || captured > snaplen
                || captured > wire_len
                || wire_len > LONGEST_WIRE_BYTES
            {
                return (plausible, true);
            }
            at += header_bytes + captured as usize;
        }
        (RECORDS_TRIED, false)
    }

    /// The next record, consumed from the window; `None` at any end, which is reported.
    #[inline]
    pub(super) fn next(&self, window: &mut Window<'_>, book: &mut Book) -> Option<Found> {
        if !window.has(self.record_header_bytes) {
            book.end(window, "record header", self.record_header_bytes as u64);
            return None;
        }
        let header: &[u8; 16] = window.ahead().first_chunk()?;
        let [seconds, fraction, first, second] = self.order.u32s(header);
        let (captured, wire_len) = match self.lengths {
            Lengths::Regular => (first, second),
            Lengths::Swapped => (second, first),
            Lengths::Either => (first.min(second), first.max(second)),
        };
        if captured > self.longest_frame {
            self.too_long(captured, window, book);
            return None;
        }
        let record = self.record_header_bytes + captured as usize;
        if !window.has(record) {
            book.end(window, "record", record as u64);
            return None;
        }
        window.consume(record);
        Some(Found {
            at: Moment(
                i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.subsecond_ns,
            ),
            interface: 0,
            link: self.link,
            wire_len,
            captured: captured as usize,
            after: 0,
        })
    }

    #[cold]
    fn too_long(&self, captured: u32, window: &Window<'_>, book: &mut Book) {
        book.damaged(
            window.position(),
            &format!(
                "the record claims {captured} captured bytes, more than the {} a frame can have",
                self.longest_frame
            ),
        );
    }
}

/// The length of the frame check sequence, which the upper bits of the link type may tell.
fn fcs_bytes(network: u32) -> Option<u8> {
    const TOLD: u32 = 1 << 26;
    (network & TOLD != 0).then_some(((network >> 28) * 2) as u8)
}
