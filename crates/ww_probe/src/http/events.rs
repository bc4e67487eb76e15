//! When the events of a `text/event-stream` arrive.

use std::time::Duration;

/// No more events are waited for.
const EVENTS_MAX: usize = 10;

/// Counts the events of a stream as they come.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// When each came, after the request.
    pub(crate) at: Vec<Duration>,
    /// The line that is being read holds something.
    line: bool,
    /// The lines since the last empty one hold something.
    block: bool,
}

impl Events {
    /// Takes what came at this time. A block of lines that an empty line ends is an event, comments included,
    /// as they too tell when the server's words arrive.
    pub(crate) fn feed(&mut self, bytes: &[u8], at: Duration) {
        for &byte in bytes {
            match byte {
                b'\n' if self.line => self.line = false,
                b'\n' if self.block => {
                    self.block = false;
                    if self.at.len() < EVENTS_MAX {
                        self.at.push(at);
                    }
                }
                b'\n' | b'\r' => {}
                _ => {
                    self.line = true;
                    self.block = true;
                }
            }
        }
    }

    /// Enough have come.
    pub(crate) fn enough(&self) -> bool {
        self.at.len() >= EVENTS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_line_ends_an_event() {
        let mut events = Events::default();
        let at = Duration::from_millis;
        events.feed(b"data: a\ndata: b\n", at(1));
        assert!(events.at.is_empty());
        events.feed(b"\n\n\r\n: ping\r\n\r\nda", at(2));
        events.feed(b"ta: c\n", at(3));
        events.feed(b"\n", at(4));
        assert_eq!(events.at, [at(2), at(2), at(4)]);
        events.feed(&b"data: x\n\n".repeat(20), at(5));
        assert!(events.enough() && events.at.len() == EVENTS_MAX);
    }
}
