//! The way from a protocol's clear text into TLS: `SSLRequest` of PostgreSQL, `STARTTLS` of SMTP (RFC 3207), IMAP, POP3
//! (RFC 2595) and LDAP (RFC 4511), `CLIENT_SSL` of MySQL. No word of the protocol is said beyond it.

use super::ldap;
use super::mysql::Mysql;
use super::postgres::SSL_REQUEST;
use super::smtp;
use super::talk::{self, Dialogue, Learned, Turn, behind, clipped, first_line, take_line};
use std::time::Duration;
use tokio::net::TcpStream;
use ww_evidence::transcript::{GreetingOutcome, Service};

/// `SSLRequest` of MySQL: a packet of 32 bytes, the second of the connection. Abilities: long passwords, protocol
/// 4.1, TLS, secure authentication, its plug-ins; then the largest packet, utf8mb4, and a filler.
const MYSQL_REQUEST: [u8; 13] = [32, 0, 0, 1, 0x01, 0x8a, 0x08, 0, 0, 0, 0, 1, 45];

/// Leads a connection up to where the TLS handshake begins.
///
/// # Errors
///
/// What the server says instead, as the end of "the server fails: …".
pub(crate) async fn enter(
    stream: &mut TcpStream,
    service: Service,
    patience: Duration,
) -> Result<(), String> {
    let from = stream.local_addr().ok().map(|from| from.ip());
    let mut way = Way {
        service,
        hello: smtp::hello(from),
        said: Said::Nothing,
        refusal: String::new(),
    };
    let (_, rest) = talk::talk(stream, &mut way, patience).await;
    match way.said {
        Said::Granted if rest.is_empty() => Ok(()),
        // What stands in clear text behind the consent could be somebody else's words.
        Said::Granted => Err("it agrees to TLS, and goes on in clear text".to_owned()),
        _ if !way.refusal.is_empty() => Err(format!(
            "it offers TLS, and answers `{}` to whoever wants it",
            way.refusal
        )),
        _ if !rest.is_empty() => Err(format!(
            "it offers TLS, and answers `{}` to whoever wants it",
            first_line(&rest)
        )),
        _ => Err("it offers TLS, and does not answer whoever wants it".to_owned()),
    }
}

/// How to open a connection that changes to TLS, as `openssl s_client` names it.
pub(crate) fn name(service: Service) -> &'static str {
    match service {
        Service::Postgres => "postgres",
        Service::Mysql => "mysql",
        Service::Imap => "imap",
        Service::Pop3 => "pop3",
        Service::Ldap => "ldap",
        _ => "smtp",
    }
}

/// How far the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Hello,
    Wish,
    Granted,
}

#[derive(Debug)]
struct Way {
    service: Service,
    hello: Vec<u8>,
    said: Said,
    refusal: String,
}

impl Way {
    fn hear_postgres(&mut self, heard: &mut Vec<u8>) -> Turn {
        if heard.first() == Some(&b'S') {
            heard.remove(0);
            self.said = Said::Granted;
        }
        Turn::Done
    }

    fn hear_mysql(&mut self, heard: &mut Vec<u8>) -> Turn {
        let mut greeting = Mysql::default();
        let turn = greeting.hear(heard);
        match greeting.learned().outcome {
            Some(GreetingOutcome::Fine) => {
                self.said = Said::Granted;
                let mut request = MYSQL_REQUEST.to_vec();
                request.resize(36, 0);
                Turn::Leave(request)
            }
            Some(GreetingOutcome::Denied(why)) => {
                self.refusal = why;
                Turn::Done
            }
            _ => turn,
        }
    }

    /// IMAP and POP3: a greeting, and an answer to the wish, each a line.
    fn hear_mailbox(&mut self, heard: &mut Vec<u8>) -> Turn {
        let is_imap = self.service == Service::Imap;
        while let Some(line) = take_line(heard) {
            let (good, wish): (&str, &[u8]) = match (is_imap, self.said) {
                (true, Said::Nothing) => ("* OK", b"w1 STARTTLS\r\n"),
                (true, _) => ("w1 OK", b""),
                (false, Said::Nothing) => ("+OK", b"STLS\r\n"),
                (false, _) => ("+OK", b""),
            };
            if behind(&line, good).is_some() {
                if self.said == Said::Wish {
                    self.said = Said::Granted;
                    return Turn::Done;
                }
                self.said = Said::Wish;
                return Turn::Say(wish.to_vec());
            }
            // Whoever listens is told news that have nothing to do with the wish.
            if is_imap && self.said == Said::Wish && line.starts_with("* ") {
                continue;
            }
            self.refusal = clipped(&line);
            return Turn::Done;
        }
        Turn::More
    }

    fn hear_ldap(&mut self, heard: &mut Vec<u8>) -> Turn {
        loop {
            match ldap::Message::take(heard) {
                Err(()) => return Turn::Done,
                Ok(None) => return Turn::More,
                Ok(Some(message)) => match message.starttls() {
                    None => {}
                    Some(Ok(())) => {
                        self.said = Said::Granted;
                        return Turn::Done;
                    }
                    Some(Err(why)) => {
                        self.refusal = clipped(&why);
                        return Turn::Done;
                    }
                },
            }
        }
    }

    fn hear_smtp(&mut self, heard: &mut Vec<u8>) -> Turn {
        while let Some(line) = take_line(heard) {
            // Only the last line of a reply has no hyphen behind its code.
            if line.get(3..).is_some_and(|rest| rest.starts_with('-')) {
                continue;
            }
            let (wanted, next, words) = match self.said {
                Said::Nothing => ("220", Said::Hello, self.hello.clone()),
                Said::Hello => ("250", Said::Wish, b"STARTTLS\r\n".to_vec()),
                _ => ("220", Said::Granted, Vec::new()),
            };
            if !line.starts_with(wanted) {
                self.refusal = clipped(&line);
                return Turn::Leave(b"QUIT\r\n".to_vec());
            }
            self.said = next;
            return if next == Said::Granted {
                Turn::Done
            } else {
                Turn::Say(words)
            };
        }
        Turn::More
    }
}

impl Dialogue for Way {
    fn opening(&mut self) -> Vec<u8> {
        match self.service {
            Service::Postgres => SSL_REQUEST.to_vec(),
            Service::Ldap => ldap::STARTTLS_REQUEST.to_vec(),
            _ => Vec::new(),
        }
    }

    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn {
        match self.service {
            Service::Postgres => self.hear_postgres(heard),
            Service::Mysql => self.hear_mysql(heard),
            Service::Imap | Service::Pop3 => self.hear_mailbox(heard),
            Service::Ldap => self.hear_ldap(heard),
            _ => self.hear_smtp(heard),
        }
    }

    fn learned(&self) -> Learned {
        Learned::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::tests::rehearse;
    use super::*;

    fn way(service: Service) -> Way {
        Way {
            service,
            hello: b"EHLO x\r\n".to_vec(),
            said: Said::Nothing,
            refusal: String::new(),
        }
    }

    #[test]
    fn smtp_is_led_to_tls_word_by_word() {
        let mut smtp = way(Service::Smtp);
        let (_, said, last) = rehearse(
            &mut smtp,
            &[
                b"220-a\r\n",
                b"220 b\r\n",
                b"250-b\r\n250-STARTTLS\r\n250 HELP\r\n",
                b"220 go ahead\r\n",
            ],
        );
        assert_eq!(said[1..], [&b"EHLO x\r\n"[..], b"STARTTLS\r\n"]);
        assert_eq!((last, smtp.said), (Turn::Done, Said::Granted));
        let mut refuses = way(Service::Smtp);
        rehearse(
            &mut refuses,
            &[b"220 b\r\n", b"250 b\r\n", b"454 4.7.0 not now\r\n"],
        );
        assert_eq!(refuses.said, Said::Wish);
        assert_eq!(refuses.refusal, "454 4.7.0 not now");
    }

    #[test]
    fn mailboxes_and_directories_are_led_to_tls() {
        let mut imap = way(Service::Imap);
        let (_, said, last) = rehearse(
            &mut imap,
            &[b"* ok ready\r\n", b"* BAD news\r\nw1 Ok begin\r\n"],
        );
        assert_eq!(said[1], b"w1 STARTTLS\r\n");
        assert_eq!((last, imap.said), (Turn::Done, Said::Granted));
        let mut pop = way(Service::Pop3);
        let (_, said, _) = rehearse(&mut pop, &[b"+OK ready\r\n", b"+OK begin\r\n"]);
        assert_eq!(
            (said[1].as_slice(), pop.said),
            (&b"STLS\r\n"[..], Said::Granted)
        );
        for (service, pieces, refusal) in [
            (
                Service::Imap,
                [&b"* OK x\r\n"[..], b"w1 NO not now\r\n"],
                "w1 NO not now",
            ),
            (
                Service::Pop3,
                [b"+OK x\r\n", b"-ERR not now\r\n"],
                "-ERR not now",
            ),
            (
                Service::Ldap,
                [
                    &b"\x30\x10\x02\x01\x01\x78\x0b\x0a\x01\x34\x04"[..],
                    b"\x00\x04\x04busy",
                ],
                "52 busy",
            ),
        ] {
            let mut way = way(service);
            rehearse(&mut way, &pieces);
            assert_eq!(
                (way.said != Said::Granted, way.refusal.as_str()),
                (true, refusal)
            );
        }
        let mut ldap = way(Service::Ldap);
        rehearse(
            &mut ldap,
            &[b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"],
        );
        assert_eq!(ldap.said, Said::Granted);
    }

    #[test]
    fn databases_are_led_to_tls() {
        let mut postgres = way(Service::Postgres);
        let (_, said, _) = rehearse(&mut postgres, &[b"S"]);
        assert_eq!((said[0].len(), postgres.said), (8, Said::Granted));
        let mut none = way(Service::Postgres);
        rehearse(&mut none, &[b"N"]);
        assert_eq!(none.said, Said::Nothing);

        let mut greeting = vec![0x0a];
        greeting.extend(b"8.0.36\0");
        greeting.extend([0; 13]);
        greeting.extend([0xff, 0xff, 45]);
        greeting.extend([0; 20]);
        let mut packet = vec![greeting.len() as u8, 0, 0, 0];
        packet.extend(&greeting);
        let mut mysql = way(Service::Mysql);
        let (_, said, last) = rehearse(&mut mysql, &[&packet[..9], &packet[9..]]);
        assert_eq!(mysql.said, Said::Granted);
        assert_eq!(last, Turn::Leave(said[1].clone()));
        // Its length says how many bytes follow the four of the header.
        assert_eq!((said[1][0], said[1].len()), (32, 36));
    }
}
