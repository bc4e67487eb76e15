//! Places that behave alike.

use super::OUTSIDE;
use crate::answer::{Edge, Matrix};
use crate::kube::EndpointId;

/// Endpoints with equal rows and columns as one group.
pub(super) fn group(named: &[(EndpointId, Vec<String>)], texts: &[Vec<String>]) -> Matrix {
    let cell = |from: usize, to: usize| {
        texts
            .get(from)
            .and_then(|row| row.get(to))
            .map_or("none", String::as_str)
    };
    let alike = |a: usize, b: usize| {
        (0..named.len()).all(|other| {
            let (x, y) = match other {
                _ if other == a => (b, a),
                _ if other == b => (a, b),
                _ => (other, other),
            };
            cell(a, x) == cell(b, y) && cell(x, a) == cell(y, b)
        })
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for one in 0..named.len() {
        let known = groups
            .iter_mut()
            .find(|group| group.first().is_some_and(|first| alike(*first, one)));
        match known {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    let mut matrix = Matrix::default();
    for (from, members) in groups.iter().enumerate() {
        let names = members.iter().filter_map(|index| named.get(*index));
        matrix
            .groups
            .push(names.flat_map(|(_, names)| names.clone()).collect());
        let Some(&first) = members.first() else {
            continue;
        };
        for (to, others) in groups.iter().enumerate() {
            let other = others
                .iter()
                .find(|other| **other != first || members.len() == 1);
            let Some(&other) = other else { continue };
            let alone = from == to && named.get(first).is_some_and(|(_, names)| names.len() == 1);
            let with = cell(first, other);
            if with != "none" && with != OUTSIDE && !(alone && members.len() == 1) {
                matrix.edges.push(Edge {
                    from,
                    to,
                    with: with.to_owned(),
                });
            }
        }
    }
    matrix
}
