//! What the ends of a flow say: byte streams described by a few words and never held in memory.

use super::rng::Rng;

const POOL_BYTES: usize = 1 << 20;
const TLS_RECORD_BYTES: u32 = 16_384;
const TLS_HEADER_BYTES: u32 = 5;
/// A TLS record with less than this could not hold its tag.
const TLS_LEAST_BYTES: u32 = 64;

const WORDS: [&str; 32] = [
    "the",
    "link",
    "carries",
    "packets",
    "between",
    "hosts",
    "and",
    "queues",
    "when",
    "a",
    "router",
    "forwards",
    "more",
    "than",
    "its",
    "line",
    "can",
    "take",
    "window",
    "segment",
    "table",
    "<p>",
    "</p>",
    "<div class=\"row\">",
    "</div>",
    "status",
    "value",
    "0",
    "1024",
    "true",
    "\n",
    "index",
];

/// Bytes that message bodies are cut from.
#[derive(Debug)]
pub(super) struct Pool {
    noise: Vec<u8>,
    text: Vec<u8>,
}

impl Pool {
    /// One mebibyte of bytes without zeros and one of text.
    pub(super) fn new() -> Self {
        let mut rng = Rng::new(0x706f_6f6c);
        let mut noise = Vec::with_capacity(POOL_BYTES);
        while noise.len() < POOL_BYTES {
            noise.extend(rng.next().to_le_bytes().map(plain));
        }
        let mut text = Vec::with_capacity(POOL_BYTES + 32);
        while text.len() < POOL_BYTES {
            text.extend_from_slice(rng.pick(&WORDS, "the").as_bytes());
            text.push(b' ');
        }
        text.truncate(POOL_BYTES);
        Self { noise, text }
    }

    /// Append `len` bytes of noise starting at a position that wraps around.
    pub(super) fn noise(&self, position: u64, len: usize, out: &mut Vec<u8>) {
        copy_around(&self.noise, position, len, out);
    }

    fn text(&self, position: u64, len: usize, out: &mut Vec<u8>) {
        copy_around(&self.text, position, len, out);
    }
}

/// Noise without zeros, and without the byte by which compact Thrift is guessed at.
fn plain(byte: u8) -> u8 {
    match byte {
        0 | 0x82 => 0x5a,
        other => other,
    }
}

fn copy_around(pool: &[u8], position: u64, mut len: usize, out: &mut Vec<u8>) {
    let mut start = (position % POOL_BYTES as u64) as usize;
    while len > 0 {
        let take = len.min(POOL_BYTES - start);
        out.extend_from_slice(pool.get(start..start + take).unwrap_or_default());
        len -= take;
        start = 0;
    }
}

/// How the body of a message looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dress {
    /// Words and markup.
    Text,
    /// Noise.
    Noise,
    /// Noise in TLS application data records (RFC 8446 section 5.1).
    Tls,
}

/// One message: a head in full and a body by length.
#[derive(Debug, Clone)]
pub(super) struct Message {
    head: Box<[u8]>,
    body_len: u32,
    dress: Dress,
}

impl Message {
    /// A message; the body of a TLS one may grow a little so that its last record is plausible.
    pub(super) fn new(head: impl Into<Box<[u8]>>, body_len: u32, dress: Dress) -> Self {
        let last = body_len % (TLS_RECORD_BYTES + TLS_HEADER_BYTES);
        let grow = dress == Dress::Tls && last > 0 && last < TLS_LEAST_BYTES;
        let body_len = if grow {
            body_len + TLS_LEAST_BYTES
        } else {
            body_len
        };
        Self {
            head: head.into(),
            body_len,
            dress,
        }
    }

    /// Length in bytes.
    pub(super) fn len(&self) -> u32 {
        self.head.len() as u32 + self.body_len
    }

    /// Append up to `len` bytes from `offset`; `position` is where the body starts in the pool.
    fn copy(&self, pool: &Pool, position: u64, offset: u32, len: u32, out: &mut Vec<u8>) {
        let head = self.head.get(offset as usize..).unwrap_or_default();
        let from_head = head.len().min(len as usize);
        out.extend_from_slice(head.get(..from_head).unwrap_or_default());
        let start = offset.saturating_sub(self.head.len() as u32);
        let rest = (len - from_head as u32).min(self.body_len.saturating_sub(start));
        let position = position + u64::from(start);
        match self.dress {
            Dress::Text => pool.text(position, rest as usize, out),
            Dress::Noise => pool.noise(position, rest as usize, out),
            Dress::Tls => self.copy_records(pool, position, start, rest, out),
        }
    }

    fn copy_records(&self, pool: &Pool, position: u64, start: u32, len: u32, out: &mut Vec<u8>) {
        let cycle = TLS_RECORD_BYTES + TLS_HEADER_BYTES;
        let mut at = start;
        while at < start + len {
            let record = at / cycle * cycle;
            let payload = (self.body_len - record - TLS_HEADER_BYTES).min(TLS_RECORD_BYTES);
            let [high, low] = (payload as u16).to_be_bytes();
            let header = [0x17, 3, 3, high, low];
            let inside = at - record;
            let left = start + len - at;
            if let Some(tail) = header
                .get(inside as usize..)
                .filter(|tail| !tail.is_empty())
            {
                let take = tail.len().min(left as usize);
                out.extend_from_slice(tail.get(..take).unwrap_or_default());
                at += take as u32;
            } else {
                let take = (cycle - inside).min(left);
                pool.noise(position + u64::from(at - start), take as usize, out);
                at += take;
            }
        }
    }
}

/// Everything one side of a flow says, in order.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Start offset of each message, and the message.
    messages: Vec<(u32, Message)>,
    len: u32,
    seed: u64,
}

impl Stream {
    /// An empty stream whose bodies are cut from the pool at a place of its own.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Append a message.
    pub(super) fn push(&mut self, message: Message) {
        let start = self.len;
        self.len += message.len();
        self.messages.push((start, message));
    }

    /// Append `len` bytes of the stream from `offset`.
    pub(super) fn copy(&self, pool: &Pool, offset: u32, len: u16, out: &mut Vec<u8>) {
        let mut at = offset;
        let end = offset + u32::from(len);
        let first = self
            .messages
            .partition_point(|(start, message)| start + message.len() <= at);
        for (start, message) in self.messages.iter().skip(first) {
            if at >= end {
                break;
            }
            let stop = end.min(start + message.len());
            let position = self.seed.wrapping_add(u64::from(*start)) >> 1;
            message.copy(pool, position, at - start, stop - at, out);
            at = stop;
        }
    }
}
