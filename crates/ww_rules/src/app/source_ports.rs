//! What it tells that source ports were used again.

use super::trials::CERTAIN;
use ww_base::chance;
use ww_evidence::transcript::PortTrials;

/// Ports of each kind that tell something.
const EACH: usize = 2;

/// Whether failures belong to source ports.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ports<'t> {
    /// Those that failed fail each time, and those that worked never: something chooses by a hash.
    Decide(Hashed<'t>),
    /// They fail whatever the port: failures of those that failed before, and how often they were used again.
    DoNot { failed: u64, trials: u64 },
}

/// Ports that fail each time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hashed<'t> {
    /// How often ports that had failed were used again, each time in vain.
    pub(super) failed: u64,
    /// How often ports that had worked were, each time with success.
    pub(super) worked: u64,
    /// A port that fails, and one that works.
    pub(super) fails: &'t PortTrials,
    pub(super) works: &'t PortTrials,
}

/// What ports that were used again tell; nothing where they are too few.
pub(super) fn judge(ports: &[PortTrials]) -> Option<Ports<'_>> {
    let (works, fails): (Vec<&PortTrials>, Vec<&PortTrials>) =
        ports.iter().partition(|port| port.first.is_empty());
    if works.len() < EACH || fails.len() < EACH {
        return None;
    }
    let (failed, trials) = count(&fails);
    let (others_failed, others) = count(&works);
    let by_chance = chance::fisher(failed, trials, others_failed, others);
    if failed == trials && others_failed == 0 && by_chance < CERTAIN {
        Some(Ports::Decide(Hashed {
            failed,
            worked: others,
            fails: fails.first()?,
            works: works.first()?,
        }))
    } else {
        (failed < trials).then_some(Ports::DoNot { failed, trials })
    }
}

/// How often they failed, and how often they were used again.
fn count(ports: &[&PortTrials]) -> (u64, u64) {
    let again = || ports.iter().flat_map(|port| &port.again);
    let failed = again().filter(|failure| !failure.is_empty()).count();
    (failed as u64, again().count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ports as `x` for a failure and `.` for a success, the first by which it was chosen.
    fn ports(words: &[&str]) -> Vec<PortTrials> {
        let failure = |mark| if mark == 'x' { "refused" } else { "" }.to_owned();
        let port = |(nth, word): (usize, &&str)| PortTrials {
            port: 40_000 + nth as u16,
            first: word.chars().take(1).map(failure).collect(),
            again: word.chars().skip(1).map(failure).collect(),
            to: None,
        };
        words.iter().enumerate().map(port).collect()
    }

    #[test]
    fn ports_decide_when_each_fares_the_same_each_time() {
        let all = ports(&["xxxx", "xxxx", "....", "...."]);
        let Some(Ports::Decide(hashed)) = judge(&all) else {
            panic!("they do");
        };
        assert_eq!((hashed.failed, hashed.worked), (6, 6));
        assert_eq!((hashed.fails.port, hashed.works.port), (40_000, 40_002));
    }

    #[test]
    fn chance_takes_no_notice_of_ports() {
        let do_not = |failed, trials| Some(Ports::DoNot { failed, trials });
        assert_eq!(
            judge(&ports(&["x..x", "x...", "....", "..x."])),
            do_not(1, 6)
        );
        assert_eq!(
            judge(&ports(&["xxxx", "xxx.", "....", "...."])),
            do_not(5, 6)
        );
        assert_eq!(judge(&ports(&["xxxx", "xxxx", "...x", "...."])), None);
        assert_eq!(judge(&ports(&["xx", "xx", "..", ".."])), None, "too few");
        assert_eq!(judge(&ports(&["xxxx", "....", "....", "...."])), None);
        assert_eq!(judge(&[]), None);
    }
}
