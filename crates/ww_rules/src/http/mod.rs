//! Rules about requests and answers of HTTP at a live endpoint.

mod caching;
pub(crate) mod clock;
mod coded;
mod hsts;
pub(crate) mod maker;
mod timer;
mod url;

pub(crate) mod clock_skew;
pub(crate) mod content_encoding_broken;
pub(crate) mod event_stream_buffered;
pub(crate) mod hsts_ignored;
pub(crate) mod hsts_missing;
pub(crate) mod http3_advertised_unreachable;
pub(crate) mod http_answer_broken;
pub(crate) mod http_gateway_timeout;
pub(crate) mod http_server_errors;
pub(crate) mod redirect_loop;
pub(crate) mod redirect_target_unreachable;
pub(crate) mod response_not_cacheable;
pub(crate) mod response_not_compressed;
pub(crate) mod response_truncated;
pub(crate) mod vary_missing;
