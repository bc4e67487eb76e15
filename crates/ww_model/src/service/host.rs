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

impl Host {
    /// The folder whose files are the host's: that of its files, or the one above where they are
    /// pieces in a folder of their own (`sysctl.d`).
    pub fn root(&self) -> &str {
        let holder = above(&self.path);
        if holder.ends_with("sysctl.d") {
            above(holder)
        } else {
            holder
        }
    }

    /// Whether a file lies among the host's.
    pub fn holds(&self, path: &str) -> bool {
        let root = self.root();
        root.is_empty()
            || path
                .strip_prefix(root)
                .is_some_and(|rest| rest.starts_with('/'))
    }
}

/// The folder that a path lies in.
fn above(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Settings of the kernel that matter to connections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kernel {
    /// What is written by its name in `sysctl`, in order; the last one of a name counts.
    pub values: Vec<NamedValue>,
    /// Connections of one listener that wait to be accepted, whatever a program asks for
    /// (`net.core.somaxconn`).
    pub backlog: Setting<u64>,
    /// How often data is sent again before the connection is given up (`tcp_retries2`).
    pub retransmissions: Setting<u64>,
    /// Silence after which TCP keep-alive probes begin, where a program turns them on and sets no
    /// time of its own (`tcp_keepalive_time`).
    pub probe_after: Setting<Span>,
    /// First port of connections that are opened (`ip_local_port_range`).
    pub first_port: Setting<u64>,
    /// Last port of connections that are opened.
    pub last_port: Setting<u64>,
    /// Connections that connection tracking has room for (`nf_conntrack_max`).
    pub tracked: Setting<u64>,
    /// A connection without traffic is tracked no longer
    /// (`nf_conntrack_tcp_timeout_established`).
    pub tracked_idle: Setting<Span>,
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
