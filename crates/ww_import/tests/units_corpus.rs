//! Real projects: what starts their programs is read.
//!
//! Needs a collection of configuration files, named by `WIREWISE_CORPORA`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test against files, told by the environment; helpers are not in a test function"
)]

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use ww_base::{Limits, Locus, ProblemKind, SourceId};
use ww_import::{Gathered, Text, gather};

/// The folder of a group, or `None` after saying loudly that nothing was checked.
fn group(name: &str) -> Option<PathBuf> {
    let Some(corpora) = std::env::var_os("WIREWISE_CORPORA") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "WIREWISE_CORPORA is not set"
        );
        eprintln!("NOT CHECKED: WIREWISE_CORPORA is not set, {name} was not read");
        return None;
    };
    Some(PathBuf::from(corpora).join("config").join(name))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Every project of a group as one consultation, with its files.
fn projects(group: &Path) -> Vec<(Vec<String>, Gathered)> {
    let mut projects = Vec::new();
    for folder in std::fs::read_dir(group).unwrap() {
        let folder = folder.unwrap().path();
        let read: Vec<(String, Vec<u8>)> = files(&folder)
            .into_iter()
            .map(|path| {
                let name = path.strip_prefix(group).unwrap().display().to_string();
                (name, std::fs::read(&path).unwrap())
            })
            .collect();
        let texts: Vec<Text<'_>> = (0..)
            .zip(&read)
            .map(|(number, (path, bytes))| Text {
                source: SourceId(number),
                path,
                device: "",
                bytes,
            })
            .collect();
        let gathered = gather(&texts, &Limits::default());
        projects.push((read.into_iter().map(|(path, _)| path).collect(), gathered));
    }
    projects
}

/// Files that break their format on purpose, or need a template to be rendered.
const BROKEN: &[&str] = &[];

#[test]
fn what_starts_programs_is_read() {
    let wanted = [("compose", 100), ("kubernetes", 200), ("spring", 8)];
    for (name, least) in wanted {
        let Some(folder) = group(name) else {
            return;
        };
        let (mut all, mut malformed, mut units, mut with_program) = (0, BTreeMap::new(), 0, 0);
        for (paths, gathered) in projects(&folder) {
            all += paths.len();
            let services = &gathered.model.services;
            units += services.units.len();
            with_program += services
                .units
                .iter()
                .filter(|it| it.program.is_some())
                .count();
            for problem in gathered.problems {
                if let (ProblemKind::Malformed, Locus::Text(at)) = (problem.kind, problem.at) {
                    let path = &paths[at.source.0 as usize];
                    malformed.entry(path.clone()).or_insert(problem.message);
                }
            }
        }
        malformed.retain(|path, message| {
            let is_known = BROKEN.iter().any(|broken| path.ends_with(broken));
            !is_known && !message.ends_with("is declared again later, and that counts")
        });
        println!("{name}: {all} files, {units} units, {with_program} with their program");
        for (path, message) in &malformed {
            println!("  {path}: {message}");
        }
        assert!(units >= least, "{units} units in {name}");
        assert!(malformed.len() * 50 <= all, "{malformed:#?}");
    }
}

/// Pieces that files of these formats are made of.
const PIECES: &[&str] = &[
    "services:\n",
    "  web:\n",
    "    image: nginx:1\n",
    "    ports: [",
    "80:80",
    "-",
    "]",
    "\n",
    "    environment:\n",
    "      A: ${B:-",
    "}",
    "${",
    "$",
    "    extends: {service: web}\n",
    "    depends_on: [db]\n",
    "    healthcheck: {test: [CMD, x], interval: 5s}\n",
    "<<: *a\n",
    "&a ",
    "FROM node:18\n",
    "CMD [\"node\", \"server.js\"]\n",
    "ENV A=b \\\n",
    "HEALTHCHECK --interval=5s CMD x\n",
    "COPY nginx.conf /etc/nginx/\n",
    "server.keepAliveTimeout = 5",
    " * 1000;\n",
    "http.createServer({",
    "keepAliveTimeout: 1",
    "})",
    ".listen(3000)",
    "fetch(\"http://api:80/x\")",
    "'",
    "\"",
    "`",
    "/*",
    "//",
    "#",
    "requests.get('http://a', timeout=",
    "(3, 4))",
    "uvicorn.run(app, timeout_keep_alive=5)\n",
    "&http.Server{ReadTimeout: 5 * time.Second}\n",
    "http.Client{}",
    "flask==2.0\ngunicorn\n",
    "{\"dependencies\": {\"express\": \"^4.18.0\"}}",
    "module a\n\ngo 1.21\n",
    "workers = 4\n",
    "λ",
    "\u{0}",
];

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_problems_stand_in_the_text(one in any_text(), other in any_text()) {
        let names = [
            "compose.yml", "Dockerfile", ".env", "package.json", "package-lock.json", "server.js",
            "app.py", "main.go", "requirements.txt", "pyproject.toml", "gunicorn.conf.py", "go.mod",
            "pom.xml", "Gemfile.lock", "puma.rb",
        ];
        let texts: Vec<Text<'_>> = (0..)
            .zip(names)
            .map(|(number, path)| Text {
                source: SourceId(number),
                path,
                device: "",
                bytes: if number % 2 == 0 { &one } else { &other },
            })
            .collect();
        for problem in gather(&texts, &Limits::default()).problems {
            if let Locus::Text(at) = problem.at {
                let length = texts[at.source.0 as usize].bytes.len() as u32;
                prop_assert!(at.start <= at.end && at.end <= length, "{problem:?} of {length}");
            }
        }
    }
}
