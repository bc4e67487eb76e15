//! Captures of random segments: connections that do what no endpoint would, near the borders where labels
//! change.

use ww_base::Moment;
use ww_capture::reader::LinkType;
use ww_capture::write::PcapWriter;
use ww_lab::rng::Rng;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Nanoseconds between two segments: within and beyond the 3 ms and 20 ms of the labels' definitions.
const PAUSES: [i64; 6] = [
    50_000,
    900_000,
    2_900_000,
    15_000_000,
    25_000_000,
    1_100_000_000,
];
/// Payload lengths; those of at most one byte may be probes.
const LENGTHS: [u16; 6] = [0, 0, 0, 1, 100, 1448];
/// Windows as sent.
const WINDOWS: [u16; 6] = [0, 1, 200, 200, 200, 1448];

/// A pcap of `count` segments on some connections at once; the same for the same seed.
pub(super) fn random_segments(seed: u64, count: u32) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut writer = PcapWriter::new(true, LinkType(1));
    let mut at = 1_700_000_000_000_000_000;
    let mut live: Vec<Connection> = Vec::new();
    for nth in 0..count {
        at += pick(&mut rng, &PAUSES);
        if live.len() < 8 {
            live.push(Connection::new(&mut rng, nth));
        }
        let index = rng.below(live.len() as u64) as usize;
        let connection = live.swap_remove(index);
        let (frame, connection) = connection.segment(&mut rng);
        writer.write(Moment(at), frame.len() as u32, &frame);
        if !rng.chance(1.0 / 120.0) {
            live.push(connection);
        }
    }
    writer.finish()
}

fn pick<T: Copy + Default>(rng: &mut Rng, among: &[T]) -> T {
    let index = rng.below(among.len() as u64) as usize;
    among.get(index).copied().unwrap_or_default()
}

/// What a generator of segments knows of a connection.
struct Connection {
    ports: [u16; 2],
    sides: [Side; 2],
    timestamps: bool,
    /// Segments so far.
    sent: u32,
}

/// Next sequence number, last acknowledgement and last window of one side.
#[derive(Clone, Copy)]
struct Side {
    next: u32,
    acked: u32,
    window: u16,
}

impl Connection {
    fn new(rng: &mut Rng, nth: u32) -> Connection {
        // Some sequence numbers are about to wrap; ports come again now and then.
        let base = |rng: &mut Rng| match rng.below(3) {
            0 => u32::MAX - rng.below(3000) as u32,
            _ => rng.next_u64() as u32,
        };
        let (client, server) = (base(rng), base(rng));
        let side = |next, acked| Side {
            next,
            acked,
            window: 200,
        };
        Connection {
            ports: [40_000 + (nth % 97) as u16, 443],
            sides: [side(client, server), side(server, client)],
            timestamps: rng.chance(0.5),
            sent: 0,
        }
    }

    /// The next segment, of either side.
    fn segment(mut self, rng: &mut Rng) -> (Vec<u8>, Connection) {
        let whole = self.sent > 0 || rng.chance(0.3);
        let way = match (whole, self.sent) {
            (false, _) => 0,
            _ => rng.below(2) as usize,
        };
        let [client, server] = self.sides;
        let (from, to) = if way == 0 {
            (client, server)
        } else {
            (server, client)
        };
        let flags = match (whole, rng.below(40)) {
            (false, _) | (_, 0) => SYN,
            (_, 1) => SYN | ACK,
            (_, 2) => RST | ACK,
            (_, 3 | 4) => FIN | ACK,
            _ => ACK,
        };
        let length = if flags & (SYN | RST) == 0 {
            pick(rng, &LENGTHS)
        } else {
            0
        };
        let seq = from.next.wrapping_add(match rng.below(12) {
            0 => 0_u32.wrapping_sub(1),
            1 => 0_u32.wrapping_sub(100),
            2 => 0_u32.wrapping_sub(1448),
            3 => 1448,
            _ => 0,
        });
        let ack = match rng.below(8) {
            0 => to.next.wrapping_add(100),
            1 => to.next.wrapping_sub(100),
            2..=4 => from.acked,
            _ => to.next,
        };
        let window = if rng.chance(0.6) {
            from.window
        } else {
            pick(rng, &WINDOWS)
        };
        let extent = u32::from(length) + u32::from(flags & (SYN | FIN) != 0);
        let next = Side {
            next: if rng.chance(0.95) {
                seq.wrapping_add(extent)
            } else {
                from.next
            },
            acked: ack,
            window,
        };
        if let Some(side) = self.sides.get_mut(way) {
            *side = next;
        }
        self.sent += 1;
        let options = self.options(rng, flags, ack);
        let mut ports = self.ports;
        if way == 1 {
            ports.reverse();
        }
        let tcp = tcp(ports, (seq, ack), flags, window, &options, length);
        (ethernet(way, &tcp), self)
    }

    fn options(&self, rng: &mut Rng, flags: u8, left: u32) -> Vec<u8> {
        let mut options = Vec::new();
        if self.timestamps {
            options.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        }
        if flags & SYN != 0 && rng.chance(0.7) {
            options.extend([3, 3, rng.below(16) as u8, 1]);
        }
        if flags == ACK && rng.chance(0.1) {
            options.extend([1, 1, 5, 10]);
            options.extend(left.wrapping_add(100).to_be_bytes());
            options.extend(left.wrapping_add(300).to_be_bytes());
        }
        options
    }
}

fn tcp(
    [src, dst]: [u16; 2],
    (seq, ack): (u32, u32),
    flags: u8,
    window: u16,
    options: &[u8],
    length: u16,
) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(src.to_be_bytes());
    segment.extend(dst.to_be_bytes());
    segment.extend(seq.to_be_bytes());
    segment.extend(if flags & ACK == 0 { 0 } else { ack }.to_be_bytes());
    segment.push((5 + options.len() as u8 / 4) << 4);
    segment.push(flags);
    segment.extend(window.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend(options);
    segment.resize(segment.len() + usize::from(length), b'x');
    segment
}

/// The segment in IPv4 in Ethernet, to the server when `way` is 0.
fn ethernet(way: usize, segment: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend((20 + segment.len() as u16).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    let mut addresses = [[10, 0, 0, 1], [10, 0, 0, 2]];
    if way == 1 {
        addresses.reverse();
    }
    frame.extend(addresses.concat());
    frame.extend(segment);
    frame
}
