//! Settings of the kernel, as files of a host or the declaration of a container write them.

use super::Intake;
use ww_base::{Gap, Setting, Span};
use ww_model::service::{Kernel, NamedValue};

impl Intake<'_> {
    /// A kernel with what is written, and the defaults of what is not.
    pub(crate) fn kernel(&self, values: Vec<NamedValue>) -> Kernel {
        let kernel = Kernel {
            values,
            ..Kernel::default()
        };
        let range = "net.ipv4.ip_local_port_range";
        Kernel {
            backlog: self.kernel_number(&kernel, "net.core.somaxconn"),
            retransmissions: self.kernel_number(&kernel, "net.ipv4.tcp_retries2"),
            probe_after: self.kernel_time(&kernel, "net.ipv4.tcp_keepalive_time"),
            first_port: self.kernel_part(&kernel, range, 0, "first"),
            last_port: self.kernel_part(&kernel, range, 1, "last"),
            tracked: self.kernel_number(&kernel, "net.netfilter.nf_conntrack_max"),
            tracked_idle: self.kernel_time(
                &kernel,
                "net.netfilter.nf_conntrack_tcp_timeout_established",
            ),
            values: kernel.values,
        }
    }

    fn kernel_number(&self, kernel: &Kernel, name: &str) -> Setting<u64> {
        let default = || self.defaults.number(&self.product("linux", ""), name);
        kernel
            .get(name)
            .map_or_else(default, |value| set(value, value.value.trim().parse().ok()))
    }

    fn kernel_time(&self, kernel: &Kernel, name: &str) -> Setting<Span> {
        let default = || self.defaults.time(&self.product("linux", ""), name);
        kernel.get(name).map_or_else(default, |value| {
            let seconds: Option<u32> = value.value.trim().parse().ok();
            set(value, seconds.map(|it| Span::from_secs(i64::from(it))))
        })
    }

    /// One of the numbers of a setting that has several.
    fn kernel_part(&self, kernel: &Kernel, name: &str, index: usize, word: &str) -> Setting<u64> {
        let named = format!("{name}, {word}");
        let default = || self.defaults.number(&self.product("linux", ""), &named);
        kernel.get(name).map_or_else(default, |value| {
            let mut parts = value.value.split_ascii_whitespace();
            set(value, parts.nth(index).and_then(|it| it.parse().ok()))
        })
    }
}

/// A value that is written; not known when it cannot be read.
fn set<T>(written: &NamedValue, value: Option<T>) -> Setting<T> {
    match value {
        Some(value) => Setting::set(value, written.at),
        None => Setting::Unknown(Gap::new(
            format!(
                "the value of {}, which is `{}`",
                written.name, written.value
            ),
            "the number that it stands for",
        )),
    }
}
