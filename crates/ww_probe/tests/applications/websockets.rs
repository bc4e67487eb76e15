//! WebSocket handshakes.

use crate::{hear, options, probe, reset, say, serve};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::server::TlsStream;
use ww_base::Span;
use ww_evidence::transcript::{WebSocketCall, WebSocketOutcome};
use ww_probe::{Depth, Options};

fn call(to: SocketAddr, options: &Options) -> WebSocketCall {
    let transcript = probe(&format!("ws://{to}/chat"), options);
    let (_, call) = transcript.websockets().next().expect("a handshake");
    call.clone()
}

/// The accept key that belongs to a request; `None` when that has no key.
fn accept(request: &str) -> Option<String> {
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
    let mut text = key.trim().to_owned();
    text.push_str("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    Some(base64(digest.as_ref()))
}

fn base64(bytes: &[u8]) -> String {
    let alphabet: Vec<char> = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(['+', '/'])
        .collect();
    let bits: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| format!("{byte:08b}").into_bytes())
        .collect();
    let mut text: String = bits
        .chunks(6)
        .map(|six| {
            let six = format!("{:0<6}", std::str::from_utf8(six).expect("digits"));
            alphabet[usize::from_str_radix(&six, 2).expect("a number")]
        })
        .collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Takes the upgrade; whether there was one to take.
fn upgrade(stream: &mut TcpStream) -> bool {
    let request = hear(stream);
    let Some(accept) = accept(&request) else {
        return false;
    };
    assert!(request.starts_with("GET /chat HTTP/1.1\r\n"), "{request}");
    say(
        stream,
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\nServer: demo\r\n\r\n"
        )
        .as_bytes(),
    );
    true
}

/// An answer to the upgrade within TLS, and nothing more.
async fn upgrade_over_tls(mut stream: TlsStream<tokio::net::TcpStream>) {
    let mut buffer = vec![0; 4096];
    let Ok(count) = stream.read(&mut buffer).await else {
        return;
    };
    let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
    let Some(accept) = accept(&request) else {
        return;
    };
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.flush().await;
    let _ = stream.read(&mut buffer).await;
}

#[test]
fn an_upgrade_is_asked_for_within_tls() {
    let server = crate::serve_tls(&[b"http/1.1"], upgrade_over_tls);
    let transcript = probe(&format!("wss://{server}/chat"), &options());
    let (step, call) = transcript.websockets().next().expect("a handshake");
    assert_eq!(call.outcome, WebSocketOutcome::Open);
    assert!(
        step.command.contains("'https://127.0.0.1:"),
        "{}",
        step.command
    );
}

/// Reads one short masked frame and answers a ping.
fn answer_ping(stream: &mut TcpStream) {
    use std::io::Read;
    let mut head = [0; 6];
    if stream.read_exact(&mut head).is_err() {
        return;
    }
    let length = usize::from(head[1] & 0x7f);
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).expect("the payload");
    for (index, byte) in payload.iter_mut().enumerate() {
        *byte ^= head[2 + index % 4];
    }
    if head[0] == 0x89 {
        // Something else comes first, as servers greet.
        let mut reply = b"\x81\x05hello\x8a".to_vec();
        reply.push(length as u8);
        reply.extend(payload);
        say(stream, &reply);
    }
}

#[test]
fn an_open_websocket_answers_a_ping() {
    let server = serve(|mut stream| {
        if upgrade(&mut stream) {
            answer_ping(&mut stream);
            hear(&mut stream);
        }
    });
    let call = call(server, &options());
    assert_eq!(call.outcome, WebSocketOutcome::Open);
    assert!(call.ping.is_some());
    assert_eq!(call.idle, None);
    assert!(
        call.headers
            .contains(&("Server".to_owned(), "demo".to_owned()))
    );
}

#[test]
fn an_idle_websocket_is_watched_when_there_is_time() {
    let server = serve(|mut stream| {
        if upgrade(&mut stream) {
            answer_ping(&mut stream);
            std::thread::sleep(Duration::from_millis(300));
            say(&mut stream, &[0x88, 2, 3, 233]);
        }
    });
    let deep = Options {
        depth: Depth::Deep,
        ..options()
    };
    let idle = call(server, &deep).idle.expect("it is ended");
    assert!(
        idle >= Span::from_millis(250) && idle < Span::from_secs(3),
        "{idle}"
    );
}

#[test]
fn refusals_of_an_upgrade_are_told_apart() {
    let cases: [(&[u8], WebSocketOutcome); 4] = [
        (
            b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n\r\n",
            WebSocketOutcome::Status(426),
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            WebSocketOutcome::Wrong("Sec-WebSocket-Accept is x".to_owned()),
        ),
        (
            b"SSH-2.0-x\r\n",
            WebSocketOutcome::Wrong("what came is not HTTP: SSH-2.0-x".to_owned()),
        ),
        (b"", WebSocketOutcome::NoAnswer),
    ];
    for (answer, outcome) in cases {
        let server = serve(move |mut stream| {
            if hear(&mut stream).is_empty() {
                return;
            }
            say(&mut stream, answer);
        });
        let is = match call(server, &options()).outcome {
            // The key that belongs there is another one each time.
            WebSocketOutcome::Wrong(why) => {
                WebSocketOutcome::Wrong(why.split(", ").next().unwrap_or_default().to_owned())
            }
            other => other,
        };
        assert_eq!(is, outcome);
    }
    let resetting = serve(|mut stream| {
        hear(&mut stream);
        reset(stream);
    });
    assert_eq!(
        call(resetting, &options()).outcome,
        WebSocketOutcome::NoAnswer
    );
}
