//! Name servers as the user names them.

use crate::http::Url;
use crate::target::{host_and_port, parse_target};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use ww_evidence::transcript::{Service, Target};

/// The usual port of DNS over TLS (RFC 7858 section 3.1).
const TLS_PORT: u16 = 853;

/// The path of DNS over HTTPS where none is written, as dig and most servers have it.
const HTTPS_PATH: &str = "/dns-query";

/// A name server that is asked in place of the configured ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameServer {
    /// Over UDP and TCP.
    Plain(SocketAddr),
    /// Over TLS or HTTPS.
    Encrypted(EncryptedServer),
}

/// A name server over TLS (RFC 7858) or HTTPS (RFC 8484).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedServer {
    /// Where it is: an address, or a name that this host resolves.
    pub at: String,
    /// The server as an endpoint; its host is what the certificate must be for.
    pub endpoint: Target,
}

impl EncryptedServer {
    /// The URL that is asked over HTTPS, however it was written: with its path, without the usual port and the name
    /// behind `#`.
    pub(super) fn url(&self) -> String {
        let url = Url {
            host: self.at.clone(),
            ..Url::of(&self.endpoint)
        };
        url.to_string()
    }
}

impl FromStr for NameServer {
    type Err = String;

    /// Reads `ADDR[:PORT]`, `tls://HOST[:PORT][#NAME]` or `https://HOST[:PORT][/PATH][#NAME]`. The schemes are those
    /// of doggo and dnsproxy, `#NAME` (for whom the certificate must be, where that is not HOST) is that of
    /// resolved.conf(5) and unbound.conf(5).
    ///
    /// # Errors
    ///
    /// What would be right.
    fn from_str(text: &str) -> Result<NameServer, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(NameServer::Plain(SocketAddr::new(address, 53)));
        }
        if let Ok(address) = text.parse() {
            return Ok(NameServer::Plain(address));
        }
        let wrong = || {
            "write it like 192.0.2.53, [2001:db8::53]:5353, tls://192.0.2.53#dns.example or https://dns.example/dns-query".to_owned()
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let service = match scheme.to_ascii_lowercase().as_str() {
            "tls" => Service::DnsOverTls,
            "https" => Service::DnsOverHttps,
            _ => return Err(wrong()),
        };
        let (rest, name) = match rest.split_once('#') {
            Some((rest, name)) => (rest, Some(name)),
            None => (rest, None),
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if service == Service::DnsOverTls && authority != rest {
            return Err(format!("{scheme}:// has no path; {}", wrong()));
        }
        let written_port = host_and_port(authority)?.1;
        let mut endpoint =
            parse_target(&format!("https://{rest}")).map_err(|error| error.to_string())?;
        let at = std::mem::take(&mut endpoint.host);
        endpoint.host = match name {
            None => at.clone(),
            Some(name) => name.trim_end_matches('.').to_ascii_lowercase(),
        };
        if endpoint.host.is_empty() {
            return Err(wrong());
        }
        text.clone_into(&mut endpoint.written);
        if service == Service::DnsOverTls && written_port.is_none() {
            endpoint.port = TLS_PORT;
        }
        if service == Service::DnsOverHttps && endpoint.path == "/" {
            HTTPS_PATH.clone_into(&mut endpoint.path);
        }
        endpoint.service = service;
        Ok(NameServer::Encrypted(EncryptedServer { at, endpoint }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_written_as_other_tools_take_them() {
        let plain = |text: &str| match text.parse() {
            Ok(NameServer::Plain(address)) => address.to_string(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(plain("192.0.2.53"), "192.0.2.53:53");
        assert_eq!(plain("2001:db8::53"), "[2001:db8::53]:53");
        assert_eq!(plain("[2001:db8::53]:5353"), "[2001:db8::53]:5353");
        let cases = [
            ("tls://192.0.2.53", "192.0.2.53", "192.0.2.53", 853, "/"),
            (
                "tls://192.0.2.53:8853#Dns.Example.",
                "192.0.2.53",
                "dns.example",
                8853,
                "/",
            ),
            (
                "tls://[2001:db8::53]#dns.example",
                "2001:db8::53",
                "dns.example",
                853,
                "/",
            ),
            ("TLS://dns.example", "dns.example", "dns.example", 853, "/"),
            (
                "https://dns.example",
                "dns.example",
                "dns.example",
                443,
                "/dns-query",
            ),
            (
                "https://192.0.2.53:8443/q#dns.example",
                "192.0.2.53",
                "dns.example",
                8443,
                "/q",
            ),
        ];
        for (text, at, name, port, path) in cases {
            let Ok(NameServer::Encrypted(server)) = text.parse() else {
                panic!("{text}");
            };
            let endpoint = &server.endpoint;
            assert_eq!(
                (
                    server.at.as_str(),
                    endpoint.host.as_str(),
                    endpoint.port,
                    endpoint.path.as_str()
                ),
                (at, name, port, path),
                "{text}"
            );
            assert_eq!(endpoint.written, text);
        }
    }

    #[test]
    fn a_url_is_the_same_however_it_is_written() {
        let url = |text: &str| match text.parse() {
            Ok(NameServer::Encrypted(server)) => server.url(),
            other => panic!("{text}: {other:?}"),
        };
        for written in [
            "https://dns.example",
            "https://dns.example/",
            "HTTPS://Dns.Example.:443/dns-query#other.example",
        ] {
            assert_eq!(url(written), "https://dns.example/dns-query", "{written}");
        }
        assert_eq!(
            url("https://[2001:db8::53]:8443/q?x=1#dns.example"),
            "https://[2001:db8::53]:8443/q?x=1"
        );
    }

    #[test]
    fn what_names_no_server_is_told() {
        for text in [
            "dns.example",
            "quic://192.0.2.53",
            "tls://192.0.2.53/dns-query",
            "tls://192.0.2.53#",
            "tls://",
            "https://192.0.2.53:0/",
        ] {
            assert!(text.parse::<NameServer>().is_err(), "{text}");
        }
    }
}
