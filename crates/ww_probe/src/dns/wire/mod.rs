//! Messages of the DNS: a question as bytes, and an answer read from bytes (RFC 1035 section 4).

mod kinds;
mod name;
mod rdata;
mod reader;
mod service;
#[cfg(test)]
mod tests;

pub(crate) use kinds::{A, AAAA, HTTPS, NS, SOA, SRV, kind_name};
pub(super) use kinds::{
    CNAME, DNAME, DNSKEY, DS, MX, NSEC, NSEC3, PTR, RRSIG, number_of_kind, rcode_name,
};
pub(crate) use name::same;
pub(super) use name::{labels, text};
pub(super) use rdata::base32hex;
pub(super) use reader::Reader;

use kinds::{OPT, SVCB};
use ww_evidence::transcript::{Answer, ExtendedError, Record};

/// Records that are kept of one section.
const RECORDS: usize = 512;

/// SVCB and HTTPS records that are read of one message.
const BINDINGS: usize = 32;

/// Extended errors that are kept of one message.
const EXTENDED_ERRORS: usize = 8;

/// EDNS option: an extended error (RFC 8914).
const EXTENDED_ERROR: u16 = 15;

/// A question with its flags.
#[derive(Clone, Debug)]
pub(crate) struct Question<'q> {
    /// The number by which the answer is known.
    pub(crate) id: u16,
    /// The name, without the final dot.
    pub(crate) name: &'q str,
    /// The type.
    pub(crate) kind: u16,
    /// RD: the server shall ask others.
    pub(crate) recursion: bool,
    /// CD: the server shall not judge signatures (RFC 4035 section 3.2.2).
    pub(crate) checking_disabled: bool,
    /// The size of UDP answers that is offered; `None` leaves EDNS out.
    pub(crate) edns_size: Option<u16>,
    /// DO: signatures are wanted (RFC 3225). It needs EDNS.
    pub(crate) dnssec_ok: bool,
}

impl Question<'_> {
    /// The message. AD is set, so that a resolver that validates says so (RFC 6840 section 5.7).
    /// `None`: there is no such name.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        const AUTHENTIC: u16 = 0x0020;
        let mut flags = AUTHENTIC;
        if self.recursion {
            flags |= 0x0100;
        }
        if self.checking_disabled {
            flags |= 0x0010;
        }
        let additional = u16::from(self.edns_size.is_some());
        let mut message = Vec::with_capacity(64);
        for word in [self.id, flags, 1, 0, 0, additional] {
            message.extend(word.to_be_bytes());
        }
        message.extend(name::encode(self.name)?);
        message.extend(self.kind.to_be_bytes());
        message.extend(1_u16.to_be_bytes());
        if let Some(size) = self.edns_size {
            message.push(0);
            message.extend(OPT.to_be_bytes());
            message.extend(size.to_be_bytes());
            message.extend([0, 0, if self.dnssec_ok { 0x80 } else { 0 }, 0, 0, 0]);
        }
        Some(message)
    }
}

/// A message that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message {
    /// What it says, as a transcript holds it.
    pub(crate) answer: Answer,
    /// The additional section without its OPT record.
    pub(crate) additional: Vec<Record>,
}

/// Whether these bytes answer the question: same number, a response, the same name and type. A server
/// that could not read the question may leave it out.
pub(crate) fn answers(bytes: &[u8], question: &Question<'_>) -> bool {
    let mut reader = Reader::new(bytes);
    let (Some(id), Some(flags), Some(questions)) = (reader.u16(), reader.u16(), reader.u16())
    else {
        return false;
    };
    if id != question.id || flags & 0xf800 != 0x8000 {
        return false;
    }
    if questions == 0 {
        return flags & 0x000f != 0;
    }
    let asked = reader.skip(6).and_then(|()| reader.name());
    asked.is_some_and(|name| same(&name, question.name)) && reader.u16() == Some(question.kind)
}

/// Reads a message.
///
/// # Errors
///
/// What cannot be read. A truncated message may end anywhere.
pub(crate) fn read(bytes: &[u8]) -> Result<Message, &'static str> {
    let mut reader = Reader::new(bytes);
    let mut head = [0_u16; 6];
    for word in &mut head {
        *word = reader
            .u16()
            .ok_or("the message is shorter than its header")?;
    }
    let [_, flags, questions, answers, authorities, additionals] = head;
    let mut message = Message::default();
    message.answer.bytes = bytes.len() as u32;
    message.answer.authoritative = flags & 0x0400 != 0;
    message.answer.truncated = flags & 0x0200 != 0;
    message.answer.recursion_available = flags & 0x0080 != 0;
    message.answer.authentic = flags & 0x0020 != 0;
    let mut rcode = flags & 0x000f;
    let sections = sections(
        &mut reader,
        &mut message,
        &mut rcode,
        [questions, answers, authorities, additionals],
    );
    message.answer.rcode = rcode_name(rcode);
    match sections {
        None if !message.answer.truncated => Err("a record of the message cannot be read"),
        _ => Ok(message),
    }
}

fn sections(
    reader: &mut Reader<'_>,
    message: &mut Message,
    rcode: &mut u16,
    [questions, answers, authorities, additionals]: [u16; 4],
) -> Option<()> {
    for _ in 0..questions {
        reader.name()?;
        reader.skip(4)?;
    }
    for _ in 0..answers {
        let (kind, record, data) = record(reader)?;
        if matches!(kind, SVCB | HTTPS) && message.answer.bindings.len() < BINDINGS {
            let binding = service::read(&record.name, data);
            message.answer.bindings.push(binding);
        }
        keep(&mut message.answer.records, record);
    }
    for _ in 0..authorities {
        let record = record(reader)?.1;
        keep(&mut message.answer.authority, record);
    }
    for _ in 0..additionals {
        let at = reader.clone();
        let (kind, record, _) = record(reader)?;
        if kind == OPT {
            options(at, &mut message.answer.extended_errors, rcode)?;
        } else {
            keep(&mut message.additional, record);
        }
    }
    Some(())
}

fn keep(records: &mut Vec<Record>, record: Record) {
    if records.len() < RECORDS {
        records.push(record);
    }
}

/// A record with its type and its data.
fn record<'m>(reader: &mut Reader<'m>) -> Option<(u16, Record, Reader<'m>)> {
    let name = reader.name()?;
    let kind = reader.u16()?;
    reader.skip(2)?;
    let ttl = reader.u32()?;
    let length = usize::from(reader.u16()?);
    let data = reader.within(length)?;
    let record = Record {
        name,
        kind: kind_name(kind),
        // A TTL with its highest bit set counts as zero (RFC 2181 section 8).
        ttl: if ttl > i32::MAX as u32 { 0 } else { ttl },
        data: rdata::present(kind, data.clone()),
    };
    Some((kind, record, data))
}

/// The OPT record: the upper bits of the response code, and extended errors (RFC 6891 section 6.1).
fn options(
    mut reader: Reader<'_>,
    extended_errors: &mut Vec<ExtendedError>,
    rcode: &mut u16,
) -> Option<()> {
    reader.name()?;
    reader.skip(4)?;
    *rcode |= u16::from(reader.u8()?) << 4;
    reader.skip(3)?;
    let length = usize::from(reader.u16()?);
    let mut data = reader.within(length)?;
    while !data.is_empty() {
        let code = data.u16()?;
        let length = usize::from(data.u16()?);
        let mut option = data.within(length)?;
        if code == EXTENDED_ERROR && extended_errors.len() < EXTENDED_ERRORS {
            extended_errors.push(ExtendedError {
                code: option.u16()?,
                text: String::from_utf8_lossy(option.rest())
                    .trim_end_matches('\0')
                    .to_owned(),
            });
        }
    }
    Some(())
}
