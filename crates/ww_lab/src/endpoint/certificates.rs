//! Certificates of the site: an authority that the walk trusts, and what it signs.

use super::Site;
use crate::error::LabError;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use std::time::{Duration, SystemTime};

/// Days.
const DAY: Duration = Duration::from_hours(24);

/// What a certificate of the site is like.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    /// Names it is good for.
    pub names: &'static [&'static str],
    /// Good from that many days ago.
    pub since: i32,
    /// Good for that many more days; negative when it has expired.
    pub left: i32,
    /// Who signs it.
    pub signer: Signer,
    /// The certificate that leads to the root is sent too, where there is one.
    pub complete: bool,
}

/// Who signs a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The root that the walk trusts.
    Root,
    /// An authority below that root.
    Below,
    /// A root that nobody trusts.
    Stranger,
    /// Itself.
    Itself,
}

impl Default for Leaf {
    fn default() -> Leaf {
        Leaf {
            names: &["one.lab.example", "both.lab.example", "two.lab.example"],
            since: 100,
            left: 200,
            signer: Signer::Root,
            complete: true,
        }
    }
}

/// The options of a walk that trusts the site's root.
pub const TRUSTING: &[&str] = &["--cacert", "@/root.pem"];

impl Site {
    /// Writes `NAME.pem` (the certificates that a server sends), `NAME.key`, and `root.pem`.
    ///
    /// # Errors
    /// [`LabError::Program`] when they cannot be made, [`LabError::Io`] when they cannot be written.
    pub fn certify(&self, name: &str, leaf: Leaf) -> Result<(), LabError> {
        let Authorities {
            root,
            below,
            stranger,
        } = self.authorities()?;
        let mut params = CertificateParams::new(
            leaf.names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>(),
        )
        .map_err(made)?;
        params.distinguished_name = named(leaf.names.first().copied().unwrap_or("lab"));
        let now = SystemTime::now();
        params.not_before = shifted(now, -leaf.since).into();
        params.not_after = shifted(now, leaf.left).into();
        if leaf.signer == Signer::Below {
            params.custom_extensions.push(issuer_url());
        }
        let key = KeyPair::generate().map_err(made)?;
        let signed = match leaf.signer {
            Signer::Root => params.signed_by(&key, &root.issuer),
            Signer::Below => params.signed_by(&key, &below.issuer),
            Signer::Stranger => params.signed_by(&key, &stranger.issuer),
            Signer::Itself => params.self_signed(&key),
        }
        .map_err(made)?;
        let mut chain = signed.pem();
        if leaf.complete && leaf.signer == Signer::Below {
            chain.push_str(&below.pem);
        }
        self.write(&format!("{name}.pem"), &chain)?;
        self.write(&format!("{name}.key"), &key.serialize_pem())?;
        self.write("root.pem", &root.pem)?;
        Ok(())
    }

    /// The authorities, made when they are first needed.
    fn authorities(&self) -> Result<&Authorities, LabError> {
        if let Some(known) = self.authorities.get() {
            return Ok(known);
        }
        let root = Authority::new("Lab Root", None)?;
        let made = Authorities {
            below: Authority::new("Lab Issuing CA", Some(&root))?,
            stranger: Authority::new("Stranger Root", None)?,
            root,
        };
        Ok(self.authorities.get_or_init(|| made))
    }
}

/// The authorities of a site.
#[derive(Debug)]
pub(super) struct Authorities {
    root: Authority,
    /// Signed by the root.
    below: Authority,
    /// A root that nobody trusts.
    stranger: Authority,
}

/// An authority.
#[derive(Debug)]
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str, above: Option<&Authority>) -> Result<Authority, LabError> {
        let mut params = CertificateParams::new(Vec::new()).map_err(made)?;
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let now = SystemTime::now();
        params.not_before = shifted(now, -1_000).into();
        params.not_after = shifted(now, 3_000).into();
        let key = KeyPair::generate().map_err(made)?;
        let certificate = match above {
            Some(above) => params.signed_by(&key, &above.issuer),
            None => params.self_signed(&key),
        }
        .map_err(made)?;
        Ok(Authority {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        })
    }
}

/// Says where the issuer's certificate can be fetched (RFC 5280 section 4.2.2.1), as public authorities do.
fn issuer_url() -> CustomExtension {
    const AUTHORITY_INFORMATION: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 1];
    const CA_ISSUERS: [u8; 10] = [0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    const URL: &[u8] = b"http://ca.lab.example/issuing.crt";
    let mut description = CA_ISSUERS.to_vec();
    description.extend([0x86, URL.len() as u8]);
    description.extend(URL);
    let mut der = vec![
        0x30,
        description.len() as u8 + 2,
        0x30,
        description.len() as u8,
    ];
    der.extend(description);
    CustomExtension::from_oid_content(&AUTHORITY_INFORMATION, der)
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

fn shifted(now: SystemTime, days: i32) -> SystemTime {
    if days < 0 {
        now - DAY * days.unsigned_abs()
    } else {
        now + DAY * days.unsigned_abs()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn made(error: rcgen::Error) -> LabError {
    LabError::Program {
        command: "make a certificate".to_owned(),
        reason: error.to_string(),
    }
}
