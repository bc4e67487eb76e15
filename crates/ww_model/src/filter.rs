//! Rule sets of packet filters: chains of rules, each a list of steps.
//!
//! This is the common form of iptables, ip6tables and nftables, and has room for the ordered
//! stateless lists of clouds. A packet walks a rule's steps from left to right: a condition that
//! does not hold ends the rule, an action that decides ends the walk.

use crate::Ranges;
use ww_base::{SourceSpan, Sourced};

/// A chain of a [`Ruleset`]: index into [`Ruleset::chains`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(pub u32);

/// An unknown of a [`Ruleset`]: index into [`Ruleset::unknowns`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownId(pub u32);

/// Everything that one device does to packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// All chains, in order of appearance.
    pub chains: Vec<Chain>,
    /// What conditions and actions could not be expressed, in order of appearance.
    pub unknowns: Vec<Unknown>,
}

/// A list of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The table as it is written: `filter`, `inet fw`.
    pub table: String,
    /// The chain's name.
    pub name: String,
    /// Where it is declared.
    pub at: SourceSpan,
    /// Where it is attached to the path of packets; a chain without is reached by jumps only.
    pub base: Option<Base>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// How a chain is attached to the path of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The packets it sees.
    pub family: Family,
    /// Where on the path.
    pub hook: Hook,
    /// Order among the chains of a hook, lowest first; of equal priorities the one that comes later
    /// in [`Ruleset::chains`] goes first, as Linux does it. Chains that translate have one place per
    /// hook, whatever their priority, which then orders them among themselves.
    pub priority: i32,
    /// What it is for.
    pub kind: ChainKind,
    /// What happens to a packet that reaches the end: accept or drop.
    pub policy: Sourced<Verdict>,
}

/// The packets that a base chain sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    Ip4,
    /// IPv6.
    Ip6,
    /// Both.
    Inet,
}

/// A place on the path of packets through a Linux device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// Came in, before connection tracking (netdev or inet ingress).
    Ingress,
    /// Came in, before routing.
    Prerouting,
    /// For this device.
    Input,
    /// Routed through.
    Forward,
    /// Sent by this device.
    Output,
    /// About to leave, after routing.
    Postrouting,
}

/// What a base chain is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChainKind {
    /// Decides and marks.
    Filter,
    /// Chooses address translation; sees the first packet of a connection only.
    Nat,
    /// Like `Filter`, at output, and routes again when a mark or address has changed.
    Route,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where it stands: its whole text.
    pub at: SourceSpan,
    /// What it does, from left to right.
    pub steps: Vec<Step>,
    /// What it may be there for besides, each once and in order.
    pub asides: Vec<Aside>,
}

/// Something about a rule that decides nothing about a packet, and that is missed where the rule is
/// gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aside {
    /// Packets are written to a log, traced, or copied to somebody.
    Log,
    /// Packets are counted.
    Count,
    /// Packets are counted under a name, for somebody who reads that.
    NamedCount,
    /// Something is changed that the model has no field for: a header's option, a priority, the
    /// content of a set, the helper of a connection.
    Effect,
    /// Words say what it is for.
    Comment,
}

/// A step of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Go on only if this holds.
    If(Condition),
    /// Do this.
    Do(Action),
}

/// A condition on a packet.
///
/// A test of a field that the packet does not have (a port of an ICMP message, an IPv4 address of
/// an IPv6 packet) is false, and so its `Not` is true. A language whose negated test also fails
/// there says so with [`Condition::Has`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// All of them hold; true when empty.
    All(Vec<Condition>),
    /// At least one holds; false when empty.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The packet has the field.
    Has(Field),
    /// The field's number is in the set.
    In(Field, Ranges),
    /// `field & mask` is in the set.
    Masked {
        /// The field.
        field: Field,
        /// The bits that count.
        mask: u128,
        /// The values that hold.
        within: Ranges,
    },
    /// The fields, taken together, lie in one of the boxes; each box has one set per field.
    Tuple {
        /// The fields.
        fields: Vec<Field>,
        /// The boxes.
        boxes: Vec<Vec<Ranges>>,
    },
    /// The interface's name fits.
    Interface(Way, NamePattern),
    /// Depends on what is not in the file: run-time state, or something that was not understood.
    Unknown(UnknownId),
}

/// A way through the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Into it.
    In,
    /// Out of it.
    Out,
}

/// Names that fit: one name, or all that start with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamePattern {
    /// The name or its beginning.
    pub text: String,
    /// Whether longer names fit too.
    pub prefix: bool,
}

impl NamePattern {
    /// Whether the name fits.
    pub fn fits(&self, name: &str) -> bool {
        if self.prefix {
            name.starts_with(&self.text)
        } else {
            name == self.text
        }
    }
}

/// A header field, or a fact about a packet, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// IP version: 4 or 6.
    IpVersion,
    /// IPv4 source address.
    Src4,
    /// IPv4 destination address.
    Dst4,
    /// IPv6 source address.
    Src6,
    /// IPv6 destination address.
    Dst6,
    /// Protocol number of the transport header, behind all extension headers.
    Protocol,
    /// Source port of TCP, UDP, UDP-Lite, SCTP, DCCP.
    SrcPort,
    /// Destination port of the same.
    DstPort,
    /// ICMP type (the packet is ICMP).
    IcmpType,
    /// ICMP code.
    IcmpCode,
    /// ICMPv6 type (the packet is ICMPv6).
    Icmp6Type,
    /// ICMPv6 code.
    Icmp6Code,
    /// The eight TCP flags: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    TcpFlags,
    /// Connection tracking's opinion: [`CtState::number`](crate::packet::CtState::number).
    CtState,
    /// Bits of the connection's status: source NAT 1, destination NAT 2 (as made so far on this
    /// device).
    CtNat,
    /// The packet mark.
    Mark,
    /// The connection's mark.
    CtMark,
    /// Kind of the source address for this device: [`AddressKind`].
    SrcKind,
    /// Kind of the destination address for this device: [`AddressKind`].
    DstKind,
    /// 1 when the packet is a fragment other than the first.
    LaterFragment,
    /// Differentiated services code point.
    Dscp,
    /// Time to live, or hop limit.
    HopLimit,
    /// Length of the IP packet in bytes.
    Length,
}

/// Kinds of address, as routing sees them (`addrtype`, `fib type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressKind {
    /// Some other host's.
    Unicast,
    /// This device's own.
    Local,
    /// Of all hosts in a network.
    Broadcast,
    /// Of a group.
    Multicast,
    /// Any other kind.
    Other,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Decide, or go elsewhere.
    Verdict(Verdict),
    /// The first entry whose condition holds; the rule goes on when none does.
    VerdictMap(Vec<(Condition, Verdict)>),
    /// Change a field: `value & keep ^ flip`.
    Set {
        /// The field: a mark or a code point.
        field: Field,
        /// Bits that stay.
        keep: u32,
        /// Bits that are then flipped.
        flip: u32,
    },
    /// Copy the packet's mark to the connection's.
    SaveMark,
    /// Copy the connection's mark to the packet's.
    RestoreMark,
    /// Translate addresses, for this connection; ends the walk of the chain as `Accept` does.
    Nat(Nat),
    /// Translate by the first entry whose condition holds.
    NatMap(Vec<(Condition, Nat)>),
    /// Exempt the packet from connection tracking.
    Untrack,
    /// Something with an effect that is not known: a verdict from user space, a changed field.
    Unknown(UnknownId),
}

/// Where a packet goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Done with this base chain; chains of the same hook with higher priority still see it.
    Accept,
    /// Thrown away in silence.
    Drop,
    /// Thrown away, and the sender told.
    Reject(Refusal),
    /// To the chain, and back here.
    Jump(ChainId),
    /// To the chain, and back to where this chain was called from.
    Goto(ChainId),
    /// Back to the caller; the policy in a base chain.
    Return,
    /// On with the next rule.
    Continue,
}

/// How a sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// A TCP reset.
    TcpReset,
    /// An ICMP or ICMPv6 error of this type and code.
    Icmp(u8, u8),
}

/// A translation of addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nat {
    /// What is translated, and to whose address.
    pub kind: NatKind,
    /// The new address, one of this inclusive range (numbers as in `Src4` or `Src6`); unchanged or
    /// given by the kind when absent.
    pub addresses: Option<(u128, u128)>,
    /// The new port, one of this inclusive range; kept where possible when absent.
    pub ports: Option<(u16, u16)>,
    /// Chosen at random, even where the old port would do.
    pub random: bool,
}

/// Kinds of translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NatKind {
    /// The source.
    Source,
    /// The source becomes the address of the interface it leaves by.
    Masquerade,
    /// The destination.
    Destination,
    /// The destination becomes this device: the address of the interface it came in on.
    Redirect,
    /// The network part of the address, one to one (`NETMAP`): destination in prerouting and
    /// output, source elsewhere.
    Prefix,
}

/// Something that cannot be told from the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Where it stands.
    pub at: SourceSpan,
    /// Its words: `-m recent --update --seconds 60`.
    pub text: String,
    /// Why.
    pub reason: UnknownReason,
}

/// Why something cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnknownReason {
    /// It depends on what happens at run time: rates, sets that packets fill, the time of day.
    Dynamic,
    /// It is about something outside the modelled fields: a user, a link address, payload.
    NotModelled,
    /// wirewise does not know the word.
    NotUnderstood,
}
