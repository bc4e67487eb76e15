//! What tells why a request, or a greeting, got no proper answer over a connection that opened.

use crate::inquiry::{CONNECTION, Inquiry, offer};
use crate::recorder::Why;
use crate::tls::{Pending, is_doubtful, probe_clear_text_port, together};
use crate::walk::Walker;
use crate::{Depth, tcp};
use std::net::SocketAddr;
use ww_evidence::transcript::Service;
use ww_reason::{Control, Offer, Symptom};

/// Looks into each address whose answer was none, or none of its protocol. To be called after its protocol was spoken.
pub(crate) async fn explain_each(walker: &Walker<'_>, open: &[SocketAddr]) {
    together(open.iter().map(|&to| explain(walker, to))).await;
}

async fn explain(walker: &Walker<'_>, to: SocketAddr) {
    let why = "what was asked got no proper answer";
    let mut inquiry = Inquiry::new(walker, to, is_of_request, why);
    if walker.options.depth == Depth::Quick || inquiry.case().is_none() {
        // Other doubts have one question.
        if may_be_tls(walker) && walker.recorder.look(|steps| is_doubtful(steps, to)) {
            let why = "clear text got no proper answer: does the port speak TLS?";
            probe_clear_text_port(walker, to, &Why::from(why)).await;
        }
        return;
    }
    while let Some(next) = inquiry.next(&offers(walker)) {
        let why = &next.why;
        let pending = next
            .controls
            .iter()
            .filter_map(|control| -> Option<Pending<'_>> {
                Some(match control {
                    Control::Tls => Box::pin(async {
                        let why =
                            why.says("clear text got no proper answer: does the port speak TLS?");
                        probe_clear_text_port(walker, to, &why).await;
                    }),
                    Control::SmallSegments => Box::pin(async {
                        let why = why.says("no answer came: does it in smaller segments?");
                        tcp::segment_sizes(walker, to, &why).await;
                    }),
                    Control::OwnSmallSegments => Box::pin(async {
                        let why = why.says("no answer came: does a long request arrive?");
                        tcp::own_segment_sizes(walker, to, &why).await;
                    }),
                    _ => return None,
                })
            });
        together(pending).await;
    }
}

/// What was asked over clear text or TLS got no answer.
fn is_of_request(symptom: Symptom) -> bool {
    matches!(
        symptom,
        Symptom::RequestSilent
            | Symptom::RequestEnded
            | Symptom::AnswerStrange
            | Symptom::GreetingMissing
    )
}

/// TLS was not what failed. Of a port of which nothing is known, silence is no failure.
fn may_be_tls(walker: &Walker<'_>) -> bool {
    !walker.target.service.is_tls() && walker.target.service != Service::Tcp
}

fn offers(walker: &Walker<'_>) -> Vec<Offer> {
    let patience = walker.options.patience;
    let mut offers = Vec::new();
    if may_be_tls(walker) {
        offers.push(offer(walker, Control::Tls, CONNECTION, 2, patience));
    }
    if tcp::knows_a_request(walker.target) {
        // As it is, and small; what is found then is measured.
        let waited = tcp::SIZE_WAIT * 2;
        let packets = 2 * CONNECTION;
        offers.push(offer(walker, Control::SmallSegments, packets, 4, waited));
        offers.push(offer(
            walker,
            Control::OwnSmallSegments,
            packets,
            4,
            patience * 2,
        ));
    }
    offers
}
