//! Healthy networks badly captured: only the damage of the capture may be found.

use super::{download, upload};
use crate::artefact;
use crate::scenario::Scenario;
use crate::traffic::http_client::Requests;
use crate::traffic::ms;

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = frames_lost_and_doubled();
    all.extend(cut_and_merged());
    all
}

/// Short connections and a download.
fn requests(scenario: Scenario) -> Scenario {
    let short = Requests {
        parallel: 2,
        connections: 15,
        between: ms(30),
        ..download(40_000)
    };
    scenario.requests(short).requests(download(1_500_000))
}

fn downloading(scenario: Scenario) -> Scenario {
    scenario.requests(download(8_000_000))
}

fn frames_lost_and_doubled() -> Vec<Scenario> {
    let drops = "capture-dropped-packets";
    vec![
        requests(
            Scenario::artefact(
                "capture-drops-requests",
                drops,
                artefact::drop_some,
                "1 % of the frames of a healthy capture are missing",
            )
            .shows(
                "tcp.analysis.ack_lost_segment || tcp.analysis.lost_segment",
                5,
            ),
        ),
        downloading(
            Scenario::artefact(
                "capture-drops-download",
                drops,
                artefact::drop_some,
                "1 % of the frames of a healthy download are missing",
            )
            .shows(
                "tcp.analysis.ack_lost_segment || tcp.analysis.lost_segment",
                20,
            ),
        ),
        Scenario::artefact(
            "capture-drops-upload",
            drops,
            artefact::drop_some,
            "1 % of the frames of a healthy upload, taken at the sender, are missing",
        )
        .shows(
            "tcp.analysis.ack_lost_segment || tcp.analysis.lost_segment",
            20,
        )
        .requests(upload(6_000_000)),
        requests(
            Scenario::artefact(
                "mirror-doubles-requests",
                "duplicated-capture",
                artefact::double_all,
                "every frame of a healthy capture is there twice",
            )
            .shows("tcp.analysis.retransmission", 500),
        ),
        downloading(
            Scenario::artefact(
                "mirror-doubles-download",
                "duplicated-capture",
                artefact::double_all,
                "every frame of a healthy download is there twice",
            )
            .shows("tcp.analysis.retransmission", 500),
        ),
        requests(
            Scenario::artefact(
                "snapped-at-96",
                "truncated-capture",
                artefact::snap,
                "frames are cut to 96 bytes",
            )
            .shows("frame.cap_len < frame.len", 500),
        ),
    ]
}

fn cut_and_merged() -> Vec<Scenario> {
    vec![
        downloading(Scenario::artefact(
            "started-late",
            "mid-stream-capture",
            artefact::start_late,
            "the capture starts in the middle of a download",
        )),
        downloading(Scenario::artefact(
            "started-late-and-drops",
            "mid-stream-capture",
            artefact::start_late_and_drop,
            "the capture starts in the middle of a download and misses 1 % of the frames",
        )),
        requests(Scenario::artefact(
            "only-server-seen",
            "one-way-capture",
            artefact::only_from_server,
            "only what the server sent is captured",
        )),
        requests(Scenario::artefact(
            "only-client-seen",
            "one-way-capture",
            artefact::only_from_client,
            "only what the client sent is captured",
        )),
        requests(
            Scenario::artefact(
                "clock-set-back",
                "clock-goes-backwards",
                artefact::step_clock_back,
                "the clock of the capturing machine is set back twice",
            )
            .shows("frame.time_delta < 0", 2),
        ),
        downloading(
            Scenario::artefact(
                "segments-merged",
                "offloaded-segments",
                artefact::merge_segments,
                "receive offload joined segments before they were captured",
            )
            .shows("tcp.len > 1460", 50),
        ),
    ]
}
