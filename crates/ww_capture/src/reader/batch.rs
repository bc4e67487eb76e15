//! Frames that lie in one piece of memory, to be looked at elsewhere than where they are read.

use super::{Found, Frame, LinkType};
use ww_base::Moment;
use ww_sys::prefetch;

/// How many frames ahead memory is asked for: far enough for it to arrive from another core.
const AHEAD: usize = 6;

/// Some successive frames and the bytes they lie in.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) places: Vec<Place>,
    /// The number of the first.
    pub(super) first: u64,
}

/// A frame without its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    at: Moment,
    interface: u32,
    wire_len: u32,
    start: usize,
    captured: u32,
    link: LinkType,
}

impl Place {
    /// The place of a frame whose bytes begin at `start`.
    #[inline]
    pub(super) fn new(found: &Found, start: usize) -> Place {
        Place {
            at: found.at,
            interface: found.interface,
            wire_len: found.wire_len,
            start,
            captured: found.captured as u32,
            link: found.link,
        }
    }
}

impl Batch {
    /// Room for frames of together `bytes` bytes.
    pub fn with_room(bytes: usize) -> Batch {
        Batch {
            bytes: vec![0; bytes],
            ..Batch::default()
        }
    }

    /// Bytes it has room for: what was asked for, or more where a record was longer.
    pub fn room(&self) -> usize {
        self.bytes.len()
    }

    /// The frames, in the order of the capture.
    ///
    /// They were written by the thread that reads: what lies [`AHEAD`] of a frame is asked for when
    /// that frame is taken.
    #[inline]
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut ahead = self.places.iter().skip(AHEAD);
        self.places
            .iter()
            .zip(self.first..)
            .map(move |(place, number)| {
                if let Some(place) = ahead.next() {
                    prefetch(self.data(place));
                }
                self.made(place, number)
            })
    }

    /// The frame at a place, from 0.
    #[inline]
    pub fn frame(&self, place: usize) -> Option<Frame<'_>> {
        let number = self.first + place as u64;
        self.places.get(place).map(|at| self.made(at, number))
    }

    #[inline]
    fn made(&self, place: &Place, number: u64) -> Frame<'_> {
        Frame {
            number,
            at: place.at,
            interface: place.interface,
            link: place.link,
            wire_len: place.wire_len,
            data: self.data(place),
        }
    }

    #[inline]
    fn data(&self, place: &Place) -> &[u8] {
        let end = place.start.saturating_add(place.captured as usize);
        self.bytes.get(place.start..end).unwrap_or_default()
    }
}
