//! Signed zones below a root of their own, each with one fault or none, and the servers that serve and resolve them.
//!
//! BIND signs; faults are planted in the signed files, or in what the parent says of a zone.

mod cases;
mod servers;
mod zone;

pub use cases::{Case, cases, zones};
pub use servers::{authority, bind, unbound};
pub use zone::{Fault, Signed, Zone};

use crate::error::LabError;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The zone that all others are below.
pub const PARENT: &str = "test.";

/// The root and its zones, signed, in a folder.
#[derive(Debug)]
pub struct Tree {
    /// Where the files are.
    pub folder: PathBuf,
    /// Where the server of all zones listens, port 53.
    pub server: String,
    /// The zones that are served.
    names: Vec<String>,
}

impl Tree {
    /// Signs the root, its child `test.`, and these zones below that one. Every zone has `www` with the address
    /// `host`, and is served at `server`.
    ///
    /// # Errors
    /// [`LabError::Program`] when BIND's tools are missing or refuse something, [`LabError::Io`] when files cannot
    /// be written.
    pub fn sign(folder: &Path, server: &str, host: &str, zones: &[Zone]) -> Result<Tree, LabError> {
        fs::create_dir_all(folder).map_err(LabError::io(format!("create {}", folder.display())))?;
        let tree = Tree {
            folder: folder.to_owned(),
            server: server.to_owned(),
            names: zones
                .iter()
                .map(Zone::name)
                .chain([PARENT.to_owned(), ".".to_owned()])
                .collect(),
        };
        let mut delegations = format!("ns A {server}\n");
        for zone in zones {
            let digest = zone.make(&tree, host)?;
            if !zone.is_below_another() {
                // Writing to a string cannot fail.
                let _ = write!(delegations, "{} NS ns.{PARENT}\n{digest}\n", zone.label);
            }
        }
        let parent = Zone {
            records: &delegations,
            ..Zone::signed("test")
        };
        let unsigned: Vec<String> = zones
            .iter()
            .filter(|zone| zone.fault == Fault::DelegationUnsigned)
            .map(Zone::name)
            .collect();
        let digest = parent.make_as(&tree, PARENT, &delegations, &unsigned)?;
        let root = format!("{PARENT} NS ns.{PARENT}\nns.{PARENT} A {server}\n{digest}\n");
        parent.make_as(&tree, ".", &root, &[])?;
        Ok(tree)
    }

    /// The root's key as unbound and others take it.
    pub fn anchor(&self) -> PathBuf {
        self.folder.join("anchor.key")
    }

    /// The same as BIND takes it.
    pub fn anchor_for_bind(&self) -> PathBuf {
        self.folder.join("anchor.conf")
    }

    /// Writes a file.
    fn write(&self, name: &str, text: &str) -> Result<PathBuf, LabError> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(LabError::io(format!("write {}", path.display())))?;
        Ok(path)
    }

    fn read(&self, name: &str) -> Result<String, LabError> {
        let path = self.folder.join(name);
        fs::read_to_string(&path).map_err(LabError::io(format!("read {}", path.display())))
    }

    /// Runs one of BIND's tools; what it prints.
    fn run(&self, program: &str, args: &[&str]) -> Result<String, LabError> {
        let failed = |reason: String| LabError::Program {
            command: format!("{program} {}", args.join(" ")),
            reason,
        };
        let output = Command::new(program)
            .args(args)
            .current_dir(&self.folder)
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(failed(
                String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            ))
        }
    }
}
