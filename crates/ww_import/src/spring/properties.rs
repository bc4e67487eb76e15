//! Properties by their names, however they are written (Spring Boot, "Relaxed Binding").

use super::is_of_profile;
use crate::Text;
use crate::document::{self, Document, View};
use crate::service::{Intake, Notation, file_name};
use crate::text::lines;
use ww_base::{Gap, Setting, SourceSpan, Span};

/// A property of a file.
#[derive(Clone, Debug)]
pub(super) struct Property {
    /// Its name in lower case without dashes and underscores, `routes[0].uri`.
    pub(super) name: String,
    /// Its name as it is written.
    written: String,
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
        let first = self.all.len();
        for line in lines(text.source, text.bytes) {
            // `#---` and `!---` divide documents; the profile of one is a property in it.
            if line.text.starts_with(['#', '!']) {
                continue;
            }
            let Some((name, value)) = line.text.split_once(['=', ':']) else {
                let message = format!("`{}` sets nothing: write `name=value`", line.text);
                intake.malformed(line.at, message);
                continue;
            };
            self.all.push(Property {
                name: canonical(name.trim()),
                written: name.trim().to_owned(),
                value: value.trim().to_owned(),
                at: line.at,
                is_of_profile: false,
            });
        }
        self.judge(first, text.path);
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
        if let Some(value) = read(with_default(&property.value)) {
            return Setting::set(value, property.at);
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

/// What stands behind the colon of `${NAME:default}`: in force unless the environment says otherwise.
fn with_default(text: &str) -> &str {
    let inner = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    inner
        .and_then(|inner| inner.split_once(':'))
        .map_or(text, |(_, default)| default)
}

/// A name in lower case without dashes and underscores.
pub(super) fn canonical(name: &str) -> String {
    let kept = name.chars().filter(|letter| !matches!(letter, '-' | '_'));
    kept.flat_map(char::to_lowercase).collect()
}
