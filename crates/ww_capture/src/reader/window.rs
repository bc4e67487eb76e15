//! One contiguous piece of the capture in memory, moved forward without copying frames.

use super::input::{Failure, Input};

/// Bytes held at first; grows only for a record that is longer. Few enough to leave most of a
/// processor's second-level cache to the state of connections.
const WINDOW_BYTES: usize = 1 << 18;

/// A moving view of the decompressed capture.
///
/// `start..end` is what is read but not consumed. Consumed bytes stay in place until the next
/// [`Window::has`], so a frame can be handed out as a slice.
pub(super) struct Window<'r> {
    input: Input<'r>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset in the capture of the buffer's first byte.
    offset: u64,
    ended: bool,
    failure: Option<Failure>,
    /// Places in the buffer were given out: it is put aside, not overwritten, when more bytes are
    /// read.
    lent: bool,
    /// The buffer that was put aside.
    aside: Option<Vec<u8>>,
    /// What takes its place; empty when there is none.
    spare: Vec<u8>,
}

impl<'r> Window<'r> {
    /// An empty view of the beginning.
    pub(super) fn new(input: Input<'r>) -> Window<'r> {
        Window {
            input,
            buffer: vec![0; WINDOW_BYTES],
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            failure: None,
            lent: false,
            aside: None,
            spare: Vec::new(),
        }
    }

    /// Whether at least `needed` bytes lie ahead, reading more when they are not here yet.
    #[inline]
    pub(super) fn has(&mut self, needed: usize) -> bool {
        self.end - self.start >= needed || self.refill(needed)
    }

    /// All bytes that are here and not consumed.
    #[inline]
    pub(super) fn ahead(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Steps over bytes that are here; never beyond them.
    #[inline]
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start = self.end.min(self.start.saturating_add(bytes));
    }

    /// The last `bytes` consumed, less the `after` very last ones.
    #[inline]
    pub(super) fn behind(&self, bytes: usize, after: usize) -> &[u8] {
        let end = self.start.saturating_sub(after);
        self.buffer
            .get(end.saturating_sub(bytes)..end)
            .unwrap_or_default()
    }

    /// Where in the buffer the last `bytes` consumed begin, less the `after` very last ones. The
    /// buffer then stays as it is, and is handed over by [`Window::take_aside`] or
    /// [`Window::put_aside`].
    #[inline]
    pub(super) fn lend(&mut self, bytes: usize, after: usize) -> usize {
        self.lent = true;
        self.start.saturating_sub(after).saturating_sub(bytes)
    }

    /// A buffer to read into when the one in use is put aside.
    pub(super) fn give_spare(&mut self, spare: Vec<u8>) {
        self.spare = spare;
    }

    /// The buffer of which places were given out, when reading on has put it aside.
    #[inline]
    pub(super) fn take_aside(&mut self) -> Option<Vec<u8>> {
        self.aside.take()
    }

    /// The buffer of which places were given out, at once.
    pub(super) fn put_aside(&mut self) -> Vec<u8> {
        if self.lent {
            self.begin_another();
        }
        self.aside.take().unwrap_or_default()
    }

    /// Steps over bytes that need not be here; false when the capture ends before.
    pub(super) fn skip(&mut self, bytes: u64) -> bool {
        let mut left = bytes;
        loop {
            let here = (self.end - self.start) as u64;
            if left <= here {
                self.consume(left as usize);
                return true;
            }
            left -= here;
            self.consume(here as usize);
            if !self.refill(1) {
                return false;
            }
        }
    }

    /// Offset in the decompressed capture of the next byte.
    pub(super) fn position(&self) -> u64 {
        self.offset.saturating_add(self.start as u64)
    }

    /// Why reading stopped early, if it did.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The source.
    pub(super) fn input(&self) -> &Input<'r> {
        &self.input
    }

    /// Reads until `needed` bytes lie ahead or no more come.
    #[cold]
    fn refill(&mut self, needed: usize) -> bool {
        if self.lent {
            self.begin_another();
        } else {
            self.move_to_front();
        }
        while self.end < needed {
            if self.ended {
                return false;
            }
            if self.end == self.buffer.len() {
                // Grown as the bytes arrive: a long length alone allocates nothing.
                let longer = needed.min(self.buffer.len().saturating_mul(2));
                self.buffer.resize(longer, 0);
            }
            let free = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.input.read(free) {
                Ok(0) => self.ended = true,
                Ok(got) => self.end += got,
                Err(failure) => {
                    self.ended = true;
                    self.failure = Some(failure);
                }
            }
        }
        true
    }

    /// Goes on in another buffer with what is not consumed.
    fn begin_another(&mut self) {
        let mut other = std::mem::take(&mut self.spare);
        let ahead = self.ahead();
        let left = ahead.len();
        if other.len() < left.max(WINDOW_BYTES) {
            other.resize(left.max(WINDOW_BYTES), 0);
        }
        if let Some(front) = other.get_mut(..left) {
            front.copy_from_slice(ahead);
        }
        self.aside = Some(std::mem::replace(&mut self.buffer, other));
        self.lent = false;
        self.advance_to_front();
    }

    fn move_to_front(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.advance_to_front();
    }

    /// What is not consumed has come to lie at the front.
    fn advance_to_front(&mut self) {
        self.offset = self.offset.saturating_add(self.start as u64);
        self.end -= self.start;
        self.start = 0;
    }
}
