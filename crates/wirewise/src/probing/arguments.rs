//! The options of `wirewise diagnose TARGET`, named as curl's where curl has them.

use anyhow::Context as _;
use clap::{Args, ValueEnum, ValueHint};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use ww_probe::{Depth, Families, NameServer, NetworkNamespace, Options, TrustAnchors};

/// How much is asked of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DepthChoice {
    /// One question per layer.
    Quick,
    /// Every address and version, and what an answer makes one ask.
    Normal,
    /// Also all suites, idle times and the path.
    Deep,
}

/// What is asked of live endpoints, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Live endpoints")]
pub(crate) struct ProbeArguments {
    /// How much is asked: quick, normal or deep.
    #[arg(long, value_enum, default_value_t = DepthChoice::Normal, hide_possible_values = true)]
    depth: DepthChoice,

    /// Use this address for that host and port; may be repeated.
    #[arg(long, value_name = "HOST:PORT:ADDR", value_parser = resolve)]
    resolve: Vec<(String, u16, IpAddr)>,

    /// Ask this name server, not the configured ones: ADDR[:PORT], tls://HOST[:PORT][#NAME] or
    /// https://HOST[:PORT][/PATH][#NAME]; may be repeated.
    #[arg(long, value_name = "SERVER", value_parser = str::parse::<NameServer>)]
    dns_server: Vec<NameServer>,

    /// Begin chains of DNSSEC at these DS or DNSKEY records (as in a zone file), not at the root's.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    trust_anchor: Option<PathBuf>,

    /// Use IPv4 addresses alone.
    #[arg(short = '4', long = "ipv4", conflicts_with = "v6")]
    v4: bool,

    /// Use IPv6 addresses alone.
    #[arg(short = '6', long = "ipv6")]
    v6: bool,

    /// Trust these roots (PEM), not the system's.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    cacert: Option<PathBuf>,

    /// Show this client certificate (PEM) to a server that asks.
    #[arg(long, value_name = "FILE", requires = "key", value_hint = ValueHint::FilePath)]
    cert: Option<PathBuf>,

    /// The key of the client certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "cert", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,

    /// Send this header field with requests; may be repeated.
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,

    /// Probe from this network namespace, as `ip netns` names it or by its path (as root).
    #[arg(long, value_name = "NAME|PATH", conflicts_with = "pid")]
    netns: Option<String>,

    /// Probe from the network namespace of this process (as root).
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,

    /// Begin no question after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    max_time: u64,

    /// Put the whole question up to this often, for trouble that comes and goes; ends as soon as the
    /// answer is clear.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    repeat: u32,

    /// Walk it again and again and tell what changes: in text the changes, with --format json a line for every walk. Ends
    /// with a summary, after --for or at the first interrupt.
    #[arg(long, conflicts_with = "record")]
    pub(crate) watch: bool,

    /// The mean of the times between two walks; they are random, so that a fault with a beat is met like any other.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "watch")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,

    /// Watch for this long.
    #[arg(long = "for", value_name = "SECONDS", requires = "watch")]
    watch_for: Option<u64>,

    /// Write every step to this file, a line each; `wirewise diagnose FILE` judges it again.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) record: Option<PathBuf>,
}

impl ProbeArguments {
    /// The mean of the times between two walks.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs(self.interval)
    }

    /// How long is watched; none for as long as the user likes.
    pub(crate) fn watch_for(&self) -> Option<Duration> {
        self.watch_for.map(Duration::from_secs)
    }

    /// The options, with the files they name read.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn options(&self) -> anyhow::Result<Options> {
        let read = |path: &PathBuf| super::read_file(path);
        let client_certificate = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some((read(cert)?, read(key)?)),
            _ => None,
        };
        let trust_anchors = match &self.trust_anchor {
            Some(path) => trust_anchors(path)?,
            None => TrustAnchors::default(),
        };
        Ok(Options {
            depth: match self.depth {
                DepthChoice::Quick => Depth::Quick,
                DepthChoice::Normal => Depth::Normal,
                DepthChoice::Deep => Depth::Deep,
            },
            families: match (self.v4, self.v6) {
                (true, _) => Families::V4,
                (_, true) => Families::V6,
                _ => Families::Both,
            },
            resolve: self.resolve.clone(),
            dns_servers: self.dns_server.clone(),
            trust_anchors,
            roots: self.cacert.as_ref().map(read).transpose()?,
            client_certificate,
            headers: self.header.clone(),
            namespace: match (&self.netns, self.pid) {
                (Some(name), _) => Some(NetworkNamespace::Named(name.clone())),
                (_, Some(process)) => Some(NetworkNamespace::OfProcess(process)),
                _ => None,
            },
            idle_time: Duration::from_secs(self.max_time),
            max_time: Duration::from_secs(self.max_time),
            repeat: self.repeat,
            ..Options::default()
        })
    }
}

/// The keys where chains of DNSSEC begin.
fn trust_anchors(path: &Path) -> anyhow::Result<TrustAnchors> {
    let bytes = super::read_file(path)?;
    TrustAnchors::parse(&String::from_utf8_lossy(&bytes))
        .with_context(|| format!("read the trust anchors in {}", path.display()))
}

/// `HOST:PORT:ADDR`, the address in brackets or not.
fn resolve(text: &str) -> Result<(String, u16, IpAddr), String> {
    let wrong = || "write it like api.example.com:443:192.0.2.7".to_owned();
    let (host, rest) = text.split_once(':').ok_or_else(wrong)?;
    let (port, address) = rest.split_once(':').ok_or_else(wrong)?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    Ok((
        host.to_ascii_lowercase(),
        port.parse().map_err(|_| wrong())?,
        address.parse().map_err(|_| wrong())?,
    ))
}

/// `NAME: VALUE`.
fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("write it like `Authorization: Bearer …`")?;
    let name = name.trim();
    let is_token = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if !is_token || value.contains(['\r', '\n']) {
        return Err(
            "a header field has a name of letters, digits and dashes, and one line".to_owned(),
        );
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_curl_reads_them() {
        let (host, port, address) = resolve("Api.Example:443:[2001:db8::1]").expect("an entry");
        assert_eq!((host.as_str(), port), ("api.example", 443));
        assert!(address.is_ipv6());
        assert!(resolve("api.example:443").is_err());
        assert_eq!(
            header("X-Team:  blue ").expect("a field"),
            ("X-Team".to_owned(), "blue".to_owned())
        );
        assert!(header("X-Team: a\r\nHost: b").is_err());
        assert!(header("no field").is_err());
    }
}
