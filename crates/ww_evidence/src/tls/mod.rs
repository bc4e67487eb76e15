//! Words of TLS that probes and rules share: versions, and cipher suites with their properties.

mod suite_table;

pub use suite_table::SUITES;

/// A version of the protocol, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// SSL 3.0 (RFC 6101), forbidden by RFC 7568.
    Ssl3,
    /// TLS 1.0 (RFC 2246), deprecated by RFC 8996.
    Tls10,
    /// TLS 1.1 (RFC 4346), deprecated by RFC 8996.
    Tls11,
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl TlsVersion {
    /// Every version, oldest first.
    pub const ALL: [TlsVersion; 5] = [
        TlsVersion::Ssl3,
        TlsVersion::Tls10,
        TlsVersion::Tls11,
        TlsVersion::Tls12,
        TlsVersion::Tls13,
    ];

    /// Its number on the wire.
    pub fn code(self) -> u16 {
        match self {
            TlsVersion::Ssl3 => 0x0300,
            TlsVersion::Tls10 => 0x0301,
            TlsVersion::Tls11 => 0x0302,
            TlsVersion::Tls12 => 0x0303,
            TlsVersion::Tls13 => 0x0304,
        }
    }

    /// The version of a number.
    pub fn from_code(code: u16) -> Option<TlsVersion> {
        TlsVersion::ALL
            .into_iter()
            .find(|version| version.code() == code)
    }

    /// Its name as transcripts write it.
    pub fn name(self) -> &'static str {
        match self {
            TlsVersion::Ssl3 => "SSL 3.0",
            TlsVersion::Tls10 => "TLS 1.0",
            TlsVersion::Tls11 => "TLS 1.1",
            TlsVersion::Tls12 => "TLS 1.2",
            TlsVersion::Tls13 => "TLS 1.3",
        }
    }

    /// The version of a name.
    pub fn from_name(name: &str) -> Option<TlsVersion> {
        TlsVersion::ALL
            .into_iter()
            .find(|version| version.name() == name)
    }

    /// RFC 7568 or RFC 8996 says that it must not be used any more.
    pub fn is_obsolete(self) -> bool {
        self < TlsVersion::Tls12
    }
}

/// A cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suite {
    /// Its number.
    pub code: u16,
    /// Its IANA name, which tells all properties.
    pub name: &'static str,
}

/// How both sides agree on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyExchange {
    /// Not told by the suite: a group and a signature are agreed on apart (TLS 1.3).
    Apart,
    /// Encrypted to the server's RSA key.
    Rsa,
    /// Diffie-Hellman with the key of the certificate.
    Dh,
    /// Diffie-Hellman with a key of one handshake.
    Dhe,
    /// Diffie-Hellman on a curve, with the key of the certificate.
    Ecdh,
    /// Diffie-Hellman on a curve, with a key of one handshake.
    Ecdhe,
    /// A secret that both know (PSK, SRP and other passwords, Kerberos).
    Shared,
    /// GOST.
    Gost,
}

/// How the server proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Not told by the suite (TLS 1.3).
    Apart,
    /// An RSA certificate.
    Rsa,
    /// A DSS certificate.
    Dss,
    /// An ECDSA or EdDSA certificate.
    Ecdsa,
    /// A secret that both know.
    Shared,
    /// GOST.
    Gost,
    /// Not at all.
    Anonymous,
}

/// How data is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    Null,
    /// RC4.
    Rc4,
    /// RC2 in CBC mode.
    Rc2,
    /// DES in CBC mode.
    Des,
    /// Triple DES in CBC mode.
    TripleDes,
    /// IDEA in CBC mode.
    Idea,
    /// A block cipher with blocks of 128 bits in CBC mode (AES, Camellia, ARIA, SEED).
    Cbc,
    /// A cipher that also authenticates (GCM, CCM, ChaCha20-Poly1305, AEGIS, MGM).
    Aead,
    /// A GOST cipher in another mode.
    Gost,
}

/// Why a suite should not be used, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weakness {
    /// Nothing is encrypted (RFC 9325 section 4.2).
    NoEncryption,
    /// The server proves nothing: anyone on the path can pose as it (RFC 5246 section F.1.1.1).
    Anonymous,
    /// The key was made short enough to be broken (RFC 9325 section 4.2).
    Export,
    /// Keys of 56 bits (RFC 5469).
    Des,
    /// RC2, which had long been replaced when keys of full length were allowed.
    Rc2,
    /// RC4, whose output leaks (RFC 7465).
    Rc4,
    /// Blocks of 64 bits repeat within hours of one connection (SWEET32, CVE-2016-2183).
    SmallBlocks,
}

impl Weakness {
    /// What is wrong with it, as the end of "suites …".
    pub fn says(self) -> &'static str {
        match self {
            Weakness::NoEncryption => "without encryption",
            Weakness::Anonymous => "without authentication of the server",
            Weakness::Export => "with export keys of 40 or 56 bits",
            Weakness::Des => "with DES, whose keys have 56 bits",
            Weakness::Rc2 => "with RC2",
            Weakness::Rc4 => "with RC4, which RFC 7465 forbids",
            Weakness::SmallBlocks => "with blocks of 64 bits (3DES, IDEA; SWEET32)",
        }
    }
}

impl Suite {
    /// The suite of a number.
    pub fn from_code(code: u16) -> Option<Suite> {
        let at = SUITES
            .binary_search_by_key(&code, |suite| suite.code)
            .ok()?;
        SUITES.get(at).copied()
    }

    /// The suite of a name.
    pub fn from_name(name: &str) -> Option<Suite> {
        SUITES.iter().copied().find(|suite| suite.name == name)
    }

    /// Its number as a name, for what no registry knows.
    pub fn name_of(code: u16) -> String {
        Suite::from_code(code).map_or_else(
            || format!("unknown suite 0x{code:04X}"),
            |suite| suite.name.to_owned(),
        )
    }

    /// The part before `_WITH_`: key exchange and authentication; none in TLS 1.3.
    fn agreement(self) -> Option<&'static str> {
        let (before, _) = self.name.split_once("_WITH_")?;
        before.strip_prefix("TLS_")
    }

    /// The part after `_WITH_`: cipher and hash.
    fn protection(self) -> &'static str {
        self.name
            .split_once("_WITH_")
            .map_or(self.name, |(_, after)| after)
    }

    /// The versions in which it may be agreed on, first and last: suites of TLS 1.3 stand apart, and those
    /// with AEAD or a hash of their own came with TLS 1.2.
    pub fn versions(self) -> (TlsVersion, TlsVersion) {
        if self.agreement().is_none() {
            return (TlsVersion::Tls13, TlsVersion::Tls13);
        }
        let needs_own_hash = ["SHA256", "SHA384"]
            .iter()
            .any(|hash| self.name.ends_with(hash));
        // RFC 5487 and RFC 5489 allow pre-shared keys with SHA-2 in older versions too.
        let is_shared_cbc = self.exchange() == KeyExchange::Shared
            && !matches!(self.encryption(), Encryption::Aead);
        if self.encryption() == Encryption::Aead || needs_own_hash && !is_shared_cbc {
            (TlsVersion::Tls12, TlsVersion::Tls12)
        } else {
            (TlsVersion::Ssl3, TlsVersion::Tls12)
        }
    }

    /// Whether it may be agreed on in a version.
    pub fn fits(self, version: TlsVersion) -> bool {
        let (first, last) = self.versions();
        first <= version && version <= last
    }

    /// How both sides agree on a key.
    pub fn exchange(self) -> KeyExchange {
        let Some(agreement) = self.agreement() else {
            return KeyExchange::Apart;
        };
        let has = |part: &str| agreement.split('_').any(|word| word == part);
        if ["PSK", "SRP", "KRB5", "ECCPWD", "ECJPAKE"]
            .into_iter()
            .any(has)
        {
            KeyExchange::Shared
        } else if agreement.starts_with("GOST") {
            KeyExchange::Gost
        } else if has("ECDHE") || has("ECDH") && has("anon") {
            KeyExchange::Ecdhe
        } else if has("ECDH") {
            KeyExchange::Ecdh
        } else if has("DHE") || has("DH") && has("anon") {
            KeyExchange::Dhe
        } else if has("DH") {
            KeyExchange::Dh
        } else {
            KeyExchange::Rsa
        }
    }

    /// How the server proves who it is.
    pub fn authentication(self) -> Authentication {
        let Some(agreement) = self.agreement() else {
            return Authentication::Apart;
        };
        let has = |part: &str| agreement.split('_').any(|word| word == part);
        if has("anon") {
            Authentication::Anonymous
        } else if has("RSA") {
            Authentication::Rsa
        } else if has("DSS") {
            Authentication::Dss
        } else if has("ECDSA") {
            Authentication::Ecdsa
        } else if agreement.starts_with("GOST") {
            Authentication::Gost
        } else {
            Authentication::Shared
        }
    }

    /// How data is encrypted.
    pub fn encryption(self) -> Encryption {
        let protection = self.protection();
        let has = |part: &str| protection.split('_').any(|word| word == part);
        if has("NULL") || matches!(protection, "TLS_SHA256_SHA256" | "TLS_SHA384_SHA384") {
            Encryption::Null
        } else if has("RC4") {
            Encryption::Rc4
        } else if has("RC2") {
            Encryption::Rc2
        } else if has("DES") || has("DES40") {
            Encryption::Des
        } else if has("3DES") {
            Encryption::TripleDes
        } else if has("IDEA") {
            Encryption::Idea
        } else if has("CBC") {
            Encryption::Cbc
        } else if has("CNT") || has("CTR") {
            Encryption::Gost
        } else {
            Encryption::Aead
        }
    }

    /// A key that is stolen later does not open what was recorded.
    pub fn is_forward_secret(self) -> bool {
        match self.exchange() {
            KeyExchange::Apart | KeyExchange::Dhe | KeyExchange::Ecdhe => true,
            KeyExchange::Shared => self.agreement().is_some_and(|agreement| {
                agreement
                    .split('_')
                    .any(|word| matches!(word, "DHE" | "ECDHE" | "SRP" | "ECCPWD" | "ECJPAKE"))
            }),
            KeyExchange::Rsa | KeyExchange::Dh | KeyExchange::Ecdh | KeyExchange::Gost => false,
        }
    }

    /// Its worst weakness.
    pub fn weakness(self) -> Option<Weakness> {
        let encryption = self.encryption();
        if encryption == Encryption::Null {
            return Some(Weakness::NoEncryption);
        }
        if self.authentication() == Authentication::Anonymous {
            return Some(Weakness::Anonymous);
        }
        if self.name.contains("EXPORT") || self.name.contains("DES40") {
            return Some(Weakness::Export);
        }
        match encryption {
            Encryption::Des => Some(Weakness::Des),
            Encryption::Rc2 => Some(Weakness::Rc2),
            Encryption::Rc4 => Some(Weakness::Rc4),
            Encryption::TripleDes | Encryption::Idea => Some(Weakness::SmallBlocks),
            Encryption::Null | Encryption::Cbc | Encryption::Aead | Encryption::Gost => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(name: &str) -> Suite {
        Suite::from_name(name).expect(name)
    }

    #[test]
    fn the_table_is_sorted_and_every_name_stands_once() {
        assert!(SUITES.is_sorted_by(|a, b| a.code < b.code));
        let mut names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b));
        assert_eq!(
            Suite::from_code(0xC02F),
            Some(suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"))
        );
        assert_eq!(Suite::name_of(0xFAFA), "unknown suite 0xFAFA");
    }

    type Told = (
        &'static str,
        KeyExchange,
        Authentication,
        Encryption,
        bool,
        Option<Weakness>,
    );

    #[rustfmt::skip]
    fn told() -> [Told; 12] {
        use Authentication as A;
        use Encryption as E;
        use KeyExchange as K;
        use Weakness as W;
        [
            ("TLS_AES_128_GCM_SHA256", K::Apart, A::Apart, E::Aead, true, None),
            ("TLS_SHA384_SHA384", K::Apart, A::Apart, E::Null, true, Some(W::NoEncryption)),
            ("TLS_RSA_WITH_NULL_SHA", K::Rsa, A::Rsa, E::Null, false, Some(W::NoEncryption)),
            ("TLS_ECDH_anon_WITH_AES_256_CBC_SHA", K::Ecdhe, A::Anonymous, E::Cbc, true, Some(W::Anonymous)),
            ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", K::Rsa, A::Rsa, E::Rc4, false, Some(W::Export)),
            ("TLS_DHE_DSS_WITH_DES_CBC_SHA", K::Dhe, A::Dss, E::Des, true, Some(W::Des)),
            ("TLS_ECDH_ECDSA_WITH_RC4_128_SHA", K::Ecdh, A::Ecdsa, E::Rc4, false, Some(W::Rc4)),
            ("TLS_DH_RSA_WITH_3DES_EDE_CBC_SHA", K::Dh, A::Rsa, E::TripleDes, false, Some(W::SmallBlocks)),
            ("TLS_RSA_PSK_WITH_AES_128_CBC_SHA", K::Shared, A::Rsa, E::Cbc, false, None),
            ("TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", K::Shared, A::Shared, E::Aead, true, None),
            ("TLS_GOSTR341112_256_WITH_28147_CNT_IMIT", K::Gost, A::Gost, E::Gost, false, None),
            ("TLS_KRB5_WITH_IDEA_CBC_MD5", K::Shared, A::Shared, E::Idea, false, Some(W::SmallBlocks)),
        ]
    }

    #[test]
    fn a_name_tells_all_properties() {
        for (name, exchange, authentication, encryption, forward, weakness) in told() {
            let suite = suite(name);
            assert_eq!(suite.exchange(), exchange, "{name}");
            assert_eq!(suite.authentication(), authentication, "{name}");
            assert_eq!(suite.encryption(), encryption, "{name}");
            assert_eq!(suite.is_forward_secret(), forward, "{name}");
            assert_eq!(suite.weakness(), weakness, "{name}");
        }
    }

    #[test]
    fn suites_belong_to_versions() {
        let count = |version| SUITES.iter().filter(|suite| suite.fits(version)).count();
        assert_eq!(count(TlsVersion::Tls13), 11);
        assert!(count(TlsVersion::Tls12) > count(TlsVersion::Tls11));
        assert_eq!(count(TlsVersion::Tls10), count(TlsVersion::Ssl3));
        assert!(!suite("TLS_RSA_WITH_AES_128_CBC_SHA256").fits(TlsVersion::Tls11));
        assert!(suite("TLS_RSA_WITH_AES_128_CBC_SHA").fits(TlsVersion::Tls12));
        assert!(suite("TLS_PSK_WITH_AES_128_CBC_SHA256").fits(TlsVersion::Tls10));
        assert!(!suite("TLS_ECDHE_ECDSA_WITH_AES_256_CCM").fits(TlsVersion::Tls11));
    }

    #[test]
    fn versions_have_names_and_numbers() {
        for version in TlsVersion::ALL {
            assert_eq!(TlsVersion::from_name(version.name()), Some(version));
            assert_eq!(TlsVersion::from_code(version.code()), Some(version));
        }
        assert!(TlsVersion::Tls11.is_obsolete() && !TlsVersion::Tls12.is_obsolete());
    }
}
