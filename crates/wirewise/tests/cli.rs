//! The program as its users meet it: arguments, output, exit codes.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests start the program and write its inputs; where that fails, they fail"
)]

use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A request and its answer, nothing wrong.
const CLEAN: &str = "
client 10.0.0.5:40000
server 10.0.0.1:80
0.000 > S mss 1460 sackok ts ws 7
+20ms < S. mss 1460 sackok ts ws 7
+0.1ms > .
+1ms  > P. len 120
+20ms < P. len 1200
+0.1ms > .
+1ms  > F.
+20ms < F.
+0.1ms > .
";

/// A folder for one test's files.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A capture made from text, in a test's folder.
fn capture(test: &str, name: &str, text: &str) -> String {
    let path = folder(test).join(name);
    std::fs::write(&path, ww_testkit::capture_text::compile(text).unwrap().pcap).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The clean capture, with frames cut to 96 bytes: one finding of severity info.
fn cut_frames(test: &str) -> String {
    capture(test, "snap.pcap", &format!("snaplen 96\n{CLEAN}"))
}

fn wirewise(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn help_shows_the_verbs_and_examples() {
    let output = wirewise(&["--help"]);
    assert_eq!(code(&output), 0);
    for expected in ["diagnose", "flows", "explain", "rules", "Examples:"] {
        assert!(stdout(&output).contains(expected), "{expected}");
    }
    let output = wirewise(&["diagnose", "--help"]);
    assert!(stdout(&output).contains("Exit codes:"));
    assert!(stdout(&output).contains("wirewise diagnose incident.pcapng"));
}

#[test]
fn a_clean_capture_exits_with_0() {
    let path = capture("clean", "clean.pcap", CLEAN);
    let output = wirewise(&["diagnose", &path]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    assert!(stdout(&output).contains("Nothing wrong was found in 1 TCP connection"));
}

#[test]
fn fail_on_decides_between_0_and_1() {
    let path = cut_frames("fail_on");
    for (fail_on, expected) in [("high", 0), ("low", 0), ("info", 1), ("never", 0)] {
        let output = wirewise(&["diagnose", "--fail-on", fail_on, &path]);
        assert_eq!(code(&output), expected, "--fail-on {fail_on}");
    }
    assert_eq!(code(&wirewise(&["diagnose", &path])), 0);
}

#[test]
fn rules_can_be_chosen() {
    let path = cut_frames("chosen");
    let found = |arguments: &[&str]| {
        let output = wirewise(&[&["diagnose", "--fail-on", "info", &path], arguments].concat());
        code(&output) == 1
    };
    assert!(found(&["--rule", "truncated-capture"]));
    assert!(!found(&["--ignore", "truncated-capture"]));
    let output = wirewise(&["diagnose", "--ignore", "truncated-capture", &path]);
    assert!(stdout(&output).contains("1 rule left out on request"));
}

#[test]
fn wrong_usage_exits_with_2_and_helps() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage: wirewise"),
        (&["diagnose"], "<CAPTURE|TARGET>"),
        (&["diagnose", "--formt", "json", "x"], "--format"),
        (&["diagnose", "--format", "xml", "x"], "text, json"),
        (
            &["diagnose", "--fail-on", "hi", "x"],
            "'--fail-on <SEVERITY>'",
        ),
        (
            &["diagnose", "--rule", "truncated-captur", "x"],
            "'truncated-capture'",
        ),
        (&["explain", "truncated"], "'truncated-capture'"),
        (&["explain", "no-such-rule-at-all"], "no-such-rule-at-all"),
        (&["diagnoze", "x"], "diagnose"),
    ];
    for (arguments, expected) in cases {
        let output = wirewise(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(
            stderr(&output).contains(expected),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn an_input_that_cannot_be_read_exits_with_3_and_is_told_twice() {
    let good = capture("unread", "good.pcap", CLEAN);
    let missing = folder("unread").join("missing.pcap");
    let output = wirewise(&[
        "diagnose",
        "--format",
        "json",
        &good,
        missing.to_str().unwrap(),
    ]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("missing.pcap: cannot be opened"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["inputs"][1]["frames"], 0);
    assert_eq!(report["problems"][0]["path"], missing.to_str().unwrap());
    assert_eq!(report["problems"][0]["kind"], "undefined");
    assert!(
        report["verdict"]
            .as_str()
            .unwrap()
            .contains("1 input could not be read")
    );
}

#[test]
fn a_capture_that_was_cut_is_judged_as_far_as_it_goes() {
    let whole = std::fs::read(capture("cut", "whole.pcap", CLEAN)).unwrap();
    let path = folder("cut").join("cut.pcap");
    std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    let output = wirewise(&["diagnose", path.to_str().unwrap()]);
    assert_eq!(code(&output), 3);
    assert!(stdout(&output).contains("8 frames"));
    assert!(stdout(&output).contains("Not read"));
    assert!(stderr(&output).contains("cut.pcap: "));
}

#[test]
fn nothing_readable_exits_with_4() {
    let here = folder("nothing");
    let file = |name: &str, bytes: &[u8]| {
        let path = here.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let cases = [
        (file("notes.txt", b"no capture\n"), "text"),
        (file("empty.pcap", b""), "empty"),
        (file("header.pcap", b"\xd4\xc3\xb2\xa1\x02\x00"), "header"),
        (here.to_str().unwrap().to_owned(), "folder"),
        ("/nonexistent/x.pcap".to_owned(), "cannot be opened"),
    ];
    for (path, reason) in &cases {
        for verb in ["diagnose", "flows"] {
            let output = wirewise(&[verb, path]);
            assert_eq!(code(&output), 4, "{verb} {path}");
            assert_eq!(stdout(&output), "");
            let told = stderr(&output);
            assert!(told.contains(path), "{told}");
            assert!(told.contains(reason), "{told}");
        }
    }
}

#[test]
fn standard_input_is_an_input() {
    let bytes = std::fs::read(capture("stdin", "clean.pcap", CLEAN)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .args(["diagnose", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).starts_with("standard input: 9 frames"));
}

#[test]
fn a_closed_pipe_is_success() {
    let bytes = std::fs::read(capture("pipe", "clean.pcap", CLEAN)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .args(["diagnose", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The reader is gone before the program can have anything to say.
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_full_disk_exits_with_4() {
    let full = std::fs::File::create("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .arg("rules")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("cannot write the result to standard output"));
}

#[test]
fn out_names_a_file() {
    let path = capture("out", "clean.pcap", CLEAN);
    let report = folder("out").join("report.json");
    let report = report.to_str().unwrap();
    let output = wirewise(&["diagnose", "--format", "json", "--out", report, &path]);
    assert_eq!(code(&output), 0);
    assert_eq!(stdout(&output), "");
    let json: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(json["schema_version"], 1);

    let output = wirewise(&["diagnose", "--out", "/nonexistent/report", &path]);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("/nonexistent/report"));
}

#[test]
fn same_input_same_bytes() {
    let path = cut_frames("same");
    let first = wirewise(&["diagnose", &path]);
    let second = wirewise(&["diagnose", &path]);
    assert_eq!(first.stdout, second.stdout);
}

#[test]
fn colour_comes_when_asked_for() {
    let path = cut_frames("colour");
    assert!(!stdout(&wirewise(&["diagnose", &path])).contains('\x1b'));
    let always = wirewise(&["diagnose", "--color", "always", &path]);
    assert!(stdout(&always).contains('\x1b'));
    let never = wirewise(&["--color", "never", "diagnose", &path]);
    assert!(!stdout(&never).contains('\x1b'));
}

#[test]
fn quiet_is_the_verdict_alone() {
    let path = cut_frames("quiet");
    let output = wirewise(&["diagnose", "--quiet", &path]);
    assert_eq!(stdout(&output).lines().count(), 1);
    assert!(stdout(&output).starts_with("Nothing wrong was found"));
}

/// So many servers refuse a connection each, every one of another client.
fn refusals(test: &str, servers: usize) -> String {
    let mut text = "client 10.0.0.5:40000\nserver 10.0.1.0:8080\n".to_owned();
    for n in 0..servers {
        writeln!(text, "conn c{n} 10.0.2.{n}:41000 > 10.0.1.{n}:8080").unwrap();
    }
    for n in 0..servers {
        writeln!(
            text,
            "+1s c{n} > S mss 1460 sackok ts ws 7\n+20ms c{n} < R."
        )
        .unwrap();
    }
    capture(test, "refusals.pcap", &text)
}

#[test]
fn the_worst_of_many_like_findings_stand_for_the_others() {
    let path = refusals("many", 60);
    let output = wirewise(&["diagnose", "--fail-on", "never", &path]);
    let text = stdout(&output);
    assert_eq!(text.matches("Refuted by").count(), 3, "{text}");
    assert!(text.contains("\nMore of the same\nF4  10.0.1."), "{text}");
    let rest =
        "and 44 more of connection-refused, 880 ms lost: --rule connection-refused tells each";
    assert!(text.contains(rest), "{text}");
    assert!(text.lines().count() < 70, "{text}");
    let all = wirewise(&[
        "diagnose",
        "--fail-on",
        "never",
        "--rule",
        "connection-refused",
        &path,
    ]);
    assert_eq!(stdout(&all).matches("Refuted by").count(), 50);
}

#[test]
fn findings_beyond_the_bound_are_counted() {
    let path = refusals("bound", 60);
    let output = wirewise(&["diagnose", "--fail-on", "never", "--format", "json", &path]);
    let report: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(report["findings"].as_array().unwrap().len(), 50);
    let not_checked = report["not_checked"].as_array().unwrap();
    let of_rule = not_checked
        .iter()
        .find(|of_rule| of_rule["rule"] == "connection-refused");
    let missing = of_rule.unwrap()["gaps"][0]["missing"].as_str().unwrap();
    assert_eq!(missing, "10 findings beyond the 50 that weigh most");
}

#[test]
fn a_route_of_a_mesh_is_a_caution_for_reachability_only() {
    let path = folder("route").join("shop.yaml");
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\nspec: \
                {containers: []}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n\
                metadata: {name: web}\nspec: {hosts: [web]}\n";
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let caution = "do not follow VirtualService";
    for verb in [&["reach", "matrix"][..], &["map"]] {
        let output = wirewise(&[verb, &[path]].concat());
        assert!(stderr(&output).contains(caution), "{}", stderr(&output));
    }
    let output = wirewise(&["check", path]);
    assert_eq!(stderr(&output), "");
    assert!(!stdout(&output).contains(caution));
}

#[test]
fn connections_are_listed() {
    let path = capture("flows", "clean.pcap", CLEAN);
    let output = wirewise(&["flows", &path]);
    assert_eq!(code(&output), 0);
    assert_eq!(stdout(&output).lines().count(), 2);
    assert!(stdout(&output).contains("10.0.0.5:40000 → 10.0.0.1:80"));

    let output = wirewise(&["flows", "--format", "json", &path]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["connections"][0]["state"], "closed");
    assert_eq!(json["connections"][0]["server_bytes"], 1200);
}

#[test]
fn every_rule_is_listed_and_explained() {
    let list = wirewise(&["rules", "--format", "json"]);
    let json: Value = serde_json::from_slice(&list.stdout).unwrap();
    let rules = json["rules"].as_array().unwrap();
    assert!(!rules.is_empty());
    for rule in rules {
        let name = rule["name"].as_str().unwrap();
        let page = wirewise(&["explain", name]);
        assert_eq!(code(&page), 0);
        assert!(stdout(&page).starts_with(name));
        assert!(stdout(&page).contains("What it means"));
        assert!(!stdout(&page).contains("```"));
        let page = wirewise(&["explain", name, "--format", "markdown"]);
        assert!(stdout(&page).starts_with(&format!("# {name}\n")));
    }
}

#[test]
fn completions_and_man_pages_are_printed() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = wirewise(&["completions", shell]);
        assert_eq!(code(&output), 0);
        assert!(stdout(&output).contains("diagnose"), "{shell}");
    }
    assert!(stdout(&wirewise(&["man"])).contains(".TH wirewise 1"));
    let page = wirewise(&["man", "diagnose"]);
    assert!(stdout(&page).contains("fail"));
    assert_eq!(code(&wirewise(&["man", "nonsense"])), 2);
}
