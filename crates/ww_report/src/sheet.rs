//! A sheet of text for a terminal: wrapped lines, hanging indents, colour when asked for.

use std::borrow::Cow;
use ww_base::misleads;

/// How a sheet looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Characters in a line; words longer than a line stand out.
    pub width: usize,
    /// Whether to use ANSI colours.
    pub color: bool,
    /// Whether every finding is told in full, however many a rule has.
    pub every_finding: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            width: 100,
            color: false,
            every_finding: false,
        }
    }
}

/// The weight of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Bold,
    Dim,
    Alarm,
    Red,
    Yellow,
    Cyan,
}

impl Tone {
    /// The parameters of its "select graphic rendition" sequence (ECMA-48 section 8.3.117).
    const fn code(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Bold => "1",
            Tone::Dim => "2",
            Tone::Alarm => "1;37;41",
            Tone::Red => "1;31",
            Tone::Yellow => "1;33",
            Tone::Cyan => "36",
        }
    }
}

/// Text in the making.
#[derive(Debug)]
pub(crate) struct Sheet {
    style: Style,
    text: String,
}

impl Sheet {
    pub(crate) fn new(style: Style) -> Sheet {
        Sheet {
            style,
            text: String::new(),
        }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// An empty line, unless the sheet is empty or has one already.
    pub(crate) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A paragraph, wrapped, every line `indent` deep.
    pub(crate) fn paragraph(&mut self, indent: usize, tone: Tone, text: &str) {
        self.hanging(&[], indent, tone, text);
    }

    /// One line as it is.
    pub(crate) fn verbatim(&mut self, indent: usize, tone: Tone, text: &str) {
        if !text.is_empty() {
            self.pad(indent);
            self.paint(tone, text);
        }
        self.text.push('\n');
    }

    /// A paragraph whose first line starts with `leads`, each at its column, the others `indent`
    /// deep.
    pub(crate) fn hanging(
        &mut self,
        leads: &[(usize, Tone, &str)],
        indent: usize,
        tone: Tone,
        text: &str,
    ) {
        let mut column = self.cells(leads);
        let room = self.style.width.saturating_sub(indent).max(24);
        for (index, line) in wrapped(text, room).iter().enumerate() {
            if index > 0 {
                self.text.push('\n');
                column = 0;
            }
            self.pad_to(column, indent);
            self.paint(tone, line);
        }
        self.text.push('\n');
    }

    /// One line of cells, each at its column.
    pub(crate) fn row(&mut self, cells: &[(usize, Tone, &str)]) {
        self.cells(cells);
        self.text.push('\n');
    }

    /// Cells on the current line, which is empty; tells the column after them.
    fn cells(&mut self, cells: &[(usize, Tone, &str)]) -> usize {
        let mut column = 0;
        for &(at, tone, cell) in cells {
            column += self.pad_to(column, at);
            self.paint(tone, cell);
            column += cell.chars().count();
        }
        column
    }

    fn pad(&mut self, count: usize) {
        self.text.extend(std::iter::repeat_n(' ', count));
    }

    /// Moves from one column to a later one; at least one space apart from what stands there.
    fn pad_to(&mut self, from: usize, to: usize) -> usize {
        let count = to.saturating_sub(from).max(usize::from(from > 0));
        self.pad(count);
        count
    }

    fn paint(&mut self, tone: Tone, text: &str) {
        if self.style.color && tone != Tone::Plain && !text.is_empty() {
            self.text.push_str("\x1b[");
            self.text.push_str(tone.code());
            self.text.push('m');
            self.text.push_str(text);
            self.text.push_str("\x1b[0m");
        } else {
            self.text.push_str(text);
        }
    }
}

/// Lines of at most `room` characters, broken between words; a longer word has a line of its own.
/// Control characters, which may come from a capture, are shown as `\u{1b}` and the like.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let word = printable(word);
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&word);
        used += length;
    }
    lines.push(line);
    lines
}

/// The text with control characters escaped, and those that change the direction of writing or cannot be seen, so that
/// nothing from outside can steer a terminal or pass for something else.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(misleads) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .flat_map(|char| {
            let escaped = misleads(char).then(|| char.escape_default());
            let plain = escaped.is_none().then_some(char);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_hang_under_their_lead() {
        let mut sheet = Sheet::new(Style {
            width: 34,
            ..Style::default()
        });
        sheet.hanging(
            &[(0, Tone::Plain, "F1"), (4, Tone::Red, "HIGH")],
            10,
            Tone::Plain,
            "one two three four five six seven",
        );
        assert_eq!(
            sheet.finish(),
            "F1  HIGH  one two three four five\n          six seven\n"
        );
    }

    #[test]
    fn colour_wraps_words_not_spaces() {
        let mut sheet = Sheet::new(Style {
            color: true,
            ..Style::default()
        });
        sheet.hanging(&[(2, Tone::Red, "HIGH")], 8, Tone::Plain, "text");
        assert_eq!(sheet.finish(), "  \x1b[1;31mHIGH\x1b[0m  text\n");
    }

    #[test]
    fn nothing_from_a_capture_reaches_the_terminal_as_control() {
        let mut sheet = Sheet::new(Style::default());
        sheet.paragraph(0, Tone::Plain, "name \x1b[31mred\u{7}");
        assert_eq!(sheet.finish(), "name \\u{1b}[31mred\\u{7}\n");
        assert_eq!(
            printable("moc.elpmaxe\u{202e}\u{200b}"),
            "moc.elpmaxe\\u{202e}\\u{200b}"
        );
    }
}
