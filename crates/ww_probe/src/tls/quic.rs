//! Handshakes that are made within QUIC (RFC 9001): somebody else moves the bytes.

use super::handshake::{self, Offer};
use super::handshakes;
use super::trust::Roots;
use super::witness::Witness;
use crate::walk::Walker;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::IpAddr;
use std::sync::Arc;
use ww_evidence::transcript::{TlsHandshake, server_name};

/// A handshake that is about to be made, and what will be seen of it.
pub(crate) struct Sighted {
    config: ClientConfig,
    witness: Arc<Witness>,
    name: ServerName<'static>,
    seen: TlsHandshake,
}

/// Prepares a handshake in the target's name with one of its addresses.
///
/// # Errors
///
/// The name, or the user's certificate, cannot be used.
pub(crate) fn sighted(
    walker: &Walker<'_>,
    address: IpAddr,
    alpn: &[&str],
) -> Result<Sighted, String> {
    let offer = Offer {
        host: &walker.target.host,
        alpn,
        sessions: None,
    };
    let (config, witness, name) = handshake::prepared(walker.options, &offer, address)?;
    let seen = TlsHandshake {
        server_name: server_name(offer.host).to_owned(),
        alpn_offered: alpn.iter().map(|&protocol| protocol.to_owned()).collect(),
        quic: true,
        ..TlsHandshake::default()
    };
    Ok(Sighted {
        config,
        witness,
        name,
        seen,
    })
}

impl Sighted {
    /// What is offered.
    pub(crate) fn config(&self) -> ClientConfig {
        self.config.clone()
    }

    /// The name that is sent, or the address that stands for it.
    pub(crate) fn name(&self) -> String {
        self.name.to_str().into_owned()
    }

    /// What was shown, judged; how it ended is for the caller to say.
    pub(crate) fn judged(mut self, walker: &Walker<'_>) -> TlsHandshake {
        let shown = self.witness.shown();
        handshake::show(&mut self.seen, &shown);
        let (roots, _) = Roots::of(walker.options);
        handshakes::judge(walker, &roots, &walker.target.host, &mut self.seen, &shown);
        self.seen
    }
}
