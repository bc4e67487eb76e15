//! Programs that run for as long as a lab does.

use crate::error::LabError;
use crate::namespace::Namespace;
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A running program; it is killed and waited for when this value is dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
}

/// How long an interrupted program has before it is interrupted again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

impl Program {
    /// Starts a program inside `namespace`, its standard error piped.
    ///
    /// # Errors
    /// [`LabError::Program`] when it cannot start.
    pub fn start(namespace: &Namespace, name: &str, args: &[String]) -> Result<Self, LabError> {
        let spawned = namespace.run(|| {
            Command::new(name)
                .args(args)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
        })?;
        let child = spawned.map_err(|error| LabError::Program {
            command: name.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            name: name.to_owned(),
            child,
        })
    }

    /// Reads standard error until it contains `text`.
    ///
    /// # Errors
    /// [`LabError::Program`] with what it wrote when it ends before.
    pub fn wait_for(&mut self, text: &str) -> Result<(), LabError> {
        let mut said = Vec::new();
        if let Some(stderr) = self.child.stderr.as_mut() {
            let mut byte = [0];
            while stderr.read(&mut byte).is_ok_and(|count| count > 0) {
                said.extend_from_slice(&byte);
                if said.ends_with(text.as_bytes()) {
                    return Ok(());
                }
            }
        }
        Err(LabError::Program {
            command: self.name.clone(),
            reason: String::from_utf8_lossy(&said).trim().to_owned(),
        })
    }

    /// Waits until `is_ready` says yes.
    ///
    /// # Errors
    /// [`LabError::Program`] with what it wrote when it ends before, or is not ready in time.
    pub fn wait_until(
        mut self,
        patience: Duration,
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<Self, LabError> {
        let deadline = Instant::now() + patience;
        while !is_ready() {
            let is_late = Instant::now() >= deadline;
            if is_late {
                // It says what it has to say once it is gone.
                let _ = self.child.kill();
            }
            if is_late || self.ended_within(Duration::from_millis(5)).is_some() {
                return Err(LabError::Program {
                    command: self.name.clone(),
                    reason: format!("is not ready: {}", self.said().trim()),
                });
            }
        }
        Ok(self)
    }

    /// Interrupts the program, waits up to `patience` for its end and returns what it said until then.
    ///
    /// # Errors
    /// [`LabError::Program`] when it does not end in time; it is killed then.
    pub fn interrupt(mut self, patience: Duration) -> Result<String, LabError> {
        self.signal(Signal::INT);
        let deadline = Instant::now() + patience;
        // Asked again each second: a signal that comes just before a program goes to sleep may not wake it.
        while self.ended_within(ASK_AGAIN).is_none() {
            if Instant::now() >= deadline {
                return Err(LabError::Program {
                    command: self.name.clone(),
                    reason: "did not end when interrupted".into(),
                });
            }
            self.signal(Signal::INT);
        }
        Ok(self.said())
    }

    /// What a program that has ended wrote on its standard error.
    fn said(&mut self) -> String {
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            // What it said is only an explanation; unreadable is as good as nothing.
            let _ = stderr.read_to_string(&mut said);
        }
        said
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // A program that has ended, but was not waited for, takes signals and ignores them.
            let _ = kill_process(pid, signal);
        }
    }

    fn ended_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
                _ => return None,
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only when it has ended and was waited for, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
