//! Redis and Valkey: `PING` (RESP2).

use super::talk::{Dialogue, Learned, Turn, take_line};
use ww_evidence::transcript::GreetingOutcome;

/// Asks for a pong.
#[derive(Debug, Default)]
pub(crate) struct Redis {
    learned: Learned,
}

impl Dialogue for Redis {
    fn opening(&mut self) -> Vec<u8> {
        b"*1\r\n$4\r\nPING\r\n".to_vec()
    }

    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn {
        if !matches!(heard.first(), Some(b'+' | b'-')) {
            return Turn::Done;
        }
        let Some(line) = take_line(heard) else {
            return Turn::More;
        };
        let (outcome, says) = if line == "+PONG" {
            (GreetingOutcome::Fine, String::new())
        } else if let Some(error) = line.strip_prefix('-') {
            // It wants to know who asks, and says so as it should.
            if error.starts_with("NOAUTH") || error.starts_with("NOPERM") {
                (GreetingOutcome::Fine, error.to_owned())
            } else {
                (GreetingOutcome::Denied(error.to_owned()), String::new())
            }
        } else {
            (GreetingOutcome::Other(line), String::new())
        };
        self.learned.outcome = Some(outcome);
        self.learned.says = says;
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

    #[test]
    fn a_pong_and_a_password_are_fine() {
        let (learned, said, _) = rehearse(&mut Redis::default(), &[b"+PO", b"NG\r\n"]);
        assert_eq!(said, [b"*1\r\n$4\r\nPING\r\n"]);
        assert_eq!(learned.outcome, Some(GreetingOutcome::Fine));
        let (learned, _, _) = rehearse(
            &mut Redis::default(),
            &[b"-NOAUTH Authentication required.\r\n"],
        );
        assert_eq!(learned.outcome, Some(GreetingOutcome::Fine));
        assert_eq!(learned.says, "NOAUTH Authentication required.");
    }

    #[test]
    fn refusals_are_told_in_the_servers_words() {
        for words in [
            "DENIED Redis is running in protected mode",
            "LOADING Redis is loading the dataset in memory",
            "ERR max number of clients reached",
        ] {
            let reply = format!("-{words}\r\n");
            let (learned, _, _) = rehearse(&mut Redis::default(), &[reply.as_bytes()]);
            assert_eq!(
                learned.outcome,
                Some(GreetingOutcome::Denied(words.to_owned()))
            );
        }
        let (learned, _, last) = rehearse(&mut Redis::default(), &[b"HTTP/1.1 400\r\n"]);
        assert_eq!((learned.outcome, last), (None, Turn::Done));
    }
}
