use super::build;
use super::frame::{fold, sum};
use super::stream::{Dress, Message, Pool, Stream};

/// The hash of the capture of one megabyte; moves together with `VERSION`.
const ONE_MEGABYTE: u64 = 0xaa72_cc0d_6fea_fa56;

fn capture(mb: u64) -> (Vec<u8>, super::Built) {
    let mut file = Vec::new();
    let built = build(mb, &mut file).expect("a vector takes everything");
    (file, built)
}

/// Time in microseconds and bytes of each packet.
fn records(file: &[u8]) -> Vec<(u64, &[u8])> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    let mut at = 24;
    let mut records = Vec::new();
    while at < file.len() {
        let time = u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4));
        let end = at + 16 + word(at + 8) as usize;
        records.push((time, &file[at + 16..end]));
        at = end;
    }
    records
}

fn be16(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
}

/// The transport of an unfragmented, untunnelled packet: protocol, pseudo header and bytes.
fn transport(frame: &[u8]) -> Option<(u8, u64, &[u8])> {
    let start = if be16(frame, 12) == 0x8100 { 18 } else { 14 };
    let ip = &frame[start..];
    let (protocol, addresses, bytes) = match be16(frame, start - 2) {
        0x0800 => {
            assert_eq!(fold(sum(&ip[..20])), 0, "IPv4 header checksum");
            if be16(ip, 6) & 0x3fff != 0 {
                return None;
            }
            (ip[9], &ip[12..20], &ip[20..be16(ip, 2)])
        }
        0x86dd => (ip[6], &ip[8..40], &ip[40..40 + be16(ip, 4)]),
        _ => return None,
    };
    Some((
        protocol,
        sum(addresses) + u64::from(protocol) + bytes.len() as u64,
        bytes,
    ))
}

#[test]
fn the_same_capture_is_built_every_time() {
    let (first, built) = capture(3);
    let (second, again) = capture(3);
    assert_eq!(built, again);
    assert!(first == second, "two builds differ");
}

#[test]
fn the_capture_of_one_megabyte_is_the_same_on_every_machine() {
    let (file, built) = capture(1);
    assert_eq!(built.bytes, file.len() as u64);
    assert_eq!(
        format!("{:016x}", built.hash),
        format!("{ONE_MEGABYTE:016x}")
    );
}

#[test]
fn packets_are_in_order_of_time() {
    let (file, built) = capture(5);
    let records = records(&file);
    assert_eq!(records.len() as u64, built.packets);
    assert!(records.is_sorted_by_key(|(time, _)| *time));
}

#[test]
fn every_checksum_is_right() {
    let (file, _) = capture(20);
    let mut seen = [0; 256];
    for (number, (_, frame)) in records(&file).into_iter().enumerate() {
        let Some((protocol, pseudo, bytes)) = transport(frame) else {
            continue;
        };
        let total = match protocol {
            6 | 17 | 58 => pseudo + sum(bytes),
            1 => sum(bytes),
            _ => continue,
        };
        let unset = protocol == 17 && be16(bytes, 6) == 0;
        assert!(
            unset || fold(total) == 0,
            "packet {} of protocol {protocol}",
            number + 1
        );
        seen[usize::from(protocol)] += 1;
    }
    assert!(
        [1, 6, 17, 58].iter().all(|protocol| seen[*protocol] > 0),
        "every protocol occurs"
    );
}

#[test]
fn a_stream_reads_the_same_however_it_is_cut() {
    let pool = Pool::new();
    let mut stream = Stream::new(7);
    stream.push(Message::new(*b"head", 300, Dress::Text));
    stream.push(Message::new([], 40_000, Dress::Tls));
    stream.push(Message::new(*b"tail", 0, Dress::Noise));
    let mut whole = Vec::new();
    stream.copy(&pool, 0, 40_308, &mut whole);
    assert_eq!(whole.len(), 40_308);
    assert_eq!(whole[304..309], [0x17, 3, 3, 0x40, 0]);
    let mut pieces = Vec::new();
    for start in (0..40_308).step_by(997) {
        stream.copy(&pool, start, 997.min(40_308 - start) as u16, &mut pieces);
    }
    assert!(pieces == whole, "pieces differ from the whole");
}
