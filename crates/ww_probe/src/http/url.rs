//! URLs of HTTP, as far as a redirect needs them (RFC 3986, RFC 9110 section 10.2.2).

use std::fmt;
use std::net::IpAddr;
use ww_evidence::transcript::Target;

/// No longer URL is followed.
const LENGTH_MAX: usize = 8 * 1024;

/// An absolute URL of HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// Its scheme is `https`.
    pub(crate) tls: bool,
    /// Name or address, without brackets, in lower case.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// Path and query, from the first slash.
    pub(crate) path: String,
}

impl Url {
    /// The URL of a target.
    pub(crate) fn of(target: &Target) -> Url {
        Url {
            tls: target.service.is_tls(),
            host: target.host.clone(),
            port: target.port,
            path: target.path.clone(),
        }
    }

    /// The value of the `Host` field.
    pub(crate) fn authority(&self) -> String {
        let host = match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(_)) => format!("[{}]", self.host),
            _ => self.host.clone(),
        };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The URL to which a `Location` leads from here.
    ///
    /// # Errors
    ///
    /// Why it leads nowhere that can be followed.
    pub(crate) fn join(&self, location: &str) -> Result<Url, String> {
        let location = location.split('#').next().unwrap_or_default().trim();
        if location.len() > LENGTH_MAX {
            return Err(format!("it is longer than {LENGTH_MAX} bytes"));
        }
        if location
            .chars()
            .any(|letter| letter.is_control() || letter == ' ')
        {
            return Err("it holds spaces or control characters".to_owned());
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Url::absolute(self.tls, rest);
        }
        if let Some((scheme, rest)) = location.split_once("://")
            && !scheme.contains(['/', '?'])
        {
            return match scheme.to_ascii_lowercase().as_str() {
                "http" => Url::absolute(false, rest),
                "https" => Url::absolute(true, rest),
                other => Err(format!("its scheme is {other}")),
            };
        }
        let here = self.path.split('?').next().unwrap_or("/");
        let path = match location.chars().next() {
            None => self.path.clone(),
            Some('/') => without_dots(location),
            Some('?') => format!("{here}{location}"),
            Some(_) => {
                let folder = here.rsplit_once('/').map_or("", |(folder, _)| folder);
                without_dots(&format!("{folder}/{location}"))
            }
        };
        Ok(Url {
            path,
            ..self.clone()
        })
    }

    /// The URL of a scheme and what follows its slashes.
    fn absolute(tls: bool, rest: &str) -> Result<Url, String> {
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        if authority.contains('@') {
            return Err("it holds a user's name".to_owned());
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(inner) => inner
                .split_once(']')
                .map(|(host, behind)| (host, behind.strip_prefix(':')))
                .ok_or("the bracket around its address is not closed")?,
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = match port.filter(|port| !port.is_empty()) {
            None => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(port) => port
                .parse::<u16>()
                .ok()
                .filter(|&port| port != 0)
                .ok_or_else(|| format!("`{port}` is no port"))?,
        };
        if host.is_empty() || host.len() > 253 {
            return Err("it names no host".to_owned());
        }
        Ok(Url {
            tls,
            host: host.trim_end_matches('.').to_ascii_lowercase(),
            port,
            path: without_dots(&if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("/{path}")
            }),
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// A path without its `.` and `..` segments (RFC 3986 section 5.2.4).
fn without_dots(path: &str) -> String {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
        if last && matches!(segment, "." | "..") {
            kept.push("");
        }
    }
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url {
            tls: true,
            host: "a.example".to_owned(),
            port: 8443,
            path: "/x/y?z=1".to_owned(),
        }
    }

    #[test]
    fn locations_lead_as_browsers_follow_them() {
        let cases = [
            ("http://B.example", "http://b.example/"),
            ("https://b.example:443/p?q#f", "https://b.example/p?q"),
            ("//b.example:8080/p", "https://b.example:8080/p"),
            ("/new", "https://a.example:8443/new"),
            ("new", "https://a.example:8443/x/new"),
            ("../new/./a", "https://a.example:8443/new/a"),
            ("?n=2", "https://a.example:8443/x/y?n=2"),
            ("", "https://a.example:8443/x/y?z=1"),
            ("http://[2001:db8::1]:81/", "http://[2001:db8::1]:81/"),
            (
                "/a?next=https://c.example/",
                "https://a.example:8443/a?next=https://c.example/",
            ),
        ];
        for (location, wanted) in cases {
            let url = base().join(location).expect(location);
            assert_eq!(url.to_string(), wanted, "{location}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_told_why() {
        let cases = [
            ("ftp://b.example/", "scheme is ftp"),
            ("https://b.example:0/", "no port"),
            ("https:///x", "names no host"),
            ("https://u:p@b.example/", "user's name"),
            ("/a\r\nX: y", "control characters"),
            ("http://[::1/", "not closed"),
        ];
        for (location, why) in cases {
            let error = base().join(location).expect_err(location);
            assert!(error.contains(why), "{location}: {error}");
        }
        let long = format!("/{}", "a".repeat(LENGTH_MAX));
        assert!(base().join(&long).is_err());
    }
}
