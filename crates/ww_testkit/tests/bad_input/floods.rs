//! Floods of bogus flows: memory stays below a bound, reports stay short, and the time grows with
//! the input, not with its square.

use crate::flood::{End, Flood, Frames, Make, flag};
use crate::measured::alone;
use crate::pipeline::diagnose;

/// Bogus flows in the short and in the long form.
const SHORT: u64 = 30_000;
const LONG: u64 = 10_000_000;

/// Memory that no flood may take beyond, however long it is.
const MOST_MIB: u64 = 400;

/// Both reports together; what the limits leave of any flood.
const MOST_REPORT_BYTES: usize = 4 << 20;

const SERVER: End = (0x0a00_0001, 443);
const CLIENT: u32 = 0x0a00_0005;

/// What floods consist of: each function makes the frames of one bogus flow.
const FLOODS: [(&str, Make); 10] = [
    ("SYNs from random addresses", |frames, _| {
        let src = frames.any();
        let seq = frames.random.next() as u32;
        frames.tcp([src, SERVER], flag::SYN, [seq, 0], &[]);
    }),
    ("segments of unknown connections", |frames, _| {
        let ends = [frames.any(), frames.any()];
        let [seq, ack] = [frames.random.next() as u32, frames.random.next() as u32];
        frames.tcp(ends, flag::ACK, [seq, ack], b"some bytes of data");
    }),
    ("connections with a hole", |frames, _| {
        let ends = [frames.any(), SERVER];
        conversation(frames, ends);
    }),
    ("datagrams between random addresses", |frames, _| {
        let ends = [frames.any(), frames.any()];
        frames.udp(ends, b"some bytes of data");
    }),
    (
        "questions for random names to random servers",
        |frames, _| {
            let client = (CLIENT, frames.any().1);
            let server = (frames.any().0, 53);
            let name = format!("{:x}.example.com", frames.random.next());
            let id = frames.random.next() as u16;
            frames.question([client, server], id, &name);
        },
    ),
    ("fragments of random datagrams", |frames, _| {
        let [(src, _), (dst, offset)] = [frames.any(), frames.any()];
        let [high, low] = (0x2000 | offset >> 8).to_be_bytes();
        frames.ip(src, dst, 17, [high, low], 64, &[0; 400]);
    }),
    ("claims to random addresses", |frames, _| {
        let (ip, _) = frames.any();
        let mac = frames.random.next();
        frames.arp(ip, mac);
    }),
    ("ICMP of random content", |frames, _| {
        let [(src, kind), (dst, code)] = [frames.any(), frames.any()];
        let noise: Vec<u8> = (0..6)
            .flat_map(|_| frames.random.next().to_be_bytes())
            .collect();
        frames.icmp([src, dst], [(kind % 16) as u8, (code % 8) as u8], &noise);
    }),
    ("ICMP errors about random flows", |frames, _| {
        let ends = [frames.any(), frames.any()];
        let packet = frames.udp(ends, b"data");
        frames.icmp([ends[1].0, ends[0].0], [3, 3], &packet);
    }),
    ("all of it", |frames, number| {
        let (_, make) = FLOODS[number as usize % (FLOODS.len() - 1)];
        make(frames, number);
    }),
];

/// What many findings are made of: each function makes one case of a fault.
const FAULTS: [(&str, Make); 10] = [
    ("silent DNS servers", |frames, number| {
        let server = (0x0b00_0000 + number as u32, 53);
        for attempt in 0..3 {
            let client = (CLIENT, 40_000 + attempt);
            frames.question([client, server], attempt, "www.example.com");
            frames.wait_us(20);
        }
    }),
    ("endpoints that refuse", |frames, number| {
        let ends = [(CLIENT, 40_000), (0x0b00_0000 + number as u32, 80)];
        frames.tcp(ends, flag::SYN, [7, 0], &[]);
        frames.tcp([ends[1], ends[0]], flag::RST | flag::ACK, [0, 8], &[]);
    }),
    ("endpoints that stay silent", |frames, number| {
        let ends = [(CLIENT, 40_000), (0x0b00_0000 + number as u32, 80)];
        for _ in 0..3 {
            frames.tcp(ends, flag::SYN, [7, 0], &[]);
        }
        frames.wait_us(100);
    }),
    ("unreachable UDP ports", |frames, number| {
        let ends = [(CLIENT, 40_000), (0x0b00_0000 + number as u32, 514)];
        for _ in 0..2 {
            let packet = frames.udp(ends, b"data");
            frames.icmp([ends[1].0, ends[0].0], [3, 3], &packet);
        }
    }),
    ("rejected connections", |frames, number| {
        let ends = [(CLIENT, 40_000), (0x0b00_0000 + number as u32, 80)];
        let packet = frames.tcp(ends, flag::SYN, [7, 0], &[]);
        frames.icmp([0x0a00_00fe, CLIENT], [3, 13], &packet);
    }),
    ("contested addresses", |frames, number| {
        for mac in [1, 2, 1, 2] {
            frames.arp(0x0a01_0000 + number as u32, 0x0200_0000_0000 + mac);
        }
    }),
    ("packets that circle", |frames, number| {
        let mut packet = frames.udp(
            [(CLIENT, 40_000), (0x0b00_0000 + number as u32, 9)],
            b"data",
        );
        for ttl in (40..63).rev() {
            packet[8] = ttl;
            frames.packet(&packet);
        }
    }),
    ("connections with a loss", |frames, number| {
        let ends = [
            (
                CLIENT + (number as u32 >> 15),
                20_000 + (number as u16 & 0x7fff),
            ),
            SERVER,
        ];
        conversation(frames, ends);
    }),
    ("connections that stand still", |frames, number| {
        // Of each, data is sent twice more before it is answered; 150 stand still at any time.
        let ends = |behind: u64| {
            let number = number.checked_sub(behind)? as u32;
            let server = (SERVER.0 + (number >> 15), SERVER.1);
            Some([(CLIENT, 20_000 + (number & 0x7fff) as u16), server])
        };
        if let Some(new) = ends(0) {
            open(frames, new);
        }
        for ends in [0, 50, 100].into_iter().filter_map(ends) {
            frames.tcp(ends, flag::ACK, [1, 1], &[b'x'; 100]);
        }
        if let Some([client, server]) = ends(150) {
            frames.tcp([server, client], flag::ACK, [1, 101], &[]);
        }
        frames.wait_us(20_000);
    }),
    ("losses of one connection", |frames, number| {
        let ends = [(CLIENT, 40_000), SERVER];
        let seq = 1 + number as u32 * 200;
        let data = [b'x'; 100];
        if number == 0 {
            open(frames, ends);
        }
        frames.tcp([ends[1], ends[0]], flag::ACK, [seq + 100, 1], &data);
        frames.tcp(ends, flag::ACK, [1, seq], &[]);
        frames.wait_us(30_000);
        frames.tcp([ends[1], ends[0]], flag::ACK, [seq, 1], &data);
        frames.tcp(ends, flag::ACK, [1, seq + 200], &[]);
    }),
];

/// The handshake; both sides begin at 0.
fn open(frames: &mut Frames, [client, server]: [End; 2]) {
    frames.tcp([client, server], flag::SYN, [0, 0], &[]);
    frames.tcp([server, client], flag::SYN | flag::ACK, [0, 1], &[]);
    frames.tcp([client, server], flag::ACK, [1, 1], &[]);
}

/// A connection on which a segment is lost and sent again.
fn conversation(frames: &mut Frames, [client, server]: [End; 2]) {
    let data = [b'x'; 100];
    open(frames, [client, server]);
    frames.tcp([client, server], flag::ACK, [1, 1], b"give me data");
    for seq in [101, 201, 301] {
        frames.tcp([server, client], flag::ACK, [seq, 13], &data);
        frames.tcp([client, server], flag::ACK, [13, 1], &[]);
    }
    frames.tcp([server, client], flag::ACK, [1, 13], &data);
    frames.tcp([client, server], flag::ACK, [13, 401], &[]);
    frames.tcp([client, server], flag::RST, [13, 0], &[]);
}

/// Diagnoses a flood; the report is bounded whatever came.
fn drown(make: Make, flows: u64) {
    let told = diagnose(Box::new(Flood::new(make, flows)));
    let (frames, problems, findings) = told.report();
    assert!(frames >= flows, "{frames}");
    assert!(problems.is_empty(), "{problems:?}");
    assert!(told.size() < MOST_REPORT_BYTES, "{} bytes", told.size());
    println!(
        "{frames} frames, {findings} findings, {} bytes said",
        told.size()
    );
}

/// Floods, each in a process of its own: no more memory than the bound.
fn drown_in_all(test: &str, flows: u64) {
    let mut failures = Vec::new();
    for (name, make) in FLOODS {
        if let Some(cost) = alone(test, name, || drown(make, flows)) {
            println!("{flows} × {name}: {cost:?}");
            if cost.peak_mib >= MOST_MIB {
                failures.push(format!("{name}: {cost:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Faults by so many, and by four times as many: about four times the CPU time, and never more
/// memory than the bound.
fn multiply_all(test: &str, cases: u64) {
    let mut failures = Vec::new();
    for (name, make) in FAULTS {
        let cost = |factor: u64| {
            let part = format!("{name} {factor}");
            alone(test, &part, || drown(make, factor * cases))
        };
        if let (Some(once), Some(four)) = (cost(1), cost(4)) {
            println!("{cases} × {name}: {once:?}, four times as many: {four:?}");
            if four.cpu_ms >= 8 * once.cpu_ms + 500 || four.peak_mib >= MOST_MIB {
                failures.push(format!("{name}: {once:?}, four times as many: {four:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn floods_stay_within_the_limits() {
    drown_in_all("floods::floods_stay_within_the_limits", SHORT);
}

#[test]
fn many_faults_take_linear_time() {
    multiply_all("floods::many_faults_take_linear_time", 1_000);
}

#[test]
#[ignore = "takes minutes; run by cargo xtask anomaly"]
fn long_floods_stay_within_the_limits() {
    drown_in_all("floods::long_floods_stay_within_the_limits", LONG);
}

#[test]
#[ignore = "takes minutes; run by cargo xtask anomaly"]
fn long_many_faults_take_linear_time() {
    multiply_all("floods::long_many_faults_take_linear_time", 250_000);
}
