//! Waits that are timers: nobody works for exactly sixty seconds.

use ww_base::Span;
use ww_evidence::transcript::Phases;

const SECOND: Span = Span::from_secs(1);

/// What lies between a timer's end and the answer's arrival, beside two round trips.
const SLACK: Span = Span::from_millis(120);

/// The whole number of seconds that a wait for an answer lasted, if it looks like a timer's.
pub(super) fn whole_seconds(phases: &Phases) -> Option<Span> {
    let over = Span(phases.wait.0 % SECOND.0);
    let whole = phases.wait - over;
    let slack = SLACK + phases.connect.times(2).min(SLACK);
    (whole >= SECOND && over <= slack).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_ends_just_after_a_whole_second() {
        let whole = |wait: i64, connect: i64| {
            whole_seconds(&Phases {
                wait: Span::from_millis(wait),
                connect: Span::from_millis(connect),
                ..Phases::default()
            })
        };
        assert_eq!(whole(60_015, 10), Some(Span::from_secs(60)));
        assert_eq!(whole(2_020, 0), Some(Span::from_secs(2)));
        assert_eq!(whole(30_180, 80), Some(Span::from_secs(30)));
        for (wait, connect) in [(30_180, 1), (1_500, 0), (50, 0), (59_990, 0), (30_600, 900)] {
            assert_eq!(whole(wait, connect), None, "{wait} ms");
        }
    }
}
