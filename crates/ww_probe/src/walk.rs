//! The order of a walk: names, connections, and what is spoken over them.

use crate::recorder::{Listener, Recorder};
use crate::{NetworkNamespace, Options, apply, binding, dns, http, series, tcp, tls, unanswered};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ww_base::{Gap, Moment, SourceId};
use ww_evidence::transcript::{
    ClockState, Head, Service, Step, Target, TlsSurvey, Transcript, Validation,
};

/// A walk in progress: what every layer needs.
pub(crate) struct Walker<'w> {
    /// What is probed.
    pub(crate) target: &'w Target,
    /// What the user asks.
    pub(crate) options: &'w Options,
    /// Where steps are written.
    pub(crate) recorder: Recorder<'w>,
}

impl Walker<'_> {
    /// How long a question that is put now may wait; `None` when the time is up.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.at_most(self.options.patience)
    }

    /// How much of the time for the walk is left.
    pub(crate) fn left(&self) -> Duration {
        self.options
            .max_time
            .saturating_sub(self.recorder.elapsed())
    }

    /// At most this long, as far as the time for the walk allows; `None` when it is up.
    pub(crate) fn at_most(&self, wanted: Duration) -> Option<Duration> {
        let left = self.left();
        if left.is_zero() {
            self.note_end();
            return None;
        }
        Some(left.min(wanted))
    }

    /// Notes that the time was up before all was asked.
    pub(crate) fn note_end(&self) {
        self.recorder.gap(Gap::new(
            "what comes after --max-time",
            "a larger --max-time",
        ));
    }
}

/// Walks a live endpoint. `each` is called with every step once it is over.
///
/// # Errors
///
/// The system does not let this program wait for sockets or enter the network namespace. What the endpoint does is never an error.
pub fn walk(
    target: &Target,
    options: &Options,
    source: SourceId,
    each: &mut dyn FnMut(&Step),
) -> io::Result<Transcript> {
    // Left last: whatever the runtime starts lives in the namespace too.
    let _entered = options
        .namespace
        .as_ref()
        .map(NetworkNamespace::enter)
        .transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let began = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(Moment(0), |since| Moment(since.as_nanos() as i64));
    let mut listener = |step: &Step| each(step);
    let listener: &mut Listener<'_> = &mut listener;
    let walker = Walker {
        target,
        options,
        recorder: Recorder::new(listener).commands_begin_with(
            options
                .namespace
                .as_ref()
                .map(NetworkNamespace::prefix)
                .unwrap_or_default(),
        ),
    };
    runtime.block_on(walker.run());
    let (steps, gaps) = walker.recorder.finish();
    Ok(Transcript {
        source,
        head: Head {
            target: target.clone(),
            began,
            namespace: options
                .namespace
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            clock: clock(),
            privileged: tcp::privileged(),
            syn_repeats: tcp::syn_repeats(),
        },
        steps,
        gaps,
    })
}

fn clock() -> ClockState {
    match ww_sys::is_clock_synchronised() {
        Some(true) => ClockState::Synchronised,
        Some(false) => ClockState::Unsynchronised,
        None => ClockState::Unknown,
    }
}

/// All versions, suites and groups that an address accepts, without the other layers: for comparison with
/// programs that do nothing else.
///
/// # Errors
///
/// The system does not let this program wait for sockets.
pub fn survey_tls(target: &Target, options: &Options, to: SocketAddr) -> io::Result<TlsSurvey> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut nobody = |_: &Step| {};
    let walker = Walker {
        target,
        options,
        recorder: Recorder::new(&mut nobody),
    };
    Ok(runtime.block_on(tls::survey_all(&walker, to)))
}

/// The DNSSEC chain of a name and type (`A`, `AAAA`), through this resolver, without the other layers: for
/// comparison with programs that do nothing else.
///
/// # Errors
///
/// The system does not let this program wait for sockets, or there is no such name or type.
pub fn validate_name(
    name: &str,
    kind: &str,
    server: SocketAddr,
    options: &Options,
) -> io::Result<Validation> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let target = Target {
        host: name.to_owned(),
        ..Target::default()
    };
    let mut nobody = |_: &Step| {};
    let walker = Walker {
        target: &target,
        options,
        recorder: Recorder::new(&mut nobody),
    };
    runtime.block_on(dns::validate_one(&walker, server, kind))
}

/// A part of a walk that goes on beside others.
type Branch<'b> = Pin<Box<dyn Future<Output = ()> + 'b>>;

impl Walker<'_> {
    async fn run(&self) {
        let found = dns::find(self).await;
        // Questions about signatures go to the resolver, and nobody waits for them.
        let validation: Branch<'_> = Box::pin(dns::validate(self, &found.doubts));
        let layers: Branch<'_> = Box::pin(self.layers(found.endpoints, &found.bound));
        tls::together([validation, layers]).await;
    }

    async fn layers(&self, mut targets: Vec<SocketAddr>, bound: &[dns::Endpoint]) {
        targets.retain(|target| self.options.families.allow(target.ip()));
        // STUN is spoken over UDP; that TCP is refused there says nothing.
        let open = if self.target.service == Service::Stun {
            Vec::new()
        } else {
            tcp::connect_each(self, &targets).await
        };
        tls::probe_each(self, &open).await;
        http::ask(self, &open).await;
        binding::try_each(self, bound, &targets).await;
        apply::ask(self, &targets, &open).await;
        tls::probe_each_behind_clear_text(self, &open).await;
        unanswered::explain_each(self, &open).await;
        series::repeat(self, &targets).await;
        tcp::look_closer(self).await;
    }
}
