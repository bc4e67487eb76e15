//! Names: labels on the wire (RFC 1035 section 3.1) and text with escapes (RFC 4343 section 2.1).

use std::fmt::Write as _;

/// The longest name on the wire, with its lengths and the root.
const LONGEST: usize = 255;

/// The longest label.
const LONGEST_LABEL: usize = 63;

/// The name in labels. `None`: a label is empty or too long, or the whole is, or an escape is broken.
pub(super) fn encode(name: &str) -> Option<Vec<u8>> {
    let mut wire = Vec::with_capacity(name.len() + 2);
    for label in labels(name)? {
        wire.push(label.len() as u8);
        wire.extend(label);
    }
    wire.push(0);
    (wire.len() <= LONGEST).then_some(wire)
}

/// The labels of a name as bytes; none for the root.
pub(in crate::dns) fn labels(name: &str) -> Option<Vec<Vec<u8>>> {
    let mut labels = Vec::new();
    let mut label = Vec::new();
    let mut bytes = name.bytes();
    let mut dot_is_last = true;
    while let Some(byte) = bytes.next() {
        dot_is_last = byte == b'.';
        match byte {
            b'.' if name.len() == 1 => {}
            b'.' => labels.push(std::mem::take(&mut label)),
            b'\\' => label.push(escaped(&mut bytes)?),
            _ => label.push(byte),
        }
    }
    if !dot_is_last {
        labels.push(label);
    }
    labels
        .iter()
        .all(|label| (1..=LONGEST_LABEL).contains(&label.len()))
        .then_some(labels)
}

/// What stands behind a backslash: three digits, or a character as it is.
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Option<u8> {
    let first = bytes.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let mut value = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next().filter(u8::is_ascii_digit)?;
        value = value * 10 + u16::from(digit - b'0');
    }
    u8::try_from(value).ok()
}

/// The name at a place of a message as text without its final dot (`.` for the root), and the place
/// behind it. Each pointer must lead to a place before the part in which it stands: no loop is possible.
pub(super) fn decode(message: &[u8], at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut length = 1;
    let (mut at, mut part) = (at, at);
    let mut behind = None;
    loop {
        let first = *message.get(at)?;
        match first >> 6 {
            0 if first == 0 => break,
            0 => {
                let label = message.get(at + 1..at + 1 + usize::from(first))?;
                length += label.len() + 1;
                if length > LONGEST {
                    return None;
                }
                if !text.is_empty() {
                    text.push('.');
                }
                push_label(&mut text, label);
                at += 1 + label.len();
            }
            3 => {
                let second = *message.get(at + 1)?;
                let to = usize::from(first & 0x3f) << 8 | usize::from(second);
                if to >= part {
                    return None;
                }
                behind.get_or_insert(at + 2);
                (at, part) = (to, to);
            }
            _ => return None,
        }
    }
    if text.is_empty() {
        text.push('.');
    }
    Some((text, behind.unwrap_or(at + 1)))
}

/// Labels as text, without the final dot (`.` for the root).
pub(in crate::dns) fn text(labels: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for label in labels {
        if !text.is_empty() {
            text.push('.');
        }
        push_label(&mut text, label);
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

fn push_label(text: &mut String, label: &[u8]) {
    for &byte in label {
        match byte {
            b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            0x21..=0x7e => text.push(char::from(byte)),
            _ => push_decimal(text, byte),
        }
    }
}

/// A byte as `\DDD`.
pub(super) fn push_decimal(text: &mut String, byte: u8) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\\{byte:03}");
}

/// Two names are the same whatever the case of their letters, and with or without the final dot.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let bare = |name: &str| name.len() - usize::from(name.len() > 1 && name.ends_with('.'));
    let (one, other) = (
        one.as_bytes().get(..bare(one)),
        other.as_bytes().get(..bare(other)),
    );
    one.zip(other)
        .is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
}
