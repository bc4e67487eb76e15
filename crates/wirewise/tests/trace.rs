//! `wirewise reach trace` as its users meet it.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests start the program and write its inputs; where that fails, they fail"
)]

use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const RULES: &str = "\
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 192.0.2.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.1.0.7:8443
-A POSTROUTING -o eth1 -p udp -j SNAT --to-source 10.1.0.1-10.1.0.3
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -p tcp -j web
-A FORWARD -p udp -m udp --dport 53 -j ACCEPT
-A FORWARD -p udp -m recent --name seen --update --seconds 60 -j ACCEPT
-A web -d 10.1.0.7/32 -p tcp -m tcp --dport 8443 -j ACCEPT
-A web -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset
COMMIT
";

/// Runs the verb on the rules, with this on its standard input.
fn trace(test: &str, arguments: &[&str], input: &str) -> Output {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("trace")
        .join(test);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("rules.v4"), RULES).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .args(["reach", "trace", "rules.v4"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn answers(output: &Output) -> Vec<Value> {
    let text = str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const JSON: [&str; 6] = ["--hook", "forward", "--format", "json", "--packets", "-"];

#[test]
fn every_line_of_packets_gets_a_line_with_the_deciding_rule() {
    let packets = r#"{"id": 1, "iif": "eth0", "oif": "eth1", "src": "203.0.113.9", "dst": "192.0.2.1", "dport": 443}
{"id": "two", "iif": "eth0", "oif": "eth1", "dst": "10.1.0.9", "proto": "tcp", "dport": 22}
{"id": 3, "iif": "eth0", "oif": "eth2", "dst": "10.1.0.9", "proto": "icmp"}
"#;
    let output = trace("lines", &JSON, packets);
    assert_eq!(output.status.code(), Some(0));
    let expected = [
        json!({"id": 1, "verdict": "accept", "by": {"path": "rules.v4", "line": 16},
            "rewritten": {"src": "203.0.113.9", "dst": "10.1.0.7", "sport": 40_000, "dport": 8443}}),
        json!({"id": "two", "verdict": "reject", "by": {"path": "rules.v4", "line": 17},
            "rewritten": {"src": "0.0.0.0", "dst": "10.1.0.9", "sport": 40_000, "dport": 22}}),
        json!({"id": 3, "verdict": "drop", "by": null, "by_policy": "FORWARD",
            "rewritten": {"src": "0.0.0.0", "dst": "10.1.0.9", "sport": null, "dport": null}}),
    ];
    assert_eq!(answers(&output), expected);
}

#[test]
fn ranges_and_unknowns_are_told() {
    let packets = r#"{"oif": "eth1", "src": "10.0.0.1", "dst": "10.9.9.9", "proto": "udp", "dport": 53}
{"oif": "eth1", "src": "10.0.0.1", "dst": "10.9.9.9", "proto": "udp", "dport": 54}
"#;
    let output = trace("unknown", &JSON, packets);
    let answers = answers(&output);
    assert_eq!(answers[0]["rewritten"]["src"], "10.1.0.1-10.1.0.3");
    assert_eq!(answers[0]["verdict"], "accept");
    assert_eq!(answers[1]["verdict"], "unknown");
    assert_eq!(answers[1]["unknowns"][0]["at"]["line"], 15);
}

#[test]
fn a_line_that_is_no_packet_is_told_and_the_others_are_answered() {
    let output = trace("broken", &JSON, "{\"id\": 1}\nnonsense\n\n{\"id\": 4}\n");
    assert_eq!(output.status.code(), Some(3));
    let ids: Vec<Value> = answers(&output)
        .iter()
        .map(|answer| answer["id"].clone())
        .collect();
    assert_eq!(ids, [1, 4]);
    assert!(
        str::from_utf8(&output.stderr)
            .unwrap()
            .contains("packet in line 2: not a packet")
    );
}

#[test]
fn text_tells_the_way_rule_by_rule() {
    let packet = "iif=eth0 oif=eth1 src=203.0.113.9 dst=192.0.2.1 proto=tcp dport=443";
    let output = trace("text", &["--hook", "forward", "--packet", packet], "");
    assert_eq!(output.status.code(), Some(0));
    let expected = "\
accept  tcp 203.0.113.9:40000 → 192.0.2.1:443 new, in eth0, out eth1: passes, by rules.v4:16 in
        filter web

  nat PREROUTING
    rules.v4:4  -A PREROUTING -d 192.0.2.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination
                10.1.0.7:8443
      → becomes 203.0.113.9:40000 → 10.1.0.7:8443

  filter FORWARD
    rules.v4:13  -A FORWARD -p tcp -j web
      → goes to chain web
      rules.v4:16  -A web -d 10.1.0.7/32 -p tcp -m tcp --dport 8443 -j ACCEPT
        → accept

  nat POSTROUTING
      → no rule decides: policy accept
";
    assert_eq!(str::from_utf8(&output.stdout).unwrap(), expected);
}

#[test]
fn wrong_packets_and_hooks_are_refused() {
    for arguments in [
        &["--hook", "forward"][..],
        &["--hook", "sideways", "--packet", "dst=10.0.0.1"],
        &["--packet", "dst=10.0.0.1"],
    ] {
        assert_eq!(
            trace("usage", arguments, "").status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
    let wrong = ["--hook", "input", "--packet", "colour=blue"];
    assert_eq!(trace("usage", &wrong, "").status.code(), Some(4));
}
