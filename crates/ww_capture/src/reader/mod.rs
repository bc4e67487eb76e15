//! Captures to frames: pcap and pcapng, plain, gzip or Zstandard, whole or cut.
//!
//! [`CaptureReader`] walks a capture of any length in one pass and a few megabytes of memory.
//! Frames are slices of its buffer, numbered as Wireshark numbers them. Everything before a cut
//! or damage is delivered; what was wrong is in [`CaptureReader::problems`].

mod batch;
mod book;
mod bytes;
mod clock;
mod error;
mod info;
mod input;
mod link;
mod options;
mod pcap;
mod pcapng;
mod window;

#[cfg(test)]
mod tests;

use crate::decode::RawFrame;
use std::io::Read;

use ww_base::{Limits, Moment, Problem, SourceId};

pub use batch::Batch;
use batch::Place;
use book::Book;
pub use error::ReadError;
pub use info::{
    CaptureFormat, CaptureInfo, Comment, Interface, InterfaceStatistics, Notes, ResolvedName,
    TimeResolution,
};
pub use input::Compression;
use input::{Input, SNIFFED_BYTES};
pub use link::LinkType;
use pcap::Pcap;
use pcapng::Pcapng;
use window::Window;

/// One frame of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its number, from 1, as Wireshark counts.
    pub number: u64,
    /// When it was captured. A frame without a time of its own has that of the frame before.
    pub at: Moment,
    /// Index into [`CaptureReader::interfaces`].
    pub interface: u32,
    /// What `data` begins with.
    pub link: LinkType,
    /// Bytes the frame had on the wire; `data` may be shorter.
    pub wire_len: u32,
    /// The bytes that were captured.
    pub data: &'a [u8],
}

impl<'a> Frame<'a> {
    /// What the decoder takes of it.
    #[inline]
    pub(crate) fn raw(&self) -> RawFrame<'a> {
        RawFrame {
            number: self.number,
            at: self.at,
            link: self.link.0,
            wire_len: self.wire_len,
            data: self.data,
        }
    }
}

/// A capture being read, frame by frame.
pub struct CaptureReader<'r> {
    window: Window<'r>,
    format: Format,
    book: Book,
    info: CaptureInfo,
    ended: bool,
    /// The frame whose bytes no longer fitted the latest batch.
    next: Option<Place>,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// A frame that was just consumed from the window.
struct Found {
    at: Moment,
    interface: u32,
    link: LinkType,
    wire_len: u32,
    /// Length of its data.
    captured: usize,
    /// Consumed bytes behind its data.
    after: usize,
}

impl<'r> CaptureReader<'r> {
    /// Recognises the format and reads the header.
    ///
    /// Read are pcap (microseconds and nanoseconds, both byte orders, Kuznetzov's modified and
    /// IXIA's variant) and pcapng, each plain, gzip (any number of members) or Zstandard (windows
    /// of up to 64 MiB, which leaves out `--ultra -22` and `--long=27`). Reading is buffered here;
    /// `input` needs no buffer of its own.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when `input` is none of these, ends inside its header, or cannot be read.
    pub fn open(
        input: Box<dyn Read + 'r>,
        source: SourceId,
        limits: &Limits,
    ) -> Result<CaptureReader<'r>, ReadError> {
        let mut window = Window::new(Input::open(input, limits)?);
        let mut book = Book::new(source, limits);
        window.has(SNIFFED_BYTES);
        let first = window.ahead();
        let (format, name) = if pcap::is_pcap(first) {
            let (pcap, name) = Pcap::open(&mut window, &mut book, limits)?;
            (Format::Pcap(pcap), name)
        } else if pcapng::is_pcapng(first) {
            let pcapng = Pcapng::open(&mut window, &mut book, limits)?;
            (Format::Pcapng(pcapng), CaptureFormat::Pcapng)
        } else {
            return Err(not_a_capture(&window));
        };
        let info = CaptureInfo {
            format: name,
            compression: window.input().compression(),
        };
        Ok(CaptureReader {
            window,
            format,
            book,
            info,
            ended: false,
            next: None,
        })
    }

    /// The next frame, or `None` at the end; whether that end was regular, [`Self::problems`]
    /// says.
    #[inline]
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        let found = self.find()?;
        Some(Frame {
            number: self.book.frames,
            at: found.at,
            interface: found.interface,
            link: found.link,
            wire_len: found.wire_len,
            data: self.window.behind(found.captured, found.after),
        })
    }

    /// The next frames that lie in one piece of memory, in place of one that is done with; `None`
    /// at the end. A capture is read either by frames or by batches.
    pub fn next_batch(&mut self, done: Batch) -> Option<Batch> {
        let Batch {
            bytes, mut places, ..
        } = done;
        places.clear();
        places.extend(self.next.take());
        let first = self.book.frames + 1 - places.len() as u64;
        self.window.give_spare(bytes);
        let bytes = loop {
            let found = self.find();
            let aside = self.window.take_aside();
            let place = found.map(|found| {
                let start = self.window.lend(found.captured, found.after);
                Place::new(&found, start)
            });
            match (aside, place) {
                (Some(full), place) => {
                    self.next = place;
                    break full;
                }
                (None, Some(place)) => places.push(place),
                (None, None) => break self.window.put_aside(),
            }
        };
        (!places.is_empty()).then_some(Batch {
            bytes,
            places,
            first,
        })
    }

    /// Steps over the next frame and counts it.
    #[inline]
    fn find(&mut self) -> Option<Found> {
        if self.ended {
            return None;
        }
        let found = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.window, &mut self.book),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.window, &mut self.book),
        };
        if found.is_some() {
            self.book.frames += 1;
        } else {
            self.ended = true;
            self.book.report_skipped();
        }
        found
    }

    /// The interfaces described so far, over all sections.
    pub fn interfaces(&self) -> &[Interface] {
        &self.book.interfaces
    }

    /// What was wrong so far: a cut or damaged end, limits crossed, and at the end the blocks that
    /// are not read. Each stands at the last frame before it.
    pub fn problems(&self) -> &[Problem] {
        &self.book.problems
    }

    /// What else the capture said so far.
    pub fn notes(&self) -> &Notes {
        &self.book.notes
    }

    /// Bytes read from the input, before decompression.
    pub fn bytes_read(&self) -> u64 {
        self.window.input().source_bytes()
    }

    /// What kind of file this is.
    pub fn capinfo(&self) -> CaptureInfo {
        self.info
    }
}

/// Why what the window shows is no capture.
fn not_a_capture(window: &Window<'_>) -> ReadError {
    let looks_like = match (window.failure(), window.input().compression()) {
        (Some(failure), _) => format!("data that cannot be read: {failure}"),
        (None, Compression::None) => error::looks_like(window.ahead()),
        (None, compression) => {
            format!(
                "{compression} data with {} in it",
                error::looks_like(window.ahead())
            )
        }
    };
    ReadError::NotACapture { looks_like }
}
