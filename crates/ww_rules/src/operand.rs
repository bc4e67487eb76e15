//! Settings as rules compare them: every value that may be in force, with why it is.

use ww_base::{Because, Gap, Locus, Setting, SourceSpan, Span};
use ww_finding::Exhibit;

/// A value that is in force, or may be.
#[derive(Clone, Debug)]
pub(crate) struct Known<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it is written; none for a default.
    pub(crate) at: Option<SourceSpan>,
    /// For a default: whose, and where that is written.
    pub(crate) because: Option<String>,
    /// For a default: which one.
    pub(crate) default: Option<Box<Default>>,
    /// The versions in which it is the default, when that differs between them.
    pub(crate) versions: Option<String>,
}

/// A row of the tables of defaults.
#[derive(Clone, Debug)]
pub(crate) struct Default {
    /// Whose, as `Kubernetes`.
    pub(crate) product: String,
    /// The setting's name in the table.
    pub(crate) setting: String,
}

impl Default {
    fn of(because: &Because) -> Default {
        Default {
            product: because.product.clone(),
            setting: because.directive.clone(),
        }
    }
}

impl<T> Known<T> {
    /// An exhibit of it: where it is written, or, for a default, the place that could say otherwise.
    /// `says` is the value in words, as `idle connections are closed after 5 s`.
    pub(crate) fn show(&self, otherwise: SourceSpan, says: &str) -> Exhibit {
        let (at, says) = match (&self.at, &self.because) {
            (Some(at), _) => (*at, says.to_owned()),
            (None, Some(because)) => (otherwise, format!("{says}, by default: {because}")),
            (None, None) => (otherwise, says.to_owned()),
        };
        Exhibit {
            at: Locus::Text(at),
            says,
        }
    }
}

/// Every value that may be in force; none when it is off or not known.
pub(crate) fn each<T: Clone>(setting: &Setting<T>) -> Vec<Known<T>> {
    match setting {
        Setting::Set(sourced) => vec![Known {
            value: sourced.value.clone(),
            at: setting.span(),
            because: None,
            default: None,
            versions: None,
        }],
        Setting::Default { value, because } => vec![Known {
            value: value.clone(),
            at: None,
            because: Some(format!("{} ({})", because.directive, because.citation)),
            default: Some(Box::new(Default::of(because))),
            versions: None,
        }],
        Setting::Either(values) => values
            .iter()
            .map(|(value, because)| Known {
                value: value.clone(),
                at: None,
                because: Some(format!("{} ({})", because.directive, because.citation)),
                default: Some(Box::new(Default::of(because))),
                versions: Some(format!("{} {}", because.product, because.versions)),
            })
            .collect(),
        Setting::Off(_) | Setting::Unknown(_) => Vec::new(),
    }
}

/// What is known of a condition.
#[derive(Clone, Debug)]
pub(crate) enum Answer<T> {
    /// It holds whatever is not known, with the values that show it.
    Yes(T),
    /// It does not hold.
    No,
    /// It depends on something that is not known.
    Open(Gap),
}

/// Whether a condition holds of a setting; `what` names the setting, as `the idle timeout of web`.
/// A setting that is off fits no condition.
pub(crate) fn ask<T: Clone>(
    setting: &Setting<T>,
    what: &str,
    holds: impl Fn(&T) -> bool,
) -> Answer<Known<T>> {
    let values = each(setting);
    if values.is_empty() {
        return match setting {
            Setting::Unknown(gap) => Answer::Open(named(gap, what)),
            _ => Answer::No,
        };
    }
    let all = values.len();
    let mut fitting: Vec<Known<T>> = values
        .into_iter()
        .filter(|known| holds(&known.value))
        .collect();
    match fitting.len() {
        0 => Answer::No,
        count if count == all => Answer::Yes(fitting.swap_remove(0)),
        _ => Answer::Open(version_gap(what, &fitting)),
    }
}

/// Whether a condition holds of two settings.
pub(crate) fn ask_two<A: Clone, B: Clone>(
    (first, first_name): (&Setting<A>, &str),
    (second, second_name): (&Setting<B>, &str),
    holds: impl Fn(&A, &B) -> bool,
) -> Answer<(Known<A>, Known<B>)> {
    let (firsts, seconds) = (each(first), each(second));
    for (setting, name, known) in [
        (is_open(first), first_name, firsts.len()),
        (is_open(second), second_name, seconds.len()),
    ] {
        match setting {
            Some(gap) if known == 0 => return Answer::Open(named(gap, name)),
            None if known == 0 => return Answer::No,
            _ => {}
        }
    }
    let mut open = None;
    let mut fitting = None;
    let mut all = true;
    for one in &firsts {
        for other in &seconds {
            if holds(&one.value, &other.value) {
                fitting.get_or_insert_with(|| (one.clone(), other.clone()));
                let versions = one.versions.as_ref().or(other.versions.as_ref());
                open = open.or(versions.cloned());
            } else {
                all = false;
            }
        }
    }
    match fitting {
        None => Answer::No,
        Some(pair) if all => Answer::Yes(pair),
        Some(_) => Answer::Open(Gap::new(
            format!(
                "{first_name} and {second_name} as the version in use has them; they do not fit with {}",
                open.unwrap_or_default()
            ),
            "an image with its tag, or the version in wirewise.toml",
        )),
    }
}

fn is_open<T>(setting: &Setting<T>) -> Option<&Gap> {
    match setting {
        Setting::Unknown(gap) => Some(gap),
        _ => None,
    }
}

/// A gap in its own words, or in those of the rule when it has none.
fn named(gap: &Gap, what: &str) -> Gap {
    if gap.missing.is_empty() {
        Gap::new(
            what,
            "the file that sets it, or the product's name and version",
        )
    } else {
        gap.clone()
    }
}

fn version_gap<T>(what: &str, fitting: &[Known<T>]) -> Gap {
    let versions: Vec<&str> = fitting
        .iter()
        .filter_map(|known| known.versions.as_deref())
        .collect();
    Gap::new(
        format!(
            "{what} as the version in use has it; it would hurt with {}",
            versions.join(", ")
        ),
        "an image with its tag, or the version in wirewise.toml",
    )
}

/// A time as reports write it: without decimals where there are none.
pub(crate) fn said(span: Span) -> String {
    let (ns, second) = (span.0, 1_000_000_000);
    match ns {
        0 => "0 s".to_owned(),
        _ if ns % (3600 * second) == 0 => format!("{} h", ns / (3600 * second)),
        _ if ns % (60 * second) == 0 && ns >= 120 * second => format!("{} min", ns / (60 * second)),
        _ if ns % second == 0 => format!("{} s", ns / second),
        _ if ns % 1_000_000 == 0 && ns < second => format!("{} ms", ns / 1_000_000),
        _ => span.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_base::SourceId;

    const AT: SourceSpan = SourceSpan {
        source: SourceId(0),
        start: 0,
        end: 1,
    };

    fn default(value: u64, versions: &str) -> (u64, Because) {
        let because = Because {
            product: "nginx".into(),
            directive: "keepalive".into(),
            versions: versions.into(),
            citation: "changes".into(),
        };
        (value, because)
    }

    #[test]
    fn what_holds_in_some_versions_only_is_open() {
        let either = Setting::Either(vec![default(0, "<1.29.7"), default(32, ">=1.29.7")]);
        assert!(matches!(ask(&either, "pool", |n| *n < 100), Answer::Yes(_)));
        assert!(matches!(ask(&either, "pool", |n| *n > 100), Answer::No));
        let Answer::Open(gap) = ask(&either, "pool", |n| *n > 0) else {
            panic!("it depends on the version");
        };
        assert!(gap.missing.contains("nginx >=1.29.7"), "{gap:?}");
    }

    #[test]
    fn what_is_not_known_is_open_and_what_is_off_fits_nothing() {
        let unknown: Setting<u64> = Setting::default();
        let off: Setting<u64> = Setting::Off(Locus::Text(AT));
        let set = Setting::set(5_u64, AT);
        let less = |a: &u64, b: &u64| a < b;
        let asked = |a: &Setting<u64>, b: &Setting<u64>| ask_two((a, "one"), (b, "two"), less);
        assert!(matches!(asked(&set, &unknown), Answer::Open(gap) if gap.missing == "two"));
        assert!(matches!(asked(&off, &set), Answer::No));
        assert!(matches!(asked(&set, &Setting::set(6, AT)), Answer::Yes(_)));
    }

    #[test]
    fn times_are_said_without_needless_decimals() {
        let cases = [
            (Span::from_secs(5), "5 s"),
            (Span::from_secs(90), "90 s"),
            (Span::from_secs(600), "10 min"),
            (Span::from_secs(7200), "2 h"),
            (Span::from_millis(250), "250 ms"),
            (Span::from_millis(2500), "2.50 s"),
            (Span::ZERO, "0 s"),
        ];
        for (span, words) in cases {
            assert_eq!(said(span), words);
        }
    }
}
