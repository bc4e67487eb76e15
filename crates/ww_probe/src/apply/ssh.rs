//! SSH: the line by which the server names its version (RFC 4253 section 4.2).

use super::talk::{Dialogue, Learned, Turn, take_line};
use ww_evidence::transcript::GreetingOutcome;

/// Lines that may come before it.
const LINES: u32 = 50;

/// What OpenSSH says in place of its version when it takes no more connections (`MaxStartups`), or none from this
/// address (`PerSourcePenalties`, `PerSourceMaxStartups`).
const REFUSALS: [&str; 2] = ["Exceeded MaxStartups", "Not allowed at this time"];

/// Listens and leaves.
#[derive(Debug, Default)]
pub(crate) struct Ssh {
    lines: u32,
    first: String,
    learned: Learned,
}

impl Dialogue for Ssh {
    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn {
        while let Some(line) = take_line(heard) {
            if line.starts_with("SSH-") {
                self.learned.outcome = Some(GreetingOutcome::Fine);
                self.learned.says = line;
                return Turn::Done;
            }
            if REFUSALS.contains(&line.as_str()) {
                self.learned.outcome = Some(GreetingOutcome::Denied(line));
                return Turn::Done;
            }
            if self.lines == 0 {
                self.first = line;
            }
            self.lines += 1;
            if self.lines == LINES {
                return Turn::Done;
            }
        }
        Turn::More
    }

    fn learned(&self) -> Learned {
        let mut learned = self.learned.clone();
        if learned.outcome.is_none() && self.lines > 0 {
            learned.outcome = Some(GreetingOutcome::Other(self.first.clone()));
        }
        learned
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::tests::rehearse;
    use super::*;

    #[test]
    fn the_version_may_follow_other_lines() {
        let (learned, said, _) = rehearse(
            &mut Ssh::default(),
            &[b"Keep out\r\n", b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"],
        );
        assert_eq!(learned.says, "SSH-2.0-OpenSSH_9.2p1 Debian");
        assert_eq!(learned.outcome, Some(GreetingOutcome::Fine));
        assert_eq!(said, [Vec::<u8>::new()]);
    }

    #[test]
    fn others_and_refusals_are_told_apart() {
        let (learned, _, last) = rehearse(&mut Ssh::default(), &[b"Exceeded MaxStartups\r\n"]);
        assert_eq!(
            learned.outcome,
            Some(GreetingOutcome::Denied("Exceeded MaxStartups".to_owned()))
        );
        assert_eq!(last, Turn::Done);
        let (learned, _, last) = rehearse(&mut Ssh::default(), &[b"220 ftp\r\n"]);
        assert_eq!(
            learned.outcome,
            Some(GreetingOutcome::Other("220 ftp".to_owned()))
        );
        assert_eq!(last, Turn::More);
        let endless = b"x\n".repeat(60);
        let (_, _, last) = rehearse(&mut Ssh::default(), &[&endless]);
        assert_eq!(last, Turn::Done);
    }
}
