//! Objects of JSON texts with their places.

/// The objects of a text.
pub(crate) struct Objects {
    /// Array by array, where each object that is an element begins and ends. Objects that are cut
    /// off are left out, and so is what stands outside of arrays.
    pub(crate) arrays: Vec<Vec<(usize, usize)>>,
    /// Whether every bracket and quote is closed.
    pub(crate) whole: bool,
}

/// Finds the objects of a text, which may hold several arrays one after the other.
pub(crate) fn objects(bytes: &[u8]) -> Objects {
    let mut arrays: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut depth = 0_usize;
    let mut begin = 0;
    let (mut in_text, mut escaped) = (false, false);
    for (place, byte) in bytes.iter().enumerate() {
        match (in_text, *byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'[' | b'{') => {
                match depth {
                    0 => arrays.push(Vec::new()),
                    1 => begin = place,
                    _ => {}
                }
                depth += 1;
            }
            (false, b']' | b'}') => {
                depth = depth.saturating_sub(1);
                if let (1, b'}', Some(array)) = (depth, *byte, arrays.last_mut()) {
                    array.push((begin, place + 1));
                }
            }
            _ => {}
        }
    }
    Objects {
        arrays,
        whole: depth == 0 && !in_text,
    }
}

#[cfg(test)]
mod tests {
    use super::objects;

    #[test]
    fn objects_are_found_in_arrays_only() {
        let text = br#"[{"a":"]}\""},{"b":[{}]}] {"c":1} [{"d":{"#;
        let found = objects(text);
        let texts: Vec<Vec<&[u8]>> = found
            .arrays
            .iter()
            .map(|array| array.iter().map(|(from, to)| &text[*from..*to]).collect())
            .collect();
        let first: Vec<&[u8]> = vec![br#"{"a":"]}\""}"#, br#"{"b":[{}]}"#];
        assert_eq!(texts, [first, vec![], vec![]]);
        assert!(!found.whole);
        assert!(objects(b"[{}]").whole);
    }
}
