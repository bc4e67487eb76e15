//! The bare record walks: what reading a capture costs before anybody looks at a packet.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ww_base::{Limits, SourceId};
use ww_capture::reader::CaptureReader;
use ww_sys::MappedFile;

const BUFFER_BYTES: usize = 1 << 20;
const FILE_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;

/// Walk a capture: `mapped` steps over the record headers of a mapped pcap file and nothing else,
/// `records` does so in a buffer that stays in the processor's cache, `reader` goes through
/// `ww_capture`'s reader.
pub(super) fn walk(kind: &str, path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    let packets = match kind {
        "mapped" => mapped(&MappedFile::new(&file)?),
        "records" => records(file)?,
        "reader" => frames(file)?,
        _ => return Err(io::Error::other(format!("no walk is called {kind}"))),
    };
    println!("{packets}");
    Ok(())
}

fn frames(file: File) -> io::Result<u64> {
    let limits = Limits::default();
    let mut reader =
        CaptureReader::open(Box::new(file), SourceId(0), &limits).map_err(io::Error::other)?;
    let mut packets = 0;
    while reader.next_frame().is_some() {
        packets += 1;
    }
    Ok(packets)
}

/// Count the records of a little-endian pcap file.
fn mapped(file: &[u8]) -> u64 {
    let mut rest = file.get(FILE_HEADER_BYTES..).unwrap_or_default();
    let mut packets = 0;
    while let Some(header) = rest.first_chunk::<RECORD_HEADER_BYTES>() {
        let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *header;
        let record = RECORD_HEADER_BYTES + u32::from_le_bytes([a, b, c, d]) as usize;
        packets += 1;
        rest = rest.get(record..).unwrap_or_default();
    }
    packets
}

/// Count the records of a little-endian pcap file with one buffer and `read(2)`.
fn records(mut file: impl Read) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut filled = 0;
    let mut packets = 0;
    // Bytes to step over before the next record header; it may lie beyond the buffer.
    let mut skip = FILE_HEADER_BYTES;
    loop {
        let count = file.read(buffer.get_mut(filled..).unwrap_or_default())?;
        if count == 0 {
            return Ok(packets);
        }
        filled += count;
        let mut at = skip.min(filled);
        skip -= at;
        while let Some(header) = buffer
            .get(at..filled)
            .and_then(<[u8]>::first_chunk::<RECORD_HEADER_BYTES>)
        {
            let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *header;
            let record = RECORD_HEADER_BYTES + u32::from_le_bytes([a, b, c, d]) as usize;
            packets += 1;
            skip = record.saturating_sub(filled - at);
            at += record - skip;
            if skip > 0 {
                break;
            }
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
}

#[cfg(test)]
mod tests {
    use super::super::capture::build;
    use super::{mapped, records};

    #[test]
    fn the_record_walk_counts_every_packet() {
        let mut file = Vec::new();
        let built = build(2, &mut file).expect("a vector takes everything");
        assert_eq!(
            records(&file[..]).expect("memory is readable"),
            built.packets
        );
        assert_eq!(mapped(&file), built.packets);
    }
}
