//! What a rule over files sees, and what it reports.

use crate::Story;
use crate::filters::dead::{self, Dead};
use std::cell::OnceCell;
use ww_base::{Gap, Limits, Locus, SourceSpan};
use ww_finding::Exhibit;
use ww_model::Model;
use ww_reach::kube::{Assumptions, Reach};

/// Everything that the files of a consultation declare.
pub struct Declared<'a> {
    /// The declared network.
    pub model: &'a Model,
    /// The bounds in force.
    pub limits: &'a Limits,
    policies: OnceCell<Reach<'a>>,
    dead_rules: OnceCell<Vec<Result<Vec<Dead>, Gap>>>,
}

impl<'a> Declared<'a> {
    /// Makes a model ready for rules.
    pub fn new(model: &'a Model, limits: &'a Limits) -> Declared<'a> {
        Declared {
            model,
            limits,
            policies: OnceCell::new(),
            dead_rules: OnceCell::new(),
        }
    }

    /// What the cluster's policies decide; worked out when first asked for.
    pub fn policies(&self) -> &Reach<'a> {
        self.policies
            .get_or_init(|| Reach::of(&self.model.cluster, Assumptions::default(), &[]))
    }
}

impl Declared<'_> {
    /// Device by device, the rules of the packet filter that never decide; worked out when first
    /// asked for.
    pub(crate) fn dead_rules(&self) -> &[Result<Vec<Dead>, Gap>] {
        self.dead_rules.get_or_init(|| {
            let devices = self.model.devices.iter();
            devices.map(|device| dead::of(&device.filter)).collect()
        })
    }
}

/// Points at a range of text.
pub(crate) fn at(span: SourceSpan, says: impl Into<String>) -> Exhibit {
    Exhibit {
        at: Locus::Text(span),
        says: says.into(),
    }
}

/// What one rule says about the files.
#[derive(Debug, Default)]
pub struct Reports {
    pub(crate) stories: Vec<(u64, Story)>,
    pub(crate) gaps: Vec<Gap>,
}

impl Reports {
    /// Reports one case.
    pub fn add(&mut self, story: Story) {
        self.add_all(1, story);
    }

    /// Reports so many cases of one cause.
    pub fn add_all(&mut self, count: u64, story: Story) {
        self.stories.push((count, story));
    }

    /// Says what could not be judged. Equal gaps count once.
    pub fn gap(&mut self, gap: Gap) {
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }
}
