//! Walks through scripted name servers on loopback.

mod authority;
mod binding;
mod encrypted;
mod server;
mod transport;

use super::wire::{NS, SOA};
use super::*;
use crate::Options;
use crate::recorder::Recorder;
use server::{server, server_at, soa, v4, wired};
use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use ww_base::Span;
use ww_evidence::transcript::{DnsVia, Lookup, Step, StubSetup, Target};

fn target(host: &str, service: Service) -> Target {
    Target {
        written: host.to_owned(),
        service,
        host: host.to_owned(),
        port: 443,
        path: "/".to_owned(),
    }
}

fn options() -> Options {
    Options {
        patience: Duration::from_millis(250),
        ..Options::default()
    }
}

/// Resolves a name with these servers alone.
async fn resolve(
    servers: &[SocketAddr],
    target: Target,
    options: Options,
    change: impl FnOnce(&mut Resolving<'_, '_>),
) -> (Vec<String>, Vec<Step>) {
    let (found, steps) = resolve_all(servers, target, options, change).await;
    let endpoints = found.endpoints.iter().map(ToString::to_string).collect();
    (endpoints, steps)
}

/// The same with all that was found.
async fn resolve_all(
    servers: &[SocketAddr],
    target: Target,
    options: Options,
    change: impl FnOnce(&mut Resolving<'_, '_>),
) -> (Found, Vec<Step>) {
    let mut listener = |_: &Step| {};
    let walker = Walker {
        target: &target,
        options: &options,
        recorder: Recorder::new(&mut listener),
    };
    let setup = ResolverSetup {
        servers: servers.to_vec(),
        ndots: 1,
        timeout: Span::from_secs(5),
        ..ResolverSetup::default()
    };
    let mut resolving = Resolving::new(&walker, setup);
    resolving.asks_system = false;
    change(&mut resolving);
    let found = resolving.run().await;
    (found, walker.recorder.finish().0)
}

fn lookups(steps: &[Step]) -> Vec<&Lookup> {
    steps
        .iter()
        .filter_map(|step| match &step.seen {
            Seen::Lookup(lookup) => Some(lookup),
            _ => None,
        })
        .collect()
}

/// Each lookup in a few words.
fn told(steps: &[Step]) -> Vec<String> {
    lookups(steps)
        .iter()
        .map(|lookup| {
            let how = match (&lookup.via, lookup.edns_size) {
                (DnsVia::Tcp(_), _) => "tcp".to_owned(),
                (_, Some(size)) => size.to_string(),
                (_, None) => "plain".to_owned(),
            };
            let outcome = match &lookup.outcome {
                LookupOutcome::Answered(answer) => answer.rcode.clone(),
                LookupOutcome::TimedOut => "silence".to_owned(),
                LookupOutcome::Refused => "closed".to_owned(),
                LookupOutcome::Failed(why) => why.clone(),
            };
            let unchecked = if lookup.checking_disabled {
                " unchecked"
            } else {
                ""
            };
            let own = if lookup.authoritative_server {
                " own"
            } else {
                ""
            };
            format!(
                "{} {} {how}{unchecked}{own}: {outcome}",
                lookup.kind, lookup.name
            )
        })
        .collect()
}

/// Runs a test on one thread with tasks of its own.
fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(tokio::task::LocalSet::new().run_until(test));
}

#[test]
fn each_server_is_asked_and_what_they_know_is_joined() {
    run(async {
        let one = server(|asked| match asked.kind {
            A => asked.gives("192.0.2.1"),
            _ => Some(asked.reply().record(
                0,
                &asked.name,
                AAAA,
                &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
            )),
        });
        let other = server(|asked| match asked.kind {
            A => Some(
                asked
                    .reply()
                    .record(0, &asked.name, A, &v4("192.0.2.2"))
                    .record(0, &asked.name, A, &v4("192.0.2.1")),
            ),
            _ => Some(asked.reply().record(
                0,
                &asked.name,
                AAAA,
                &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
            )),
        });
        let servers = [one.await, other.await];
        let (found, steps) = resolve(
            &servers,
            target("a.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert_eq!(
            found,
            ["192.0.2.1:443", "[2001:db8::7]:443", "192.0.2.2:443"]
        );
        assert_eq!(
            told(&steps),
            [
                "A a.example 4096: NOERROR",
                "A a.example 4096: NOERROR",
                "AAAA a.example 4096: NOERROR",
                "AAAA a.example 4096: NOERROR",
            ]
        );
        let four = Options {
            families: Families::V4,
            ..options()
        };
        let (found, steps) =
            resolve(&servers, target("a.example", Service::Tcp), four, |_| {}).await;
        assert_eq!(found, ["192.0.2.1:443", "192.0.2.2:443"]);
        assert_eq!(steps.len(), 2);
    });
}

#[test]
fn search_lists_are_followed_as_long_as_a_library_would() {
    run(async {
        let server = server(|asked| match asked.name.as_str() {
            "api.shop.example" if asked.kind == A => asked.gives("192.0.2.1"),
            "api.shop.example" => asked.fail(0),
            _ => asked.fail(3),
        });
        let (found, steps) = resolve(
            &[server.await],
            target("api", Service::Tcp),
            options(),
            |resolving| {
                resolving.setup.search = ["x.example", "shop.example", "late.example"]
                    .map(str::to_owned)
                    .to_vec();
            },
        )
        .await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(
            told(&steps),
            [
                "A api 4096: NXDOMAIN",
                "AAAA api 4096: NXDOMAIN",
                "A api.x.example 4096: NXDOMAIN",
                "A api.shop.example 4096: NOERROR",
                "AAAA api.shop.example 4096: NOERROR",
            ]
        );
        assert_eq!(lookups(&steps)[2].expanded_by, ["glibc", "musl"]);
    });
}

#[test]
fn hosts_of_a_service_come_in_the_order_of_their_priority_and_weight() {
    run(async {
        let record = |numbers: [u8; 6], host: &str| [&numbers[..], &wired(host)].concat();
        let server = server(move |asked| match (asked.name.as_str(), asked.kind) {
            ("_web._tcp.example", SRV) => Some(
                asked
                    .reply()
                    .record(
                        0,
                        &asked.name,
                        SRV,
                        &record([0, 9, 0, 0, 0, 80], "last.example"),
                    )
                    .record(
                        0,
                        &asked.name,
                        SRV,
                        &record([0, 1, 0, 1, 0, 81], "light.example"),
                    )
                    .record(
                        0,
                        &asked.name,
                        SRV,
                        &record([0, 1, 0, 9, 0, 82], "heavy.example"),
                    ),
            ),
            ("last.example", A) => asked.gives("192.0.2.3"),
            ("light.example", A) => asked.gives("192.0.2.2"),
            ("heavy.example", A) => asked.gives("192.0.2.1"),
            _ => asked.fail(0),
        })
        .await;
        let options = Options {
            resolve: vec![("light.example".to_owned(), 81, Ipv4Addr::LOCALHOST.into())],
            ..options()
        };
        let (found, _) = resolve(
            &[server],
            target("_web._tcp.example", Service::Tcp),
            options,
            |_| {},
        )
        .await;
        assert_eq!(found, ["192.0.2.1:82", "127.0.0.1:81", "192.0.2.3:80"]);
    });
}

#[test]
fn a_service_leads_to_its_hosts_and_ports() {
    run(async {
        let server = server(|asked| match (asked.name.as_str(), asked.kind) {
            ("_xmpp._tcp.example", SRV) => Some(
                asked
                    .reply()
                    .record(
                        0,
                        &asked.name,
                        SRV,
                        &[&[0, 1, 0, 1, 0x14, 0x66][..], &wired("chat.example")].concat(),
                    )
                    .record(0, &asked.name, SRV, b"\0\0\0\0\0\0\0"),
            ),
            ("chat.example", A) => asked.gives("192.0.2.9"),
            _ => asked.fail(0),
        });
        let (found, steps) = resolve(
            &[server.await],
            target("_xmpp._tcp.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert_eq!(found, ["192.0.2.9:5222"]);
        assert_eq!(
            told(&steps),
            [
                "SRV _xmpp._tcp.example 4096: NOERROR",
                "A chat.example 4096: NOERROR",
                "AAAA chat.example 4096: NOERROR",
            ]
        );
        assert_eq!(steps[1].why, "the service _xmpp._tcp.example is there");
    });
}

#[test]
fn how_an_https_service_is_reached_is_asked_for_too() {
    run(async {
        let server = server(|asked| match asked.kind {
            A => asked.gives("192.0.2.1"),
            HTTPS => Some(asked.reply().record(
                0,
                &asked.name,
                HTTPS,
                b"\0\x01\0\0\x01\0\x03\x02h2",
            )),
            _ => asked.fail(0),
        });
        let server = server.await;
        let (_, steps) = resolve(
            &[server],
            target("a.example", Service::Https),
            options(),
            |_| {},
        )
        .await;
        let LookupOutcome::Answered(answer) = &lookups(&steps)[2].outcome else {
            panic!("an answer");
        };
        assert_eq!(answer.records[0].data, r#"1 . alpn="h2""#);
        let mut other = target("a.example", Service::Https);
        other.port = 8443;
        let (_, steps) = resolve(&[server], other, options(), |_| {}).await;
        assert_eq!(lookups(&steps)[2].name, "_8443._https.a.example");
    });
}

#[test]
fn what_answers_another_question_is_not_believed() {
    run(async {
        let server = server(|asked| {
            let mut said = asked.gives("192.0.2.66")?;
            said.asked.id[0] ^= 1;
            Some(said)
        });
        let (found, steps) = resolve(
            &[server.await],
            target("a.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert!(found.is_empty());
        assert_eq!(told(&steps)[0], "A a.example 4096: silence");
        let tcp = "A a.example tcp: the connection was closed without an answer".to_owned();
        assert!(told(&steps).contains(&tcp), "{:?}", told(&steps));
    });
}

#[test]
fn time_that_is_up_ends_the_questions() {
    run(async {
        let silent = server(|_| None).await;
        let short = Options {
            max_time: Duration::from_millis(300),
            ..options()
        };
        let (_, steps) = resolve(
            &[silent, silent, silent],
            target("a.example", Service::Tcp),
            short,
            |_| {},
        )
        .await;
        // One for each server, or two where the first was given up just in time.
        assert!((3..=6).contains(&steps.len()), "{:?}", told(&steps));
    });
}

#[test]
fn addresses_that_the_user_names_are_used_without_a_question() {
    run(async {
        let target = target("a.example", Service::Https);
        let options = Options {
            resolve: vec![
                ("A.example".to_owned(), 443, Ipv4Addr::LOCALHOST.into()),
                ("a.example".to_owned(), 80, Ipv4Addr::BROADCAST.into()),
            ],
            ..options()
        };
        let mut listener = |_: &Step| {};
        let walker = Walker {
            target: &target,
            options: &options,
            recorder: Recorder::new(&mut listener),
        };
        assert_eq!(
            find(&walker).await.endpoints,
            ["127.0.0.1:443".parse().expect("an address")]
        );
        assert!(walker.recorder.finish().0.is_empty());
    });
}
