//! Defaults of products: data, with the versions for which they hold and their sources.
//!
//! The tables are the files of `data/defaults`, one for each component. A default is never assumed
//! without one: a setting that no table knows is not known.

mod table;

use std::sync::LazyLock;
use ww_base::{Because, Gap, Locus, Setting, Span};
use ww_model::service::{Product, Version};

pub use table::{Row, Table, Value};

/// A component's name with the text of its table.
macro_rules! table {
    ($component:literal) => {
        (
            $component,
            include_str!(concat!("../../data/defaults/", $component, ".toml")),
        )
    };
}

/// Every table, as it was shipped.
const TABLES: &[(&str, &str)] = &[
    table!("aiohttp-client"),
    table!("aiohttp-server"),
    table!("aws-alb"),
    table!("aws-nat-gateway"),
    table!("aws-nlb"),
    table!("axios"),
    table!("azure-load-balancer"),
    table!("compose"),
    table!("envoy"),
    table!("envoy-gateway"),
    table!("fastify"),
    table!("go-http-client"),
    table!("go-http-server"),
    table!("got"),
    table!("grpc-go-client"),
    table!("grpc-go-server"),
    table!("gunicorn"),
    table!("haproxy"),
    table!("hikari"),
    table!("httpx"),
    table!("hypercorn"),
    table!("ingress-nginx"),
    table!("ioredis"),
    table!("istio"),
    table!("kubernetes"),
    table!("linux"),
    table!("mariadb"),
    table!("mongodb"),
    table!("mysql"),
    table!("mysql2"),
    table!("nginx"),
    table!("node-http"),
    table!("node-http-agent"),
    table!("pg-pool"),
    table!("pgbouncer"),
    table!("postgres"),
    table!("puma"),
    table!("redis"),
    table!("redis-py"),
    table!("requests"),
    table!("resilience4j"),
    table!("resolver"),
    table!("socket.io"),
    table!("spring-boot"),
    table!("spring-cloud-gateway"),
    table!("sqlalchemy"),
    table!("tomcat"),
    table!("undici"),
    table!("urllib3"),
    table!("uvicorn"),
    table!("waitress"),
];

/// All tables.
#[derive(Debug)]
pub struct Defaults {
    tables: Vec<Table>,
}

/// The tables that are shipped.
pub fn defaults() -> &'static Defaults {
    static DEFAULTS: LazyLock<Defaults> = LazyLock::new(|| Defaults {
        tables: TABLES
            .iter()
            .filter_map(|(_, text)| Table::parse(text).ok())
            .collect(),
    });
    &DEFAULTS
}

impl Defaults {
    /// Every component's table, in order of names.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The table of a component.
    pub fn table(&self, component: &str) -> Option<&Table> {
        self.tables
            .iter()
            .find(|table| table.component == component)
    }

    /// A time that is in force where nothing is written.
    pub fn time(&self, product: &Product, setting: &str) -> Setting<Span> {
        self.setting(product, setting, |value| match value {
            Value::Time(span) => Some(*span),
            _ => None,
        })
    }

    /// A number that is in force where nothing is written.
    pub fn number(&self, product: &Product, setting: &str) -> Setting<u64> {
        self.setting(product, setting, |value| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        })
    }

    /// Whether something is on where nothing is written.
    pub fn flag(&self, product: &Product, setting: &str) -> Setting<bool> {
        self.setting(product, setting, |value| match value {
            Value::Flag(flag) => Some(*flag),
            Value::Off => Some(false),
            _ => None,
        })
    }

    /// A word that is in force where nothing is written.
    pub fn word(&self, product: &Product, setting: &str) -> Setting<String> {
        self.setting(product, setting, |value| match value {
            Value::Word(word) => Some(word.clone()),
            _ => None,
        })
    }

    /// The default as a setting: the only one that the version allows, or each of them when it is
    /// not known.
    fn setting<T>(
        &self,
        product: &Product,
        setting: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Setting<T> {
        let Some(table) = self.table(&product.component) else {
            return Setting::default();
        };
        let rows: Vec<&Row> = table
            .rows
            .iter()
            .filter(|row| row.setting == setting && may_hold(row, product.version()))
            .collect();
        match rows.as_slice() {
            [] => Setting::default(),
            [row] if product.version().is_none() && row.versions != "*" => {
                Setting::Unknown(unknown_version(table, &rows))
            }
            [row] => match read(&row.value) {
                Some(value) => Setting::Default {
                    value,
                    because: table.because(row),
                },
                None if row.value == Value::Off => Setting::Off(Locus::Assumed {
                    by: table.words(row),
                }),
                None => Setting::default(),
            },
            _ => either(table, &rows, read),
        }
    }
}

/// Whether a row may hold for a version; for one that is not known, each may.
fn may_hold(row: &Row, version: Option<&Version>) -> bool {
    version.is_none_or(|version| version.is_within(&row.versions) != Some(false))
}

/// Each of several defaults; not known when one of them is that there is none.
fn either<T>(table: &Table, rows: &[&Row], read: impl Fn(&Value) -> Option<T>) -> Setting<T> {
    let values: Vec<(T, Because)> = rows
        .iter()
        .filter_map(|row| Some((read(&row.value)?, table.because(row))))
        .collect();
    if values.len() == rows.len() {
        return Setting::Either(values);
    }
    Setting::Unknown(unknown_version(table, rows))
}

/// That the version is missing, on which a default depends.
fn unknown_version(table: &Table, rows: &[&Row]) -> Gap {
    let cases: Vec<String> = rows
        .iter()
        .map(|row| format!("{} in versions {}", row.value, row.versions))
        .collect();
    let setting = rows.first().map_or("", |row| &row.setting);
    Gap::new(
        format!(
            "the version of {}, on which the default of {setting} depends: {}",
            table.product,
            cases.join(", ")
        ),
        format!(
            "an image with its tag, or `versions.{}` in wirewise.toml",
            table.component
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_read_and_named_after_its_file() {
        for (name, text) in TABLES {
            let table = Table::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(table.component, *name);
            assert!(!table.rows.is_empty(), "{name} is empty");
        }
        let names: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
        assert!(names.is_sorted(), "tables are listed by name");
    }

    #[test]
    fn a_setting_has_one_default_in_each_version() {
        for table in defaults().tables() {
            for row in &table.rows {
                let bounds = table
                    .rows
                    .iter()
                    .filter(|other| other.setting == row.setting);
                let edges: Vec<Version> = bounds
                    .flat_map(|other| other.versions.split(','))
                    .filter_map(|part| {
                        Version::parse(part.trim().trim_start_matches(['<', '>', '=']))
                    })
                    .collect();
                for edge in edges {
                    let holding = table.rows.iter().filter(|other| {
                        other.setting == row.setting
                            && edge.is_within(&other.versions) == Some(true)
                    });
                    assert_eq!(
                        holding.count(),
                        1,
                        "{} {} at {edge}",
                        table.component,
                        row.setting
                    );
                }
            }
        }
    }

    #[test]
    fn a_default_that_depends_on_the_version_is_each_of_them_when_it_is_not_known() {
        let of = |version: Option<&str>| {
            let mut product = Product::named("nginx");
            product.version = version.map(|text| ww_base::Sourced {
                value: Version::parse(text).unwrap(),
                at: Locus::Assumed { by: "test".into() },
            });
            defaults().number(&product, "keepalive_requests")
        };
        assert_eq!(of(Some("1.18.0")).value(), Some(&100));
        assert_eq!(of(Some("1.25")).value(), Some(&1000));
        let Setting::Either(values) = of(None) else {
            panic!("one default without a version");
        };
        let values: Vec<u64> = values.into_iter().map(|(value, _)| value).collect();
        assert_eq!(values, [100, 1000]);
    }
}
