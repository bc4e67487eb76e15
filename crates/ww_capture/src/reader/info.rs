//! What a capture says about itself besides its frames.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::input::Compression;
use super::link::LinkType;

/// The file format of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureFormat {
    /// Classic pcap with microseconds.
    PcapMicroseconds,
    /// Classic pcap with nanoseconds.
    PcapNanoseconds,
    /// Classic pcap with Alexey Kuznetzov's longer record header (magic number a1b2cd34).
    PcapModified,
    /// Classic pcap as IXIA tools write it, with a longer file header.
    PcapIxia,
    /// pcapng.
    Pcapng,
}

impl fmt::Display for CaptureFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CaptureFormat::PcapMicroseconds => "pcap",
            CaptureFormat::PcapNanoseconds => "pcap (nanoseconds)",
            CaptureFormat::PcapModified => "pcap (modified)",
            CaptureFormat::PcapIxia => "pcap (IXIA)",
            CaptureFormat::Pcapng => "pcapng",
        })
    }
}

/// What kind of file the capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureInfo {
    /// The file format.
    pub format: CaptureFormat,
    /// The compression around it.
    pub compression: Compression,
}

/// The unit in which an interface counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeResolution {
    /// Ticks of 10^-n seconds.
    PowerOfTen(u8),
    /// Ticks of 2^-n seconds.
    PowerOfTwo(u8),
}

impl TimeResolution {
    /// Microseconds, the default of every format.
    pub const MICROSECONDS: TimeResolution = TimeResolution::PowerOfTen(6);
    /// Nanoseconds.
    pub const NANOSECONDS: TimeResolution = TimeResolution::PowerOfTen(9);
}

impl fmt::Display for TimeResolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeResolution::PowerOfTen(3) => f.write_str("1 ms"),
            TimeResolution::PowerOfTen(6) => f.write_str("1 µs"),
            TimeResolution::PowerOfTen(9) => f.write_str("1 ns"),
            TimeResolution::PowerOfTen(n) => write!(f, "10^-{n} s"),
            TimeResolution::PowerOfTwo(n) => write!(f, "2^-{n} s"),
        }
    }
}

/// Counters of an interface at the end of the capture (pcapng Interface Statistics Block); the
/// last block of an interface counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceStatistics {
    /// Packets received from the interface (`isb_ifrecv`).
    pub received: Option<u64>,
    /// Packets dropped by the interface for lack of resources (`isb_ifdrop`).
    pub dropped_by_interface: Option<u64>,
    /// Packets accepted by the capture filter (`isb_filteraccept`).
    pub accepted_by_filter: Option<u64>,
    /// Packets dropped by the operating system (`isb_osdrop`).
    pub dropped_by_os: Option<u64>,
    /// Packets delivered to the capturing program (`isb_usrdeliv`).
    pub delivered: Option<u64>,
}

/// An interface the capture was taken on. Text is empty where the capture does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// Its description.
    pub description: String,
    /// What its frames begin with.
    pub link: LinkType,
    /// Bytes kept of each frame; 0 means no limit.
    pub snaplen: u32,
    /// The unit of its timestamps.
    pub resolution: TimeResolution,
    /// Bytes of frame check sequence at the end of each frame, where it is told.
    pub fcs_bytes: Option<u8>,
    /// The capture filter.
    pub filter: String,
    /// The operating system of the capturing host.
    pub os: String,
    /// The hardware of the interface.
    pub hardware: String,
    /// Its counters.
    pub statistics: InterfaceStatistics,
    /// Frames that the capture's packet blocks themselves report as dropped before them
    /// (`epb_dropcount` and the obsolete Packet Block's counter), added up.
    pub dropped_between_frames: u64,
}

impl Interface {
    /// An interface of which nothing but its frames' form is known.
    pub(super) fn new(link: LinkType, snaplen: u32) -> Interface {
        Interface {
            name: String::new(),
            description: String::new(),
            link,
            snaplen,
            resolution: TimeResolution::MICROSECONDS,
            fcs_bytes: None,
            filter: String::new(),
            os: String::new(),
            hardware: String::new(),
            statistics: InterfaceStatistics::default(),
            dropped_between_frames: 0,
        }
    }
}

/// A comment somebody wrote into the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The frame it is about; `None` when it is about the capture or a part of it.
    pub frame: Option<u64>,
    /// Its text, shortened when very long.
    pub text: String,
}

/// An address with a name, as the capturing host resolved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedName {
    /// The address.
    pub address: IpAddr,
    /// The name.
    pub name: String,
}

/// What else stands in a capture. Text is empty where the capture does not say; lists end at
/// [`Limits::notes`](ww_base::Limits::notes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// The program that wrote the capture.
    pub application: String,
    /// The hardware it was taken on.
    pub hardware: String,
    /// The operating system it was taken on.
    pub os: String,
    /// Comments, in order.
    pub comments: Vec<Comment>,
    /// Names of addresses, in order.
    pub names: Vec<ResolvedName>,
    /// Blocks of decryption secrets; their content is not read.
    pub secrets: u64,
    /// Sections; 1 for a classic pcap.
    pub sections: u64,
    /// Frames without a time of their own; they carry the time of the frame before.
    pub frames_without_time: u64,
    /// pcapng block types that were stepped over, with how often; the first few types only.
    pub skipped_blocks: BTreeMap<u32, u64>,
}
