//! One pass over a capture.

use crate::decode::{Body, Decoder, IpHeader, RawFrame, Tcp, Udp};
use crate::dns::{DnsWatch, is_dns_datagram, is_dns_stream_port};
use crate::net::{NetWatch, Passing, ProbeWatch, digest};
use crate::reader::{CaptureReader, Frame, Interface, ReadError};
use crate::tcp::{FrameLabels, TcpTable};
use std::collections::BTreeMap;
use std::io::Read;
use ww_base::{Gap, Limits, Moment, Problem, SourceId};
use ww_evidence::{Capture, Endpoint, InterfaceDrops, Mark};

/// Frames between two reports of progress.
const PROGRESS_FRAMES: u64 = 16_384;

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

/// Reads a whole capture. `progress` is called now and then with the number of bytes read.
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
    let mut pass = Pass::new(source, limits);
    let mut frames = 0;
    while let Some(frame) = reader.next_frame() {
        pass.frame(&frame);
        frames += 1;
        if frames % PROGRESS_FRAMES == 0 {
            progress(reader.bytes_read());
        }
    }
    progress(reader.bytes_read());
    Ok(Analysis {
        capture: pass.finish(reader.interfaces()),
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
    while let Some(frame) = reader.next_frame() {
        if let Some(given) = pass.frame(&frame) {
            each(frame.number, given);
        }
    }
    Ok(reader.problems().to_vec())
}

/// The state of the pass.
struct Pass {
    decoder: Decoder,
    tcp: TcpTable,
    dns: DnsWatch,
    net: NetWatch,
    capture: Capture,
    started: bool,
    previous: Moment,
    unsupported: BTreeMap<&'static str, u64>,
}

impl Pass {
    fn new(source: SourceId, limits: &Limits) -> Pass {
        Pass {
            decoder: Decoder::new(limits),
            tcp: TcpTable::new(limits),
            dns: DnsWatch::new(limits),
            net: NetWatch::new(limits),
            capture: Capture {
                source,
                ..Capture::default()
            },
            started: false,
            previous: Moment(0),
            unsupported: BTreeMap::new(),
        }
    }

    /// Takes one frame; the labels of the TCP segment in it, or quoted in it.
    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) -> Option<FrameLabels> {
        let mark = Mark {
            frame: frame.number,
            at: frame.at,
        };
        self.note_time(mark);
        self.capture.frames = frame.number;
        self.capture.wire_bytes += u64::from(frame.wire_len);
        let Pass {
            decoder,
            tcp,
            dns,
            net,
            capture,
            unsupported,
            ..
        } = self;
        let decoded = decoder.decode(RawFrame {
            number: frame.number,
            at: frame.at,
            link: frame.link.0,
            wire_len: frame.wire_len,
            data: frame.data,
        });
        if (frame.data.len() as u64) < u64::from(frame.wire_len) {
            note_truncated(capture, mark, frame.data.len() as u32);
        }
        if let (Body::Tcp(segment), Some(ip)) = (&decoded.body, &decoded.ip) {
            let given = tcp.segment(mark, ip, segment, &mut capture.quality);
            if ip.ttl < ProbeWatch::LOW {
                net.low_segment(mark, ip);
            }
            if given.routed_copy {
                let rest = digest(segment.payload);
                net.copy(&Passing::of(mark, ip, frame.wire_len, rest));
            }
            feed_dns_stream(dns, mark, ip, segment, given, decoded.truncated);
            return Some(given);
        }
        match (&decoded.body, &decoded.ip) {
            (Body::Udp(udp), Some(ip)) => feed_dns_datagram(dns, mark, ip, udp, decoded.truncated),
            (Body::Unsupported(name), _) => *unsupported.entry(*name).or_default() += 1,
            (Body::Malformed(_), _) => note_malformed(capture, mark),
            _ => {}
        }
        let mut given = None;
        net.frame(mark, &decoded, frame.wire_len, |quoted| {
            given = tcp.quoted(mark, quoted);
            given.map(|given| given.stream)
        });
        given.filter(|given| !given.labels.is_empty())
    }

    /// The span of the capture, and its clock going backwards.
    #[inline]
    fn note_time(&mut self, mark: Mark) {
        if !self.started {
            self.started = true;
            (self.capture.first, self.capture.last) = (mark.at, mark.at);
        } else if mark.at < self.previous {
            let step = self.previous - mark.at;
            let backsteps = &mut self.capture.quality.backsteps;
            if backsteps.count == 0 {
                backsteps.first_frame = mark.frame;
            }
            backsteps.count += 1;
            if step > backsteps.worst {
                backsteps.worst = step;
                backsteps.worst_frame = mark.frame;
            }
            self.capture.first = self.capture.first.min(mark.at);
        } else {
            self.capture.last = self.capture.last.max(mark.at);
        }
        self.previous = mark.at;
    }

    fn finish(self, interfaces: &[Interface]) -> Capture {
        let mut capture = self.capture;
        let quality = &mut capture.quality;
        quality.unsupported = self
            .unsupported
            .into_iter()
            .map(|(name, frames)| (name.to_owned(), frames))
            .collect();
        quality.interfaces = interfaces.len() as u32;
        quality.drops = interfaces.iter().enumerate().filter_map(drops_of).collect();
        self.net.finish(&self.decoder.finish(), &mut capture);
        capture.dns = self.dns.finish();
        capture.tcp_dropped = self.tcp.dropped();
        capture.tcp = self.tcp.finish(capture.last);
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
        capture
    }
}

/// Name resolution over connections.
#[inline]
fn feed_dns_stream(
    dns: &mut DnsWatch,
    mark: Mark,
    ip: &IpHeader,
    segment: &Tcp<'_>,
    given: FrameLabels,
    truncated: bool,
) {
    let concerns = is_dns_stream_port(segment.dst_port) || is_dns_stream_port(segment.src_port);
    if !concerns || given.copy || segment.payload.is_empty() {
        return;
    }
    let [src, dst] = ends(ip, segment.src_port, segment.dst_port);
    dns.tcp(
        mark,
        src,
        dst,
        given.stream,
        segment.seq,
        segment.payload,
        truncated,
    );
}

/// Name resolution over datagrams.
#[inline]
fn feed_dns_datagram(
    dns: &mut DnsWatch,
    mark: Mark,
    ip: &IpHeader,
    udp: &Udp<'_>,
    truncated: bool,
) {
    let [src, dst] = ends(ip, udp.src_port, udp.dst_port);
    if is_dns_datagram(src, dst) {
        dns.udp(mark, src, dst, udp.payload, truncated);
    }
}

fn ends(ip: &IpHeader, src_port: u16, dst_port: u16) -> [Endpoint; 2] {
    [
        Endpoint {
            addr: ip.src,
            port: src_port,
        },
        Endpoint {
            addr: ip.dst,
            port: dst_port,
        },
    ]
}

fn note_malformed(capture: &mut Capture, mark: Mark) {
    let quality = &mut capture.quality;
    if quality.malformed_frames == 0 {
        quality.malformed_first = mark.frame;
    }
    quality.malformed_frames += 1;
}

fn note_truncated(capture: &mut Capture, mark: Mark, captured: u32) {
    let quality = &mut capture.quality;
    if quality.truncated_frames == 0 {
        quality.truncated_first = mark.frame;
    }
    quality.truncated_frames += 1;
    quality.snap_length = quality.snap_length.max(captured);
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
