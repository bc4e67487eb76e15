//! One table of defaults.

use std::fmt;
use toml::de::{DeTable, DeValue};
use ww_base::{Because, Span};

/// The defaults of one component.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The component, as `nginx` or `node-http`.
    pub component: String,
    /// The product, as its makers spell it.
    pub product: String,
    /// When the rows were last compared with their sources, as `2026-11-22`.
    pub checked: String,
    /// The defaults, in the order of the file.
    pub rows: Vec<Row>,
}

/// One default.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The directive or option.
    pub setting: String,
    /// The versions for which it holds: `*`, or conditions between commas (`>=1.15.3, <1.19.10`).
    pub versions: String,
    /// The default.
    pub value: Value,
    /// What it bounds: the event that stops the timer, or what is counted.
    pub meaning: String,
    /// The side of a connection that it is about: `server`, `client` or `both`.
    pub direction: String,
    /// Where it is written: source file, documentation, or a measurement of a version.
    pub source: String,
}

/// A default's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A time.
    Time(Span),
    /// A number.
    Number(u64),
    /// On or off.
    Flag(bool),
    /// A word.
    Word(String),
    /// There is no such bound.
    Off,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Time(span) if span.0 % 1_000_000_000 == 0 => {
                write!(f, "{} s", span.0 / 1_000_000_000)
            }
            Value::Time(span) => span.fmt(f),
            Value::Number(number) => number.fmt(f),
            Value::Flag(true) => f.write_str("on"),
            Value::Flag(false) => f.write_str("off"),
            Value::Word(word) => word.fmt(f),
            Value::Off => f.write_str("none"),
        }
    }
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// What is missing or of the wrong kind.
    pub fn parse(text: &str) -> Result<Table, String> {
        let parsed = DeTable::parse(text).map_err(|error| error.to_string())?;
        let root = parsed.get_ref();
        let rows = root
            .get("default")
            .and_then(|rows| rows.get_ref().as_array())
            .ok_or("no [[default]]")?;
        Ok(Table {
            component: word(root, "component")?,
            product: word(root, "product")?,
            checked: word(root, "checked")?,
            rows: rows
                .iter()
                .map(|row| {
                    row.get_ref()
                        .as_table()
                        .ok_or("a row is no table")?
                        .try_into()
                })
                .collect::<Result<_, String>>()?,
        })
    }

    /// A row as the reason of a setting.
    pub(super) fn because(&self, row: &Row) -> Because {
        Because {
            product: self.product.clone(),
            directive: row.setting.clone(),
            versions: row.versions.clone(),
            citation: row.source.clone(),
        }
    }

    /// A row in words.
    pub(super) fn words(&self, row: &Row) -> String {
        format!(
            "{} has no {} unless one is set ({})",
            self.product, row.setting, row.source
        )
    }
}

impl TryFrom<&DeTable<'_>> for Row {
    type Error = String;

    fn try_from(row: &DeTable<'_>) -> Result<Row, String> {
        let setting = word(row, "setting")?;
        let value = row
            .get("value")
            .ok_or_else(|| format!("{setting} has no value"))?;
        Ok(Row {
            versions: word(row, "versions").unwrap_or_else(|_| "*".to_owned()),
            value: value_of(value.get_ref()).ok_or_else(|| format!("{setting}: what value?"))?,
            meaning: word(row, "meaning")?,
            direction: word(row, "direction")?,
            source: word(row, "source")?,
            setting,
        })
    }
}

fn word(table: &DeTable<'_>, key: &str) -> Result<String, String> {
    let value = table.get(key).and_then(|value| value.get_ref().as_str());
    value
        .map(str::to_owned)
        .ok_or_else(|| format!("`{key}` is missing or no text"))
}

/// A number, a flag, `none`, a time with its unit, or a word.
fn value_of(value: &DeValue<'_>) -> Option<Value> {
    if let Some(number) = value.as_integer() {
        return number.as_str().parse().ok().map(Value::Number);
    }
    if let Some(flag) = value.as_bool() {
        return Some(Value::Flag(flag));
    }
    let text = value.as_str()?;
    if text == "none" {
        return Some(Value::Off);
    }
    Some(time(text).map_or_else(|| Value::Word(text.to_owned()), Value::Time))
}

/// A whole number with one of the units `ms`, `s`, `m`, `h`, `d`.
fn time(text: &str) -> Option<Span> {
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let number: i64 = number.parse().ok()?;
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Span::from_millis(number.checked_mul(unit)?))
}
