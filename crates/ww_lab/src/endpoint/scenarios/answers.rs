//! Requests that are answered badly, late, or not at all.

use super::super::servers::{answer_each, request};
use crate::endpoint::{Scenario, Servers, Site};
use crate::error::LabError;
use crate::traffic::ms;
use socket2::SockRef;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const HTTP: &str = "http://one.lab.example/";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy("nginx", "a page by nginx", HTTP, |site| {
        nginx(
            site,
            "server { listen 80; listen [::]:80; location / { default_type text/plain; return 200 \"ok\\n\"; } }",
        )
    }),
    Scenario::healthy(
        "not-found",
        "a page that does not exist",
        "http://one.lab.example/none",
        |site| nginx(site, "server { listen 80; location / { return 404; } }"),
    ),
    Scenario::healthy("login", "a page that needs a login", HTTP, |site| {
        nginx(site, "server { listen 80; location / { return 401; } }")
    }),
    Scenario::healthy("redirect", "a redirect to another page", HTTP, |site| {
        nginx(
            site,
            "server { listen 80; location = / { return 302 /home; } location /home { return 200 \"ok\\n\"; } }",
        )
    }),
    Scenario::healthy("through-nginx", "a page through nginx", HTTP, |site| {
        nginx(site, &proxied("", ""))?.scripted(site, "127.0.0.1:9000", fine)
    }),
    Scenario::healthy("through-haproxy", "a page through HAProxy", HTTP, |site| {
        haproxy(site, "")?.scripted(site, "127.0.0.1:9000", fine)
    }),
    Scenario::healthy("events", "a stream of events", HTTP, |site| {
        web(site, events)
    }),
    Scenario::faulty(
        "nginx-502",
        "nginx cannot reach its server",
        HTTP,
        "http-server-errors",
        |site| nginx(site, &proxied("", "")),
    ),
    Scenario::faulty(
        "haproxy-503",
        "HAProxy cannot reach its server",
        HTTP,
        "http-server-errors",
        |site| haproxy(site, "retries 0"),
    ),
    Scenario::faulty(
        "haproxy-no-server",
        "HAProxy has no server left",
        HTTP,
        "http-server-errors",
        |site| {
            Servers::names(site, "")?.haproxy(
            site,
            80,
            "defaults\n  mode http\n  timeout connect 2s\n  timeout client 20s\n  timeout server 20s\n\
             frontend f\n  bind :80\n  default_backend b\nbackend b\n  server s 127.0.0.1:9000 disabled\n",
        )
        },
    ),
    Scenario::faulty(
        "nginx-504",
        "nginx waits in vain for its server",
        HTTP,
        "http-gateway-timeout",
        |site| {
            nginx(site, &proxied("proxy_read_timeout 2s;", ""))?.scripted(
                site,
                "127.0.0.1:9000",
                silent,
            )
        },
    ),
    Scenario::faulty(
        "haproxy-504",
        "HAProxy waits in vain for its server",
        HTTP,
        "http-gateway-timeout",
        |site| haproxy(site, "timeout server 2s")?.scripted(site, "127.0.0.1:9000", silent),
    ),
    Scenario::faulty(
        "application-500",
        "the application fails",
        HTTP,
        "http-server-errors",
        |site| web(site, fails),
    ),
    Scenario::faulty(
        "application-500-behind-nginx",
        "the application behind nginx fails",
        HTTP,
        "http-server-errors",
        |site| nginx(site, &proxied("", ""))?.scripted(site, "127.0.0.1:9000", fails),
    ),
    Scenario::faulty(
        "redirect-loop",
        "two pages redirect to one another",
        HTTP,
        "redirect-loop",
        |site| {
            nginx(
                site,
                "server { listen 80; location = / { return 302 /a; } location = /a { return 302 /; } }",
            )
        },
    ),
    Scenario::faulty(
        "redirect-to-itself",
        "a page redirects to itself",
        HTTP,
        "redirect-loop",
        |site| {
            nginx(
                site,
                "server { listen 80; location / { return 301 http://one.lab.example$request_uri; } }",
            )
        },
    ),
    Scenario::faulty(
        "slow",
        "the application takes three seconds",
        HTTP,
        "slow-application",
        |site| {
            web(site, |stream, _| {
                answer_each(stream, Duration::from_secs(3), FINE);
            })
        },
    ),
    Scenario::faulty(
        "slow-behind-nginx",
        "the application behind nginx takes three seconds",
        HTTP,
        "slow-application",
        |site| {
            nginx(site, &proxied("", ""))?.scripted(site, "127.0.0.1:9000", |stream, _| {
                answer_each(stream, Duration::from_secs(3), FINE);
            })
        },
    ),
    Scenario::faulty(
        "truncated",
        "the body ends before its length",
        HTTP,
        "response-truncated",
        |site| web(site, truncates),
    ),
    Scenario::faulty(
        "chunks-cut",
        "the last chunk never comes",
        HTTP,
        "response-truncated",
        |site| web(site, cuts_chunks),
    ),
    Scenario::faulty(
        "truncated-behind-nginx",
        "the body that nginx passes on ends early",
        HTTP,
        "response-truncated",
        |site| nginx(site, &proxied("", ""))?.scripted(site, "127.0.0.1:9000", truncates),
    ),
    Scenario::faulty(
        "events-buffered",
        "nginx holds the events back",
        HTTP,
        "event-stream-buffered",
        |site| nginx(site, &proxied("", ""))?.scripted(site, "127.0.0.1:9000", events),
    ),
    Scenario::faulty(
        "websocket-stripped",
        "nginx does not pass the upgrade on",
        "ws://one.lab.example/chat",
        "websocket-upgrade-refused",
        |site| nginx(site, &proxied("", ""))?.scripted(site, "127.0.0.1:9000", fine),
    ),
    Scenario::faulty(
        "websocket-not-found",
        "there is no WebSocket at the path",
        "ws://one.lab.example/chat",
        "websocket-upgrade-refused",
        |site| nginx(site, "server { listen 80; location / { return 404; } }"),
    ),
    Scenario::healthy("ssh", "an SSH server", "ssh://one.lab.example", |site| {
        Servers::names(site, "")?.scripted(site, "[::]:22", ssh)
    }),
    Scenario::healthy(
        "redis",
        "a Redis server",
        "redis://one.lab.example",
        |site| Servers::names(site, "")?.scripted(site, "[::]:6379", redis),
    ),
    Scenario::faulty(
        "postgres-full",
        "PostgreSQL has no connection left",
        "postgres://one.lab.example",
        "greeting-refused",
        |site| Servers::names(site, "")?.scripted(site, "[::]:5432", postgres_full),
    ),
    Scenario::faulty(
        "not-http",
        "what is answered is not HTTP",
        HTTP,
        "http-answer-broken",
        |site| web(site, garbage),
    ),
    Scenario::faulty(
        "closes",
        "the server closes without an answer",
        HTTP,
        "request-unanswered",
        |site| web(site, closes),
    ),
    Scenario::faulty(
        "resets",
        "the server resets without an answer",
        HTTP,
        "request-unanswered",
        |site| web(site, resets),
    ),
    Scenario::faulty(
        "one-address-500",
        "the application at one of two addresses fails",
        "http://two.lab.example/",
        "http-server-errors",
        |site| {
            Servers::names(site, "")?
                .scripted(site, "10.79.2.2:80", fine)?
                .scripted(site, "10.79.2.3:80", fails)
        },
    ),
    Scenario::faulty(
        "http3-advertised",
        "HTTP/3 is advertised and nobody listens",
        HTTP,
        "http3-advertised-unreachable",
        |site| web(site, advertises),
    ),
    Scenario::faulty(
        "sometimes-fails",
        "every fourth connection is reset",
        HTTP,
        "intermittent-failure",
        |site| web(site, fails_sometimes),
    )
    .with(&["--repeat", "80"])
    .beside(&["http-server-errors"]),
    Scenario::healthy("steady", "a page, asked for eighty times", HTTP, |site| {
        web(site, fine)
    })
    .with(&["--repeat", "80"]),
];

const FINE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n";

fn nginx(site: &Site, http: &str) -> Result<Servers, LabError> {
    Servers::names(site, "")?.nginx(site, 80, http)
}

fn web(site: &Site, habit: fn(TcpStream, usize)) -> Result<Servers, LabError> {
    Servers::names(site, "")?.scripted(site, "[::]:80", habit)
}

fn proxied(location: &str, server: &str) -> String {
    format!(
        "server {{ listen 80; listen [::]:80; {server} location / {{ proxy_pass http://127.0.0.1:9000; {location} }} }}"
    )
}

fn haproxy(site: &Site, backend: &str) -> Result<Servers, LabError> {
    Servers::names(site, "")?.haproxy(
        site,
        80,
        &format!(
            "defaults\n  mode http\n  timeout connect 2s\n  timeout client 20s\n  timeout server 20s\n\
             frontend f\n  bind :80\n  default_backend b\nbackend b\n  {backend}\n  server s 127.0.0.1:9000\n"
        ),
    )
}

pub(super) fn fine(stream: TcpStream, _: usize) {
    answer_each(stream, ms(0), FINE);
}

fn silent(mut stream: TcpStream, _: usize) {
    request(&mut stream);
    std::thread::sleep(Duration::from_secs(8));
}

fn fails(stream: TcpStream, _: usize) {
    answer_each(
        stream,
        ms(5),
        b"HTTP/1.1 500 Internal Server Error\r\nx-powered-by: Express\r\ncontent-type: application/json\r\ncontent-length: 26\r\n\r\n{\"error\":\"null pointer\"}\r\n",
    );
}

fn truncates(mut stream: TcpStream, _: usize) {
    request(&mut stream);
    let _ = stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5000\r\n\r\nthe beginning",
    );
}

fn cuts_chunks(mut stream: TcpStream, _: usize) {
    request(&mut stream);
    let _ = stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    );
}

/// An event every 250 ms.
fn events(mut stream: TcpStream, _: usize) {
    request(&mut stream);
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n";
    let mut sent = stream.write_all(head);
    for number in 0..16 {
        std::thread::sleep(ms(250));
        sent = sent.and_then(|()| stream.write_all(format!("data: {number}\n\n").as_bytes()));
        if sent.is_err() {
            return;
        }
    }
}

fn advertises(stream: TcpStream, _: usize) {
    answer_each(
        stream,
        ms(0),
        b"HTTP/1.1 200 OK\r\nalt-svc: h3=\":443\"; ma=86400\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n",
    );
}

fn fails_sometimes(stream: TcpStream, number: usize) {
    if number % 4 == 3 {
        // Closed with a reset.
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    } else {
        fine(stream, number);
    }
}

fn garbage(mut stream: TcpStream, _: usize) {
    request(&mut stream);
    let _ = stream.write_all(b"\x00\x01\x02 nobody knows this protocol\r\n");
}

fn closes(mut stream: TcpStream, _: usize) {
    request(&mut stream);
}

fn resets(mut stream: TcpStream, _: usize) {
    request(&mut stream);
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

fn ssh(mut stream: TcpStream, _: usize) {
    let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n");
    let _ = stream.read(&mut [0; 256]);
}

fn redis(mut stream: TcpStream, _: usize) {
    while stream.read(&mut [0; 256]).is_ok_and(|count| count > 0) {
        if stream.write_all(b"+PONG\r\n").is_err() {
            return;
        }
    }
}

/// No TLS, and SQLSTATE 53300 to whoever wants a session (PostgreSQL 15, protocol 3.0).
fn postgres_full(mut stream: TcpStream, _: usize) {
    const FULL: &[u8] = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0";
    let mut message = [0; 512];
    while let Ok(count @ 8..) = stream.read(&mut message) {
        let asks_for_tls = message.get(..count) == Some(&[0, 0, 0, 8, 4, 210, 22, 47]);
        let answer = if asks_for_tls {
            b"N".to_vec()
        } else {
            let length = (FULL.len() as u32 + 4).to_be_bytes();
            [b"E", length.as_slice(), FULL].concat()
        };
        if stream.write_all(&answer).is_err() || !asks_for_tls {
            return;
        }
    }
}
