//! What a text tells, tshark sees: each feature of the language, judged by a display filter.

mod common;

use common::tshark;
use ww_testkit::capture_text::compile;

const OPEN: &str = "\
client 10.0.0.5:40000 ttl 64
server 10.0.0.1:80 ttl 57
0    > S mss 1460 sackok ts ws 7
+9ms < S. mss 1460 sackok ts ws 7
+1ms > .
";

/// A text that goes on where [`OPEN`] ends, a display filter, the frames it selects.
const STORIES: [(&str, &str, &[u32]); 17] = [
    // Loss and what follows it.
    (
        "+0 > . len 100\nunseen > . len 100\n+9ms < .",
        "tcp.analysis.ack_lost_segment",
        &[5],
    ),
    (
        "lost < . len 1000 as hole\n+0 < . len 1000 x 3 every 1ms\n+0 > . ack 1 x 3\n+1ms < retransmit @hole",
        "tcp.analysis.fast_retransmission",
        &[10],
    ),
    (
        "+0 < . len 1000 as data\n+1ms > .\n+1s < retransmit @data\n+1ms > .",
        "tcp.analysis.spurious_retransmission or tcp.options.sack.dsack_le",
        &[6, 7],
    ),
    (
        "+0 > . len 10 dropped\n+1s > retransmit",
        "tcp.analysis.retransmission",
        &[5],
    ),
    (
        "+0 < . len 10 x 4 as a\n+0 > . ack @a.2\n+0 > . ack @a",
        "tcp.ack == 21 or (tcp.ack == 41 and tcp.srcport == 40000)",
        &[8, 9],
    ),
    // Windows, probes, closes.
    (
        "+0 > . win 0\n+1s < . seq next-1\n+0 > .",
        "tcp.analysis.zero_window",
        &[4, 6],
    ),
    ("+0 < . win 500", "tcp.window_size == 64000", &[4]),
    ("+60s < . seq next-1", "tcp.analysis.keep_alive", &[4]),
    (
        "+0 > F.\n+0 < F.\n+0 > .\n+1 > .",
        "tcp.seq == 2 and tcp.ack == 2",
        &[6, 7],
    ),
    ("reopen\n+1s > S", "tcp.analysis.reused_ports", &[4]),
    (
        "repeat 3 every 1s {\nreopen newport\n+5ms > S\n}",
        "tcp.srcport == 40003 and frame.time_relative == 2.015",
        &[6],
    ),
    // Other words of a frame.
    (
        "+0 < . len 9 ttl 44 id 7 ecn ce vlan 12\n+0 copy previous ttl 43\n+0 < . id same",
        "(ip.ttl == 44 and ip.dsfield.ecn == 3 and vlan.id == 12) or (ip.ttl == 43 and ip.id == 7)",
        &[4, 5],
    ),
    (
        "snaplen 70\n+0 < . len 900\n+0 > . caplen 60\n+0 > R",
        "frame.cap_len < frame.len",
        &[4, 5],
    ),
    // Other packets.
    (
        "+0 udp 10.0.0.5:5000 > 10.0.0.1:6000 len 3000 fragments 1480",
        "udp.length == 3008 and ip.fragment.count == 3",
        &[6],
    ),
    (
        "+0 udp [2001:db8::5]:5000 > [2001:db8::1]:6000 len 2000 fragments 1000",
        "udp.length == 2008 and ipv6.fragment.count == 3",
        &[6],
    ),
    (
        "conn ask 10.0.0.5:41000 > 10.0.0.53:53\n+0 ask > P. dns query A a.example\n+2ms ask < P. dns answer A a.example 192.0.2.1",
        "dns.time == 0.002 and dns.a == 192.0.2.1",
        &[5],
    ),
    (
        "lost > . len 900 as big\n+1ms icmp 10.0.0.254 > 10.0.0.5 unreachable fragmentation-needed mtu 576 quoting @big",
        "icmp.code == 4 and icmp.mtu == 576 and tcp.seq",
        &[4],
    ),
];

#[test]
fn tshark_sees_what_the_text_tells() {
    for (story, filter, expected) in STORIES {
        let capture = compile(&format!("{OPEN}{story}\n")).unwrap();
        let arguments = ["-Y", filter, "-T", "fields", "-e", "frame.number"];
        let Some(selected) = tshark(&capture.pcap, &arguments) else {
            return;
        };
        let selected: Vec<u32> = selected
            .lines()
            .map(|number| number.parse().unwrap())
            .collect();
        assert_eq!(selected, expected, "{filter} of:\n{story}");
    }
}
