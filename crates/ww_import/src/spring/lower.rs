//! An application's properties as a program.

use super::properties::Properties;
use super::{gateway, resilience};
use crate::Text;
use crate::service::address::{parse, plain_call};
use crate::service::{Intake, folder};
use ww_base::{Setting, SourceSpan, Span};
use ww_model::service::{
    Call, Capacity, ClientSide, Listener, Product, Program, Protocol, ServerSide, Target,
};

/// The application that properties configure.
pub(super) fn program(text: &Text<'_>, properties: &Properties, intake: &mut Intake<'_>) {
    let at = properties.extent("").unwrap_or(SourceSpan {
        source: text.source,
        start: 0,
        end: 0,
    });
    let component = if gateway::is_there(properties) {
        "spring-cloud-gateway"
    } else {
        "spring-boot"
    };
    let product = intake.product(component, text.path);
    let name = properties.get("spring.application.name");
    let name = name.map_or_else(|| of_folder(text.path), |it| it.value.clone());
    let mut program = Program::new(name, product, at, text.path);
    let is_tomcat = is_tomcat(text.path, component, properties, intake);
    let listener = listener(properties, at, is_tomcat, intake);
    program.listeners.push(listener);
    program.capacity = capacity(properties, is_tomcat, intake);
    program.grace = grace(properties, intake);
    program.calls = gateway::calls(properties, intake);
    let used = gateway::breakers(properties);
    program
        .calls
        .extend(resilience::calls(properties, &used, intake));
    program.calls.extend(datasource(properties, intake));
    program.calls.extend(redis(properties, intake));
    intake.services.programs.push(program);
}

/// The folder of the project, above its resources.
fn of_folder(path: &str) -> String {
    let project = path.split("/src/main/").next().filter(|it| *it != path);
    let project = project.unwrap_or_else(|| folder(path));
    let name = project.rsplit('/').next().unwrap_or_default();
    let name = if name.is_empty() { "application" } else { name };
    name.to_owned()
}

/// Whether the embedded server is Tomcat: a setting of it tells so, or the build of an application
/// that serves HTTP by servlets.
fn is_tomcat(path: &str, component: &str, properties: &Properties, intake: &Intake<'_>) -> bool {
    let project = path.split_once("/src/main/").map(|(project, _)| project);
    let project = project.unwrap_or(if path.starts_with("src/main/") {
        ""
    } else {
        folder(path)
    });
    let kind = properties.get("spring.main.webapplicationtype");
    let is_servlet = kind.is_none_or(|kind| kind.value.eq_ignore_ascii_case("servlet"));
    let is_built = component == "spring-boot" && intake.tomcats.contains(project);
    properties.has("server.tomcat.") || (is_built && is_servlet)
}

/// The embedded server.
fn listener(
    properties: &Properties,
    at: SourceSpan,
    is_tomcat: bool,
    intake: &mut Intake<'_>,
) -> Listener {
    let boot = intake.product("spring-boot", "");
    let usual = intake.defaults.number(&boot, "server.port");
    let port = match properties.number("server.port", intake) {
        Setting::Unknown(gap) if gap.missing.is_empty() => usual,
        port => port,
    };
    let connection = properties.time("server.tomcat.connectiontimeout", intake);
    let keepalive = properties.time("server.tomcat.keepalivetimeout", intake);
    let requests = properties.number("server.tomcat.maxkeepaliverequests", intake);
    let mut side = ServerSide {
        keepalive_idle: keepalive.or(connection.clone()),
        keepalive_requests: requests,
        header: connection,
        ..ServerSide::default()
    };
    if is_tomcat {
        let product = intake.product("tomcat", "");
        let time = |name| intake.defaults.time(&product, name);
        side.header = side.header.or(time("connection-timeout"));
        side.keepalive_idle = side.keepalive_idle.or(time("keep-alive-timeout"));
        let number = intake.defaults.number(&product, "max-keep-alive-requests");
        side.keepalive_requests = side.keepalive_requests.or(number);
    }
    Listener {
        at: port.span().unwrap_or(at),
        port: port
            .value()
            .and_then(|it| u16::try_from(*it).ok())
            .filter(|it| *it > 0),
        hosts: Vec::new(),
        protocol: Protocol::Http,
        side,
        tls: None,
        own_answers: Vec::new(),
    }
}

fn capacity(properties: &Properties, is_tomcat: bool, intake: &mut Intake<'_>) -> Capacity {
    let mut capacity = Capacity {
        threads: properties.number("server.tomcat.threads.max", intake),
        connections: properties.number("server.tomcat.maxconnections", intake),
        backlog: properties.number("server.tomcat.acceptcount", intake),
        ..Capacity::default()
    };
    if is_tomcat {
        let product = intake.product("tomcat", "");
        let number = |name| intake.defaults.number(&product, name);
        capacity.threads = capacity.threads.or(number("threads.max"));
        capacity.connections = capacity.connections.or(number("max-connections"));
        capacity.backlog = capacity.backlog.or(number("accept-count"));
    }
    capacity
}

/// How long requests may still run: a phase's time, unless the server stops at once.
fn grace(properties: &Properties, intake: &mut Intake<'_>) -> Setting<Span> {
    match properties.get("server.shutdown") {
        Some(it) if it.value == "immediate" => Setting::Off(ww_base::Locus::Text(it.at)),
        Some(_) => {
            let product = intake.product("spring-boot", "");
            let name = "spring.lifecycle.timeout-per-shutdown-phase";
            let default = intake.defaults.time(&product, name);
            let written = properties.time("spring.lifecycle.timeoutpershutdownphase", intake);
            written.or(default)
        }
        None => Setting::default(),
    }
}

/// The database behind `spring.datasource`, with the pool of HikariCP.
fn datasource(properties: &Properties, intake: &mut Intake<'_>) -> Option<Call> {
    let url = properties.any(&["spring.datasource.url", "spring.datasource.hikari.jdbcurl"])?;
    let mut call = plain_call(parse(&url.value)?, url.at);
    let product = intake.product("hikari", "");
    call.side = hikari(properties, &product, intake);
    Some(call)
}

fn hikari(properties: &Properties, product: &Product, intake: &mut Intake<'_>) -> ClientSide {
    let written = |name: &str| format!("spring.datasource.hikari.{}", name.to_ascii_lowercase());
    let time = |name: &str, intake: &mut Intake<'_>| {
        let default = intake.defaults.time(product, name);
        properties.time(&written(name), intake).or(default)
    };
    let pool = properties.number(&written("maximumPoolSize"), intake);
    let pool = pool.or(intake.defaults.number(product, "maximumPoolSize"));
    let idle = properties.number(&written("minimumIdle"), intake);
    ClientSide {
        reuses: intake.defaults.flag(product, "keeps"),
        keepalive_idle: time("idleTimeout", intake),
        max_lifetime: time("maxLifetime", intake),
        pool_wait: time("connectionTimeout", intake),
        probe_after: time("keepaliveTime", intake),
        pool_idle: idle.or(pool.clone()),
        pool,
        ..ClientSide::default()
    }
}

fn redis(properties: &Properties, intake: &mut Intake<'_>) -> Option<Call> {
    let beginning = ["spring.data.redis", "spring.redis"];
    let beginning = beginning
        .into_iter()
        .find(|it| properties.has(&format!("{it}.")))?;
    let name = |end: &str| format!("{beginning}.{end}");
    let host = properties.get(&name("host"))?;
    let port = properties.number(&name("port"), intake);
    if host.value.contains("${") {
        return None;
    }
    let address = parse(&format!("redis://{}", host.value))?;
    let mut call = plain_call(address, host.at);
    if let Some(port) = port.value().and_then(|port| u16::try_from(*port).ok()) {
        let target = |target: Target| Target {
            port: Some(port),
            ..target
        };
        call.to = call.to.into_iter().map(target).collect();
    }
    call.side = ClientSide {
        first_byte: properties.time(&name("timeout"), intake),
        connect: properties.time(&name("connecttimeout"), intake),
        ..ClientSide::default()
    };
    Some(call)
}
