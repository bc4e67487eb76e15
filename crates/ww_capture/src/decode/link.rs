//! Link layers and what may stand between them and IP.

use super::bytes::{Bytes, array, be16, byte};
use super::transport::arp;
use super::types::{Body, PacketType, Tunnel};
use super::walk::Walk;

/// `LINKTYPE_ETHERNET`.
pub(super) const ETHERNET: u16 = 1;
pub(super) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(super) const ETHERTYPE_IPV6: u16 = 0x86dd;
pub(super) const ETHERTYPE_VLAN: u16 = 0x8100;
/// Transparent Ethernet bridging: an Ethernet frame inside.
pub(super) const ETHERTYPE_BRIDGING: u16 = 0x6558;

/// Tags and labels read between the Ethernet header and IP.
const TAGS: usize = 16;

impl<'a> Walk<'a> {
    /// A frame of the link type with this LINKTYPE number.
    pub(super) fn link(&mut self, link: u16, frame: Bytes<'a>) -> Body<'a> {
        match link {
            ETHERNET => self.ethernet(frame),
            // LINKTYPE_NULL and LINKTYPE_LOOP
            0 | 108 => self.loopback(frame),
            // LINKTYPE_PPP, LINKTYPE_PPP_HDLC
            9 | 50 => self.ppp(frame),
            // LINKTYPE_PPP_ETHER
            51 => self.pppoe(frame),
            // DLT_RAW as written by some systems, LINKTYPE_RAW, LINKTYPE_IPV4, LINKTYPE_IPV6
            12 | 14 | 101 | 228 | 229 => self.ip(frame),
            // LINKTYPE_C_HDLC
            104 => self.cisco_hdlc(frame),
            // LINKTYPE_LINUX_SLL
            113 => self.linux_cooked(frame),
            // LINKTYPE_MPLS
            219 => self.mpls(frame),
            // LINKTYPE_NFLOG
            239 => self.nflog(frame),
            // LINKTYPE_LINUX_SLL2
            276 => self.linux_cooked_2(frame),
            _ => Body::Unsupported(unsupported(link)),
        }
    }

    /// An Ethernet frame without preamble.
    pub(super) fn ethernet(&mut self, frame: Bytes<'a>) -> Body<'a> {
        let Some((h, rest)) = frame.header::<14>() else {
            return Body::Malformed("Ethernet header cut short");
        };
        if self.link.src.is_none() {
            self.link.dst = array(h, 0);
            self.link.src = array(h, 6);
        }
        self.ethertype(u16::from_be_bytes([h[12], h[13]]), rest)
    }

    /// What an `EtherType` announces, past all tags.
    pub(super) fn ethertype(&mut self, mut ethertype: u16, mut rest: Bytes<'a>) -> Body<'a> {
        for _ in 0..TAGS {
            // Bytes of the tag after the EtherType that announces it; the next EtherType is last.
            let tag_len = match ethertype {
                ETHERTYPE_IPV4 => return self.ip(rest),
                ETHERTYPE_IPV6 => return self.only_ipv6(rest),
                0x0806 | 0x8035 => return arp(rest.held),
                // 802.1Q, 802.1ad and what came before it
                ETHERTYPE_VLAN | 0x88a8 | 0x9100 => {
                    self.note_vlan(rest);
                    4
                }
                // VN-Tag, HSR and PRP
                0x8926 | 0x892f => 6,
                0x8847 | 0x8848 => return self.mpls(rest),
                0x8864 => return self.pppoe(rest),
                0x880b => return self.ppp(rest),
                ETHERTYPE_BRIDGING => return self.inside(Tunnel::Gre, |walk| walk.ethernet(rest)),
                0x88e7 => return self.backbone_bridge(rest),
                0x8903 => return self.fabric_path(rest),
                length @ 0..=1500 => return self.llc(length, rest.limit(u32::from(length))),
                other => return Body::NotIp { ethertype: other },
            };
            let next = be16(rest.held, tag_len - 2).zip(rest.skip(tag_len));
            let Some(next) = next else {
                return Body::Malformed("VLAN tag cut short");
            };
            (ethertype, rest) = next;
        }
        Body::Malformed("too many VLAN tags")
    }

    /// The tag of a FabricPath frame (forwarding tag and hop limit) and the frame it carries.
    fn fabric_path(&mut self, tag: Bytes<'a>) -> Body<'a> {
        match tag.skip(2) {
            Some(frame) => self.inside(Tunnel::FabricPath, |walk| walk.ethernet(frame)),
            None => Body::Malformed("FabricPath tag cut short"),
        }
    }

    fn note_vlan(&mut self, tag: Bytes<'a>) {
        let free = self.link.vlans.iter_mut().find(|place| place.is_none());
        let vlan = be16(tag.held, 0).map(|field| field & 0xfff);
        if let Some(place) = free {
            *place = vlan;
        }
        self.innermost_vlan = vlan;
    }

    /// IEEE 802.2: SNAP (RFC 1042) or IP with its own service access point.
    fn llc(&mut self, length: u16, frame: Bytes<'a>) -> Body<'a> {
        match *frame.held {
            [0xaa, 0xaa, 3, 0, 0, 0, high, low, ..] => {
                match (u16::from_be_bytes([high, low]), frame.skip(8)) {
                    (ethertype @ 1536.., Some(rest)) => self.ethertype(ethertype, rest),
                    (ethertype, _) => Body::NotIp { ethertype },
                }
            }
            [6, 6, 3, ..] => frame
                .skip(3)
                .map_or(Body::Malformed("LLC header cut short"), |rest| {
                    self.ip(rest)
                }),
            _ => Body::NotIp { ethertype: length },
        }
    }

    /// An MPLS label stack (RFC 3032) and, by its first nibble, IP or an Ethernet pseudowire.
    pub(super) fn mpls(&mut self, stack: Bytes<'a>) -> Body<'a> {
        let mut rest = stack;
        for _ in 0..TAGS {
            let Some((entry, after)) = rest.header::<4>() else {
                return Body::Malformed("MPLS label cut short");
            };
            rest = after;
            if entry[2] & 1 == 0 {
                continue;
            }
            return match byte(rest.held, 0).map(|first| first >> 4) {
                Some(4 | 6) => self.ip(rest),
                // A control word before the Ethernet frame (RFC 4448 section 4.6).
                Some(0) => match rest.skip(4) {
                    Some(frame) => self.inside(Tunnel::Pseudowire, |walk| walk.ethernet(frame)),
                    None => Body::Malformed("pseudowire control word cut short"),
                },
                Some(1) => Body::NotIp { ethertype: 0x8847 },
                Some(_) => self.inside(Tunnel::Pseudowire, |walk| walk.ethernet(rest)),
                None => Body::Malformed("nothing behind the MPLS labels"),
            };
        }
        Body::Malformed("too many MPLS labels")
    }

    /// A `PPPoE` session frame (RFC 2516) from its version on.
    fn pppoe(&mut self, frame: Bytes<'a>) -> Body<'a> {
        match frame.header::<6>() {
            Some((h, rest)) if h[1] == 0 => {
                self.ppp(rest.limit(u32::from(u16::from_be_bytes([h[4], h[5]]))))
            }
            Some(_) => Body::NotIp { ethertype: 0x8864 },
            None => Body::Malformed("PPPoE header cut short"),
        }
    }

    /// PPP with or without address and control bytes (RFC 1662), protocol of one or two bytes.
    pub(super) fn ppp(&mut self, frame: Bytes<'a>) -> Body<'a> {
        let framed = matches!(*frame.held, [0xff, 3, ..] | [0x0f, 0, ..]);
        let skipped = if framed { frame.skip(2) } else { Some(frame) };
        let (protocol, length) = match skipped.map(|rest| rest.held) {
            Some(&[first, ..]) if first & 1 == 1 => (u16::from(first), 1),
            Some(&[first, second, ..]) => (u16::from_be_bytes([first, second]), 2),
            _ => return Body::Malformed("PPP header cut short"),
        };
        let Some(rest) = skipped.and_then(|rest| rest.skip(length)) else {
            return Body::Malformed("PPP header cut short");
        };
        match protocol {
            0x0021 | 0x0057 => self.ip(rest),
            0x0281 | 0x0283 => self.mpls(rest),
            // Cisco HDLC on an interface said to be PPP.
            ETHERTYPE_IPV4 | ETHERTYPE_IPV6 if framed => self.ip(rest),
            _ => Body::NotIp { ethertype: 0x880b },
        }
    }

    fn cisco_hdlc(&mut self, frame: Bytes<'a>) -> Body<'a> {
        match frame.header::<4>() {
            Some((h, rest)) => self.ethertype(u16::from_be_bytes([h[2], h[3]]), rest),
            None => Body::Malformed("HDLC header cut short"),
        }
    }

    /// An address family in the byte order of whatever machine captured, or in network order.
    fn loopback(&mut self, frame: Bytes<'a>) -> Body<'a> {
        let Some((family, rest)) = frame.header::<4>() else {
            return Body::Malformed("loopback header cut short");
        };
        let word = u32::from_be_bytes(*family);
        match if word > 0xffff {
            word.swap_bytes()
        } else {
            word
        } {
            // AF_INET, and AF_INET6 of Linux and Windows, NetBSD, FreeBSD, macOS
            2 | 10 | 23 | 24 | 28 | 30 => self.ip(rest),
            // Some drivers write a Cisco HDLC header, which ends with an EtherType.
            _ => match word as u16 {
                ethertype @ 1536.. => self.ethertype(ethertype, rest),
                other => Body::NotIp { ethertype: other },
            },
        }
    }

    fn linux_cooked(&mut self, frame: Bytes<'a>) -> Body<'a> {
        let Some((h, rest)) = frame.header::<16>() else {
            return Body::Malformed("cooked header cut short");
        };
        self.link.packet_type = packet_type(h[1]);
        if u16::from_be_bytes([h[4], h[5]]) == 6 {
            self.link.src = array(h, 6);
        }
        self.cooked_payload(u16::from_be_bytes([h[14], h[15]]), rest)
    }

    fn linux_cooked_2(&mut self, frame: Bytes<'a>) -> Body<'a> {
        let Some((h, rest)) = frame.header::<20>() else {
            return Body::Malformed("cooked header cut short");
        };
        self.link.packet_type = packet_type(h[10]);
        if h[11] == 6 {
            self.link.src = array(h, 12);
        }
        self.cooked_payload(u16::from_be_bytes([h[0], h[1]]), rest)
    }

    /// Below 1536 the protocol of a cooked header is a Linux number of its own.
    fn cooked_payload(&mut self, protocol: u16, rest: Bytes<'a>) -> Body<'a> {
        match protocol {
            4 => self.llc(4, rest),
            other @ ..1536 => Body::NotIp { ethertype: other },
            ethertype => self.ethertype(ethertype, rest),
        }
    }

    /// 802.1ah: a service tag, then the customer's Ethernet frame.
    fn backbone_bridge(&mut self, rest: Bytes<'a>) -> Body<'a> {
        match rest.skip(4) {
            Some(frame) => self.inside(Tunnel::BackboneBridge, |walk| walk.ethernet(frame)),
            None => Body::Malformed("backbone service tag cut short"),
        }
    }

    /// Netlink packet log: attributes in the byte order of the capturing host; the one of type 9 is
    /// the packet.
    fn nflog(&mut self, frame: Bytes<'a>) -> Body<'a> {
        let Some(mut rest) = frame.skip(4) else {
            return Body::Malformed("NFLOG header cut short");
        };
        while let Some((h, _)) = rest.header::<4>() {
            let little = u16::from_le_bytes([h[0], h[1]]);
            let big = u16::from_be_bytes([h[0], h[1]]);
            let is_little =
                u32::from(little) <= rest.wire && (little < big || u32::from(big) > rest.wire);
            let (length, kind) = if is_little {
                (little, u16::from_le_bytes([h[2], h[3]]))
            } else {
                (big, u16::from_be_bytes([h[2], h[3]]))
            };
            if length < 4 {
                break;
            }
            if kind & 0x7fff == 9 {
                let packet = rest.limit(u32::from(length)).skip(4);
                return packet.map_or(Body::Malformed("NFLOG payload cut short"), |packet| {
                    self.ip(packet)
                });
            }
            let Some(after) = rest.skip(usize::from(length).next_multiple_of(4)) else {
                break;
            };
            rest = after;
        }
        Body::Malformed("NFLOG record without a packet")
    }
}

fn packet_type(value: u8) -> Option<PacketType> {
    match value {
        0 => Some(PacketType::ToHost),
        1 => Some(PacketType::Broadcast),
        2 => Some(PacketType::Multicast),
        3 => Some(PacketType::ToOther),
        4 => Some(PacketType::Outgoing),
        _ => None,
    }
}

/// The name of a link type that is not read.
fn unsupported(link: u16) -> &'static str {
    match link {
        6 => "Token Ring",
        10 => "FDDI",
        105 => "802.11",
        107 => "Frame Relay",
        119 => "802.11 with a Prism header",
        127 => "802.11 with a radiotap header",
        163 => "802.11 with an AVS header",
        187 | 201 | 251 | 254 | 255 | 256 | 272 => "Bluetooth",
        189 | 220 | 249 => "USB",
        192 => "802.11 with a PPI header",
        195 | 215 | 230 | 283 => "802.15.4",
        253 => "netlink",
        _ => "unknown link type",
    }
}
