//! Addresses, routes and tunnels: problems stand in the text, and the device finds ways out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewise_fuzz::declared::{check_problems, tight_limits};
use ww_base::{Limits, SourceId};
use ww_import::{iproute, wireguard};
use ww_reach::walk::Device;

fuzz_target!(|bytes: &[u8]| {
    for limits in [Limits::default(), tight_limits()] {
        let routes = iproute::read(SourceId(0), bytes, &limits);
        let tunnel = wireguard::read(SourceId(0), bytes, "wg0", &limits);
        check_problems(&routes.problems, &[bytes], &limits);
        check_problems(&tunnel.problems, &[bytes], &limits);
        let mut stack = routes.value;
        stack.append(tunnel.value);
        stack.imply_routes();
        let Some(device) = Device::of(&stack) else {
            continue;
        };
        for address in [
            "10.0.0.1",
            "192.0.2.1",
            "255.255.255.255",
            "2001:db8::1",
            "::",
        ] {
            let address = address.parse().expect("an address");
            let _ = device.kind_of(address);
            let _ = device.way_out(address);
        }
    }
});
