//! How a rule is declared.

use crate::{Declared, Reports, Sighting, Sightings, View, Walk};
use ww_base::{Moment, Span};
use ww_evidence::Endpoint;
use ww_evidence::transcript::Certificate;
use ww_finding::{Exhibit, Fix, Owner, RuleMeta, Severity, Support};
use ww_model::Model;
use ww_model::service::CertificateFile;

/// A rule: its identity and its work.
#[derive(Debug)]
pub struct Rule {
    /// What help and reports print about it.
    pub meta: RuleMeta,
    /// What it does.
    pub work: Work,
    /// How it judges a live endpoint, where it can.
    pub probe: Option<Probe>,
}

/// How a rule judges a live endpoint, in the two steps of a rule over captures. Pure.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Looks at one transcript and reports what it sees.
    pub sight: fn(&Walk<'_>, &mut Sightings),
    /// Says it: one finding from sightings with the same group key. Never called with none.
    pub say: fn(&Walk<'_>, &[Sighting]) -> Story,
}

/// What a rule does. Pure: same evidence, same words.
#[derive(Debug)]
pub enum Work {
    /// Reads what was observed, in two steps.
    Observed {
        /// Looks at one capture and reports what it sees.
        detect: fn(&View<'_>, &mut Sightings),
        /// Says it: one finding from sightings with the same group key. Never called with none.
        tell: fn(&View<'_>, &[Sighting]) -> Story,
    },
    /// Reads what files declare. A declaration is no symptom of another one, so that one step is
    /// enough.
    Declared {
        /// Looks at all that was declared and says what it finds.
        check: fn(&Declared<'_>, &mut Reports),
    },
    /// Neither: the rule is about live endpoints alone.
    Probed,
    /// Reads where a live endpoint contradicts what files say of it.
    Compared {
        /// Looks at every contradiction and says what it means.
        compare: fn(&Differences, &mut Reports),
    },
}

/// What a rule says about one group of its sightings.
#[derive(Clone, Debug)]
pub struct Story {
    /// One sentence with the names and figures that matter.
    pub headline: String,
    /// How we know.
    pub support: Support,
    /// Overrides the usual severity.
    pub severity: Option<Severity>,
    /// Overrides the usual owner.
    pub owner: Option<Owner>,
    /// Exhibits that come before those of the sightings.
    pub exhibits: Vec<Exhibit>,
    /// What would prove it wrong.
    pub refuter: String,
    /// What to do, best first.
    pub fixes: Vec<Fix>,
    /// What files may tell about too: the timer that ended these connections.
    pub idle_end: Option<IdleEnd>,
}

/// A server that ends connections after a time of quiet, as a capture shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleEnd {
    /// The server.
    pub server: Endpoint,
    /// The time without data before it ends a connection.
    pub idle: Span,
    /// The end of the headline that guesses whose timer it is; empty where nothing is guessed.
    pub guess: String,
}

/// Where live endpoints contradict what files say of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Differences {
    /// Settings.
    pub settings: Vec<Difference>,
    /// Certificates that are older than those in the files that are named for them.
    pub renewed: Vec<RenewedCertificate>,
}

/// A server that shows a certificate, and a file that holds the one that follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct RenewedCertificate {
    /// The address and port.
    pub server: String,
    /// The component that the files configure, as default tables name it; empty when not known.
    pub component: String,
    /// The line that names the file.
    pub line: Exhibit,
    /// The step that shows the certificate.
    pub step: Exhibit,
    /// The file's path, as written.
    pub path: String,
    /// What the file holds.
    pub file: Certificate,
    /// What is shown.
    pub shown: Certificate,
    /// When it was shown.
    pub at: Moment,
    /// Who answers there.
    pub answering: Answering,
}

/// A certificate file that a configuration names, as far as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateOnDisk {
    /// Which file, and where it is named.
    pub named: CertificateFile,
    /// The first certificate in it, or why there is none, as the end of a sentence.
    pub read: Result<Certificate, String>,
}

/// The certificate files that programs are told to show.
pub fn named_certificates(model: &Model) -> Vec<CertificateFile> {
    let listeners = model
        .services
        .programs
        .iter()
        .flat_map(|program| &program.listeners);
    let mut named: Vec<CertificateFile> = Vec::new();
    for file in listeners
        .filter_map(|listener| listener.tls.as_ref())
        .flat_map(|tls| &tls.certificates)
    {
        if !named.contains(file) {
            named.push(file.clone());
        }
    }
    named
}

/// A server that does not do what files say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The address and port.
    pub server: String,
    /// What it does, behind its name.
    pub does: String,
    /// The component that the files configure, as default tables name it; empty when not known.
    pub component: String,
    /// The line that says otherwise.
    pub line: Exhibit,
    /// The step that measured it.
    pub step: Exhibit,
    /// Who answers there.
    pub answering: Answering,
}

/// Who answers at an address, by what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answering {
    /// A program of the product that the files configure.
    Program,
    /// Somebody else: what it calls itself.
    Other(String),
    /// It does not say.
    Unknown,
}

impl Story {
    /// A story that was seen on the wire, with the rule's usual severity and owner.
    pub fn observed(headline: impl Into<String>, refuter: impl Into<String>) -> Story {
        Story {
            headline: headline.into(),
            support: Support::Observed,
            severity: None,
            owner: None,
            exhibits: Vec::new(),
            refuter: refuter.into(),
            fixes: Vec::new(),
            idle_end: None,
        }
    }

    /// A story that follows from what is declared, with the rule's usual severity and owner.
    pub fn proved(headline: impl Into<String>, refuter: impl Into<String>) -> Story {
        Story::observed(headline, refuter).support(Support::Proved)
    }

    /// Adds something to look at; the first is the primary exhibit.
    #[must_use]
    pub fn show(mut self, exhibit: Exhibit) -> Story {
        self.exhibits.push(exhibit);
        self
    }

    /// Adds a way to mend it.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Story {
        self.fixes.push(fix);
        self
    }

    /// Says which timer of a server it is about.
    #[must_use]
    pub fn ended_idle(mut self, end: IdleEnd) -> Story {
        self.idle_end = Some(end);
        self
    }

    /// Sets how we know.
    #[must_use]
    pub fn support(mut self, support: Support) -> Story {
        self.support = support;
        self
    }

    /// Overrides the severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Story {
        self.severity = Some(severity);
        self
    }

    /// Overrides the owner.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Story {
        self.owner = Some(owner);
        self
    }

    /// Adds a step that a person can take.
    #[must_use]
    pub fn advise(mut self, title: impl Into<String>) -> Story {
        self.fixes.push(Fix::advice(title));
        self
    }
}

/// Declares the `RULE` of a file: identity, page and work.
macro_rules! rule {
    (
        name: $name:literal,
        family: $family:literal,
        layer: $layer:ident,
        class: $class:ident,
        severity: $severity:ident,
        owner: $owner:ident,
        summary: $summary:literal,
        needs: [$($need:ident),* $(,)?],
        explains: [$($explains:literal),* $(,)?],
        page: $page:literal,
        $($step:ident: $function:path),+ $(,)?
    ) => {
        pub(crate) static RULE: $crate::Rule = $crate::Rule {
            meta: ww_finding::RuleMeta {
                name: $name,
                family: $family,
                layer: ww_finding::Layer::$layer,
                class: ww_finding::Class::$class,
                severity: ww_finding::Severity::$severity,
                owner: ww_finding::Owner::$owner,
                summary: $summary,
                needs: &[$(ww_finding::Need::$need),*],
                explains: &[$($explains),*],
                page: || $crate::pages::at(concat!($family, "/", $page)),
            },
            work: $crate::rule::work!($($step: $function),+),
            probe: $crate::rule::probe!($($step: $function),+),
        };
    };
}

/// The kind of work that the steps of a rule make.
macro_rules! work {
    (detect: $detect:path, tell: $tell:path $(, sight: $sight:path, say: $say:path)?) => {
        $crate::Work::Observed {
            detect: $detect,
            tell: $tell,
        }
    };
    (check: $check:path) => {
        $crate::Work::Declared { check: $check }
    };
    (sight: $sight:path, say: $say:path) => {
        $crate::Work::Probed
    };
    (compare: $compare:path) => {
        $crate::Work::Compared { compare: $compare }
    };
}

/// The steps of a rule that judge a live endpoint.
macro_rules! probe {
    ($(detect: $detect:path, tell: $tell:path,)? sight: $sight:path, say: $say:path) => {
        Some($crate::Probe {
            sight: $sight,
            say: $say,
        })
    };
    ($($step:ident: $function:path),+) => {
        None
    };
}
pub(crate) use {probe, rule, work};
