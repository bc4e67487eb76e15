//! Lets every handshake finish, and remembers what the server showed and asked for.

use super::certificate;
use crate::Options;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};
use ww_evidence::transcript::ClientCertificateDemand;
use x509_parser::prelude::{FromDer, X509Name};

/// Certificates of one server that are kept.
const CERTIFICATES: usize = 16;
/// Names of acceptable authorities that are kept.
const AUTHORITIES: usize = 100;

/// What the server showed and asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// Its certificates in its order.
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// It stapled an OCSP response.
    pub(super) stapled: bool,
    /// It could not prove that it has the key of its certificate.
    pub(super) proof_failed: bool,
    /// It asked for a certificate of ours.
    pub(super) demand: Option<ClientCertificateDemand>,
}

/// The verifier and the holder of our certificate of one handshake.
#[derive(Debug)]
pub(super) struct Witness {
    provider: Arc<CryptoProvider>,
    ours: Option<Arc<CertifiedKey>>,
    shown: Mutex<Shown>,
}

impl Witness {
    pub(super) fn new(provider: Arc<CryptoProvider>, ours: Option<Arc<CertifiedKey>>) -> Witness {
        Witness {
            provider,
            ours,
            shown: Mutex::default(),
        }
    }

    /// What signatures are made and checked with.
    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        Arc::clone(&self.provider)
    }

    /// What was seen up to now.
    pub(super) fn shown(&self) -> Shown {
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, note: impl FnOnce(&mut Shown)) {
        note(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A failed proof of the key is remembered; the handshake goes on.
    fn proven(&self, proof: &Result<HandshakeSignatureValid, Error>) -> HandshakeSignatureValid {
        if let Err(Error::InvalidCertificate(CertificateError::BadSignature)) = proof {
            self.note(|shown| shown.proof_failed = true);
        }
        HandshakeSignatureValid::assertion()
    }
}

/// The certificate of `--cert` with the key of `--key`.
///
/// # Errors
///
/// Why they cannot be used.
pub(super) fn ours(
    options: &Options,
    provider: &CryptoProvider,
) -> Result<Option<Arc<CertifiedKey>>, String> {
    let Some((certificates, key)) = &options.client_certificate else {
        return Ok(None);
    };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificates)
        .flatten()
        .collect();
    if certificates.is_empty() {
        return Err("the file of --cert holds no certificate in PEM".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| format!("the file of --key holds no private key in PEM: {error}"))?;
    CertifiedKey::from_der(certificates, key, provider)
        .map(|ours| Some(Arc::new(ours)))
        .map_err(|error| format!("the certificate of --cert with the key of --key: {error}"))
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.note(|shown| {
            shown.certificates = std::iter::once(own)
                .chain(others)
                .take(CERTIFICATES)
                .map(|certificate| certificate.clone().into_owned())
                .collect();
            shown.stapled = !ocsp_response.is_empty();
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Ok(self.proven(&rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signed,
            algorithms,
        )))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Ok(self.proven(&rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            algorithms,
        )))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl ResolvesClientCert for Witness {
    fn resolve(
        &self,
        authorities: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let usable = self
            .ours
            .clone()
            .filter(|ours| ours.key.choose_scheme(schemes).is_some());
        self.note(|shown| {
            shown.demand = Some(ClientCertificateDemand {
                authorities: authorities
                    .iter()
                    .filter_map(|der| X509Name::from_der(der).ok())
                    .take(AUTHORITIES)
                    .map(|(_, name)| certificate::bounded(&name.to_string()))
                    .collect(),
                sent: usable.is_some(),
            });
        });
        usable
    }

    fn has_certs(&self) -> bool {
        true
    }
}
