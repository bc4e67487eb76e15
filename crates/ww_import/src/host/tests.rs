use crate::fixture::{gathered, shown, stand_in};
use proptest::prelude::*;
use ww_base::Span;

#[test]
fn a_resolver_has_what_is_written_and_else_its_defaults() {
    let text = "# by hand\nnameserver 10.0.0.2\nnameserver 10.0.0.3\ndomain old\nsearch a.example b.example\noptions ndots:20 timeout:1 rotate edns0\n";
    let gathered = gathered(&[("etc/resolv.conf", text.as_bytes())]);
    assert_eq!(gathered.problems, []);
    let resolver = gathered.model.services.hosts[0].resolver.clone().unwrap();
    let servers: Vec<&str> = resolver
        .servers
        .iter()
        .map(|it| it.value.as_str())
        .collect();
    assert_eq!(servers, ["10.0.0.2", "10.0.0.3"]);
    let search: Vec<&str> = resolver.search.iter().map(|it| it.value.as_str()).collect();
    assert_eq!(search, ["a.example", "b.example"]);
    assert_eq!(resolver.ndots.value(), Some(&15));
    let at = resolver.ndots.span().unwrap();
    assert_eq!(shown(text, at), "options ndots:20 timeout:1 rotate edns0");
    assert_eq!(resolver.timeout.value(), Some(&Span::from_secs(1)));
    assert_eq!(resolver.attempts.value(), Some(&2));
    assert!(!resolver.attempts.is_written());
    assert_eq!(resolver.rotate.value(), Some(&true));
    assert_eq!(resolver.single_request.value(), Some(&false));
}

#[test]
fn files_of_one_host_are_applied_in_order() {
    let last = "net.core.somaxconn = 1024\nnet/ipv4/conf/eth0.5/rp_filter=1\n";
    let gathered = gathered(&[
        ("etc/sysctl.conf", last.as_bytes()),
        (
            "etc/sysctl.d/90-b.conf",
            b"-net.core.somaxconn=512\n; no\n-net.x\n",
        ),
        ("etc/sysctl.d/10-a.conf", b"net.core.somaxconn=256\n"),
        ("etc/resolv.conf", b"nameserver 10.0.0.2\n"),
        ("other/sysctl.conf", b"net.core.somaxconn=1\n"),
    ]);
    assert_eq!(gathered.problems, []);
    let hosts = gathered.model.services.hosts;
    assert_eq!(hosts.len(), 2);
    let etc = hosts.iter().find(|host| host.name == "etc").unwrap();
    assert!(etc.resolver.is_some());
    let (number, at) = etc.kernel.number("net.core.somaxconn").unwrap();
    assert_eq!(
        (number, shown(last, at)),
        (1024, "net.core.somaxconn = 1024")
    );
    assert!(etc.kernel.get("net.ipv4.conf.eth0/5.rp_filter").is_some());
    let order: Vec<&str> = etc
        .kernel
        .values
        .iter()
        .map(|it| it.value.as_str())
        .collect();
    assert_eq!(order, ["256", "512", "1024", "1"]);
}

#[test]
fn a_kernel_has_what_is_written_and_else_its_defaults() {
    let text = "net.ipv4.ip_local_port_range = 15000 65000\nnet.ipv4.tcp_keepalive_time = 120\nnet.ipv4.tcp_retries2 = ten\n";
    let kernel = |facts: &'static str| {
        let files: [(&str, &[u8]); 2] = [
            ("etc/sysctl.conf", text.as_bytes()),
            ("wirewise.toml", facts.as_bytes()),
        ];
        gathered(&files).model.services.hosts[0].kernel.clone()
    };
    let plain = kernel("");
    assert_eq!(plain.first_port.value(), Some(&15000));
    assert_eq!(plain.last_port.value(), Some(&65000));
    assert_eq!(plain.probe_after.value(), Some(&Span::from_secs(120)));
    assert!(plain.retransmissions.is_unknown());
    assert_eq!(plain.tracked_idle.value(), Some(&Span::from_secs(432_000)));
    assert!(plain.tracked.is_unknown());
    assert_eq!(plain.backlog.value(), None);
    let of = |facts| kernel(facts).backlog.value().copied();
    assert_eq!(of("[versions]\nlinux = \"6.1\"\n"), Some(4096));
    assert_eq!(of("[versions]\nlinux = \"4.19\"\n"), Some(128));
}

#[test]
fn what_is_no_setting_is_told() {
    let told = |path: &str, text: &str| {
        let problems = gathered(&[(path, text.as_bytes())]).problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].message.clone()
    };
    assert!(told("resolv.conf", "options ndots:x\n").contains("has to be a number"));
    assert!(told("resolv.conf", "nameservers 10.0.0.2\n").contains("`nameservers`"));
    assert!(told("sysctl.conf", "net.core.somaxconn 5\n").contains("sets nothing"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_problems_stand_inside(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for path in ["resolv.conf", "sysctl.conf"] {
            stand_in(&gathered(&[(path, &bytes)]).problems, &bytes);
        }
    }
}
