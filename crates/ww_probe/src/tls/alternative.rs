//! Handshakes in the target's name at endpoints that are not its own.

use super::handshake::{self, Offer};
use super::handshakes::{command, judge};
use super::trust::Roots;
use crate::tcp;
use crate::walk::Walker;
use std::net::SocketAddr;
use ww_evidence::transcript::{Connect, TlsHandshake};

/// Who makes such handshakes, and whom it trusts.
pub(crate) struct Alternatives<'a, 'w> {
    walker: &'a Walker<'w>,
    roots: Roots,
}

impl<'a, 'w> Alternatives<'a, 'w> {
    pub(crate) fn new(walker: &'a Walker<'w>) -> Alternatives<'a, 'w> {
        let (roots, _) = Roots::of(walker.options);
        Alternatives { walker, roots }
    }

    /// The same handshake with OpenSSL.
    pub(crate) fn command(&self, to: SocketAddr, alpn: &[&str]) -> String {
        command(self.walker, to, &self.offer(alpn))
    }

    /// Tries one with this offer by ALPN. Nothing is recorded; `None` when the time is up.
    pub(crate) async fn shake(
        &self,
        to: SocketAddr,
        alpn: &[&str],
    ) -> Option<Result<TlsHandshake, Connect>> {
        let walker = self.walker;
        let patience = walker.patience()?;
        let (opened, stream) = tcp::connect(to, patience).await;
        let Some(stream) = stream else {
            return Some(Err(opened));
        };
        let tried = handshake::shake(walker.options, stream, to, &self.offer(alpn), patience).await;
        let mut seen = tried.seen;
        if let Some(stream) = tried.stream {
            handshake::end(stream).await;
        }
        let host = &walker.target.host;
        judge(walker, &self.roots, host, &mut seen, &tried.shown);
        Some(Ok(seen))
    }

    fn offer<'o>(&'o self, alpn: &'o [&'o str]) -> Offer<'o> {
        Offer {
            host: &self.walker.target.host,
            alpn,
            sessions: None,
        }
    }
}
