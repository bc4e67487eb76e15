use crate::fixture::{gathered, shown, stand_in};
use proptest::prelude::*;
use ww_base::Span;
use ww_model::service::{Methods, Program, Protocol, RetryOn};

fn program(path: &str, text: &str) -> Program {
    let mut gathered = gathered(&[(path, text.as_bytes())]);
    assert_eq!(gathered.problems, []);
    assert_eq!(gathered.model.services.programs.len(), 1);
    gathered.model.services.programs.remove(0)
}

const GATEWAY: &str = "\
spring:
  application: {name: edge}
  cloud:
    gateway:
      httpclient: {connect-timeout: 1000, responseTimeout: 5s}
      default-filters:
      - name: CircuitBreaker
        args: {name: x, fallbackUri: 'forward:/fallback'}
      - name: Retry
        args:
          retries: 1
          statuses: SERVICE_UNAVAILABLE
          methods: GET,POST
      routes:
      - id: vets
        uri: lb://vets-service
        predicates: [Path=/api/vet/**]
      - id: pay
        uri: http://pay:8090
        filters: [StripPrefix=1, Retry=2]
        metadata: {response-timeout: 200}
";

#[test]
fn a_route_is_a_call_with_the_filters_of_all() {
    let program = program("gw/application.yml", GATEWAY);
    assert_eq!((program.name.as_str(), program.calls.len()), ("edge", 2));
    let vets = &program.calls[0];
    assert_eq!(vets.to[0].host, "vets-service");
    assert_eq!(vets.matches.as_ref().unwrap().text, "/api/vet/**");
    assert_eq!(vets.side.connect.value(), Some(&Span::from_secs(1)));
    assert_eq!(vets.side.first_byte.value(), Some(&Span::from_secs(5)));
    let retry = &vets.side.retry;
    assert_eq!(retry.attempts.value(), Some(&2));
    assert_eq!(retry.methods.value(), Some(&Methods::All));
    assert_eq!(
        shown(GATEWAY, retry.methods.span().unwrap()),
        "methods: GET,POST"
    );
    let on = retry.on.value().unwrap();
    assert!(on.contains(&RetryOn::Status(503)) && on.contains(&RetryOn::ServerError));
    assert_eq!(
        vets.side.breaker.fallback.as_ref().unwrap().0,
        "forward:/fallback"
    );
    let pay = &program.calls[1];
    assert_eq!(
        (pay.to[0].host.as_str(), pay.to[0].port),
        ("pay", Some(8090))
    );
    assert_eq!(pay.side.first_byte.value(), Some(&Span::from_millis(200)));
    assert_eq!(pay.side.retry.attempts.value(), Some(&3));
    assert_eq!(pay.side.retry.methods.value(), Some(&Methods::Safe));
}

const RESILIENCE: &str = "\
resilience4j:
  circuitbreaker:
    configs:
      default: {minimum-number-of-calls: 20, waitDurationInOpenState: 10s}
      strict: {base-config: default, failure-rate-threshold: 20.0}
    instances:
      billing-service:
        baseConfig: strict
        slidingWindowType: TIME_BASED
        slidingWindowSize: 30
        record-exceptions: [org.springframework.web.client.HttpServerErrorException]
      stock: {sliding-window-size: 10}
  retry:
    instances:
      stock: {max-attempts: 4, wait-duration: 100ms, enableExponentialBackoff: true, exponentialBackoffMultiplier: 2}
  timelimiter:
    instances:
      stock: {timeout-duration: 2s}
  bulkhead:
    instances:
      stock: {}
      billing-service: {max-concurrent-calls: 5}
";

#[test]
fn an_instance_of_a_breaker_takes_what_it_does_not_say_from_its_base() {
    let program = program("shop/application.yml", RESILIENCE);
    let names: Vec<&str> = program.calls.iter().map(|call| &*call.name).collect();
    assert_eq!(names, ["billing-service", "stock"]);
    let billing = &program.calls[0].side.breaker;
    assert_eq!(billing.window_time.value(), Some(&Span::from_secs(30)));
    assert!(billing.window.is_off());
    assert_eq!(billing.least_calls.value(), Some(&20));
    assert_eq!(billing.failure_percent.value(), Some(&20));
    assert_eq!(billing.open.value(), Some(&Span::from_secs(10)));
    assert_eq!(billing.counts_timeouts.value(), Some(&false));
    assert_eq!(billing.requests.value(), Some(&5));
    let stock = &program.calls[1].side;
    assert_eq!(stock.breaker.window.value(), Some(&10));
    assert_eq!(stock.breaker.least_calls.value(), Some(&10));
    assert_eq!(stock.breaker.failure_percent.value(), Some(&50));
    assert_eq!(stock.breaker.counts_timeouts.value(), Some(&true));
    assert_eq!(stock.retry.attempts.value(), Some(&4));
    assert_eq!(stock.retry.per_try.value(), Some(&Span::from_secs(2)));
    let pauses = stock.retry.backoff.value().unwrap();
    assert_eq!(
        (pauses.first, pauses.longest, pauses.jitter),
        (Span::from_millis(100), Span::from_millis(400), false)
    );
}

#[test]
fn a_breaker_of_a_route_bounds_all_its_tries_when_it_stands_before_them() {
    let limits = "\
resilience4j.timelimiter.instances.x: {timeoutDuration: 4s}
resilience4j.circuitbreaker.instances.x: {slidingWindowSize: 8}
";
    let program = program("gw/application.yml", &format!("{GATEWAY}{limits}"));
    assert_eq!(program.calls.len(), 2);
    let vets = &program.calls[0].side;
    assert_eq!(vets.total.value(), Some(&Span::from_secs(4)));
    assert_eq!(vets.breaker.window.value(), Some(&8));
    assert!(vets.breaker.fallback.is_some());
    assert!(vets.retry.backoff.is_off());
}

#[test]
fn properties_are_known_however_they_are_written() {
    let text = "server.port=9000\nserver.tomcat.connectionTimeout=20s\nserver.shutdown=graceful\nspring.datasource.url=jdbc:postgresql://db/shop\nspring.datasource.hikari.maximum-pool-size=30\nspring.datasource.hikari.max_lifetime=60000\n";
    let program = program("shop/application.properties", text);
    assert_eq!(program.name, "shop");
    let listener = &program.listeners[0];
    assert_eq!(listener.port, Some(9000));
    assert_eq!(
        listener.side.keepalive_idle.value(),
        Some(&Span::from_secs(20))
    );
    assert_eq!(listener.side.keepalive_requests.value(), Some(&100));
    assert_eq!(program.capacity.threads.value(), Some(&200));
    assert_eq!(program.grace.value(), Some(&Span::from_secs(30)));
    let call = &program.calls[0];
    assert_eq!(
        (call.to[0].host.as_str(), call.protocol),
        ("db", Protocol::Postgres)
    );
    assert_eq!(call.side.pool.value(), Some(&30));
    assert_eq!(call.side.max_lifetime.value(), Some(&Span::from_secs(60)));
    assert_eq!(
        call.side.keepalive_idle.value(),
        Some(&Span::from_secs(600))
    );
    assert_eq!(call.side.pool_wait.value(), Some(&Span::from_secs(30)));
}

#[test]
fn what_a_profile_sets_otherwise_is_not_known() {
    let text = "server: {port: 80, tomcat: {threads: {max: 10}}}\nspring: {data: {redis: {host: cache}}}\n---\nspring: {config: {activate: {on-profile: docker}}}\nserver: {port: 81}\n";
    let program = program("a/application.yml", text);
    assert_eq!(program.listeners[0].port, None);
    assert_eq!(program.capacity.threads.value(), Some(&10));
    assert_eq!(
        (
            program.calls[0].to[0].host.as_str(),
            program.calls[0].to[0].port
        ),
        ("cache", Some(6379))
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_problems_stand_inside(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for path in ["application.yml", "application.properties"] {
            stand_in(&gathered(&[(path, &bytes)]).problems, &bytes);
        }
    }
}

#[test]
fn lines_go_on_and_documents_are_divided() {
    let text = "# x\nspring.application.name : shop\nserver.port=\\\n    9000\nserver.tomcat.threads.max 7\n#---\nspring.config.activate.on-profile=dev\nserver.tomcat.accept-count=1\n";
    let shop = program("shop/application.properties", text);
    assert_eq!(
        (shop.name.as_str(), shop.listeners[0].port),
        ("shop", Some(9000))
    );
    let at = shop.listeners[0].at;
    assert_eq!(shown(text, at), "server.port=\\\n    9000");
    assert_eq!(shop.capacity.threads.value(), Some(&7));
    assert!(
        shop.capacity.backlog.is_unknown(),
        "a profile sets it otherwise"
    );
}

#[test]
fn a_value_behind_a_colon_is_a_default_unless_a_unit_sets_the_variable() {
    let text = "server.tomcat.threads.max=${THREADS:7}\n";
    let files = [("shop/application.properties", text.as_bytes())];
    let threads = gathered(&files)
        .model
        .services
        .programs
        .remove(0)
        .capacity
        .threads;
    assert_eq!(threads.value(), Some(&7));
    assert!(!threads.is_written(), "{threads:?}");
    let compose = "services: {shop: {image: x, environment: {THREADS: 9}}}\n";
    let both = [files[0], ("compose.yaml", compose.as_bytes())];
    let programs = gathered(&both).model.services.programs;
    assert!(programs[0].capacity.threads.is_unknown());
}

/// The listener of an application with this build.
fn built(path: &str, build: &str) -> ww_model::service::Listener {
    let files = [
        (
            "shop/src/main/resources/application.yml",
            "spring: {application: {name: shop}}\n",
        ),
        (path, build),
    ];
    let files = files.map(|(path, text)| (path, text.as_bytes()));
    gathered(&files)
        .model
        .services
        .programs
        .remove(0)
        .listeners
        .remove(0)
}

#[test]
fn the_build_tells_that_the_server_is_tomcat() {
    let pom = |more: &str| {
        let name = "<artifactId>spring-boot-starter-web</artifactId>";
        format!(
            "<project><dependencies><dependency>{name}</dependency>{more}</dependencies></project>"
        )
    };
    let idle = |path: &str, build: &str| built(path, build).side.keepalive_idle;
    let minute = Some(Span::from_secs(60));
    assert_eq!(idle("shop/pom.xml", &pom("")).value().copied(), minute);
    let gradle =
        "dependencies {\n  implementation 'org.springframework.boot:spring-boot-starter-web'\n}\n";
    assert_eq!(idle("shop/build.gradle", gradle).value().copied(), minute);
    let others = [
        (
            "shop/pom.xml",
            pom("<artifactId>spring-boot-starter-jetty</artifactId>"),
        ),
        ("other/pom.xml", pom("")),
        ("shop/pom.xml", format!("<!-- {} -->", pom(""))),
        (
            "shop/build.gradle",
            gradle.replace("starter-web", "starter-webflux"),
        ),
        (
            "shop/build.gradle",
            gradle.replace("implementation", "testImplementation"),
        ),
    ];
    for (path, build) in others {
        assert!(idle(path, &build).is_unknown(), "{path}: {build}");
    }
}

#[test]
fn a_unit_built_from_the_project_runs_its_program() {
    let compose = "services:\n  web: {build: ./shop, environment: {SERVER_PORT: '9090'}}\n  other: {image: example/shop}\n";
    let files = [
        ("compose.yaml", compose),
        (
            "shop/src/main/resources/application.yml",
            "spring: {application: {name: x}}\n",
        ),
        (
            "shop/Dockerfile",
            "FROM eclipse-temurin:21\nCOPY app.jar /\n",
        ),
    ];
    let files = files.map(|(path, text)| (path, text.as_bytes()));
    let services = gathered(&files).model.services;
    let of = |name: &str| {
        services
            .units
            .iter()
            .find(|unit| unit.name == name)
            .unwrap()
            .program
    };
    assert_eq!(
        (of("web").map(|id| id.0), of("other").map(|id| id.0)),
        (Some(0), Some(0))
    );
    let port = services.programs[0].listeners[0].port;
    assert_eq!(port, Some(8080), "only one of the two has another port");
}

#[test]
fn a_property_that_spring_does_not_have_is_told_once() {
    let text = "server.tomcat.max-conections=5\nserver.tomcat.threads.max=5\nserver.tomcat.remoteip.host-header=x\nspring.datasource.hikari.maximum-pool-sise=3\nspring.datasource.hikari.data-source-properties.x=1\nshop.limit=3\n---\n";
    let text = text.trim_end_matches("---\n");
    let problems = gathered(&[("shop/application.properties", text.as_bytes())]).problems;
    let told: Vec<&str> = problems.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("server.tomcat.max-conections"),
        "{}",
        told[0]
    );
    assert!(told[1].contains("maximum-pool-sise"), "{}", told[1]);
}
