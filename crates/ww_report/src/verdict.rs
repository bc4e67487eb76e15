//! One sentence: the cause that explains most, or that nothing was found and what could not be
//! judged.

use crate::walk;
use crate::words::{count_of, listed};
use std::collections::BTreeSet;
use ww_base::{Gap, Problem, Span};
use ww_evidence::Capture;
use ww_evidence::transcript::Transcript;
use ww_finding::{Class, Finding, Input, InputKind, Need, Outcome, Owner, Severity};

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames read.
    pub frames: u64,
    /// TCP connections.
    pub connections: u64,
    /// UDP flows.
    pub datagram_flows: u64,
    /// Rules that the user left out.
    pub rules_left_out: usize,
    /// Inputs that could not be read, or not wholly.
    pub inputs_not_read: usize,
}

impl Traffic {
    /// The traffic of all captures.
    pub fn of(captures: &[Capture]) -> Traffic {
        captures
            .iter()
            .fold(Traffic::default(), |sum, capture| Traffic {
                frames: sum.frames + capture.frames,
                connections: sum.connections + capture.tcp.len() as u64 + capture.tcp_dropped,
                datagram_flows: sum.datagram_flows + capture.udp.len() as u64,
                ..sum
            })
    }

    /// Notes that the user left rules out.
    #[must_use]
    pub fn without_rules(mut self, count: usize) -> Traffic {
        self.rules_left_out = count;
        self
    }

    /// Notes that inputs could not be read, or not wholly.
    #[must_use]
    pub fn without_inputs(mut self, count: usize) -> Traffic {
        self.inputs_not_read = count;
        self
    }

    fn words(&self) -> String {
        let connections = count_of(self.connections, "TCP connection");
        let flows = count_of(self.datagram_flows, "UDP flow");
        match (self.connections, self.datagram_flows) {
            (0, 0) => count_of(self.frames, "frame"),
            (_, 0) => connections,
            (0, _) => flows,
            _ => format!("{connections} and {flows}"),
        }
    }
}

/// The verdict. Findings are in order of importance.
pub fn verdict(
    findings: &[Finding],
    outcomes: &[(&'static str, Outcome)],
    gaps: &[Gap],
    traffic: &Traffic,
) -> String {
    let worth_saying = |finding: &&Finding| finding.severity > Severity::Info;
    let causes: Vec<&Finding> = findings
        .iter()
        .filter(worth_saying)
        .filter(|finding| finding.class != Class::Capture)
        .collect();
    if let Some(cause) = causes.first() {
        return blame(cause, &causes);
    }
    let doubts = doubts(outcomes, gaps, traffic);
    if let Some(remark) = findings.iter().find(worth_saying) {
        return misled(remark, &doubts, traffic);
    }
    silence(&doubts, traffic)
}

/// The verdict on files: the finding that matters most, or that there is none.
pub fn verdict_on_files(findings: &[Finding], inputs: &[Input], problems: &[Problem]) -> String {
    let worth_saying: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
        .collect();
    if let Some(first) = worth_saying.first() {
        let others = match worth_saying.len() {
            1 => String::new(),
            more => format!(" ({})", count_of(more as u64 - 1, "further finding")),
        };
        return format!("{}{others}", first.headline.trim_end_matches('.'));
    }
    let read = inputs.iter().filter(|input| input.kind != InputKind::Other);
    let mut parts = vec![format!(
        "Nothing wrong was found in {}",
        count_of(read.count() as u64, "file")
    )];
    if !problems.is_empty() {
        let problems = count_of(problems.len() as u64, "place");
        parts.push(format!("{problems} could not be understood"));
    }
    parts.join("; ")
}

/// The verdict on live endpoints: what kind of trouble it is, and the finding that matters most; or that
/// there is none, seen from here. What was not reached, and no finding tells why, is said.
pub fn verdict_on_walks(findings: &[Finding], walks: &[Transcript]) -> String {
    let causes: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
        .collect();
    let short: Vec<String> = walks
        .iter()
        .filter_map(|walk| {
            let short = walk::shortfall(walk, findings)?;
            Some(format!(
                "{} was not walked to its end: {short}",
                walk.head.target.written
            ))
        })
        .collect();
    if let Some(cause) = causes.first() {
        let kind = match cause.class {
            Class::Connectivity => "Connectivity",
            Class::Performance => "Performance",
            Class::Security | Class::Capture => "Security",
        };
        let told = format!("{kind}: {}", blame(cause, &causes));
        return [&[told], short.as_slice()].concat().join("; ");
    }
    if !short.is_empty() {
        return format!("No verdict, as {}", short.join("; "));
    }
    let targets: Vec<&str> = walks
        .iter()
        .map(|walk| walk.head.target.written.as_str())
        .collect();
    let nothing = format!(
        "Nothing wrong was found at {}, seen from here",
        listed(&targets, 4)
    );
    let gaps = walks.iter().flat_map(|walk| &walk.gaps);
    let mut open: Vec<&str> = gaps.map(|gap| gap.missing.as_str()).collect();
    open.dedup();
    match open.as_slice() {
        [] => nothing,
        open => format!("{nothing}; not judged: {}", listed(open, 2)),
    }
}

/// The cause, whose side it is on, and how much of the trouble it explains.
fn blame(cause: &Finding, causes: &[&Finding]) -> String {
    let all: Span = causes.iter().map(|finding| finding.lost).sum();
    let share = match (cause.lost > Span::ZERO, cause.lost == all) {
        (false, _) => String::new(),
        (true, true) => format!(", {} lost", cause.lost),
        (true, false) => format!(", {} of the {all} lost", cause.lost),
    };
    let others = match causes.len() {
        1 => String::new(),
        more => format!("; {}", count_of(more as u64 - 1, "further finding")),
    };
    format!(
        "{} ({}{share}{others})",
        cause.headline.trim_end_matches('.'),
        side(cause.owner)
    )
}

/// Whose side a cause is on, in words that stand alone.
fn side(owner: Owner) -> &'static str {
    match owner {
        Owner::Client => "the client's side",
        Owner::Server => "the server's side",
        Owner::Network => "the network between",
        Owner::Middlebox => "a box between client and server",
        Owner::Application => "the application",
        Owner::Configuration => "the configuration",
        Owner::Capture => "the capture itself",
        Owner::Unknown => "whose side cannot be told",
    }
}

/// The capture is not what it seems; what was found is found in that light.
fn misled(remark: &Finding, doubts: &[&str], traffic: &Traffic) -> String {
    format!(
        "The capture misleads: {}; {}",
        remark.headline.trim_end_matches('.'),
        nothing_found("nothing", doubts, traffic)
    )
}

/// Nothing was found; how far that reaches.
fn silence(doubts: &[&str], traffic: &Traffic) -> String {
    if traffic.frames == 0 {
        return "There is nothing to judge: no frame was read".to_owned();
    }
    nothing_found("Nothing", doubts, traffic)
}

/// `Nothing wrong was found in 12 TCP connections; not judged: …`.
fn nothing_found(nothing: &str, doubts: &[&str], traffic: &Traffic) -> String {
    let mut parts = vec![format!("{nothing} wrong was found in {}", traffic.words())];
    if !doubts.is_empty() {
        parts.push(format!("not judged: {}", listed(doubts, 2)));
    }
    if traffic.inputs_not_read > 0 {
        let inputs = count_of(traffic.inputs_not_read as u64, "input");
        parts.push(format!("{inputs} could not be read, or not wholly"));
    }
    if traffic.rules_left_out > 0 {
        let rules = count_of(traffic.rules_left_out as u64, "rule");
        parts.push(format!("{rules} left out on request"));
    }
    parts.join("; ")
}

/// What is missing and matters. That a capture holds no DNS is no doubt about its connections; that
/// it holds none of their handshakes is.
fn doubts<'a>(
    outcomes: &'a [(&'static str, Outcome)],
    gaps: &'a [Gap],
    traffic: &Traffic,
) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    gaps.iter()
        .chain(outcomes.iter().flat_map(|(_, outcome)| outcome.gaps()))
        .map(|gap| gap.missing.as_str())
        .filter(|missing| match absent(missing) {
            Some(Need::TcpHandshake) => traffic.connections > 0,
            Some(Need::Ip) | None => true,
            Some(_) => false,
        })
        .filter(|missing| seen.insert(*missing))
        .collect()
}

/// The kind of traffic whose absence a gap states, if it states that.
pub(crate) fn absent(missing: &str) -> Option<Need> {
    Need::from_word(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_finding::{Layer, Support};

    fn finding(severity: Severity, class: Class, headline: &str, lost_ms: i64) -> Finding {
        Finding {
            rule: "a-rule",
            layer: Layer::Tcp,
            class,
            severity,
            support: Support::Observed,
            owner: Owner::Network,
            headline: headline.into(),
            count: 1,
            lost: Span::from_millis(lost_ms),
            exhibits: Vec::new(),
            refuter: String::new(),
            fixes: Vec::new(),
        }
    }

    const TRAFFIC: Traffic = Traffic {
        frames: 1000,
        connections: 12,
        datagram_flows: 1,
        rules_left_out: 0,
        inputs_not_read: 0,
    };

    fn not_checked(missing: &str) -> Vec<(&'static str, Outcome)> {
        vec![("a-rule", Outcome::NotChecked(vec![Gap::new(missing, "")]))]
    }

    /// A walk to a target with these steps.
    fn walk(target: &str, steps: &[&str]) -> Transcript {
        let head = format!(
            r#"{{"target": {{"written": "{target}", "service": "https", "host": "192.0.2.7", "port": 443, "path": "/"}}}}"#
        );
        let text = [&[head.as_str()], steps].concat().join("\n");
        ww_evidence::transcript::read_transcript(&text).unwrap()
    }

    const OPEN: &str = r#"{"step": "connect", "to": "192.0.2.7:443", "outcome": "open"}"#;
    const SECURED: &str =
        r#"{"step": "handshake", "to": "192.0.2.7:443", "outcome": "done", "version": "TLS 1.3"}"#;
    const ANSWERED: &str =
        r#"{"step": "http", "to": "192.0.2.7:443", "outcome": {"replied": {"status": 404}}}"#;

    #[test]
    fn a_walk_that_was_not_finished_is_no_clean_one() {
        let whole = walk("https://a", &[OPEN, SECURED, ANSWERED]);
        assert_eq!(
            verdict_on_walks(&[], &[whole]),
            "Nothing wrong was found at https://a, seen from here"
        );
        let failed = OPEN.replace("open", "failed");
        assert_eq!(
            verdict_on_walks(&[], &[walk("https://a", &[&failed])]),
            "No verdict, as https://a was not walked to its end: connect: 0 of 1 open · failed, so that tls and http were not reached"
        );
        let late = walk("https://a", &[OPEN, SECURED]);
        assert_eq!(
            verdict_on_walks(&[], &[late]),
            "No verdict, as https://a was not walked to its end: http: not reached"
        );
    }

    #[test]
    fn what_a_finding_tells_needs_no_other_word() {
        let stuck = || walk("https://a", &[OPEN]);
        let told = finding(Severity::High, Class::Connectivity, "It is refused", 0);
        assert_eq!(
            verdict_on_walks(&[told], &[stuck()]),
            "Connectivity: It is refused (the network between)"
        );
        let aside = finding(Severity::Low, Class::Performance, "It dawdles", 0);
        assert_eq!(
            verdict_on_walks(&[aside], &[stuck()]),
            "Performance: It dawdles (the network between); https://a was not walked to its end: tls: not reached, so that http was not reached"
        );
    }

    #[test]
    fn what_could_not_be_asked_is_said() {
        let mut whole = walk("https://a", &[OPEN, SECURED, ANSWERED]);
        whole.gaps.push(Gap::new("what comes after --max-time", ""));
        assert_eq!(
            verdict_on_walks(&[], &[whole]),
            "Nothing wrong was found at https://a, seen from here; not judged: what comes after --max-time"
        );
    }

    #[test]
    fn the_first_cause_is_blamed_with_its_share() {
        let causes = [
            finding(Severity::High, Class::Performance, "It is slow.", 300),
            finding(Severity::Low, Class::Performance, "It dawdles", 100),
        ];
        assert_eq!(
            verdict(&causes, &[], &[], &TRAFFIC),
            "It is slow (the network between, 300 ms of the 400 ms lost; 1 further finding)"
        );
        assert_eq!(
            verdict(&causes[..1], &[], &[], &TRAFFIC),
            "It is slow (the network between, 300 ms lost)"
        );
    }

    #[test]
    fn a_remark_is_not_a_cause() {
        let remark = [finding(Severity::Info, Class::Security, "A scan", 0)];
        assert_eq!(
            verdict(&remark, &[], &[], &TRAFFIC),
            "Nothing wrong was found in 12 TCP connections and 1 UDP flow"
        );
    }

    #[test]
    fn a_misleading_capture_is_not_a_clean_network() {
        let remark = [finding(
            Severity::Medium,
            Class::Capture,
            "Frames are missing",
            0,
        )];
        assert_eq!(
            verdict(&remark, &not_checked("both directions"), &[], &TRAFFIC),
            "The capture misleads: Frames are missing; nothing wrong was found in 12 TCP connections and 1 UDP flow; not judged: both directions"
        );
    }

    #[test]
    fn silence_says_how_far_it_reaches() {
        let handshakes = Need::TcpHandshake.word();
        let said = |outcomes: &[_], traffic: &Traffic| verdict(&[], outcomes, &[], traffic);
        assert_eq!(
            said(&not_checked("both directions"), &TRAFFIC),
            "Nothing wrong was found in 12 TCP connections and 1 UDP flow; not judged: both directions"
        );
        assert!(said(&not_checked(handshakes), &TRAFFIC).contains(handshakes));
        assert!(!said(&not_checked("ARP traffic"), &TRAFFIC).contains("ARP"));
        assert_eq!(
            said(&[], &Traffic::default()),
            "There is nothing to judge: no frame was read"
        );
        assert_eq!(
            said(&[], &TRAFFIC.without_rules(2)),
            "Nothing wrong was found in 12 TCP connections and 1 UDP flow; 2 rules left out on request"
        );
        assert_eq!(
            said(&[], &TRAFFIC.without_inputs(1)),
            "Nothing wrong was found in 12 TCP connections and 1 UDP flow; 1 input could not be read, or not wholly"
        );
    }
}
