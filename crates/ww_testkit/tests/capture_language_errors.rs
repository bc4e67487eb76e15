//! A line that cannot be understood is named, with what is wrong with it.

use ww_testkit::capture_text::compile;

const ENDS: &str = "client 10.0.0.5:40000 ts sackok ws 7\nserver 10.0.0.1:80 ts sackok ws 7\n";

#[test]
fn errors_name_the_line_and_what_would_be_right() {
    let cases = [
        ("hello", "`hello` is no time"),
        ("0 >", "flags such as S"),
        ("0 > SX", "`SX` are no flags"),
        ("0 web > S", "no connection is named `web`"),
        ("0 > S mss many", "maximum segment size, found `many`"),
        ("0 > . len 10 bogus", "`bogus` has no meaning here"),
        ("0 > . len 70000", "at most"),
        ("0 > S ws 40", "at most 14"),
        (
            "0 > . seq 9223372036854775807",
            "expected a relative number",
        ),
        ("lost > . x 4000000000", "100000 times at most"),
        ("0 > . ack @nothing", "name one with `as nothing`"),
        ("0 > retransmit", "no such segment"),
        ("0 > . \"text", "never closed"),
        (
            "0 > . sack 1-2,3-4,5-6,7-8",
            "4 SACK blocks do not fit; 3 do",
        ),
        ("0 copy previous", "there is no frame yet"),
        ("0 copy 3", "there is no frame 3"),
        (
            "lost udp 10.0.0.5:1 > 10.0.0.1:2 len 1",
            "TCP segments only",
        ),
        ("lost > . len 10 # finds", "this line has none"),
        ("conn udp 10.0.0.5:1 > 10.0.0.1:2", "a word of the language"),
        ("conn a 10.0.0.5:1 > [::1]:2", "both IPv6"),
        (
            "0 icmp 10.0.0.1 > 10.0.0.5 unreachable port",
            "quoting previous",
        ),
        (
            "0 icmp ::1 > ::2 time-exceeded quoting previous",
            "`icmpv6` for IPv6",
        ),
        (
            "0 icmp 10.0.0.1 > 10.0.0.5 packet-too-big",
            "unknown message",
        ),
        ("0 arp who-has 10.0.0.1", "tell ADDRESS"),
        ("0 frame hex:00", "14 bytes"),
        ("repeat 2 {\n0 > S\n}", "write `+0`"),
        ("reopen nothing", "no connection is named"),
        (
            "0 dns 10.0.0.5:1 > 10.0.0.53:53 ask A x",
            "`query` or `answer`",
        ),
    ];
    for (line, expected) in cases {
        let error = compile(&format!("{ENDS}{line}\n")).unwrap_err();
        let at = if line.starts_with("repeat") { 4 } else { 3 };
        assert_eq!(error.line, at, "{line}: {error}");
        assert!(error.message.contains(expected), "{line}: {error}");
    }
    let error = compile("0 > S").unwrap_err();
    assert!(
        error.to_string().starts_with("line 1: declare `client"),
        "{error}"
    );
}

#[test]
fn a_runaway_text_ends_with_an_error() {
    let many = compile("repeat 100000000 {\nsnaplen 1\n}").unwrap_err();
    assert!(many.message.contains("lines after unrolling"), "{many}");
    let long = compile(&format!("{ENDS}0 > . len 60000 x 100000")).unwrap_err();
    assert!(long.message.contains("exceeds"), "{long}");
}

/// Every example of the reference, with each of its words in turn left out, doubled, or replaced
/// by one that is too large: an answer or an error, never a panic.
#[test]
fn damaged_texts_never_panic() {
    let reference = include_str!("../../../docs/capture-language.md");
    let mut errors = 0;
    for example in reference.split("```capture\n").skip(1) {
        let example = example.split("```").next().unwrap_or_default();
        let words: Vec<&str> = example.split_inclusive([' ', '\n']).collect();
        for index in 0..words.len() {
            for replacement in ["", "99999999999999999999 ", "-1 ", "\" ", "{n} ", "@ "] {
                let mut damaged = words.clone();
                damaged[index] = replacement;
                errors += usize::from(compile(&damaged.concat()).is_err());
            }
        }
    }
    assert!(
        errors > 1000,
        "only {errors} of the damaged texts were refused"
    );
}
