//! Connections that callers may open to whom they call.

use crate::load::{Number, instances, processes, show_numbers};
use crate::operand::{Known, each};
use ww_base::{Gap, Order, Setting};
use ww_chain::{Chains, Hop, Party, PartyId};
use ww_finding::Exhibit;
use ww_model::service::ClientSide;

/// What one caller opens at most.
#[derive(Clone, Debug)]
pub(crate) struct Opened<'a, 'm> {
    /// Who calls.
    pub(crate) caller: &'a Party<'m>,
    /// The hop with the largest pool.
    pub(crate) hop: &'a Hop<'m>,
    /// The pools of each process: one, but for a pooler, which has one for each database, and one
    /// for each target where these are bounded.
    pub(crate) pools: Vec<Known<u64>>,
    /// Threads of each process, where each does one request at a time and uses one connection, and
    /// there are fewer of them than of connections.
    pub(crate) threads: Option<Known<u64>>,
    /// How many instances of the caller there are.
    pub(crate) instances: Number,
    /// How many processes each of them is.
    pub(crate) processes: Number,
}

impl Opened<'_, '_> {
    /// Connections of each process.
    pub(crate) fn each(&self) -> u64 {
        let pools = self
            .pools
            .iter()
            .fold(0_u64, |all, pool| all.saturating_add(pool.value));
        self.threads
            .as_ref()
            .map_or(pools, |threads| threads.value.min(pools))
    }

    /// Pools of that size.
    pub(crate) fn copies(&self) -> u64 {
        self.instances.value.saturating_mul(self.processes.value)
    }

    /// Connections in all.
    pub(crate) fn total(&self) -> u64 {
        self.each().saturating_mul(self.copies())
    }

    /// Whether there are no more than these.
    pub(crate) fn is_sure(&self) -> bool {
        self.instances.is_sure && self.processes.is_sure
    }

    /// The factors in words: `3 instances × 4 processes × 10`.
    pub(crate) fn words(&self) -> String {
        let many = |number: &Number, what: &str| {
            (number.value > 1).then(|| format!("{} {what}", number.value))
        };
        let pools = match self.pools.as_slice() {
            _ if self.threads.is_some() => self.each().to_string(),
            [one] => one.value.to_string(),
            pools => {
                let sizes: Vec<String> = pools.iter().map(|pool| pool.value.to_string()).collect();
                sizes.join(" + ")
            }
        };
        let factors = [
            many(&self.instances, "instances"),
            many(&self.processes, "processes"),
            Some(pools),
        ];
        let factors: Vec<String> = factors.into_iter().flatten().collect();
        factors.join(" × ")
    }

    /// The pools and what multiplies them.
    pub(crate) fn show(&self) -> Vec<Exhibit> {
        let (name, place) = (&self.caller.name, self.hop.call.at);
        let mut shown: Vec<Exhibit> = Vec::new();
        for pool in &self.pools {
            let exhibit = pool.show(
                place,
                &format!("{name} opens up to {} connections", pool.value),
            );
            if !shown.contains(&exhibit) {
                shown.push(exhibit);
            }
        }
        shown.extend(self.threads.iter().map(|threads| {
            let says = match threads.value {
                1 => "each process does one request at a time, with one connection".to_owned(),
                many => format!("{many} threads in each process, with one connection each"),
            };
            threads.show(self.caller.at().unwrap_or(place), &says)
        }));
        shown.extend(show_numbers(
            self.caller,
            [&self.instances, &self.processes],
        ));
        shown
    }
}

/// Which bound of a client is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Connections of a pool, whoever is called.
    Pool,
    /// Connections to one target.
    Target,
}

impl Bound {
    fn of(self, side: &ClientSide) -> &Setting<u64> {
        match self {
            Bound::Pool => &side.pool,
            Bound::Target => &side.pool_per_target,
        }
    }
}

/// What callers open to a callee by a bound of their pools, largest first, and what is not known of
/// it.
pub(crate) fn to<'a, 'm>(
    chains: &'a Chains<'m>,
    callee: PartyId,
    bound: Bound,
) -> (Vec<Opened<'a, 'm>>, Vec<Gap>) {
    let mut opened: Vec<Opened<'a, 'm>> = Vec::new();
    let mut gaps = Vec::new();
    let hops = chains
        .hops_to(callee)
        .filter(|hop| hop.caller != callee)
        .filter(|hop| bound == Bound::Target || hop.call.to.len() == 1);
    for hop in hops {
        let Some(caller) = chains.caller(hop) else {
            continue;
        };
        let setting = bound.of(&hop.call.side);
        let Some(pool) = each(setting).into_iter().min_by_key(|known| known.value) else {
            if setting.is_unknown() {
                gaps.push(Gap::new(
                    format!("how many connections {} opens to {}", caller.name, hop.call.name),
                    "the source or file that makes its pool, or `pool` of the call in wirewise.toml",
                ));
            }
            continue;
        };
        let known = opened.iter_mut().find(|it| std::ptr::eq(it.caller, caller));
        match known {
            Some(known) if is_pooler(caller) || bound == Bound::Target => known.pools.push(pool),
            // Two addresses of one server are more often one pool that two places name.
            Some(known) if known.each() < pool.value => {
                known.threads = threads(caller, pool.value);
                (known.hop, known.pools) = (hop, vec![pool]);
            }
            Some(_) => {}
            None => opened.push(Opened {
                caller,
                hop,
                threads: threads(caller, pool.value),
                pools: vec![pool],
                instances: instances(caller),
                processes: processes(caller),
            }),
        }
    }
    opened.put_in_order_by_key(|it| std::cmp::Reverse(it.total()));
    (opened, gaps)
}

/// The threads of a process that has fewer of them than its pool connections: the pool is then never
/// full. Pools of the JVM are filled ahead, whoever uses them.
fn threads(caller: &Party<'_>, pool: u64) -> Option<Known<u64>> {
    let capacity = &caller.program?.capacity;
    let threads = each(&capacity.threads)
        .into_iter()
        .max_by_key(|known| known.value)?;
    let is_bound = capacity.one_at_a_time
        || matches!(caller.component(), "puma" | "waitress")
        || caller.component() == "gunicorn" && threads.value > 1;
    (is_bound && threads.value < pool).then_some(threads)
}

/// Whether a party passes connections to a database on: it accepts them itself.
pub(crate) fn is_pooler(party: &Party<'_>) -> bool {
    let mut listeners = party.program.iter().flat_map(|program| &program.listeners);
    listeners.any(|listener| listener.protocol.is_database())
}

/// Whether these are all that callers open to a callee, as far as files tell, and no more than that.
pub(crate) fn is_all(chains: &Chains<'_>, callee: PartyId, opened: &[Opened<'_, '_>]) -> bool {
    let mut hops = chains.hops_to(callee);
    let is_known = |hop: &Hop<'_>| {
        let caller = chains.caller(hop);
        opened
            .iter()
            .any(|it| caller.is_some_and(|caller| std::ptr::eq(it.caller, caller)))
    };
    !opened.is_empty() && hops.all(is_known) && opened.iter().all(Opened::is_sure)
}

/// Names of callers as a sentence has them.
pub(crate) fn names(opened: &[Opened<'_, '_>]) -> String {
    let names: Vec<&str> = opened.iter().map(|it| it.caller.name.as_str()).collect();
    match names.as_slice() {
        [one, other] => format!("{one} and {other}"),
        [one, others @ ..] if !others.is_empty() => format!("{one} and {} others", others.len()),
        _ => names.concat(),
    }
}
