//! Which hellos tell why one was not answered as it should be.

use super::ask::{Heard, Manner};
use super::hello::Hello;
use super::hellos::{AT_ONCE, Prober, SMALL_MSS, SURVEY_PATIENCE, WRONG_NAME, Words};
use super::together::{Pending, together};
use crate::inquiry::{CONNECTION, Inquiry, Next, offer};
use crate::recorder::Why;
use ww_reason::{Control, Offer, Symptom};

/// Hellos of a survey of versions: one for each from SSL 3.0 to TLS 1.3.
const VERSIONS: u32 = 5;

/// Round trips of a hello and its answer: one to connect, one to ask.
const TRIPS: u32 = 2;

/// A hello that failed.
pub(super) struct Failed<'h> {
    /// It.
    pub(super) hello: &'h Hello,
    /// How it was sent.
    pub(super) manner: Manner,
    /// Which symptoms that may be.
    pub(super) is_it: fn(Symptom) -> bool,
    /// It in words.
    pub(super) says: &'static str,
}

/// The usual hello fails.
pub(super) fn is_of_usual(symptom: Symptom) -> bool {
    matches!(
        symptom,
        Symptom::HelloSilent
            | Symptom::HelloReset
            | Symptom::HelloClosed
            | Symptom::AlertName
            | Symptom::AlertVersion
            | Symptom::AlertOther
    )
}

/// The large hello fails.
pub(super) fn is_of_large(symptom: Symptom) -> bool {
    symptom == Symptom::LargeHelloLost
}

/// The hello in two segments fails.
pub(super) fn is_of_split(symptom: Symptom) -> bool {
    symptom == Symptom::SplitHelloLost
}

impl Prober<'_, '_> {
    /// Asks what tells why a hello failed; what the same again got, where it was asked.
    pub(super) async fn explain(&self, failed: &Failed<'_>) -> Option<Heard> {
        let mut inquiry = Inquiry::new(self.walker, self.to, failed.is_it, failed.says);
        let mut again = None;
        while let Some(next) = inquiry.next(&self.offers(failed)) {
            let asked = next
                .controls
                .iter()
                .position(|&control| control == Control::SameAgain);
            let heard = self.put_each(failed, &next).await;
            if let Some(at) = asked {
                again = heard.into_iter().nth(at).flatten();
            }
        }
        again
    }

    async fn put_each(&self, failed: &Failed<'_>, next: &Next) -> Vec<Option<Heard>> {
        let all = next
            .controls
            .iter()
            .map(|&control| -> Pending<'_, _> { Box::pin(self.put(failed, control, &next.why)) });
        together(all).await
    }

    async fn put(&self, failed: &Failed<'_>, control: Control, why: &Why) -> Option<Heard> {
        let name = self.server_name();
        let says = failed.says;
        let words = |question: &str| Words::because(why.says(format!("{says}: {question}")));
        let small = Manner {
            mss: Some(SMALL_MSS),
            ..Manner::PLAIN
        };
        match control {
            Control::SameAgain => {
                let words = words("is that so again?");
                self.step(failed.hello, failed.manner, words).await
            }
            Control::SmallSegments => {
                let words = words("is it the size of the packets?").asking_like(failed.hello);
                self.step(failed.hello, small, words).await
            }
            Control::WithoutName => {
                let words = words("is it the name?");
                self.step(&Hello::usual(""), Manner::PLAIN, words).await
            }
            Control::OtherName => {
                let words = words("is it the name?");
                self.step(&Hello::usual(WRONG_NAME), Manner::PLAIN, words)
                    .await
            }
            Control::UsualHello => {
                let words = words("is the usual one answered still?");
                self.step(&Hello::usual(name), Manner::PLAIN, words).await
            }
            Control::ClearText => {
                let words = words("does anything of its size arrive?");
                self.clear_text(failed.hello.record().len(), words).await
            }
            Control::AnyVersion => {
                self.survey(None, &why.says(format!("{says}: is it the version?")))
                    .await;
                None
            }
            _ => None,
        }
    }

    fn offers(&self, failed: &Failed<'_>) -> Vec<Offer> {
        let patience = self.walker.options.patience;
        let hello = |control| offer(self.walker, control, CONNECTION, TRIPS, patience);
        let mut offers: Vec<Offer> = [
            Control::SameAgain,
            Control::SmallSegments,
            Control::UsualHello,
        ]
        .map(hello)
        .to_vec();
        if !self.server_name().is_empty() {
            offers.extend([Control::WithoutName, Control::OtherName].map(hello));
        }
        if (failed.is_it)(Symptom::LargeHelloLost) {
            offers.push(hello(Control::ClearText));
        } else {
            let waited = SURVEY_PATIENCE * VERSIONS.div_ceil(AT_ONCE as u32);
            let packets = CONNECTION * VERSIONS;
            offers.push(offer(
                self.walker,
                Control::AnyVersion,
                packets,
                TRIPS,
                waited,
            ));
        }
        offers
    }
}
