//! Name servers over TLS and HTTPS: whole, and such that lie about lengths, types, numbers and ends.

#[path = "../../../tests/servers/tls.rs"]
mod tls;

use super::server::{Asked, Said};
use super::*;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use ww_evidence::transcript::{HttpOutcome, HttpVersion, ResolverLayer, TlsOutcome};

type Stream = TlsStream<TcpStream>;

/// Long enough for a handshake on a machine that is busy.
const PATIENT: Duration = Duration::from_secs(20);

/// A server on loopback that agrees on TLS and then does what `habit` does with each connection.
async fn behind_tls<F>(alpn: &[&str], habit: impl Fn(Stream) -> F + 'static) -> SocketAddr
where
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("its address");
    let acceptor = TlsAcceptor::from(tls::config("127.0.0.1", alpn));
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::task::spawn_local(habit(stream));
            }
        }
    });
    at
}

/// Resolves a name with one server.
async fn asked(server: &str, patience: Duration) -> (Vec<String>, Vec<Step>) {
    let options = Options {
        dns_servers: vec![server.parse().expect("a server")],
        patience,
        families: Families::V4,
        ..Options::default()
    };
    resolve(&[], target("a.example", Service::Tcp), options, |_| {}).await
}

fn layers(steps: &[Step]) -> Vec<&Seen> {
    steps
        .iter()
        .filter_map(|step| match &step.seen {
            Seen::ResolverLayer(ResolverLayer { layer, .. }) => Some(layer.as_ref()),
            _ => None,
        })
        .collect()
}

fn outcome(steps: &[Step]) -> LookupOutcome {
    let lookups = lookups(steps);
    assert_eq!(lookups.len(), 1, "{lookups:?}");
    lookups[0].outcome.clone()
}

async fn question(stream: &mut Stream) -> Option<Asked> {
    let length = stream.read_u16().await.ok()?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(Asked::read(&bytes, true))
}

async fn answer(stream: &mut Stream, bytes: &[u8]) {
    let mut framed = (bytes.len() as u16).to_be_bytes().to_vec();
    framed.extend(bytes);
    // A client that is gone needs no answer.
    let _ = stream.write_all(&framed).await;
    let _ = stream.flush().await;
}

fn gives(asked: &Asked) -> Said {
    asked.gives("192.0.2.1").expect("an answer")
}

#[test]
fn one_over_tls_is_asked_over_one_connection() {
    run(async {
        let connections = Rc::new(RefCell::new(0));
        let counted = Rc::clone(&connections);
        let at = behind_tls(&[], move |mut stream| {
            *counted.borrow_mut() += 1;
            async move {
                while let Some(asked) = question(&mut stream).await {
                    answer(&mut stream, &gives(&asked).bytes()).await;
                }
            }
        })
        .await;
        let options = Options {
            dns_servers: vec![format!("tls://{at}").parse().expect("a server")],
            patience: PATIENT,
            ..Options::default()
        };
        let (found, steps) = resolve(&[], target("a.example", Service::Tcp), options, |_| {}).await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(*connections.borrow(), 1);
        let [Seen::Connect(connect), Seen::Handshake(handshake)] = layers(&steps)[..] else {
            panic!("{steps:?}");
        };
        assert_eq!(connect.to, Some(at));
        assert_eq!(handshake.outcome, TlsOutcome::Done);
        assert!(handshake.name_matches, "it is for 127.0.0.1");
        assert!(lookups(&steps).iter().all(|one| one.via == DnsVia::Tls(at)));
        let command = &steps.last().expect("a step").command;
        assert!(command.ends_with("a.example AAAA +tls"), "{command}");
    });
}

#[test]
fn one_that_ends_connections_is_asked_over_new_ones() {
    run(async {
        let at = behind_tls(&[], |mut stream| async move {
            if let Some(asked) = question(&mut stream).await {
                answer(&mut stream, &gives(&asked).bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await;
        let options = Options {
            dns_servers: vec![format!("tls://{at}").parse().expect("a server")],
            patience: PATIENT,
            ..Options::default()
        };
        let (_, steps) = resolve(&[], target("a.example", Service::Tcp), options, |_| {}).await;
        let answered = |one: &&Lookup| matches!(one.outcome, LookupOutcome::Answered(_));
        assert_eq!(lookups(&steps).iter().copied().filter(answered).count(), 2);
        assert_eq!(layers(&steps).len(), 2, "only the first is written down");
    });
}

#[test]
fn a_closed_port_is_a_layer_and_no_lookup() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        drop(listener);
        let (found, steps) = asked(&format!("tls://{at}"), PATIENT).await;
        assert!(found.is_empty() && lookups(&steps).is_empty());
        assert!(
            matches!(layers(&steps)[..], [Seen::Connect(_)]),
            "{steps:?}"
        );
    });
}

#[test]
fn a_length_that_lies_is_waited_for_no_longer_than_usual() {
    run(async {
        let at = behind_tls(&[], |mut stream| async move {
            if question(&mut stream).await.is_some() {
                let _ = stream.write_all(&[0xff, 0xff, 1, 2, 3]).await;
                let _ = stream.flush().await;
                std::future::pending::<()>().await;
            }
        })
        .await;
        let began = Instant::now();
        let (_, steps) = asked(&format!("tls://{at}"), Duration::from_secs(2)).await;
        assert!(began.elapsed() < Duration::from_secs(10));
        assert_eq!(outcome(&steps), LookupOutcome::TimedOut);
    });
}

#[test]
fn answers_to_other_questions_come_to_an_end() {
    run(async {
        let at = behind_tls(&[], |mut stream| async move {
            if let Some(asked) = question(&mut stream).await {
                let mut other = gives(&asked).bytes();
                other[0] ^= 0xff;
                for _ in 0..1_000 {
                    answer(&mut stream, &other).await;
                }
            }
        })
        .await;
        let (found, steps) = asked(&format!("tls://{at}"), PATIENT).await;
        assert!(found.is_empty());
        let LookupOutcome::Failed(why) = outcome(&steps) else {
            panic!("{steps:?}");
        };
        assert_eq!(why, "it answers questions that were not put");
    });
}

/// A server of HTTP/2 that answers each question with this status, type and body.
async fn over_two(
    status: u16,
    kind: &'static str,
    body: impl Fn(&[u8]) -> Vec<u8> + Clone + 'static,
) -> SocketAddr {
    behind_tls(&["h2"], move |stream| {
        let body = body.clone();
        async move {
            let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                assert_eq!(request.method(), "POST");
                assert_eq!(request.uri().path(), "/dns-query");
                assert_eq!(request.headers()["content-type"], "application/dns-message");
                let mut sent = request.into_body();
                let body = body.clone();
                tokio::task::spawn_local(async move {
                    let message = sent.data().await.expect("a message").expect("whole");
                    let response = http::Response::builder()
                        .status(status)
                        .header("content-type", kind)
                        .body(())
                        .expect("an answer");
                    let mut sending = respond.send_response(response, false).expect("sent");
                    let _ = sending.send_data(body(&message).into(), true);
                });
            }
        }
    })
    .await
}

#[test]
fn one_over_https_answers_in_http_2() {
    run(async {
        let at = over_two(200, "application/dns-message", |message| {
            gives(&Asked::read(message, true)).bytes()
        })
        .await;
        let url = format!("https://{at}/dns-query");
        let (found, steps) = asked(&url, PATIENT).await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(lookups(&steps)[0].via, DnsVia::Https(url));
        let [_, Seen::Handshake(handshake), Seen::Http(exchange)] = layers(&steps)[..] else {
            panic!("{steps:?}");
        };
        assert_eq!(handshake.alpn, "h2");
        assert_eq!(exchange.version, HttpVersion::Two);
        assert_eq!(exchange.reply().map(|reply| reply.status), Some(200));
        assert!(exchange.phases.wait > Span::ZERO);
    });
}

#[test]
fn pages_and_errors_are_layers_and_no_lookups() {
    run(async {
        for (status, kind) in [(404, "text/html"), (200, "text/html"), (503, "text/plain")] {
            let at = over_two(status, kind, |_| b"<html>no</html>".to_vec()).await;
            let (found, steps) = asked(&format!("https://{at}/dns-query"), PATIENT).await;
            assert!(found.is_empty() && lookups(&steps).is_empty(), "{steps:?}");
            let Some(Seen::Http(exchange)) = layers(&steps).last().copied() else {
                panic!("{steps:?}");
            };
            let reply = exchange.reply().expect("an answer");
            assert_eq!(reply.status, status);
            assert_eq!(reply.header("content-type"), Some(kind));
        }
    });
}

#[test]
fn another_number_over_https_is_no_answer() {
    run(async {
        let at = over_two(200, "application/dns-message", |message| {
            let mut other = gives(&Asked::read(message, true)).bytes();
            other[1] ^= 1;
            other
        })
        .await;
        let (_, steps) = asked(&format!("https://{at}/dns-query"), PATIENT).await;
        assert!(
            matches!(outcome(&steps), LookupOutcome::Failed(why) if why.contains("not the answer"))
        );
    });
}

#[test]
fn a_body_without_end_is_cut() {
    run(async {
        let at = behind_tls(&["http/1.1"], |mut stream| async move {
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/dns-message\r\n\r\n";
            let _ = stream.write_all(head).await;
            while stream.write_all(&[7; 16 << 10]).await.is_ok() {}
        })
        .await;
        let (_, steps) = asked(&format!("https://{at}/dns-query"), PATIENT).await;
        assert!(lookups(&steps).is_empty());
        let Some(Seen::Http(exchange)) = layers(&steps).last().copied() else {
            panic!("{steps:?}");
        };
        let HttpOutcome::Replied(reply) = &exchange.outcome else {
            panic!("{exchange:?}");
        };
        assert!(reply.body.cut && reply.body.received < 1 << 20, "{reply:?}");
    });
}

#[test]
fn one_over_https_may_speak_http_1() {
    run(async {
        let at = behind_tls(&[], |mut stream| async move {
            let mut request = Vec::new();
            while let Ok(count) = stream.read_buf(&mut request).await {
                let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else {
                    assert!(count > 0, "it ended early");
                    continue;
                };
                let message = request.split_off(end + 4);
                let text = String::from_utf8(request).expect("text");
                assert!(text.starts_with("POST /dns-query HTTP/1.1\r\n"), "{text}");
                let said = gives(&Asked::read(&message, true)).bytes();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n",
                    said.len()
                );
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&said).await;
                let _ = stream.write_all(b"\r\n0\r\n\r\n").await;
                let _ = stream.flush().await;
                request = Vec::new();
            }
        })
        .await;
        let (found, steps) = asked(&format!("https://{at}/dns-query"), PATIENT).await;
        assert_eq!(found, ["192.0.2.1:443"], "{steps:?}");
        let Some(Seen::Http(exchange)) = layers(&steps).last().copied() else {
            panic!("{steps:?}");
        };
        assert_eq!(exchange.version, HttpVersion::One);
    });
}

#[test]
fn a_port_without_tls_is_a_layer_and_no_lookup() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        tokio::task::spawn_local(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"220 mail ready\r\n").await;
            }
        });
        let (_, steps) = asked(&format!("tls://{at}"), PATIENT).await;
        assert!(lookups(&steps).is_empty());
        let [_, Seen::Handshake(handshake)] = layers(&steps)[..] else {
            panic!("{steps:?}");
        };
        assert_eq!(
            handshake.outcome,
            TlsOutcome::NotTls("220 mail ready".to_owned())
        );
    });
}

#[test]
fn whom_a_stub_asks_over_tls_is_asked_when_it_fails() {
    run(async {
        let at = behind_tls(&[], move |mut stream| async move {
            while let Some(asked) = question(&mut stream).await {
                answer(&mut stream, &gives(&asked).bytes()).await;
            }
        })
        .await;
        let fails = server(|asked| asked.fail(2)).await;
        let works = server(|asked| asked.gives("192.0.2.9")).await;
        let patient = || Options {
            patience: PATIENT,
            ..Options::default()
        };
        for (stub, mode, found_there) in [
            (fails, "yes", "192.0.2.1:443"),
            (fails, "opportunistic", ""),
            (works, "yes", "192.0.2.9:443"),
        ] {
            let target = target("a.example", Service::Tcp);
            let (found, steps) = resolve(&[stub], target, patient(), |resolving| {
                resolving.setup.stub = Some(StubSetup {
                    dns_over_tls: mode.to_owned(),
                    servers: vec![at.to_string()],
                });
            })
            .await;
            assert_eq!(
                found.first().map_or("", String::as_str),
                found_there,
                "{mode}"
            );
            let is_asked = lookups(&steps).iter().any(|one| one.via == DnsVia::Tls(at));
            assert_eq!(is_asked, found_there == "192.0.2.1:443", "{mode}");
        }
    });
}
