//! YAML as JSON values, for scheme files.

use anyhow::{Result, anyhow};
use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// The first document of a text.
pub(super) fn read(text: &str) -> Result<Value> {
    let mut open: Vec<Open> = Vec::new();
    let mut root = Value::Null;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| anyhow!("{error}"))?;
        let done = match event {
            Event::Scalar(text, style, ..) => scalar(&text, style),
            Event::MappingStart(..) => {
                open.push(Open::Map(Map::new(), None));
                continue;
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => match open.pop() {
                Some(Open::Map(map, _)) => Value::Object(map),
                Some(Open::List(list)) => Value::Array(list),
                None => continue,
            },
            Event::DocumentEnd => break,
            _ => continue,
        };
        match open.last_mut() {
            None => root = done,
            Some(Open::List(list)) => list.push(done),
            Some(Open::Map(map, key)) => {
                if let Some(key) = key.take() {
                    map.insert(key, done);
                } else {
                    let text = done.as_str().map(str::to_owned);
                    *key = Some(text.unwrap_or_else(|| done.to_string()));
                }
            }
        }
    }
    Ok(root)
}

/// A collection that is open; a mapping with the key that waits for its value.
enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match text.parse::<i64>() {
        Ok(number) if style == ScalarStyle::Plain => number.into(),
        _ if text.is_empty() && style == ScalarStyle::Plain => Value::Null,
        _ => text.into(),
    }
}
