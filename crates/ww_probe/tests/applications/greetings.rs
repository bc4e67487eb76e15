//! First words of servers.

use crate::{hear, options, probe, reset, say, serve};
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;
use ww_evidence::transcript::{Greeting, GreetingOutcome, PeerReply, Transcript};
use ww_probe::Options;

/// The only greeting of a walk.
fn greeting(transcript: &Transcript) -> Greeting {
    let all: Vec<&Greeting> = transcript
        .greetings()
        .map(|(_, greeting)| greeting)
        .collect();
    assert_eq!(all.len(), 1, "{transcript:?}");
    all[0].clone()
}

fn greeted(scheme: &str, to: SocketAddr) -> Greeting {
    greeting(&probe(&format!("{scheme}://{to}"), &options()))
}

#[test]
fn a_mail_server_says_whether_it_offers_tls() {
    let server = serve(|mut stream| {
        say(&mut stream, b"220 mx.example ESMTP Postfix\r\n");
        if hear(&mut stream).starts_with("EHLO [127.0.0.1]") {
            say(&mut stream, b"250-mx.example\r\n250 STARTTLS\r\n");
        }
        hear(&mut stream);
    });
    let greeting = greeted("smtp", server);
    assert_eq!(greeting.outcome, GreetingOutcome::Fine);
    assert_eq!(greeting.says, "mx.example ESMTP Postfix");
    assert_eq!(greeting.offers_tls, Some(true));
}

#[test]
fn refusals_silence_resets_and_other_protocols_are_told_apart() {
    let cases: [(&str, &[u8], GreetingOutcome); 7] = [
        (
            "smtp",
            b"554 5.7.1 blocked\r\n",
            GreetingOutcome::Denied("554 5.7.1 blocked".to_owned()),
        ),
        (
            "smtp",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            GreetingOutcome::Other("SSH-2.0-OpenSSH_9.2".to_owned()),
        ),
        (
            "redis",
            b"-DENIED Redis is running in protected mode\r\n",
            GreetingOutcome::Denied("DENIED Redis is running in protected mode".to_owned()),
        ),
        ("redis", b"", GreetingOutcome::Closed),
        (
            "mysql",
            b"\x17\0\0\0\xff\x10\x04Too many connections",
            GreetingOutcome::Denied("1040: Too many connections".to_owned()),
        ),
        (
            "postgres",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            GreetingOutcome::Other("HTTP/1.1 400 Bad Request".to_owned()),
        ),
        ("ssh", b"SSH-2.0-x\r\n", GreetingOutcome::Fine),
    ];
    for (scheme, words, outcome) in cases {
        let server = serve(move |mut stream| {
            say(&mut stream, words);
            stream.shutdown(std::net::Shutdown::Write).ok();
            hear(&mut stream);
        });
        assert_eq!(
            greeted(scheme, server).outcome,
            outcome,
            "{scheme} {words:?}"
        );
    }
    let resetting = serve(|mut stream| {
        hear(&mut stream);
        reset(stream);
    });
    assert_eq!(greeted("redis", resetting).outcome, GreetingOutcome::Reset);
    let silent = serve(|mut stream| while !hear(&mut stream).is_empty() {});
    assert_eq!(greeted("redis", silent).outcome, GreetingOutcome::Silence);
}

#[test]
fn a_port_of_which_nothing_is_known_is_listened_to() {
    let speaking = serve(|mut stream| {
        say(&mut stream, b"220 ftp.example ready\r\n");
        hear(&mut stream);
    });
    let greeting = greeted("tcp", speaking);
    assert_eq!(greeting.says, "220 ftp.example ready");
    assert_eq!(greeting.outcome, GreetingOutcome::Fine);
}

#[test]
fn an_endless_greeting_is_left() {
    let flooding = serve(|mut stream| {
        use std::io::Write;
        while stream.write_all(&[b'x'; 8192]).is_ok() {}
    });
    let began = std::time::Instant::now();
    assert!(matches!(
        greeted("smtp", flooding).outcome,
        GreetingOutcome::Other(line) if line.len() == 200
    ));
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// A server over UDP that answers each datagram as it is told, as long as the tests run.
fn serve_datagrams(
    answer: impl Fn(&[u8], SocketAddr) -> Option<Vec<u8>> + Send + 'static,
) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("its address");
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((count, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(&buffer[..count], from) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    address
}

#[test]
fn a_stun_server_tells_our_address() {
    let server = serve_datagrams(|request, from| {
        // XOR-MAPPED-ADDRESS of IPv4 (RFC 8489 section 14.2).
        let mut response = vec![1, 1, 0, 12];
        response.extend(&request[4..20]);
        response.extend([0, 0x20, 0, 8, 0, 1]);
        let SocketAddr::V4(from) = from else {
            return None;
        };
        response.extend(
            from.port()
                .to_be_bytes()
                .iter()
                .zip([0x21, 0x12])
                .map(|(a, b)| a ^ b),
        );
        response.extend(
            from.ip()
                .octets()
                .iter()
                .zip([0x21, 0x12, 0xa4, 0x42])
                .map(|(a, b)| a ^ b),
        );
        Some(response)
    });
    let transcript = probe(&format!("stun://{server}"), &options());
    assert_eq!(transcript.connects().count(), 0);
    let (step, binding) = transcript.stuns().next().expect("a binding");
    assert_eq!(binding.reply, PeerReply::Fine);
    let (mapped, local) = (
        binding.mapped.expect("mapped"),
        binding.local.expect("local"),
    );
    assert_eq!(mapped, local);
    assert!(
        step.command.starts_with("turnutils_stunclient"),
        "{}",
        step.command
    );
}

#[test]
fn stun_without_an_answer_is_told_by_why() {
    let silent = serve_datagrams(|_, _| None);
    let strange = serve_datagrams(|_, _| Some(b"HTTP/1.1 400\r\n".to_vec()));
    let closed = UdpSocket::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port");
    for (to, reply) in [
        (silent, PeerReply::Silence),
        (
            strange,
            PeerReply::Failed("what came is not STUN: HTTP/1.1 400".to_owned()),
        ),
        (closed, PeerReply::Reset),
    ] {
        let transcript = probe(&format!("stun://{to}"), &options());
        let (_, binding) = transcript.stuns().next().expect("a binding");
        assert_eq!(binding.reply, reply, "{to}");
    }
}

#[test]
fn a_repeated_question_finds_its_answer() {
    let asked = std::sync::atomic::AtomicU32::new(0);
    let server = serve_datagrams(move |query, _| {
        if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            return None;
        }
        let mut reply = query.to_vec();
        reply[2] |= 0x80;
        reply[3] = 0x85;
        Some(reply)
    });
    // However late a busy host repeats it.
    let patient = Options {
        patience: Duration::from_secs(20),
        max_time: Duration::from_mins(1),
        ..options()
    };
    let transcript = probe(&format!("dns://{server}"), &patient);
    let greeting = greeting(&transcript);
    assert_eq!(
        greeting.outcome,
        GreetingOutcome::Denied("REFUSED".to_owned())
    );
    assert_eq!(
        greeting.says,
        "REFUSED, records in the answer: 0, recursion available"
    );
}
