//! Objects that answers do not follow.

use ww_base::{Locus, Problem, ProblemKind};
use ww_model::kube::Cluster;

/// A problem for each object that may restrict or redirect connections and is not followed: every
/// answer about the cluster lacks what it changes.
pub fn unfollowed(cluster: &Cluster) -> Vec<Problem> {
    let problem = |kind: &str| {
        format!(
            "answers about reachability do not follow {kind}, which may restrict or redirect \
             connections: what it changes is missing from every answer"
        )
    };
    let objects = cluster.unfollowed.iter();
    objects
        .map(|object| Problem {
            at: Locus::Text(object.at),
            kind: ProblemKind::Unsupported,
            message: problem(&object.kind),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::unfollowed;
    use ww_base::{Limits, Locus, SourceId, SourceSpan};

    #[test]
    fn a_route_of_a_mesh_is_a_caution_for_answers() {
        let text = "kind: VirtualService\nmetadata: {name: a}\n";
        let files = [(SourceId(0), text.as_bytes())];
        let read = ww_import::kube::import(files, &Limits::default());
        assert!(read.problems.is_empty(), "{:?}", read.problems);
        let problems = unfollowed(&read.value);
        let at = SourceSpan {
            source: SourceId(0),
            start: 6,
            end: 20,
        };
        assert_eq!(problems[0].at, Locus::Text(at));
        assert!(problems[0].message.contains("do not follow VirtualService"));
    }
}
