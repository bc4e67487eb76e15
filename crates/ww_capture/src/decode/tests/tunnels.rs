//! Every tunnel leads to the same TCP segment, and tunnels in tunnels end.

use super::*;

const PORTS: (u16, u16) = (40000, 443);

fn packet() -> Vec<u8> {
    ipv4(6, &build::tcp(PORTS.0, PORTS.1, b"x"))
}

fn behind(header: &[u8], inner: &[u8]) -> Vec<u8> {
    [header, inner].concat()
}

#[test]
fn tunnels_are_unpacked_and_named() {
    let inner = packet();
    let inner6 = ipv6(6, &build::tcp(PORTS.0, PORTS.1, b"x"));
    let bridged = ethernet(0x0800, &inner);
    let over_udp =
        |port, header: &[u8], inner: &[u8]| ipv4(17, &udp(50000, port, &behind(header, inner)));
    let auth = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let origin = [0, 0, 1, 2, 3, 4, 5, 6];
    for (kind, packet) in [
        (Tunnel::Gre, ipv4(47, &behind(&[0, 0, 8, 0], &inner))),
        (
            Tunnel::Gre,
            ipv4(
                47,
                &behind(&[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2], &inner),
            ),
        ),
        (
            Tunnel::Gre,
            ipv4(47, &behind(&[0, 0, 0x65, 0x58], &bridged)),
        ),
        (
            Tunnel::Gre,
            ipv4(
                47,
                &behind(
                    &[
                        0x30, 0x81, 0x88, 0x0b, 0, 41, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 3, 0,
                        0x21,
                    ],
                    &inner,
                ),
            ),
        ),
        (
            Tunnel::Erspan,
            ipv4(47, &behind(&[0, 0, 0x88, 0xbe], &bridged)),
        ),
        (
            Tunnel::Erspan,
            ipv4(
                47,
                &behind(
                    &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 1, 0, 0, 0, 0],
                    &bridged,
                ),
            ),
        ),
        (
            Tunnel::Erspan,
            ipv4(
                47,
                &behind(
                    &[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20][..], &[0; 11]].concat(),
                    &bridged,
                ),
            ),
        ),
        (
            Tunnel::Vxlan,
            over_udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &bridged),
        ),
        (
            Tunnel::Geneve,
            over_udp(6081, &[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &bridged),
        ),
        (
            Tunnel::Geneve,
            over_udp(6081, &[0, 0, 8, 0, 0, 0, 1, 0], &inner),
        ),
        (
            Tunnel::Teredo,
            over_udp(3544, &behind(&auth, &origin), &inner6),
        ),
        (Tunnel::IpIp, ipv4(4, &inner)),
        (Tunnel::IpIp, ipv6(4, &inner)),
        (Tunnel::Ip6In, ipv4(41, &inner6)),
        (Tunnel::Ip6In, ipv6(41, &inner6)),
        (Tunnel::EtherIp, ipv4(97, &behind(&[0x30, 0], &bridged))),
        (Tunnel::MplsInIp, ipv4(137, &behind(&[0, 2, 1, 64], &inner))),
    ] {
        assert_eq!(tcp_ports(101, &packet), PORTS, "{kind:?}");
        decode(frame(101, &packet), |decoded| {
            assert_eq!(
                (decoded.outer.kinds[0], decoded.outer.depth),
                (Some(kind), 1)
            );
        });
    }
}

/// The header of a G-PDU whose flags are these, with its optional fields.
fn gtp(flags: u8, fields: &[u8], inner: &[u8]) -> Vec<u8> {
    let [high, low] = ((fields.len() + inner.len()) as u16).to_be_bytes();
    behind(&[flags, 255, high, low, 0, 0, 0, 1], fields)
}

#[test]
fn packets_of_subscribers_are_unpacked() {
    let inner = packet();
    let inner6 = ipv6(6, &build::tcp(PORTS.0, PORTS.1, b"x"));
    let bridged = ethernet(0x0800, &inner);
    // An extension header of eight bytes and one of four.
    let extended = [0, 0, 0, 0x85, 2, 1, 2, 3, 4, 5, 6, 0xc0, 1, 0, 0, 0];
    for (flags, fields, inner) in [
        (0x30, &[][..], &inner),
        (0x32, &[0, 9, 0, 0], &inner6),
        (0x34, &extended, &bridged),
    ] {
        let message = behind(&gtp(flags, fields, inner), inner);
        let datagram = ipv4(17, &udp(50000, 2152, &message));
        assert_eq!(tcp_ports(101, &datagram), PORTS, "{flags:#x}");
        decode(frame(101, &datagram), |decoded| {
            assert_eq!(decoded.outer.kinds[0], Some(Tunnel::Gtp));
        });
    }
}

#[test]
fn what_is_no_packet_in_gtp_stays_a_datagram() {
    for message in [
        // An echo request, another version, an extension that goes on behind the end, no packet.
        &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 7, 0, 0][..],
        &[0x50, 255, 0, 4, 0, 0, 0, 0, 0x45, 0, 0, 0],
        &[0x34, 255, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0x85, 9, 0, 0, 0],
        &[0x34, 255, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0x85, 0, 0, 0, 0],
        &[0x30, 255, 0, 2, 0, 0, 0, 0, 0, 0],
    ] {
        let datagram = ipv4(17, &udp(2152, 2152, message));
        decode(frame(101, &datagram), |decoded| {
            assert!(
                matches!(&decoded.body, Body::Udp(udp) if udp.payload == message),
                "{message:?}"
            );
            assert_eq!(decoded.outer.depth, 0);
        });
    }
}

#[test]
fn the_lower_port_says_which_tunnel_it_is() {
    let bridged = ethernet(0x0800, &packet());
    let vxlan = behind(&[8, 0, 0, 0, 0, 0, 1, 0], &bridged);
    // From a STUN server's port to GTP's, which is lower; to VXLAN's, which is higher.
    let stun = |port| ipv4(17, &udp(3478, port, &vxlan));
    decode(frame(101, &stun(4789)), |decoded| {
        assert!(matches!(decoded.body, Body::Udp(_)));
    });
    let inner = packet();
    let gtp = behind(&gtp(0x30, &[], &inner), &inner);
    assert_eq!(tcp_ports(101, &ipv4(17, &udp(3478, 2152, &gtp))), PORTS);
}

#[test]
fn frames_of_a_fabric_are_unpacked() {
    let mut fabric = ethernet(0x8903, &[0, 0x60]);
    fabric.extend(ethernet(0x0800, &packet()));
    assert_eq!(tcp_ports(1, &fabric), PORTS);
    decode(frame(1, &fabric), |decoded| {
        assert_eq!(decoded.outer.kinds[0], Some(Tunnel::FabricPath));
    });
    decode(frame(1, &fabric[..15]), |decoded| {
        assert_eq!(decoded.body, Body::Malformed("FabricPath tag cut short"));
    });
}

#[test]
fn a_well_known_service_is_not_a_tunnel() {
    let answer = ipv4(17, &udp(53, 4789, &[8, 0, 0, 0, 0, 0, 0, 0]));
    decode(frame(101, &answer), |decoded| {
        assert!(
            matches!(&decoded.body, Body::Udp(udp) if udp.src_port == 53 && udp.payload.len() == 8)
        );
    });
}

#[test]
fn tunnels_in_tunnels_end_at_the_limit() {
    let deep = |depth| (0..depth).fold(packet(), |inner, _| ipv4(4, &inner));
    assert_eq!(tcp_ports(101, &deep(8)), PORTS);
    decode(frame(101, &deep(9)), |decoded| {
        assert_eq!(decoded.outer.depth, 8);
        assert!(matches!(decoded.body, Body::Unsupported(_)));
    });
}

#[test]
fn extension_headers_are_passed() {
    let segment = build::tcp(PORTS.0, PORTS.1, b"x");
    let hop_by_hop = [43, 0, 1, 4, 0, 0, 0, 0];
    let routing = [
        &[60, 2, 0, 1, 0, 0, 0, 0][..],
        &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
    ]
    .concat();
    let options = [51, 0, 1, 4, 0, 0, 0, 0];
    let authentication = [
        44, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];
    let atomic = [6, 0, 0, 0, 0, 0, 0xab, 0xcd];
    let chain = [
        &hop_by_hop[..],
        &routing,
        &options,
        &authentication,
        &atomic,
        &segment,
    ]
    .concat();
    decode(frame(101, &ipv6(0, &chain)), |decoded| {
        let ip = decoded.ip.unwrap();
        assert_eq!(
            (ip.dst, ip.protocol, ip.id),
            (addr("2001:db8::9"), 6, Some(0xabcd))
        );
        assert!(matches!(&decoded.body, Body::Tcp(tcp) if tcp.len == Some(1)));
    });
    let esp = ipv6(50, &[0; 40]);
    decode(frame(101, &esp), |decoded| {
        assert_eq!(decoded.body, Body::Other { protocol: 50 });
    });
    let endless = ipv6(60, &[60, 0, 1, 4, 0, 0, 0, 0].repeat(300));
    decode(frame(101, &endless), |decoded| {
        assert_eq!(
            decoded.body,
            Body::Malformed("too many IPv6 extension headers")
        );
    });
}

#[test]
fn a_source_route_names_the_destination() {
    let segment = build::tcp(PORTS.0, PORTS.1, b"x");
    let mut packet = ipv4(6, &[&[1, 131, 7, 4, 10, 0, 0, 9][..], &segment].concat());
    packet[0] = 0x47;
    decode(frame(101, &packet), |decoded| {
        assert_eq!(decoded.ip.unwrap().dst, addr("10.0.0.9"));
        assert!(matches!(&decoded.body, Body::Tcp(tcp) if tcp.len == Some(1)));
    });
}
