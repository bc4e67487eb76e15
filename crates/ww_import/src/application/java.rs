//! What sources in Java call: the clients of Jakarta REST (JAX-RS) and of the JDK.

use super::code::{Code, Kind};
use super::expr::Expr;
use super::known::Unit;
use super::source::{Found, value};
use super::written::{Construct, Value, Written, time};

/// Properties of a client of Jakarta REST, in milliseconds.
const PROPERTIES: &[(&str, &str)] = &[
    (
        "com.ibm.ws.jaxrs.client.connection.timeout",
        "connect timeout",
    ),
    ("com.ibm.ws.jaxrs.client.receive.timeout", "receive timeout"),
    ("jersey.config.client.connectTimeout", "connect timeout"),
    ("jersey.config.client.readTimeout", "receive timeout"),
];

/// Methods of the builder with a number and a unit.
const METHODS: &[(&str, &str)] = &[
    ("connectTimeout", "connect timeout"),
    ("readTimeout", "receive timeout"),
];

/// How many settings of one source are kept; there are four.
const MOST: usize = 16;

const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MILLI;

impl Found {
    /// Reads a source in Java.
    pub(super) fn java(&mut self, code: &Code<'_>) {
        let has = |word: &str| (0..code.len()).any(|index| code.is(index, word));
        if has("ClientBuilder") && !has("OkHttpClient") {
            self.rest(code);
        }
        if has("HttpRequest") {
            self.jdk(code);
        }
    }

    /// Clients of Jakarta REST: what one builder of the source sets holds for its targets.
    fn rest(&mut self, code: &Code<'_>) {
        let all = 0..code.len();
        let is_builder = |index: &usize| {
            let makes = ["newBuilder", "newClient"];
            code.are(*index, &["ClientBuilder", "."])
                && makes.iter().any(|word| code.is(index + 2, word))
        };
        let builders = all.clone().filter(is_builder).count();
        let values = all.clone().filter_map(|at| set(code, at));
        let mut values: Vec<Written> = values.take(MOST).collect();
        if builders > 1 {
            for written in &mut values {
                written.value = Value::Open("one of several clients in the source".to_owned());
            }
        }
        if let Some(at) = all.clone().find(|at| code.are(*at, &["@", "Retry"])) {
            values.push(Written {
                component: REST,
                setting: "retries",
                value: Value::Open("@Retry".to_owned()),
                at: code.span(at, at + 1),
            });
        }
        for index in all.filter(|at| code.are(*at, &[".", "target", "("])) {
            let (open, close) = (index + 2, code.closing(index + 2));
            let end = code.end_of_part(open + 1, close).saturating_sub(1);
            let address = Expr::of(code, open + 1, end);
            self.constructs.push(Construct {
                component: REST,
                at: code.span(index + 1, close),
                address: (!address.is_open()).then(|| (address, code.span(open + 1, end))),
                values: values.clone(),
                attempts: None,
                method: None,
            });
        }
    }

    /// Requests of the JDK's client.
    fn jdk(&mut self, code: &Code<'_>) {
        let all = 0..code.len();
        let is_client = |at: &usize| code.are(*at, &["HttpClient", ".", "newBuilder", "("]);
        let clients: Vec<usize> = all.clone().filter(is_client).collect();
        let mut shared = Vec::new();
        if let [client] = clients.as_slice() {
            for (name, open) in chain(code, client + 3) {
                if name == "connectTimeout" {
                    shared.extend(lasting(code, open, "connect timeout"));
                }
            }
        }
        let is_request = |at: &usize| code.are(*at, &["HttpRequest", ".", "newBuilder", "("]);
        for index in all.filter(is_request) {
            let mut values = shared.clone();
            let mut address = argument(code, index + 3);
            for (name, open) in chain(code, index + 3) {
                match name {
                    "uri" => address = argument(code, open),
                    "timeout" => values.extend(lasting(code, open, "request timeout")),
                    _ => {}
                }
            }
            self.constructs.push(Construct {
                component: JDK,
                at: code.span(index, code.closing(index + 3)),
                address,
                values,
                attempts: None,
                method: None,
            });
        }
    }
}

/// The component that a client of Jakarta REST is, whoever makes it.
pub(super) const REST: &str = "jakarta-rest-client";

/// The component that the JDK's client is.
pub(super) const JDK: &str = "java-http-client";

/// A setting of a client of Jakarta REST at a place.
fn set(code: &Code<'_>, at: usize) -> Option<Written> {
    if code.are(at, &[".", "property", "("]) {
        let (open, close) = (at + 2, code.closing(at + 2));
        let name = code.get(open + 1).filter(|it| it.kind == Kind::Text)?;
        let (_, setting) = PROPERTIES.iter().find(|(known, _)| *known == name.text)?;
        let first = code.end_of_part(open + 1, close) + 1;
        return Some(Written {
            component: REST,
            setting,
            value: value(code, first, close.checked_sub(1)?, Unit::MillisOrOff),
            at: code.span(at + 1, close),
        });
    }
    let name = code.word(at + 1).filter(|_| code.is(at, "."))?;
    let (_, setting) = METHODS.iter().find(|(known, _)| *known == name)?;
    let (open, close) = (at + 2, code.closing(at + 2));
    let comma = code.end_of_part(open + 1, close);
    let unit = unit_of(code, comma + 1)?;
    let number = code.product(open + 1, comma.checked_sub(1)?);
    Some(Written {
        component: REST,
        setting,
        value: match number {
            Some((0.0, _)) => Value::Off,
            Some((number, _)) => time(number, unit),
            None => Value::Open(format!("the argument of {name}")),
        },
        at: code.span(at + 1, close),
    })
}

/// `TimeUnit.SECONDS` in nanoseconds.
fn unit_of(code: &Code<'_>, at: usize) -> Option<i64> {
    let word = if code.are(at, &["TimeUnit", "."]) {
        code.word(at + 2)
    } else {
        code.word(at)
    };
    Some(match word? {
        "MILLISECONDS" => MILLI,
        "SECONDS" => SECOND,
        "MINUTES" => 60 * SECOND,
        _ => return None,
    })
}

/// The calls that follow one another behind a bracket: their names and brackets.
fn chain<'t>(code: &Code<'t>, open: usize) -> Vec<(&'t str, usize)> {
    let mut calls = Vec::new();
    let mut close = code.closing(open);
    while code.is(close + 1, ".") && code.is(close + 3, "(") {
        let Some(name) = code.word(close + 2) else {
            break;
        };
        calls.push((name, close + 3));
        close = code.closing(close + 3);
    }
    calls
}

/// The expression that is the only argument of a call, with its place.
fn argument(code: &Code<'_>, open: usize) -> Option<(Expr, ww_base::SourceSpan)> {
    let last = code.closing(open).checked_sub(1)?;
    let expr = Expr::of(code, open + 1, last);
    (!expr.is_open()).then(|| (expr, code.span(open + 1, last)))
}

/// A setting whose value is a `Duration.ofSeconds(…)`.
fn lasting(code: &Code<'_>, open: usize, setting: &'static str) -> Option<Written> {
    let close = code.closing(open);
    let is_duration = code.are(open + 1, &["Duration", "."]) && code.is(open + 4, "(");
    let unit = match code.word(open + 3).filter(|_| is_duration) {
        Some("ofMillis") => Some(MILLI),
        Some("ofSeconds") => Some(SECOND),
        Some("ofMinutes") => Some(60 * SECOND),
        _ => None,
    };
    let number = code.product(open + 5, code.closing(open + 4).checked_sub(1)?);
    Some(Written {
        component: JDK,
        setting,
        value: match (unit, number) {
            (Some(unit), Some((number, _))) => time(number, unit),
            _ => Value::Open(format!("the {setting} of the request")),
        },
        at: code.span(open.checked_sub(1)?, close),
    })
}
