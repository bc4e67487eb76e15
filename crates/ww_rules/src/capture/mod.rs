//! Rules about the capture itself.

pub(crate) mod capture_dropped_packets;
pub(crate) mod clock_goes_backwards;
pub(crate) mod duplicated_capture;
pub(crate) mod mid_stream_capture;
pub(crate) mod offloaded_segments;
pub(crate) mod one_way_capture;
pub(crate) mod truncated_capture;

#[cfg(test)]
mod tests;
