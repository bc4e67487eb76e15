//! `aborted-by-application`: one end's program cut the connection off in the middle.

use super::hosts::{self, count};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::Span;
use ww_evidence::{Reset, SideId, TcpFlow};
use ww_finding::{Owner, Severity};

rule! {
    name: "aborted-by-application",
    family: "tcp",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Application,
    summary: "A program cut connections off with a reset while requests or answers were under way",
    needs: [Tcp],
    explains: ["request-unanswered"],
    page: "aborted_by_application.md",
    detect: detect,
    tell: tell,
}

/// A longer quiet before a reset makes it a matter of idle timeouts.
const BUSY: Span = Span::from_secs(1);

/// What was under way when the reset came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The server had the request and gave no answer.
    Request,
    /// The server was answering.
    Answer,
    /// The server closed while the client was still sending.
    Upload,
    /// The client had not received all that was on its way to it.
    Download,
}

impl Cut {
    fn says(self) -> &'static str {
        match self {
            Cut::Request => "the server's reset, instead of an answer to the request",
            Cut::Answer => "the server's reset, in the middle of its answer",
            Cut::Upload => "the server's reset: it closed while the client was still sending",
            Cut::Download => "the client's reset, with data still on its way to it",
        }
    }
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows() {
        let Some((by, reset, cut)) = cut(flow) else {
            continue;
        };
        sightings.add(
            Sighting::new(subject, format!("{} {}", flow.server, by.word())).show(view.at(
                flow,
                reset.mark,
                cut.says(),
            )),
        );
    }
}

/// Who cut the connection off, and what was under way.
fn cut(flow: &TcpFlow) -> Option<(SideId, Reset, Cut)> {
    let by = match (&flow.sent_by_client.reset, &flow.sent_by_server.reset) {
        (Some(client), Some(server)) if client.mark < server.mark => SideId::Client,
        (_, Some(_)) => SideId::Server,
        (Some(_), None) => SideId::Client,
        (None, None) => return None,
    };
    let reset = *flow.side(by).reset.as_deref()?;
    let own = hosts::foreign_reset(flow, by).is_none() && reset.frames_after < 2;
    if !own || reset.after_quiet >= BUSY {
        return None;
    }
    let cut = match by {
        SideId::Server => cut_by_server(flow, &reset)?,
        SideId::Client => cut_by_client(flow, &reset)?,
    };
    Some((by, reset, cut))
}

fn cut_by_server(flow: &TcpFlow, reset: &Reset) -> Option<Cut> {
    if reset.after_peer_fin {
        return None;
    }
    if reset.after_own_fin {
        let busy = flow.close.is_some_and(|close| close.idle < BUSY);
        return (busy && reset.unacknowledged > 0).then_some(Cut::Upload);
    }
    if !reset.has_ack {
        return None;
    }
    let waiting = flow
        .exchanges
        .unanswered
        .as_ref()
        .is_some_and(|open| open.request < reset.mark);
    if waiting {
        return Some(Cut::Request);
    }
    let answering = flow
        .sent_by_server
        .last_data
        .is_some_and(|last| reset.mark.at - last.at < BUSY);
    answering.then_some(Cut::Answer)
}

/// Bytes on their way below which a close loses nothing of worth, such as the end of TLS.
const WORTH: u32 = 1000;

fn cut_by_client(flow: &TcpFlow, reset: &Reset) -> Option<Cut> {
    let last = flow.sent_by_server.last_data?;
    let arriving = reset.mark.at - last.at < BUSY;
    let on_its_way = reset.unacknowledged >= WORTH || last > reset.mark;
    (arriving && on_its_way && (reset.has_ack || reset.after_own_fin)).then_some(Cut::Download)
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let cases: Vec<_> = hosts::seen(view, sightings)
        .into_iter()
        .filter_map(|flow| Some((flow, cut(flow)?)))
        .collect();
    let Some(&(first, (by, ..))) = cases.first() else {
        return Story::observed("", "");
    };
    let all = hosts::to(view, first.server)
        .filter(|flow| flow.sent_by_client.bytes > 0)
        .count();
    match by {
        SideId::Server => by_server(
            first,
            &cases.iter().map(|(_, (.., cut))| *cut).collect::<Vec<_>>(),
            all,
        ),
        SideId::Client => by_client(first, cases.len(), all),
    }
}

fn by_server(flow: &TcpFlow, cuts: &[Cut], all: usize) -> Story {
    let number = |wanted| cuts.iter().filter(|cut| **cut == wanted).count();
    let parts: Vec<String> = [
        (Cut::Request, "instead of an answer"),
        (Cut::Answer, "in the middle of an answer"),
        (Cut::Upload, "while the client was still sending"),
    ]
    .into_iter()
    .filter(|(cut, _)| number(*cut) > 0)
    .map(|(cut, when)| format!("{} {when}", number(cut)))
    .collect();
    Story::observed(
        format!(
            "{} reset {} of {}: {}",
            flow.server,
            cuts.len(),
            count(all, "connection"),
            parts.join(", ")
        ),
        "the server's log, if it shows these requests answered in full",
    )
    .advise("Read the server's error log and the kernel's (dmesg) for that time: crash, kill for memory, worker timeout, request or body too large")
    .advise("If the program closes before it has read the whole request, let it read on or close gracefully (nginx: lingering_close on; others: shutdown(SHUT_WR), then read to the end)")
    .advise("If a proxy stands in front, compare its timeout with the program's: the one that gives up first resets")
}

fn by_client(flow: &TcpFlow, cut: usize, all: usize) -> Story {
    let habit = cut >= 3 && cut * 2 >= all;
    Story::observed(
        format!(
            "{} cut off {cut} of {} to {} while the answer was arriving{}",
            flow.client.addr,
            count(all, "connection"),
            flow.server,
            if habit { "" } else { ": somebody cancelled, as users do" }
        ),
        "the client's log, if it shows the answers received in full",
    )
    .severity(if habit { Severity::Medium } else { Severity::Info })
    .owner(Owner::Application)
    .advise("See what the client does at that time: cancelled request, exception while reading, response size limit, its own timeout")
    .advise("Let the client read answers to the end before it closes: unread data turns close() into a reset")
}
