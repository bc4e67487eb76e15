//! ClientHellos of our own making (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2, RFC 6101 section
//! 5.6.1.2): what no library would offer must be offered to see whether a server accepts it.

use super::groups::{self, Group};
use ww_evidence::tls::TlsVersion;

/// Some servers fail on longer lists of suites.
pub(crate) const MOST_SUITES: usize = 64;

/// Says that renegotiation is protected (RFC 5746 section 3.3), where there are no extensions to say so.
const RENEGOTIATION_SCSV: u16 = 0x00FF;

/// In place of random bytes, as nothing is ever encrypted with what follows from them.
const RANDOM: &[u8; 32] = b"wirewise: an inert ClientHello..";

/// Signature algorithms, those of today first (RFC 8446 section 4.2.3, RFC 5246 section 7.4.1.4.1).
const SIGNATURES: [u16; 22] = [
    0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601, 0x0807, 0x0808, 0x0809,
    0x080A, 0x080B, 0x0301, 0x0303, 0x0201, 0x0203, 0x0402, 0x0302, 0x0202, 0x0602,
];

/// Those that browsers offer.
const USUAL_SIGNATURES: [u16; 8] = [
    0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
];

/// Which key shares go along in TLS 1.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shares {
    /// The extension with nothing in it: the server must ask for the group it wants (HelloRetryRequest).
    Empty,
    /// Inert keys of these groups.
    Of(Vec<Group>),
}

/// A ClientHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The highest version that is offered.
    pub(crate) highest: TlsVersion,
    /// Further versions, for TLS 1.3, where each is named.
    pub(crate) others: Vec<TlsVersion>,
    /// Suites by number; those beyond [`MOST_SUITES`] are not sent.
    pub(crate) suites: Vec<u16>,
    /// Groups in order.
    pub(crate) groups: Vec<Group>,
    /// Key shares.
    pub(crate) shares: Shares,
    /// The server's name; empty for none.
    pub(crate) server_name: String,
    /// Protocols by ALPN.
    pub(crate) alpn: Vec<String>,
    /// Offer to take a session ticket.
    pub(crate) ticket: bool,
    /// Signature algorithms.
    pub(crate) signatures: &'static [u16],
}

impl Hello {
    /// What a client of today sends, with one key share.
    pub(crate) fn usual(server_name: &str) -> Hello {
        Hello {
            highest: TlsVersion::Tls13,
            others: vec![TlsVersion::Tls12],
            suites: vec![
                0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC009,
                0xC013, 0xC00A, 0xC014, 0x009E, 0x009F, 0x009C, 0x009D, 0x002F, 0x0035,
            ],
            groups: groups::USUAL.to_vec(),
            shares: Shares::Of(vec![groups::X25519]),
            server_name: server_name.to_owned(),
            alpn: Vec::new(),
            ticket: true,
            signatures: &USUAL_SIGNATURES,
        }
    }

    /// With a key share of X25519MLKEM768, as browsers send it, and little else: about 1,400 bytes, so that it
    /// fits into one segment of usual size and its size is all that is new about it.
    pub(crate) fn large(server_name: &str) -> Hello {
        Hello {
            suites: vec![0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC030],
            groups: vec![groups::X25519_MLKEM768, groups::X25519, 23],
            shares: Shares::Of(vec![groups::X25519_MLKEM768]),
            ticket: false,
            ..Hello::usual(server_name)
        }
    }

    /// One version and these suites, with every group that is usual.
    pub(crate) fn of(version: TlsVersion, suites: &[u16], server_name: &str) -> Hello {
        Hello {
            highest: version,
            others: Vec::new(),
            suites: suites.to_vec(),
            groups: groups::GROUPS.iter().map(|(code, _)| *code).collect(),
            shares: Shares::Empty,
            server_name: server_name.to_owned(),
            alpn: Vec::new(),
            ticket: false,
            signatures: &SIGNATURES,
        }
    }

    fn has_tls13(&self) -> bool {
        self.highest == TlsVersion::Tls13
    }

    /// The bytes, in one record.
    pub(crate) fn record(&self) -> Vec<u8> {
        let mut body = Vec::new();
        put16(&mut body, self.highest.code().min(0x0303));
        body.extend(RANDOM);
        // TLS 1.3 sends a session that nobody has, so that devices on the path see what they know
        // (RFC 8446 appendix D.4).
        body.extend(with_length8(if self.has_tls13() { RANDOM } else { &[] }));
        let mut suites = Vec::new();
        for &suite in self.suites.iter().take(MOST_SUITES) {
            put16(&mut suites, suite);
        }
        if self.highest < TlsVersion::Tls13 {
            put16(&mut suites, RENEGOTIATION_SCSV);
        }
        body.extend(with_length16(&suites));
        body.extend(with_length8(&[0]));
        if self.highest > TlsVersion::Ssl3 {
            body.extend(with_length16(&self.extensions()));
        }
        let mut message = vec![1, 0];
        message.extend(with_length16(&body));
        let first_version = self.highest.code().min(0x0301);
        let mut record = vec![22];
        put16(&mut record, first_version);
        record.extend(with_length16(&message));
        record
    }

    /// Extensions; the last is not empty, as some old servers refuse a hello that ends in an empty one.
    fn extensions(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut add = |code: u16, data: &[u8]| {
            put16(&mut all, code);
            all.extend(with_length16(data));
        };
        // A label has at most 63 bytes and a name 255 (RFC 1035 section 2.3.4).
        if !self.server_name.is_empty() && self.server_name.len() <= 255 {
            let mut entry = vec![0];
            entry.extend(with_length16(self.server_name.as_bytes()));
            add(0, &with_length16(&entry));
        }
        add(23, &[]);
        if self.ticket {
            add(35, &[]);
        }
        if !self.groups.is_empty() {
            add(10, &with_length16(&numbers(&self.groups)));
            add(11, &with_length8(&[0]));
        }
        if !self.alpn.is_empty() {
            let names: Vec<u8> = self
                .alpn
                .iter()
                .flat_map(|name| with_length8(name.as_bytes()))
                .collect();
            add(16, &with_length16(&names));
        }
        if self.has_tls13() {
            let versions: Vec<u16> = std::iter::once(self.highest)
                .chain(self.others.iter().copied())
                .map(TlsVersion::code)
                .collect();
            add(43, &with_length8(&numbers(&versions)));
            add(45, &with_length8(&[1]));
            add(51, &with_length16(&self.key_shares()));
        }
        add(0xFF01, &with_length8(&[]));
        if self.highest >= TlsVersion::Tls12 {
            add(13, &with_length16(&numbers(self.signatures)));
        }
        all
    }

    fn key_shares(&self) -> Vec<u8> {
        let Shares::Of(wanted) = &self.shares else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for &group in wanted {
            if let Some(key) = groups::inert_share(group) {
                put16(&mut all, group);
                all.extend(with_length16(&key));
            }
        }
        all
    }
}

fn put16(bytes: &mut Vec<u8>, number: u16) {
    bytes.extend(number.to_be_bytes());
}

fn numbers(all: &[u16]) -> Vec<u8> {
    all.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// The bytes with their length in front, in one byte; what is longer does not fit and is left away.
fn with_length8(data: &[u8]) -> Vec<u8> {
    let data = data.get(..usize::from(u8::MAX)).unwrap_or(data);
    let mut all = vec![data.len() as u8];
    all.extend(data);
    all
}

/// The bytes with their length in front, in two bytes.
fn with_length16(data: &[u8]) -> Vec<u8> {
    let data = data.get(..usize::from(u16::MAX)).unwrap_or(data);
    let mut all = Vec::with_capacity(data.len() + 2);
    put16(&mut all, data.len() as u16);
    all.extend(data);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn a_hello_of_ssl_3_has_no_extensions() {
        let record = Hello::of(TlsVersion::Ssl3, &[0x0005, 0x000A], "a.example").record();
        let mut expected = vec![22, 3, 0, 0, 49, 1, 0, 0, 45, 3, 0];
        expected.extend(RANDOM);
        expected.extend([0, 0, 6, 0, 5, 0, 10, 0, 255, 1, 0]);
        assert_eq!(record, expected);
    }

    #[test]
    fn lengths_add_up() {
        for version in TlsVersion::ALL {
            let record = Hello::of(version, &[0x1301, 0x002F], "a.example").record();
            let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
            assert_eq!(record.len(), 5 + length);
            let message = usize::from(u16::from_be_bytes([record[7], record[8]]));
            assert_eq!(message + 4, length);
        }
    }

    #[test]
    fn what_is_asked_is_in_it() {
        let mut hello = Hello::usual("a.example");
        hello.alpn = vec!["h2".to_owned()];
        let record = hello.record();
        assert!(has(
            &record,
            b"\x00\x00\x00\x0e\x00\x0c\x00\x00\x09a.example"
        ));
        assert!(has(&record, b"\x00\x10\x00\x05\x00\x03\x02h2"));
        assert!(has(&record, &[0, 43, 0, 5, 4, 3, 4, 3, 3]));
        assert!(record.len() < 350, "{}", record.len());
        hello.server_name.clear();
        assert!(!has(&hello.record(), b"a.example"));
        let large = Hello::large("a.example").record();
        // The smallest usual MSS is that of IPv6 over Ethernet with timestamps.
        assert!((1_380..=1_428).contains(&large.len()), "{}", large.len());
        let asking = Hello::of(TlsVersion::Tls13, &[0x1301], "").record();
        assert!(has(&asking, &[0, 51, 0, 2, 0, 0]));
    }

    #[test]
    fn long_input_is_bounded() {
        let many: Vec<u16> = (0..1_000).collect();
        let hello = Hello::of(TlsVersion::Tls12, &many, &"a".repeat(100_000));
        let record = hello.record();
        assert!(record.len() < 600, "{}", record.len());
    }
}
