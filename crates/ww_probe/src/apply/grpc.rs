//! gRPC: the few messages of the health service and of reflection, and the status of a call (gRPC over HTTP/2;
//! `grpc.health.v1`, `grpc.reflection.v1`).

/// Messages longer than this are given up.
pub(crate) const MESSAGE_BYTES: usize = 256 * 1024;

/// Names of services that are kept.
const SERVICES: usize = 200;

/// A field of a message: its number and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value<'m> {
    Number(u64),
    Bytes(&'m [u8]),
    Fixed,
}

/// Puts the five bytes before a message that say that it is not compressed, and how long it is.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend((message.len() as u32).to_be_bytes());
    framed.extend_from_slice(message);
    framed
}

/// The first message of a body, as far as it came; `None` when there is none, or it is compressed.
pub(crate) fn unframed(body: &[u8]) -> Option<&[u8]> {
    let (&[compressed, a, b, c, d], rest) = body.split_first_chunk()?;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if compressed == 0 {
        rest.get(..length)
    } else {
        None
    }
}

/// `HealthCheckRequest { service }`.
pub(crate) fn health_request(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(0x0a);
        put_number(&mut message, service.len() as u64);
        message.extend(service.bytes());
    }
    message
}

/// The status of a `HealthCheckResponse`, by its name.
pub(crate) fn health(message: &[u8]) -> Option<String> {
    let mut status = 0;
    for (number, value) in fields(message)? {
        if let (1, Value::Number(value)) = (number, value) {
            status = value;
        }
    }
    Some(match status {
        0 => "UNKNOWN".to_owned(),
        1 => "SERVING".to_owned(),
        2 => "NOT_SERVING".to_owned(),
        3 => "SERVICE_UNKNOWN".to_owned(),
        other => other.to_string(),
    })
}

/// `ServerReflectionRequest { list_services: "" }`.
pub(crate) fn list_request() -> Vec<u8> {
    vec![0x3a, 0]
}

/// The names in a `ServerReflectionResponse { list_services_response }`.
pub(crate) fn services(message: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for (_, list) in bytes_of(fields(message)?, 6) {
        for (_, service) in bytes_of(fields(list)?, 1) {
            for (_, name) in bytes_of(fields(service)?, 1) {
                if names.len() < SERVICES {
                    names.push(String::from_utf8_lossy(name).chars().take(200).collect());
                }
            }
        }
    }
    Some(names)
}

/// `grpc-message` as it was before it was percent-encoded; what is no encoding stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.first_chunk::<2>().and_then(|&[high, low]| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            Some((digit(high)? * 16 + digit(low)?) as u8)
        });
        match digits {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).chars().take(500).collect()
}

fn bytes_of(fields: Vec<(u64, Value<'_>)>, wanted: u64) -> impl Iterator<Item = (u64, &[u8])> {
    fields
        .into_iter()
        .filter_map(move |(number, value)| match value {
            Value::Bytes(bytes) if number == wanted => Some((number, bytes)),
            _ => None,
        })
}

/// The fields of a message; `None` when it is broken.
fn fields(mut rest: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let key = take_number(&mut rest)?;
        let value = match key & 7 {
            0 => Value::Number(take_number(&mut rest)?),
            1 => {
                rest = rest.get(8..)?;
                Value::Fixed
            }
            2 => {
                let length = usize::try_from(take_number(&mut rest)?).ok()?;
                let bytes = rest.get(..length)?;
                rest = rest.get(length..)?;
                Value::Bytes(bytes)
            }
            5 => {
                rest = rest.get(4..)?;
                Value::Fixed
            }
            _ => return None,
        };
        fields.push((key >> 3, value));
    }
    Some(fields)
}

/// A number in groups of seven bits, lowest first.
fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (&byte, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(byte & 0x7f) << (7 * place).min(63);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn put_number(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_read_by_name() {
        assert_eq!(health(&[8, 1]).as_deref(), Some("SERVING"));
        assert_eq!(health(&[8, 2]).as_deref(), Some("NOT_SERVING"));
        assert_eq!(health(&[]).as_deref(), Some("UNKNOWN"));
        assert_eq!(health(&[8, 9]).as_deref(), Some("9"));
        // Fields that are not known are passed over.
        assert_eq!(
            health(&[
                0x12, 1, 7, 0x1d, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 8, 3
            ])
            .as_deref(),
            Some("SERVICE_UNKNOWN")
        );
        for broken in [&[8][..], &[0x0a, 5, 1], &[0xff; 20], &[3]] {
            assert_eq!(health(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn requests_are_written_and_framed() {
        assert_eq!(health_request(""), b"");
        assert_eq!(health_request("a.B"), b"\x0a\x03a.B");
        let long = health_request(&"x".repeat(200));
        assert_eq!(long[..3], [0x0a, 0xc8, 1]);
        assert_eq!(framed(&[7, 8]), [0, 0, 0, 0, 2, 7, 8]);
        assert_eq!(unframed(&[0, 0, 0, 0, 2, 7, 8, 9]), Some(&[7, 8][..]));
        assert_eq!(unframed(&[1, 0, 0, 0, 0]), None);
        assert_eq!(unframed(&[0, 0, 0, 0, 2, 7]), None);
    }

    #[test]
    fn services_are_listed() {
        let mut message = vec![0x12, 2, 0x3a, 0, 0x32, 12];
        message.extend(b"\x0a\x03\x0a\x01a\x0a\x05\x0a\x03b.C");
        assert_eq!(
            services(&message),
            Some(vec!["a".to_owned(), "b.C".to_owned()])
        );
        assert_eq!(services(&[0x32, 9]), None);
        assert_eq!(services(&[]), Some(Vec::new()));
    }

    #[test]
    fn messages_are_decoded() {
        assert_eq!(decoded("no%20such%20m%C3%B6del%"), "no such mödel%");
        assert_eq!(decoded("100%zz"), "100%zz");
        assert_eq!(decoded("%ff"), "\u{fffd}");
        assert_eq!(decoded(&"x".repeat(9_999)).len(), 500);
    }
}
