//! One cause in many places, said once.

/// How many names a sentence holds.
const NAMED: usize = 3;

/// How many of the places of one cause are shown.
pub(crate) const SHOWN: usize = 3;

/// Names in a sentence: `a`, `a and b`, `a, b, c and 4 more`. Equal names are said once.
pub(crate) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    let rest = distinct.len().saturating_sub(NAMED);
    if rest > 1 {
        distinct.truncate(NAMED);
        return format!("{} and {rest} more", distinct.join(", "));
    }
    match distinct.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Things with a key each, kept together with their like in order of appearance.
pub(crate) struct Groups<K, V>(Vec<(K, Vec<V>)>);

impl<K: PartialEq, V> Groups<K, V> {
    /// Nothing yet.
    pub(crate) fn new() -> Groups<K, V> {
        Groups(Vec::new())
    }

    /// Adds one to its like.
    pub(crate) fn add(&mut self, key: K, value: V) {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(value),
            None => self.0.push((key, vec![value])),
        }
    }

    /// The groups; none is empty.
    pub(crate) fn into_groups(self) -> impl Iterator<Item = Vec<V>> {
        self.0.into_iter().map(|(_, group)| group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_said_once_and_not_too_many_of_them() {
        assert_eq!(listed(["a"]), "a");
        assert_eq!(listed(["a", "b", "a"]), "a and b");
        assert_eq!(listed(["a", "b", "c", "d"]), "a, b, c and d");
        assert_eq!(listed(["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
        assert_eq!(listed([]), "");
    }

    #[test]
    fn equals_are_kept_together() {
        let mut groups = Groups::new();
        for (key, value) in [(1, 'a'), (2, 'b'), (1, 'c')] {
            groups.add(key, value);
        }
        let groups: Vec<Vec<char>> = groups.into_groups().collect();
        assert_eq!(groups, [vec!['a', 'c'], vec!['b']]);
    }
}
