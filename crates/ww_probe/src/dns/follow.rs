//! What a name server's silence or failure makes one ask, as far as it tells causes apart.

use super::ask::{Ask, Reply};
use super::dnssec::{Doubt, LONGEST};
use super::resolver::Resolver;
use super::server::Server;
use super::wire::{A, AAAA, kind_name, same};
use super::{RETRY, Resolving, SIZES, Said, addresses_in};
use crate::Depth;
use crate::inquiry::{CONNECTION, Inquiry, ROUND_TRIP, timed};
use crate::recorder::Why;
use crate::tls::together;
use crate::walk::Walker;
use std::time::Duration;
use ww_evidence::transcript::{Answer, Lookup, LookupOutcome, Seen};
use ww_reason::{Control, Offer, Symptom};

/// Questions that lead to a zone's servers, and those that two of them are asked: SOA, NS and their addresses, then the
/// zone and the name.
const ZONE_PACKETS: u32 = 8;

/// One after the other: SOA, NS, an address, the zone, the name.
const ZONE_TRIPS: u32 = 5;

/// A control as it was asked, and what came.
pub(super) struct Told<'a> {
    pub(super) control: Control,
    pub(super) ask: Ask<'a>,
    pub(super) answer: Option<Answer>,
}

/// Asks what tells why a question over UDP was not answered: chance, size, EDNS, the type, UDP or the server.
pub(super) async fn after_silence<'a>(walker: &Walker<'_>, ask: &Ask<'a>) -> Vec<Told<'a>> {
    let mut inquiry = inquiry(walker, ask, |symptom| symptom == Symptom::ServerSilent);
    let mut told = Vec::new();
    while let Some(next) = inquiry.next(&offers(walker, &ask.server)) {
        let controls = next.controls.iter();
        let put = controls.filter_map(|&control| Some((control, other(ask, control, &next.why)?)));
        told.extend(
            together(put.map(|(control, ask)| async move {
                let reply = ask.put(walker).await;
                Told {
                    control,
                    ask,
                    answer: reply.and_then(Reply::answer),
                }
            }))
            .await,
        );
    }
    told
}

/// Asks what tells why a question was answered with SERVFAIL, of the server itself.
pub(super) async fn after_failure(walker: &Walker<'_>, ask: &Ask<'_>) {
    let mut inquiry = inquiry(walker, ask, |symptom| symptom == Symptom::ServerFailure);
    let trip = round_trip(walker, &ask.server);
    let patience = walker.options.patience;
    let offer = timed(Control::WithoutValidation, 1, trip, patience);
    if let Some(next) = inquiry.next(&[offer]) {
        let why = "SERVFAIL: does the server find nothing, or do signatures not hold?";
        let unchecked = Ask {
            checking_disabled: true,
            ..ask.again(ask.edns_size, next.why.says(why))
        };
        unchecked.put(walker).await;
    }
}

/// Looks into a symptom of this question.
fn inquiry<'i, 'w>(
    walker: &'i Walker<'w>,
    ask: &'i Ask<'_>,
    is_it: fn(Symptom) -> bool,
) -> Inquiry<'i, 'w> {
    let kind = kind_name(ask.kind);
    let is_like = move |lookup: &Lookup| {
        ask.server.is_of(&lookup.via) && lookup.kind == kind && same(&lookup.name, ask.name)
    };
    Inquiry::of_question(walker, is_like, is_it, "")
}

fn offers(walker: &Walker<'_>, server: &Server) -> [Offer; 5] {
    let trip = round_trip(walker, server);
    let waited = RETRY.min(walker.options.patience);
    let datagram = |control| timed(control, 1, trip, waited);
    [
        datagram(Control::SameAgain),
        datagram(Control::SmallAnswer),
        datagram(Control::WithoutEdns),
        datagram(Control::OtherType),
        timed(Control::OverTcp, CONNECTION, trip * 2, waited),
    ]
}

/// The question that a control puts in the place of one that was not answered.
fn other<'a>(ask: &Ask<'a>, control: Control, why: &Why) -> Option<Ask<'a>> {
    let again = |size, words: String| ask.again(size, why.says(words));
    let other = match control {
        Control::SameAgain => again(ask.edns_size, "nothing came: was it chance?".to_owned()),
        Control::SmallAnswer => {
            let size = SIZES.1;
            let words = format!("nothing came: does an answer of at most {size} bytes?");
            again(Some(size), words)
        }
        Control::WithoutEdns => {
            let words = "nothing came: does an answer without EDNS, of at most 512 bytes?";
            again(None, words.to_owned())
        }
        // In the least form, so that it fails for no other reason.
        Control::OtherType => Ask {
            kind: if ask.kind == A { AAAA } else { A },
            ..again(None, "nothing came: is it the type?".to_owned())
        },
        Control::OverTcp => ask.over_tcp(why.says("nothing came over UDP: does it over TCP?")),
        _ => return None,
    };
    Some(Ask {
        wait: RETRY,
        ..other
    })
}

/// The shortest time in which a name server answered.
fn round_trip(walker: &Walker<'_>, server: &Server) -> Duration {
    walker.recorder.look(|steps| {
        let answered = steps.iter().filter(|step| {
            matches!(&step.seen, Seen::Lookup(lookup)
                if server.is_of(&lookup.via) && matches!(lookup.outcome, LookupOutcome::Answered(_)))
        });
        answered
            .map(|step| Duration::from_nanos(step.took.0.unsigned_abs()))
            .min()
            .unwrap_or(ROUND_TRIP)
    })
}

impl Resolving<'_, '_> {
    /// Why the zone's own servers are to be asked, where no address was found.
    pub(super) fn zone_tells(&self, resolver: &Server) -> Option<Why> {
        let walker = self.walker;
        let is_of_target = |lookup: &Lookup| same(&lookup.name, &walker.target.host);
        let is_negative =
            |symptom| matches!(symptom, Symptom::NameNotFound | Symptom::NameWithoutAddress);
        let fails = |symptom| symptom == Symptom::ServerFailure;
        let mut inquiries = [
            Inquiry::of_name(walker, is_negative, ""),
            Inquiry::of_question(walker, is_of_target, fails, ""),
        ];
        let trips = round_trip(walker, resolver) * ZONE_TRIPS;
        let offer = timed(Control::ZoneServers, ZONE_PACKETS, trips, RETRY * 2);
        let next = inquiries
            .iter_mut()
            .find_map(|inquiry| inquiry.next(&[offer]))?;
        let why = "no address was found: what do the zone's own servers say?";
        Some(next.why.says(why))
    }

    /// Answers whose chain of signatures is worth a look: those that a resolver holds back, or else one that it
    /// may vouch for.
    pub(super) fn doubts(&self, resolvers: &[Resolver], said: &[Said]) -> Vec<Doubt> {
        for (resolver, said) in resolvers.iter().zip(said) {
            let doubts: Vec<Doubt> = said
                .answers
                .iter()
                .filter_map(|(kind, answer)| self.held_back(&resolver.server, *kind, answer))
                .collect();
            if !doubts.is_empty() {
                return doubts;
            }
        }
        let one = resolvers.iter().zip(said).find_map(|(resolver, said)| {
            let (kind, answer) = said
                .answers
                .iter()
                .find(|(_, answer)| addresses_in(&answer.records).next().is_some())?;
            let why = if answer.authentic {
                Some("the resolver vouches for the answer (AD): how long do its signatures hold?")
            } else if self.walker.options.depth == Depth::Deep {
                Some("is the answer signed, and does the chain of signatures hold?")
            } else {
                None
            };
            Some(Doubt {
                server: resolver.server.clone(),
                kind: *kind,
                why: why.map(Why::from),
            })
        });
        one.into_iter().collect()
    }

    /// The chain of an answer that the server does not give, where it may be because of signatures: the table says so,
    /// or the server itself.
    fn held_back(&self, server: &Server, kind: u16, answer: &Answer) -> Option<Doubt> {
        if answer.rcode != "SERVFAIL" {
            return None;
        }
        let walker = self.walker;
        let ask = Ask::new(server, &walker.target.host, kind);
        // DS and DNSKEY of each zone, and the answer itself.
        let labels = walker.target.host.trim_end_matches('.').split('.').count();
        let packets = 2 * (labels as u32 + 1) + 1;
        let offer = timed(
            Control::Chain,
            packets,
            round_trip(walker, server) * packets,
            LONGEST.min(walker.left()),
        );
        let next =
            inquiry(walker, &ask, |symptom| symptom == Symptom::ServerFailure).next(&[offer]);
        let words = "SERVFAIL, but an answer without validation: which link does not hold?";
        let is_of_dnssec = |code: u16| matches!(code, 5..=12 | 25);
        let mut codes = answer.extended_errors.iter().map(|error| error.code);
        let why = match next {
            Some(next) => next.why.says(words),
            None if codes.any(is_of_dnssec) => {
                Why::from("SERVFAIL because of signatures: which link does not hold?")
            }
            None => return None,
        };
        Some(Doubt {
            server: server.clone(),
            kind,
            why: Some(why),
        })
    }
}
