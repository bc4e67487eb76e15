//! Rules on long streams: WebSocket, server-sent events, gRPC.

pub(crate) mod answer_buffered_stream;
pub(crate) mod heartbeat_longer_than_idle;
pub(crate) mod ping_faster_than_server_allows;
pub(crate) mod stream_age_without_grace;
pub(crate) mod tunnel_timeout_missing;
