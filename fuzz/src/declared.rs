//! Bytes of files that declare a network, through importers and engines.

use std::net::IpAddr;
use ww_base::{Limits, Locus, Problem, SourceId};
use ww_import::{Gathered, Text, gather};
use ww_model::Packet;
use ww_model::filter::{Hook, Ruleset};
use ww_model::kube::Cluster;
use ww_model::packet::{CtState, protocol};
use ww_packetset::{Bounds, TooLarge};
use ww_reach::kube::{Assumptions, Reach, exposure, unknown_pods};
use ww_reach::map::Map;
use ww_reach::symbolic::{Universe, Version};
use ww_reach::walk::{Device, Outcome, Walker};

/// Bounds that small texts can cross, so that what happens there is fuzzed too.
pub fn tight_limits() -> Limits {
    Limits {
        text_bytes: 600,
        problems_per_text: 4,
        filter_rules: 12,
        set_entries: 8,
        include_depth: 3,
        included_files: 4,
        expression_nesting: 4,
        document_bytes: 900,
        document_nesting: 8,
        document_nodes: 60,
        rules_per_packet: 30,
        exhibits_per_finding: 2,
        findings_per_rule: 2,
        ..Limits::default()
    }
}

/// Every problem says something, stands within its text, and there are not too many of them.
pub fn check_problems(problems: &[Problem], texts: &[&[u8]], limits: &Limits) {
    let most = (limits.problems_per_text as usize + 2) * (texts.len() + 1);
    assert!(problems.len() <= most, "{} problems", problems.len());
    for problem in problems {
        assert!(!problem.message.is_empty());
        match &problem.at {
            Locus::Text(span) => {
                let text = texts.get(span.source.0 as usize).expect("a text at hand");
                assert!(
                    span.start <= span.end && span.end as usize <= text.len(),
                    "{problem:?} in {} bytes",
                    text.len()
                );
            }
            Locus::Whole(SourceId(source)) => assert!((*source as usize) < texts.len()),
            other => panic!("{other:?} is no place in a text"),
        }
    }
}

/// The files in one input: between NUL bytes, each with its path in its first line.
pub fn files(input: &[u8]) -> Vec<(String, &[u8])> {
    input
        .split(|byte| *byte == 0)
        .take(8)
        .map(|part| {
            let end = part.iter().position(|byte| *byte == b'\n');
            let (path, text) = part.split_at(end.unwrap_or(part.len()));
            let text = text.strip_prefix(b"\n").unwrap_or(text);
            (String::from_utf8_lossy(path).into_owned(), text)
        })
        .collect()
}

/// Names of files by which the formats of services are recognised.
pub const SERVICE_FILES: [&str; 18] = [
    "nginx.conf",
    "haproxy.cfg",
    "envoy.yaml",
    "compose.yaml",
    "Dockerfile",
    ".env",
    "application.yml",
    "application.properties",
    "package.json",
    "server.js",
    "app.py",
    "postgresql.conf",
    "my.cnf",
    "redis.conf",
    "pgbouncer.ini",
    "resolv.conf",
    "sysctl.conf",
    "wirewise.toml",
];

/// The name that a byte stands for; what is beyond the table is a manifest.
pub fn service_file(byte: u8) -> &'static str {
    let name = SERVICE_FILES.get(usize::from(byte % 24));
    name.copied().unwrap_or("manifest.yaml")
}

/// Everything that `wirewise check`, `map` and `reach` do with files.
pub fn everything(input: &[u8], limits: &Limits) {
    let files = files(input);
    let texts: Vec<Text<'_>> = (0..)
        .zip(&files)
        .map(|(number, (path, bytes))| Text {
            source: SourceId(number),
            path,
            device: path.rsplit_once('/').map_or("", |(folder, _)| folder),
            bytes,
        })
        .collect();
    let bytes: Vec<&[u8]> = files.iter().map(|(_, bytes)| *bytes).collect();
    let Gathered { model, problems } = gather(&texts, limits);
    check_problems(&problems, &bytes, limits);
    let again = gather(&texts, limits);
    assert!(again.problems == problems, "the same every time");
    let contents: Vec<&str> = bytes
        .iter()
        .map(|text| std::str::from_utf8(text).unwrap_or_default())
        .collect();
    let (findings, outcomes) = ww_rules::review(&model, limits, &contents);
    assert!(!outcomes.is_empty());
    assert!(findings.iter().all(|finding| !finding.headline.is_empty()));
    let _ = Map::of(&model);
    ask_policies(&model.cluster);
    for device in &model.devices {
        judge(&device.filter, Device::of(&device.stack).as_ref(), limits);
    }
}

/// Asks a cluster's policies about every pair of a dozen endpoints, and about pods nobody declared.
pub fn ask_policies(cluster: &Cluster) {
    let unknown = unknown_pods(cluster);
    let policies = Reach::of(cluster, Assumptions::default(), &unknown);
    let endpoints: Vec<_> = policies.endpoints().map(|(id, _)| id).take(12).collect();
    for from in &endpoints {
        for to in &endpoints {
            let _ = policies.connections(*from, *to);
        }
    }
    let _ = exposure(&policies);
}

/// Walks packets through a rule set, and asks its function about them: where both are sure, they
/// agree.
pub fn judge(ruleset: &Ruleset, device: Option<&Device>, limits: &Limits) {
    let walker = Walker::new(ruleset, device, limits);
    for (version, packets) in [
        (Version::V4, packets("10.0.0.1", "192.168.1.7")),
        (Version::V6, packets("2001:db8::1", "fe80::7")),
    ] {
        for route in [Hook::Input, Hook::Forward, Hook::Output] {
            let outcomes: Vec<Outcome> = packets
                .iter()
                .map(|packet| walker.decide(route, packet).outcome)
                .collect();
            let _ = compare(ruleset, device, version, route, &packets, &outcomes);
        }
    }
    if let Some(packet) = packets("127.0.0.1", "127.0.0.1").first() {
        let _ = walker.walk(Hook::Output, packet);
    }
}

fn compare(
    ruleset: &Ruleset,
    device: Option<&Device>,
    version: Version,
    route: Hook,
    packets: &[Packet],
    outcomes: &[Outcome],
) -> Result<(), TooLarge> {
    let bounds = Bounds {
        levels: 300,
        nodes: 1 << 14,
        edges: 1 << 16,
    };
    let mut universe = Universe::new(&[ruleset], version, &["eth0", "eth1"], bounds)?;
    let function = universe.compile(0, device, route)?;
    let allowed = universe.allowed(&function)?;
    for (packet, outcome) in packets.iter().zip(outcomes) {
        let Some(point) = universe.point(packet) else {
            continue;
        };
        let must = universe.space.has(allowed.must, &point);
        let may = universe.space.has(allowed.may, &point);
        let agrees = match outcome {
            Outcome::Accept => may,
            Outcome::Drop | Outcome::Reject(_) => !must,
            Outcome::Unknown => true,
        };
        assert!(
            agrees,
            "{packet:?} {route:?}: walked to {outcome:?}, but must pass {must}, may pass {may}"
        );
    }
    Ok(())
}

fn packets(src: &str, dst: &str) -> Vec<Packet> {
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let (src, dst) = (address(src), address(dst));
    let icmp = if src.is_ipv4() {
        protocol::ICMP
    } else {
        protocol::ICMPV6
    };
    let shapes = [
        (protocol::TCP, 22, 2, CtState::New),
        (protocol::TCP, 443, 16, CtState::Established),
        (protocol::UDP, 53, 0, CtState::New),
        (icmp, 0, 0, CtState::Related),
        (47, 0, 0, CtState::Invalid),
    ];
    let packet = |(proto, dport, tcp_flags, ct_state): (u8, u16, u8, CtState)| Packet {
        iif: "eth0".to_owned(),
        oif: "eth1".to_owned(),
        src,
        dst,
        proto,
        sport: if dport == 0 { 0 } else { 40_000 },
        dport,
        tcp_flags,
        icmp_type: if proto == icmp { 8 } else { 0 },
        icmp_code: 0,
        ct_state,
        mark: 0,
    };
    shapes.into_iter().map(packet).collect()
}
