//! Settings that an application's files write, before they are lowered.

use super::expr::{Environment, Expr, OPEN, number_of};
use super::known::Unit;
use crate::defaults::Defaults;
use ww_base::{Gap, Locus, Setting, SourceSpan, Span};
use ww_model::service::{Product, RetryOn};

/// A setting as it is written somewhere.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    /// The component that it is of, as the default tables name it.
    pub(super) component: &'static str,
    /// Its name in the default tables.
    pub(super) setting: &'static str,
    pub(super) value: Value,
    pub(super) at: SourceSpan,
}

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Time(Span),
    Number(u64),
    Flag(bool),
    Word(String),
    /// Switched off.
    Off,
    /// Something that the text alone does not tell.
    Open(String),
    /// An expression that may be told by the environment, what a number in it means, and its words.
    Later(Expr, Unit, String),
}

impl Value {
    /// The value in an environment.
    fn within(&self, environment: &Environment<'_>) -> Value {
        let Value::Later(expr, unit, words) = self else {
            return self.clone();
        };
        match expr.text(environment).filter(|text| !text.contains(OPEN)) {
            Some(text) => match number_of(&text) {
                Some(number) => unit.of_number(number, None),
                None => unit.of_word(&text),
            },
            None => Value::Open(words.clone()),
        }
    }
}

impl Written {
    /// The same with what an environment tells of it.
    pub(super) fn within(&self, environment: &Environment<'_>) -> Written {
        Written {
            value: self.value.within(environment),
            ..self.clone()
        }
    }
}

/// A call or a literal that makes a server or a client, or uses one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Construct {
    pub(super) component: &'static str,
    pub(super) at: SourceSpan,
    /// The address that it is about, with its place.
    pub(super) address: Option<(Expr, SourceSpan)>,
    pub(super) values: Vec<Written>,
    /// The loop in which the program makes it again.
    pub(super) attempts: Option<Attempts>,
    /// The method of HTTP, in small letters, where the name of the call tells it.
    pub(super) method: Option<String>,
}

/// A loop in which a call is made again when it fails.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attempts {
    pub(super) at: SourceSpan,
    /// Tries in all; none when the text does not tell.
    pub(super) count: Option<u64>,
    /// What makes it try again; none when that is not known.
    pub(super) on: Option<Vec<RetryOn>>,
    /// The pause between tries; none when it is not known.
    pub(super) pause: Option<Span>,
}

impl Construct {
    /// The same with what an environment tells of it.
    pub(super) fn within(&self, environment: &Environment<'_>) -> Construct {
        let values = self.values.iter();
        Construct {
            values: values.map(|written| written.within(environment)).collect(),
            ..self.clone()
        }
    }
}

/// Where settings of one component are looked up.
pub(super) struct Lookup<'a> {
    pub(super) product: Product,
    /// What makes or uses it; a setting that only some of them write is not known.
    pub(super) constructs: Vec<&'a Construct>,
    /// What goes before that: files of settings, variables, the command; the last one counts.
    pub(super) over: Vec<&'a Written>,
    pub(super) defaults: &'static Defaults,
    /// Why what is not written is not known; none where it is the default.
    pub(super) unseen: Option<Gap>,
}

impl Lookup<'_> {
    pub(super) fn time(&self, setting: &str) -> Setting<Span> {
        let read = |value: &Value| match value {
            Value::Time(span) => Some(*span),
            _ => None,
        };
        self.value(setting, read, || self.defaults.time(&self.product, setting))
    }

    pub(super) fn number(&self, setting: &str) -> Setting<u64> {
        let read = |value: &Value| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        };
        self.value(setting, read, || {
            self.defaults.number(&self.product, setting)
        })
    }

    pub(super) fn flag(&self, setting: &str) -> Setting<bool> {
        let read = |value: &Value| match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        };
        self.value(setting, read, || self.defaults.flag(&self.product, setting))
    }

    pub(super) fn word(&self, setting: &str) -> Setting<String> {
        let read = |value: &Value| match value {
            Value::Word(word) => Some(word.clone()),
            _ => None,
        };
        self.value(setting, read, || self.defaults.word(&self.product, setting))
    }

    fn value<T>(
        &self,
        setting: &str,
        read: impl Fn(&Value) -> Option<T>,
        default: impl Fn() -> Setting<T>,
    ) -> Setting<T> {
        let is_it = |written: &&Written| {
            written.setting == setting && written.component == self.product.component
        };
        if let Some(written) = self.over.iter().rev().find(|it| is_it(it)) {
            return in_force(written, read);
        }
        let mut found = Vec::new();
        for construct in &self.constructs {
            found.extend(construct.values.iter().find(is_it));
        }
        let Some(first) = found.first() else {
            return match &self.unseen {
                Some(gap) => Setting::Unknown(gap.clone()),
                None => default(),
            };
        };
        let agree = found.iter().all(|other| other.value == first.value);
        if agree && found.len() == self.constructs.len() {
            return in_force(first, read);
        }
        Setting::Unknown(Gap::new(
            format!(
                "which {setting} is in force: {} of {} places in the source set it{}",
                found.len(),
                self.constructs.len(),
                if agree { "" } else { ", and not alike" }
            ),
            "a statement in wirewise.toml",
        ))
    }
}

fn in_force<T>(written: &Written, read: impl Fn(&Value) -> Option<T>) -> Setting<T> {
    match &written.value {
        Value::Off => Setting::Off(Locus::Text(written.at)),
        Value::Open(text) | Value::Later(_, _, text) => Setting::Unknown(Gap::new(
            format!("the value of {}, which is `{text}` here", written.setting),
            "the value as a number, or a statement in wirewise.toml",
        )),
        value => read(value).map_or_else(Setting::default, |value| Setting::set(value, written.at)),
    }
}

/// A number in this unit (nanoseconds) as a time.
pub(super) fn time(number: f64, unit: i64) -> Value {
    let nanoseconds = number * unit as f64;
    if nanoseconds.is_finite() && (0.0..9e18).contains(&nanoseconds) {
        Value::Time(Span(nanoseconds.round() as i64))
    } else {
        Value::Open(number.to_string())
    }
}
