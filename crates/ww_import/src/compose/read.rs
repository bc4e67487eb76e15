//! YAML to what is written of services.

use super::interpolate::Variables;
use super::written::{Extends, Health, Project, Service, Word, Written};
use crate::document::View;
use crate::service::{Intake, Notation, folder, resolve, variables};
use crate::text::{Quoting, words};
use std::net::IpAddr;
use ww_base::{Gap, Locus, Setting, SourceSpan, Sourced, Span};
use ww_model::service::{Mount, NamedValue, Until};

/// Keys of services that say nothing of how programs call one another.
const IRRELEVANT: &[&str] = &[
    "annotations",
    "attach",
    "blkio_config",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "credential_spec",
    "develop",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "external_links",
    "extra_hosts",
    "gpus",
    "group_add",
    "init",
    "ipc",
    "isolation",
    "label_file",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "models",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "post_start",
    "pre_stop",
    "privileged",
    "profiles",
    "provider",
    "pull_policy",
    "read_only",
    "restart",
    "runtime",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_signal",
    "storage_opt",
    "tmpfs",
    "tty",
    "ulimits",
    "use_api_socket",
    "user",
    "userns_mode",
    "uts",
    "volume_driver",
    "volumes_from",
    "working_dir",
];

/// Keys of services that are read.
const READ: &[&str] = &[
    "build",
    "command",
    "depends_on",
    "deploy",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extends",
    "healthcheck",
    "hostname",
    "image",
    "labels",
    "links",
    "network_mode",
    "networks",
    "ports",
    "scale",
    "stop_grace_period",
    "sysctls",
    "volumes",
    "<<",
];

/// How many ports of a range are kept.
const MOST_PORTS: u16 = 64;

/// Reads a document.
pub(super) fn project(
    root: View<'_>,
    intake: &mut Intake<'_>,
    variables: &Variables,
    project: &mut Project,
) {
    let mut reader = Reader {
        intake,
        variables,
        folder: folder(&project.path).to_owned(),
    };
    let name = root.get("name").and_then(|name| reader.word(name));
    project.name = name.map(|word| word.value);
    project.includes = root.get("include").is_some();
    let Some(services) = root.get("services") else {
        return;
    };
    let configs = root.get("configs");
    let keys: Vec<&str> = services.entries().map(|(key, _)| key).collect();
    for key in keys {
        if key.starts_with("x-") || key == "<<" {
            continue;
        }
        let Some((at, written)) = services.get_with_key(key) else {
            continue;
        };
        let mut service = Service::new(key, at, &project.path);
        if written.is_map() {
            reader.service(written, &mut service);
            let room = written.room("service", at);
            reader.intake.services.rooms.extend(room);
            reader.configs(written, configs, &mut service);
        } else {
            let message = format!("the service `{key}` is a mapping");
            reader.intake.malformed(written.at(), message);
        }
        project.services.push(service);
    }
}

struct Reader<'r, 'l> {
    intake: &'r mut Intake<'l>,
    variables: &'r Variables,
    /// Where the file is.
    folder: String,
}

impl Reader<'_, '_> {
    fn service(&mut self, written: View<'_>, service: &mut Service) {
        self.name_unknown_keys(written);
        service.extends = written.get("extends").and_then(|it| self.extends(it));
        service.image = written.get("image").and_then(|it| self.written(it));
        if let Some(build) = written.get("build") {
            self.build(build, service);
        }
        service.entrypoint = written.get("entrypoint").map(|it| self.command(it));
        service.command = written.get("command").map(|it| self.command(it));
        service.environment = self.environment(written.get("environment"));
        service.env_files = self.env_files(written.get("env_file"));
        for key in ["ports", "expose"] {
            for entry in written.get(key).into_iter().flat_map(View::items) {
                self.ports(entry, &mut service.ports);
            }
        }
        service.waits_for = names(written.get("depends_on"));
        service.waits_until = conditions(written.get("depends_on"));
        service.links = names(written.get("links"));
        service.health = written
            .get_with_key("healthcheck")
            .map(|(at, it)| self.health(at, it));
        service.grace = self.time(written, "stop_grace_period");
        let deploy = written.get("deploy");
        let replicas = deploy.map_or_else(Setting::default, |it| self.number(it, "replicas"));
        service.replicas = replicas.or(self.number(written, "scale"));
        service.may_share_address = deploy.is_some_and(|it| self.may_share_address(it));
        for entry in written.get("volumes").into_iter().flat_map(View::items) {
            service.mounts.extend(self.mount(entry));
        }
        for key in ["container_name", "hostname"] {
            let name = written.get(key).and_then(|it| self.written(it));
            service
                .names
                .extend(name.filter(|it| it.is_whole).map(|it| it.word.value));
        }
        self.aliases(written.get("networks"), &mut service.names);
        service.addresses = self.addresses(written.get("networks"));
        service.labels = self.labels(written.get("labels"));
        service.sysctls = self.sysctls(written.get("sysctls"));
        let mode = written.get("network_mode").and_then(View::text);
        service.has_hosts_network = mode == Some("host");
    }

    fn name_unknown_keys(&mut self, written: View<'_>) {
        for (key, value) in written.entries() {
            if !READ.contains(&key) && !IRRELEVANT.contains(&key) && !key.starts_with("x-") {
                let message = format!("`{key}` is no key of a service that wirewise knows");
                self.intake.unsupported(value.at(), message);
            }
        }
    }

    /// A text with its variables put in, when all have values.
    fn word(&self, view: View<'_>) -> Option<Word> {
        self.written(view)
            .filter(|it| it.is_whole)
            .map(|it| it.word)
    }

    fn written(&self, view: View<'_>) -> Option<Written> {
        let put = self.variables.put_into(view.text()?);
        Some(Written {
            word: Sourced {
                value: put.text,
                at: Locus::Text(view.at()),
            },
            is_whole: put.missing.is_none(),
        })
    }

    /// A time behind a key.
    fn time(&mut self, map: View<'_>, key: &str) -> Setting<Span> {
        self.setting(map, key, "a time such as 1m30s", |text| {
            Notation::Go
                .parse(text)
                .or_else(|| Notation::Seconds.parse(text))
        })
    }

    /// Whether the name of a service may stand for one virtual address. Docker Swarm gives one unless
    /// `endpoint_mode: dnsrr` says otherwise, and a file with keys that only Swarm follows is likely for it (compose
    /// file reference, `deploy`); `docker compose` never does.
    fn may_share_address(&self, deploy: View<'_>) -> bool {
        const SWARM: [&str; 4] = ["mode", "placement", "rollback_config", "update_config"];
        let mode = deploy.get("endpoint_mode").and_then(|it| self.written(it));
        match mode {
            Some(mode) => !mode.is_whole || mode.word.value != "dnsrr",
            None => SWARM.iter().any(|key| deploy.get(key).is_some()),
        }
    }

    fn number(&mut self, map: View<'_>, key: &str) -> Setting<u64> {
        self.setting(map, key, "a whole number", |text| {
            text.parse::<u32>().ok().map(u64::from)
        })
    }

    fn setting<T>(
        &mut self,
        map: View<'_>,
        key: &str,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Setting<T> {
        let Some((at, value)) = map.get_with_key(key) else {
            return Setting::default();
        };
        let put = self.variables.put_into(value.text().unwrap_or_default());
        if let Some(name) = put.missing {
            return Setting::Unknown(Gap::new(
                format!("the value of ${name}, which {key} is set to"),
                "the `.env` file beside the compose file",
            ));
        }
        if let Some(value) = read(&put.text) {
            return Setting::set(value, at);
        }
        let message = format!("{key} is `{}` and should be {wanted}", put.text);
        self.intake.malformed(value.at(), message);
        Setting::default()
    }

    fn extends(&self, written: View<'_>) -> Option<Extends> {
        if written.is_map() {
            let file = written.get("file").and_then(|it| self.word(it));
            return Some(Extends {
                file: file.map(|file| resolve(&self.folder, &file.value)),
                service: self.word(written.get("service")?)?,
            });
        }
        let service = self.word(written)?;
        Some(Extends {
            file: None,
            service,
        })
    }

    fn build(&self, written: View<'_>, service: &mut Service) {
        let is_map = written.is_map();
        let context = if is_map {
            written.get("context").and_then(|it| self.word(it))
        } else {
            self.word(written)
        };
        if is_map {
            service.dockerfile = written.get("dockerfile").and_then(|it| self.word(it));
            service.target = written.get("target").and_then(|it| self.word(it));
        }
        let is_remote = |context: &str| context.contains("://") || context.starts_with("git@");
        service.build = match context {
            Some(context) if is_remote(&context.value) => None,
            Some(context) => Some(Sourced {
                value: resolve(&self.folder, &context.value),
                at: context.at,
            }),
            None if is_map && written.get("context").is_none() => Some(Sourced {
                value: self.folder.clone(),
                at: Locus::Text(written.at()),
            }),
            None => None,
        };
    }

    /// The words of a command: a list, or a text that is split as a shell does.
    fn command(&self, written: View<'_>) -> Vec<Word> {
        if written.is_list() {
            let items = written.items();
            return items
                .filter_map(|it| Some(self.written(it)?.word))
                .collect();
        }
        let Some(line) = self.written(written) else {
            return Vec::new();
        };
        let (words, _) = words(&line.word.value, Quoting::Shell);
        let sourced = |word: std::borrow::Cow<'_, str>| Sourced {
            value: word.into_owned(),
            at: line.word.at.clone(),
        };
        words.into_iter().map(sourced).collect()
    }

    /// Variables as a mapping, or as a list of `NAME=value`.
    fn environment(&self, written: Option<View<'_>>) -> Vec<(String, Option<Word>)> {
        let Some(written) = written else {
            return Vec::new();
        };
        let mut found = Vec::new();
        if written.is_list() {
            for item in written.items() {
                let text = item.text().unwrap_or_default();
                let taken = format!("${{{text}}}");
                let (name, value) = text.split_once('=').unwrap_or((text, &taken));
                found.extend(self.variable(name, value, item.at()));
            }
            return found;
        }
        let keys: Vec<&str> = written.entries().map(|(key, _)| key).collect();
        for key in keys {
            let values = if key == "<<" {
                written
                    .get(key)
                    .map(|merged| self.environment(Some(merged)))
            } else {
                None
            };
            found.extend(values.into_iter().flatten());
            if let Some((at, value)) = written.get_with_key(key)
                && let Some(text) = value.text()
            {
                found.retain(|(known, _)| known != key);
                found.extend(self.variable(key, text, at));
            }
        }
        found
    }

    fn variable(&self, name: &str, value: &str, at: SourceSpan) -> Option<(String, Option<Word>)> {
        let put = self.variables.put_into(value);
        if put.missing.is_some() {
            return Some((name.to_owned(), None));
        }
        let value = variables::harmless(name, &put.text)?;
        let at = Locus::Text(at);
        Some((name.to_owned(), Some(Sourced { value, at })))
    }

    fn env_files(&self, written: Option<View<'_>>) -> Vec<String> {
        let Some(written) = written else {
            return Vec::new();
        };
        let one = written.text().map(|_| written);
        let files: Vec<View<'_>> = one.into_iter().chain(written.items()).collect();
        let paths = files.into_iter().filter_map(|file| {
            let path = file.get("path").unwrap_or(file);
            Some(resolve(&self.folder, &self.word(path)?.value))
        });
        paths.collect()
    }

    /// Ports inside: `8080`, `80:8080/tcp`, `3000-3005:3000-3005`, or a mapping with `target`.
    fn ports(&mut self, entry: View<'_>, ports: &mut Vec<u16>) {
        let whole = entry.get("target").unwrap_or(entry);
        let Some(written) = self.word(whole) else {
            return;
        };
        let text = written.value.split('/').next().unwrap_or_default();
        let inside = text.rsplit(':').next().unwrap_or_default();
        let (first, last) = inside.split_once('-').unwrap_or((inside, inside));
        let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else {
            let message = format!("`{text}` is no port");
            return self.intake.malformed(whole.at(), message);
        };
        for port in (first..=last).take(MOST_PORTS.into()) {
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
    }

    fn health(&mut self, at: SourceSpan, written: View<'_>) -> Health {
        let test = written.get("test");
        let words: Option<Vec<String>> = test.map(|test| {
            let words = self.command(test);
            words.into_iter().map(|word| word.value).collect()
        });
        let says_none = words
            .as_ref()
            .is_some_and(|it| it.first().is_some_and(|it| it == "NONE"));
        let is_disabled = written.get("disable").is_some_and(View::is_true) || says_none;
        let command = words.map(|words| {
            let is_kind = |word: &String| word == "CMD" || word == "CMD-SHELL";
            let skipped = usize::from(words.first().is_some_and(is_kind));
            words.into_iter().skip(skipped).collect()
        });
        Health {
            at,
            is_disabled,
            command,
            interval: self.time(written, "interval"),
            timeout: self.time(written, "timeout"),
            start_period: self.time(written, "start_period"),
            retries: self.number(written, "retries"),
        }
    }

    /// A folder or file of the host, or a volume.
    fn mount(&self, entry: View<'_>) -> Option<Mount> {
        let at = entry.at();
        if entry.is_map() {
            let text = |key| Some(self.word(entry.get(key)?)?.value);
            let is_bind = text("type").is_some_and(|kind| kind == "bind");
            let source = text("source").filter(|_| is_bind);
            let target = text("target")?;
            return Some(self.mounted(at, source.unwrap_or_default(), target));
        }
        let whole = self.word(entry)?.value;
        let mut parts = whole.split(':');
        let (source, target) = match (parts.next()?, parts.next()) {
            (source, Some(target)) => (source, target),
            (target, None) => ("", target),
        };
        let is_path = source.starts_with(['.', '/', '~']);
        let source = if is_path { source } else { "" };
        Some(self.mounted(at, source.to_owned(), target.to_owned()))
    }

    fn mounted(&self, at: SourceSpan, source: String, target: String) -> Mount {
        let source = match source.as_str() {
            "" => source,
            named => resolve(&self.folder, named),
        };
        Mount { at, source, target }
    }

    /// Files that the project names and the service mounts (`configs`).
    fn configs(&self, written: View<'_>, declared: Option<View<'_>>, service: &mut Service) {
        for entry in written.get("configs").into_iter().flat_map(View::items) {
            let name = entry.get("source").unwrap_or(entry).text();
            let target = entry.get("target").and_then(View::text);
            let file = name.and_then(|name| declared?.get(name)?.get("file"));
            let file = file.and_then(|file| self.word(file));
            let (Some(name), Some(file)) = (name, file) else {
                continue;
            };
            let target = target.map_or_else(|| format!("/{name}"), str::to_owned);
            let mount = self.mounted(entry.at(), file.value, target);
            service.mounts.push(mount);
        }
    }

    fn aliases(&self, networks: Option<View<'_>>, names: &mut Vec<String>) {
        let networks = networks.into_iter().flat_map(View::entries);
        let aliases = networks.filter_map(|(_, network)| network.get("aliases"));
        let aliases: Vec<View<'_>> = aliases.flat_map(View::items).collect();
        names.extend(
            aliases
                .into_iter()
                .filter_map(|it| Some(self.word(it)?.value)),
        );
    }

    /// Addresses that a service has in its networks, whenever it is started.
    fn addresses(&mut self, networks: Option<View<'_>>) -> Vec<(String, IpAddr)> {
        let mut addresses = Vec::new();
        for (name, network) in networks.into_iter().flat_map(View::entries) {
            for key in ["ipv4_address", "ipv6_address"] {
                let written = network.get(key);
                let text = written.and_then(|it| self.written(it));
                let Some(text) = text.filter(|text| text.is_whole) else {
                    continue;
                };
                if let Ok(address) = text.word.value.parse() {
                    addresses.push((format!("{name} {key}"), address));
                } else {
                    let at = written.map_or(network.at(), View::at);
                    let message = format!("`{key}` is an address, not `{}`", text.word.value);
                    self.intake.malformed(at, message);
                }
            }
        }
        addresses
    }

    /// Settings of the kernel: a list of `name=value`, or a mapping.
    fn sysctls(&mut self, written: Option<View<'_>>) -> Vec<NamedValue> {
        let Some(written) = written else {
            return Vec::new();
        };
        let named = |name: &str, value: &str, at| NamedValue {
            name: name.trim().to_owned(),
            value: self.variables.put_into(value.trim()).text,
            at,
        };
        let items = written.items().filter_map(|item| {
            let (name, value) = item.text()?.split_once('=')?;
            Some(named(name, value, item.at()))
        });
        let entries = written.entries().filter_map(|(key, _)| {
            let (at, value) = written.get_with_key(key)?;
            Some(named(key, value.text()?, at))
        });
        items.chain(entries).collect()
    }

    fn labels(&mut self, written: Option<View<'_>>) -> Vec<(String, String)> {
        let Some(written) = written else {
            return Vec::new();
        };
        let mut labels = Vec::new();
        for item in written.items() {
            let text = item.text().unwrap_or_default();
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            labels.push((key.to_owned(), self.variables.put_into(value).text));
        }
        for (key, value) in written.entries() {
            let value = value.text().unwrap_or_default();
            labels.push((key.to_owned(), self.variables.put_into(value).text));
        }
        labels
    }
}

/// Names of services: a list, or the keys of a mapping; behind a colon stands another name.
/// What services that are waited for have to have come to, where that is written.
fn conditions(written: Option<View<'_>>) -> Vec<(String, Until)> {
    let entries = written.into_iter().flat_map(View::entries);
    let until = entries.filter_map(|(name, options)| {
        let until = match options.get("condition")?.text()? {
            "service_healthy" => Until::Healthy,
            "service_completed_successfully" => Until::Completed,
            "service_started" => Until::Started,
            _ => return None,
        };
        Some((name.to_owned(), until))
    });
    until.collect()
}

fn names(written: Option<View<'_>>) -> Vec<Word> {
    let Some(written) = written else {
        return Vec::new();
    };
    let items = written
        .items()
        .filter_map(|item| Some((item.text()?, item.at())));
    let keys = written.keys();
    let named = items.chain(keys).map(|(text, at)| Sourced {
        value: text.split(':').next().unwrap_or_default().to_owned(),
        at: Locus::Text(at),
    });
    named.collect()
}
