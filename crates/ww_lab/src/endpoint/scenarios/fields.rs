//! Answers that come, with fields that say something wrong about them.

use super::super::servers::{answer_each, request};
use crate::endpoint::certificates::{Leaf, TRUSTING};
use crate::endpoint::{Scenario, Servers, Site};
use crate::error::LabError;
use crate::traffic::ms;
use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;

const HTTP: &str = "http://one.lab.example/";
const HTTPS: &str = "https://one.lab.example/";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy(
        "hsts",
        "http redirects to https, which sends Strict-Transport-Security",
        HTTP,
        |site| upgraded(site, "", HSTS, ""),
    )
    .with(TRUSTING),
    Scenario::healthy(
        "redirect-to-https",
        "http redirects to https, without Strict-Transport-Security",
        HTTP,
        |site| upgraded(site, "", "", "add_header Set-Cookie 'session=1; Secure; HttpOnly';"),
    )
    .with(TRUSTING),
    Scenario::healthy(
        "https-api",
        "an interface that speaks https alone",
        HTTPS,
        |site| upgraded(site, "", "", "add_header Set-Cookie session=1;"),
    )
    .with(TRUSTING),
    Scenario::faulty(
        "hsts-on-http",
        "Strict-Transport-Security stands in the server of port 80",
        HTTP,
        "hsts-ignored",
        |site| upgraded(site, HSTS, "", ""),
    )
    .with(TRUSTING),
    Scenario::faulty(
        "hsts-comma",
        "a comma in place of a semicolon",
        HTTPS,
        "hsts-ignored",
        |site| {
            let comma =
                "add_header Strict-Transport-Security 'max-age=31536000, includeSubDomains' always;";
            upgraded(site, "", comma, "")
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "hsts-missing",
        "a session in clear text at every visit",
        HTTP,
        "hsts-missing",
        |site| upgraded(site, "", "", "add_header Set-Cookie 'session=1; HttpOnly';"),
    )
    .with(TRUSTING),
    Scenario::healthy("gzip", "a long text, compressed by nginx", TEXT, |site| {
        text(site, "gzip on; gzip_vary on; gzip_types text/plain;", CACHED)
    }),
    Scenario::healthy("not-compressed", "a long text as it is", TEXT, |site| {
        text(site, "", CACHED)
    }),
    Scenario::healthy(
        "archive",
        "an archive, which nobody decodes",
        "http://one.lab.example/text.gz",
        |site| {
            compressed(site, "text.gz", 1)?;
            text(site, "", "types { application/gzip gz; }")
        },
    ),
    Scenario::healthy(
        "gzip-through-haproxy",
        "a long text, compressed by HAProxy",
        TEXT,
        |site| {
            Servers::names(site, "")?
                .haproxy(
                    site,
                    80,
                    "defaults\n  mode http\n  timeout connect 2s\n  timeout client 20s\n  timeout server 20s\n\
                     frontend f\n  bind :80\n  filter compression\n  compression algo gzip\n  \
                     compression type text/plain\n  default_backend b\nbackend b\n  server s 127.0.0.1:9000\n",
                )?
                .scripted(site, "127.0.0.1:9000", |stream, _| {
                    answer_each(stream, ms(0), &long_text());
                })
        },
    ),
    Scenario::faulty(
        "gzip-named-only",
        "the field says gzip, and the body is none",
        TEXT,
        "content-encoding-broken",
        |site| text(site, "", "add_header Content-Encoding gzip;"),
    ),
    Scenario::faulty(
        "gzip-twice",
        "a body that is compressed twice, and says it once",
        TEXT,
        "content-encoding-broken",
        |site| {
            compressed(site, "text.gz", 2)?;
            text(site, "", "gzip_static always;")
        },
    ),
    Scenario::faulty(
        "gzip-unnamed",
        "a compressed file, served as text",
        "http://one.lab.example/page",
        "content-encoding-broken",
        |site| {
            compressed(site, "page", 1)?;
            text(site, "", "")
        },
    ),
    Scenario::faulty(
        "vary-missing",
        "nginx compresses for caches, without Vary",
        TEXT,
        "vary-missing",
        |site| text(site, "gzip on; gzip_types text/plain;", CACHED),
    ),
    Scenario::healthy("clock-right", "a clock that is 20 s ahead", HTTP, |site| {
        clocks(site, |stream, _| tells(stream, 20))
    }),
    Scenario::healthy("stored", "an answer that a cache keeps", HTTP, |site| {
        clocks(site, |stream, _| {
            answer_each(
                stream,
                ms(0),
                &dated("Sun, 06 Nov 1994 08:49:37 GMT", "age: 9999\r\n"),
            );
        })
    }),
    Scenario::healthy("date-fixed", "an answer with the same Date for ever", HTTP, |site| {
        clocks(site, |stream, _| {
            answer_each(stream, ms(0), &dated("Sun, 06 Nov 1994 08:49:37 GMT", ""));
        })
    }),
    Scenario::faulty(
        "clock-ahead",
        "the server's clock is ten minutes ahead",
        HTTP,
        "clock-skew",
        |site| clocks(site, |stream, _| tells(stream, 600)),
    ),
    Scenario::faulty(
        "clock-behind",
        "the application's clock behind nginx is two hours behind",
        HTTP,
        "clock-skew",
        |site| {
            let proxy = "server { listen 80; location / { proxy_pass http://127.0.0.1:9000; proxy_pass_header Date; } }";
            Servers::names(site, "")?
                .nginx(site, 80, proxy)?
                .scripted(site, "127.0.0.1:9000", |stream, _| tells(stream, -7200))
        },
    ),
    Scenario::faulty(
        "clock-here",
        "a fresh certificate is refused for this host's clock, which is five days behind",
        HTTPS,
        "clock-skew",
        |site| {
            let leaf = Leaf {
                since: -4,
                ..Leaf::default()
            };
            site.certify("leaf", leaf)?;
            let folder = site.folder.display();
            let proxy = format!(
                "server {{ listen 443 ssl; ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key; \
                 location / {{ proxy_pass http://127.0.0.1:9000; proxy_pass_header Date; }} }}"
            );
            Servers::names(site, "")?
                .nginx(site, 443, &proxy)?
                .scripted(site, "127.0.0.1:9000", |stream, _| tells(stream, 5 * 86_400))
        },
    )
    .with(TRUSTING),
];

const TEXT: &str = "http://one.lab.example/text";

/// Lines by which shared caches keep the answer.
const CACHED: &str = "add_header Cache-Control 'public, max-age=600';";

/// nginx that serves the files of the site as text, with further lines of the server and of the page.
fn text(site: &Site, server: &str, page: &str) -> Result<Servers, LabError> {
    site.write("text", &LINE.repeat(1000))?;
    let folder = site.folder.display();
    Servers::names(site, "")?.nginx(
        site,
        80,
        &format!(
            "server {{ listen 80; root {folder}; default_type text/plain; {server} location / {{ {page} }} }}"
        ),
    )
}

const LINE: &str = "the quick brown fox jumps over the lazy dog\n";

/// Writes a long text that was compressed so many times.
fn compressed(site: &Site, name: &str, times: usize) -> Result<(), LabError> {
    let plain = site.write("plain", &LINE.repeat(1000))?;
    let again = "| gzip -c".repeat(times);
    let into = site.folder.join(name);
    Command::new("sh")
        .args([
            "-c",
            &format!("cat {} {again} > {}", plain.display(), into.display()),
        ])
        .status()
        .map(drop)
        .map_err(LabError::io(format!("compress {}", plain.display())))
}

fn long_text() -> Vec<u8> {
    let body = LINE.repeat(1000);
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn clocks(site: &Site, habit: fn(TcpStream, usize)) -> Result<Servers, LabError> {
    Servers::names(site, "")?.scripted(site, "[::]:80", habit)
}

/// Answers each request with the time by a clock that is so many seconds ahead.
fn tells(mut stream: TcpStream, ahead: i64) {
    while !request(&mut stream).is_empty() {
        let at = format!("{ahead} seconds");
        let date = Command::new("date")
            .args(["-u", "-d", &at, "+%a, %d %b %Y %H:%M:%S GMT"])
            .env("LC_ALL", "C")
            .output();
        let date = date.map_or_else(|_| Vec::new(), |done| done.stdout);
        let date = String::from_utf8_lossy(&date);
        if stream.write_all(&dated(date.trim(), "")).is_err() {
            return;
        }
    }
}

fn dated(date: &str, more: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ndate: {date}\r\n{more}content-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n")
        .into_bytes()
}

const HSTS: &str = "add_header Strict-Transport-Security 'max-age=31536000' always;";

/// nginx, whose http redirects to https, with further lines of each of the two, and of the page.
fn upgraded(site: &Site, http: &str, https: &str, page: &str) -> Result<Servers, LabError> {
    site.certify("leaf", Leaf::default())?;
    let folder = site.folder.display();
    Servers::names(site, "")?.nginx(
        site,
        443,
        &format!(
            "server {{ listen 80; {http} location / {{ return 301 https://$host$request_uri; }} }}\n\
             server {{ listen 443 ssl; ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key; \
             {https} location / {{ default_type text/plain; {page} return 200 \"ok\\n\"; }} }}"
        ),
    )
}
