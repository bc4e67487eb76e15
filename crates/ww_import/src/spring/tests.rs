use crate::{Gathered, Text, gather};
use proptest::prelude::*;
use ww_base::{Limits, Locus, SourceId, SourceSpan, Span};
use ww_model::service::{Methods, Program, Protocol, RetryOn};

fn gathered(files: &[(&str, &[u8])]) -> Gathered {
    let texts: Vec<Text<'_>> = (0..)
        .zip(files)
        .map(|(number, (path, bytes))| Text {
            source: SourceId(number),
            path,
            device: "",
            bytes,
        })
        .collect();
    gather(&texts, &Limits::default())
}

fn program(path: &str, text: &str) -> Program {
    let mut gathered = gathered(&[(path, text.as_bytes())]);
    assert_eq!(gathered.problems, []);
    assert_eq!(gathered.model.services.programs.len(), 1);
    gathered.model.services.programs.remove(0)
}

fn shown(text: &str, at: SourceSpan) -> &str {
    text.get(at.start as usize..at.end as usize).unwrap()
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
            for problem in gathered(&[(path, &bytes)]).problems {
                if let Locus::Text(at) = problem.at {
                    prop_assert!(at.start <= at.end && at.end as usize <= bytes.len());
                }
            }
        }
    }
}
