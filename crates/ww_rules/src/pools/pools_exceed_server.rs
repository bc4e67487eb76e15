//! `pools-exceed-server`: pools of all instances together are larger than what the server accepts.

use super::opened::{self, Bound, Opened};
use crate::mend::set_number;
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_chain::{Party, PartyId};
use ww_finding::{Severity, Support};
use ww_model::service::Capacity;

rule! {
    name: "pools-exceed-server",
    family: "pools",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "The pools of all instances together may hold more connections than the server accepts",
    needs: [Calls],
    explains: [],
    page: "pools_exceed_server.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    for (index, party) in chains.parties.iter().enumerate() {
        let Some(room) = Room::of(party) else {
            continue;
        };
        let (opened, gaps) = opened::to(chains, PartyId(index), Bound::Pool);
        let total = opened
            .iter()
            .fold(0_u64, |all, it| all.saturating_add(it.total()));
        if total > room.free() {
            if !is_of_pooler(&opened, &room) {
                reports.add(story(declared, party, &opened, &room));
            }
        } else if !opened.is_empty() {
            for gap in gaps {
                reports.gap(gap);
            }
        }
    }
}

/// What a server accepts.
pub(crate) struct Room {
    connections: Known<u64>,
    reserved: Option<Known<u64>>,
}

impl Room {
    /// The connections of a party, when their number is known; the most, where it depends on the
    /// version.
    pub(crate) fn of(party: &Party<'_>) -> Option<Room> {
        let Capacity {
            connections,
            reserved,
            ..
        } = &party.program?.capacity;
        let listeners = &party.program?.listeners;
        if !listeners.iter().any(|one| one.protocol.is_database()) {
            return None;
        }
        let most = each(connections)
            .into_iter()
            .max_by_key(|known| known.value)?;
        (most.value > 0).then(|| Room {
            connections: most,
            reserved: each(reserved).into_iter().find(|known| known.value > 0),
        })
    }

    /// Those that are free for everybody.
    pub(crate) fn free(&self) -> u64 {
        let reserved = self.reserved.as_ref().map_or(0, |known| known.value);
        self.connections.value.saturating_sub(reserved)
    }

    /// The arithmetic in words.
    pub(crate) fn words(&self) -> String {
        match &self.reserved {
            Some(reserved) => format!(
                "{} ({} − {} reserved)",
                self.free(),
                self.connections.value,
                reserved.value
            ),
            None => self.connections.value.to_string(),
        }
    }

    /// Adds the bound to a story.
    pub(crate) fn show(
        &self,
        story: Story,
        party: &Party<'_>,
        otherwise: ww_base::SourceSpan,
    ) -> Story {
        let (name, place) = (&party.name, party.at().unwrap_or(otherwise));
        let says = format!("{name} accepts {} connections", self.connections.value);
        let story = story.show(self.connections.show(place, &says));
        match &self.reserved {
            Some(reserved) => {
                let says = format!("{} of them are kept for administration", reserved.value);
                story.show(reserved.show(place, &says))
            }
            None => story,
        }
    }

    /// What the bound would have to be.
    pub(crate) fn wanted(&self, total: u64) -> u64 {
        total.saturating_add(self.connections.value - self.free())
    }
}

/// Whether one pooler alone takes all of it, which `pooler-exceeds-server` says.
fn is_of_pooler(opened: &[Opened<'_, '_>], room: &Room) -> bool {
    opened
        .iter()
        .any(|it| opened::is_pooler(it.caller) && it.total() > room.free())
}

fn story(
    declared: &Declared<'_>,
    server: &Party<'_>,
    opened: &[Opened<'_, '_>],
    room: &Room,
) -> Story {
    let name = &server.name;
    let total: u64 = opened.iter().map(Opened::total).sum();
    let words: Vec<String> = opened.iter().map(Opened::words).collect();
    let callers = opened::names(opened);
    let story = Story::proved(
        format!(
            "{callers} may open {total} connections to {name} ({}), which accepts {}: the rest are refused",
            words.join(" + "),
            room.words()
        ),
        format!("fewer than {} connections to {name} at the highest load", room.free()),
    )
    .support(Support::Declared);
    let Some(largest) = opened.first() else {
        return story;
    };
    let story = opened
        .iter()
        .flat_map(Opened::show)
        .fold(story, Story::show);
    let story = room.show(story, server, largest.hop.call.at);
    let smaller = room.free() / largest.copies().max(1);
    let story = match (opened, largest.pools.as_slice()) {
        _ if opened::is_pooler(server) && !calls_nobody(server) => story.advise(format!(
            "Let {name} accept {} connections of clients: they cost it little, and wait for those to the database",
            room.wanted(total)
        )),
        ([one], [pool]) if one.threads.is_none() && smaller > 0 => {
            let client = &largest.caller.name;
            let title = format!("Give each pool of {client} at most {smaller} connections");
            story
                .fix(set_number(declared, (pool, one.hop.call.at), smaller, title))
                .advise(more(name, room.wanted(total)))
        }
        _ => story
            .advise(format!("Make the pools smaller: {} connections in all", room.free()))
            .advise(more(name, room.wanted(total))),
    };
    if held(opened) > room.free() {
        story.severity(Severity::High)
    } else {
        story
    }
}

/// Whether a server passes nothing on: it is the database itself.
fn calls_nobody(server: &Party<'_>) -> bool {
    server
        .program
        .is_none_or(|program| program.calls.is_empty())
}

fn more(name: &str, wanted: u64) -> String {
    format!("Or let {name} accept {wanted}, where it has the memory, or put a pooler before it")
}

/// Connections that pools open before anybody asks for them, as those of the JVM do.
fn held(opened: &[Opened<'_, '_>]) -> u64 {
    let ahead = opened
        .iter()
        .filter(|it| it.caller.component().starts_with("spring"));
    let kept = |it: &Opened<'_, '_>| {
        let side = &it.hop.call.side;
        let idle = each(&side.pool_idle).into_iter().map(|known| known.value);
        idle.min().unwrap_or_default().saturating_mul(it.copies())
    };
    ahead.map(kept).sum()
}
