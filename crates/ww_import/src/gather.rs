//! All files of a consultation as one declared network.

use crate::{Format, kube, recognise};
use ww_base::{Limits, Partial, Problem, SourceId};
use ww_model::Model;

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// How spans in it name it.
    pub source: SourceId,
    /// Its path, as the user named it.
    pub path: &'a str,
    /// The device whose rules it holds: files with the same word are one device's. Says nothing of
    /// manifests, which are all of one cluster.
    pub device: &'a str,
    /// What stands in it.
    pub bytes: &'a [u8],
}

/// What the files declare, and what could not be understood of them.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The declared network.
    pub model: Model,
    /// What was not understood, file by file.
    pub problems: Vec<Problem>,
}

/// Reads all files. Files of no known format are left out.
pub fn gather(texts: &[Text<'_>], limits: &Limits) -> Gathered {
    let mut gathered = Gathered::default();
    let mut manifests = Vec::new();
    for text in texts {
        if recognise(text.path, text.bytes) == Format::Kubernetes {
            manifests.push((text.source, text.bytes));
        }
    }
    gathered.model.cluster = gathered.keep(kube::import(manifests, limits));
    gathered
}

impl Gathered {
    fn keep<T>(&mut self, partial: Partial<T>) -> T {
        self.problems.extend(partial.problems);
        partial.value
    }
}
