//! The data of records as people read it.

use super::kinds::{
    A, AAAA, CAA, CDNSKEY, CDS, CNAME, DNAME, DNSKEY, DS, HTTPS, MX, NS, NSEC, NSEC3, NSEC3PARAM,
    PTR, RRSIG, SOA, SRV, SVCB, TLSA, TXT, kind_name,
};
use super::name::push_decimal;
use super::reader::Reader;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest text that is kept of one record, bytes.
const LONGEST: usize = 4096;

/// The presentation form with names without their final dot; in the form for unknown types (RFC 3597
/// section 5) what is not known or does not have the form of its type.
pub(super) fn present(kind: u16, data: Reader<'_>) -> String {
    let whole = data.clone().rest();
    let known = known(kind, data).unwrap_or_else(|| {
        let end = whole.len().min(LONGEST);
        let mut text = format!("\\# {}", whole.len());
        if !whole.is_empty() {
            text.push(' ');
        }
        push_hex(&mut text, whole.get(..end).unwrap_or_default());
        text
    });
    match known.char_indices().nth(LONGEST) {
        Some((at, _)) => known.get(..at).unwrap_or_default().to_owned(),
        None => known,
    }
}

fn known(kind: u16, mut data: Reader<'_>) -> Option<String> {
    let data = &mut data;
    let text = match kind {
        A => Ipv4Addr::from(<[u8; 4]>::try_from(data.rest()).ok()?).to_string(),
        AAAA => Ipv6Addr::from(<[u8; 16]>::try_from(data.rest()).ok()?).to_string(),
        NS | CNAME | PTR | DNAME => data.name()?,
        SOA => {
            let mut text = format!("{} {}", data.name()?, data.name()?);
            for _ in 0..5 {
                let _ = write!(text, " {}", data.u32()?);
            }
            text
        }
        MX => format!("{} {}", data.u16()?, data.name()?),
        TXT => strings(data)?,
        SRV => format!(
            "{} {} {} {}",
            data.u16()?,
            data.u16()?,
            data.u16()?,
            data.name()?
        ),
        DS | CDS => format!(
            "{} {} {} {}",
            data.u16()?,
            data.u8()?,
            data.u8()?,
            hex(data.rest())
        ),
        TLSA => format!(
            "{} {} {} {}",
            data.u8()?,
            data.u8()?,
            data.u8()?,
            hex(data.rest())
        ),
        DNSKEY | CDNSKEY => {
            format!(
                "{} {} {} {}",
                data.u16()?,
                data.u8()?,
                data.u8()?,
                base64(data.rest())
            )
        }
        RRSIG => signature(data)?,
        NSEC => format!("{}{}", data.name()?, types(data)?),
        NSEC3 => nsec3(data)?,
        NSEC3PARAM => {
            format!(
                "{} {} {} {}",
                data.u8()?,
                data.u8()?,
                data.u16()?,
                salt(data.string()?)
            )
        }
        CAA => {
            let flags = data.u8()?;
            let tag = String::from_utf8_lossy(data.string()?).into_owned();
            format!("{flags} {tag} {}", quoted(data.rest()))
        }
        SVCB | HTTPS => service(data)?,
        _ => return None,
    };
    data.is_empty().then_some(text)
}

fn strings(data: &mut Reader<'_>) -> Option<String> {
    let mut parts = Vec::new();
    while !data.is_empty() {
        parts.push(quoted(data.string()?));
    }
    Some(parts.join(" "))
}

/// In quotes, with escapes (RFC 1035 section 5.1).
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            0x20..=0x7e => text.push(char::from(byte)),
            _ => push_decimal(&mut text, byte),
        }
    }
    text.push('"');
    text
}

/// RFC 4034 section 3.2.
fn signature(data: &mut Reader<'_>) -> Option<String> {
    let kind = kind_name(data.u16()?);
    let (algorithm, labels, ttl) = (data.u8()?, data.u8()?, data.u32()?);
    let (expires, begins, tag) = (data.u32()?, data.u32()?, data.u16()?);
    let signer = data.name()?;
    Some(format!(
        "{kind} {algorithm} {labels} {ttl} {} {} {tag} {signer} {}",
        time(expires),
        time(begins),
        base64(data.rest())
    ))
}

/// Seconds since 1970 as `YYYYMMDDHHmmSS`. The calendar's arithmetic counts years from March, so that the
/// day that is not always there comes last.
fn time(seconds: u32) -> String {
    let (days, rest) = (u64::from(seconds) / 86_400, seconds % 86_400);
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// RFC 5155 section 3.3.
fn nsec3(data: &mut Reader<'_>) -> Option<String> {
    let (algorithm, flags, iterations) = (data.u8()?, data.u8()?, data.u16()?);
    let salt = salt(data.string()?);
    let next = base32hex(data.string()?);
    Some(format!(
        "{algorithm} {flags} {iterations} {salt} {next}{}",
        types(data)?
    ))
}

fn salt(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        "-".to_owned()
    } else {
        hex(bytes)
    }
}

/// The types that a bit map names, each behind a space (RFC 4034 section 4.1.2).
fn types(data: &mut Reader<'_>) -> Option<String> {
    let mut text = String::new();
    while !data.is_empty() {
        let window = u16::from(data.u8()?) << 8;
        for (byte, low) in data.string()?.iter().zip((0_u16..256).step_by(8)) {
            for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
                let _ = write!(text, " {}", kind_name(window | (low + bit)));
            }
        }
    }
    Some(text)
}

/// Names of SvcParamKeys (RFC 9460 section 14.3.2).
pub(super) const SERVICE_KEYS: [&str; 7] = [
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
];

/// RFC 9460 section 2.1.
fn service(data: &mut Reader<'_>) -> Option<String> {
    let mut text = format!("{} {}", data.u16()?, data.name()?);
    while !data.is_empty() {
        let key = data.u16()?;
        let length = usize::from(data.u16()?);
        let value = parameter(key, &mut data.within(length)?)?;
        let _ = write!(text, " {}", service_key(key));
        if !value.is_empty() {
            let _ = write!(text, "={value}");
        }
    }
    Some(text)
}

/// How a zone file names a key.
pub(super) fn service_key(key: u16) -> String {
    SERVICE_KEYS
        .get(usize::from(key))
        .map_or_else(|| format!("key{key}"), |name| (*name).to_owned())
}

fn parameter(key: u16, data: &mut Reader<'_>) -> Option<String> {
    let mut list = Vec::new();
    match key {
        0 => {
            while !data.is_empty() {
                list.push(service_key(data.u16()?));
            }
        }
        1 => {
            while !data.is_empty() {
                list.push(String::from_utf8_lossy(data.string()?).into_owned());
            }
            return Some(quoted(list.join(",").as_bytes()));
        }
        3 => return Some(data.u16()?.to_string()),
        4 => {
            while !data.is_empty() {
                list.push(Ipv4Addr::from(data.u32()?).to_string());
            }
        }
        5 => return Some(base64(data.rest())),
        6 => {
            while !data.is_empty() {
                list.push(Ipv6Addr::from(<[u8; 16]>::try_from(data.take(16)?).ok()?).to_string());
            }
        }
        _ => {
            let rest = data.rest();
            return Some(if rest.is_empty() {
                String::new()
            } else {
                quoted(rest)
            });
        }
    }
    Some(list.join(","))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    push_hex(&mut text, bytes);
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "{byte:02X}");
    }
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    digits(bytes, DIGITS, 6, 4, true)
}

/// RFC 4648 section 7, without filling.
pub(in crate::dns) fn base32hex(bytes: &[u8]) -> String {
    digits(bytes, b"0123456789ABCDEFGHIJKLMNOPQRSTUV", 5, 8, false)
}

fn digits(bytes: &[u8], alphabet: &[u8], width: u32, group: usize, fill: bool) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / width as usize + group);
    let (mut held, mut bits) = (0_u32, 0);
    let mut push = |value: u32| {
        let digit = alphabet.get((value & ((1 << width) - 1)) as usize);
        text.extend(digit.map(|&digit| char::from(digit)));
    };
    for &byte in bytes {
        held = held << 8 & 0xffff | u32::from(byte);
        bits += 8;
        while bits >= width {
            bits -= width;
            push(held >> bits);
        }
    }
    if bits > 0 {
        push(held << (width - bits));
    }
    while fill && !text.len().is_multiple_of(group) {
        text.push('=');
    }
    text
}
