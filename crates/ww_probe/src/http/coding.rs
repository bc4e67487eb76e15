//! Whether a body is coded as its fields say (RFC 9110 section 8.4). Bytes in, facts out.

use flate2::Compression;
use flate2::bufread::{DeflateDecoder, GzDecoder, GzEncoder, ZlibDecoder};
use std::io::{self, Read};
use ww_evidence::transcript::{Decoding, HttpReply};

/// No more than this is made of a body.
const DECODED_MAX: u64 = 16 * 1024 * 1024;

/// No more members of one gzip stream are read than this: whoever writes blocks of 64 KiB (BGZF) needs a quarter of it
/// for as much as is made of a body. One that holds nothing takes 20 bytes, and as long to begin as any other.
const MEMBERS_MAX: usize = 1024;

/// No more codings are taken off than this.
const LAYERS_MAX: usize = 4;

/// The largest window that clients of HTTP must bear, as a power of two (RFC 9659 section 3).
const ZSTD_WINDOW_LOG: u32 = 23;

/// The first bytes of what each coding makes.
const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// What fits the first flight of a connection (RFC 6928 section 2): below it, compressing saves no round trip.
pub(super) const FIRST_FLIGHT: usize = 14_600;

/// Takes the codings off a body that came in answer to an offer of codings.
pub(super) fn look(reply: &HttpReply, body: Vec<u8>) -> Decoding {
    let named: Vec<String> = reply
        .all("content-encoding")
        .flat_map(|value| value.split(','))
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .take(LAYERS_MAX)
        .collect();
    let mut seen = Decoding {
        gzip: named
            .is_empty()
            .then(|| could_be(&body))
            .flatten()
            .filter(|_| reply.body.complete),
        ..Decoding::default()
    };
    let mut rest = body;
    for coding in named.iter().rev() {
        match take_off(coding, &rest) {
            None => {
                seen.skipped.clone_from(coding);
                return finish(seen, named, &rest);
            }
            Some(Ok(inner)) => {
                seen.found.push(coding.clone());
                rest = inner;
            }
            // What was not read to its end cannot be decoded to its end.
            Some(Err(_)) if !reply.body.complete => return finish(seen, named, &[]),
            Some(Err(why)) => {
                seen.fault = why;
                return finish(seen, named, &rest);
            }
        }
    }
    while seen.found.len() < LAYERS_MAX
        && let Some(coding) = shows(&rest)
        && let Some(Ok(inner)) = take_off(coding, &rest)
    {
        seen.found.push(coding.to_owned());
        rest = inner;
    }
    finish(seen, named, &rest)
}

fn finish(mut seen: Decoding, named: Vec<String>, rest: &[u8]) -> Decoding {
    seen.named = named;
    seen.bytes = rest.len() as u64;
    seen
}

/// The coding that the bytes themselves show.
fn shows(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(GZIP) {
        Some("gzip")
    } else if bytes.starts_with(ZSTD) {
        Some("zstd")
    } else {
        None
    }
}

/// Takes one coding off; `None` where it is not known how.
fn take_off(coding: &str, bytes: &[u8]) -> Option<Result<Vec<u8>, String>> {
    let result = match coding {
        "gzip" | "x-gzip" => {
            if bytes.starts_with(GZIP) {
                gunzip(bytes)
            } else {
                return Some(Err(begins("gzip", bytes)));
            }
        }
        // RFC 9110 means zlib's form; many servers send it bare, and clients take both.
        "deflate" => read(ZlibDecoder::new(bytes)).or_else(|_| read(DeflateDecoder::new(bytes))),
        "zstd" => {
            if bytes.starts_with(ZSTD) {
                unzstd(bytes)
            } else {
                return Some(Err(begins("zstd", bytes)));
            }
        }
        _ => return None,
    };
    Some(result.map_err(|error| format!("the {coding} stream cannot be read: {error}")))
}

/// How a body begins that should begin otherwise.
fn begins(coding: &str, bytes: &[u8]) -> String {
    let begin: String = String::from_utf8_lossy(bytes.get(..24).unwrap_or(bytes))
        .chars()
        .map(|one| if one.is_control() { '\u{b7}' } else { one })
        .collect();
    format!("it does not begin as {coding} does, but with `{begin}`")
}

/// One member after the other; what follows the last is ignored, as clients do.
fn gunzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut rest = bytes;
    let mut all = Vec::new();
    for _ in 0..MEMBERS_MAX {
        if !rest.starts_with(GZIP) || all.len() as u64 >= DECODED_MAX {
            break;
        }
        let mut decoder = GzDecoder::new(rest);
        let room = DECODED_MAX - all.len() as u64;
        decoder.by_ref().take(room).read_to_end(&mut all)?;
        rest = decoder.into_inner();
    }
    Ok(all)
}

fn unzstd(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut decoder = zstd::Decoder::with_buffer(bytes)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    read(decoder)
}

fn read(decoder: impl Read) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    decoder.take(DECODED_MAX).read_to_end(&mut all)?;
    Ok(all)
}

/// How long gzip makes it, where that saves a round trip at all.
fn could_be(body: &[u8]) -> Option<u64> {
    if body.len() <= FIRST_FLIGHT || shows(body).is_some() {
        return None;
    }
    let coded = read(GzEncoder::new(body, Compression::default())).ok()?;
    Some(coded.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        read(GzEncoder::new(bytes, Compression::default())).expect("coded")
    }

    fn seen(coding: &str, body: &[u8], complete: bool) -> Decoding {
        let mut reply = HttpReply {
            headers: vec![("Content-Encoding".to_owned(), coding.to_owned())],
            ..HttpReply::default()
        };
        reply.body.complete = complete;
        look(&reply, body.to_vec())
    }

    const TEXT: &[u8] = b"what was meant, again and again and again";

    #[test]
    fn codings_are_taken_off_as_they_are_named() {
        let zlib = read(flate2::bufread::ZlibEncoder::new(
            TEXT,
            Compression::default(),
        ));
        let bare = read(flate2::bufread::DeflateEncoder::new(
            TEXT,
            Compression::default(),
        ));
        let cases = [
            ("gzip", gzip(TEXT)),
            ("X-GZIP", gzip(TEXT)),
            ("gzip, gzip", gzip(&gzip(TEXT))),
            ("deflate", zlib.expect("coded")),
            ("deflate", bare.expect("coded")),
            ("zstd", zstd::encode_all(TEXT, 3).expect("coded")),
            ("identity", TEXT.to_vec()),
            ("gzip", [gzip(TEXT), b"\0\0trailer".to_vec()].concat()),
        ];
        for (coding, body) in cases {
            let seen = seen(coding, &body, true);
            assert_eq!(seen.fault, "", "{coding}");
            assert_eq!(seen.bytes, TEXT.len() as u64, "{coding}");
            assert_eq!(seen.found.len(), seen.named.len(), "{coding}");
        }
        let two = [gzip(TEXT), gzip(TEXT)].concat();
        assert_eq!(seen("gzip", &two, true).bytes, 2 * TEXT.len() as u64);
    }

    #[test]
    fn what_is_coded_once_more_is_found() {
        let twice = seen("gzip", &gzip(&gzip(TEXT)), true);
        assert_eq!((twice.named.len(), twice.found.len()), (1, 2));
        let unnamed = seen("", &gzip(TEXT), true);
        assert_eq!((unnamed.named.len(), unnamed.found.len()), (0, 1));
    }

    #[test]
    fn what_does_not_decode_is_told() {
        assert!(seen("gzip", b"<html>", true).fault.contains("`<html>`"));
        let mut damaged = gzip(TEXT);
        let last = damaged.len() - 6;
        damaged[last] ^= 0xff;
        assert!(
            seen("gzip", &damaged, true)
                .fault
                .contains("cannot be read")
        );
        let short = gzip(TEXT);
        let short = &short[..short.len() / 2];
        assert!(!seen("gzip", short, true).fault.is_empty());
        assert_eq!(
            seen("gzip", short, false).fault,
            "",
            "the rest was not read"
        );
        assert!(seen("zstd", b"text", true).fault.contains("zstd"));
        assert_eq!(seen("br", b"anything", true).skipped, "br");
    }

    #[test]
    fn what_grows_without_end_is_bounded() {
        let zeros = vec![0; 40 * 1024 * 1024];
        let seen = seen("gzip", &gzip(&zeros), true);
        assert_eq!((seen.bytes, seen.fault.as_str()), (DECODED_MAX, ""));
    }

    #[test]
    fn members_without_end_are_bounded() {
        let one = gzip(b"x");
        let all = one.repeat(4 * MEMBERS_MAX);
        let seen = seen("gzip", &all, true);
        assert_eq!((seen.bytes, seen.fault.as_str()), (MEMBERS_MAX as u64, ""));
    }

    #[test]
    fn what_gzip_would_save_is_measured() {
        let text = TEXT.repeat(1000);
        let plain = seen("", &text, true);
        assert!(
            plain
                .gzip
                .is_some_and(|bytes| bytes < text.len() as u64 / 10)
        );
        assert_eq!(seen("", TEXT, true).gzip, None);
        assert_eq!(seen("", &text, false).gzip, None);
        assert_eq!(seen("gzip", &gzip(&text), true).gzip, None);
    }
}
