//! TLS of listeners and clusters.

use super::{below, config, list, of, product, type_of};
use crate::document::View;
use crate::service::written::{Entry, lacking};
use crate::service::{Intake, words};
use ww_base::{Gap, Setting};
use ww_model::service::{CertificateFile, TlsClient, TlsServer, TlsVersion};

/// How a filter chain encrypts; none where it does not.
pub(super) fn server(chain: View<'_>, intake: &mut Intake<'_>) -> Option<TlsServer> {
    let (at, socket) = of(chain, &["transport_socket"])?;
    let context = context(socket, "DownstreamTlsContext")?;
    let default = intake
        .defaults
        .flag(&product(), "require_client_certificate");
    let demands = intake.flag(of(context, &["require_client_certificate"]), default);
    let suites = of(
        context,
        &["common_tls_context", "tls_params", "cipher_suites"],
    );
    Some(TlsServer {
        at: Some(at),
        versions: versions(context, "downstream", intake),
        suites: suites.map_or_else(Setting::default, |(at, view)| {
            let one = view
                .text()
                .map(|text| text.split(':').map(str::to_owned).collect());
            let many = || {
                view.items()
                    .filter_map(View::text)
                    .map(str::to_owned)
                    .collect()
            };
            Setting::set(one.unwrap_or_else(many), at)
        }),
        demands_certificate: demands,
        certificates: certificates(context),
    })
}

/// The files that `tls_certificates` name.
fn certificates(context: View<'_>) -> Vec<CertificateFile> {
    let all = below(context, &["common_tls_context", "tls_certificates"]);
    all.into_iter()
        .flat_map(View::items)
        .filter_map(|one| {
            let (at, path) = of(one, &["certificate_chain", "filename"])?;
            Some(CertificateFile {
                at,
                path: path.text()?.to_owned(),
            })
        })
        .collect()
}

/// The message of a transport socket, where it is this one; one of QUIC or a proxy protocol holds
/// another.
fn context<'t>(socket: View<'t>, name: &str) -> Option<View<'t>> {
    let mut holder = config(socket)?;
    for _ in 0..3 {
        if type_of(holder) == name {
            return Some(holder);
        }
        let quic = below(holder, &["downstream_tls_context"])
            .or_else(|| below(holder, &["upstream_tls_context"]));
        if quic.is_some() {
            return quic;
        }
        holder = config(below(holder, &["transport_socket"])?)?;
    }
    None
}

/// The versions that are spoken with clients (`downstream`) or servers (`upstream`), whose defaults
/// differ.
fn versions(context: View<'_>, with: &str, intake: &mut Intake<'_>) -> Setting<Vec<TlsVersion>> {
    let least = "tls_minimum_protocol_version";
    let most = "tls_maximum_protocol_version";
    let params = below(context, &["common_tls_context", "tls_params"]);
    let entry = |key: &str| -> Entry<'_> { params.and_then(|params| of(params, &[key])) };
    let word = |key: &str, intake: &Intake<'_>| match entry(key).and_then(|(at, word)| {
        let word = word.text().filter(|word| *word != "TLS_AUTO")?;
        Some(Setting::set(word.to_owned(), at))
    }) {
        Some(written) => written,
        None => intake.defaults.word(&product(), &format!("{with}.{key}")),
    };
    let (from, to) = (word(least, intake), word(most, intake));
    let written = [from.span(), to.span()].into_iter().flatten().next();
    let Some(newest) = to.value() else {
        return Setting::default();
    };
    let Some(at) = written else {
        return from.map(|oldest| words::tls_versions(&oldest, newest).unwrap_or_default());
    };
    let Some(oldest) = from.value() else {
        return Setting::default();
    };
    if let Some(versions) = words::tls_versions(oldest, newest) {
        return Setting::set(versions, at);
    }
    intake.malformed(at, "a version of TLS is written TLSv1_2");
    Setting::default()
}

/// How a cluster encrypts; none where it does not.
pub(super) fn client(
    cluster: View<'_>,
    upstream: Option<View<'_>>,
    intake: &mut Intake<'_>,
) -> Option<TlsClient> {
    let product = product();
    let defaults = intake.defaults;
    let matched = || {
        let matches = list(cluster, "transport_socket_matches");
        of(matches.into_iter().next()?, &["transport_socket"])
    };
    let (at, socket) = of(cluster, &["transport_socket"]).or_else(matched)?;
    let context = context(socket, "UpstreamTlsContext")?;
    let common = below(context, &["common_tls_context"]);
    let validation = common.and_then(|common| {
        below(common, &["validation_context"]).or_else(|| {
            let keys = ["combined_validation_context", "default_validation_context"];
            below(common, &keys)
        })
    });
    let found = |keys: &[&str]| keys.iter().find_map(|key| of(validation?, &[key]));
    let secret = |keys: &[&str]| keys.iter().find_map(|key| of(common?, &[key]));
    let authority = found(&[
        "trusted_ca",
        "system_root_certs",
        "ca_certificate_provider_instance",
    ]);
    let from_elsewhere = secret(&["validation_context_sds_secret_config"]);
    let trusts_all = validation.and_then(|it| of(it, &["trust_chain_verification"]));
    let trusts_all = trusts_all.filter(|(_, word)| word.text() == Some("ACCEPT_UNTRUSTED"));
    let verifies = match (trusts_all, authority.or(from_elsewhere)) {
        (Some((at, _)), _) => Setting::set(false, at),
        (None, Some((at, _))) => Setting::set(true, at),
        (None, None) => defaults.flag(&product, "validation_context"),
    };
    let names = found(&["match_typed_subject_alt_names", "match_subject_alt_names"]);
    let checks = names.or_else(|| is_on(upstream, "auto_san_validation"));
    let own = secret(&["tls_certificates", "tls_certificate_sds_secret_configs"]);
    Some(TlsClient {
        at: Some(at),
        verifies,
        checks_name: match (checks, from_elsewhere) {
            (Some((at, _)), _) => Setting::set(true, at),
            (None, Some(_)) => Setting::default(),
            (None, None) => defaults.flag(&product, "match_typed_subject_alt_names"),
        },
        sni: sni(context, upstream, intake),
        shows_certificate: own.map_or_else(
            || lacking("Envoy shows a certificate only where tls_certificates are configured"),
            |(at, _)| Setting::set(true, at),
        ),
        versions: versions(context, "upstream", intake),
    })
}

/// What is switched on in the options of HTTP.
fn is_on<'t>(options: Option<View<'t>>, key: &str) -> Entry<'t> {
    let entry = options.and_then(|options| of(options, &[key]));
    entry.filter(|(_, value)| value.is_true())
}

/// The name that is sent; the one in `Host` or of the endpoint is not known here.
fn sni(context: View<'_>, upstream: Option<View<'_>>, intake: &Intake<'_>) -> Setting<String> {
    if let Some((at, name)) = of(context, &["sni"]) {
        return Setting::set(name.text().unwrap_or_default().to_owned(), at);
    }
    let from_host = is_on(Some(context), "auto_host_sni");
    if is_on(upstream, "auto_sni").or(from_host).is_some() {
        return Setting::Unknown(Gap::new(
            "which name is sent as SNI: that of each request or endpoint is taken",
            "the names that requests ask for",
        ));
    }
    intake.defaults.word(&product(), "sni")
}
