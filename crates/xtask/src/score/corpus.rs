//! Reads the truth of the labelled captures of a corpus.

use super::judge::Case;
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use ww_lab::scenario::Class;

/// The labelled captures under `captures/lab` of a corpus, or of that folder itself.
pub(super) fn cases(corpus: &Path) -> Result<Vec<Case>> {
    let inside = corpus.join("captures/lab");
    let folder = if inside.is_dir() {
        inside
    } else {
        corpus.to_owned()
    };
    let truth = folder.join("truth.tsv");
    let text =
        std::fs::read_to_string(&truth).with_context(|| format!("read {}", truth.display()))?;
    text.lines()
        .skip(1)
        .map(|line| case(&folder, line))
        .collect()
}

fn case(folder: &Path, line: &str) -> Result<Case> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [file, _, truth, owner, _, _, must_not_say, ..] = columns.as_slice() else {
        bail!("a line of the truth has too few columns: {line}");
    };
    let (class, expected) =
        expectation(truth).with_context(|| format!("{file}: unknown truth {truth}"))?;
    Ok(Case {
        name: file.split('.').next().unwrap_or(file).to_owned(),
        file: folder.join(file),
        class,
        expected: expected.iter().map(|rule| (*rule).to_owned()).collect(),
        never: forbidden(must_not_say)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        owner: ["client", "server", "network", "application"]
            .contains(owner)
            .then(|| (*owner).to_owned()),
    })
}

/// What is expected for a code of the truth; several rules where the code leaves open which.
fn expectation(truth: &str) -> Option<(Class, &'static [&'static str])> {
    Some(match truth {
        "clean" => (Class::Clean, &[]),
        "clean (CAP-MID)" => (Class::Artefact, &["mid-stream-capture"]),
        "CAP-DROP" => (Class::Artefact, &["capture-dropped-packets"]),
        "CAP-DUP" => (Class::Artefact, &["duplicated-capture"]),
        "CAP-MID + CAP-DROP" => (
            Class::Artefact,
            &["mid-stream-capture", "capture-dropped-packets"],
        ),
        "NET-LOSS download" => (Class::Fault, &["packet-loss"]),
        "NET-REORDER" => (Class::Fault, &["packet-reordering"]),
        // A rate with a short queue: what tells the two apart is how long the queue is.
        "NET-POLICER / saturated 10 Mb/s link" => {
            (Class::Fault, &["policer-loss", "queueing-delay"])
        }
        "CON-SYN-DROP" => (Class::Fault, &["syn-unanswered"]),
        "CON-REFUSED" => (Class::Fault, &["connection-refused"]),
        "CON-PMTU" => (Class::Fault, &["path-mtu-black-hole"]),
        "CON-BACKLOG" => (Class::Fault, &["accept-queue-overflow"]),
        "CON-ICMP-UNREACH" => (Class::Fault, &["icmp-rejected"]),
        "APP-SLOW" => (Class::Fault, &["slow-application"]),
        "ZERO-WINDOW" => (Class::Fault, &["zero-window-stall"]),
        "NAGLE-DELACK" => (Class::Fault, &["nagle-delayed-ack"]),
        // Below TLS all that shows is that the client aborts.
        "TLS-ALERT unknown_ca (48)" => (Class::Fault, &["tls-handshake-rejected"]),
        "DNS: NXDOMAIN, REFUSED, timeout" => (
            Class::Fault,
            &[
                "dns-unanswered",
                "dns-server-failure",
                "dns-name-error-burst",
            ],
        ),
        _ => return None,
    })
}

/// The rules that a remark about what must not be said rules out.
fn forbidden(remark: &str) -> Vec<&'static str> {
    const REMARKS: [(&str, &[&str]); 10] = [
        ("no loss finding", &["packet-loss", "policer-loss"]),
        (
            "no loss or retransmission",
            &[
                "packet-loss",
                "retransmission-timeout-stall",
                "spurious-retransmission",
            ],
        ),
        (
            "no window-scale claim",
            &["receive-window-limited", "handshake-options-stripped"],
        ),
        (
            "no network finding",
            &[
                "packet-loss",
                "queueing-delay",
                "policer-loss",
                "packet-reordering",
            ],
        ),
        ("server never answered", &["request-unanswered"]),
        ("no reordering finding", &["packet-reordering"]),
        ("not network delay", &["queueing-delay"]),
        ("not a firewall drop", &["syn-unanswered"]),
        ("certificate expired", &["certificate-expired"]),
        ("not multicast DNS", &[]),
    ];
    REMARKS
        .iter()
        .filter(|(words, _)| remark.contains(words))
        .flat_map(|(_, rules)| rules.iter().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_truth_becomes_a_case() {
        let line = "s04.pcap.zst\tclient\tNET-REORDER\tnetwork\tsome\tlate frames\tno loss finding (…)\tlog\t9";
        let case = case(Path::new("lab"), line).unwrap();
        assert_eq!(
            (case.name.as_str(), case.expected),
            ("s04", vec!["packet-reordering".to_owned()])
        );
        assert_eq!(case.never, ["packet-loss", "policer-loss"]);
        assert_eq!(case.owner.as_deref(), Some("network"));
    }

    #[test]
    fn an_unknown_code_is_an_error_and_not_a_pass() {
        let line = "x.pcap\tclient\tNET-MAGIC\tnetwork\t-\t-\t-\t-\t1";
        assert!(case(Path::new("lab"), line).is_err());
    }
}
