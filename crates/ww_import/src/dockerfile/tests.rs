use crate::fixture::gathered;
use ww_base::{Locus, Span};
use ww_model::service::{ProbeKind, Unit, UnitKind};

fn units(files: &[(&str, &str)]) -> Vec<Unit> {
    let gathered = gathered(files);
    assert_eq!(gathered.problems, []);
    gathered.model.services.units
}

fn words(unit: &Unit) -> Vec<&str> {
    unit.command
        .iter()
        .map(|word| word.value.as_str())
        .collect()
}

const DOCKERFILE: &str = "\
# syntax=docker/dockerfile:1
ARG NODE=18.2
FROM --platform=linux/amd64 node:${NODE}-alpine AS base
ENV PORT=3000 TOKEN=x \\
    # the mode
    NODE_ENV=\"production\"
EXPOSE $PORT 9229/tcp
RUN <<EOF
CMD no
EOF
CMD [\"node\", \"server.js\"]

FROM base AS dev
ENTRYPOINT [\"npm\"]
CMD [\"run\", \\
  \"dev\"]

FROM base
COPY --chown=node conf/app.conf \\
  /etc/app/
HEALTHCHECK --interval=5s --retries=4 CMD curl -f http://localhost:3000/health
";

#[test]
fn the_last_stage_is_a_unit() {
    let units = units(&[("api/Dockerfile", DOCKERFILE)]);
    let [unit] = units.as_slice() else {
        panic!("{units:?}");
    };
    assert_eq!(
        (unit.kind, unit.name.as_str()),
        (UnitKind::Dockerfile, "api")
    );
    let product = unit.product.as_ref().unwrap();
    assert_eq!(product.component, "node");
    assert_eq!(product.version().unwrap().to_string(), "18.2");
    assert_eq!(words(unit), ["node", "server.js"]);
    let Locus::Text(at) = unit.command[1].at else {
        panic!("{:?}", unit.command);
    };
    let place = DOCKERFILE.get(at.start as usize..at.end as usize).unwrap();
    assert_eq!(place, "\"server.js\"");
    assert_eq!(unit.ports, [3000, 9229]);
    let variables: Vec<&str> = unit.environment.iter().map(|(name, _)| &**name).collect();
    assert_eq!(variables, ["PORT", "NODE_ENV"]);
    let [probe] = unit.probes.as_slice() else {
        panic!("{:?}", unit.probes);
    };
    assert_eq!(probe.kind, ProbeKind::Health);
    assert_eq!(probe.command[0], "curl");
    assert_eq!(probe.period.value(), Some(&Span::from_secs(5)));
    assert_eq!(probe.failures.value(), Some(&4));
    let at = probe.failures.span().unwrap();
    let place = DOCKERFILE.get(at.start as usize..at.end as usize).unwrap();
    assert_eq!(place, "--retries=4");
    assert_eq!(unit.mounts[0].source, "api/conf/app.conf");
    assert_eq!(unit.built_from.as_ref().unwrap().value, "api");
}

#[test]
fn a_service_has_what_its_dockerfile_says() {
    let compose = "\
services:
  api: {build: api, environment: {PORT: 80}}
  dev: {build: {context: ., dockerfile: api/Dockerfile, target: dev}}
  own: {build: ./api, entrypoint: sh, healthcheck: {disable: true}}
  run: {build: ./api, command: node other.js}
";
    let units = units(&[("compose.yml", compose), ("api/Dockerfile", DOCKERFILE)]);
    let [api, dev, own, run, _] = units.as_slice() else {
        panic!("{units:?}");
    };
    assert_eq!(words(api), ["node", "server.js"]);
    assert_eq!(words(dev), ["npm", "run", "dev"]);
    assert_eq!(words(own), ["sh"]);
    assert_eq!(words(run), ["node", "other.js"]);
    let port = api.environment.iter().find(|(name, _)| name == "PORT");
    assert_eq!(port.unwrap().1.value, "80");
    assert_eq!(
        (api.probes.len(), dev.probes.len(), own.probes.len()),
        (1, 0, 0)
    );
    assert_eq!(api.product.as_ref().unwrap().component, "node");
}

#[test]
fn what_is_wrong_has_its_place() {
    let text = "CMD x\nFROM x\nHEALTHCHECK --interval=soon CMD x\nFORM y\n";
    let gathered = gathered(&[("Dockerfile", text)]);
    let told: Vec<(&str, &str)> = gathered
        .problems
        .iter()
        .map(|problem| {
            let Locus::Text(at) = problem.at else {
                panic!("{problem:?} has no place");
            };
            let place = text.get(at.start as usize..at.end as usize).unwrap();
            (place, problem.message.as_str())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("CMD x", "CMD before the first FROM"),
            ("--interval=soon", "`soon` is no value for this option"),
            (
                "FORM y",
                "`FORM` is no instruction of a Dockerfile that is known"
            ),
        ]
    );
}
