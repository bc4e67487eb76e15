//! MySQL and MariaDB: the greeting that the server sends first (protocol `HandshakeV10`, `ERR_Packet`).

use super::talk::{Dialogue, Learned, Turn, clipped};
use ww_evidence::transcript::GreetingOutcome;

/// `CLIENT_SSL`.
const CLIENT_SSL: u16 = 0x0800;

/// A longer packet is no greeting.
const PACKET_BYTES: usize = 4096;

/// Listens to the greeting and leaves.
#[derive(Debug, Default)]
pub(crate) struct Mysql {
    learned: Learned,
}

impl Dialogue for Mysql {
    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn {
        let Some(&[low, middle, high, _]) = heard.first_chunk() else {
            return Turn::More;
        };
        let length = u32::from_le_bytes([low, middle, high, 0]) as usize;
        if length == 0 || length > PACKET_BYTES {
            return Turn::Done;
        }
        let Some(packet) = heard.get(4..4 + length) else {
            return Turn::More;
        };
        if let Some(learned) = greeting(packet) {
            self.learned = learned;
            heard.clear();
        }
        Turn::Done
    }

    fn learned(&self) -> Learned {
        self.learned.clone()
    }
}

fn greeting(packet: &[u8]) -> Option<Learned> {
    match packet.split_first()? {
        (0xff, rest) => {
            let (code, text) = rest.split_first_chunk()?;
            let text = String::from_utf8_lossy(text);
            // `#` and five characters of SQLSTATE come where the client's abilities are known already.
            let text = match text.strip_prefix('#') {
                Some(state) => state.chars().skip(5).collect(),
                None => text.into_owned(),
            };
            Some(Learned {
                outcome: Some(GreetingOutcome::Denied(clipped(&format!(
                    "{}: {text}",
                    u16::from_le_bytes(*code)
                )))),
                ..Learned::default()
            })
        }
        (10, rest) => {
            let end = rest.iter().position(|&byte| byte == 0)?;
            let version = String::from_utf8_lossy(rest.get(..end)?).into_owned();
            // The number of the connection (4), the first part of the salt (8), a filler (1), then abilities.
            let abilities = rest.get(end + 14..)?.first_chunk()?;
            let says = match version.strip_prefix("5.5.5-") {
                Some(version) => format!("MariaDB {version}"),
                None if version.contains("MariaDB") => version.clone(),
                None => format!("MySQL {version}"),
            };
            Some(Learned {
                outcome: Some(GreetingOutcome::Fine),
                says: clipped(&says),
                offers_tls: Some(u16::from_le_bytes(*abilities) & CLIENT_SSL != 0),
                ..Learned::default()
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::tests::rehearse;
    use super::*;

    fn packet(body: &[u8]) -> Vec<u8> {
        let mut packet = (body.len() as u32).to_le_bytes().to_vec();
        packet[3] = 0;
        packet.extend_from_slice(body);
        packet
    }

    fn hello(version: &str, abilities: u16) -> Vec<u8> {
        let mut body = vec![10];
        body.extend(version.bytes());
        body.extend([0, 7, 0, 0, 0]);
        body.extend(b"saltsalt\0");
        body.extend(abilities.to_le_bytes());
        packet(&body)
    }

    #[test]
    fn versions_and_tls_are_told() {
        let (learned, _, _) = rehearse(&mut Mysql::default(), &[&hello("8.0.36", 0xffff)]);
        assert_eq!(learned.says, "MySQL 8.0.36");
        assert_eq!(learned.offers_tls, Some(true));
        let bytes = hello("5.5.5-10.11.6-MariaDB", 0xf7fe);
        let (learned, _, last) = rehearse(&mut Mysql::default(), &[&bytes[..20], &bytes[20..]]);
        assert_eq!(learned.says, "MariaDB 10.11.6-MariaDB");
        assert_eq!(learned.offers_tls, Some(false));
        assert_eq!(last, Turn::Done);
    }

    #[test]
    fn refusals_are_told_in_the_servers_words() {
        for (body, told) in [
            (
                &b"\xff\x10\x04Too many connections"[..],
                "1040: Too many connections",
            ),
            (
                b"\xff\x10\x04#08004Too many connections",
                "1040: Too many connections",
            ),
            (
                b"\xff\x69\x04Host 'x' is blocked",
                "1129: Host 'x' is blocked",
            ),
        ] {
            let (learned, _, _) = rehearse(&mut Mysql::default(), &[&packet(body)]);
            assert_eq!(
                learned.outcome,
                Some(GreetingOutcome::Denied(told.to_owned()))
            );
        }
    }

    #[test]
    fn what_is_no_greeting_is_left_alone() {
        for bytes in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            &packet(&[10]),
            &packet(&[0xff]),
            &packet(b"\x0a1.0\0"),
        ] {
            let (learned, _, last) = rehearse(&mut Mysql::default(), &[bytes]);
            assert_eq!((learned, last), (Learned::default(), Turn::Done));
        }
    }
}
