//! Zones at name servers of their own, and a resolver that begins at the server of the zone above them.

use super::address::{SECOND, SERVER};
use super::servers::not_an_address;
use super::{Servers, Site};
use crate::error::LabError;
use crate::unbound;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// A zone as one server holds it.
#[derive(Debug, Clone, Copy)]
pub struct Zone<'z> {
    /// Its name.
    pub name: &'z str,
    /// Its serial number.
    pub serial: u32,
    /// Its records, as a zone file has them, beside the SOA record.
    pub records: &'z str,
}

impl Servers {
    /// nsd at `address` with these zones.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or refuses them.
    pub fn nsd(self, site: &Site, address: &str, zones: &[Zone<'_>]) -> Result<Servers, LabError> {
        let folder = site.lent()?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(LabError::io(format!("write {}", path.display())))
        };
        let own = folder.display();
        let mut config = format!(
            "server:
ip-address: {address}@53
username: \"\"
chroot: \"\"
zonesdir: \"{own}\"
database: \"\"
zonelistfile: \"{own}/nsd-{address}.list\"
xfrdfile: \"{own}/nsd-{address}.state\"
xfrdir: \"{own}\"
pidfile: \"\"
server-count: 1
do-ip6: no
remote-control:
control-enable: no
"
        );
        for zone in zones {
            let file = format!("{}-{address}.zone", zone.name);
            let soa = format!(
                "$ORIGIN {}.\n@ 300 IN SOA ns1 hostmaster {} 7200 3600 1209600 60\n",
                zone.name, zone.serial
            );
            write(&file, &format!("{soa}{}\n", zone.records))?;
            // Writing to a string cannot fail.
            let _ = writeln!(
                config,
                "zone:\nname: \"{}\"\nzonefile: \"{file}\"",
                zone.name
            );
        }
        write(&format!("nsd-{address}.conf"), &config)?;
        let listens = SocketAddr::new(address.parse().map_err(not_an_address)?, 53);
        let config = format!("@/nsd-{address}.conf");
        self.daemon_at(
            site,
            listens,
            Path::new("/usr/sbin/nsd"),
            &["-d", "-c", &config],
        )
    }

    /// unbound at `address`, to which the zone `example` is served by the second address.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or refuses its configuration.
    pub fn resolver_below_example(self, site: &Site, address: &str) -> Result<Servers, LabError> {
        let folder = site.lent()?;
        let path = folder.join(format!("unbound-{address}.conf"));
        let config = unbound::config(
            &folder,
            &format!("interface: {address}\nmodule-config: \"iterator\""),
            &format!("stub-zone:\nname: \"example\"\nstub-addr: {SECOND}"),
        );
        fs::write(&path, config).map_err(LabError::io(format!("write {}", path.display())))?;
        let listens = SocketAddr::new(address.parse().map_err(not_an_address)?, 53);
        let config = format!("@/unbound-{address}.conf");
        self.daemon_at(
            site,
            listens,
            Path::new("/usr/sbin/unbound"),
            &["-d", "-c", &config],
        )
    }

    /// That resolver at the first address.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or refuses its configuration.
    pub fn resolver(self, site: &Site) -> Result<Servers, LabError> {
        self.resolver_below_example(site, SERVER)
    }
}
