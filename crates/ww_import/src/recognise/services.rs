//! Files of proxies, applications, databases and what starts them.

use super::Format;
use crate::service::{file_name, folder};

/// The format of a file by its name, where the name leaves no doubt.
pub(super) fn of_name(path: &str) -> Option<Format> {
    let name = file_name(path).to_ascii_lowercase();
    let known = match name.as_str() {
        "nginx.conf" | "nginx.conf.template" => Format::Nginx,
        "haproxy.cfg" | "haproxy.conf" => Format::Haproxy,
        "wirewise.toml" => Format::Facts,
        "package.json" | "package-lock.json" | "requirements.txt" | "poetry.lock"
        | "pyproject.toml" | "pipfile" | "pipfile.lock" | "go.mod" | "pom.xml" | "build.gradle"
        | "build.gradle.kts" | "gemfile.lock" | "gemfile" | "puma.rb" | "gunicorn.conf.py" => {
            Format::Application
        }
        "postgresql.conf" | "postgresql.auto.conf" => Format::Postgres,
        "my.cnf" | "my.ini" | "mysqld.cnf" | "mariadb.cnf" | "50-server.cnf" => Format::Mysql,
        "redis.conf" => Format::Redis,
        "pgbouncer.ini" => Format::Pgbouncer,
        "resolv.conf" => Format::Resolver,
        "sysctl.conf" => Format::Sysctl,
        _ => return of_pattern(path, &name),
    };
    Some(known)
}

fn of_pattern(path: &str, name: &str) -> Option<Format> {
    let ends = |end: &str| name.ends_with(end);
    let is_yaml = ends(".yaml") || ends(".yml");
    if name == "dockerfile" || name.starts_with("dockerfile.") || ends(".dockerfile") {
        Some(Format::Dockerfile)
    } else if is_yaml && (name.starts_with("docker-compose") || name.starts_with("compose.")) {
        Some(Format::Compose)
    } else if ["application", "bootstrap"]
        .iter()
        .any(|stem| name.starts_with(stem))
        && (is_yaml || ends(".properties"))
    {
        Some(Format::Spring)
    } else if name == ".env" || ends(".env") || name.starts_with(".env.") {
        Some(Format::Environment)
    } else if ends(".conf") && file_name(folder(path)) == "sysctl.d" {
        Some(Format::Sysctl)
    } else {
        None
    }
}

/// Parts of source lines that make a server or a client, set a timer of one, or name an address.
const IN_SOURCE: [&str; 28] = [
    "://",
    ".listen(",
    "run_app(",
    "create_engine(",
    "Redis(",
    "keepAliveTimeout",
    "headersTimeout",
    "requestTimeout",
    "createServer(",
    "http.Server{",
    "ListenAndServe",
    "http.Client{",
    "http.Transport{",
    "uvicorn.run(",
    "requests.",
    "httpx.",
    "urllib3.",
    "aiohttp.",
    "axios",
    "fetch(",
    "HttpClient",
    "grpc.NewServer(",
    "grpc.NewClient(",
    "grpc.Dial",
    "keepalive.ClientParameters",
    "keepalive.ServerParameters",
    "text/event-stream",
    "pingInterval",
];

/// The format of source code that may set a timer.
pub(super) fn of_source(path: &str, text: &str) -> Option<Format> {
    let languages = [
        ".js", ".mjs", ".cjs", ".ts", ".py", ".go", ".rb", ".java", ".kt",
    ];
    let is_source = languages.iter().any(|end| path.ends_with(end));
    let speaks = || IN_SOURCE.iter().any(|word| text.contains(word));
    (is_source && speaks()).then_some(Format::Application)
}

/// The format that a line can belong to only.
pub(super) fn of_line(line: &str) -> Option<Format> {
    let mut words = line.split_whitespace();
    let (first, second, third) = (words.next()?, words.next(), words.next());
    match (first, second, third) {
        ("http" | "events" | "stream" | "server" | "mail", Some("{"), None)
        | ("http{" | "events{" | "stream{" | "server{", None, _)
        | ("upstream", Some(_), Some("{"))
        | ("location", Some(_), Some(_)) => Some(Format::Nginx),
        ("global" | "defaults", None, _) | ("frontend" | "backend" | "listen", Some(_), None)
            if !line.ends_with([':', '{', '=', ';']) =>
        {
            Some(Format::Haproxy)
        }
        ("defaults", Some("from" | "http" | "tcp"), _) => Some(Format::Haproxy),
        ("static_resources:" | "dynamic_resources:", ..) => Some(Format::Envoy),
        ("[pgbouncer]", None, _) => Some(Format::Pgbouncer),
        ("[mysqld]", None, _) => Some(Format::Mysql),
        ("nameserver", Some(_), None) => Some(Format::Resolver),
        (key, second, _)
            if is_kernel_setting(key) && (key.contains('=') || second == Some("=")) =>
        {
            Some(Format::Sysctl)
        }
        _ => None,
    }
}

/// Whether a word is the name of a setting of the kernel's network.
fn is_kernel_setting(word: &str) -> bool {
    let parts = ["net.core.", "net.ipv4.", "net.ipv6.", "net.netfilter."];
    parts.iter().any(|part| word.starts_with(part))
}

/// What a YAML document without `apiVersion` is, by its keys at the left edge.
pub(super) fn of_yaml_keys(head: &str) -> Option<Format> {
    let has = |key: &str| {
        head.lines().any(|line| {
            line.strip_prefix(key)
                .is_some_and(|rest| rest.starts_with(':'))
        })
    };
    if is_envoy(head) {
        Some(Format::Envoy)
    } else if has("services") && !has("apiVersion") {
        Some(Format::Compose)
    } else if has("spring") || (has("server") && has("management")) {
        Some(Format::Spring)
    } else {
        None
    }
}

/// Whether a YAML document holds resources of Envoy: a bootstrap's, or a list of them.
pub(super) fn is_envoy(head: &str) -> bool {
    let has = |key: &str| head.lines().any(|line| line.starts_with(key));
    has("static_resources:")
        || has("dynamic_resources:")
        || has("staticResources:")
        || (has("resources:") && head.contains("type.googleapis.com/envoy."))
}

/// Whether a JSON document does.
pub(super) fn is_envoy_json(head: &str) -> bool {
    let has = |key: &str| head.contains(&format!("\"{key}\""));
    has("static_resources")
        || has("dynamic_resources")
        || (has("resources") && head.contains("type.googleapis.com/envoy."))
}

/// Whether most lines end as nginx' do: a piece that another file includes.
pub(super) fn is_piece_of_nginx(path: &str, head: &str) -> bool {
    let is_named = file_name(path)
        .rsplit_once('.')
        .is_some_and(|(_, end)| end == "conf")
        || path.contains("nginx");
    let lines = head
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty());
    let (mut all, mut ending) = (0, 0);
    for line in lines {
        all += 1;
        ending += usize::from(line.ends_with([';', '{', '}']));
    }
    is_named && all > 0 && ending * 4 >= all * 3
}
