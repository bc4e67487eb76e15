//! What is asked: between which places, with which service.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use ww_model::kube::Protocol;

use crate::kube::Connections;

/// A place that packets come from or go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Everywhere.
    Any,
    /// Addresses that are neither private nor special.
    Internet,
    /// An address block.
    Block(IpAddr, u8),
    /// `pod:NAMESPACE/NAME`, a pod or the pods of a workload.
    Pod(String, String),
    /// `svc:NAMESPACE/NAME`, a service.
    Service(String, String),
    /// `ns:NAME`, all pods of a namespace.
    Namespace(String),
    /// Whatever has this name, with its namespace where it was given.
    Named(Option<String>, String),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        let two = |rest: &str| {
            let (namespace, name) = rest.split_once('/')?;
            let both = !namespace.is_empty() && !name.is_empty();
            both.then(|| (namespace.to_owned(), name.to_owned()))
        };
        let wants = |form: &str| format!("`{text}` is no {form}");
        match text {
            "any" => return Ok(Place::Any),
            "internet" => return Ok(Place::Internet),
            "" => {
                return Err(
                    "a place has a name: an address, pod:NAMESPACE/NAME, internet, any".into(),
                );
            }
            _ => {}
        }
        if let Some(rest) = text.strip_prefix("pod:") {
            let (namespace, name) = two(rest).ok_or_else(|| wants("pod:NAMESPACE/NAME"))?;
            return Ok(Place::Pod(namespace, name));
        }
        if let Some(rest) = text.strip_prefix("svc:") {
            let (namespace, name) = two(rest).ok_or_else(|| wants("svc:NAMESPACE/NAME"))?;
            return Ok(Place::Service(namespace, name));
        }
        if let Some(name) = text.strip_prefix("ns:") {
            return Ok(Place::Namespace(name.to_owned()));
        }
        if let Some(block) = block(text) {
            let (address, length) = block.map_err(|why| format!("`{text}`: {why}"))?;
            return Ok(Place::Block(address, length));
        }
        Ok(match two(text) {
            Some((namespace, name)) => Place::Named(Some(namespace), name),
            None => Place::Named(None, text.to_owned()),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Any => f.write_str("any"),
            Place::Internet => f.write_str("internet"),
            Place::Block(address, length) => write!(f, "{address}/{length}"),
            Place::Pod(namespace, name) => write!(f, "pod:{namespace}/{name}"),
            Place::Service(namespace, name) => write!(f, "svc:{namespace}/{name}"),
            Place::Namespace(name) => write!(f, "ns:{name}"),
            Place::Named(Some(namespace), name) => write!(f, "{namespace}/{name}"),
            Place::Named(None, name) => f.write_str(name),
        }
    }
}

/// An address or address block, if the text looks like one; an error where the prefix is wrong.
fn block(text: &str) -> Option<Result<(IpAddr, u8), String>> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most: u8 = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => Ok(most),
        Some(length) => match length.parse::<u8>() {
            Ok(length) if length <= most => Ok(length),
            _ => Err(format!("a prefix length is 0 to {most}")),
        },
    };
    Some(length.map(|length| (address, length)))
}

/// A service: a protocol, and ports where it has some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// IP protocol number; TCP, UDP and SCTP all three when absent.
    pub protocol: Option<u8>,
    /// Destination ports, first and last included; all when absent.
    pub ports: Option<(u16, u16)>,
}

impl Service {
    /// Whatever can be asked for.
    pub const ANY: Service = Service {
        protocol: None,
        ports: None,
    };

    /// The same as connections between pods.
    pub fn connections(self) -> Connections {
        let protocols = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
        if self.protocol.is_none() && self.ports.is_none() {
            return Connections::all();
        }
        let (first, last) = self.ports.unwrap_or((0, u16::MAX));
        let ports = ww_model::Ranges::span(u128::from(first), u128::from(last));
        protocols
            .into_iter()
            .filter(|protocol| {
                self.protocol
                    .is_none_or(|wanted| wanted == number(*protocol))
            })
            .fold(Connections::none(), |all, protocol| {
                all.or(&Connections::of(protocol, &ports))
            })
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ports {
            Some((first, last)) if first == last => write!(f, "{first}/")?,
            Some((first, last)) => write!(f, "{first}-{last}/")?,
            None => {}
        }
        match self.protocol {
            Some(1) => f.write_str("icmp"),
            Some(6) => f.write_str("tcp"),
            Some(17) => f.write_str("udp"),
            Some(58) => f.write_str("icmpv6"),
            Some(132) => f.write_str("sctp"),
            Some(other) => write!(f, "protocol {other}"),
            None => f.write_str("any protocol"),
        }
    }
}

/// The IP protocol number.
pub(crate) fn number(protocol: Protocol) -> u8 {
    use ww_model::packet::protocol::{SCTP, TCP, UDP};
    match protocol {
        Protocol::Tcp => TCP,
        Protocol::Udp => UDP,
        Protocol::Sctp => SCTP,
    }
}

/// `5432/tcp`, `53/udp`, `8000-8100/tcp`, `443` (TCP), `tcp`, `icmp`.
impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Service, String> {
        let wrong = || {
            format!("`{text}` is no service; write it as 5432/tcp, 53/udp, 8000-8100/tcp or icmp")
        };
        let (ports, protocol) = match text.split_once('/') {
            Some((ports, protocol)) => (Some(ports), protocol),
            None if text.starts_with(|first: char| first.is_ascii_digit()) => (Some(text), "tcp"),
            None => (None, text),
        };
        let protocol = match protocol.to_ascii_lowercase().as_str() {
            "tcp" => 6,
            "udp" => 17,
            "sctp" => 132,
            "icmp" if ports.is_none() => 1,
            "icmpv6" if ports.is_none() => 58,
            _ => return Err(wrong()),
        };
        let ports = match ports {
            None => None,
            Some(ports) => {
                let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
                let first: u16 = first.parse().map_err(|_| wrong())?;
                let last: u16 = last.parse().map_err(|_| wrong())?;
                (first <= last).then_some(()).ok_or_else(wrong)?;
                Some((first, last))
            }
        };
        Ok(Service {
            protocol: Some(protocol),
            ports,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_people_write_them() {
        let place = |text: &str| text.parse::<Place>();
        assert_eq!(place("any"), Ok(Place::Any));
        assert_eq!(
            place("10.0.0.0/8"),
            Ok(Place::Block("10.0.0.0".parse().unwrap(), 8))
        );
        assert_eq!(
            place("2001:db8::1"),
            Ok(Place::Block("2001:db8::1".parse().unwrap(), 128))
        );
        assert_eq!(
            place("pod:shop/api"),
            Ok(Place::Pod("shop".into(), "api".into()))
        );
        assert_eq!(
            place("shop/api"),
            Ok(Place::Named(Some("shop".into()), "api".into()))
        );
        assert_eq!(place("api"), Ok(Place::Named(None, "api".into())));
        assert!(place("10.0.0.0/33").unwrap_err().contains("0 to 32"));
        assert!(place("pod:api").unwrap_err().contains("pod:NAMESPACE/NAME"));
        assert!(place("").is_err());
    }

    #[test]
    fn services_are_read_as_people_write_them() {
        let service = |text: &str| text.parse::<Service>();
        let tcp = |first, last| Service {
            protocol: Some(6),
            ports: Some((first, last)),
        };
        assert_eq!(service("5432/tcp"), Ok(tcp(5432, 5432)));
        assert_eq!(service("443"), Ok(tcp(443, 443)));
        assert_eq!(service("8000-8100/TCP"), Ok(tcp(8000, 8100)));
        assert_eq!(service("icmp").unwrap().protocol, Some(1));
        for wrong in ["", "tcp/80", "90000", "9-1/tcp", "80/icmp", "-1"] {
            assert!(service(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            service("53/udp").unwrap().connections().to_string(),
            "UDP 53"
        );
    }
}
