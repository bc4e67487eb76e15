//! What this host's kernel says of itself.

use rustix::io::Errno;
use std::io;
use ww_base::Span;

/// Whether this program runs as the superuser.
pub(crate) fn privileged() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| {
            line.strip_prefix("Uid:")
                .and_then(|ids| ids.split_whitespace().nth(1))
                .is_some_and(|effective| effective == "0")
        })
    })
}

/// When this kernel repeats a SYN that is not answered, after the first: each wait is as long as the one
/// before for the first `tcp_syn_linear_timeouts` (Linux 6.5 and later), then twice as long.
pub(crate) fn syn_repeats() -> Vec<Span> {
    let read = |name: &str| {
        std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}"))
            .ok()
            .and_then(|text| text.trim().parse::<u32>().ok())
    };
    let Some(retries) = read("tcp_syn_retries") else {
        return Vec::new();
    };
    repeats(
        retries.min(16),
        read("tcp_syn_linear_timeouts").unwrap_or(0).min(16),
    )
}

/// The longest wait between two transmissions in seconds (`TCP_RTO_MAX` of Linux).
const LONGEST_WAIT: i64 = 120;

fn repeats(retries: u32, linear: u32) -> Vec<Span> {
    let mut wait = 1;
    let mut at = 0;
    (0..retries + linear)
        .map(|nth| {
            at += wait;
            if nth >= linear {
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            Span::from_secs(at)
        })
        .collect()
}

/// The names of errors that `connect(2)` may report.
const ERRNO_NAMES: [(Errno, &str); 22] = [
    (Errno::ACCESS, "EACCES"),
    (Errno::ADDRINUSE, "EADDRINUSE"),
    (Errno::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (Errno::AFNOSUPPORT, "EAFNOSUPPORT"),
    (Errno::AGAIN, "EAGAIN"),
    (Errno::CONNABORTED, "ECONNABORTED"),
    (Errno::CONNREFUSED, "ECONNREFUSED"),
    (Errno::CONNRESET, "ECONNRESET"),
    (Errno::HOSTDOWN, "EHOSTDOWN"),
    (Errno::HOSTUNREACH, "EHOSTUNREACH"),
    (Errno::INVAL, "EINVAL"),
    (Errno::MFILE, "EMFILE"),
    (Errno::NETDOWN, "ENETDOWN"),
    (Errno::NETUNREACH, "ENETUNREACH"),
    (Errno::NFILE, "ENFILE"),
    (Errno::NOBUFS, "ENOBUFS"),
    (Errno::NOMEM, "ENOMEM"),
    (Errno::NOPROTOOPT, "ENOPROTOOPT"),
    (Errno::PERM, "EPERM"),
    (Errno::PIPE, "EPIPE"),
    (Errno::PROTO, "EPROTO"),
    (Errno::TIMEDOUT, "ETIMEDOUT"),
];

/// The system's name of an error (`ECONNREFUSED`), or its words where the name is not known.
pub(crate) fn errno_name(error: &io::Error) -> String {
    ERRNO_NAMES
        .iter()
        .find(|(errno, _)| error.raw_os_error() == Some(errno.raw_os_error()))
        .map_or_else(|| error.to_string(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syns_are_repeated_as_the_kernel_does() {
        let seconds = |spans: Vec<Span>| -> Vec<i64> {
            spans.iter().map(|span| span.0 / 1_000_000_000).collect()
        };
        assert_eq!(seconds(repeats(3, 0)), [1, 3, 7]);
        // Measured on Linux 6.18: 1.01, 2.03, 3.05, 4.08, 5.11, 7.12, 11.21, 19.41 s.
        assert_eq!(seconds(repeats(4, 4)), [1, 2, 3, 4, 5, 7, 11, 19]);
        // No wait is longer than two minutes: without the bound the last would be 256 s.
        assert_eq!(seconds(repeats(9, 0)), [1, 3, 7, 15, 31, 63, 127, 247, 367]);
    }

    #[test]
    fn errors_have_the_names_of_the_system() {
        let refused = io::Error::from_raw_os_error(Errno::CONNREFUSED.raw_os_error());
        assert_eq!(errno_name(&refused), "ECONNREFUSED");
        assert_eq!(
            errno_name(&io::Error::other("something else")),
            "something else"
        );
    }
}
