//! ICMP (RFC 792, RFC 1191) and `ICMPv6` (RFC 4443) messages.

use super::statement::{FrameRef, frame_ref};
use super::words::Words;

/// Reasons of "destination unreachable": word, code in ICMP, code in `ICMPv6`.
const REASONS: [(&str, u8, Option<u8>); 7] = [
    ("net", 0, Some(0)),
    ("host", 1, Some(3)),
    ("protocol", 2, None),
    ("port", 3, Some(4)),
    ("fragmentation-needed", 4, None),
    ("host-prohibited", 10, None),
    ("admin", 13, Some(1)),
];

/// A message as a line describes it.
#[derive(Clone, Debug)]
pub(super) struct Icmp {
    pub(super) kind: u8,
    pub(super) code: u8,
    /// The four bytes after the checksum.
    pub(super) word: u32,
    /// The packet that is quoted, and how much of it when the line says so.
    pub(super) quote: Option<(FrameRef, Option<usize>)>,
}

/// Reads what follows the addresses.
pub(super) fn parse_icmp(is_v6: bool, words: &mut Words) -> Result<Icmp, String> {
    let word = words.bare("the kind of message, such as `unreachable port`")?;
    let (kind, code, word) = match (word.as_str(), is_v6) {
        ("echo-request", false) => (8, 0, echo(words)?),
        ("echo-reply", false) => (0, 0, echo(words)?),
        ("echo-request", true) => (128, 0, echo(words)?),
        ("echo-reply", true) => (129, 0, echo(words)?),
        ("unreachable", _) => unreachable(is_v6, words)?,
        ("packet-too-big", true) => (2, 0, mtu(words)?),
        ("time-exceeded", _) => (if is_v6 { 3 } else { 11 }, 0, 0),
        ("reassembly-time-exceeded", _) => (if is_v6 { 3 } else { 11 }, 1, 0),
        (other, _) => {
            return Err(format!(
                "unknown message `{other}`; known are unreachable, time-exceeded, \
                 reassembly-time-exceeded, echo-request, echo-reply, and packet-too-big for icmpv6"
            ));
        }
    };
    let is_error = if is_v6 {
        kind < 128
    } else {
        !matches!(kind, 0 | 8)
    };
    let quote = if words.take("quoting") {
        let of = frame_ref(words)?;
        let bytes = if words.take("bytes") {
            Some(words.value("a number of bytes")?)
        } else {
            None
        };
        Some((of, bytes))
    } else {
        None
    };
    match (is_error, &quote) {
        (true, None) => Err("an error message quotes a packet: add `quoting previous`".to_owned()),
        (false, Some(_)) => Err("an echo quotes nothing".to_owned()),
        _ => Ok(Icmp {
            kind,
            code,
            word,
            quote,
        }),
    }
}

fn unreachable(is_v6: bool, words: &mut Words) -> Result<(u8, u8, u32), String> {
    let reason = words.bare("why it is unreachable")?;
    let code = REASONS
        .iter()
        .find(|(name, ..)| *name == reason)
        .and_then(|(_, v4, v6)| if is_v6 { *v6 } else { Some(*v4) })
        .ok_or_else(|| {
            let known: Vec<&str> = REASONS
                .iter()
                .filter(|(_, _, v6)| !is_v6 || v6.is_some())
                .map(|(name, ..)| *name)
                .collect();
            format!("unknown reason `{reason}`; known are {}", known.join(" "))
        })?;
    let word = if reason == "fragmentation-needed" {
        mtu(words)?
    } else {
        0
    };
    Ok((if is_v6 { 1 } else { 3 }, code, word))
}

fn mtu(words: &mut Words) -> Result<u32, String> {
    if words.take("mtu") {
        words.value("the next hop's MTU")
    } else {
        Ok(0)
    }
}

/// Reads `[id N] [seq N]` of an echo.
fn echo(words: &mut Words) -> Result<u32, String> {
    let mut word = 0;
    if words.take("id") {
        word |= u32::from(words.value::<u16>("an echo identifier")?) << 16;
    }
    if words.take("seq") {
        word |= u32::from(words.value::<u16>("an echo sequence number")?);
    }
    Ok(word)
}
