//! Captures by tcpdump at an end of the link.

use crate::error::LabError;
use crate::namespace::{INTERFACE, Namespace};
use crate::process::Program;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// A running capture.
#[derive(Debug)]
pub struct Capture(Program);

/// Packets on their way to the file when the work is done.
const SETTLE: Duration = Duration::from_millis(60);

/// How long tcpdump has to write out what it holds; a busy disk takes its time.
const PATIENCE: Duration = Duration::from_secs(30);

impl Capture {
    /// Starts to write every frame of the namespace's interface to `file` (pcap), and waits until it does.
    ///
    /// # Errors
    /// [`LabError::Program`] when tcpdump is missing or refuses.
    pub fn start(namespace: &Namespace, file: &Path) -> Result<Self, LabError> {
        // Immediate mode: otherwise the last second of the ring buffer is lost at the end. The snapshot length is
        // above every frame of the lab, and small, because it is the size of a slot of the kernel's ring.
        let words = "--immediate-mode -U -n -Z root -B 65536 -s 2048 -i";
        let mut args: Vec<String> = words.split(' ').map(str::to_owned).collect();
        args.extend([
            INTERFACE.to_owned(),
            "-w".to_owned(),
            file.display().to_string(),
        ]);
        let mut program = Program::start(namespace, "tcpdump", &args)?;
        program.wait_for("snapshot length")?;
        Ok(Self(program))
    }

    /// Ends the capture.
    ///
    /// # Errors
    /// [`LabError::Capture`] when the kernel dropped packets, so that the file is not the truth.
    pub fn stop(self) -> Result<(), LabError> {
        thread::sleep(SETTLE);
        let said = self.0.interrupt(PATIENCE)?;
        let dropped = said.lines().find(|line| line.contains("dropped by kernel"));
        match dropped {
            Some(line) if !line.starts_with("0 ") => Err(LabError::Capture(line.to_owned())),
            _ => Ok(()),
        }
    }
}
