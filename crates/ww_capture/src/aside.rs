//! What frames carry beside the segments of connections: datagrams, errors, names asked for.
//!
//! Connections are followed on one thread. What is met on the way and does not belong to them is put
//! aside, batch by batch, for [`Watchers`] on the thread that reads. They take it in the order of the
//! capture, whichever thread that is.

use crate::decode::{
    Body, Decoded, Decoder, FragmentReport, Icmp, IpHeader, LinkLayer, PlainDatagram, Tcp, Tunnels,
    Udp,
};
use crate::dns::{DnsWatch, is_dns_datagram, is_dns_stream_port};
use crate::net::{NetWatch, Passing};
use crate::reader::Batch;
use crate::tcp::FrameLabels;
use ww_base::Limits;
use ww_evidence::{Capture, Endpoint, Mark};

/// Something that was put aside. Nearly all of it are datagrams: the rest lies elsewhere to keep the
/// list short.
#[derive(Debug)]
pub(crate) enum Aside {
    /// A datagram in a frame of the common kind: its place in the batch.
    Datagram(usize),
    /// A frame of any other kind.
    Frame(Box<Held>),
    /// A segment whose hop limit is low.
    LowSegment(Box<(Mark, IpHeader)>),
    /// A segment that came by before with another hop limit.
    Copy(Box<Passing>),
    /// Bytes of a connection that carries DNS.
    Stream(Box<Piece>),
}

/// A decoded frame with bytes of its own.
#[derive(Debug)]
pub(crate) struct Held {
    mark: Mark,
    wire_len: u32,
    /// The TCP stream of the packet that an error quotes.
    stream: Option<u32>,
    ip: Option<IpHeader>,
    link: LinkLayer,
    truncated: bool,
    /// Without its payload.
    body: Body<'static>,
    payload: Vec<u8>,
}

/// The payload of one segment.
#[derive(Debug)]
pub(crate) struct Piece {
    mark: Mark,
    src: Endpoint,
    dst: Endpoint,
    stream: u32,
    seq: u32,
    payload: Vec<u8>,
    truncated: bool,
}

impl Aside {
    /// A frame that is neither of the common kind nor a segment; `None` when nobody watches its kind.
    pub(crate) fn frame(
        mark: Mark,
        decoded: &Decoded<'_>,
        wire_len: u32,
        stream: Option<u32>,
    ) -> Option<Aside> {
        let (body, payload) = match decoded.body {
            Body::Udp(udp) => (
                Body::Udp(Udp {
                    payload: &[],
                    ..udp
                }),
                udp.payload,
            ),
            Body::Icmp(icmp) => (
                Body::Icmp(Icmp {
                    payload: &[],
                    ..icmp
                }),
                icmp.payload,
            ),
            Body::Arp(arp) => (Body::Arp(arp), &[][..]),
            _ => return None,
        };
        Some(Aside::Frame(Box::new(Held {
            mark,
            wire_len,
            stream,
            ip: decoded.ip,
            link: decoded.link,
            truncated: decoded.truncated,
            body,
            payload: payload.to_vec(),
        })))
    }

    /// What a segment carries of name resolution; `None` when nothing.
    #[inline]
    pub(crate) fn stream(
        mark: Mark,
        ip: &IpHeader,
        segment: &Tcp<'_>,
        given: FrameLabels,
        truncated: bool,
    ) -> Option<Aside> {
        let concerns = is_dns_stream_port(segment.dst_port) || is_dns_stream_port(segment.src_port);
        if !concerns || given.copy || segment.payload.is_empty() {
            return None;
        }
        let [src, dst] = ends(ip, segment.src_port, segment.dst_port);
        Some(Aside::Stream(Box::new(Piece {
            mark,
            src,
            dst,
            stream: given.stream,
            seq: segment.seq,
            payload: segment.payload.to_vec(),
            truncated,
        })))
    }
}

/// Whoever watches what passes beside connections.
#[derive(Debug)]
pub(crate) struct Watchers {
    dns: DnsWatch,
    net: NetWatch,
}

impl Watchers {
    /// Nothing seen yet.
    pub(crate) fn new(limits: &Limits) -> Watchers {
        Watchers {
            dns: DnsWatch::new(limits),
            net: NetWatch::new(limits),
        }
    }

    /// Takes what was put aside of a batch.
    pub(crate) fn take(&mut self, batch: &Batch, asides: &mut Vec<Aside>) {
        for aside in asides.drain(..) {
            match aside {
                Aside::Datagram(place) => self.datagram(batch, place),
                Aside::Frame(held) => self.frame(*held),
                Aside::LowSegment(low) => self.net.low_segment(low.0, &low.1),
                Aside::Copy(passing) => self.net.copy(&passing),
                Aside::Stream(piece) => self.dns.tcp(
                    piece.mark,
                    piece.src,
                    piece.dst,
                    piece.stream,
                    piece.seq,
                    &piece.payload,
                    piece.truncated,
                ),
            }
        }
    }

    /// Writes what was seen into the capture.
    pub(crate) fn finish(self, fragments: &FragmentReport, capture: &mut Capture) {
        self.net.finish(fragments, capture);
        capture.dns = self.dns.finish();
    }

    #[inline]
    fn datagram(&mut self, batch: &Batch, place: usize) {
        let Some(frame) = batch.frame(place) else {
            return;
        };
        let mark = Mark::new(frame.number, frame.at);
        if let Some(datagram) = Decoder::plain_datagram(&frame.raw()) {
            let PlainDatagram { ip, udp, truncated } = &datagram;
            self.name(mark, ip, udp, *truncated);
            self.net.datagram(mark, ip, udp, frame.wire_len);
        }
    }

    fn frame(&mut self, held: Held) {
        let payload = &held.payload[..];
        let body = match held.body {
            Body::Udp(udp) => Body::Udp(Udp { payload, ..udp }),
            Body::Icmp(icmp) => Body::Icmp(Icmp { payload, ..icmp }),
            body => body,
        };
        if let (Body::Udp(udp), Some(ip)) = (&body, &held.ip) {
            self.name(held.mark, ip, udp, held.truncated);
        }
        let decoded = Decoded {
            link: held.link,
            ip: held.ip,
            outer: Tunnels::default(),
            body,
            truncated: held.truncated,
            reassembled_from: None,
        };
        self.net
            .frame(held.mark, &decoded, held.wire_len, held.stream);
    }

    /// Name resolution over datagrams.
    #[inline]
    fn name(&mut self, mark: Mark, ip: &IpHeader, udp: &Udp<'_>, truncated: bool) {
        let [src, dst] = ends(ip, udp.src_port, udp.dst_port);
        if is_dns_datagram(src, dst) {
            self.dns.udp(mark, src, dst, udp.payload, truncated);
        }
    }
}

fn ends(ip: &IpHeader, src_port: u16, dst_port: u16) -> [Endpoint; 2] {
    let end = |addr, port| Endpoint { addr, port };
    [end(ip.src, src_port), end(ip.dst, dst_port)]
}
