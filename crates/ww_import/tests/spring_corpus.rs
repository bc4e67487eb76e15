//! A real project: the properties of its applications are read.
//!
//! Needs a collection of configuration files, named by `WIREWISE_CORPORA`.
#![expect(
    clippy::disallowed_methods,
    reason = "a test against files, told by the environment"
)]

use ww_base::{Limits, SourceId};
use ww_import::{Text, gather};
use ww_model::service::Methods;

#[test]
fn the_gateway_of_petclinic_repeats_post() {
    let Some(corpora) = std::env::var_os("WIREWISE_CORPORA") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "WIREWISE_CORPORA is not set"
        );
        eprintln!("NOT CHECKED: WIREWISE_CORPORA is not set, spring was not read");
        return;
    };
    let path = "config/spring/spring-petclinic-microservices/spring-petclinic-api-gateway/src/main/resources/application.yml";
    let bytes = std::fs::read(std::path::PathBuf::from(corpora).join(path)).unwrap();
    let text = Text {
        source: SourceId(0),
        path,
        device: "",
        bytes: &bytes,
    };
    let gathered = gather(&[text], &Limits::default());
    assert_eq!(gathered.problems, []);
    let programs = gathered.model.services.programs;
    let [gateway] = programs.as_slice() else {
        panic!("not one program: {programs:?}");
    };
    assert_eq!(
        (gateway.name.as_str(), gateway.calls.len()),
        ("api-gateway", 4)
    );
    for call in &gateway.calls {
        assert_eq!(call.side.retry.methods.value(), Some(&Methods::All));
        assert_eq!(call.side.retry.attempts.value(), Some(&2));
        assert!(call.side.breaker.at.is_some(), "{}", call.name);
    }
}
