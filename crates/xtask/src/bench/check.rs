//! `cargo xtask bench check`: a thousand configuration files read together and reviewed.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::bench::measure::{Program, median};

/// Projects in the folder; each has as many files as [`files`] says.
const PROJECTS: usize = 100;
const RUNS: usize = 5;

/// What all of them may take.
const MOST_TIME: Duration = Duration::from_secs(1);

/// Builds the folder and measures `wirewise check` on it; true when it is quick enough.
pub(super) fn measure(release: &Path) -> io::Result<bool> {
    let folder = tempfile::tempdir()?;
    let mut count = 0;
    let mut bytes = 0;
    for number in 0..PROJECTS {
        for (name, text) in files(number) {
            let path = folder.path().join(format!("project-{number}")).join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            count += 1;
            bytes += text.len();
            fs::write(path, text)?;
        }
    }
    let args = ["check", "--fail-on", "never", "--format", "json"].map(Into::into);
    let program = Program {
        path: release.join("wirewise"),
        args: [args.as_slice(), &[folder.path().into()]].concat(),
    };
    let report: serde_json::Value = serde_json::from_slice(&program.output()?)?;
    let findings = report.get("findings").and_then(serde_json::Value::as_array);
    let mut costs = Vec::new();
    for _ in 0..RUNS {
        costs.push(program.run(None)?);
    }
    let cost = median(&costs).unwrap_or_default();
    println!(
        "{count} files, {bytes} bytes, {} findings: {:.0} ms elapsed (median of {RUNS}), {:.0} ms CPU, peak {:.0} MiB",
        findings.map_or(0, Vec::len),
        cost.wall.as_secs_f64() * 1e3,
        cost.cpu.as_secs_f64() * 1e3,
        cost.peak as f64 / f64::from(1 << 20),
    );
    let is_met = cost.wall <= MOST_TIME;
    println!("within 1 s: {}", if is_met { "yes" } else { "no" });
    Ok(is_met)
}

/// The files of one project: a proxy in front of an application with its database, in a compose
/// project and in Kubernetes.
fn files(number: usize) -> Vec<(&'static str, String)> {
    let time = 1 + number % 70;
    vec![
        ("compose.yaml", compose(number)),
        ("nginx.conf", nginx(number, time)),
        ("haproxy.cfg", haproxy(time)),
        ("api/server.js", server(time)),
        ("api/package.json", package(number)),
        (
            "api/Dockerfile",
            "FROM node:20\nCOPY . .\nCMD [\"node\", \"server.js\"]\n".to_owned(),
        ),
        ("orders/application.yml", spring(time)),
        ("deployment.yaml", deployment(number, time)),
        ("mesh.yaml", mesh(number, time)),
        (
            "postgresql.conf",
            format!(
                "max_connections = {}\nstatement_timeout = {time}s\n",
                50 + time
            ),
        ),
    ]
}

fn compose(number: usize) -> String {
    format!(
        "name: project-{number}\nservices:\n  proxy:\n    image: nginx:1.27\n    volumes: [\"./nginx.conf:/etc/nginx/nginx.conf:ro\"]\n  \
         api:\n    build: api\n    environment:\n      DATABASE_URL: postgres://app@db:5432/app\n    stop_grace_period: 20s\n  \
         db:\n    image: postgres:16\n"
    )
}

fn nginx(number: usize, time: usize) -> String {
    let location = |path: usize| {
        let wait = time + path;
        format!(
            "        location /p{path}/ {{\n            proxy_pass http://api;\n            proxy_read_timeout {wait}s;\n        }}\n"
        )
    };
    let locations: String = (0..20).map(location).collect();
    format!(
        "events {{}}\nhttp {{\n    upstream api {{\n        server api:3000;\n        keepalive {};\n    }}\n    server {{\n        \
         listen 80;\n        server_name p{number}.example;\n        proxy_http_version 1.1;\n        \
         proxy_set_header Connection \"\";\n{locations}    }}\n}}\n",
        8 + number
    )
}

fn haproxy(time: usize) -> String {
    format!(
        "defaults\n    mode http\n    timeout client {time}s\n    timeout connect 5s\n    timeout server {}s\n\nfrontend web\n    \
         bind :8080\n    default_backend api\n\nbackend api\n    option httpchk GET /health\n    server one api:3000 check\n    \
         server two api:3001 check\n",
        time + 10
    )
}

fn server(time: usize) -> String {
    format!(
        "const http = require('http');\nconst server = http.createServer(handle);\nserver.keepAliveTimeout = {time}000;\n\
         server.listen(3000);\n"
    )
}

fn package(number: usize) -> String {
    format!(
        "{{\"name\": \"api-{number}\", \"dependencies\": {{\"express\": \"4.19.2\", \"pg\": \"8.11.3\"}}}}\n"
    )
}

fn spring(time: usize) -> String {
    format!(
        "server:\n  port: 8081\n  tomcat:\n    keep-alive-timeout: {time}s\nspring:\n  application:\n    name: orders\n  \
         datasource:\n    url: jdbc:postgresql://db:5432/app\n    hikari:\n      maximum-pool-size: 20\n      max-lifetime: 1800000\n"
    )
}

fn deployment(number: usize, time: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: ns-{number}\nspec:\n  replicas: 3\n  selector:\n    \
         matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n    spec:\n      \
         terminationGracePeriodSeconds: {time}\n      containers:\n      - name: web\n        image: nginx:1.27\n        ports:\n        \
         - containerPort: 80\n        readinessProbe:\n          httpGet: {{path: /ready, port: 80}}\n        livenessProbe:\n          \
         httpGet: {{path: /live, port: 80}}\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: ns-{number}\nspec:\n  \
         selector: {{app: web}}\n  ports:\n  - port: 80\n"
    )
}

fn mesh(number: usize, time: usize) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: web\n  namespace: ns-{number}\nspec:\n  hosts: [web]\n  \
         http:\n  - timeout: {time}s\n    retries: {{attempts: 3, perTryTimeout: 2s}}\n    route:\n    - destination: {{host: web}}\n"
    )
}
