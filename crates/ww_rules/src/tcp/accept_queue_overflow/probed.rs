//! The same cause at a service of this host: its kernel counts the connections that a full queue dropped.

use crate::tcp::attempts::{Failure, failures, local_state, shows};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_finding::Support;

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (attempt, failure) in failures(walk) {
        let counted = local_state(walk, attempt.to).filter(|(_, state)| state.listen_overflows > 0);
        if let (Failure::Silence, Some((step, state))) = (failure, counted) {
            sightings.add(
                Sighting::new(Subject::Step(attempt.step.number), attempt.to.to_string())
                    .lost(attempt.step.took)
                    .show(walk.at(attempt.step, shows(&attempt, failure)))
                    .show(walk.at(
                        step,
                        format!(
                            "ListenOverflows grew by {} meanwhile",
                            state.listen_overflows
                        ),
                    )),
            );
        }
    }
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let port = walk.target().port;
    let whom = sightings.first().map_or("", |one| one.group.as_str());
    Story::observed(
        format!(
            "{whom} does not take connections: the queue of its listener is full, and this host's kernel drops what comes"
        ),
        format!("ss -ltn 'sport = :{port}' whose Recv-Q is not above Send-Q"),
    )
    .support(Support::Corroborated)
    .advise(format!(
        "See whether the program accepts at all: ss -ltnp 'sport = :{port}' (Recv-Q are connections that wait); it may hang, or have too few workers"
    ))
    .advise("Raise the backlog of listen() together with net.core.somaxconn")
}
