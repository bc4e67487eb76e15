//! Settings of a host that all its programs live with.

use ww_base::{Setting, SourceSpan, Sourced, Span};

/// What files of one host say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// The folder or file that says it.
    pub name: String,
    /// The path of the file.
    pub path: String,
    /// How names are looked up.
    pub resolver: Option<Resolver>,
    /// The kernel's settings.
    pub kernel: Kernel,
}

/// How names are looked up (resolv.conf(5)).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolver {
    /// Where it is written.
    pub at: Option<SourceSpan>,
    /// The name servers, in order.
    pub servers: Vec<Sourced<String>>,
    /// Domains that are tried behind a name.
    pub search: Vec<Sourced<String>>,
    /// Names with at least so many dots are tried as they are first.
    pub ndots: Setting<u64>,
    /// How long one server is waited for.
    pub timeout: Setting<Span>,
    /// Rounds over all servers.
    pub attempts: Setting<u64>,
    /// Whether servers are asked in turn.
    pub rotate: Setting<bool>,
    /// Whether questions for A and AAAA are asked one after the other.
    pub single_request: Setting<bool>,
}

/// Settings of the kernel that matter to connections: by their names in `sysctl`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kernel {
    /// What is written, in order; the last one of a name counts.
    pub values: Vec<NamedValue>,
}

/// One setting of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedValue {
    /// Its name with dots, as `net.core.somaxconn`.
    pub name: String,
    /// What it is set to, as written.
    pub value: String,
    /// Where.
    pub at: SourceSpan,
}

impl Kernel {
    /// The value of a name that counts.
    pub fn get(&self, name: &str) -> Option<&NamedValue> {
        self.values.iter().rev().find(|value| value.name == name)
    }

    /// The number that a name is set to, with its place.
    pub fn number(&self, name: &str) -> Option<(u64, SourceSpan)> {
        let value = self.get(name)?;
        Some((value.value.trim().parse().ok()?, value.at))
    }
}
