//! An application, as a unit starts it, to a program.

use super::client::{self, CLIENTS};
use super::code::Language;
use super::command::{self, Command};
use super::expr::Environment;
use super::gather::Application;
use super::java;
use super::server;
use super::source::TRANSPORT;
use super::written::{Construct, Lookup, Written};
use crate::service::address::{self, Address, addresses_of, plain_call};
use crate::service::{Intake, file_name};
use ww_base::{Gap, Locus, SourceSpan, Sourced};
use ww_model::service::{
    Call, Listener, Picking, Product, Program, ProgramId, Protocol, ServerSide, Unit, Version,
};

/// The module of gRPC for Go, as `go.mod` names it.
const GRPC: &str = "google.golang.org/grpc";

/// Makes the program of an application that a unit starts, or nobody.
pub(super) fn application(
    application: &Application,
    starter: Option<usize>,
    intake: &mut Intake<'_>,
) {
    let unit = starter
        .and_then(|index| intake.services.units.get(index))
        .cloned();
    let environment = Environment {
        unit: unit.as_ref(),
    };
    let constructs = application.found.constructs.iter();
    let assigned = application.found.assigned.iter();
    let lowering = Lowering {
        application,
        constructs: constructs.map(|it| it.within(&environment)).collect(),
        assigned: assigned.map(|it| it.within(&environment)).collect(),
        command: unit
            .as_ref()
            .map(|unit| command::read(unit, &application.manifest))
            .unwrap_or_default(),
        unit: unit.as_ref(),
        intake,
    };
    let program = lowering.program();
    let is_something = !program.listeners.is_empty() || !program.calls.is_empty();
    if !is_something {
        return;
    }
    let of_spring = of_spring(application, intake);
    let known = of_spring.and_then(|index| intake.services.programs.get_mut(index));
    let id = if let (Some(index), Some(known)) = (of_spring, known) {
        for call in program.calls {
            add(&mut known.calls, call);
        }
        ProgramId(index as u32)
    } else {
        intake.services.programs.push(program);
        ProgramId(intake.services.programs.len() as u32 - 1)
    };
    if let Some(unit) = starter.and_then(|index| intake.services.units.get_mut(index)) {
        unit.program = Some(id);
    }
}

/// The program that properties of Spring in the same project configure.
fn of_spring(application: &Application, intake: &Intake<'_>) -> Option<usize> {
    if application.language != Language::Java {
        return None;
    }
    let resources = format!("{}/src/main/", application.folder);
    let resources = resources.trim_start_matches('/');
    let mut programs = intake.services.programs.iter();
    programs.position(|program| {
        program.product.component.starts_with("spring") && program.path.starts_with(resources)
    })
}

struct Lowering<'a, 'l> {
    application: &'a Application,
    /// What the source makes, and what it assigns to servers, in the unit's environment.
    constructs: Vec<Construct>,
    assigned: Vec<Written>,
    command: Command,
    unit: Option<&'a Unit>,
    intake: &'a Intake<'l>,
}

/// A server, or what is known of it.
struct Server {
    component: &'static str,
    /// Why settings that are not written are not known.
    unseen: Option<Gap>,
}

impl Lowering<'_, '_> {
    fn program(&self) -> Program {
        let server = self.server();
        let component = server.as_ref().map_or("", |server| server.component);
        let product = Product {
            component: component.to_owned(),
            version: self.version(component),
        };
        let folder_name = file_name(&self.application.folder);
        let name = match (self.unit, &self.application.manifest.name) {
            (Some(unit), _) => unit.name.as_str(),
            (None, Some(name)) => name,
            (None, None) if folder_name.is_empty() => file_name(&self.application.path),
            (None, None) => folder_name,
        };
        let at = self.application.at;
        let mut program = Program::new(name, product.clone(), at, &self.application.path);
        if let Some(server) = server {
            let lookup = self.lookup(product, server.unseen);
            let ports = self.ports();
            let listener = |port: Option<(u16, SourceSpan)>| Listener {
                at: port.map_or(at, |(_, at)| at),
                port: port.map(|(port, _)| port),
                hosts: Vec::new(),
                protocol: if component == "grpc-go-server" {
                    Protocol::Grpc
                } else {
                    Protocol::Http
                },
                side: self.with_heartbeat(server::side(&lookup)),
                tls: None,
                own_answers: Vec::new(),
            };
            program.listeners = match ports.as_slice() {
                [] => vec![listener(None)],
                ports => ports.iter().map(|port| listener(Some(*port))).collect(),
            };
            program.capacity = server::capacity(&lookup);
            program.grace = server::grace(&lookup);
        }
        program.calls = self.calls();
        let found = &self.application.found;
        program.event_stream = found.event_stream.filter(|_| !found.is_unbuffered);
        program
    }

    /// Socket.IO pings its clients, whatever server it is attached to.
    fn with_heartbeat(&self, side: ServerSide) -> ServerSide {
        if !self.has("socket.io") {
            return side;
        }
        let socket = self.of_client(
            "socket.io",
            client::of(&self.application.found.constructs, "socket.io"),
        );
        ServerSide {
            heartbeat: socket.time("pingInterval"),
            ..side
        }
    }

    fn has(&self, package: &str) -> bool {
        let mut packages = self.application.manifest.packages.iter();
        packages.any(|it| it.name == package)
    }

    fn makes(&self, component: &str) -> bool {
        let mut made = self.constructs.iter();
        made.any(|it| it.component == component)
    }

    /// The server that it is: what the command starts, or what the source makes.
    fn server(&self) -> Option<Server> {
        let seen = |component| {
            Some(Server {
                component,
                unseen: None,
            })
        };
        if let Some(component) = self.command.server {
            let is_read = |file: &String| {
                let name = file_name(file);
                let is_known = matches!(name, "gunicorn.conf.py" | "puma.rb");
                is_known && !self.application.files.is_empty()
            };
            let unread = self.command.file.as_ref().filter(|file| !is_read(file));
            return Some(Server {
                component,
                unseen: unread.map(|file| unseen(&format!("the settings in {file}"))),
            });
        }
        match self.application.language {
            Language::JavaScript => {
                let listens = self.makes("listen");
                if listens && self.makes("fastify") {
                    seen("fastify")
                } else if listens && self.makes("node-http") {
                    seen("node-http")
                } else if self.has("fastify") || self.has("express") {
                    let component = if self.has("fastify") {
                        "fastify"
                    } else {
                        "node-http"
                    };
                    Some(Server {
                        component,
                        unseen: Some(unseen("the source that starts the server")),
                    })
                } else {
                    None
                }
            }
            Language::Python => {
                let made = ["uvicorn", "aiohttp-server"];
                if let Some(component) = made.into_iter().find(|it| self.makes(it)) {
                    return seen(component);
                }
                let servers = ["gunicorn", "uvicorn", "hypercorn", "waitress"];
                let mut present = servers.into_iter().filter(|it| self.has(it));
                match (present.next(), present.next()) {
                    (Some(component), None) if !self.command.is_known => Some(Server {
                        component,
                        unseen: Some(unseen("the command that starts the server")),
                    }),
                    _ => None,
                }
            }
            Language::Go => {
                let made = ["go-http-server", "grpc-go-server"];
                made.into_iter().find(|it| self.makes(it)).and_then(seen)
            }
            Language::Java => None,
            Language::Ruby => self.has("puma").then(|| Server {
                component: "puma",
                unseen: (!self.command.is_known && self.application.files.is_empty())
                    .then(|| unseen("the command that starts the server, and puma.rb")),
            }),
        }
    }

    /// The version of what the component is a part of: its package, or the runtime.
    fn version(&self, component: &str) -> Option<Sourced<Version>> {
        let runtime = match component {
            "node-http" | "node-http-agent" | "undici" => Some("node"),
            "go-http-server" | "go-http-client" => Some("go"),
            _ => None,
        };
        if let Some(runtime) = runtime {
            let of_image = self.unit.and_then(|unit| unit.product.as_ref());
            let of_image = of_image.filter(|product| product.component == runtime);
            let of_image = of_image.and_then(|product| product.version.clone());
            return of_image.or_else(|| self.application.manifest.runtime.clone());
        }
        let names = CLIENTS.iter().filter(|(_, known, _)| *known == component);
        let names: Vec<&str> = names.map(|(name, ..)| *name).collect();
        let mut packages = self.application.manifest.packages.iter().rev();
        let grpc = component.starts_with("grpc-go-").then_some(GRPC);
        let named = |name: &str| name == component || names.contains(&name) || Some(name) == grpc;
        packages.find_map(|it| it.version.clone().filter(|_| named(&it.name)))
    }

    /// Where the settings of the server are looked up.
    fn lookup(&self, product: Product, unseen: Option<Gap>) -> Lookup<'_> {
        let constructs = client::of(&self.constructs, &product.component);
        let constructs = constructs
            .into_iter()
            .filter(|it| product.component != "node-http" || !it.values.is_empty());
        let over: Vec<&Written> = self
            .assigned
            .iter()
            .chain(&self.application.files)
            .chain(&self.command.written)
            .collect();
        Lookup {
            constructs: constructs.collect(),
            over,
            product,
            defaults: self.intake.defaults,
            unseen,
        }
    }

    fn ports(&self) -> Vec<(u16, SourceSpan)> {
        if let Some(port) = self.command.port {
            return vec![port];
        }
        let variable = self.unit.and_then(|unit| {
            let mut variables = unit.environment.iter();
            let (_, value) = variables.find(|(name, _)| name == "PORT")?;
            let Locus::Text(at) = value.at else {
                return None;
            };
            Some((value.value.parse().ok()?, at))
        });
        let found = &self.application.found;
        match variable {
            Some(port) if found.reads_port => vec![port],
            _ if !found.ports.is_empty() => found.ports.clone(),
            _ => {
                let unit = self.unit.map(|unit| (unit.ports.as_slice(), unit.at));
                match unit {
                    Some(([port], at)) => vec![(*port, at)],
                    _ => Vec::new(),
                }
            }
        }
    }

    /// Whom it calls: in order of the unit's variables, then of the source.
    fn calls(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        let variables = self.unit.map_or(&[][..], |unit| &unit.environment);
        for (address, at) in addresses_of(variables) {
            add(&mut calls, self.call(address, at, None));
        }
        let environment = Environment { unit: self.unit };
        for construct in &self.constructs {
            let Some((expr, at)) = &construct.address else {
                continue;
            };
            let text = expr.text(&environment).unwrap_or_default();
            if let Some(address) = address::parse(&text) {
                add(&mut calls, self.call(address, *at, Some(construct)));
            }
        }
        let of_constructs = calls.len();
        for (text, at) in &self.application.found.addresses {
            let Some(address) = address::parse(text) else {
                continue;
            };
            let reaches = |call: &Call| {
                let mut targets = call.to.iter();
                targets.any(|it| it.host == address.host && it.port == address.port)
            };
            if !calls.iter().take(of_constructs).any(reaches) {
                add(&mut calls, self.call(address, *at, None));
            }
        }
        calls
    }

    fn call(&self, address: Address, at: SourceSpan, construct: Option<&Construct>) -> Call {
        let mut call = plain_call(address, at);
        let component = match construct {
            Some(construct) => Some(construct.component),
            None if call.protocol == Protocol::Unknown && self.speaks_grpc_only() => {
                call.protocol = Protocol::Grpc;
                Some("grpc-go-client")
            }
            None => self.client(call.protocol),
        };
        let Some(component) = component else {
            return call;
        };
        let all = &self.constructs;
        let own = construct.map_or_else(|| client::of(all, component), |it| vec![it]);
        let lookup = self.of_client(component, own);
        let agents = client::of(all, "node-http-agent");
        let agents = agents.into_iter().filter(|it| !it.values.is_empty());
        let agent = self.of_client("node-http-agent", agents.collect());
        let transport = self.of_client("go-http-client", client::of(all, TRANSPORT));
        call.side = client::side(&lookup, &agent, &transport);
        if let Some(construct) = construct {
            client::again(construct, &mut call.side.retry);
        }
        if component == "grpc-go-client" {
            call.protocol = Protocol::Grpc;
            let policy = lookup.word("loadBalancingPolicy");
            call.picking = policy.map(|policy| match policy.as_str() {
                "round_robin" => Picking::RoundRobin,
                _ => Picking::First,
            });
        }
        call
    }

    /// Whether gRPC is the only protocol that its source calls others with.
    fn speaks_grpc_only(&self) -> bool {
        let others = CLIENTS.iter().map(|(_, component, _)| *component);
        let mut others = others.chain(["go-http-client", "node-http-agent"]);
        self.makes("grpc-go-client") && !others.any(|it| self.makes(it))
    }

    /// Where the settings of a client are looked up that these make.
    fn of_client<'c>(&'c self, component: &str, constructs: Vec<&'c Construct>) -> Lookup<'c> {
        let product = Product {
            component: component.to_owned(),
            version: self.version(component),
        };
        Lookup {
            constructs,
            ..self.lookup(product, None)
        }
    }

    /// The client that speaks a protocol, when there is exactly one: of those that the source uses,
    /// or of the packages.
    fn client(&self, protocol: Protocol) -> Option<&'static str> {
        let speaks =
            |known: Protocol| known == protocol || (known == Protocol::Http && protocol.is_http());
        let extra = [
            (java::REST, Protocol::Http),
            (java::JDK, Protocol::Http),
            ("node-http-agent", Protocol::Http),
            ("go-http-client", Protocol::Http),
        ];
        let all = CLIENTS
            .iter()
            .map(|(_, component, known)| (*component, *known));
        let mut used: Vec<&str> = all
            .chain(extra)
            .filter(|(component, known)| speaks(*known) && self.makes(component))
            .map(|(component, _)| component)
            .collect();
        if used.is_empty() {
            let present = CLIENTS.iter().filter(|(package, _, known)| {
                speaks(*known) && self.has(package) && self.fits(package)
            });
            used = present.map(|(_, component, _)| *component).collect();
        }
        used.dedup();
        match used.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Whether a package is the known one of this language: others have packages of the same name.
    fn fits(&self, package: &str) -> bool {
        let python = [
            "requests",
            "httpx",
            "urllib3",
            "aiohttp",
            "sqlalchemy",
            "flask-sqlalchemy",
            "redis",
            "pymongo",
        ];
        match self.application.language {
            Language::Python => python.contains(&package),
            Language::JavaScript => !python.contains(&package),
            Language::Go | Language::Java | Language::Ruby => false,
        }
    }
}

/// Adds a call, unless one with the same timers reaches the same target already.
fn add(calls: &mut Vec<Call>, call: Call) {
    let same = |known: &Call| {
        let reaches = |call: &Call| call.to.first().map(|it| (it.host.clone(), it.port));
        reaches(known) == reaches(&call) && known.side == call.side
    };
    if !calls.iter().any(same) {
        calls.push(call);
    }
}

fn unseen(what: &str) -> Gap {
    Gap::new(
        format!("{what}, which may set it"),
        "that file beside the others, or a statement in wirewise.toml",
    )
}
