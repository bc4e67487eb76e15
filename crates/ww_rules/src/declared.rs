//! What a rule over files sees, and what it reports.

use crate::Story;
use crate::filters::dead::{self, Dead};
use crate::filters::exact::{Exact, Fare};
use crate::filters::probe::Version;
use std::cell::{OnceCell, RefCell};
use ww_base::{Gap, Limits, Locus, SourceSpan};
use ww_chain::Chains;
use ww_finding::{Exhibit, Support};
use ww_model::filter::{Field, Hook};
use ww_model::{Model, Packet};
use ww_reach::kube::{Assumptions, Reach};

/// What a device lets pass in each version of IP; nothing where that is too large to be worked out.
type ByVersion<'a> = [Option<RefCell<Exact<'a>>>; 2];

/// Everything that the files of a consultation declare.
pub struct Declared<'a> {
    /// The declared network.
    pub model: &'a Model,
    /// The bounds in force.
    pub limits: &'a Limits,
    /// What stands in the files, by their sources.
    texts: &'a [&'a str],
    chains: OnceCell<Chains<'a>>,
    policies: OnceCell<Reach<'a>>,
    dead_rules: OnceCell<Vec<Result<Vec<Dead>, Gap>>>,
    exact: OnceCell<Vec<ByVersion<'a>>>,
}

impl<'a> Declared<'a> {
    /// Makes a model ready for rules, with the texts that it was read from: a source's number is its
    /// place among them.
    pub fn new(model: &'a Model, limits: &'a Limits, texts: &'a [&'a str]) -> Declared<'a> {
        Declared {
            model,
            limits,
            texts,
            chains: OnceCell::new(),
            policies: OnceCell::new(),
            dead_rules: OnceCell::new(),
            exact: OnceCell::new(),
        }
    }

    /// Who calls whom; worked out when first asked for.
    pub fn chains(&self) -> &Chains<'a> {
        self.chains.get_or_init(|| Chains::of(self.model))
    }

    /// What stands in a range of a file.
    pub(crate) fn text(&self, span: SourceSpan) -> Option<&'a str> {
        let text = self.texts.get(span.source.0 as usize)?;
        text.get(span.start as usize..span.end as usize)
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

    /// Whether all packets that are like this one, but for these fields, are known to fare so at a
    /// device, counted from 0.
    pub(crate) fn all_fare(
        &self,
        device: usize,
        (route, packet): (Hook, &Packet),
        free: &[Field],
        fare: Fare,
    ) -> bool {
        let exact = self.exact.get_or_init(|| {
            let devices = self.model.devices.iter();
            let of = |version, ruleset| Exact::of(ruleset, version).ok().map(RefCell::new);
            devices
                .map(|device| Version::BOTH.map(|version| of(version, &device.filter)))
                .collect()
        });
        let version = usize::from(packet.src.is_ipv6());
        exact
            .get(device)
            .and_then(|versions| versions.get(version)?.as_ref())
            .is_some_and(|one| {
                let answer = one.borrow_mut().all(route, packet, free, fare);
                answer.unwrap_or(false)
            })
    }
}

/// How we know what was tried: proved where it holds for all, and declared for what was tried.
pub(crate) fn shown(for_all: bool) -> Support {
    if for_all {
        Support::Proved
    } else {
        Support::Declared
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
