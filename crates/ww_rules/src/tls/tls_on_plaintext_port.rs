//! `tls-on-plaintext-port`: TLS was spoken to a port that answers in clear text.

use super::endpoint::subject;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Walk};
use std::net::SocketAddr;
use ww_evidence::transcript::{HelloReply, Seen, Step, TlsOutcome};

rule! {
    name: "tls-on-plaintext-port",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A client speaks TLS to a port that answers in clear text",
    needs: [Endpoint],
    explains: ["tls-handshake-rejected"],
    page: "tls_on_plaintext_port.md",
    sight: sight,
    say: say,
}

/// What servers say first, and what they speak: RFC 9110, RFC 4253 section 4.2, RFC 5321 section 4.2, RFC 1939,
/// RFC 3501, the Redis serialization protocol.
const GREETINGS: [(&str, &str); 6] = [
    ("HTTP/", "HTTP"),
    ("SSH-", "SSH"),
    ("220", "SMTP or FTP"),
    ("+OK", "POP3"),
    ("* OK", "IMAP"),
    ("-ERR", "Redis"),
];

/// What a server speaks, by the line that it answered.
fn spoken(line: &str) -> Option<&'static str> {
    GREETINGS
        .iter()
        .find(|(start, _)| line.starts_with(start))
        .map(|(_, protocol)| *protocol)
        // The first packet of MySQL and MariaDB names the way to prove who one is.
        .or_else(|| {
            (line.contains("mysql_native_password") || line.contains("caching_sha2_password"))
                .then_some("MySQL")
        })
}

/// What a hello or a handshake was answered with, where that is not TLS.
fn answer(step: &Step) -> Option<(SocketAddr, &str)> {
    match &step.seen {
        Seen::Hello(hello) if !hello.clear_text => match &hello.reply {
            HelloReply::NotTls(line) => Some((hello.to?, line)),
            _ => None,
        },
        Seen::Handshake(handshake) => match &handshake.outcome {
            TlsOutcome::NotTls(line) => Some((handshake.to?, line)),
            _ => None,
        },
        _ => None,
    }
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    if !walk.target().service.is_tls() {
        return;
    }
    for step in &walk.transcript.steps {
        if let Some((to, line)) = answer(step) {
            let says = if line.is_empty() {
                format!("{to} answered with something that is not TLS")
            } else {
                format!("{to} answered `{line}`")
            };
            sightings.add(
                Sighting::new(subject(step), walk.target().port.to_string())
                    .show(walk.at(step, says)),
            );
        }
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let line = sightings
        .iter()
        .flat_map(|sighting| &sighting.subjects)
        .filter_map(|&subject| answer(walk.step(subject)?))
        .map(|(_, line)| line)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let target = walk.target();
    let (host, port) = (&target.host, target.port);
    let protocol = spoken(line);
    let speaks = match protocol {
        Some(protocol) => format!("speaks {protocol} in clear text"),
        None => "answers, but not with TLS".to_owned(),
    };
    let story = Story::observed(
        format!("{host}:{port} {speaks}: TLS cannot come about on this port"),
        format!("openssl s_client -connect {host}:{port} that completes a handshake"),
    );
    match protocol {
        Some("HTTP") => story
            .advise(format!("If clear text is meant, ask for http://{host}:{port}"))
            .advise("If TLS is meant, switch it on at this port: nginx `listen … ssl`, HAProxy `bind … ssl crt FILE`, Apache `SSLEngine on`; or use the port that has it")
            .advise("Behind a load balancer, see whether it ends TLS itself and speaks clear text to its targets"),
        Some("SMTP or FTP" | "POP3" | "IMAP") => story.advise(
            "This protocol begins in clear text and changes to TLS on a word (STARTTLS, AUTH TLS): openssl s_client -starttls smtp; or use the port for TLS from the first byte (465, 990, 993, 995)",
        ),
        Some("MySQL") => story.advise(
            "MySQL changes to TLS within its own protocol: let a client of MySQL connect, with its own settings for TLS",
        ),
        _ => story.advise(format!(
            "Compare with what the server is set up to speak on port {port}: nc {host} {port} shows its greeting"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::spoken;

    #[test]
    fn protocols_are_told_by_their_first_words() {
        assert_eq!(spoken("HTTP/1.1 400 Bad Request"), Some("HTTP"));
        assert_eq!(spoken("SSH-2.0-OpenSSH_9.2"), Some("SSH"));
        assert_eq!(
            spoken("J\0\0\0\u{a}8.0.36 caching_sha2_password"),
            Some("MySQL")
        );
        assert_eq!(spoken("hello"), None);
    }
}
