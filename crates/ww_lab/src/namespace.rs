//! Network namespaces with names of their own, removed when dropped.

use crate::error::LabError;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

/// The interface of every namespace of a lab.
pub const INTERFACE: &str = "eth0";

/// A network namespace; it is deleted when this value is dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    handle: Arc<File>,
}

static CREATED: AtomicU32 = AtomicU32::new(0);

impl Namespace {
    /// Creates a namespace whose name contains `role`, the process id and a number.
    ///
    /// # Errors
    /// [`LabError::NotPossible`] without the right to create one.
    pub fn create(role: &str) -> Result<Self, LabError> {
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let name = format!("wwlab-{}-{number}-{role}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name])).map_err(|error| {
            LabError::NotPossible {
                operation: format!("ip netns add {name}"),
                reason: error.to_string(),
            }
        })?;
        let path = Path::new("/run/netns").join(&name);
        match File::open(&path) {
            Ok(file) => Ok(Self {
                name,
                handle: Arc::new(file),
            }),
            Err(source) => {
                delete(&name);
                Err(LabError::Io {
                    operation: format!("open {}", path.display()),
                    source,
                })
            }
        }
    }

    /// The name that `ip netns exec` takes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `work` on a thread of its own inside the namespace.
    ///
    /// # Errors
    /// [`LabError::Io`] when no thread can be started; [`LabError::NotPossible`], from the thread, when it may
    /// not enter.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<Result<T, LabError>>, LabError> {
        let handle = Arc::clone(&self.handle);
        let inside = move || {
            enter(&handle)?;
            Ok(work())
        };
        thread::Builder::new()
            .name(self.name.clone())
            .spawn(inside)
            .map_err(LabError::io("start a thread"))
    }

    /// Runs `work` inside the namespace and waits for it.
    ///
    /// # Errors
    /// As [`Namespace::spawn`].
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, LabError> {
        let inside = || {
            enter(&self.handle)?;
            Ok(work())
        };
        thread::scope(|scope| scope.spawn(inside).join()).unwrap_or_else(|_| {
            Err(LabError::Io {
                operation: format!("work inside {}", self.name),
                source: io::Error::other("the thread panicked"),
            })
        })
    }

    /// Runs a program inside the namespace and waits for it: `words` are separated by blanks.
    ///
    /// # Errors
    /// [`LabError::Program`] when it cannot start or fails.
    pub fn command(&self, words: &str) -> Result<(), LabError> {
        self.run(|| {
            let mut words = words.split_whitespace();
            run(Command::new(words.next().unwrap_or_default()).args(words))
        })?
    }

    /// Sets a network parameter of the namespace, such as `ipv4.tcp_sack`.
    ///
    /// # Errors
    /// [`LabError::Io`] when there is no such parameter or the value is refused.
    pub fn sysctl(&self, key: &str, value: &str) -> Result<(), LabError> {
        let path = format!("/proc/sys/net/{}", key.replace('.', "/"));
        self.run(|| fs::write(&path, value))?
            .map_err(LabError::io(format!("set {key} to {value}")))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        delete(&self.name);
    }
}

fn enter(handle: &File) -> Result<(), LabError> {
    move_into_link_name_space(handle.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|error| {
        LabError::NotPossible {
            operation: "enter a network namespace".into(),
            reason: error.to_string(),
        }
    })
}

/// Deletes the namespaces of labs whose process is gone: killed labs cannot clean up after themselves.
pub fn sweep() {
    let Ok(entries) = fs::read_dir("/run/netns") else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix("wwlab-")
            .and_then(|rest| rest.split('-').next());
        let is_orphan = |owner: &str| !Path::new("/proc").join(owner).exists();
        if owner.is_some_and(is_orphan) {
            delete(&name);
        }
    }
}

/// A namespace that cannot be deleted is left to the administrator; a destructor has nobody to tell.
fn delete(name: &str) {
    let _ = run(Command::new("ip").args(["netns", "del", name]));
}

/// Runs a program to its end and turns failure into its own words.
pub(crate) fn run(command: &mut Command) -> Result<(), LabError> {
    let failed = |command: &Command, reason: String| {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let command = words
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ");
        LabError::Program { command, reason }
    };
    let output = command.stdin(Stdio::null()).output();
    match output {
        Err(error) => Err(failed(command, error.to_string())),
        Ok(output) if !output.status.success() => Err(failed(
            command,
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        )),
        Ok(_) => Ok(()),
    }
}
