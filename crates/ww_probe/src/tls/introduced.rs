//! Connections to servers that are not the target, each layer as it is to be written down.

use super::handshake::{self, Offer, Tried};
use super::handshakes::{judge, s_client};
use super::trust::Roots;
use super::witness::Shown;
use crate::Options;
use crate::recorder::Asked;
use crate::tap::Tapped;
use crate::tcp;
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio_rustls::client::TlsStream;
use ww_evidence::transcript::{Connect, TlsHandshake};

/// A question of a layer, how long its answer took, and what was seen.
pub(crate) type Told<T> = (Asked, Duration, T);

/// What a server showed on the way to a connection over TLS.
pub(crate) struct Introduced {
    /// The connection.
    pub(crate) connect: Told<Connect>,
    /// The handshake, where there was a connection.
    pub(crate) handshake: Option<Told<TlsHandshake>>,
    /// What its certificate is judged by.
    shown: Shown,
    /// Ready for questions, whatever is to be said of the certificate.
    pub(crate) stream: Option<TlsStream<Tapped>>,
}

impl Introduced {
    /// Judges the certificate: whether it is for `host`, and trusted. That reads the roots of this host, and is done once
    /// for each server.
    pub(crate) fn judge(&mut self, walker: &Walker<'_>, host: &str) {
        let Some((_, _, seen)) = &mut self.handshake else {
            return;
        };
        let (roots, gap) = Roots::of(walker.options);
        if let Some(gap) = gap {
            walker.recorder.gap(gap);
        }
        judge(walker, &roots, host, seen, &self.shown);
    }
}

/// Opens a connection to `to` in the name of `host`, of which no more than `most` bytes are read; none when the time
/// is up. The user's own certificate is the target's business and not shown.
pub(crate) async fn introduce(
    walker: &Walker<'_>,
    host: &str,
    to: SocketAddr,
    alpn: &[&str],
    most: u64,
) -> Option<Introduced> {
    let patience = walker.patience()?;
    let asked = Asked::now(format!("nc -vz {} {}", to.ip(), to.port()));
    let began = Instant::now();
    let (opened, stream) = tcp::connect(to, patience).await;
    let mut introduced = Introduced {
        connect: (asked, began.elapsed(), opened),
        handshake: None,
        shown: Shown::default(),
        stream: None,
    };
    let Some(stream) = stream else {
        return Some(introduced);
    };
    let offer = Offer {
        host,
        alpn,
        sessions: None,
    };
    let asked = Asked::now(format!("{} </dev/null", s_client(to, &offer, "")));
    let options = Options {
        client_certificate: None,
        ..walker.options.clone()
    };
    let began = Instant::now();
    let Tried {
        seen,
        shown,
        stream,
    } = handshake::shake(&options, stream, to, &offer, patience).await;
    let took = began.elapsed();
    introduced.handshake = Some((asked, took, seen));
    introduced.shown = shown;
    introduced.stream = stream.map(|mut stream| {
        stream.get_mut().0.allow(most);
        stream
    });
    Some(introduced)
}
