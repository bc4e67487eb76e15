//! `mid-stream-capture`: connections were open before the capture began.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_evidence::TcpFlow;

rule! {
    name: "mid-stream-capture",
    family: "capture",
    layer: Capture,
    class: Capture,
    severity: Info,
    owner: Capture,
    summary: "Connections were open before the capture began; what their handshake agreed is unknown",
    needs: [Tcp],
    explains: [],
    page: "mid_stream_capture.md",
    detect: detect,
    tell: tell,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows().filter(|(_, flow)| joined_late(flow)) {
        sightings.add(Sighting::new(subject, "").show(view.at(
            flow,
            flow.first,
            "the first frame of the connection in this file, and no SYN",
        )));
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let which = match view.capture.tcp.len() {
        1 => "the connection".to_owned(),
        all => format!("{} of {all} connections", group.len()),
    };
    Story::observed(
        format!(
            "{which} began before the capture; window scale, options and the handshake's round trip are unknown there"
        ),
        "a SYN of one of these connections in the file",
    )
    .advise("Start the capture before the connections: restart the client or its pool once tcpdump runs")
    .advise("Where that cannot be, note the options on the host now: ss -tin shows the window scales and the MSS")
}

/// Data or acknowledgements moved, and neither SYN nor SYN-ACK is there. A lone reset or a scanner's
/// odd segment is no connection.
fn joined_late(flow: &TcpFlow) -> bool {
    let moved = |side: &ww_evidence::Side| side.data_segments > 0 || side.ack_advances > 0;
    flow.handshake.syn.is_none()
        && flow.handshake.syn_ack.is_none()
        && (moved(&flow.sent_by_client) || moved(&flow.sent_by_server))
}
