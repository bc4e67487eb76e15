//! `host-cut-off`: from one moment on, or for a while, nothing from anyone reaches a host, whatever it sends.

mod outage;

use crate::roster::Trait;
use crate::rule::rule;
use crate::shared::some;
use crate::{Sighting, Sightings, Story, Subject, View};
use outage::Outage;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use ww_base::Span;
use ww_evidence::{IdleOutcome, Mark, SideId, TcpFlow, UdpFlow};

rule! {
    name: "host-cut-off",
    family: "net",
    layer: Ip,
    class: Connectivity,
    severity: High,
    owner: Network,
    summary: "From one moment on, or for a while, nothing from anyone reaches a host, whatever it sends to whomever",
    needs: [Tcp],
    explains: [
        "dns-unanswered",
        "half-open-connection",
        "handshake-retransmitted",
        "idle-connection-dropped",
        "packet-loss",
        "path-mtu-black-hole",
        "request-unanswered",
        "retransmission-timeout-stall",
        "slow-application",
        "spurious-retransmission",
        "syn-unanswered",
    ],
    page: "host_cut_off.md",
    detect: detect,
    tell: tell,
}

/// So many others that had answered before fall silent at once: two may go by chance.
const PEERS: usize = 3;

/// Whoever repeats something that often means it.
const REPEATS: u32 = 2;

/// For so long nothing comes while the host goes on sending: beyond a roaming or a route that
/// converges.
const OUTAGE: Span = Span::from_secs(3);

/// An answer to what was sent this long before the end may not have had the time to come.
const DUE: Span = Span::from_secs(1);

/// Something a host sent again and again and nobody answered.
struct Vain {
    subject: Subject,
    peer: IpAddr,
    first: Mark,
    last: Mark,
}

/// A host that sends in vain.
#[derive(Default)]
struct Host {
    vain: Vec<Vain>,
    /// The last packet that reached it.
    reached: Option<Mark>,
    /// Who sent it anything.
    served_by: BTreeSet<IpAddr>,
}

/// A host that was cut off.
#[derive(Debug)]
struct Cut {
    host: IpAddr,
    /// The last packet that reached it.
    reached: Mark,
    /// The first and the last frame that it sent in vain after that.
    vain: [Mark; 2],
    subjects: Vec<Subject>,
}

/// What is known of hosts that were cut off.
#[derive(Debug)]
pub(crate) struct Cuts {
    /// To the end of the capture.
    lasting: Vec<Cut>,
    /// For a while.
    passing: Vec<Outage>,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    outage::detect(view, &known_cuts(view).passing, sightings);
    for cut in &known_cuts(view).lasting {
        let ip = if cut.host.is_ipv4() { "ip" } else { "ipv6" };
        let [first, last] = cut.vain;
        let mut sighting = Sighting::new(Subject::Capture, cut.host.to_string())
            .lost(last.at - first.at)
            .show(view.frames(
                first.frame(),
                last.frame(),
                format!(
                    "{ip}.src == {} && frame.number > {}",
                    cut.host,
                    cut.reached.frame()
                ),
                "the host goes on sending; no packet comes back",
            ))
            .show(view.frames(
                cut.reached.frame(),
                cut.reached.frame(),
                format!("frame.number == {}", cut.reached.frame()),
                "the last packet that reached it",
            ));
        sighting.subjects.clone_from(&cut.subjects);
        sightings.add(sighting);
    }
}

fn known_cuts<'v>(view: &'v View<'_>) -> &'v Cuts {
    view.shared.cuts.get_or_init(|| Cuts {
        lasting: cuts(view),
        passing: outage::outages(view),
    })
}

/// Hosts that nothing reaches any more although they go on sending.
fn cuts(view: &View<'_>) -> Vec<Cut> {
    let mut hosts = in_vain(view);
    hosts.retain(|_, host| peers(host.vain.iter()).len() >= PEERS);
    if hosts.is_empty() {
        return Vec::new();
    }
    note_arrivals(view, &mut hosts);
    let mut cuts: Vec<Cut> = hosts
        .into_iter()
        .filter_map(|(addr, host)| cut(addr, &host))
        .collect();
    cuts.sort_unstable_by_key(|cut| cut.reached.frame());
    cuts
}

fn cut(addr: IpAddr, host: &Host) -> Option<Cut> {
    let reached = host.reached?;
    let since: Vec<&Vain> = host
        .vain
        .iter()
        .filter(|vain| vain.last.at - reached.at >= DUE)
        .collect();
    let firsts = since.iter().map(|vain| {
        if vain.first.frame() > reached.frame() {
            vain.first
        } else {
            vain.last
        }
    });
    let first = firsts.min_by_key(|mark| mark.frame())?;
    let lasts = since.iter().map(|vain| vain.last);
    let last = lasts.max_by_key(|mark| mark.frame())?;
    let silent = peers(since.iter().copied());
    let served = silent.intersection(&host.served_by).count();
    (served >= PEERS && last.at - first.at >= OUTAGE).then(|| Cut {
        host: addr,
        reached,
        vain: [first, last],
        subjects: since.iter().map(|vain| vain.subject).collect(),
    })
}

fn peers<'v>(vain: impl Iterator<Item = &'v Vain>) -> BTreeSet<IpAddr> {
    vain.map(|vain| vain.peer).collect()
}

/// What hosts sent again and again and nobody answered.
fn in_vain(view: &View<'_>) -> FxHashMap<IpAddr, Host> {
    let mut hosts: FxHashMap<IpAddr, Host> = FxHashMap::default();
    for (subject, flow) in view.flows_that_are(Trait::Unanswered) {
        for from in [SideId::Client, SideId::Server] {
            if let Some([first, last]) = sent_in_vain(flow, from) {
                let peer = flow.endpoint(from.other()).addr;
                let host = hosts.entry(flow.endpoint(from).addr).or_default();
                host.vain.push(Vain {
                    subject,
                    peer,
                    first,
                    last,
                });
            }
        }
    }
    for (index, asked) in view.capture.dns.transactions.iter().enumerate() {
        if asked.answer.is_none() && asked.asked > REPEATS {
            let host = hosts.entry(asked.client.addr).or_default();
            host.vain.push(Vain {
                subject: Subject::Dns(index as u32),
                peer: asked.server.addr,
                first: asked.query,
                last: asked.last_query,
            });
        }
    }
    hosts
}

/// The first and the last frame of what a side repeated to the end and the other never answered.
fn sent_in_vain(flow: &TcpFlow, from: SideId) -> Option<[Mark; 2]> {
    let heard = flow.side(from.other()).heard;
    let own = flow.side(from);
    let opening = match (from, flow.handshake.syn, flow.handshake.syn_ack) {
        (SideId::Client, Some(syn), None) if syn.count > REPEATS => Some([syn.first, syn.last]),
        _ => None,
    };
    let data = own
        .unacked_end
        .as_deref()
        .filter(|end| end.repeats >= REPEATS)
        .map(|end| [end.first_sent, end.last_sent]);
    let after_quiet = flow
        .idle_break
        .as_deref()
        .and_then(|quiet| match quiet.outcome {
            IdleOutcome::Silence { repeats, .. } if quiet.by == from && repeats >= REPEATS => {
                Some([quiet.resumed, own.heard?])
            }
            _ => None,
        });
    [opening, data, after_quiet]
        .into_iter()
        .flatten()
        .max_by_key(|[_, last]| last.frame())
        .filter(|[_, last]| heard.is_none_or(|heard| heard.frame() < last.frame()))
}

/// The last packet that reached each of these hosts, and who sent them anything.
fn note_arrivals(view: &View<'_>, hosts: &mut FxHashMap<IpAddr, Host>) {
    let concerned = view.flows_of(hosts.keys().copied().collect());
    let mut arrived = |to: IpAddr, from: IpAddr, mark: Mark| {
        if let Some(host) = hosts.get_mut(&to) {
            host.served_by.insert(from);
            if host
                .reached
                .is_none_or(|known| known.frame() < mark.frame())
            {
                host.reached = Some(mark);
            }
        }
    };
    for (_, flow) in concerned {
        for from in [SideId::Client, SideId::Server] {
            if let Some(mark) = flow.side(from).heard {
                arrived(
                    flow.endpoint(from.other()).addr,
                    flow.endpoint(from).addr,
                    mark,
                );
            }
        }
    }
    for flow in &view.capture.udp {
        let UdpFlow {
            client,
            server,
            datagrams,
            ..
        } = flow;
        let [by_client, by_server] = *datagrams;
        // Who sent the last datagram of several is not known: it counts for both.
        if by_server > 0 {
            arrived(client.addr, server.addr, flow.last);
        }
        if by_client > 0 {
            arrived(server.addr, client.addr, flow.last);
        }
    }
    for error in &view.capture.icmp {
        arrived(error.to, error.from, error.last);
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let name = group.first().map_or("", |sighting| &sighting.group);
    let Cuts { lasting, passing } = known_cuts(view);
    let passing: Vec<&Outage> = passing
        .iter()
        .filter(|outage| outage.group() == name)
        .collect();
    let story = outage::tell(view, &passing).or_else(|| {
        let mut lasting = lasting.iter();
        lasting
            .find(|cut| cut.host.to_string() == name)
            .map(|cut| tell_of(view, cut))
    });
    story.unwrap_or_else(|| Story::observed("a host was cut off", "a packet that reached it"))
}

/// What is to be said of a host that nothing reaches any more.
fn tell_of(view: &View<'_>, cut: &Cut) -> Story {
    let silent = cut.subjects.iter().filter_map(|&subject| match subject {
        Subject::Dns(index) => {
            let asked = view.capture.dns.transactions.get(index as usize)?;
            Some(asked.server.addr)
        }
        subject => {
            let flow = view.flow(subject)?;
            let addrs = [flow.client.addr, flow.server.addr];
            addrs.into_iter().find(|&addr| addr != cut.host)
        }
    });
    let others_go_on = view.flows().any(|(_, flow)| {
        let is_other = flow.client.addr != cut.host && flow.server.addr != cut.host;
        let answered = |side: SideId| {
            flow.side(side)
                .heard
                .is_some_and(|mark| mark.frame() > cut.reached.frame())
        };
        is_other && answered(SideId::Client) && answered(SideId::Server)
    });
    let host = cut.host;
    let [first, last] = cut.vain;
    let story = Story::observed(
        format!(
            "{host} was cut off {} into the capture: for {} it went on sending to {} and nothing from anyone reached it",
            cut.reached.at - view.capture.first,
            last.at - first.at,
            some(silent, "hosts"),
        ),
        format!(
            "a capture at one of these hosts that shows its answers leaving for {host}: then the capture itself, or the way back, lost one direction"
        ),
    );
    advised(story, host, others_go_on)
}

/// What to do about it, by whether other hosts go on talking meanwhile.
fn advised(story: Story, host: IpAddr, others_go_on: bool) -> Story {
    if others_go_on {
        return story.advise(format!(
            "Other hosts in this capture go on talking: look at {host} itself at that moment, its link (cable, port, Wi-Fi roaming), address (DHCP lease, VPN going up or down) and firewall: journalctl -k, ip monitor"
        ));
    }
    story.advise(format!(
        "Look at the link, the address and the gateway of {host} at that moment: journalctl -k, ip monitor, ip neigh show; a VPN or Wi-Fi that changed, a DHCP lease that ended, an uplink that failed"
    ))
}
