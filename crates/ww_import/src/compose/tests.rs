use crate::fixture::gathered;
use ww_base::{Setting, Span};
use ww_model::service::{Kernel, ProbeKind, Unit, Until};

fn units(files: &[(&str, &str)]) -> Vec<Unit> {
    let gathered = gathered(files);
    assert_eq!(gathered.problems, []);
    gathered.model.services.units
}

fn values<'u>(words: impl IntoIterator<Item = &'u ww_base::Sourced<String>>) -> Vec<&'u str> {
    words.into_iter().map(|word| word.value.as_str()).collect()
}

fn variables(unit: &Unit) -> Vec<String> {
    let all = unit.environment.iter();
    all.map(|(name, value)| format!("{name}={}", value.value))
        .collect()
}

#[test]
fn a_service_has_settings_of_the_kernel_of_its_own() {
    let text = "\
services:
  list:
    image: a
    sysctls: [net.core.somaxconn=1024, net.ipv4.tcp_tw_reuse=1]
  map:
    image: a
    sysctls: {net.core.somaxconn: 256}
  plain:
    image: a
  shared:
    image: a
    network_mode: host
";
    let units = units(&[("compose.yaml", text)]);
    let of = |name: &str| units.iter().find(|unit| unit.name == name).unwrap();
    assert_eq!(of("list").kernel.backlog.value(), Some(&1024));
    assert_eq!(of("list").kernel.values.len(), 2);
    assert_eq!(of("map").kernel.backlog.value(), Some(&256));
    assert_eq!(of("plain").kernel.retransmissions.value(), Some(&15));
    assert_eq!(of("shared").kernel, Kernel::default());
}

#[test]
fn a_service_has_fixed_addresses_in_its_networks() {
    let text = "\
services:
  api:
    image: x
    networks:
      front: {ipv4_address: 172.28.0.10, ipv6_address: '2001:db8::a'}
      back: {ipv4_address: 172.29.0.10}
  web: {image: x, networks: {front: {ipv4_address: '${WEB}'}}}
";
    let other = "services:\n  api: {networks: {front: {ipv4_address: 172.28.0.11}}}\n";
    let units = units(&[("compose.yaml", text), ("compose.override.yaml", other)]);
    let of = |name: &str| {
        let unit = units.iter().find(|unit| unit.name == name).unwrap();
        let mut addresses: Vec<String> = unit.addresses.iter().map(ToString::to_string).collect();
        addresses.sort_unstable();
        addresses
    };
    assert_eq!(of("api"), ["172.28.0.11", "172.29.0.10", "2001:db8::a"]);
    assert!(of("web").is_empty());
    let wrong = "services:\n  api: {image: x, networks: {front: {ipv4_address: ten}}}\n";
    let problems = gathered(&[("compose.yaml", wrong)]).problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn a_service_is_a_unit() {
    let text = "\
services:
  web:
    image: nginx:${NGINX:-1.25}-alpine
    container_name: shop-web
    command: nginx -g 'daemon off;'
    ports: ['80:8080/tcp', '127.0.0.1:443:8443', {target: 9000}, 3000-3002:4000-4002]
    expose: [8080, 9100]
    environment: {API: 'http://api:3000', DB_PASSWORD: x, PORT: 8080}
    depends_on:
      api: {condition: service_healthy}
    networks: {front: {aliases: [shop]}, back: }
    volumes:
    - ./proxy/nginx.conf:/etc/nginx/nginx.conf:ro
    - data:/data
    - {type: bind, source: ../certs, target: /certs}
    stop_grace_period: 1m30s
    deploy: {replicas: 3}
  api:
    build: ./api
    healthcheck:
      test: [CMD, curl, http://localhost:3000/health]
      interval: 5s
      retries: 10
  worker:
    build: {context: ., dockerfile: worker/Dockerfile}
    entrypoint: [python, -m]
    command: [worker]
    healthcheck: {test: [NONE]}
    environment: [A=b, HERE]
    scale: 2
volumes: {data: }
";
    let units = units(&[("shop/compose.yml", text)]);
    let [web, api, worker] = units.as_slice() else {
        panic!("{units:?}");
    };
    assert_eq!(web.names, ["web", "shop-web", "shop"]);
    assert_eq!(web.group, "shop");
    let product = web.product.as_ref().unwrap();
    assert_eq!(product.version().unwrap().to_string(), "1.25");
    assert_eq!(values(&web.command), ["nginx", "-g", "daemon off;"]);
    assert_eq!(web.ports, [8080, 8443, 9000, 4000, 4001, 4002, 9100]);
    assert_eq!(variables(web), ["API=http://api:3000", "PORT=8080"]);
    assert_eq!(values(&web.waits_for), ["api"]);
    let mounts: Vec<&str> = web.mounts.iter().map(|mount| &*mount.source).collect();
    assert_eq!(mounts, ["shop/proxy/nginx.conf", "", "certs"]);
    assert_eq!(web.grace.value(), Some(&Span::from_secs(90)));
    let at = web.grace.span().unwrap();
    let written = text.get(at.start as usize..at.end as usize).unwrap();
    assert_eq!(written, "stop_grace_period: 1m30s");
    assert_eq!(web.scaling.replicas.value(), Some(&3));
    assert!(!web.scaling.may_share_address);
    assert_eq!(web.references, []);
    let [probe] = api.probes.as_slice() else {
        panic!("{:?}", api.probes);
    };
    assert_eq!(probe.kind, ProbeKind::Health);
    assert_eq!(probe.command, ["curl", "http://localhost:3000/health"]);
    assert_eq!(probe.period.value(), Some(&Span::from_secs(5)));
    assert_eq!(probe.timeout.value(), Some(&Span::from_secs(30)));
    assert_eq!(probe.failures.value(), Some(&10));
    assert_eq!(api.built_from.as_ref().unwrap().value, "shop/api");
    assert_eq!(api.grace.value(), Some(&Span::from_secs(10)));
    assert!(!api.grace.is_written());
    assert_eq!(worker.built_from.as_ref().unwrap().value, "shop");
    assert_eq!(values(&worker.command), ["python", "-m", "worker"]);
    assert_eq!(worker.probes, []);
    assert_eq!(variables(worker), ["A=b"]);
    assert_eq!(worker.scaling.replicas.value(), Some(&2));
}

#[test]
fn variables_come_from_the_files_beside() {
    let text = "\
services:
  db:
    image: postgres:${PG}
    env_file: [common.env, {path: db.env, required: false}]
    environment: {LEVEL: debug}
    stop_grace_period: ${GRACE}
  taken: {image: x, environment: [PG, NOWHERE]}
";
    let files = [
        ("shop/compose.yml", text),
        ("shop/.env", "PG=15.2\n"),
        ("shop/common.env", "LEVEL=info\nA=1\n"),
        ("shop/db.env", "A=2\n"),
    ];
    let units = units(&files);
    let product = units[0].product.as_ref().unwrap();
    assert_eq!(product.version().unwrap().to_string(), "15.2");
    assert_eq!(variables(&units[0]), ["A=2", "LEVEL=debug"]);
    assert_eq!(variables(&units[1]), ["PG=15.2"]);
    let missing = "$GRACE";
    assert!(matches!(&units[0].grace, Setting::Unknown(gap) if gap.missing.contains(missing)));
}

#[test]
fn layers_are_put_together() {
    let base = "\
x-common: &common
  environment: &variables {A: 1}
  stop_grace_period: 20s
services:
  web:
    <<: *common
    image: web
    environment: {<<: *variables, B: 2}
    depends_on: [db]
  web2:
    extends: {service: web}
    stop_grace_period: 5s
  db: {image: redis}
";
    let over =
        "services: {web: {environment: [B=3], depends_on: [cache]}, cache: {image: redis}}\n";
    let prod = "services: {web: {scale: 4}}\n";
    let files = [
        ("compose.yml", base),
        ("compose.override.yml", over),
        ("compose.prod.yml", prod),
    ];
    let units = units(&files);
    let names: Vec<&str> = units.iter().map(|unit| &*unit.name).collect();
    assert_eq!(names, ["web", "web", "web2", "db", "cache"]);
    let [prod, web, web2, ..] = units.as_slice() else {
        panic!("{units:?}");
    };
    assert_eq!(prod.path, "compose.prod.yml");
    assert_eq!(prod.scaling.replicas.value(), Some(&4));
    assert_eq!(prod.image.as_ref().unwrap().value, "web");
    assert_eq!(variables(web), ["A=1", "B=3"]);
    assert_eq!(values(&web.waits_for), ["db", "cache"]);
    assert_eq!(web.grace.value(), Some(&Span::from_secs(20)));
    assert_eq!(web2.grace.value(), Some(&Span::from_secs(5)));
    assert_eq!(variables(web2), ["A=1", "B=2"]);
    assert!(units.iter().all(|unit| unit.references.is_empty()));
}

#[test]
fn a_name_that_is_declared_nowhere_is_a_reference() {
    let text = "services:\n  web: {image: x, depends_on: [bd], links: ['db:database']}\n  db: {image: redis}\n";
    let units = units(&[("compose.yml", text)]);
    let [reference] = units[0].references.as_slice() else {
        panic!("{:?}", units[0].references);
    };
    assert_eq!(reference.name, "bd");
    let (start, end) = (reference.at.start as usize, reference.at.end as usize);
    assert_eq!(text.get(start..end).unwrap(), "bd");
    let declared: Vec<&str> = reference.declared.iter().map(|(name, _)| &**name).collect();
    assert_eq!(declared, ["web", "db"]);
}

#[test]
fn what_is_wrong_has_its_place() {
    let text = "services:\n  web:\n    image: x\n    stop_grace_period: soon\n    prots: [80]\n    ports: [a:b]\n  api: 5\n";
    let gathered = gathered(&[("compose.yml", text)]);
    let told: Vec<&str> = gathered
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "`prots` is no key of a service that wirewise knows",
            "`a:b` is no port",
            "stop_grace_period is `soon` and should be a time such as 1m30s",
            "the service `api` is a mapping",
        ]
    );
    assert_eq!(gathered.model.services.units.len(), 2);
}

#[test]
fn a_file_is_joined_with_what_mounts_it_also_when_the_folder_was_given_as_a_dot() {
    let compose = "\
services:
  web:
    image: nginx:1.27.0
    volumes: ['./nginx.conf:/etc/nginx/nginx.conf:ro']
";
    let nginx = "events {}\nhttp { server { listen 80; } }\n";
    let gathered = gathered(&[("./compose.yaml", compose), ("./nginx.conf", nginx)]);
    let services = &gathered.model.services;
    assert_eq!(services.programs.len(), 1);
    assert!(services.units[0].program.is_some());
    let version = services.programs[0].product.version().unwrap();
    assert_eq!(version.to_string(), "1.27.0");
}

#[test]
fn what_a_dependency_has_to_have_come_to_is_read() {
    let text = "\
services:
  web:
    image: shop/web
    depends_on:
      db: {condition: service_healthy}
      queue: {restart: true}
      schema: {condition: service_completed_successfully}
  db: {image: postgres:16}
  queue: {image: rabbitmq:3}
  schema: {image: shop/schema}
";
    let units = units(&[("compose.yaml", text)]);
    let until = &units[0].waits_until;
    assert_eq!(
        *until,
        [
            ("db".to_owned(), Until::Healthy),
            ("schema".to_owned(), Until::Completed)
        ]
    );
    assert_eq!(units[0].waits_for.len(), 3);
}

#[test]
fn a_service_of_a_swarm_may_have_one_address_for_all() {
    let text = "\
services:
  swarm: {image: a, deploy: {replicas: 3, placement: {constraints: [node.role == worker]}}}
  vip: {image: a, deploy: {replicas: 3, endpoint_mode: vip}}
  each: {image: a, deploy: {replicas: 3, endpoint_mode: dnsrr, update_config: {order: start-first}}}
  here: {image: a, deploy: {replicas: 3, resources: {limits: {cpus: '1'}}}}
";
    let units = units(&[("compose.yml", text)]);
    let shared: Vec<(&str, bool)> = units
        .iter()
        .map(|unit| (&*unit.name, unit.scaling.may_share_address))
        .collect();
    assert_eq!(
        shared,
        [
            ("swarm", true),
            ("vip", true),
            ("each", false),
            ("here", false)
        ]
    );
}
