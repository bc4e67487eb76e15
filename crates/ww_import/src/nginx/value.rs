//! Directives as settings: written, or the default of the tables.

use super::lower::Lowering;
use super::scope::Scope;
use super::tree::Directive;
use crate::service::Notation;
use std::str::FromStr;
use ww_base::{Gap, Locus, Setting, SourceSpan, Span};
use ww_model::service::BareTime;

/// Seconds without a unit from which on they were probably meant as milliseconds.
const SURPRISING: u64 = 10_000;

impl<'t> Lowering<'t, '_, '_> {
    /// A directive that is a time; the default is that of the row of this name.
    pub(super) fn time(&mut self, scope: &Scope<'t>, name: &str, row: &str) -> Setting<Span> {
        match scope.one(name) {
            Some(directive) => self.written_time(directive, 0),
            None => self.default_time(row),
        }
    }

    /// A time where 0 means that there is none.
    pub(super) fn time_or_off(
        &mut self,
        scope: &Scope<'t>,
        name: &str,
        row: &str,
    ) -> Setting<Span> {
        off_at_zero(self.time(scope, name, row), &Span::ZERO)
    }

    /// An argument of a directive as a time.
    pub(super) fn written_time(&mut self, directive: &Directive, number: usize) -> Setting<Span> {
        let text = directive.arg(number).unwrap_or_default();
        self.time_of(text, directive.at, &directive.name.text)
    }

    /// A text as the time of a setting.
    pub(super) fn time_of(&mut self, text: &str, at: SourceSpan, setting: &str) -> Setting<Span> {
        if is_variable(text) {
            return unknown_variable(setting, text);
        }
        let Some(taken) = Notation::Nginx.parse(text) else {
            return self.no_value(at, setting, text, "a time, as `60s`");
        };
        if let Ok(number) = text.parse::<u64>()
            && number >= SURPRISING
            && self.bare.insert(at)
        {
            self.program.bare_times.push(BareTime {
                at,
                setting: setting.to_owned(),
                number,
                taken,
                meant: Span::from_millis(i64::try_from(number).unwrap_or(i64::MAX)),
            });
        }
        Setting::set(taken, at)
    }

    pub(super) fn number(&mut self, scope: &Scope<'t>, name: &str, row: &str) -> Setting<u64> {
        match scope.one(name) {
            Some(directive) => {
                let text = directive.arg(0).unwrap_or_default();
                self.number_of(text, directive.at, name)
            }
            None => self.default_number(row),
        }
    }

    /// A text as the number of a setting.
    pub(super) fn number_of<T: FromStr>(
        &mut self,
        text: &str,
        at: SourceSpan,
        setting: &str,
    ) -> Setting<T> {
        if is_variable(text) {
            return unknown_variable(setting, text);
        }
        match text.parse() {
            Ok(number) => Setting::set(number, at),
            Err(_) => self.no_value(at, setting, text, "a number"),
        }
    }

    pub(super) fn flag(&mut self, scope: &Scope<'t>, name: &str, row: &str) -> Setting<bool> {
        let Some(directive) = scope.one(name) else {
            return self.intake.defaults.flag(&self.product, row);
        };
        let text = directive.arg(0).unwrap_or_default();
        match text.to_ascii_lowercase().as_str() {
            "on" => Setting::set(true, directive.at),
            "off" => Setting::set(false, directive.at),
            _ if is_variable(text) => unknown_variable(name, text),
            _ => self.no_value(directive.at, name, text, "`on` or `off`"),
        }
    }

    /// A setting that is on or off and whose default is that there is none: off where nothing is
    /// written.
    pub(super) fn presence(&mut self, scope: &Scope<'t>, name: &str, row: &str) -> Setting<bool> {
        match scope.one(name) {
            Some(directive) => Setting::set(directive.arg(0) != Some("off"), directive.at),
            None => self.default_word(row).map(|_| true),
        }
    }

    pub(super) fn default_time(&self, row: &str) -> Setting<Span> {
        self.intake.defaults.time(&self.product, row)
    }

    pub(super) fn default_number(&self, row: &str) -> Setting<u64> {
        self.intake.defaults.number(&self.product, row)
    }

    pub(super) fn default_word(&self, row: &str) -> Setting<String> {
        self.intake.defaults.word(&self.product, row)
    }

    /// Says once that a value cannot be read.
    fn no_value<T>(
        &mut self,
        at: SourceSpan,
        setting: &str,
        text: &str,
        wanted: &str,
    ) -> Setting<T> {
        if self.told.insert(at) {
            let message = format!("`{setting}` is `{text}`, which is not {wanted}");
            self.intake.malformed(at, message);
        }
        Setting::Unknown(Gap::new(
            format!("the value of {setting}: `{text}` is not {wanted}"),
            "a configuration that nginx accepts",
        ))
    }
}

/// The value of an option `name=value` of a directive, with its place.
pub(super) fn option<'d>(directive: &'d Directive, name: &str) -> Option<(&'d str, SourceSpan)> {
    directive.args.iter().find_map(|word| {
        let value = word.text.strip_prefix(name)?.strip_prefix('=')?;
        Some((value, word.at))
    })
}

/// Whether a word is among the arguments of a directive.
pub(super) fn has_word(directive: &Directive, word: &str) -> bool {
    directive.args.iter().any(|arg| arg.text == word)
}

/// The setting, or that it is off where it is written as zero.
pub(super) fn off_at_zero<T: PartialEq>(setting: Setting<T>, zero: &T) -> Setting<T> {
    match setting {
        Setting::Set(sourced) if sourced.value == *zero => Setting::Off(sourced.at),
        other => other,
    }
}

/// That nginx has no such thing.
pub(super) fn none<T>(by: &str) -> Setting<T> {
    Setting::Off(Locus::Assumed { by: by.to_owned() })
}

/// Whether a value is put in when the configuration is rendered or a request comes in.
pub(super) fn is_variable(text: &str) -> bool {
    text.contains('$') || text.contains("{{")
}

fn unknown_variable<T>(setting: &str, text: &str) -> Setting<T> {
    Setting::Unknown(Gap::new(
        format!("the value of {setting}, which the variable `{text}` holds"),
        "the configuration as it is rendered",
    ))
}
