//! Walks real TLS servers with one fault each, and sees that the transcript shows it.

#![expect(
    clippy::disallowed_methods,
    reason = "the servers are real and listen on loopback"
)]
#![expect(clippy::expect_used, reason = "helpers of tests fail the test")]

mod pki;

use pki::{
    Authority, Setup, identity, intermediate, intermediate_with, issuer_url, pem_key, pem_of, root,
    self_signed, serve, serve_text, server_params,
};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ww_base::{Moment, SourceId};
use ww_evidence::transcript::{TlsHandshake, TlsOutcome, Transcript, TrustVerdict};
use ww_probe::{Depth, Options, parse_target, walk};

const NAME: &str = "shop.example";

type Versions = &'static [&'static rustls::SupportedProtocolVersion];
const LATE: Versions = &[&rustls::version::TLS13];
const AT_ONCE: Versions = &[&rustls::version::TLS12];

fn options(trusted: &Authority) -> Options {
    Options {
        depth: Depth::Quick,
        roots: Some(pem_of(trusted.der())),
        patience: Duration::from_secs(2),
        ..Options::default()
    }
}

/// Walks NAME, which stands for the first `addresses` addresses of loopback.
fn walked(scheme: &str, port: u16, addresses: u8, mut options: Options) -> Transcript {
    for nth in 0..addresses {
        let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1 + nth));
        options.resolve.push((NAME.to_owned(), port, address));
    }
    let target = parse_target(&format!("{scheme}://{NAME}:{port}")).expect("a target");
    walk(&target, &options, SourceId(0), &mut |_| {}).expect("a walk")
}

fn handshakes(transcript: &Transcript) -> Vec<TlsHandshake> {
    transcript
        .handshakes()
        .map(|(_, handshake)| handshake.clone())
        .collect()
}

fn only(scheme: &str, setup: Setup, options: Options) -> TlsHandshake {
    let port = serve(&[setup.config()]);
    let mut seen = handshakes(&walked(scheme, port, 1, options));
    assert_eq!(seen.len(), 1, "{seen:#?}");
    seen.remove(0)
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("later");
    Moment(since.as_nanos() as i64)
}

#[test]
fn a_healthy_server_is_shown_whole() {
    let root = root("Test Root");
    let between = intermediate("Test Between", &root);
    let served = identity(&between, &server_params(&[NAME]), &[&between]);
    let setup = Setup {
        alpn: vec!["h2", "http/1.1"],
        ..Setup::new(served)
    };
    let seen = only("https", setup, options(&root));
    assert_eq!(seen.outcome, TlsOutcome::Done);
    assert_eq!(seen.version, "TLS 1.3");
    assert!(seen.suite.starts_with("TLS_AES"), "{}", seen.suite);
    assert_eq!(seen.group, "x25519");
    assert_eq!(seen.alpn, "h2");
    assert_eq!(seen.alpn_offered, ["h2", "http/1.1"]);
    assert_eq!(seen.server_name, NAME);
    assert_eq!(seen.trust, TrustVerdict::Trusted);
    assert_eq!(seen.path, [0, 1]);
    assert!(seen.name_matches && !seen.resumed && !seen.ocsp_stapled);
    assert_eq!(seen.client_certificate, None);
    let [own, other] = &seen.certificates[..] else {
        panic!("{:?}", seen.certificates);
    };
    assert_eq!(own.subject, "CN=shop.example");
    assert_eq!(own.issuer, other.subject);
    assert!(other.authority && !own.authority);
}

#[test]
fn the_order_of_certificates_and_more_than_needed_do_no_harm() {
    let root = root("Test Root");
    let stranger = pki::root("Test Stranger");
    let upper = intermediate("Test Upper", &root);
    let lower = intermediate("Test Lower", &upper);
    let served = identity(
        &lower,
        &server_params(&[NAME]),
        &[&stranger, &upper, &root, &lower],
    );
    let seen = only("tls", Setup::new(served), options(&root));
    assert_eq!(seen.trust, TrustVerdict::Trusted);
    assert_eq!(seen.path, [0, 4, 2]);
}

#[test]
fn dates_are_told_and_do_not_hide_whom_a_chain_leads_to() {
    let root = root("Test Root");
    let mut over = server_params(&[NAME]);
    over.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let seen = only(
        "tls",
        Setup::new(identity(&root, &over, &[])),
        options(&root),
    );
    assert_eq!(seen.outcome, TlsOutcome::Done);
    assert_eq!(seen.trust, TrustVerdict::Trusted);
    assert_eq!(
        seen.certificates[0].not_after,
        Moment(1_609_459_200_000_000_000)
    );
    assert!(seen.certificates[0].not_after < now());

    let mut early = server_params(&[NAME]);
    early.not_before = rcgen::date_time_ymd(2098, 1, 1);
    let seen = only(
        "tls",
        Setup::new(identity(&root, &early, &[])),
        options(&root),
    );
    assert_eq!(seen.trust, TrustVerdict::Trusted);
    assert!(seen.certificates[0].not_before > now());
}

#[test]
fn an_intermediate_that_expired_is_on_the_path_unless_another_does() {
    let root = root("Test Root");
    let expired = intermediate_with(&root, |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    });
    let served = identity(&expired, &server_params(&[NAME]), &[&expired]);
    let seen = only("tls", Setup::new(served), options(&root));
    assert_eq!(seen.trust, TrustVerdict::Trusted);
    assert_eq!(seen.path, [0, 1]);
    assert!(seen.certificates[1].not_after < now());

    let unused = intermediate_with(&root, |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    });
    let good = intermediate("Test Good", &root);
    let served = identity(&good, &server_params(&[NAME]), &[&unused, &good]);
    let seen = only("tls", Setup::new(served), options(&root));
    assert_eq!(seen.path, [0, 2]);
}

#[test]
fn a_certificate_for_another_name_is_told_and_the_common_name_does_not_count() {
    let root = root("Test Root");
    let served = identity(&root, &server_params(&["other.example"]), &[]);
    let seen = only("tls", Setup::new(served), options(&root));
    assert!(!seen.name_matches);
    assert_eq!(seen.trust, TrustVerdict::Trusted);
    assert_eq!(seen.certificates[0].names, ["other.example"]);
    assert_eq!(seen.certificates[0].subject, "CN=shop.example");
    let served = identity(&root, &server_params(&["*.example.org", "*.example"]), &[]);
    let seen = only("tls", Setup::new(served), options(&root));
    assert!(!seen.name_matches, "no wildcard for a whole top level");
}

#[test]
fn a_missing_intermediate_is_told_with_where_it_is_to_be_had() {
    let root = root("Test Root");
    let between = intermediate("Test Between", &root);
    let url = "http://pki.example/between.der";
    let mut params = server_params(&[NAME]);
    params.custom_extensions.push(issuer_url(url));
    let served = identity(&between, &params, &[]);
    let seen = only("tls", Setup::new(served), options(&root));
    let TrustVerdict::Incomplete(issuer) = &seen.trust else {
        panic!("{:?}", seen.trust);
    };
    assert!(issuer.contains("CN=Test Between"), "{issuer}");
    assert_eq!(seen.certificates[0].issuer_urls, [url]);
}

#[test]
fn roots_that_are_not_trusted_are_told_apart() {
    let trusted = root("Test Root");
    let private = root("Private Root");
    let between = intermediate("Private Between", &private);
    let verdict = |served| only("tls", Setup::new(served), options(&trusted)).trust;
    let unknown = |verdict: &TrustVerdict| matches!(verdict, TrustVerdict::UnknownRoot(root) if root.contains("Private Root"));

    let seen = verdict(identity(&between, &server_params(&[NAME]), &[&between]));
    assert!(unknown(&seen), "{seen:?}");
    let sent_along = identity(&between, &server_params(&[NAME]), &[&between, &private]);
    let seen = verdict(sent_along);
    assert!(unknown(&seen), "{seen:?}");
    let seen = verdict(identity(&private, &server_params(&[NAME]), &[]));
    assert!(unknown(&seen), "{seen:?}");
    let seen = verdict(self_signed(&server_params(&[NAME])));
    assert_eq!(seen, TrustVerdict::SelfSigned);

    let namesake = root("Test Root");
    let seen = verdict(identity(&namesake, &server_params(&[NAME]), &[]));
    assert!(
        matches!(&seen, TrustVerdict::Broken(why) if why.contains("another key")),
        "{seen:?}"
    );
    let leaf = pki::identity(&trusted, &server_params(&["ca.example"]), &[]);
    assert_eq!(verdict(leaf), TrustVerdict::Trusted);
}

#[test]
fn what_may_not_sign_or_serve_is_told() {
    let trusted = root("Test Root");
    let mut params = server_params(&[NAME]);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let seen = only(
        "tls",
        Setup::new(identity(&trusted, &params, &[])),
        options(&trusted),
    );
    assert!(
        matches!(&seen.trust, TrustVerdict::Broken(why) if why.contains("extended key usage")),
        "{:?}",
        seen.trust
    );
    let no_authority = intermediate_with(&trusted, |params| {
        params.is_ca = rcgen::IsCa::ExplicitNoCa;
    });
    let served = identity(&no_authority, &server_params(&[NAME]), &[&no_authority]);
    let seen = only("tls", Setup::new(served), options(&trusted));
    assert!(
        matches!(&seen.trust, TrustVerdict::Broken(why) if why.contains("no authority")),
        "{:?}",
        seen.trust
    );
}

#[test]
fn a_self_signed_certificate_that_is_trusted_is_trusted() {
    let served = self_signed(&server_params(&[NAME]));
    let pem = {
        let own = root("unused");
        let mut options = options(&own);
        options.roots = Some(pem_of(&served.chain[0]));
        options
    };
    let seen = only("tls", Setup::new(served), pem);
    assert_eq!(seen.trust, TrustVerdict::Trusted);
}

#[test]
fn without_roots_trust_is_not_judged_and_that_is_said() {
    let root = root("Test Root");
    let mut options = options(&root);
    options.roots = Some(b"nothing".to_vec());
    let port = serve(&[Setup::new(identity(&root, &server_params(&[NAME]), &[])).config()]);
    let transcript = walked("tls", port, 1, options);
    assert_eq!(handshakes(&transcript)[0].trust, TrustVerdict::Unknown);
    assert!(
        transcript
            .gaps
            .iter()
            .any(|gap| gap.missing.contains("--cacert")),
        "{:?}",
        transcript.gaps
    );
}

#[test]
fn every_address_shows_its_own_certificate() {
    let root = root("Test Root");
    let mut over = server_params(&[NAME]);
    over.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let good = Setup::new(identity(&root, &server_params(&[NAME]), &[])).config();
    let stale = Setup::new(identity(&root, &over, &[])).config();
    let port = serve(&[good, stale]);
    let mut seen = handshakes(&walked("tls", port, 2, options(&root)));
    // Both are shaken at the same time, and written down as they end.
    seen.sort_by_key(|handshake| handshake.to);
    let [first, second] = &seen[..] else {
        panic!("{seen:#?}");
    };
    assert!(first.certificates[0].not_after > now());
    assert!(second.certificates[0].not_after < now());
    assert_ne!(
        first.certificates[0].fingerprint,
        second.certificates[0].fingerprint
    );
}

#[test]
fn a_missing_client_certificate_is_told_late_in_tls_1_3_and_at_once_in_1_2() {
    let root = root("Test Root");
    let clients = pki::root("Clients");
    let served = identity(&root, &server_params(&[NAME]), &[]);
    let setup = |versions: Versions| Setup {
        clients: Some(clients.der().clone()),
        versions,
        ..Setup::new(served.clone())
    };
    let seen = only("https", setup(LATE), options(&root));
    assert_eq!(seen.outcome, TlsOutcome::LateAlert(116));
    let demand = seen.client_certificate.expect("a demand");
    assert!(!demand.sent);
    assert_eq!(demand.authorities.len(), 1);
    assert!(demand.authorities[0].contains("CN=Clients"));
    assert_eq!(seen.trust, TrustVerdict::Trusted);

    let seen = only("https", setup(AT_ONCE), options(&root));
    assert!(
        matches!(seen.outcome, TlsOutcome::Alert(_)),
        "{:?}",
        seen.outcome
    );
    assert!(seen.client_certificate.is_some_and(|demand| !demand.sent));
}

#[test]
fn a_client_certificate_is_shown_when_asked_for() {
    let root = root("Test Root");
    let clients = pki::root("Clients");
    let client = identity(&clients, &server_params(&["client.example"]), &[]);
    let mut with_certificate = options(&root);
    with_certificate.client_certificate = Some((pem_of(&client.chain[0]), pem_key(&client.key)));
    let setup = |clients: &Authority| Setup {
        clients: Some(clients.der().clone()),
        ..Setup::new(identity(&root, &server_params(&[NAME]), &[]))
    };
    let seen = only("https", setup(&clients), with_certificate.clone());
    assert_eq!(seen.outcome, TlsOutcome::Done);
    assert!(seen.client_certificate.expect("a demand").sent);

    let seen = only("https", setup(&pki::root("Others")), with_certificate);
    assert!(
        matches!(seen.outcome, TlsOutcome::LateAlert(_)),
        "{:?}",
        seen.outcome
    );
    let mut broken = options(&root);
    broken.client_certificate = Some((b"no PEM".to_vec(), b"no PEM".to_vec()));
    let seen = only("https", setup(&clients), broken);
    assert!(
        matches!(&seen.outcome, TlsOutcome::Failed(why) if why.contains("--cert")),
        "{:?}",
        seen.outcome
    );
}

#[test]
fn a_server_that_wants_none_of_the_protocols_is_asked_without() {
    let root = root("Test Root");
    let setup = |alpn: &[&'static str]| {
        Setup {
            alpn: alpn.to_vec(),
            ..Setup::new(identity(&root, &server_params(&[NAME]), &[]))
        }
        .config()
    };
    let port = serve(&[setup(&["http/1.1"])]);
    let transcript = walked("grpcs", port, 1, options(&root));
    let seen = handshakes(&transcript);
    let [refused, without] = &seen[..] else {
        panic!("{seen:#?}");
    };
    assert_eq!(refused.outcome, TlsOutcome::Alert(120));
    assert_eq!(refused.alpn_offered, ["h2"]);
    assert_eq!(without.outcome, TlsOutcome::Done);
    assert_eq!(without.certificates.len(), 1);
    assert!(transcript.steps.iter().any(|step| !step.why.is_empty()));

    let port = serve(&[setup(&[])]);
    let seen = handshakes(&walked("grpcs", port, 1, options(&root)));
    let [silent, second] = &seen[..] else {
        panic!("{seen:#?}");
    };
    assert_eq!(
        (&silent.outcome, silent.alpn.as_str()),
        (&TlsOutcome::Done, "")
    );
    assert_eq!(second.alpn_offered, ["http/1.1"]);
}

#[test]
fn sessions_are_resumed_where_they_were_made() {
    let root = root("Test Root");
    let served = identity(&root, &server_params(&[NAME]), &[]);
    let configs = [
        Setup::new(served.clone()).config(),
        Setup::new(served).config(),
    ];
    let port = serve(&configs);
    let deep = Options {
        depth: Depth::Deep,
        ..options(&root)
    };
    let transcript = walked("tls", port, 2, deep);
    let resumed: Vec<(bool, bool)> = transcript
        .handshakes()
        .filter_map(|(_, seen)| Some((seen.session_from? == seen.to?, seen.resumed)))
        .collect();
    assert_eq!(resumed, [(true, true), (false, false)]);
}

#[test]
fn an_address_is_asked_without_a_server_name() {
    let root = root("Test Root");
    let served = identity(&root, &server_params(&["127.0.0.1"]), &[]);
    let port = serve(&[Setup::new(served).config()]);
    let target = parse_target(&format!("tls://127.0.0.1:{port}")).expect("a target");
    let transcript = walk(&target, &options(&root), SourceId(0), &mut |_| {}).expect("a walk");
    let seen = handshakes(&transcript);
    assert_eq!(seen[0].server_name, "");
    assert!(seen[0].name_matches);
    assert_eq!(seen[0].trust, TrustVerdict::Trusted);
}

#[test]
fn what_speaks_no_tls_is_named() {
    let root = root("Test Root");
    let port = serve_text("HTTP/1.1 400 Bad Request\r\n\r\n");
    let seen = handshakes(&walked("https", port, 1, options(&root)));
    assert_eq!(
        seen[0].outcome,
        TlsOutcome::NotTls("HTTP/1.1 400 Bad Request".to_owned())
    );
}
