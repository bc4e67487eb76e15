//! Small captures to be damaged: ten files in every form that is read.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use ww_base::{Limits, Moment, SourceId};
use ww_capture::reader::{CaptureReader, LinkType};
use ww_capture::write::PcapngWriter;
use ww_testkit::capture_text::compile;

const LOSS: &str = "
client 10.0.0.5:40000 ttl 64
server 10.0.0.1:80 ttl 57
0.000  > S mss 1460 sackok ts ws 7
+30ms  < S. mss 1460 sackok ts ws 7
+0.1ms > .
+0.1ms > P. \"GET / HTTP/1.1\\r\\n\\r\\n\"
+30ms  < . len 100 x 2
lost   < . len 100 as hole
+0.1ms < . len 100 x 3 every 0.1ms
+0.1ms > . x 3
+30ms  < retransmit @hole
+0.1ms > .
+1s    < . seq next-1 len 0 win 0
+0.1ms > R.
";

const NAMES: &str = "
0.000 dns 10.0.0.5:40000 > 10.0.0.53:53 query A www.example.com edns 1232
+5s   dns 10.0.0.5:40000 > 10.0.0.53:53 query A www.example.com id 7
+2ms  dns 10.0.0.5:40000 < 10.0.0.53:53 answer A www.example.com cname web.example.net 192.0.2.1 ttl 60
+1ms  dns 10.0.0.5:40001 > 10.0.0.53:53 query AAAA nowhere.example
+1ms  dns 10.0.0.5:40001 < 10.0.0.53:53 answer AAAA nowhere.example rcode NXDOMAIN
+1ms  dns 10.0.0.5:40002 > 10.0.0.53:53 query MX example.com
";

const NETWORK: &str = "
0     udp 10.0.0.5:5000 > 10.0.0.1:9999 len 40
+1ms  icmp 10.0.0.1 > 10.0.0.5 unreachable port quoting previous
+1ms  udp 10.0.0.5:5000 > 10.0.0.1:6000 len 400 fragments 160 without 2
+30s  icmp 10.0.0.1 > 10.0.0.5 reassembly-time-exceeded quoting 4 bytes 28
+1ms  arp who-has 10.0.0.1 tell 10.0.0.5
+1ms  arp reply 10.0.0.1 is-at 02:00:00:00:00:98 to 10.0.0.5
+1ms  arp reply 10.0.0.1 is-at 02:00:00:00:00:99 to 10.0.0.5
+1ms  icmp 10.0.0.5 > 10.0.0.1 echo-request id 1 seq 1 len 56
+1ms  icmp 10.0.0.5 < 10.0.0.1 echo-reply id 1 seq 1 len 56
";

const MTU: &str = "
client [2001:db8::5]:40000 ts sackok ws 7
server [2001:db8::1]:443 ts sackok ws 7
0.000  > . len 300 dropped as big
+5ms   icmpv6 2001:db8::ff > 2001:db8::5 packet-too-big mtu 1280 quoting @big
+200ms > retransmit @big dropped
+0     copy previous ttl 63 vlan 12
+400ms > retransmit @big dropped
+0.1ms > R.
";

/// A capture file and its name.
pub(crate) struct Seed {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) frames: u64,
}

impl Seed {
    pub(crate) fn is_compressed(&self) -> bool {
        self.name.contains(".gz") || self.name.contains(".zst")
    }

    pub(crate) fn is_plain_pcap(&self) -> bool {
        !self.is_compressed() && !self.name.contains(".pcapng")
    }
}

/// Ten files: pcap, pcapng, gzip and Zstandard.
pub(crate) fn ten() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (name, text) in [
        ("loss", LOSS),
        ("names", NAMES),
        ("network", NETWORK),
        ("mtu", MTU),
    ] {
        let capture = compile(text).expect("the text is right");
        let ng = pcapng(&capture.pcap);
        let mut add = |form: &str, bytes| {
            seeds.push(Seed {
                name: format!("{name}.{form}"),
                bytes,
                frames: capture.frames,
            });
        };
        match name {
            "loss" => add("pcapng.gz", gzip(&ng)),
            "names" => add("pcap.zst", zstandard(&capture.pcap)),
            _ => {}
        }
        add("pcap", capture.pcap);
        add("pcapng", ng);
    }
    assert_eq!(seeds.len(), 10);
    seeds
}

/// The frames of a capture as pcapng.
fn pcapng(pcap: &[u8]) -> Vec<u8> {
    let mut reader = CaptureReader::open(Box::new(pcap), SourceId(0), &Limits::default())
        .expect("a compiled capture is one");
    let mut writer = PcapngWriter::new();
    let interface = writer.interface("eth0", LinkType::ETHERNET);
    while let Some(frame) = reader.next_frame() {
        writer.write(interface, frame.at, frame.wire_len, frame.data, "");
    }
    writer.statistics(
        interface,
        Moment(1),
        ww_capture::reader::InterfaceStatistics::default(),
    );
    writer.finish()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

pub(crate) fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory takes it")
}
