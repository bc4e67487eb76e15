//! PostgreSQL: `postgresql.conf`, and `postgresql.auto.conf` in front of it (PostgreSQL,
//! "Parameter Interaction via the Configuration File").

use super::lines::{Read, Written, tell_unknown};
use super::{extent, listener, program};
use crate::Text;
use crate::service::{Intake, file_name, folder};
use crate::text::lines;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use ww_base::Order;
use ww_model::service::{Capacity, Protocol, ServerSide};

/// The settings of PostgreSQL 15 (`pg_settings`), and those that other versions from 9 to 18 have.
static NAMES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    include_str!("../../data/postgres.settings")
        .lines()
        .collect()
});

/// Reads the files of each folder as one server's.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    let mut servers: BTreeMap<&str, Vec<&Text<'_>>> = BTreeMap::new();
    for text in texts {
        servers.entry(folder(text.path)).or_default().push(text);
    }
    for files in servers.values_mut() {
        files.put_in_order_by_key(|text| file_name(text.path) == "postgresql.auto.conf");
        let mut settings = Vec::new();
        for text in files.iter() {
            let own = written(text, intake);
            tell_unknown(&own, "PostgreSQL", |name| NAMES.contains(name), intake);
            settings.extend(own);
        }
        if let Some(first) = files.first() {
            server(first, &settings, intake);
        }
    }
}

fn server(text: &Text<'_>, settings: &[Written], intake: &mut Intake<'_>) {
    let product = intake.product("postgres", text.path);
    let own: Vec<Written> = settings
        .iter()
        .filter(|it| it.at.source == text.source)
        .cloned()
        .collect();
    let at = extent(text, &own);
    let mut program = program(product.clone(), text, at);
    let mut read = Read {
        settings,
        product: &product,
        intake,
        at,
    };
    let side = ServerSide {
        keepalive_idle: read.time("idle_session_timeout", "ms"),
        statement: read.time("statement_timeout", "ms"),
        idle_in_transaction: read.time("idle_in_transaction_session_timeout", "ms"),
        probe_after: read.time("tcp_keepalives_idle", "s"),
        ..ServerSide::default()
    };
    let listener = listener(&mut read, "port", Protocol::Postgres, side);
    program.capacity = Capacity {
        connections: read.number("max_connections"),
        reserved: read.number("superuser_reserved_connections"),
        ..Capacity::default()
    };
    program.listeners.push(listener);
    read.intake.services.programs.push(program);
}

/// The lines `name = value`, the sign optional, values also in single quotes.
fn written(text: &Text<'_>, intake: &mut Intake<'_>) -> Vec<Written> {
    let mut settings = Vec::new();
    for line in lines(text.source, text.bytes) {
        let plain = without_comment(&line.text).trim_end();
        if plain.is_empty() {
            continue;
        }
        let mut at = line.at;
        at.end = at.end.min(at.start + plain.len() as u32);
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_.$".contains(letter);
        let end = plain.find(|letter| !is_name(letter)).unwrap_or(plain.len());
        let (name, rest) = plain.split_at_checked(end).unwrap_or((plain, ""));
        let rest = rest.trim_start();
        let value = rest.strip_prefix('=').unwrap_or(rest).trim();
        if name.is_empty() || value.is_empty() {
            intake.malformed(at, format!("`{plain}` sets nothing: write `name = value`"));
        } else if name.starts_with("include") {
            let message = format!("{value} was not read: bring its settings in this file");
            intake.unsupported(at, message);
        } else {
            settings.push(Written {
                name: name.to_ascii_lowercase(),
                value: value.trim_matches('\'').to_owned(),
                at,
            });
        }
    }
    settings
}

/// The line up to a `#` that stands outside of quotes.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (index, letter) in line.char_indices() {
        match letter {
            '\'' => quoted = !quoted,
            '#' if !quoted => return line.get(..index).unwrap_or(line),
            _ => {}
        }
    }
    line
}
