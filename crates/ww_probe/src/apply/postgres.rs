//! PostgreSQL: whether it offers TLS, and what it says to a user that it need not know (Frontend/Backend
//! Protocol, message formats). No password is ever sent.

use super::talk::{Dialogue, Learned, Turn, clipped};
use ww_evidence::transcript::GreetingOutcome;

/// `SSLRequest`: its length and the code 80877103.
pub(super) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// `Terminate`.
const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

/// A longer message is no answer to a first question.
const MESSAGE_BYTES: usize = 16 * 1024;

/// A conversation up to the point where the server asks for proof of who we are.
#[derive(Debug)]
pub(crate) struct Postgres {
    awaits_tls: bool,
    learned: Learned,
}

impl Postgres {
    /// Asks for TLS first, and goes on in clear text where it is not offered.
    pub(crate) fn new() -> Postgres {
        Postgres {
            awaits_tls: true,
            learned: Learned::default(),
        }
    }

    /// Begins in clear text, as the server has said already that it offers TLS.
    pub(crate) fn in_clear() -> Postgres {
        Postgres {
            awaits_tls: false,
            learned: Learned {
                offers_tls: Some(true),
                ..Learned::default()
            },
        }
    }

    /// The server wants to go on within TLS, so that the rest takes another connection.
    pub(crate) fn wants_tls(&self) -> bool {
        self.learned.offers_tls == Some(true) && self.learned.outcome.is_none()
    }

    fn finish(&mut self, outcome: GreetingOutcome, says: String) -> Turn {
        self.learned.outcome = Some(outcome);
        self.learned.says = says;
        Turn::Leave(TERMINATE.to_vec())
    }

    fn message(&mut self, kind: u8, body: &[u8]) -> Turn {
        match kind {
            b'R' => match body.first_chunk() {
                // The server asks nothing; it may still say that there is no such database.
                Some([0, 0, 0, 0]) => Turn::More,
                Some(&code) => {
                    let how = authentication(u32::from_be_bytes(code), body);
                    self.finish(GreetingOutcome::Fine, format!("asks for {how}"))
                }
                None => Turn::Done,
            },
            b'E' => {
                let (code, text) = error_of(body);
                let told = clipped(&format!("{code}: {text}"));
                if is_about_us(&code, &text) {
                    self.finish(GreetingOutcome::Fine, told)
                } else {
                    self.finish(GreetingOutcome::Denied(told), String::new())
                }
            }
            b'Z' => self.finish(GreetingOutcome::Fine, "asks for no password".to_owned()),
            // Parameters, keys, notices, versions.
            b'S' | b'K' | b'N' | b'v' => Turn::More,
            _ => Turn::Done,
        }
    }
}

impl Dialogue for Postgres {
    fn opening(&mut self) -> Vec<u8> {
        if self.awaits_tls {
            SSL_REQUEST.to_vec()
        } else {
            startup()
        }
    }

    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn {
        if self.awaits_tls {
            match heard.first() {
                Some(b'N') => {
                    heard.remove(0);
                    self.awaits_tls = false;
                    self.learned.offers_tls = Some(false);
                    return Turn::Say(startup());
                }
                Some(b'S') if heard.len() == 1 => {
                    heard.clear();
                    self.awaits_tls = false;
                    self.learned.offers_tls = Some(true);
                    return Turn::Done;
                }
                // The server has no place for us before it looks at what we want.
                Some(b'E') => self.awaits_tls = false,
                _ => return Turn::Done,
            }
        }
        while let Some((&kind, rest)) = heard.split_first() {
            let Some(length) = rest.first_chunk().map(|&length| u32::from_be_bytes(length)) else {
                return Turn::More;
            };
            let length = length as usize;
            if !(4..MESSAGE_BYTES).contains(&length) {
                return Turn::Done;
            }
            let Some(body) = rest.get(4..length).map(<[u8]>::to_vec) else {
                return Turn::More;
            };
            heard.drain(..=length);
            let turn = self.message(kind, &body);
            if turn != Turn::More {
                return turn;
            }
        }
        Turn::More
    }

    fn learned(&self) -> Learned {
        self.learned.clone()
    }
}

/// `StartupMessage` of protocol 3.0.
fn startup() -> Vec<u8> {
    let parameters = b"user\0wirewise\0database\0wirewise\0application_name\0wirewise\0\0";
    let mut message = Vec::from((8 + parameters.len() as u32).to_be_bytes());
    message.extend(196_608_u32.to_be_bytes());
    message.extend(parameters);
    message
}

/// SQLSTATE and text of an `ErrorResponse`.
fn error_of(body: &[u8]) -> (String, String) {
    let field = |wanted: u8| {
        body.split(|&byte| byte == 0)
            .find_map(|field| match field.split_first() {
                Some((&kind, text)) if kind == wanted => {
                    Some(String::from_utf8_lossy(text).into_owned())
                }
                _ => None,
            })
            .unwrap_or_default()
    };
    (field(b'C'), field(b'M'))
}

/// The server refuses a user or a database that does not exist, as it should: no such role (class 28), no such
/// database (class 3D), or a pooler's word for either (08P01). It is not asked as whom it would be.
fn is_about_us(code: &str, text: &str) -> bool {
    (code.starts_with("28") && !text.contains("pg_hba.conf"))
        || code.starts_with("3D")
        || code == "08P01"
        // It would take us within TLS.
        || (text.contains("pg_hba.conf") && (text.contains("no encryption") || text.contains("SSL off")))
}

fn authentication(code: u32, body: &[u8]) -> String {
    match code {
        3 => "a password in clear text".to_owned(),
        5 => "a password with MD5".to_owned(),
        7 => "GSSAPI".to_owned(),
        9 => "SSPI".to_owned(),
        10 => body
            .get(4..)
            .unwrap_or_default()
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| clipped(&String::from_utf8_lossy(name)))
            .next()
            .unwrap_or_else(|| "SASL".to_owned()),
        _ => format!("authentication {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::tests::rehearse;
    use super::*;

    fn error(code: &str, text: &str) -> Vec<u8> {
        let body = format!("SFATAL\0VFATAL\0C{code}\0M{text}\0\0");
        let mut message = vec![b'E'];
        message.extend((4 + body.len() as u32).to_be_bytes());
        message.extend(body.bytes());
        message
    }

    #[test]
    fn a_server_without_tls_is_asked_in_clear() {
        let reply = error("28000", "role \"wirewise\" does not exist");
        let (learned, said, last) =
            rehearse(&mut Postgres::new(), &[b"N", &reply[..9], &reply[9..]]);
        assert_eq!(said[0], SSL_REQUEST);
        assert_eq!(said[1], startup());
        assert_eq!(
            u32::from_be_bytes([said[1][0], said[1][1], said[1][2], said[1][3]]) as usize,
            said[1].len()
        );
        assert_eq!(learned.offers_tls, Some(false));
        assert_eq!(learned.outcome, Some(GreetingOutcome::Fine));
        assert_eq!(learned.says, "28000: role \"wirewise\" does not exist");
        assert_eq!(last, Turn::Leave(TERMINATE.to_vec()));
    }

    #[test]
    fn a_server_with_tls_is_asked_again() {
        let mut first = Postgres::new();
        let (learned, _, last) = rehearse(&mut first, &[b"S"]);
        assert_eq!((learned.offers_tls, last), (Some(true), Turn::Done));
        assert!(first.wants_tls());
        let sasl = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";
        let (learned, said, _) = rehearse(&mut Postgres::in_clear(), &[sasl]);
        assert_eq!(said[0], startup());
        assert_eq!(learned.says, "asks for SCRAM-SHA-256");
        assert_eq!(learned.offers_tls, Some(true));
        let hba = error(
            "28000",
            "no pg_hba.conf entry for host \"192.0.2.1\", user \"wirewise\", database \"wirewise\", no encryption",
        );
        let (learned, _, _) = rehearse(&mut Postgres::in_clear(), &[&hba]);
        assert_eq!(learned.outcome, Some(GreetingOutcome::Fine));
    }

    #[test]
    fn refusals_are_told_in_the_servers_words() {
        let full = error("53300", "sorry, too many clients already");
        let (learned, _, _) = rehearse(&mut Postgres::new(), &[b"N", &full]);
        let denied = GreetingOutcome::Denied("53300: sorry, too many clients already".to_owned());
        assert_eq!(learned.outcome, Some(denied.clone()));
        let (learned, _, _) = rehearse(&mut Postgres::new(), &[&full]);
        assert_eq!(learned.outcome, Some(denied));
        let hba = error(
            "28000",
            "no pg_hba.conf entry for host \"192.0.2.1\", user \"wirewise\", database \"wirewise\", SSL on",
        );
        let (learned, _, _) = rehearse(&mut Postgres::new(), &[b"N", &hba]);
        assert!(matches!(learned.outcome, Some(GreetingOutcome::Denied(_))));
    }

    #[test]
    fn trust_is_seen_and_nonsense_is_left() {
        let (learned, _, _) = rehearse(
            &mut Postgres::new(),
            &[b"N", b"R\0\0\0\x08\0\0\0\0", b"Z\0\0\0\x05I"],
        );
        assert_eq!(learned.says, "asks for no password");
        for nonsense in [
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            b"N\xff\xff\xff\xff\xff\xff",
            b"E\0\0\0\0",
            b"E\0\0\0\x04",
            b"NR\0\0\0\x04",
        ] {
            let mut dialogue = Postgres::new();
            let mut heard = nonsense.to_vec();
            let mut turns = 0;
            while let Turn::Say(_) = dialogue.hear(&mut heard) {
                turns += 1;
                assert!(turns < 3);
            }
        }
    }
}
