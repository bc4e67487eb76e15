//! `keep-alive-race`: a server closes idle connections before the caller that keeps them does.

use crate::mend::{add_lines, as_value, set_time};
use crate::operand::{Answer, Known, ask, ask_two, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{SourceSpan, Span};
use ww_chain::{Chains, Hop, Party};
use ww_finding::{Exhibit, Fix, Severity, Support};
use ww_model::service::{ClientSide, Listener, Methods, Protocol};

rule! {
    name: "keep-alive-race",
    family: "keepalive",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A server closes idle connections no later than the caller that keeps them: requests meet the close",
    needs: [Calls],
    explains: [],
    page: "keep_alive_race.md",
    check: check,
}

/// How much longer than the caller's the server's idle time has to be: a round trip, and the
/// second that a timer may be late (Node.js adds one for this reason from 22.22 on).
const MARGIN: Span = Span::from_secs(1);

/// From this idle time on, a request seldom comes in the very moment of the close.
const RARE: Span = Span::from_secs(600);

/// HAProxy closes half of the connections that it does not need every 5 s (`pool-purge-delay`): few are left after this.
const PURGED: Span = Span::from_secs(30);

/// How much longer than the caller's the fix makes the server's.
const FIX_MARGIN: Span = Span::from_secs(5);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<(Option<SourceSpan>, Option<SourceSpan>, String)> = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| may_race(hop)) {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        match judge(hop, caller, callee) {
            Answer::Yes(race) => {
                let key = (race.keeps.at(), race.closes.at, callee.name.clone());
                if told.insert(key) {
                    reports.add(story(declared, hop, (caller, callee), &race));
                }
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
}

/// Whether a request can meet the close: gRPC tells the caller first, and takes no request with it
/// (GOAWAY).
fn may_race(hop: &Hop<'_>) -> bool {
    hop.call.protocol.is_http() && hop.call.protocol != Protocol::Grpc
}

/// The lines of a hop's race, as the finding shows them first: the caller's and the server's. None where it is not
/// known that there is one.
pub(crate) fn lines(chains: &Chains<'_>, hop: &Hop<'_>) -> Option<[Exhibit; 2]> {
    let (caller, callee) = (chains.caller(hop)?, chains.callee(hop)?);
    match judge(hop, caller, callee) {
        Answer::Yes(race) => Some(shown(hop, (caller, callee), &race)),
        _ => None,
    }
}

/// How long the caller keeps idle connections.
enum Keeps {
    /// So long.
    For(Known<Span>),
    /// Until the server closes them, and any of its own clients may have one: HAProxy with `http-reuse always`.
    Shared(Known<bool>),
}

impl Keeps {
    fn at(&self) -> Option<SourceSpan> {
        match self {
            Keeps::For(known) => known.at,
            Keeps::Shared(known) => known.at,
        }
    }
}

/// The caller's side and the server's.
struct Race {
    keeps: Keeps,
    closes: Known<Span>,
}

fn judge(hop: &Hop<'_>, caller: &Party<'_>, callee: &Party<'_>) -> Answer<Race> {
    let side = &hop.call.side;
    match ask(
        &side.reuses,
        &format!(
            "whether {} keeps connections to {}",
            caller.name, callee.name
        ),
        |reuses| *reuses,
    ) {
        Answer::Yes(_) => {}
        Answer::No => return Answer::No,
        Answer::Open(gap) => return Answer::Open(gap),
    }
    let shares = shares_until_closed(&hop.call.side);
    if side.keepalive_idle.is_off() && shares.is_none() {
        return Answer::No;
    }
    let closes = format!("when {} closes idle connections", callee.name);
    let Some(listener) = hop.listener else {
        return Answer::Open(ww_base::Gap::new(
            closes,
            "the files that configure its server, or its settings in wirewise.toml",
        ));
    };
    if closes_itself(listener) {
        return Answer::No;
    }
    let server = &listener.side.keepalive_idle;
    if let Some(shares) = shares {
        return match ask(server, &closes, |closes| *closes > Span::ZERO) {
            Answer::Yes(closes) => Answer::Yes(Race {
                keeps: Keeps::Shared(shares),
                closes,
            }),
            Answer::No => Answer::No,
            Answer::Open(gap) => Answer::Open(gap),
        };
    }
    let keeps = format!(
        "how long {} keeps idle connections to {}",
        caller.name, callee.name
    );
    let answer = ask_two(
        (&side.keepalive_idle, &keeps),
        (server, &closes),
        |keeps, closes| *closes > Span::ZERO && *closes < *keeps + MARGIN,
    );
    match answer {
        Answer::Yes((keeps, closes)) => Answer::Yes(Race {
            keeps: Keeps::For(keeps),
            closes,
        }),
        Answer::No => Answer::No,
        Answer::Open(gap) => Answer::Open(gap),
    }
}

/// Where connections end with the server's close only and the first request of any client may have one, without being
/// sent again when it meets the close.
fn shares_until_closed(side: &ClientSide) -> Option<Known<bool>> {
    let is_unbounded = side.keepalive_idle.is_off() && side.on_stale == Methods::None;
    let first = each(&side.first_on_kept);
    let shares = first.into_iter().next().filter(|known| known.value);
    shares.filter(|_| is_unbounded)
}

/// Whether the server says with each answer that it closes the connection: the caller then never
/// takes it for one that is kept.
fn closes_itself(listener: &Listener) -> bool {
    let requests = each(&listener.side.keepalive_requests);
    !requests.is_empty() && requests.iter().all(|known| known.value <= 1)
}

/// The caller's line and the server's.
fn shown(hop: &Hop<'_>, (caller, callee): (&Party<'_>, &Party<'_>), race: &Race) -> [Exhibit; 2] {
    let (client, server) = (&caller.name, &callee.name);
    let keeps = match &race.keeps {
        Keeps::For(keeps) => {
            let says = format!("{client} keeps idle connections for {}", said(keeps.value));
            keeps.show(hop.call.at, &says)
        }
        Keeps::Shared(shares) => {
            let says = format!("{client} keeps idle connections, for requests of any client");
            shares.show(hop.call.at, &says)
        }
    };
    let place = callee.at().unwrap_or(hop.call.at);
    let says = format!("{server} closes them after {}", said(race.closes.value));
    [keeps, race.closes.show(place, &says)]
}

fn story(
    declared: &Declared<'_>,
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    race: &Race,
) -> Story {
    let (client, server) = (&caller.name, &callee.name);
    let keeps = match &race.keeps {
        Keeps::For(keeps) => format!("{client} keeps them for {}", said(keeps.value)),
        Keeps::Shared(_) => format!("{client} keeps them until then and shares them"),
    };
    let mut story = Story::proved(
        format!(
            "{server} closes idle connections after {}, {keeps}: requests meet the close, {}",
            said(race.closes.value),
            consequence(hop.call.side.on_stale)
        ),
        format!(
            "a capture between {client} and {server} in which {client} is always the first to send FIN"
        ),
    )
    .support(Support::Declared);
    for exhibit in shown(hop, (caller, callee), race) {
        story = story.show(exhibit);
    }
    match &race.keeps {
        Keeps::For(keeps) => apart(story, declared, hop, (caller, callee), (keeps, &race.closes))
            .severity(severity(hop.call.side.on_stale, race.closes.value)),
        Keeps::Shared(_) => story
            .advise(format!(
                "Let {client} send again what may be sent twice: `retry-on conn-failure empty-response` with \
                 `http-request disable-l7-retry if METH_POST`"
            ))
            .advise("Or keep the first request of a client off such connections: `http-reuse safe`")
            .severity(if race.closes.value > PURGED {
                Severity::Low
            } else {
                Severity::High
            }),
    }
}

/// The two ways to keep the timers apart.
fn apart(
    story: Story,
    declared: &Declared<'_>,
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    (keeps, closes): (&Known<Span>, &Known<Span>),
) -> Story {
    let wanted = keeps.value + FIX_MARGIN;
    let lower = Span((closes.value.0 * 4 / 5 / 1_000_000_000).max(1) * 1_000_000_000);
    let longer = format!(
        "Let {} keep idle connections longer than {}: {}",
        callee.name,
        caller.name,
        said(wanted)
    );
    let place = hop.listener.map_or(hop.call.at, |listener| listener.at);
    story
        .fix(set_time(declared, (closes, place), wanted, longer))
        .fix(shorter(declared, hop, caller, keeps, lower))
}

fn severity(on_stale: Methods, closes: Span) -> Severity {
    match on_stale {
        _ if closes >= RARE => Severity::Low,
        Methods::All => Severity::Critical,
        _ => Severity::High,
    }
}

/// The fix on the caller's side. nginx keeps the connections of an `upstream` for a time that is
/// written there.
fn shorter(
    declared: &Declared<'_>,
    hop: &Hop<'_>,
    caller: &Party<'_>,
    keeps: &Known<Span>,
    lower: Span,
) -> Fix {
    let title = format!(
        "Or let {} drop them first: {} in place of {}",
        caller.name,
        said(lower),
        said(keeps.value)
    );
    let nginx = caller
        .program
        .filter(|program| program.product.component == "nginx");
    let upstream = nginx.and_then(|program| program.room(hop.target.at, &["upstream"]));
    if keeps.at.is_none() && upstream.is_some() {
        let line = format!("keepalive_timeout {};", as_value(lower));
        return add_lines(upstream, &[line], title);
    }
    set_time(declared, (keeps, hop.call.at), lower, title)
}

/// What becomes of a request that meets a closed connection, as measured per product.
fn consequence(on_stale: Methods) -> &'static str {
    match on_stale {
        Methods::None => "and every request that does so fails",
        Methods::Safe | Methods::Idempotent => {
            "and those that must not be sent twice, as POST, fail"
        }
        Methods::All => {
            "and those that do so are sent again, so that a POST may be carried out twice"
        }
    }
}
