//! Frames from arbitrary bytes: mostly valid headers between few endpoints, so that what waits
//! behind a valid header is reached, and some frames of any content and link type.
//!
//! An input is a list of steps; each begins with a byte that says what it is.

use ww_base::Moment;
use ww_capture::reader::LinkType;
use ww_capture::write::PcapngWriter;

/// The link types that are decoded, and one that is not; [`capture`] has an interface of each.
pub const LINKS: [LinkType; 24] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::RAW_12,
    LinkType::RAW_14,
    LinkType::PPP,
    LinkType::PPP_HDLC,
    LinkType::PPP_ETHER,
    LinkType::C_HDLC,
    LinkType::FRELAY,
    LinkType::ATM_RFC1483,
    LinkType::IEEE802_11,
    LinkType::RADIOTAP,
    LinkType::PPI,
    LinkType::NFLOG,
    LinkType::TOKEN_RING,
    LinkType::FDDI,
    LinkType::SLIP,
    LinkType(65_000),
];

/// Nanoseconds that a step can last, by its exponent; the first ones go back.
const PAUSES_NS: [i64; 16] = [
    -2_000_000_000,
    -1_000,
    0,
    0,
    1_000,
    20_000,
    100_000,
    1_000_000,
    5_000_000,
    20_000_000,
    50_000_000,
    210_000_000,
    1_010_000_000,
    3_000_000_000,
    61_000_000_000,
    4_000_000_000_000_000_000,
];

/// Flags that connections use, and some that they do not.
const FLAGS: [u8; 16] = [
    0x02, 0x12, 0x10, 0x18, 0x10, 0x18, 0x11, 0x14, 0x04, 0x10, 0x18, 0x00, 0x29, 0xc2, 0x52, 0x19,
];

/// Bytes being used up; zeros when there are none left.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next byte.
    pub fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// The next two bytes.
    pub fn u16(&mut self) -> u16 {
        u16::from(self.u8()) | u16::from(self.u8()) << 8
    }

    /// The next bytes, as many as there are.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// What one side of a conversation sends next.
#[derive(Clone, Copy, Default)]
struct Side {
    seq: u32,
    id: u16,
}

/// The capture that an input describes.
pub fn capture(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = Bytes(bytes);
    let mut writer = PcapngWriter::new();
    for (number, link) in LINKS.iter().enumerate() {
        writer.interface(&format!("if{number}"), *link);
    }
    let mut play = Play::default();
    while !bytes.0.is_empty() {
        play.step(&mut bytes, &mut writer);
    }
    writer.finish()
}

/// The state between two steps.
#[derive(Default)]
struct Play {
    at: i64,
    /// By conversation, client then server.
    sides: [[Side; 2]; 8],
    /// The last IP packet, to be repeated or quoted.
    last: Vec<u8>,
}

impl Play {
    fn step(&mut self, bytes: &mut Bytes<'_>, writer: &mut PcapngWriter) {
        let kind = bytes.u8();
        let time = bytes.u8();
        let pause = PAUSES_NS[usize::from(time & 15)] + i64::from(time >> 4) * 1_000;
        self.at = self.at.saturating_add(pause).max(0);
        let (interface, frame) = match kind & 7 {
            0..=3 => (0, self.tcp(bytes, kind)),
            4 => (0, self.udp(bytes, kind)),
            5 => (0, self.icmp(bytes, kind)),
            6 => {
                let link = u32::from(bytes.u8()) % LINKS.len() as u32;
                let length = usize::from(bytes.u16() & 0x7ff);
                (link, bytes.take(length).to_vec())
            }
            _ => (0, self.again(bytes, kind)),
        };
        let lacking = if kind & 0xf8 == 0xf8 {
            u32::from(bytes.u8())
        } else {
            0
        };
        let wire = frame.len() as u32 + lacking;
        writer.write(interface, Moment(self.at), wire, &frame, "");
    }

    /// A segment of one of eight conversations; every second byte of freedom is about sequence
    /// numbers.
    fn tcp(&mut self, bytes: &mut Bytes<'_>, kind: u8) -> Vec<u8> {
        let which = usize::from(kind >> 3 & 7);
        let how = bytes.u8();
        let from = usize::from(how & 1);
        let flags = FLAGS[usize::from(how >> 1 & 15)];
        let shape = bytes.u8();
        // Mostly what comes next; else some bytes or segments before or after it.
        let offset = match how >> 5 {
            0..=3 => 0,
            4 => -1,
            5 => (i32::from(bytes.u8()) - 128) * 100,
            6 => i32::from(bytes.u8()) - 128,
            _ => i32::from(bytes.u16() as i16) << 15,
        };
        let peer = self.sides[which][1 - from].seq;
        let side = &mut self.sides[which][from];
        if side.seq == 0 {
            side.seq = 0xffff_f000_u32.wrapping_add(which as u32 * 0x1234_5678);
        }
        let seq = side.seq.wrapping_add(offset as u32);
        let length = match shape & 7 {
            0..=2 => 0,
            3 => 1,
            4 => 100,
            5 | 6 => 1448,
            _ => usize::from(bytes.u16() & 0x3fff),
        };
        let occupied = length as u32 + u32::from(flags & 2 != 0) + u32::from(flags & 1 != 0);
        if offset >= 0 {
            side.seq = seq.wrapping_add(occupied);
        }
        let back = match shape >> 3 & 3 {
            0..=2 => 0,
            _ => u32::from(bytes.u8()) * 100,
        };
        let window = match shape >> 5 & 3 {
            0 | 1 => 64_000,
            2 => 0,
            _ => bytes.u16(),
        };
        let options = if shape & 0x80 == 0 {
            &[][..]
        } else {
            let length = bytes.u8() & 40;
            bytes.take(usize::from(length))
        };
        let mut segment = Vec::new();
        let ports = [40_000 + which as u16, [80, 443, 53, 5432][which & 3]];
        segment.extend(ports[from].to_be_bytes());
        segment.extend(ports[1 - from].to_be_bytes());
        segment.extend(seq.to_be_bytes());
        segment.extend(peer.wrapping_sub(back).to_be_bytes());
        let header = 20 + options.len().next_multiple_of(4);
        segment.extend([(header as u8 / 4) << 4, flags]);
        segment.extend(window.to_be_bytes());
        segment.extend([0; 4]);
        segment.extend(options);
        segment.resize(header, 1);
        segment.resize(header + length, b'x');
        self.packet(which, from, 6, &segment, kind)
    }

    fn udp(&mut self, bytes: &mut Bytes<'_>, kind: u8) -> Vec<u8> {
        let which = usize::from(kind >> 3 & 7);
        let how = bytes.u8();
        let from = usize::from(how & 1);
        let length = usize::from(bytes.u8());
        let payload = bytes.take(length);
        let ports = [50_000 + which as u16, [53, 53, 123, 9999][which & 3]];
        let mut datagram = Vec::new();
        datagram.extend(ports[from].to_be_bytes());
        datagram.extend(ports[1 - from].to_be_bytes());
        datagram.extend((8 + payload.len() as u16).to_be_bytes());
        datagram.extend([0; 2]);
        datagram.extend(payload);
        self.packet(which, from, 17, &datagram, how)
    }

    /// An ICMP message, mostly an error about the last packet, sent by anyone.
    fn icmp(&mut self, bytes: &mut Bytes<'_>, kind: u8) -> Vec<u8> {
        let which = usize::from(kind >> 3 & 7);
        let how = bytes.u8();
        let v6 = which & 4 != 0;
        let errors = if v6 {
            [1, 2, 3, 128, 129, 135, 136, 4]
        } else {
            [3, 3, 3, 11, 5, 8, 0, 12]
        };
        let mut message = vec![errors[usize::from(how & 7)], how >> 3 & 15];
        message.extend([0; 2]);
        message.extend(bytes.u16().to_be_bytes());
        message.extend(bytes.u16().to_be_bytes());
        let quoted = 8 * usize::from(bytes.u8() & 15);
        message.extend(self.last.iter().take(quoted));
        let protocol = if v6 { 58 } else { 1 };
        self.packet(which, usize::from(how >> 7), protocol, &message, kind)
    }

    /// The last packet once more: as it was, routed on, with another identification, as fragments,
    /// or with some bytes changed.
    fn again(&mut self, bytes: &mut Bytes<'_>, kind: u8) -> Vec<u8> {
        let mut packet = self.last.clone();
        let mut set = |at: usize, value: u8| {
            if let Some(byte) = packet.get_mut(at) {
                *byte = value;
            }
        };
        match kind >> 3 & 7 {
            0 => {}
            1 => set(8, bytes.u8()),
            2 => set(5, bytes.u8()),
            3 => {
                set(6, bytes.u8());
                set(7, bytes.u8());
            }
            4 => return arp(bytes),
            _ => {
                for _ in 0..bytes.u8() & 7 {
                    let at = usize::from(bytes.u8());
                    set(at, bytes.u8());
                }
            }
        }
        if kind & 0x80 != 0 {
            self.last.clone_from(&packet);
        }
        ethernet(&packet)
    }

    /// Puts an IP header before a payload; conversations 4 to 7 are IPv6.
    fn packet(
        &mut self,
        which: usize,
        from: usize,
        protocol: u8,
        payload: &[u8],
        how: u8,
    ) -> Vec<u8> {
        let hosts = [1, 10 + (which as u8 & 1)];
        let side = &mut self.sides[which][from];
        side.id = side.id.wrapping_add(1);
        let mut packet = Vec::new();
        if which < 4 {
            packet.extend([0x45, 0]);
            packet.extend((20 + payload.len() as u16).to_be_bytes());
            packet.extend(side.id.to_be_bytes());
            packet.extend([how & 0x40, 0, 64 - (how >> 6), protocol, 0, 0]);
            packet.extend([10, 0, 0, hosts[from]]);
            packet.extend([10, 0, 0, hosts[1 - from]]);
        } else {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend((payload.len() as u16).to_be_bytes());
            packet.extend([protocol, 64 - (how >> 6)]);
            for host in [hosts[from], hosts[1 - from]] {
                packet.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
            }
        }
        packet.extend(payload);
        self.last = packet;
        ethernet(&self.last)
    }
}

/// A frame around a packet, of the type that its version asks for.
fn ethernet(packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    let v6 = packet.first().is_some_and(|first| first >> 4 == 6);
    frame.extend(if v6 { [0x86, 0xdd] } else { [8, 0] });
    frame.extend(packet);
    frame
}

/// An ARP message between few hosts.
fn arp(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let how = bytes.u8();
    let mut frame = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, how & 3];
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1 + (how >> 2 & 1)]);
    frame.extend([2, 0, 0, 0, 0, how & 3, 10, 0, 0, how >> 3 & 3]);
    frame.extend([0, 0, 0, 0, 0, 0, 10, 0, 0, how >> 5]);
    frame
}
