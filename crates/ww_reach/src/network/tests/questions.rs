//! Questions about all packets of a network.

use super::super::*;
use super::{Case, Files, addresses, case, line_of_four, routes, rules};
use crate::answer::{Change, Group, Matrix};

impl Case {
    fn who(&self, to: &str, port: Option<&str>) -> Vec<Group> {
        let limits = Limits::default();
        let service = port.map_or(Service::ANY, |port| port.parse().unwrap());
        Network::new(&self.devices, &limits)
            .who(&to.parse().unwrap(), service)
            .unwrap()
    }

    fn matrix(&self, port: Option<&str>) -> Matrix {
        let limits = Limits::default();
        let service = port.map_or(Service::ANY, |port| port.parse().unwrap());
        Network::new(&self.devices, &limits)
            .matrix(service)
            .unwrap()
    }

    fn to(&self, after: &Case) -> Vec<Change> {
        let limits = Limits::default();
        let network = |case: &Case| case.devices.clone();
        let (old, new) = (network(self), network(after));
        changes(&Network::new(&old, &limits), &Network::new(&new, &limits)).unwrap()
    }
}

/// The edges of a matrix in words.
fn edges(matrix: &Matrix) -> Vec<String> {
    let group = |number: usize| matrix.groups[number].join(" ");
    let edges = matrix.edges.iter();
    edges
        .map(|edge| format!("{} → {}: {}", group(edge.from), group(edge.to), edge.with))
        .collect()
}

fn words(traffic: &crate::answer::Traffic) -> String {
    let fields = traffic.fields.iter();
    let words: Vec<String> = fields
        .map(|(field, values)| format!("{field} {}", values.join(", ")))
        .collect();
    words.join(" ")
}

#[test]
fn whole_networks_and_all_services_can_be_asked_about() {
    let case = case(&line_of_four());
    let answer = case.ask("10.1.0.0/24", "10.2.0.0/24", "tcp");
    assert_eq!(answer.verdict, Reachability::Partly);
    let allowed: Vec<String> = answer.allowed.iter().map(words).collect();
    // Packets from the firewall's and to the router's own address are among them.
    assert!(
        allowed
            .iter()
            .any(|one| one.ends_with("proto tcp dport 443")),
        "{allowed:?}"
    );
    assert!(!allowed.iter().any(|one| one.contains("22")), "{allowed:?}");
    let answer = case.ask("client", "server", "400-500/tcp");
    let allowed: Vec<String> = answer.allowed.iter().map(words).collect();
    assert_eq!(allowed, ["src 10.1.0.10 dst 10.2.0.10 proto tcp dport 443"]);
    let answer = case.ask("client", "server", "443/tcp");
    assert_eq!(answer.verdict, Reachability::Reachable);
    assert_eq!(words(&answer.allowed[0]), allowed[0]);
}

#[test]
fn a_rule_about_source_ports_lets_a_part_through() {
    let mut files = line_of_four();
    let filter = format!("{FORWARD}\n-A FORWARD -p tcp --sport 50000:60000 --dport 443 -j ACCEPT");
    files[1].1[2] = rules("filter", &filter);
    let answer = case(&files).ask("client", "server", "443/tcp");
    assert_eq!(answer.verdict, Reachability::Partly);
    assert_eq!(
        words(&answer.allowed[0]),
        "src 10.1.0.10 dst 10.2.0.10 proto tcp dport 443 sport 50000-60000"
    );
    assert_eq!(answer.gaps, []);
}

const FORWARD: &str = ":FORWARD DROP [0:0]\n\
     -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT";

#[test]
fn rates_make_the_answer_depend_on_what_happens() {
    let mut files = line_of_four();
    let filter = format!("{FORWARD}\n-A FORWARD -p tcp -m limit --limit 5/min -j ACCEPT");
    files[1].1[2] = rules("filter", &filter);
    let answer = case(&files).ask("client", "server", "443/tcp");
    assert_eq!(answer.verdict, Reachability::May);
    assert!(answer.gaps[0].missing.contains("limit"), "{answer:#?}");
}

#[test]
fn what_is_drawn_when_translating_does_not_matter_where_all_of_it_passes() {
    let draws = |allowed: &str| {
        let mut files = line_of_four();
        let wan = "wan 10.12.0.1/24 10.12.0.4/24 10.12.0.5/24 10.12.0.6/24 10.12.0.7/24";
        files[1].1[0] = addresses(&["lan 10.1.0.1/24", wan]);
        let nat = ":POSTROUTING ACCEPT [0:0]\n\
                   -A POSTROUTING -o wan -j SNAT --to-source 10.12.0.4-10.12.0.7";
        files[1].1.push(("nat.v4", rules("nat", nat).1));
        let filter = format!("{FORWARD}\n-A FORWARD -s {allowed} -j ACCEPT");
        files[2].1.push(rules("filter", &filter));
        case(&files).ask("client", "server", "443/tcp").verdict
    };
    assert_eq!(draws("10.12.0.4/30"), Reachability::Reachable);
    assert_eq!(draws("10.12.0.4/31"), Reachability::May);
    assert_eq!(draws("10.12.0.8/29"), Reachability::Blocked);
}

#[test]
fn everybody_who_reaches_a_host_is_told_with_who_lets_them() {
    let case = case(&line_of_four());
    let groups = case.who("server", Some("443/tcp"));
    let members: Vec<&[String]> = groups.iter().map(|one| one.members.as_slice()).collect();
    assert_eq!(
        members.concat(),
        [
            "client",
            "fw",
            "router",
            "10.1.0.0/24",
            "10.2.0.0/24",
            "10.12.0.0/24"
        ]
    );
    let lines: Vec<&str> = groups[0]
        .steps
        .iter()
        .map(|one| one.says.as_str())
        .collect();
    assert_eq!(
        lines,
        [
            "fw: filter FORWARD accepts it",
            "the reply: fw: filter FORWARD accepts it"
        ]
    );
}

#[test]
fn the_matrix_groups_what_fares_alike() {
    let open = case(&line_of_four()).matrix(Some("443/tcp"));
    let all = "client fw router server 10.1.0.0/24 10.2.0.0/24 10.12.0.0/24";
    assert_eq!(edges(&open), [format!("{all} → {all}: 443/tcp")]);
    let closed = edges(&case(&line_of_four()).matrix(Some("22/tcp")));
    let within = "client 10.1.0.0/24 → client 10.1.0.0/24: 22/tcp";
    assert!(closed.iter().any(|one| one == within), "{closed:#?}");
    let through = |one: &String| one.starts_with("client") && one.contains("→ server");
    assert!(!closed.iter().any(through), "{closed:#?}");
}

#[test]
fn a_change_of_a_route_closes_and_a_rule_opens() {
    let before = case(&line_of_four());
    assert_eq!(before.to(&before), []);
    let mut files = line_of_four();
    files[1].1[2] = rules(
        "filter",
        &format!("{FORWARD}\n-A FORWARD -p tcp -m multiport --dports 22,443 -j ACCEPT"),
    );
    let opened = before.to(&case(&files));
    assert!(
        opened
            .iter()
            .all(|change| change.opened && words(&change.flow).contains("dport 22"))
    );
    let flow = &opened[0];
    let says = |steps: &[Step]| steps.last().unwrap().says.clone();
    assert_eq!(
        says(&flow.before),
        "fw: the policy of filter FORWARD drops it: no rule decides"
    );
    assert_eq!(
        says(&flow.after),
        "the reply: fw: filter FORWARD accepts it"
    );
    let mut files = line_of_four();
    files[1].1[1] = routes(&["blackhole 10.2.0.0/24"]);
    let closed = before.to(&case(&files));
    assert!(!closed.is_empty() && closed.iter().all(|change| !change.opened));
    let way_back = "fw: the route to 10.2.0.0/24 is a black hole";
    assert!(
        closed
            .iter()
            .any(|change| says(&change.after).ends_with(way_back)),
        "{closed:#?}"
    );
}

#[test]
fn networks_moved_bit_by_bit_are_asked_about_by_one_packet() {
    let mut files: Vec<Files<'_>> = line_of_four();
    let nat = ":PREROUTING ACCEPT [0:0]\n\
               -A PREROUTING -d 10.9.0.0/24 -j NETMAP --to 10.2.0.0/24";
    files[1].1.push(("nat.v4", rules("nat", nat).1));
    files[1].1[1] = routes(&["10.2.0.0/24 10.12.0.2 wan", "10.9.0.0/24 10.12.0.2 wan"]);
    let case = case(&files);
    let answer = case.ask("client", "10.9.0.10", "443/tcp");
    assert_eq!(answer.verdict, Reachability::Reachable, "{answer:#?}");
    let limits = Limits::default();
    let network = Network::new(&case.devices, &limits);
    let all = network.can(
        &"client".parse().unwrap(),
        &"server".parse().unwrap(),
        Service::ANY,
    );
    assert!(all.unwrap_err().contains("single bits"));
}
