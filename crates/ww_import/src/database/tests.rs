use crate::fixture::{gathered, shown, stand_in};
use proptest::prelude::*;
use ww_base::Span;
use ww_model::service::{Program, Protocol};

fn program(path: &str, text: &str) -> Program {
    let mut gathered = gathered(&[(path, text.as_bytes())]);
    assert_eq!(gathered.problems, []);
    assert_eq!(gathered.model.services.programs.len(), 1);
    gathered.model.services.programs.remove(0)
}

#[test]
fn postgres_closes_sessions_and_counts_connections() {
    let text = "# main\nmax_connections = 300 # restart\nstatement_timeout = '30s'\nidle_session_timeout 10min\nidle_in_transaction_session_timeout = 0\ntcp_keepalives_idle = 60\nlog_line_prefix = '%m # [%p] '\n";
    let program = program("db/postgresql.conf", text);
    assert_eq!(
        (program.name.as_str(), program.product.component.as_str()),
        ("db", "postgres")
    );
    let listener = &program.listeners[0];
    assert_eq!(
        (listener.port, listener.protocol),
        (Some(5432), Protocol::Postgres)
    );
    let side = &listener.side;
    assert_eq!(side.statement.value(), Some(&Span::from_secs(30)));
    assert_eq!(side.keepalive_idle.value(), Some(&Span::from_secs(600)));
    assert_eq!(side.probe_after.value(), Some(&Span::from_secs(60)));
    assert!(side.idle_in_transaction.is_off() && side.idle_in_transaction.is_written());
    assert_eq!(program.capacity.connections.value(), Some(&300));
    let at = program.capacity.connections.span().unwrap();
    assert_eq!(shown(text, at), "max_connections = 300");
    assert_eq!(program.capacity.reserved.value(), Some(&3));
}

#[test]
fn what_alter_system_wrote_counts_more() {
    let gathered = gathered(&[
        ("db/postgresql.auto.conf", "max_connections = '50'\n"),
        ("db/postgresql.conf", "max_connections = 300\nport = 5433\n"),
    ]);
    assert_eq!(gathered.problems, []);
    let [program] = gathered.model.services.programs.as_slice() else {
        panic!("not one program");
    };
    assert_eq!(program.path, "db/postgresql.conf");
    assert_eq!(program.capacity.connections.value(), Some(&50));
    assert_eq!(program.listeners[0].port, Some(5433));
}

#[test]
fn mysql_reads_the_groups_of_its_server() {
    let text = "[client]\nport = 1\n[mysqld]\nwait-timeout = 60\nmax_connections = 500\nskip-name-resolve\n";
    let mysql = program("my.cnf", text);
    assert_eq!(mysql.product.component, "mysql");
    assert_eq!(mysql.listeners[0].port, Some(3306));
    assert_eq!(
        mysql.listeners[0].side.keepalive_idle.value(),
        Some(&Span::from_secs(60))
    );
    assert_eq!(mysql.capacity.connections.value(), Some(&500));
    let mariadb = program("50-server.cnf", "[mysqld]\nport = 3307\n");
    assert_eq!(mariadb.product.component, "mariadb");
    assert_eq!(
        mariadb.listeners[0].side.keepalive_idle.value(),
        Some(&Span::from_secs(28_800))
    );
    assert_eq!(mariadb.capacity.connections.value(), Some(&151));
}

#[test]
fn redis_keeps_connections_unless_told_otherwise() {
    let program = program("redis.conf", "# x\nmaxclients 100\ntimeout 0\nsave \"\"\n");
    let side = &program.listeners[0].side;
    assert!(side.keepalive_idle.is_off() && side.keepalive_idle.is_written());
    assert_eq!(side.probe_after.value(), Some(&Span::from_secs(300)));
    assert_eq!(program.capacity.connections.value(), Some(&100));
    assert_eq!(program.capacity.backlog.value(), Some(&511));
}

#[test]
fn pgbouncer_calls_its_databases() {
    let text = "[databases]\nshop = host=db,db2 port=5433 dbname=shop password=s3cret pool_size=5\n* = host=db\n[pgbouncer]\nlisten_port = 6000\nserver_idle_timeout = 30\nquery_wait_timeout = 0\nauth_type = md5\n";
    let program = program("pgbouncer.ini", text);
    assert_eq!(program.listeners[0].port, Some(6000));
    assert_eq!(program.capacity.connections.value(), Some(&100));
    let shop = &program.calls[0];
    let hosts: Vec<(&str, Option<u16>)> = shop
        .to
        .iter()
        .map(|to| (to.host.as_str(), to.port))
        .collect();
    assert_eq!(hosts, [("db", Some(5433)), ("db2", Some(5433))]);
    assert_eq!(shop.side.pool.value(), Some(&5));
    assert_eq!(shop.side.keepalive_idle.value(), Some(&Span::from_secs(30)));
    assert_eq!(shop.side.max_lifetime.value(), Some(&Span::from_secs(3600)));
    assert!(shop.side.pool_wait.is_off());
    assert_eq!(program.calls[1].side.pool.value(), Some(&20));
    assert_eq!(program.calls[1].to[0].port, Some(5432));
    assert!(!format!("{program:?}").contains("s3cret"));
}

#[test]
fn a_pool_of_pgbouncer_is_no_larger_than_its_database_may_be() {
    let text = "[databases]\na = host=db pool_size=40\nb = host=db max_db_connections=10\n[pgbouncer]\nmax_db_connections = 30\n";
    let program = program("pgbouncer.ini", text);
    let pools: Vec<Option<&u64>> = program
        .calls
        .iter()
        .map(|it| it.side.pool.value())
        .collect();
    assert_eq!(pools, [Some(&30), Some(&10)]);
}

#[test]
fn what_is_no_setting_is_told() {
    let told = |path: &str, text: &str| {
        let problems = gathered(&[(path, text.as_bytes())]).problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].message.clone()
    };
    let broken = "max_connections = many\n";
    assert!(told("postgresql.conf", broken).contains("a whole number, not `many`"));
    assert!(told("postgresql.conf", "include_dir 'conf.d'\n").contains("was not read"));
    assert!(told("redis.conf", "timeout\n").contains("sets nothing"));
    assert!(told("pgbouncer.ini", "[pgbouncer]\nx\n").contains("sets nothing"));
    assert!(told("my.cnf", "!includedir /etc/mysql/conf.d/\n").contains("not followed"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_problems_stand_inside(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let paths = ["postgresql.conf", "my.cnf", "redis.conf", "pgbouncer.ini"];
        for path in paths {
            stand_in(&gathered(&[(path, &bytes)]).problems, &bytes);
        }
    }
}

#[test]
fn a_name_that_no_product_has_is_told_once() {
    let told = |path: &str, text: &str| {
        let problems = gathered(&[(path, text.as_bytes())]).problems;
        let messages = problems.iter().map(|problem| problem.message.clone());
        messages.collect::<Vec<String>>()
    };
    let cases = [
        (
            "postgresql.conf",
            "max_conections = 5\nmax_conections = 6\nwork_mem = 4MB\npg_x.y = 1\n",
            "max_conections",
        ),
        ("redis.conf", "appendonly no\nmaxclient 5\n", "maxclient"),
        (
            "pgbouncer.ini",
            "[pgbouncer]\npool_mode = session\npool_sise = 3\n",
            "pool_sise",
        ),
        (
            "my.cnf",
            "[mysqld]\nskip-name-resolve\nloose-wsrep-on=0\nwait-timout=5\n",
            "wait_timout",
        ),
    ];
    for (path, text, name) in cases {
        let told = told(path, text);
        assert_eq!(told.len(), 1, "{path}: {told:?}");
        assert!(told[0].contains(name), "{}", told[0]);
    }
}
