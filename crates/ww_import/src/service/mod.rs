//! What readers of proxies, applications, databases and what starts them share.
//!
//! Each reader is handed the texts of its formats and an [`Intake`], to which it adds programs,
//! units and what else [`Services`] holds. Readers do not know of one another; what belongs
//! together is joined behind them.

pub(crate) mod address;
mod declared;
pub(crate) mod image;
mod join;
mod kernel;
mod paths;
mod times;
pub(crate) mod variables;
pub(crate) mod words;
pub(crate) mod written;

use crate::defaults::{Defaults, defaults};
use crate::document::View;
use crate::gateway_api::{self, Gateways};
use crate::ingress::{self, Ingresses};
use crate::kube::Observer;
use crate::{
    Format, Text, application, compose, database, dockerfile, envoy, facts, haproxy, host, istio,
    nginx, spring, workload,
};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Limits, Locus, Problem, ProblemKind, SourceId, SourceSpan};
use ww_model::service::Services;

pub(crate) use join::{Build, Stage, is_built, starters};

pub(crate) use declared::{Named, Names, User};
pub(crate) use paths::{file_name, folder, resolve};
pub(crate) use times::Notation;

/// What has been read so far.
pub(crate) struct Intake<'l> {
    /// What files declare.
    pub(crate) services: Services,
    /// The defaults of products.
    pub(crate) defaults: &'static Defaults,
    /// The bounds in force.
    pub(crate) limits: &'l Limits,
    /// What objects of manifests say of one another.
    pub(crate) pending: workload::Pending,
    /// Units that are built from a Dockerfile.
    pub(crate) builds: Vec<Build>,
    /// The stages of Dockerfiles, by the path of the file, in order.
    pub(crate) stages: BTreeMap<String, Vec<Stage>>,
    /// Folders of builds whose application serves with Tomcat.
    pub(crate) tomcats: BTreeSet<String>,
    /// Names that objects declare and use.
    pub(crate) names: Names,
    /// Gateways and routes that are joined when all objects are read.
    pub(crate) gateways: Gateways,
    /// Ways in that wait for the settings of their controllers.
    pub(crate) ingresses: Ingresses,
    problems: Vec<Problem>,
    /// Words that were named as not known.
    told: BTreeSet<String>,
    /// How many problems each text had, told or not.
    met: BTreeMap<SourceId, u32>,
}

impl<'l> Intake<'l> {
    pub(crate) fn new(limits: &'l Limits) -> Intake<'l> {
        Intake {
            services: Services::default(),
            defaults: defaults(),
            limits,
            pending: workload::Pending::default(),
            builds: Vec::new(),
            stages: BTreeMap::new(),
            tomcats: BTreeSet::new(),
            names: Names::default(),
            gateways: Gateways::default(),
            ingresses: Ingresses::default(),
            problems: Vec::new(),
            told: BTreeSet::new(),
            met: BTreeMap::new(),
        }
    }

    /// Says what was not understood; of one text no more than the limit.
    pub(crate) fn problem(
        &mut self,
        at: SourceSpan,
        kind: ProblemKind,
        message: impl Into<String>,
    ) {
        let met = self.met.entry(at.source).or_default();
        *met = met.saturating_add(1);
        if *met <= self.limits.problems_per_text {
            self.problems.push(Problem {
                at: Locus::Text(at),
                kind,
                message: message.into(),
            });
        }
    }

    pub(crate) fn malformed(&mut self, at: SourceSpan, message: impl Into<String>) {
        self.problem(at, ProblemKind::Malformed, message);
    }

    pub(crate) fn unsupported(&mut self, at: SourceSpan, message: impl Into<String>) {
        self.problem(at, ProblemKind::Unsupported, message);
    }

    /// Everything that was read, and every problem; of each text the number of those that were not
    /// told.
    pub(crate) fn finish(mut self) -> (Services, Vec<Problem>) {
        self.judge_names();
        for (source, met) in &self.met {
            let untold = met.saturating_sub(self.limits.problems_per_text);
            if untold > 0 {
                self.problems.push(Problem {
                    at: Locus::Whole(*source),
                    kind: ProblemKind::TooLarge,
                    message: format!("{untold} more problems in this text are not listed"),
                });
            }
        }
        (self.services, self.problems)
    }

    /// Hands the names that lead nowhere to those who use them.
    fn judge_names(&mut self) {
        let names = std::mem::take(&mut self.names);
        for (user, reference) in names.judged(self.limits.problems_per_text as usize) {
            match user {
                User::Mesh => self.services.mesh.references.push(reference),
                User::Autoscaler => self.services.scaling_references.push(reference),
                User::Program(index) => {
                    let program = self.services.programs.get_mut(index);
                    if let Some(program) = program {
                        program.references.push(reference);
                    }
                }
            }
        }
    }
}

/// Reads what the team states: before all else, as it tells versions.
pub(crate) fn read_facts(texts: &[(Format, Text<'_>)], intake: &mut Intake<'_>) {
    facts::read(&of(texts, &[Format::Facts]), intake);
}

/// Reads files that declare programs, and what starts them, behind the objects of manifests. Each
/// reader is handed the texts of its formats.
pub(crate) fn read(texts: &[(Format, Text<'_>)], intake: &mut Intake<'_>) {
    workload::finish(intake);
    for join in JOINERS {
        join(intake);
    }
    let read = |readers: &[(&[Format], Reader)], intake: &mut Intake<'_>| {
        for (formats, reader) in readers {
            let texts = of(texts, formats);
            if !texts.is_empty() {
                reader(&texts, intake);
            }
        }
    };
    read(STARTERS, intake);
    join::inherit(intake);
    read(READERS, intake);
    application::commanded(intake);
    join::attach(intake);
}

/// The texts of some formats.
fn of<'t>(texts: &[(Format, Text<'t>)], formats: &[Format]) -> Vec<Text<'t>> {
    let fitting = texts.iter().filter(|(format, _)| formats.contains(format));
    fitting.map(|(_, text)| *text).collect()
}

/// Reads all texts of some formats.
type Reader = fn(&[Text<'_>], &mut Intake<'_>);

/// Who reads what starts and builds programs. That is read first: it tells the versions of programs,
/// on which their defaults depend, see [`Intake::product`].
const STARTERS: &[(&[Format], Reader)] = &[
    (&[Format::Compose, Format::Environment], compose::read),
    (&[Format::Dockerfile], dockerfile::read),
    (&[Format::Application], spring::read_builds),
];

/// Who reads programs. Spring is read before applications, as its properties are those of programs
/// whose sources tell whom they call.
const READERS: &[(&[Format], Reader)] = &[
    (&[Format::Spring], spring::read),
    (&[Format::Application], application::read),
    (&[Format::Envoy], envoy::read),
    (&[Format::Haproxy], haproxy::read),
    (&[Format::Nginx], nginx::read),
    (&[Format::Mysql], database::read_mysql),
    (&[Format::Pgbouncer], database::read_pgbouncer),
    (&[Format::Postgres], database::read_postgres),
    (&[Format::Redis], database::read_redis),
    (&[Format::Resolver], host::read_resolvers),
    (&[Format::Sysctl], host::read_kernels),
];

/// Reads objects of manifests by their kind; the path is that of the file.
type ObjectReader = fn(&str, View<'_>, &str, &mut Intake<'_>);

/// Who reads objects of manifests besides those that decide reachability.
const OBJECT_READERS: &[ObjectReader] = &[
    workload::object,
    declared::object,
    istio::object,
    gateway_api::object,
    ingress::object,
];

/// Who joins what several objects declare together, when all of them are read.
const JOINERS: &[fn(&mut Intake<'_>)] = &[gateway_api::join, ingress::join];

impl Observer for Intake<'_> {
    fn object(&mut self, kind: &str, object: View<'_>, path: &str) {
        for reader in OBJECT_READERS {
            reader(kind, object, path, self);
        }
    }
}
