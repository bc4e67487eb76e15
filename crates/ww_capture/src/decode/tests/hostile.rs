//! Broken frames: every prefix, and random bytes changed.

use super::*;

/// Marsaglia's xorshift64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

fn samples() -> Vec<Vec<u8>> {
    let segment = build::tcp(40000, 443, b"hello");
    let packet = ipv4(6, &segment);
    let bridged = ethernet(0x8100, &[&[0, 5, 8, 0][..], &packet].concat());
    let icmp = [&[3, 4, 0, 0, 0, 0, 5, 0], &packet[..]].concat();
    let chain = [
        &[44, 0, 1, 4, 0, 0, 0, 0][..],
        &[51, 0, 0, 1, 0, 0, 0, 1],
        &[6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &segment,
    ];
    vec![
        ethernet(0x0800, &packet),
        bridged.clone(),
        ethernet(0x0800, &ipv4(1, &icmp)),
        ethernet(0x86dd, &ipv6(0, &chain.concat())),
        ethernet(
            0x0800,
            &ipv4(
                17,
                &udp(
                    5000,
                    4789,
                    &[&[8, 0, 0, 0, 0, 0, 1, 0], &bridged[..]].concat(),
                ),
            ),
        ),
        ethernet(
            0x0800,
            &ipv4(
                47,
                &[
                    &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
                    &bridged[..],
                ]
                .concat(),
            ),
        ),
        ethernet(0x8847, &[&[0, 2, 1, 64, 0, 0, 0, 0][..], &bridged].concat()),
        ethernet(0x0800, &ipv4_piece(17, 0x2000, &[7; 64])),
        ethernet(0x0800, &ipv4_piece(17, 8, &[7; 64])),
        ethernet(0x86dd, &ipv6_piece(17, 0x41, &[7; 64])),
    ]
}

const LINKS: [u16; 12] = [1, 0, 9, 101, 104, 113, 219, 239, 276, 51, 127, 108];

#[test]
fn every_prefix_of_every_sample_is_survived() {
    let mut decoded = 0;
    for sample in samples() {
        for link in LINKS {
            let mut decoder = Decoder::new(&Limits::default());
            for end in 0..=sample.len() {
                let raw = RawFrame {
                    wire_len: sample.len() as u32,
                    ..frame(link, &sample[..end])
                };
                decoder.decode(raw);
                decoder.decode(frame(link, &sample[..end]));
                decoded += 2;
            }
        }
    }
    assert!(decoded > 10_000);
}

#[test]
fn random_changes_are_survived_and_both_ways_agree() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let limits = Limits {
        fragment_sets: 8,
        fragment_bytes: 4000,
        ..Limits::default()
    };
    let (mut decoder, mut other) = (Decoder::new(&limits), Decoder::new(&limits));
    let samples = samples();
    let mut transport = 0;
    for number in 1..=100_000 {
        let mut data = samples[random.below(samples.len())].clone();
        for _ in 0..=random.below(4) {
            let at = random.below(data.len());
            data[at] = random.below(256) as u8;
        }
        data.truncate(data.len() - random.below(3) * random.below(data.len() / 2));
        let link = if random.below(2) == 0 {
            1
        } else {
            LINKS[random.below(LINKS.len())]
        };
        let wire_len = (data.len() + random.below(100)) as u32;
        let at = Moment(random.below(1 << 40) as i64);
        let raw = RawFrame {
            number,
            at,
            link,
            wire_len,
            data: &data,
        };
        let decoded = decoder.decode(raw);
        transport += u32::from(matches!(decoded.body, Body::Tcp(_) | Body::Udp(_)));
        assert_eq!(decoded, other.decode_any(&raw));
    }
    assert!(transport > 1000, "{transport}");
    let report = decoder.finish();
    assert!(
        report.evicted > 0 && report.completed > 0 && !report.incomplete.is_empty(),
        "{report:?}"
    );
}
