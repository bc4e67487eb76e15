//! Status codes of gRPC (`grpc/grpc`, `doc/statuscodes.md`), and what stands for them in HTTP
//! (`doc/http-grpc-status-mapping.md`).

use ww_evidence::transcript::{GrpcCall, PeerReply};

/// The call was not known.
pub(super) const UNIMPLEMENTED: u32 = 12;
/// The service was not known to the health service.
pub(super) const NOT_FOUND: u32 = 5;
/// Whoever asks may not.
pub(super) const PERMISSION_DENIED: u32 = 7;
/// Nobody can answer just now.
pub(super) const UNAVAILABLE: u32 = 14;
/// Whoever asks has not said who it is.
pub(super) const UNAUTHENTICATED: u32 = 16;

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The name of a status with its number.
pub(super) fn name(status: u32) -> String {
    match NAMES.get(status as usize) {
        Some(name) => format!("{name} ({status})"),
        None => format!("status {status}"),
    }
}

/// The status of an answered call, as a client sees it: where there is none, HTTP's stands for it.
pub(super) fn status(call: &GrpcCall) -> Option<u32> {
    if call.reply != PeerReply::Fine {
        return None;
    }
    call.status.or(match call.http_status? {
        400 => Some(13),
        401 => Some(UNAUTHENTICATED),
        403 => Some(PERMISSION_DENIED),
        404 => Some(UNIMPLEMENTED),
        429 | 502..=504 => Some(UNAVAILABLE),
        _ => Some(2),
    })
}

/// It asks for the health of the server.
pub(super) fn is_health(call: &GrpcCall) -> bool {
    call.method.starts_with("grpc.health.")
}

/// What the peer speaks, where that is not HTTP/2.
pub(super) fn other_protocol(call: &GrpcCall) -> Option<&str> {
    match &call.reply {
        PeerReply::Failed(why) => why.strip_prefix("what came is not HTTP/2: "),
        _ => None,
    }
}
