//! One pass over a capture.

use crate::aside::{Aside, Watchers};
use crate::decode::{Body, Decoded, Decoder, FragmentReport, PlainSegment};
use crate::net::{Passing, ProbeWatch, digest};
use crate::reader::{CaptureReader, Frame, Interface, ReadError};
use crate::relay::{Source, relay};
use crate::tcp::{FrameLabels, TcpTable};
use std::collections::BTreeMap;
use std::io::Read;
use ww_base::{Gap, Limits, Moment, Problem, SourceId};
use ww_evidence::{Capture, InterfaceDrops, Mark, Quality};

/// What a capture shows, and what could not be read of it.
#[derive(Debug)]
pub struct Analysis {
    /// What it shows.
    pub capture: Capture,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Bytes read of the input, as stored.
    pub bytes: u64,
}

/// Reads a whole capture. Of [`Limits::threads`] two, one follows the connections, and one reads and
/// watches what passes beside them. `progress` is called now and then with the number of bytes read.
///
/// # Errors
///
/// [`ReadError`] when the input is no capture or its beginning cannot be read. Damage further on
/// ends the reading and is one of [`Analysis::problems`].
pub fn analyse<'r>(
    input: Box<dyn Read + 'r>,
    source: SourceId,
    limits: &Limits,
    progress: &mut dyn FnMut(u64),
) -> Result<Analysis, ReadError> {
    let mut reader = CaptureReader::open(input, source, limits)?;
    let look = |loads: &mut Source<'_>| {
        let mut pass = Pass::new(source, limits);
        let mut done = None;
        while let Some(mut load) = loads(done) {
            for (place, frame) in load.batch.frames().enumerate() {
                pass.frame(&frame, place, &mut load.asides);
            }
            done = Some(load);
        }
        pass.finish()
    };
    let mut watchers = Watchers::new(limits);
    let mut watch = |batch: &_, asides: &mut _| watchers.take(batch, asides);
    let (mut capture, fragments) = relay(&mut reader, limits.threads, look, &mut watch, progress);
    watchers.finish(&fragments, &mut capture);
    note_dropped(&mut capture);
    note_interfaces(&mut capture.quality, reader.interfaces());
    Ok(Analysis {
        capture,
        problems: reader.problems().to_vec(),
        bytes: reader.bytes_read(),
    })
}

/// Calls `each` with every TCP frame's number and labels; returns what could not be read.
///
/// # Errors
///
/// As [`analyse`].
pub fn labels<'r>(
    input: Box<dyn Read + 'r>,
    source: SourceId,
    limits: &Limits,
    each: &mut dyn FnMut(u64, FrameLabels),
) -> Result<Vec<Problem>, ReadError> {
    let mut reader = CaptureReader::open(input, source, limits)?;
    let mut pass = Pass::new(source, limits);
    let mut asides = Vec::new();
    while let Some(frame) = reader.next_frame() {
        if let Some(given) = pass.frame(&frame, 0, &mut asides) {
            each(frame.number, given);
        }
        asides.clear();
    }
    Ok(reader.problems().to_vec())
}

/// The state of the pass: connections, and what all frames count for.
struct Pass {
    decoder: Decoder,
    seen: Seen,
    started: bool,
    previous: Moment,
}

/// What decoded frames add up to.
struct Seen {
    tcp: TcpTable,
    capture: Capture,
    unsupported: BTreeMap<&'static str, u64>,
}

impl Pass {
    fn new(source: SourceId, limits: &Limits) -> Pass {
        Pass {
            decoder: Decoder::new(limits),
            seen: Seen {
                tcp: TcpTable::new(limits),
                capture: Capture {
                    source,
                    ..Capture::default()
                },
                unsupported: BTreeMap::new(),
            },
            started: false,
            previous: Moment(0),
        }
    }

    /// Takes one frame, which lies at `place` of its batch, and puts aside what of it is for others;
    /// the labels of the TCP segment in it, or quoted in it.
    #[inline]
    fn frame(
        &mut self,
        frame: &Frame<'_>,
        place: usize,
        asides: &mut Vec<Aside>,
    ) -> Option<FrameLabels> {
        let mark = Mark::new(frame.number, frame.at);
        self.note_time(mark);
        self.seen.capture.frames = frame.number;
        self.seen.capture.wire_bytes += u64::from(frame.wire_len);
        if (frame.data.len() as u64) < u64::from(frame.wire_len) {
            note_truncated(&mut self.seen.capture, mark, frame.data.len() as u32);
        }
        let raw = frame.raw();
        if let Some(segment) = Decoder::plain_segment(&raw) {
            return Some(self.seen.segment(mark, &segment, frame.wire_len, asides));
        }
        if Decoder::plain_datagram(&raw).is_some() {
            asides.push(Aside::Datagram(place));
            return None;
        }
        let decoded = self.decoder.decode(raw);
        self.seen.frame(mark, &decoded, frame.wire_len, asides)
    }

    /// The span of the capture, and its clock going backwards.
    #[inline]
    fn note_time(&mut self, mark: Mark) {
        let capture = &mut self.seen.capture;
        if !self.started {
            self.started = true;
            (capture.first, capture.last) = (mark.at, mark.at);
        } else if mark.at < self.previous {
            let step = self.previous - mark.at;
            let backsteps = &mut capture.quality.backsteps;
            if backsteps.count == 0 {
                backsteps.first_frame = mark.frame();
            }
            backsteps.count += 1;
            if step > backsteps.worst {
                backsteps.worst = step;
                backsteps.worst_frame = mark.frame();
            }
            capture.first = capture.first.min(mark.at);
        } else {
            capture.last = capture.last.max(mark.at);
        }
        self.previous = mark.at;
    }

    fn finish(self) -> (Capture, FragmentReport) {
        let Seen {
            tcp,
            mut capture,
            unsupported,
        } = self.seen;
        capture.quality.unsupported = unsupported
            .into_iter()
            .map(|(name, frames)| (name.to_owned(), frames))
            .collect();
        capture.tcp_dropped = tcp.dropped();
        capture.tcp = tcp.finish(capture.last);
        (capture, self.decoder.finish())
    }
}

impl Seen {
    /// Takes a TCP segment; its labels.
    #[expect(
        clippy::inline_always,
        reason = "out of line, the headers of every segment are written to memory and read back"
    )]
    #[inline(always)]
    fn segment(
        &mut self,
        mark: Mark,
        segment: &PlainSegment<'_>,
        wire_len: u32,
        asides: &mut Vec<Aside>,
    ) -> FrameLabels {
        let PlainSegment { ip, tcp, truncated } = segment;
        let given = self.tcp.segment(mark, ip, tcp, &mut self.capture.quality);
        // Copies of the header are lent to the watchers: that of the other segments, which are
        // nearly all, then need not lie in memory.
        if ip.ttl < ProbeWatch::LOW {
            asides.push(Aside::LowSegment(Box::new((mark, *ip))));
        }
        if given.routed_copy {
            let (ip, rest) = (*ip, digest(tcp.payload));
            let passing = Passing::of(mark, &ip, wire_len, rest);
            asides.push(Aside::Copy(Box::new(passing)));
        }
        asides.extend(Aside::stream(mark, ip, tcp, given, *truncated));
        given
    }

    /// Takes a frame of any kind; the labels of the TCP segment in it, or quoted in it.
    #[inline(never)]
    fn frame(
        &mut self,
        mark: Mark,
        decoded: &Decoded<'_>,
        wire_len: u32,
        asides: &mut Vec<Aside>,
    ) -> Option<FrameLabels> {
        let mut given = None;
        match (&decoded.body, &decoded.ip) {
            (&Body::Tcp(tcp), Some(ip)) => {
                let segment = PlainSegment {
                    ip: *ip,
                    tcp,
                    truncated: decoded.truncated,
                };
                return Some(self.segment(mark, &segment, wire_len, asides));
            }
            (Body::Icmp(icmp), Some(_)) => {
                let quoted = icmp.quoted.as_ref();
                given = quoted.and_then(|quoted| self.tcp.quoted(mark, quoted));
            }
            (Body::Unsupported(name), _) => *self.unsupported.entry(*name).or_default() += 1,
            (Body::Malformed(_), _) => note_malformed(&mut self.capture, mark),
            _ => {}
        }
        let stream = given.map(|given| given.stream);
        asides.extend(Aside::frame(mark, decoded, wire_len, stream));
        given.filter(|given| !given.labels.is_empty())
    }
}

/// Connections for which there was no room.
fn note_dropped(capture: &mut Capture) {
    if capture.tcp_dropped > 0 {
        capture.gaps.push(Gap::new(
            format!(
                "{} connections beyond the bound of {} held at once were not judged",
                capture.tcp_dropped,
                capture.tcp.len()
            ),
            "cut the capture by time or by host (editcap -A/-B, tshark -w with a filter) and diagnose the parts",
        ));
    }
}

fn note_malformed(capture: &mut Capture, mark: Mark) {
    let quality = &mut capture.quality;
    if quality.malformed_frames == 0 {
        quality.malformed_first = mark.frame();
    }
    quality.malformed_frames += 1;
}

fn note_truncated(capture: &mut Capture, mark: Mark, captured: u32) {
    let quality = &mut capture.quality;
    if quality.truncated_frames == 0 {
        quality.truncated_first = mark.frame();
    }
    quality.truncated_frames += 1;
    quality.snap_length = quality.snap_length.max(captured);
}

/// How many interfaces there were, and what they say they lost.
fn note_interfaces(quality: &mut Quality, interfaces: &[Interface]) {
    quality.interfaces = interfaces.len() as u32;
    quality.drops = interfaces.iter().enumerate().filter_map(drops_of).collect();
}

/// What an interface says it lost, if it lost anything.
fn drops_of((number, interface): (usize, &Interface)) -> Option<InterfaceDrops> {
    let statistics = &interface.statistics;
    let by_interface = statistics
        .dropped_by_interface
        .unwrap_or(0)
        .max(interface.dropped_between_frames);
    let by_system = statistics.dropped_by_os.unwrap_or(0);
    (by_interface + by_system > 0).then(|| InterfaceDrops {
        interface: if interface.name.is_empty() {
            format!("interface {number}")
        } else {
            interface.name.clone()
        },
        by_interface,
        by_system,
        received: statistics.received.unwrap_or(0),
    })
}
