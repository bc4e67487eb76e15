//! Rules on what a service mesh does between programs.

mod host;

pub(crate) mod mesh_objects_compete;
pub(crate) mod mesh_tls_contradicts;
pub(crate) mod permissive_mesh_tls;
