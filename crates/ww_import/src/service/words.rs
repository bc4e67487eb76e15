//! Words of Envoy, which Istio and gateways take over: conditions of retries, versions of TLS.

use ww_base::Order;
use ww_model::service::{Methods, RetryOn, TlsVersion};

/// What the conditions of a retry mean, separated by commas, with the words that are not known.
/// `retriable-status-codes` stands for the statuses that are given beside it (Envoy, "Router",
/// x-envoy-retry-on and x-envoy-retry-grpc-on). A status by its number is Istio's.
pub(crate) fn retry_on<'t>(text: &'t str, statuses: &[u16]) -> (Vec<RetryOn>, Vec<&'t str>) {
    let mut on = Vec::new();
    let mut unknown = Vec::new();
    for word in text.split(',').map(str::trim) {
        match retry_word(word, statuses) {
            Some(conditions) => on.extend(conditions),
            None => unknown.push(word),
        }
    }
    on.put_in_order();
    on.dedup();
    (on, unknown)
}

fn retry_word(word: &str, statuses: &[u16]) -> Option<Vec<RetryOn>> {
    use RetryOn::{Connect, Grpc, Refused, Reset, ServerError, Status, Timeout};
    let broken = [Connect, Refused, Reset, Timeout];
    let with = |more: &[RetryOn]| [broken.as_slice(), more].concat();
    Some(match word {
        "5xx" => with(&[ServerError]),
        "gateway-error" => with(&[Status(502), Status(503), Status(504)]),
        "reset" => broken.to_vec(),
        "connect-failure" | "reset-before-request" | "http3-post-connect-failure" => vec![Connect],
        "refused-stream" => vec![Refused],
        "retriable-4xx" => vec![Status(409)],
        "retriable-status-codes" => statuses.iter().copied().map(Status).collect(),
        "cancelled" => vec![Grpc(1)],
        "deadline-exceeded" => vec![Grpc(4)],
        "resource-exhausted" => vec![Grpc(8)],
        "internal" => vec![Grpc(13)],
        "unavailable" => vec![Grpc(14)],
        "" | "envoy-ratelimited" | "retriable-headers" => Vec::new(),
        _ => vec![Status(
            word.parse().ok().filter(|it| (100..600).contains(it))?,
        )],
    })
}

/// Which requests are sent again when they meet a connection that the server has closed: those of
/// all methods when a broken connection is a condition, as conditions do not look at methods.
pub(crate) fn on_stale(on: Option<&Vec<RetryOn>>) -> Methods {
    let has = on.is_some_and(|on| on.contains(&RetryOn::Reset));
    if has { Methods::All } else { Methods::None }
}

/// The versions of TLS from one word to another, both included.
pub(crate) fn tls_versions(least: &str, most: &str) -> Option<Vec<TlsVersion>> {
    let (least, most) = (tls_version(least)?, tls_version(most)?);
    let all = [
        TlsVersion::Tls10,
        TlsVersion::Tls11,
        TlsVersion::Tls12,
        TlsVersion::Tls13,
    ];
    Some(
        all.into_iter()
            .filter(|version| (least..=most).contains(version))
            .collect(),
    )
}

/// A version of TLS, as Envoy, Istio (`TLSV1_2`) and gateways (`1.2`) write it.
pub(crate) fn tls_version(word: &str) -> Option<TlsVersion> {
    match word.to_ascii_uppercase().trim_start_matches("TLSV") {
        "1_0" | "1.0" | "1" => Some(TlsVersion::Tls10),
        "1_1" | "1.1" => Some(TlsVersion::Tls11),
        "1_2" | "1.2" => Some(TlsVersion::Tls12),
        "1_3" | "1.3" => Some(TlsVersion::Tls13),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_a_retry_say_what_is_tried_again() {
        let (on, unknown) = retry_on("connect-failure, retriable-status-codes,429,x", &[503]);
        assert_eq!(
            on,
            [RetryOn::Connect, RetryOn::Status(429), RetryOn::Status(503)]
        );
        assert_eq!(unknown, ["x"]);
        assert_eq!(on_stale(Some(&on)), Methods::None);
        assert_eq!(on_stale(Some(&retry_on("5xx", &[]).0)), Methods::All);
        assert_eq!(on_stale(None), Methods::None);
    }

    #[test]
    fn versions_of_tls_are_a_range() {
        let versions = tls_versions("TLSv1_2", "TLSV1_3").unwrap();
        assert_eq!(versions, [TlsVersion::Tls12, TlsVersion::Tls13]);
        assert_eq!(tls_versions("TLS_AUTO", "TLSV1_3"), None);
    }
}
