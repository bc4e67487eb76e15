//! Ports that are nobody's business on the internet.

use ww_model::packet::protocol::{TCP, UDP};

/// A well-known service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its protocol's number.
    pub(crate) protocol: u8,
    /// Its port.
    pub(crate) port: u16,
    /// Whether it is meant to be reached from afar by those with a key, so that being open is a
    /// risk and no mistake.
    pub(crate) is_for_strangers: bool,
}

const fn tcp(name: &'static str, port: u16) -> Service {
    Service {
        name,
        protocol: TCP,
        port,
        is_for_strangers: false,
    }
}

const fn udp(name: &'static str, port: u16) -> Service {
    Service {
        name,
        protocol: UDP,
        port,
        is_for_strangers: false,
    }
}

/// Databases and caches, by the ports that their documentation gives. Ports that other servers use
/// as often are left out (8123, 9000, 50000).
pub(crate) static DATABASES: &[Service] = &[
    tcp("Microsoft SQL Server", 1433),
    tcp("Oracle Database", 1521),
    tcp("etcd", 2379),
    tcp("MySQL", 3306),
    tcp("PostgreSQL", 5432),
    tcp("CouchDB", 5984),
    tcp("Redis", 6379),
    tcp("Neo4j", 7687),
    tcp("InfluxDB", 8086),
    tcp("Cassandra", 9042),
    tcp("Elasticsearch", 9200),
    tcp("Elasticsearch", 9300),
    tcp("memcached", 11211),
    udp("memcached", 11211),
    tcp("CockroachDB", 26257),
    tcp("MongoDB", 27017),
];

/// Ways to administer a device.
pub(crate) static ADMINISTRATION: &[Service] = &[
    Service {
        name: "SSH",
        protocol: TCP,
        port: 22,
        is_for_strangers: true,
    },
    tcp("Telnet", 23),
    udp("SNMP", 161),
    tcp("rlogin", 513),
    tcp("rsh", 514),
    udp("IPMI", 623),
    tcp("Docker", 2375),
    tcp("Remote Desktop", 3389),
    tcp("VNC", 5900),
    tcp("VNC", 5901),
    tcp("WinRM", 5985),
    tcp("WinRM", 5986),
    tcp("WinBox", 8291),
    tcp("kubelet", 10250),
];

impl Service {
    /// `PostgreSQL (5432/tcp)`.
    pub(crate) fn words(&self) -> String {
        let protocol = if self.protocol == UDP { "udp" } else { "tcp" };
        format!("{} ({}/{protocol})", self.name, self.port)
    }
}

/// The service of a protocol and port.
pub(crate) fn find(list: &'static [Service], protocol: u8, port: u16) -> Option<&'static Service> {
    list.iter()
        .find(|service| service.protocol == protocol && service.port == port)
}
