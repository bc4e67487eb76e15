//! Addresses of others in texts and variables.

use ww_base::{Locus, Setting, SourceSpan, Sourced};
use ww_model::service::{Call, ClientSide, Passive, Protocol, Target};

/// Where somebody is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) protocol: Protocol,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

/// Schemes, what is spoken, and the usual port.
const SCHEMES: &[(&str, Protocol, u16)] = &[
    ("http", Protocol::Http, 80),
    ("https", Protocol::Http, 443),
    ("ws", Protocol::WebSocket, 80),
    ("wss", Protocol::WebSocket, 443),
    ("grpc", Protocol::Grpc, 0),
    ("postgres", Protocol::Postgres, 5432),
    ("postgresql", Protocol::Postgres, 5432),
    ("mysql", Protocol::Mysql, 3306),
    ("mariadb", Protocol::Mysql, 3306),
    ("redis", Protocol::Redis, 6379),
    ("rediss", Protocol::Redis, 6379),
    ("mongodb", Protocol::Mongo, 27017),
    ("amqp", Protocol::Broker, 5672),
    ("amqps", Protocol::Broker, 5671),
    ("kafka", Protocol::Broker, 9092),
];

/// Parts of the names of variables whose addresses are told to others, not called.
const NOT_CALLED: [&str; 12] = [
    "ORIGIN",
    "ALLOW",
    "CORS",
    "PUBLIC",
    "REDIRECT",
    "CALLBACK",
    "ADVERTISE",
    "LISTEN",
    "EXTERNAL",
    "PROXY",
    "BIND",
    "ISSUER",
];

/// The address that a text is; none when it is no address, when a variable is its host, or when it
/// is the caller's own machine.
pub(crate) fn parse(text: &str) -> Option<Address> {
    let text = text.trim().trim_start_matches("jdbc:");
    let (scheme, behind) = text.split_once("://")?;
    let scheme = scheme.split('+').next()?.to_ascii_lowercase();
    let (_, protocol, usual) = SCHEMES.iter().find(|(known, ..)| *known == scheme)?;
    let end = behind.find(['/', '?', '#', ',']).unwrap_or(behind.len());
    let authority = behind.get(..end)?;
    let authority = authority.rsplit('@').next()?;
    let (host, port) = host_and_port(authority)?;
    let port = port.or((*usual > 0).then_some(*usual));
    Some(Address {
        protocol: *protocol,
        host,
        port,
    })
}

/// `host`, `host:port`; none when it is not one, or the caller's own machine.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok().filter(|it| *it > 0)?)),
        None => (text, None),
    };
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    let own = ["localhost", "127.0.0.1", "0.0.0.0"];
    let is_host = host.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && host.chars().all(is_part)
        && !own.contains(&host);
    is_host.then(|| (host.to_owned(), port))
}

pub(crate) fn is_address(text: &str) -> bool {
    parse(text).is_some()
}

/// Whether a text is the address of somebody inside: a name without dots, or one that ends as the
/// names of clusters and private networks do, or a database or broker wherever it is.
pub(crate) fn is_inner(text: &str) -> bool {
    parse(text).is_some_and(|address| {
        let inner = [".svc", ".local", ".internal", ".cluster.local"];
        !address.protocol.is_http()
            || !address.host.contains('.')
            || inner.iter().any(|end| address.host.ends_with(end))
    })
}

/// The address that a variable holds; names of variables tell the protocol of bare hosts and ports.
fn of_variable(name: &str, value: &str) -> Option<Address> {
    let name = name.to_ascii_uppercase();
    if NOT_CALLED.iter().any(|part| name.contains(part)) {
        return None;
    }
    if value.contains("://") {
        return parse(value);
    }
    let ends = [
        "ADDR", "ADDRESS", "URL", "URI", "ENDPOINT", "HOST", "SERVER", "BROKER",
    ];
    if !ends.iter().any(|end| name.ends_with(end)) {
        return None;
    }
    let (host, port) = host_and_port(value)?;
    Some(Address {
        protocol: by_port(port?),
        host,
        port,
    })
}

/// What is spoken on the usual ports of databases.
fn by_port(port: u16) -> Protocol {
    match port {
        5432 => Protocol::Postgres,
        3306 => Protocol::Mysql,
        6379 => Protocol::Redis,
        27017 => Protocol::Mongo,
        5672 | 9092 => Protocol::Broker,
        80 | 8080 => Protocol::Http,
        _ => Protocol::Unknown,
    }
}

/// The addresses that variables hold as pairs (`DB_HOST` with `DB_PORT`, or with the usual port of
/// what its name names): the index of the variable with the host, and the address.
fn of_pairs(variables: &[(&str, &str)]) -> Vec<(usize, Address)> {
    let mut found = Vec::new();
    for (index, (name, value)) in variables.iter().enumerate() {
        let upper = name.to_ascii_uppercase();
        let Some(stem) = upper.strip_suffix("HOST") else {
            continue;
        };
        if NOT_CALLED.iter().any(|part| upper.contains(part)) || value.contains(':') {
            continue;
        }
        let port_name = format!("{stem}PORT");
        let mut ports = variables.iter();
        let port = ports.find(|(name, _)| name.to_ascii_uppercase() == port_name);
        let port = port.and_then(|(_, port)| port.parse().ok());
        let port = port.or_else(|| usual_port(stem));
        if let (Some(port), Some((host, None))) = (port, host_and_port(value)) {
            let protocol = by_port(port);
            let port = Some(port);
            found.push((
                index,
                Address {
                    protocol,
                    host,
                    port,
                },
            ));
        }
    }
    found
}

fn usual_port(stem: &str) -> Option<u16> {
    let names = [
        ("POSTGRES", 5432),
        ("PG", 5432),
        ("MYSQL", 3306),
        ("MARIADB", 3306),
        ("REDIS", 6379),
        ("MONGO", 27017),
    ];
    let mut named = names.iter().filter(|(name, _)| stem.starts_with(name));
    named.next().map(|(_, port)| *port)
}

/// The addresses that variables hold, each with the variable's place.
pub(crate) fn addresses_of(variables: &[(String, Sourced<String>)]) -> Vec<(Address, SourceSpan)> {
    let plain: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.value.as_str()))
        .collect();
    let mut pairs = of_pairs(&plain);
    let mut found = Vec::new();
    for (index, (name, value)) in variables.iter().enumerate() {
        let Locus::Text(at) = value.at else {
            continue;
        };
        let own = of_variable(name, &value.value);
        let pair = pairs.iter().position(|(of, _)| *of == index);
        let pair = pair.map(|position| pairs.swap_remove(position).1);
        found.extend(own.or(pair).map(|address| (address, at)));
    }
    found
}

/// A call of which nothing is known but whom it reaches.
pub(crate) fn plain_call(address: Address, at: SourceSpan) -> Call {
    Call {
        at,
        name: address.host.clone(),
        matches: None,
        from: Vec::new(),
        to: vec![Target {
            at,
            host: address.host,
            port: address.port,
            is_backup: false,
            resolves_again: Setting::default(),
            subset: None,
        }],
        protocol: address.protocol,
        streams: Setting::default(),
        side: ClientSide::default(),
        picking: Setting::default(),
        checks: Vec::new(),
        passive: Passive::default(),
        tls: None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, is_inner, of_pairs, of_variable, parse};
    use ww_model::service::Protocol;

    fn address(protocol: Protocol, host: &str, port: u16) -> Address {
        let host = host.to_owned();
        Address {
            protocol,
            host,
            port: Some(port),
        }
    }

    #[test]
    fn an_address_has_a_host_that_somebody_else_is() {
        let http = Protocol::Http;
        assert_eq!(parse("http://api:3000/x"), Some(address(http, "api", 3000)));
        assert_eq!(parse("https://pay"), Some(address(http, "pay", 443)));
        let url = "postgresql+asyncpg://me:pw@db/shop";
        assert_eq!(parse(url), Some(address(Protocol::Postgres, "db", 5432)));
        let url = "jdbc:mysql://db:3307/shop?x=y";
        assert_eq!(parse(url), Some(address(Protocol::Mysql, "db", 3307)));
        for text in [
            "http://localhost:80",
            "http://${HOST}:1",
            "ftp://x",
            "x",
            "http://",
            "http://a:b",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(is_inner("http://api/x") && !is_inner("http://www.w3.org/2000/svg"));
    }

    #[test]
    fn variables_hold_addresses() {
        let api = || Some(address(Protocol::Unknown, "cart", 7070));
        assert_eq!(of_variable("CART_SERVICE_ADDR", "cart:7070"), api());
        assert_eq!(of_variable("CART", "cart:7070"), None);
        assert_eq!(of_variable("CORS_ORIGIN", "http://web:3000"), None);
        let pairs = [
            ("DB_PORT", "5433"),
            ("DB_HOST", "db"),
            ("REDIS_HOST", "cache"),
            ("X_HOST", "x"),
        ];
        let found = of_pairs(&pairs);
        let wanted = [
            (1, address(Protocol::Unknown, "db", 5433)),
            (2, address(Protocol::Redis, "cache", 6379)),
        ];
        assert_eq!(found, wanted);
    }
}
