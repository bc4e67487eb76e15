//! A port of which nothing is known: whether the server speaks first, and what.

use super::mysql::Mysql;
use super::talk::{Dialogue, Learned, Turn, first_line};
use ww_evidence::transcript::GreetingOutcome;

/// Listens.
#[derive(Debug, Default)]
pub(crate) struct Banner {
    learned: Learned,
}

impl Dialogue for Banner {
    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn {
        let mut mysql = Mysql::default();
        mysql.hear(&mut heard.clone());
        let known = mysql.learned();
        self.learned = if known.outcome == Some(GreetingOutcome::Fine) {
            known
        } else {
            Learned {
                outcome: Some(GreetingOutcome::Fine),
                says: first_line(heard),
                ..Learned::default()
            }
        };
        heard.clear();
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
    fn whatever_comes_first_is_told() {
        let (learned, said, last) = rehearse(&mut Banner::default(), &[b"220 ftp.example\r\n"]);
        assert_eq!(learned.says, "220 ftp.example");
        assert_eq!(learned.outcome, Some(GreetingOutcome::Fine));
        assert_eq!((said, last), (vec![Vec::new()], Turn::Done));
        let mysql = b"\x19\0\0\0\x0a8.0.36\0\x07\0\0\0saltsalt\0\xff\xff\0\0";
        let (learned, _, _) = rehearse(&mut Banner::default(), &[mysql]);
        assert_eq!(learned.says, "MySQL 8.0.36");
    }
}
