//! Connections for requests, each timed layer by layer.

use super::exchange::Io;
use crate::tcp;
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use ww_evidence::transcript::ConnectOutcome;

/// An open connection.
pub(crate) struct Opened {
    pub(crate) stream: Box<dyn Io>,
    /// How long the TCP handshake took.
    pub(crate) connect: Duration,
    /// How long the TLS handshake took; zero in clear.
    pub(crate) handshake: Duration,
}

/// Opens a connection for requests.
///
/// # Errors
///
/// Why there is none, as a sentence's end.
pub(crate) async fn open(walker: &Walker<'_>, to: SocketAddr) -> Result<Opened, String> {
    let patience = walker.patience().ok_or("the time was up")?;
    let began = Instant::now();
    let (seen, stream) = tcp::connect(to, patience).await;
    let connect = began.elapsed();
    let Some(stream) = stream else {
        return Err(match seen.outcome {
            ConnectOutcome::Refused => format!("{to} refuses the connection"),
            ConnectOutcome::TimedOut => format!("{to} does not answer the SYN"),
            _ => format!("no connection to {to}: {}", seen.errno),
        });
    };
    // Requests are small and alone; nothing is gained by waiting.
    let _ = stream.set_nodelay(true);
    Ok(Opened {
        stream: Box::new(stream),
        connect,
        handshake: Duration::ZERO,
    })
}
