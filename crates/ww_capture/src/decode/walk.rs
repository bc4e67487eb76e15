//! The state of one frame's way through its headers.

use super::bytes::Bytes;
use super::fragment::{Key, Piece, Reassembler};
use super::types::{Body, Decoded, IpHeader, LinkLayer, RawFrame, Tunnel, Tunnels};
use ww_base::Moment;

/// What is known so far about one frame. The methods that read headers are in the modules named
/// after them; each hands its payload to the next and returns what the innermost one found.
pub(super) struct Walk<'a> {
    pub(super) link: LinkLayer,
    pub(super) ip: Option<IpHeader>,
    outer: Tunnels,
    /// The innermost packet looked at is not captured whole.
    pub(super) truncated: bool,
    reassembled_from: Option<(u64, u64)>,
    reassembler: &'a mut Reassembler,
    /// Places for datagrams this frame completes.
    completed: &'a mut [Vec<u8>],
    tunnel_depth: u32,
    frame: u64,
    at: Moment,
    /// VLAN identifier of the last tag passed.
    pub(super) innermost_vlan: Option<u16>,
    /// Bytes that the innermost IP header declares beyond the end of the frame.
    pub(super) lacking: u32,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        frame: &RawFrame<'a>,
        reassembler: &'a mut Reassembler,
        completed: &'a mut [Vec<u8>],
        tunnel_depth: u32,
    ) -> Walk<'a> {
        Walk {
            link: LinkLayer::default(),
            ip: None,
            outer: Tunnels::default(),
            truncated: false,
            reassembled_from: None,
            reassembler,
            completed,
            tunnel_depth,
            frame: frame.number,
            at: frame.at,
            innermost_vlan: None,
            lacking: 0,
        }
    }

    pub(super) fn decode(mut self, frame: &RawFrame<'a>) -> Decoded<'a> {
        let bytes = Bytes::new(frame.data, frame.wire_len);
        self.truncated = bytes.is_cut();
        let body = self.link(frame.link, bytes);
        Decoded {
            link: self.link,
            ip: self.ip,
            outer: self.outer,
            body,
            truncated: self.truncated,
            reassembled_from: self.reassembled_from,
        }
    }

    /// Notes a tunnel and reads what is inside, unless the frame has too many.
    pub(super) fn inside(
        &mut self,
        kind: Tunnel,
        read: impl FnOnce(&mut Self) -> Body<'a>,
    ) -> Body<'a> {
        let depth = usize::from(self.outer.depth);
        if u32::from(self.outer.depth) >= self.tunnel_depth.min(u32::from(u8::MAX)) {
            return Body::Unsupported("more tunnels inside one another than the limit");
        }
        if let Some(place) = self.outer.kinds.get_mut(depth) {
            *place = Some(kind);
        }
        self.outer.depth += 1;
        read(self)
    }

    /// Hands a fragment to reassembly.
    pub(super) fn fragment(&mut self, key: Key, mut piece: Fragment<'a>) -> Reassembly<'a> {
        piece.bytes.wire = piece.bytes.wire.saturating_add(self.lacking);
        match self.reassemble(key, piece) {
            Some((protocol, datagram)) => Reassembly::Whole(protocol, datagram),
            None if piece.offset == 0 && piece.bytes.is_cut() => Reassembly::FirstOnly(piece),
            None => Reassembly::Waiting,
        }
    }

    /// The datagram and its protocol when this piece completes it.
    fn reassemble(&mut self, key: Key, piece: Fragment<'a>) -> Option<(u8, Bytes<'a>)> {
        let Fragment {
            protocol,
            offset,
            more,
            bytes,
        } = piece;
        // A piece without bytes says nothing.
        if bytes.wire == 0 || self.completed.is_empty() {
            return None;
        }
        let piece = Piece {
            frame: self.frame,
            at: self.at,
            protocol,
            offset,
            more,
            bytes,
        };
        let whole = self.reassembler.add(key, &piece)?;
        let (place, others) = std::mem::take(&mut self.completed).split_first_mut()?;
        self.completed = others;
        *place = whole.datagram;
        let datagram: &'a [u8] = place;
        self.reassembled_from = Some((whole.first_frame, self.frame));
        self.truncated = false;
        Some((whole.protocol, Bytes::new(datagram, 0)))
    }
}

/// What a header says about a fragment.
#[derive(Clone, Copy)]
pub(super) struct Fragment<'a> {
    pub(super) protocol: u8,
    pub(super) offset: u32,
    pub(super) more: bool,
    pub(super) bytes: Bytes<'a>,
}

/// What reassembly makes of a fragment.
pub(super) enum Reassembly<'a> {
    /// The protocol and bytes of the datagram that is complete now.
    Whole(u8, Bytes<'a>),
    /// The first piece, not captured whole: all of the datagram that can be read.
    FirstOnly(Fragment<'a>),
    /// Nothing to read yet.
    Waiting,
}
