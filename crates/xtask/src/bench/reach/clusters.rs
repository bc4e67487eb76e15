//! All pairs of pods of clusters that grow: manifests read, policies asked, every pair decided.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use ww_base::{Limits, SourceId};
use ww_reach::kube::{Assumptions, Reach};

use crate::bench::capture::Rng;
use crate::bench::measure::{Cost, Program};

/// Pods and policies of the smallest cluster; the largest has [`LARGEST`] times as many.
const PODS: u64 = 1250;
const POLICIES: u64 = 125;
const LARGEST: u64 = 8;
const RUNS: usize = 3;

/// What the largest cluster may cost.
const MOST_TIME: Duration = Duration::from_secs(1);
const MOST_MEMORY: u64 = 300 << 20;

/// Builds clusters of 1, 2, 4 and 8 times the size and measures each in a process of its own.
pub(super) fn measure() -> io::Result<bool> {
    let folder = tempfile::tempdir()?;
    println!("policies     pods    best of {RUNS}     peak memory    against the size before");
    let mut before: Option<Cost> = None;
    let mut largest = Cost::default();
    for scale in [1, 2, 4, LARGEST] {
        let file = folder.path().join(format!("cluster-{scale}.yaml"));
        let file = file.to_string_lossy().into_owned();
        build(&scale.to_string(), &file)?;
        let args = ["bench", "reach", "clusters", "--ask", &file].map(Into::into);
        let program = Program {
            path: std::env::current_exe()?,
            args: args.to_vec(),
        };
        let mut best = program.run(None)?;
        for _ in 1..RUNS {
            let cost = program.run(None)?;
            best.wall = best.wall.min(cost.wall);
            best.peak = best.peak.max(cost.peak);
        }
        let growth = before.map(|before| best.wall.as_secs_f64() / before.wall.as_secs_f64());
        let growth = growth.map_or_else(String::new, |growth| format!("{growth:.1} times"));
        println!(
            "{:8} {:8} {:9.0} ms {:10.0} MiB    {growth}",
            POLICIES * scale,
            PODS * scale,
            best.wall.as_secs_f64() * 1e3,
            best.peak as f64 / f64::from(1 << 20),
        );
        before = Some(best);
        largest = best;
    }
    let is_met = largest.wall <= MOST_TIME && largest.peak <= MOST_MEMORY;
    println!(
        "the largest within 1 s and 300 MiB: {}",
        if is_met { "yes" } else { "no" }
    );
    Ok(is_met)
}

/// Reads a cluster and decides every pair; prints how long each step took.
pub(super) fn ask(file: &str) -> io::Result<()> {
    let start = Instant::now();
    let text = fs::read(file)?;
    let read = ww_import::kube::import([(SourceId(0), text.as_slice())], &Limits::default());
    let imported = start.elapsed();
    let reach = Reach::of(&read.value, Assumptions::default(), &[]);
    let asked = start.elapsed();
    let histogram = reach.every_pair().histogram();
    let decided = start.elapsed();
    let total: u64 = histogram.iter().map(|(_, count)| count).sum();
    println!(
        "{} problems; {} endpoints; {total} pairs of pods, {} different sets",
        read.problems.len(),
        reach.endpoints().len(),
        histogram.len(),
    );
    println!(
        "read {imported:?}, asked {:?}, decided {:?}",
        asked.saturating_sub(imported),
        decided.saturating_sub(asked)
    );
    Ok(())
}

/// Writes the manifests of a cluster.
pub(super) fn build(scale: &str, file: &str) -> io::Result<()> {
    let scale: u64 = scale.parse().map_err(io::Error::other)?;
    let mut rng = Rng::new(scale);
    let mut text = String::new();
    let namespaces = (PODS * scale).isqrt();
    for namespace in 0..namespaces {
        let _ = write!(
            text,
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ns-{namespace}\n  labels:\n    env: env-{}\n---\n",
            namespace % 4
        );
    }
    for pod in 0..PODS * scale {
        write_pod(&mut text, &mut rng, pod, namespaces);
    }
    for policy in 0..POLICIES * scale {
        write_policy(&mut text, &mut rng, policy, namespaces);
    }
    fs::write(file, text)
}

fn write_pod(text: &mut String, rng: &mut Rng, pod: u64, namespaces: u64) {
    let (app, tier, version) = (rng.range(0, 40), rng.range(0, 4), rng.range(0, 10));
    let _ = write!(
        text,
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod-{pod}\n  namespace: ns-{}\n  labels:\n    \
         app: app-{app}\n    tier: tier-{tier}\n    version: v{version}\nspec:\n  containers:\n  - name: main\n    \
         image: registry.example/app:{version}\n    ports:\n    - name: web\n      containerPort: {}\n      \
         protocol: TCP\nstatus:\n  podIP: 10.{}.{}.{}\n---\n",
        pod % namespaces,
        8080 + app % 2,
        pod >> 16 & 255,
        pod >> 8 & 255,
        pod & 255,
    );
}

fn write_policy(text: &mut String, rng: &mut Rng, policy: u64, namespaces: u64) {
    let _ = write!(
        text,
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: policy-{policy}\n  \
         namespace: ns-{}\nspec:\n  podSelector:\n    matchLabels:\n      tier: tier-{}\n  \
         policyTypes: [Ingress, Egress]\n  ingress:\n",
        policy % namespaces,
        rng.range(0, 4),
    );
    for _ in 0..2 {
        let port = 8000 + rng.range(0, 20);
        let _ = write!(
            text,
            "  - from:\n    - podSelector:\n        matchLabels:\n          app: app-{}\n      namespaceSelector:\n        \
             matchLabels:\n          env: env-{}\n    - ipBlock:\n        cidr: 192.168.{}.0/24\n    ports:\n    \
             - protocol: TCP\n      port: {port}\n      endPort: {}\n    - protocol: TCP\n      port: web\n",
            rng.range(0, 40),
            rng.range(0, 4),
            rng.range(0, 256),
            port + rng.range(0, 100),
        );
    }
    let _ = write!(
        text,
        "  egress:\n  - to:\n    - namespaceSelector:\n        matchExpressions:\n        - key: env\n          \
         operator: In\n          values: [env-{}, env-{}]\n  - ports:\n    - protocol: UDP\n      port: 53\n---\n",
        rng.range(0, 4),
        rng.range(0, 4),
    );
}
