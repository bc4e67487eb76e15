//! SMTP: the banner, and whether `STARTTLS` is among the answers to `EHLO` (RFC 5321, RFC 3207).

use super::talk::{Dialogue, Learned, Turn, take_line};
use std::net::IpAddr;
use ww_evidence::transcript::GreetingOutcome;

/// Greets back and leaves.
#[derive(Debug)]
pub(crate) struct Smtp {
    /// Our address, as which we present ourselves (RFC 5321 section 4.1.3).
    from: Option<IpAddr>,
    greeted: bool,
    starttls: bool,
    learned: Learned,
}

impl Smtp {
    pub(crate) fn new(from: Option<IpAddr>) -> Smtp {
        Smtp {
            from,
            greeted: false,
            starttls: false,
            learned: Learned::default(),
        }
    }

    /// The last line of a reply.
    fn reply(&mut self, code: &str, text: &str) -> Turn {
        if self.greeted {
            if code == "250" {
                self.learned.offers_tls = Some(self.starttls);
            }
            return Turn::Leave(b"QUIT\r\n".to_vec());
        }
        self.greeted = true;
        if code == "220" {
            self.learned.outcome = Some(GreetingOutcome::Fine);
            text.clone_into(&mut self.learned.says);
            return Turn::Say(hello(self.from));
        }
        self.learned.outcome = Some(GreetingOutcome::Denied(format!("{code} {text}")));
        Turn::Leave(b"QUIT\r\n".to_vec())
    }
}

impl Dialogue for Smtp {
    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn {
        while is_reply(heard) {
            let Some(line) = take_line(heard) else {
                return Turn::More;
            };
            let (code, rest) = line.split_at_checked(3).unwrap_or((&line, ""));
            let text = rest.get(1..).unwrap_or_default();
            if self.greeted && text.trim().eq_ignore_ascii_case("STARTTLS") {
                self.starttls = true;
            }
            if !rest.starts_with('-') {
                return self.reply(code, text);
            }
        }
        if heard.is_empty() {
            Turn::More
        } else {
            Turn::Done
        }
    }

    fn learned(&self) -> Learned {
        self.learned.clone()
    }
}

/// How we present ourselves: by our address.
pub(super) fn hello(from: Option<IpAddr>) -> Vec<u8> {
    match from {
        Some(IpAddr::V4(address)) => format!("EHLO [{address}]\r\n"),
        Some(IpAddr::V6(address)) => format!("EHLO [IPv6:{address}]\r\n"),
        None => "EHLO [127.0.0.1]\r\n".to_owned(),
    }
    .into_bytes()
}

/// It begins with a reply's three digits, as far as it goes.
fn is_reply(heard: &[u8]) -> bool {
    !heard.is_empty() && heard.iter().take(3).all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::super::talk::tests::rehearse;
    use super::*;

    #[test]
    fn starttls_is_found_among_the_answers() {
        let mut dialogue = Smtp::new("192.0.2.9".parse().ok());
        let (learned, said, last) = rehearse(
            &mut dialogue,
            &[
                b"220-mx.example ESMTP\r\n22",
                b"0 ready\r\n",
                b"250-mx.example\r\n250-SIZE 1000\r\n250-starttls\r\n250 HELP\r\n",
            ],
        );
        assert_eq!(said[1], b"EHLO [192.0.2.9]\r\n");
        assert_eq!(learned.offers_tls, Some(true));
        assert_eq!(learned.says, "ready");
        assert_eq!(last, Turn::Leave(b"QUIT\r\n".to_vec()));
        let mut dialogue = Smtp::new("2001:db8::9".parse().ok());
        let (learned, said, _) = rehearse(
            &mut dialogue,
            &[b"220 mx.example\r\n", b"250 mx.example\r\n"],
        );
        assert_eq!(said[1], b"EHLO [IPv6:2001:db8::9]\r\n");
        assert_eq!(learned.offers_tls, Some(false));
    }

    #[test]
    fn refusals_are_told_in_the_servers_words() {
        let (learned, _, _) = rehearse(
            &mut Smtp::new(None),
            &[b"421 4.7.0 mx.example Error: too many connections\r\n"],
        );
        assert_eq!(
            learned.outcome,
            Some(GreetingOutcome::Denied(
                "421 4.7.0 mx.example Error: too many connections".to_owned()
            ))
        );
        let (learned, _, last) = rehearse(&mut Smtp::new(None), &[b"SSH-2.0-x\r\n"]);
        assert_eq!((learned.outcome, last), (None, Turn::Done));
    }
}
