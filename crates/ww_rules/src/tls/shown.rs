//! Which certificates the addresses of a live endpoint show.

use crate::http::clock;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::fmt::Write as _;
use std::net::SocketAddr;
use ww_base::{Moment, Span};
use ww_evidence::transcript::{Certificate, Service, Step, TlsHandshake, TrustVerdict};
use ww_finding::Severity;

/// What one address shows in the target's name.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) step: &'a Step,
    pub(super) to: SocketAddr,
    pub(super) handshake: &'a TlsHandshake,
    /// The server's own certificate.
    pub(super) own: &'a Certificate,
    /// When it was shown.
    pub(super) at: Moment,
}

impl<'a> Shown<'a> {
    fn of(walk: &Walk<'a>, step: &'a Step, handshake: &'a TlsHandshake) -> Option<Shown<'a>> {
        let target = walk.target();
        let in_its_name =
            target.is_address() || handshake.server_name.eq_ignore_ascii_case(&target.host);
        Some(Shown {
            step,
            to: handshake
                .to
                .filter(|_| in_its_name && handshake.session_from.is_none())?,
            handshake,
            own: handshake.certificates.first()?,
            at: walk.transcript.head.began + step.began,
        })
    }

    /// The certificates that clients check, from the server's own; those that lead nowhere are left out.
    pub(super) fn path(&self) -> impl Iterator<Item = &'a Certificate> {
        let (certificates, path) = (&self.handshake.certificates, &self.handshake.path);
        certificates
            .iter()
            .enumerate()
            .filter(move |&(index, _)| {
                if path.is_empty() {
                    index == 0
                } else {
                    path.iter().any(|&on| on as usize == index)
                }
            })
            .map(|(_, certificate)| certificate)
    }

    /// Clients accept it.
    pub(super) fn is_good(&self) -> bool {
        self.handshake.name_matches
            && matches!(
                self.handshake.trust,
                TrustVerdict::Trusted | TrustVerdict::Unknown
            )
            && self
                .path()
                .all(|one| one.not_before <= self.at && self.at <= one.not_after)
    }

    /// The address, with the transport where it is not TCP.
    pub(super) fn place(&self) -> String {
        if self.handshake.quic {
            format!("{} over QUIC", self.to)
        } else {
            self.to.to_string()
        }
    }

    /// A case of a rule at this address.
    pub(super) fn sighting(
        &self,
        walk: &Walk<'_>,
        group: impl Into<String>,
        says: impl Into<String>,
    ) -> Sighting {
        Sighting::new(Subject::Step(self.step.number), group).show(walk.at(self.step, says))
    }
}

/// What each address shows, once for each.
pub(super) fn shown<'a>(walk: &Walk<'a>) -> Vec<Shown<'a>> {
    let mut all: Vec<Shown<'a>> = Vec::new();
    for (step, handshake) in walk.transcript.all_handshakes() {
        if let Some(one) = Shown::of(walk, step, handshake)
            && !all
                .iter()
                .any(|known| known.to == one.to && known.handshake.quic == handshake.quic)
        {
            all.push(one);
        }
    }
    all
}

/// Reports the certificate that `pick` finds at an address, with its dates.
pub(super) fn sight_dates<'a>(
    walk: &Walk<'a>,
    sightings: &mut Sightings,
    pick: impl Fn(&Shown<'a>) -> Option<&'a Certificate>,
) {
    for one in shown(walk) {
        if let Some(certificate) = pick(&one) {
            let says = format!(
                "{} shows {}, valid from {} to {}",
                one.place(),
                quoted(&certificate.subject),
                certificate.not_before.date(),
                certificate.not_after.date()
            );
            sightings.add(one.sighting(walk, key(certificate), says));
        }
    }
}

/// What the addresses of a group of sightings show.
pub(super) fn those<'a>(walk: &Walk<'a>, sightings: &[Sighting]) -> Vec<Shown<'a>> {
    shown(walk)
        .into_iter()
        .filter(|one| {
            sightings
                .iter()
                .any(|sighting| sighting.subjects.contains(&Subject::Step(one.step.number)))
        })
        .collect()
}

/// Where this is so, when not at every address: ` at 192.0.2.8 (1 of 2 addresses)`.
pub(super) fn place(walk: &Walk<'_>, some: &[Shown<'_>]) -> String {
    let shown = shown(walk);
    let all = shown.len();
    if some.len() >= all {
        return String::new();
    }
    let mut place = String::from(" at ");
    for (nth, one) in some.iter().take(3).enumerate() {
        if nth > 0 {
            place.push_str(", ");
        }
        let _ = write!(place, "{}", one.to.ip());
        if one.handshake.quic {
            place.push_str(" over QUIC");
        }
    }
    let of = if shown.iter().any(|one| one.handshake.quic) {
        "handshakes over TCP and QUIC"
    } else {
        "addresses"
    };
    let _ = write!(place, " ({} of {all} {of})", some.len());
    place
}

/// Says how much it matters that clients refuse a certificate. Where a protocol begins in clear text, many clients take
/// any: then only a certificate from an authority that this host trusts shows that somebody checks it.
pub(super) fn weighed(walk: &Walk<'_>, story: Story, one: &Shown<'_>) -> Story {
    let target = walk.target();
    let checking = match target.service {
        Service::Postgres => "sslmode=verify-full; libpq checks nothing with prefer and require",
        Service::Mysql => "--ssl-mode=VERIFY_IDENTITY (MySQL), --ssl-verify-server-cert (MariaDB)",
        // Whoever hands in mail checks; servers among themselves take what there is (RFC 7435).
        Service::Smtp if target.port == RELAY => {
            "DANE or MTA-STS; other mail servers take any certificate"
        }
        _ => return story,
    };
    let severity = match one.handshake.trust {
        TrustVerdict::Trusted | TrustVerdict::Unknown | TrustVerdict::Incomplete(_) => {
            Severity::Medium
        }
        _ => Severity::Info,
    };
    story.severity(severity).advise(format!(
        "Only clients that check the certificate notice: {checking}"
    ))
}

/// The port at which mail servers take mail from one another.
const RELAY: u16 = 25;

/// What a healthy address shows instead, as the end of a sentence; empty when there is none.
pub(super) fn others(walk: &Walk<'_>) -> String {
    shown(walk)
        .iter()
        .find(|one| one.is_good())
        .map(|good| {
            format!(
                "; {} shows a good one, valid until {}",
                good.to.ip(),
                good.own.not_after.date()
            )
        })
        .unwrap_or_default()
}

/// The server by whose clock a certificate is valid that is not by this host's, as the end of a sentence; empty when
/// there is none.
pub(super) fn by_other_clock(
    walk: &Walk<'_>,
    one: &Shown<'_>,
    certificate: &Certificate,
) -> String {
    let dates = (certificate.not_before, certificate.not_after);
    clock::by_which_valid(walk, one.at, dates)
        .map(|skew| {
            format!(
                ". By the clock of {}, which is {} this host's, it is valid: one of both clocks is wrong",
                skew.address,
                skew.words()
            )
        })
        .unwrap_or_default()
}

/// A name in quotation marks, without control characters and not too long for a sentence.
pub(crate) fn quoted(name: &str) -> String {
    let kept: String = name
        .chars()
        .filter(|one| !one.is_control())
        .take(100)
        .collect();
    format!("\u{201c}{kept}\u{201d}")
}

/// A length of time in whole days, or hours where it is short.
pub(crate) fn days(span: Span) -> String {
    let hours = span.or_zero().0 / 3_600_000_000_000;
    match hours {
        0 => "less than an hour".to_owned(),
        1 => "1 hour".to_owned(),
        2..48 => format!("{hours} hours"),
        _ => format!("{} days", hours / 24),
    }
}

/// What a certificate is called in a sentence about this chain.
pub(super) fn called(shown: &Shown<'_>, certificate: &Certificate) -> String {
    if certificate == shown.own {
        "certificate".to_owned()
    } else {
        format!("intermediate certificate {}", quoted(&certificate.subject))
    }
}

/// One certificate for another: the same name and the same dates.
pub(super) fn key(certificate: &Certificate) -> String {
    format!(
        "{} {} {}",
        certificate.subject, certificate.not_before.0, certificate.not_after.0
    )
}
