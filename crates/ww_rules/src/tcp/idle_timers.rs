//! Idle timeouts that products have unless told otherwise.

use ww_base::Span;

/// Seconds of quiet, and whose timer that is.
const DEFAULTS: &[(i64, &str)] = &[
    (2, "gunicorn's keepalive"),
    (5, "Node.js' keepAliveTimeout and Apache's KeepAliveTimeout"),
    (20, "Tomcat's connectionTimeout"),
    (60, "AWS Application Load Balancer's idle timeout"),
    (65, "nginx's keepalive_timeout as packaged"),
    (75, "nginx's keepalive_timeout"),
    (120, "IIS' connection timeout"),
    (240, "Azure Load Balancer's idle timeout"),
    (300, "a common firewall's idle timeout"),
    (
        350,
        "AWS Network Load Balancer's and NAT gateway's idle timeout",
    ),
    (600, "Google Cloud's idle timeout"),
    (900, "a common firewall's idle timeout"),
    (1200, "Google Cloud NAT's idle timeout"),
    (1800, "a common firewall's idle timeout"),
    (3600, "a common firewall's idle timeout"),
];

/// Whose default a quiet of this length is.
pub(super) fn known(idle: Span) -> Option<&'static str> {
    DEFAULTS
        .iter()
        .find(|(seconds, _)| {
            let off = (idle.as_secs() - *seconds as f64).abs();
            off <= (*seconds as f64 * 0.02).clamp(0.1, 2.0)
        })
        .map(|&(_, whose)| whose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_is_a_default_only_when_it_is_close() {
        assert!(known(Span::from_millis(5_050)).is_some_and(|whose| whose.contains("Node.js")));
        assert!(known(Span::from_millis(350_900)).is_some_and(|whose| whose.contains("Network")));
        assert_eq!(known(Span::from_millis(5_400)), None);
        assert_eq!(known(Span::from_secs(42)), None);
    }
}
