//! Label selectors and address prefixes.

use std::net::IpAddr;

use ww_base::{Order, SourceSpan};
use ww_model::kube::{Cidr, LabelTest, NamespaceMatch, PodMatch, Requirement, Selector};

use super::Intake;
use crate::document::View;

/// The selector that selects everything, where none is written.
pub(super) fn everything(at: SourceSpan) -> Selector {
    Selector {
        at,
        requirements: Vec::new(),
    }
}

/// Reads `matchLabels` and `matchExpressions`.
pub(super) fn selector(intake: &mut Intake<'_>, written: View<'_>) -> Selector {
    if !written.is_map() {
        intake.malformed(written.at(), "a label selector is a mapping");
    }
    let mut requirements = Vec::new();
    let labels = written
        .get("matchLabels")
        .into_iter()
        .flat_map(View::entries);
    for (key, value) in labels {
        let Some(value) = value.text() else {
            intake.malformed(value.at(), format!("the value of label `{key}` is a text"));
            continue;
        };
        let test = LabelTest::Is(value.to_owned());
        requirements.push(Requirement {
            key: key.to_owned(),
            test,
        });
    }
    for expression in written
        .get("matchExpressions")
        .into_iter()
        .flat_map(View::items)
    {
        requirements.push(requirement(intake, expression));
    }
    requirements.put_in_order();
    requirements.dedup();
    Selector {
        at: written.at(),
        requirements,
    }
}

/// Reads an expression; one that cannot be read selects nothing.
fn requirement(intake: &mut Intake<'_>, expression: View<'_>) -> Requirement {
    let text = |key| expression.get(key).and_then(View::text).map(str::to_owned);
    let values = expression.get("values").into_iter().flat_map(View::items);
    let mut values: Vec<String> = values
        .filter_map(|value| value.text().map(str::to_owned))
        .collect();
    values.put_in_order();
    values.dedup();
    let test = match text("operator").as_deref() {
        Some("In") => LabelTest::In(values),
        Some("NotIn") => LabelTest::NotIn(values),
        Some("Exists") => LabelTest::Exists,
        Some("DoesNotExist") => LabelTest::DoesNotExist,
        _ => {
            intake.malformed(
                expression.at(),
                "operator is In, NotIn, Exists or DoesNotExist",
            );
            LabelTest::In(Vec::new())
        }
    };
    Requirement {
        key: text("key").unwrap_or_default(),
        test,
    }
}

/// Reads `namespaceSelector` and `podSelector` of a NetworkPolicy's peer; none when it has neither.
pub(super) fn peer_pods(intake: &mut Intake<'_>, peer: View<'_>) -> Option<PodMatch> {
    let namespaces = peer
        .get("namespaceSelector")
        .map(|written| selector(intake, written));
    let pods = peer
        .get("podSelector")
        .map(|written| selector(intake, written));
    if namespaces.is_none() && pods.is_none() {
        return None;
    }
    let namespaces = namespaces.map_or(NamespaceMatch::Own, NamespaceMatch::Labelled);
    Some(PodMatch { namespaces, pods })
}

/// Reads an address prefix; one whose address has bits behind the prefix is cut to it.
pub(super) fn cidr(intake: &mut Intake<'_>, written: View<'_>) -> Option<Cidr> {
    let parsed = written.text().and_then(parse_cidr);
    if parsed.is_none() {
        intake.malformed(
            written.at(),
            "an address prefix looks like 10.0.0.0/8 or fd00::/8",
        );
    }
    parsed
}

/// An address prefix in text.
pub(super) fn parse_cidr(text: &str) -> Option<Cidr> {
    let (address, prefix) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.parse().ok().filter(|prefix: &u8| *prefix <= bits)?;
    Some(Cidr {
        address: first_address(address, prefix),
        prefix,
    })
}

fn first_address(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}
