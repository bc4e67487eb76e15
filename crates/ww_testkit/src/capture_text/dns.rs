//! DNS messages (RFC 1035) as far as the language speaks of them.

use std::net::IpAddr;

use super::words::Words;

const RESPONSE: u16 = 0x8000;
const AUTHORITATIVE: u16 = 0x0400;
const TRUNCATED: u16 = 0x0200;
const RECURSION_DESIRED: u16 = 0x0100;
const RECURSION_AVAILABLE: u16 = 0x0080;
const TYPE_CNAME: u16 = 5;
const TYPE_OPT: u16 = 41;

/// Record types by name.
const TYPES: [(&str, u16); 10] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("HTTPS", 65),
];

/// Response codes by name.
const RCODES: [(&str, u16); 6] = [
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("REFUSED", 5),
];

/// A message as a line describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) is_answer: bool,
    pub(super) kind: u16,
    pub(super) name: String,
    /// The transaction; a query without one gets a fresh one, an answer that of its query.
    pub(super) id: Option<u16>,
    rcode: u16,
    truncated: bool,
    authoritative: bool,
    cname: Option<String>,
    values: Vec<String>,
    ttl: u32,
    edns: Option<u16>,
}

impl Message {
    /// Reads `query TYPE NAME` or `answer TYPE NAME VALUE…` with the attributes that follow;
    /// stops at the first word that is none of them.
    pub(super) fn parse(words: &mut Words) -> Result<Message, String> {
        let mut message = Message {
            ttl: 60,
            ..Message::default()
        };
        if words.take("id") {
            message.id = Some(words.value("a transaction id from 0 to 65535")?);
        }
        message.is_answer = match words.bare("`query` or `answer`")?.as_str() {
            "query" => false,
            "answer" => true,
            other => return Err(format!("expected `query` or `answer`, found `{other}`")),
        };
        message.kind = lookup(
            &TYPES,
            &words.bare("a record type such as A")?,
            "record type",
        )?;
        message.name = words.bare("a domain name")?;
        while message.parse_attribute(words)? {}
        Ok(message)
    }

    fn parse_attribute(&mut self, words: &mut Words) -> Result<bool, String> {
        if words.take("id") {
            self.id = Some(words.value("a transaction id from 0 to 65535")?);
        } else if words.take("edns") {
            self.edns = Some(words.value("a UDP payload size in bytes")?);
        } else if words.take("rcode") {
            self.rcode = lookup(&RCODES, &words.bare("a response code")?, "response code")?;
        } else if words.take("tc") {
            self.truncated = true;
        } else if words.take("aa") {
            self.authoritative = true;
        } else if words.take("cname") {
            self.cname = Some(words.bare("a domain name")?);
        } else if words.take("ttl") {
            self.ttl = words.value("a lifetime in seconds")?;
        } else if self.is_answer && words.peek().is_some_and(|word| self.is_value(word)) {
            self.values.push(words.bare("a record value")?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn is_value(&self, word: &str) -> bool {
        match type_name(self.kind) {
            "A" | "AAAA" => word.parse::<IpAddr>().is_ok(),
            "NS" | "CNAME" | "PTR" => word.contains('.'),
            _ => false,
        }
    }

    /// The message's bytes with the transaction `id`.
    pub(super) fn bytes(&self, id: u16) -> Result<Vec<u8>, String> {
        let answers = self.values.len() as u16 + u16::from(self.cname.is_some());
        let mut bytes = id.to_be_bytes().to_vec();
        let counts = [1, answers, 0, u16::from(self.edns.is_some())];
        for field in std::iter::once(self.flags()).chain(counts) {
            bytes.extend_from_slice(&field.to_be_bytes());
        }
        bytes.extend(encode_name(&self.name)?);
        bytes.extend_from_slice(&self.kind.to_be_bytes());
        bytes.extend_from_slice(&1_u16.to_be_bytes());
        if let Some(cname) = &self.cname {
            self.push_record(&mut bytes, &self.name, TYPE_CNAME, &encode_name(cname)?)?;
        }
        let owner = self.cname.as_ref().unwrap_or(&self.name);
        for value in &self.values {
            self.push_record(&mut bytes, owner, self.kind, &self.encode_value(value)?)?;
        }
        if let Some(size) = self.edns {
            bytes.push(0);
            bytes.extend_from_slice(&TYPE_OPT.to_be_bytes());
            bytes.extend_from_slice(&size.to_be_bytes());
            bytes.extend_from_slice(&[0; 6]);
        }
        Ok(bytes)
    }

    fn flags(&self) -> u16 {
        let mut flags = RECURSION_DESIRED | self.rcode;
        if self.is_answer {
            flags |= RESPONSE | RECURSION_AVAILABLE;
        }
        if self.truncated {
            flags |= TRUNCATED;
        }
        if self.authoritative {
            flags |= AUTHORITATIVE;
        }
        flags
    }

    fn push_record(
        &self,
        bytes: &mut Vec<u8>,
        owner: &str,
        kind: u16,
        data: &[u8],
    ) -> Result<(), String> {
        bytes.extend(encode_name(owner)?);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&1_u16.to_be_bytes());
        bytes.extend_from_slice(&self.ttl.to_be_bytes());
        bytes.extend_from_slice(&(data.len() as u16).to_be_bytes());
        bytes.extend_from_slice(data);
        Ok(())
    }

    fn encode_value(&self, value: &str) -> Result<Vec<u8>, String> {
        match (type_name(self.kind), value.parse::<IpAddr>()) {
            ("A", Ok(IpAddr::V4(address))) => Ok(address.octets().to_vec()),
            ("AAAA", Ok(IpAddr::V6(address))) => Ok(address.octets().to_vec()),
            ("NS" | "CNAME" | "PTR", _) => encode_name(value),
            (kind, _) => Err(format!("`{value}` cannot be the value of a {kind} record")),
        }
    }
}

fn type_name(kind: u16) -> &'static str {
    TYPES
        .iter()
        .find(|(_, number)| *number == kind)
        .map_or("", |(name, _)| name)
}

fn lookup(table: &[(&str, u16)], word: &str, what: &str) -> Result<u16, String> {
    table
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, number)| *number)
        .ok_or_else(|| {
            let known: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
            format!("unknown {what} `{word}`; known are {}", known.join(" "))
        })
}

fn encode_name(name: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let length = u8::try_from(label.len()).ok().filter(|length| *length < 64);
        bytes.push(
            length.ok_or_else(|| format!("`{label}` is longer than the 63 bytes of a label"))?,
        );
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(code: &str) -> Result<Message, String> {
        Message::parse(&mut Words::split(code)?)
    }

    #[test]
    fn an_answer_carries_its_alias_and_values() {
        let message =
            parse("answer A www.a.example cname b.example 192.0.2.1 192.0.2.2 tc aa").unwrap();
        let bytes = message.bytes(7).unwrap();
        assert_eq!(bytes[..8], [0, 7, 0x87, 0x80, 0, 1, 0, 3]);
        assert!(bytes.ends_with(&[192, 0, 2, 2]));
    }

    #[test]
    fn unknown_words_are_named() {
        assert!(
            parse("query B x")
                .unwrap_err()
                .contains("`B`; known are A NS")
        );
        assert!(
            parse("answer A x rcode NOPE")
                .unwrap_err()
                .contains("SERVFAIL")
        );
        let message = parse("answer AAAA x 192.0.2.1").unwrap();
        assert!(message.bytes(1).unwrap_err().contains("AAAA record"));
        assert!(parse("query A").unwrap_err().contains("end of the line"));
    }
}
