//! What YAML, JSON and properties lack is written where it belongs; PyYAML, a parser that is not ours,
//! says whether the files hold what they held before and the new settings, and nothing else.

use super::{folder, found, mends, wirewise};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Takes the settings that are to be new out of the documents of the new file, and compares what is
/// left with the old one.
const JUDGE: &str = "
import json, sys, yaml
old, new = (list(yaml.safe_load_all(open(path, newline=''))) for path in sys.argv[1:3])
for document, steps, value in json.loads(sys.argv[3]):
    holder = new[document]
    for step in steps[:-1]:
        holder = holder[step]
    found = holder.pop(steps[-1])
    assert found == value, (steps, found)
assert new == old, (old, new)
";

/// A Python with PyYAML; under CI it must be there.
fn python() -> Option<PathBuf> {
    let judges = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/judges/bin/python");
    let python = [judges, PathBuf::from("python3")].into_iter().find(|it| {
        let output = Command::new(it).args(["-c", "import yaml"]).output();
        output.is_ok_and(|output| output.status.success())
    });
    if python.is_none() {
        assert!(std::env::var_os("CI").is_none(), "PyYAML is missing");
        println!("NOT RUN: PyYAML judges the fixes of YAML");
    }
    python
}

/// Applies the fixes to a folder with these files: every one of these rules is mended, and of a file
/// nothing has changed but the settings that are to be new, each with the number of its document, the
/// keys and numbers of entries that lead to it, and its value.
#[track_caller]
fn adds(test: &str, files: &[(&str, &str)], rules: &[&str], changed: &str, new: &Value) -> String {
    let folder = folder(test, files);
    let before = std::fs::read_to_string(folder.join(changed)).unwrap();
    mends(&folder, rules);
    let after = std::fs::read_to_string(folder.join(changed)).unwrap();
    for (name, text) in files.iter().filter(|(name, _)| *name != changed) {
        let now = std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(&now, text, "{name} has changed");
    }
    if let Some(python) = python().filter(|_| !changed.ends_with(".properties")) {
        let old = folder.join("before");
        std::fs::write(&old, &before).unwrap();
        let judged = Command::new(python)
            .arg("-c")
            .arg(JUDGE)
            .args([&old, &folder.join(changed)])
            .arg(new.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&judged.stderr);
        assert!(judged.status.success(), "{said}\n{after}");
        std::fs::remove_file(old).unwrap();
    }
    after
}

/// The lines of a text that are not in another one.
fn new_lines<'t>(after: &'t str, before: &str) -> Vec<&'t str> {
    let mut old = before.split('\n').peekable();
    let mut new = Vec::new();
    for line in after.split('\n') {
        if old.peek() == Some(&line) {
            old.next();
        } else {
            new.push(line);
        }
    }
    assert_eq!(old.next(), None, "a line is gone from\n{after}");
    new
}

#[test]
fn a_workload_is_given_time() {
    let text = "# the queue\r
apiVersion: v1\r
kind: Service\r
metadata: {name: mq}\r
spec:\r
  selector: {app: mq}\r
  ports: [{port: 5672}]\r
---\r
apiVersion: apps/v1\r
kind: StatefulSet\r
metadata:\r
  name: mq\r
spec:\r
  template:\r
    metadata:\r
      labels: {app: mq}\r
    spec:\r
      # one container\r
      containers:\r
      - name: mq\r
        image: rabbitmq:3.12   # broker\r
        lifecycle:\r
          preStop: {exec: {command: [sleep, '40']}}\r
        readinessProbe: {exec: {command: [rabbitmq-diagnostics, ping]}, periodSeconds: 30}\r
        livenessProbe:\r
          periodSeconds: 60 # slow\r
          exec:\r
            command: [rabbitmq-diagnostics, status]";
    let steps = |more: &[&str]| {
        let mut steps = vec![json!("spec"), json!("template"), json!("spec")];
        if more.len() > 1 {
            steps.extend([json!("containers"), json!(0)]);
        }
        steps.extend(more.iter().map(|key| json!(key)));
        steps
    };
    let after = adds(
        "workload",
        &[("mq.yaml", text)],
        &["grace-shorter-than-shutdown", "probe-timeout-too-short"],
        "mq.yaml",
        &json!([
            [1, steps(&["terminationGracePeriodSeconds"]), 45],
            [1, steps(&["readinessProbe", "timeoutSeconds"]), 10],
            [1, steps(&["livenessProbe", "timeoutSeconds"]), 10],
        ]),
    );
    assert!(
        after.contains("    spec:\r\n      # one container\r\n      terminationGracePeriodSeconds: 45\r\n      containers:\r\n"),
        "{after}"
    );
    assert!(
        after.contains("          periodSeconds: 60 # slow\r\n          timeoutSeconds: 10\r\n          exec:\r\n"),
        "{after}"
    );
    assert!(after.ends_with("status]"), "{after}");
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
}

#[test]
fn a_service_of_compose_is_given_time() {
    let text = "x-all: &all
  restart: always
services:
  web:
    <<: *all
    image: python:3.12   # the application
    command: gunicorn -b 0.0.0.0:8000 app:app
    ports:
      - \"8000:8000\"
";
    let after = adds(
        "compose",
        &[("compose.yaml", text)],
        &["grace-shorter-than-shutdown"],
        "compose.yaml",
        &json!([[0, ["services", "web", "stop_grace_period"], "35s"]]),
    );
    assert_eq!(new_lines(&after, text), ["    stop_grace_period: 35s"]);
}

const ORDERS: &str = "services:
  orders:
    image: orders:1
    deploy: {replicas: 20}
    volumes: [\"./application.yml:/config/application.yml\", \"./application.properties:/config/application.properties\"]
  db: {image: \"postgres:16\"}
";

#[test]
fn keys_that_are_missing_above_a_setting_are_written_with_it() {
    let text = "spring:
  application: {name: orders}
  datasource:
    url: jdbc:postgresql://db:5432/orders # the only one
    username: orders
";
    let pool = "maximum-pool-size";
    let after = adds(
        "spring",
        &[("application.yml", text), ("compose.yaml", ORDERS)],
        &["pools-exceed-server"],
        "application.yml",
        &json!([[0, ["spring", "datasource", "hikari"], {pool: 4}]]),
    );
    assert_eq!(
        new_lines(&after, text),
        ["    hikari:", "      maximum-pool-size: 4"]
    );
}

#[test]
fn a_property_is_a_line_behind_the_others() {
    let text = "spring.application.name=orders\nspring.datasource.url=jdbc:postgresql://db:5432/orders\n# end\n";
    let after = adds(
        "properties",
        &[("application.properties", text), ("compose.yaml", ORDERS)],
        &["pools-exceed-server"],
        "application.properties",
        &json!([]),
    );
    assert_eq!(
        new_lines(&after, text),
        ["spring.datasource.hikari.maximum-pool-size=4"]
    );
}

const ENVOY: &str = "static_resources:
  listeners:
    - address: {socket_address: {address: 0.0.0.0, port_value: 8080}}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: in
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: [\"*\"]
                      routes:
                        - match: {prefix: /}
                          route:
                            cluster: reports
  clusters:
    - name: reports
      type: STRICT_DNS
      load_assignment:
        cluster_name: reports
        endpoints:
          - lb_endpoints:
              - endpoint: {address: {socket_address: {address: reports, port_value: 8000}}}
";

const REPORTS: &str = "[[programs]]
name = \"reports\"
listeners = [{ port = 8000, protocol = \"http\" }]
[[demands]]
name = \"reports\"
longest = \"40s\"
";

/// The way to the action of the only route.
fn action() -> Vec<Value> {
    let keys = "static_resources listeners 0 filter_chains 0 filters 0 typed_config route_config \
                virtual_hosts 0 routes 0 route timeout";
    let step = |key: &str| {
        key.parse::<u64>()
            .map_or_else(|_| json!(key), |number| json!(number))
    };
    keys.split_whitespace().map(step).collect()
}

#[test]
fn a_route_of_envoy_is_given_a_timeout() {
    let after = adds(
        "envoy",
        &[("envoy.yaml", ENVOY), ("wirewise.toml", REPORTS)],
        &["timeout-below-answer-time"],
        "envoy.yaml",
        &json!([[0, action(), "45s"]]),
    );
    let line = "                            timeout: 45s";
    assert_eq!(new_lines(&after, ENVOY), [line]);
}

#[test]
fn json_stays_json() {
    let Some(python) = python() else { return };
    let turn = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.argv[1]), indent=1))";
    let output = Command::new(python).args(["-c", turn, ENVOY]).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let one_line = serde_json::from_str::<Value>(&text).unwrap().to_string();
    for (test, text) in [("json", text), ("json-in-one-line", one_line)] {
        let after = adds(
            test,
            &[("envoy.json", &text), ("wirewise.toml", REPORTS)],
            &["timeout-below-answer-time"],
            "envoy.json",
            &json!([[0, action(), "45s"]]),
        );
        let after: Value = serde_json::from_str(&after).unwrap();
        assert!(after.to_string().contains(r#""timeout":"45s""#));
    }
}

#[test]
fn a_destination_rule_leaves_out_half() {
    let text = "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: api}
spec:
  host: api
  trafficPolicy:
    outlierDetection:
      consecutive5xxErrors: 5
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 3
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers: [{name: api, image: api}]
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec:
  selector: {app: api}
  ports: [{port: 80, name: http}]
";
    let keys = [
        "spec",
        "trafficPolicy",
        "outlierDetection",
        "maxEjectionPercent",
    ];
    let after = adds(
        "istio",
        &[("api.yaml", text)],
        &["ejection-takes-nobody"],
        "api.yaml",
        &json!([[0, keys, 50]]),
    );
    assert_eq!(new_lines(&after, text), ["      maxEjectionPercent: 50"]);
}

#[test]
fn what_several_share_is_left_alone() {
    let text = "services:
  web: &web
    image: python:3.12
    command: gunicorn -b 0.0.0.0:8000 app:app
    ports: [\"8000:8000\"]
  again: *web
";
    let folder = folder("shared", &[("compose.yaml", text)]);
    let rules = found(&folder);
    let one = ("grace-shorter-than-shutdown".to_owned(), 0);
    assert_eq!(rules, [one.clone(), one]);
    let output = wirewise(&folder, &["check", "--fix", "--fail-on", "never", "."]);
    assert!(output.status.success(), "{output:?}");
    let after = std::fs::read_to_string(folder.join("compose.yaml")).unwrap();
    assert_eq!(after, text);
}

#[test]
fn probes_are_told_when_to_act() {
    let text = "apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 3
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
        - name: api
          image: api:1
          ports: [{containerPort: 8080}]
          readinessProbe:
            timeoutSeconds: 5
            httpGet: {path: /health, port: 8080}
          livenessProbe:
            httpGet: {path: /health, port: 8080}
            timeoutSeconds: 5
";
    let probe = |probe: &str, key: &str| {
        let keys = ["spec", "template", "spec", "containers"].map(|key| json!(key));
        [&keys[..], &[json!(0), json!(probe), json!(key)]].concat()
    };
    let after = adds(
        "probes",
        &[("api.yaml", text)],
        &["identical-probes"],
        "api.yaml",
        &json!([[0, probe("livenessProbe", "failureThreshold"), 9]]),
    );
    assert_eq!(new_lines(&after, text), ["            failureThreshold: 9"]);
    let facts = "[[demands]]\nname = \"default/api\"\ndetect = \"20s\"\n";
    let after = adds(
        "probes-too-late",
        &[("api.yaml", &after), ("wirewise.toml", facts)],
        &["detection-too-slow"],
        "api.yaml",
        &json!([[0, probe("readinessProbe", "periodSeconds"), 5]]),
    );
    assert!(
        after.contains("timeoutSeconds: 5\n            periodSeconds: 5\n"),
        "{after}"
    );
}

#[test]
fn a_file_inside_a_config_map_keeps_its_indentation() {
    let map = |name: &str, lines: &str| {
        format!(
            "apiVersion: v1
kind: ConfigMap
metadata: {{name: orders}}
data:
  {name}: |
{lines}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: orders}}
spec:
  replicas: 20
  selector: {{matchLabels: {{app: orders}}}}
  template:
    metadata: {{labels: {{app: orders}}}}
    spec:
      containers:
        - name: orders
          image: orders:1
          volumeMounts: [{{name: files, mountPath: /config}}]
      volumes: [{{name: files, configMap: {{name: orders}}}}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db}}
spec:
  selector: {{matchLabels: {{app: db}}}}
  template:
    metadata: {{labels: {{app: db}}}}
    spec:
      containers: [{{name: db, image: \"postgres:16\", ports: [{{containerPort: 5432}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: db}}
spec:
  selector: {{app: db}}
  ports: [{{port: 5432}}]
"
        )
    };
    let url = "jdbc:postgresql://db:5432/orders";
    let yaml = format!("    spring:\n      datasource:\n        url: {url}");
    let lines = format!("    spring.application.name=orders\n    spring.datasource.url={url}");
    let cases = [
        (
            "config-map",
            map("application.yml", &yaml),
            vec!["        hikari:", "          maximum-pool-size: 4"],
        ),
        (
            "config-map-properties",
            map("application.properties", &lines),
            vec!["    spring.datasource.hikari.maximum-pool-size=4"],
        ),
    ];
    for (test, text, expected) in cases {
        let folder = folder(test, &[("orders.yaml", &text)]);
        mends(&folder, &["pools-exceed-server"]);
        let after = std::fs::read_to_string(folder.join("orders.yaml")).unwrap();
        assert_eq!(new_lines(&after, &text), expected);
    }
}
