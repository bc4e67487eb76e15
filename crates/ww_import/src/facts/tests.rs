use crate::Gathered;
use crate::fixture::{gathered, shown, stand_in};
use proptest::prelude::*;
use ww_base::{Locus, Setting, Span};
use ww_model::service::{Methods, Protocol, Silence};

fn facts(text: &str) -> Gathered {
    gathered(&[("wirewise.toml", text.as_bytes())])
}

/// The messages of the problems, each with the text that it is about.
fn told(text: &str) -> Vec<(String, String)> {
    let problems = facts(text).problems.into_iter();
    problems
        .map(|problem| {
            let Locus::Text(at) = problem.at else {
                panic!("no place: {}", problem.message);
            };
            let place = shown(text, at).to_owned();
            (place, problem.message)
        })
        .collect()
}

const WHOLE: &str = r#"
[versions]
nginx = "1.18.0"

[names]
"api.internal" = "api"

[[middleboxes]]
name = "NAT gateway"
idle = "350s"
then = "reset"
from = ["api"]
to = "db"

[[demands]]
name = "api"
per_second = 200
mean = "80ms"
p99 = "1.5s"
longest = "2m"
most_per_second = 250.5
idempotent = false

[[programs]]
name = "edge"
component = "aws-alb"
listeners = [{ port = 443, protocol = "http", keepalive_idle = "120s" }]
calls = [{ to = ["api:8080"], protocol = "http", attempts = 1, total = "none", methods = "safe" }]
"#;

#[test]
fn what_is_stated_is_read_with_its_place() {
    let gathered = facts(WHOLE);
    assert_eq!(gathered.problems, []);
    let facts = gathered.model.services.facts;
    let (component, version) = &facts.versions[0];
    assert_eq!(
        (component.as_str(), version.value.to_string()),
        ("nginx", "1.18.0".into())
    );
    let (alias, name) = &facts.names[0];
    assert_eq!(
        (alias.value.as_str(), name.value.as_str()),
        ("api.internal", "api")
    );
    let middlebox = &facts.middleboxes[0];
    let at = middlebox.idle.span().unwrap();
    assert_eq!(shown(WHOLE, at), "idle = \"350s\"");
    assert_eq!(middlebox.then.value(), Some(&Silence::Reset));
    assert_eq!(
        (&*middlebox.from, &*middlebox.to),
        (&["api".to_owned()][..], &["db".to_owned()][..])
    );
    let whole = shown(WHOLE, middlebox.at);
    assert!(
        whole.starts_with("[[middleboxes]]") && whole.ends_with("to = \"db\""),
        "{whole}"
    );
    let demand = &facts.demands[0];
    assert_eq!(demand.per_second.value(), Some(&200.0));
    assert_eq!(demand.most_per_second.value(), Some(&250.5));
    assert_eq!(demand.p99.value(), Some(&Span::from_millis(1500)));
    assert_eq!(demand.is_idempotent.value(), Some(&false));
    assert!(demand.start.is_unknown());
}

#[test]
fn a_load_balancer_has_what_is_stated_and_else_its_defaults() {
    let gathered = facts(WHOLE);
    let edge = &gathered.model.services.facts.programs[0];
    let side = &edge.listeners[0].side;
    assert_eq!(side.keepalive_idle.value(), Some(&Span::from_secs(120)));
    assert!(side.keepalive_idle.is_written());
    assert_eq!(side.max_age.value(), Some(&Span::from_secs(3600)));
    assert!(!side.max_age.is_written());
    let call = &edge.calls[0];
    assert_eq!(
        (call.to[0].host.as_str(), call.to[0].port),
        ("api", Some(8080))
    );
    assert_eq!(call.protocol, Protocol::Http);
    assert!(call.side.total.is_off());
    assert_eq!(call.side.retry.methods.value(), Some(&Methods::Safe));
    assert_eq!(call.side.stream_idle.value(), Some(&Span::from_secs(60)));
}

#[test]
fn a_stated_version_decides_which_default_holds() {
    let nginx = b"http { server { listen 80; location / { proxy_pass http://api; } } }";
    let requests = |toml: &str| {
        let files: [(&str, &[u8]); 2] = [("nginx.conf", nginx), ("wirewise.toml", toml.as_bytes())];
        let mut gathered = gathered(&files);
        gathered
            .model
            .services
            .programs
            .remove(0)
            .listeners
            .remove(0)
            .side
            .keepalive_requests
    };
    assert_eq!(requests("[versions]\nnginx = '1.18.0'").value(), Some(&100));
    assert_eq!(requests("[versions]\nnginx = '1.25'").value(), Some(&1000));
    assert!(matches!(requests(""), Setting::Either(_)));
}

#[test]
fn a_wrong_key_or_value_is_told_with_what_would_be_right() {
    let one = |text: &str, place: &str, part: &str| {
        let told = told(text);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0, place);
        assert!(told[0].1.contains(part), "{}", told[0].1);
    };
    one(
        "[version]\nnginx = '1'",
        "version",
        "did you mean `versions`?",
    );
    one(
        "[versions]\nnginks = '1'",
        "nginks = '1'",
        "did you mean `nginx`?",
    );
    one(
        "[versions]\nnginx = 'latest'",
        "nginx = 'latest'",
        "begin with a number",
    );
    one(
        "[[demands]]\nname = 'a'\np9 = '1s'",
        "p9",
        "did you mean `p99`?",
    );
    one(
        "[[demands]]\nname = 'a'\np99 = 1",
        "p99 = 1",
        "a time with its unit",
    );
    one(
        "[[middleboxes]]\nidle = '1s'",
        "[[middleboxes]]\nidle = '1s'",
        "needs a `name`",
    );
    one(
        "[[middleboxes]]\nname = 'n'\nthen = 'x'",
        "then = 'x'",
        "\"drop\" or \"reset\"",
    );
    one("[demands]\nname = 'a'", "[demands]", "`[[demands]]`");
    one(
        "[[demands]]\nname = 'a'\np99 = '3s'\nlongest = '2s'",
        "p99 = '3s'",
        "`longest` is only",
    );
}

#[test]
fn a_broken_line_leaves_the_rest_in_force() {
    let gathered = facts("[versions]\nnginx = \n\n[[middleboxes]]\nname = 'nat'\nidle = '5m'\n");
    assert_eq!(gathered.problems.len(), 1, "{:?}", gathered.problems);
    assert_eq!(gathered.model.services.facts.middleboxes.len(), 1);
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_problems_stand_inside(
        lines in prop::collection::vec(
            prop_oneof![
                prop::sample::select(WHOLE.lines().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>()),
                prop::collection::vec(any::<u8>(), 0..12),
            ],
            0..24,
        ),
    ) {
        let bytes = lines.join(&b'\n');
        stand_in(&gathered(&[("wirewise.toml", &bytes)]).problems, &bytes);
    }
}
