//! The identity of a rule.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word used in reports and on the command line.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// The value that a report's word names.
            pub fn from_word(word: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|value| value.word() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The layer on which the cause lies.
    Layer {
        /// Frames and addresses of the local link.
        Link = "link",
        /// IPv4, IPv6, ICMP, fragments, routes.
        Ip = "ip",
        /// Connections.
        Tcp = "tcp",
        /// Datagrams.
        Udp = "udp",
        /// Names.
        Dns = "dns",
        /// Certificates and encryption.
        Tls = "tls",
        /// Requests and answers.
        Http = "http",
        /// The application behind them.
        App = "app",
        /// What is allowed to talk.
        Policy = "policy",
        /// The capture itself, not the network.
        Capture = "capture",
    }
}

words! {
    /// What kind of trouble it is.
    Class {
        /// Something cannot be reached or is cut.
        Connectivity = "connectivity",
        /// It works, but slowly.
        Performance = "performance",
        /// Someone may do what they should not.
        Security = "security",
        /// The capture misleads.
        Capture = "capture",
    }
}

words! {
    /// How much it hurts, least first.
    Severity {
        /// Worth knowing.
        Info = "info",
        /// Costs a little.
        Low = "low",
        /// Users notice.
        Medium = "medium",
        /// Users fail or wait long.
        High = "high",
        /// Nothing works, or everything is exposed.
        Critical = "critical",
    }
}

words! {
    /// On whose side the cause lies.
    Owner {
        /// The side that opened the connection or asked.
        Client = "client",
        /// The host that was asked.
        Server = "server",
        /// Links, queues and routers between them.
        Network = "network",
        /// A firewall, NAT, load balancer or proxy between them.
        Middlebox = "middlebox",
        /// The program behind the server's socket.
        Application = "application",
        /// Settings that contradict one another.
        Configuration = "configuration",
        /// The capture.
        Capture = "capture",
        /// Cannot be told from here.
        Unknown = "unknown",
    }
}

words! {
    /// What a consultation must hold before a rule can say anything.
    Need {
        /// A capture of whatever kind.
        Capture = "a packet capture",
        /// At least one TCP connection.
        Tcp = "TCP traffic",
        /// At least one TCP connection with both directions and its handshake.
        TcpHandshake = "a TCP connection captured from its handshake on, in both directions",
        /// UDP datagrams.
        Udp = "UDP traffic",
        /// DNS messages in clear.
        Dns = "DNS traffic in clear",
        /// ARP packets.
        Arp = "ARP traffic",
        /// IP packets.
        Ip = "IP traffic",
        /// Rules of a packet filter.
        FilterRules = "rules of a packet filter",
        /// Interfaces with their addresses, or routes.
        Routes = "interfaces and routes",
        /// WireGuard tunnels.
        Tunnels = "WireGuard tunnels",
        /// Manifests of workloads, namespaces, services or policies.
        KubernetesObjects = "Kubernetes manifests",
        /// Proxies, applications, databases, or what a mesh does between them.
        Programs = "configuration of proxies, applications or databases",
        /// Calls from one program to another.
        Calls = "configuration of a program that calls another one",
        /// Settings of a host.
        Hosts = "kernel or resolver settings of a host",
        /// What starts programs.
        Workloads = "compose projects, workloads of Kubernetes or Dockerfiles",
        /// One of the two.
        FilterRulesOrKubernetes = "rules of a packet filter or Kubernetes manifests",
        /// A walk over a live endpoint.
        Endpoint = "a live endpoint",
    }
}

/// What a rule is: everything that help, reports and documentation print about it.
#[derive(Debug)]
pub struct RuleMeta {
    /// Its identity: kebab-case, never reused.
    pub name: &'static str,
    /// The folder of rules it belongs to: `capture`, `tcp`, `dns` …
    pub family: &'static str,
    /// The layer of the cause.
    pub layer: Layer,
    /// The kind of trouble.
    pub class: Class,
    /// The usual severity; a finding may differ.
    pub severity: Severity,
    /// The usual owner; a finding may differ.
    pub owner: Owner,
    /// One line: what it means.
    pub summary: &'static str,
    /// What must be there for the rule to be checked.
    pub needs: &'static [Need],
    /// Rules whose symptoms on the same connection this cause accounts for.
    pub explains: &'static [&'static str],
    /// Reads the page, in Markdown.
    pub page: fn() -> &'static str,
}
