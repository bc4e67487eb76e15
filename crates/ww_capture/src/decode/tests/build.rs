//! Headers written by hand, without checksums.

/// An Ethernet frame from 02:00:00:00:00:01 to 02:00:00:00:00:02.
pub(super) fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [
        &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1],
        &ethertype.to_be_bytes()[..],
        payload,
    ]
    .concat()
}

/// An IPv4 packet from 10.0.0.1 to 10.0.0.2, Don't Fragment set.
pub(super) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_piece(protocol, 0x4000, payload)
}

/// An IPv4 packet with this flags-and-offset field.
pub(super) fn ipv4_piece(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let [l0, l1] = (payload.len() as u16 + 20).to_be_bytes();
    let [f0, f1] = fragment.to_be_bytes();
    let header = [
        0x45, 0, l0, l1, 0x12, 0x34, f0, f1, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    [&header, payload].concat()
}

/// An IPv6 packet from `2001:db8::1` to `2001:db8::2`.
pub(super) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let [l0, l1] = (payload.len() as u16).to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, l0, l1, next, 64];
    for last in [1, 2] {
        header.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    [&header, payload].concat()
}

/// A fragment header and a piece of an IPv6 datagram.
pub(super) fn ipv6_piece(next: u8, field: u16, payload: &[u8]) -> Vec<u8> {
    let [f0, f1] = field.to_be_bytes();
    ipv6(
        44,
        &[&[next, 0, f0, f1, 0, 0, 0x56, 0x78], payload].concat(),
    )
}

/// A TCP segment with PSH and ACK and no options.
pub(super) fn tcp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let rest = [1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0];
    [&src.to_be_bytes()[..], &dst.to_be_bytes(), &rest, payload].concat()
}

/// A UDP datagram.
pub(super) fn udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16 + 8;
    [
        &src.to_be_bytes()[..],
        &dst.to_be_bytes(),
        &length.to_be_bytes(),
        &[0, 0],
        payload,
    ]
    .concat()
}
