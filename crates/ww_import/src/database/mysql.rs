//! MySQL and MariaDB: the server's groups of `my.cnf` (MySQL 8.0, "Using Option Files").

use super::lines::{Read, Written, tell_unknown};
use super::{extent, listener, program};
use crate::Text;
use crate::service::{Intake, file_name};
use crate::text::lines;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use ww_model::service::{Capacity, Protocol, ServerSide};

/// The variables and options of servers of MySQL, from 5.5 on, and MariaDB.
static NAMES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| include_str!("../../data/mysql.settings").lines().collect());

/// Reads each file with a group of a server as one server's.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    for text in texts {
        let (settings, is_mariadb) = written(text, intake);
        tell_unknown(&settings, "MySQL or MariaDB", is_known, intake);
        if !settings.is_empty() {
            server(text, &settings, is_mariadb, intake);
        }
    }
}

/// Whether there is a variable or option of this name; words before it switch it on or off, or bound
/// it (MySQL 8.0, "Program Option Modifiers").
fn is_known(name: &str) -> bool {
    let modifiers = ["skip_", "enable_", "disable_", "maximum_"];
    let bare = modifiers.iter().find_map(|it| name.strip_prefix(it));
    let of_schema = name.starts_with("performance_schema_");
    NAMES.contains(name) || bare.is_some_and(|bare| NAMES.contains(bare)) || of_schema
}

fn server(text: &Text<'_>, settings: &[Written], is_mariadb: bool, intake: &mut Intake<'_>) {
    let component = if is_mariadb { "mariadb" } else { "mysql" };
    let product = intake.product(component, text.path);
    let at = extent(text, settings);
    let mut program = program(product.clone(), text, at);
    let mut read = Read {
        settings,
        product: &product,
        intake,
        at,
    };
    let statement = if is_mariadb {
        read.time("max_statement_time", "s")
    } else {
        read.time("max_execution_time", "ms")
    };
    let side = ServerSide {
        keepalive_idle: read.time("wait_timeout", "s"),
        body: read.time("net_read_timeout", "s"),
        idle_in_transaction: read.time("idle_transaction_timeout", "s"),
        statement,
        ..ServerSide::default()
    };
    let listener = listener(&mut read, "port", Protocol::Mysql, side);
    program.capacity = Capacity {
        connections: read.number("max_connections"),
        backlog: read.number("back_log"),
        ..Capacity::default()
    };
    program.listeners.push(listener);
    read.intake.services.programs.push(program);
}

/// The settings of groups that the server reads, and whether the server is MariaDB's.
fn written(text: &Text<'_>, intake: &mut Intake<'_>) -> (Vec<Written>, bool) {
    let mut settings = Vec::new();
    let mut is_mariadb = matches!(file_name(text.path), "mariadb.cnf" | "50-server.cnf");
    let mut is_server = false;
    for line in lines(text.source, text.bytes) {
        let plain = line.text.as_ref();
        if plain.starts_with(['#', ';']) {
            continue;
        }
        if plain.starts_with('!') {
            let message = format!("`{plain}` was not followed: bring its settings in this file");
            intake.unsupported(line.at, message);
            continue;
        }
        if let Some(group) = plain.strip_prefix('[') {
            let group = group.split(']').next().unwrap_or_default();
            let stem = group.split('-').next().unwrap_or_default();
            is_server = matches!(stem, "mysqld" | "server" | "mariadb" | "mariadbd");
            is_mariadb |= matches!(stem, "mariadb" | "mariadbd");
            continue;
        }
        if !is_server {
            continue;
        }
        let (name, value) = plain.split_once('=').unwrap_or((plain, ""));
        let value = value.split(" #").next().unwrap_or_default().trim();
        let name = name.trim().to_ascii_lowercase().replace('-', "_");
        settings.push(Written {
            name: name.trim_start_matches("loose_").to_owned(),
            value: value.trim_matches(['"', '\'']).to_owned(),
            at: line.at,
        });
    }
    (settings, is_mariadb)
}
