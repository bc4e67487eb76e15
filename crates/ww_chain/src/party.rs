//! Programs joined with what starts them.

use ww_base::SourceSpan;
use ww_model::service::{Demand, Program, Services, Unit};

/// Index of a party in [`Chains::parties`](crate::Chains::parties).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId(pub usize);

/// Somebody who serves or calls: a program, what starts it, or both.
#[derive(Clone, Debug)]
pub struct Party<'m> {
    /// What reports call it.
    pub name: String,
    /// The program, where one is known.
    pub program: Option<&'m Program>,
    /// What starts it; several when the same program runs in several places.
    pub units: Vec<&'m Unit>,
    /// What the team states about it.
    pub demand: Option<&'m Demand>,
}

impl Party<'_> {
    /// Where it is declared.
    pub fn at(&self) -> Option<SourceSpan> {
        let unit = self.units.first().map(|unit| unit.at);
        self.program.map(|program| program.at).or(unit)
    }

    /// The component that it is, as default tables name it; empty when that is not known.
    pub fn component(&self) -> &str {
        let of_unit = || self.units.iter().find_map(|unit| unit.product.as_ref());
        let product = self
            .program
            .map(|program| &program.product)
            .or_else(of_unit);
        product.map_or("", |product| &product.component)
    }
}

/// Everybody: programs with their units, then units without a program, then what the team states.
pub(crate) fn all(services: &Services) -> Vec<Party<'_>> {
    let demand = |names: &[&str]| {
        let demands = services.facts.demands.iter();
        demands
            .into_iter()
            .find(|demand| names.contains(&demand.name.as_str()))
    };
    let mut parties = Vec::new();
    for (index, program) in services.programs.iter().enumerate() {
        let units: Vec<&Unit> = services
            .units
            .iter()
            .filter(|unit| unit.program.is_some_and(|id| id.0 as usize == index))
            .collect();
        let name = match units.as_slice() {
            [unit] => unit.name.clone(),
            _ => program.name.clone(),
        };
        parties.push(Party {
            demand: demand(&[&name, &program.name]),
            name,
            program: Some(program),
            units,
        });
    }
    let stated = |unit: &Unit| {
        let programs = &services.facts.programs;
        programs.iter().any(|program| is_stated(unit, program))
    };
    for unit in services
        .units
        .iter()
        .filter(|unit| unit.program.is_none() && !stated(unit))
    {
        parties.push(Party {
            name: unit.name.clone(),
            program: None,
            units: vec![unit],
            demand: demand(&[&unit.name]),
        });
    }
    for program in &services.facts.programs {
        parties.push(Party {
            name: program.name.clone(),
            program: Some(program),
            units: services
                .units
                .iter()
                .filter(|unit| is_stated(unit, program))
                .collect(),
            demand: demand(&[&program.name]),
        });
    }
    parties
}

/// Whether a unit runs a program that the team states: nothing else says what it runs, and it has
/// the program's name, alone or behind its namespace.
fn is_stated(unit: &Unit, program: &Program) -> bool {
    let own = unit.name.rsplit('/').next();
    unit.program.is_none() && (unit.name == program.name || own == Some(program.name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_base::{SourceId, SourceSpan};
    use ww_model::service::{Product, UnitKind};

    #[test]
    fn a_program_that_the_team_states_runs_in_the_unit_of_its_name() {
        let at = SourceSpan {
            source: SourceId(0),
            start: 0,
            end: 1,
        };
        let unit = |name: &str| Unit::new(name, UnitKind::Container, at, "shop.yaml");
        let mut services = Services {
            units: vec![unit("shop/api"), unit("shop/web")],
            ..Services::default()
        };
        let stated = Program::new("api", Product::default(), at, "wirewise.toml");
        services.facts.programs.push(stated);
        let parties = all(&services);
        let told: Vec<(&str, usize)> = parties
            .iter()
            .map(|party| (party.name.as_str(), party.units.len()))
            .collect();
        assert_eq!(told, [("shop/web", 1), ("api", 1)]);
    }
}
