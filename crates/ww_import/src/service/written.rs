//! Settings as YAML and JSON documents write them.

use super::{Intake, Notation};
use crate::document::View;
use ww_base::{Gap, Locus, Setting, SourceSpan, Sourced, Span};

/// What stands behind a key, with the bytes from the key on; none when nothing does.
pub(crate) type Entry<'t> = Option<(SourceSpan, View<'t>)>;

/// What stands behind keys one below the other.
pub(crate) fn entry<'t>(view: View<'t>, keys: &[&str]) -> Entry<'t> {
    let (last, above) = keys.split_last()?;
    let holder = above.iter().try_fold(view, |view, key| view.get(key))?;
    holder.get_with_key(last)
}

/// The text behind keys one below the other.
pub(crate) fn text<'t>(view: View<'t>, keys: &[&str]) -> Option<&'t str> {
    entry(view, keys)?.1.text()
}

/// A port behind keys one below the other.
pub(crate) fn port(view: View<'_>, keys: &[&str]) -> Option<u16> {
    text(view, keys)?.trim().parse().ok()
}

/// The entries of the list behind a key.
pub(crate) fn list<'t>(view: View<'t>, key: &str) -> impl Iterator<Item = View<'t>> {
    view.get(key).into_iter().flat_map(View::items)
}

/// The texts of the list behind a key.
pub(crate) fn texts(view: View<'_>, key: &str) -> Vec<String> {
    list(view, key)
        .filter_map(View::text)
        .map(str::to_owned)
        .collect()
}

/// The setting, where a written zero switches off.
pub(crate) fn zero_is_off<T: Default + PartialEq>(setting: Setting<T>) -> Setting<T> {
    match setting {
        Setting::Set(Sourced { value, at }) if value == T::default() => Setting::Off(at),
        other => other,
    }
}

/// The setting, or the other one where nothing is written; one that could not be read stays so.
pub(crate) fn open_or<T>(setting: Setting<T>, default: Setting<T>) -> Setting<T> {
    match &setting {
        Setting::Unknown(gap) if *gap == Gap::default() => default,
        _ => setting,
    }
}

/// Off, because the product has no such thing.
pub(crate) fn lacking<T>(by: &str) -> Setting<T> {
    Setting::Off(Locus::Assumed { by: by.to_owned() })
}

/// Whether a text is filled in by somebody else later.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("${") || text.contains("{{") || text.starts_with('$')
}

impl Intake<'_> {
    /// A time; the default where nothing is written.
    pub(crate) fn time(
        &mut self,
        entry: Entry<'_>,
        notation: Notation,
        default: Setting<Span>,
    ) -> Setting<Span> {
        let says = "a time, as `30s`";
        self.read_entry(entry, says, default, |text| notation.parse(text))
    }

    /// A whole number; the default where nothing is written. Fractions, as percentages may have,
    /// are rounded.
    pub(crate) fn number(&mut self, entry: Entry<'_>, default: Setting<u64>) -> Setting<u64> {
        self.read_entry(entry, "a number", default, |text| {
            let fraction = || text.parse::<f64>().ok().filter(|it| it.is_finite());
            text.parse().ok().or_else(|| {
                fraction()
                    .filter(|it| *it >= 0.0)
                    .map(|it| it.round() as u64)
            })
        })
    }

    /// Whether something is on; the default where nothing is written.
    pub(crate) fn flag(&mut self, entry: Entry<'_>, default: Setting<bool>) -> Setting<bool> {
        self.read_entry(entry, "`true` or `false`", default, |text| {
            match text.to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" => Some(true),
                "false" | "off" | "no" => Some(false),
                _ => None,
            }
        })
    }

    /// A value of any kind; the default where nothing is written. What cannot be read is a problem
    /// and not known.
    pub(crate) fn read_entry<T>(
        &mut self,
        entry: Entry<'_>,
        says: &str,
        default: Setting<T>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Setting<T> {
        let Some((whole, value)) = entry else {
            return default;
        };
        let text = value.text().unwrap_or_default().trim();
        if let Some(read) = read(text) {
            return Setting::set(read, whole);
        }
        if is_template(text) {
            let message = format!(
                "`{text}` is filled in later: bring the file as it is when it is used, or state \
                 the value in wirewise.toml"
            );
            self.unsupported(whole, message);
        } else {
            self.malformed(value.at(), format!("this has to be {says}, not `{text}`"));
        }
        Setting::Unknown(Gap::new(
            format!("what `{text}` means"),
            format!("{says} in its place"),
        ))
    }

    /// Names the keys of a mapping that are not among the known ones, each once in all files.
    pub(crate) fn known_keys(&mut self, view: View<'_>, of: &str, known: &[&str]) {
        for (key, value) in view.entries() {
            if known.contains(&key) || key == "<<" || is_template(key) {
                continue;
            }
            self.unknown_word(of, key, value.at());
        }
    }

    /// Names a word that is not known, once in all files.
    pub(crate) fn unknown_word(&mut self, of: &str, word: &str, at: SourceSpan) {
        if self.told.insert(format!("{of} {word}")) {
            let message = format!("wirewise does not know `{word}` of {of}: it was not read");
            self.unsupported(at, message);
        }
    }
}
