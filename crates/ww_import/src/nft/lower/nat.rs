//! Translation of addresses.

use super::Lowering;
use super::value::Unclear;
use crate::nft::ast::{Expr, ExprKind, Family, NatSpec};
use crate::nft::key::Datatype;
use ww_base::SourceSpan;
use ww_model::Ranges;
use ww_model::filter::{Action, Condition, Field, Nat, NatKind, UnknownReason};

/// New addresses and ports.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    addresses: Option<(u128, u128)>,
    ports: Option<(u16, u16)>,
}

impl<'e, 'a> Lowering<'e, 'a, '_> {
    /// `snat`, `dnat`, `masquerade`, `redirect`.
    pub(super) fn nat(&mut self, spec: &'e NatSpec<'a>, at: SourceSpan) {
        if let Err((reason, at)) = self.try_nat(spec, at) {
            let id = self.unknown(reason, at);
            self.act(Action::Unknown(id));
        }
    }

    fn try_nat(&mut self, spec: &'e NatSpec<'a>, at: SourceSpan) -> Result<(), Unclear> {
        let datatype = self.address_type(spec);
        let address = spec.address.as_ref().map(|expr| self.resolve(expr));
        let port = spec.port.as_ref().map(|expr| self.resolve(expr));
        let map = match (address.map(|expr| &expr.kind), port.map(|expr| &expr.kind)) {
            (Some(ExprKind::Map(..)), Some(_)) | (Some(_), Some(ExprKind::Map(..))) => {
                return Err((UnknownReason::NotModelled, at));
            }
            (Some(ExprKind::Map(key, data)), None) => Some((key, data, true)),
            (None, Some(ExprKind::Map(key, data))) => Some((key, data, false)),
            _ => None,
        };
        let Some((key, data, of_addresses)) = map else {
            let target = self.target(datatype, address, port)?;
            let nat = nat(spec, target);
            self.translate(spec, datatype, nat);
            return Ok(());
        };
        let operands = self.lookup_keys(key, at);
        let found = self.entries(&operands, data, |lowering, _, given| {
            if of_addresses {
                lowering.target(datatype, Some(given), None)
            } else {
                lowering.target(datatype, None, Some(given))
            }
        });
        if let Some((_, place)) = found.unclear {
            let reason = found
                .unclear
                .map_or(UnknownReason::Dynamic, |(reason, _)| reason);
            return Err((
                reason,
                if reason == UnknownReason::Dynamic {
                    at
                } else {
                    place
                },
            ));
        }
        let entries = found
            .list
            .into_iter()
            .map(|(condition, target)| (condition, nat(spec, target)));
        let entries = entries.collect();
        self.act(Action::NatMap(entries));
        Ok(())
    }

    /// The kind of the new addresses: as said, or as the table's family has them.
    fn address_type(&self, spec: &NatSpec<'_>) -> Datatype {
        let is_six = |addresses: Option<&Expr<'_>>| {
            let word = addresses.and_then(first_word);
            word.is_some_and(|word| word.contains(':'))
        };
        match spec.family.unwrap_or(self.family) {
            Family::Ip => Datatype::Address4,
            Family::Ip6 => Datatype::Address6,
            _ if is_six(spec.address.as_ref()) => Datatype::Address6,
            _ if self.known.version == Ranges::one(6) => Datatype::Address6,
            _ => Datatype::Address4,
        }
    }

    /// A translation; in tables of both families, of packets that have such addresses only.
    fn translate(&mut self, spec: &NatSpec<'_>, datatype: Datatype, nat: Nat) {
        let version = if datatype == Datatype::Address6 { 6 } else { 4 };
        let wanted = Ranges::one(version);
        if spec.address.is_none() || self.known.version.minus(&wanted).is_empty() {
            self.act(Action::Nat(nat));
        } else {
            let condition = Condition::In(Field::IpVersion, wanted);
            self.act(Action::NatMap(vec![(condition, nat)]));
        }
    }

    fn target(
        &mut self,
        datatype: Datatype,
        address: Option<&'e Expr<'a>>,
        port: Option<&'e Expr<'a>>,
    ) -> Result<Target, Unclear> {
        let mut target = Target::default();
        if let Some(address) = address.map(|expr| self.resolve(expr)) {
            match &address.kind {
                ExprKind::Concat(parts) => self.parts(datatype, parts, &mut target)?,
                _ => target.addresses = Some(self.one_range(datatype, address)?),
            }
        }
        if let Some(port) = port {
            target.ports = Some(self.port_range(port)?);
        }
        Ok(target)
    }

    /// `address . port`, each perhaps a range.
    fn parts(
        &mut self,
        datatype: Datatype,
        parts: &'e [Expr<'a>],
        target: &mut Target,
    ) -> Result<(), Unclear> {
        for (place, part) in parts.iter().enumerate() {
            match place {
                0 => target.addresses = Some(self.one_range(datatype, part)?),
                1 => target.ports = Some(self.port_range(part)?),
                _ => return Err(self.malformed(part.at, "an address and a port are expected")),
            }
        }
        Ok(())
    }

    fn port_range(&mut self, expr: &'e Expr<'a>) -> Result<(u16, u16), Unclear> {
        let (first, last) = self.one_range(Datatype::Port, expr)?;
        Ok((first as u16, last as u16))
    }

    fn one_range(
        &mut self,
        datatype: Datatype,
        expr: &'e Expr<'a>,
    ) -> Result<(u128, u128), Unclear> {
        let values = self.numbers(datatype, expr);
        match (values.unclear, values.known.as_slice()) {
            (Some(unclear), _) => Err(unclear),
            (None, [range]) => Ok(*range),
            _ => Err((UnknownReason::NotModelled, expr.at)),
        }
    }
}

fn nat(spec: &NatSpec<'_>, target: Target) -> Nat {
    Nat {
        kind: if spec.prefix {
            NatKind::Prefix
        } else {
            spec.kind
        },
        addresses: target.addresses,
        ports: target.ports,
        random: spec.random,
    }
}

fn first_word<'e>(expr: &'e Expr<'_>) -> Option<&'e str> {
    match &expr.kind {
        ExprKind::Word(word) => Some(word),
        ExprKind::Range(first, _) | ExprKind::Prefix(first, _) => first_word(first),
        ExprKind::Concat(parts) => first_word(parts.first()?),
        _ => None,
    }
}
