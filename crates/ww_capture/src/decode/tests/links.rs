//! Every link type and tag leads to the same TCP segment.

use super::*;

const PORTS: (u16, u16) = (40000, 443);

fn packet() -> Vec<u8> {
    ipv4(6, &build::tcp(PORTS.0, PORTS.1, b"x"))
}

fn packet6() -> Vec<u8> {
    ipv6(6, &build::tcp(PORTS.0, PORTS.1, b"x"))
}

/// A header before the IPv4 packet.
fn behind(header: &[u8]) -> Vec<u8> {
    [header, &packet()].concat()
}

#[test]
fn vlan_tags() {
    let one = ethernet(0x8100, &behind(&[0x20, 5, 8, 0]));
    decode(frame(1, &one), |decoded| {
        assert_eq!(decoded.link.vlans, [Some(5), None]);
    });
    let two = ethernet(0x88a8, &behind(&[0, 7, 0x81, 0, 0, 5, 8, 0]));
    decode(frame(1, &two), |decoded| {
        assert_eq!(decoded.link.vlans, [Some(7), Some(5)]);
    });
    let three = ethernet(
        0x9100,
        &behind(&[0, 9, 0x88, 0xa8, 0, 7, 0x81, 0, 0, 5, 8, 0]),
    );
    decode(frame(1, &three), |decoded| {
        assert_eq!(decoded.link.vlans, [Some(9), Some(7)]);
    });
    for data in [one, two, three] {
        assert_eq!(tcp_ports(1, &data), PORTS);
    }
}

#[test]
fn tags_without_end_are_malformed() {
    let data = ethernet(0x8100, &[0x81, 0].repeat(200));
    decode(frame(1, &data), |decoded| {
        assert_eq!(decoded.body, Body::Malformed("too many VLAN tags"));
    });
}

#[test]
fn other_headers_between_ethernet_and_ip() {
    let length = packet().len() as u8;
    let inner = ethernet(0x0800, &packet());
    for (name, data) in [
        ("VN-Tag", ethernet(0x8926, &behind(&[0, 0, 0, 0, 8, 0]))),
        (
            "MPLS",
            ethernet(0x8847, &behind(&[0, 1, 0, 64, 0, 2, 1, 64])),
        ),
        (
            "MPLS Ethernet",
            ethernet(0x8847, &[&[0, 2, 1, 64, 0, 0, 0, 0][..], &inner].concat()),
        ),
        (
            "PPPoE",
            ethernet(0x8864, &behind(&[0x11, 0, 0, 1, 0, length + 2, 0, 0x21])),
        ),
        (
            "802.1ah",
            ethernet(0x88e7, &[&[0, 0, 0, 1][..], &inner].concat()),
        ),
        (
            "SNAP",
            ethernet(
                u16::from(length) + 8,
                &behind(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
            ),
        ),
        ("LLC", ethernet(u16::from(length) + 3, &behind(&[6, 6, 3]))),
    ] {
        assert_eq!(tcp_ports(1, &data), PORTS, "{name}");
    }
}

#[test]
fn link_types_without_ethernet() {
    let sll = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0];
    let sll2 = [8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    let length = packet().len() as u8;
    let nflog = [2, 0, 0, 0, 5, 0, 10, 0, 1, 0, 0, 0, length + 4, 0, 9, 0];
    for (link, data) in [
        (12, packet()),
        (14, packet6()),
        (101, packet6()),
        (228, packet()),
        (229, packet6()),
        (0, behind(&[2, 0, 0, 0])),
        (0, behind(&[0, 0, 0, 2])),
        (0, behind(&[0x0f, 0, 8, 0])),
        (108, behind(&[0, 0, 0, 2])),
        (9, behind(&[0xff, 3, 0, 0x21])),
        (9, behind(&[0, 0x21])),
        (9, behind(&[0x21])),
        (50, [&[0xff, 3, 0, 0x57][..], &packet6()].concat()),
        (51, behind(&[0x11, 0, 0, 1, 0, length + 2, 0, 0x21])),
        (104, behind(&[0x0f, 0, 8, 0])),
        (113, behind(&sll)),
        (219, behind(&[0, 2, 1, 64])),
        (239, behind(&nflog)),
        (276, behind(&sll2)),
    ] {
        assert_eq!(tcp_ports(link, &data), PORTS, "link type {link}");
    }
    for family in [10, 24, 28, 30] {
        let data = [&[family, 0, 0, 0][..], &packet6()].concat();
        assert_eq!(tcp_ports(0, &data), PORTS, "address family {family}");
    }
    decode(frame(113, &behind(&sll)), |decoded| {
        assert_eq!(decoded.link.packet_type, Some(PacketType::Outgoing));
        assert_eq!(decoded.link.src, Some([2, 0, 0, 0, 0, 1]));
    });
    decode(frame(276, &behind(&sll2)), |decoded| {
        assert_eq!(decoded.link.packet_type, Some(PacketType::ToHost));
    });
}

#[test]
fn what_is_not_read_is_named() {
    for (link, name) in [
        (105, "802.11"),
        (127, "802.11 with a radiotap header"),
        (9999, "unknown link type"),
    ] {
        decode(frame(link, &[0; 64]), |decoded| {
            assert_eq!(decoded.body, Body::Unsupported(name));
        });
    }
    decode(frame(1, &ethernet(0x88cc, &[0; 46])), |decoded| {
        assert_eq!(decoded.body, Body::NotIp { ethertype: 0x88cc });
    });
}
