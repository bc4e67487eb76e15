//! A fast hash for keys that are a few words long, the same in every run.
//!
//! An attacker can make keys collide; [`Index`](super::index::Index) therefore bounds its searches.

use std::net::IpAddr;
use ww_evidence::Endpoint;

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Bytes of a payload that tell packets apart.
const DIGESTED: usize = 64;

/// Takes one more word into a hash.
#[inline]
pub(super) fn mix(state: u64, word: u64) -> u64 {
    let product = (state.rotate_left(29) ^ word).wrapping_mul(ODD);
    product ^ (product >> 32)
}

/// The hash of an address.
#[inline]
pub(super) fn address(addr: IpAddr) -> u64 {
    match addr {
        IpAddr::V4(v4) => mix(4, u64::from(v4.to_bits())),
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            mix(mix(6, bits as u64), (bits >> 64) as u64)
        }
    }
}

/// The hash of an address and a port.
#[inline]
pub(super) fn endpoint(endpoint: Endpoint) -> u64 {
    mix(address(endpoint.addr), u64::from(endpoint.port))
}

/// A number that two different payloads hardly ever share: made of the length and the first 64 bytes.
#[inline]
pub fn digest(payload: &[u8]) -> u64 {
    let head = payload.get(..DIGESTED).unwrap_or(payload);
    let (words, rest) = head.as_chunks::<8>();
    let state = words.iter().fold(payload.len() as u64, |state, &word| {
        mix(state, u64::from_le_bytes(word))
    });
    rest.iter()
        .fold(state, |state, &byte| mix(state, u64::from(byte)))
}
