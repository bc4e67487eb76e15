//! What belongs together: units and the Dockerfiles that they are built from, units and programs.
//!
//! What starts programs is read before programs are, so that the reader of a program can ask for its
//! version ([`Intake::product`]); defaults then are those of that version from the beginning.

use super::address::{addresses_of, plain_call};
use super::{Intake, file_name, folder, image};
use std::collections::BTreeSet;
use ww_base::{Locus, Setting, SourceSpan, Sourced, Span};
use ww_model::service::{
    Capacity, Listener, Product, Program, ProgramId, Protocol, ServerSide, Unit, UnitKind,
};

/// A unit that is built from a Dockerfile.
pub(crate) struct Build {
    /// The unit's index.
    pub(crate) unit: usize,
    /// The path of the Dockerfile.
    pub(crate) dockerfile: String,
    /// The stage that is built; the last one where none is named.
    pub(crate) target: Option<String>,
    /// Whether the unit has an entrypoint, a command and a health check of its own.
    pub(crate) has_entrypoint: bool,
    pub(crate) has_command: bool,
    pub(crate) has_health: bool,
}

/// A stage of a Dockerfile.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) name: Option<String>,
    /// What it says of a unit, but for the command.
    pub(crate) unit: Unit,
    pub(crate) entrypoint: Vec<Sourced<String>>,
    pub(crate) command: Vec<Sourced<String>>,
}

impl Stage {
    pub(crate) fn new(unit: Unit) -> Stage {
        Stage {
            name: None,
            unit,
            entrypoint: Vec::new(),
            command: Vec::new(),
        }
    }

    /// The unit with its command.
    pub(crate) fn whole(&self) -> Unit {
        let mut unit = self.unit.clone();
        unit.command = [&*self.entrypoint, &*self.command].concat();
        unit
    }
}

/// Adds to units what the Dockerfiles say that they are built from.
pub(super) fn inherit(intake: &mut Intake<'_>) {
    find_dockerfiles(intake);
    for build in &intake.builds {
        let Some(stage) = stage(intake, build) else {
            continue;
        };
        let mut made = stage.unit.clone();
        let entrypoint = stage.entrypoint.clone();
        let command = stage.command.clone();
        let Some(unit) = intake.services.units.get_mut(build.unit) else {
            continue;
        };
        if !build.has_entrypoint {
            let command = if build.has_command {
                std::mem::take(&mut unit.command)
            } else {
                command
            };
            unit.command = [entrypoint, command].concat();
        }
        let own = |name: &String| unit.environment.iter().any(|(known, _)| known == name);
        made.environment.retain(|(name, _)| !own(name));
        unit.environment.splice(0..0, made.environment);
        let new = made.ports.iter().filter(|port| !unit.ports.contains(port));
        let new: Vec<u16> = new.copied().collect();
        unit.ports.extend(new);
        if !build.has_health {
            unit.probes = made.probes;
        }
        unit.product = unit.product.take().or(made.product);
        unit.mounts.extend(made.mounts);
    }
}

/// Finds the Dockerfiles that images of units are built from by their names.
fn find_dockerfiles(intake: &mut Intake<'_>) {
    let dockerfiles: Vec<String> = intake.stages.keys().cloned().collect();
    let folders: Vec<&str> = dockerfiles.iter().map(|path| folder(path)).collect();
    for index in 0..intake.services.units.len() {
        let Some(unit) = intake.services.units.get_mut(index) else {
            continue;
        };
        let Some(found) = by_image(unit, &folders) else {
            continue;
        };
        let Some(dockerfile) = only(&folders, &found).and_then(|at| dockerfiles.get(at)) else {
            continue;
        };
        let has_command = !unit.command.is_empty();
        let at = place(unit);
        unit.built_from = Some(Sourced {
            value: found,
            at: Locus::Text(at),
        });
        intake.builds.push(Build {
            unit: index,
            dockerfile: dockerfile.clone(),
            target: None,
            has_entrypoint: has_command,
            has_command,
            has_health: unit.kind == UnitKind::Container,
        });
    }
}

/// The folder that the image of a unit is made from: the only one of these, or of those above them,
/// that has the image's name; or else the unit's name, when that is a part of the image's. Images of
/// products that are known are nobody's own.
fn by_image(unit: &Unit, folders: &[&str]) -> Option<String> {
    let is_open = unit.kind != UnitKind::Dockerfile && unit.built_from.is_none();
    let image = unit.image.as_ref()?;
    if !is_open || unit.product.is_some() || image.value.contains('$') {
        return None;
    }
    let name = image::name(&image.value);
    let labels = unit.labels.iter();
    let own_names = labels.filter(|(key, _)| NAME_LABELS.contains(&key.as_str()));
    let is_part = |own: &&str| !own.is_empty() && format!("-{name}-").contains(&format!("-{own}-"));
    let own_names = own_names.map(|(_, value)| value.as_str()).filter(is_part);
    std::iter::once(name)
        .chain(own_names)
        .find_map(|name| named(folders, name))
}

/// Labels that hold the name of an application.
const NAME_LABELS: [&str; 3] = ["app", "app.kubernetes.io/name", "k8s-app"];

/// The only folder of this name among these and those above them.
fn named(folders: &[&str], name: &str) -> Option<String> {
    let mut found: Option<&str> = None;
    for path in folders {
        let mut at = *path;
        while !at.is_empty() {
            if file_name(at) == name && *found.get_or_insert(at) != at {
                return None;
            }
            at = folder(at);
        }
    }
    found.map(str::to_owned)
}

fn stage<'i>(intake: &'i Intake<'_>, build: &Build) -> Option<&'i Stage> {
    let stages = intake.stages.get(&build.dockerfile)?;
    let target = build.target.as_ref();
    let named = target.and_then(|_| stages.iter().find(|stage| stage.name.as_ref() == target));
    named.or(stages.last())
}

/// Of each of these folders of applications the units that start what is in it: built from it, or
/// from a folder above that holds no other one, or with an image of its name. A Dockerfile that another unit is built from starts
/// nothing itself.
pub(crate) fn starters(intake: &Intake<'_>, folders: &[&str]) -> Vec<Vec<usize>> {
    let mut starters = vec![Vec::new(); folders.len()];
    let units = &intake.services.units;
    for (index, unit) in units.iter().enumerate() {
        let build = intake.builds.iter().find(|build| build.unit == index);
        let runs_another = build.is_some_and(|build| runs_another_script(intake, build, unit));
        if is_built(intake, unit) || runs_another {
            continue;
        }
        let by_image = by_image(unit, folders);
        let built_from = unit.built_from.as_ref().map(|it| it.value.as_str());
        let of_file = build.map(|build| folder(&build.dockerfile));
        let candidates = [of_file, built_from, by_image.as_deref()];
        let found = candidates
            .into_iter()
            .flatten()
            .find_map(|at| only(folders, at));
        if let Some(found) = found.and_then(|found| starters.get_mut(found)) {
            found.push(index);
        }
    }
    starters
}

/// Whether a unit runs another script than the image that it is built from does: `node worker.js` in
/// place of `node server.js` serves nothing of what the server's file says.
fn runs_another_script(intake: &Intake<'_>, build: &Build, unit: &Unit) -> bool {
    let script = |words: &[Sourced<String>]| {
        let mut names = words.iter().map(|word| file_name(&word.value).to_owned());
        names.find(|name| {
            let ending = name.rsplit_once('.').map(|(_, ending)| ending);
            ending.is_some_and(|ending| SCRIPTS.contains(&ending))
        })
    };
    let of_image = stage(intake, build).and_then(|stage| script(&stage.command));
    let own = script(&unit.command).filter(|_| build.has_command);
    of_image.zip(own).is_some_and(|(image, own)| image != own)
}

/// Endings of files with source code that a command names to run them.
const SCRIPTS: [&str; 7] = ["js", "mjs", "cjs", "ts", "py", "rb", "php"];

/// Whether it is a Dockerfile that another unit is built from: that one stands for it.
pub(crate) fn is_built(intake: &Intake<'_>, unit: &Unit) -> bool {
    let mut builds = intake.builds.iter();
    unit.kind == UnitKind::Dockerfile && builds.any(|build| build.dockerfile == unit.path)
}

/// The folder that is this one, or else the only one below it.
fn only(folders: &[&str], at: &str) -> Option<usize> {
    let mut same = folders
        .iter()
        .enumerate()
        .filter(|(_, folder)| **folder == at);
    if let Some((index, _)) = same.next() {
        return same.next().is_none().then_some(index);
    }
    let mut below = folders
        .iter()
        .enumerate()
        .filter(|(_, folder)| is_below(folder, at));
    let (index, _) = below.next()?;
    below.next().is_none().then_some(index)
}

/// Whether a path is below a folder.
fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

impl Intake<'_> {
    /// The product that a file at a path configures, with the version that what runs it tells, or
    /// the team. Readers ask this before they look up defaults.
    pub(crate) fn product(&self, component: &str, path: &str) -> Product {
        let of_units = self.services.units.iter().filter_map(|unit| {
            let product = unit.product.as_ref()?;
            let runs = product.component == component && runs(unit, component, path);
            product.version.clone().filter(|_| runs)
        });
        let stated = self.services.facts.versions.iter();
        let stated = stated.filter(|(known, _)| known == component);
        let version = of_units.chain(stated.map(|(_, version)| version.clone()));
        Product {
            component: component.to_owned(),
            version: version.take(1).next(),
        }
    }
}

/// Whether a unit runs what a file at a path configures: it mounts that very file, or a folder above
/// it or is built from one, and is of that component.
fn runs(unit: &Unit, component: &str, path: &str) -> bool {
    let is = unit
        .product
        .as_ref()
        .map(|product| product.component == component);
    let mounts = |exactly: bool| {
        let mut mounts = unit.mounts.iter().filter(|mount| !mount.source.is_empty());
        mounts.any(|mount| mount.source == path || (!exactly && is_below(path, &mount.source)))
    };
    match is {
        Some(true) => {
            let built = unit.built_from.as_ref();
            mounts(false) || built.is_some_and(|folder| is_below(path, &folder.value))
        }
        Some(false) => false,
        None => mounts(true),
    }
}

/// Gives every unit its program, as far as files tell: one that a file configures, one made from what
/// the image is, or one of which only the calls are known.
pub(super) fn attach(intake: &mut Intake<'_>) {
    for index in 0..intake.services.programs.len() {
        let Some(program) = intake.services.programs.get(index) else {
            continue;
        };
        if program.product.version.is_none() {
            let product = intake.product(&program.product.component, &program.path);
            if let Some(program) = intake.services.programs.get_mut(index) {
                program.product = product;
            }
        }
    }
    for index in 0..intake.services.units.len() {
        let Some(unit) = intake
            .services
            .units
            .get(index)
            .filter(|unit| unit.program.is_none())
        else {
            continue;
        };
        let is_image_only = is_built(intake, unit);
        let configured = configured(unit, &intake.services.programs);
        let of_folder = || in_folder(index, unit, intake).filter(|_| !is_image_only);
        let id = match configured.or_else(of_folder) {
            Some(id) => Some(id),
            None if is_image_only => None,
            None => made(unit, intake).or_else(|| calling(unit)).map(|program| {
                intake.services.programs.push(program);
                ProgramId(intake.services.programs.len() as u32 - 1)
            }),
        };
        if let Some(unit) = intake.services.units.get_mut(index) {
            unit.program = id;
        }
    }
    tell_ports(intake);
}

/// The port of a program of Spring, where the variables of everything that starts it tell the same.
fn tell_ports(intake: &mut Intake<'_>) {
    let units = &intake.services.units;
    for (index, program) in intake.services.programs.iter_mut().enumerate() {
        if !program.product.component.starts_with("spring") {
            continue;
        }
        let own = units
            .iter()
            .filter(|unit| unit.program == Some(ProgramId(index as u32)));
        let ports = own.map(|unit| {
            let mut set = unit.environment.iter();
            let (_, value) = set.find(|(name, _)| name == "SERVER_PORT")?;
            value.value.parse::<u16>().ok()
        });
        let ports: BTreeSet<Option<u16>> = ports.collect();
        if let (Some(Some(port)), 1) = (ports.first(), ports.len()) {
            for listener in &mut program.listeners {
                listener.port = Some(*port);
            }
        }
    }
}

/// The only program whose file is in the folder that a unit is made from. What a Dockerfile makes of
/// the folder is not known, but that an application of Spring becomes an archive that is run.
fn in_folder(index: usize, unit: &Unit, intake: &Intake<'_>) -> Option<ProgramId> {
    let programs = &intake.services.programs;
    let is_spring = |program: &Program| program.product.component.starts_with("spring");
    let mut builds = intake.builds.iter().filter(|build| build.unit == index);
    let is_seen = builds.any(|build| intake.stages.contains_key(&build.dockerfile))
        || unit.kind == UnitKind::Dockerfile;
    let may_run = |program: &Program| match &unit.product {
        Some(product) => product.component == "java" && is_spring(program),
        None => !is_seen || is_spring(program),
    };
    let candidates = programs.iter().enumerate();
    let candidates: Vec<(usize, &str)> = candidates
        .filter(|(_, program)| may_run(program))
        .map(|(index, program)| (index, folder(&program.path)))
        .collect();
    let folders: Vec<&str> = candidates.iter().map(|(_, folder)| *folder).collect();
    let built_from = unit.built_from.as_ref().map(|it| it.value.clone());
    let at = built_from.or_else(|| by_image(unit, &folders))?;
    let (found, its_folder) = candidates.get(only(&folders, &at)?)?;
    let is_sure = programs.get(*found).is_some_and(is_spring) || *its_folder == at;
    is_sure.then_some(ProgramId(*found as u32))
}

/// The only program whose file the unit runs; of several, the one whose very file it mounts.
fn configured(unit: &Unit, programs: &[Program]) -> Option<ProgramId> {
    let run = |program: &Program| runs(unit, &program.product.component, &program.path);
    let running: Vec<usize> = (0..)
        .zip(programs)
        .filter(|(_, program)| run(program))
        .map(|(index, _)| index)
        .collect();
    let exact = |index: &&usize| {
        let path = programs.get(**index).map_or("", |program| &program.path);
        unit.mounts.iter().any(|mount| mount.source == path)
    };
    let exactly: Vec<&usize> = running.iter().filter(exact).collect();
    match (exactly.as_slice(), running.as_slice()) {
        ([one], _) => Some(ProgramId(**one as u32)),
        ([], [one]) => Some(ProgramId(*one as u32)),
        _ => None,
    }
}

/// Products of which an image alone says what it does: the port, what is spoken.
const SERVING: &[(&str, Option<u16>, Protocol)] = &[
    ("postgres", Some(5432), Protocol::Postgres),
    ("mysql", Some(3306), Protocol::Mysql),
    ("mariadb", Some(3306), Protocol::Mysql),
    ("redis", Some(6379), Protocol::Redis),
    ("nginx", Some(80), Protocol::Http),
    ("haproxy", None, Protocol::Unknown),
    ("traefik", None, Protocol::Http),
];

/// The program that an image is, with the product's defaults and what the command sets.
fn made(unit: &Unit, intake: &Intake<'_>) -> Option<Program> {
    let mut product = unit.product.clone()?;
    let (_, port, protocol) = SERVING
        .iter()
        .find(|(known, ..)| *known == product.component)?;
    if has_own_settings(unit) {
        return None;
    }
    if product.version.is_none() {
        product = intake.product(&product.component, &unit.path);
    }
    let at = place(unit);
    let settings = Settings {
        unit,
        intake,
        product: &product,
    };
    let mut program = Program::new(&unit.name, product.clone(), at, &unit.path);
    program.listeners.push(Listener {
        at,
        port: *port,
        hosts: Vec::new(),
        protocol: *protocol,
        side: settings.side(),
        tls: None,
        own_answers: Vec::new(),
    });
    program.capacity = settings.capacity();
    Some(program)
}

/// Whether files that were not read, or that the command writes, may set anything: then defaults are
/// not what is in force.
fn has_own_settings(unit: &Unit) -> bool {
    let is_file = |text: &str| {
        [".conf", ".cnf", ".cfg"]
            .iter()
            .any(|end| text.contains(end))
    };
    let is_place =
        |target: &str| target.starts_with("/etc/") || target.starts_with("/usr/local/etc/");
    let mut mounts = unit.mounts.iter();
    let mut words = unit.command.iter();
    mounts.any(|mount| is_place(&mount.target) || is_file(&mount.target))
        || words.any(|word| is_file(&word.value))
}

/// The image where one is written, or else the unit.
fn place(unit: &Unit) -> SourceSpan {
    match unit.image.as_ref().map(|image| &image.at) {
        Some(Locus::Text(at)) => *at,
        _ => unit.at,
    }
}

/// A program of which only the calls are known that variables tell.
fn calling(unit: &Unit) -> Option<Program> {
    let addresses = addresses_of(&unit.environment);
    if addresses.is_empty() {
        return None;
    }
    let at = place(unit);
    let mut program = Program::new(&unit.name, Product::default(), at, &unit.path);
    let calls = addresses.into_iter();
    program.calls = calls.map(|(address, at)| plain_call(address, at)).collect();
    Some(program)
}

/// The settings of a program that only its image and command tell.
struct Settings<'a, 'l> {
    unit: &'a Unit,
    intake: &'a Intake<'l>,
    product: &'a Product,
}

impl Settings<'_, '_> {
    fn side(&self) -> ServerSide {
        let time = |setting| self.intake.defaults.time(self.product, setting);
        let number = |setting| self.intake.defaults.number(self.product, setting);
        match self.product.component.as_str() {
            "nginx" => ServerSide {
                keepalive_idle: time("keepalive_timeout"),
                keepalive_requests: number("keepalive_requests"),
                header: time("client_header_timeout"),
                body: time("client_body_timeout"),
                ..ServerSide::default()
            },
            "mysql" | "mariadb" => ServerSide {
                keepalive_idle: self.seconds("wait_timeout").or(time("wait_timeout")),
                ..ServerSide::default()
            },
            "redis" => ServerSide {
                keepalive_idle: self.seconds("timeout").or(time("timeout")),
                probe_after: time("tcp-keepalive"),
                ..ServerSide::default()
            },
            "postgres" => ServerSide {
                statement: time("statement_timeout"),
                idle_in_transaction: time("idle_in_transaction_session_timeout"),
                keepalive_idle: time("idle_session_timeout"),
                ..ServerSide::default()
            },
            _ => ServerSide::default(),
        }
    }

    fn capacity(&self) -> Capacity {
        let name = match self.product.component.as_str() {
            "postgres" | "mysql" | "mariadb" => "max_connections",
            "redis" => "maxclients",
            _ => return Capacity::default(),
        };
        let number = |name| {
            let default = self.intake.defaults.number(self.product, name);
            self.option(name).or(default)
        };
        Capacity {
            connections: number(name),
            reserved: number("superuser_reserved_connections"),
            ..Capacity::default()
        }
    }

    /// A time in seconds that the command sets; 0 switches it off.
    fn seconds(&self, name: &str) -> Setting<Span> {
        match self.option(name) {
            Setting::Set(Sourced { value: 0, at }) => Setting::Off(at),
            number => number.map(|seconds| Span::from_secs(seconds as i64)),
        }
    }

    /// A number that the command sets: `-c name=value`, `--name=value`, `--name value`.
    fn option(&self, name: &str) -> Setting<u64> {
        let words = &self.unit.command;
        for (index, word) in words.iter().enumerate() {
            let plain = word.value.trim_start_matches('-').replace('-', "_");
            let (value, at) = match plain.split_once('=') {
                Some((known, value)) if known == name => (value.to_owned(), &word.at),
                None if plain == name && word.value.starts_with('-') => {
                    match words.get(index + 1) {
                        Some(next) => (next.value.clone(), &next.at),
                        None => continue,
                    }
                }
                _ => continue,
            };
            if let (Ok(number), Locus::Text(at)) = (value.parse(), at) {
                return Setting::set(number, *at);
            }
        }
        Setting::default()
    }
}
