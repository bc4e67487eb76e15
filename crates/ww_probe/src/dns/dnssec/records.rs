//! Messages as a validator reads them: sets of records in canonical form (RFC 4034 section 6), each with the
//! signatures over it.

use super::super::wire::{CNAME, DNAME, MX, NS, NSEC, PTR, RRSIG, Reader, SOA, SRV};
use super::name::Name;
use super::signature::Signature;
use ww_base::Order;

/// Records of one section that are read.
const RECORDS: usize = 512;

/// What a server says.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    /// The response code.
    pub(super) rcode: u16,
    /// It is cut short.
    pub(super) truncated: bool,
    /// The answer section.
    pub(super) answer: Vec<RecordSet>,
    /// The authority section.
    pub(super) authority: Vec<RecordSet>,
}

/// Records of one name and type.
#[derive(Clone, Debug)]
pub(super) struct RecordSet {
    /// The name.
    pub(super) owner: Name,
    /// The type; [`RRSIG`] never, as signatures stand with what they sign.
    pub(super) kind: u16,
    /// Time to live, seconds.
    pub(super) ttl: u32,
    /// The data of each record.
    pub(super) data: Vec<Vec<u8>>,
    /// The signatures.
    pub(super) signatures: Vec<Signature>,
}

impl Reply {
    /// Reads a message; `None` when that is not possible. A message that is cut short may end anywhere.
    pub(super) fn read(bytes: &[u8]) -> Option<Reply> {
        let mut reader = Reader::new(bytes);
        let mut head = [0_u16; 6];
        for word in &mut head {
            *word = reader.u16()?;
        }
        let [_, flags, questions, answers, authorities, _] = head;
        let mut reply = Reply {
            rcode: flags & 0x000f,
            truncated: flags & 0x0200 != 0,
            ..Reply::default()
        };
        let read = reply.sections(&mut reader, questions, answers, authorities);
        (read.is_some() || reply.truncated).then_some(reply)
    }

    fn sections(
        &mut self,
        reader: &mut Reader<'_>,
        questions: u16,
        answers: u16,
        authorities: u16,
    ) -> Option<()> {
        for _ in 0..questions {
            reader.name()?;
            reader.skip(4)?;
        }
        self.answer = section(reader, answers)?;
        self.authority = section(reader, authorities)?;
        Some(())
    }

    /// The records of a name and type in the answer section.
    pub(super) fn answer_for(&self, owner: &Name, kind: u16) -> Option<&RecordSet> {
        self.answer
            .iter()
            .find(|set| set.kind == kind && set.owner == *owner && !set.data.is_empty())
    }

    /// Something in it is signed.
    pub(super) fn is_signed(&self) -> bool {
        let mut sets = self.answer.iter().chain(&self.authority);
        sets.any(|set| !set.signatures.is_empty())
    }
}

/// A record before it has joined its set.
struct Loose {
    owner: Name,
    kind: u16,
    ttl: u32,
    data: Vec<u8>,
}

fn section(reader: &mut Reader<'_>, count: u16) -> Option<Vec<RecordSet>> {
    let mut sets: Vec<RecordSet> = Vec::new();
    for nth in 0..usize::from(count) {
        let loose = record(reader)?;
        if nth >= RECORDS {
            continue;
        }
        let signature = (loose.kind == RRSIG).then(|| Signature::read(&loose.data));
        let kind = match &signature {
            Some(Some(signature)) => signature.covered,
            Some(None) => continue,
            None => loose.kind,
        };
        let at = sets
            .iter()
            .position(|set| set.kind == kind && set.owner == loose.owner);
        let at = at.unwrap_or_else(|| {
            sets.push(RecordSet {
                owner: loose.owner.clone(),
                kind,
                ttl: loose.ttl,
                data: Vec::new(),
                signatures: Vec::new(),
            });
            sets.len() - 1
        });
        let set = sets.get_mut(at)?;
        if let Some(signature) = signature.flatten() {
            set.signatures.push(signature);
        } else {
            set.ttl = loose.ttl;
            if !set.data.contains(&loose.data) {
                set.data.push(loose.data);
            }
        }
    }
    for set in &mut sets {
        set.data.put_in_order();
    }
    Some(sets)
}

fn record(reader: &mut Reader<'_>) -> Option<Loose> {
    let owner = Name::parse(&reader.name()?)?;
    let kind = reader.u16()?;
    reader.skip(2)?;
    let ttl = reader.u32()?;
    let length = usize::from(reader.u16()?);
    let data = canonical(kind, reader.within(length)?)?;
    Some(Loose {
        owner,
        kind,
        ttl,
        data,
    })
}

/// The data with its names written out and, for the types of RFC 4034 section 6.2, in lower case. The next
/// name of an NSEC record keeps its case (RFC 6840 section 5.1).
fn canonical(kind: u16, mut data: Reader<'_>) -> Option<Vec<u8>> {
    const MD: u16 = 3;
    const MF: u16 = 4;
    const MB: u16 = 7;
    const MG: u16 = 8;
    const MR: u16 = 9;
    const MINFO: u16 = 14;
    const RP: u16 = 17;
    const AFSDB: u16 = 18;
    const RT: u16 = 21;
    const PX: u16 = 26;
    const NAPTR: u16 = 35;
    const KX: u16 = 36;
    // Bytes before the names, and how many names there are.
    let (fixed, names) = match kind {
        NS | CNAME | PTR | DNAME | MD | MF | MB | MG | MR => (0, 1),
        SOA | MINFO | RP => (0, 2),
        MX | AFSDB | RT | KX => (2, 1),
        PX => (2, 2),
        SRV => (6, 1),
        RRSIG => (18, 1),
        NAPTR => {
            let mut bytes = data.take(4)?.to_vec();
            for _ in 0..3 {
                let string = data.string()?;
                bytes.push(string.len() as u8);
                bytes.extend(string);
            }
            bytes.extend(Name::parse(&data.name()?)?.wire());
            return Some(bytes);
        }
        NSEC => {
            let mut bytes = data.name_bytes()?;
            bytes.extend(data.rest());
            return Some(bytes);
        }
        _ => return Some(data.rest().to_vec()),
    };
    let mut bytes = data.take(fixed)?.to_vec();
    for _ in 0..names {
        bytes.extend(Name::parse(&data.name()?)?.wire());
    }
    bytes.extend(data.rest());
    Some(bytes)
}
