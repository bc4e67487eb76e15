//! Messages on connections: a two-byte length before each (RFC 1035 section 4.2.2), reassembled in
//! order; bounded.

use std::collections::BTreeMap;

/// Connections followed at once.
const STREAMS: usize = 1024;

/// Bytes of incomplete messages held over all connections.
const HELD_BYTES: usize = 4 << 20;

/// Questions remembered per connection, for the case that it breaks.
const QUESTIONS: usize = 256;

/// All followed connections.
#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: BTreeMap<u32, Stream>,
    held: usize,
}

/// One connection.
#[derive(Debug, Default)]
struct Stream {
    to_server: Direction,
    to_client: Direction,
    /// Numbers of the transactions on it.
    asked: Vec<u64>,
    /// A hole or nonsense was met: the rest cannot be read.
    broken: bool,
}

/// One direction of it.
#[derive(Debug, Default)]
struct Direction {
    /// The sequence number expected next, once anything was seen.
    next: Option<u32>,
    /// The beginning of an incomplete message, with its length.
    held: Vec<u8>,
}

/// The messages of a direction cannot be told apart any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken;

/// A segment's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) stream: u32,
    pub(super) to_server: bool,
    pub(super) seq: u32,
    pub(super) payload: &'a [u8],
    /// More was on the wire than `payload`.
    pub(super) cut: bool,
}

impl Streams {
    /// Hands every message that the segment completes to `read`, which returns the number of the
    /// transaction it opened, if it did, or an error when it makes no sense. Returns transactions
    /// whose fate cannot be seen any more because their connection broke.
    pub(super) fn segment(
        &mut self,
        segment: Segment<'_>,
        read: impl FnMut(&[u8]) -> Result<Option<u64>, Broken>,
    ) -> Vec<u64> {
        let stream = self.streams.entry(segment.stream).or_default();
        if stream.broken {
            return Vec::new();
        }
        let direction = if segment.to_server {
            &mut stream.to_server
        } else {
            &mut stream.to_client
        };
        let held_before = direction.held.len();
        let taken = direction.take(segment, read, &mut stream.asked);
        self.held = self.held + direction.held.len() - held_before;
        let mut unseen = Vec::new();
        if taken.is_err() || self.held > HELD_BYTES {
            unseen = self.give_up(segment.stream);
        }
        if self.streams.len() > STREAMS
            && let Some((_, oldest)) = self.streams.pop_first()
        {
            self.held -= oldest.held();
            unseen.extend(oldest.asked);
        }
        unseen
    }

    fn give_up(&mut self, stream: u32) -> Vec<u64> {
        let broken = Stream {
            broken: true,
            ..Stream::default()
        };
        let Some(before) = self.streams.insert(stream, broken) else {
            return Vec::new();
        };
        self.held -= before.held();
        before.asked
    }
}

impl Stream {
    fn held(&self) -> usize {
        self.to_server.held.len() + self.to_client.held.len()
    }
}

impl Direction {
    /// Takes what is new in the segment; an error when something before it is missing or a message
    /// makes no sense.
    fn take(
        &mut self,
        segment: Segment<'_>,
        mut read: impl FnMut(&[u8]) -> Result<Option<u64>, Broken>,
        asked: &mut Vec<u64>,
    ) -> Result<(), Broken> {
        let known = self.next.unwrap_or(segment.seq).wrapping_sub(segment.seq) as i32;
        let known = usize::try_from(known).map_err(|_| Broken)?;
        let Some(fresh) = segment.payload.get(known..) else {
            return Ok(());
        };
        if !fresh.is_empty() {
            self.next = Some(segment.seq.wrapping_add(segment.payload.len() as u32));
        }
        let mut note = |message: &[u8]| -> Result<(), Broken> {
            if let Some(number) = read(message)? {
                if asked.len() >= QUESTIONS {
                    asked.remove(0);
                }
                asked.push(number);
            }
            Ok(())
        };
        if self.held.is_empty() {
            let rest = messages(fresh, &mut note)?;
            self.held.extend_from_slice(rest);
        } else {
            self.held.extend_from_slice(fresh);
            let rest = messages(&self.held, &mut note)?.len();
            self.held.drain(..self.held.len() - rest);
        }
        if segment.cut { Err(Broken) } else { Ok(()) }
    }
}

/// Hands over every complete message and returns the incomplete rest.
fn messages<'a>(
    mut bytes: &'a [u8],
    read: &mut impl FnMut(&[u8]) -> Result<(), Broken>,
) -> Result<&'a [u8], Broken> {
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        if length < super::message::HEADER {
            return Err(Broken);
        }
        let Some((message, rest)) = rest.split_at_checked(length) else {
            break;
        };
        read(message)?;
        bytes = rest;
    }
    Ok(bytes)
}
