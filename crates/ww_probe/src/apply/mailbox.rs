//! Mailboxes: what IMAP (RFC 9051) and POP3 (RFC 1939) servers say first, whether they offer TLS within the protocol, and
//! whether they take passwords without it.

use super::talk::{Dialogue, Learned, Turn, behind, take_line, take_whole_line};
use ww_evidence::transcript::GreetingOutcome;

/// IMAP: asks for the capabilities and leaves.
#[derive(Debug, Default)]
pub(crate) struct Imap {
    greeted: bool,
    learned: Learned,
}

impl Imap {
    fn greeting(&mut self, line: &str) -> Turn {
        let Some((word, text)) = line
            .strip_prefix("* ")
            .map(|rest| rest.split_once(' ').unwrap_or((rest, "")))
        else {
            return Turn::Done;
        };
        match word.to_ascii_uppercase().as_str() {
            "OK" | "PREAUTH" => {
                self.greeted = true;
                self.learned.outcome = Some(GreetingOutcome::Fine);
                without_code(text).clone_into(&mut self.learned.says);
                Turn::Say(b"w1 CAPABILITY\r\n".to_vec())
            }
            "BYE" => {
                self.learned.outcome = Some(GreetingOutcome::Denied(format!("BYE {text}")));
                Turn::Done
            }
            _ => Turn::Done,
        }
    }

    fn capabilities(&mut self, words: &str) {
        let has = |wanted: &str| {
            words
                .split_whitespace()
                .any(|word| word.eq_ignore_ascii_case(wanted))
        };
        self.learned.offers_tls = Some(has("STARTTLS"));
        self.learned.takes_clear_passwords = !has("LOGINDISABLED");
    }
}

/// The text behind a response code in brackets.
fn without_code(text: &str) -> &str {
    match text.strip_prefix('[') {
        Some(rest) => rest
            .split_once(']')
            .map_or("", |(_, text)| text.trim_start()),
        None => text,
    }
}

impl Dialogue for Imap {
    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn {
        if !self.greeted {
            // Another protocol keeps its first line, for whoever tells it.
            if heard.first() != Some(&b'*') {
                return Turn::Done;
            }
            return match take_line(heard) {
                Some(line) => self.greeting(&line),
                None => Turn::More,
            };
        }
        while let Some(line) = take_whole_line(heard) {
            if let Some(words) = behind(&line, "* CAPABILITY ") {
                self.capabilities(words);
            } else if behind(&line, "w1 ").is_some() {
                return Turn::Leave(b"w2 LOGOUT\r\n".to_vec());
            }
        }
        Turn::More
    }

    fn learned(&self) -> Learned {
        self.learned.clone()
    }
}

/// POP3: asks for the capabilities (RFC 2449) and leaves.
#[derive(Debug, Default)]
pub(crate) struct Pop3 {
    said: Stage,
    learned: Learned,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Greeting,
    Asked,
    Listing,
}

impl Dialogue for Pop3 {
    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn {
        if self.said == Stage::Greeting && !matches!(heard.first(), Some(b'+' | b'-')) {
            return Turn::Done;
        }
        while let Some(line) = take_line(heard) {
            let is_error = line.starts_with("-ERR");
            match self.said {
                Stage::Greeting if is_error => {
                    self.learned.outcome = Some(GreetingOutcome::Denied(line));
                    return Turn::Done;
                }
                Stage::Greeting => {
                    self.learned.outcome = Some(GreetingOutcome::Fine);
                    line.trim_start_matches("+OK")
                        .trim()
                        .clone_into(&mut self.learned.says);
                    self.said = Stage::Asked;
                    return Turn::Say(b"CAPA\r\n".to_vec());
                }
                // A server that lists nothing says nothing of TLS.
                Stage::Asked if is_error => return Turn::Leave(b"QUIT\r\n".to_vec()),
                Stage::Asked => {
                    self.said = Stage::Listing;
                    self.learned.offers_tls = Some(false);
                }
                Stage::Listing if line == "." => return Turn::Leave(b"QUIT\r\n".to_vec()),
                Stage::Listing => self.capability(&line),
            }
        }
        Turn::More
    }

    fn learned(&self) -> Learned {
        self.learned.clone()
    }
}

impl Pop3 {
    fn capability(&mut self, line: &str) {
        let mut words = line.split_whitespace().map(str::to_ascii_uppercase);
        match words.next().as_deref() {
            Some("STLS") => self.learned.offers_tls = Some(true),
            Some("USER") => self.learned.takes_clear_passwords = true,
            Some("SASL") => {
                let sends_password = |word: String| word == "PLAIN" || word == "LOGIN";
                self.learned.takes_clear_passwords |= words.any(sends_password);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::tests::rehearse;
    use super::*;

    #[test]
    fn an_imap_server_says_what_it_can() {
        let (learned, said, last) = rehearse(
            &mut Imap::default(),
            &[
                b"* OK [CAPABILITY IMAP4rev1 ID] Dovecot",
                b" ready.\r\n",
                b"* CAPABILITY IMAP4rev1 StartTLS LOGINDISABLED\r\nw1 OK done.\r\n",
            ],
        );
        assert_eq!(learned.outcome, Some(GreetingOutcome::Fine));
        assert_eq!(learned.says, "Dovecot ready.");
        assert_eq!(learned.offers_tls, Some(true));
        assert!(!learned.takes_clear_passwords);
        assert_eq!(said[1], b"w1 CAPABILITY\r\n");
        assert_eq!(last, Turn::Leave(b"w2 LOGOUT\r\n".to_vec()));
        let (open, _, _) = rehearse(
            &mut Imap::default(),
            &[b"* OK hello\r\n", b"* CAPABILITY IMAP4rev1\r\nw1 OK\r\n"],
        );
        assert_eq!(open.offers_tls, Some(false));
        assert!(open.takes_clear_passwords);
    }

    #[test]
    fn capabilities_are_read_whatever_their_case_and_length() {
        let many = "XEXTENSION ".repeat(40);
        let line = format!("* capability imap4rev1 {many}starttls logindisabled\r\nw1 ok\r\n");
        let (learned, _, last) =
            rehearse(&mut Imap::default(), &[b"* ok hello\r\n", line.as_bytes()]);
        assert_eq!(learned.offers_tls, Some(true));
        assert!(!learned.takes_clear_passwords);
        assert_eq!(last, Turn::Leave(b"w2 LOGOUT\r\n".to_vec()));
    }

    #[test]
    fn a_pop3_server_says_what_it_can() {
        let (learned, said, _) = rehearse(
            &mut Pop3::default(),
            &[
                b"+OK Dovecot ready. <1.2@x>\r\n",
                b"+OK\r\nCAPA\r\nSTLS\r\nSASL\r\n.\r\n",
            ],
        );
        assert_eq!(learned.says, "Dovecot ready. <1.2@x>");
        assert_eq!(learned.offers_tls, Some(true));
        assert!(!learned.takes_clear_passwords);
        assert_eq!(said[1..], [&b"CAPA\r\n"[..], b"QUIT\r\n"]);
        for listed in ["USER", "SASL CRAM-MD5 plain"] {
            let list = format!("+OK\r\n{listed}\r\n.\r\n");
            let pieces: [&[u8]; 2] = [b"+OK\r\n", list.as_bytes()];
            let (open, _, _) = rehearse(&mut Pop3::default(), &pieces);
            assert_eq!(open.offers_tls, Some(false), "{listed}");
            assert!(open.takes_clear_passwords, "{listed}");
        }
        let (old, _, last) = rehearse(
            &mut Pop3::default(),
            &[b"+OK\r\n", b"-ERR unknown command\r\n"],
        );
        assert_eq!((old.offers_tls, old.takes_clear_passwords), (None, false));
        assert_eq!(last, Turn::Leave(b"QUIT\r\n".to_vec()));
    }

    #[test]
    fn refusals_and_other_protocols_are_told_apart() {
        let (full, _, _) = rehearse(&mut Imap::default(), &[b"* BYE too many\r\n"]);
        let denied = |words: &str| Some(GreetingOutcome::Denied(words.to_owned()));
        assert_eq!(full.outcome, denied("BYE too many"));
        let (busy, _, _) = rehearse(&mut Pop3::default(), &[b"-ERR [SYS/TEMP] later\r\n"]);
        assert_eq!(busy.outcome, denied("-ERR [SYS/TEMP] later"));
        let (other, _, last) = rehearse(&mut Imap::default(), &[b"220 mx ESMTP\r\n"]);
        assert_eq!((other.outcome, last), (None, Turn::Done));
        let (other, _, last) = rehearse(&mut Pop3::default(), &[b"SSH-2.0-x\r\n"]);
        assert_eq!((other.outcome, last), (None, Turn::Done));
    }
}
