//! Settings on lines of their own, the last one of a name counting.

use crate::service::Intake;
use std::collections::BTreeSet;
use ww_base::{Gap, Locus, Setting, SourceSpan, Span};
use ww_model::service::Product;

/// A setting as written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) at: SourceSpan,
}

/// Settings that are looked up, with the defaults of their product.
pub(super) struct Read<'r, 'l, 'p> {
    pub(super) settings: &'r [Written],
    pub(super) product: &'p Product,
    pub(super) intake: &'r mut Intake<'l>,
    /// The bytes of all of them.
    pub(super) at: SourceSpan,
}

impl Read<'_, '_, '_> {
    /// A time in a unit that counts where none is written; zero switches off.
    pub(super) fn time(&mut self, name: &str, bare: &str) -> Setting<Span> {
        let default = self.intake.defaults.time(self.product, name);
        let read = self.read(name, "a time", |text| time(text, bare));
        zero_is_off(read).or(default)
    }

    /// A number.
    pub(super) fn number(&mut self, name: &str) -> Setting<u64> {
        let default = self.intake.defaults.number(self.product, name);
        let read = self.read(name, "a whole number", |text| text.parse().ok());
        read.or(default)
    }

    fn read<T>(&mut self, name: &str, says: &str, read: impl Fn(&str) -> Option<T>) -> Setting<T> {
        let Some(written) = self.settings.iter().rev().find(|it| it.name == name) else {
            return Setting::default();
        };
        if let Some(value) = read(&written.value) {
            return Setting::set(value, written.at);
        }
        let message = format!("`{name}` has to be {says}, not `{}`", written.value);
        self.intake.malformed(written.at, message);
        Setting::Unknown(Gap::new(format!("what `{name}` is set to"), says))
    }
}

/// Says of each name that the product does not have where it stands first. Names with a dot are those
/// of extensions and modules.
pub(super) fn tell_unknown(
    settings: &[Written],
    product: &str,
    is_known: impl Fn(&str) -> bool,
    intake: &mut Intake<'_>,
) {
    let mut told = BTreeSet::new();
    for setting in settings {
        let name = setting.name.as_str();
        if name.contains('.') || is_known(name) || !told.insert(name) {
            continue;
        }
        let message = format!(
            "`{name}` is no setting of {product} that wirewise knows: look at its spelling, or check by hand what it changes"
        );
        intake.unsupported(setting.at, message);
    }
}

fn zero_is_off(setting: Setting<Span>) -> Setting<Span> {
    match setting {
        Setting::Set(set) if set.value == Span::ZERO => match set.at {
            Locus::Text(at) => Setting::Off(Locus::Text(at)),
            at => Setting::Off(at),
        },
        other => other,
    }
}

/// A number with one of PostgreSQL's units of time, or in the unit that counts without one. A time
/// below zero means none to all of these products.
fn time(text: &str, bare: &str) -> Option<Span> {
    let unit_at = text
        .find(|letter: char| letter.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(unit_at)?;
    let number: f64 = number.trim().parse().ok()?;
    let unit = if unit.is_empty() { bare } else { unit };
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let nanoseconds = number.max(0.0) * seconds * 1e9;
    (nanoseconds < 9e18).then_some(Span(nanoseconds.round() as i64))
}
