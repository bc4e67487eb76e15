//! Writes the seeds of every target below `fuzz/corpus`: the captures of the rules' pages, in the
//! form that each target reads, and files that declare a network.
//!
//! ```sh
//! cargo run --release --manifest-path fuzz/Cargo.toml --example seeds
//! ```

mod declared;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use wirewise_fuzz::frames::LINKS;
use ww_base::{Limits, Moment, SourceId};
use ww_capture::decode::{Body, Decoder, RawFrame};
use ww_capture::reader::CaptureReader;
use ww_capture::write::PcapngWriter;
use ww_testkit::capture_text::compile;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Longer captures are no seeds: a fuzzer wants small ones.
const LONGEST_SEED_BYTES: usize = 32 << 10;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = root.join("corpus");
    let mut count = 0;
    for (name, text) in fences(&root.join("../crates/ww_rules/src"))? {
        let seed = |target: &str, extension: &str, bytes: &[u8]| -> Result<()> {
            if bytes.len() > LONGEST_SEED_BYTES {
                return Ok(());
            }
            let folder = corpus.join(target);
            fs::create_dir_all(&folder)?;
            Ok(fs::write(
                folder.join(format!("{name}.{extension}")),
                bytes,
            )?)
        };
        seed("capture_text", "txt", text.as_bytes())?;
        let Ok(capture) = compile(&text) else {
            continue;
        };
        let frames = frames(&capture.pcap);
        for target in ["read_capture", "whole"] {
            seed(target, "pcap", &capture.pcap)?;
            seed(target, "pcapng", &pcapng(&frames))?;
        }
        seed("read_capture", "gz", &gzip(&capture.pcap)?)?;
        seed(
            "read_capture",
            "zst",
            &zstd::encode_all(&capture.pcap[..], 3)?,
        )?;
        seed("analyse", "steps", &steps(&frames))?;
        seed("decode_frame", "frames", &list(&frames))?;
        seed("dns_message", "messages", &messages(&frames))?;
        count += 1;
    }
    let files = declared::write(root, &corpus)?;
    println!(
        "seeds of {count} captures and {files} files are in {}",
        corpus.display()
    );
    Ok(())
}

/// Every `capture` fence below a folder, named after its page and place.
fn fences(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut folders = vec![folder.to_owned()];
    let mut fences = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path: PathBuf = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let page = fs::read_to_string(&path)?;
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                for (number, part) in page.split("\n```capture").skip(1).enumerate() {
                    let text = part.split("\n```").next().unwrap_or_default();
                    let text = text.split_once('\n').map_or("", |(_, text)| text);
                    fences.push((format!("{stem}-{number}"), text.to_owned()));
                }
            }
        }
    }
    Ok(fences)
}

/// Times and bytes of the frames of a capture.
fn frames(pcap: &[u8]) -> Vec<(Moment, Vec<u8>)> {
    let mut frames = Vec::new();
    let opened = CaptureReader::open(Box::new(pcap), SourceId(0), &Limits::default());
    if let Ok(mut reader) = opened {
        while let Some(frame) = reader.next_frame() {
            frames.push((frame.at, frame.data.to_vec()));
        }
    }
    frames
}

fn pcapng(frames: &[(Moment, Vec<u8>)]) -> Vec<u8> {
    let mut writer = PcapngWriter::new();
    let interface = writer.interface("eth0", LINKS[0]);
    for (at, data) in frames {
        writer.write(interface, *at, data.len() as u32, data, "");
    }
    writer.finish()
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// The frames as raw steps of the target `analyse`, a millisecond apart.
fn steps(frames: &[(Moment, Vec<u8>)]) -> Vec<u8> {
    let mut steps = vec![0];
    for (_, data) in frames {
        let length = data.len().min(0x7ff);
        steps.extend([6, 7, 0]);
        steps.extend((length as u16).to_le_bytes());
        steps.extend(&data[..length]);
    }
    steps
}

/// The frames as the target `decode_frame` reads them.
fn list(frames: &[(Moment, Vec<u8>)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (_, data) in frames {
        let length = data.len().min(0x7ff);
        list.push(0);
        list.extend((length as u16).to_le_bytes());
        list.extend([0, 0]);
        list.extend(&data[..length]);
    }
    list
}

/// The DNS messages among the frames, as the target `dns_message` reads them.
fn messages(frames: &[(Moment, Vec<u8>)]) -> Vec<u8> {
    let mut decoder = Decoder::new(&Limits::default());
    let mut messages = vec![0];
    for (number, (at, data)) in frames.iter().enumerate() {
        let decoded = decoder.decode(RawFrame {
            number: number as u64 + 1,
            at: *at,
            link: LINKS[0].0,
            wire_len: data.len() as u32,
            data,
        });
        let (answer, stream, payload) = match decoded.body {
            Body::Udp(udp) if udp.dst_port == 53 => (0, 0, udp.payload),
            Body::Udp(udp) if udp.src_port == 53 => (8, 0, udp.payload),
            Body::Tcp(tcp) if tcp.dst_port == 53 => (0, 32, tcp.payload),
            Body::Tcp(tcp) if tcp.src_port == 53 => (8, 32, tcp.payload),
            _ => continue,
        };
        let length = payload.len().min(0x3ff);
        messages.extend([answer | stream, 9]);
        messages.extend((length as u16).to_le_bytes());
        messages.extend(&payload[..length]);
    }
    messages
}
