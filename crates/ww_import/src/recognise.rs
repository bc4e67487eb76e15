//! What a file is, told from its name and what stands in it.

mod services;

/// The formats that declare a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `iptables-save`, `iptables -S`, or a list of such commands; IPv4 or IPv6.
    Iptables,
    /// `ipset save`.
    Ipset,
    /// nftables as text.
    Nft,
    /// `nft -j list ruleset`.
    NftJson,
    /// `ip -j addr`, `ip -j route`, `ip -j rule`.
    IpRoute,
    /// A file for wg-quick, or the output of `wg showconf`.
    WireGuard,
    /// Kubernetes manifests, YAML or JSON.
    Kubernetes,
    /// nginx.
    Nginx,
    /// HAProxy.
    Haproxy,
    /// Envoy's bootstrap, or resources of it.
    Envoy,
    /// A compose project.
    Compose,
    /// A Dockerfile.
    Dockerfile,
    /// Environment variables, a line each.
    Environment,
    /// Spring Boot's `application.yml` or `.properties`.
    Spring,
    /// What applications in Node.js, Python, Go, Java and Ruby declare: dependencies, settings of
    /// their servers, source code that sets timers.
    Application,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// Redis.
    Redis,
    /// PgBouncer.
    Pgbouncer,
    /// `resolv.conf`.
    Resolver,
    /// Settings of the kernel.
    Sysctl,
    /// `wirewise.toml`: what a team states.
    Facts,
    /// None of these.
    Unknown,
}

impl Format {
    /// Whether it says what becomes of packets: filters, routes, tunnels.
    pub fn is_of_packets(self) -> bool {
        matches!(
            self,
            Format::Iptables
                | Format::Ipset
                | Format::Nft
                | Format::NftJson
                | Format::IpRoute
                | Format::WireGuard
        )
    }

    /// How reports call it.
    pub fn word(self) -> &'static str {
        match self {
            Format::Iptables => "iptables rules",
            Format::Ipset => "ipset sets",
            Format::Nft | Format::NftJson => "nftables rules",
            Format::IpRoute => "addresses and routes",
            Format::WireGuard => "WireGuard tunnels",
            Format::Kubernetes => "Kubernetes manifests",
            Format::Nginx => "nginx configuration",
            Format::Haproxy => "HAProxy configuration",
            Format::Envoy => "Envoy configuration",
            Format::Compose => "compose project",
            Format::Dockerfile => "Dockerfile",
            Format::Environment => "environment variables",
            Format::Spring => "Spring Boot properties",
            Format::Application => "application",
            Format::Postgres => "PostgreSQL configuration",
            Format::Mysql => "MySQL configuration",
            Format::Redis => "Redis configuration",
            Format::Pgbouncer => "PgBouncer configuration",
            Format::Resolver => "resolver configuration",
            Format::Sysctl => "kernel settings",
            Format::Facts => "stated facts",
            Format::Unknown => "unknown",
        }
    }
}

/// How many lines of a text are looked at.
const LINES: usize = 400;

/// Tells the format by a name that leaves no doubt, or else from the beginning of a text; a name that
/// ends in `.yaml`, `.yml`, `.conf` or `.nft` decides where the text says too little.
pub fn recognise(path: &str, bytes: &[u8]) -> Format {
    // A walk that was recorded, whose lines are no documents of Kubernetes.
    if path.to_ascii_lowercase().ends_with(".ndjson") {
        return Format::Unknown;
    }
    let head = bytes.get(..64 << 10).unwrap_or(bytes);
    let head = String::from_utf8_lossy(head);
    match services::of_name(path) {
        Some(Format::Spring) if services::is_envoy(&head) => return Format::Envoy,
        Some(format) => return format,
        None => {}
    }
    if let Some(format) = services::of_source(path, &head) {
        return format;
    }
    let first = head.trim_start().chars().next();
    if matches!(first, Some('{' | '[')) && !starts_a_template(&head) && !starts_a_section(&head) {
        return of_json(&head);
    }
    let lines = head.lines().map(str::trim).take(LINES);
    lines
        .filter(|line| !line.is_empty())
        .find_map(|line| of_line(line).or_else(|| services::of_line(line)))
        .filter(|format| *format != Format::Nginx || !is_hcl(&head))
        .unwrap_or_else(|| of_name(path, &head))
}

/// Whether blocks hold `name = value`, as in HCL, and no line ends as those of nginx do.
fn is_hcl(head: &str) -> bool {
    let lines = || head.lines().map(str::trim).take(LINES);
    let sets = |line: &str| {
        let (name, _) = line.split_once(" = ")?;
        let is_name = name.chars().all(|it| it.is_alphanumeric() || it == '_');
        is_name.then_some(())
    };
    lines().any(|line| sets(line).is_some()) && !lines().any(|line| line.ends_with(';'))
}

/// Whether it begins with a section (`[Interface]`, `[package]`), as settings do and JSON does not.
fn starts_a_section(head: &str) -> bool {
    let line = head.trim_start().lines().next().unwrap_or_default();
    let line = line.trim_end();
    let name = line.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    name.is_some_and(|name| name.starts_with(char::is_alphabetic) && name.chars().all(is_part))
}

fn of_json(head: &str) -> Format {
    let has = |key: &str| head.contains(&format!("\"{key}\""));
    if has("nftables") {
        Format::NftJson
    } else if services::is_envoy_json(head) {
        Format::Envoy
    } else if !has("kind") && (has("ifname") || has("dst") || has("table")) {
        Format::IpRoute
    } else {
        Format::Kubernetes
    }
}

fn starts_a_template(head: &str) -> bool {
    head.trim_start().starts_with("{{")
}

/// The format that a line can belong to only.
fn of_line(line: &str) -> Option<Format> {
    let mut words = line.split_whitespace();
    let (first, second) = (words.next()?, words.next());
    let third = words.next();
    if first.starts_with('*') && second.is_none() && is_table(first.get(1..)?) {
        return Some(Format::Iptables);
    }
    if ["[Interface]", "[Peer]"].contains(&line) {
        return Some(Format::WireGuard);
    }
    if first == "#" {
        let generated = second == Some("Generated") && third == Some("by");
        let by = words.next().unwrap_or_default();
        return (generated && by.contains("tables-save")).then_some(Format::Iptables);
    }
    let program = first.rsplit('/').next().unwrap_or(first);
    match (program, second, third) {
        ("iptables" | "ip6tables" | "-A" | "-P" | "-N" | "-I", Some(_), _) => {
            Some(Format::Iptables)
        }
        ("create", Some(_), Some(kind))
            if ["hash:", "bitmap:", "list:"]
                .iter()
                .any(|known| kind.starts_with(known)) =>
        {
            Some(Format::Ipset)
        }
        ("table", Some(_), _)
        | ("flush", Some("ruleset"), _)
        | ("define", Some(_), Some("="))
        | (
            "add" | "create" | "insert",
            Some("table" | "chain" | "rule" | "set" | "map"),
            Some(_),
        ) => Some(Format::Nft),
        ("apiVersion:" | "kind:", ..) => Some(Format::Kubernetes),
        _ => None,
    }
}

fn is_table(word: &str) -> bool {
    ["filter", "nat", "mangle", "raw", "security"].contains(&word)
}

fn of_name(path: &str, head: &str) -> Format {
    let ends = |end: &str| path.to_ascii_lowercase().ends_with(end);
    if ends(".yaml") || ends(".yml") {
        services::of_yaml_keys(head).unwrap_or(Format::Kubernetes)
    } else if ends(".nft") {
        Format::Nft
    } else if services::is_piece_of_nginx(path, head) {
        Format::Nginx
    } else {
        Format::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, recognise};

    #[test]
    fn a_recorded_walk_is_no_file_of_settings() {
        let walk = b"{\"target\": {\"host\": \"a.example\"}}\n{\"step\": \"connect\"}\n";
        assert_eq!(recognise("case/walk.ndjson", walk), Format::Unknown);
        assert_ne!(recognise("case/list.json", walk), Format::Unknown);
    }

    #[test]
    fn blocks_that_assign_are_no_nginx() {
        let spire = b"server {\n  bind_port = \"8081\"\n}\n";
        assert_eq!(recognise("map/server.conf", spire), Format::Unknown);
        let nginx = b"server {\n  listen 80;\n  set $x = 1;\n}\n";
        assert_eq!(recognise("map/server.conf", nginx), Format::Nginx);
    }

    #[test]
    fn formats_are_told_by_their_first_words() {
        let cases = [
            (
                "# Generated by iptables-save v1.8.9\n*filter\n",
                Format::Iptables,
            ),
            ("*nat\n:PREROUTING ACCEPT [0:0]\n", Format::Iptables),
            (
                "#!/bin/sh\nset -e\n/sbin/iptables -P INPUT DROP\n",
                Format::Iptables,
            ),
            ("-P INPUT ACCEPT\n-A INPUT -j DROP\n", Format::Iptables),
            (
                "create blocked hash:net family inet\nadd blocked 10.0.0.0/8\n",
                Format::Ipset,
            ),
            ("#!/usr/sbin/nft -f\n\nflush ruleset\n", Format::Nft),
            ("table inet fw {\n}\n", Format::Nft),
            ("define wan = eth0\n", Format::Nft),
            ("add rule ip filter input drop\n", Format::Nft),
            ("{\"nftables\": [{\"metainfo\": {}}]}", Format::NftJson),
            ("---\napiVersion: v1\nkind: Pod\n", Format::Kubernetes),
            (
                "[{\"ifindex\": 1, \"ifname\": \"lo\", \"addr_info\": []}]",
                Format::IpRoute,
            ),
            (
                "[{\"dst\": \"default\", \"dev\": \"eth0\"}]",
                Format::IpRoute,
            ),
            (
                "# home\n[Interface]\nAddress = 10.0.0.1/24\n",
                Format::WireGuard,
            ),
            ("{\"kind\": \"List\", \"items\": []}", Format::Kubernetes),
            ("{{- if .Values.x }}\nkind: Pod\n", Format::Kubernetes),
            ("Dear reader,\nthis is no network.\n", Format::Unknown),
            ("# tuning\nnet.core.somaxconn = 128\n", Format::Sysctl),
            ("net.ipv4.tcp_tw_recycle=1\n", Format::Sysctl),
            ("net.core.somaxconn: 128\n", Format::Unknown),
            ("[package]\nname = \"x\"\n", Format::Unknown),
            ("", Format::Unknown),
        ];
        for (text, format) in cases {
            assert_eq!(recognise("x", text.as_bytes()), format, "{text}");
        }
        assert_eq!(recognise("a/values.yaml", b"x: 1\n"), Format::Kubernetes);
        assert_eq!(recognise("x", &[0xff, 0xfe, 0]), Format::Unknown);
    }
}
