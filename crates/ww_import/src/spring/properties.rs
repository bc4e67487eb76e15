//! Properties by their names, however they are written (Spring Boot, "Relaxed Binding").

use super::is_of_profile;
use crate::Text;
use crate::document::{self, Document, View};
use crate::service::{Intake, Notation, file_name};
use crate::text::blanks_before;
use ww_base::{Because, Gap, Setting, SourceSpan, Span};
use ww_model::service::{Entry, Layout, Room, Unit};

/// What a file, or a document of one, is as a place for further settings.
const APPLICATION: &str = "application";

/// A property of a file.
#[derive(Clone, Debug)]
pub(super) struct Property {
    /// Its name in lower case without dashes and underscores, `routes[0].uri`.
    pub(super) name: String,
    /// Its name as it is written.
    pub(super) written: String,
    pub(super) value: String,
    pub(super) at: SourceSpan,
    /// Whether it is in force only when a profile is active.
    is_of_profile: bool,
}

/// All properties of an application.
#[derive(Debug, Default)]
pub(super) struct Properties {
    all: Vec<Property>,
}

impl Properties {
    /// Adds those of a file.
    pub(super) fn read(&mut self, text: &Text<'_>, intake: &mut Intake<'_>) {
        if file_name(text.path).ends_with(".properties") {
            self.read_lines(text, intake);
        } else {
            self.read_yaml(text, intake);
        }
    }

    fn read_lines(&mut self, text: &Text<'_>, intake: &mut Intake<'_>) {
        let mut first = self.all.len();
        for line in logical(text) {
            let Logical::Entry(content, at) = line else {
                let room = self.lines_of(first, text);
                intake.services.rooms.extend(room);
                self.judge(first, text.path);
                first = self.all.len();
                continue;
            };
            let Some((name, value)) = parted(&content) else {
                let message = format!("`{content}` sets nothing: write `name=value`");
                intake.malformed(at, message);
                continue;
            };
            self.all.push(Property {
                name: canonical(name),
                written: name.to_owned(),
                value: value.to_owned(),
                at,
                is_of_profile: false,
            });
        }
        let room = self.lines_of(first, text);
        intake.services.rooms.extend(room);
        self.judge(first, text.path);
    }

    /// The properties from one on as a place for further lines, behind the last of them.
    fn lines_of(&self, first: usize, text: &Text<'_>) -> Option<Room> {
        let own = self.all.get(first..)?;
        let (begin, last) = (own.first()?.at, own.last()?.at);
        let behind = text.bytes.get(last.end as usize..)?;
        let ending = if behind.trim_ascii_start().is_empty() && !behind.contains(&b'\r') {
            text.bytes.windows(2).any(|pair| pair == b"\r\n")
        } else {
            behind.starts_with(b"\r")
        };
        Some(Room {
            kind: APPLICATION.to_owned(),
            block: SourceSpan {
                end: last.end,
                ..begin
            },
            at: SourceSpan {
                start: last.end,
                ..last
            },
            before: format!(
                "{}{}",
                if ending { "\r\n" } else { "\n" },
                blanks_before(text.bytes, last.start).1
            ),
            after: String::new(),
            layout: Layout::Dotted,
            entries: own
                .iter()
                .map(|property| Entry {
                    name: property.name.clone(),
                    room: None,
                })
                .collect(),
        })
    }

    fn read_yaml(&mut self, text: &Text<'_>, intake: &mut Intake<'_>) {
        let yaml = String::from_utf8_lossy(text.bytes);
        let length = text.bytes.len();
        let span = |at: usize| SourceSpan {
            source: text.source,
            start: at.min(length) as u32,
            end: at.saturating_add(1).min(length).max(at.min(length)) as u32,
        };
        document::read(&yaml, text.source, intake.limits, |document| {
            let tree = match document {
                Document::Tree(tree) | Document::TooLarge(tree, _) => tree,
                Document::Template(at) => {
                    let message = "this is a template: render it first and bring the result";
                    return intake.unsupported(span(at as usize), message);
                }
                Document::Malformed(message, at) => {
                    return intake.malformed(span(at as usize), format!("not YAML: {message}"));
                }
            };
            let first = self.all.len();
            if let Some(root) = tree.root() {
                let depth = intake.limits.document_nesting;
                self.flatten("", None, root, depth);
                let room = root.room(APPLICATION, root.at());
                intake.services.rooms.extend(room);
            }
            self.judge(first, text.path);
        });
    }

    /// Adds the scalars below a node, each by the names above it.
    fn flatten(&mut self, name: &str, key: Option<SourceSpan>, view: View<'_>, depth: u32) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        if let Some(text) = view.text() {
            let value = view.at();
            self.all.push(Property {
                name: canonical(name),
                written: name.to_owned(),
                value: text.to_owned(),
                at: key.map_or(value, |key| SourceSpan {
                    start: key.start.min(value.start),
                    ..value
                }),
                is_of_profile: false,
            });
        }
        for (index, item) in view.items().enumerate() {
            self.flatten(&format!("{name}[{index}]"), None, item, depth);
        }
        let keys: Vec<(&str, SourceSpan)> = view.keys().collect();
        for (key, at) in keys {
            let dot = if name.is_empty() { "" } else { "." };
            if let Some(value) = view.get(key) {
                let name = format!("{name}{dot}{key}");
                self.flatten(&name, Some(at), value, depth);
            }
        }
    }

    /// Marks the properties of a document that is for a profile.
    fn judge(&mut self, first: usize, path: &str) {
        let document = self.all.get_mut(first..).unwrap_or_default();
        let names = ["spring.config.activate.onprofile", "spring.profiles"];
        let is_profile = |property: &Property| names.contains(&property.name.as_str());
        if is_of_profile(path) || document.iter().any(is_profile) {
            for property in document {
                property.is_of_profile = true;
            }
        }
    }

    /// Every property, those of profiles among them.
    pub(super) fn all(&self) -> &[Property] {
        &self.all
    }

    /// Those in force whatever the profile.
    fn base(&self) -> impl DoubleEndedIterator<Item = &Property> {
        self.all.iter().filter(|property| !property.is_of_profile)
    }

    /// The property of a name that counts.
    pub(super) fn get(&self, name: &str) -> Option<&Property> {
        self.base().rev().find(|property| property.name == name)
    }

    /// The first of some names that is set.
    pub(super) fn any(&self, names: &[&str]) -> Option<&Property> {
        names.iter().find_map(|name| self.get(name))
    }

    /// Whether a property's name begins so.
    pub(super) fn has(&self, beginning: &str) -> bool {
        self.base()
            .any(|property| property.name.starts_with(beginning))
    }

    /// What comes next in the names of properties that begin so: in lower case without dashes and
    /// underscores, and as it is written.
    pub(super) fn children(&self, beginning: &str) -> Vec<(String, String)> {
        let depth = beginning.split('.').count();
        let mut children: Vec<(String, String)> = Vec::new();
        for property in self.base() {
            let rest = property.name.strip_prefix(beginning);
            let Some(rest) = rest.and_then(|rest| rest.strip_prefix('.')) else {
                continue;
            };
            let name = rest.split('.').next().unwrap_or_default();
            let written = property.written.split('.').nth(depth).unwrap_or(name);
            if !children.iter().any(|(known, _)| known == name) {
                children.push((name.to_owned(), written.to_owned()));
            }
        }
        children
    }

    /// The bytes of all properties whose names begin so.
    pub(super) fn extent(&self, beginning: &str) -> Option<SourceSpan> {
        let found = || self.base().filter(|it| it.name.starts_with(beginning));
        let first = found().next()?.at;
        let same = || found().filter(|it| it.at.source == first.source);
        Some(SourceSpan {
            start: same().map(|it| it.at.start).min()?,
            end: same().map(|it| it.at.end).max()?,
            ..first
        })
    }

    /// The values of a list, which may also be written between commas.
    pub(super) fn list(&self, name: &str) -> Vec<(&str, SourceSpan)> {
        let entry = format!("{name}[");
        let of_list = |it: &&Property| it.name == name || it.name.starts_with(&entry);
        let found = self.base().filter(of_list);
        found
            .flat_map(|it| it.value.split(',').map(|word| (word.trim(), it.at)))
            .filter(|(word, _)| !word.is_empty())
            .collect()
    }

    pub(super) fn time(&self, name: &str, intake: &mut Intake<'_>) -> Setting<Span> {
        let read = |text: &str| Notation::Spring.parse(text);
        self.setting(name, "a time, as `30s`", intake, read)
    }

    pub(super) fn number(&self, name: &str, intake: &mut Intake<'_>) -> Setting<u64> {
        self.setting(name, "a whole number", intake, |text| text.parse().ok())
    }

    /// A value; not known where a profile sets it otherwise or something fills it in later.
    pub(super) fn setting<T>(
        &self,
        name: &str,
        says: &str,
        intake: &mut Intake<'_>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Setting<T> {
        let base = self.get(name);
        let value = base.map(|property| property.value.as_str());
        let of_profile = |it: &&Property| {
            it.is_of_profile && it.name == name && Some(it.value.as_str()) != value
        };
        if self.all.iter().any(|it| of_profile(&it)) {
            let missing = format!("which profile is active, on which `{name}` depends");
            return Setting::Unknown(Gap::new(missing, "the files of the active profile only"));
        }
        let Some(property) = base else {
            return Setting::default();
        };
        if let Some(value) = read(&property.value) {
            return Setting::set(value, property.at);
        }
        if let Some((variable, default)) = with_default(&property.value)
            && let Some(value) = read(default)
        {
            let is_set = |unit: &Unit| unit.environment.iter().any(|(its, _)| its == variable);
            if intake.services.units.iter().any(is_set) {
                return Setting::Unknown(Gap::new(
                    format!("what `{name}` is where {variable} is set"),
                    "the value in place of the variable",
                ));
            }
            let because = Because {
                product: "Spring Boot".to_owned(),
                directive: property.name.clone(),
                versions: "*".to_owned(),
                citation: format!("`{}`, where {variable} is not set", property.value),
            };
            return Setting::Default { value, because };
        }
        if !property.value.contains("${") {
            let message = format!("this has to be {says}, not `{}`", property.value);
            intake.malformed(property.at, message);
        }
        Setting::Unknown(Gap::new(
            format!("what `{name}` is when the application runs"),
            "the value in place of the variable",
        ))
    }
}

/// The variable and what stands behind the colon of `${NAME:default}`: in force unless the
/// environment says otherwise.
fn with_default(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    inner.split_once(':')
}

/// A line of a `.properties` file, as long as it goes on (java.util.Properties, "load").
enum Logical {
    /// `#---`, between two documents.
    Divider,
    /// What sets a property, with its place.
    Entry(String, SourceSpan),
}

fn logical(text: &Text<'_>) -> Vec<Logical> {
    let whole = String::from_utf8_lossy(text.bytes);
    let mut found = Vec::new();
    let mut open: Option<(String, usize)> = None;
    let mut start = 0;
    for line in whole.split_inclusive('\n') {
        let from = start;
        start += line.len();
        let content = line.trim_end_matches(['\n', '\r']);
        let trimmed = content.trim_start();
        if open.is_none() {
            if matches!(content.trim_end(), "#---" | "!---") {
                found.push(Logical::Divider);
            }
            if trimmed.is_empty() || trimmed.starts_with(['#', '!']) {
                continue;
            }
        }
        let at = from + (content.len() - trimmed.len());
        let (mut joined, begin) = open.take().unwrap_or((String::new(), at));
        let goes_on = trimmed.bytes().rev().take_while(|it| *it == b'\\').count() % 2 == 1;
        let kept = trimmed.strip_suffix('\\').filter(|_| goes_on);
        joined.push_str(kept.unwrap_or(trimmed));
        if goes_on && start < whole.len() {
            open = Some((joined, begin));
            continue;
        }
        let length = text.bytes.len();
        let end = (from + content.trim_end().len()).min(length);
        let at = SourceSpan {
            source: text.source,
            start: begin.min(end) as u32,
            end: end as u32,
        };
        found.push(Logical::Entry(joined.trim_end().to_owned(), at));
    }
    found
}

/// Name and value: `=`, `:` or a blank is between them.
fn parted(content: &str) -> Option<(&str, &str)> {
    let end = content.find(|it: char| matches!(it, '=' | ':') || it.is_whitespace())?;
    let (name, rest) = content.split_at_checked(end)?;
    let rest = rest.trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    Some((name, value.trim()))
}

/// A name in lower case without dashes and underscores.
pub(super) fn canonical(name: &str) -> String {
    let kept = name.chars().filter(|letter| !matches!(letter, '-' | '_'));
    kept.flat_map(char::to_lowercase).collect()
}
