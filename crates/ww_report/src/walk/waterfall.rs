//! Where the time of a request went, one bar behind the other.

use crate::sheet::{Sheet, Tone};
use ww_base::Span;
use ww_evidence::transcript::{HttpExchange, Transcript};

/// Cells of the whole bar.
const CELLS: i64 = 48;

/// The bars of the first request that was answered, if any was.
pub(super) fn render(sheet: &mut Sheet, transcript: &Transcript) {
    let answered = |exchange: &&HttpExchange| exchange.reply().is_some() && !exchange.reused;
    let Some(exchange) = transcript
        .exchanges()
        .map(|(_, exchange)| exchange)
        .find(answered)
    else {
        return;
    };
    let phases = exchange.phases;
    let rows = [
        ("name", phases.name),
        ("connect", phases.connect),
        ("tls", phases.handshake),
        ("wait", phases.wait),
        ("transfer", phases.transfer),
    ];
    let all: Span = rows.iter().map(|(_, span)| *span).sum();
    if all <= Span::ZERO {
        return;
    }
    sheet.gap();
    let mut before = Span::ZERO;
    for (name, span) in rows.into_iter().filter(|(_, span)| *span > Span::ZERO) {
        let from = cells(before, all);
        before += span;
        let bar = (cells(before, all) - from).max(1);
        let drawn = format!("{}{}", " ".repeat(from as usize), "█".repeat(bar as usize));
        sheet.row(&[
            (4, Tone::Plain, name),
            (14, Tone::Cyan, &drawn),
            (14 + CELLS as usize + 2, Tone::Plain, &span.to_string()),
        ]);
    }
}

/// How many cells a time takes of the bar.
fn cells(span: Span, all: Span) -> i64 {
    (i128::from(span.0) * i128::from(CELLS) / i128::from(all.0.max(1))) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Style;
    use ww_evidence::transcript::read_transcript;

    #[test]
    fn phases_follow_one_another() {
        let transcript = read_transcript(concat!(
            "{\"target\":{\"host\":\"a.example\",\"port\":443}}\n",
            "{\"step\":\"http\",\"phases\":{\"connect\":10,\"wait\":30},\"outcome\":{\"replied\":{\"status\":200}}}\n",
        ))
        .expect("a transcript");
        let mut sheet = Sheet::new(Style::default());
        render(&mut sheet, &transcript);
        let text = sheet.finish();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].contains(&"█".repeat(12)) && lines[0].ends_with("10.0 ms"),
            "{text}"
        );
        assert!(
            lines[1].contains(&format!("{}{}", " ".repeat(12), "█".repeat(36))),
            "{text}"
        );
    }
}
