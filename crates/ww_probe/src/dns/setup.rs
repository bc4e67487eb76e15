//! How this host resolves names: resolv.conf(5), nsswitch.conf(5), hosts(5), as glibc 2.36 reads them, and
//! resolved.conf(5) behind them.

use super::wire::same;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::path::Path;
use ww_base::Span;
use ww_evidence::transcript::ResolverSetup;

/// Name servers beyond these are never asked (`MAXNS` of glibc and musl).
const SERVERS: usize = 3;

/// The largest `ndots`, seconds of `timeout` and `attempts` that glibc takes.
const LARGEST: [(&str, u32); 3] = [("ndots", 15), ("timeout", 30), ("attempts", 5)];

/// Bytes that are read of a file.
const LONGEST: usize = 1 << 20;

/// What the files and the environment say.
#[derive(Debug, Default)]
struct Texts {
    resolv_conf: String,
    nsswitch: String,
    hosts: String,
    hostname: String,
    /// `LOCALDOMAIN`, in place of the search list.
    local_domain: Option<String>,
    /// `RES_OPTIONS`, after the file's options.
    options: String,
}

/// Reads what this host says, for one name.
pub(super) fn read(host: &str) -> ResolverSetup {
    let mut setup = setup(
        host,
        &Texts {
            resolv_conf: file("/etc/resolv.conf"),
            nsswitch: file("/etc/nsswitch.conf"),
            hosts: file("/etc/hosts"),
            hostname: file("/proc/sys/kernel/hostname"),
            local_domain: std::env::var("LOCALDOMAIN").ok(),
            options: std::env::var("RES_OPTIONS").unwrap_or_default(),
        },
    );
    setup.stub = super::resolved::of(&setup.servers);
    setup
}

/// The text of a file as far as it is read; empty where there is none.
pub(super) fn file(path: impl AsRef<Path>) -> String {
    let mut bytes = std::fs::read(path).unwrap_or_default();
    bytes.truncate(LONGEST);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn setup(host: &str, texts: &Texts) -> ResolverSetup {
    let mut setup = ResolverSetup {
        ndots: 1,
        timeout: Span::from_secs(5),
        attempts: 2,
        hosts: hosts(host, &texts.hosts),
        sources: sources(&texts.nsswitch),
        ..ResolverSetup::default()
    };
    let mut search = None;
    for line in texts.resolv_conf.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") if setup.servers.len() < SERVERS => {
                setup.servers.extend(words.next().and_then(server));
            }
            Some("domain") => search = Some(words.take(1).map(suffix).collect()),
            Some("search") => search = Some(words.map(suffix).collect()),
            Some("options") => words.for_each(|option| set(&mut setup, option)),
            _ => {}
        }
    }
    if let Some(local_domain) = &texts.local_domain {
        search = Some(local_domain.split_whitespace().map(suffix).collect());
    }
    texts
        .options
        .split_whitespace()
        .for_each(|option| set(&mut setup, option));
    setup.search = search.unwrap_or_else(|| own_domain(&texts.hostname));
    if setup.servers.is_empty() {
        setup.servers = vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53)];
    }
    setup
}

fn suffix(word: &str) -> String {
    match word.trim_end_matches('.') {
        "" => ".".to_owned(),
        suffix => suffix.to_owned(),
    }
}

/// What is behind the first dot of this host's name stands for a search list that is not written.
fn own_domain(hostname: &str) -> Vec<String> {
    hostname
        .trim()
        .split_once('.')
        .map(|(_, domain)| suffix(domain))
        .into_iter()
        .collect()
}

/// An address, which may name its interface (`fe80::1%eth0`).
fn server(word: &str) -> Option<SocketAddr> {
    let Some((address, scope)) = word.split_once('%') else {
        return Some(SocketAddr::new(word.parse().ok()?, 53));
    };
    let scope = scope.parse().ok().or_else(|| {
        let is_plain = scope
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let path = format!("/sys/class/net/{scope}/ifindex");
        is_plain.then(|| file(&path).trim().parse().ok()).flatten()
    })?;
    Some(SocketAddrV6::new(address.parse().ok()?, 53, 0, scope).into())
}

fn set(setup: &mut ResolverSetup, option: &str) {
    let number = option.split_once(':').and_then(|(name, value)| {
        let largest = LARGEST.iter().find(|(known, _)| *known == name)?.1;
        Some((name, value.parse::<u32>().unwrap_or(0).min(largest)))
    });
    match number {
        Some(("ndots", value)) => setup.ndots = value,
        Some(("timeout", value)) => setup.timeout = Span::from_secs(i64::from(value.max(1))),
        Some(("attempts", value)) => setup.attempts = value.max(1),
        _ => setup.options.push(option.to_owned()),
    }
}

/// The addresses of a name.
fn hosts(host: &str, text: &str) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let address = words.next().and_then(|word| word.parse().ok());
        if let Some(address) = address
            && words.any(|name| same(name, host))
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
    }
    addresses
}

/// The sources of host names without what is to be done after each (`[NOTFOUND=return]`).
fn sources(text: &str) -> Vec<String> {
    let line = text.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        line.trim().strip_prefix("hosts:")
    });
    let mut sources = Vec::new();
    let mut in_action = false;
    for word in line.unwrap_or("files dns").split_whitespace() {
        in_action |= word.starts_with('[');
        if !in_action {
            sources.push(word.to_owned());
        }
        in_action &= !word.ends_with(']');
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(resolv_conf: &str) -> ResolverSetup {
        let texts = Texts {
            resolv_conf: resolv_conf.to_owned(),
            hostname: "web1.corp.example\n".to_owned(),
            ..Texts::default()
        };
        setup("a.example", &texts)
    }

    fn servers(setup: &ResolverSetup) -> Vec<String> {
        setup.servers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_not_written_has_its_default() {
        let setup = of("# nothing\n");
        assert_eq!(servers(&setup), ["127.0.0.1:53"]);
        assert_eq!(setup.search, ["corp.example"]);
        assert_eq!((setup.ndots, setup.attempts), (1, 2));
        assert_eq!(setup.timeout, Span::from_secs(5));
        assert_eq!(setup.sources, ["files", "dns"]);
    }

    #[test]
    fn a_pod_is_told_much() {
        let setup = of(
            "search shop.svc.cluster.local svc.cluster.local. .\nnameserver 10.96.0.10\nnameserver fe80::1%3\n; no\nnameserver nonsense\nnameserver 10.0.0.2\nnameserver 10.0.0.3\noptions ndots:5 edns0 timeout:0 attempts:99\n",
        );
        assert_eq!(
            servers(&setup),
            ["10.96.0.10:53", "[fe80::1%3]:53", "10.0.0.2:53"]
        );
        assert_eq!(
            setup.search,
            ["shop.svc.cluster.local", "svc.cluster.local", "."]
        );
        assert_eq!((setup.ndots, setup.attempts), (5, 5));
        assert_eq!(setup.timeout, Span::from_secs(1));
        assert_eq!(setup.options, ["edns0"]);
    }

    #[test]
    fn the_last_of_domain_and_search_counts_and_the_environment_beats_both() {
        assert_eq!(of("search a b\ndomain c\n").search, ["c"]);
        let texts = Texts {
            resolv_conf: "search a b\noptions ndots:2\n".to_owned(),
            local_domain: Some("d e".to_owned()),
            options: "ndots:3 rotate".to_owned(),
            ..Texts::default()
        };
        let setup = setup("x", &texts);
        assert_eq!(setup.search, ["d", "e"]);
        assert_eq!(setup.ndots, 3);
        assert_eq!(setup.options, ["rotate"]);
    }

    #[test]
    fn the_hosts_file_gives_names_addresses() {
        let text = "127.0.0.1 localhost\n192.0.2.7 web Shop.Example # shop.example\n# 192.0.2.8 shop.example\n2001:db8::7 shop.example\n192.0.2.7 shop.example\n";
        let addresses: Vec<String> = hosts("shop.example", text)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(addresses, ["192.0.2.7", "2001:db8::7"]);
    }

    #[test]
    fn sources_stand_without_their_actions() {
        assert_eq!(
            sources(
                "passwd: files\nhosts: files mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL = return] dns # all\n"
            ),
            ["files", "mdns4_minimal", "resolve", "dns"]
        );
    }
}
