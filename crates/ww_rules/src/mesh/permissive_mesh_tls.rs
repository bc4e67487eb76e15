//! `permissive-mesh-tls`: pods of a mesh take connections in plain text beside encrypted ones.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::{Locus, Setting, SourceSpan};
use ww_finding::{Edit, Fix, Safety, Severity, Support};
use ww_model::service::PeerTls;

rule! {
    name: "permissive-mesh-tls",
    family: "mesh",
    layer: Tls,
    class: Security,
    severity: Info,
    owner: Configuration,
    summary: "Pods of a mesh take plain text: whoever reaches them needs no certificate",
    needs: [Programs],
    explains: [],
    page: "permissive_mesh_tls.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for peers in &declared.model.services.mesh.peers {
        let modes = std::iter::once(&peers.strict).chain(peers.ports.iter().map(|(_, mode)| mode));
        let open: Vec<(SourceSpan, bool)> = modes.filter_map(open).collect();
        if !open.is_empty() {
            reports.add(story(declared, peers, &open));
        }
    }
}

/// Where plain text is let in, and whether nothing else is.
fn open(mode: &Setting<bool>) -> Option<(SourceSpan, bool)> {
    match mode {
        Setting::Set(strict) if !strict.value => Some((mode.span()?, false)),
        Setting::Off(Locus::Text(span)) => Some((*span, true)),
        _ => None,
    }
}

fn story(declared: &Declared<'_>, peers: &PeerTls, open: &[(SourceSpan, bool)]) -> Story {
    let name = &peers.name;
    let is_off = open.iter().any(|(_, is_off)| *is_off);
    let whom = if !peers.selector.is_empty() {
        "pods"
    } else if peers.namespace == "istio-system" {
        "all pods of the mesh"
    } else {
        "all pods of the namespace"
    };
    let story = Story::proved(
        format!(
            "PeerAuthentication {name} lets {whom} take {}: whoever reaches them needs no certificate, and \
             rules on who calls do not hold for them",
            if is_off {
                "nothing but plain text"
            } else {
                "plain text beside mTLS"
            }
        ),
        "callers without a proxy of the mesh that have to be let in while they are moved",
    )
    .support(Support::Declared)
    .severity(if is_off { Severity::Low } else { Severity::Info });
    let story = open.iter().fold(story, |story, (place, is_off)| {
        let says = if *is_off {
            "mTLS is switched off"
        } else {
            "plain text is let in"
        };
        story.show(at(*place, says))
    });
    story.fix(Fix {
        title: "Write STRICT once every caller has a proxy of the mesh".to_owned(),
        safety: Safety::Review,
        edits: open
            .iter()
            .filter_map(|(place, _)| edit(declared, *place))
            .collect(),
    })
}

fn edit(declared: &Declared<'_>, place: SourceSpan) -> Option<Edit> {
    let text = declared.text(place)?;
    let word = ["PERMISSIVE", "DISABLE"]
        .into_iter()
        .find_map(|word| Some((text.rfind(word)?, word)));
    let (found, word) = word?;
    let start = place.start + u32::try_from(found).ok()?;
    Some(Edit {
        span: SourceSpan {
            start,
            end: start + u32::try_from(word.len()).ok()?,
            ..place
        },
        replace_with: "STRICT".to_owned(),
    })
}
