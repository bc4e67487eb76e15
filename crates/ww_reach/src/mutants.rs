//! Semantic bugs that tests plant on purpose, to prove that the comparison with the kernel would find them.
//!
//! Only the feature `mutants` makes them possible; without it [`planted`] is the constant `false`.

/// A bug that can be planted in the walk of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Bug {
    /// `goto` comes back as `jump` does.
    GotoIsJump = 1,
    /// An accept ends the walk through all chains.
    AcceptIsFinal,
    /// `return` goes on with the next rule.
    ReturnIsContinue,
    /// `return` in a base chain accepts, whatever the policy.
    ReturnAccepts,
    /// Setting some bits of a mark sets all.
    MarkMaskIgnored,
    /// Packets exempt from tracking are tracked.
    UntrackIgnored,
    /// Chains see packets in the order of the file.
    PriorityIgnored,
    /// Chains of equal priority see packets in the order of the file.
    EqualPrioritiesInFileOrder,
    /// Chains that translate run at the priority they state.
    NatAtOwnPriority,
    /// Chains that translate see packets of every state.
    NatSeesEveryPacket,
    /// A translation does not keep later chains from translating again.
    TranslatesTwice,
    /// Rules after a translation see the old address.
    TranslationUnseen,
    /// Rules do not see that a connection is translated.
    TranslationStatusUnseen,
    /// The new port is forgotten.
    PortTranslationLost,
    /// Of a range of new ports the first is taken, also where the old one would do.
    FirstPortTaken,
    /// Sources are translated before filters of postrouting see the packet.
    SourceTranslatedEarly,
    /// Connection tracking knows packets before it sees them.
    TrackedTooEarly,
    /// Every policy is to accept.
    PolicyAccepts,
    /// A map of verdicts without a fitting entry accepts.
    VerdictMapAccepts,
    /// The interface of entry is not known after routing.
    EntryForgottenAfterRouting,
    /// Marks of connections are not kept.
    ConnectionMarkLost,
    /// Packets are routed by the destination they had before it was translated.
    RoutedBeforeTranslation,
}

impl Bug {
    /// Every bug.
    pub const ALL: [Bug; 22] = [
        Bug::GotoIsJump,
        Bug::AcceptIsFinal,
        Bug::ReturnIsContinue,
        Bug::ReturnAccepts,
        Bug::MarkMaskIgnored,
        Bug::UntrackIgnored,
        Bug::PriorityIgnored,
        Bug::EqualPrioritiesInFileOrder,
        Bug::NatAtOwnPriority,
        Bug::NatSeesEveryPacket,
        Bug::TranslatesTwice,
        Bug::TranslationUnseen,
        Bug::TranslationStatusUnseen,
        Bug::PortTranslationLost,
        Bug::FirstPortTaken,
        Bug::SourceTranslatedEarly,
        Bug::TrackedTooEarly,
        Bug::PolicyAccepts,
        Bug::VerdictMapAccepts,
        Bug::EntryForgottenAfterRouting,
        Bug::ConnectionMarkLost,
        Bug::RoutedBeforeTranslation,
    ];
}

#[cfg(feature = "mutants")]
static PLANTED: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Plants a bug in place of any other, or none.
#[cfg(feature = "mutants")]
pub fn plant(bug: Option<Bug>) {
    let number = bug.map_or(0, |bug| bug as u8);
    PLANTED.store(number, std::sync::atomic::Ordering::Relaxed);
}

/// Whether this bug is planted.
#[cfg(feature = "mutants")]
pub(crate) fn planted(bug: Bug) -> bool {
    PLANTED.load(std::sync::atomic::Ordering::Relaxed) == bug as u8
}

/// Whether this bug is planted: never.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}
