//! Files that are cut, hostile or not understood: a clear problem with its line and column, the exit
//! code that says so, and no answer that pretends to know.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests start the program and write its inputs; where that fails, they fail"
)]

use serde_json::Value;
use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder for one test's files, empty at first.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("bad_files")
        .join(test);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs the program inside a folder, so that paths are short.
fn wirewise(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output
        .status
        .code()
        .unwrap_or_else(|| panic!("ended by a signal: {}", stderr(output)))
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

/// Checks one file: it ends with 3, and the first problem is told with its place.
#[track_caller]
fn told(test: &str, name: &str, bytes: impl AsRef<[u8]>, first: &str) {
    let folder = folder(test);
    std::fs::write(folder.join(name), bytes).unwrap();
    let output = wirewise(&folder, &["check", "--fail-on", "never", name]);
    let said = stderr(&output);
    assert_eq!(code(&output), 3, "{said}{}", stdout(&output));
    assert!(said.starts_with(&format!("wirewise: {first}")), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// The answer of `reach can` about one file, and its exit code.
fn can(folder: &Path, paths: &[&str], question: &[&str]) -> (Value, i32) {
    let arguments = [&["reach", "can"], paths, question, &["--format", "json"]].concat();
    let output = wirewise(folder, &arguments);
    let answer = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
    (answer, code(&output))
}

fn word(answer: &Value, name: &str) -> String {
    let word = answer.get(name).and_then(Value::as_str);
    word.unwrap().to_owned()
}

/// The text before these words.
fn up_to<'t>(text: &'t str, words: &str) -> &'t str {
    text.split_once(words).unwrap().0
}

/// Whether a host outside reaches a service of the filtering device, in one file.
fn to_device(test: &str, name: &str, text: &str, port: &str) -> (String, i32) {
    let folder = folder(test);
    std::fs::write(folder.join(name), text).unwrap();
    let question = ["--from", "192.0.2.7", "--to", "10.0.0.1", "--hook", "input"];
    let (answer, code) = can(
        &folder,
        &[name],
        &[&question[..], &["--port", port]].concat(),
    );
    if code == 3 {
        let gaps = answer.get("gaps").and_then(Value::as_array);
        assert!(
            gaps.is_some_and(|gaps| !gaps.is_empty()),
            "says what is missing"
        );
    }
    (word(&answer, "verdict"), code)
}

#[test]
fn files_that_include_one_another() {
    let folder = folder("includes");
    let one = "include \"two.nft\"\ntable ip one {\n\tchain a { drop; }\n}\n";
    let two = "table ip two {\n\tchain b { accept; }\n}\ninclude \"one.nft\"\n";
    std::fs::write(folder.join("one.nft"), one).unwrap();
    std::fs::write(folder.join("two.nft"), two).unwrap();
    let output = wirewise(&folder, &["check", "--fail-on", "never", "."]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let expected = "./two.nft:4:9: \"one.nft\" includes itself";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));

    let itself = "table ip a { }\n  include \"itself.nft\"\n";
    told(
        "includes_itself",
        "itself.nft",
        itself,
        "itself.nft:2:11: \"itself.nft\" includes itself",
    );
    let missing = "include \"/etc/nftables.d/lan.nft\"\ntable ip a { }\n";
    told(
        "includes_missing",
        "main.nft",
        missing,
        "main.nft:1:9: \"/etc/nftables.d/lan.nft\" is not included",
    );
}

#[test]
fn half_a_dump_of_iptables_is_no_certain_answer() {
    let whole = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n\
                 -A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\nCOMMIT\n";
    assert_eq!(
        to_device("whole", "r", whole, "22/tcp"),
        ("reachable".into(), 0)
    );
    assert_eq!(
        to_device("whole", "r", whole, "80/tcp"),
        ("blocked".into(), 1)
    );
    // The cut is behind the rule for 22, inside the one for 443: 44 of it is left.
    let half = up_to(whole, "3 -j ACCEPT\nCOMMIT");
    assert_eq!(
        to_device("half", "r", half, "22/tcp"),
        ("reachable".into(), 0)
    );
    for port in ["443/tcp", "44/tcp", "80/tcp"] {
        assert_eq!(to_device("half", "r", half, port), ("unknown".into(), 3));
    }
    told(
        "half_told",
        "half",
        half,
        "half:1:1: table filter has no COMMIT",
    );
}

#[test]
fn half_a_dump_of_nftables_is_no_certain_answer() {
    let whole = "table inet fw {\n\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n\
                 \t\ttcp dport 22 accept\n\t\ttcp dport 443 accept\n\t}\n}\n";
    assert_eq!(
        to_device("nft_whole", "r", whole, "22/tcp"),
        ("reachable".into(), 0)
    );
    assert_eq!(
        to_device("nft_whole", "r", whole, "80/tcp"),
        ("blocked".into(), 1)
    );
    let half = up_to(whole, "3 accept");
    // A table that is missing may drop what this one accepts.
    for port in ["22/tcp", "443/tcp", "80/tcp"] {
        assert_eq!(
            to_device("nft_half", "r", half, port),
            ("unknown".into(), 3)
        );
    }
    told("nft_half_told", "half", half, "half:5:");

    let json = r#"{"nftables": [{"table": {"family": "ip", "name": "t"}},
{"chain": {"family": "ip", "table": "t", "name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
{"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"match": {"op": "==", "#;
    assert_eq!(
        to_device("json_half", "r", json, "80/tcp"),
        ("unknown".into(), 3)
    );
    told(
        "json_half_told",
        "half",
        json,
        "half:3:1: the list breaks off",
    );
}

/// A pod, a policy that closes it, and whether another pod reaches it.
const PODS: &str = "\
apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\nspec: {containers: [{name: c}]}\n---\n\
apiVersion: v1\nkind: Pod\nmetadata: {name: job, labels: {app: job}}\nspec: {containers: [{name: c}]}\n";
const CLOSED: &str = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed}\n\
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}\n";

fn job_to_web(test: &str, text: &str) -> (Value, i32) {
    let folder = folder(test);
    std::fs::write(folder.join("all.yaml"), text).unwrap();
    can(
        &folder,
        &["all.yaml"],
        &["--from", "default/job", "--to", "default/web"],
    )
}

#[test]
fn a_policy_that_cannot_be_read_makes_answers_uncertain() {
    let verdict = |test: &str, text: String| {
        let (answer, code) = job_to_web(test, &text);
        (word(&answer, "verdict"), code)
    };
    assert_eq!(verdict("kube_open", PODS.into()), ("reachable".into(), 0));
    assert_eq!(
        verdict("kube_closed", format!("{PODS}{CLOSED}")),
        ("blocked".into(), 1)
    );
    let may = ("may".to_owned(), 3);
    // Cut inside the policy; of a kind that is not read; a template; a peer that means nothing.
    let cut = up_to(CLOSED, "matchLabels");
    assert_eq!(verdict("kube_cut", format!("{PODS}{cut}")), may);
    let cilium = "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x}\n";
    assert_eq!(verdict("kube_cilium", format!("{PODS}{cilium}")), may);
    let template = CLOSED.replace("name: closed", "name: {{ .Release.Name }}");
    assert_eq!(verdict("kube_template", format!("{PODS}{template}")), may);
    let peer = CLOSED.replace(
        "policyTypes",
        "ingress: [{from: [{ipBlock: {cidr: 10.0.0/8}}]}], policyTypes",
    );
    assert_eq!(verdict("kube_peer", format!("{PODS}{peer}")), may);
    // What decides nothing about these two pods leaves the answer as it is.
    let deployment = "---\nkind: Deployment\nmetadata: {name: {{ .Values.name }}}\n";
    assert_eq!(
        verdict("kube_deployment", format!("{PODS}{deployment}")),
        ("reachable".into(), 0)
    );
}

#[test]
fn bombs_of_yaml_are_bounded_and_told() {
    let many = |name: &str| format!("[{}]", vec![format!("*{name}"); 1000].join(", "));
    let bomb = format!(
        "kind: NetworkPolicy\nmetadata: {{name: bomb}}\npeer: &peer {{podSelector: {{}}}}\n\
         rule: &rule {{from: {}}}\nspec: {{podSelector: {{}}, ingress: {}}}\n",
        many("peer"),
        many("rule")
    );
    told(
        "alias_bomb",
        "bomb.yaml",
        bomb,
        "bomb.yaml:1:1: aliases repeat one another too often",
    );

    let deep: String = (0..5000).fold(String::new(), |mut text, level| {
        let _ = writeln!(text, "{}a:", " ".repeat(level));
        text
    });
    told(
        "deep_block",
        "deep.yaml",
        format!("kind: Pod\n{deep}"),
        "deep.yaml:1",
    );
    let flow = format!("kind: Pod\nspec: {}\n", "[".repeat(1_000_000));
    told("deep_flow", "flow.yaml", flow, "flow.yaml:2:10");
    let wide = format!("kind: Pod\nspec: [{}", "a, ".repeat(500_000));
    told("wide_flow", "wide.yaml", wide, "wide.yaml:");
}

#[test]
fn extensions_of_iptables_that_are_not_known() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n\
                 -A INPUT -m frobnicate --level 9 -j ACCEPT\n\
                 -A INPUT -p tcp -m tcp --dport 22 -j TELEPORT --to moon\nCOMMIT\n";
    told("iptables_unknown", "rules", rules, "rules:4:1: ");
    assert_eq!(
        to_device("iptables_unknown_asked", "rules", rules, "22/tcp"),
        ("unknown".into(), 3)
    );
    assert_eq!(
        to_device("iptables_unknown_asked", "rules", rules, "80/tcp"),
        ("unknown".into(), 3)
    );
}

#[test]
fn statements_of_nftables_that_are_not_known() {
    let rules = "table inet fw {\n\tchain in {\n\t\ttype filter hook input priority 0; policy drop;\n\
                 \t\ttcp dport 22 frobnicate 9 accept\n\t\ttcp dport 443 accept\n\t}\n}\n";
    told("nft_unknown", "rules.nft", rules, "rules.nft:4:16: ");
    assert_eq!(
        to_device("nft_unknown_asked", "rules.nft", rules, "22/tcp"),
        ("unknown".into(), 3)
    );
    assert_eq!(
        to_device("nft_unknown_asked", "rules.nft", rules, "443/tcp"),
        ("reachable".into(), 0)
    );
}

#[test]
fn bytes_that_are_no_text() {
    let nul = b"*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.0.0.1\0 -j ACCEPT\nCOMMIT\n";
    told("nul", "rules", nul, "rules:3:1: ");
    let strange = b"*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.0.\xff.1 -j ACCEPT\nCOMMIT\n";
    told("strange", "rules", strange, "rules:3:1: ");
    let nft = b"table ip t {\n\tchain c {\n\t\tip saddr 10.0.\xff.1 drop\n\t}\n}\n";
    told("nft_strange", "r.nft", nft, "r.nft:3:");
    let nft = b"table ip t {\n\tchain c {\n\t\t\0\n\t}\n}\n";
    told("nft_nul", "r.nft", nft, "r.nft:3:3: ");
    let yaml = b"kind: NetworkPolicy\nmetadata: {name: a\0b}\n";
    told("yaml_nul", "p.yaml", yaml, "p.yaml:2:");
    // Nothing of it is text.
    let noise: Vec<u8> = (0..4096_u32).map(|n| (n * 197 % 251) as u8).collect();
    told("yaml_noise", "p.yaml", noise, "p.yaml:");
}

#[test]
fn windows_line_ends_change_no_answer() {
    let save = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n";
    let nft = "table ip t {\n\tchain c {\n\t\ttype filter hook input priority 0; policy drop;\n\t\ttcp dport 22 accept\n\t}\n}\n";
    for (name, text) in [("windows_save", save), ("windows_nft", nft)] {
        let text = text.replace('\n', "\r\n");
        assert_eq!(
            to_device(name, "r", &text, "22/tcp"),
            ("reachable".into(), 0)
        );
        assert_eq!(to_device(name, "r", &text, "80/tcp"), ("blocked".into(), 1));
    }
    let text = format!("{PODS}{CLOSED}").replace('\n', "\r\n");
    let (answer, code) = job_to_web("windows_kube", &text);
    assert_eq!((answer["verdict"].as_str(), code), (Some("blocked"), 1));
}

#[test]
fn an_empty_file_is_told_and_alone_is_nothing_to_answer_from() {
    let folder = folder("empty");
    std::fs::write(folder.join("empty"), "").unwrap();
    std::fs::write(folder.join("rules"), "*filter\n:INPUT DROP [0:0]\nCOMMIT\n").unwrap();
    let output = wirewise(&folder, &["check", "empty"]);
    assert_eq!(code(&output), 4);
    assert!(
        stderr(&output).starts_with("wirewise: empty: is empty"),
        "{}",
        stderr(&output)
    );
    assert_eq!(stdout(&output), "");
    let output = wirewise(&folder, &["check", "--fail-on", "never", "empty", "rules"]);
    assert_eq!(code(&output), 3);
    let output = wirewise(&folder, &["map", "empty", "rules"]);
    assert_eq!(code(&output), 3);
    // In a folder, other people's files are none of our business.
    let output = wirewise(&folder, &["check", "--fail-on", "never", "."]);
    assert_eq!((code(&output), stderr(&output)), (0, ""));
}

/// The program without the right of root to read everything.
fn without_rights(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_wirewise");
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--inh-caps=-all", "--bounding-set=-all", program]);
        command
    } else {
        Command::new(program)
    };
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn what_cannot_be_opened_is_told() {
    let folder = folder("closed");
    let rules = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n";
    std::fs::create_dir(folder.join("secret")).unwrap();
    std::fs::write(folder.join("secret/rules"), rules).unwrap();
    std::fs::write(folder.join("rules"), rules).unwrap();
    std::fs::write(folder.join("policy.yaml"), PODS).unwrap();
    let closed = |path: &str| {
        std::fs::set_permissions(folder.join(path), Permissions::from_mode(0o0)).unwrap();
    };
    closed("secret");
    closed("policy.yaml");
    let output = without_rights(&folder, &["check", "--fail-on", "never", "."]);
    let again = without_rights(&folder, &["check", "--fail-on", "never", "secret"]);
    let file = without_rights(
        &folder,
        &["check", "--fail-on", "never", "policy.yaml", "rules"],
    );
    std::fs::set_permissions(folder.join("secret"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    for expected in [
        "wirewise: ./secret: cannot be opened: ",
        "wirewise: ./policy.yaml: cannot be read: ",
    ] {
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    assert_eq!(code(&again), 4, "{}", stderr(&again));
    assert!(stderr(&again).starts_with("wirewise: secret: cannot be opened"));
    assert_eq!(code(&file), 3, "{}", stderr(&file));
    let output = wirewise(&folder, &["check", "no/such/file"]);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).starts_with("wirewise: no/such/file: cannot be read"));
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let ask = |bytes: &[u8]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wirewise"))
            .args(["check", "--fail-on", "never", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = ask(b"*filter\n:INPUT DROP [0:0]\nCOMMIT\n");
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    let output = ask(b"*filter\n:INPUT DROP [0:0]\n-A INPUT -m nonsense -j ACCEPT\nCOMMIT\n");
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains(":3:1: "), "{}", stderr(&output));
    for nothing in [
        &b""[..],
        b"\n \n",
        b"Dear reader,\n",
        &[0; 4096],
        &[0xff; 4096],
    ] {
        let output = ask(nothing);
        assert_eq!(code(&output), 4, "{}", stderr(&output));
    }
}

#[test]
fn every_question_says_that_something_was_not_understood() {
    let folder = folder("questions");
    let good =
        "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT\nCOMMIT\n";
    let bad = good.replace("COMMIT", "-A FORWARD -m nonsense -j DROP\nCOMMIT");
    std::fs::write(folder.join("good"), good).unwrap();
    std::fs::write(folder.join("bad"), bad).unwrap();
    let ask = |file: &str, question: &[&str], arguments: &[&str]| {
        let all = [
            &["reach"],
            question,
            &[file],
            arguments,
            &["--format", "json"],
        ]
        .concat();
        let output = wirewise(&folder, &all);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let gaps = answer["gaps"].as_array().map_or(0, Vec::len);
        (code(&output), gaps)
    };
    let who: (&[&str], &[&str]) = (&["who"], &["--to", "10.0.0.1", "--port", "443/tcp"]);
    let matrix: (&[&str], &[&str]) = (&["matrix"], &["--port", "443/tcp"]);
    let shadowed: (&[&str], &[&str]) = (&["shadowed"], &[]);
    let diff: (&[&str], &[&str]) = (&["diff", "good"], &[]);
    for (question, arguments) in [who, matrix, shadowed, diff] {
        assert_eq!(ask("good", question, arguments), (0, 0), "{question:?}");
        assert_eq!(ask("bad", question, arguments), (3, 1), "{question:?}");
    }
    assert_eq!(ask("good", &["equivalent", "good"], &[]), (0, 0));
    assert_eq!(ask("bad", &["equivalent", "bad"], &[]).0, 3);
}
