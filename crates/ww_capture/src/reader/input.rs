//! The bytes of a capture, decompressed: plain, gzip (RFC 1952) or Zstandard (RFC 8878).

use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::{Decompress, FlushDecompress, Status};
use ww_base::Limits;

/// Bytes looked at to tell one format from another.
pub(super) const SNIFFED_BYTES: usize = 64;

/// Compressed bytes read at once.
const COMPRESSED_CHUNK: usize = 64 << 10;

/// Decompressed bytes asked from the Zstandard library at once. What it made before it met damage
/// is lost for one request, so requests are small.
const ZSTD_REQUEST: usize = 128 << 10;

/// Base-2 logarithm of the largest Zstandard window accepted: 64 MiB, which covers every level
/// up to 21 and refuses `--ultra -22` and `--long=27`.
const ZSTD_WINDOW_LOG_MAX: u32 = 26;

/// Decompressed bytes before the expansion ratio is looked at (see
/// [`Limits::expansion_ratio`]).
const EXPANSION_FREE: u64 = 64 << 20;

/// How a capture was compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, one or more members.
    Gzip,
    /// Zstandard, one or more frames.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::None => "not compressed",
            Compression::Gzip => "gzip",
            Compression::Zstd => "Zstandard",
        })
    }
}

/// Why no more bytes come, other than their end.
#[derive(Debug)]
pub(super) enum Failure {
    /// Reading the source failed.
    Io(io::Error),
    /// The compressed data breaks off.
    CutShort(Compression),
    /// The compressed data contradicts itself.
    Corrupt(Compression, String),
    /// It expands to more than [`Limits::expansion_ratio`] allows.
    Expands(u64),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Io(error) => write!(f, "reading failed: {error}"),
            Failure::CutShort(by) => write!(f, "the {by} data is cut short"),
            Failure::Corrupt(by, detail) => write!(f, "the {by} data is damaged ({detail})"),
            Failure::Expands(ratio) => write!(
                f,
                "the compressed data expands to more than {ratio} times its size"
            ),
        }
    }
}

/// Where the bytes come from, with those already looked at put back in front.
type Source<'r> = BufReader<Counted<io::Chain<Cursor<Vec<u8>>, Box<dyn Read + 'r>>>>;

/// The decompressed bytes of one source.
pub(super) struct Input<'r> {
    stream: Stream<'r>,
    produced: u64,
    expansion_ratio: u64,
}

enum Stream<'r> {
    Plain(Source<'r>),
    Gzip(Gunzip<'r>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Source<'r>>>),
}

impl<'r> Input<'r> {
    /// Looks at the first bytes and decompresses what is compressed.
    pub(super) fn open(mut source: Box<dyn Read + 'r>, limits: &Limits) -> io::Result<Input<'r>> {
        let mut first = Vec::with_capacity(SNIFFED_BYTES);
        source
            .by_ref()
            .take(SNIFFED_BYTES as u64)
            .read_to_end(&mut first)?;
        let compression = compression_of(&first);
        let source = BufReader::with_capacity(
            COMPRESSED_CHUNK,
            Counted {
                inner: Cursor::new(first).chain(source),
                bytes: 0,
            },
        );
        let stream = match compression {
            Compression::None => Stream::Plain(source),
            Compression::Gzip => Stream::Gzip(Gunzip::new(source)),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Stream::Zstd(Box::new(decoder))
            }
        };
        Ok(Input {
            stream,
            produced: 0,
            expansion_ratio: limits.expansion_ratio,
        })
    }

    /// How the source is compressed.
    pub(super) fn compression(&self) -> Compression {
        match self.stream {
            Stream::Plain(_) => Compression::None,
            Stream::Gzip(_) => Compression::Gzip,
            Stream::Zstd(_) => Compression::Zstd,
        }
    }

    /// Bytes read from the source, before decompression.
    pub(super) fn source_bytes(&self) -> u64 {
        match &self.stream {
            Stream::Plain(source) => source,
            Stream::Gzip(gunzip) => &gunzip.source,
            Stream::Zstd(decoder) => decoder.get_ref(),
        }
        .get_ref()
        .bytes
    }

    /// Reads some bytes into `out`, which is not empty; none means the end.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Failure> {
        let got = match &mut self.stream {
            Stream::Plain(source) => retried(|| source.read(out)).map_err(Failure::Io)?,
            Stream::Gzip(gunzip) => gunzip.read(out)?,
            Stream::Zstd(decoder) => {
                let asked = out.len().min(ZSTD_REQUEST);
                let out = out.get_mut(..asked).unwrap_or_default();
                retried(|| decoder.read(out)).map_err(zstd_failure)?
            }
        };
        self.produced = self.produced.saturating_add(got as u64);
        let allowed = self.source_bytes().saturating_mul(self.expansion_ratio);
        if self.produced > EXPANSION_FREE
            && self.produced > allowed
            && self.compression() != Compression::None
        {
            return Err(Failure::Expands(self.expansion_ratio));
        }
        Ok(got)
    }
}

/// What the first bytes say about compression.
fn compression_of(first: &[u8]) -> Compression {
    match first {
        [0x1f, 0x8b, 8, ..] => Compression::Gzip,
        // A frame, or a skippable frame before it.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

/// The library reports a cut as an unexpected end and everything else as its own error.
fn zstd_failure(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::CutShort(Compression::Zstd),
        io::ErrorKind::Other | io::ErrorKind::InvalidData => {
            Failure::Corrupt(Compression::Zstd, error.to_string())
        }
        _ => Failure::Io(error),
    }
}

/// Repeats a read that a signal interrupted.
fn retried(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// A reader that counts what passes.
struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(out)?;
        self.bytes = self.bytes.saturating_add(got as u64);
        Ok(got)
    }
}

/// gzip members one after another.
///
/// flate2's own readers drop what they made in the same call before they met damage; this one
/// hands it out first.
struct Gunzip<'r> {
    source: Source<'r>,
    member: Decompress,
    /// Whether the current member has taken any byte yet.
    started: bool,
    /// Members finished so far.
    finished: u64,
    /// What to report once everything before it is handed out.
    failure: Option<String>,
}

impl<'r> Gunzip<'r> {
    fn new(source: Source<'r>) -> Gunzip<'r> {
        Gunzip {
            source,
            member: new_member(),
            started: false,
            finished: 0,
            failure: None,
        }
    }

    fn read(&mut self, out: &mut [u8]) -> Result<usize, Failure> {
        loop {
            if let Some(detail) = self.failure.clone() {
                return Err(Failure::Corrupt(Compression::Gzip, detail));
            }
            let input = match self.source.fill_buf() {
                Ok(input) => input,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::Io(error)),
            };
            if input.is_empty() {
                return if self.started {
                    Err(Failure::CutShort(Compression::Gzip))
                } else {
                    Ok(0)
                };
            }
            if !self.started && self.finished > 0 && compression_of(input) != Compression::Gzip {
                // Padding after the last member is common (tapes, block devices) and harmless;
                // gzip itself ignores it.
                if input.iter().all(|byte| *byte == 0) {
                    let padding = input.len();
                    self.source.consume(padding);
                    continue;
                }
                self.failure = Some("something that is not gzip follows it".to_owned());
                continue;
            }
            let (before_in, before_out) = (self.member.total_in(), self.member.total_out());
            let result = self.member.decompress(input, out, FlushDecompress::None);
            let taken = self.member.total_in() - before_in;
            let made = self.member.total_out() - before_out;
            self.source.consume(taken as usize);
            self.started = true;
            match result {
                Ok(Status::StreamEnd) => {
                    self.member = new_member();
                    self.started = false;
                    self.finished += 1;
                }
                Ok(_) if taken == 0 && made == 0 => {
                    self.failure = Some("the decompressor makes no progress".to_owned());
                }
                Ok(_) => {}
                Err(error) => self.failure = Some(error.to_string()),
            }
            if made > 0 {
                return Ok(made as usize);
            }
        }
    }
}

/// A decompressor for one member, header and checksum included.
fn new_member() -> Decompress {
    Decompress::new_gzip(15)
}
