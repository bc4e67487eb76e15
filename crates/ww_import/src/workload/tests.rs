use crate::fixture::gathered as gathered_files;
use crate::{Gathered, Text};
use ww_base::{Limits, Locus, Setting, SourceId, Span};
use ww_model::service::{CheckKind, ProbeKind, Unit};

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 4
  strategy:
    rollingUpdate: {maxUnavailable: 1}
  template:
    metadata:
      labels: {app: web}
      annotations: {sidecar.istio.io/inject: \"false\"}
    spec:
      terminationGracePeriodSeconds: 45
      securityContext:
        sysctls:
        - {name: net.core.somaxconn, value: \"1024\"}
      volumes:
      - name: conf
        configMap: {name: proxy}
      initContainers:
      - {name: once, image: busybox}
      - {name: log, image: fluent, restartPolicy: Always}
      containers:
      - name: app
        image: nginx:1.25.3
        command: [nginx, -g]
        args: [daemon off;]
        ports:
        - {name: http, containerPort: 8080}
        env:
        - {name: BACKEND, value: http://api:80}
        - {name: DB_PASSWORD, value: x}
        - name: LEVEL
          valueFrom: {configMapKeyRef: {name: vars, key: level}}
        envFrom:
        - configMapRef: {name: vars}
        volumeMounts:
        - {name: conf, mountPath: /etc/nginx}
        lifecycle:
          preStop:
            exec: {command: [/bin/sh, -c, \"sleep 15; nginx -s quit\"]}
        readinessProbe:
          periodSeconds: 5
          timeoutSeconds: 0
          httpGet: {path: /ready, port: http}
        livenessProbe:
          tcpSocket: {port: 9000}
          failureThreshold: 7
";

fn gathered(text: &str) -> Gathered {
    gathered_files(&[("shop.yaml", text)])
}

fn units(text: &str) -> Vec<Unit> {
    let gathered = gathered(text);
    assert_eq!(gathered.problems, []);
    gathered.model.services.units
}

fn written<'t, T>(text: &'t str, setting: &Setting<T>) -> &'t str {
    let at = setting.span().expect("not written");
    text.get(at.start as usize..at.end as usize).unwrap()
}

fn secs(seconds: i64) -> Span {
    Span::from_secs(seconds)
}

#[test]
fn a_container_is_a_unit_with_what_its_pod_and_workload_say() {
    let units = units(WEB);
    let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(names, ["shop/web/app", "shop/web/log"]);
    let app = &units[0];
    assert_eq!(app.group, "shop");
    assert_eq!(app.kernel.backlog.value(), Some(&1024));
    assert_eq!(app.labels, [("app".to_owned(), "web".to_owned())]);
    let product = app.product.as_ref().unwrap();
    assert_eq!(product.component, "nginx");
    assert_eq!(product.version().unwrap().to_string(), "1.25.3");
    let words: Vec<&str> = app.command.iter().map(|word| &*word.value).collect();
    assert_eq!(words, ["nginx", "-g", "daemon off;"]);
    assert_eq!(app.ports, [8080]);
    assert_eq!(app.mounts[0].source, "configmap/shop/proxy");
    assert_eq!(app.scaling.replicas.value(), Some(&4));
    assert_eq!(app.scaling.rollout_missing_percent.value(), Some(&25));
    assert_eq!(app.has_sidecar.value(), Some(&false));
    assert_eq!(app.grace.value(), Some(&secs(45)));
    assert_eq!(
        written(WEB, &app.grace),
        "terminationGracePeriodSeconds: 45"
    );
    assert_eq!(app.pre_stop.value(), Some(&secs(15)));
    assert!(units[1].pre_stop.is_off());
}

#[test]
fn a_probe_has_the_defaults_of_the_api() {
    let app = &units(WEB)[0];
    let [ready, live] = app.probes.as_slice() else {
        panic!("{:?}", app.probes);
    };
    assert_eq!(
        (ready.kind, live.kind),
        (ProbeKind::Readiness, ProbeKind::Liveness)
    );
    let path = "/ready".to_owned();
    assert_eq!(ready.check, Some(CheckKind::Http { path, host: None }));
    assert_eq!(
        (ready.port_number, live.port_number),
        (Some(8080), Some(9000))
    );
    assert_eq!(written(WEB, &ready.period), "periodSeconds: 5");
    let is_default = |setting: &Setting<Span>| matches!(setting, Setting::Default { .. });
    assert!(is_default(&ready.timeout), "0 is the default");
    assert_eq!(ready.timeout.value(), Some(&secs(1)));
    assert_eq!(live.period.value(), Some(&secs(10)));
    assert_eq!(live.failures.value(), Some(&7));
    assert_eq!(live.successes.value(), Some(&1));
    assert_eq!(live.initial_delay.value(), Some(&secs(0)));
    assert_eq!(live.check, Some(CheckKind::Connect));
}

#[test]
fn other_objects_say_more_in_whatever_order() {
    let others = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: vars, namespace: shop}
data: {level: debug, PAYMENTS_ADDR: 'payments:80', token: x}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 20
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec: {minAvailable: 50%, selector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: other, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: other}
spec: {containers: [{name: a, image: x}]}
---
";
    let units = units(&format!("{others}{WEB}"));
    assert_eq!(units[0].name, "other/alone");
    assert_eq!(units[0].has_sidecar.value(), Some(&true));
    assert_eq!(units[0].scaling.replicas.value(), Some(&1));
    let app = &units[1];
    assert_eq!(app.scaling.most.value(), Some(&20));
    assert_eq!(app.scaling.fewest.value(), Some(&2));
    assert_eq!(app.scaling.rollout_missing_percent.value(), Some(&25));
    assert_eq!(app.scaling.may_be_evicted.value(), Some(&1));
    let variables: Vec<String> = app
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={}", value.value))
        .collect();
    let wanted = [
        "BACKEND=http://api:80",
        "LEVEL=debug",
        "level=debug",
        "PAYMENTS_ADDR=payments:80",
    ];
    assert_eq!(variables, wanted);
}

#[test]
fn what_is_not_sure_is_not_known() {
    let text = "\
kind: DaemonSet
apiVersion: apps/v1
metadata: {name: agent}
spec:
  template:
    spec:
      containers:
      - name: agent
        image: x
        lifecycle: {preStop: {httpGet: {path: /drain, port: 80}}}
";
    let agent = &units(text)[0];
    assert_eq!(agent.group, "default");
    assert!(matches!(&agent.pre_stop, Setting::Unknown(gap) if gap.missing.contains("preStop")));
    assert!(
        matches!(&agent.scaling.replicas, Setting::Unknown(gap) if gap.missing.contains("nodes"))
    );
    assert!(agent.has_sidecar.is_unknown());
    let wrong = gathered(&text.replace("image: x", "readinessProbe: {periodSeconds: soon}"));
    let [problem] = wrong.problems.as_slice() else {
        panic!("{:?}", wrong.problems);
    };
    assert!(problem.message.contains("periodSeconds"), "{problem:?}");
    assert!(matches!(problem.at, Locus::Text(_)));
}

#[test]
fn a_file_in_a_map_is_cut_out_with_its_places() {
    let text = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: proxy, namespace: shop}
data:
  short: x
  nginx.conf: |
    events {}
    http { keepalive_timeout 5s; }
  haproxy.cfg: \"global\\n  maxconn 5\\n\"
  notes.txt: |
    nothing of interest
    at all
";
    let outer = Text {
        source: SourceId(3),
        path: "shop.yaml",
        device: "",
        bytes: text.as_bytes(),
    };
    let limits = Limits::default();
    let mut intake = crate::service::Intake::new(&limits);
    let _ =
        crate::kube::import_observed([(SourceId(3), "", text.as_bytes())], &limits, &mut intake);
    let places = std::mem::take(&mut intake.pending.files);
    let names: Vec<&str> = places.iter().map(|(path, _)| path.as_str()).collect();
    let all = ["nginx.conf", "haproxy.cfg", "notes.txt"];
    assert_eq!(
        names,
        all.map(|name| format!("configmap/shop/proxy/{name}"))
    );
    let cut = crate::embedded::cut(places, &[outer], 1 << 20);
    assert_eq!(cut.len(), 1, "only a literal block has exact places");
    let (format, inner) = cut[0].text(&[outer]).unwrap();
    assert_eq!(format, crate::Format::Nginx);
    assert_eq!(inner.source, SourceId(3));
    let word = "keepalive_timeout 5s;";
    let place = text.find(word).unwrap();
    assert_eq!(&inner.bytes[place..place + word.len()], word.as_bytes());
    let start = text.find("events").unwrap();
    assert!(inner.bytes[..start].iter().all(u8::is_ascii_whitespace));
}

#[test]
fn pods_look_names_up_as_their_policy_says() {
    let resolver = |spec: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: shop}}\n\
             spec: {{containers: [{{name: c, image: i}}]{spec}}}\n"
        );
        units(&text).remove(0).resolver
    };
    let usual = resolver("").unwrap();
    assert_eq!(usual.ndots.value(), Some(&5));
    assert_eq!(usual.search[0].value, "shop.svc.cluster.local");
    let own = ", dnsConfig: {options: [{name: ndots, value: \"2\"}], searches: [example.net]}";
    let own = resolver(own).unwrap();
    assert_eq!(own.ndots.value(), Some(&2));
    assert_eq!(own.search.len(), 4);
    assert_eq!(resolver(", dnsPolicy: Default"), None);
    assert_eq!(resolver(", hostNetwork: true"), None);
    assert!(resolver(", dnsPolicy: None").unwrap().search.is_empty());
}
