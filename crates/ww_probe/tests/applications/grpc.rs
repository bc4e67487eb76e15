//! gRPC calls to servers that speak HTTP/2.

use crate::{hear, options, probe, say, serve};
use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, Response};
use std::net::SocketAddr;
use ww_evidence::transcript::{GrpcCall, PeerReply, Transcript};

/// How a scripted server answers a call of this method.
type Answer = fn(&str, SendResponse<Bytes>);

/// A server of HTTP/2 that answers each request as told, as long as the tests run.
fn serve_h2(answer: Answer) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("nonblocking");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let Ok(mut connection) = h2::server::handshake(stream).await else {
                        return;
                    };
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        assert_eq!(request.headers()["content-type"], "application/grpc");
                        assert_eq!(request.headers()["te"], "trailers");
                        answer(request.uri().path(), respond);
                    }
                });
            }
        });
    });
    address
}

/// The same within TLS.
fn serve_h2_over_tls(answer: Answer) -> SocketAddr {
    crate::serve_tls(&[b"h2"], move |stream| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        while let Some(Ok((request, respond))) = connection.accept().await {
            answer(request.uri().path(), respond);
        }
    })
}

/// A message, then a status in trailers.
fn message(mut respond: SendResponse<Bytes>, body: &[u8], status: &str) {
    let head = Response::builder()
        .header("content-type", "application/grpc")
        .body(())
        .expect("a head");
    let mut stream = respond.send_response(head, false).expect("sent");
    let mut framed = vec![0, 0, 0, 0, body.len() as u8];
    framed.extend(body);
    stream.send_data(framed.into(), false).expect("sent");
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.parse().expect("a value"));
    stream.send_trailers(trailers).expect("sent");
}

/// A status among the first fields.
fn trailers_only(mut respond: SendResponse<Bytes>, status: &str, text: &str) {
    let head = Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", status)
        .header("grpc-message", text)
        .body(())
        .expect("a head");
    respond.send_response(head, true).expect("sent");
}

fn calls(transcript: &Transcript) -> Vec<GrpcCall> {
    transcript
        .grpc_calls()
        .map(|(_, call)| call.clone())
        .collect()
}

#[test]
fn health_and_services_are_asked_for() {
    let server = serve_h2(|path, respond| match path {
        "/grpc.health.v1.Health/Check" => message(respond, &[8, 1], "0"),
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" => {
            trailers_only(respond, "12", "unknown%20service");
        }
        _ => message(respond, b"\x32\x07\x0a\x05\x0a\x03a.B", "0"),
    });
    let calls = calls(&probe(&format!("grpc://{server}/a.B"), &options()));
    assert_eq!(calls.len(), 3);
    assert_eq!(calls[0].health, "SERVING");
    assert_eq!(calls[0].asked, "a.B");
    assert_eq!(calls[0].status, Some(0));
    assert!(!calls[0].trailers_only);
    assert_eq!(calls[1].status, Some(12));
    assert!(calls[1].trailers_only);
    assert_eq!(calls[1].message, "unknown service");
    assert_eq!(calls[2].services, ["a.B"]);
}

#[test]
fn a_sick_server_and_a_proxy_are_told_apart() {
    let sick = serve_h2(|_, respond| message(respond, &[8, 2], "0"));
    let transcript = probe(&format!("grpc://{sick}"), &options());
    assert_eq!(calls(&transcript)[0].health, "NOT_SERVING");
    let proxy = serve_h2(|_, mut respond| {
        let head = Response::builder().status(502).body(()).expect("a head");
        let mut stream = respond.send_response(head, false).expect("sent");
        stream
            .send_data("<html>bad gateway</html>".into(), true)
            .expect("sent");
    });
    let transcript = probe(&format!("grpc://{proxy}"), &options());
    let call = &calls(&transcript)[0];
    assert_eq!((call.http_status, call.status), (Some(502), None));
    assert_eq!(call.reply, PeerReply::Fine);
    let refusing = serve_h2(|_, mut respond| respond.send_reset(h2::Reason::REFUSED_STREAM));
    let transcript = probe(&format!("grpc://{refusing}"), &options());
    assert!(
        matches!(&calls(&transcript)[0].reply, PeerReply::Failed(why) if why.starts_with("RST_STREAM"))
    );
}

#[test]
fn a_peer_that_does_not_speak_http_2_is_told() {
    let old = serve(|mut stream| {
        hear(&mut stream);
        say(
            &mut stream,
            b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        );
    });
    let transcript = probe(&format!("grpc://{old}"), &options());
    assert_eq!(
        calls(&transcript)[0].reply,
        PeerReply::Failed("what came is not HTTP/2: HTTP/1.1 400 Bad Request".to_owned())
    );
    let silent = serve(|mut stream| while !hear(&mut stream).is_empty() {});
    let transcript = probe(&format!("grpc://{silent}"), &options());
    assert_eq!(calls(&transcript)[0].reply, PeerReply::Silence);
    let closing = serve(|mut stream| {
        hear(&mut stream);
    });
    let transcript = probe(&format!("grpc://{closing}"), &options());
    assert!(matches!(
        calls(&transcript)[0].reply,
        PeerReply::Closed | PeerReply::Reset
    ));
}

#[test]
fn calls_are_made_within_tls() {
    let server = serve_h2_over_tls(|_, respond| message(respond, &[8, 1], "0"));
    let calls = calls(&probe(&format!("grpcs://{server}"), &options()));
    assert_eq!(calls[0].health, "SERVING");
    assert_eq!(calls[0].reply, PeerReply::Fine);
}
