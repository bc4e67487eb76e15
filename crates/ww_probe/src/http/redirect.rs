//! Where redirects lead, hop by hop, as a browser would follow them.

use super::reach;
use super::request::Request;
use super::session::{self, Hop};
use super::url::Url;
use crate::recorder::Asked;
use crate::walk::Walker;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};
use ww_base::{Gap, Order};
use ww_evidence::transcript::{Answer, DnsVia, HttpReply, Lookup, LookupOutcome, Record, Seen};

/// No more redirects are followed.
const REDIRECTS_MAX: u32 = 10;

/// No more addresses of one hop are tried.
const ADDRESSES_MAX: usize = 2;

/// No more cookies are kept for one host, and none longer.
const COOKIES_MAX: usize = 20;
const COOKIE_LENGTH_MAX: usize = 4096;

/// The URL to which an answer sends its client; `None` when it is no redirect.
fn location(reply: &HttpReply) -> Option<&str> {
    matches!(reply.status, 301 | 302 | 303 | 307 | 308)
        .then(|| reply.header("location"))
        .flatten()
}

/// Follows the redirects that begin with this answer of the target at this address.
pub(crate) async fn follow(walker: &Walker<'_>, from: SocketAddr, first: HttpReply) {
    let mut chain = Chain {
        walker,
        from: from.ip(),
        jar: Jar::default(),
        visited: Vec::new(),
    };
    let mut url = Url::of(walker.target);
    let mut reply = first;
    for number in 1..=REDIRECTS_MAX {
        chain
            .visited
            .push((url.clone(), chain.jar.value(&url.host)));
        chain.jar.take(&url.host, &reply);
        let Some(location) = location(&reply) else {
            return;
        };
        let next = match url.join(location) {
            Ok(next) => next,
            Err(why) => return chain.not_followed(location, &why),
        };
        let state = (next.clone(), chain.jar.value(&next.host));
        if chain.visited.contains(&state) {
            return;
        }
        let why = format!("{} redirects to it", url.authority());
        let Some(answer) = chain.ask(&next, number, &why).await else {
            return;
        };
        url = next;
        reply = answer;
    }
}

struct Chain<'c, 'w> {
    walker: &'c Walker<'w>,
    from: IpAddr,
    jar: Jar,
    /// The URLs that were asked for, each with the cookies that were sent.
    visited: Vec<(Url, String)>,
}

impl Chain<'_, '_> {
    async fn ask(&self, url: &Url, number: u32, why: &str) -> Option<HttpReply> {
        let (addresses, name) = self.addresses(url, why).await;
        let mut refused = None;
        let mut allowed = Vec::new();
        for address in addresses {
            match reach::refusal(self.from, address) {
                Some(refusal) => refused = Some(refusal),
                None => allowed.push(address),
            }
        }
        if let (Some(refusal), true) = (refused, allowed.is_empty()) {
            self.not_followed(&url.to_string(), &refusal);
            return None;
        }
        // The family that led here is known to work.
        allowed.put_in_order_by_key(|address| address.is_ipv4() != self.from.is_ipv4());
        for address in allowed.into_iter().take(ADDRESSES_MAX) {
            let request = Request {
                method: "GET",
                url: url.clone(),
                fields: self.fields(url),
                body: Vec::new(),
            };
            let hop = Hop {
                to: SocketAddr::new(address, url.port),
                number,
                name,
                why: why.to_owned(),
            };
            let (exchange, _) = session::first(self.walker, &request, &hop).await?;
            if let Some(reply) = exchange.reply() {
                return Some(reply.clone());
            }
        }
        None
    }

    /// The user's fields go to the target's own host only; cookies to the host that set them.
    fn fields(&self, url: &Url) -> Vec<(String, String)> {
        let mut fields = if url.host == self.walker.target.host {
            self.walker.options.headers.clone()
        } else {
            Vec::new()
        };
        let cookies = self.jar.value(&url.host);
        let own = fields
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        if !cookies.is_empty() && !own {
            fields.push(("cookie".to_owned(), cookies));
        }
        fields
    }

    /// The addresses of a hop, and how long finding them took.
    async fn addresses(&self, url: &Url, why: &str) -> (Vec<IpAddr>, Duration) {
        if url.host == self.walker.target.host {
            return (vec![self.from], Duration::ZERO);
        }
        if let Ok(address) = url.host.parse() {
            return (vec![address], Duration::ZERO);
        }
        let named: Vec<IpAddr> = self
            .walker
            .options
            .resolve
            .iter()
            .filter(|(host, port, _)| *host == url.host && *port == url.port)
            .map(|&(_, _, address)| address)
            .collect();
        if !named.is_empty() {
            return (named, Duration::ZERO);
        }
        let Some(patience) = self.walker.patience() else {
            return (Vec::new(), Duration::ZERO);
        };
        let began = Instant::now();
        let asked = Asked::now(format!("getent ahosts {}", url.host)).because(why);
        let outcome = look_up(&url.host, patience).await;
        let addresses = match &outcome {
            LookupOutcome::Answered(answer) => answer
                .records
                .iter()
                .filter_map(|record| record.data.parse().ok())
                .filter(|&address| self.walker.options.families.allow(address))
                .collect(),
            _ => Vec::new(),
        };
        let seen = Seen::Lookup(Lookup {
            name: url.host.clone(),
            kind: "ADDR".to_owned(),
            via: DnsVia::System,
            outcome,
            ..Lookup::default()
        });
        self.walker.recorder.answer(asked, seen);
        (addresses, began.elapsed())
    }

    fn not_followed(&self, location: &str, why: &str) {
        self.walker.recorder.gap(Gap::new(
            format!("where the redirect to {location} leads, which was not followed: {why}"),
            "that URL, given as the target, if it is meant",
        ));
    }
}

/// Asks the system's own resolver.
async fn look_up(host: &str, patience: Duration) -> LookupOutcome {
    let name = host.to_owned();
    let system = tokio::task::spawn_blocking(move || {
        (name.as_str(), 0)
            .to_socket_addrs()
            .map(|found| found.map(|found| found.ip()).collect::<Vec<IpAddr>>())
    });
    let found = match tokio::time::timeout(patience, system).await {
        Err(_) => return LookupOutcome::TimedOut,
        Ok(Err(error)) => return LookupOutcome::Failed(error.to_string()),
        Ok(Ok(Err(error))) => return LookupOutcome::Failed(error.to_string()),
        Ok(Ok(Ok(found))) => found,
    };
    let mut records: Vec<Record> = Vec::new();
    for address in found {
        let data = address.to_string();
        if !records.iter().any(|known| known.data == data) {
            records.push(Record {
                name: host.to_owned(),
                kind: if address.is_ipv4() { "A" } else { "AAAA" }.to_owned(),
                ttl: 0,
                data,
            });
        }
    }
    LookupOutcome::Answered(Box::new(Answer {
        rcode: "NOERROR".to_owned(),
        records,
        ..Answer::default()
    }))
}

/// Cookies by host, as far as sites need them that redirect until they see theirs.
#[derive(Debug, Default)]
struct Jar(BTreeMap<String, BTreeMap<String, String>>);

impl Jar {
    fn take(&mut self, host: &str, reply: &HttpReply) {
        for line in reply.all("set-cookie") {
            let pair = line.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            if pair.len() > COOKIE_LENGTH_MAX || pair.chars().any(char::is_control) {
                continue;
            }
            let cookies = self.0.entry(host.to_owned()).or_default();
            if cookies.len() < COOKIES_MAX {
                cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }

    /// The value of the `Cookie` field for a host; empty when there is none.
    fn value(&self, host: &str) -> String {
        let Some(cookies) = self.0.get(host) else {
            return String::new();
        };
        let pairs: Vec<String> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }
}
