//! Networks: an address and how many of its bits count.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network. The bits of the address that do not count are zero, so that equal networks are equal
/// values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// The network of this length around the address; nothing when the length is too long.
    pub fn new(address: IpAddr, length: u8) -> Option<Prefix> {
        let address = match address {
            IpAddr::V4(v4) => {
                let host = u32::MAX.checked_shr(length.into()).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !host))
            }
            IpAddr::V6(v6) => {
                let host = u128::MAX.checked_shr(length.into()).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !host))
            }
        };
        (length <= width(address)).then_some(Prefix { address, length })
    }

    /// The network that is this address alone.
    pub fn host(address: IpAddr) -> Prefix {
        Prefix {
            address,
            length: width(address),
        }
    }

    /// All addresses of IPv4.
    pub const ALL_IP4: Prefix = Prefix {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        length: 0,
    };

    /// All addresses of IPv6.
    pub const ALL_IP6: Prefix = Prefix {
        address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        length: 0,
    };

    /// Its first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits of the address count.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// Whether it is a network of IPv4.
    pub fn is_ip4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Its first and last address as numbers.
    pub fn range(&self) -> (u128, u128) {
        match self.address {
            IpAddr::V4(v4) => {
                let host = u32::MAX.checked_shr(self.length.into()).unwrap_or(0);
                (v4.to_bits().into(), (v4.to_bits() | host).into())
            }
            IpAddr::V6(v6) => {
                let host = u128::MAX.checked_shr(self.length.into()).unwrap_or(0);
                (v6.to_bits(), v6.to_bits() | host)
            }
        }
    }

    /// Whether the address is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        Prefix::new(address, self.length) == Some(*self)
    }
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// What stands there is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAPrefix;

impl FromStr for Prefix {
    type Err = NotAPrefix;

    /// `ADDRESS/LENGTH`, or an address alone.
    fn from_str(text: &str) -> Result<Prefix, NotAPrefix> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotAPrefix)?;
        let Some(length) = length else {
            return Ok(Prefix::host(address));
        };
        let plain = length.bytes().all(|byte| byte.is_ascii_digit());
        let length = length.parse().ok().filter(|_| plain).ok_or(NotAPrefix)?;
        Prefix::new(address, length).ok_or(NotAPrefix)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Prefix;

    #[test]
    fn prefixes_lose_the_bits_that_do_not_count() {
        let said = |text: &str| text.parse::<Prefix>().map(|one| one.to_string());
        assert_eq!(said("10.1.2.3/8").as_deref(), Ok("10.0.0.0/8"));
        assert_eq!(said("10.1.2.3").as_deref(), Ok("10.1.2.3/32"));
        assert_eq!(said("2001:db8::1/32").as_deref(), Ok("2001:db8::/32"));
        assert_eq!(said("::/0").as_deref(), Ok("::/0"));
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/",
        ] {
            assert!(said(text).is_err(), "{text}");
        }
    }

    #[test]
    fn prefixes_hold_the_addresses_of_their_range() {
        let net: Prefix = "192.0.2.128/25".parse().unwrap();
        let inside = |text: &str| net.contains(text.parse().unwrap());
        assert!(inside("192.0.2.128") && inside("192.0.2.255"));
        assert!(!inside("192.0.2.127") && !inside("192.0.3.0") && !inside("::c000:280"));
        assert_eq!(net.range(), (0xc000_0280, 0xc000_02ff));
        assert!(Prefix::ALL_IP6.contains("::1".parse().unwrap()));
    }
}
