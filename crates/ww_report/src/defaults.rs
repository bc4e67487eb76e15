//! Tables of defaults, with their sources.

use crate::Style;
use crate::json::{SCHEMA_VERSION, Tool, document};
use crate::sheet::{Sheet, Tone};
use serde::Serialize;
use ww_import::defaults::{Row, Table};
use ww_model::service::Version;

/// The components that have a table, a line each.
pub fn list(tables: &[Table], style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let width = tables.iter().map(|table| table.component.len()).max();
    for table in tables {
        let remark = format!("{}, {} settings", table.product, table.rows.len());
        sheet.hanging(
            &[(0, Tone::Bold, &table.component)],
            width.unwrap_or_default() + 2,
            Tone::Plain,
            &remark,
        );
    }
    sheet.finish()
}

/// The defaults of a component; of a version, those that hold for it or may.
pub fn text(table: &Table, version: Option<&Version>, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let of = version.map_or(String::new(), |version| format!(" {version}"));
    let title = format!("{}{of}: defaults, checked {}", table.product, table.checked);
    sheet.paragraph(0, Tone::Bold, &title);
    for row in holding(table, version) {
        sheet.gap();
        let head = format!("{} = {}", row.setting, row.value);
        if row.versions == "*" {
            sheet.paragraph(0, Tone::Plain, &head);
        } else {
            let versions = format!("versions {}", row.versions);
            let column = head.chars().count() + 2;
            sheet.hanging(&[(0, Tone::Plain, &head)], column, Tone::Yellow, &versions);
        }
        let meaning = format!("{} side: {}", row.direction, row.meaning);
        sheet.paragraph(2, Tone::Plain, &meaning);
        sheet.paragraph(2, Tone::Dim, &row.source);
    }
    sheet.finish()
}

/// The same for programs.
///
/// # Errors
/// When a value cannot be serialised, which no value of these types can cause.
pub fn json(table: &Table, version: Option<&Version>) -> serde_json::Result<String> {
    document(&Document {
        schema_version: SCHEMA_VERSION,
        tool: Tool::THIS,
        component: &table.component,
        product: &table.product,
        checked: &table.checked,
        defaults: holding(table, version).map(Entry::new).collect(),
    })
}

/// The rows that hold for a version or may.
fn holding<'t>(table: &'t Table, version: Option<&'t Version>) -> impl Iterator<Item = &'t Row> {
    table.rows.iter().filter(move |row| {
        version.is_none_or(|version| version.is_within(&row.versions) != Some(false))
    })
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    tool: Tool,
    component: &'a str,
    product: &'a str,
    checked: &'a str,
    defaults: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    setting: &'a str,
    versions: &'a str,
    value: String,
    meaning: &'a str,
    direction: &'a str,
    source: &'a str,
}

impl<'a> Entry<'a> {
    fn new(row: &'a Row) -> Entry<'a> {
        Entry {
            setting: &row.setting,
            versions: &row.versions,
            value: row.value.to_string(),
            meaning: &row.meaning,
            direction: &row.direction,
            source: &row.source,
        }
    }
}
