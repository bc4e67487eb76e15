//! `dns-unanswered`: a question was never answered, or only once it was asked again.

mod probed;

use super::common::{
    Charged, Habit, at, counted, habits, put_to, repeated_for_loss, some_of, told_about,
    transactions,
};
use super::heard::Heard;
use super::lookup::{Lookup, lookups, lookups_of, settles};
use super::unheard;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use ww_base::{Gap, Moment, Span};
use ww_evidence::{DnsTransaction, Endpoint, Transport};
use ww_finding::{Owner, Severity, Support};

rule! {
    name: "dns-unanswered",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: High,
    owner: Network,
    summary: "A DNS server did not answer, or only when it was asked again; the client waited",
    needs: [Dns],
    explains: [],
    page: "dns_unanswered.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// An answer may still be on its way this long.
const PATIENCE: Span = Span::from_secs(2);

/// A client that was told within this time was served in the end.
const SETTLED_WITHIN: Span = Span::from_secs(30);

/// Above this share of one-way connections the answers may have gone another way.
const ONE_WAY: f64 = 0.5;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    unheard::detect(view, sightings);
    if view.trust.one_way_share > ONE_WAY {
        sightings.gap(Gap::new(
            "DNS answers: the capture shows one direction of most connections",
            "capture where both directions pass, best at the client",
        ));
        return;
    }
    let habits = habits(view);
    let nobody = habits.len() > 1 && habits.values().all(|habit| habit.answered == 0);
    let mut charged = Charged::new();
    for lookup in lookups(view) {
        for (&server, silence) in &silences(view, lookup, habits) {
            let Some(&(_, first)) = silence.unanswered.first() else {
                continue;
            };
            if let Some(gap) = too_little_known(view, lookup, silence) {
                sightings.gap(gap);
                continue;
            }
            let group = if nobody {
                String::new()
            } else {
                server.to_string()
            };
            let began = first.query.at;
            let who = (first.client.addr, first.name.as_str());
            let lost = charged.add(who, began, began + silence.waited);
            sightings.add(sighting(view, silence, group).lost(lost));
        }
    }
}

/// What one server owed to one lookup.
#[derive(Default)]
struct Silence<'a> {
    unanswered: Vec<(Subject, &'a DnsTransaction)>,
    queries: u32,
    waited: Span,
}

fn silences<'a>(
    view: &View<'_>,
    lookup: &Lookup<'a>,
    habits: &FxHashMap<Endpoint, Habit>,
) -> BTreeMap<Endpoint, Silence<'a>> {
    let mut silences: BTreeMap<Endpoint, Silence<'_>> = BTreeMap::new();
    for (nth, &(subject, asked)) in lookup.attempts.iter().enumerate() {
        let lost = match asked.answer {
            _ if asked.transport == Transport::Tcp => continue,
            None => lookup.waited_for(nth, view.capture.last),
            Some(_) if repeated_for_loss(asked, habits.get(&asked.server)) => {
                asked.last_query.at - asked.query.at
            }
            Some(_) => continue,
        };
        let silence = silences.entry(asked.server).or_default();
        silence.unanswered.push((subject, asked));
        silence.queries += asked.asked - u32::from(asked.answer.is_some());
        silence.waited += lost;
    }
    silences
}

/// Why nothing can be said about this silence, if so.
fn too_little_known(view: &View<'_>, lookup: &Lookup<'_>, silence: &Silence<'_>) -> Option<Gap> {
    if view.capture.last - lookup.began() < PATIENCE {
        return Some(Gap::new(
            "answers to questions asked in the last 2 s of the capture",
            "a capture that goes on for some seconds after the last question",
        ));
    }
    (view.trust.incomplete() && silence.queries == 1).then(|| {
        Gap::new(
            "single unanswered questions: the capture itself lost packets",
            "a capture without drops (larger buffer: tcpdump -B 65536)",
        )
    })
}

fn sighting(view: &View<'_>, silence: &Silence<'_>, group: String) -> Sighting {
    let mut sighting = Sighting::new(Subject::Capture, group).count(u64::from(silence.queries));
    sighting.subjects = silence
        .unanswered
        .iter()
        .map(|&(subject, asked)| symptom_of(view, subject, asked))
        .collect();
    for (_, asked) in &silence.unanswered {
        sighting = sighting.show(at(view, asked, asked.query, first_says(asked)));
        if asked.asked > 1 {
            sighting = sighting.show(at(view, asked, asked.last_query, repeat_says(asked)));
        }
    }
    sighting
}

/// What the silence is about: the question, or the ICMP error or lost fragment that explains it and
/// about which another rule has more to say.
fn symptom_of(view: &View<'_>, subject: Subject, asked: &DnsTransaction) -> Subject {
    let after = |frame: u64| frame >= asked.query.frame();
    let icmp = view.capture.icmp.iter().position(|error| {
        let quotes =
            |quoted: ww_evidence::Quoted| (quoted.src, quoted.dst) == (asked.client, asked.server);
        error.quoted.is_some_and(quotes) && after(error.last.frame())
    });
    let fragment = view.capture.fragment_losses.iter().position(|loss| {
        let ports = loss.ports.unwrap_or((asked.server.port, asked.client.port));
        (loss.src, loss.dst) == (asked.server.addr, asked.client.addr)
            && ports == (asked.server.port, asked.client.port)
            && after(loss.last.frame())
    });
    match (icmp, fragment) {
        (Some(index), _) => Subject::Icmp(index as u32),
        (None, Some(index)) => Subject::Fragment(index as u32),
        (None, None) => subject,
    }
}

fn first_says(asked: &DnsTransaction) -> String {
    let question = format!("{} {} asked", asked.kind_name(), asked.name);
    match asked.answer {
        Some(answer) => format!(
            "{question}; the answer in frame {} came only after it was asked again",
            answer.frame()
        ),
        None => format!("{question}; no answer in the capture"),
    }
}

fn repeat_says(asked: &DnsTransaction) -> String {
    format!(
        "asked for the last of {} times, {} after the first",
        asked.asked,
        asked.last_query.at - asked.query.at
    )
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    if let Some(story) = unheard::tell(view, group) {
        return story;
    }
    let case = Case::of(view, group);
    let story = Story::observed(case.headline(), case.refuter())
        .severity(case.severity())
        .owner(case.owner())
        .support(case.support());
    if let Some(kind) = &case.only_kind {
        return story.advise(format!("Find the device or server that drops {kind} questions only: the right answer to a type that a name does not have is an empty one, not silence"));
    }
    if case.edns_dropped {
        return story.advise("Let filters and DNS inspection on the way pass EDNS (the OPT record, datagrams above 512 bytes); dig +noedns NAME against dig NAME shows the difference");
    }
    if case.stubborn && case.server_heard {
        return story.advise("Look at the resolver's log for these names: it answers others at once, so it waits for name servers that do not answer it, or drops the questions by a policy or rate limit");
    }
    if case.server_heard {
        return story
            .advise("Capture at the server: whether these questions arrive, and whether answers leave, tells the side of the loss")
            .advise("Shorten the wait while the loss is being found: two servers and `options timeout:1 attempts:3 rotate` in /etc/resolv.conf");
    }
    let Some(Endpoint { addr, port }) = case.servers.first() else {
        return story;
    };
    let port = if *port == 53 {
        String::new()
    } else {
        format!(" -p {port}")
    };
    let story = story.advise(format!("Ask from this client: dig @{addr}{port} NAME, and again with +tcp; an answer over TCP alone means that UDP is filtered, none at all that nobody serves there"));
    if case.servers.len() > 1 {
        return story.advise("Several servers silent at once point to the way there: look at the client's route and gateway, and at filters on UDP port 53, before the servers");
    }
    story.advise("Take a server that does not answer out of /etc/resolv.conf (or the DHCP option), or list it last: every lookup waits for it")
}

/// A silence, seen against all that the capture holds.
struct Case {
    /// Whose silence; several only where nobody answered at all.
    servers: BTreeSet<Endpoint>,
    /// Questions put to them, and of those the ones in the group.
    asked: usize,
    failed: usize,
    /// Queries that were not answered, repetitions included, in so many lookups.
    queries: u64,
    lookups: usize,
    waited: Span,
    /// Some answer of them is in the capture.
    server_heard: bool,
    /// The host answers on another port or protocol.
    host_heard: bool,
    /// Something was sent to one of the clients by anyone.
    client_heard: bool,
    /// Every lookup was settled in the end.
    recovered: bool,
    /// The server answered everything else at once, and these questions never, however often they
    /// were put: it is no loss that strikes at random.
    stubborn: bool,
    /// The same questions were answered once they were put without EDNS.
    edns_dropped: bool,
    /// All silent questions are of this type, and it answers others.
    only_kind: Option<String>,
    names: String,
}

impl Case {
    fn of(view: &View<'_>, group: &[Sighting]) -> Case {
        let told = told(view, group);
        let heard = view.shared.heard.get_or_init(|| Heard::of(view));
        let servers: BTreeSet<Endpoint> = told.values().map(|asked| asked.server).collect();
        let clients: BTreeSet<IpAddr> = told.values().map(|asked| asked.client.addr).collect();
        let mut case = Case {
            asked: 0,
            failed: told.len(),
            queries: group.iter().map(|sighting| sighting.count).sum(),
            lookups: group.len(),
            waited: group.iter().map(|sighting| sighting.lost).sum(),
            server_heard: false,
            host_heard: servers.iter().any(|server| heard.has_sent(server.addr)),
            client_heard: clients.iter().any(|&client| heard.was_sent_to(client)),
            recovered: recovered(view, &told),
            stubborn: group.iter().all(|sighting| sighting.count > 1)
                && told.values().all(|asked| asked.answer.is_none()),
            edns_dropped: edns_dropped(view, &told),
            only_kind: only_kind(view, &told),
            names: some_of(told.values().map(|asked| asked.name.as_str())),
            servers: servers.clone(),
        };
        for (subject, asked) in servers.iter().flat_map(|&server| put_to(view, server)) {
            case.asked += 1;
            case.server_heard |= asked.answer.is_some();
            case.stubborn &= told.contains_key(&subject) || asked.asked == asked.answers;
        }
        case
    }

    fn headline(&self) -> String {
        let waited = match self.waited {
            Span::ZERO => String::new(),
            waited if self.recovered => format!("; answers came {waited} late in all"),
            waited => format!("; clients waited {waited} in all"),
        };
        let queries = counted(self.queries as usize, "query", "queries");
        let texts: Vec<String> = self.servers.iter().map(Endpoint::to_string).collect();
        let servers = some_of(texts.iter().map(String::as_str));
        let (names, failed, asked) = (&self.names, self.failed, self.asked);
        if self.server_heard {
            let kind = match &self.only_kind {
                _ if self.edns_dropped => ", all with EDNS, and answered without it".to_owned(),
                Some(kind) => format!(", all of type {kind}"),
                None => String::new(),
            };
            return format!(
                "{servers} left {queries} without an answer ({names}; {failed} of {asked} questions{kind}){waited}"
            );
        }
        if self.servers.len() > 1 {
            return format!("No DNS server answered ({servers}): {queries} for {names}{waited}");
        }
        let alive = if self.host_heard {
            ", although its host is alive"
        } else {
            ""
        };
        format!("{servers} never answered{alive}: {queries} for {names}{waited}")
    }

    fn refuter(&self) -> String {
        if !self.client_heard {
            return "nothing at all that was sent to these clients is in the capture: one of both directions that shows the answers would rule this out".to_owned();
        }
        "a capture at the server that shows the answers leaving moves the fault to the way back; one that does not show the questions, to the way there".to_owned()
    }

    /// A capture in which nobody says anything to the client may show one direction only.
    fn support(&self) -> Support {
        if self.client_heard {
            Support::Observed
        } else {
            Support::Heuristic
        }
    }

    fn severity(&self) -> Severity {
        let alone = self.lookups == 1;
        let repeated = self.queries > self.lookups as u64;
        if self.recovered {
            let patience = Span::from_secs(if alone { 2 } else { 1 });
            return if self.waited < patience {
                Severity::Low
            } else {
                Severity::Medium
            };
        }
        // Who does not ask again may not have cared for the answer: a probe, a scan.
        match (alone, repeated) {
            (true, false) => Severity::Low,
            (true, true) if self.server_heard => Severity::Medium,
            (false, false) => Severity::Medium,
            _ => Severity::High,
        }
    }

    fn owner(&self) -> Owner {
        if !self.server_heard {
            return Owner::Unknown;
        }
        if self.only_kind.is_some() || self.edns_dropped {
            return Owner::Middlebox;
        }
        if self.stubborn {
            Owner::Server
        } else {
            Owner::Network
        }
    }
}

/// The silent questions; all that were put to the server where the sightings are about ICMP errors
/// or fragments.
fn told<'a>(view: &View<'a>, group: &[Sighting]) -> BTreeMap<Subject, &'a DnsTransaction> {
    let told = told_about(view, group);
    if !told.is_empty() {
        return told;
    }
    let server = group.first().map_or("", |sighting| sighting.group.as_str());
    let silent = |(_, asked): &(Subject, &DnsTransaction)| asked.answer.is_none();
    match server.parse::<SocketAddr>() {
        Ok(server) => {
            let (addr, port) = (server.ip(), server.port());
            put_to(view, Endpoint { addr, port })
                .filter(silent)
                .collect()
        }
        // Nobody answered at all.
        Err(_) => transactions(view).filter(silent).collect(),
    }
}

/// Every question was settled soon afterwards, by whichever server.
fn recovered(view: &View<'_>, told: &BTreeMap<Subject, &DnsTransaction>) -> bool {
    let mut open: BTreeMap<(IpAddr, u16, &str), Moment> = BTreeMap::new();
    for asked in told.values() {
        open.insert((asked.client.addr, asked.kind, &asked.name), asked.query.at);
    }
    open.iter().all(|(&question, &since)| {
        let soon = |asked: &DnsTransaction| {
            asked
                .answer
                .is_some_and(|answer| answer.at >= since && answer.at - since <= SETTLED_WITHIN)
        };
        lookups_of(view, question)
            .iter()
            .flat_map(|lookup| &lookup.attempts)
            .any(|(_, asked)| settles(asked) && soon(asked))
    })
}

/// All silent questions offered EDNS, there are at least two, and each was answered by the same
/// server when it was put without.
fn edns_dropped(view: &View<'_>, told: &BTreeMap<Subject, &DnsTransaction>) -> bool {
    if told.len() < 2 || told.values().any(|asked| asked.edns_size.is_none()) {
        return false;
    }
    let mut open: BTreeSet<(Endpoint, u16, &str)> = told
        .values()
        .map(|asked| (asked.server, asked.kind, asked.name.as_str()))
        .collect();
    let servers: BTreeSet<Endpoint> = told.values().map(|asked| asked.server).collect();
    for (_, asked) in servers.iter().flat_map(|&server| put_to(view, server)) {
        if asked.edns_size.is_none() && asked.answer.is_some() {
            open.remove(&(asked.server, asked.kind, asked.name.as_str()));
        }
    }
    open.is_empty()
}

/// The type of all silent questions, where there are some and the same servers answer only others.
fn only_kind(view: &View<'_>, told: &BTreeMap<Subject, &DnsTransaction>) -> Option<String> {
    let one = told.values().next().filter(|_| told.len() > 2)?;
    let answered = || {
        put_to(view, one.server)
            .map(|(_, asked)| asked)
            .filter(|asked| asked.answer.is_some())
    };
    let all_silent = told.values().all(|asked| asked.kind == one.kind)
        && !answered().any(|asked| asked.kind == one.kind);
    (all_silent && answered().next().is_some()).then(|| one.kind_name())
}
