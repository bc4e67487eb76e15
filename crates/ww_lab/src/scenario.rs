//! A scenario: two hosts, a link, what they say to one another, and what a capture of it must and must not show.

use crate::artefact::Rewrite;
use crate::link::{Fault, Plan, Side};
use crate::namespace::Namespace;
use crate::traffic::dns::{DnsServer, Lookups};
use crate::traffic::http_client::Requests;
use crate::traffic::http_server::HttpServer;
use crate::traffic::ms;
use crate::truth::HarmKind;
use crate::world::Hosts;
use std::net::IpAddr;
use std::time::Duration;

/// What kind of answer a scenario asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// One fault: one of the expected rules comes first.
    Fault,
    /// No fault: nothing is found.
    Clean,
    /// A healthy network badly captured: only the damage of the capture is found.
    Artefact,
}

/// Where a capture is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vantage {
    /// On the client.
    Client,
    /// On the server.
    Server,
    /// Between the first link and the second.
    Middle,
}

impl Vantage {
    /// The word of file names and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Middle => "middle",
        }
    }
}

/// A capture and what must be said of it. Rules are only names here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Where it is taken.
    pub vantage: Vantage,
    /// Rules of which one must come first; of the capture itself for an artefact; none when clean.
    pub expected: Vec<&'static str>,
}

/// A program the server's host runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// The lab's HTTP server.
    Http(HttpServer),
    /// The lab's name server.
    Dns(DnsServer),
    /// Echoes what connections to this port say.
    EchoStream(u16),
    /// Echoes datagrams to this port.
    EchoDatagrams(u16),
    /// nginx with HTTP on port 80 and HTTPS on port 443, a file of this many bytes at `/file`.
    Nginx(usize),
    /// dnsmasq that knows names under `lab.example`.
    Dnsmasq,
}

/// Something the client's host does.
#[derive(Debug, Clone)]
pub enum Work {
    /// HTTP requests.
    Requests(Requests),
    /// Name lookups.
    Lookups(Lookups),
    /// A program run to its end, words separated by blanks; its failure is no failure of the scenario.
    Program(&'static str),
    /// A wait.
    Wait(Duration),
    /// Several things at the same time.
    Together(Vec<Work>),
    /// Anything else, run inside the client's namespace.
    Act(fn(&Site)),
}

/// What an [`Work::Act`] works on.
#[derive(Debug)]
pub struct Site<'a> {
    /// The client's namespace.
    pub client: &'a Namespace,
    /// The server's namespace.
    pub server: &'a Namespace,
    /// The server's address.
    pub address: IpAddr,
    /// A seed of its own.
    pub seed: u64,
}

/// What must be true of a run, or it is worth nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The link did at least this much harm of this kind.
    Harm(HarmKind, usize),
    /// At least this many frames of a capture match this Wireshark display filter.
    Frames(Vantage, &'static str, usize),
    /// No frame of the capture matches it.
    NoFrame(Vantage, &'static str),
}

/// A scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name, kebab-case.
    pub name: &'static str,
    /// What is done, in one sentence.
    pub done: &'static str,
    /// The kind of answer it asks for.
    pub class: Class,
    /// Who is at fault, in the words of the report; empty when nobody is.
    pub owner: &'static str,
    /// The captures taken.
    pub views: Vec<View>,
    /// Rules that would be wrong.
    pub never: Vec<&'static str>,
    /// How the hosts are set up.
    pub hosts: Hosts,
    /// The links from client to server.
    pub plans: Vec<Plan>,
    /// What runs on the server.
    pub services: Vec<Service>,
    /// What the client does, one after another.
    pub work: Vec<Work>,
    /// How long the capture goes on after the work.
    pub linger: Duration,
    /// Damage done to the captures afterwards.
    pub rewrite: Option<Rewrite>,
    /// What shows that the run is what the scenario says.
    pub proofs: Vec<Proof>,
}

/// What a healthy connection does not show.
const TROUBLE: &str = "tcp.analysis.retransmission || tcp.analysis.lost_segment || tcp.analysis.out_of_order \
                       || tcp.analysis.zero_window || tcp.flags.reset == 1 || icmp || icmpv6.type < 128";

impl Scenario {
    fn new(class: Class, name: &'static str, done: &'static str) -> Self {
        Self {
            name,
            done,
            class,
            owner: "",
            views: Vec::new(),
            never: Vec::new(),
            hosts: Hosts::default(),
            plans: vec![Plan::round_trip(ms(20))],
            services: vec![Service::Http(HttpServer::default())],
            work: Vec::new(),
            linger: ms(150),
            rewrite: None,
            proofs: Vec::new(),
        }
    }

    /// A scenario with one fault of `owner`.
    pub fn fault(name: &'static str, owner: &'static str, done: &'static str) -> Self {
        Self {
            owner,
            ..Self::new(Class::Fault, name, done)
        }
    }

    /// A scenario without a fault, captured at the client.
    pub fn clean(name: &'static str, done: &'static str) -> Self {
        let healthy = Proof::NoFrame(Vantage::Client, TROUBLE);
        Self {
            proofs: vec![healthy],
            ..Self::new(Class::Clean, name, done)
        }
        .seen_at(Vantage::Client, &[])
    }

    /// A scenario without a fault whose capture, taken at the client, is damaged by `rewrite`.
    pub fn artefact(
        name: &'static str,
        rule: &'static str,
        rewrite: Rewrite,
        done: &'static str,
    ) -> Self {
        let scenario = Self {
            owner: "capture",
            ..Self::new(Class::Artefact, name, done)
        };
        Self {
            rewrite: Some(rewrite),
            ..scenario
        }
        .seen_at(Vantage::Client, &[rule])
    }

    /// A capture at `vantage` of which one of the rules `expected` must come first.
    #[must_use]
    pub fn seen_at(mut self, vantage: Vantage, expected: &[&'static str]) -> Self {
        self.views.push(View {
            vantage,
            expected: expected.to_vec(),
        });
        self
    }

    /// Drops the demand that a clean scenario shows no trouble: a little of it is what this one is about.
    #[must_use]
    pub fn with_some_trouble(mut self) -> Self {
        self.proofs.clear();
        self
    }

    /// The link must do at least this much harm.
    #[must_use]
    pub fn harms(mut self, kind: HarmKind, at_least: usize) -> Self {
        self.proofs.push(Proof::Harm(kind, at_least));
        self
    }

    /// The first capture must show at least this many frames that match a display filter.
    #[must_use]
    pub fn shows(self, filter: &'static str, at_least: usize) -> Self {
        let first = self
            .views
            .first()
            .map_or(Vantage::Client, |view| view.vantage);
        self.shows_at(first, filter, at_least)
    }

    /// The capture at `vantage` must show at least this many frames that match a display filter.
    #[must_use]
    pub fn shows_at(mut self, vantage: Vantage, filter: &'static str, at_least: usize) -> Self {
        self.proofs.push(Proof::Frames(vantage, filter, at_least));
        self
    }

    /// Rules that must not appear.
    #[must_use]
    pub fn never(mut self, rules: &[&'static str]) -> Self {
        self.never.extend_from_slice(rules);
        self
    }

    /// Follows one plan instead of a faultless 20 ms.
    #[must_use]
    pub fn plan(mut self, plan: Plan) -> Self {
        self.plans = vec![plan];
        self
    }

    /// One more fault on the (last) link.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Self {
        if let Some(plan) = self.plans.last_mut() {
            plan.faults.push(fault);
        }
        self
    }

    /// One more faultless link of `round_trip` on the client's side, so that there is a middle.
    #[must_use]
    pub fn behind(mut self, round_trip: Duration) -> Self {
        self.plans.insert(0, Plan::round_trip(round_trip));
        self
    }

    /// Runs these services instead of the HTTP server.
    #[must_use]
    pub fn services(mut self, services: impl IntoIterator<Item = Service>) -> Self {
        self.services = services.into_iter().collect();
        self
    }

    /// Runs the HTTP server with these habits.
    #[must_use]
    pub fn http(self, server: HttpServer) -> Self {
        self.services([Service::Http(server)])
    }

    /// The client does this next.
    #[must_use]
    pub fn then(mut self, work: Work) -> Self {
        self.work.push(work);
        self
    }

    /// The client makes these requests next.
    #[must_use]
    pub fn requests(self, requests: Requests) -> Self {
        self.then(Work::Requests(requests))
    }

    /// Sets a parameter on one side.
    #[must_use]
    pub fn sysctl(mut self, side: Side, key: &'static str, value: &'static str) -> Self {
        self.hosts.sysctls.push((side, key, value));
        self
    }

    /// Sets a parameter on both sides.
    #[must_use]
    pub fn both_sysctl(self, key: &'static str, value: &'static str) -> Self {
        self.sysctl(Side::Client, key, value)
            .sysctl(Side::Server, key, value)
    }

    /// Runs a program on one side before anything else.
    #[must_use]
    pub fn command(mut self, side: Side, words: &'static str) -> Self {
        self.hosts.commands.push((side, words));
        self
    }

    /// Speaks IPv6.
    #[must_use]
    pub fn over_ipv6(mut self) -> Self {
        self.hosts.ipv6 = true;
        for service in &mut self.services {
            if let Service::Http(server) = service {
                server.ipv6 = true;
            }
        }
        self
    }

    /// Captures for `time` after the work.
    #[must_use]
    pub fn linger(mut self, time: Duration) -> Self {
        self.linger = time;
        self
    }
}
