//! Spring Cloud Gateway: each route is a call.

use super::properties::{Properties, canonical};
use super::resilience;
use crate::service::Intake;
use crate::service::address::parse;
use ww_base::{Setting, SourceSpan, Span};
use ww_model::service::{
    Backoff, Breaker, Call, ClientSide, Methods, Passive, Product, Protocol, Retry, RetryOn,
    Target, WrittenMatch,
};

/// Where the gateway's properties stand, the newest name first.
const ROOTS: [&str; 2] = [
    "spring.cloud.gateway.server.webflux",
    "spring.cloud.gateway",
];

/// A filter of a route, or of all of them.
struct Filter {
    at: SourceSpan,
    name: String,
    /// The name before its arguments, where they have names.
    args: Option<String>,
    /// Arguments between commas, where it is written on one line.
    short: Vec<String>,
}

/// Whether there are routes.
pub(super) fn is_there(properties: &Properties) -> bool {
    root(properties).is_some()
}

fn root(properties: &Properties) -> Option<&'static str> {
    let has = |root: &&str| properties.has(&format!("{root}.routes["));
    ROOTS.into_iter().find(has)
}

/// A call for each route.
pub(super) fn calls(properties: &Properties, intake: &mut Intake<'_>) -> Vec<Call> {
    let Some(root) = root(properties) else {
        return Vec::new();
    };
    let product = intake.product("spring-cloud-gateway", "");
    let common = filters(properties, &format!("{root}.defaultfilters"));
    let mut calls = Vec::new();
    for index in 0.. {
        let route = format!("{root}.routes[{index}]");
        let Some(at) = properties.extent(&format!("{route}.")) else {
            break;
        };
        let mut side = client_side(properties, root, &route, &product, intake);
        let own = filters(properties, &format!("{route}.filters"));
        for filter in common.iter().chain(&own) {
            apply(filter, properties, &product, &mut side, intake);
        }
        if let Some(call) = call(properties, &route, at, side) {
            calls.push(call);
        }
    }
    calls
}

fn call(properties: &Properties, route: &str, at: SourceSpan, side: ClientSide) -> Option<Call> {
    let uri = properties.get(&format!("{route}.uri"))?;
    let id = properties.get(&format!("{route}.id"));
    let (host, port) = match uri.value.split_once("://") {
        Some(("lb", name)) => (name.to_owned(), None),
        _ => parse(&uri.value).map_or((String::new(), None), |it| (it.host, it.port)),
    };
    let predicates = properties.list(&format!("{route}.predicates"));
    let path = predicates
        .iter()
        .find(|(text, _)| text.starts_with("Path="));
    let is_socket = uri.value.starts_with("ws");
    Some(Call {
        at,
        name: id.map_or_else(|| host.clone(), |it| it.value.clone()),
        matches: path.map(|(text, at)| WrittenMatch {
            at: *at,
            text: text.trim_start_matches("Path=").to_owned(),
        }),
        from: vec![0],
        to: vec![Target {
            at: uri.at,
            host,
            port,
            is_backup: false,
            resolves_again: Setting::default(),
            subset: None,
        }],
        protocol: if is_socket {
            Protocol::WebSocket
        } else {
            Protocol::Http
        },
        streams: Setting::default(),
        side,
        picking: Setting::default(),
        checks: Vec::new(),
        passive: Passive::default(),
        tls: None,
    })
}

/// Timers and pool: of all routes, and what the metadata of one says (times there are milliseconds).
fn client_side(
    properties: &Properties,
    root: &str,
    route: &str,
    product: &Product,
    intake: &mut Intake<'_>,
) -> ClientSide {
    let client = |end: &str| format!("{root}.httpclient.{end}");
    let own = |end: &str| format!("{route}.metadata.{end}");
    let defaults = intake.defaults;
    let time = |name: String, default: &str, intake: &mut Intake<'_>| {
        let default = defaults.time(product, default);
        properties.time(&name, intake).or(default)
    };
    let connect = properties.time(&own("connecttimeout"), intake);
    let response = properties.time(&own("responsetimeout"), intake);
    let connect_all = time(
        client("connecttimeout"),
        "httpclient.connect-timeout",
        intake,
    );
    let response_all = time(
        client("responsetimeout"),
        "httpclient.response-timeout",
        intake,
    );
    ClientSide {
        connect: connect.or(connect_all),
        first_byte: response.or(response_all),
        keepalive_idle: time(
            client("pool.maxidletime"),
            "httpclient.pool.max-idle-time",
            intake,
        ),
        max_lifetime: time(
            client("pool.maxlifetime"),
            "httpclient.pool.max-life-time",
            intake,
        ),
        pool_wait: time(
            client("pool.acquiretimeout"),
            "httpclient.pool.acquire-timeout",
            intake,
        ),
        pool_per_target: properties.number(&client("pool.maxconnections"), intake),
        ..ClientSide::default()
    }
}

/// The filters of a list, each on one line (`Retry=3`) or with named arguments.
fn filters(properties: &Properties, list: &str) -> Vec<Filter> {
    let mut filters = Vec::new();
    for index in 0.. {
        let entry = format!("{list}[{index}]");
        let named = properties.get(&format!("{entry}.name"));
        let filter = match (named, properties.get(&entry)) {
            (Some(name), _) => Filter {
                at: properties.extent(&entry).unwrap_or(name.at),
                name: name.value.clone(),
                args: Some(format!("{entry}.args")),
                short: Vec::new(),
            },
            (None, Some(line)) => {
                let (name, short) = line.value.split_once('=').unwrap_or((&line.value, ""));
                Filter {
                    at: line.at,
                    name: name.to_owned(),
                    args: None,
                    short: short.split(',').map(str::to_owned).collect(),
                }
            }
            (None, None) => break,
        };
        filters.push(filter);
    }
    filters
}

fn apply(
    filter: &Filter,
    properties: &Properties,
    product: &Product,
    side: &mut ClientSide,
    intake: &mut Intake<'_>,
) {
    match filter.name.as_str() {
        "Retry" => side.retry = retry(filter, properties, product, intake),
        "CircuitBreaker" => {
            let written = filter.args.as_ref();
            let written = written.and_then(|args| properties.get(&format!("{args}.fallbackuri")));
            let short = filter
                .short
                .iter()
                .find_map(|it| it.strip_prefix("fallbackUri="));
            let fallback = written.map(|it| (it.value.clone(), it.at));
            side.breaker = Breaker {
                at: Some(filter.at),
                fallback: fallback.or(short.map(|it| (it.to_owned(), filter.at))),
                ..Breaker::default()
            };
            if let Some(name) = breaker(filter, properties) {
                resilience::apply(properties, &name, side, intake);
            }
        }
        _ => {}
    }
}

/// The name of a breaker that a filter uses.
fn breaker(filter: &Filter, properties: &Properties) -> Option<String> {
    let args = filter.args.as_ref();
    let named = args.and_then(|args| properties.get(&format!("{args}.name")));
    let short = filter.short.first().filter(|it| !it.contains('='));
    let name = named.map(|it| it.value.as_str());
    name.or(short.map(String::as_str)).map(canonical)
}

/// The names of all breakers that routes use.
pub(super) fn breakers(properties: &Properties) -> Vec<String> {
    let Some(root) = root(properties) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    let routes = (0..).map(|index| format!("{root}.routes[{index}]"));
    let routes = routes.take_while(|route| properties.has(&format!("{route}.")));
    let lists = routes.map(|route| format!("{route}.filters"));
    for list in lists.chain([format!("{root}.defaultfilters")]) {
        let filters = filters(properties, &list);
        let breakers = filters.iter().filter(|it| it.name == "CircuitBreaker");
        names.extend(breakers.filter_map(|it| breaker(it, properties)));
    }
    names
}

/// Pauses between tries: those that are written; without, there are none.
fn backoff(
    args: &str,
    properties: &Properties,
    product: &Product,
    intake: &mut Intake<'_>,
) -> Setting<Backoff> {
    let of = |end: &str| format!("{args}.backoff.{end}");
    let first = properties.time(&of("firstbackoff"), intake);
    let longest = properties.time(&of("maxbackoff"), intake);
    let factor = properties.number(&of("factor"), intake);
    let factor = factor.value().map_or(2.0, |factor| *factor as f64);
    let jitter = properties.has(&format!("{args}.jitter."));
    let none = intake.defaults.time(product, "Retry.backoff");
    first.or(none).map(|first| Backoff {
        first,
        longest: longest.value().copied().unwrap_or_else(|| first.times(10)),
        factor,
        jitter,
    })
}

/// The filter Retry: any 5xx and broken connections, besides the statuses that are given (Spring
/// Cloud Gateway, "Retry GatewayFilter Factory").
fn retry(
    filter: &Filter,
    properties: &Properties,
    product: &Product,
    intake: &mut Intake<'_>,
) -> Retry {
    let default = intake.defaults.number(product, "Retry.retries");
    let word = intake.defaults.word(product, "Retry.methods");
    let get_only = word.map(|_| Methods::Safe);
    let Some(args) = &filter.args else {
        let retries = filter
            .short
            .first()
            .and_then(|it| it.trim().parse::<u64>().ok());
        let retries = retries.map_or_else(Setting::default, |it| Setting::set(it, filter.at));
        let is_alone = filter.short.len() < 3;
        return Retry {
            attempts: retries.or(default).map(|it| it.saturating_add(1)),
            methods: if is_alone {
                get_only
            } else {
                Setting::default()
            },
            ..Retry::default()
        };
    };
    let retries = properties
        .number(&format!("{args}.retries"), intake)
        .or(default);
    let methods = properties.list(&format!("{args}.methods"));
    let methods = match methods.first() {
        Some((_, at)) => Setting::set(worst(methods.iter().map(|(word, _)| *word)), *at),
        None => get_only,
    };
    let statuses = properties.list(&format!("{args}.statuses"));
    let has_series = properties.has(&format!("{args}.series"));
    let mut on: Vec<RetryOn> = statuses
        .iter()
        .filter_map(|(word, _)| status(word))
        .collect();
    if !has_series {
        on.push(RetryOn::ServerError);
    }
    if !properties.has(&format!("{args}.exceptions")) {
        on.extend([RetryOn::Connect, RetryOn::Reset, RetryOn::Timeout]);
    }
    let is_whole = on.len() > statuses.len() && !has_series;
    Retry {
        attempts: retries.map(|it| it.saturating_add(1)),
        on: if is_whole {
            Setting::set(on, filter.at)
        } else {
            Setting::default()
        },
        methods,
        backoff: backoff(args, properties, product, intake),
        per_try: Setting::<Span>::default(),
        ..Retry::default()
    }
}

/// What the methods together mean for requests that may have been carried out.
fn worst<'w>(words: impl Iterator<Item = &'w str>) -> Methods {
    let meaning = |word: &str| match word.to_ascii_uppercase().as_str() {
        "GET" | "HEAD" | "OPTIONS" | "TRACE" => Methods::Safe,
        "PUT" | "DELETE" => Methods::Idempotent,
        _ => Methods::All,
    };
    words.map(meaning).max().unwrap_or_default()
}

/// A status by its number or by its name in Spring (`HttpStatus`).
fn status(word: &str) -> Option<RetryOn> {
    let number = match word.to_ascii_uppercase().as_str() {
        "REQUEST_TIMEOUT" => 408,
        "TOO_MANY_REQUESTS" => 429,
        "INTERNAL_SERVER_ERROR" => 500,
        "BAD_GATEWAY" => 502,
        "SERVICE_UNAVAILABLE" => 503,
        "GATEWAY_TIMEOUT" => 504,
        other => other.parse().ok().filter(|it| (100..600).contains(it))?,
    };
    Some(RetryOn::Status(number))
}
