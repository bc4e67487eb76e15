//! Captures of any length, made while they are read.

use std::io::Read;
use ww_base::Moment;
use ww_capture::reader::LinkType;
use ww_capture::write::PcapWriter;

/// Marsaglia's generator: the same numbers every time.
pub(crate) struct Xorshift(u64);

impl Xorshift {
    pub(crate) fn new(seed: u64) -> Xorshift {
        Xorshift(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Makes the frames of one bogus flow, given its number.
pub(crate) type Make = fn(&mut Frames, u64);

/// A capture of so many bogus flows.
pub(crate) struct Flood {
    frames: Frames,
    make: Make,
    next: u64,
    flows: u64,
    ready: Vec<u8>,
    read: usize,
}

impl Flood {
    pub(crate) fn new(make: Make, flows: u64) -> Flood {
        Flood {
            frames: Frames {
                random: Xorshift::new(flows),
                writer: PcapWriter::new(true, LinkType::ETHERNET),
                at_ns: 1_700_000_000_000_000_000,
                id: 0,
            },
            make,
            next: 0,
            flows,
            ready: Vec::new(),
            read: 0,
        }
    }
}

impl Read for Flood {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.read == self.ready.len() {
            for _ in 0..1000 {
                if self.next < self.flows {
                    (self.make)(&mut self.frames, self.next);
                    self.next += 1;
                }
            }
            self.ready = self.frames.writer.take();
            self.read = 0;
        }
        let rest = &self.ready[self.read..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

/// An IPv4 address and a port.
pub(crate) type End = (u32, u16);

/// Builds frames, each a few microseconds after the one before.
pub(crate) struct Frames {
    pub(crate) random: Xorshift,
    writer: PcapWriter,
    at_ns: i64,
    id: u16,
}

/// TCP flags.
pub(crate) mod flag {
    pub(crate) const SYN: u8 = 2;
    pub(crate) const RST: u8 = 4;
    pub(crate) const ACK: u8 = 16;
}

impl Frames {
    /// Lets time pass.
    pub(crate) fn wait_us(&mut self, us: i64) {
        self.at_ns += us * 1000;
    }

    /// Any address and port.
    pub(crate) fn any(&mut self) -> End {
        let number = self.random.next();
        ((number >> 16) as u32, number as u16)
    }

    /// A TCP segment; the IP packet is returned, for an ICMP error to quote.
    pub(crate) fn tcp(
        &mut self,
        [src, dst]: [End; 2],
        flags: u8,
        [seq, ack]: [u32; 2],
        payload: &[u8],
    ) -> Vec<u8> {
        let mut segment = Vec::with_capacity(20 + payload.len());
        segment.extend(src.1.to_be_bytes());
        segment.extend(dst.1.to_be_bytes());
        segment.extend(seq.to_be_bytes());
        segment.extend(ack.to_be_bytes());
        segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(payload);
        self.ip(src.0, dst.0, 6, [0x40, 0], 64, &segment)
    }

    /// A UDP datagram.
    pub(crate) fn udp(&mut self, [src, dst]: [End; 2], payload: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(8 + payload.len());
        datagram.extend(src.1.to_be_bytes());
        datagram.extend(dst.1.to_be_bytes());
        datagram.extend((8 + payload.len() as u16).to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(payload);
        self.ip(src.0, dst.0, 17, [0, 0], 64, &datagram)
    }

    /// An ICMP message.
    pub(crate) fn icmp(&mut self, [src, dst]: [u32; 2], kind: [u8; 2], rest: &[u8]) {
        let mut message = vec![kind[0], kind[1], 0, 0, 0, 0, 0, 0];
        message.extend(rest);
        self.ip(src, dst, 1, [0, 0], 64, &message);
    }

    /// An IPv4 packet in an Ethernet frame.
    pub(crate) fn ip(
        &mut self,
        src: u32,
        dst: u32,
        protocol: u8,
        fragment: [u8; 2],
        ttl: u8,
        payload: &[u8],
    ) -> Vec<u8> {
        self.id = self.id.wrapping_add(1);
        let mut packet = vec![0x45, 0];
        packet.extend((20 + payload.len() as u16).to_be_bytes());
        packet.extend(self.id.to_be_bytes());
        packet.extend([fragment[0], fragment[1], ttl, protocol, 0, 0]);
        packet.extend(src.to_be_bytes());
        packet.extend(dst.to_be_bytes());
        packet.extend(payload);
        self.packet(&packet);
        packet
    }

    /// An IPv4 packet as it is.
    pub(crate) fn packet(&mut self, packet: &[u8]) {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        frame.extend(packet);
        self.frame(&frame);
    }

    /// An ARP reply: this address is at that hardware address.
    pub(crate) fn arp(&mut self, ip: u32, mac: u64) {
        let mac = &mac.to_be_bytes()[2..];
        let mut frame = vec![0xff; 6];
        frame.extend(mac);
        frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 2]);
        frame.extend(mac);
        frame.extend(ip.to_be_bytes());
        frame.extend([0xff; 6]);
        frame.extend(ip.to_be_bytes());
        self.frame(&frame);
    }

    fn frame(&mut self, frame: &[u8]) {
        self.wait_us(3);
        self.writer
            .write(Moment(self.at_ns), frame.len() as u32, frame);
    }

    /// A DNS question for the address of a name.
    pub(crate) fn question(&mut self, ends: [End; 2], id: u16, name: &str) {
        let mut message = Vec::from(id.to_be_bytes());
        message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        for label in name.split('.') {
            message.push(label.len() as u8);
            message.extend(label.as_bytes());
        }
        message.extend([0, 0, 1, 0, 1]);
        self.udp(ends, &message);
    }
}
