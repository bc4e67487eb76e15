//! Whether the certificates that a server sent lead to a root that is trusted here, and if not, why.
//!
//! Dates and names are judged elsewhere: a chain that has expired still leads somewhere.

use super::certificate::{self, Signature};
use crate::Options;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::collections::BTreeMap;
use std::time::Duration;
use ww_base::Gap;
use ww_evidence::transcript::TrustVerdict;
use x509_parser::prelude::X509Certificate;

/// Roots that are trusted here: those of `--cacert`, or the system's.
pub(crate) struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
    by_subject: BTreeMap<Vec<u8>, Vec<usize>>,
}

/// What is said of a chain.
#[derive(Debug, PartialEq)]
pub(crate) struct Judgement {
    /// Whether it leads to a trusted root.
    pub(crate) verdict: TrustVerdict,
    /// Indices of the certificates that lead there, or as far as they lead, from the server's own.
    pub(crate) path: Vec<u32>,
}

impl Roots {
    /// The roots that are trusted in this walk. `SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured.
    pub(crate) fn of(options: &Options) -> (Roots, Option<Gap>) {
        let (certificates, gap) = match &options.roots {
            Some(pem) => (
                CertificateDer::pem_slice_iter(pem).flatten().collect(),
                Gap::new(
                    "whether the certificate is trusted: the file of --cacert holds no certificate",
                    "a PEM file with the root certificate",
                ),
            ),
            None => (
                rustls_native_certs::load_native_certs().certs,
                Gap::new(
                    "whether the certificate is trusted: this host has no root certificates",
                    "the package ca-certificates, SSL_CERT_FILE, or --cacert",
                ),
            ),
        };
        let roots = Roots::new(certificates);
        let gap = roots.certificates.is_empty().then_some(gap);
        (roots, gap)
    }

    fn new(certificates: Vec<CertificateDer<'static>>) -> Roots {
        let mut by_subject: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for (index, root) in certificates.iter().enumerate() {
            if let Some(read) = certificate::parse(root) {
                by_subject
                    .entry(read.subject().as_raw().to_vec())
                    .or_default()
                    .push(index);
            }
        }
        let anchors = certificates
            .iter()
            .filter_map(|root| webpki::anchor_from_trusted_cert(root).ok())
            .map(|anchor| anchor.to_owned())
            .collect();
        Roots {
            certificates,
            anchors,
            by_subject,
        }
    }

    /// Judges certificates in the order in which they were sent.
    pub(crate) fn judge(&self, sent: &[CertificateDer<'_>], unix_seconds: i64) -> Judgement {
        let Some(own) = sent.first() else {
            return Judgement {
                verdict: TrustVerdict::Unknown,
                path: Vec::new(),
            };
        };
        if self.certificates.iter().any(|root| root == own) {
            return Judgement {
                verdict: TrustVerdict::Trusted,
                path: vec![0],
            };
        }
        let read: Vec<Option<X509Certificate<'_>>> =
            sent.iter().map(|der| certificate::parse(der)).collect();
        if read.first().is_none_or(Option::is_none) {
            return Judgement {
                verdict: TrustVerdict::Broken("the server's certificate cannot be read".to_owned()),
                path: vec![0],
            };
        }
        let current = Search::over(self, &read, Some(unix_seconds));
        let search = if current.rooted.is_some() {
            current
        } else {
            Search::over(self, &read, None)
        };
        let verdict = match &search.rooted {
            Some((_, certain)) => self.doubted(sent, &read, &search.path(), *certain, unix_seconds),
            None if self.certificates.is_empty() && !search.alone() => TrustVerdict::Unknown,
            None => search.verdict(),
        };
        Judgement {
            verdict,
            path: search.path().iter().map(|&index| index as u32).collect(),
        }
    }

    /// Signatures lead to a root. A second opinion on what else a certificate must be: an authority, for
    /// servers, within the constraints of those above it.
    fn doubted(
        &self,
        sent: &[CertificateDer<'_>],
        read: &[Option<X509Certificate<'_>>],
        path: &[usize],
        certain: bool,
        unix_seconds: i64,
    ) -> TrustVerdict {
        let otherwise = if certain {
            TrustVerdict::Trusted
        } else {
            TrustVerdict::Unknown
        };
        let (Some(at), Some((own, others))) =
            (common_time(read, path, unix_seconds), sent.split_first())
        else {
            return otherwise;
        };
        let Ok(own) = webpki::EndEntityCert::try_from(own) else {
            return otherwise;
        };
        let time = UnixTime::since_unix_epoch(Duration::from_secs(at.max(0).unsigned_abs()));
        let opinion = own.verify_for_usage(
            rustls::crypto::ring::default_provider()
                .signature_verification_algorithms
                .all,
            &self.anchors,
            others,
            time,
            webpki::KeyUsage::server_auth(),
            None,
            None,
        );
        let Err(error) = opinion else {
            return TrustVerdict::Trusted;
        };
        let broken = |why: &str| TrustVerdict::Broken(why.to_owned());
        match error {
            webpki::Error::RequiredEkuNotFoundContext(_) | webpki::Error::EmptyEkuExtension => {
                broken("a certificate on the way is not made for servers (extended key usage)")
            }
            webpki::Error::NameConstraintViolation => {
                broken("an authority on the way may not sign for these names (name constraints)")
            }
            webpki::Error::PathLenConstraintViolated => broken(
                "an authority on the way may not have so many authorities below it (path length)",
            ),
            webpki::Error::UnsupportedCriticalExtension => {
                broken("a certificate on the way has a critical extension that clients do not know")
            }
            _ => otherwise,
        }
    }
}

/// A time at which all certificates of the path are in date, now if possible.
fn common_time(
    read: &[Option<X509Certificate<'_>>],
    path: &[usize],
    unix_seconds: i64,
) -> Option<i64> {
    let (mut from, mut until) = (i64::MIN, i64::MAX);
    for validity in path
        .iter()
        .filter_map(|&index| Some(read.get(index)?.as_ref()?.validity()))
    {
        from = from.max(validity.not_before.timestamp());
        until = until.min(validity.not_after.timestamp());
    }
    (from <= until).then(|| unix_seconds.clamp(from, until))
}

/// A walk from the server's certificate along its issuers, nearest first.
struct Search<'s, 'd> {
    read: &'s [Option<X509Certificate<'d>>],
    /// Certificates in the order in which they were reached, each with the one that it signed.
    reached: Vec<(usize, Option<usize>)>,
    /// The certificate that a trusted root signed, and whether every signature was checked.
    rooted: Option<(usize, bool)>,
    /// What stopped the walk at certificates whose issuer is there.
    obstacle: Option<String>,
}

impl<'s, 'd> Search<'s, 'd> {
    /// Walks over all certificates, or over those in date alone.
    fn over(
        roots: &Roots,
        read: &'s [Option<X509Certificate<'d>>],
        in_date_at: Option<i64>,
    ) -> Search<'s, 'd> {
        let mut search = Search {
            read,
            reached: vec![(0, None)],
            rooted: None,
            obstacle: None,
        };
        let mut certain = vec![true];
        let mut next = 0;
        while let Some(&(index, _)) = search.reached.get(next) {
            let so_far = certain.get(next).copied().unwrap_or(false);
            let Some(current) = read.get(index).and_then(Option::as_ref) else {
                next += 1;
                continue;
            };
            match search.signed_by_root(roots, current) {
                Some(Signature::Holds) => {
                    search.rooted = Some((index, so_far));
                    return search;
                }
                Some(Signature::NotJudged) => {
                    search.rooted = Some((index, false));
                    return search;
                }
                Some(Signature::Fails) | None => {}
            }
            for (candidate, signature) in search.issuers(current) {
                let in_date = in_date_at.is_none_or(|at| {
                    read.get(candidate)
                        .and_then(Option::as_ref)
                        .is_some_and(|issuer| {
                            let validity = issuer.validity();
                            (validity.not_before.timestamp()..=validity.not_after.timestamp())
                                .contains(&at)
                        })
                });
                if in_date && !search.reached.iter().any(|&(known, _)| known == candidate) {
                    search.reached.push((candidate, Some(index)));
                    certain.push(so_far && signature == Signature::Holds);
                }
            }
            next += 1;
        }
        search
    }

    /// How a root of the issuer's name fits the signature; none when there is no such root.
    fn signed_by_root(
        &mut self,
        roots: &Roots,
        current: &X509Certificate<'_>,
    ) -> Option<Signature> {
        let same_name = roots.by_subject.get(current.issuer().as_raw())?;
        let mut best = None;
        for root in same_name
            .iter()
            .filter_map(|&index| certificate::parse(roots.certificates.get(index)?))
        {
            match certificate::signed_by(current, &root) {
                Signature::Holds => return Some(Signature::Holds),
                Signature::NotJudged => best = Some(Signature::NotJudged),
                Signature::Fails => best = best.or(Some(Signature::Fails)),
            }
        }
        if best == Some(Signature::Fails) && !is_own_issuer(current) {
            self.obstacle = Some(format!(
                "a root {} is trusted here, but it has another key than the one that signed {}",
                shown(current.issuer()),
                shown(current.subject())
            ));
        }
        best
    }

    /// The certificates among those sent that may have signed this one.
    fn issuers(&mut self, current: &X509Certificate<'_>) -> Vec<(usize, Signature)> {
        let mut issuers = Vec::new();
        let mut obstacle = None;
        for (index, issuer) in self.read.iter().enumerate() {
            let Some(issuer) = issuer else { continue };
            if issuer.subject().as_raw() != current.issuer().as_raw() || issuer == current {
                continue;
            }
            match certificate::signed_by(current, issuer) {
                Signature::Fails => {
                    obstacle = Some(format!(
                        "the signature of {} was not made with the key of {} that the server sends",
                        shown(current.subject()),
                        shown(issuer.subject())
                    ));
                }
                _ if !issuer.is_ca() => {
                    obstacle = Some(format!(
                        "{} signed {}, but is no authority",
                        shown(issuer.subject()),
                        shown(current.subject())
                    ));
                }
                signature => issuers.push((index, signature)),
            }
        }
        if issuers.is_empty() && obstacle.is_some() {
            self.obstacle = obstacle;
        }
        issuers
    }

    /// From the server's certificate to where the walk came furthest.
    fn path(&self) -> Vec<usize> {
        let mut end = self
            .rooted
            .map(|(index, _)| index)
            .or_else(|| self.reached.last().map(|&(index, _)| index));
        let mut path = Vec::new();
        while let Some(index) = end {
            path.push(index);
            end = self
                .reached
                .iter()
                .find(|&&(reached, _)| reached == index)
                .and_then(|&(_, signed)| signed);
        }
        path.reverse();
        path
    }

    /// The server's certificate signs itself.
    fn alone(&self) -> bool {
        self.reached.len() == 1
            && self
                .read
                .first()
                .and_then(Option::as_ref)
                .is_some_and(is_own_issuer)
    }

    /// Why no root was reached.
    fn verdict(&self) -> TrustVerdict {
        if let Some(obstacle) = &self.obstacle {
            return TrustVerdict::Broken(obstacle.clone());
        }
        let path = self.path();
        let Some(last) = path
            .last()
            .and_then(|&index| self.read.get(index)?.as_ref())
        else {
            return TrustVerdict::Unknown;
        };
        if is_own_issuer(last) {
            return if path.len() == 1 {
                TrustVerdict::SelfSigned
            } else {
                TrustVerdict::UnknownRoot(name(last.subject()))
            };
        }
        let issuer = name(last.issuer());
        // Authorities that publish their own certificate expect it to be sent along; a private root that
        // signs servers directly has no such address.
        let fetchable = !certificate::issuer_urls(last).is_empty();
        if path.len() == 1 && fetchable {
            TrustVerdict::Incomplete(issuer)
        } else {
            TrustVerdict::UnknownRoot(issuer)
        }
    }
}

fn is_own_issuer(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
        && certificate::signed_by(certificate, certificate) != Signature::Fails
}

fn name(name: &x509_parser::x509::X509Name<'_>) -> String {
    certificate::bounded(&name.to_string())
}

fn shown(named: &x509_parser::x509::X509Name<'_>) -> String {
    format!("\u{201c}{}\u{201d}", name(named))
}
