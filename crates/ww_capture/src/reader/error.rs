//! Why a capture cannot be opened.

use std::fmt;
use std::io;

/// Why a capture cannot be opened at all. Trouble after its beginning is a
/// [`Problem`](ww_base::Problem) instead.
#[derive(Debug)]
pub enum ReadError {
    /// Reading the source failed.
    Io(io::Error),
    /// It is something else.
    NotACapture {
        /// What its first bytes look like, such as "text" or "an empty file".
        looks_like: String,
    },
    /// It ends inside the header of the named format.
    CutInHeader(&'static str),
    /// Its format's version is not one that is read.
    UnsupportedVersion {
        /// The format.
        format: &'static str,
        /// The version's first number.
        major: u16,
        /// The version's second number.
        minor: u16,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => write!(f, "reading failed: {error}"),
            ReadError::NotACapture { looks_like } => write!(
                f,
                "not a packet capture that wirewise reads (pcap, pcapng, also .gz and .zst): it \
                 looks like {looks_like}"
            ),
            ReadError::CutInHeader(format) => write!(
                f,
                "the {format} file is cut short inside its header; it has no frames"
            ),
            ReadError::UnsupportedVersion {
                format,
                major,
                minor,
            } => write!(f, "{format} version {major}.{minor} is not supported"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReadError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> ReadError {
        ReadError::Io(error)
    }
}

/// What the first bytes of a file that is no capture look like.
pub(super) fn looks_like(first: &[u8]) -> String {
    let known: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "a zip archive: unpack it first"),
        (b"\xfd7zXZ\0", "xz-compressed data: decompress it first"),
        (b"BZh", "bzip2-compressed data: decompress it first"),
        (
            b"\x04\x22\x4d\x18",
            "lz4-compressed data: decompress it first",
        ),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
        (b"snoop\0\0\0", "a snoop capture: convert it with editcap"),
        (b"XCP\0", "a Sniffer capture: convert it with editcap"),
        (
            b"GMBU",
            "a Network Monitor capture: convert it with editcap",
        ),
        (
            b"RTSS",
            "a Network Monitor 1.x capture: convert it with editcap",
        ),
        (
            b"TRSNIFF data",
            "a Sniffer capture: convert it with editcap",
        ),
        (b"\x7fELF", "a program"),
        (b"MZ", "a Windows program"),
        (b"%PDF", "a PDF document"),
        (b"\x89PNG", "a picture"),
        (b"SQLite format 3\0", "an SQLite database"),
    ];
    if first.is_empty() {
        return "an empty file".to_owned();
    }
    if let Some((_, name)) = known.iter().find(|(magic, _)| first.starts_with(magic)) {
        return (*name).to_owned();
    }
    if first.iter().all(|byte| *byte == 0) {
        return "nothing but zero bytes".to_owned();
    }
    if looks_like_etl(first) {
        return "a Windows event trace (ETL): convert it with etl2pcapng".to_owned();
    }
    let text = String::from_utf8_lossy(first);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('{') || text.starts_with('[') {
        return "JSON (perhaps a HAR file)".to_owned();
    }
    if text.starts_with('<') {
        return "XML or HTML".to_owned();
    }
    let printable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if text
        .chars()
        .rev()
        .skip(1)
        .all(|c| printable(c) && c != '\u{fffd}')
    {
        return "text (a printed capture cannot be diagnosed; save it with -w FILE)".to_owned();
    }
    let hex: Vec<String> = first
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("unknown data that begins with {}", hex.join(" "))
}

/// A buffer header of an event trace: its size first, a multiple of 1024, repeated as the offset
/// of its end within the first twelve words.
fn looks_like_etl(first: &[u8]) -> bool {
    let word = |at: usize| {
        first
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .map(|bytes| u32::from_le_bytes(*bytes))
    };
    match (word(0), word(4), word(8)) {
        (Some(size), Some(saved), Some(current)) => {
            (4096..=1 << 24).contains(&size)
                && size % 1024 == 0
                && saved <= size
                && current <= size
                && saved == current
                && saved > 72
        }
        _ => false,
    }
}
