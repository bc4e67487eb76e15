//! What rules may be there for besides their verdicts, in both forms.

use ww_base::{Limits, SourceId};
use ww_import::nft;
use ww_model::filter::{Aside, Ruleset};

const TEXT: &str = r#"
table inet fw {
  counter office { }
  set seen { type ipv4_addr; flags dynamic; }
  chain input {
    type filter hook input priority 0; policy drop;
    tcp dport 22 accept
    tcp dport 22 counter packets 3 bytes 180 accept
    tcp dport 22 counter name "office" accept comment "the office"
    log prefix "in: " drop
    add @seen { ip saddr }
    ct helper set "ftp" accept
  }
}
"#;

const JSON: &str = r#"{"nftables": [
  {"table": {"family": "inet", "name": "fw", "handle": 1}},
  {"chain": {"family": "inet", "table": "fw", "name": "input", "handle": 1,
    "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
  {"rule": {"family": "inet", "table": "fw", "chain": "input", "handle": 2,
    "expr": [{"accept": null}]}},
  {"rule": {"family": "inet", "table": "fw", "chain": "input", "handle": 3,
    "expr": [{"counter": {"packets": 3, "bytes": 180}}, {"accept": null}]}},
  {"rule": {"family": "inet", "table": "fw", "chain": "input", "handle": 4, "comment": "the office",
    "expr": [{"counter": "office"}, {"accept": null}]}},
  {"rule": {"family": "inet", "table": "fw", "chain": "input", "handle": 5,
    "expr": [{"log": {"prefix": "in: "}}, {"drop": null}]}}
]}"#;

fn asides(ruleset: &Ruleset) -> Vec<Vec<Aside>> {
    let rules = ruleset.chains[0].rules.iter();
    rules.map(|rule| rule.asides.clone()).collect()
}

#[test]
fn text_keeps_what_rules_are_there_for_besides() {
    let limits = Limits::default();
    let read = nft::read(SourceId(0), TEXT.as_bytes(), &mut nft::NoIncludes, &limits);
    assert_eq!(read.problems, []);
    let expected = [
        vec![],
        vec![Aside::Count],
        vec![Aside::NamedCount, Aside::Comment],
        vec![Aside::Log],
        vec![Aside::Effect],
        vec![Aside::Effect],
    ];
    assert_eq!(asides(&read.value), expected);
}

#[test]
fn json_says_the_same() {
    let read = nft::read_json(SourceId(0), JSON.as_bytes(), &Limits::default());
    assert_eq!(read.problems, []);
    let expected = [
        vec![],
        vec![Aside::Count],
        vec![Aside::NamedCount, Aside::Comment],
        vec![Aside::Log],
    ];
    assert_eq!(asides(&read.value), expected);
}
