//! gRPC calls over HTTP/2: health first, then which services there are.

use super::grpc;
use super::talk::first_line;
use crate::options::Depth;
use crate::recorder::Asked;
use crate::tap::{Heard, Tapped};
use crate::tcp;
use crate::tls::connect_secured;
use crate::walk::Walker;
use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use ww_evidence::transcript::{GrpcCall, PeerReply, Seen};

const HEALTH: &str = "grpc.health.v1.Health/Check";
const REFLECTION: [&str; 2] = [
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// `UNIMPLEMENTED`.
const UNIMPLEMENTED: u32 = 12;

/// Fields of an answer may take as much; no status needs more.
const HEADER_BYTES: u32 = 16 * 1024;

/// No more is read of a connection: the answers of all calls, and whatever else a peer may send between them.
const CONNECTION_BYTES: u64 = 2 << 20;

/// Opens a connection, asks for health and services, and writes the steps.
pub(super) async fn ask(walker: &Walker<'_>, to: SocketAddr) {
    let Some(patience) = walker.patience() else {
        return;
    };
    if walker.target.service.is_tls() {
        // What becomes of the handshake of TLS is told by a step of its own.
        if let Ok(secured) = connect_secured(walker, &walker.target.host, to, &["h2"]).await {
            over(walker, to, secured.stream).await;
        }
        return;
    }
    if let (_, Some(stream)) = tcp::connect(to, patience).await {
        over(walker, to, stream).await;
    }
}

/// The calls over an open connection.
async fn over<S: AsyncRead + AsyncWrite + Unpin>(walker: &Walker<'_>, to: SocketAddr, stream: S) {
    let Some(patience) = walker.patience() else {
        return;
    };
    let tapped = Tapped::new(stream, CONNECTION_BYTES);
    let heard = tapped.heard();
    let asked = Asked::now(command(walker, to, HEALTH));
    let mut builder = h2::client::Builder::new();
    builder
        .enable_push(false)
        .max_header_list_size(HEADER_BYTES);
    let shaken = timeout(patience, builder.handshake::<_, Bytes>(tapped)).await;
    let (sender, connection) = match shaken {
        Ok(Ok(both)) => both,
        Ok(Err(error)) => {
            let call = GrpcCall {
                to: Some(to),
                method: HEALTH.to_owned(),
                reply: failure(&error, &heard.bytes()),
                ..GrpcCall::default()
            };
            walker.recorder.answer(asked, Seen::Grpc(call));
            return;
        }
        Err(_) => return,
    };
    let caller = Caller {
        walker,
        to,
        sender,
        heard,
    };
    alongside(connection, caller.calls(asked)).await;
}

/// One connection on which calls are made.
struct Caller<'c, 'w> {
    walker: &'c Walker<'w>,
    to: SocketAddr,
    sender: SendRequest<Bytes>,
    heard: Heard,
}

impl Caller<'_, '_> {
    async fn calls(&self, asked: Asked) {
        let service = self.walker.target.path.trim_matches('/').to_owned();
        let (mut call, body) = self.call(HEALTH, &grpc::health_request(&service)).await;
        call.asked = service;
        if call.status == Some(0)
            && let Some(health) = grpc::unframed(&body).and_then(grpc::health)
        {
            call.health = health;
        }
        // Whoever answers without a status of gRPC knows nothing of reflection.
        let answered = call.status.is_some();
        self.walker.recorder.answer(asked, Seen::Grpc(call));
        if !answered || self.walker.options.depth == Depth::Quick {
            return;
        }
        for method in REFLECTION {
            let asked = Asked::now(command(self.walker, self.to, "list"));
            let (mut call, body) = self.call(method, &grpc::list_request()).await;
            if let Some(services) = grpc::unframed(&body).and_then(grpc::services) {
                call.services = services;
            }
            let unknown = call.status == Some(UNIMPLEMENTED);
            self.walker.recorder.answer(asked, Seen::Grpc(call));
            if !unknown {
                return;
            }
        }
    }

    /// One call with one message, and the body that came.
    async fn call(&self, method: &str, message: &[u8]) -> (GrpcCall, Vec<u8>) {
        let mut call = GrpcCall {
            to: Some(self.to),
            method: method.to_owned(),
            ..GrpcCall::default()
        };
        let mut body = Vec::new();
        let Some(patience) = self.walker.patience() else {
            return (call, body);
        };
        let request = match self.request(method, patience) {
            Ok(request) => request,
            Err(error) => {
                call.reply = PeerReply::Failed(error.to_string());
                return (call, body);
            }
        };
        let message = Bytes::from(grpc::framed(message));
        let done = timeout(
            patience,
            exchange(self.sender.clone(), request, message, &mut call, &mut body),
        )
        .await;
        call.reply = match done {
            Err(_) => PeerReply::Silence,
            Ok(Ok(())) => PeerReply::Fine,
            Ok(Err(error)) => failure(&error, &self.heard.bytes()),
        };
        (call, body)
    }

    fn request(&self, method: &str, patience: Duration) -> Result<Request<()>, http::Error> {
        let target = self.walker.target;
        let scheme = if target.service.is_tls() {
            "https"
        } else {
            "http"
        };
        let mut request = Request::post(format!(
            "{scheme}://{}/{method}",
            super::authority(self.walker)
        ))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", format!("{}m", patience.as_millis()))
        .header(
            "user-agent",
            concat!("wirewise/", env!("CARGO_PKG_VERSION")),
        );
        for (name, value) in &self.walker.options.headers {
            request = request.header(name.to_ascii_lowercase(), value);
        }
        request.body(())
    }
}

/// Sends the request and notes what comes, as far as it comes.
async fn exchange(
    sender: SendRequest<Bytes>,
    request: Request<()>,
    message: Bytes,
    call: &mut GrpcCall,
    body: &mut Vec<u8>,
) -> Result<(), h2::Error> {
    let mut sender = sender.ready().await?;
    let (response, mut stream) = sender.send_request(request, false)?;
    stream.send_data(message, true)?;
    let response = response.await?;
    call.http_status = Some(response.status().as_u16());
    call.trailers_only = status(response.headers(), call);
    let mut coming = response.into_body();
    while let Some(piece) = coming.data().await {
        let piece = piece?;
        // What a peer sends beyond this is no answer to these questions.
        if body.len() + piece.len() > grpc::MESSAGE_BYTES {
            return Ok(());
        }
        body.extend_from_slice(&piece);
        coming.flow_control().release_capacity(piece.len())?;
    }
    if let Some(trailers) = coming.trailers().await? {
        status(&trailers, call);
    }
    Ok(())
}

/// Notes the status, if it is among these fields.
fn status(fields: &HeaderMap, call: &mut GrpcCall) -> bool {
    let text = |name: &str| {
        fields
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let Some(status) = text("grpc-status").and_then(|status| status.parse().ok()) else {
        return false;
    };
    call.status = Some(status);
    call.message = grpc::decoded(&text("grpc-message").unwrap_or_default());
    true
}

/// What became of a call that failed below gRPC; `first` are the first bytes that the peer sent.
fn failure(error: &h2::Error, first: &[u8]) -> PeerReply {
    // Frames of HTTP/2 begin with a length of three bytes, which is short: text does not.
    if first.starts_with(&[0x15, 0x03]) {
        return PeerReply::Failed("what came is not HTTP/2: a TLS alert".to_owned());
    }
    if first.first().is_some_and(|&byte| byte >= 0x14) {
        return PeerReply::Failed(format!("what came is not HTTP/2: {}", first_line(first)));
    }
    if let Some(error) = error.get_io() {
        return match error.kind() {
            io::ErrorKind::ConnectionReset => PeerReply::Reset,
            _ => PeerReply::Closed,
        };
    }
    match error.reason() {
        Some(reason) if error.is_remote() && error.is_go_away() => {
            PeerReply::Failed(format!("GOAWAY: {reason}"))
        }
        Some(reason) if error.is_remote() => PeerReply::Failed(format!("RST_STREAM: {reason}")),
        _ => PeerReply::Failed(error.to_string()),
    }
}

/// Runs the work while the connection is served.
async fn alongside<T>(connection: impl Future, work: impl Future<Output = T>) -> T {
    let mut connection = pin!(connection);
    let mut work = pin!(work);
    let mut over = false;
    poll_fn(|context| {
        if !over && connection.as_mut().poll(context).is_ready() {
            over = true;
        }
        work.as_mut().poll(context)
    })
    .await
}

fn command(walker: &Walker<'_>, to: SocketAddr, what: &str) -> String {
    let target = walker.target;
    let clear = if target.service.is_tls() {
        ""
    } else {
        "-plaintext "
    };
    let authority = if target.is_address() {
        String::new()
    } else {
        format!("-authority {} ", target.host)
    };
    let service = target.path.trim_matches('/');
    let data = if what == HEALTH && !service.is_empty() {
        format!("-d '{{\"service\": \"{service}\"}}' ")
    } else {
        String::new()
    };
    format!("grpcurl {clear}{authority}{data}{to} {what}")
}
