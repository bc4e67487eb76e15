//! Service bindings: what SVCB and HTTPS records say, and what becomes of a client that goes by them (RFC 9460).

use super::{Connect, TlsHandshake};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// An SVCB or HTTPS record (RFC 9460 section 2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ServiceBinding {
    /// The owner, without the final dot.
    pub owner: String,
    /// SvcPriority: the lowest is tried first; 0 is `AliasMode`.
    pub priority: u16,
    /// TargetName as it is written; `.` stands for the owner, or in `AliasMode` for nothing.
    pub target: String,
    /// The port, where it is not that of the URL.
    pub port: Option<u16>,
    /// The protocols of `alpn`; bytes that are no text are replaced.
    pub alpn: Vec<String>,
    /// `no-default-alpn`: HTTP/1.1 is not spoken unless `alpn` names it.
    pub no_default_alpn: bool,
    /// The keys of `mandatory`: clients that do not know one of them leave the record out.
    pub mandatory: Vec<String>,
    /// The addresses of `ipv4hint` and `ipv6hint`.
    pub hints: Vec<IpAddr>,
    /// There is a configuration for Encrypted ClientHello.
    pub ech: bool,
    /// Keys that are not known here, by number.
    pub unknown: Vec<u16>,
    /// Why clients do not use it.
    pub fault: Option<BindingFault>,
}

impl ServiceBinding {
    /// It names another name, and no endpoint.
    pub fn is_alias(&self) -> bool {
        self.priority == 0
    }

    /// The name at which an endpoint is (RFC 9460 section 2.5.2).
    pub fn effective_target(&self) -> &str {
        match self.target.as_str() {
            "." if !self.is_alias() => &self.owner,
            target => target,
        }
    }

    /// Clients know every key that the record says they must; they leave out one of which they do not
    /// (RFC 9460 section 8).
    pub fn is_understood(&self) -> bool {
        let is_number = |key: &String| key.starts_with("key");
        !self.mandatory.iter().any(is_number)
    }

    /// The protocols that clients may speak there: those of `alpn`, and HTTP/1.1 unless it is taken out
    /// (RFC 9460 sections 7.1.2 and 9).
    pub fn protocols(&self) -> Vec<String> {
        let mut protocols = self.alpn.clone();
        let by_default = "http/1.1".to_owned();
        if !self.no_default_alpn && !protocols.contains(&by_default) {
            protocols.push(by_default);
        }
        protocols
    }
}

/// Why clients do not use a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BindingFault {
    /// It does not have the form of its type: clients leave out all records of the answer (RFC 9460 section 2.2).
    Malformed(String),
    /// Its parameters contradict one another: clients leave out this record (RFC 9460 section 2.4.3).
    Inconsistent(String),
}

impl BindingFault {
    /// What is wrong.
    pub fn says(&self) -> &str {
        match self {
            BindingFault::Malformed(why) | BindingFault::Inconsistent(why) => why,
        }
    }
}

/// A client that goes where an HTTPS record sends it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct BindingProbe {
    /// The record: its owner, its type and its data, as a zone file has them.
    pub record: String,
    /// The name to which the record leads.
    pub name: String,
    /// To where; `None` where there is no address to go to.
    pub to: Option<SocketAddr>,
    /// The address is a hint of the record that its name does not have.
    pub hint: bool,
    /// The protocols that were offered by ALPN: those of the record that are spoken over TCP.
    pub offered: Vec<String>,
    /// The record takes HTTP/1.1 out (`no-default-alpn`).
    pub no_default_alpn: bool,
    /// What became of it.
    pub outcome: BindingOutcome,
}

/// What became of a client that went by a record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BindingOutcome {
    /// The name has no address.
    #[default]
    NoAddress,
    /// The record says that there is no such service (`0 .`, RFC 9460 section 2.5.1).
    NoService,
    /// Aliases lead back to a name that was passed.
    AliasLoop,
    /// There are more aliases than clients follow.
    TooManyAliases,
    /// No connection was opened.
    NotOpen(Connect),
    /// A connection was opened, and this came of the handshake in the name of the URL's host.
    Shaken(Box<TlsHandshake>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_stands_for_the_owner_and_http_1_1_is_understood() {
        let mut record = ServiceBinding {
            owner: "a.example".to_owned(),
            priority: 1,
            target: ".".to_owned(),
            alpn: vec!["h2".to_owned()],
            ..ServiceBinding::default()
        };
        assert_eq!(record.effective_target(), "a.example");
        assert_eq!(record.protocols(), ["h2", "http/1.1"]);
        record.no_default_alpn = true;
        assert_eq!(record.protocols(), ["h2"]);
        record.mandatory = vec!["alpn".to_owned()];
        assert!(record.is_understood());
        record.mandatory.push("key65280".to_owned());
        assert!(!record.is_understood());
        record.priority = 0;
        assert!(record.is_alias());
        assert_eq!(record.effective_target(), ".");
    }
}
