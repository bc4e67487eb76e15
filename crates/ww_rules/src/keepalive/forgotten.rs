//! Idle connections that a device on the way forgets before both ends do.

use crate::Declared;
use crate::operand::{Answer, Known, ask, each};
use ww_base::{Gap, Setting, Span};
use ww_chain::{Hop, Party};
use ww_model::service::{ClientSide, Middlebox, Silence};

/// A connection that stays idle for longer than a device on its way remembers it.
pub(super) struct Forgotten<'c, 'm> {
    pub(super) hop: &'c Hop<'m>,
    /// Who keeps the connection.
    pub(super) caller: &'c Party<'m>,
    /// To whom it goes, as reports call it.
    pub(super) callee: String,
    pub(super) device: &'m Middlebox,
    /// After how much silence the device forgets it.
    pub(super) idle: Known<Span>,
    /// How long the caller keeps it; none where nothing bounds that.
    pub(super) keeps: Option<Known<Span>>,
    /// Probes of the silent connection, which come too late.
    pub(super) probes: Option<Known<Span>>,
}

impl Forgotten<'_, '_> {
    /// Whether packets of a forgotten connection vanish.
    pub(super) fn vanishes(&self) -> bool {
        self.device.then.value() == Some(&Silence::Drop)
    }

    /// What becomes of the request that is sent then.
    pub(super) fn consequence(&self) -> &'static str {
        match self.device.then.value() {
            Some(Silence::Drop) => "the first request behind a quiet time is sent into nowhere",
            Some(Silence::Reset) => {
                "the first request behind a quiet time is answered with a reset"
            }
            None => "the first request behind a quiet time fails",
        }
    }
}

/// Every such connection, and what would have to be known to judge others.
pub(super) fn all<'c, 'm>(declared: &'c Declared<'m>) -> (Vec<Forgotten<'c, 'm>>, Vec<Gap>) {
    let chains = declared.chains();
    let (mut found, mut gaps) = (Vec::new(), Vec::new());
    for hop in &chains.hops {
        let Some(caller) = chains.caller(hop) else {
            continue;
        };
        let callee = chains.callee(hop);
        for device in &hop.middleboxes {
            match judge(hop, (caller, callee), device) {
                Answer::Yes(case) => found.push(case),
                Answer::Open(gap) => gaps.push(gap),
                Answer::No => {}
            }
        }
    }
    (found, gaps)
}

fn judge<'c, 'm>(
    hop: &'c Hop<'m>,
    (caller, callee): (&'c Party<'m>, Option<&Party<'m>>),
    device: &'m Middlebox,
) -> Answer<Forgotten<'c, 'm>> {
    let name = callee.map_or(&hop.target.host, |party| &party.name).clone();
    let what = format!("when {} forgets silent connections", device.name);
    let idle = match ask(&device.idle, &what, |idle| *idle > Span::ZERO) {
        Answer::Yes(idle) => idle,
        Answer::No => return Answer::No,
        Answer::Open(gap) => return Answer::Open(gap),
    };
    let kept = match kept(hop, caller, &name, idle.value) {
        Answer::Yes(keeps) => keeps,
        Answer::No => return Answer::No,
        Answer::Open(gap) => return Answer::Open(gap),
    };
    match closes_first(hop, callee, &name, idle.value) {
        Answer::Yes(()) => return Answer::No,
        Answer::Open(gap) => return Answer::Open(gap),
        Answer::No => {}
    }
    match probes(hop, (caller, callee), &name, idle.value) {
        Answer::Yes(probes) => Answer::Yes(Forgotten {
            hop,
            caller,
            callee: name,
            device,
            idle,
            keeps: kept,
            probes,
        }),
        Answer::No => Answer::No,
        Answer::Open(gap) => Answer::Open(gap),
    }
}

/// Whether the caller keeps idle connections for at least so long, and for how long it does.
/// `HAProxy` thins its idle connections out all the time, and products without a pool keep none.
fn kept(
    hop: &Hop<'_>,
    caller: &Party<'_>,
    callee: &str,
    idle: Span,
) -> Answer<Option<Known<Span>>> {
    let side = &hop.call.side;
    if caller.component() == "haproxy" {
        return Answer::No;
    }
    if hop.call.protocol.is_http() {
        let what = format!("whether {} keeps connections to {callee}", caller.name);
        match ask(&side.reuses, &what, |reuses| *reuses) {
            Answer::Yes(_) => {}
            Answer::No => return Answer::No,
            Answer::Open(gap) => return Answer::Open(gap),
        }
    } else if !has_pool(side) {
        return Answer::No;
    }
    let what = format!(
        "how long {} keeps idle connections to {callee}",
        caller.name
    );
    let mut keeps = None;
    for (setting, is_needed) in [(&side.keepalive_idle, true), (&side.max_lifetime, false)] {
        let known = each(setting);
        match setting {
            Setting::Unknown(gap) if is_needed && gap.missing.is_empty() => {
                return Answer::Open(Gap::new(
                    what,
                    "the source or file that makes the pool, or wirewise.toml",
                ));
            }
            Setting::Unknown(gap) if is_needed => return Answer::Open(gap.clone()),
            _ if known.is_empty() => continue,
            _ => {}
        }
        let outlive = known.iter().filter(|known| known.value >= idle).count();
        match outlive {
            0 => return Answer::No,
            count if count < known.len() => {
                return Answer::Open(Gap::new(what, "the version of the product in use"));
            }
            _ => keeps = keeps.or_else(|| known.into_iter().next()),
        }
    }
    Answer::Yes(keeps)
}

/// Whether a pool of a protocol other than HTTP is known.
fn has_pool(side: &ClientSide) -> bool {
    let counts = [&side.pool, &side.pool_idle];
    counts.iter().any(|count| count.value().is_some()) || side.keepalive_idle.is_written()
}

/// Whether the other end closes an idle connection before the device forgets it: the close arrives.
/// Databases do so only when they are told to; of other servers it has to be known.
fn closes_first(hop: &Hop<'_>, callee: Option<&Party<'_>>, name: &str, idle: Span) -> Answer<()> {
    let what = format!("when {name} closes idle connections");
    let Some(listener) = hop.listener else {
        return if hop.call.protocol.is_http() && callee.is_some() {
            Answer::Open(Gap::new(
                what,
                "the files that configure its server, or its settings in wirewise.toml",
            ))
        } else {
            Answer::No
        };
    };
    if hop.call.protocol.is_database() && listener.side.keepalive_idle.is_unknown() {
        return Answer::No;
    }
    match ask(&listener.side.keepalive_idle, &what, |closes| {
        *closes > Span::ZERO && *closes < idle
    }) {
        Answer::Yes(_) => Answer::Yes(()),
        Answer::No => Answer::No,
        Answer::Open(gap) => Answer::Open(gap),
    }
}

/// Probes of a silent connection that come too late, if there are any; no when they come in time.
fn probes(
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, Option<&Party<'_>>),
    name: &str,
    idle: Span,
) -> Answer<Option<Known<Span>>> {
    let own = &hop.call.side.probe_after;
    let what = |who: &str| format!("how often {who} probes silent connections");
    let is_late = |after: &Span| *after >= idle;
    let late = match (own, ask(own, &what(&caller.name), is_late)) {
        (Setting::Off(_), _) => None,
        (_, Answer::Yes(late)) => Some(late),
        (_, Answer::No) => return Answer::No,
        (_, Answer::Open(gap)) => return Answer::Open(gap),
    };
    let Some(listener) = hop.listener else {
        return match callee {
            Some(_) | None if late.is_some() => Answer::Yes(late),
            _ => Answer::Open(Gap::new(
                what(name),
                format!("the files of {name}, or `probe_after` of the call in wirewise.toml"),
            )),
        };
    };
    let theirs = &listener.side.probe_after;
    match (theirs, ask(theirs, &what(name), is_late)) {
        (Setting::Off(_), _) => Answer::Yes(late),
        (_, Answer::Yes(known)) => Answer::Yes(late.or(Some(known))),
        (_, Answer::No) => Answer::No,
        (_, Answer::Open(gap)) => {
            if is_silent(callee) {
                Answer::Yes(late)
            } else {
                Answer::Open(gap)
            }
        }
    }
}

/// Whether a server sends no probes of its own accord, or only after the two hours of the system:
/// all servers of HTTP that are known, but those written in Go.
fn is_silent(callee: Option<&Party<'_>>) -> bool {
    let component = callee.map_or("", Party::component);
    matches!(
        component,
        "node-http" | "fastify" | "gunicorn" | "uvicorn" | "hypercorn" | "waitress" | "puma"
    )
}
