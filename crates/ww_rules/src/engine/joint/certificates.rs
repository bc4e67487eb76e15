//! Certificates that are shown, held against the files that configurations name for them.

use super::addresses::{Addresses, Fit};
use super::held::{Held, answering, component};
use super::measured::{Measure, Measured, certificate};
use super::servers::{Place, places};
use crate::declared::at;
use crate::engine::Told;
use crate::tls::{certificate_expired, certificate_expiring, certificates_differ};
use crate::{CertificateOnDisk, Declared, Difference, RenewedCertificate, Subject};
use ww_base::Gap;
use ww_evidence::transcript::Certificate;
use ww_finding::{Exhibit, Support};

/// Compares every certificate that is shown with the files at its place, and shows a renewal on the findings that miss it.
pub(super) fn hold(
    declared: &Declared<'_>,
    known: &Addresses<'_>,
    measures: &[Measure<'_>],
    files: &[CertificateOnDisk],
    held: &mut Held,
    seen: &mut Vec<Told>,
) {
    for measure in measures {
        let Measured::Certificate(shown) = &measure.what else {
            continue;
        };
        let places = places(declared, known, measure);
        // Behind the same port there may be anybody.
        let Some(place) = places.first().filter(|place| place.fit == Fit::Address) else {
            continue;
        };
        let here: Vec<&CertificateOnDisk> = files
            .iter()
            .filter(|file| places.iter().any(|place| names(*place, file)))
            .collect();
        match judge(shown, &here) {
            Verdict::Shown => {}
            Verdict::Unread(file, why) => held.gaps.push(Gap::new(
                format!(
                    "whether {} holds the certificate that {} shows: {why}",
                    file.named.path, measure.to
                ),
                "a walk on the host that has the file, by a user who may read it",
            )),
            Verdict::Renewed(file, renewal) => {
                let found = renewed(measure, *place, shown, (file, renewal));
                show(declared, measure, &found.line, seen);
                let is_known = held.differences.renewed.iter().any(|other| {
                    other.line.at == found.line.at
                        && other.shown.fingerprint == found.shown.fingerprint
                });
                if !is_known {
                    held.differences.renewed.push(found);
                }
                seen.retain(|told| !is_explained(told, measure, shown, renewal));
            }
            Verdict::Strange(file, other) => held.gaps.push(Gap::new(
                format!(
                    "whether {} shows the certificate in {}: the file of that name here holds {}, which shares no name with it",
                    measure.to,
                    file.named.path,
                    certificate(other)
                ),
                "a walk on the host where the server runs",
            )),
            Verdict::Other(file, other) => held.differs(Difference {
                server: measure.to.to_string(),
                does: measure.what.words(),
                component: component(*place).to_owned(),
                line: line(*place, file, other),
                step: measure.show(),
                answering: answering(measure, *place),
            }),
        }
    }
    held.gaps.dedup();
}

/// Whether a finding says no more than that some addresses show the certificate before the renewal, and others the
/// renewal: a file that was not read again says why.
fn is_explained(
    told: &Told,
    measure: &Measure<'_>,
    old: &Certificate,
    renewal: &Certificate,
) -> bool {
    let is_it = told.finding.rule == certificates_differ::RULE.meta.name
        && told.source == measure.walk.source;
    let mut shown = measure.walk.all_handshakes().filter_map(|(step, one)| {
        let is_told = told.subjects.contains(&Subject::Step(step.number));
        one.certificates.first().filter(|_| is_told)
    });
    let is_one =
        |one: &Certificate| [&old.fingerprint, &renewal.fingerprint].contains(&&one.fingerprint);
    is_it && shown.next().is_some_and(is_one) && shown.all(is_one)
}

fn names(place: Place<'_>, file: &CertificateOnDisk) -> bool {
    let tls = place.listener.1.tls.as_ref();
    tls.is_some_and(|tls| tls.certificates.contains(&file.named))
}

enum Verdict<'f> {
    /// A file holds it, or no file is named.
    Shown,
    /// A file could not be read, and no other one tells: why.
    Unread(&'f CertificateOnDisk, &'f str),
    /// The file holds one for the same names that ends later.
    Renewed(&'f CertificateOnDisk, &'f Certificate),
    /// The file holds another one for the same names.
    Other(&'f CertificateOnDisk, &'f Certificate),
    /// The file holds one for others: it may be another machine's file of that name.
    Strange(&'f CertificateOnDisk, &'f Certificate),
}

fn judge<'f>(shown: &Certificate, files: &[&'f CertificateOnDisk]) -> Verdict<'f> {
    let read = files
        .iter()
        .filter_map(|file| Some((*file, file.read.as_ref().ok()?)));
    if read
        .clone()
        .any(|(_, one)| one.fingerprint == shown.fingerprint)
    {
        return Verdict::Shown;
    }
    let unread = files
        .iter()
        .find_map(|file| Some((*file, file.read.as_ref().err()?)));
    if let Some((file, why)) = unread {
        return Verdict::Unread(file, why);
    }
    let is_alike = |one: &Certificate| {
        one.subject == shown.subject || one.names.iter().any(|name| shown.names.contains(name))
    };
    let follows = |one: &Certificate| is_alike(one) && one.not_after > shown.not_after;
    let renewal = read.clone().filter(|(_, one)| follows(one));
    if let Some((file, one)) = renewal.max_by_key(|(_, one)| one.not_after) {
        return Verdict::Renewed(file, one);
    }
    match read.max_by_key(|(_, one)| (is_alike(one), one.not_after)) {
        Some((file, one)) if is_alike(one) => Verdict::Other(file, one),
        Some((file, one)) => Verdict::Strange(file, one),
        None => Verdict::Shown,
    }
}

fn line(place: Place<'_>, file: &CertificateOnDisk, holds: &Certificate) -> Exhibit {
    at(
        file.named.at,
        format!(
            "{} shows the certificate in {}, which holds {}",
            place.party.name,
            file.named.path,
            certificate(holds)
        ),
    )
}

fn renewed(
    measure: &Measure<'_>,
    place: Place<'_>,
    shown: &Certificate,
    (file, renewal): (&CertificateOnDisk, &Certificate),
) -> RenewedCertificate {
    let step = measure
        .walk
        .steps
        .iter()
        .find(|step| step.number == measure.step);
    RenewedCertificate {
        server: measure.to.to_string(),
        component: component(place).to_owned(),
        line: line(place, file, renewal),
        step: measure.show(),
        path: file.named.path.clone(),
        file: renewal.clone(),
        shown: shown.clone(),
        at: step.map_or(measure.walk.head.began, |step| {
            measure.walk.head.began + step.began
        }),
        answering: answering(measure, place),
    }
}

/// Shows the line on what is said of the dates of the certificate that is shown.
fn show(declared: &Declared<'_>, measure: &Measure<'_>, line: &Exhibit, seen: &mut [Told]) {
    let room = declared.limits.exhibits_per_finding as usize;
    let rules = [
        certificate_expired::RULE.meta.name,
        certificate_expiring::RULE.meta.name,
    ];
    for told in seen {
        let is_it = rules.contains(&told.finding.rule)
            && told.source == measure.walk.source
            && told.subjects.contains(&Subject::Step(measure.step));
        if is_it && !told.finding.exhibits.contains(line) {
            let at = told.finding.exhibits.len().min(1);
            told.finding.exhibits.insert(at, line.clone());
            told.finding.exhibits.truncate(room);
            told.finding.support = Support::Corroborated;
        }
    }
}
