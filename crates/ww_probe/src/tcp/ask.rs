//! First bytes of a request, for when only the answer's arrival matters.

use crate::tls::Hello;
use ww_evidence::transcript::{Service, Target};

/// Bytes of padding in a request that must not fit into one segment.
const PADDING: usize = 3_000;

/// A question whose answer is longer than a segment: a ClientHello where TLS is spoken, a GET where HTTP is;
/// `None` where nothing is known to ask.
pub(crate) fn short(target: &Target) -> Option<Vec<u8>> {
    first_bytes(target, 0)
}

/// Something is known to ask.
pub(crate) fn knows_a_request(target: &Target) -> bool {
    first_bytes(target, 0).is_some()
}

/// The same question, padded to more than one segment.
pub(crate) fn long(target: &Target) -> Option<Vec<u8>> {
    first_bytes(target, PADDING)
}

fn first_bytes(target: &Target, padding: usize) -> Option<Vec<u8>> {
    match target.service {
        service if service.is_tls() => Some(hello(target, padding)),
        Service::Http | Service::Ws => Some(get(target, padding)),
        _ => None,
    }
}

fn hello(target: &Target, padding: usize) -> Vec<u8> {
    let name = if target.is_address() {
        ""
    } else {
        target.host.as_str()
    };
    if padding == 0 {
        return Hello::usual(name).record();
    }
    // TCP acknowledges what it gets; what the server makes of a hello too many does not matter.
    let hello = Hello::large(name).record();
    let copies = padding.div_ceil(hello.len().max(1));
    hello.repeat(copies)
}

fn get(target: &Target, padding: usize) -> Vec<u8> {
    let host = if target.host.contains(':') {
        format!("[{}]", target.host)
    } else {
        target.host.clone()
    };
    let mut request = format!(
        "GET {} HTTP/1.1\r\nHost: {host}:{}\r\nUser-Agent: wirewise\r\nAccept: */*\r\nConnection: close\r\n",
        target.path, target.port
    );
    if padding > 0 {
        request.push_str("X-Padding: ");
        request.extend(std::iter::repeat_n('p', padding));
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(service: Service, host: &str) -> Target {
        Target {
            service,
            host: host.to_owned(),
            port: 443,
            path: "/x".to_owned(),
            ..Target::default()
        }
    }

    #[test]
    fn a_long_question_needs_more_than_a_segment() {
        for service in [Service::Http, Service::Https] {
            let target = target(service, "2001:db8::1");
            assert!(short(&target).expect("known").len() < 536);
            assert!(long(&target).expect("known").len() > 3_000);
        }
        assert_eq!(short(&target(Service::Ssh, "a.example")), None);
    }
}
