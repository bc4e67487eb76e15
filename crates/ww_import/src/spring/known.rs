//! Which properties there are below names that only Spring gives meaning to.

use super::properties::Properties;
use crate::service::Intake;

/// A name, and the names below it in lower case without dashes; those that end in a dot hold more.
type Below = (&'static str, &'static [&'static str]);

/// Properties of the embedded Tomcat (Spring Boot 1.5 to 4.0, "Common Application Properties") and of
/// HikariCP 7 (`HikariConfig`). All others may be the application's own.
const KNOWN: [Below; 2] = [
    (
        "server.tomcat.",
        &[
            "acceptcount",
            "accesslog.",
            "additionaltldskippatterns",
            "backgroundprocessordelay",
            "basedir",
            "connectiontimeout",
            "hostheader",
            "internalproxies",
            "keepalivetimeout",
            "maxconnections",
            "maxhttpformpostsize",
            "maxhttpheadersize",
            "maxhttppostsize",
            "maxhttpresponseheadersize",
            "maxkeepaliverequests",
            "maxparametercount",
            "maxpartcount",
            "maxpartheadersize",
            "maxswallowsize",
            "maxthreads",
            "mbeanregistry.",
            "minsparethreads",
            "portheader",
            "processorcache",
            "protocolheader",
            "protocolheaderhttpsvalue",
            "redirectcontextroot",
            "rejectillegalheader",
            "relaxedpathchars",
            "relaxedquerychars",
            "remoteip.",
            "remoteipheader",
            "resource.",
            "threads.",
            "uriencoding",
            "useapr",
            "userelativeredirects",
        ],
    ),
    (
        "spring.datasource.hikari.",
        &[
            "allowpoolsuspension",
            "autocommit",
            "catalog",
            "connectioninitsql",
            "connectiontestquery",
            "connectiontimeout",
            "credentials",
            "datasourceclassname",
            "datasourcejndi",
            "datasourceproperties.",
            "driverclassname",
            "exceptionoverride",
            "exceptionoverrideclassname",
            "healthcheckproperties.",
            "healthcheckregistry",
            "idletimeout",
            "initializationfailtimeout",
            "isolateinternalqueries",
            "jdbcurl",
            "keepalivetime",
            "leakdetectionthreshold",
            "maximumpoolsize",
            "maxlifetime",
            "metricregistry",
            "metricstrackerfactory",
            "minimumidle",
            "password",
            "poolname",
            "readonly",
            "registermbeans",
            "scheduledexecutor",
            "schema",
            "threadfactory",
            "transactionisolation",
            "username",
            "validationtimeout",
        ],
    ),
];

/// Says of each name that Spring does not have where it stands first.
pub(super) fn tell_unknown(properties: &Properties, intake: &mut Intake<'_>) {
    let mut told: Vec<&str> = Vec::new();
    for property in properties.all() {
        let name = property.name.as_str();
        let below = KNOWN
            .iter()
            .find_map(|(above, known)| Some((name.strip_prefix(above)?, known)));
        let Some((rest, known)) = below else {
            continue;
        };
        let is_known = known.iter().any(|it| {
            let holds = it.ends_with('.');
            (holds && rest.starts_with(it)) || rest == *it
        });
        if is_known || told.contains(&name) {
            continue;
        }
        told.push(name);
        let message = format!(
            "`{}` is no property of Spring Boot that wirewise knows: look at its spelling, or check by hand what it changes",
            property.written
        );
        intake.unsupported(property.at, message);
    }
}
