//! Walks to scripted servers of HTTP on loopback: one fault each.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "servers on loopback are opened, and live in real time; what a test needs is there or the test fails"
)]

mod servers;

use servers::{Server, close, reset};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};
use ww_base::{SourceId, Span};
use ww_evidence::transcript::{
    Arrivals, HttpExchange, HttpOutcome, HttpReply, HttpVersion, Transcript,
};
use ww_probe::{Depth, Options, parse_target, walk};

fn options() -> Options {
    Options {
        patience: Duration::from_millis(200),
        max_time: Duration::from_secs(5),
        ..Options::default()
    }
}

fn walked_with(server: &Server, path: &str, options: &Options) -> Transcript {
    let target = parse_target(&format!("http://{}{path}", server.address())).expect("a target");
    walk(&target, options, SourceId(0), &mut |_| {}).expect("a walk")
}

fn walked(server: &Server) -> Transcript {
    walked_with(server, "/", &options())
}

fn exchanges(transcript: &Transcript) -> Vec<HttpExchange> {
    transcript
        .exchanges()
        .map(|(_, exchange)| exchange.clone())
        .filter(|exchange| exchange.version == HttpVersion::One)
        .collect()
}

/// What became of the first request.
fn outcome(server: &Server) -> HttpOutcome {
    let all = exchanges(&walked(server));
    all.first().expect("an exchange").outcome.clone()
}

fn reply(server: &Server) -> HttpReply {
    match outcome(server) {
        HttpOutcome::Replied(reply) => *reply,
        other => panic!("no answer: {other:?}"),
    }
}

fn say(stream: &mut TcpStream, text: &str) {
    // A client that is gone is the client's choice.
    let _ = stream.write_all(text.as_bytes());
}

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: test\r\n\r\nok";

#[test]
fn a_healthy_server_is_asked_twice_over_one_connection() {
    let server = Server::new(|stream, request| {
        assert!(
            request.head.contains("user-agent: wirewise/"),
            "{}",
            request.head
        );
        say(stream, FINE);
    });
    let transcript = walked(&server);
    let all = exchanges(&transcript);
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(!all[0].reused && all[1].reused);
    for exchange in &all {
        let reply = exchange.reply().expect("an answer");
        assert_eq!((reply.status, reply.header("server")), (200, Some("test")));
        assert!(reply.body.complete);
    }
    assert!(all[0].phases.connect > Span::ZERO);
    assert_eq!(all[1].phases.connect, Span::ZERO);
    let (step, _) = transcript.exchanges().next().expect("a step");
    assert!(step.command.starts_with("curl "), "{}", step.command);
    assert_eq!(transcript.gaps, []);
}

#[test]
fn a_user_s_fields_are_sent() {
    let server = Server::new(|stream, request| {
        let text = if request.head.contains("X-Test: yes\r\n") {
            FINE
        } else {
            ""
        };
        say(stream, text);
    });
    let options = Options {
        headers: vec![("X-Test".to_owned(), "yes".to_owned())],
        ..options()
    };
    let all = exchanges(&walked_with(&server, "/", &options));
    assert_eq!(all[0].reply().map(|reply| reply.status), Some(200));
}

#[test]
fn no_answer_is_told_by_how_the_connection_ends() {
    assert_eq!(
        outcome(&Server::new(|stream, _| close(stream))),
        HttpOutcome::Closed
    );
    assert_eq!(
        outcome(&Server::new(|stream, _| reset(stream))),
        HttpOutcome::Reset
    );
    let silent = Server::new(|_, _| sleep(Duration::from_secs(2)));
    let began = Instant::now();
    assert_eq!(outcome(&silent), HttpOutcome::TimedOut);
    // It waits longer than usual, as gateways do.
    assert!(
        began.elapsed() >= Duration::from_millis(1_100),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn what_is_not_http_is_told_with_its_first_line() {
    let ssh = Server::new(|stream, _| {
        say(stream, "SSH-2.0-OpenSSH_9.2p1 \x1b[31mDebian\r\n");
        close(stream);
    });
    assert_eq!(
        outcome(&ssh),
        HttpOutcome::NotHttp("SSH-2.0-OpenSSH_9.2p1 \x1b[31mDebian".to_owned())
    );
    let broken = Server::new(|stream, _| say(stream, "HTTP/1.1 OK\r\n\r\n"));
    assert!(matches!(outcome(&broken), HttpOutcome::Broken(why) if why.contains("status line")));
}

#[test]
fn a_body_that_breaks_off_is_incomplete() {
    let short = reply(&Server::new(|stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        close(stream);
    }));
    assert!(!short.body.complete && !short.body.cut);
    assert_eq!((short.body.announced, short.body.received), (Some(100), 4));
    assert!(
        short.body.fault.contains("96 bytes are missing"),
        "{:?}",
        short.body
    );

    let chunks = reply(&Server::new(|stream, _| {
        say(
            stream,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n",
        );
        close(stream);
    }));
    assert_eq!(chunks.body.fault, "`xyz` is no chunk size");

    let stalled = reply(&Server::new(|stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        sleep(Duration::from_secs(1));
    }));
    assert!(
        stalled.body.fault.contains("nothing more came"),
        "{:?}",
        stalled.body
    );
}

#[test]
fn a_server_that_never_ends_is_left() {
    let endless = Server::new(|stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\n");
        while stream
            .write_all(b"X-More: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")
            .is_ok()
        {}
    });
    assert!(matches!(outcome(&endless), HttpOutcome::Broken(why) if why.contains("do not end")));

    let flood = reply(&Server::new(|stream, _| {
        say(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        );
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    }));
    assert!(flood.body.cut && flood.body.fault.is_empty());

    let drip = Server::new(|stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            sleep(Duration::from_millis(50));
        }
    });
    let began = Instant::now();
    let slow = reply(&drip);
    assert!(
        slow.body.cut && slow.body.fault.is_empty(),
        "{:?}",
        slow.body
    );
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[test]
fn the_time_before_an_answer_is_its_own_phase() {
    let server = Server::new(|stream, _| {
        sleep(Duration::from_millis(150));
        say(stream, FINE);
    });
    let all = exchanges(&walked(&server));
    assert!(
        all[0].phases.wait >= Span::from_millis(150),
        "{:?}",
        all[0].phases
    );
    assert!(
        all[0].phases.connect < Span::from_millis(150),
        "{:?}",
        all[0].phases
    );
}

#[test]
fn redirects_are_followed_with_their_cookies() {
    let server = Server::new(|stream, request| {
        let answer = match request.path() {
            "/" => "HTTP/1.1 302 Found\r\nLocation: /in?x=1#y\r\nContent-Length: 0\r\n\r\n",
            "/in?x=1" if request.head.contains("cookie: seen=yes\r\n") => FINE,
            "/in?x=1" => {
                "HTTP/1.1 302 Found\r\nSet-Cookie: seen=yes; Path=/\r\nLocation: /in?x=1\r\nContent-Length: 0\r\n\r\n"
            }
            _ => "",
        };
        say(stream, answer);
    });
    let all = exchanges(&walked(&server));
    let chain: Vec<(u32, Option<u16>)> = all
        .iter()
        .filter(|exchange| !exchange.reused)
        .map(|exchange| {
            (
                exchange.redirect,
                exchange.reply().map(|reply| reply.status),
            )
        })
        .collect();
    assert_eq!(chain, [(0, Some(302)), (1, Some(302)), (2, Some(200))]);
}

#[test]
fn a_redirect_loop_ends() {
    let server = Server::new(|stream, request| {
        let to = if request.path() == "/a" { "/b" } else { "/a" };
        say(
            stream,
            &format!("HTTP/1.1 301 Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"),
        );
    });
    let all = exchanges(&walked(&server));
    let chain: Vec<&str> = all
        .iter()
        .filter(|exchange| !exchange.reused)
        .map(|exchange| exchange.url.rsplit_once('/').map_or("", |(_, name)| name))
        .collect();
    assert_eq!(chain, ["", "a", "b"]);

    let ever = Server::new(|stream, request| {
        let number: u32 = request.path().trim_start_matches('/').parse().unwrap_or(0);
        say(
            stream,
            &format!(
                "HTTP/1.1 302 Found\r\nLocation: /{}\r\nContent-Length: 0\r\n\r\n",
                number + 1
            ),
        );
    });
    let last = exchanges(&walked(&ever))
        .last()
        .map(|exchange| exchange.redirect);
    assert_eq!(last, Some(10));
}

#[test]
fn a_redirect_to_the_metadata_address_is_not_followed() {
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "gopher://a.example/",
    ] {
        let server = Server::new(move |stream, _| {
            say(
                stream,
                &format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"),
            );
        });
        let transcript = walked(&server);
        assert!(
            exchanges(&transcript)
                .iter()
                .all(|exchange| exchange.redirect == 0)
        );
        assert!(
            transcript
                .gaps
                .iter()
                .any(|gap| gap.missing.contains(location)),
            "{:?}",
            transcript.gaps
        );
    }
}

fn arrivals(server: &Server) -> Arrivals {
    let transcript = walked(server);
    let (_, arrivals) = transcript.arrivals().next().expect("arrivals");
    arrivals.clone()
}

#[test]
fn events_are_timed_as_they_arrive() {
    let live = arrivals(&Server::new(|stream, _| {
        say(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
        );
        while stream.write_all(b"data: tick\n\n").is_ok() {
            sleep(Duration::from_millis(15));
        }
    }));
    assert_eq!(live.events.len(), 10);
    let spread = live.events[9] - live.events[0];
    assert!(spread >= Span::from_millis(100), "{live:?}");
    assert!(!live.ended);

    let burst = arrivals(&Server::new(|stream, _| {
        sleep(Duration::from_millis(300));
        say(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 30\r\n\r\ndata: a\n\ndata: b\n\ndata: cdef\n\n",
        );
    }));
    assert_eq!(burst.events.len(), 3);
    assert!(burst.headers >= Span::from_millis(300));
    assert!(burst.ended, "{burst:?}");
}

#[test]
fn what_a_server_keeps_connections_for_is_measured() {
    let server = Server::with_idle(Duration::from_millis(300), |stream, request| {
        let close = if request.number == 7 {
            "Connection: close\r\n"
        } else {
            ""
        };
        say(
            stream,
            &format!(
                "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n{close}\r\n"
            ),
        );
        if request.number == 7 {
            servers::close(stream);
        }
    });
    let options = Options {
        depth: Depth::Deep,
        ..options()
    };
    let transcript = walked_with(&server, "/", &options);
    let (_, kept) = transcript.keep_alives().next().expect("a measurement");
    assert_eq!((kept.requests, kept.tried), (Some(7), 7));
    assert_eq!(kept.announced, Some(Span::from_secs(1)));
    let idle = kept.idle.expect("an end");
    assert!(idle >= Span::from_millis(250), "{kept:?}");
    assert!(!kept.by_reset);
}

#[test]
fn http3_is_looked_for_where_it_is_promised() {
    let server = Server::new(|stream, _| {
        say(
            stream,
            "HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":9\"; ma=60\r\nContent-Length: 0\r\n\r\n",
        );
    });
    let transcript = walked(&server);
    let (step, quic) = transcript.quics().next().expect("a probe");
    assert_eq!(quic.outcome, ww_evidence::transcript::QuicOutcome::Refused);
    assert!(step.why.contains("Alt-Svc"), "{}", step.why);
}

#[test]
fn a_long_text_is_asked_for_with_codings_on_offer() {
    let server = Server::new(|stream, request| {
        let body = "the same again ".repeat(2_000);
        let is_offered = request.head.contains("accept-encoding: gzip, ");
        // Said, and not done.
        let coding = if is_offered {
            "Content-Encoding: gzip\r\n"
        } else {
            ""
        };
        let length = body.len();
        say(
            stream,
            &format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{coding}Content-Length: {length}\r\n\r\n{body}"
            ),
        );
    });
    let transcript = walked(&server);
    let offered = transcript
        .exchanges()
        .filter(|(_, exchange)| !exchange.offered.is_empty())
        .map(|(_, exchange)| {
            exchange
                .reply()
                .and_then(|reply| reply.body.decoding.clone())
        });
    let seen: Vec<_> = offered.flatten().collect();
    let [seen] = seen.as_slice() else {
        panic!("one answer: {seen:?}");
    };
    assert_eq!(seen.named, ["gzip"]);
    assert!(seen.fault.contains("the same again"), "{seen:?}");
    let mut quick = options();
    quick.depth = Depth::Quick;
    let quick = walked_with(&server, "/", &quick);
    assert!(quick.exchanges().all(|(_, one)| one.offered.is_empty()));
}

#[test]
fn an_offer_of_codings_that_finds_nobody_is_told() {
    // It answers once, and is gone.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let body = "the same again ".repeat(2_000);
            let length = body.len();
            if let Ok(1..) = stream.read(&mut [0; 4096]) {
                say(
                    &mut stream,
                    &format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                    ),
                );
                return;
            }
        }
    });
    let target = parse_target(&format!("http://{address}/")).expect("a target");
    let transcript = walk(&target, &options(), SourceId(0), &mut |_| {}).expect("a walk");
    let offered = exchanges(&transcript)
        .into_iter()
        .find(|exchange| !exchange.offered.is_empty());
    let outcome = offered.expect("a step").outcome;
    assert!(
        matches!(&outcome, HttpOutcome::NotConnected(why) if why.contains("refuses")),
        "{outcome:?}"
    );
}

#[test]
fn a_date_that_is_not_the_time_is_looked_at_again() {
    let dated = |date: &'static str| {
        let server = Server::new(move |stream, _| {
            say(
                stream,
                &format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n"),
            );
        });
        let transcript = walked(&server);
        let steps: Vec<Span> = transcript
            .exchanges()
            .filter(|(_, exchange)| !exchange.reused && exchange.version == HttpVersion::One)
            .map(|(step, _)| step.began)
            .collect();
        steps
    };
    let looked = dated("Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(looked.len(), 2, "{looked:?}");
    assert!(
        looked[1] - looked[0] >= Span::from_millis(1_100),
        "{looked:?}"
    );
    assert_eq!(dated("soon").len(), 1);
}
