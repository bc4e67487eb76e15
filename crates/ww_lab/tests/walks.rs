//! Walks over a real network with one fault at a time: the finding names it.

#![expect(clippy::disallowed_methods, reason = "the lab is real")]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener};
use std::time::Duration;
use ww_base::{Limits, SourceId};
use ww_evidence::transcript::Transcript;
use ww_lab::error::LabError;
use ww_lab::namespace::Namespace;
use ww_probe::{Depth, NetworkNamespace, Options, parse_target, walk};

/// A client, a router and a server with two addresses; both families; nothing is filtered.
struct Net {
    client: Namespace,
    router: Namespace,
    server: Namespace,
}

const SERVER: &str = "10.71.2.2";
const SECOND: &str = "10.71.2.3";
const SERVER_V6: &str = "fd71:2::2";

impl Net {
    fn build() -> Result<Net, LabError> {
        let net = Net {
            client: Namespace::create("client")?,
            router: Namespace::create("router")?,
            server: Namespace::create("server")?,
        };
        for (host, number, leg) in [(&net.client, 1, "c0"), (&net.server, 2, "s0")] {
            let router = net.router.name();
            let ends = [(host, "up0", 2), (&net.router, leg, 1)];
            host.command(&format!(
                "ip link add up0 type veth peer name {leg} netns {router}"
            ))?;
            for (namespace, device, last) in ends {
                namespace.sysctl("ipv6.conf.all.accept_dad", "0")?;
                namespace.sysctl("ipv6.conf.default.accept_dad", "0")?;
                namespace.command(&format!(
                    "ip addr add 10.71.{number}.{last}/24 dev {device}"
                ))?;
                namespace.command(&format!(
                    "ip addr add fd71:{number}::{last}/64 dev {device} nodad"
                ))?;
                namespace.command(&format!("ip link set {device} up"))?;
                namespace.command("ip link set lo up")?;
            }
            host.command(&format!("ip route add default via 10.71.{number}.1"))?;
            host.command(&format!("ip -6 route add default via fd71:{number}::1"))?;
        }
        net.server
            .command(&format!("ip addr add {SECOND}/24 dev up0"))?;
        for (key, value) in [
            ("ipv4.ip_forward", "1"),
            ("ipv6.conf.all.forwarding", "1"),
            ("ipv4.icmp_ratelimit", "0"),
            ("ipv6.icmp.ratelimit", "0"),
        ] {
            net.router.sysctl(key, value)?;
        }
        for (chain, hook) in [("pass", "forward"), ("own", "output")] {
            net.router.command("nft add table inet lab")?;
            net.router.command(&format!(
                "nft add chain inet lab {chain} {{ type filter hook {hook} priority 0 ; }}"
            ))?;
        }
        net.server.spawn(serve)?;
        std::thread::sleep(Duration::from_millis(100));
        Ok(net)
    }

    /// The rules with which the router filters; those from before go.
    fn filter(&self, rules: &[&str]) {
        self.router.command("nft flush table inet lab").unwrap();
        for rule in rules {
            self.router
                .command(&format!("nft add rule inet lab {rule}"))
                .unwrap();
        }
    }

    /// What a walk from the client sees.
    fn walk(&self, target: &str, addresses: &[&str], options: Options) -> Transcript {
        let resolve = addresses
            .iter()
            .map(|address| {
                (
                    "lab.example".to_owned(),
                    80,
                    address.parse::<IpAddr>().unwrap(),
                )
            })
            .collect();
        let options = Options {
            resolve,
            namespace: Some(NetworkNamespace::Named(self.client.name().to_owned())),
            ..options
        };
        let target = parse_target(target).unwrap();
        walk(&target, &options, SourceId(0), &mut |_| {}).unwrap()
    }
}

/// An HTTP server on port 80 of every address that answers with more than a segment, for as long as the
/// test runs.
fn serve() {
    let Ok(listener) = TcpListener::bind("[::]:80") else {
        return;
    };
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        std::thread::spawn(move || {
            let mut request = [0; 4096];
            if stream.read(&mut request).is_ok_and(|bytes| bytes > 0) {
                let body = "x".repeat(8_000);
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: 8000\r\nConnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes());
                let _ = stream.read(&mut request);
            }
        });
    }
}

/// The network, or `None` after one loud line; under CI a missing permission is a failure.
fn net() -> Option<Net> {
    match Net::build() {
        Ok(net) => Some(net),
        Err(LabError::NotPossible { operation, reason }) if std::env::var_os("CI").is_none() => {
            eprintln!("NOT TESTED: walks need root and namespaces ({operation}: {reason})");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A short walk: the layers below HTTP are meant.
fn short() -> Options {
    Options {
        patience: Duration::from_millis(1_500),
        ..Options::default()
    }
}

/// The rules of the connection layer that find something, with their headlines.
fn found(transcript: &Transcript) -> Vec<(&'static str, String)> {
    let (findings, _) = ww_rules::judge(&[], std::slice::from_ref(transcript), &Limits::default());
    findings
        .into_iter()
        .map(|finding| (finding.rule, finding.headline))
        .filter(|(rule, _)| {
            ww_rules::find(rule).is_some_and(|rule| ["net", "tcp"].contains(&rule.meta.family))
        })
        .collect()
}

/// One finding, of this rule, whose headline has these words.
#[track_caller]
fn assert_found(transcript: &Transcript, rule: &str, words: &str) {
    let found = found(transcript);
    let [(name, headline)] = found.as_slice() else {
        panic!("{rule} alone, not {found:?}: {:#?}", transcript.steps);
    };
    assert_eq!(*name, rule, "{headline}");
    assert!(headline.contains(words), "{headline}");
}

#[test]
fn filters_that_answer_are_told_by_what_they_say() {
    let Some(net) = net() else { return };
    let healthy = net.walk("http://lab.example", &[SERVER, SERVER_V6], short());
    assert_eq!(found(&healthy), [], "{:#?}", healthy.steps);
    let rejected = [
        ("icmp type port-unreachable", SERVER, "port unreachable"),
        (
            "icmp type admin-prohibited",
            SERVER,
            "administratively prohibited",
        ),
        ("icmp type host-prohibited", SERVER, "host administratively"),
        (
            "icmp type net-prohibited",
            SERVER,
            "network administratively",
        ),
        (
            "icmpv6 type port-unreachable",
            SERVER_V6,
            "port unreachable",
        ),
        (
            "icmpv6 type admin-prohibited",
            SERVER_V6,
            "administratively prohibited",
        ),
    ];
    for (with, address, words) in rejected {
        net.filter(&[&format!("pass tcp dport 80 reject with {with}")]);
        let seen = net.walk("http://lab.example", &[address], short());
        assert_found(&seen, "icmp-rejected", words);
    }
    net.filter(&["pass tcp dport 80 reject with icmp type host-unreachable"]);
    let seen = net.walk("http://lab.example", &[SERVER], short());
    assert_found(
        &seen,
        "host-unreachable",
        "10.71.1.1 says \"host unreachable",
    );
    net.filter(&["pass tcp dport 80 reject with tcp reset"]);
    let seen = net.walk("http://lab.example", &[SERVER, SERVER_V6], short());
    assert_found(&seen, "connection-refused", "Both addresses");
}

#[test]
fn silence_and_its_reach_are_told() {
    let Some(net) = net() else { return };
    net.filter(&["pass tcp dport 80 drop"]);
    let seen = net.walk("http://lab.example", &[SERVER], short());
    assert_found(&seen, "syn-unanswered", "answers on port 443");
    net.filter(&["pass ip6 daddr fd71:2::2 tcp dport 80 drop"]);
    let seen = net.walk("http://lab.example", &[SERVER_V6, SERVER], short());
    assert_found(&seen, "address-family-broken", "loses 250 ms");
    net.filter(&["pass ip daddr 10.71.2.3 tcp dport 80 drop"]);
    let seen = net.walk("http://lab.example", &[SECOND, SERVER, SERVER_V6], short());
    assert_found(&seen, "one-address-broken", SECOND);
}

/// What a walk chose to ask, in order.
fn asked(transcript: &Transcript) -> Vec<&str> {
    let mut controls = Vec::new();
    for chosen in transcript
        .steps
        .iter()
        .filter_map(|step| step.chosen.as_ref())
    {
        for control in &chosen.controls {
            if !controls.contains(&control.as_str()) {
                controls.push(control.as_str());
            }
        }
    }
    controls
}

#[test]
fn what_is_asked_next_depends_on_how_it_failed() {
    let Some(net) = net() else { return };
    let asked_with = |rule: &str| {
        net.filter(&[rule]);
        let seen = net.walk("http://lab.example", &[SERVER], short());
        asked(&seen)
            .iter()
            .map(|one| (*one).to_owned())
            .collect::<Vec<_>>()
    };
    let dropped = asked_with("pass tcp dport 80 drop");
    assert_eq!(dropped.first().unwrap(), "this host's connection table");
    assert!(dropped.contains(&"other ports".to_owned()), "{dropped:?}");
    assert!(dropped.contains(&"the path".to_owned()), "{dropped:?}");
    let forbidden = asked_with("pass tcp dport 80 reject with icmp type admin-prohibited");
    assert_eq!(forbidden, ["other ports"]);
    let no_way = asked_with("pass tcp dport 80 reject with icmp type host-unreachable");
    assert_eq!(no_way, ["the path"]);
    let reset = asked_with("pass tcp dport 80 reject with tcp reset");
    assert_eq!(reset, ["other services"]);
    net.filter(&[]);
    let healthy = net.walk("http://lab.example", &[SERVER], short());
    assert_eq!(asked(&healthy), Vec::<&str>::new());
}

/// What is said of failures that come and go.
fn intermittent(transcript: &Transcript) -> String {
    let (findings, _) = ww_rules::judge(&[], std::slice::from_ref(transcript), &Limits::default());
    let mut all = findings.into_iter();
    all.find(|finding| finding.rule == "intermittent-failure")
        .map_or(String::new(), |finding| finding.headline)
}

#[test]
fn a_hash_over_source_ports_is_told_from_chance() {
    let Some(net) = net() else { return };
    let syn = "pass tcp dport 80 tcp flags & (syn | ack) == syn";
    // The walk itself comes before the fault.
    let first = format!("{syn} limit rate 1/day burst 6 packets accept");
    let many = || Options {
        patience: Duration::from_millis(500),
        repeat: 80,
        ..Options::default()
    };
    let with = |target: &str, fault: &str| {
        net.filter(&[&first, &format!("{syn} {fault}")]);
        let seen = net.walk(target, &[SERVER], many());
        let ports: Vec<_> = seen
            .series()
            .flat_map(|(_, series)| series.ports.clone())
            .collect();
        (intermittent(&seen), ports)
    };
    for target in ["tcp://10.71.2.2:80", "http://lab.example"] {
        let by_hash = "jhash tcp sport mod 3 seed 0x5eed == 0";
        let (says, ports) = with(target, &format!("{by_hash} drop"));
        assert!(
            says.contains("the same source ports fail each time"),
            "{says} {ports:#?}"
        );
        let (says, ports) = with(target, &format!("{by_hash} reject with tcp reset"));
        assert!(
            says.contains("the same source ports fail each time"),
            "{says} {ports:#?}"
        );
        let (says, ports) = with(target, "numgen random mod 3 == 0 reject with tcp reset");
        assert!(
            says.contains("failed") && !says.contains("the same source ports"),
            "{says}"
        );
        assert!(
            ports.len() >= 4 && ports.iter().all(|one| one.again.len() == 3),
            "{ports:#?}"
        );
    }
}

#[test]
fn a_way_that_is_not_there_is_told() {
    let Some(net) = net() else { return };
    let seen = net.walk("http://10.99.0.1", &[], short());
    assert_found(&seen, "host-unreachable", "network unreachable");
    let patient = Options {
        patience: Duration::from_secs(4),
        ..Options::default()
    };
    let seen = net.walk("http://10.71.2.99", &[], patient);
    assert_found(&seen, "host-unreachable", "10.71.1.1, the last router");
    net.client.command("ip -6 route del default").unwrap();
    let seen = net.walk("http://lab.example", &[SERVER_V6, SERVER], short());
    assert_eq!(found(&seen), []);
    net.client.command("ip route del default").unwrap();
    let seen = net.walk("http://lab.example", &[SERVER], short());
    assert_found(&seen, "host-unreachable", "no route");
}

#[test]
fn the_largest_segment_of_a_black_hole_is_found() {
    let Some(net) = net() else { return };
    net.filter(&["own icmp type destination-unreachable drop"]);
    net.router.command("ip link set c0 mtu 1300").unwrap();
    let seen = net.walk("http://lab.example", &[SERVER], short());
    assert_found(&seen, "path-mtu-black-hole", "from 10.71.2.2 to 10.71.1.2");
    let usable = seen.segment_sizes().find_map(|(_, sizes)| sizes.usable);
    assert!(
        usable.is_some_and(|mss| (1_252..=1_260).contains(&mss)),
        "{usable:?}"
    );
}

#[test]
fn forgotten_connections_are_found() {
    let Some(net) = net() else { return };
    net.filter(&["pass ct state invalid drop"]);
    for (key, value) in [
        ("netfilter.nf_conntrack_tcp_timeout_established", "2"),
        ("netfilter.nf_conntrack_tcp_loose", "0"),
    ] {
        net.router.sysctl(key, value).unwrap();
    }
    let deep = Options {
        depth: Depth::Deep,
        idle_time: Duration::from_secs(4),
        ..short()
    };
    let seen = net.walk("tcp://10.71.2.2:80", &[], deep);
    assert_found(&seen, "idle-connection-dropped", "forgets connections");
    let hops: Vec<_> = seen
        .paths()
        .flat_map(|(_, path)| &path.hops)
        .map(|hop| (hop.from, hop.reached))
        .collect();
    let router: IpAddr = "10.71.1.1".parse().unwrap();
    let server: IpAddr = SERVER.parse().unwrap();
    assert_eq!(hops, [(Some(router), false), (Some(server), true)]);
}
