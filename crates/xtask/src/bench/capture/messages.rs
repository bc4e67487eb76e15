//! What applications say: HTTP/1.1, TLS 1.3 handshakes, and plain bytes.

use super::rng::Rng;
use super::stream::{Dress, Message};

const PATHS: [&str; 8] = [
    "/",
    "/index.html",
    "/api/v1/items",
    "/static/app.js",
    "/images/logo.png",
    "/login",
    "/feed?page=2",
    "/health",
];
const SITES: [&str; 6] = [
    "www.example.com",
    "api.example.net",
    "cdn.example.org",
    "shop.example.com",
    "mail.example.net",
    "files.example.org",
];

/// A site's name.
pub(super) fn site(rng: &mut Rng) -> &'static str {
    rng.pick(&SITES, "www.example.com")
}

/// A GET request.
pub(super) fn http_get(rng: &mut Rng, site: &str) -> Message {
    let path = rng.pick(&PATHS, "/");
    let mark = rng.next();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {site}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
         Accept: */*\r\nAccept-Encoding: identity\r\nCookie: session={mark:016x}\r\n\r\n"
    );
    Message::new(head.into_bytes(), 0, Dress::Text)
}

/// A PUT request with a body of `len` bytes.
pub(super) fn http_put(site: &str, len: u32) -> Message {
    let head = format!(
        "PUT /upload/object HTTP/1.1\r\nHost: {site}\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: {len}\r\n\r\n"
    );
    Message::new(head.into_bytes(), len, Dress::Noise)
}

/// A response with a body of `len` bytes, text or not.
pub(super) fn http_response(rng: &mut Rng, len: u32) -> Message {
    let status = match rng.range(0, 100) {
        0 => "503 Service Unavailable",
        1..=3 => "404 Not Found",
        _ => "200 OK",
    };
    let (kind, dress) = if rng.chance(500_000) {
        ("text/html; charset=utf-8", Dress::Text)
    } else {
        ("application/octet-stream", Dress::Noise)
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nServer: nginx/1.22.1\r\nContent-Type: {kind}\r\n\
         Content-Length: {len}\r\nConnection: keep-alive\r\n\r\n"
    );
    Message::new(head.into_bytes(), len, dress)
}

/// Bytes of no known protocol.
pub(super) fn plain(len: u32) -> Message {
    Message::new([], len, Dress::Noise)
}

/// TLS application data.
pub(super) fn tls_data(len: u32) -> Message {
    Message::new([], len, Dress::Tls)
}

/// A TLS 1.3 `ClientHello` (RFC 8446 section 4.1.2) in its record.
pub(super) fn client_hello(rng: &mut Rng, site: &str) -> Message {
    let name = site.as_bytes();
    let server_name = [
        &((name.len() as u16) + 3).to_be_bytes()[..],
        &[0],
        &(name.len() as u16).to_be_bytes(),
        name,
    ];
    let extensions = [
        extension(0, &server_name.concat()),
        extension(10, &[0, 2, 0, 0x1d]),
        extension(13, &[0, 4, 4, 3, 8, 4]),
        extension(16, b"\x00\x0c\x02h2\x08http/1.1"),
        extension(43, &[2, 3, 4]),
        extension(51, &key_share(rng, true)),
    ];
    let suites = [0, 6, 0x13, 1, 0x13, 2, 0x13, 3, 1, 0];
    let record = hello(1, rng, &suites, &extensions.concat());
    Message::new(record, 0, Dress::Text)
}

/// A TLS 1.3 `ServerHello`, the compatibility change of cipher, and `sealed` bytes of encrypted
/// handshake.
pub(super) fn server_hello(rng: &mut Rng, sealed: u32) -> Message {
    let extensions = [
        extension(43, &[3, 4]),
        extension(51, &key_share(rng, false)),
    ];
    let mut record = hello(2, rng, &[0x13, 1, 0], &extensions.concat());
    record.extend([0x14, 3, 3, 0, 1, 1]);
    Message::new(record, sealed, Dress::Tls)
}

/// The client's change of cipher and encrypted Finished.
pub(super) fn client_finished() -> Message {
    Message::new([0x14, 3, 3, 0, 1, 1], 79, Dress::Tls)
}

fn hello(kind: u8, rng: &mut Rng, suites: &[u8], extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(random_bytes(rng));
    body.push(32);
    body.extend(random_bytes(rng));
    body.extend(suites);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut record = vec![0x16, 3, if kind == 1 { 1 } else { 3 }];
    record.extend((body.len() as u16 + 4).to_be_bytes());
    record.extend([kind, 0]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

fn key_share(rng: &mut Rng, offered: bool) -> Vec<u8> {
    let mut share = if offered { vec![0, 36] } else { Vec::new() };
    share.extend([0, 0x1d, 0, 32]);
    share.extend(random_bytes(rng));
    share
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [
        &kind.to_be_bytes()[..],
        &(data.len() as u16).to_be_bytes(),
        data,
    ]
    .concat()
}

fn random_bytes(rng: &mut Rng) -> Vec<u8> {
    (0..4).flat_map(|_| rng.next().to_be_bytes()).collect()
}
