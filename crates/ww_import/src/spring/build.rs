//! What the build of an application tells: whether it serves with Tomcat.

use crate::Text;
use crate::service::{Intake, file_name, folder};

/// The starter that makes an application of servlets, with Tomcat in it (Spring Boot,
/// "Starters").
const STARTER: &str = "spring-boot-starter-web";

/// What takes Tomcat out, or another server in its place.
const OTHERS: [&str; 4] = [
    "spring-boot-starter-tomcat",
    "spring-boot-starter-jetty",
    "spring-boot-starter-undertow",
    "spring-boot-starter-reactor-netty",
];

/// Notes the folders of builds whose application surely serves with Tomcat.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    for text in texts {
        let content = String::from_utf8_lossy(text.bytes);
        let serves = match file_name(text.path) {
            "pom.xml" => of_maven(&content),
            "build.gradle" | "build.gradle.kts" => of_gradle(&content),
            _ => false,
        };
        if serves {
            intake.tomcats.insert(folder(text.path).to_owned());
        }
    }
}

fn of_maven(content: &str) -> bool {
    let mut own = without(content, "<!--", "-->");
    for part in ["dependencyManagement", "profiles", "build"] {
        own = without(&own, &format!("<{part}>"), &format!("</{part}>"));
    }
    let has = |name: &str| own.contains(&format!("<artifactId>{name}</artifactId>"));
    has(STARTER) && !OTHERS.iter().any(|name| has(name))
}

fn of_gradle(content: &str) -> bool {
    let configurations = ["implementation", "api", "compile", "runtimeOnly"];
    let uses = |line: &str| {
        let line = line.trim_start();
        let is_own = configurations.iter().any(|it| {
            let rest = line.strip_prefix(it);
            rest.is_some_and(|rest| rest.starts_with([' ', '(']))
        });
        let mut names = line.split(|letter: char| !(letter.is_alphanumeric() || letter == '-'));
        is_own && names.any(|name| name == STARTER)
    };
    content.lines().any(uses) && !OTHERS.iter().any(|name| content.contains(name))
}

/// A text without what stands between two words, these included.
fn without(text: &str, begin: &str, end: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(begin) {
        kept.push_str(before);
        rest = behind.split_once(end).map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}
