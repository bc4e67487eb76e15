//! Where a redirect may lead: a probe goes where its user sent it, not where a server wants it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Realm {
    /// Anywhere in the internet.
    Public,
    /// A site's own addresses (RFC 1918, RFC 6598, RFC 4193).
    Private,
    /// This host.
    Loopback,
    /// The link, where clouds serve their metadata.
    Link,
    /// No address of a host.
    None,
}

impl Realm {
    fn word(self) -> &'static str {
        match self {
            Realm::Public => "public",
            Realm::Private => "private",
            Realm::Loopback => "a loopback address",
            Realm::Link => "link-local",
            Realm::None => "no host's address",
        }
    }
}

/// Why a redirect from the target's address is not followed to another one; `None` when it is.
pub(crate) fn refusal(target: IpAddr, to: IpAddr) -> Option<String> {
    let from = realm(target);
    let realm = realm(to);
    let allowed = target == to
        || match realm {
            Realm::Public => true,
            Realm::Private => matches!(from, Realm::Private | Realm::Loopback),
            Realm::Loopback => from == Realm::Loopback,
            Realm::Link | Realm::None => false,
        };
    (!allowed).then(|| format!("{to} is {}", realm.word()))
}

fn realm(address: IpAddr) -> Realm {
    match address.to_canonical() {
        IpAddr::V4(address) => realm_of_v4(address),
        IpAddr::V6(address) => realm_of_v6(address),
    }
}

fn realm_of_v4(address: Ipv4Addr) -> Realm {
    let [first, second, ..] = address.octets();
    if address.is_loopback() {
        Realm::Loopback
    } else if address.is_link_local() {
        Realm::Link
    } else if first == 0 || first >= 224 {
        Realm::None
    } else if address.is_private() || (first == 100 && second & 0xc0 == 64) {
        Realm::Private
    } else {
        Realm::Public
    }
}

fn realm_of_v6(address: Ipv6Addr) -> Realm {
    let [first, second, .., high, low] = address.segments();
    if address.is_loopback() {
        Realm::Loopback
    } else if first & 0xffc0 == 0xfe80 {
        Realm::Link
    } else if first == 0x64 && second == 0xff9b {
        // NAT64 (RFC 6052): the last bits are an IPv4 address.
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        realm_of_v4(Ipv4Addr::new(a, b, c, d))
    } else if first & 0xfe00 == 0xfc00 {
        Realm::Private
    } else if address.is_unspecified() || first & 0xff00 == 0xff00 {
        Realm::None
    } else {
        Realm::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_outwards_only() {
        let followed = [
            ("192.0.2.1", "198.51.100.1"),
            ("10.0.0.1", "10.0.0.2"),
            ("10.0.0.1", "192.0.2.1"),
            ("127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "192.0.2.1"),
            ("169.254.3.4", "169.254.3.4"),
            ("fd00::1", "10.0.0.1"),
        ];
        let refused = [
            ("192.0.2.1", "10.0.0.1"),
            ("192.0.2.1", "127.0.0.1"),
            ("192.0.2.1", "169.254.169.254"),
            ("10.0.0.1", "127.0.0.1"),
            ("127.0.0.1", "169.254.169.254"),
            ("127.0.0.1", "::ffff:169.254.169.254"),
            ("127.0.0.1", "64:ff9b::a9fe:a9fe"),
            ("127.0.0.1", "fe80::1"),
            ("127.0.0.1", "0.0.0.0"),
            ("192.0.2.1", "fd00:ec2::254"),
            ("192.0.2.1", "100.100.100.200"),
            ("169.254.3.4", "169.254.169.254"),
            ("10.0.0.1", "::"),
        ];
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        for (target, to) in followed {
            assert_eq!(refusal(address(target), address(to)), None, "{target} {to}");
        }
        for (target, to) in refused {
            assert!(
                refusal(address(target), address(to)).is_some(),
                "{target} {to}"
            );
        }
    }
}
