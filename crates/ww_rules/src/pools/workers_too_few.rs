//! `workers-too-few`: a server has fewer workers than the load that the team states keeps busy.

use crate::load::{Busy, Number, busy, instances, plain};
use crate::mend::set_number;
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::{Gap, SourceSpan};
use ww_chain::Party;
use ww_finding::{Fix, Severity, Support};

rule! {
    name: "workers-too-few",
    family: "pools",
    layer: App,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "A server has fewer workers than the stated load keeps busy: requests wait in the backlog",
    needs: [Programs],
    explains: [],
    page: "workers_too_few.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for party in &declared.chains().parties {
        match judge(party) {
            Ok(Some(few)) => reports.add(story(declared, party, &few)),
            Ok(None) => {}
            Err(gap) => reports.gap(gap),
        }
    }
}

/// Fewer workers than a load keeps busy.
struct Few {
    workers: Known<u64>,
    threads: Known<u64>,
    instances: Number,
    busy: Busy,
    total: u64,
}

/// What is told of servers that give each request a worker of its own.
fn judge(party: &Party<'_>) -> Result<Option<Few>, Gap> {
    let Some(program) = party.program.filter(|_| has_own_workers(party)) else {
        return Ok(None);
    };
    let capacity = &program.capacity;
    let most = |setting| {
        each(setting)
            .into_iter()
            .max_by_key(|known: &Known<u64>| known.value)
    };
    let one_process = || Known {
        value: 1,
        at: None,
        because: None,
        default: None,
        versions: None,
    };
    let is_single = matches!(party.component(), "spring-boot" | "tomcat" | "waitress");
    let workers = most(&capacity.workers).or_else(|| is_single.then(one_process));
    let (Some(workers), Some(threads)) = (workers, most(&capacity.threads)) else {
        return Ok(None);
    };
    let busy = busy(party)?;
    let instances = instances(party);
    let total = workers
        .value
        .max(1)
        .saturating_mul(threads.value.max(1))
        .saturating_mul(instances.value);
    if total as f64 >= busy.comfortable() {
        return Ok(None);
    }
    if !instances.is_sure {
        return Err(Gap::new(
            format!("how many instances of {} there are", party.name),
            "the compose project or manifest that starts it",
        ));
    }
    Ok(Some(Few {
        workers,
        threads,
        instances,
        busy,
        total,
    }))
}

/// Whether a server's workers and threads are all that works on requests.
fn has_own_workers(party: &Party<'_>) -> bool {
    let Some(program) = party.program else {
        return false;
    };
    program.capacity.one_at_a_time
        || matches!(
            party.component(),
            "gunicorn" | "puma" | "waitress" | "spring-boot" | "tomcat"
        ) && program
            .capacity
            .threads
            .value()
            .is_some_and(|threads| *threads > 1)
}

fn story(declared: &Declared<'_>, party: &Party<'_>, few: &Few) -> Story {
    let (name, busy) = (&party.name, &few.busy);
    let place: Option<SourceSpan> = party.at();
    let is_full = few.total as f64 <= busy.at_once;
    let consequence = if is_full {
        "the queue before it grows as long as the peak lasts"
    } else {
        "they are all busy now and then, and requests wait"
    };
    let factors = [
        (few.instances.value, "instances"),
        (few.workers.value, "workers"),
        (few.threads.value, "threads"),
    ];
    let factors: Vec<String> = factors
        .iter()
        .filter(|(number, _)| *number > 1)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    let arithmetic = if factors.len() > 1 {
        format!(" ({})", factors.join(" × "))
    } else {
        String::new()
    };
    let story = Story::proved(
        format!(
            "{name} works on {} at once{arithmetic}, while its load keeps {} busy ({}): {consequence}",
            requests(few.total),
            plain(busy.at_once),
            busy.words()
        ),
        format!("`ss -ltn` on {name} with an empty queue (Recv-Q) at the peak"),
    )
    .support(Support::Declared)
    .severity(if is_full {
        Severity::High
    } else {
        Severity::Medium
    });
    let wanted = busy.comfortable().ceil() as u64;
    let shown = [
        (&few.workers, "workers"),
        (&few.threads, "threads in each worker"),
    ];
    let story = shown
        .into_iter()
        .filter(|(known, _)| known.at.is_some() || known.because.is_some())
        .filter_map(|(known, what)| {
            let says = format!("{name} has {} {}", known.value, singular(known.value, what));
            Some(known.show(place?, &says))
        })
        .fold(story, Story::show);
    let story = few
        .instances
        .known
        .iter()
        .filter(|known| known.value > 1)
        .filter_map(|known| {
            Some(known.show(place?, &format!("{} instances of {name}", known.value)))
        })
        .chain(busy.show(party))
        .fold(story, Story::show);
    story
        .fix(more(declared, party, few, wanted))
        .advise("Or start more instances, or make requests shorter")
}

/// More workers, or more threads where there is one process only.
fn more(declared: &Declared<'_>, party: &Party<'_>, few: &Few, wanted: u64) -> Fix {
    let (name, instances) = (&party.name, few.instances.value.max(1));
    let is_single = few.workers.at.is_none() && few.workers.because.is_none();
    let (known, other, what) = if is_single {
        (&few.threads, 1, "threads")
    } else {
        (&few.workers, few.threads.value.max(1), "workers")
    };
    let each = wanted.div_ceil(instances.saturating_mul(other));
    let title =
        format!("Give {name} {each} {what} in each instance, if it has the processors and memory");
    let program = party.program;
    let place = program.and_then(|program| Some(program.listeners.first()?.at));
    match place.or_else(|| party.at()) {
        Some(place) => set_number(declared, (known, place), each, title),
        None => Fix::advice(title),
    }
}

fn requests(number: u64) -> String {
    match number {
        1 => "one request".to_owned(),
        _ => format!("{number} requests"),
    }
}

fn singular(number: u64, what: &str) -> String {
    if number == 1 {
        what.replacen("workers", "worker", 1)
            .replacen("threads", "thread", 1)
    } else {
        what.to_owned()
    }
}
