//! Addresses as nginx writes them.

/// Where a server is: a name or an address, and a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// A name or an address, without brackets; empty when a variable decides.
    pub(super) host: String,
    /// Its port, where one is written.
    pub(super) port: Option<u16>,
}

impl Address {
    /// Reads `host`, `host:port`, `[address]:port`, `*:port` or `unix:path`.
    pub(super) fn parse(text: &str) -> Address {
        if text.starts_with("unix:") {
            return Address {
                host: text.to_owned(),
                port: None,
            };
        }
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => match text.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        Address {
            host: host.to_owned(),
            port: port.and_then(|port| port.parse().ok()),
        }
    }
}

/// Where requests are passed on to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Destination {
    /// The scheme, where one is written.
    pub(super) scheme: Option<String>,
    /// The group of servers, or the server.
    pub(super) address: Address,
    /// The name of a group that it may be: all between scheme and path.
    pub(super) name: String,
}

impl Destination {
    /// Reads `scheme://address/path`, or an address alone.
    pub(super) fn parse(text: &str) -> Destination {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_owned()), rest),
            None => (None, text),
        };
        let name = match rest.strip_prefix("unix:") {
            Some(path) => {
                let end = path.find(':').map_or(rest.len(), |end| end + "unix:".len());
                rest.get(..end).unwrap_or(rest)
            }
            None => rest.split(['/', '?']).next().unwrap_or(rest),
        };
        Destination {
            scheme,
            address: Address::parse(name),
            name: name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Destination};

    #[test]
    fn addresses_are_told_from_ports() {
        let of = |text| {
            let Address { host, port } = Address::parse(text);
            (host, port)
        };
        assert_eq!(of("api:8080"), ("api".to_owned(), Some(8080)));
        assert_eq!(of("api"), ("api".to_owned(), None));
        assert_eq!(of("[::1]:80"), ("::1".to_owned(), Some(80)));
        assert_eq!(of("[::1]"), ("::1".to_owned(), None));
        assert_eq!(
            of("unix:/run/x.sock"),
            ("unix:/run/x.sock".to_owned(), None)
        );
        assert_eq!(of("api:99999"), ("api".to_owned(), None));
    }

    #[test]
    fn a_destination_has_a_scheme_and_a_path() {
        let of = |text| {
            let Destination { scheme, name, .. } = Destination::parse(text);
            (scheme.unwrap_or_default(), name)
        };
        let two = |one: &str, two: &str| (one.to_owned(), two.to_owned());
        assert_eq!(of("http://api:80/x?y"), two("http", "api:80"));
        assert_eq!(of("https://api"), two("https", "api"));
        assert_eq!(of("http://unix:/run/x:/y"), two("http", "unix:/run/x"));
        assert_eq!(of("127.0.0.1:9000"), two("", "127.0.0.1:9000"));
    }
}
