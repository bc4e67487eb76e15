//! DNS over datagrams and connections: messages between two clients and two servers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr};
use wirewise_fuzz::frames::Bytes;
use wirewise_fuzz::tight_limits;
use ww_base::{Limits, Moment};
use ww_capture::dns::DnsWatch;
use ww_evidence::{Endpoint, Mark};

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let limits = if bytes.u8() & 1 == 0 {
        Limits::default()
    } else {
        tight_limits()
    };
    let mut watch = DnsWatch::new(&limits);
    let (mut frame, mut at) = (0, Moment(0));
    let mut seqs = [0_u32; 8];
    while !bytes.0.is_empty() {
        let how = bytes.u8();
        frame += 1;
        at = Moment(at.0 + (i64::from(bytes.u8()) - 8) * 10_000_000);
        let mark = Mark::new(frame, at);
        let length = usize::from(bytes.u16() & 0x3ff);
        let payload = bytes.take(length);
        let client = endpoint(1 + (how & 1), 40_000 + u16::from(how >> 1 & 1));
        let server = endpoint(10 + (how >> 2 & 1), 53);
        let [src, dst] = if how & 8 == 0 {
            [client, server]
        } else {
            [server, client]
        };
        let truncated = how & 16 != 0;
        if how & 32 == 0 {
            watch.udp(mark, src, dst, payload, truncated);
            continue;
        }
        let stream = u32::from(how & 3);
        let seq = &mut seqs[usize::from(how & 3) * 2 + usize::from(how >> 3 & 1)];
        if how & 64 != 0 {
            *seq = seq.wrapping_add(u32::from(bytes.u8()));
        }
        watch.tcp(mark, src, dst, stream, *seq, payload, truncated);
        *seq = seq.wrapping_add(payload.len() as u32);
    }
    let dns = watch.finish();
    assert!(dns.transactions.len() <= (limits.dns_transactions + limits.dns_pending) as usize);
});

fn endpoint(host: u8, port: u16) -> Endpoint {
    Endpoint {
        addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)),
        port,
    }
}
