//! A walk through dnsmasq, a name server that is not ours. Where it is not installed, that is said, and is a
//! failure where `CI` is set.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that starts a name server; what fails fails the test"
)]

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use ww_base::SourceId;
use ww_evidence::transcript::{Answer, LookupOutcome, Transcript};
use ww_probe::{NameServer, Options, parse_target, walk};

struct Dnsmasq {
    child: Child,
    at: SocketAddr,
}

/// Ports that are tried: other tests take some as well.
const PORTS: usize = 5;

/// A port of loopback that is free, for now.
fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address")
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Dnsmasq {
    /// `None` where it is not installed.
    fn start(records: &[&str]) -> Option<Dnsmasq> {
        for _ in 0..PORTS {
            match Dnsmasq::start_at(free(), records)? {
                Ok(started) => return Some(started),
                Err(said) if said.contains("Address already in use") => {}
                Err(said) => panic!("dnsmasq does not start: {said}"),
            }
        }
        panic!("{PORTS} ports that were free were in use a moment later");
    }

    /// Starts it; what it says where it ends at once, or nothing where it is not installed.
    fn start_at(at: SocketAddr, records: &[&str]) -> Option<Result<Dnsmasq, String>> {
        let programs = ["dnsmasq", "/usr/sbin/dnsmasq"];
        let mut child = programs.iter().find_map(|program| {
            Command::new(program)
                .args([
                    "--keep-in-foreground",
                    "--conf-file=/dev/null",
                    "--no-resolv",
                    "--no-hosts",
                ])
                .args([
                    "--log-facility=-",
                    "--user=",
                    "--pid-file=",
                    "--bind-interfaces",
                ])
                .args(["--listen-address=127.0.0.1", "--except-interface=none"])
                .args(["--local=/lab.example/", &format!("--port={}", at.port())])
                .args(records)
                .stderr(Stdio::piped())
                .spawn()
                .ok()
        })?;
        let lines = BufReader::new(child.stderr.take().expect("its messages"));
        let started = Dnsmasq { child, at };
        let mut said = Vec::new();
        for line in lines.lines() {
            let line = line.expect("a line");
            if line.contains("started, version") {
                return Some(Ok(started));
            }
            said.push(line);
        }
        Some(Err(said.join("\n")))
    }

    fn walk(&self, written: &str) -> Transcript {
        let options = Options {
            dns_servers: vec![NameServer::Plain(self.at)],
            patience: Duration::from_secs(1),
            ..Options::default()
        };
        let target = parse_target(written).expect("an endpoint");
        walk(&target, &options, SourceId(0), &mut |_| {}).expect("a walk")
    }
}

fn not_here() {
    let words = "dnsmasq is not installed: the walk through a real name server was not tested";
    assert!(std::env::var_os("CI").is_none(), "{words}");
    eprintln!("{words}");
}

/// The answers in order, each with its type and what asked for it.
fn answers(transcript: &Transcript) -> Vec<(&str, bool, &Answer)> {
    transcript
        .lookups()
        .filter_map(|(_, lookup)| match &lookup.outcome {
            LookupOutcome::Answered(answer) => {
                let is_tcp = matches!(lookup.via, ww_evidence::transcript::DnsVia::Tcp(_));
                Some((lookup.kind.as_str(), is_tcp, answer.as_ref()))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn aliases_and_addresses_are_read() {
    let records = [
        "--host-record=web.lab.example,127.0.0.1,::1,300",
        "--cname=www.lab.example,web.lab.example,60",
    ];
    let Some(dnsmasq) = Dnsmasq::start(&records) else {
        return not_here();
    };
    let transcript = dnsmasq.walk("tcp://www.lab.example:9");
    let [(a, _, ipv4), (aaaa, _, ipv6)] = answers(&transcript)[..] else {
        panic!("{:#?}", transcript.steps);
    };
    assert_eq!((a, aaaa), ("A", "AAAA"));
    let chain: Vec<(&str, &str, u32, &str)> = ipv4
        .records
        .iter()
        .map(|record| {
            (
                record.name.as_str(),
                record.kind.as_str(),
                record.ttl,
                record.data.as_str(),
            )
        })
        .collect();
    assert_eq!(
        chain,
        [
            ("www.lab.example", "CNAME", 60, "web.lab.example"),
            ("web.lab.example", "A", 300, "127.0.0.1"),
        ]
    );
    assert_eq!(ipv6.records[1].data, "::1");
    let to: Vec<String> = transcript
        .connects()
        .filter_map(|(_, connect)| connect.to)
        .map(|to| to.to_string())
        .collect();
    assert!(to.contains(&"127.0.0.1:9".to_owned()), "{to:?}");
}

#[test]
fn no_such_name_and_no_address_are_told_apart() {
    let Some(dnsmasq) = Dnsmasq::start(&["--txt-record=text.lab.example,nothing else"]) else {
        return not_here();
    };
    let missing = dnsmasq.walk("tcp://missing.lab.example:9");
    let rcodes: Vec<&str> = answers(&missing)
        .iter()
        .map(|(_, _, answer)| answer.rcode.as_str())
        .collect();
    assert_eq!(rcodes[..2], ["NXDOMAIN", "NXDOMAIN"]);
    let bare = dnsmasq.walk("tcp://text.lab.example:9");
    let (_, _, answer) = answers(&bare)[0];
    assert_eq!(
        (answer.rcode.as_str(), answer.records.len()),
        ("NOERROR", 0)
    );
    assert_eq!(bare.connects().count(), 0);
}

#[test]
fn a_long_answer_comes_over_tcp() {
    let addresses: Vec<String> = (0..400)
        .map(|nth| {
            format!(
                "--host-record=many.lab.example,127.9.{}.{}",
                nth / 200,
                nth % 200
            )
        })
        .collect();
    let mut records: Vec<&str> = addresses.iter().map(String::as_str).collect();
    records.push("--edns-packet-max=1232");
    let Some(dnsmasq) = Dnsmasq::start(&records) else {
        return not_here();
    };
    let options = Options {
        dns_servers: vec![NameServer::Plain(dnsmasq.at)],
        max_time: Duration::from_millis(400),
        patience: Duration::from_millis(200),
        ..Options::default()
    };
    let target = parse_target("tcp://many.lab.example:9").expect("an endpoint");
    let transcript = walk(&target, &options, SourceId(0), &mut |_| {}).expect("a walk");
    let answers = answers(&transcript);
    assert!(answers[0].2.truncated, "{:?}", answers[0].2.bytes);
    assert!(answers[1].1, "the second is over TCP");
    assert_eq!(answers[1].2.records.len(), 400);
    assert!(answers[1].2.bytes > 1232);
    // Attempts to connect begin 50 ms apart.
    let tried = transcript.connects().count();
    assert!((1..=8).contains(&tried), "{tried} addresses in 400 ms");
    let gaps = transcript.gaps.iter().map(|gap| gap.missing.as_str());
    assert!(
        gaps.into_iter()
            .any(|gap| gap == "what comes after --max-time")
    );
}
