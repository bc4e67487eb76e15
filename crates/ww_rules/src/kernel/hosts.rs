//! Which kernel is under whose sockets.

use crate::Declared;
use ww_base::SourceSpan;
use ww_chain::Party;
use ww_model::service::{Host, Kernel, NamedValue, UnitKind};

/// A kernel with the name of the host or container that has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Under<'a> {
    /// Its settings.
    pub(crate) kernel: &'a Kernel,
    /// Whose it is.
    pub(crate) name: &'a str,
    /// The place that could say otherwise, where a value is a default.
    pub(crate) at: SourceSpan,
}

/// Every host of which files of settings were read.
pub(crate) fn hosts<'a>(declared: &Declared<'a>) -> impl Iterator<Item = (&'a Host, Under<'a>)> {
    let hosts = declared.model.services.hosts.iter();
    hosts.filter_map(|host| Some((host, of_host(host)?)))
}

fn of_host(host: &Host) -> Option<Under<'_>> {
    let at = host.kernel.values.first()?.at;
    Some(Under {
        kernel: &host.kernel,
        name: called(host),
        at,
    })
}

/// What reports call a host: the folder above its files, where that names one.
pub(crate) fn called(host: &Host) -> &str {
    let folder = host.root().trim_end_matches("etc").trim_end_matches('/');
    let name = folder.rsplit('/').next().unwrap_or_default();
    if name.is_empty() || name == "." {
        "the host"
    } else {
        name
    }
}

/// The kernel as a party's sockets have it. A container has settings of its own: those of the host
/// do not hold in its network namespace. A program that nothing starts runs on the host whose files
/// lie beside its own.
pub(crate) fn under<'a>(declared: &Declared<'a>, party: &Party<'a>) -> Option<Under<'a>> {
    match party.units.as_slice() {
        [] => on_host(declared, party),
        [unit] if unit.kind != UnitKind::Dockerfile && unit.kernel != Kernel::default() => {
            Some(Under {
                kernel: &unit.kernel,
                name: &unit.name,
                at: unit.kernel.values.first().map_or(unit.at, |value| value.at),
            })
        }
        _ => None,
    }
}

fn on_host<'a>(declared: &Declared<'a>, party: &Party<'a>) -> Option<Under<'a>> {
    let program = party.program?;
    let services = &declared.model.services;
    let is_read = services
        .programs
        .iter()
        .any(|one| std::ptr::eq(one, program));
    let holding = services
        .hosts
        .iter()
        .filter(|host| is_read && host.holds(&program.path))
        .max_by_key(|host| host.root().len());
    of_host(holding?)
}

/// Whether a party's packets pass a host: it runs there, or in a container that the host starts.
pub(crate) fn passes(host: &Host, party: &Party<'_>) -> bool {
    let mut units = party.units.iter();
    let program = party.program.filter(|_| party.units.is_empty());
    units.any(|unit| unit.kind == UnitKind::Compose && host.holds(&unit.path))
        || program.is_some_and(|program| host.holds(&program.path))
}

/// Every place where a setting is written, with whose kernel it sets.
pub(crate) fn written<'a>(declared: &Declared<'a>, name: &str) -> Vec<(&'a NamedValue, Under<'a>)> {
    let services = &declared.model.services;
    let hosts = services.hosts.iter().filter_map(of_host);
    let units = services.units.iter().filter_map(|unit| {
        Some(Under {
            kernel: &unit.kernel,
            name: &unit.name,
            at: unit.kernel.values.first()?.at,
        })
    });
    let mut found: Vec<(&NamedValue, Under<'_>)> = Vec::new();
    for under in hosts.chain(units) {
        let value = under.kernel.get(name);
        if let Some(value) = value.filter(|it| found.iter().all(|(known, _)| known.at != it.at)) {
            found.push((value, under));
        }
    }
    found
}

/// The places where a setting is written to be this number.
pub(crate) fn set_to<'a>(
    declared: &Declared<'a>,
    name: &str,
    to: u64,
) -> impl Iterator<Item = (&'a NamedValue, Under<'a>)> {
    let all = written(declared, name).into_iter();
    all.filter(move |(value, _)| number(value) == Some(to))
}

/// The number that a setting is written to have.
pub(crate) fn number(value: &NamedValue) -> Option<u64> {
    value.value.trim().parse().ok()
}

/// The first of a setting's numbers, and the second.
pub(crate) fn pair(value: &NamedValue) -> Option<(u64, u64)> {
    let mut words = value.value.split_ascii_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}
