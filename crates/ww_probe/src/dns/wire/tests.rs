//! Messages as they are on the wire. Records are written by hand after their RFCs.

use super::name::labels;
use super::*;

fn question() -> Question<'static> {
    Question {
        id: 0x1234,
        name: "a.example",
        kind: A,
        recursion: true,
        checking_disabled: false,
        edns_size: Some(1232),
        dnssec_ok: false,
    }
}

/// A response with one question (`a.example A`, at offset 12) and these sections.
fn response(flags: u16, counts: [u16; 3], sections: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0x1234, 0x8180 | flags, 1, counts[0], counts[1], counts[2]] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(b"\x01a\x07example\x00\x00\x01\x00\x01");
    bytes.extend(sections);
    bytes
}

/// A record at the question's name.
fn record_of(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, 12];
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 1, 44]);
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

fn presented(kind: u16, data: &[u8]) -> String {
    let bytes = response(0, [1, 0, 0], &record_of(kind, data));
    let message = read(&bytes).expect("a message");
    let record = &message.answer.records[0];
    assert_eq!((record.name.as_str(), record.ttl), ("a.example", 300));
    assert_eq!(record.kind, kind_name(kind));
    record.data.clone()
}

#[test]
fn a_question_is_written_with_its_flags() {
    let plain = question().encode().expect("a question");
    assert_eq!(
        plain,
        [
            b"\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01\x01a\x07example\x00\x00\x01\x00\x01"
                .as_slice(),
            b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00",
        ]
        .concat()
    );
    let signed = Question {
        dnssec_ok: true,
        ..question()
    };
    let signed = signed.encode().expect("a question");
    assert_eq!(
        signed.split_at(signed.len() - 6).1,
        [0, 0, 0x80, 0, 0, 0],
        "DO is the first bit behind the version"
    );
    let bare = Question {
        recursion: false,
        checking_disabled: true,
        edns_size: None,
        ..question()
    };
    let bare = bare.encode().expect("a question");
    assert_eq!(bare[2..4], [0x00, 0x30]);
    assert_eq!(bare.len(), 27);
}

#[test]
fn names_have_bounds() {
    let encode = |name: &str| Question { name, ..question() }.encode();
    assert!(encode(&"a".repeat(63)).is_some());
    assert!(encode(&"a".repeat(64)).is_none());
    assert!(encode("a..example").is_none());
    assert!(encode(".a").is_none());
    assert!(encode(&format!("{}a", "a.".repeat(126))).is_some());
    assert!(encode(&format!("{}a", "a.".repeat(127))).is_none());
    assert_eq!(
        labels(r"a\.b.c\032d"),
        Some(vec![b"a.b".to_vec(), b"c d".to_vec()])
    );
    assert_eq!(labels(r"a\300"), None);
    assert_eq!(labels("."), Some(Vec::new()));
    assert_eq!(labels("a.example."), labels("a.example"));
    assert!(same("A.Example.", "a.example"));
    assert!(!same("a.example", "b.example"));
    assert!(same(".", "."));
}

#[test]
fn common_types_are_presented() {
    let cases: [(u16, &[u8], &str); 19] = [
        (1, &[192, 0, 2, 7], "192.0.2.7"),
        (
            28,
            b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
            "2001:db8::1",
        ),
        (5, b"\x03www\xc0\x0e", "www.example"),
        (2, b"\0", "."),
        (
            6,
            b"\x02ns\xc0\x0e\x04a\\.b\xc0\x0e\0\0\0\x07\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x3c",
            r"ns.example a\\\.b.example 7 1 2 3 60",
        ),
        (15, b"\0\x0a\x02mx\xc0\x0e", "10 mx.example"),
        (16, b"\x03a\"b\x02\x01\\", r#""a\"b" "\001\\""#),
        (33, b"\0\x01\0\x02\x01\xbb\xc0\x0c", "1 2 443 a.example"),
        (43, b"\x30\x39\x0d\x02\xab\xcd", "12345 13 2 ABCD"),
        (48, b"\x01\x01\x03\x0dabcd", "257 3 13 YWJjZA=="),
        (
            46,
            b"\0\x01\x0d\x02\0\0\x01\x2c\x65\x53\xf1\x00\x5e\x0b\xe1\x00\x30\x39\x07example\0abc",
            "A 13 2 300 20231114221320 20200101000000 12345 example YWJj",
        ),
        (
            47,
            b"\x01b\xc0\x0e\x00\x06\x40\x01\x00\x00\x00\x03\x01\x01\x40",
            "b.example A MX RRSIG NSEC CAA",
        ),
        (
            50,
            b"\x01\x00\x00\x0a\x02\xaa\xbb\x03abc\x00\x01\x40",
            "1 0 10 AABB C5H66 A",
        ),
        (51, b"\x01\x00\x00\x00\x00", "1 0 0 -"),
        (257, b"\x00\x05issueca.example", r#"0 issue "ca.example""#),
        (
            65,
            b"\0\x01\0\0\x01\0\x06\x02h3\x02h2\0\x03\0\x02\x20\xfb\0\x04\0\x04\xc0\0\x02\x07",
            r#"1 . alpn="h3,h2" port=8443 ipv4hint=192.0.2.7"#,
        ),
        (
            64,
            b"\0\x00\xc0\x0c\0\0\0\x02\0\x01\x02\x9b\0\x01x\0\x02\0\0",
            r#"0 a.example mandatory=alpn key667="x" no-default-alpn"#,
        ),
        (52, b"\x03\x01\x01\xab", "3 1 1 AB"),
        (65_280, b"\x01\x02", r"\# 2 0102"),
    ];
    for (kind, data, text) in cases {
        assert_eq!(presented(kind, data), text, "{}", kind_name(kind));
    }
}

#[test]
fn data_that_does_not_have_its_form_is_shown_as_bytes() {
    assert_eq!(presented(1, &[192, 0, 2]), r"\# 3 C00002");
    assert_eq!(presented(33, &[]), r"\# 0");
    assert_eq!(
        presented(28, &[0; 17]),
        format!(r"\# 17 {}", "00".repeat(17))
    );
    assert_eq!(presented(16, b"\x05ab"), r"\# 3 056162");
}

#[test]
fn service_bindings_are_read_beside_their_text() {
    let good = record_of(65, b"\0\x01\0\0\x01\0\x03\x02h2");
    let bad = record_of(65, b"\0\x02\0\0\x03\0\x01\x50");
    let bytes = response(0, [2, 0, 0], &[good, bad].concat());
    let answer = read(&bytes).expect("a message").answer;
    let texts: Vec<&str> = answer
        .records
        .iter()
        .map(|record| record.data.as_str())
        .collect();
    assert_eq!(texts, [r#"1 . alpn="h2""#, r"\# 8 0002000003000150"]);
    let [good, bad] = answer.bindings.as_slice() else {
        panic!("two records");
    };
    assert_eq!((good.owner.as_str(), good.priority), ("a.example", 1));
    assert_eq!(
        (good.alpn.as_slice(), &good.fault),
        (&["h2".to_owned()][..], &None)
    );
    let fault = bad.fault.as_ref().expect("a port of one byte");
    assert_eq!(fault.says(), "the value of port is not two bytes long");
}

#[test]
fn long_data_is_cut() {
    let text = presented(65_280, &vec![7; 20_000]);
    assert_eq!(text.len(), 4096);
    assert!(text.starts_with(r"\# 20000 0707"));
}

#[test]
fn extended_errors_and_upper_bits_of_the_code_are_in_the_opt_record() {
    let opt = b"\0\0\x29\x04\xd0\x01\0\0\0\0\x0c\0\x0f\0\x08\0\x07expired\0\x0f\0\x02\0\x16";
    let mut opt = opt.to_vec();
    // The option's length counts the code and the text.
    opt[11..].copy_from_slice(b"\0\x0f\0\x09\0\x07expired\0\x0f\0\x02\0\x16".as_slice());
    opt[9..11].copy_from_slice(&19_u16.to_be_bytes());
    let message = read(&response(2, [0, 0, 1], &opt)).expect("a message");
    assert_eq!(message.answer.rcode, "RCODE18");
    let errors: Vec<(u16, &str)> = message
        .answer
        .extended_errors
        .iter()
        .map(|error| (error.code, error.text.as_str()))
        .collect();
    assert_eq!(errors, [(7, "expired"), (22, "")]);
    assert!(message.answer.recursion_available);
    assert!(message.additional.is_empty());
}

#[test]
fn pointers_lead_back_only() {
    for pointer in [b"\xc0\x1b", b"\xc0\x1d", b"\xc0\xff"] {
        let mut record = record_of(1, &[192, 0, 2, 7]);
        record[..2].copy_from_slice(pointer);
        let read = read(&response(0, [1, 0, 0], &record));
        assert!(read.is_err(), "{pointer:?}");
    }
    // Two pointers that lead to each other.
    let data = b"\xc0\x29\xc0\x27";
    assert_eq!(presented(5, data), r"\# 4 C029C027");
}

#[test]
fn a_name_made_long_by_pointers_is_refused() {
    let mut label = vec![63];
    label.extend([b'x'; 63]);
    let mut data = label.repeat(3);
    data.extend(b"\xc0\x0c");
    assert!(presented(5, &data).ends_with(".a.example"));
    let mut data = label.repeat(4);
    data.extend(b"\xc0\x0c");
    assert!(presented(5, &data).starts_with(r"\# "));
}

#[test]
fn a_truncated_message_may_end_anywhere_and_another_may_not() {
    let bytes = response(0x0200, [2, 0, 0], &record_of(1, &[192, 0, 2, 7]));
    let message = read(&bytes).expect("what is there");
    assert!(message.answer.truncated);
    assert_eq!(message.answer.records.len(), 1);
    let bytes = response(0, [2, 0, 0], &record_of(1, &[192, 0, 2, 7]));
    assert!(read(&bytes).is_err());
    assert!(read(&bytes[..11]).is_err());
}

#[test]
fn only_answers_to_the_question_count() {
    let good = response(0, [0, 0, 0], &[]);
    assert!(answers(&good, &question()));
    assert!(answers(
        &good,
        &Question {
            name: "A.EXAMPLE",
            ..question()
        }
    ));
    assert!(!answers(
        &good,
        &Question {
            id: 1,
            ..question()
        }
    ));
    assert!(!answers(
        &good,
        &Question {
            kind: AAAA,
            ..question()
        }
    ));
    assert!(!answers(
        &good,
        &Question {
            name: "b.example",
            ..question()
        }
    ));
    assert!(!answers(
        &question().encode().expect("a question"),
        &question()
    ));
    // FORMERR without the question, as old servers send it.
    assert!(answers(b"\x12\x34\x80\x01\0\0\0\0\0\0\0\0", &question()));
    assert!(!answers(b"\x12\x34\x80\x00\0\0\0\0\0\0\0\0", &question()));
    assert!(!answers(b"\x12\x34", &question()));
}

#[test]
fn sections_have_a_bound() {
    let records = record_of(1, &[192, 0, 2, 7]).repeat(600);
    let message = read(&response(0, [600, 0, 0], &records)).expect("a message");
    assert_eq!(message.answer.records.len(), 512);
}

#[test]
fn no_bytes_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let seed = response(
        0,
        [3, 0, 1],
        &[
            record_of(46, &[7; 40]),
            record_of(65, &[0, 1, 0, 0, 1, 0, 3, 2, 104, 51]),
            record_of(50, &[1; 30]),
            record_of(41, &[0, 15, 0, 2, 0, 1]),
        ]
        .concat(),
    );
    for _ in 0..20_000 {
        let mut bytes = seed.clone();
        for _ in 0..4 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = state as usize % bytes.len();
            bytes[at] = (state >> 32) as u8;
        }
        bytes.truncate((state >> 40) as usize % (bytes.len() + 1));
        if let Ok(message) = read(&bytes) {
            assert!(message.answer.records.len() <= 512);
        }
    }
}
