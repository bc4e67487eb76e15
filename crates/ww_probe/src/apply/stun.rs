//! STUN: which address the server sees us come from (RFC 8489).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const MAPPED_ADDRESS: u16 = 0x0001;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// What identifies a transaction.
pub(crate) type Transaction = [u8; 12];

/// A binding response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// It worked; our address as the server sees it, unless it does not say.
    Success(Option<SocketAddr>),
    /// It did not; the number and the reason.
    Error(String),
}

/// A binding request without attributes.
pub(crate) fn request(transaction: Transaction) -> Vec<u8> {
    let mut request = vec![0, 1, 0, 0];
    request.extend(COOKIE);
    request.extend(transaction);
    request
}

/// Reads a response to that request; `None` when it is none.
pub(crate) fn response(transaction: Transaction, message: &[u8]) -> Option<Binding> {
    let (header, rest) = message.split_first_chunk::<20>()?;
    let &[kind_high, kind_low, length_high, length_low, cookie @ ..] = header;
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    let (magic, id) = cookie.split_first_chunk::<4>()?;
    if *magic != COOKIE || id != transaction {
        return None;
    }
    let attributes = attributes(rest.get(..length)?);
    let find = |wanted: u16| {
        attributes
            .iter()
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, value)| *value)
    };
    match u16::from_be_bytes([kind_high, kind_low]) {
        0x0101 => {
            let mut key = COOKIE.to_vec();
            key.extend(transaction);
            let mapped = find(XOR_MAPPED_ADDRESS)
                .and_then(|value| address(value, &key))
                .or_else(|| find(MAPPED_ADDRESS).and_then(|value| address(value, &[0; 16])));
            Some(Binding::Success(mapped))
        }
        0x0111 => {
            let value = find(ERROR_CODE).unwrap_or_default();
            let (&[_, _, class, number], reason) = value.split_first_chunk()?;
            let reason: String = String::from_utf8_lossy(reason).chars().take(200).collect();
            Some(Binding::Error(format!(
                "{} {reason}",
                u32::from(class & 7) * 100 + u32::from(number)
            )))
        }
        _ => None,
    }
}

/// Kind and value of each attribute; what is cut short ends them.
fn attributes(mut rest: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while let Some((&[kind_high, kind_low, high, low], behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some(value) = behind.get(..length) else {
            break;
        };
        found.push((u16::from_be_bytes([kind_high, kind_low]), value));
        rest = behind.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

/// An address, each byte combined with that of a key.
fn address(value: &[u8], key: &[u8]) -> Option<SocketAddr> {
    let (&[_, family], rest) = value.split_first_chunk()?;
    let (port, address) = rest.split_first_chunk::<2>()?;
    let xor = |bytes: &[u8]| -> Vec<u8> {
        bytes
            .iter()
            .zip(key)
            .map(|(byte, key)| byte ^ key)
            .collect()
    };
    let &[high, low] = xor(port).first_chunk()?;
    let plain = xor(address);
    let ip = match family {
        1 => IpAddr::V4(Ipv4Addr::from(*plain.first_chunk::<4>()?)),
        2 => IpAddr::V6(Ipv6Addr::from(*plain.first_chunk::<16>()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([high, low])))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a server answers that sees a request come from there.
    pub(crate) fn success(request: &[u8], from: SocketAddr) -> Vec<u8> {
        let key: Vec<u8> = request[4..20].to_vec();
        let (family, ip) = match from.ip() {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (2, ip.octets().to_vec()),
        };
        let mut value = vec![0, family];
        value.extend(
            from.port()
                .to_be_bytes()
                .iter()
                .zip(&key)
                .map(|(a, b)| a ^ b),
        );
        value.extend(ip.iter().zip(&key).map(|(a, b)| a ^ b));
        // An attribute of three bytes comes first, with its padding.
        let mut body = vec![0x80, 0x22, 0, 3, b'a', b'b', b'c', 0, 0, 0x20, 0];
        body.push(value.len() as u8);
        body.extend(value);
        let mut message = vec![1, 1, 0, body.len() as u8];
        message.extend(&key);
        message.extend(body);
        message
    }

    #[test]
    fn addresses_of_both_families_are_read() {
        let transaction = [7; 12];
        for from in ["192.0.2.1:32853", "[2001:db8::1]:32853"] {
            let from = from.parse().expect("an address");
            let message = success(&request(transaction), from);
            assert_eq!(
                response(transaction, &message),
                Some(Binding::Success(Some(from)))
            );
            assert_eq!(response([8; 12], &message), None);
            for cut in 0..message.len() {
                assert_eq!(response(transaction, &message[..cut]), None);
            }
        }
    }

    #[test]
    fn the_vector_of_rfc_5769_is_read() {
        // Section 2.2, IPv4 response: 192.0.2.1 port 32853 behind XOR.
        let transaction = [
            0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
        ];
        let mut message = vec![1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
        message.extend(transaction);
        message.extend([0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert_eq!(
            response(transaction, &message),
            Some(Binding::Success("192.0.2.1:32853".parse().ok()))
        );
    }

    #[test]
    fn errors_have_a_number_and_a_reason() {
        let transaction = [9; 12];
        let mut message = request(transaction);
        message[0] = 1;
        message[1] = 0x11;
        message[3] = 20;
        message.extend([0, 9, 0, 16, 0, 0, 4, 1]);
        message.extend(b"Unauthorized");
        assert_eq!(
            response(transaction, &message),
            Some(Binding::Error("401 Unauthorized".to_owned()))
        );
        message[1] = 0x01;
        assert_eq!(
            response(transaction, &message),
            Some(Binding::Success(None))
        );
    }
}
