//! A chain over answers that are there already, without a network.

use super::super::wire::number_of_kind;
use super::anchor::TrustAnchors;
use super::chain::{Chain, Source};
use super::name::Name;
use super::records::Reply;
use super::validation;
use std::cell::RefCell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use ww_evidence::transcript::Validation;

/// Whoever has the answers.
struct Given<F>(RefCell<F>);

impl<F: FnMut(&str, u16) -> Option<Vec<u8>>> Source for Given<F> {
    async fn ask(&self, name: &Name, kind: u16) -> Result<Reply, String> {
        let bytes = (self.0.borrow_mut())(&name.to_string(), kind).ok_or("nothing came")?;
        let reply = Reply::read(&bytes).ok_or("it cannot be read")?;
        if reply.truncated {
            return Err("the answer is cut short".to_owned());
        }
        Ok(reply)
    }
}

/// The DNSSEC chain of a name and type (`A`, `AAAA`) over given answers: messages in the form of RFC 1035, for a name and
/// the number of a type. `now` is in seconds since 1970. Nothing where there is no such name or type.
pub fn validate_answers(
    name: &str,
    kind: &str,
    anchors: &TrustAnchors,
    now: i64,
    answers: impl FnMut(&str, u16) -> Option<Vec<u8>>,
) -> Option<Validation> {
    let (asked, number) = (Name::parse(name)?, number_of_kind(kind)?);
    let source = Given(RefCell::new(answers));
    let mut chain = Chain::new(&source, &anchors.0, now);
    // Nobody waits for what is there.
    let Poll::Ready(judged) =
        pin!(chain.judge(&asked, number)).poll(&mut Context::from_waker(Waker::noop()))
    else {
        return None;
    };
    Some(validation(None, name, number, &chain, judged.err()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_evidence::transcript::{ChainReasonKind, SecurityVerdict};

    #[test]
    fn answers_that_are_given_are_judged_without_a_network() {
        let anchors = TrustAnchors::default();
        let mut asked = Vec::new();
        let judged = validate_answers("a.example", "A", &anchors, 0, |name, kind| {
            asked.push((name.to_owned(), kind));
            // NOERROR without records, for the first question alone.
            (asked.len() == 1).then(|| vec![0, 0, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0])
        });
        let judged = judged.expect("a name and a type");
        assert_eq!(judged.verdict, SecurityVerdict::Indeterminate);
        let reason = judged.reason.expect("a reason");
        assert_eq!(reason.kind, ChainReasonKind::NoAnswer, "{reason:?}");
        assert_eq!(judged.questions, 2);
        assert_eq!(asked[0].1, 1);
        assert_eq!(asked[1].1, 48, "the root's keys");
        assert!(validate_answers("a.example", "NOTHING", &anchors, 0, |_, _| None).is_none());
    }
}
