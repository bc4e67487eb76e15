//! Where the parts of a JSON text stand.
//!
//! Values are found without being read, so that half a dump gives all that is whole in it, and
//! every part has a place.

/// A half-open range of bytes.
pub(super) type Place = (usize, usize);

/// Walks over a JSON text.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    position: usize,
}

impl<'a> Scanner<'a> {
    /// Starts inside `text` at a position.
    pub(super) fn at(text: &'a [u8], position: usize) -> Scanner<'a> {
        Scanner { text, position }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.position += 1;
        }
    }

    /// Takes a byte of punctuation, blanks before it too.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    /// Where reading stands.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The place of the value that comes next; `None` when the text ends inside it.
    pub(super) fn value(&mut self) -> Option<Place> {
        self.skip_blanks();
        let start = self.position;
        let mut open = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    open += 1;
                    self.position += 1;
                }
                b'}' | b']' => {
                    open = open.checked_sub(1)?;
                    self.position += 1;
                }
                b',' | b':' if open == 0 => return None,
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => self.position += 1,
                _ => self.skip_plain(),
            }
            if open == 0 {
                return Some((start, self.position));
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.position += 1;
        loop {
            match self.peek()? {
                b'\\' => self.position += 2,
                b'"' => {
                    self.position += 1;
                    return Some(());
                }
                _ => self.position += 1,
            }
        }
    }

    fn skip_plain(&mut self) {
        while let Some(byte) = self.peek() {
            if b"{}[],:\" \t\r\n".contains(&byte) {
                return;
            }
            self.position += 1;
        }
    }

    /// The next member of an object whose brace was taken: its name and the place of its value.
    /// `None` at the end of the object, or where it breaks off.
    pub(super) fn member(&mut self) -> Option<(&'a str, Place)> {
        self.take(b',');
        let (start, end) = self.value()?;
        let name = self.text.get(start + 1..end.checked_sub(1)?)?;
        if !self.take(b':') {
            return None;
        }
        let value = self.value()?;
        Some((std::str::from_utf8(name).ok()?, value))
    }
}

/// The members of an object, those that are whole.
pub(super) fn members(text: &[u8], object: Place) -> Vec<(&str, Place)> {
    let within = text.get(..object.1).unwrap_or(text);
    let mut scanner = Scanner::at(within, object.0);
    if !scanner.take(b'{') {
        return Vec::new();
    }
    std::iter::from_fn(|| scanner.member()).collect()
}

/// The elements of an array, those that are whole.
pub(super) fn elements(text: &[u8], array: Place) -> impl Iterator<Item = Place> {
    let within = text.get(..array.1).unwrap_or(text);
    let mut scanner = Scanner::at(within, array.0);
    let is_array = scanner.take(b'[');
    std::iter::from_fn(move || {
        scanner.take(b',');
        is_array.then(|| scanner.value()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::{elements, members};

    #[test]
    fn parts_have_places() {
        let text = br#" {"a": [1, {"b": "]}"}], "c" : null} "#;
        let found = members(text, (0, text.len()));
        let shown: Vec<_> = found
            .iter()
            .map(|(name, (start, end))| (*name, std::str::from_utf8(&text[*start..*end]).unwrap()))
            .collect();
        assert_eq!(shown, [("a", r#"[1, {"b": "]}"}]"#), ("c", "null")]);
        let inner: Vec<_> = elements(text, found[0].1).collect();
        assert_eq!(inner.len(), 2);
    }

    #[test]
    fn what_breaks_off_is_left_out() {
        let text = br#"[1, "two", {"three": 3"#;
        assert_eq!(elements(text, (0, text.len())).count(), 2);
    }
}
