//! What all configurations of unbound in the lab have in common.

use std::path::Path;

/// A resolver in the foreground whose files are in a folder, for everybody to ask; with more lines of its `server`
/// clause, and further clauses.
pub(crate) fn config(folder: &Path, server: &str, clauses: &str) -> String {
    format!(
        "server:
directory: \"{}\"
chroot: \"\"
username: \"\"
pidfile: \"\"
use-syslog: no
do-daemonize: no
do-ip6: no
num-threads: 1
access-control: 0.0.0.0/0 allow
{}
{clauses}
remote-control:
control-enable: no
",
        folder.display(),
        server.trim_end()
    )
}
