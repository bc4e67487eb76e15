//! The list of connections, from captures.
#![expect(
    clippy::unwrap_used,
    reason = "a capture that cannot be made fails the test"
)]

use serde_json::Value;
use ww_base::{Limits, SourceId};
use ww_evidence::Capture;
use ww_finding::{Input, InputKind};
use ww_report::{Sources, flows};

/// A connection for every state, and one whose start is not in the capture.
const STATES: &str = "
conn silent  10.0.0.5:40000 > 10.0.0.1:80
conn refused 10.0.0.5:40001 > 10.0.0.1:81
conn served  10.0.0.5:40002 > 10.0.0.1:80
conn broken  10.0.0.5:40003 > 10.0.0.1:80
conn left    10.0.0.5:40004 > 10.0.0.1:80
conn middle  10.0.0.5:40005 > 10.0.0.1:80
conn halfway 10.0.0.5:40006 > 10.0.0.1:80
conn hasty   10.0.0.5:40007 > 10.0.0.1:80

0.000 silent > S mss 1460
1.000 silent > retransmit
3.000 silent > retransmit

3.100 refused > S mss 1460
+20ms refused < R. ack 1

4.000  served > S mss 1460 sackok
+20ms  served < S. mss 1460 sackok
+0.1ms served > .
+0.1ms served > P. len 412
+30ms  served < P. len 900
+0.1ms served > .
+1ms   served > P. len 100 as request dropped
+300ms served > retransmit @request
+30ms  served < P. len 1100
+0.1ms served > .
+1ms   served > F.
+20ms  served < F.
+0.1ms served > .

5.000  broken > S mss 1460
+20ms  broken < S. mss 1460
+0.1ms broken > .
+0.1ms broken > P. len 10
+20ms  broken < R.

6.000  left > S mss 1460
+20ms  left < S. mss 1460
+0.1ms left > .
+1ms   left > F.
+20ms  left < .

7.000 middle > P. len 50
+20ms middle < P. len 60

8.000  halfway > S mss 1460
+20ms  halfway < S. mss 1460

9.000  hasty > S mss 1460
+20ms  hasty < S. mss 1460
+0.1ms hasty > .
+1ms   hasty < F.
+0.1ms hasty > R.
";

fn capture() -> Capture {
    let pcap = ww_testkit::capture_text::compile(STATES).unwrap().pcap;
    let limits = Limits::default();
    ww_capture::analyse(Box::new(&pcap[..]), SourceId(0), &limits, &mut |_| {})
        .unwrap()
        .capture
}

fn inputs() -> [Input; 1] {
    [Input {
        path: "incident.pcap".into(),
        kind: InputKind::Capture,
        bytes: 1000,
        frames: 30,
    }]
}

#[test]
fn the_table_is_aligned() {
    assert_eq!(
        flows::table(&[capture()], &Sources::new(&inputs())),
        "\
stream  client → server               state               duration   sent  received      rtt  retrans  exchanges    lost  mostly to
     0  10.0.0.5:40000 → 10.0.0.1:80  no answer             3.00 s    0 B       0 B        -        2          0  3.00 s  handshake
     1  10.0.0.5:40001 → 10.0.0.1:81  refused              20.0 ms    0 B       0 B        -        0          0       -  -
     2  10.0.0.5:40002 → 10.0.0.1:80  closed                402 ms  512 B    2.0 kB  20.1 ms        1          2  300 ms  retransmission timeouts
     3  10.0.0.5:40003 → 10.0.0.1:80  reset by server      40.2 ms   10 B       0 B  20.1 ms        0          0       -  -
     4  10.0.0.5:40004 → 10.0.0.1:80  half-closed          41.1 ms    0 B       0 B  20.1 ms        0          0       -  -
     5  10.0.0.5:40005 → 10.0.0.1:80  open, start unseen   20.0 ms   50 B      60 B        -        0          1       -  -
     6  10.0.0.5:40006 → 10.0.0.1:80  half-open            20.0 ms    0 B       0 B        -        0          0       -  -
     7  10.0.0.5:40007 → 10.0.0.1:80  closed               21.2 ms    0 B       0 B  20.1 ms        0          0       -  -
"
    );
}

#[test]
fn several_captures_have_a_table_each() {
    let captures = [capture(), capture()];
    let text = flows::table(&captures, &Sources::new(&inputs()));
    assert_eq!(text.matches("incident.pcap\nstream").count(), 2);
}

#[test]
fn the_json_has_one_entry_per_connection() {
    let text = flows::json(&[capture()], &[], &Sources::new(&inputs())).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["inputs"][0]["path"], "incident.pcap");
    assert_eq!(json["connections"].as_array().unwrap().len(), 8);
    let connection = &json["connections"][2];
    assert_eq!(connection["path"], "incident.pcap");
    assert_eq!(connection["client"], "10.0.0.5:40002");
    assert_eq!(connection["state"], "closed");
    assert_eq!(connection["from_start"], true);
    assert_eq!(connection["client_bytes"], 512);
    assert_eq!(connection["server_bytes"], 2000);
    assert_eq!(connection["rtt_ms"], 20.1);
    assert_eq!(connection["retransmissions"], 1);
    assert_eq!(connection["filter"], "tcp.stream eq 2");
    assert_eq!(json["connections"][0]["rtt_ms"], Value::Null);
}
