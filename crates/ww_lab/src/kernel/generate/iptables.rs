//! Rule sets in the language of `iptables-save`.

mod act;

use super::values::Draw;
use super::{Backend, Case, Edge, Line, Part};
use crate::rng::Rng;
use std::fmt::Write as _;
use ww_model::filter::Hook;
use ww_model::packet::protocol;

/// Chains of users in the tables that have them.
const USER_CHAINS: usize = 4;

const FLAG_NAMES: [(u8, &str); 6] = [
    (1, "FIN"),
    (2, "SYN"),
    (4, "RST"),
    (8, "PSH"),
    (16, "ACK"),
    (32, "URG"),
];

/// A rule set for packets of one IP version.
pub(super) fn case(rng: &mut Rng, backend: Backend) -> Case {
    let hook = match rng.below(6) {
        0 => Hook::Input,
        1 => Hook::Output,
        _ => Hook::Forward,
    };
    let v6 = rng.below(3) == 0;
    let mut maker = Maker {
        draw: Draw::new(rng, v6),
        hook,
        translates: false,
        about_marks: false,
        sets: Vec::new(),
        lines: Vec::new(),
        edges: Vec::new(),
    };
    maker.translates = maker.draw.once_in(3);
    maker.about_marks = maker.draw.once_in(4);
    maker.make_sets();
    for table in ["raw", "mangle", "nat", "filter"] {
        maker.make_table(table);
    }
    let set_lines = maker
        .sets
        .iter()
        .flat_map(|set| set.lines.iter().cloned())
        .collect();
    Case {
        backend,
        v6,
        hook,
        translates: maker.translates,
        sets: set_lines,
        lines: maker.lines,
        edges: maker.edges,
    }
}

struct Maker<'a> {
    draw: Draw<'a>,
    hook: Hook,
    translates: bool,
    /// Rules set and test marks more than anything else.
    about_marks: bool,
    sets: Vec<Set>,
    lines: Vec<Line>,
    edges: Vec<Vec<Edge>>,
}

/// A set of ipset.
struct Set {
    name: String,
    lines: Vec<String>,
    /// Each part of its entries: an address, or a protocol and port.
    has_port: bool,
    entries: Vec<(u128, u128, u8, u16)>,
}

/// Where a rule stands.
#[derive(Clone, Copy)]
struct Position<'a> {
    table: &'a str,
    chain: &'a str,
    /// For a chain of users its number.
    user: Option<usize>,
}

impl Maker<'_> {
    fn make_sets(&mut self) {
        let family = if self.draw.v6 { "inet6" } else { "inet" };
        for number in 0..self.draw.between(0, 2) {
            let has_port = self.draw.once_in(3);
            // Sets of earlier cases stay, as rules let go of them only in time.
            let name = format!("s{number}x{:x}", self.draw.rng.next_u64() as u32);
            let kind = if has_port { "hash:ip,port" } else { "hash:net" };
            let mut lines = vec![format!("create {name} {kind} family {family}")];
            let mut entries = Vec::new();
            for _ in 0..self.draw.between(1, 5) {
                if has_port {
                    let address = super::values::number(self.draw.address());
                    let (port, _) = self.draw.ports();
                    let proto = self.draw.one(&[protocol::TCP, protocol::UDP]);
                    let word = if proto == protocol::TCP { "tcp" } else { "udp" };
                    let text = self.draw.text(address);
                    lines.push(format!("add {name} {text},{word}:{port} -exist"));
                    entries.push((address, address, proto, port));
                } else {
                    let (text, first, last) = self.draw.prefix();
                    let nomatch = if self.draw.once_in(5) { " nomatch" } else { "" };
                    lines.push(format!("add {name} {text}{nomatch} -exist"));
                    entries.push((first, last, 0, 0));
                }
            }
            self.sets.push(Set {
                name,
                lines,
                has_port,
                entries,
            });
        }
    }

    fn say(&mut self, text: impl Into<String>) {
        self.lines.push(Line {
            text: text.into(),
            is_rule: false,
        });
    }

    /// The built-in chains of a table, and those of them that packets of this case pass.
    fn chains(&self, table: &str) -> (&'static [&'static str], Vec<&'static str>) {
        let all: &[&str] = match table {
            "raw" => &["PREROUTING", "OUTPUT"],
            "nat" => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
            "mangle" => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
            _ => &["INPUT", "FORWARD", "OUTPUT"],
        };
        let path: &[&str] = match self.hook {
            Hook::Input => &["PREROUTING", "INPUT"],
            Hook::Output => &["OUTPUT", "POSTROUTING"],
            _ => &["PREROUTING", "FORWARD", "POSTROUTING"],
        };
        let mut passed: Vec<&str> = all
            .iter()
            .copied()
            .filter(|chain| path.contains(chain))
            .collect();
        // A translated packet may turn out to be for the router.
        if self.translates && self.hook != Hook::Output && all.contains(&"INPUT") && table != "nat"
        {
            for chain in ["INPUT", "FORWARD", "POSTROUTING"] {
                if all.contains(&chain) && !passed.contains(&chain) {
                    passed.push(chain);
                }
            }
        }
        (all, passed)
    }

    fn make_table(&mut self, table: &str) {
        let (all, passed) = self.chains(table);
        self.say(format!("*{table}"));
        for chain in all {
            let may_drop = table == "filter" || (table == "mangle" && self.draw.once_in(8));
            let drops = may_drop && passed.contains(chain) && self.draw.once_in(2);
            self.say(format!(
                ":{chain} {} [0:0]",
                if drops { "DROP" } else { "ACCEPT" }
            ));
        }
        let users = if matches!(table, "mangle" | "filter") {
            USER_CHAINS
        } else {
            0
        };
        let user_names: Vec<String> = (0..users).map(|number| format!("u{number}")).collect();
        for name in &user_names {
            self.say(format!(":{name} - [0:0]"));
        }
        let rules = match table {
            "filter" => self.draw.between(4, 14),
            "mangle" if self.about_marks => self.draw.between(4, 9),
            "mangle" => self.draw.between(0, 8),
            "nat" if self.translates => self.draw.between(2, 6),
            "raw" => self.draw.between(0, 3),
            _ => 0,
        };
        for _ in 0..rules {
            let user = (users > 0 && self.draw.once_in(2))
                .then(|| self.draw.rng.below(users as u64) as usize);
            let index = self.draw.rng.below(passed.len() as u64) as usize;
            let built_in = passed.get(index).copied().unwrap_or_default();
            let chain = user
                .and_then(|number| user_names.get(number))
                .map_or(built_in, String::as_str);
            self.make_rule(Position { table, chain, user });
        }
        self.say("COMMIT");
    }

    fn make_rule(&mut self, at: Position) {
        let mut words = format!("-A {}", at.chain);
        let mut proto = None;
        let tests = self.draw.between(0, if self.about_marks { 1 } else { 3 });
        if !self.about_marks || self.draw.once_in(4) {
            self.general_tests(&mut words, at, &mut proto);
        }
        if self.about_marks && !self.draw.once_in(4) {
            let test = self.mark_test();
            words.push_str(&test);
        }
        for _ in 0..tests {
            self.extension_test(&mut words, at, proto);
        }
        let target = self.target(at, proto);
        words.push_str(&target);
        self.lines.push(Line {
            text: words,
            is_rule: true,
        });
        let edges = std::mem::take(&mut self.draw.edges);
        self.edges.push(edges);
    }

    fn not(&mut self) -> &'static str {
        if self.draw.once_in(4) { " !" } else { "" }
    }

    fn general_tests(&mut self, words: &mut String, at: Position, proto: &mut Option<u8>) {
        for (option, part) in [("-s", Part::Src), ("-d", Part::Dst)] {
            if self.draw.once_in(3) {
                let (text, first, last) = self.draw.prefix();
                let not = self.not();
                let _ = write!(words, "{not} {option} {text}");
                self.draw.range_edges(part, first, last);
            }
        }
        let sees_in = !matches!(at.chain, "OUTPUT" | "POSTROUTING") && self.hook != Hook::Output;
        let sees_out = !matches!(at.chain, "PREROUTING" | "INPUT") && self.hook != Hook::Input;
        for (option, visible) in [("-i", sees_in), ("-o", sees_out)] {
            if visible && self.draw.once_in(4) {
                let (name, wild) = self.draw.interface_pattern();
                let not = self.not();
                let _ = write!(
                    words,
                    "{not} {option} {name}{}",
                    if wild { "+" } else { "" }
                );
                if option == "-i" {
                    let fitting = super::super::router::INTERFACES
                        .iter()
                        .zip(0..)
                        .filter(|(candidate, _)| candidate.starts_with(&name));
                    let mut values: Vec<u128> = fitting.map(|(_, number)| number).collect();
                    values.push(u128::from(self.draw.rng.below(6)));
                    self.draw.edge(Part::Entry, values);
                }
            }
        }
        if self.draw.once_in(4) {
            return;
        }
        let number = self.draw.protocol();
        let negated = self.draw.once_in(10);
        let word = match number {
            protocol::TCP => "tcp".to_owned(),
            protocol::UDP => "udp".to_owned(),
            protocol::ICMP => "icmp".to_owned(),
            protocol::ICMPV6 => "ipv6-icmp".to_owned(),
            protocol::SCTP => "sctp".to_owned(),
            protocol::UDPLITE => "udplite".to_owned(),
            other => other.to_string(),
        };
        let _ = write!(words, "{} -p {word}", if negated { " !" } else { "" });
        self.draw.edge(Part::Proto, [number.into()]);
        if !negated {
            *proto = Some(number);
        }
    }

    fn extension_test(&mut self, words: &mut String, at: Position, proto: Option<u8>) {
        let text = match (self.draw.rng.below(9), proto) {
            (0 | 1, Some(protocol::TCP | protocol::UDP | protocol::SCTP)) => {
                self.port_test(words, proto)
            }
            (2, Some(protocol::TCP | protocol::UDP | protocol::SCTP | protocol::UDPLITE)) => {
                self.multiport_test()
            }
            (3, Some(protocol::TCP)) => self.flag_test(words),
            (0..4, Some(protocol::ICMP | protocol::ICMPV6)) => self.icmp_test(words),
            (4, _) if !words.contains("iprange") => self.range_test(),
            (5, _) if !words.contains("--ctstate") => self.state_test(at),
            (6, _) if !words.contains("mark ") => self.mark_test(),
            (7, _) => self.set_test(words),
            (8, _) if at.table != "raw" && !words.contains("addrtype") => self.kind_test(at),
            _ => String::new(),
        };
        words.push_str(&text);
    }

    fn port_test(&mut self, words: &str, proto: Option<u8>) -> String {
        let name = match proto {
            Some(protocol::TCP) => "tcp",
            Some(protocol::UDP) => "udp",
            _ => "sctp",
        };
        let (option, part) = if self.draw.once_in(3) {
            ("--sport", Part::Sport)
        } else {
            ("--dport", Part::Dport)
        };
        if words.contains(option) {
            return String::new();
        }
        let (first, last) = self.draw.ports();
        self.draw.range_edges(part, first.into(), last.into());
        let not = self.not();
        if first == last {
            format!(" -m {name}{not} {option} {first}")
        } else {
            format!(" -m {name}{not} {option} {first}:{last}")
        }
    }

    fn multiport_test(&mut self) -> String {
        let option = self.draw.one(&["--sports", "--dports", "--ports"]);
        let mut list = Vec::new();
        for _ in 0..self.draw.between(1, 4) {
            let (first, last) = self.draw.ports();
            for part in [Part::Sport, Part::Dport] {
                let concerned = match option {
                    "--sports" => part == Part::Sport,
                    "--dports" => part == Part::Dport,
                    _ => true,
                };
                if concerned && (list.is_empty() || self.draw.once_in(2)) {
                    self.draw.range_edges(part, first.into(), last.into());
                }
            }
            list.push(if first == last {
                first.to_string()
            } else {
                format!("{first}:{last}")
            });
        }
        let not = self.not();
        format!(" -m multiport{not} {option} {}", list.join(","))
    }

    fn flag_test(&mut self, words: &str) -> String {
        if words.contains("--tcp-flags") || words.contains("--syn") {
            return String::new();
        }
        let not = self.not();
        if self.draw.once_in(3) {
            self.draw
                .edge(Part::Flags, [2, 0x12, 0x16, 0x03, 0x10, 0x22, 0xc2]);
            return format!(" -m tcp{not} --syn");
        }
        let mask = self.draw.rng.next_u64() as u8 & 0x3f | 2;
        let wanted = self.draw.rng.next_u64() as u8 & mask;
        let flip = 1_u8 << self.draw.rng.below(6);
        let values = [wanted, wanted | !mask, wanted ^ flip, mask, 2, 16];
        self.draw.edge(Part::Flags, values.map(u128::from));
        format!(
            " -m tcp{not} --tcp-flags {} {}",
            flag_words(mask),
            flag_words(wanted)
        )
    }

    fn icmp_test(&mut self, words: &str) -> String {
        let (module, option) = if self.draw.v6 {
            ("icmp6", "--icmpv6-type")
        } else {
            ("icmp", "--icmp-type")
        };
        if words.contains(option) {
            return String::new();
        }
        let (kind, code) = self.draw.icmp();
        let not = self.not();
        self.draw.edge(
            Part::IcmpType,
            [kind.into(), u128::from(kind) + 1, kind.into()],
        );
        if self.draw.once_in(2) {
            return format!(" -m {module}{not} {option} {kind}");
        }
        self.draw.edge(
            Part::IcmpCode,
            [code.into(), u128::from(code) + 1, code.into()],
        );
        format!(" -m {module}{not} {option} {kind}/{code}")
    }

    fn range_test(&mut self) -> String {
        let (option, part) = if self.draw.once_in(2) {
            ("--src-range", Part::Src)
        } else {
            ("--dst-range", Part::Dst)
        };
        let (first, last) = self.draw.address_range();
        self.draw.range_edges(part, first, last);
        let (first, last) = (self.draw.text(first), self.draw.text(last));
        let not = self.not();
        format!(" -m iprange{not} {option} {first}-{last}")
    }

    fn state_test(&mut self, at: Position) -> String {
        const STATES: [&str; 7] = [
            "NEW",
            "NEW",
            "INVALID",
            "UNTRACKED",
            "RELATED,ESTABLISHED",
            "NEW,INVALID",
            "INVALID,UNTRACKED",
        ];
        let not = self.not();
        let translated = self.translates && at.table != "raw" && self.draw.once_in(2);
        let states = if translated {
            self.draw.one(&["DNAT", "SNAT", "INVALID,DNAT"])
        } else {
            self.draw.one(&STATES)
        };
        if !translated && self.draw.once_in(4) {
            return format!(" -m state{not} --state {states}");
        }
        format!(" -m conntrack{not} --ctstate {states}")
    }

    fn mark_test(&mut self) -> String {
        let (value, mask) = self.draw.mark();
        let module = if self.draw.once_in(2) {
            "connmark"
        } else {
            "mark"
        };
        let not = self.not();
        if mask == u32::MAX {
            format!(" -m {module}{not} --mark {value:#x}")
        } else {
            format!(" -m {module}{not} --mark {value:#x}/{mask:#x}")
        }
    }

    fn set_test(&mut self, words: &str) -> String {
        let index = self.draw.rng.below(self.sets.len().max(1) as u64) as usize;
        let Some(set) = self.sets.get(index) else {
            return String::new();
        };
        if words.contains("--match-set") {
            return String::new();
        }
        let source = self.draw.rng.below(2) == 0;
        let direction = match (set.has_port, source) {
            (false, true) => "src",
            (false, false) => "dst",
            (true, true) => "src,dst",
            (true, false) => "dst,dst",
        };
        let part = if source { Part::Src } else { Part::Dst };
        let entry = self.draw.rng.below(set.entries.len() as u64) as usize;
        let text = format!("--match-set {} {direction}", set.name);
        let has_port = set.has_port;
        if let Some(&(first, last, proto, port)) = set.entries.get(entry) {
            self.draw.range_edges(part, first, last);
            if has_port {
                self.draw.edge(Part::Proto, [proto.into()]);
                self.draw.range_edges(Part::Dport, port.into(), port.into());
            }
        }
        format!(" -m set{} {text}", self.not())
    }

    fn kind_test(&mut self, at: Position) -> String {
        let option = if at.chain == "OUTPUT" || self.draw.once_in(3) {
            "--src-type"
        } else {
            "--dst-type"
        };
        let kind = self.draw.one(&["LOCAL", "UNICAST"]);
        let not = self.not();
        format!(" -m addrtype{not} {option} {kind}")
    }

    /// A network to map addresses into that lies behind one interface.
    fn network(&mut self) -> (String, u128) {
        let first = super::values::number(self.draw.address());
        let (hosts, length) = if self.draw.v6 {
            (0xffff_u128, 112)
        } else {
            (0xff, 24)
        };
        (
            format!("{}/{length}", self.draw.text(first & !hosts)),
            first & !hosts,
        )
    }
}

fn flag_words(flags: u8) -> String {
    let names: Vec<&str> = FLAG_NAMES
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    if names.is_empty() {
        "NONE".into()
    } else {
        names.join(",")
    }
}
