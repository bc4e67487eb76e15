//! Spring Boot: `application.yml` and `.properties`, with Spring Cloud Gateway, Resilience4j,
//! HikariCP and Redis.
//!
//! Files of one folder are one application's. What a profile sets otherwise is not known, because
//! the files do not say which profiles are active. Files of tests configure no program.

mod build;
mod gateway;
mod known;
mod lower;
mod properties;
mod resilience;
#[cfg(test)]
mod tests;

use crate::Text;
use crate::service::{Intake, file_name, folder};
use properties::Properties;
use std::collections::BTreeMap;
use ww_base::Order;

pub(crate) use build::read as read_builds;

/// Reads the files of each folder as one application's.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    let mut applications: BTreeMap<&str, Vec<&Text<'_>>> = BTreeMap::new();
    for text in texts {
        if !text.path.contains("src/test/") {
            applications
                .entry(folder(text.path))
                .or_default()
                .push(text);
        }
    }
    for files in applications.values_mut() {
        // The file for all profiles decides, and of two of them the .properties file (Spring Boot,
        // "External Application Properties"); the last one of a name counts.
        files.put_in_order_by_key(|text| {
            let name = file_name(text.path);
            (
                name.starts_with("application"),
                name.ends_with(".properties"),
            )
        });
        let mut properties = Properties::default();
        for text in files.iter() {
            properties.read(text, intake);
        }
        known::tell_unknown(&properties, intake);
        let main = files.iter().rev().find(|text| !is_of_profile(text.path));
        if let Some(text) = main {
            lower::program(text, &properties, intake);
        }
    }
}

/// Whether a file is for a profile: `application-docker.yml`.
fn is_of_profile(path: &str) -> bool {
    let name = file_name(path);
    name.starts_with("application-") || name.starts_with("bootstrap-")
}
