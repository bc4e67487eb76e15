//! The WebSocket handshake over a connection, a ping, and the idle time that the server bears.

use super::talk::{first_line, is_reset};
use super::websocket::{self, Frames, HEAD_BYTES, Head, Kind, PING};
use crate::dice::Dice;
use crate::options::Depth;
use crate::recorder::{Asked, span};
use crate::tcp;
use crate::tls::connect_secured;
use crate::walk::Walker;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use ww_evidence::transcript::{Seen, WebSocketCall, WebSocketOutcome};

/// How long a connection is left idle to see whether the server bears it: twice what proxies allow by default.
const IDLE: Duration = Duration::from_mins(2);

/// No more is read while a frame is waited for: a WebSocket that never rests is not idle.
const WAIT_BYTES: usize = 16 << 20;

/// Status code 1000 of a close frame: normal closure.
const NORMAL: [u8; 2] = [0x03, 0xe8];

/// Opens a connection, asks for the upgrade and writes the step.
pub(super) async fn ask(walker: &Walker<'_>, to: SocketAddr) {
    let key = websocket::key(Dice::shaken().bytes());
    let asked = Asked::now(command(walker, to));
    let Some(patience) = walker.patience() else {
        return;
    };
    let call = if walker.target.service.is_tls() {
        // What becomes of the handshake of TLS is told by a step of its own.
        let Ok(mut secured) = connect_secured(walker, &walker.target.host, to, &["http/1.1"]).await
        else {
            return;
        };
        shake(walker, to, &mut secured.stream, &key).await
    } else {
        let (_, Some(mut stream)) = tcp::connect(to, patience).await else {
            return;
        };
        shake(walker, to, &mut stream, &key).await
    };
    if let Some(call) = call {
        walker.recorder.answer(asked, Seen::WebSocket(call));
    }
}

/// The handshake, and what follows it where it succeeds; `None` when the time is up.
async fn shake<S: AsyncRead + AsyncWrite + Unpin>(
    walker: &Walker<'_>,
    to: SocketAddr,
    stream: &mut S,
    key: &str,
) -> Option<WebSocketCall> {
    let deadline = Instant::now() + walker.patience()?;
    let request = websocket::request(
        walker.target,
        &super::authority(walker),
        key,
        &walker.options.headers,
    );
    let mut call = WebSocketCall {
        to: Some(to),
        ..WebSocketCall::default()
    };
    // The answer is read even when the server did not take the whole request.
    let sending = async {
        stream.write_all(&request).await?;
        stream.flush().await
    };
    let _ = timeout_at(deadline, sending).await;
    let mut heard = Vec::new();
    match head(stream, &mut heard, deadline).await {
        Ok(head) => {
            call.outcome = websocket::outcome(&head, key);
            heard.drain(..head.bytes.min(heard.len()));
            call.headers = head.fields;
        }
        Err(()) if !heard.is_empty() => {
            call.outcome =
                WebSocketOutcome::Wrong(format!("what came is not HTTP: {}", first_line(&heard)));
        }
        Err(()) => {}
    }
    if call.outcome == WebSocketOutcome::Open {
        let mut session = Session {
            stream,
            frames: Frames::default(),
        };
        session.frames.feed(&heard);
        session.converse(walker, &mut call).await;
    }
    Some(call)
}

/// Reads the head of the answer; an error when there is none.
async fn head<S: AsyncRead + Unpin>(
    stream: &mut S,
    heard: &mut Vec<u8>,
    deadline: Instant,
) -> Result<Head, ()> {
    let mut buffer = [0; 4096];
    while heard.len() < HEAD_BYTES {
        match timeout_at(deadline, stream.read(&mut buffer)).await {
            Ok(Ok(count)) if count > 0 => heard.extend(buffer.iter().take(count)),
            _ => return Err(()),
        }
        if let Some(head) = websocket::head(heard)? {
            return Ok(head);
        }
    }
    Err(())
}

/// An open WebSocket.
struct Session<'s, S> {
    stream: &'s mut S,
    frames: Frames,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    /// Asks for a pong, leaves the connection idle where that is wanted, and takes leave.
    async fn converse(&mut self, walker: &Walker<'_>, call: &mut WebSocketCall) {
        let Some(patience) = walker.patience() else {
            return;
        };
        let began = Instant::now();
        if self.say(Kind::Ping, PING).await.is_err() {
            return;
        }
        let pong = |kind, payload: &[u8]| kind == Kind::Pong && payload == PING;
        match self.until(began + patience, pong).await {
            Heard::Wanted => call.ping = Some(span(began.elapsed())),
            Heard::Over => return,
            Heard::Nothing => {}
        }
        if walker.options.depth == Depth::Deep
            // What comes after needs time too.
            && let Some(wait) = walker.at_most(IDLE * 2)
        {
            let began = Instant::now();
            if let Heard::Over = self.until(began + wait / 2, |_, _| false).await {
                call.idle = Some(span(began.elapsed()));
                return;
            }
        }
        let _ = self.say(Kind::Close, &NORMAL).await;
    }

    async fn say(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let frame = websocket::frame(kind, payload, Dice::shaken().bytes());
        self.stream.write_all(&frame).await?;
        self.stream.flush().await
    }

    /// Reads frames until one is what is wanted; answers pings.
    async fn until(&mut self, deadline: Instant, wanted: impl Fn(Kind, &[u8]) -> bool) -> Heard {
        let mut buffer = [0; 4096];
        let mut came = 0;
        loop {
            while let Some((kind, payload)) = self.frames.next() {
                if wanted(kind, &payload) {
                    return Heard::Wanted;
                }
                let answered = match kind {
                    Kind::Ping => self.say(Kind::Pong, &payload).await,
                    Kind::Close => return Heard::Over,
                    Kind::Data | Kind::Pong => Ok(()),
                };
                if answered.is_err() {
                    return Heard::Over;
                }
            }
            match timeout_at(deadline, self.stream.read(&mut buffer)).await {
                Err(_) => return Heard::Nothing,
                Ok(Ok(count)) if count > 0 => {
                    came += count;
                    if came > WAIT_BYTES {
                        return Heard::Nothing;
                    }
                    self.frames.feed(buffer.get(..count).unwrap_or_default());
                }
                Ok(Err(error))
                    if !is_reset(&error) && error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => return Heard::Over,
            }
        }
    }
}

/// What waiting for a frame came to.
enum Heard {
    Wanted,
    Over,
    Nothing,
}

fn command(walker: &Walker<'_>, to: SocketAddr) -> String {
    let target = walker.target;
    let scheme = if target.service.is_tls() {
        "https"
    } else {
        "http"
    };
    let resolve = if target.is_address() {
        String::new()
    } else {
        format!("--resolve {}:{}:{} ", target.host, target.port, to.ip())
    };
    format!(
        "curl -i -N --http1.1 {resolve}-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: d2lyZXdpc2UgcHJvYmUhIQ==' '{scheme}://{}{}'",
        super::authority(walker),
        target.path
    )
}
