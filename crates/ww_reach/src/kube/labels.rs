//! Which pods have which labels, turned round: from a label to the pods.

use std::collections::HashMap;

use ww_model::kube::{LabelTest, Requirement};

use super::bits::Bits;
use super::endpoints::{Atom, Sort};
use super::matchers::{Matcher, Matchers, NamespaceTable, Namespaces};

/// Which atoms have a label, for the labels that matchers ask for.
pub(super) struct LabelIndex<'m> {
    size: usize,
    /// Atoms whose pods have their own address and labels that policies see.
    selectable: Bits,
    by_namespace: Vec<Bits>,
    by_key: HashMap<&'m str, WithKey<'m>>,
}

/// Which atoms have a label of one key.
struct WithKey<'m> {
    has: Bits,
    by_value: HashMap<&'m str, Bits>,
}

impl<'m> LabelIndex<'m> {
    pub(super) fn of(
        matchers: &Matchers<'m>,
        atoms: &[Atom<'_>],
        namespace_count: usize,
    ) -> LabelIndex<'m> {
        let size = atoms.len();
        let mut index = LabelIndex {
            size,
            selectable: Bits::none(size),
            by_namespace: vec![Bits::none(size); namespace_count],
            by_key: HashMap::new(),
        };
        for matcher in &matchers.list {
            if let Matcher::Pods(_, requirements) = matcher {
                requirements
                    .iter()
                    .for_each(|requirement| index.ask(requirement));
            }
        }
        for (place, atom) in atoms.iter().enumerate() {
            index.add(place, atom);
        }
        index
    }

    /// Makes room for what a requirement asks for.
    fn ask(&mut self, requirement: &'m Requirement) {
        let size = self.size;
        let with_key = self
            .by_key
            .entry(&requirement.key)
            .or_insert_with(|| WithKey {
                has: Bits::none(size),
                by_value: HashMap::new(),
            });
        let values = match &requirement.test {
            LabelTest::Is(value) => std::slice::from_ref(value),
            LabelTest::In(values) | LabelTest::NotIn(values) => values,
            LabelTest::Exists | LabelTest::DoesNotExist => &[],
        };
        for value in values {
            with_key
                .by_value
                .entry(value)
                .or_insert_with(|| Bits::none(size));
        }
    }

    fn add(&mut self, place: usize, atom: &Atom<'_>) {
        let Sort::Pods {
            sample, namespace, ..
        } = &atom.sort
        else {
            return;
        };
        if !sample.host_network {
            self.selectable.insert(place);
        }
        if let Some(bits) = self.by_namespace.get_mut(*namespace as usize) {
            bits.insert(place);
        }
        for (key, value) in &sample.labels {
            let Some(with_key) = self.by_key.get_mut(key.as_str()) else {
                continue;
            };
            with_key.has.insert(place);
            if let Some(bits) = with_key.by_value.get_mut(value.as_str()) {
                bits.insert(place);
            }
        }
    }

    /// Pods of such namespaces, without those in their node's network: policies do not select
    /// them.
    pub(super) fn namespaces(
        &self,
        namespaces: &Namespaces<'_>,
        table: &NamespaceTable<'_>,
    ) -> Bits {
        let mut matched = Bits::none(self.size);
        for (id, bits) in self.by_namespace.iter().enumerate() {
            if table.is_in(id as u32, namespaces) {
                matched.or_with(bits);
            }
        }
        matched.and_with(&self.selectable);
        matched
    }

    /// Keeps those that meet every requirement.
    pub(super) fn narrow(&self, matched: &mut Bits, requirements: &[Requirement]) {
        for requirement in requirements {
            let Some(with_key) = self.by_key.get(requirement.key.as_str()) else {
                continue;
            };
            match &requirement.test {
                LabelTest::Is(value) => {
                    matched.and_with(&with_key.any_of(std::slice::from_ref(value)));
                }
                LabelTest::In(values) => matched.and_with(&with_key.any_of(values)),
                LabelTest::NotIn(values) => matched.minus_with(&with_key.any_of(values)),
                LabelTest::Exists => matched.and_with(&with_key.has),
                LabelTest::DoesNotExist => matched.minus_with(&with_key.has),
            }
        }
    }
}

impl WithKey<'_> {
    /// Atoms with one of these values.
    fn any_of(&self, values: &[String]) -> Bits {
        let mut found = values
            .iter()
            .filter_map(|value| self.by_value.get(value.as_str()));
        let mut any = found.next().cloned().unwrap_or_else(|| {
            let mut nothing = self.has.clone();
            nothing.minus_with(&self.has);
            nothing
        });
        found.for_each(|bits| any.or_with(bits));
        any
    }
}
