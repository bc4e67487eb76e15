//! Characters that show a text other than it is.

use std::fmt::Write as _;

/// A control character, or a character of Unicode that changes the direction of writing (UAX #9), separates lines or has
/// no width: it could steer a terminal, or let a text pass for another one.
pub fn misleads(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// JSON with all of these escaped, also those that JSON lets stand (RFC 8259 section 7); line ends between values stay.
pub fn json_escaped(json: String) -> String {
    let first = plain(json.as_bytes());
    if first == json.len() {
        return json;
    }
    let mut escaped = String::with_capacity(json.len());
    let mut rest = json.as_str();
    while let Some((before, other)) = rest.split_at_checked(plain(rest.as_bytes()))
        && !other.is_empty()
    {
        escaped.push_str(before);
        let mut chars = other.chars();
        match chars.next() {
            // None of them lies beyond the basic plane, where two escapes would be needed.
            Some(char) if misleads(char) => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(char));
            }
            char => escaped.extend(char),
        }
        rest = chars.as_str();
    }
    escaped.push_str(rest);
    escaped
}

/// How many bytes at the beginning are line ends and printable ASCII, looked at many at a time.
fn plain(bytes: &[u8]) -> usize {
    let is_plain = |byte: &u8| matches!(byte, b'\n' | b' '..=b'~');
    let all_plain = |block: &&[u8; 64]| block.iter().fold(true, |all, byte| all & is_plain(byte));
    let (blocks, _) = bytes.as_chunks::<64>();
    let skipped = 64 * blocks.iter().take_while(all_plain).count();
    let rest = bytes.get(skipped..).unwrap_or_default();
    skipped + rest.iter().take_while(|byte| is_plain(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_misleads_is_escaped_and_letters_are_not() {
        assert_eq!(
            json_escaped("{\n\"Größe \u{9b}1m\u{7f}\u{202e}\u{1f600}\"}".to_owned()),
            "{\n\"Größe \\u009b1m\\u007f\\u202e\u{1f600}\"}"
        );
        for plain in ["", "{}", "ß", "\n"] {
            assert_eq!(json_escaped(plain.to_owned()), plain);
        }
        assert_eq!(json_escaped("\t\u{200b}".to_owned()), "\\u0009\\u200b");
        for before in [0, 1, 63, 64, 65, 200] {
            let plain = "x".repeat(before);
            let escaped = json_escaped(format!("{plain}\u{202e}ß{plain}"));
            assert_eq!(escaped, format!("{plain}\\u202eß{plain}"), "{before}");
        }
    }
}
