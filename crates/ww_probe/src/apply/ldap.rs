//! LDAP: whether a server names StartTLS among the extensions of its root entry (RFC 4511, RFC 4512 section 5.1).

use super::talk::{Dialogue, Learned, Turn, first_line};
use ww_evidence::transcript::GreetingOutcome;

/// The attribute that is asked for (RFC 4512 section 5.1).
const EXTENSIONS: &[u8] = b"supportedExtension";

/// The extended operation StartTLS (RFC 4511 section 4.14).
const STARTTLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// Message 1: the extensions of the entry at the root, for everybody to read.
const QUESTION: &[u8] = b"\x30\x39\x02\x01\x01\x63\x34\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x01\x02\x01\x05\x01\x01\x00\x87\x0bobjectClass\x30\x14\x04\x12supportedExtension";

/// Message 2: the end (UnbindRequest).
const FAREWELL: &[u8] = b"\x30\x05\x02\x01\x02\x42\x00";

/// Message 1: StartTLS.
pub(super) const STARTTLS_REQUEST: &[u8] =
    b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// What a message of a server is about, by the tag of its operation.
const ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const EXTENDED: u8 = 0x78;

/// One message.
pub(super) struct Message {
    operation: u8,
    content: Vec<u8>,
}

impl Message {
    /// Takes one off the front; `None` while it is not whole. An error where it is none of LDAP.
    pub(super) fn take(heard: &mut Vec<u8>) -> Result<Option<Message>, ()> {
        if heard.first().is_some_and(|&tag| tag != 0x30) {
            return Err(());
        }
        let Some((content, rest)) = element(heard) else {
            return Ok(None);
        };
        let used = heard.len() - rest.len();
        // Behind the number of the message.
        let (_, operation) = element(content).ok_or(())?;
        let tag = *operation.first().ok_or(())?;
        let (content, _) = element(operation).ok_or(())?;
        let message = Message {
            operation: tag,
            content: content.to_vec(),
        };
        heard.drain(..used);
        Ok(Some(message))
    }

    /// The result code of an answer that has one (RFC 4511 section 4.1.9).
    fn result(&self) -> Option<u8> {
        match self.content.as_slice() {
            [0x0a, 1, code, ..] => Some(*code),
            _ => None,
        }
    }

    /// The words stand in it.
    fn has(&self, words: &[u8]) -> bool {
        self.content.windows(words.len()).any(|part| part == words)
    }

    /// What the server says beside the code.
    fn diagnosis(&self) -> String {
        let behind = element(&self.content).and_then(|(_, rest)| element(rest));
        let text = behind.and_then(|(_, rest)| Some(element(rest)?.0));
        let text = first_line(text.unwrap_or_default());
        // Active Directory ends its words with a zero.
        let text = text.trim_end_matches('\0');
        format!("{} {text}", self.result().unwrap_or(u8::MAX))
            .trim_end()
            .to_owned()
    }

    /// The answer to StartTLS: a refusal in the server's words. `None` where it is another message.
    pub(super) fn starttls(&self) -> Option<Result<(), String>> {
        (self.operation == EXTENDED).then(|| match self.result() {
            Some(0) => Ok(()),
            _ => Err(self.diagnosis()),
        })
    }
}

/// The content of the first element, and what follows it (X.690 section 8.1).
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.get(1..)?.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits
                .iter()
                .fold(0_usize, |length, &digit| length << 8 | usize::from(digit));
            (length, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// Asks for the extensions and leaves.
#[derive(Debug, Default)]
pub(crate) struct Ldap {
    /// The entry's extensions were shown: they may be hidden from who has not logged in.
    is_shown: bool,
    named: bool,
    learned: Learned,
}

impl Dialogue for Ldap {
    fn opening(&mut self) -> Vec<u8> {
        QUESTION.to_vec()
    }

    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn {
        loop {
            let message = match Message::take(heard) {
                Err(()) => return Turn::Done,
                Ok(None) => return Turn::More,
                Ok(Some(message)) => message,
            };
            match message.operation {
                ENTRY => {
                    self.is_shown |= message.has(EXTENSIONS);
                    self.named |= message.has(STARTTLS);
                }
                SEARCH_DONE => {
                    self.learned.outcome = Some(GreetingOutcome::Fine);
                    if message.result() == Some(0) {
                        self.learned.offers_tls = self.is_shown.then_some(self.named);
                    } else {
                        self.learned.says = message.diagnosis();
                    }
                    return Turn::Leave(FAREWELL.to_vec());
                }
                // The notice that it ends the connection (RFC 4511 section 4.4.1).
                EXTENDED => {
                    self.learned.outcome = Some(GreetingOutcome::Denied(message.diagnosis()));
                    return Turn::Done;
                }
                _ => {}
            }
        }
    }

    fn learned(&self) -> Learned {
        self.learned.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::tests::rehearse;
    use super::*;

    /// A message with this operation.
    fn message(operation: u8, content: &[u8]) -> Vec<u8> {
        let inner = [&[2, 1, 1, operation, content.len() as u8], content].concat();
        [&[0x30, 0x81, inner.len() as u8], inner.as_slice()].concat()
    }

    #[test]
    fn questions_are_as_long_as_they_say() {
        for (text, length) in [(QUESTION, 2), (FAREWELL, 2), (STARTTLS_REQUEST, 2)] {
            assert_eq!(usize::from(text[1]) + length, text.len());
        }
    }

    #[test]
    fn the_root_entry_names_starttls() {
        let entry = message(ENTRY, &[b"\x04\0..", EXTENSIONS, b"..", STARTTLS].concat());
        let done = message(SEARCH_DONE, &[10, 1, 0, 4, 0, 4, 0]);
        let both = [entry, done.clone()].concat();
        let (learned, said, last) = rehearse(&mut Ldap::default(), &[&both[..5], &both[5..]]);
        assert_eq!(learned.outcome, Some(GreetingOutcome::Fine));
        assert_eq!(learned.offers_tls, Some(true));
        assert_eq!(
            (said[0].as_slice(), last),
            (QUESTION, Turn::Leave(FAREWELL.to_vec()))
        );
        let others = message(ENTRY, &[b"\x04\0..", EXTENSIONS, b"..1.3.6"].concat());
        let (without, _, _) = rehearse(&mut Ldap::default(), &[&others, &done]);
        assert_eq!(without.offers_tls, Some(false));
        for hidden in [&[][..], &message(ENTRY, b"\x04\0\x30\0")] {
            let (learned, _, _) = rehearse(&mut Ldap::default(), &[hidden, &done]);
            assert_eq!(learned.offers_tls, None, "nothing is shown to strangers");
        }
        let closed = message(SEARCH_DONE, b"\x0a\x01\x32\x04\0\x04\x02no");
        let (hidden, _, _) = rehearse(&mut Ldap::default(), &[&closed]);
        assert_eq!((hidden.offers_tls, hidden.says.as_str()), (None, "50 no"));
    }

    #[test]
    fn what_is_not_ldap_is_left() {
        let (learned, _, last) = rehearse(&mut Ldap::default(), &[b"* OK IMAP\r\n"]);
        assert_eq!((learned.outcome, last), (None, Turn::Done));
        let ends = message(EXTENDED, b"\x0a\x01\x34\x04\0\x04\x04busy");
        let (learned, _, _) = rehearse(&mut Ldap::default(), &[&ends]);
        let denied = GreetingOutcome::Denied("52 busy".to_owned());
        assert_eq!(learned.outcome, Some(denied.clone()));
        let more = message(EXTENDED, b"\x0a\x01\x34\x04\0\x04\x0bbusy\0\nmore\0");
        let (learned, _, _) = rehearse(&mut Ldap::default(), &[&more]);
        assert_eq!(learned.outcome, Some(denied), "one line, without its zero");
        for broken in [
            &b"\x30\x03\x02\x01"[..],
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x80",
        ] {
            let (learned, _, _) = rehearse(&mut Ldap::default(), &[broken]);
            assert_eq!(learned.outcome, None);
        }
    }
}
