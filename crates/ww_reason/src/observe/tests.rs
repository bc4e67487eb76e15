//! What steps show, and what their controls say.

use super::*;
use crate::{Confidence, Control, Reading};
use Reading::{Degraded, Fails, Works};
use ww_evidence::transcript::read_transcript;

/// The cases of a walk to `lab.example`, given by the lines of its steps.
fn seen(target: &str, lines: &[&str]) -> Vec<Case> {
    let head = format!(r#"{{"target":{{"host":"lab.example",{target}}}}}"#);
    let text = [&[head.as_str()], lines].concat().join("\n");
    let transcript = read_transcript(&text).expect("a transcript");
    cases(&transcript.head.target, &transcript.steps)
}

const HTTP: &str = r#""service":"http","port":80"#;
const HTTPS: &str = r#""service":"https","port":443"#;
const SILENT: &str = r#"{"step":"connect","to":"192.0.2.1:80","outcome":"timed-out"}"#;
const TO_OTHER: &str = r#"{"step":"connect","control":true,"to":"192.0.2.1:443","outcome":"open""#;

#[track_caller]
fn reads(case: &Case, expected: &[(Control, Reading)]) {
    let readings: Vec<_> = case.readings.iter().collect();
    assert_eq!(readings, expected, "{case:?}");
}

/// The one case, with the words of its causes.
#[track_caller]
fn only(cases: &[Case], symptom: Symptom) -> (Vec<&'static str>, Confidence) {
    let [case] = cases else {
        panic!("one case, not {cases:#?}")
    };
    assert_eq!(case.symptom, symptom);
    let answer = case.answer();
    let says = answer.causes.iter().map(|cause| cause.says).collect();
    (says, answer.confidence)
}

#[test]
fn a_silent_port_is_judged_by_other_ports_and_the_path() {
    let open = format!("{TO_OTHER}}}");
    let late = format!(r#"{TO_OTHER},"info":{{"rtt":2,"retransmits":1}}}}"#);
    let path =
        r#"{"step":"path","to":"192.0.2.1:80","hops":[{"ttl":1,"from":"192.0.2.9"},{"ttl":2}]}"#;
    let reached = r#"{"step":"path","to":"192.0.2.1:80","hops":[{"ttl":1,"from":"192.0.2.1","reached":true}]}"#;
    let local = r#"{"step":"local","to":"192.0.2.1:80","conntrack":[10,100]}"#;
    let cases = seen(HTTP, &[SILENT, &open, path, local]);
    let (says, confidence) = only(&cases, Symptom::ConnectSilent);
    // From here a filter and a full queue look alike.
    assert_eq!(
        says,
        [
            "a filter drops what goes to this port",
            "the server's accept queue is full"
        ]
    );
    assert_eq!(confidence, Confidence::Open);
    reads(
        &cases[0],
        &[
            (Control::OtherPort, Works),
            (Control::OtherService, Works),
            (Control::Path, Fails),
            (Control::OwnTable, Works),
        ],
    );
    // A port that answers late is no proof against the filter, and none for it.
    let (says, _) = only(
        &seen(HTTP, &[SILENT, &late, path, local]),
        Symptom::ConnectSilent,
    );
    assert!(
        says.contains(&"so many SYNs are lost that none of these got through"),
        "{says:?}"
    );
    let (says, _) = only(
        &seen(HTTP, &[SILENT, &open, reached, local]),
        Symptom::ConnectSilent,
    );
    assert_eq!(says[0], "SYNs are lost now and then");
    let full = local.replace("[10,100]", "[99,100]");
    let (says, _) = only(&seen(HTTP, &[SILENT, &full]), Symptom::ConnectSilent);
    assert!(
        says.contains(&"this host's own table of connections is full"),
        "{says:?}"
    );
    assert!(
        !says.contains(&"a filter drops what goes to this port"),
        "{says:?}"
    );
}

#[test]
fn a_queue_of_this_host_is_read_where_the_target_is_here() {
    let lines = [
        r#"{"step":"connect","to":"192.0.2.1:80","from":"192.0.2.1:4000","outcome":"timed-out"}"#,
        r#"{"step":"local","to":"192.0.2.1:80","listen-overflows":3}"#,
    ];
    let (says, confidence) = only(&seen(HTTP, &lines), Symptom::ConnectSilent);
    assert_eq!(says, ["the server's accept queue is full"]);
    assert_eq!(confidence, Confidence::Consistent);
}

#[test]
fn answers_and_their_senders_are_told_apart() {
    let symptom = |connect: &str| {
        let line = format!(r#"{{"step":"connect","to":"192.0.2.1:80",{connect}}}"#);
        seen(HTTP, &[&line]).first().map(|case| case.symptom)
    };
    let icmp = |kind, code, from| {
        format!(
            r#""from":"192.0.2.7:1","outcome":"host-unreachable","icmp":{{"kind":{kind},"code":{code},"from":"{from}"}}"#
        )
    };
    assert_eq!(
        symptom(r#""outcome":"refused""#),
        Some(Symptom::ConnectReset)
    );
    assert_eq!(
        symptom(&icmp(3, 13, "192.0.2.9")),
        Some(Symptom::ConnectRejected)
    );
    assert_eq!(
        symptom(&icmp(3, 1, "192.0.2.9")),
        Some(Symptom::ConnectUnreachable)
    );
    assert_eq!(
        symptom(&icmp(3, 1, "192.0.2.7")),
        Some(Symptom::ConnectNotSent)
    );
    assert_eq!(
        symptom(r#""outcome":"host-unreachable""#),
        Some(Symptom::ConnectNotSent)
    );
    assert_eq!(
        symptom(r#""outcome":"no-local-port""#),
        Some(Symptom::ConnectNoPort)
    );
    assert_eq!(symptom(r#""outcome":"failed","errno":"EIO""#), None);
    assert_eq!(symptom(r#""outcome":"open","info":{"rtt":2}"#), None);
    let late = r#""outcome":"open","info":{"rtt":2,"retransmits":1}"#;
    assert_eq!(symptom(late), Some(Symptom::ConnectLate));
    let slow = r#""outcome":"open","info":{"rtt":1200,"retransmits":1}"#;
    assert_eq!(symptom(slow), None);
}

#[test]
fn one_address_is_told_from_its_family() {
    let of = |open: &str| {
        let open = format!(r#"{{"step":"connect","to":"{open}","outcome":"open"}}"#);
        let cases = seen(HTTP, &[SILENT, &open]);
        let case = cases
            .iter()
            .find(|case| case.symptom == Symptom::PartlyOpen);
        case.map(|case| case.answer().causes[0].rule)
    };
    assert_eq!(of("192.0.2.2:80"), Some("one-address-broken"));
    assert_eq!(of("[2001:db8::1]:80"), Some("address-family-broken"));
}

#[test]
fn a_silent_hello_is_judged_by_size_and_name() {
    let silent = r#"{"step":"handshake","to":"192.0.2.1:443","server-name":"lab.example","outcome":"timed-out"}"#;
    let hello = |name: &str, more: &str, reply: &str| {
        format!(
            r#"{{"step":"hello","to":"192.0.2.1:443","server-name":"{name}","bytes":300,{more}"reply":{reply}}}"#
        )
    };
    let silence = |name| hello(name, "", r#""silence""#);
    let again = silence("lab.example");
    let accepted = r#""accepted""#;
    let (says, _) = only(
        &seen(
            HTTPS,
            &[
                silent,
                &again,
                &hello("lab.example", r#""mss":536,"#, accepted),
            ],
        ),
        Symptom::HelloSilent,
    );
    assert_eq!(says, ["full packets of the server vanish"]);
    let small = hello("lab.example", r#""mss":536,"#, r#""silence""#);
    let without = |reply| hello("", "", reply);
    let (says, _) = only(
        &seen(HTTPS, &[silent, &again, &small, &without(accepted)]),
        Symptom::HelloSilent,
    );
    assert_eq!(says, ["hellos with this name are dropped"]);
    // An alert is an answer, if a poor one.
    let cases = seen(
        HTTPS,
        &[silent, &again, &small, &without(r#"{"alert":112}"#)],
    );
    assert_eq!(cases[0].readings.get(Control::WithoutName), Some(Degraded));
    let other = silence("wirewise.invalid");
    let (says, _) = only(
        &seen(HTTPS, &[silent, &again, &small, &silence(""), &other]),
        Symptom::HelloSilent,
    );
    assert_eq!(says, ["the server takes connections and answers no hello"]);
    let (says, _) = only(
        &seen(HTTPS, &[silent, &hello("lab.example", "", accepted)]),
        Symptom::HelloSilent,
    );
    assert_eq!(says, ["it was silent by chance"]);
}

#[test]
fn an_alert_is_judged_by_names_and_versions() {
    let alert = r#"{"step":"handshake","to":"192.0.2.1:443","server-name":"lab.example","outcome":{"alert":40}}"#;
    let names = ["", "wirewise.invalid"].map(|name| {
        format!(r#"{{"step":"hello","to":"192.0.2.1:443","server-name":"{name}","bytes":300,"reply":{{"alert":40}}}}"#)
    });
    let survey = |versions: &str| {
        format!(r#"{{"step":"tls-survey","to":"192.0.2.1:443","versions":[{versions}]}}"#)
    };
    let with = |versions: &str| {
        let survey = survey(versions);
        let lines = [alert, &names[0], &names[1], &survey];
        only(&seen(HTTPS, &lines), Symptom::AlertOther)
    };
    assert_eq!(
        with(r#"{"version":"TLS 1.0"}"#),
        (
            vec!["obsolete versions alone are taken"],
            Confidence::Proved
        )
    );
    assert_eq!(
        with(r#"{"version":"TLS 1.2"}"#).0,
        ["a suite, a group or a signature in common is missing"]
    );
    assert_eq!(with("").0, ["no hello is taken, whatever it offers"]);
}

#[test]
fn a_large_hello_is_judged_by_its_packets_and_their_size() {
    let done =
        r#"{"step":"handshake","to":"192.0.2.1:443","server-name":"lab.example","outcome":"done"}"#;
    let hello = |bytes: u32, more: &str, reply: &str| {
        format!(
            r#"{{"step":"hello","to":"192.0.2.1:443","server-name":"lab.example","bytes":{bytes},{more}"reply":"{reply}"}}"#
        )
    };
    let large = hello(1_500, "", "silence");
    let usual = hello(300, "", "accepted");
    let small = hello(1_500, r#""mss":536,"#, "accepted");
    let clear = hello(1_500, r#""clear-text":true,"#, "silence");
    let sizes =
        r#"{"step":"segment-sizes","to":"192.0.2.1:443","tries":[{"mss":1460}],"usable":1200}"#;
    let of = |more: &[&str]| {
        let lines: Vec<&str> = [done, &large]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        only(&seen(HTTPS, &lines), Symptom::LargeHelloLost).0
    };
    assert_eq!(
        of(&[&usual, &small, &clear, sizes]),
        ["full packets of ours vanish"]
    );
    let open = of(&[&usual, &small, &clear]);
    assert_eq!(open.len(), 2, "{open:?}");
    let arrives = hello(1_500, r#""clear-text":true,"#, "closed");
    assert_eq!(
        of(&[&usual, &small, &arrives]),
        ["large hellos in one packet are dropped"]
    );
    let dead = hello(300, "", "silence");
    assert_eq!(
        of(&[&dead, &small, &clear]),
        ["hellos of any size fail now and then"]
    );
}

#[test]
fn a_request_without_an_answer_is_judged_by_size_and_by_tls() {
    let silent = r#"{"step":"http","to":"192.0.2.1:80","outcome":"timed-out"}"#;
    let closed = r#"{"step":"http","to":"192.0.2.1:80","outcome":"closed"}"#;
    let tls = |reply: &str| format!(r#"{{"step":"hello","to":"192.0.2.1:80","reply":"{reply}"}}"#);
    let helps = r#"{"step":"segment-sizes","to":"192.0.2.1:80","from-server":true,"tries":[{"mss":1460},{"mss":536,"works":true}],"usable":1200}"#;
    let never = r#"{"step":"segment-sizes","to":"192.0.2.1:80","from-server":true,"tries":[{"mss":1460},{"mss":536}]}"#;
    let own = r#"{"step":"segment-sizes","to":"192.0.2.1:80","tries":[{"mss":1460,"works":true}]}"#;
    let silence = tls("silence");
    let of = |lines: &[&str], symptom| only(&seen(HTTP, lines), symptom).0;
    assert_eq!(
        of(&[silent, helps, &silence], Symptom::RequestSilent),
        ["full packets of the server vanish"]
    );
    assert_eq!(
        of(&[silent, never, own, &silence], Symptom::RequestSilent),
        ["the application does not answer"]
    );
    assert_eq!(
        of(&[closed, &tls("accepted")], Symptom::RequestEnded),
        ["the port wants TLS"]
    );
    assert_eq!(of(&[closed], Symptom::RequestEnded).len(), 2);
    let fine = r#"{"step":"http","to":"192.0.2.1:80","outcome":{"replied":{"status":200}}}"#;
    assert_eq!(seen(HTTP, &[closed, fine]), []);
}

#[test]
fn a_silent_name_server_is_judged_by_smaller_questions() {
    let ask = |kind: &str, via: &str, size: &str, outcome: &str| {
        format!(
            r#"{{"step":"lookup","name":"lab.example","kind":"{kind}","via":{{"{via}":"192.0.2.53:53"}},{size}"outcome":{outcome}}}"#
        )
    };
    let silence = r#""timed-out""#;
    let large = r#""edns-size":4096,"#;
    let whole = r#""edns-size":1232,"#;
    let cut = r#"{"answered":{"rcode":"NOERROR","truncated":true}}"#;
    let first = ask("A", "udp", large, silence);
    let again = first.clone();
    let of = |lines: &[&str]| {
        let lines: Vec<&str> = [first.as_str(), &again]
            .into_iter()
            .chain(lines.iter().copied())
            .collect();
        let cases = seen(HTTP, &lines);
        let case = cases
            .iter()
            .find(|case| case.symptom == Symptom::ServerSilent)
            .expect("silence");
        case.answer()
            .causes
            .iter()
            .map(|cause| cause.says)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of(&[&ask("A", "udp", whole, cut)]),
        ["fragments of large answers are dropped"]
    );
    let dead = [
        ask("A", "udp", whole, silence),
        ask("A", "udp", "", silence),
    ];
    let tcp = |outcome| ask("A", "tcp", "", outcome);
    let fine = r#"{"answered":{"rcode":"NOERROR"}}"#;
    let other = |outcome| ask("AAAA", "udp", large, outcome);
    assert_eq!(
        of(&[&dead[0], &dead[1], &other(fine)]),
        ["the server does not answer this type"]
    );
    assert_eq!(
        of(&[&dead[0], &dead[1], &tcp(fine), &other(silence)]),
        ["UDP to it is dropped"]
    );
    assert_eq!(
        of(&[&dead[0], &dead[1], &tcp(silence), &other(silence)]),
        ["it is down, or nothing gets there"]
    );
    assert_eq!(
        of(&[&dead[0], &ask("A", "udp", "", fine)]),
        ["questions with EDNS are dropped"]
    );
}

#[test]
fn a_control_that_is_silent_too_is_no_symptom_of_its_own() {
    let silence = |kind: &str, more: &str| {
        format!(
            r#"{{"step":"lookup","name":"lab.example","kind":"{kind}","via":{{"udp":"192.0.2.53:53"}},{more}"outcome":"timed-out"}}"#
        )
    };
    let chosen = r#""chosen":{"symptom":"a name server is silent","raised-by":1,"controls":["another type"]},"#;
    let cases = |other: &str| seen(HTTP, &[&silence("A", ""), &silence("AAAA", other)]).len();
    assert_eq!(cases(""), 2);
    assert_eq!(cases(chosen), 1);
}

#[test]
fn a_failing_name_server_is_judged_by_the_zones_own() {
    let lookup = |more: &str, server: u8, rcode: &str| {
        format!(
            r#"{{"step":"lookup","name":"lab.example","kind":"A",{more}"via":{{"udp":"192.0.2.{server}:53"}},"outcome":{{"answered":{{"rcode":"{rcode}"}}}}}}"#
        )
    };
    let failed = lookup("", 53, "SERVFAIL");
    let unchecked = lookup(r#""checking-disabled":true,"#, 53, "SERVFAIL");
    let own = |server, rcode| lookup(r#""authoritative-server":true,"#, server, rcode);
    let of = |own: &[String]| {
        let lines: Vec<&str> = [&failed, &unchecked]
            .into_iter()
            .chain(own)
            .map(String::as_str)
            .collect();
        only(&seen(HTTP, &lines), Symptom::ServerFailure).0
    };
    let (reach, fail) = (
        "it cannot reach the zone's servers",
        "the zone's servers fail",
    );
    assert_eq!(of(&[]), [reach, fail]);
    assert_eq!(of(&[own(1, "NOERROR"), own(2, "NXDOMAIN")]), [reach]);
    assert_eq!(of(&[own(1, "REFUSED"), own(2, "SERVFAIL")]), [fail]);
    // One of them serves it: a resolver that asks the other one first may give up.
    assert_eq!(of(&[own(1, "NOERROR"), own(2, "REFUSED")]), [reach, fail]);
}

#[test]
fn a_name_that_nobody_finds_is_held_against_the_zone() {
    let no = r#"{"step":"lookup","name":"lab.example","kind":"A","via":{"udp":"192.0.2.53:53"},"outcome":{"answered":{"rcode":"NXDOMAIN"}}}"#;
    let setup = r#"{"step":"resolver","servers":["192.0.2.53:53"]}"#;
    let zone = |records: &str| {
        format!(
            r#"{{"step":"lookup","name":"lab.example","kind":"A","authoritative-server":true,"via":{{"udp":"192.0.2.54:53"}},"outcome":{{"answered":{{"rcode":"NOERROR","records":[{records}]}}}}}}"#
        )
    };
    let of = |zone: &str| only(&seen(HTTP, &[setup, no, zone]), Symptom::NameNotFound);
    assert_eq!(
        of(&zone("")),
        (vec!["the name does not exist"], Confidence::Proved)
    );
    let found = zone(r#"{"name":"lab.example","kind":"A","data":"192.0.2.1"}"#);
    assert_eq!(of(&found).0, ["the resolver is stale or sees another view"]);
}
