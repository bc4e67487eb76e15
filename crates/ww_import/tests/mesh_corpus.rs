//! Real files of meshes, gateways and Envoy: nearly all of them are read without a malformed place.
//!
//! Needs a collection of files, named by `WIREWISE_CORPORA`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test against files, told by the environment; helpers are not in a test function"
)]

use std::path::{Path, PathBuf};
use ww_base::{Limits, Locus, Problem, ProblemKind, SourceId};
use ww_import::{Format, Text, gather, recognise};

/// The folder of the collection, or `None` after saying loudly that nothing was checked.
fn corpora() -> Option<PathBuf> {
    let Some(corpora) = std::env::var_os("WIREWISE_CORPORA") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "WIREWISE_CORPORA is not set"
        );
        eprintln!("NOT CHECKED: WIREWISE_CORPORA is not set, files of meshes were not read");
        return None;
    };
    Some(PathBuf::from(corpora).join("config"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path
            .extension()
            .is_some_and(|it| it == "yaml" || it == "yml" || it == "json")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Folders that hold objects which are wrong on purpose.
const WRONG_ON_PURPOSE: &[&str] = &["invalid-examples", "invalid"];

/// What is told of one file that is of one of these formats.
fn problems(path: &Path, formats: &[Format]) -> Option<(Vec<Problem>, usize)> {
    let bytes = std::fs::read(path).unwrap();
    let name = path.to_string_lossy();
    if !formats.contains(&recognise(&name, &bytes)) {
        return None;
    }
    let text = Text {
        source: SourceId(0),
        path: &name,
        device: "",
        bytes: &bytes,
    };
    let gathered = gather(&[text], &Limits::default());
    for problem in &gathered.problems {
        if let Locus::Text(at) = problem.at {
            assert!(
                at.start <= at.end && at.end as usize <= bytes.len(),
                "{problem:?}"
            );
        }
    }
    let services = gathered.model.services;
    let read = services.programs.len() + services.mesh.routes.len() + services.mesh.policies.len();
    Some((gathered.problems, read))
}

/// Reads every file of some groups and says what was not understood; so many files have to be there.
fn check(groups: &[&str], formats: &[Format], at_least: usize) {
    let Some(corpora) = corpora() else {
        return;
    };
    let (mut all, mut malformed, mut things) = (0_usize, 0_usize, 0_usize);
    for path in groups.iter().flat_map(|group| files(&corpora.join(group))) {
        if WRONG_ON_PURPOSE
            .iter()
            .any(|part| path.iter().any(|it| it == *part))
        {
            continue;
        }
        let Some((problems, read)) = problems(&path, formats) else {
            continue;
        };
        all += 1;
        things += read;
        malformed += usize::from(
            problems
                .iter()
                .any(|problem| problem.kind == ProblemKind::Malformed),
        );
        for problem in problems {
            println!("{}: {:?} {}", path.display(), problem.kind, problem.message);
        }
    }
    println!("{all} files, {malformed} with a malformed place, {things} programs and mesh objects");
    assert!(all >= at_least, "only {all} files of {groups:?}");
    assert!(
        malformed * 50 <= all,
        "{malformed} of {all} files have a malformed place"
    );
}

#[test]
fn manifests_of_meshes_and_gateways_are_read() {
    let groups = [
        "istio",
        "gateway-api",
        "nginx/ingress-nginx",
        "nginx/kubernetes-ingress",
    ];
    check(&groups, &[Format::Kubernetes], 400);
}

#[test]
fn files_of_envoy_are_read() {
    check(
        &["envoy", "compose/opentelemetry-demo"],
        &[Format::Envoy],
        50,
    );
}

/// Names that lead nowhere in all files of a folder, read together.
fn references(folder: &str) -> Option<Vec<String>> {
    let folder = corpora()?.join(folder);
    let paths = files(&folder);
    let bytes: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    let texts: Vec<Text<'_>> = (0..)
        .map(SourceId)
        .zip(&names)
        .zip(&bytes)
        .map(|((source, path), bytes)| Text {
            source,
            path,
            device: "",
            bytes,
        })
        .collect();
    let services = gather(&texts, &Limits::default()).model.services;
    let programs = services.programs.iter();
    let references = programs.flat_map(|program| &program.references);
    let references = references.chain(&services.mesh.references);
    let shown = references.map(|reference| {
        let path = names.get(reference.at.source.0 as usize).unwrap();
        let path = path.strip_prefix(&*folder.to_string_lossy()).unwrap();
        format!("{path}: {:?} {}", reference.kind, reference.name)
    });
    Some(shown.collect())
}

#[test]
fn names_of_samples_lead_somewhere() {
    for folder in ["istio/istio/samples/bookinfo", "envoy"] {
        let Some(lost) = references(folder) else {
            return;
        };
        assert!(lost.is_empty(), "{folder}: {lost:#?}");
    }
}
