//! Single facts about the language, each checked by itself against the way nft 1.0.6 loads it
//! (`nft --debug=netlink`).

use crate::shape;
use ww_base::{Limits, Locus, Partial, SourceId};
use ww_import::nft::{NoIncludes, read, read_json};
use ww_model::filter::Ruleset;

fn parsed(text: &str) -> Partial<Ruleset> {
    read(
        SourceId(0),
        text.as_bytes(),
        &mut NoIncludes,
        &Limits::default(),
    )
}

/// What one rule becomes in a table of this family.
fn rule(family: &str, rule: &str) -> String {
    let text = format!("table {family} t {{\nchain c {{\n{rule}\n}}\n}}\n");
    let read = parsed(&text);
    assert_eq!(read.problems, [], "{rule}");
    let lines = shape::lines(&read.value);
    lines[1..]
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" // ")
}

#[test]
fn a_bare_flag_is_a_bit_test_and_a_set_is_exact() {
    assert_eq!(
        rule("ip", "tcp flags syn"),
        "Protocol {6}; TcpFlags&2 {1-2}"
    );
    assert_eq!(
        rule("ip", "tcp flags syn,ack"),
        "Protocol {6}; TcpFlags&18 {1-18}"
    );
    assert_eq!(
        rule("ip", "tcp flags syn|ack"),
        "Protocol {6}; TcpFlags&18 {1-18}"
    );
    assert_eq!(
        rule("ip", "tcp flags { syn, ack }"),
        "Protocol {6}; TcpFlags {2 16}"
    );
    assert_eq!(
        rule("ip", "tcp flags == syn,ack"),
        "Protocol {6}; TcpFlags {18}"
    );
    assert_eq!(
        rule("ip", "tcp flags ! syn"),
        "Protocol {6}; TcpFlags&2 {0}"
    );
    assert_eq!(
        rule("ip", "tcp flags syn / syn,ack"),
        "Protocol {6}; TcpFlags&18 {2}"
    );
    assert_eq!(
        rule("ip", "tcp flags & (syn|ack) == syn"),
        "Protocol {6}; TcpFlags&18 {2}"
    );
}

#[test]
fn a_list_of_states_that_is_denied_is_denied_as_a_whole() {
    assert_eq!(rule("ip", "ct state established,related"), "CtState {1-2}");
    assert_eq!(rule("ip", "ct state != established"), "CtState {0 2-4}");
    // No packet is in both states at once, so that every packet differs from both together.
    assert_eq!(
        rule("ip", "ct state != established,related"),
        "CtState {0-4}"
    );
    assert_eq!(
        rule("ip", "ct state ! established,related"),
        "CtState {0 3-4}"
    );
    assert_eq!(
        rule("ip", "ct state != { established, related }"),
        "CtState {0 3-4}"
    );
}

#[test]
fn a_field_that_is_not_there_ends_the_rule_even_when_denied() {
    assert_eq!(
        rule("ip", "tcp dport != 80"),
        "DstPort {0-79 81-65535}; Protocol {6}"
    );
    assert_eq!(
        rule("inet", "ip saddr . tcp dport != { 192.0.2.1 . 80 }"),
        "IpVersion {4}; Protocol {6}; all[has Src4, has DstPort, not Src4 . DstPort {{192.0.2.1} . {80}}]"
    );
    // An interface has a name or none; none is not an end.
    assert_eq!(rule("ip", "iifname != \"lo\""), "not In lo");
}

#[test]
fn families_ask_for_versions_only_where_both_pass() {
    assert_eq!(
        rule("inet", "ip saddr 192.0.2.1"),
        "IpVersion {4}; Src4 {192.0.2.1}"
    );
    assert_eq!(rule("ip", "ip saddr 192.0.2.1"), "Src4 {192.0.2.1}");
    assert_eq!(rule("ip", "meta nfproto ipv4 accept"), "=> Accept");
    assert_eq!(
        rule("inet", "icmpv6 type echo-request"),
        "Icmp6Type {128}; IpVersion {6}; Protocol {58}"
    );
    assert_eq!(
        rule("inet", "meta l4proto tcp tcp dport 22"),
        "DstPort {22}; Protocol {6}"
    );
}

#[test]
fn bare_ports_are_ports_only_of_protocols_that_have_them() {
    assert_eq!(
        rule("ip", "meta l4proto { tcp, udp } th dport 53"),
        "DstPort {53}; Protocol {6 17}"
    );
    assert!(rule("ip", "th dport 53").contains("unknown(NotModelled)"));
    assert_eq!(
        rule("ip", "meta l4proto . th dport { tcp . 53, udp . 53 }"),
        "Protocol . DstPort {{6} . {53}, {17} . {53}}"
    );
}

#[test]
fn masks_of_prefixes_are_ranges() {
    assert_eq!(
        rule("ip", "ip saddr & 255.255.255.0 == 192.0.2.0"),
        "Src4 {192.0.2.0-192.0.2.255}"
    );
    assert_eq!(
        rule("ip", "ip saddr & 0.0.0.255 == 0.0.0.1"),
        "Src4&0.0.0.255 {0.0.0.1}"
    );
    assert_eq!(
        rule("ip", "ip saddr & 255.255.255.0 == 192.0.2.1"),
        "Src4 {}"
    );
    assert_eq!(
        rule("ip", "tcp dport & 0xff00 == 0x1f00"),
        "DstPort {7936-8191}; Protocol {6}"
    );
}

#[test]
fn refusals_tell_the_sender_in_its_own_family() {
    assert_eq!(rule("ip", "reject"), "=> Reject(Icmp(3, 3))");
    assert_eq!(rule("ip6", "reject"), "=> Reject(Icmp(1, 4))");
    assert_eq!(
        rule("inet", "reject"),
        "=> IpVersion {4} -> Reject(Icmp(3, 3)) | IpVersion {6} -> Reject(Icmp(1, 4))"
    );
    assert_eq!(
        rule("inet", "reject with tcp reset"),
        "Protocol {6}; => Reject(TcpReset)"
    );
    assert_eq!(
        rule("inet", "reject with icmp host-unreachable"),
        "IpVersion {4}; => Reject(Icmp(3, 1))"
    );
}

#[test]
fn marks_are_masks_and_flips() {
    assert_eq!(rule("ip", "meta mark set 5"), "=> Mark & 0x0 ^ 0x5");
    assert_eq!(
        rule("ip", "meta mark set meta mark & 0xff | 0x101"),
        "=> Mark & 0xfe ^ 0x101"
    );
    assert_eq!(rule("ip", "meta mark set ct mark"), "=> RestoreMark");
    assert_eq!(
        rule("ip", "ct mark set meta mark & 0xff"),
        "=> SaveMark; => CtMark & 0xff ^ 0x0"
    );
}

#[test]
fn a_mark_from_a_map_is_a_rule_for_each_mark() {
    assert_eq!(
        rule(
            "ip",
            "meta mark set tcp dport map { 22 : 1, 80 : 2, 443 : 2 } accept"
        ),
        "DstPort {22}; Protocol {6}; => Mark & 0x0 ^ 0x1; => Accept // \
         DstPort {80 443}; Protocol {6}; => Mark & 0x0 ^ 0x2; => Accept"
    );
}

#[test]
fn a_missing_entry_ends_the_rule() {
    assert_eq!(
        rule("ip", "tcp dport vmap { 22 : accept } drop"),
        "DstPort {22}; Protocol {6}; => DstPort {22} -> Accept; => Drop"
    );
}

#[test]
fn sets_that_rules_fill_are_not_known() {
    let text = "table ip t {\nset s {\ntype ipv4_addr\nelements = { 192.0.2.1 }\n}\n\
        chain a {\nip saddr @s drop\n}\nchain b {\nadd @s { ip saddr }\n}\n}\n";
    let read = parsed(text);
    assert_eq!(
        shape::lines(&read.value)[1],
        "    unknown(Dynamic); => Drop"
    );
    assert_eq!(read.value.unknowns[0].text, "@s");
}

#[test]
fn translations_in_tables_of_both_families_are_of_one() {
    assert_eq!(
        rule("inet", "dnat ip to 10.0.0.1"),
        "=> IpVersion {4} -> Destination 10.0.0.1-10.0.0.1"
    );
    assert_eq!(
        rule("ip", "tcp dport 80 dnat to 10.0.0.1:8080"),
        "DstPort {80}; Protocol {6}; => Destination 10.0.0.1-10.0.0.1 ports 8080-8080"
    );
    assert_eq!(
        rule(
            "ip",
            "snat prefix to ip saddr map { 10.0.0.0/24 : 192.0.2.0/24 }"
        ),
        "=> Src4 {10.0.0.0-10.0.0.255} -> Prefix 192.0.2.0-192.0.2.255"
    );
}

#[test]
fn extensions_of_iptables_may_end_a_rule_or_decide() {
    assert_eq!(
        rule(
            "ip",
            "tcp dport 22 xt match recent  counter packets 0 bytes 0 accept"
        ),
        "DstPort {22}; Protocol {6}; unknown(NotUnderstood); => Accept"
    );
    assert_eq!(rule("ip", "xt match \"comment\" accept"), "=> Accept");
    assert_eq!(
        rule("ip", "xt target \"MARK\""),
        "=> unknown(NotUnderstood)"
    );
    let dump = r#"{"nftables": [{"table": {"family": "ip", "name": "t"}}, {"chain": {"family": "ip", "table": "t", "name": "c"}},
        {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [
            {"xt": {"type": "match", "name": "recent"}}, {"accept": null}]}}]}"#;
    let read = read_json(SourceId(0), dump.as_bytes(), &Limits::default());
    assert_eq!(
        shape::lines(&read.value)[1],
        "    unknown(NotUnderstood); => Accept"
    );
}

#[test]
fn rules_of_json_have_places() {
    let dump = r#"{"nftables": [{"table": {"family": "ip", "name": "t"}}, {"chain": {"family": "ip", "table": "t", "name": "c"}},
{"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"limit": {"rate": 1, "per": "second"}}, {"accept": null}]}}]}"#;
    let read = read_json(SourceId(0), dump.as_bytes(), &Limits::default());
    assert_eq!(read.problems, []);
    let at = read.value.chains[0].rules[0].at;
    let text = dump.get(at.start as usize..at.end as usize).unwrap();
    assert!(
        text.starts_with("{\"rule\"") && text.ends_with("]}}"),
        "{text}"
    );
    assert_eq!(
        read.value.unknowns[0].text,
        "{\"limit\": {\"rate\": 1, \"per\": \"second\"}}"
    );
}

#[test]
fn json_that_other_readers_refuse_is_read() {
    let dump = r#"{"nftables": [{"table": {"family": "ip", "name": "t"}}, {"chain": {"family": "ip", "table": "t", "name": "c"}},
        {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [
            {"match": {"op": "!", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": "syn"}},
            {"masquerade": {"flags": "random"}}]}},
        {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"teleport": 1}, {"accept": null}]}}]}"#;
    let read = read_json(SourceId(0), dump.as_bytes(), &Limits::default());
    assert_eq!(
        shape::lines(&read.value)[1..],
        [
            "    Protocol {6}; TcpFlags&2 {0}; => Masquerade random",
            "    => unknown(NotUnderstood); => Accept"
        ]
    );
    assert_eq!(read.problems.len(), 1);
}

#[test]
fn a_policy_that_is_not_written_is_assumed_out_loud() {
    let read = parsed("table ip t {\nchain c {\ntype filter hook input priority 0;\n}\n}\n");
    let base = read.value.chains[0].base.as_ref().unwrap();
    assert!(matches!(base.policy.at, Locus::Assumed { .. }));
}

#[test]
fn a_dormant_table_is_attached_nowhere() {
    let read = parsed(
        "table ip t {\nflags dormant\nchain c {\ntype filter hook input priority 0; policy drop\n}\n}\n",
    );
    assert_eq!(read.value.chains[0].base, None);
    assert_eq!(read.problems, []);
}
