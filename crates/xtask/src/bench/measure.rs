//! One run of one program: CPU time, wall time and peak memory, as the kernel accounts for it.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

/// What a run cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// User and system time.
    pub(super) cpu: Duration,
    /// Elapsed time.
    pub(super) wall: Duration,
    /// Peak resident set, bytes.
    pub(super) peak: u64,
}

/// One CPU to run everything on, so that programs do not move and do not share.
#[derive(Debug, Clone)]
pub(super) struct Pin {
    taskset: PathBuf,
    cpu: String,
}

impl Pin {
    /// The first CPU this process may use; `None` without `taskset`.
    pub(super) fn new() -> Option<Self> {
        let taskset = find("taskset")?;
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let list = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        let cpu = list.trim().split([',', '-']).next()?.to_owned();
        Some(Self { taskset, cpu })
    }

    /// The CPU's number.
    pub(super) fn cpu(&self) -> &str {
        &self.cpu
    }
}

/// A program and its arguments.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// The file that is executed.
    pub(super) path: PathBuf,
    /// Its arguments.
    pub(super) args: Vec<OsString>,
}

impl Program {
    fn command(&self, pin: Option<&Pin>) -> Command {
        let mut command = match pin {
            Some(pin) => {
                let mut command = Command::new(&pin.taskset);
                command.args(["-c", pin.cpu()]).arg(&self.path);
                command
            }
            None => Command::new(&self.path),
        };
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Run it with its output thrown away, on one CPU when it is pinned.
    pub(super) fn run(&self, pin: Option<&Pin>) -> io::Result<Cost> {
        let start = Instant::now();
        let child = self.command(pin).stdout(Stdio::null()).spawn()?;
        let end = child.wait4()?;
        let wall = start.elapsed();
        if !end.status.success() {
            return Err(io::Error::other(format!(
                "{} ended with {}",
                self.path.display(),
                end.status
            )));
        }
        let usage = end.rusage;
        Ok(Cost {
            cpu: usage.utime + usage.stime,
            wall,
            peak: usage.maxrss,
        })
    }

    /// Run it and return what it printed; for checks, not for measurements.
    pub(super) fn output(&self) -> io::Result<Vec<u8>> {
        let output = self.command(None).output()?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(io::Error::other(format!(
                "{} ended with {}",
                self.path.display(),
                output.status
            )))
        }
    }
}

/// Where the shell would find a program.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// The median of each figure over several runs; of an even number the lower middle one.
pub(super) fn median(costs: &[Cost]) -> Option<Cost> {
    Some(Cost {
        cpu: middle(costs, |cost| cost.cpu)?,
        wall: middle(costs, |cost| cost.wall)?,
        peak: middle(costs, |cost| cost.peak)?,
    })
}

fn middle<T: Ord>(costs: &[Cost], figure: impl Fn(&Cost) -> T) -> Option<T> {
    let mut figures: Vec<T> = costs.iter().map(figure).collect();
    figures.sort();
    let index = figures.len().saturating_sub(1) / 2;
    figures.into_iter().nth(index)
}

#[cfg(test)]
mod tests {
    use super::{Cost, median};
    use std::time::Duration;

    fn cost(seconds: u64) -> Cost {
        let time = Duration::from_secs(seconds);
        Cost {
            cpu: time,
            wall: time * 2,
            peak: seconds,
        }
    }

    #[test]
    fn the_median_ignores_the_order_of_runs() {
        let figure = median(&[cost(9), cost(1), cost(5)]).expect("there are runs");
        assert_eq!(
            (figure.cpu, figure.wall, figure.peak),
            (Duration::from_secs(5), Duration::from_secs(10), 5)
        );
        assert!(median(&[]).is_none());
    }
}
