//! Rules about the capture itself.

pub(crate) mod truncated_capture;
