//! Domain names inside a message (RFC 1035 sections 3.1 and 4.1.4).

use std::fmt::Write;

/// Longest name on the wire, the root's zero byte excluded.
const NAME_BYTES: usize = 254;

/// Compression pointers followed in one name.
const JUMPS: u32 = 64;

/// Reads the name at `start` into `name`: lower case, without the final dot, `.` for the root.
/// Returns the offset after it, or nothing when it makes no sense.
///
/// A pointer must lead in front of everything read so far, so that no loop is possible.
pub(super) fn read(message: &[u8], start: usize, name: &mut String) -> Option<usize> {
    name.clear();
    let mut at = start;
    let mut earliest = start;
    let mut after = None;
    let (mut length_in_all, mut jumps) = (0, 0);
    loop {
        let first = *message.get(at)?;
        let length = usize::from(first & 0x3f);
        match first >> 6 {
            0 if length == 0 => {
                if name.is_empty() {
                    name.push('.');
                }
                return Some(after.unwrap_or(at + 1));
            }
            0 => {
                let label = message.get(at + 1..at + 1 + length)?;
                length_in_all += length + 1;
                if length_in_all > NAME_BYTES {
                    return None;
                }
                push_label(label, name);
                at += 1 + length;
            }
            3 => {
                let target = length << 8 | usize::from(*message.get(at + 1)?);
                after.get_or_insert(at + 2);
                jumps += 1;
                if target >= earliest || jumps > JUMPS {
                    return None;
                }
                (at, earliest) = (target, target);
            }
            _ => return None,
        }
    }
}

/// The offset after the name at `start`, which is not looked into.
pub(super) fn skip(message: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let first = *message.get(at)?;
        match first >> 6 {
            0 if first == 0 => return Some(at + 1),
            0 => at += 1 + usize::from(first),
            3 => return message.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
    }
}

/// Appends a label; what is no printable ASCII, and the characters that mean something in a
/// written name, as `\DDD`.
fn push_label(label: &[u8], name: &mut String) {
    if !name.is_empty() {
        name.push('.');
    }
    for &byte in label {
        if byte.is_ascii_graphic() && byte != b'.' && byte != b'\\' {
            name.push(char::from(byte.to_ascii_lowercase()));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(name, "\\{byte:03}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_at(message: &[u8], start: usize) -> Option<(String, usize)> {
        let mut name = String::from("left over");
        let after = read(message, start, &mut name)?;
        assert_eq!(
            skip(message, start),
            Some(after),
            "both ways of passing a name agree"
        );
        Some((name, after))
    }

    #[test]
    fn names_are_lower_case_and_escaped() {
        assert_eq!(
            name_at(b"\x03WwW\x07eXample\0", 0),
            Some(("www.example".into(), 13))
        );
        assert_eq!(
            name_at(b"\x04a.\\\n\0", 0),
            Some((r"a\046\092\010".into(), 6))
        );
        assert_eq!(name_at(b"\x02\xc3\xa9\0", 0), Some((r"\195\169".into(), 4)));
        assert_eq!(name_at(b"\0", 0), Some((".".into(), 1)));
    }

    #[test]
    fn pointers_lead_back() {
        let message = b"\x03com\0\x01a\xc0\x00\x01b\xc0\x05";
        assert_eq!(name_at(message, 5), Some(("a.com".into(), 9)));
        assert_eq!(name_at(message, 9), Some(("b.a.com".into(), 13)));
        assert_eq!(name_at(b"xx\xc0\x04\x01a\0", 2), None, "a pointer ahead");
        assert_eq!(name_at(b"\xc0\x00", 0), None, "a pointer to itself");
        assert_eq!(name_at(b"\x01a\xc0\x00", 2), None, "a loop of two");
        assert_eq!(
            name_at(b"\x80\0", 0),
            None,
            "a kind of label that does not exist"
        );
    }

    #[test]
    fn length_and_jumps_are_bounded() {
        let mut long = b"\x3f".to_vec();
        long.extend([b'x'; 63]);
        let mut name = long.repeat(4);
        name.push(0);
        assert_eq!(name_at(&name, 0), None, "256 bytes");
        let mut name = long.repeat(3);
        name.extend(b"\x3d");
        name.extend([b'x'; 61]);
        name.push(0);
        assert_eq!(name_at(&name, 0).map(|(_, after)| after), Some(255));

        let mut chain = vec![0, 0];
        for link in 0..=JUMPS as usize {
            let target = if link == 0 { 0 } else { 2 * link };
            chain.extend([0xc0 | (target >> 8) as u8, target as u8]);
        }
        let last = chain.len() - 2;
        assert_eq!(name_at(&chain, last), None);
        assert_eq!(name_at(&chain, last - 2), Some((".".into(), last)));
    }
}
