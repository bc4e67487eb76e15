//! `greeting-refused`: the service answers, and refuses in its own words.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{Greeting, GreetingOutcome, Service};

rule! {
    name: "greeting-refused",
    family: "app",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "A database, mail or SSH server answers, and refuses everybody or this host in its own words",
    needs: [Endpoint],
    explains: [],
    page: "greeting_refused.md",
    sight: sight,
    say: say,
}

/// A refusal whose words leave no doubt.
struct Refusal {
    service: Service,
    /// How its words begin.
    begins: &'static str,
    /// What that means.
    means: &'static str,
    advice: &'static str,
}

const REFUSALS: [Refusal; 12] = [
    Refusal {
        service: Service::Postgres,
        begins: "53300",
        means: "all its connections are taken (max_connections)",
        advice: "See who holds them: select usename, application_name, state, count(*) from pg_stat_activity group by 1, 2, 3; make pools smaller, or put a pooler such as PgBouncer before the server, before max_connections is raised",
    },
    Refusal {
        service: Service::Postgres,
        begins: "57P03",
        means: "it starts up, shuts down or recovers",
        advice: "Wait, and read its log: recovery after a crash says how far it is",
    },
    Refusal {
        service: Service::Mysql,
        begins: "1040",
        means: "all its connections are taken (max_connections)",
        advice: "See who holds them: select user, host, command, count(*) from information_schema.processlist group by 1, 2, 3; make pools smaller before max_connections is raised",
    },
    Refusal {
        service: Service::Mysql,
        begins: "1129",
        means: "it has blocked this host after too many interrupted handshakes (max_connect_errors)",
        advice: "Unblock it with FLUSH HOSTS or TRUNCATE TABLE performance_schema.host_cache, and find what connects and leaves: health checks of a load balancer often do",
    },
    Refusal {
        service: Service::Mysql,
        begins: "1130",
        means: "no account may come from this host",
        advice: "Create the account for the client's address: CREATE USER 'name'@'host'",
    },
    Refusal {
        service: Service::Redis,
        begins: "ERR max number of clients",
        means: "all its connections are taken (maxclients)",
        advice: "See who holds them: redis-cli client list; set timeout or make pools smaller before maxclients is raised",
    },
    Refusal {
        service: Service::Redis,
        begins: "DENIED",
        means: "it is in protected mode and talks to its own host only",
        advice: "Give it a password (requirepass or ACLs) and bind it to the address that clients use; protected mode then ends by itself",
    },
    Refusal {
        service: Service::Redis,
        begins: "LOADING",
        means: "it still loads its data",
        advice: "Wait; redis-cli info persistence says how long (loading_eta_seconds)",
    },
    Refusal {
        service: Service::Smtp,
        begins: "421",
        means: "it takes no mail just now, or no more connections from this host",
        advice: "Read the text behind the code: limits of connections and rates are named there; its log says which",
    },
    Refusal {
        service: Service::Smtp,
        begins: "554",
        means: "it takes no mail from this host",
        advice: "Look the host's address up in the block list that the text names, and whether its address has a name (PTR)",
    },
    Refusal {
        service: Service::Ssh,
        begins: "Exceeded MaxStartups",
        means: "too many connections have not logged in yet (MaxStartups)",
        advice: "See who connects: ss -tn 'sport = :22'; block password guessers, or raise MaxStartups",
    },
    Refusal {
        service: Service::Ssh,
        begins: "Not allowed at this time",
        means: "this host's address is penalised (PerSourcePenalties) or has too many connections (PerSourceMaxStartups)",
        advice: "Wait some minutes, find what on this host connects without logging in, and exempt monitoring with PerSourcePenaltyExemptList",
    },
];

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, greeting) in walk.transcript.greetings() {
        let Some((refusal, words)) = refusal(greeting) else {
            continue;
        };
        let to = greeting
            .to
            .map_or_else(|| walk.target().host.clone(), |to| to.to_string());
        sightings.add(
            Sighting::new(Subject::Step(step.number), refusal.begins)
                .show(walk.at(step, format!("{to} says: {words}"))),
        );
    }
}

fn refusal(greeting: &Greeting) -> Option<(&'static Refusal, &str)> {
    let GreetingOutcome::Denied(words) = &greeting.outcome else {
        return None;
    };
    let refusal = REFUSALS
        .iter()
        .find(|known| known.service == greeting.service && words.starts_with(known.begins))?;
    Some((refusal, words))
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let target = walk.target();
    let begins = sightings.first().map(|sighting| sighting.group.as_str());
    let Some(refusal) = REFUSALS
        .iter()
        .find(|known| Some(known.begins) == begins && known.service == target.service)
    else {
        return Story::observed("", "");
    };
    Story::observed(
        format!(
            "{}:{} answers and refuses: {}",
            target.host, target.port, refusal.means
        ),
        "the same question from another host at the same time that is answered: then the refusal is for this host",
    )
    .advise(refusal.advice)
}
