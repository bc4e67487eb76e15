//! The endpoint as people write it: a URL, or a host and a port.

use std::fmt;
use ww_evidence::transcript::{Service, Target};

/// Why a text names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetError {
    /// The text.
    pub written: String,
    /// What is wrong with it, and what would be right.
    pub why: String,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` names no endpoint: {}", self.written, self.why)
    }
}

impl std::error::Error for TargetError {}

/// Schemes with what they stand for and their usual port.
const SCHEMES: [(&str, Service, u16); 23] = [
    ("http", Service::Http, 80),
    ("https", Service::Https, 443),
    ("ws", Service::Ws, 80),
    ("wss", Service::Wss, 443),
    ("grpc", Service::Grpc, 80),
    ("grpcs", Service::Grpcs, 443),
    ("tcp", Service::Tcp, 0),
    ("tls", Service::Tls, 443),
    ("stun", Service::Stun, 3478),
    ("postgres", Service::Postgres, 5432),
    ("postgresql", Service::Postgres, 5432),
    ("mysql", Service::Mysql, 3306),
    ("redis", Service::Redis, 6379),
    ("smtp", Service::Smtp, 25),
    ("imap", Service::Imap, 143),
    ("imaps", Service::Tls, 993),
    ("pop3", Service::Pop3, 110),
    ("pop3s", Service::Tls, 995),
    ("ldap", Service::Ldap, 389),
    ("ldaps", Service::Tls, 636),
    ("ssh", Service::Ssh, 22),
    ("dns", Service::Dns, 53),
    ("mariadb", Service::Mysql, 3306),
];

/// What is usually spoken on a port that is named without a scheme.
const PORTS: [(u16, Service); 20] = [
    (22, Service::Ssh),
    (25, Service::Smtp),
    (53, Service::Dns),
    (80, Service::Http),
    (110, Service::Pop3),
    (143, Service::Imap),
    (389, Service::Ldap),
    (443, Service::Https),
    (587, Service::Smtp),
    (636, Service::Tls),
    (993, Service::Tls),
    (995, Service::Tls),
    (3000, Service::Http),
    (3306, Service::Mysql),
    (3478, Service::Stun),
    (5432, Service::Postgres),
    (6379, Service::Redis),
    (8000, Service::Http),
    (8080, Service::Http),
    (8443, Service::Https),
];

/// Reads `https://host:port/path`, `host:port`, `[2001:db8::1]:443` or a bare host, which stands for
/// HTTPS.
///
/// # Errors
///
/// An unknown scheme, an empty host, a port that is no number from 1 to 65535.
pub fn parse_target(written: &str) -> Result<Target, TargetError> {
    let wrong = |why: String| TargetError {
        written: written.to_owned(),
        why,
    };
    let (scheme, rest) = match written.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, written),
    };
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let (host, port) = host_and_port(authority).map_err(&wrong)?;
    if host.is_empty() {
        return Err(wrong(
            "there is no host; write it like https://api.example.com or db.internal:5432"
                .to_owned(),
        ));
    }
    let (service, usual) = match &scheme {
        Some(scheme) => SCHEMES
            .iter()
            .find(|(name, _, _)| name == scheme)
            .map(|&(_, service, port)| (service, port))
            .ok_or_else(|| {
                let known: Vec<&str> = SCHEMES.iter().map(|(name, _, _)| *name).collect();
                wrong(format!(
                    "the scheme {scheme} is not known; known are {}",
                    known.join(", ")
                ))
            })?,
        None => match port {
            Some(port) => (
                PORTS
                    .iter()
                    .find(|(known, _)| *known == port)
                    .map_or(Service::Tcp, |(_, service)| *service),
                port,
            ),
            None => (Service::Https, 443),
        },
    };
    let port = port.unwrap_or(usual);
    if port == 0 {
        return Err(wrong(
            "there is no port; write it like tcp://host:5432".to_owned(),
        ));
    }
    let path = path.split('#').next().unwrap_or_default();
    Ok(Target {
        written: written.to_owned(),
        service,
        host: host.trim_end_matches('.').to_ascii_lowercase(),
        port,
        path: if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        },
    })
}

/// A host and the port behind it, where one is written.
pub(crate) fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, behind) = rest
            .split_once(']')
            .ok_or("the bracket around the address is not closed")?;
        (host, behind.strip_prefix(':'))
    } else if authority.matches(':').count() > 1 {
        // A bare IPv6 address.
        (authority, None)
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let Some(port) = port else {
        return Ok((host, None));
    };
    match port.parse() {
        Ok(0) | Err(_) => Err(format!("`{port}` is no port from 1 to 65535")),
        Ok(port) => Ok((host, Some(port))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_endpoints_in_many_ways() {
        let cases = [
            (
                "https://api.example.com",
                Service::Https,
                "api.example.com",
                443,
                "/",
            ),
            (
                "http://a.example:8080/x?y=1#z",
                Service::Http,
                "a.example",
                8080,
                "/x?y=1",
            ),
            (
                "db.internal:5432",
                Service::Postgres,
                "db.internal",
                5432,
                "/",
            ),
            (
                "grpc://Svc.Example.:50051",
                Service::Grpc,
                "svc.example",
                50051,
                "/",
            ),
            (
                "wss://u:p@h.example/ws",
                Service::Wss,
                "h.example",
                443,
                "/ws",
            ),
            (
                "[2001:db8::1]:8443",
                Service::Https,
                "2001:db8::1",
                8443,
                "/",
            ),
            ("2001:db8::1", Service::Https, "2001:db8::1", 443, "/"),
            ("example.com", Service::Https, "example.com", 443, "/"),
            (
                "https://a.example?q",
                Service::Https,
                "a.example",
                443,
                "/?q",
            ),
            ("10.0.0.1:9999", Service::Tcp, "10.0.0.1", 9999, "/"),
            (
                "imap://mail.example",
                Service::Imap,
                "mail.example",
                143,
                "/",
            ),
            ("mail.example:995", Service::Tls, "mail.example", 995, "/"),
            ("ldaps://dir.example", Service::Tls, "dir.example", 636, "/"),
        ];
        for (written, service, host, port, path) in cases {
            let target = parse_target(written).expect(written);
            assert_eq!(
                (
                    target.service,
                    target.host.as_str(),
                    target.port,
                    target.path.as_str()
                ),
                (service, host, port, path),
                "{written}"
            );
        }
    }

    #[test]
    fn what_names_no_endpoint_is_told_why() {
        let cases = [
            ("ftp://a.example", "scheme ftp is not known"),
            ("https://", "no host"),
            ("a.example:0", "no port from 1"),
            ("a.example:99999", "no port from 1"),
            ("[2001:db8::1", "not closed"),
            ("tcp://a.example", "there is no port"),
        ];
        for (written, why) in cases {
            let error = parse_target(written).expect_err(written);
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
