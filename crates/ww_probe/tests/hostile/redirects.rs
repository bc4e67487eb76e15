//! Redirects that do not end.

use super::Server;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

#[test]
fn redirects_to_ever_new_hosts_are_given_up() {
    let next = AtomicU8::new(1);
    let server = Server::new("0.0.0.0:0", move |stream| {
        let port = stream.stream.local_addr().expect("its address").port();
        while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
            let host = next.fetch_add(1, Ordering::Relaxed);
            let answer = format!(
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.1.{host}:{port}/\r\nContent-Length: 0\r\n\r\n"
            );
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    let target = Server {
        address: (std::net::Ipv4Addr::LOCALHOST, server.address.port()).into(),
        ..server
    };
    let transcript = target.walked("http", 64 << 10, Duration::from_secs(10));
    let hops = transcript
        .exchanges()
        .map(|(_, exchange)| exchange.redirect)
        .max();
    assert_eq!(hops, Some(10));
    let hosts: std::collections::BTreeSet<&str> = transcript
        .exchanges()
        .map(|(_, exchange)| exchange.url.as_str())
        .collect();
    assert_eq!(hosts.len(), 11, "{hosts:?}");
}
