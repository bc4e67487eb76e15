//! `pool-outlives-server`: a pool keeps connections longer than the database does.

use crate::mend::set_time;
use crate::operand::{Answer, Known, ask, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Gap, Locus, Setting, SourceSpan, Span};
use ww_chain::{Hop, Party};
use ww_finding::{Fix, Safety, Severity, Support};
use ww_model::service::ClientSide;

rule! {
    name: "pool-outlives-server",
    family: "keepalive",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A pool keeps connections at least as long as the database keeps idle ones",
    needs: [Calls],
    explains: [],
    page: "pool_outlives_server.md",
    check: check,
}

/// How much earlier than the database the pool has to let go.
const MARGIN: Span = Span::from_secs(1);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<(SourceSpan, Option<SourceSpan>)> = BTreeSet::new();
    for hop in chains
        .hops
        .iter()
        .filter(|hop| hop.call.protocol.is_database())
    {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        match judge(hop, caller, callee) {
            Answer::Yes(outlived) => {
                let at = outlived.closes.at.or(callee.at());
                if told.insert((hop.call.at, at)) {
                    reports.add(story(declared, hop, (caller, callee), &outlived));
                }
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
}

/// When the database closes, and when the pool does; none where it never does.
struct Outlived {
    keeps: Option<Known<Span>>,
    closes: Known<Span>,
}

fn judge(hop: &Hop<'_>, caller: &Party<'_>, callee: &Party<'_>) -> Answer<Outlived> {
    let side = &hop.call.side;
    let Some(listener) = hop.listener else {
        return Answer::No;
    };
    let is_tested = format!(
        "whether {} tests connections before it uses them",
        caller.name
    );
    match ask(&side.tests_before_use, &is_tested, |tests| *tests) {
        Answer::Yes(_) => return Answer::No,
        Answer::Open(gap) if has_pool(side) => return Answer::Open(gap),
        _ => {}
    }
    if !has_pool(side) {
        return Answer::No;
    }
    let what = format!("when {} closes idle connections", callee.name);
    let closes = match ask(&listener.side.keepalive_idle, &what, |span| {
        *span > Span::ZERO
    }) {
        Answer::Yes(closes) => closes,
        Answer::No => return Answer::No,
        Answer::Open(gap) => return Answer::Open(gap),
    };
    let holds = |span: &Span| closes.value < *span + MARGIN;
    let mut keeps = None;
    for (setting, what) in [
        (
            &side.keepalive_idle,
            "how long idle connections stay in the pool",
        ),
        (&side.max_lifetime, "how old connections of the pool become"),
    ] {
        let known = each(setting);
        if !known.is_empty() && known.iter().all(|known| !holds(&known.value)) {
            return Answer::No;
        }
        match setting {
            Setting::Off(_) => {}
            Setting::Unknown(_) => {
                return Answer::Open(Gap::new(
                    format!("{what} of {} to {}", caller.name, callee.name),
                    "the source or file that makes the pool",
                ));
            }
            _ => keeps = keeps.or_else(|| known.into_iter().next()),
        }
    }
    Answer::Yes(Outlived { keeps, closes })
}

/// Whether the caller is known to keep connections in a pool.
fn has_pool(side: &ClientSide) -> bool {
    [&side.pool, &side.pool_idle]
        .iter()
        .any(|pool| pool.value().is_some())
}

fn story(
    declared: &Declared<'_>,
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    outlived: &Outlived,
) -> Story {
    let (client, server) = (&caller.name, &callee.name);
    let closes = said(outlived.closes.value);
    let place = callee.at().unwrap_or(hop.call.at);
    let lower = Span((outlived.closes.value.0 / 2 / 1_000_000_000).max(1) * 1_000_000_000);
    let keeps = outlived.keeps.as_ref();
    let kept = keeps.map_or("for ever".to_owned(), |keeps| {
        format!("for {}", said(keeps.value))
    });
    let title = format!(
        "Let {client} replace connections before {server} closes them: after {}",
        said(lower)
    );
    let fix = match keeps {
        Some(keeps) => set_time(declared, (keeps, hop.call.at), lower, title),
        None => Fix {
            title,
            safety: Safety::Review,
            edits: Vec::new(),
        },
    };
    let because = forever_because(&hop.call.side.max_lifetime).filter(|_| keeps.is_none());
    let says = match because {
        Some(by) => format!("{client} keeps connections {kept}, by default: {by}"),
        None => format!("{client} keeps connections {kept}"),
    };
    let exhibit = match keeps {
        Some(keeps) => keeps.show(hop.call.at, &says),
        None => forever(hop.call.at).show(hop.call.at, &says),
    };
    let story = Story::proved(
        format!(
            "{server} closes connections that are idle for {closes}, {client} keeps them {kept}: \
             the first query behind a quiet time fails"
        ),
        format!(
            "a capture between {client} and {server} in which {client} closes each connection that \
             is silent before {closes} are over"
        ),
    )
    .support(Support::Declared)
    .show(exhibit)
    .show(outlived.closes.show(
        place,
        &format!("{server} closes idle connections after {closes}"),
    ))
    .fix(fix)
    .advise(format!(
        "Or let {client} test a connection before it uses it, at the price of a round trip"
    ));
    if outlived.closes.at.is_some() {
        story
    } else {
        story.severity(Severity::Medium)
    }
}

/// Why there is no bound, where no file says so.
fn forever_because(setting: &Setting<Span>) -> Option<&str> {
    match setting {
        Setting::Off(Locus::Assumed { by }) => Some(by),
        _ => None,
    }
}

/// What stands for a bound that there is none of: the place of the call.
fn forever(at: SourceSpan) -> Known<Span> {
    Known {
        value: Span::ZERO,
        at: Some(at),
        because: None,
        default: None,
        versions: None,
    }
}
