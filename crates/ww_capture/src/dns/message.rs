//! One DNS message (RFC 1035 section 4, RFC 6891, RFC 8914), as far as transactions need it.

use super::name;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const TYPE_OPT: u16 = 41;
const CLASS_IN: u16 = 1;

/// The EDNS option that gives the reason of a failure.
const OPTION_EXTENDED_ERROR: u16 = 15;

/// Bytes of the header.
pub(super) const HEADER: usize = 12;

/// Addresses kept from one answer.
const ADDRESSES: usize = 32;

/// What was read of a message. Reused from message to message: reading allocates nothing once its
/// buffers have grown.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) id: u16,
    pub(super) is_response: bool,
    pub(super) opcode: u8,
    pub(super) truncated: bool,
    pub(super) recursion_available: bool,
    /// With the upper bits from EDNS.
    pub(super) rcode: u16,
    /// The first question was read; `name` and `kind` are its.
    pub(super) has_question: bool,
    pub(super) name: String,
    pub(super) kind: u16,
    /// Records that the header promises in the answer section.
    pub(super) records: u16,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) lowest_ttl: Option<u32>,
    pub(super) edns_size: Option<u16>,
    pub(super) extended_error: Option<u16>,
}

/// How far a message could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// To its end.
    Whole,
    /// The header was read, and what came before the first byte that is missing or wrong.
    Part,
    /// There is no header.
    Nothing,
}

impl Message {
    /// Reads a message; fields that it does not have are empty afterwards.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Reading {
        let mut cursor = Cursor { bytes, at: 0 };
        let Some(counts) = self.read_header(&mut cursor) else {
            return Reading::Nothing;
        };
        match self.read_sections(&mut cursor, counts) {
            Some(()) => Reading::Whole,
            None => Reading::Part,
        }
    }

    /// Reads the header and returns the counts of the four sections.
    fn read_header(&mut self, cursor: &mut Cursor<'_>) -> Option<[u16; 4]> {
        self.has_question = false;
        self.name.clear();
        self.kind = 0;
        self.addresses.clear();
        (self.lowest_ttl, self.edns_size, self.extended_error) = (None, None, None);
        self.id = cursor.u16()?;
        let flags = cursor.u16()?;
        let counts = [cursor.u16()?, cursor.u16()?, cursor.u16()?, cursor.u16()?];
        self.is_response = flags & 0x8000 != 0;
        self.opcode = (flags >> 11) as u8 & 0xf;
        self.truncated = flags & 0x0200 != 0;
        self.recursion_available = flags & 0x0080 != 0;
        self.rcode = flags & 0xf;
        let [_, answers, _, _] = counts;
        self.records = answers;
        Some(counts)
    }

    fn read_sections(&mut self, cursor: &mut Cursor<'_>, counts: [u16; 4]) -> Option<()> {
        let [questions, answers, authorities, additional] = counts;
        for nth in 0..questions {
            if nth == 0 {
                cursor.at = name::read(cursor.bytes, cursor.at, &mut self.name)?;
            } else {
                cursor.at = name::skip(cursor.bytes, cursor.at)?;
            }
            let (kind, _class) = (cursor.u16()?, cursor.u16()?);
            if nth == 0 {
                (self.kind, self.has_question) = (kind, true);
            }
        }
        for _ in 0..answers {
            let record = cursor.record()?;
            self.take_answer(&record);
        }
        for _ in 0..authorities {
            cursor.record()?;
        }
        for _ in 0..additional {
            let record = cursor.record()?;
            if record.kind == TYPE_OPT {
                self.take_edns(&record);
            }
        }
        Some(())
    }

    fn take_answer(&mut self, record: &Record<'_>) {
        if record.class != CLASS_IN {
            return;
        }
        self.lowest_ttl = Some(
            self.lowest_ttl
                .map_or(record.ttl, |ttl| ttl.min(record.ttl)),
        );
        let address = match record.kind {
            TYPE_A => <[u8; 4]>::try_from(record.data)
                .ok()
                .map(|a| IpAddr::V4(Ipv4Addr::from(a))),
            TYPE_AAAA => <[u8; 16]>::try_from(record.data)
                .ok()
                .map(|a| IpAddr::V6(Ipv6Addr::from(a))),
            _ => None,
        };
        if let Some(address) = address
            && self.addresses.len() < ADDRESSES
        {
            self.addresses.push(address);
        }
    }

    /// The OPT record: its class is a size, its TTL begins with the upper bits of the RCODE.
    fn take_edns(&mut self, record: &Record<'_>) {
        self.edns_size = Some(record.class);
        self.rcode |= ((record.ttl >> 24) as u16) << 4;
        let mut options = Cursor {
            bytes: record.data,
            at: 0,
        };
        while let Some((code, data)) = options.option() {
            if code == OPTION_EXTENDED_ERROR && self.extended_error.is_none() {
                self.extended_error = Cursor { bytes: data, at: 0 }.u16();
            }
        }
    }
}

/// A resource record.
struct Record<'a> {
    kind: u16,
    class: u16,
    ttl: u32,
    data: &'a [u8],
}

/// A place in a message.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at + length)?;
        self.at += length;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn record(&mut self) -> Option<Record<'a>> {
        self.at = name::skip(self.bytes, self.at)?;
        let (kind, class, ttl) = (self.u16()?, self.u16()?, self.u32()?);
        let length = self.u16()?;
        Some(Record {
            kind,
            class,
            ttl,
            data: self.take(usize::from(length))?,
        })
    }

    fn option(&mut self) -> Option<(u16, &'a [u8])> {
        let (code, length) = (self.u16()?, self.u16()?);
        Some((code, self.take(usize::from(length))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with a compressed owner, a CNAME, one address of each family and EDNS with an
    /// extended error.
    fn answer() -> Vec<u8> {
        let mut bytes = b"\x12\x34\x83\x80\0\x01\0\x03\0\0\0\x01".to_vec();
        bytes.extend(b"\x03www\x07example\0\0\x01\0\x01");
        bytes.extend(b"\xc0\x0c\0\x05\0\x01\0\0\x01\x2c\0\x04\x01x\xc0\x10");
        bytes.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x07");
        bytes.extend(b"\xc0\x0c\0\x1c\0\x01\0\0\0\x78\0\x10\x20\x01\x0d\xb8");
        bytes.extend([0; 11]);
        bytes.push(1);
        bytes.extend(b"\0\0\x29\x04\xd0\x01\0\0\0\0\x08\0\x0f\0\x04\0\x16no");
        bytes
    }

    #[test]
    fn a_message_is_read_to_its_end() {
        let mut message = Message::default();
        assert_eq!(message.read(&answer()), Reading::Whole);
        assert_eq!(
            (message.id, message.is_response, message.opcode),
            (0x1234, true, 0)
        );
        assert!(message.truncated && message.recursion_available && message.has_question);
        assert_eq!(
            (message.name.as_str(), message.kind),
            ("www.example", TYPE_A)
        );
        assert_eq!(message.rcode, 16, "extended: 1 above four bits of 0");
        let addresses: Vec<IpAddr> =
            vec!["10.0.0.7".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        assert_eq!((message.records, message.addresses.clone()), (3, addresses));
        assert_eq!(message.lowest_ttl, Some(60));
        assert_eq!(
            (message.edns_size, message.extended_error),
            (Some(1232), Some(22))
        );
    }

    #[test]
    fn nothing_is_left_over_from_the_message_before() {
        let mut message = Message::default();
        message.read(&answer());
        assert_eq!(
            message.read(b"\0\x01\x01\0\0\0\0\0\0\0\0\0"),
            Reading::Whole
        );
        assert!(!message.has_question && message.name.is_empty() && message.addresses.is_empty());
        assert_eq!(
            (
                message.lowest_ttl,
                message.edns_size,
                message.extended_error
            ),
            (None, None, None)
        );
        assert_eq!((message.rcode, message.records), (0, 0));
    }

    #[test]
    fn addresses_are_bounded() {
        let mut bytes = b"\0\x01\x81\x80\0\0\0\x28\0\0\0\0".to_vec();
        for last in 0..40 {
            bytes.extend(b"\0\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0");
            bytes.push(last);
        }
        let mut message = Message::default();
        assert_eq!(message.read(&bytes), Reading::Whole);
        assert_eq!((message.records, message.addresses.len()), (40, ADDRESSES));
    }

    #[test]
    fn every_prefix_is_read_as_far_as_it_goes() {
        let whole = answer();
        let mut message = Message::default();
        for length in 0..whole.len() {
            let reading = message.read(&whole[..length]);
            let expected = if length < HEADER {
                Reading::Nothing
            } else {
                Reading::Part
            };
            assert_eq!(reading, expected, "{length} bytes");
            assert_eq!(message.has_question, length >= 29, "{length} bytes");
        }
    }

    #[test]
    fn no_flipped_byte_is_fatal() {
        let whole = answer();
        let mut message = Message::default();
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let reading = message.read(&bytes);
                assert_ne!(reading, Reading::Nothing, "byte {at} = {value}");
                assert!(message.name.len() <= 4 * 255 && message.addresses.len() <= ADDRESSES);
            }
        }
    }
}
