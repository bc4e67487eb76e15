//! Redis: `redis.conf`.

use super::lines::{Read, Written, tell_unknown};
use super::{extent, listener, program};
use crate::Text;
use crate::service::Intake;
use crate::text::{Quoting, lines, words};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use ww_model::service::{Capacity, Protocol, ServerSide};

/// The settings of Redis and Valkey, from 2 to 8.
static NAMES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| include_str!("../../data/redis.settings").lines().collect());

/// Reads each file as one server's.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    for text in texts {
        let settings = written(text, intake);
        tell_unknown(&settings, "Redis", |name| NAMES.contains(name), intake);
        let product = intake.product("redis", text.path);
        let at = extent(text, &settings);
        let mut program = program(product.clone(), text, at);
        let mut read = Read {
            settings: &settings,
            product: &product,
            intake,
            at,
        };
        let side = ServerSide {
            keepalive_idle: read.time("timeout", "s"),
            probe_after: read.time("tcp-keepalive", "s"),
            ..ServerSide::default()
        };
        let listener = listener(&mut read, "port", Protocol::Redis, side);
        program.capacity = Capacity {
            connections: read.number("maxclients"),
            backlog: read.number("tcp-backlog"),
            ..Capacity::default()
        };
        program.listeners.push(listener);
        read.intake.services.programs.push(program);
    }
}

/// The lines `name value`.
fn written(text: &Text<'_>, intake: &mut Intake<'_>) -> Vec<Written> {
    let mut settings = Vec::new();
    for line in lines(text.source, text.bytes).filter(|line| !line.text.starts_with('#')) {
        let (words, _) = words(&line.text, Quoting::Dump);
        match words.as_slice() {
            [word, file] if word.eq_ignore_ascii_case("include") => {
                let message = format!("{file} was not read: bring its settings in this file");
                intake.unsupported(line.at, message);
            }
            [name, value, ..] => settings.push(Written {
                name: name.to_ascii_lowercase(),
                value: value.to_string(),
                at: line.at,
            }),
            _ => {
                let message = format!("`{}` sets nothing: write `name value`", line.text);
                intake.malformed(line.at, message);
            }
        }
    }
    settings
}
