//! What an image is, told from its name.

use ww_base::{Locus, SourceSpan, Sourced};
use ww_model::service::{Product, Version};

/// Names of images, and the component that each holds.
const IMAGES: &[(&str, &str)] = &[
    ("caddy", "caddy"),
    ("eclipse-temurin", "java"),
    ("envoy", "envoy"),
    ("golang", "go"),
    ("haproxy", "haproxy"),
    ("haproxy-alpine", "haproxy"),
    ("httpd", "httpd"),
    ("mariadb", "mariadb"),
    ("memcached", "memcached"),
    ("mongo", "mongo"),
    ("mongodb", "mongo"),
    ("mysql", "mysql"),
    ("mysql-server", "mysql"),
    ("nginx", "nginx"),
    ("nginx-unprivileged", "nginx"),
    ("node", "node"),
    ("openjdk", "java"),
    ("pgbouncer", "pgbouncer"),
    ("postgis", "postgres"),
    ("postgres", "postgres"),
    ("postgresql", "postgres"),
    ("python", "python"),
    ("rabbitmq", "rabbitmq"),
    ("redis", "redis"),
    ("ruby", "ruby"),
    ("traefik", "traefik"),
];

/// Numbers above this begin dates and builds, not versions.
const HIGHEST_MAJOR: u32 = 999;

/// The product that an image holds, with the version that its tag begins with; none when its name
/// does not tell.
pub(crate) fn product(image: &str, at: SourceSpan) -> Option<Product> {
    let without_digest = image.split('@').next().unwrap_or(image);
    let last = without_digest.rsplit('/').next().unwrap_or_default();
    let (name, tag) = last.split_once(':').unwrap_or((last, ""));
    let (_, component) = IMAGES.iter().find(|(known, _)| *known == name)?;
    Some(Product {
        component: (*component).to_owned(),
        version: version(tag).map(|value| Sourced {
            value,
            at: Locus::Text(at),
        }),
    })
}

/// The last part of an image's name, without tag and digest.
pub(crate) fn name(image: &str) -> &str {
    let without_digest = image.split('@').next().unwrap_or(image);
    let last = without_digest.rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default()
}

fn version(tag: &str) -> Option<Version> {
    Version::parse(tag).filter(|version| version.0.first().is_some_and(|it| *it <= HIGHEST_MAJOR))
}

#[cfg(test)]
mod tests {
    use super::product;
    use ww_base::{SourceId, SourceSpan};

    #[test]
    fn a_name_tells_the_product_and_a_tag_its_version() {
        let at = SourceSpan {
            source: SourceId(0),
            start: 0,
            end: 0,
        };
        let told = |image| {
            let product = product(image, at)?;
            let version = product.version().map(ToString::to_string);
            Some((product.component, version.unwrap_or_default()))
        };
        let is = |component: &str, version: &str| Some((component.to_owned(), version.to_owned()));
        assert_eq!(told("nginx:1.25.3-alpine"), is("nginx", "1.25.3"));
        assert_eq!(told("nginx"), is("nginx", ""));
        assert_eq!(told("postgres:latest"), is("postgres", ""));
        assert_eq!(told("host:5000/mirror/redis:7"), is("redis", "7"));
        assert_eq!(told("envoyproxy/envoy:v1.29.0"), is("envoy", "1.29.0"));
        assert_eq!(told("node:20@sha256:abc"), is("node", "20"));
        assert_eq!(told("mongo:20240101"), is("mongo", ""));
        assert_eq!(told("shop/frontend:1.2"), None);
    }
}
