//! Broken input is normal input: every cut, every flipped byte, and noise.

use super::{BOTH, Order, Reading, compressed, pcap, pcapng, read, try_read};

/// A small capture of every format, with the offset where its header ends.
fn captures() -> Vec<Vec<u8>> {
    let plain = BOTH
        .map(pcap::small)
        .into_iter()
        .chain(BOTH.map(pcapng::small));
    let mut all: Vec<Vec<u8>> = plain.collect();
    let small = pcapng::small(Order::Little);
    all.push(compressed::gzip(&small));
    all.push(compressed::zstd(&small));
    all
}

/// Whether the frames are the first ones of the whole capture.
fn is_prefix(cut: &Reading, whole: &Reading) -> bool {
    whole.frames.starts_with(&cut.frames)
}

#[test]
fn a_cut_at_any_byte_delivers_a_prefix() {
    for bytes in captures() {
        let whole = read(&bytes);
        assert_eq!(whole.frames.len(), 2);
        let mut opened = 0;
        for cut in 0..bytes.len() {
            let Ok(reading) = try_read(&bytes[..cut]) else {
                continue;
            };
            opened += 1;
            assert!(is_prefix(&reading, &whole), "cut at {cut}: {reading:?}");
            let complete = reading.frames.len() == whole.frames.len();
            assert!(
                complete || reading.frames.len() <= 1,
                "cut at {cut}: {reading:?}"
            );
        }
        assert!(opened > 0, "no cut of {bytes:02x?} can be read");
    }
}

#[test]
fn a_cut_inside_a_record_is_always_told() {
    let bytes = pcap::small(Order::Little);
    // The ends of the header and of the two records.
    let regular = [24, 24 + 16 + 5, 24 + 16 + 5 + 16 + 8];
    for cut in 24..=bytes.len() {
        let told = !read(&bytes[..cut]).problems.is_empty();
        assert_eq!(told, !regular.contains(&cut), "cut at {cut}");
    }
}

#[test]
fn any_flipped_byte_is_survived() {
    for bytes in captures() {
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut flipped = bytes.clone();
                flipped[at] ^= flip;
                if let Ok(reading) = try_read(&flipped) {
                    assert!(reading.frames.len() <= 3, "byte {at}: {reading:?}");
                }
            }
        }
    }
}

#[test]
fn noise_behind_a_header_is_survived() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    for bytes in captures() {
        for _ in 0..200 {
            let keep = usize::from(noise()) % bytes.len();
            let mut noisy = bytes[..keep].to_vec();
            noisy.extend((0..2000).map(|_| noise()));
            if let Ok(reading) = try_read(&noisy) {
                let captured: usize = reading.frames.iter().map(|f| f.data.len()).sum();
                assert!(captured <= 1 << 20, "more frames than bytes");
            }
        }
    }
}
