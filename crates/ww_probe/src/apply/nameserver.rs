//! A name server as the target: it is asked for the name servers of the root, which every resolver knows
//! (RFC 1035 section 4).

use super::talk::{Dialogue, Learned, Turn};
use ww_evidence::transcript::GreetingOutcome;

/// The names of response codes (RFC 1035 section 4.1.1, RFC 2136).
const CODES: [&str; 11] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
    "NXRRSET", "NOTAUTH", "NOTZONE",
];

/// `. NS IN`, with recursion desired.
pub(crate) fn query(id: u16) -> Vec<u8> {
    let mut query = id.to_be_bytes().to_vec();
    query.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    query.extend([0, 0, 2, 0, 1]);
    query
}

/// What an answer to the query tells; `None` when it is none.
pub(crate) fn answer(id: u16, message: &[u8]) -> Option<Learned> {
    let &[
        id_high,
        id_low,
        flags,
        more,
        _,
        _,
        answers_high,
        answers_low,
        ..,
    ] = message.first_chunk::<12>()?;
    if u16::from_be_bytes([id_high, id_low]) != id || flags & 0x80 == 0 {
        return None;
    }
    let code = more & 0x0f;
    let name = CODES
        .get(usize::from(code))
        .map_or_else(|| format!("RCODE {code}"), |&name| name.to_owned());
    let answers = u16::from_be_bytes([answers_high, answers_low]);
    let recursion = if more & 0x80 == 0 {
        "no recursion"
    } else {
        "recursion available"
    };
    Some(Learned {
        outcome: Some(match code {
            0 | 3 => GreetingOutcome::Fine,
            _ => GreetingOutcome::Denied(name.clone()),
        }),
        says: format!("{name}, records in the answer: {answers}, {recursion}"),
        ..Learned::default()
    })
}

/// The same over TCP, where a length precedes every message.
#[derive(Debug)]
pub(crate) struct OverTcp {
    id: u16,
    learned: Learned,
}

impl OverTcp {
    pub(crate) fn new(id: u16) -> OverTcp {
        OverTcp {
            id,
            learned: Learned::default(),
        }
    }
}

impl Dialogue for OverTcp {
    fn opening(&mut self) -> Vec<u8> {
        let query = query(self.id);
        let mut message = (query.len() as u16).to_be_bytes().to_vec();
        message.extend(query);
        message
    }

    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn {
        let Some((&length, rest)) = heard.split_first_chunk() else {
            return Turn::More;
        };
        let Some(message) = rest.get(..usize::from(u16::from_be_bytes(length))) else {
            // What is not a name server's announces a length that never comes; the first twelve bytes tell.
            let strange = rest
                .first_chunk::<12>()
                .is_some_and(|start| answer(self.id, start).is_none());
            return if strange { Turn::Done } else { Turn::More };
        };
        if let Some(learned) = answer(self.id, message) {
            self.learned = learned;
            heard.clear();
        }
        Turn::Done
    }

    fn learned(&self) -> Learned {
        self.learned.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::tests::rehearse;
    use super::*;

    /// A reply with this code.
    fn reply(id: u16, code: u8) -> Vec<u8> {
        let mut reply = query(id);
        reply[2] = 0x81;
        reply[3] = 0x80 | code;
        reply
    }

    #[test]
    fn answers_are_told_by_their_code() {
        let learned = answer(7, &reply(7, 0)).expect("an answer");
        assert_eq!(learned.outcome, Some(GreetingOutcome::Fine));
        assert_eq!(
            learned.says,
            "NOERROR, records in the answer: 0, recursion available"
        );
        let learned = answer(7, &reply(7, 5)).expect("an answer");
        assert_eq!(
            learned.outcome,
            Some(GreetingOutcome::Denied("REFUSED".to_owned()))
        );
        assert_eq!(answer(8, &reply(7, 0)), None);
        assert_eq!(answer(7, &query(7)), None);
        assert_eq!(answer(7, &[0; 5]), None);
    }

    #[test]
    fn tcp_puts_a_length_before_it() {
        let mut message = reply(7, 0);
        message.splice(0..0, [0, 17]);
        let (learned, said, last) = rehearse(
            &mut OverTcp::new(7),
            &[&message[..1], &message[1..9], &message[9..]],
        );
        assert_eq!(said[0].len(), 19);
        assert_eq!(learned.outcome, Some(GreetingOutcome::Fine));
        assert_eq!(last, Turn::Done);
        let (learned, _, last) = rehearse(&mut OverTcp::new(7), &[b"HTTP/1.1 400 Bad Request\r\n"]);
        assert_eq!((learned.outcome, last), (None, Turn::Done));
    }
}
