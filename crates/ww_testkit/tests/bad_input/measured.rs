//! Work done in a process of its own, so that its peak memory and CPU time are its own.

use std::process::Command;

/// Set in the process that does the work.
const CHILD: &str = "WIREWISE_MEASURED";

/// What the work took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Peak resident memory, in MiB.
    pub(crate) peak_mib: u64,
    /// CPU time, in milliseconds.
    pub(crate) cpu_ms: u64,
}

/// Does the work of the test of this name in a child, and says there what it took.
///
/// # Panics
///
/// When the work panics.
pub(crate) fn alone(test: &str, part: &str, work: impl FnOnce()) -> Option<Cost> {
    match std::env::var(CHILD) {
        Ok(asked) if asked == part => {
            work();
            println!("\nmeasured {} {}", own_peak_kib(), own_cpu_ticks());
            None
        }
        Ok(_) => None,
        Err(_) => Some(child(test, part)),
    }
}

fn child(test: &str, part: &str) -> Cost {
    let own = std::env::current_exe().expect("this program has a file");
    let output = Command::new(own)
        .args(["--exact", test, "--include-ignored", "--nocapture"])
        .env(CHILD, part)
        .output()
        .expect("this program starts once more");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{test} {part}: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let figures = said
        .lines()
        .find_map(|line| line.strip_prefix("measured "))
        .expect("the child measures itself");
    let (peak, cpu) = figures.split_once(' ').expect("two figures");
    let figure = |text: &str| text.parse::<u64>().expect("a figure");
    // Linux counts CPU time for programs in hundredths of a second.
    Cost {
        peak_mib: figure(peak) / 1024,
        cpu_ms: figure(cpu) * 10,
    }
}

fn own_peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .expect("Linux tells the peak")
}

/// User and system time: the 14th and 15th field, counted behind the name in brackets.
fn own_cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells");
    let (_, fields) = stat.rsplit_once(')').expect("the name is in brackets");
    fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a count"))
        .sum()
}
