//! Files that are cut, flipped, or filled with noise.

use crate::flood::Xorshift;
use crate::pipeline::{Told, diagnose};
use crate::seeds::{Seed, gzip, ten, zstandard};
use std::path::{Path, PathBuf};
use ww_base::Moment;
use ww_capture::reader::LinkType;
use ww_capture::write::{PcapWriter, PcapngWriter};

/// Cuts a file at every offset: what is left is refused with a reason or told as far as it goes,
/// and never holds fewer frames than a shorter piece.
fn cut_everywhere(name: &str, bytes: &[u8], frames: u64) {
    let mut before = 0;
    for length in 0..bytes.len() {
        match diagnose(Box::new(&bytes[..length])) {
            Told::Refused(reason) => {
                assert!(!reason.is_empty() && before == 0, "{name} cut at {length}");
            }
            told @ Told::Report { .. } => {
                let (now, _, _) = told.report();
                assert!(before <= now && now <= frames, "{name} cut at {length}");
                before = now;
            }
        }
    }
}

#[test]
fn ten_files_cut_at_every_offset() {
    for Seed {
        name,
        bytes,
        frames,
    } in ten()
    {
        let whole = diagnose(Box::new(&bytes[..]));
        let (read, problems, _) = whole.report();
        assert_eq!((read, problems), (frames, &[][..]), "{name}");
        cut_everywhere(&name, &bytes, frames);
    }
}

#[test]
fn a_cut_inside_a_frame_is_told() {
    for Seed {
        name,
        bytes,
        frames,
    } in ten()
    {
        match diagnose(Box::new(&bytes[..bytes.len() - 3])) {
            // Zstandard gives nothing of a block that is not whole.
            Told::Refused(reason) => assert!(name.contains(".zst"), "{name}: {reason}"),
            told @ Told::Report { .. } => {
                let (read, problems, _) = told.report();
                assert!(read <= frames && !problems.is_empty(), "{name}");
            }
        }
    }
}

/// Flips bits of a file in so many ways: a few here and there, headers more often than not.
fn flip(bytes: &[u8], ways: u64, random: &mut Xorshift) {
    for _ in 0..ways {
        let mut bytes = bytes.to_vec();
        for _ in 0..=random.below(12) {
            let within = if random.below(4) == 0 {
                64
            } else {
                bytes.len()
            };
            let at = random.below(within.min(bytes.len()) as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
        }
        diagnose(Box::new(&bytes[..]));
    }
}

#[test]
fn flipped_bits() {
    let mut random = Xorshift::new(1);
    for seed in ten() {
        flip(&seed.bytes, 150, &mut random);
    }
}

#[test]
fn random_bytes_behind_valid_headers() {
    let mut random = Xorshift::new(2);
    let mut ng = PcapngWriter::new();
    ng.interface("eth0", LinkType::ETHERNET);
    let headers = [
        Vec::new(),
        PcapWriter::new(false, LinkType::ETHERNET).finish(),
        PcapWriter::new(true, LinkType::RAW).finish(),
        ng.finish(),
        vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
        vec![0x28, 0xb5, 0x2f, 0xfd],
    ];
    for round in 0..300 {
        for header in &headers {
            let mut bytes = header.clone();
            bytes.extend((0..round * 7).map(|_| random.below(256) as u8));
            for bytes in [gzip(&bytes), zstandard(&bytes), bytes] {
                if let Told::Refused(reason) = diagnose(Box::new(&bytes[..])) {
                    assert!(reason.len() > 10, "{reason}");
                }
            }
        }
    }
}

#[test]
fn random_frames_of_every_link_type() {
    let mut random = Xorshift::new(3);
    for link in (0..300).map(LinkType) {
        let mut writer = PcapWriter::new(true, link);
        for number in 0..40 {
            let data: Vec<u8> = (0..random.below(200))
                .map(|_| random.below(256) as u8)
                .collect();
            let wire = data.len() as u32 + random.below(3) as u32 * 700;
            writer.write(Moment(number * 1_000), wire, &data);
        }
        let bytes = writer.finish();
        let (frames, _, _) = diagnose(Box::new(&bytes[..])).report();
        assert_eq!(frames, 40, "{link}");
    }
}

#[test]
fn a_clock_that_runs_backwards() {
    for seed in ten().into_iter().filter(Seed::is_plain_pcap) {
        let mut bytes = seed.bytes;
        // The seconds of every second frame, an hour less each.
        let (mut at, mut back) = (24, 0_u32);
        while let Some(header) = bytes.get(at..at + 16) {
            let word = |from: usize| {
                u32::from_le_bytes([
                    header[from],
                    header[from + 1],
                    header[from + 2],
                    header[from + 3],
                ])
            };
            let (seconds, length) = (word(0), word(8));
            back += 3600;
            let earlier = seconds.wrapping_sub(back).to_le_bytes();
            bytes[at..at + 4].copy_from_slice(&earlier);
            at += 16 + length as usize;
        }
        let told = diagnose(Box::new(&bytes[..]));
        let (frames, problems, findings) = told.report();
        assert_eq!((frames, problems), (seed.frames, &[][..]));
        assert!(
            findings > 0,
            "{}: a clock that goes back is told",
            seed.name
        );
    }
}

#[test]
fn lengths_beyond_reason() {
    for seed in ten().into_iter().filter(|seed| !seed.is_compressed()) {
        for at in (0..seed.bytes.len().saturating_sub(4)).step_by(4) {
            for length in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
                let mut bytes = seed.bytes.clone();
                bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
                diagnose(Box::new(&bytes[..]));
            }
        }
    }
}

/// The captures of a collection, smallest first.
fn collection() -> Vec<(PathBuf, u64)> {
    let folder = std::env::var_os("WIREWISE_CORPORA")
        .expect("WIREWISE_CORPORA names the collection that the long forms cut");
    let folder = Path::new(&folder).join("captures/files");
    let mut files: Vec<(PathBuf, u64)> = std::fs::read_dir(folder)
        .expect("the collection has captures/files")
        .map(|entry| entry.expect("the folder is readable"))
        .map(|entry| (entry.path(), entry.metadata().map_or(0, |data| data.len())))
        .collect();
    files.sort_by_key(|(path, size)| (*size, path.clone()));
    files
}

#[test]
#[ignore = "takes minutes; run by cargo xtask anomaly"]
fn long_real_captures_cut_at_every_offset_and_flipped() {
    let mut random = Xorshift::new(4);
    let (mut files, mut cuts) = (0, 0);
    for (path, size) in collection() {
        let bytes = std::fs::read(&path).expect("the capture is readable");
        flip(&bytes, 100, &mut random);
        if size < 6_000 {
            cut_everywhere(&path.to_string_lossy(), &bytes, u64::MAX);
            files += 1;
            cuts += size;
        }
    }
    println!("{files} captures cut at {cuts} offsets, all flipped 100 times");
    assert!(files >= 10, "too few to mean anything");
}
