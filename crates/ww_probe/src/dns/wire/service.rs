//! What SVCB and HTTPS records say (RFC 9460), judged as strictly as clients must.

use super::rdata::{SERVICE_KEYS, service_key};
use super::reader::Reader;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_evidence::transcript::{BindingFault, ServiceBinding};

/// Values that are kept of one list.
const VALUES: usize = 32;

/// SvcParamKeys (RFC 9460 section 14.3.2).
const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6_HINT: u16 = 6;

/// Why the form of a record is not that of its type.
type Malformed = String;

/// What a record says. One that is malformed says what could be read of it, and why no client uses it.
pub(super) fn read(owner: &str, mut data: Reader<'_>) -> ServiceBinding {
    let mut record = ServiceBinding {
        owner: owner.to_owned(),
        ..ServiceBinding::default()
    };
    let mut keys = Vec::new();
    record.fault = match fill(&mut record, &mut keys, &mut data) {
        Err(why) => Some(BindingFault::Malformed(why)),
        // In AliasMode parameters are left out, whatever they say (RFC 9460 section 2.4.2).
        Ok(()) if record.is_alias() => None,
        Ok(()) => contradiction(&record, &keys).map(BindingFault::Inconsistent),
    };
    record
}

fn fill(
    record: &mut ServiceBinding,
    keys: &mut Vec<u16>,
    data: &mut Reader<'_>,
) -> Result<(), Malformed> {
    let short = || "it ends before its priority and target".to_owned();
    record.priority = data.u16().ok_or_else(short)?;
    record.target = uncompressed_name(data)?;
    while !data.is_empty() {
        let cut = || "it ends within a parameter".to_owned();
        let key = data.u16().ok_or_else(cut)?;
        let length = usize::from(data.u16().ok_or_else(cut)?);
        let value = data.within(length).ok_or_else(cut)?;
        match keys.last() {
            Some(&last) if last == key => {
                return Err(format!("the key {} stands there twice", service_key(key)));
            }
            Some(&last) if last > key => {
                return Err(format!(
                    "the key {} stands behind {}: keys are not in the order of their numbers",
                    service_key(key),
                    service_key(last)
                ));
            }
            _ => keys.push(key),
        }
        if !record.is_alias() {
            parameter(record, key, value)?;
        }
    }
    Ok(())
}

/// The TargetName, which is never compressed (RFC 9460 section 2.2).
fn uncompressed_name(data: &mut Reader<'_>) -> Result<String, Malformed> {
    let before = data.clone().rest().len();
    let wrong = || "its target is no name".to_owned();
    let encoded = data.clone().name_bytes().ok_or_else(wrong)?;
    let name = data.name().ok_or_else(wrong)?;
    let taken = before - data.clone().rest().len();
    if taken == encoded.len() {
        Ok(name)
    } else {
        Err("its target is compressed".to_owned())
    }
}

fn parameter(
    record: &mut ServiceBinding,
    key: u16,
    mut value: Reader<'_>,
) -> Result<(), Malformed> {
    let value = &mut value;
    let form = |wrong: &str| format!("the value of {} {wrong}", service_key(key));
    match key {
        MANDATORY => record.mandatory = mandatory(value)?,
        ALPN => record.alpn = protocols(value).ok_or_else(|| form("is no list of protocols"))?,
        NO_DEFAULT_ALPN => {
            if !value.is_empty() {
                return Err(form("is not empty"));
            }
            record.no_default_alpn = true;
        }
        PORT => {
            let port = value.u16().filter(|_| value.is_empty());
            record.port = Some(port.ok_or_else(|| form("is not two bytes long"))?);
        }
        IPV4_HINT => {
            let wrong = "is no list of IPv4 addresses";
            hints(value, &mut record.hints, |four: [u8; 4]| {
                Ipv4Addr::from(four).into()
            })
            .ok_or_else(|| form(wrong))?;
        }
        IPV6_HINT => {
            let wrong = "is no list of IPv6 addresses";
            hints(value, &mut record.hints, |sixteen: [u8; 16]| {
                Ipv6Addr::from(sixteen).into()
            })
            .ok_or_else(|| form(wrong))?;
        }
        ECH => record.ech = true,
        _ => {
            if record.unknown.len() < VALUES {
                record.unknown.push(key);
            }
        }
    }
    Ok(())
}

/// Keys, in the order of their numbers and each once; never `mandatory` itself (RFC 9460 section 8).
fn mandatory(value: &mut Reader<'_>) -> Result<Vec<String>, Malformed> {
    let wrong = "the value of mandatory is no list of keys".to_owned();
    let mut last = None;
    let mut names = Vec::new();
    if value.is_empty() {
        return Err(wrong);
    }
    while !value.is_empty() {
        let key = value.u16().ok_or_else(|| wrong.clone())?;
        if key == MANDATORY {
            return Err("mandatory names itself".to_owned());
        }
        if last.is_some_and(|last| last >= key) {
            return Err(format!(
                "mandatory names {} twice, or out of order",
                service_key(key)
            ));
        }
        last = Some(key);
        if names.len() < VALUES {
            names.push(service_key(key));
        }
    }
    Ok(names)
}

/// Protocol names, of one byte at least (RFC 9460 section 7.1.1).
fn protocols(value: &mut Reader<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    if value.is_empty() {
        return None;
    }
    while !value.is_empty() {
        let name = value.string().filter(|name| !name.is_empty())?;
        if names.len() < VALUES {
            names.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Some(names)
}

/// Addresses of `N` bytes, one at least (RFC 9460 section 7.3).
fn hints<const N: usize>(
    value: &mut Reader<'_>,
    hints: &mut Vec<IpAddr>,
    address: impl Fn([u8; N]) -> IpAddr,
) -> Option<()> {
    if value.is_empty() {
        return None;
    }
    while !value.is_empty() {
        let bytes = value.take(N)?.try_into().ok()?;
        if hints.len() < VALUES {
            hints.push(address(bytes));
        }
    }
    Some(())
}

/// What contradicts itself in a record of the right form (RFC 9460 sections 2.4.3, 7.1.1 and 8).
fn contradiction(record: &ServiceBinding, keys: &[u16]) -> Option<String> {
    let is_there = |name: &String| {
        let known = SERVICE_KEYS.iter().position(|key| key == name);
        keys.iter().any(|&key| match known {
            Some(number) => usize::from(key) == number,
            None => service_key(key) == *name,
        })
    };
    if let Some(absent) = record.mandatory.iter().find(|name| !is_there(name)) {
        return Some(format!("mandatory names {absent}, which is not there"));
    }
    (record.no_default_alpn && record.alpn.is_empty())
        .then(|| "no-default-alpn without alpn leaves no protocol".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// A record with this priority, the target `b.example` and these parameters.
    fn record(priority: u16, parameters: &[(u16, &[u8])]) -> ServiceBinding {
        let mut data = priority.to_be_bytes().to_vec();
        data.extend(b"\x01b\x07example\0");
        for (key, value) in parameters {
            data.extend(key.to_be_bytes());
            data.extend((value.len() as u16).to_be_bytes());
            data.extend(*value);
        }
        read("a.example", Reader::new(&data))
    }

    /// Parameters as they are on the wire, and what is wrong with them.
    type Case<'c> = (&'c [(u16, &'c [u8])], &'c str);

    fn malformed(why: &str) -> BindingFault {
        BindingFault::Malformed(why.to_owned())
    }

    #[test]
    fn every_parameter_is_read() {
        let found = record(
            7,
            &[
                (MANDATORY, &[0, 1, 0, 3]),
                (ALPN, b"\x02h3\x02h2"),
                (NO_DEFAULT_ALPN, b""),
                (PORT, &[0x20, 0xfb]),
                (IPV4_HINT, &[192, 0, 2, 7, 192, 0, 2, 8]),
                (ECH, b"\0\x01x"),
                (IPV6_HINT, b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
                (65_280, b"anything"),
            ],
        );
        let wanted = ServiceBinding {
            owner: "a.example".to_owned(),
            priority: 7,
            target: "b.example".to_owned(),
            port: Some(8443),
            alpn: vec!["h3".to_owned(), "h2".to_owned()],
            no_default_alpn: true,
            mandatory: vec!["alpn".to_owned(), "port".to_owned()],
            hints: ["192.0.2.7", "192.0.2.8", "2001:db8::1"]
                .map(|text| text.parse().expect("an address"))
                .to_vec(),
            ech: true,
            unknown: vec![65_280],
            fault: None,
        };
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_clients_must_reject_says_why() {
        let cases: &[Case<'_>] = &[
            (
                &[(PORT, &[0, 80]), (ALPN, b"\x02h2")],
                "the key alpn stands behind port: keys are not in the order of their numbers",
            ),
            (
                &[(ALPN, b"\x02h2"), (ALPN, b"\x02h3")],
                "the key alpn stands there twice",
            ),
            (&[(ALPN, b"")], "the value of alpn is no list of protocols"),
            (
                &[(ALPN, b"\0")],
                "the value of alpn is no list of protocols",
            ),
            (
                &[(ALPN, b"\x03h2")],
                "the value of alpn is no list of protocols",
            ),
            (
                &[(ALPN, b"\x02h2"), (NO_DEFAULT_ALPN, b"x")],
                "the value of no-default-alpn is not empty",
            ),
            (&[(PORT, &[80])], "the value of port is not two bytes long"),
            (
                &[(PORT, &[0, 0, 80])],
                "the value of port is not two bytes long",
            ),
            (
                &[(IPV4_HINT, b"")],
                "the value of ipv4hint is no list of IPv4 addresses",
            ),
            (
                &[(IPV4_HINT, &[192, 0, 2])],
                "the value of ipv4hint is no list of IPv4 addresses",
            ),
            (
                &[(IPV6_HINT, &[1; 17])],
                "the value of ipv6hint is no list of IPv6 addresses",
            ),
            (
                &[(MANDATORY, b"")],
                "the value of mandatory is no list of keys",
            ),
            (
                &[(MANDATORY, &[0])],
                "the value of mandatory is no list of keys",
            ),
            (&[(MANDATORY, &[0, 0])], "mandatory names itself"),
            (
                &[(MANDATORY, &[0, 3, 0, 1])],
                "mandatory names alpn twice, or out of order",
            ),
            (
                &[(MANDATORY, &[0, 1, 0, 1])],
                "mandatory names alpn twice, or out of order",
            ),
        ];
        for (parameters, why) in cases {
            assert_eq!(
                record(1, parameters).fault,
                Some(malformed(why)),
                "{parameters:?}"
            );
        }
    }

    #[test]
    fn what_contradicts_itself_says_so() {
        let cases: [Case<'_>; 3] = [
            (
                &[(MANDATORY, &[0, 3]), (ALPN, b"\x02h2")],
                "mandatory names port, which is not there",
            ),
            (
                &[(MANDATORY, &[0xff, 0])],
                "mandatory names key65280, which is not there",
            ),
            (
                &[(NO_DEFAULT_ALPN, b"")],
                "no-default-alpn without alpn leaves no protocol",
            ),
        ];
        for (parameters, why) in cases {
            let wanted = Some(BindingFault::Inconsistent(why.to_owned()));
            assert_eq!(record(1, parameters).fault, wanted, "{parameters:?}");
            assert_eq!(record(0, parameters).fault, None, "aliases have none");
        }
        let unknown: &[(u16, &[u8])] = &[(MANDATORY, &[0xff, 0]), (0xff00, b"x")];
        assert_eq!(record(1, unknown).fault, None);
    }

    #[test]
    fn a_record_that_is_cut_anywhere_is_malformed_or_shorter() {
        let mut whole = b"\0\x01\x01b\x07example\0".to_vec();
        let fixed = whole.len();
        whole.extend(b"\0\x01\0\x03\x02h2\0\x03\0\x02\x01\xbb");
        for end in 0..whole.len() {
            let found = read("a.example", Reader::new(&whole[..end]));
            let is_whole = end == fixed || end == fixed + 7;
            assert_eq!(found.fault.is_none(), is_whole, "{end} {found:?}");
        }
    }

    #[test]
    fn a_target_is_not_compressed_and_points_nowhere_else() {
        let message = b"\x01b\x07example\0\0\x01\xc0\0";
        let mut reader = Reader::new(message);
        reader.skip(11).expect("there");
        let found = read("a.example", reader);
        assert_eq!(found.fault, Some(malformed("its target is compressed")));
        for data in [
            b"\0\x01\xc0\x02".as_slice(),
            b"\0\x01\x40a\0",
            b"\0\x01\x05ab",
        ] {
            let found = read("a.example", Reader::new(data));
            assert_eq!(found.fault, Some(malformed("its target is no name")));
        }
    }

    #[test]
    fn endless_lists_are_kept_in_part() {
        let protocols = b"\x01x".repeat(30_000);
        let hints = [192, 0, 2, 7].repeat(15_000);
        let found = record(1, &[(ALPN, &protocols)]);
        assert_eq!((found.alpn.len(), found.fault), (VALUES, None));
        let found = record(1, &[(IPV4_HINT, &hints)]);
        assert_eq!((found.hints.len(), found.fault), (VALUES, None));
        let keys: Vec<(u16, &[u8])> = (7..16_000).map(|key| (key, b"".as_slice())).collect();
        assert_eq!(record(1, &keys).unknown.len(), VALUES);
        let mut number = 1_u64;
        let mut noise = || {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (number >> 56) as u8
        };
        let mut read_so_far = String::new();
        for length in 0..400 {
            let data: Vec<u8> = (0..length).map(|_| noise()).collect();
            let found = read("a.example", Reader::new(&data));
            write!(read_so_far, "{}", found.alpn.len()).expect("a string");
        }
        assert!(read_so_far.len() >= 400);
    }
}
