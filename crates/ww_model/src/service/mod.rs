//! Programs that serve and call one another, as their files declare it: proxies, applications,
//! databases, what starts them, and what a mesh does between them.
//!
//! Timers are named after the event that stops them, because vendors' directives of the same name
//! mean different timers. Every value is a [`Setting`]: written, a product's default with its
//! source, off, or not known. Nothing is resolved here: who calls whom is worked out by those who
//! ask.

mod call;
mod check;
mod facts;
mod host;
mod limit;
mod mesh;
mod product;
mod program;
mod retry;
mod room;
mod tls;
mod unit;

pub use call::{Call, ClientSide, Picking, Protocol, Target, WrittenMatch};
pub use check::{CheckKind, HealthCheck, Passive, TargetFails};
pub use facts::{Demand, Facts, Middlebox, Silence};
pub use host::{Host, Kernel, NamedValue, Resolver};
pub use limit::{Breaker, ConcurrencyLimit, Counter, Outlier, RateLimit, Refused};
pub use mesh::{Mesh, MeshHost, MeshPolicy, MeshRoute, MeshTls, PeerTls, Subset};
pub use product::{Product, Version};
pub use program::{
    BareTime, Capacity, Listener, Program, ProgramId, Reference, ReferenceKind, ServerSide,
    Shadowed, Unresolvable,
};
pub use retry::{Backoff, Methods, Retry, RetryOn};
pub use room::{Entry, Layout, Room};
pub use tls::{CertificateFile, TlsClient, TlsServer, TlsVersion};
pub use unit::{Mount, Probe, ProbeKind, Scaling, Unit, UnitKind, Until};

/// All that files declare about programs and how they call one another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Services {
    /// Programs, in order of appearance.
    pub programs: Vec<Program>,
    /// Containers and processes that something starts, in order of appearance.
    pub units: Vec<Unit>,
    /// Names of what makes units, in objects that say how many there are, that lead nowhere.
    pub scaling_references: Vec<Reference>,
    /// What a service mesh does with calls.
    pub mesh: Mesh,
    /// Settings of hosts: kernel, resolver.
    pub hosts: Vec<Host>,
    /// What the team states, because no file says it.
    pub facts: Facts,
    /// Mappings of YAML, JSON and properties in which further settings can be written.
    pub rooms: Vec<Room>,
}

impl Services {
    /// Whether nothing was declared.
    pub fn is_empty(&self) -> bool {
        self == &Services::default()
    }
}
