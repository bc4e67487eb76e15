//! The table: every symptom with the causes it may have, and the readings of controls that each cause allows.
//!
//! A cause that does not name a control allows every reading of it. Rows are facts of protocols and of how servers and
//! filters behave; where each comes from is said beside it.

mod connections;
mod handshakes;
mod names;
mod requests;

use crate::{Admits, Control, Symptom};

/// What kind of trouble a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something cannot be reached.
    Connectivity,
    /// It works, and not well.
    Performance,
    /// Somebody decided it, or it cannot be trusted.
    Policy,
    /// The application or its configuration.
    Application,
}

impl Kind {
    /// Its word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Connectivity => "connectivity",
            Kind::Performance => "performance",
            Kind::Policy => "policy",
            Kind::Application => "application",
        }
    }
}

/// Who said that it does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Nobody: silence.
    Nobody,
    /// Somebody, and the message does not tell who: a reset may come from anywhere on the way.
    Somebody,
    /// The message names or proves who it is from: an ICMP error's source, a record within TLS, a status.
    Known,
}

/// A cause that a symptom may have.
#[derive(Debug)]
pub struct Cause {
    /// The rule that tells it.
    pub rule: &'static str,
    /// It, as the end of "it may be that …".
    pub says: &'static str,
    /// What kind of trouble it is.
    pub kind: Kind,
    /// The network between is to blame, not one of its ends.
    pub blames_network: bool,
    /// What its presence makes of controls.
    pub when: &'static [(Control, Admits)],
}

impl Cause {
    /// The readings of a control that it allows.
    pub fn admits(&self, control: Control) -> Admits {
        self.when
            .iter()
            .find(|(named, _)| *named == control)
            .map_or(Admits::ANY, |(_, admits)| *admits)
    }
}

/// A symptom's row of the table.
#[derive(Debug)]
pub struct Entry {
    /// Who said that it does not work.
    pub sender: Sender,
    /// The controls that tell its causes apart.
    pub controls: &'static [Control],
    /// What may cause it.
    pub causes: &'static [Cause],
    /// What tells apart those causes that no control does: who, or what, would tell.
    pub would_tell: &'static str,
}

/// A cause at one of the ends.
const fn cause(
    rule: &'static str,
    kind: Kind,
    says: &'static str,
    when: &'static [(Control, Admits)],
) -> Cause {
    Cause {
        rule,
        says,
        kind,
        blames_network: false,
        when,
    }
}

impl Cause {
    /// The same, between the ends.
    const fn between(mut self) -> Cause {
        self.blames_network = true;
        self
    }
}

/// Symptoms that name their cause themselves.
macro_rules! plain {
    ($($name:ident: $sender:ident says $kind:ident $rule:literal, $says:literal;)+) => {
        $(pub(super) static $name: $crate::table::Entry = $crate::table::Entry {
            sender: $crate::table::Sender::$sender,
            controls: &[],
            causes: &[$crate::table::cause(
                $rule,
                $crate::table::Kind::$kind,
                $says,
                &[],
            )],
            would_tell: "",
        };)+
    };
}
use plain;

/// The row of a symptom.
pub fn entry(symptom: Symptom) -> &'static Entry {
    match symptom {
        Symptom::ServerSilent => &names::SERVER_SILENT,
        Symptom::ServerFailure => &names::SERVER_FAILURE,
        Symptom::NameNotFound => &names::NOT_FOUND,
        Symptom::NameWithoutAddress => &names::WITHOUT_ADDRESS,
        Symptom::ServerRefuses => &names::REFUSES,
        Symptom::AnswerCutShort => &names::CUT_SHORT,
        Symptom::ServerSlow => &names::SLOW,
        Symptom::AnswersDiffer => &names::ANSWERS_DIFFER,
        Symptom::NameServerIsWeb => &names::WEB_ANSWERS,
        Symptom::DelegationLame => &names::LAME,
        Symptom::DelegationsDiffer => &names::DELEGATIONS_DIFFER,
        Symptom::NameExpanded => &names::EXPANDED,
        Symptom::ChainBroken => &names::CHAIN_BROKEN,
        Symptom::ChainEnding => &names::CHAIN_ENDING,
        Symptom::BindingMalformed => &names::BINDING_MALFORMED,
        Symptom::BindingAstray => &names::BINDING_ASTRAY,
        Symptom::HintAstray => &names::HINT_ASTRAY,

        Symptom::ConnectSilent => &connections::SILENT,
        Symptom::ConnectReset => &connections::RESET,
        Symptom::ConnectRejected => &connections::REJECTED,
        Symptom::ConnectUnreachable => &connections::UNREACHABLE,
        Symptom::ConnectNoPort => &connections::NO_PORT,
        Symptom::ConnectLate => &connections::LATE,
        Symptom::PartlyOpen => &connections::PARTLY_OPEN,
        Symptom::ConnectNotSent => &connections::NOT_SENT,

        Symptom::HelloSilent => &handshakes::SILENT,
        Symptom::HelloReset | Symptom::HelloClosed => &handshakes::ENDED,
        Symptom::AlertOther => &handshakes::ALERT,
        Symptom::AlertName => &handshakes::ALERT_NAME,
        Symptom::AlertVersion => &handshakes::ALERT_VERSION,
        Symptom::AlertProtocol => &handshakes::ALERT_PROTOCOL,
        Symptom::ProtocolIgnored => &handshakes::PROTOCOL_IGNORED,
        Symptom::LargeHelloLost => &handshakes::LARGE_LOST,
        Symptom::SplitHelloLost => &handshakes::SPLIT_LOST,
        Symptom::CertificateDemanded => &handshakes::CERTIFICATE_DEMANDED,
        Symptom::ClearTextAnswers => &handshakes::CLEAR_TEXT_ANSWERS,
        Symptom::CertificateExpired => &handshakes::CERTIFICATE_EXPIRED,
        Symptom::CertificateEarly => &handshakes::CERTIFICATE_EARLY,
        Symptom::CertificateEnding => &handshakes::CERTIFICATE_ENDING,
        Symptom::CertificateOfOther => &handshakes::CERTIFICATE_OF_OTHER,
        Symptom::CertificateAlone => &handshakes::CERTIFICATE_ALONE,
        Symptom::CertificateUntrusted => &handshakes::CERTIFICATE_UNTRUSTED,
        Symptom::CertificateWeak => &handshakes::CERTIFICATE_WEAK,
        Symptom::CertificatesDiffer => &handshakes::CERTIFICATES_DIFFER,
        Symptom::ObsoleteVersion => &handshakes::OBSOLETE_VERSION,
        Symptom::WeakSuite => &handshakes::WEAK_SUITE,

        Symptom::RequestSilent => &requests::SILENT,
        Symptom::RequestEnded => &requests::ENDED,
        Symptom::AnswerStrange => &requests::STRANGE,
        Symptom::GreetingMissing => &requests::GREETING_MISSING,
        Symptom::Http3Fails => &requests::HTTP3,
        Symptom::TrialsFail => &requests::TRIALS,
        Symptom::AnswerBroken => &requests::ANSWER_BROKEN,
        Symptom::ServerError => &requests::SERVER_ERROR,
        Symptom::GatewayTimeout => &requests::GATEWAY_TIMEOUT,
        Symptom::BodyCut => &requests::BODY_CUT,
        Symptom::AnswerLate => &requests::ANSWER_LATE,
        Symptom::RedirectsCircle => &requests::REDIRECTS_CIRCLE,
        Symptom::RedirectsNowhere => &requests::REDIRECTS_NOWHERE,
        Symptom::NotCacheable => &requests::NOT_CACHEABLE,
        Symptom::TransportPolicyMissing => &requests::TRANSPORT_POLICY_MISSING,
        Symptom::TransportPolicyIgnored => &requests::TRANSPORT_POLICY_IGNORED,
        Symptom::CodingBroken => &requests::CODING_BROKEN,
        Symptom::CodingMissing => &requests::CODING_MISSING,
        Symptom::VaryMissing => &requests::VARY_MISSING,
        Symptom::PasswordsInClear => &requests::PASSWORDS_IN_CLEAR,
        Symptom::ClocksDiffer => &requests::CLOCKS_DIFFER,
        Symptom::EventsInBursts => &requests::EVENTS_IN_BURSTS,

        Symptom::GreetingRefused => &requests::GREETING_REFUSED,
        Symptom::GrpcUnhealthy => &requests::GRPC_UNHEALTHY,
        Symptom::GrpcUnknown => &requests::GRPC_UNKNOWN,
        Symptom::UpgradeRefused => &requests::UPGRADE_REFUSED,
        Symptom::IdleEnded => &requests::IDLE_ENDED,
        Symptom::IdleForgotten => &requests::IDLE_FORGOTTEN,
    }
}

#[cfg(test)]
mod tests;
