//! Where a block in Lua ends: braces in its strings and comments do not count (Lua 5.1 reference
//! manual, section 2.1).

/// The offset of the `}` that closes a block, from the text behind its `{`; none when it has none.
pub(super) fn end_of_block(text: &[u8]) -> Option<usize> {
    let mut depth = 0_u32;
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        match *rest.first()? {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            b'-' if rest.get(1) == Some(&b'-') => {
                let behind = rest.get(2..).unwrap_or_default();
                at += 2 + long_bracket(behind).unwrap_or_else(|| line(behind));
                continue;
            }
            quote @ (b'"' | b'\'') => {
                at += 1 + quoted(rest.get(1..).unwrap_or_default(), quote);
                continue;
            }
            b'[' => {
                if let Some(length) = long_bracket(rest) {
                    at += length;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Bytes up to the end of the line.
fn line(text: &[u8]) -> usize {
    let end = text.iter().position(|byte| *byte == b'\n');
    end.unwrap_or(text.len())
}

/// Bytes up to and with the closing quote; a string ends with its line at the latest.
fn quoted(text: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match *byte {
            b'\\' => at += 2,
            b'\n' => return at,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// Bytes of `[[…]]` or `[=[…]=]` at the beginning of a text; none when it begins otherwise or does
/// not end.
fn long_bracket(text: &[u8]) -> Option<usize> {
    let behind = text.strip_prefix(b"[")?;
    let level = behind.iter().take_while(|byte| **byte == b'=').count();
    if behind.get(level) != Some(&b'[') {
        return None;
    }
    let mut close = vec![b'='; level + 2];
    *close.first_mut()? = b']';
    *close.last_mut()? = b']';
    let body = behind.get(level + 1..)?;
    let end = body.windows(close.len()).position(|part| part == close)?;
    Some(level + 2 + end + close.len())
}

#[cfg(test)]
mod tests {
    use super::end_of_block;

    #[test]
    fn braces_in_strings_and_comments_do_not_count() {
        let bodies = [
            " x = {1, {2}} ",
            " -- }\n x = 1 ",
            " --[[ } ]] x = 1 ",
            " --[==[ } ]] ]==] x = 1 ",
            " x = \"}\" .. '}' ",
            " x = \"\\\"}\" ",
            " x = [[ } ]] ",
            " x = t[1] ",
        ];
        for body in bodies {
            let text = format!("{body}}} rest }}");
            assert_eq!(end_of_block(text.as_bytes()), Some(body.len()), "{body}");
        }
        assert_eq!(end_of_block(b" x = { } "), None);
        assert_eq!(end_of_block(b""), None);
    }
}
