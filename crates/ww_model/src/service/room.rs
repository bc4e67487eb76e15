//! Where further settings can be written.

use super::{Program, Services};
use ww_base::SourceSpan;

/// A block of a file, and the place in it where a further setting can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// What the block is, in the product's own word, as `location` or `backend`.
    pub kind: String,
    /// The whole block, from its first word to its end.
    pub block: SourceSpan,
    /// The empty place.
    pub at: SourceSpan,
    /// What stands before each setting: a line break, and the indentation of its neighbours.
    pub before: String,
    /// What stands behind the last one.
    pub after: String,
    /// How settings stand in it.
    pub layout: Layout,
    /// What it sets already, in order.
    pub entries: Vec<Entry>,
}

/// How settings stand in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Words of the product's own, each setting as a whole.
    Words,
    /// YAML, a line for each key; what is below a key is indented by two blanks more.
    Block,
    /// YAML between braces.
    Flow,
    /// JSON, and YAML that is written as JSON.
    Json,
    /// `key=value` lines in which a key holds all names above it, with dots between.
    Dotted,
}

/// A setting that a block holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name: a key, or the first word of a directive, with the second one where one word sets
    /// several things.
    pub name: String,
    /// The mapping behind it, where that can hold further settings.
    pub room: Option<Room>,
}

/// A name as spellings of it are compared: `keep-alive`, `keep_alive` and `keepAlive` are one.
fn plain(name: &str) -> String {
    let kept = name.chars().filter(|letter| !matches!(letter, '-' | '_'));
    kept.flat_map(char::to_lowercase).collect()
}

impl Room {
    /// What it holds of a name, however that is spelled.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        let name = plain(name);
        self.entries.iter().find(|entry| plain(&entry.name) == name)
    }

    /// A key with its value, written below keys one below the other: where, and which text. What of
    /// the keys is there already is gone into. None where the last one is there, or one of those
    /// above it holds something that cannot hold more.
    pub fn write(&self, path: &[&str], value: &str) -> Option<(SourceSpan, String)> {
        let name = match self.layout {
            Layout::Words => Some((path.join(" "), format!(" {value}"))),
            Layout::Dotted => Some((path.join("."), format!("={value}"))),
            Layout::Block | Layout::Flow | Layout::Json => None,
        };
        if let Some((name, value)) = name {
            let line = format!("{}{name}{value}{}", self.before, self.after);
            return self.entry(&name).is_none().then_some((self.at, line));
        }
        let (first, below) = path.split_first()?;
        match (self.entry(first), self.layout) {
            (Some(entry), _) if !below.is_empty() => {
                return entry.room.as_ref()?.write(below, value);
            }
            (Some(_), _) => return None,
            // What a merged mapping holds under this key would be out of force beside the new one.
            (None, _) if self.entry("<<").is_some() && !below.is_empty() => return None,
            (None, _) => {}
        }
        let text = match self.layout {
            Layout::Block => {
                let edge = if self.before.is_empty() {
                    &self.after
                } else {
                    &self.before
                };
                let begins = edge.rfind('\n').map_or(0, |at| at + 1);
                let (line, indent) = edge.split_at_checked(begins)?;
                block(path, value, line, indent)
            }
            Layout::Flow => braces(path, value, ""),
            Layout::Json => braces(path, &quoted(value), "\""),
            Layout::Words | Layout::Dotted => return None,
        };
        Some((self.at, format!("{}{text}{}", self.before, self.after)))
    }
}

/// Keys one below the other as lines; `line` ends each, `indent` begins those behind the first.
fn block(path: &[&str], value: &str, line: &str, indent: &str) -> String {
    let mut text = String::new();
    let mut blanks = indent.to_owned();
    for (number, key) in path.iter().enumerate() {
        text.push_str(key);
        text.push(':');
        if number + 1 == path.len() {
            text.push(' ');
            text.push_str(value);
        } else {
            blanks.push_str("  ");
            text.push_str(line);
            text.push_str(&blanks);
        }
    }
    text
}

/// Keys one below the other between braces; `quote` stands around each.
fn braces(path: &[&str], value: &str, quote: &str) -> String {
    let Some((first, below)) = path.split_first() else {
        return value.to_owned();
    };
    let inner = if below.is_empty() {
        value.to_owned()
    } else {
        format!("{{{}}}", braces(below, value, quote))
    };
    format!("{quote}{first}{quote}: {inner}")
}

/// A value of JSON: a number as it is, all else as a text.
fn quoted(value: &str) -> String {
    let is_number = value.parse::<u64>().is_ok();
    if is_number || matches!(value, "true" | "false") {
        value.to_owned()
    } else {
        format!("\"{value}\"")
    }
}

/// The innermost room of one of these kinds that a place stands in.
fn innermost<'r>(
    rooms: impl Iterator<Item = &'r Room>,
    place: SourceSpan,
    kinds: &[&str],
) -> Option<&'r Room> {
    let holds = |room: &&Room| {
        let block = room.block;
        kinds.contains(&room.kind.as_str())
            && block.source == place.source
            && block.start <= place.start
            && place.end <= block.end
    };
    rooms
        .filter(holds)
        .min_by_key(|room| room.block.end - room.block.start)
}

impl Program {
    /// The innermost block of one of these kinds that a place stands in.
    pub fn room(&self, place: SourceSpan, kinds: &[&str]) -> Option<&Room> {
        innermost(self.rooms.iter(), place, kinds)
    }
}

impl Services {
    /// The innermost mapping of a kind that a place stands in.
    pub fn room(&self, place: SourceSpan, kind: &str) -> Option<&Room> {
        innermost(self.rooms.iter(), place, &[kind])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_base::SourceId;

    const AT: SourceSpan = SourceSpan {
        source: SourceId(0),
        start: 3,
        end: 3,
    };

    fn room(layout: Layout, before: &str, after: &str, entries: Vec<Entry>) -> Room {
        Room {
            kind: "route".to_owned(),
            block: AT,
            at: AT,
            before: before.to_owned(),
            after: after.to_owned(),
            layout,
            entries,
        }
    }

    fn written(room: &Room, path: &[&str]) -> Option<String> {
        room.write(path, "3s").map(|(_, text)| text)
    }

    #[test]
    fn keys_are_written_as_their_neighbours_are() {
        let block = room(Layout::Block, "\n  ", "", Vec::new());
        let path = ["retries", "perTryTimeout"];
        assert_eq!(
            written(&block, &path).as_deref(),
            Some("\n  retries:\n    perTryTimeout: 3s")
        );
        let first = room(Layout::Block, "", "\r\n    ", Vec::new());
        assert_eq!(
            written(&first, &path).as_deref(),
            Some("retries:\r\n      perTryTimeout: 3s\r\n    ")
        );
        let deep = ["pool", "http", "idle"];
        assert_eq!(
            written(&block, &deep).as_deref(),
            Some("\n  pool:\n    http:\n      idle: 3s")
        );
        let flow = room(Layout::Flow, "", ", ", Vec::new());
        assert_eq!(
            written(&flow, &deep).as_deref(),
            Some("pool: {http: {idle: 3s}}, ")
        );
        let json = room(Layout::Json, "", ", ", Vec::new());
        assert_eq!(
            written(&json, &path).as_deref(),
            Some("\"retries\": {\"perTryTimeout\": \"3s\"}, ")
        );
        let dotted = room(Layout::Dotted, "\n", "", Vec::new());
        assert_eq!(
            written(&dotted, &path).as_deref(),
            Some("\nretries.perTryTimeout=3s")
        );
    }

    #[test]
    fn what_is_there_is_gone_into_or_left_alone() {
        let inner = room(Layout::Block, "\n      ", "", Vec::new());
        let entry = |name: &str, room| Entry {
            name: name.to_owned(),
            room,
        };
        let entries = vec![entry("retries", Some(inner)), entry("per_try", None)];
        let outer = room(Layout::Block, "\n  ", "", entries);
        assert_eq!(
            written(&outer, &["retries", "attempts"]).as_deref(),
            Some("\n      attempts: 3s")
        );
        assert_eq!(written(&outer, &["perTry"]), None);
        assert_eq!(written(&outer, &["per-try", "below"]), None);
        let merged = room(Layout::Block, "\n", "", vec![entry("<<", None)]);
        assert_eq!(written(&merged, &["a", "b"]), None);
        assert_eq!(written(&merged, &["a"]).as_deref(), Some("\na: 3s"));
    }
}
