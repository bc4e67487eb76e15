//! Small files that unpack to huge ones.

use crate::measured::alone;
use crate::pipeline::{Told, diagnose};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Read;
use ww_base::Moment;
use ww_capture::reader::LinkType;
use ww_capture::write::PcapWriter;

/// Bytes that a bomb unpacks to in the short and in the long form.
const SHORT: u64 = 300 << 20;
const LONG: u64 = 4 << 30;

/// Memory that no bomb may take beyond.
const MOST_MIB: u64 = 150;

/// A capture of equal frames as long as asked for: what compresses best.
struct Equal {
    header: Vec<u8>,
    record: Vec<u8>,
    at: u64,
    length: u64,
}

impl Equal {
    fn new(frame: &[u8], length: u64) -> Equal {
        let mut writer = PcapWriter::new(true, LinkType::ETHERNET);
        let header = writer.take();
        writer.write(Moment(0), frame.len() as u32, frame);
        Equal {
            header,
            record: writer.finish().repeat(64),
            at: 0,
            length,
        }
    }
}

impl Read for Equal {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.at >= self.length {
            return Ok(0);
        }
        let header = self.header.len() as u64;
        let from = match self.header.get(self.at as usize..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => &self.record[((self.at - header) % self.record.len() as u64) as usize..],
        };
        let count = from.len().min(into.len());
        into[..count].copy_from_slice(&from[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

fn pack(form: &str, mut source: impl Read) -> Vec<u8> {
    if form == "zstd" {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("a known level");
        std::io::copy(&mut source, &mut encoder).expect("memory takes it");
        return encoder.finish().expect("memory takes it");
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    std::io::copy(&mut source, &mut encoder).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// A bomb that is a valid capture until it is stopped, and one of zeros alone.
fn explode(name: &str, length: u64) {
    let frame = [0; 1500];
    for form in ["gzip", "zstd"] {
        let cost = alone(name, form, || {
            let bomb = pack(form, Equal::new(&frame, length));
            assert!(bomb.len() < 1 << 27, "{}", bomb.len());
            let told = diagnose(Box::new(&bomb[..]));
            let (frames, problems, _) = told.report();
            assert!(frames > 1000 && frames < length / 1516, "{frames}");
            assert!(
                problems.iter().any(|problem| problem.contains("times")),
                "{problems:?}"
            );
        });
        if let Some(cost) = cost {
            println!("{form} bomb of {} MiB: {cost:?}", length >> 20);
            assert!(cost.peak_mib < MOST_MIB, "{form}: {cost:?}");
        }
        let cost = alone(name, &format!("{form} zeros"), || {
            let zeros = pack(form, std::io::repeat(0).take(length));
            assert!(matches!(diagnose(Box::new(&zeros[..])), Told::Refused(_)));
        });
        if let Some(cost) = cost {
            println!("{form} zeros of {} MiB: {cost:?}", length >> 20);
            assert!(cost.peak_mib < MOST_MIB, "{form}: {cost:?}");
        }
    }
}

#[test]
fn compressed_bombs_are_stopped() {
    explode("bombs::compressed_bombs_are_stopped", SHORT);
}

#[test]
#[ignore = "takes minutes; run by cargo xtask anomaly"]
fn long_compressed_bombs_are_stopped() {
    explode("bombs::long_compressed_bombs_are_stopped", LONG);
}
