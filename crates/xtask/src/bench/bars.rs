//! What the diagnosis must reach, and whether it does.

use std::time::Duration;

use super::contest::{TCPTRACE, TSHARK, UNPINNED, WALK, WIREWISE};
use super::measure::Cost;

const MEGABYTE: f64 = 1e6;

/// Everything that was measured.
#[derive(Debug)]
pub(super) struct Figures {
    /// Median cost of each program that ran, on the large file.
    pub(super) costs: Vec<(&'static str, Cost)>,
    /// Median cost of the diagnosis of the file of one megabyte.
    pub(super) small: Option<Cost>,
}

/// One thing to reach.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bar {
    /// CPU time in bare record walks, at most.
    Walks(f64),
    /// Elapsed time of a peer, which has one thread, in diagnoses with all processors, at least.
    Faster(&'static str, f64),
    /// Peak memory in megabytes, at most.
    Memory(f64),
    /// Elapsed milliseconds for one megabyte, at most.
    Latency(f64),
}

impl Bar {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Walks(3.0),
        Self::Faster(TCPTRACE, 4.0),
        Self::Faster(TSHARK, 60.0),
        Self::Memory(100.0),
        Self::Latency(15.0),
    ];

    /// Print the bar with what was measured; true when it is met.
    pub(super) fn judge(self, figures: &Figures) -> bool {
        let measured = self.measured(figures);
        let met = measured.is_some_and(|value| self.is_met(value));
        let value = match (self, measured) {
            (_, None) => "not measured".to_owned(),
            (Self::Walks(_) | Self::Faster(..), Some(value)) => format!("{value:.2}×"),
            (Self::Memory(_), Some(value)) => format!("{value:.1} MB"),
            (Self::Latency(_), Some(value)) => format!("{value:.1} ms"),
        };
        println!(
            "{:<52} {value:>14}  {}",
            self.text(),
            if met { "met" } else { "missed" }
        );
        met
    }

    fn text(self) -> String {
        match self {
            Self::Walks(most) => format!("CPU of the diagnosis, at most {most}× the {WALK}"),
            Self::Faster(peer, least) => format!("elapsed time of {peer}, at least {least}×"),
            Self::Memory(most) => format!("peak memory, at most {most} MB"),
            Self::Latency(most) => format!("1 MB file, whole process, at most {most} ms elapsed"),
        }
    }

    fn measured(self, figures: &Figures) -> Option<f64> {
        let cost = |name: &str| {
            figures
                .costs
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, cost)| *cost)
        };
        let own = cost(WIREWISE)?;
        match self {
            Self::Walks(_) => ratio(own.cpu, cost(WALK)?.cpu),
            Self::Faster(peer, _) => ratio(cost(peer)?.wall, cost(UNPINNED)?.wall),
            Self::Memory(_) => Some(own.peak.max(cost(UNPINNED)?.peak) as f64 / MEGABYTE),
            Self::Latency(_) => Some(figures.small?.wall.as_secs_f64() * 1000.0),
        }
    }

    fn is_met(self, value: f64) -> bool {
        match self {
            Self::Walks(most) | Self::Memory(most) | Self::Latency(most) => value <= most,
            Self::Faster(_, least) => value >= least,
        }
    }
}

fn ratio(of: Duration, to: Duration) -> Option<f64> {
    (!to.is_zero()).then(|| of.as_secs_f64() / to.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::super::contest::{TCPTRACE, UNPINNED, WALK, WIREWISE};
    use super::super::measure::Cost;
    use super::{Bar, Figures};
    use std::time::Duration;

    fn cost(millis: u64) -> Cost {
        let time = Duration::from_millis(millis);
        Cost {
            cpu: time,
            wall: time,
            peak: 50_000_000,
        }
    }

    #[test]
    fn a_bar_is_met_at_its_limit_and_missed_beyond_or_unmeasured() {
        let costs = vec![
            (WALK, cost(100)),
            (WIREWISE, cost(300)),
            (UNPINNED, cost(200)),
            (TCPTRACE, cost(800)),
        ];
        let figures = Figures {
            costs,
            small: Some(cost(16)),
        };
        assert!(Bar::Walks(3.0).judge(&figures));
        assert!(!Bar::Walks(2.9).judge(&figures));
        assert!(Bar::Faster(TCPTRACE, 4.0).judge(&figures));
        assert!(!Bar::Faster("nobody", 4.0).judge(&figures));
        assert!(Bar::Memory(100.0).judge(&figures));
        assert!(!Bar::Latency(15.0).judge(&figures));
    }
}
