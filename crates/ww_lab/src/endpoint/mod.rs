//! Endpoints with one fault each, for whoever walks them: a client, a router and a server in namespaces of their own,
//! real servers, and what the walk must find.
//!
//! A [`Scenario`] sets the fault up on a [`Site`]; the walk is made by a program inside the client's namespace, as an
//! ordinary user, so that what is scored is what users run.

mod authorities;
pub mod certificates;
mod daemons;
pub mod scenarios;
mod servers;
mod site;

pub use servers::{Running, Servers};
pub use site::{Site, address};

use crate::error::LabError;

/// An endpoint with a fault, or a healthy one.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What is wrong, in a few words.
    pub done: &'static str,
    /// What is walked.
    pub target: &'static str,
    /// Further arguments of the walk; `@` stands for the folder of the site.
    pub args: &'static [&'static str],
    /// Sets it up; what is returned is kept until the walk is over.
    pub set_up: fn(&Site) -> Result<Servers, LabError>,
    /// The rule that must be found first; none when the endpoint is healthy.
    pub cause: Option<&'static str>,
    /// Rules that may be found beside it.
    pub beside: &'static [&'static str],
}

impl Scenario {
    /// A healthy endpoint.
    pub const fn healthy(
        name: &'static str,
        done: &'static str,
        target: &'static str,
        set_up: fn(&Site) -> Result<Servers, LabError>,
    ) -> Scenario {
        Scenario {
            name,
            done,
            target,
            args: &[],
            set_up,
            cause: None,
            beside: &[],
        }
    }

    /// An endpoint with a fault.
    pub const fn faulty(
        name: &'static str,
        done: &'static str,
        target: &'static str,
        cause: &'static str,
        set_up: fn(&Site) -> Result<Servers, LabError>,
    ) -> Scenario {
        Scenario {
            name,
            done,
            target,
            args: &[],
            set_up,
            cause: Some(cause),
            beside: &[],
        }
    }

    /// With further arguments of the walk.
    #[must_use]
    pub const fn with(mut self, args: &'static [&'static str]) -> Scenario {
        self.args = args;
        self
    }

    /// With rules that may be found beside the cause.
    #[must_use]
    pub const fn beside(mut self, rules: &'static [&'static str]) -> Scenario {
        self.beside = rules;
        self
    }
}
