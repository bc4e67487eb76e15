//! `pooler-exceeds-server`: a pooler's own pools are larger than what the database accepts.

use super::opened::{self, Bound, Opened};
use super::pools_exceed_server::Room;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_chain::{Party, PartyId};
use ww_finding::Support;

rule! {
    name: "pooler-exceeds-server",
    family: "pools",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A pooler's pools together may hold more connections than the database behind it accepts",
    needs: [Calls],
    explains: [],
    page: "pooler_exceeds_server.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    for (index, party) in chains.parties.iter().enumerate() {
        let Some(room) = Room::of(party) else {
            continue;
        };
        let (opened, _) = opened::to(chains, PartyId(index), Bound::Pool);
        let poolers = opened.iter().filter(|it| opened::is_pooler(it.caller));
        for pooler in poolers.filter(|it| it.total() > room.free()) {
            reports.add(story(party, pooler, &room));
        }
    }
}

fn story(server: &Party<'_>, pooler: &Opened<'_, '_>, room: &Room) -> Story {
    let (name, client) = (&server.name, &pooler.caller.name);
    let total = pooler.total();
    let databases = pooler.pools.len() as u64;
    let story = Story::proved(
        format!(
            "{client} may open {total} connections to {name} ({}), for one user of each database, while \
             {name} accepts {}: its clients get errors in place of waiting",
            pooler.words(),
            room.words()
        ),
        format!("`SHOW POOLS` of {client} with fewer than {} servers at the highest load", room.free()),
    )
    .support(Support::Declared);
    let story = pooler.show().into_iter().fold(story, Story::show);
    let story = room.show(story, server, pooler.hop.call.at);
    let copies = pooler.copies().saturating_mul(databases).max(1);
    story
        .advise(format!(
            "Make each pool smaller: {} connections, or bound them by database",
            (room.free() / copies).max(1)
        ))
        .advise(format!("Or let {name} accept {}", room.wanted(total)))
}
