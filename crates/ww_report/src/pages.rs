//! What a rule means: its page, and the list of all rules.

use crate::Style;
use crate::json::{SCHEMA_VERSION, Tool, document};
use crate::sheet::{Sheet, Tone};
use serde::Serialize;
use ww_finding::RuleMeta;

/// The page of a rule as Markdown, as it was written.
pub fn markdown(rule: &RuleMeta) -> &'static str {
    (rule.page)()
}

/// The page of a rule for a terminal: headings stand out, code stands apart, paragraphs are wrapped.
pub fn text(rule: &RuleMeta, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    sheet.paragraph(0, Tone::Bold, rule.name);
    sheet.paragraph(0, Tone::Plain, rule.summary);
    let identity = format!(
        "layer: {} · class: {} · usual severity: {} · usual owner: {}",
        rule.layer, rule.class, rule.severity, rule.owner
    );
    sheet.paragraph(0, Tone::Dim, &identity);
    let mut page = Page::new(sheet);
    for line in markdown(rule).lines() {
        page.line(line);
    }
    page.finish()
}

/// Markdown on its way to a sheet, line by line.
struct Page<'p> {
    sheet: Sheet,
    /// The paragraph or list item being gathered, and its depth.
    gathered: String,
    /// What stands before it: `-` or a number; nothing before a paragraph.
    item: &'p str,
    in_fence: bool,
}

impl<'p> Page<'p> {
    fn new(sheet: Sheet) -> Page<'p> {
        Page {
            sheet,
            gathered: String::new(),
            item: "",
            in_fence: false,
        }
    }

    fn line(&mut self, line: &'p str) {
        if let Some(info) = line.strip_prefix("```") {
            self.fence(info);
        } else if self.in_fence {
            self.sheet.verbatim(4, Tone::Cyan, line);
        } else if let Some(heading) = line.strip_prefix('#') {
            self.heading(heading);
        } else if let Some((item, text)) = list_item(line) {
            self.flush();
            self.item = item;
            self.gathered.push_str(text);
        } else if line.is_empty() {
            self.flush();
            self.sheet.gap();
        } else if line.starts_with('|') {
            self.flush();
            self.sheet.verbatim(0, Tone::Plain, line);
        } else {
            self.gathered.push(' ');
            self.gathered.push_str(line);
        }
    }

    /// The first or the last line of a block of code.
    fn fence(&mut self, info: &str) {
        self.flush();
        self.sheet.gap();
        self.in_fence = !self.in_fence;
        if self.in_fence && info == "output" {
            self.sheet
                .paragraph(2, Tone::Plain, "What wirewise says about it:");
            self.sheet.gap();
        }
    }

    /// `##` and deeper; the title of the page is printed already.
    fn heading(&mut self, rest: &str) {
        self.flush();
        let depth = rest.chars().take_while(|&char| char == '#').count();
        if depth == 0 {
            return;
        }
        self.sheet.gap();
        let title = rest.trim_start_matches('#').trim();
        let tone = if depth == 1 { Tone::Bold } else { Tone::Plain };
        self.sheet.verbatim(0, tone, title);
    }

    fn flush(&mut self) {
        if !self.gathered.is_empty() {
            self.gathered = self.gathered.replace("**", "");
            if self.item.is_empty() {
                self.sheet.paragraph(2, Tone::Plain, &self.gathered);
            } else {
                let lead = [(2, Tone::Dim, self.item)];
                let indent = 3 + self.item.len();
                self.sheet
                    .hanging(&lead, indent, Tone::Plain, &self.gathered);
            }
        }
        self.gathered.clear();
        self.item = "";
    }

    fn finish(mut self) -> String {
        self.flush();
        self.sheet.finish()
    }
}

/// The mark and the text of a list item: `- text`, `2. text`.
fn list_item(line: &str) -> Option<(&str, &str)> {
    let (mark, text) = line.split_once(' ')?;
    let number = mark.strip_suffix('.');
    let is_number = number.is_some_and(|digits| digits.parse::<u8>().is_ok());
    (mark == "-" || mark == "*" || is_number).then_some((mark, text))
}

/// All rules as an aligned table, a line each.
pub fn list(rules: &[&RuleMeta], style: Style) -> String {
    let widest = |cell: fn(&RuleMeta) -> &str| {
        rules
            .iter()
            .map(|rule| cell(rule).len())
            .max()
            .unwrap_or_default()
    };
    let layer_at = widest(|rule| rule.name) + 2;
    let class_at = layer_at + widest(|rule| rule.layer.word()) + 2;
    let severity_at = class_at + widest(|rule| rule.class.word()) + 2;
    let summary_at = severity_at + widest(|rule| rule.severity.word()) + 2;
    let mut sheet = Sheet::new(style);
    for rule in rules {
        sheet.row(&[
            (0, Tone::Bold, rule.name),
            (layer_at, Tone::Plain, rule.layer.word()),
            (class_at, Tone::Plain, rule.class.word()),
            (severity_at, Tone::Plain, rule.severity.word()),
            (summary_at, Tone::Plain, rule.summary),
        ]);
    }
    sheet.finish()
}

/// All rules as a JSON document.
///
/// # Errors
/// When a value cannot be serialised, which no value of these types can cause.
pub fn json(rules: &[&RuleMeta]) -> serde_json::Result<String> {
    document(&Catalogue {
        schema_version: SCHEMA_VERSION,
        tool: Tool::THIS,
        rules: rules.iter().map(|rule| RuleEntry::new(rule)).collect(),
    })
}

#[derive(Debug, Serialize)]
struct Catalogue<'a> {
    schema_version: u32,
    tool: Tool,
    rules: Vec<RuleEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct RuleEntry<'a> {
    name: &'a str,
    family: &'a str,
    layer: &'static str,
    class: &'static str,
    severity: &'static str,
    owner: &'static str,
    summary: &'a str,
    needs: Vec<&'static str>,
    explains: &'a [&'static str],
}

impl<'a> RuleEntry<'a> {
    fn new(rule: &'a RuleMeta) -> RuleEntry<'a> {
        RuleEntry {
            name: rule.name,
            family: rule.family,
            layer: rule.layer.word(),
            class: rule.class.word(),
            severity: rule.severity.word(),
            owner: rule.owner.word(),
            summary: rule.summary,
            needs: rule.needs.iter().map(|need| need.word()).collect(),
            explains: rule.explains,
        }
    }
}
