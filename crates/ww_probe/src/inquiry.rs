//! Questions that tell the causes of a symptom apart: the one that tells most for its cost first, until one cause is left
//! or nothing more is worth its price.

use crate::recorder::{Why, span};
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::Duration;
use ww_base::Span;
use ww_evidence::transcript::{Chosen, ConnectOutcome, Lookup, Seen, Step};
use ww_reason::{Budget, Case, Control, Offer, PACE, Symptom, cases, choose};

/// A round trip, where none was measured yet: half of the earth and back.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(200);

/// Packets of ours in a connection that carries one question and its answer: SYN, ACK, the question, an ACK, and FIN.
pub(crate) const CONNECTION: u32 = 5;

/// One symptom at one place, as it is being looked into.
pub(crate) struct Inquiry<'i, 'w> {
    walker: &'i Walker<'w>,
    place: Place<'i>,
    is_it: fn(Symptom) -> bool,
    why: String,
    /// Controls that were asked, whether they said something or not.
    asked: Vec<Control>,
}

/// Where a symptom shows itself.
enum Place<'i> {
    /// At an address of the target.
    Address(SocketAddr),
    /// At a question to a name server.
    Question(Box<dyn Fn(&Lookup) -> bool + 'i>),
    /// At the name as a whole.
    Name,
}

impl Place<'_> {
    fn is_of(&self, case: &Case, steps: &[Step]) -> bool {
        match self {
            Place::Address(at) => case.at == Some(*at),
            Place::Name => case.at.is_none(),
            Place::Question(is_it) => {
                let raised = steps.iter().find(|step| step.number == case.step);
                raised
                    .is_some_and(|step| matches!(&step.seen, Seen::Lookup(lookup) if is_it(lookup)))
            }
        }
    }
}

/// What is to be asked now, side by side.
pub(crate) struct Next {
    /// The controls.
    pub(crate) controls: Vec<Control>,
    /// Why they are.
    pub(crate) why: Why,
}

impl<'i, 'w> Inquiry<'i, 'w> {
    /// Looks into a symptom of a kind at an address; `why` says what raised the question.
    pub(crate) fn new(
        walker: &'i Walker<'w>,
        at: SocketAddr,
        is_it: fn(Symptom) -> bool,
        why: impl Into<String>,
    ) -> Inquiry<'i, 'w> {
        Inquiry::at(walker, Place::Address(at), is_it, why)
    }

    /// The same of questions to a name server that are like this one.
    pub(crate) fn of_question(
        walker: &'i Walker<'w>,
        is_like: impl Fn(&Lookup) -> bool + 'i,
        is_it: fn(Symptom) -> bool,
        why: impl Into<String>,
    ) -> Inquiry<'i, 'w> {
        Inquiry::at(walker, Place::Question(Box::new(is_like)), is_it, why)
    }

    /// The same of the target's name.
    pub(crate) fn of_name(
        walker: &'i Walker<'w>,
        is_it: fn(Symptom) -> bool,
        why: impl Into<String>,
    ) -> Inquiry<'i, 'w> {
        Inquiry::at(walker, Place::Name, is_it, why)
    }

    fn at(
        walker: &'i Walker<'w>,
        place: Place<'i>,
        is_it: fn(Symptom) -> bool,
        why: impl Into<String>,
    ) -> Inquiry<'i, 'w> {
        Inquiry {
            walker,
            place,
            is_it,
            why: why.into(),
            asked: Vec::new(),
        }
    }

    /// The latest such symptom with what is known of it; none where nothing is wrong, or something else.
    pub(crate) fn case(&self) -> Option<Case> {
        let walker = self.walker;
        walker.recorder.look(|steps| {
            cases(walker.target, steps)
                .into_iter()
                .rfind(|case| (self.is_it)(case.symptom) && self.place.is_of(case, steps))
        })
    }

    /// What to ask next of what can be; nothing where it would tell nothing more, or cannot be paid.
    pub(crate) fn next(&mut self, offers: &[Offer]) -> Option<Next> {
        let case = self.case()?;
        let open: Vec<Offer> = offers
            .iter()
            .copied()
            .filter(|offer| !self.asked.contains(&offer.control))
            .collect();
        let time = span(self.walker.left());
        let budget = Budget {
            time,
            // What the pace of a walk lets it send in the time that is left.
            packets: u32::try_from(time.0 / PACE.0).unwrap_or(u32::MAX),
        };
        let choice = choose(case.symptom, &case.readings, &open, budget)?;
        self.asked.extend(&choice.controls);
        let chosen = Chosen {
            symptom: case.symptom.word().to_owned(),
            raised_by: case.step,
            controls: choice
                .controls
                .iter()
                .map(|control| control.word().to_owned())
                .collect(),
            causes: case
                .answer()
                .causes
                .iter()
                .map(|cause| cause.says.to_owned())
                .collect(),
            bits: hundredths(choice.bits),
            open: hundredths(choice.open),
            packets: choice.packets,
            expected: choice.expected,
            worst: choice.worst,
        };
        Some(Next {
            controls: choice.controls,
            why: Why::chosen(self.why.as_str(), chosen),
        })
    }

    /// Notes that a control was asked beside another one.
    pub(crate) fn was_asked(&mut self, controls: &[Control]) {
        self.asked.extend(controls);
    }
}

/// As many digits as tell something.
fn hundredths(bits: f64) -> f64 {
    (bits * 100.0).round() / 100.0
}

/// A control that takes one round trip, or so many, where it works, and a wait where it fails.
pub(crate) fn offer(
    walker: &Walker<'_>,
    control: Control,
    packets: u32,
    trips: u32,
    waited: Duration,
) -> Offer {
    timed(control, packets, round_trip(walker) * trips, waited)
}

/// A control that takes so long where it works, and a wait where it fails.
pub(crate) fn timed(control: Control, packets: u32, answered: Duration, waited: Duration) -> Offer {
    Offer {
        control,
        packets,
        answered: span(answered),
        // A longer way than was waited for is not known.
        waited: span(waited.max(answered)),
    }
}

/// A look at this host: no packet, and a few milliseconds.
pub(crate) fn look(control: Control) -> Offer {
    let took = Span::from_millis(5);
    Offer {
        control,
        packets: 0,
        answered: took,
        waited: took,
    }
}

/// The shortest time in which a connection was opened.
fn round_trip(walker: &Walker<'_>) -> Duration {
    walker.recorder.look(|steps| {
        steps
            .iter()
            .filter(|step| {
                matches!(&step.seen, Seen::Connect(connect) if connect.outcome == ConnectOutcome::Open)
            })
            .map(|step| Duration::from_nanos(step.took.0.unsigned_abs()))
            .min()
            .unwrap_or(ROUND_TRIP)
    })
}
