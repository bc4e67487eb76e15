//! Frames to transport headers.
//!
//! [`Decoder::decode`] takes a frame of any supported link type down to its innermost transport
//! header, through VLAN tags, labels, tunnels and fragments. Almost every frame of a real capture
//! is Ethernet, IP without options and TCP or UDP; those take the short way in [`fast`], the rest
//! takes [`walk`]. Both give the same answer.
//!
//! What is decoded and with which length follows `TShark` 4.0.17, so that connections and their
//! labels can be compared with it:
//!
//! * Checksums are not verified: a frame with a bad IP or TCP checksum is decoded like any other.
//! * A length field cannot lengthen a packet beyond the frame, and bytes after the declared end are
//!   padding. An IPv4 total length or IPv6 payload length of 0 means "to the end of the frame"
//!   (segmentation offload); an IPv4 total length below the header length ends the decoding.
//! * Fragments count where the datagram is complete. The first IPv4 fragment of a datagram that
//!   cannot be put together, because bytes were not captured or are declared beyond the frame,
//!   belongs to its connection, but is not analysed.
//! * A TCP header of which 16 to 19 bytes are there belongs to its connection, but is not analysed;
//!   shorter ones do not count. The same 16 bytes decide for a segment quoted in an ICMP error.
//! * What a routing header or source route names as the last stop is the destination.
//!
//! Where it does not follow `TShark`: fragments are waited for 60 s, not for ever; Ethernet behind
//! MPLS labels is told by the control word alone, without guessing from hardware addresses; an
//! associated channel behind MPLS labels is not read.

mod bytes;
mod fast;
mod fragment;
mod icmp;
mod ip;
mod link;
mod transport;
mod tunnel;
mod types;
mod walk;

pub use fragment::{FragmentReport, IncompleteDatagram};
pub use types::{
    Arp, Body, Decoded, Icmp, IpHeader, LinkLayer, Mac, PacketType, PlainDatagram, PlainSegment,
    Quoted, RawFrame, Tcp, Tunnel, Tunnels, Udp,
};

use fragment::Reassembler;
use walk::Walk;
use ww_base::Limits;

/// Decodes the frames of one capture, in order; owns the fragments that wait for the rest.
#[derive(Debug)]
pub struct Decoder {
    reassembler: Reassembler,
    /// The datagrams that the current frame completed: one, and one fragmented again inside it.
    completed: [Vec<u8>; 2],
    tunnel_depth: u32,
}

impl Decoder {
    /// A decoder that holds at most `limits.fragment_sets` incomplete datagrams of together
    /// `limits.fragment_bytes` bytes and unpacks at most `limits.tunnel_depth` tunnels of a frame.
    pub fn new(limits: &Limits) -> Decoder {
        Decoder {
            reassembler: Reassembler::new(limits),
            completed: [Vec::new(), Vec::new()],
            tunnel_depth: limits.tunnel_depth,
        }
    }

    /// The TCP segment in a frame of the most common kind, as [`Decoder::decode`] would give it;
    /// `None` says nothing about the frame.
    #[inline]
    pub fn plain_segment<'a>(frame: &RawFrame<'a>) -> Option<PlainSegment<'a>> {
        fast::segment(frame)
    }

    /// The datagram in a frame of the most common kind, as [`Decoder::decode`] would give it; `None`
    /// says nothing about the frame.
    #[inline]
    pub fn plain_datagram<'a>(frame: &RawFrame<'a>) -> Option<PlainDatagram<'a>> {
        fast::datagram(frame)
    }

    /// Decodes one frame down to its innermost transport header.
    ///
    /// Never fails: what cannot be read is named in [`Decoded::body`].
    #[inline]
    pub fn decode<'a>(&'a mut self, frame: RawFrame<'a>) -> Decoded<'a> {
        match fast::decode(&frame) {
            Some(decoded) => decoded,
            None => self.decode_any(&frame),
        }
    }

    /// What became of the fragments, when the last frame has been decoded.
    pub fn finish(self) -> FragmentReport {
        self.reassembler.finish()
    }

    /// The way that every frame can take.
    fn decode_any<'a>(&'a mut self, frame: &RawFrame<'a>) -> Decoded<'a> {
        Walk::new(
            frame,
            &mut self.reassembler,
            &mut self.completed,
            self.tunnel_depth,
        )
        .decode(frame)
    }
}

#[cfg(test)]
mod tests;
