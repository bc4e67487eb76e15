//! Runs a scenario: builds the world, captures, serves, works, and writes files.

use crate::capture::Capture;
use crate::error::LabError;
use crate::link::Side;
use crate::namespace::Namespace;
use crate::pcap;
use crate::process::Program;
use crate::proxy;
use crate::rng::Rng;
use crate::scenario::{Scenario, Service, Site, Vantage, View, Work};
use crate::traffic::http_client::Tally;
use crate::traffic::{Stop, talk};
use crate::truth::HarmKind;
use crate::wire::Account;
use crate::world::{World, address_of};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A capture of a scenario.
#[derive(Debug)]
pub struct Taken {
    /// What must be said of it.
    pub view: View,
    /// Where it is.
    pub file: PathBuf,
}

/// What a run of a scenario left behind.
#[derive(Debug)]
pub struct Run {
    /// The captures, in the order of the scenario's views.
    pub taken: Vec<Taken>,
    /// The truth log.
    pub truth: PathBuf,
    /// How many packets the link harmed, and how.
    pub harms: BTreeMap<HarmKind, usize>,
    /// What became of the requests.
    pub tally: Tally,
}

/// Runs `scenario` and writes `NAME-VANTAGE.pcap` and `NAME.harm.tsv` into `folder`.
///
/// # Errors
/// Any [`LabError`]; the world is gone then too.
pub fn run(scenario: &Scenario, seed: u64, folder: &Path) -> Result<Run, LabError> {
    let world = World::build(&scenario.hosts, scenario.plans.clone(), seed)?;
    let file = |vantage: Vantage| folder.join(format!("{}-{}.pcap", scenario.name, vantage.word()));
    let mut captures = Vec::new();
    for view in &scenario.views {
        let namespace = match view.vantage {
            Vantage::Client => &world.client,
            Vantage::Server => &world.server,
            Vantage::Middle => continue,
        };
        captures.push(Capture::start(namespace, &file(view.vantage))?);
    }
    let stop = Stop::default();
    let tally = serve_and_work(scenario, &world, seed, folder, &stop);
    thread::sleep(scenario.linger);
    for capture in captures {
        capture.stop()?;
    }
    stop.now();
    let tally = tally?;
    let account = world.finish();
    let truth = folder.join(format!("{}.harm.tsv", scenario.name));
    write(&truth, account.truth_log().as_bytes())?;
    let mut taken = Vec::new();
    for view in &scenario.views {
        let file = file(view.vantage);
        finish_capture(scenario, view, &account, seed, &file)?;
        taken.push(Taken {
            view: view.clone(),
            file,
        });
    }
    let mut harms = BTreeMap::new();
    for harm in &account.harms {
        *harms.entry(harm.kind).or_insert(0) += 1;
    }
    Ok(Run {
        taken,
        truth,
        harms,
        tally,
    })
}

/// Writes the capture of the middle, and damages what shall be damaged.
fn finish_capture(
    scenario: &Scenario,
    view: &View,
    account: &Account,
    seed: u64,
    file: &Path,
) -> Result<(), LabError> {
    if view.vantage == Vantage::Middle {
        write(file, &pcap::write(&account.middle))?;
    }
    if let Some(rewrite) = scenario.rewrite {
        let bytes = fs::read(file).map_err(LabError::io(format!("read {}", file.display())))?;
        write(
            file,
            &pcap::write(&rewrite(pcap::read(&bytes), &mut Rng::new(seed))),
        )?;
    }
    Ok(())
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), LabError> {
    fs::write(file, bytes).map_err(LabError::io(format!("write {}", file.display())))
}

/// Starts the services and does the work; programs end with this function, other services with `stop`.
fn serve_and_work(
    scenario: &Scenario,
    world: &World,
    seed: u64,
    folder: &Path,
    stop: &Stop,
) -> Result<Tally, LabError> {
    let mut programs = Vec::new();
    for service in &scenario.services {
        start(
            service,
            &world.server,
            &folder.join(scenario.name),
            stop,
            &mut programs,
        )?;
    }
    let address = address_of(Side::Server, scenario.hosts.ipv6);
    let site = Site {
        client: &world.client,
        server: &world.server,
        address,
        seed,
    };
    world.client.run(|| {
        scenario
            .work
            .iter()
            .map(|work| work_on(work, &site))
            .fold(Tally::default(), |a, b| a + b)
    })
}

fn start(
    service: &Service,
    server: &Namespace,
    folder: &Path,
    stop: &Stop,
    programs: &mut Vec<Program>,
) -> Result<(), LabError> {
    match service.clone() {
        Service::Http(http) => in_thread(server, stop, move |stop, ready| http.serve(stop, ready)),
        Service::Dns(dns) => in_thread(server, stop, move |stop, ready| dns.serve(stop, ready)),
        Service::EchoStream(port) => in_thread(server, stop, move |stop, ready| {
            talk::echo_stream(port, stop, ready)
        }),
        Service::EchoDatagrams(port) => in_thread(server, stop, move |stop, ready| {
            talk::echo_datagrams(port, stop, ready)
        }),
        Service::Nginx(bytes) => {
            programs.push(nginx(server, folder, bytes)?);
            Ok(())
        }
        Service::Dnsmasq => {
            let words = "--keep-in-foreground --no-resolv --no-hosts --log-facility=- --user=root --bind-interfaces \
                         --local=/lab.example/ --address=/web.lab.example/10.77.0.1 --address=/db.lab.example/10.77.0.3";
            let args: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            let mut program = Program::start(server, "dnsmasq", &args)?;
            program.wait_for("started, version")?;
            programs.push(program);
            Ok(())
        }
    }
}

/// What a server calls once it listens.
pub(crate) type Ready = Box<dyn FnOnce() + Send>;

/// Starts a server on a thread inside `namespace` and waits until it listens.
pub(crate) fn in_thread(
    namespace: &Namespace,
    stop: &Stop,
    serve: impl FnOnce(&Stop, Ready) -> io::Result<()> + Send + 'static,
) -> Result<(), LabError> {
    let (tell, told) = mpsc::channel();
    let stop = stop.clone();
    namespace.spawn(move || {
        let ready = tell.clone();
        let ended = serve(&stop, Box::new(move || drop(ready.send(Ok(())))));
        // Nobody listens any more once the server was ready.
        let _ = tell.send(ended);
    })?;
    let started = told.recv_timeout(Duration::from_secs(5));
    started
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(LabError::io("start a server"))
}

/// Writes a configuration with a fresh certificate and starts nginx with it.
fn nginx(server: &Namespace, folder: &Path, bytes: usize) -> Result<Program, LabError> {
    fs::create_dir_all(folder).map_err(LabError::io(format!("create {}", folder.display())))?;
    let dir = folder.display();
    write(&folder.join("file"), &vec![b'n'; bytes])?;
    let certificate = format!(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=lab.example -keyout {dir}/key -out {dir}/cert"
    );
    let mut words = certificate.split_whitespace();
    crate::namespace::run(Command::new(words.next().unwrap_or_default()).args(words))?;
    let config = format!(
        "events {{ worker_connections 256; }}\n\
         http {{ access_log off; server {{ listen 80; listen 443 ssl; root {dir};\n\
         ssl_certificate {dir}/cert; ssl_certificate_key {dir}/key; }} }}\n"
    );
    let file = folder.join("nginx.conf");
    write(&file, config.as_bytes())?;
    proxy::nginx(server, &file, SocketAddr::from(([127, 0, 0, 1], 80)))
}

/// Does one piece of work; the calling thread is inside the client's namespace.
fn work_on(work: &Work, site: &Site<'_>) -> Tally {
    match work {
        Work::Requests(requests) => return requests.run(site.address),
        Work::Lookups(lookups) => lookups.run(site.address),
        Work::Wait(time) => thread::sleep(*time),
        Work::Act(act) => act(site),
        Work::Program(words) => {
            let mut words = words.split_whitespace();
            let mut command = Command::new(words.next().unwrap_or_default());
            // Whether it succeeds is what the scenario decides.
            let _ = command.args(words).stdin(Stdio::null()).output();
        }
        Work::Together(works) => {
            return thread::scope(|scope| {
                let running: Vec<_> = works
                    .iter()
                    .map(|work| scope.spawn(move || work_on(work, site)))
                    .collect();
                let tallies = running
                    .into_iter()
                    .map(|work| work.join().unwrap_or_default());
                tallies.fold(Tally::default(), |sum, tally| sum + tally)
            });
        }
    }
    Tally::default()
}
