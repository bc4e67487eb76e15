//! Flights of a response: what is sent between two pauses of about a round trip.

use super::flow::Step;
use super::side::{FlightState, SideState};
use super::symptoms::{Case, Symptoms};
use ww_base::Span;
use ww_evidence::{Flights, SideId, SymptomKind};

/// Below this round trip flights cannot be told apart.
const RTT_MIN: Span = Span::from_millis(5);

/// A congestion window older than this may have been reset (RFC 5681 section 4.1).
const IDLE_MIN: Span = Span::from_millis(200);

impl Step<'_> {
    /// Counts the segment into the current flight, or begins the next.
    pub(crate) fn note_flight(&mut self) {
        let Some(rtt) = self.round_trip().filter(|rtt| *rtt >= RTT_MIN) else {
            return;
        };
        let at = self.segment.at();
        let state = &mut self.f.flight_state;
        let since = at - state.last;
        state.last = at;
        let flights = &mut self.f.flights;
        if flights.count == 0 || since.times(5) > rtt.times(2) {
            flights.count += 1;
            if flights.count == 1 {
                state.first = self.segment.mark;
            }
        }
        if let Some(bytes) = flights.bytes.get_mut(flights.count as usize - 1) {
            *bytes = bytes.saturating_add(self.segment.len);
        }
    }

    /// The other side's response is over, and one of this side begins.
    pub(crate) fn end_flights(&mut self) {
        let rtt = self.round_trip();
        judge_flights(self.r, self.from.other(), rtt, self.symptoms);
        self.r.flight_state.judged = true;
        let at = self.segment.at();
        let state = &mut self.f.flight_state;
        let largest = self.f.flights.bytes.iter().copied().max().unwrap_or(0);
        *state = FlightState {
            largest_before: state.largest_before.max(largest),
            idle_before: self.f.last_sent.map_or(Span::ZERO, |sent| at - sent.at),
            last: state.last,
            disturbed: false,
            judged: false,
            first: self.segment.mark,
        };
        self.f.flights = Flights::default();
    }
}

/// Whether a finished response never left slow start, or restarted after idleness.
pub(crate) fn judge_flights(
    side: &SideState,
    whose: SideId,
    rtt: Option<Span>,
    symptoms: &mut Symptoms,
) {
    let (flights, state) = (&side.flights, &side.flight_state);
    let Some(rtt) = rtt.filter(|_| flights.count >= 3 && !state.disturbed && !state.judged) else {
        return;
    };
    let known = flights.bytes.get(..flights.count as usize);
    // The last flight holds what was left; all before it must have grown.
    let Some([growing @ .., _last]) = known else {
        return;
    };
    let doubling = growing
        .iter()
        .zip(growing.iter().skip(1))
        .all(|(&first, &second)| {
            let ratio = f64::from(second) / f64::from(first.max(1));
            (1.25..=3.5).contains(&ratio)
        });
    if !doubling {
        return;
    }
    let case = Case {
        frame: state.first.frame(),
        bytes: flights.bytes.iter().sum(),
        lost: rtt.times(i64::from(flights.count) - 1),
    };
    symptoms.add(SymptomKind::SlowStart, whose, case);
    let restarted = flights
        .bytes
        .first()
        .is_some_and(|&first| first.saturating_mul(2) <= state.largest_before);
    if restarted && state.idle_before >= IDLE_MIN {
        symptoms.add(SymptomKind::RestartAfterIdle, whose, case);
    }
}
