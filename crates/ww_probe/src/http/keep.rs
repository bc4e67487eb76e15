//! How long, and for how many requests, a server keeps a connection.

use super::exchange::{self, Io, Waits};
use super::open;
use super::request::Request;
use super::wire::Ending;
use crate::recorder::{Asked, span};
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use ww_base::Span;
use ww_evidence::transcript::{HttpExchange, HttpOutcome, HttpVersion, KeepAliveProbe, Seen};

/// No idle connection is watched for longer: most servers' timers are 5, 60 or 75 s.
const IDLE_MAX: Duration = Duration::from_secs(75);

/// No more requests are put over one connection.
const REQUESTS_MAX: u32 = 200;

/// From one of them to the next: at most fifty in a second.
const PACE: Duration = Duration::from_millis(20);

/// What a server may say before it ends an idle connection.
const WORDS_MAX: usize = 64 * 1024;

/// Measures both at one address.
pub(crate) async fn measure(walker: &Walker<'_>, request: &Request, answered: &HttpExchange) {
    let (Some(to), Some(reply)) = (answered.to, answered.reply()) else {
        return;
    };
    let asked = Asked::now(String::new()).because("what the server keeps connections for");
    let request = Request {
        method: "HEAD",
        ..request.clone()
    };
    let mut seen = KeepAliveProbe {
        to: Some(to),
        announced: reply.header("keep-alive").and_then(announced),
        ..KeepAliveProbe::default()
    };
    count(walker, &request, to, &mut seen).await;
    watch(walker, &request, to, &mut seen).await;
    walker.recorder.answer(asked, Seen::KeepAlive(seen));
}

/// The time in a `Keep-Alive` field.
fn announced(value: &str) -> Option<Span> {
    value.split(',').find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        let seconds: i64 = value.trim().parse().ok()?;
        let known = name.trim().eq_ignore_ascii_case("timeout");
        (known && (0..=86_400).contains(&seconds)).then(|| Span::from_secs(seconds))
    })
}

/// Puts requests over one connection until the server ends it.
async fn count(walker: &Walker<'_>, request: &Request, to: SocketAddr, seen: &mut KeepAliveProbe) {
    let Ok(mut opened) = open::open(walker, &request.url, HttpVersion::One, to).await else {
        return;
    };
    while seen.tried < REQUESTS_MAX {
        let Some(patience) = walker.patience() else {
            return;
        };
        let began = Instant::now();
        let done = exchange::exchange(&mut opened.stream, request, waits(patience)).await;
        match done.outcome {
            HttpOutcome::Replied(_) => seen.tried += 1,
            HttpOutcome::Closed | HttpOutcome::Reset if seen.tried > 0 => {
                seen.requests = Some(seen.tried);
                return;
            }
            _ => return,
        }
        if !done.kept {
            seen.requests = Some(seen.tried);
            return;
        }
        tokio::time::sleep(PACE.saturating_sub(began.elapsed())).await;
    }
}

/// Leaves a connection idle after a request until the server ends it.
async fn watch(walker: &Walker<'_>, request: &Request, to: SocketAddr, seen: &mut KeepAliveProbe) {
    let (Ok(mut opened), Some(patience)) = (
        open::open(walker, &request.url, HttpVersion::One, to).await,
        walker.patience(),
    ) else {
        return;
    };
    let done = exchange::exchange(&mut opened.stream, request, waits(patience)).await;
    if !done.kept {
        return;
    }
    // What comes after this in the walk needs time too.
    let left = walker.left().saturating_sub(walker.options.patience * 2);
    let limit = left.min(IDLE_MAX);
    let began = Instant::now();
    let ending = tokio::time::timeout(limit, until_end(&mut opened.stream)).await;
    seen.waited = span(began.elapsed());
    if let Ok(Some(ending)) = ending {
        seen.idle = Some(seen.waited);
        seen.by_reset = ending == Ending::Reset;
    }
}

/// Reads until the connection ends; some servers say why before (408). None where a server talks on: the connection
/// is not idle.
async fn until_end(stream: &mut Box<dyn Io>) -> Option<Ending> {
    let mut buffer = [0; 1024];
    let mut came = 0;
    while came < WORDS_MAX {
        match stream.read(&mut buffer).await {
            Ok(0) => return Some(Ending::Closed),
            Ok(count) => came += count,
            Err(error) => return Some(exchange::ending(&error)),
        }
    }
    None
}

fn waits(patience: Duration) -> Waits {
    Waits {
        first: patience,
        next: patience,
        whole: patience,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keep_alive_field_tells_a_time() {
        assert_eq!(announced("timeout=5, max=100"), Some(Span::from_secs(5)));
        assert_eq!(announced("max=100,Timeout = 60"), Some(Span::from_secs(60)));
        for nothing in ["", "max=100", "timeout=", "timeout=-1", "timeout=999999999"] {
            assert_eq!(announced(nothing), None, "{nothing}");
        }
    }
}
