//! `certificate-not-reloaded`: the file holds a renewed certificate, and the server still shows the one before.

use super::days;
use crate::rule::rule;
use crate::{Answering, Differences, RenewedCertificate, Reports, Story};
use ww_base::Span;
use ww_finding::Severity;

rule! {
    name: "certificate-not-reloaded",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "The certificate file was renewed, and the server still shows the certificate that it held before",
    needs: [Endpoint, Programs],
    explains: [],
    page: "certificate_not_reloaded.md",
    compare: compare,
}

/// Where less is left, somebody has to act; where more is left, a reload may be due by itself.
const LEFT_MIN: Span = Span::from_secs(14 * 86_400);

fn compare(differences: &Differences, reports: &mut Reports) {
    for one in &differences.renewed {
        reports.add(story(one));
    }
}

fn story(one: &RenewedCertificate) -> Story {
    let left = one.shown.not_after - one.at;
    let (ends, severity) = if left < Span::ZERO {
        (
            format!("expired {} ago", days(Span(-left.0))),
            Severity::High,
        )
    } else if left < LEFT_MIN {
        (format!("expires in {}", days(left)), Severity::Medium)
    } else {
        (format!("is good for {} more", days(left)), Severity::Low)
    };
    let holds = format!(
        "{} shows a certificate that {ends}, while {} holds its renewal, good until {}",
        one.server,
        one.path,
        one.file.not_after.date()
    );
    let refuter = "the serial number that openssl s_client shows on the host itself, equal to that of the file";
    let story = match &one.answering {
        Answering::Other(name) => Story::observed(
            format!("{holds}: something in front of it answers, which calls itself {name} and has a certificate of its own"),
            refuter,
        )
        .severity(severity.min(Severity::Low))
        .advise("Renew the certificate where clients connect: at what stands in front"),
        Answering::Program | Answering::Unknown => Story::observed(
            format!("{holds}: what runs there has not read the file since"),
            refuter,
        )
        .severity(severity)
        .advise(reload(&one.component))
        .advise("Let the renewal do it: certbot renew --deploy-hook, acme.sh --reloadcmd, or the reloader of what mounts the Secret"),
    };
    story.show(one.line.clone()).show(one.step.clone())
}

/// How a product reads its certificates again.
fn reload(component: &str) -> &'static str {
    match component {
        "nginx" => "Load it: nginx -t && nginx -s reload; certificates are read when workers start",
        "haproxy" => {
            "Load it: systemctl reload haproxy, or without new processes `set ssl cert FILE` and `commit ssl cert FILE` at the runtime socket"
        }
        "envoy" => {
            "Restart it, or hand the certificate over by SDS from a file (`path_config_source` with `watched_directory`): one that is named in tls_certificates is read once"
        }
        _ => {
            "Reload or restart what shows it: most programs read certificates once, when they start"
        }
    }
}
