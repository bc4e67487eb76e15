//! Questions that tell causes apart, and what their answers say.

use std::collections::BTreeMap;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// How reports call it.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// A question whose answer tells causes apart: another one of the same kind as that which failed.
    Control {
        /// The same question once more: was it chance?
        SameAgain = "the same again",
        /// The DNS question with a UDP size that needs no fragments.
        SmallAnswer = "a smaller answer",
        /// The DNS question without EDNS.
        WithoutEdns = "no EDNS",
        /// The DNS question over TCP.
        OverTcp = "TCP",
        /// A DNS question for another type, to the same server.
        OtherType = "another type",
        /// The DNS question with Checking Disabled.
        WithoutValidation = "validation off (CD)",
        /// The DNSSEC chain, walked by ourselves: bogus is a failure, secure works, what is neither is in between.
        Chain = "the chain of signatures",
        /// The zone's own servers: do they find the name?
        ZoneServers = "the zone's own servers",
        /// The name that the search list makes.
        SearchedName = "the search list",
        /// Another port of the host: does anybody answer there, if only with a reset?
        OtherPort = "other ports",
        /// Another port of the host: is it open?
        OtherService = "other services",
        /// The path to the port: the port is reached, routers answer as far as they do, or none does.
        Path = "the path",
        /// The table of tracked connections of this host: room, little room, full.
        OwnTable = "this host's connection table",
        /// The accept queue, where the target is this host: nothing was dropped, or something was.
        OwnQueue = "this host's accept queue",
        /// The local ports of this host: room, little room, none.
        OwnPorts = "this host's ports",
        /// Other addresses of the target in the same family.
        SameFamily = "other addresses of the family",
        /// The server's segments made small by our MSS option.
        SmallSegments = "small segments",
        /// Our own segments made small.
        OwnSmallSegments = "small segments of ours",
        /// The ClientHello without a server name.
        WithoutName = "no server name",
        /// The ClientHello with a name that nobody serves.
        OtherName = "another server name",
        /// Every version from SSL 3.0 to TLS 1.3: one of today is taken, an obsolete one alone, none.
        AnyVersion = "each version",
        /// The handshake without an offer by ALPN, or with another one.
        OtherProtocols = "other protocols by ALPN",
        /// The usual ClientHello, where a special one failed.
        UsualHello = "the usual hello",
        /// Clear text of the same size.
        ClearText = "clear text of this size",
        /// TLS in place of clear text.
        Tls = "TLS",
        /// A packet of a version of QUIC that does not exist.
        QuicVersions = "QUIC versions",
        /// Other backends in a series of trials: they never fail, fail less, or fail as often.
        OtherBackends = "the other backends",
    }
}

words! {
    /// What a control says. Three values, as "it works" and "it fails" are not all there is: what works poorly blames
    /// no one for a failure.
    Reading {
        /// It works.
        Works = "works",
        /// It works, but not as it should: late, again and again, with another error.
        Degraded = "degraded",
        /// It fails in the same way.
        Fails = "fails",
    }
}

impl From<bool> for Reading {
    /// It works, or it does not.
    fn from(works: bool) -> Reading {
        if works {
            Reading::Works
        } else {
            Reading::Fails
        }
    }
}

/// What is known of controls; what is not in it was not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings(BTreeMap<Control, Reading>);

impl Readings {
    /// What a control said; nothing when it was not asked.
    pub fn get(&self, control: Control) -> Option<Reading> {
        self.0.get(&control).copied()
    }

    /// Notes what a control said. Where it was asked several times, the best answer counts: that something failed once
    /// does not unsay that it worked.
    pub fn note(&mut self, control: Control, reading: Reading) {
        self.0
            .entry(control)
            .and_modify(|known| *known = (*known).min(reading))
            .or_insert(reading);
    }

    /// The same with one more.
    #[must_use]
    pub fn with(mut self, control: Control, reading: Reading) -> Readings {
        self.0.insert(control, reading);
        self
    }

    /// Every control that was asked, with what it said.
    pub fn iter(&self) -> impl Iterator<Item = (Control, Reading)> {
        self.0.iter().map(|(&control, &reading)| (control, reading))
    }
}

/// The readings of a control that a cause allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admits(u8);

impl Admits {
    /// It works.
    pub const WORKS: Admits = Admits(1);
    /// It works poorly.
    pub const DEGRADED: Admits = Admits(2);
    /// It fails.
    pub const FAILS: Admits = Admits(4);
    /// It works, well or poorly.
    pub const ANSWERS: Admits = Admits(3);
    /// It does not work as it should.
    pub const AILS: Admits = Admits(6);
    /// Whatever it says.
    pub const ANY: Admits = Admits(7);

    /// Whether a reading is among them.
    pub const fn allows(self, reading: Reading) -> bool {
        self.0 & (1 << reading as u8) != 0
    }

    /// How many readings there are among them.
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Reading::{Degraded, Fails, Works};

    #[test]
    fn what_worked_once_works() {
        let mut readings = Readings::default();
        assert_eq!(readings.get(Control::Path), None);
        readings.note(Control::Path, Fails);
        readings.note(Control::Path, Degraded);
        readings.note(Control::Path, Fails);
        assert_eq!(readings.get(Control::Path), Some(Degraded));
        readings.note(Control::Path, Works);
        assert_eq!(
            readings.iter().collect::<Vec<_>>(),
            [(Control::Path, Works)]
        );
    }

    #[test]
    fn a_set_of_readings_holds_what_its_name_says() {
        let sets = [
            (Admits::WORKS, vec![Works]),
            (Admits::DEGRADED, vec![Degraded]),
            (Admits::FAILS, vec![Fails]),
            (Admits::ANSWERS, vec![Works, Degraded]),
            (Admits::AILS, vec![Degraded, Fails]),
            (Admits::ANY, vec![Works, Degraded, Fails]),
        ];
        for (set, holds) in sets {
            let allowed: Vec<Reading> = Reading::ALL
                .iter()
                .copied()
                .filter(|&reading| set.allows(reading))
                .collect();
            assert_eq!(allowed, holds);
            assert_eq!(set.count() as usize, holds.len());
        }
    }
}
