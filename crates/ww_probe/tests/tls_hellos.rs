//! What hellos of our own find out about servers that answer by a script.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the servers are real listeners on loopback; where they fail, the test fails"
)]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use ww_base::SourceId;
use ww_evidence::transcript::{HelloReply, Suites, Transcript};
use ww_probe::{Depth, Options, parse_target, walk};

const NAME: &str = "shop.example";

/// A server that knows of TLS no more than hellos.
#[derive(Clone, Copy, Debug, Default)]
struct Script {
    /// Versions with their suites in the server's order.
    versions: &'static [(u16, &'static [u16])],
    /// The client's order counts.
    client_order: bool,
    /// It reads once, and takes what came for the whole hello.
    single_read: bool,
    /// Longer hellos are not answered.
    most_bytes: Option<usize>,
    /// It refuses other names with this alert.
    only_name: Option<u8>,
    /// It says this to whatever comes.
    says: Option<&'static [u8]>,
}

/// What a hello offers.
#[derive(Debug, Default)]
struct Offer {
    versions: Vec<u16>,
    suites: Vec<u16>,
    named: bool,
}

fn serve(script: Script) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, script));
        }
    });
    address
}

fn answer(mut stream: TcpStream, script: Script) {
    let mut bytes = vec![0; 8192];
    let mut length = 0;
    loop {
        match stream.read(&mut bytes[length..]) {
            Ok(0) | Err(_) => return,
            Ok(count) => length += count,
        }
        let record = 5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
        if script.says.is_some() || script.single_read || bytes[0] != 22 || length >= record {
            if script.says.is_none() && bytes[0] == 22 && length < record {
                return;
            }
            break;
        }
    }
    if let Some(line) = script.says {
        let _ = stream.write_all(line);
        return;
    }
    if script.most_bytes.is_some_and(|most| length > most) {
        std::thread::sleep(Duration::from_secs(3));
        return;
    }
    let reply = if bytes[0] == 22 {
        reply(&read_offer(&bytes[..length]), script)
    } else {
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()
    };
    let _ = stream.write_all(&reply);
    // Wait for the client to go, so that no reset overtakes the answer.
    let _ = stream.read(&mut bytes);
}

fn read_offer(bytes: &[u8]) -> Offer {
    let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let session = 43;
    let suites = session + 1 + usize::from(bytes[session]);
    let end = suites + 2 + usize::from(number(suites));
    let mut offer = Offer {
        versions: vec![number(9)],
        suites: (suites + 2..end).step_by(2).map(number).collect(),
        named: bytes
            .windows(NAME.len())
            .any(|window| window == NAME.as_bytes()),
    };
    let mut at = end + 2 + 2;
    while at + 4 <= bytes.len() {
        let (kind, length) = (number(at), usize::from(number(at + 2)));
        if kind == 43 {
            offer.versions = (at + 5..at + 4 + length).step_by(2).map(number).collect();
        }
        at += 4 + length;
    }
    offer
}

fn reply(offer: &Offer, script: Script) -> Vec<u8> {
    if let Some(alert) = script.only_name.filter(|_| !offer.named) {
        return vec![21, 3, 3, 0, 2, 2, alert];
    }
    let Some((version, suites)) = script
        .versions
        .iter()
        .rev()
        .find(|(version, _)| offer.versions.contains(version))
    else {
        return vec![21, 3, 1, 0, 2, 2, 70];
    };
    let chosen = if script.client_order {
        offer.suites.iter().find(|suite| suites.contains(suite))
    } else {
        suites.iter().find(|suite| offer.suites.contains(suite))
    };
    let Some(suite) = chosen else {
        return vec![21, 3, 1, 0, 2, 2, 40];
    };
    let mut body = version.min(&0x0303).to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    if *version == 0x0304 {
        body.extend([0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 29]);
    }
    let mut record = vec![22, 3, 3, 0, body.len() as u8 + 4, 2, 0, 0, body.len() as u8];
    record.extend(body);
    record
}

fn probe(script: Script, depth: Depth) -> Transcript {
    probe_within(script, depth, Options::default().max_time)
}

fn probe_within(script: Script, depth: Depth, max_time: Duration) -> Transcript {
    let address = serve(script);
    let target = parse_target(&format!("https://{NAME}:{}", address.port())).expect("a target");
    let options = Options {
        depth,
        resolve: vec![(
            NAME.to_owned(),
            address.port(),
            IpAddr::V4(Ipv4Addr::LOCALHOST),
        )],
        patience: Duration::from_millis(400),
        max_time,
        ..Options::default()
    };
    walk(&target, &options, SourceId(0), &mut |_| {}).expect("a walk")
}

/// Replies to hellos with what makes them different: name, split, MSS, clear text, whether large.
fn replies(transcript: &Transcript) -> Vec<(String, HelloReply)> {
    transcript
        .hellos()
        .map(|(_, hello)| {
            let mut what = hello.server_name.clone();
            for (word, there) in [
                (" split", hello.split),
                (" small-segments", hello.mss.is_some()),
                (" clear", hello.clear_text),
                (" large", hello.bytes > 1_000),
            ] {
                if there {
                    what.push_str(word);
                }
            }
            (what, hello.reply.clone())
        })
        .collect()
}

fn replied(transcript: &Transcript, what: &str) -> Option<HelloReply> {
    replies(transcript)
        .into_iter()
        .find(|(known, _)| known == what)
        .map(|(_, reply)| reply)
}

fn versions(transcript: &Transcript) -> Vec<Suites> {
    let (_, survey) = transcript.tls_surveys().next().expect("a survey");
    survey.versions.clone()
}

const MODERN: &[(u16, &[u16])] = &[
    (0x0303, &[0xC030, 0xC02F, 0x009D, 0xC0A0, 0x0035]),
    (0x0304, &[0x1302, 0x1301]),
];

#[test]
fn a_modern_server_is_asked_little() {
    let transcript = probe(
        Script {
            versions: MODERN,
            ..Script::default()
        },
        Depth::Normal,
    );
    let found = versions(&transcript);
    let names: Vec<&str> = found.iter().map(|one| one.version.as_str()).collect();
    assert_eq!(names, ["TLS 1.2", "TLS 1.3"]);
    let kinds: Vec<String> = replies(&transcript)
        .into_iter()
        .map(|(what, _)| what)
        .collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(
        replies(&transcript)
            .iter()
            .all(|(_, reply)| *reply == HelloReply::Accepted)
    );
}

#[test]
fn all_suites_are_found_in_the_servers_order() {
    const LEGACY: &[(u16, &[u16])] = &[
        (0x0300, &[0x0005]),
        // Suites of different portions, in an order that no client has.
        (0x0301, &[0x0001, 0x0035, 0x0018, 0x002F, 0x008C]),
        (0x0303, &[0xC030, 0x0035]),
    ];
    let transcript = probe(
        Script {
            versions: LEGACY,
            ..Script::default()
        },
        Depth::Deep,
    );
    let found: Vec<(String, Vec<String>, Option<bool>)> = versions(&transcript)
        .into_iter()
        .map(|one| (one.version, one.suites, one.server_order))
        .collect();
    let names = |all: &[&str]| all.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        found,
        [
            (
                "SSL 3.0".to_owned(),
                names(&["TLS_RSA_WITH_RC4_128_SHA"]),
                None
            ),
            (
                "TLS 1.0".to_owned(),
                names(&[
                    "TLS_RSA_WITH_NULL_MD5",
                    "TLS_RSA_WITH_AES_256_CBC_SHA",
                    "TLS_DH_anon_WITH_RC4_128_MD5",
                    "TLS_RSA_WITH_AES_128_CBC_SHA",
                    "TLS_PSK_WITH_AES_128_CBC_SHA",
                ]),
                Some(true)
            ),
            (
                "TLS 1.2".to_owned(),
                names(&[
                    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                    "TLS_RSA_WITH_AES_256_CBC_SHA"
                ]),
                Some(true)
            ),
        ]
    );
}

#[test]
fn the_clients_order_is_told_from_the_servers() {
    let transcript = probe(
        Script {
            versions: MODERN,
            client_order: true,
            ..Script::default()
        },
        Depth::Deep,
    );
    let orders: Vec<Option<bool>> = versions(&transcript)
        .iter()
        .map(|one| one.server_order)
        .collect();
    assert_eq!(orders, [Some(false), Some(false)]);
    assert_eq!(versions(&transcript)[0].suites.len(), 5);
}

#[test]
fn a_filter_of_size_is_told_from_a_server_that_reads_once() {
    let filtered = probe(
        Script {
            versions: MODERN,
            most_bytes: Some(1_000),
            ..Script::default()
        },
        Depth::Normal,
    );
    assert_eq!(
        replied(&filtered, "shop.example large"),
        Some(HelloReply::Silence)
    );
    assert_eq!(
        replied(&filtered, "shop.example split"),
        Some(HelloReply::Accepted)
    );
    assert_eq!(
        replied(&filtered, "shop.example small-segments large"),
        Some(HelloReply::Silence)
    );
    assert_eq!(
        replied(&filtered, " clear large"),
        Some(HelloReply::Silence)
    );

    let intolerant = probe(
        Script {
            versions: MODERN,
            single_read: true,
            ..Script::default()
        },
        Depth::Normal,
    );
    assert_eq!(
        replied(&intolerant, "shop.example large"),
        Some(HelloReply::Accepted)
    );
    let splits: Vec<HelloReply> = replies(&intolerant)
        .into_iter()
        .filter(|(what, _)| what == "shop.example split")
        .map(|(_, reply)| reply)
        .collect();
    assert_eq!(splits.len(), 2, "asked again");
    assert!(
        splits
            .iter()
            .all(|reply| matches!(reply, HelloReply::Reset | HelloReply::Closed)),
        "{splits:?}"
    );
    let controls = replies(&intolerant)
        .iter()
        .filter(|(what, reply)| what == "shop.example" && *reply == HelloReply::Accepted)
        .count();
    assert_eq!(controls, 2, "the usual hello first and as a control");
}

#[test]
fn what_two_failures_ask_is_asked_once() {
    let both = probe(
        Script {
            versions: MODERN,
            most_bytes: Some(1_000),
            single_read: true,
            ..Script::default()
        },
        Depth::Normal,
    );
    let kinds: Vec<String> = replies(&both).into_iter().map(|(what, _)| what).collect();
    for failed in ["shop.example large", "shop.example split"] {
        assert!(kinds.iter().any(|what| what == failed), "{kinds:?}");
    }
    let usual = kinds.iter().filter(|what| *what == "shop.example").count();
    assert_eq!(usual, 2, "first, and as the control of both: {kinds:?}");
}

#[test]
fn names_are_compared_where_the_right_one_is_refused() {
    // The script refuses names that it does not know, and the right one is what it was started with.
    let transcript = probe(
        Script {
            versions: MODERN,
            only_name: Some(112),
            ..Script::default()
        },
        Depth::Deep,
    );
    assert_eq!(
        replied(&transcript, "shop.example"),
        Some(HelloReply::Accepted)
    );
    assert_eq!(replied(&transcript, ""), Some(HelloReply::Alert(112)));
    assert_eq!(
        replied(&transcript, "wirewise.invalid"),
        Some(HelloReply::Alert(112))
    );
}

#[test]
fn a_server_of_another_protocol_is_asked_once() {
    for line in [
        "SSH-2.0-OpenSSH_9.2p1\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
    ] {
        let transcript = probe(
            Script {
                says: Some(line.as_bytes()),
                ..Script::default()
            },
            Depth::Deep,
        );
        let heard = replies(&transcript);
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!(heard[0].1, HelloReply::NotTls(line.trim_end().to_owned()));
        assert_eq!(transcript.tls_surveys().count(), 0);
    }
}

#[test]
fn a_silent_server_costs_little_time() {
    let transcript = probe(
        Script {
            versions: MODERN,
            most_bytes: Some(1),
            ..Script::default()
        },
        Depth::Normal,
    );
    let heard = replies(&transcript);
    assert_eq!(heard.len(), 4, "{heard:?}");
    assert!(
        heard.iter().all(|(_, reply)| *reply == HelloReply::Silence),
        "{heard:?}"
    );
    assert_eq!(transcript.tls_surveys().count(), 0);
}

#[test]
fn a_silent_server_is_asked_where_no_choice_can_be_paid() {
    let transcript = probe_within(
        Script {
            versions: MODERN,
            most_bytes: Some(1),
            ..Script::default()
        },
        Depth::Normal,
        Duration::from_millis(700),
    );
    assert_eq!(
        replies(&transcript),
        [("shop.example".to_owned(), HelloReply::Silence)]
    );
}
