//! What real proxies do with a request that meets a connection which its server closes at that moment, and what our
//! readers say that they do.

#![expect(clippy::disallowed_methods, reason = "the lab is real")]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use ww_lab::stale::{By, Row, SETUPS, config, measure};
use ww_lab::traffic::Ending;
use ww_lab::traffic::asking::Seen;
use ww_model::service::Methods;

/// What becomes of GET, PUT and POST by the client's same connection, then by a new one: the status, `-` for a
/// connection that is closed without one, and how often the server received the request.
const TABLE: [(&str, [&str; 3], [&str; 3]); 11] = [
    (
        "nginx-default",
        ["200 x2", "200 x2", "502 x1"],
        ["200 x2", "200 x2", "502 x1"],
    ),
    ("nginx-non-idempotent", ["200 x2"; 3], ["200 x2"; 3]),
    ("nginx-off", ["502 x1"; 3], ["502 x1"; 3]),
    ("haproxy-never", ["- x1"; 3], ["200 x1"; 3]),
    ("haproxy-safe", ["- x1"; 3], ["200 x1"; 3]),
    ("haproxy-aggressive", ["- x1"; 3], ["200 x1"; 3]),
    ("haproxy-always", ["- x1"; 3], ["502 x1"; 3]),
    ("haproxy-safe-all-errors", ["200 x2"; 3], ["200 x2"; 3]),
    ("haproxy-always-all-errors", ["200 x2"; 3], ["200 x2"; 3]),
    (
        "haproxy-always-empty-response",
        ["200 x2"; 3],
        ["200 x2"; 3],
    ),
    (
        "haproxy-always-spare-post",
        ["200 x2", "200 x2", "- x1"],
        ["200 x2", "200 x2", "502 x1"],
    ),
];

#[test]
fn nginx_treats_stale_connections_as_the_table_says() {
    check("nginx");
}

#[test]
fn haproxy_treats_stale_connections_as_the_table_says() {
    check("haproxy");
}

fn check(program: &str) {
    let folder = tempfile::tempdir().unwrap();
    let what = "requests that meet a close";
    let Some(rows) = common::in_a_lab(what, &[program], || measure(program, folder.path())) else {
        return;
    };
    let setups = SETUPS.iter().filter(|setup| setup.program == program);
    assert_eq!(rows.len(), setups.count() * 12);
    let version = ww_lab::proxy::version(program);
    for (name, same, new) in TABLE.iter().filter(|(name, ..)| name.starts_with(program)) {
        for (by, expected) in [(By::Same, same), (By::New, new)] {
            for ending in [Ending::Fin, Ending::Rst] {
                let is_it =
                    |row: &&Row| row.setup.name == *name && row.by == by && row.ending == ending;
                let seen: Vec<String> = rows.iter().filter(is_it).map(said).collect();
                assert_eq!(seen, expected, "{name}, {by:?}, {ending:?}, {version:?}");
            }
        }
    }
    agrees_with_readers(program, &rows);
}

fn said(row: &Row) -> String {
    let seen = match row.seen {
        Seen::Answer(status) => status.to_string(),
        Seen::Closed => "-".to_owned(),
        Seen::Nothing => "nothing".to_owned(),
    };
    format!("{seen} x{}", row.arrivals)
}

/// The readers know, from the same file, which requests survive the close.
fn agrees_with_readers(program: &str, rows: &[Row]) {
    let path = if program == "nginx" {
        "nginx.conf"
    } else {
        "haproxy.cfg"
    };
    let model = common::declared(path, &config(program));
    let calls = &model.services.programs.first().unwrap().calls;
    let mut met = 0;
    for row in rows {
        let has_met = row.arrivals == 2 || row.seen != Seen::Answer(200);
        let call = calls.iter().find(|call| call.name == row.setup.name);
        let side = &call.unwrap().side;
        let survives = match row.method {
            "GET" => side.on_stale >= Methods::Safe,
            "PUT" => side.on_stale >= Methods::Idempotent,
            _ => side.on_stale == Methods::All,
        };
        if has_met {
            met += 1;
            assert_eq!(row.seen == Seen::Answer(200), survives, "{row:?}");
            assert_ne!(side.reuses.value(), Some(&false), "{row:?}");
        }
        // `aggressive` shares a connection only once it has been used again.
        if row.by == By::New && program == "haproxy" && !row.setup.name.contains("aggressive") {
            let first = side.first_on_kept.value();
            assert_eq!(first, Some(&has_met), "{row:?}");
        }
    }
    assert!(met > 30, "{met} requests met a close");
}
