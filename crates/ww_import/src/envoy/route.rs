//! Routes: which requests go to which cluster, for how long and how often.

use super::program::{Draft, Pending};
use super::{below, known, list, of, product, text_of};
use crate::document::View;
use crate::service::written::{Entry, lacking, zero_is_off};
use crate::service::{Intake, Notation, words};
use ww_base::{Gap, Setting, SourceSpan, Sourced, Span};
use ww_model::service::{Backoff, ClientSide, Methods, Protocol, Retry, RetryOn, WrittenMatch};

/// What routes take over from above: upgrades of the connection manager, retries of the virtual
/// host.
#[derive(Clone, Copy)]
struct Above<'t> {
    manager: Option<View<'t>>,
    host: View<'t>,
}

/// Reads the routes of a configuration; without listeners those that ask for it by name have it.
pub(super) fn configuration(
    view: View<'_>,
    listeners: &[(usize, View<'_>)],
    draft: &mut Draft,
    intake: &mut Intake<'_>,
) {
    let from: Vec<usize> = listeners.iter().map(|(index, _)| *index).collect();
    let name = text_of(view, &["name"]).filter(|_| from.is_empty());
    for host in list(view, "virtual_hosts") {
        let above = Above {
            manager: listeners.first().map(|(_, manager)| *manager),
            host,
        };
        for route in list(host, "routes") {
            known::keys(route, "a route of Envoy", &known::ROUTE, intake);
            let pending = pending(route, above, intake).map(|pending| Pending {
                configuration: name.map(str::to_owned),
                call: ww_model::service::Call {
                    from: from.clone(),
                    ..pending.call
                },
                ..pending
            });
            draft.routes.extend(pending);
        }
    }
}

fn pending(route: View<'_>, above: Above<'_>, intake: &mut Intake<'_>) -> Option<Pending> {
    let matches = matches(route);
    let Some(action) = below(route, &["route"]) else {
        let answers = ["direct_response", "redirect"];
        let (at, _) = answers.iter().find_map(|key| of(route, &[key]))?;
        let path = matches.map(|matches| matches.text).unwrap_or_default();
        return Some(Pending {
            call: super::listener::call(route.at(), Vec::new(), Protocol::Http),
            clusters: Vec::new(),
            configuration: None,
            own_answer: Some((path, at)),
        });
    };
    known::keys(
        action,
        "the action of a route of Envoy",
        &known::ACTION,
        intake,
    );
    let room = action.room("route", route.at());
    intake.services.rooms.extend(room);
    let clusters = clusters(action);
    let is_grpc = below(route, &["match", "grpc"]).is_some();
    let protocol = if is_grpc {
        Protocol::Grpc
    } else {
        Protocol::Http
    };
    let mut call = super::listener::call(route.at(), Vec::new(), protocol);
    call.name = names(&clusters);
    call.matches = matches;
    call.streams = streams(action);
    call.side = side(action, above, intake);
    Some(Pending {
        call,
        clusters,
        configuration: None,
        own_answer: None,
    })
}

/// The clusters that an action names; one that a header names is not known.
pub(super) fn clusters(action: View<'_>) -> Vec<(String, SourceSpan)> {
    let named = |view, key: &str| {
        let (at, name) = of(view, &[key])?;
        Some((name.text()?.to_owned(), at))
    };
    if let Some(one) = named(action, "cluster") {
        return vec![one];
    }
    let Some(weighted) = below(action, &["weighted_clusters"]) else {
        return Vec::new();
    };
    let parts = list(weighted, "clusters").into_iter();
    let parts = parts.filter(|part| text_of(*part, &["weight"]) != Some("0"));
    parts.filter_map(|part| named(part, "name")).collect()
}

/// The names of clusters, as reports call a call.
pub(super) fn names(clusters: &[(String, SourceSpan)]) -> String {
    let names: Vec<&str> = clusters.iter().map(|(name, _)| name.as_str()).collect();
    names.join(", ")
}

fn matches(route: View<'_>) -> Option<WrittenMatch> {
    let (at, conditions) = of(route, &["match"])?;
    let paths = ["prefix", "path", "path_separated_prefix"];
    let path = paths.iter().find_map(|key| text_of(conditions, &[key]));
    let path = path.or_else(|| text_of(conditions, &["safe_regex", "regex"]));
    let words = conditions.entries().map(|(key, _)| key);
    let text = path.map_or_else(|| words.collect::<Vec<_>>().join(", "), str::to_owned);
    Some(WrittenMatch { at, text })
}

/// Where an upgrade to WebSocket is allowed, in an action or a connection manager.
fn websocket(view: View<'_>) -> Option<Setting<bool>> {
    let mut upgrades = list(view, "upgrade_configs").into_iter();
    let upgrade = upgrades.find(|upgrade| {
        let word = text_of(*upgrade, &["upgrade_type"]);
        word.is_some_and(|word| word.eq_ignore_ascii_case("websocket"))
    })?;
    let is_off = text_of(upgrade, &["enabled"]) == Some("false");
    Some(Setting::set(!is_off, upgrade.at()))
}

/// A route that allows an upgrade of its own is one for streams.
fn streams(action: View<'_>) -> Setting<bool> {
    match websocket(action) {
        Some(Setting::Set(Sourced { value: true, at })) => {
            Setting::Set(Sourced { value: true, at })
        }
        _ => Setting::default(),
    }
}

fn side(action: View<'_>, above: Above<'_>, intake: &mut Intake<'_>) -> ClientSide {
    let product = product();
    let defaults = intake.defaults;
    let default = defaults.time(&product, "route.timeout");
    let total = intake.time(of(action, &["timeout"]), Notation::Protobuf, default);
    let idle = of(action, &["idle_timeout"]);
    let idle = intake.time(idle, Notation::Protobuf, Setting::default());
    let upgrade = websocket(action).or_else(|| above.manager.and_then(websocket));
    let policy = of(action, &["retry_policy"]).or_else(|| of(above.host, &["retry_policy"]));
    let mut retry = retry(policy, intake);
    if let Some((_, hedges)) = of(action, &["hedge_policy"])
        && below(hedges, &["hedge_on_per_try_timeout"]).and_then(View::text) == Some("true")
    {
        retry.per_try = Setting::Unknown(Gap::new(
            "how long one try takes where `hedge_on_per_try_timeout` lets it go on beside the next",
            "a statement in wirewise.toml",
        ));
    }
    ClientSide {
        total: zero_is_off(total),
        stream_idle: zero_is_off(idle),
        on_stale: words::on_stale(retry.on.value()),
        retry,
        passes_upgrade: upgrade.unwrap_or_else(|| defaults.flag(&product, "upgrade_configs")),
        ..ClientSide::default()
    }
}

/// Retries; without a policy there are none.
fn retry(policy: Entry<'_>, intake: &mut Intake<'_>) -> Retry {
    let product = product();
    let defaults = intake.defaults;
    let Some((_, view)) = policy else {
        let none = defaults.number(&product, "retry_policy");
        return Retry {
            attempts: none.map(|count| count.saturating_add(1)),
            ..Retry::default()
        };
    };
    known::keys(view, "a retry_policy of Envoy", &known::RETRY, intake);
    let one = defaults.number(&product, "retry_policy.num_retries");
    let again = intake.number(of(view, &["num_retries"]), one);
    let none = defaults.time(&product, "retry_policy.per_try_timeout");
    let per_try = of(view, &["per_try_timeout"]);
    let per_try = intake.time(per_try, Notation::Protobuf, none);
    let heeds = defaults.flag(&product, "retry_policy.rate_limited_retry_back_off");
    let elsewhere = defaults.flag(&product, "retry_policy.retry_host_predicate");
    let is_there = |key: &str, default: Setting<bool>| match of(view, &[key]) {
        Some((at, _)) => Setting::set(true, at),
        None => default,
    };
    Retry {
        attempts: again.map(|count| count.saturating_add(1)),
        on: conditions(view, intake),
        methods: defaults
            .word(&product, "retry_policy.methods")
            .map(|_| Methods::All),
        per_try: zero_is_off(per_try),
        until: lacking("Envoy begins tries until the route's timeout"),
        backoff: backoff(view, intake),
        budget_percent: Setting::default(),
        at_once: Setting::default(),
        tries_each_address: lacking(
            "Envoy tries as often as the policy says, however many addresses there are",
        ),
        elsewhere: is_there("retry_host_predicate", elsewhere),
        heeds_retry_after: is_there("rate_limited_retry_back_off", heeds),
    }
}

fn conditions(view: View<'_>, intake: &mut Intake<'_>) -> Setting<Vec<RetryOn>> {
    let Some((at, value)) = of(view, &["retry_on"]) else {
        return Setting::default();
    };
    let statuses = below(view, &["retriable_status_codes"]).into_iter();
    let statuses = statuses.flat_map(View::items);
    let statuses: Vec<u16> = statuses.filter_map(|it| it.text()?.parse().ok()).collect();
    let (on, unknown) = words::retry_on(value.text().unwrap_or_default(), &statuses);
    for word in unknown {
        intake.unsupported(at, format!("wirewise does not know `{word}` of retry_on"));
    }
    Setting::set(on, at)
}

/// Pauses: from the base interval on, doubled, a random part of them, up to ten times the base
/// unless another bound is written.
fn backoff(view: View<'_>, intake: &mut Intake<'_>) -> Setting<Backoff> {
    let default = intake
        .defaults
        .time(&product(), "retry_back_off.base_interval");
    let base = of(view, &["retry_back_off", "base_interval"]);
    let base = intake.time(base, Notation::Protobuf, default);
    let longest = of(view, &["retry_back_off", "max_interval"]);
    let longest = intake.time(longest, Notation::Protobuf, Setting::default());
    base.map(|first: Span| Backoff {
        first,
        longest: longest.value().copied().unwrap_or_else(|| first.times(10)),
        factor: 2.0,
        jitter: true,
    })
}
