//! `backup-never-used`: servers stand by for others that nothing ever takes out.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::SourceSpan;
use ww_finding::{Severity, Support};
use ww_model::service::{Call, Program, Target};

rule! {
    name: "backup-never-used",
    family: "balancing",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "Backup servers wait for others to fail, but nothing checks whether those do",
    needs: [Programs],
    explains: [],
    page: "backup_never_used.md",
    check: check,
}

/// Words of a server of HAProxy by which its state follows something else.
const OTHER_CHECKS: [&str; 4] = ["check", "agent-check", "track", "observe"];

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for program in &declared.model.services.programs {
        if !matches!(program.product.component.as_str(), "haproxy" | "envoy") {
            continue;
        }
        let mut told: Vec<SourceSpan> = Vec::new();
        for call in &program.calls {
            if let Some((main, backup)) = judge(declared, call)
                && !told.contains(&backup.at)
            {
                told.push(backup.at);
                reports.add(story(program, call, (main, backup)));
            }
        }
    }
}

/// A server that is never taken out, and one that waits for it.
fn judge<'m>(declared: &Declared<'_>, call: &'m Call) -> Option<(&'m Target, &'m Target)> {
    let main: Vec<&Target> = call.to.iter().filter(|target| !target.is_backup).collect();
    let backup = call.to.iter().find(|target| target.is_backup)?;
    let learns = !call.checks.is_empty() || call.side.outlier.at.is_some();
    let vanishes = |target: &&Target| target.resolves_again.value() == Some(&true);
    let follows = |target: &&Target| {
        let text = declared.text(target.at).unwrap_or_default();
        text.split_whitespace()
            .any(|word| OTHER_CHECKS.contains(&word))
    };
    if learns || main.iter().any(vanishes) || main.iter().any(follows) {
        return None;
    }
    Some((main.first()?, backup))
}

fn story(program: &Program, call: &Call, (main, backup): (&Target, &Target)) -> Story {
    let (proxy, group) = (&program.name, &call.name);
    let how = match program.product.component.as_str() {
        "haproxy" => "Let it check the servers: `check` on each of them",
        _ => "Let it check the endpoints: `health_checks`, or `outlier_detection`",
    };
    Story::proved(
        format!(
            "{proxy} takes no server of {group} for failed, as it checks none: its backup is never \
             used, and requests fail while it waits"
        ),
        format!("somebody takes the other servers of {group} out by hand when they fail"),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(at(backup.at, "used only when none of the others is left"))
    .show(at(main.at, "always taken for healthy: nothing checks it"))
    .advise(how)
}
