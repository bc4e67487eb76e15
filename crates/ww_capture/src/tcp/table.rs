//! From addresses and ports to a connection: an open-addressing table of indices.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_evidence::Endpoint;

/// The unordered pair of endpoints of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Address and port in one number.
    V4 { low: u64, high: u64 },
    /// Addresses and ports.
    V6 { low: WideEnd, high: WideEnd },
}

/// An endpoint of IPv6: the halves of the address, and the port.
pub(crate) type WideEnd = (u64, u64, u16);

impl Key {
    /// The key of a packet, and which direction it takes: 0 from the low endpoint, 1 from the high.
    #[inline]
    pub(crate) fn new(src: IpAddr, src_port: u16, dst: IpAddr, dst_port: u16) -> (Key, usize) {
        if let (IpAddr::V4(src), IpAddr::V4(dst)) = (src, dst) {
            let a = narrow(src, src_port);
            let b = narrow(dst, dst_port);
            let key = Key::V4 {
                low: a.min(b),
                high: a.max(b),
            };
            return (key, usize::from(a > b));
        }
        let a = wide(src, src_port);
        let b = wide(dst, dst_port);
        let key = Key::V6 {
            low: a.min(b),
            high: a.max(b),
        };
        (key, usize::from(a > b))
    }

    /// The low endpoint and the high one.
    pub(crate) fn ends(&self) -> [Endpoint; 2] {
        match *self {
            Key::V4 { low, high } => [low, high].map(|end| Endpoint {
                addr: Ipv4Addr::from_bits((end >> 16) as u32).into(),
                port: end as u16,
            }),
            Key::V6 { low, high } => [low, high].map(|(upper, lower, port)| Endpoint {
                addr: Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(lower)).into(),
                port,
            }),
        }
    }

    #[inline]
    fn hash(&self) -> u32 {
        let hash = match *self {
            Key::V4 { low, high } => mix(low ^ SEED, high),
            Key::V6 { low, high } => {
                let ports = u64::from(low.2) << 16 | u64::from(high.2);
                let hash = mix(mix(ports ^ SEED, low.0), low.1);
                mix(mix(hash, high.0), high.1)
            }
        };
        (hash >> 32) as u32 | 1
    }
}

#[inline]
fn narrow(addr: Ipv4Addr, port: u16) -> u64 {
    u64::from(addr.to_bits()) << 16 | u64::from(port)
}

#[inline]
fn wide(addr: IpAddr, port: u16) -> WideEnd {
    let bits = match addr {
        IpAddr::V4(addr) => u128::from(addr.to_bits()),
        IpAddr::V6(addr) => addr.to_bits(),
    };
    ((bits >> 64) as u64, bits as u64, port)
}

/// Keeps keys of zeros from being hashed to zero.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Multiplies to 128 bits and folds the halves.
#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product =
        u128::from(a ^ b.wrapping_mul(0xa076_1d64_78bd_642f)).wrapping_mul(0xe703_7ed1_a0b4_28db);
    (product >> 64) as u64 ^ product as u64
}

/// One slot: the key's hash (never 0 when taken) and the index it leads to.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u32,
    index: u32,
}

/// Maps keys to indices of a list that the caller keeps.
#[derive(Debug)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    taken: usize,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            slots: vec![Slot::default(); 1024],
            taken: 0,
        }
    }
}

impl Table {
    /// The index stored for `key`; `same` tells whether the key of an index is `key`.
    #[inline]
    pub(crate) fn find(&self, key: &Key, same: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = key.hash();
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots.get(at)?;
            if slot.hash == 0 {
                return None;
            }
            if slot.hash == hash && same(slot.index) {
                return Some(slot.index);
            }
            at = (at + 1) & mask;
        }
    }

    /// Stores `index` for a key that is not there yet, or in place of `old`.
    pub(crate) fn store(&mut self, key: &Key, index: u32, old: Option<u32>) {
        if (self.taken + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let hash = key.hash();
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            let free = slot.hash == 0;
            if free || (slot.hash == hash && Some(slot.index) == old) {
                *slot = Slot { hash, index };
                self.taken += usize::from(free);
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.slots.fill(Slot::default());
        self.taken = 0;
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![Slot::default(); old.len() * 2];
        let mask = self.slots.len() - 1;
        for slot in old.into_iter().filter(|slot| slot.hash != 0) {
            let mut at = slot.hash as usize & mask;
            while self.slots.get(at).is_some_and(|taken| taken.hash != 0) {
                at = (at + 1) & mask;
            }
            if let Some(free) = self.slots.get_mut(at) {
                *free = slot;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn both_directions_have_one_key() {
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let (there, way_there) = Key::new(a, 1000, b, 80);
        let (back, way_back) = Key::new(b, 80, a, 1000);
        assert_eq!(there, back);
        assert_ne!(way_there, way_back);
    }

    #[test]
    fn a_key_gives_its_endpoints_back() {
        for (src, dst) in [
            ("10.0.0.1:1000", "10.0.0.2:80"),
            ("[2001:db8::2]:80", "[2001:db8::1]:50000"),
        ] {
            let ends: [SocketAddr; 2] = [src, dst].map(|end| end.parse().unwrap());
            let [src, dst] = ends;
            let (key, way) = Key::new(src.ip(), src.port(), dst.ip(), dst.port());
            let known = key.ends().map(|end| SocketAddr::new(end.addr, end.port));
            assert_eq!([known[way], known[1 - way]], ends);
        }
    }

    #[test]
    fn stored_keys_are_found_after_growth() {
        let key = |n: u32| {
            Key::new(
                IpAddr::V4(n.into()),
                (n % 60_000) as u16,
                "192.0.2.1".parse().unwrap(),
                443,
            )
            .0
        };
        let mut table = Table::default();
        for n in 0..5_000 {
            table.store(&key(n), n, None);
        }
        for n in 0..5_000 {
            assert_eq!(table.find(&key(n), |index| index == n), Some(n));
        }
        table.store(&key(7), 9_999, Some(7));
        assert_eq!(table.find(&key(7), |index| index == 9_999), Some(9_999));
        assert_eq!(table.find(&key(7), |index| index == 7), None);
        assert_eq!(table.find(&key(6_000), |index| index == 6_000), None);
    }
}
