//! The reference of the capture language, tested: its examples compile, and tshark, which knows
//! nothing of our intentions, finds every frame whole and every checksum right.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod common;

use common::tshark;
use ww_testkit::capture_text::{CompiledCapture, compile};

const REFERENCE: &str = include_str!("../../../docs/capture-language.md");

fn examples() -> Vec<CompiledCapture> {
    let mut parts = REFERENCE.split("```capture\n");
    parts.next();
    parts
        .map(|part| part.split("```").next().unwrap())
        .map(|text| compile(text).unwrap_or_else(|error| panic!("{error} of:\n{text}")))
        .collect()
}

#[test]
fn the_examples_of_the_reference_compile() {
    let examples = examples();
    assert_eq!(examples.len(), 4);
    let finds: Vec<Vec<u64>> = examples
        .iter()
        .map(|e| e.finds.iter().copied().collect())
        .collect();
    assert_eq!(finds, [vec![6], vec![13], vec![2], vec![]]);
}

#[test]
fn tshark_finds_every_frame_whole_and_every_checksum_right() {
    // tshark also judges the checksum of a quoted segment that was cut to fit, which means nothing.
    let complaints = "_ws.malformed or ip.checksum.status == 0 or icmp.checksum.status == 0 \
        or icmpv6.checksum.status == 0 \
        or ((tcp.checksum.status == 0 or udp.checksum.status == 0) and not icmp and not icmpv6)";
    let checking = [
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
    ];
    for example in examples() {
        let Some(all) = tshark(&example.pcap, &checking) else {
            return;
        };
        assert_eq!(all.lines().count() as u64, example.frames);
        let bad = tshark(
            &example.pcap,
            &[&checking[..], &["-Y", complaints]].concat(),
        )
        .unwrap();
        assert_eq!(bad, "");
    }
    // The filter does see a wrong checksum.
    let bad = compile("client 10.0.0.5:40000\nserver 10.0.0.1:80\n0 > S badsum\n").unwrap();
    let seen = tshark(&bad.pcap, &[&checking[..], &["-Y", complaints]].concat()).unwrap();
    assert_eq!(seen.lines().count(), 1);
}

#[test]
fn tshark_labels_the_loss_as_the_text_tells_it() {
    let example = &examples()[1];
    let fields = [
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-e",
        "tcp.seq",
        "-e",
        "tcp.ack",
        "-e",
        "tcp.options.sack_le",
        "-e",
        "tcp.analysis.flags",
        "-e",
        "_ws.col.Info",
        "-E",
        "separator=|",
    ];
    let Some(text) = tshark(&example.pcap, &fields) else {
        return;
    };
    let line = |number: usize| text.lines().nth(number - 1).unwrap().to_owned();
    assert!(line(7).contains("Previous segment not captured"), "{text}");
    assert!(line(10).starts_with("10|24|2897|4345|"), "{text}");
    assert!(line(12).contains("Dup ACK"), "{text}");
    assert!(line(13).contains("Retransmission"), "{text}");
    assert!(line(14).starts_with("14|24|8689||"), "{text}");
    assert!(line(15).contains("Keep-Alive"), "{text}");
}
