//! How far a long reading is, on standard error, when somebody watches.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Work that ends sooner needs no progress.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two updates.
const PAUSE: Duration = Duration::from_millis(100);

/// One line that is drawn again and again, and gone in the end.
#[derive(Debug)]
pub(crate) struct Progress {
    name: String,
    total: Option<u64>,
    /// None when nobody watches.
    next: Option<Instant>,
    drawn: bool,
}

impl Progress {
    /// Progress through an input of `total` bytes, where that is known.
    pub(crate) fn new(path: &str, total: Option<u64>, quiet: bool) -> Progress {
        let watched = !quiet && std::io::stderr().is_terminal();
        Progress {
            name: ww_report::source_name(path),
            total: total.filter(|&total| total > 0),
            next: watched.then(|| now() + PATIENCE),
            drawn: false,
        }
    }

    /// Says how many bytes of the input have been read.
    pub(crate) fn at(&mut self, bytes: u64) {
        self.show(|progress| format!("reading {}: {}", progress.name, far(bytes, progress.total)));
    }

    /// Says which step of a walk is over.
    pub(crate) fn step(&mut self, what: &str) {
        self.show(|progress| format!("probing {}: {what}", progress.name));
    }

    fn show(&mut self, line: impl FnOnce(&Progress) -> String) {
        let Some(next) = self.next else { return };
        let now = now();
        if now < next {
            return;
        }
        self.next = Some(now + PAUSE);
        self.drawn = true;
        draw(&line(self));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn {
            draw("");
        }
    }
}

/// How far a reading is: in percent, or in bytes where the end is not known.
fn far(bytes: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("{} %", bytes.min(total).saturating_mul(100) / total.max(1)),
        None => format!("{} MB", bytes / 1_000_000),
    }
}

/// Replaces the line. A terminal that is gone needs no progress.
fn draw(line: &str) {
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "\r\x1b[K{line}");
    let _ = stderr.flush();
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person's patience is measured by the clock"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_a_share_where_the_end_is_known() {
        assert_eq!(far(30, Some(200)), "15 %");
        assert_eq!(far(300, Some(200)), "100 %");
        assert_eq!(far(12_500_000, None), "12 MB");
    }

    #[test]
    fn nothing_is_drawn_unasked() {
        let mut progress = Progress::new("x.pcap", Some(200), true);
        progress.at(100);
        assert!(!progress.drawn);
    }
}
