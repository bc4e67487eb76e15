//! PgBouncer: `pgbouncer.ini` (pgbouncer.org, "config").

use super::lines::{Read, Written, tell_unknown};
use super::{extent, listener, program};
use crate::Text;
use crate::service::Intake;
use crate::text::{Line, lines};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use ww_base::{Setting, SourceSpan};
use ww_model::service::{
    Call, Capacity, ClientSide, Passive, Product, Protocol, ServerSide, Target,
};

/// A line of `[databases]`: the name, and the words of its connection string.
struct Database {
    at: SourceSpan,
    name: String,
    words: Vec<(String, String)>,
}

/// The settings of PgBouncer, from 1.5 to 1.25.
static NAMES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    include_str!("../../data/pgbouncer.settings")
        .lines()
        .collect()
});

/// Reads each file as one pooler's.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    for text in texts {
        let (databases, settings) = written(text, intake);
        tell_unknown(&settings, "PgBouncer", |name| NAMES.contains(name), intake);
        let product = intake.product("pgbouncer", text.path);
        let at = extent(text, &settings);
        let mut program = program(product.clone(), text, at);
        let mut read = Read {
            settings: &settings,
            product: &product,
            intake,
            at,
        };
        let side = ServerSide {
            keepalive_idle: read.time("client_idle_timeout", "s"),
            statement: read.time("query_timeout", "s"),
            idle_in_transaction: read.time("idle_transaction_timeout", "s"),
            probe_after: read.time("tcp_keepidle", "s"),
            ..ServerSide::default()
        };
        let listener = listener(&mut read, "listen_port", Protocol::Postgres, side);
        program.listeners.push(listener);
        program.capacity = Capacity {
            connections: read.number("max_client_conn"),
            backlog: read.number("listen_backlog"),
            ..Capacity::default()
        };
        let pool = client_side(&mut read);
        let calls = databases.iter();
        program.calls = calls
            .map(|it| call(it, &pool, &product, read.intake))
            .collect();
        read.intake.services.programs.push(program);
    }
}

/// What holds for the pools of all databases, and the bound on the connections of one.
fn client_side(read: &mut Read<'_, '_, '_>) -> (ClientSide, Setting<u64>) {
    let side = ClientSide {
        reuses: Setting::set(true, read.at),
        keepalive_idle: read.time("server_idle_timeout", "s"),
        max_lifetime: read.time("server_lifetime", "s"),
        pool: read.number("default_pool_size"),
        pool_idle: read.number("min_pool_size"),
        pool_wait: read.time("query_wait_timeout", "s"),
        connect: read.time("server_connect_timeout", "s"),
        probe_after: read.time("tcp_keepidle", "s"),
        ..ClientSide::default()
    };
    (side, read.number("max_db_connections"))
}

fn call(
    database: &Database,
    pool: &(ClientSide, Setting<u64>),
    product: &Product,
    intake: &mut Intake<'_>,
) -> Call {
    let at = database.at;
    let word = |name: &str| {
        let found = database.words.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let (mut side, mut most) = pool.clone();
    let mut number = |name: &str, setting: &mut Setting<u64>| {
        let Some(text) = word(name) else { return };
        match text.parse() {
            Ok(number) => *setting = Setting::set(number, at),
            Err(_) => intake.malformed(at, format!("`{name}` has to be a number, not `{text}`")),
        }
    };
    number("pool_size", &mut side.pool);
    number("min_pool_size", &mut side.pool_idle);
    number("max_db_connections", &mut most);
    let is_less = |(most, pool): (&u64, &u64)| *most > 0 && most < pool;
    if most.value().zip(side.pool.value()).is_some_and(is_less) {
        side.pool = most;
    }
    let port = word("port").and_then(|port| port.parse().ok());
    let usual = intake.defaults.number(product, "port");
    let port = port.or_else(|| usual.value().and_then(|port| u16::try_from(*port).ok()));
    let hosts = word("host").unwrap_or("localhost").split(',');
    let target = |host: &str| Target {
        at,
        host: host.trim().to_owned(),
        port,
        is_backup: false,
        resolves_again: Setting::default(),
        subset: None,
    };
    Call {
        at,
        name: database.name.clone(),
        matches: None,
        from: vec![0],
        to: hosts.map(target).collect(),
        protocol: Protocol::Postgres,
        streams: Setting::default(),
        side,
        picking: Setting::default(),
        checks: Vec::new(),
        passive: Passive::default(),
        tls: None,
    }
}

fn written(text: &Text<'_>, intake: &mut Intake<'_>) -> (Vec<Database>, Vec<Written>) {
    let (mut databases, mut settings) = (Vec::new(), Vec::new());
    let mut section = String::new();
    for line in lines(text.source, text.bytes) {
        let plain = line.text.as_ref();
        if plain.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = plain.strip_prefix('[') {
            section = name.trim_end_matches(']').to_ascii_lowercase();
            continue;
        }
        if plain.starts_with("%include") {
            let message = format!("`{plain}` was not followed: bring its settings in this file");
            intake.unsupported(line.at, message);
            continue;
        }
        let Some((name, value)) = plain.split_once('=') else {
            let message = format!("`{plain}` sets nothing: write `name = value`");
            intake.malformed(line.at, message);
            continue;
        };
        let name = name.trim();
        match section.as_str() {
            "databases" => databases.push(database(name, value, &line)),
            "pgbouncer" => settings.push(Written {
                name: name.to_ascii_lowercase(),
                value: value.trim().to_owned(),
                at: line.at,
            }),
            _ => {}
        }
    }
    (databases, settings)
}

/// Of the connection string only what says where it leads, and how big its pool is.
fn database(name: &str, value: &str, line: &Line<'_>) -> Database {
    let kept = [
        "host",
        "port",
        "pool_size",
        "min_pool_size",
        "max_db_connections",
    ];
    let words = value.split_ascii_whitespace().filter_map(|word| {
        let (name, value) = word.split_once('=')?;
        let value = value.trim_matches('\'').to_owned();
        kept.contains(&name).then(|| (name.to_owned(), value))
    });
    Database {
        at: line.at,
        name: name.to_owned(),
        words: words.collect(),
    }
}
