//! What questions to packet filters may cost, and whether they do.

use std::time::Duration;

use super::own::Times;

/// One thing to reach, at the largest size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    text: &'static str,
    most: Duration,
    measured: fn(&Times) -> Duration,
}

impl Bar {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [
        Self {
            text: "text to function with deciding rules",
            most: Duration::from_millis(100),
            measured: |times| times.function,
        },
        Self {
            text: "function to service matrix",
            most: Duration::from_millis(30),
            measured: |times| times.matrix,
        },
        Self {
            text: "two texts to differences with deciding rules",
            most: Duration::from_millis(150),
            measured: |times| times.diff,
        },
        Self {
            text: "two functions to differences with deciding rules",
            most: Duration::from_millis(150),
            measured: |times| times.diff_of_functions,
        },
    ];

    /// Print the bar with what was measured; true when it is met.
    pub(super) fn judge(self, times: &Times) -> bool {
        let measured = (self.measured)(times);
        let met = measured <= self.most;
        let text = format!("{}, at most {} ms", self.text, self.most.as_millis());
        println!(
            "{text:<65} {:>9.1} ms  {}",
            measured.as_secs_f64() * 1e3,
            if met { "met" } else { "missed" }
        );
        met
    }
}
