//! What a service mesh does with calls that programs make.

use super::{ClientSide, Picking, Protocol, Reference, Shadowed, Target, TlsClient, WrittenMatch};
use ww_base::{Setting, SourceSpan};

/// The mesh of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// What it does with requests for a host.
    pub routes: Vec<MeshRoute>,
    /// What it does with connections to a host.
    pub policies: Vec<MeshPolicy>,
    /// Hosts outside that the mesh is told of.
    pub outside: Vec<MeshHost>,
    /// What workloads demand of those who connect.
    pub peers: Vec<PeerTls>,
    /// Names that lead nowhere.
    pub references: Vec<Reference>,
    /// Settings that another one takes out of force.
    pub shadowed: Vec<Shadowed>,
}

/// What a mesh does with requests for a host.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshRoute {
    /// Where it is written.
    pub at: SourceSpan,
    /// The object, as `shop/reviews`.
    pub name: String,
    /// The namespace of the object.
    pub namespace: String,
    /// The hosts, as written.
    pub hosts: Vec<String>,
    /// Gateways by which requests come in, as written; empty for calls inside the mesh only. Beside
    /// gateways the word `mesh` stands for those.
    pub gateways: Vec<String>,
    /// Which requests.
    pub matches: Option<WrittenMatch>,
    /// Where they go.
    pub to: Vec<Target>,
    /// What is spoken.
    pub protocol: Protocol,
    /// Timers and retries: `total`, `retry`.
    pub side: ClientSide,
    /// A delay or an error that is made on purpose.
    pub fault: Option<SourceSpan>,
    /// Whether, of several objects about calls of one host inside the mesh, one is heeded only;
    /// otherwise they are put together.
    pub is_exclusive: bool,
}

/// What a mesh does with connections to a host.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshPolicy {
    /// Where it is written.
    pub at: SourceSpan,
    /// The object, as `shop/reviews`.
    pub name: String,
    /// The namespace of the object.
    pub namespace: String,
    /// The host, as written.
    pub host: String,
    /// The port that it is about; none for all.
    pub port: Option<u16>,
    /// The subset that it is about; none for all of the host.
    pub subset: Option<Subset>,
    /// Timers, pool, breaker and outlier detection.
    pub side: ClientSide,
    /// How a target is picked.
    pub picking: Setting<Picking>,
    /// Whether it encrypts, and whose certificates it does it with.
    pub tls: Setting<MeshTls>,
    /// How it encrypts with certificates that are not the mesh's; none when it does not.
    pub client: Option<TlsClient>,
}

/// A part of the pods of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subset {
    /// Where it is written.
    pub at: SourceSpan,
    /// Its name.
    pub name: String,
    /// The labels of its pods.
    pub labels: Vec<(String, String)>,
}

/// How connections to a host are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MeshTls {
    /// Not at all.
    Disable,
    /// TLS, the server's certificate only.
    Simple,
    /// TLS with certificates of the user's on both sides.
    Mutual,
    /// TLS with the mesh's own certificates on both sides.
    IstioMutual,
}

/// A host outside the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshHost {
    /// Where it is written.
    pub at: SourceSpan,
    /// Its names.
    pub hosts: Vec<String>,
    /// Its ports with what is spoken there, as written.
    pub ports: Vec<(u16, String)>,
}

/// What workloads demand of those who connect to them.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerTls {
    /// Where it is written.
    pub at: SourceSpan,
    /// The object, as `shop/default`.
    pub name: String,
    /// The namespace of the object.
    pub namespace: String,
    /// The labels of the pods; empty for all of the namespace.
    pub selector: Vec<(String, String)>,
    /// Whether connections without the mesh's certificate are refused; off when they are not
    /// encrypted at all.
    pub strict: Setting<bool>,
    /// The same for single ports of the pods, in place of that.
    pub ports: Vec<(u16, Setting<bool>)>,
}
