//! pcapng (`draft-ietf-opsawg-pcapng`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ww_base::{Limits, Moment, ProblemKind};

use super::Found;
use super::book::{Book, shortened};
use super::bytes::Order;
use super::clock::{Clock, resolution};
use super::error::ReadError;
use super::info::Interface;
use super::link::LinkType;
use super::options::{Options, code};
use super::window::Window;

/// Block types.
mod block {
    pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    pub(super) const INTERFACE_DESCRIPTION: u32 = 1;
    /// Obsolete, still met.
    pub(super) const PACKET: u32 = 2;
    pub(super) const SIMPLE_PACKET: u32 = 3;
    pub(super) const NAME_RESOLUTION: u32 = 4;
    pub(super) const INTERFACE_STATISTICS: u32 = 5;
    pub(super) const ENHANCED_PACKET: u32 = 6;
    pub(super) const DECRYPTION_SECRETS: u32 = 10;
}

/// Type, length and trailing length of a block.
const BLOCK_FRAME_BYTES: u32 = 12;

/// Type, length and byte-order magic of a Section Header Block.
const SECTION_START_BYTES: usize = 12;

/// Whether Wireshark gives a block that holds no packet a frame number all the same: custom
/// blocks, journal entries and system calls are records to it.
fn is_counted(block_type: u32) -> bool {
    const JOURNAL_EXPORT: u32 = 9;
    const CUSTOM: u32 = 0x0bad;
    const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;
    const SYSTEM_CALL: [u32; 3] = [0x204, 0x216, 0x221];
    matches!(block_type, JOURNAL_EXPORT | CUSTOM | CUSTOM_NOT_COPIED)
        || SYSTEM_CALL.contains(&block_type)
}

/// Whether a file that begins so is pcapng.
pub(super) fn is_pcapng(first: &[u8]) -> bool {
    first.starts_with(&block::SECTION_HEADER.to_be_bytes())
}

/// What is needed of an interface to read its packets.
#[derive(Clone, Copy)]
struct Port {
    link: LinkType,
    snaplen: u32,
    longest_frame: u32,
    clock: Clock,
}

/// A pcapng being read.
pub(super) struct Pcapng {
    order: Order,
    /// Index among all interfaces of the current section's first one.
    first_port: usize,
    /// The interfaces of the current section.
    ports: Vec<Port>,
    block_bytes: u32,
    frame_bytes: u32,
    max_interfaces: usize,
    /// The time of the last frame that has one.
    latest: Moment,
}

/// What to do after a block.
enum After {
    /// Hand this frame out.
    Frame(Found),
    /// Go on with the next block.
    Continue,
    /// Nothing after this block can be trusted; it was reported.
    Stop,
}

impl Pcapng {
    /// Reads the first section header.
    pub(super) fn open(
        window: &mut Window<'_>,
        book: &mut Book,
        limits: &Limits,
    ) -> Result<Pcapng, ReadError> {
        let mut pcapng = Pcapng {
            order: Order::Little,
            first_port: 0,
            ports: Vec::new(),
            block_bytes: limits.block_bytes,
            frame_bytes: limits.frame_bytes,
            max_interfaces: limits.interfaces as usize,
            latest: Moment(0),
        };
        if !window.has(SECTION_START_BYTES) {
            return Err(ReadError::CutInHeader("pcapng"));
        }
        let Some(order) = section_order(window.ahead()) else {
            return Err(ReadError::NotACapture {
                looks_like: "pcapng with a damaged first block".to_owned(),
            });
        };
        let length = order.u32_at(window.ahead(), 4).unwrap_or(0);
        if length < 28 || length > limits.block_bytes {
            return Err(ReadError::NotACapture {
                looks_like: format!("pcapng with a first block of {length} bytes"),
            });
        }
        if !window.has(length as usize) {
            return Err(ReadError::CutInHeader("pcapng"));
        }
        let major = order.u16_at(window.ahead(), 12).unwrap_or(0);
        let minor = order.u16_at(window.ahead(), 14).unwrap_or(0);
        if major != 1 {
            return Err(ReadError::UnsupportedVersion {
                format: "pcapng",
                major,
                minor,
            });
        }
        match pcapng.block(window, book) {
            Some(_) => Ok(pcapng),
            None => Err(ReadError::NotACapture {
                looks_like: "pcapng with a damaged first block".to_owned(),
            }),
        }
    }

    /// The next frame, consumed from the window; `None` at any end, which is reported.
    pub(super) fn next(&mut self, window: &mut Window<'_>, book: &mut Book) -> Option<Found> {
        loop {
            match self.block(window, book)? {
                After::Frame(found) => return Some(found),
                After::Continue => {}
                After::Stop => return None,
            }
        }
    }

    /// Reads one block and consumes it; `None` at any end, which is reported.
    #[inline]
    fn block(&mut self, window: &mut Window<'_>, book: &mut Book) -> Option<After> {
        if !window.has(BLOCK_FRAME_BYTES as usize) {
            book.end(window, "block", u64::from(BLOCK_FRAME_BYTES));
            return None;
        }
        let block_type = self.order.u32_at(window.ahead(), 0)?;
        if block_type == block::SECTION_HEADER {
            let Some(order) = section_order(window.ahead()) else {
                book.damaged(
                    window.position(),
                    "a section header without byte-order magic",
                );
                return None;
            };
            self.order = order;
        }
        let length = self.order.u32_at(window.ahead(), 4)?;
        if length < BLOCK_FRAME_BYTES {
            book.damaged(
                window.position(),
                &format!("a block of {length} bytes is shorter than its own frame"),
            );
            return None;
        }
        // Some writers leave the padding out of the length.
        let padded = u64::from(length).next_multiple_of(4);
        if length > self.block_bytes {
            return too_long(padded, block_type, window, book).then_some(After::Continue);
        }
        if !window.has(padded as usize) {
            book.end(window, "block", padded);
            return None;
        }
        let whole = window.ahead().get(..padded as usize)?;
        let trailer = self.order.u32_at(whole, whole.len() - 4)?;
        if trailer != length {
            book.damaged(
                window.position(),
                &format!("a block begins with length {length} and ends with length {trailer}"),
            );
            return None;
        }
        let body = whole.get(8..whole.len() - 4)?;
        let after = match block_type {
            block::ENHANCED_PACKET => self.enhanced_packet(body, book),
            block::SIMPLE_PACKET => self.simple_packet(body, book),
            block::PACKET => self.packet(body, book),
            block::INTERFACE_DESCRIPTION => self.interface(body, book),
            block::INTERFACE_STATISTICS => self.statistics(body, book),
            block::NAME_RESOLUTION => self.names(body, book),
            block::SECTION_HEADER => self.section(body, book),
            block::DECRYPTION_SECRETS => {
                book.notes.secrets += 1;
                Ok(After::Continue)
            }
            skipped => {
                book.skipped(skipped);
                if is_counted(skipped) {
                    book.frames += 1;
                }
                Ok(After::Continue)
            }
        };
        match after {
            Ok(after) => {
                window.consume(padded as usize);
                Some(after)
            }
            Err(what) => {
                book.damaged(window.position(), &what);
                Some(After::Stop)
            }
        }
    }

    /// A Section Header Block: interfaces start anew.
    fn section(&mut self, body: &[u8], book: &mut Book) -> Result<After, String> {
        let (Some(major), Some(options)) = (self.order.u16_at(body, 4), body.get(16..)) else {
            return Err("a section header is too short".to_owned());
        };
        if major != 1 {
            return Err(format!("a section of version {major} is not supported"));
        }
        self.first_port = book.interfaces.len();
        self.ports.clear();
        book.notes.sections += 1;
        for (kind, value) in self.options(options, book) {
            let told = match kind {
                code::COMMENT => {
                    book.comment(false, value);
                    continue;
                }
                code::SECTION_HARDWARE => &mut book.notes.hardware,
                code::SECTION_OS => &mut book.notes.os,
                code::SECTION_APPLICATION => &mut book.notes.application,
                _ => continue,
            };
            if told.is_empty() {
                *told = shortened(value);
            }
        }
        Ok(After::Continue)
    }

    /// An Interface Description Block.
    fn interface(&mut self, body: &[u8], book: &mut Book) -> Result<After, String> {
        let (Some(link), Some(snaplen), Some(options)) = (
            self.order.u16_at(body, 0),
            self.order.u32_at(body, 4),
            body.get(8..),
        ) else {
            return Err("an interface description is too short".to_owned());
        };
        if book.interfaces.len() >= self.max_interfaces {
            return Err(format!(
                "it describes more than {} interfaces",
                self.max_interfaces
            ));
        }
        let mut interface = Interface::new(LinkType(link), snaplen);
        let mut offset_s = 0;
        for (kind, value) in self.options(options, book) {
            match kind {
                code::COMMENT => book.comment(false, value),
                code::INTERFACE_NAME => interface.name = shortened(value),
                code::INTERFACE_DESCRIPTION => interface.description = shortened(value),
                code::INTERFACE_OS => interface.os = shortened(value),
                code::INTERFACE_HARDWARE => interface.hardware = shortened(value),
                // The first byte tells the filter's form: 0 is text.
                code::INTERFACE_FILTER => {
                    if let [0, text @ ..] = value {
                        interface.filter = shortened(text);
                    }
                }
                code::INTERFACE_FCS_BYTES => interface.fcs_bytes = value.first().copied(),
                code::INTERFACE_RESOLUTION => {
                    if let Some(told) = value.first() {
                        interface.resolution = resolution(*told);
                    }
                }
                code::INTERFACE_TIME_OFFSET => {
                    offset_s = self.order.u64_at(value, 0).unwrap_or(0) as i64;
                }
                _ => {}
            }
        }
        self.ports.push(Port {
            link: interface.link,
            snaplen,
            longest_frame: interface.link.longest_frame().min(self.frame_bytes),
            clock: Clock {
                resolution: interface.resolution,
                offset_s,
            },
        });
        book.interfaces.push(interface);
        Ok(After::Continue)
    }

    /// An Enhanced Packet Block.
    #[inline]
    fn enhanced_packet(&mut self, body: &[u8], book: &mut Book) -> Result<After, String> {
        const FIXED: usize = 20;
        let Some(fixed) = body.first_chunk::<FIXED>() else {
            return Err("a packet block is too short".to_owned());
        };
        let word = |at| self.order.u32_at(fixed, at).unwrap_or(0);
        let packet = Packet {
            interface: word(0),
            ticks: Some(u64::from(word(4)) << 32 | u64::from(word(8))),
            captured: word(12),
            wire_len: word(16),
            fixed: FIXED,
        };
        self.frame(&packet, body, book)
    }

    /// The obsolete Packet Block.
    fn packet(&mut self, body: &[u8], book: &mut Book) -> Result<After, String> {
        const FIXED: usize = 20;
        let Some(fixed) = body.first_chunk::<FIXED>() else {
            return Err("a packet block is too short".to_owned());
        };
        let word = |at| self.order.u32_at(fixed, at).unwrap_or(0);
        let interface = self.order.u16_at(fixed, 0).unwrap_or(0);
        let drops = self.order.u16_at(fixed, 2).unwrap_or(u16::MAX);
        let packet = Packet {
            interface: u32::from(interface),
            ticks: Some(u64::from(word(4)) << 32 | u64::from(word(8))),
            captured: word(12),
            wire_len: word(16),
            fixed: FIXED,
        };
        let after = self.frame(&packet, body, book)?;
        // All ones means that the counter is not known.
        if drops != u16::MAX {
            self.dropped_before(packet.interface, u64::from(drops), book);
        }
        Ok(after)
    }

    /// A Simple Packet Block: of the section's first interface, without a time.
    fn simple_packet(&mut self, body: &[u8], book: &mut Book) -> Result<After, String> {
        const FIXED: usize = 4;
        let Some(wire_len) = self.order.u32_at(body, 0) else {
            return Err("a packet block is too short".to_owned());
        };
        let snaplen = match self.ports.first() {
            Some(port) if port.snaplen > 0 => port.snaplen,
            _ => u32::MAX,
        };
        let packet = Packet {
            interface: 0,
            ticks: None,
            captured: wire_len.min(snaplen),
            wire_len,
            fixed: FIXED,
        };
        self.frame(&packet, body, book)
    }

    /// The frame of a packet block of any kind, with its options.
    #[inline]
    fn frame(&mut self, packet: &Packet, body: &[u8], book: &mut Book) -> Result<After, String> {
        let Some(port) = self.ports.get(packet.interface as usize).copied() else {
            return Err(format!(
                "a packet of interface {}, but the section describes {} interfaces",
                packet.interface,
                self.ports.len()
            ));
        };
        let captured = packet.captured as usize;
        if packet.captured > port.longest_frame {
            return Err(format!(
                "a packet of {captured} captured bytes, more than the {} a frame can have",
                port.longest_frame
            ));
        }
        let Some(after) = body.len().checked_sub(packet.fixed + captured) else {
            return Err(format!(
                "a packet of {captured} captured bytes in a block of {}",
                body.len()
            ));
        };
        let padded = captured.next_multiple_of(4);
        if let Some(options) = body.get(packet.fixed + padded..)
            && options.len() > 4
        {
            self.packet_options(packet.interface, options, book);
        }
        if let Some(ticks) = packet.ticks {
            self.latest = port.clock.moment(ticks);
        } else {
            book.notes.frames_without_time += 1;
        }
        Ok(After::Frame(Found {
            at: self.latest,
            interface: (self.first_port as u32).saturating_add(packet.interface),
            link: port.link,
            wire_len: packet.wire_len,
            captured,
            // The rest of the body and the trailing length.
            after: after + 4,
        }))
    }

    #[cold]
    fn packet_options(&self, interface: u32, options: &[u8], book: &mut Book) {
        for (kind, value) in self.options(options, book) {
            match kind {
                code::COMMENT => book.comment(true, value),
                code::PACKET_DROPS => {
                    let drops = self.order.u64_at(value, 0).unwrap_or(0);
                    self.dropped_before(interface, drops, book);
                }
                _ => {}
            }
        }
    }

    fn dropped_before(&self, interface: u32, drops: u64, book: &mut Book) {
        let index = self.first_port + interface as usize;
        if let Some(interface) = book.interfaces.get_mut(index) {
            interface.dropped_between_frames =
                interface.dropped_between_frames.saturating_add(drops);
        }
    }

    /// An Interface Statistics Block.
    fn statistics(&mut self, body: &[u8], book: &mut Book) -> Result<After, String> {
        let (Some(id), Some(options)) = (self.order.u32_at(body, 0), body.get(12..)) else {
            return Err("an interface statistics block is too short".to_owned());
        };
        let index = self.first_port.saturating_add(id as usize);
        for (kind, value) in self.options(options, book) {
            if kind == code::COMMENT {
                book.comment(false, value);
                continue;
            }
            let Some(interface) = book.interfaces.get_mut(index) else {
                continue;
            };
            let statistics = &mut interface.statistics;
            let counter = match kind {
                code::STATISTICS_RECEIVED => &mut statistics.received,
                code::STATISTICS_INTERFACE_DROPS => &mut statistics.dropped_by_interface,
                code::STATISTICS_ACCEPTED => &mut statistics.accepted_by_filter,
                code::STATISTICS_OS_DROPS => &mut statistics.dropped_by_os,
                code::STATISTICS_DELIVERED => &mut statistics.delivered,
                _ => continue,
            };
            *counter = self.order.u64_at(value, 0);
        }
        Ok(After::Continue)
    }

    /// A Name Resolution Block.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "every block has the same answer; names are never worth stopping for"
    )]
    fn names(&mut self, body: &[u8], book: &mut Book) -> Result<After, String> {
        const IPV4: u16 = 1;
        const IPV6: u16 = 2;
        let mut records = self.list(body);
        for (kind, value) in records.by_ref() {
            let (address, names) = match kind {
                IPV4 => match value.split_first_chunk::<4>() {
                    Some((octets, names)) => (IpAddr::V4(Ipv4Addr::from(*octets)), names),
                    None => continue,
                },
                IPV6 => match value.split_first_chunk::<16>() {
                    Some((octets, names)) => (IpAddr::V6(Ipv6Addr::from(*octets)), names),
                    None => continue,
                },
                _ => continue,
            };
            for name in names.split(|byte| *byte == 0).filter(|n| !n.is_empty()) {
                book.name(address, name);
            }
        }
        for (kind, value) in self.options(records.rest, book) {
            if kind == code::COMMENT {
                book.comment(false, value);
            }
        }
        Ok(After::Continue)
    }

    /// A list of options; one that makes no sense to its end is reported.
    fn options<'b>(&self, bytes: &'b [u8], book: &mut Book) -> Options<'b> {
        let mut whole = self.list(bytes);
        whole.by_ref().for_each(drop);
        if whole.damaged {
            let after = book.frames;
            book.problem(
                ProblemKind::Malformed,
                format!("options of a block after frame {after} are damaged; not all are read"),
            );
        }
        self.list(bytes)
    }

    fn list<'b>(&self, bytes: &'b [u8]) -> Options<'b> {
        Options::new(self.order, bytes)
    }
}

/// The parts that the packet blocks have in common.
struct Packet {
    interface: u32,
    ticks: Option<u64>,
    captured: u32,
    wire_len: u32,
    /// Bytes of the body before the packet data.
    fixed: usize,
}

/// The byte order of a section, from the magic number after type and length.
fn section_order(start: &[u8]) -> Option<Order> {
    const MAGIC: u32 = 0x1a2b_3c4d;
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| order.u32_at(start, 8) == Some(MAGIC))
}

/// Reports a block beyond the limits and steps over it; false when the capture ends inside it.
#[cold]
fn too_long(padded: u64, block_type: u32, window: &mut Window<'_>, book: &mut Book) -> bool {
    let offset = window.position();
    book.problem(
        ProblemKind::TooLarge,
        format!("block of type 0x{block_type:08x} at byte {offset} has {padded} bytes; not read"),
    );
    let whole = window.skip(padded);
    if !whole {
        book.damaged(offset, "the capture ends inside that block");
    }
    whole
}
