//! `large-client-hello-dropped`: a ClientHello is answered, and a larger or a cut one is not.

use super::endpoint::{Hello, addresses, became, hellos, is_tls_answer, subject, whom};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Walk};
use std::net::SocketAddr;
use ww_finding::{Owner, Support};

rule! {
    name: "large-client-hello-dropped",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Middlebox,
    summary: "A small ClientHello is answered, one of the size that browsers send, or one in two segments, is not",
    needs: [Endpoint],
    explains: [],
    page: "large_client_hello_dropped.md",
    sight: sight,
    say: say,
}

/// What fails, as far as the other questions tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Packets of this size do not arrive; in smaller ones the same hello does.
    Packets,
    /// Other data of this size arrives, and the hello does in small segments.
    HelloInOnePacket,
    /// Other data of this size arrives; the hello does not, in whatever segments.
    LargeHello,
    /// Nothing of this size arrives, in whatever segments.
    Anything,
    /// A hello in two segments.
    Cut,
}

/// A case with the steps that show it, the failure first.
struct Case<'w> {
    kind: Kind,
    steps: Vec<Hello<'w>>,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for to in addresses(walk) {
        let Some(case) = case(walk, to) else { continue };
        let Some(&(first, _)) = case.steps.first() else {
            continue;
        };
        let mut sighting = Sighting::new(subject(first), format!("{:?}", case.kind));
        for (step, hello) in case.steps {
            let what = match (hello.clear_text, hello.split, hello.mss) {
                (true, ..) => format!("clear text of {} bytes", hello.bytes),
                (_, true, _) => format!("a hello of {} bytes in two segments", hello.bytes),
                (.., Some(mss)) => {
                    format!("a hello of {} bytes in segments of {mss}", hello.bytes)
                }
                _ => format!("a hello of {} bytes", hello.bytes),
            };
            sighting =
                sighting.show(walk.at(step, format!("{what}: {to} {}", became(&hello.reply))));
        }
        sightings.add(sighting);
    }
}

fn case<'w>(walk: &'w Walk<'_>, to: SocketAddr) -> Option<Case<'w>> {
    if loses_large_packets(walk, to) {
        return None;
    }
    let all: Vec<Hello<'w>> = hellos(walk, to).collect();
    let failed = all.iter().copied().find(|(_, hello)| {
        hello.reply.is_failure()
            && !hello.clear_text
            && hello.mss.is_none()
            && (hello.is_large() || hello.split)
    })?;
    // The usual hello was answered after the failure too, so that it is not the server that went away.
    let name = walk.target().server_name();
    let control = all
        .iter()
        .rev()
        .copied()
        .find(|(step, hello)| hello.is_usual(name) && step.number > failed.0.number)?;
    if !is_tls_answer(&control.1.reply) {
        return None;
    }
    let large = |hello: &Hello<'w>| hello.1.is_large() && !hello.1.clear_text;
    let whole = all
        .iter()
        .copied()
        .find(|hello| large(hello) && hello.1.mss.is_none());
    let cut: Vec<Hello<'w>> = all
        .iter()
        .copied()
        .filter(|(_, hello)| hello.split)
        .collect();
    let is_cut = cut.len() > 1 && cut.iter().all(|(_, hello)| hello.reply.is_failure());
    let whole = whole.filter(|hello| hello.1.reply.is_failure());
    let small = all
        .iter()
        .copied()
        .find(|hello| large(hello) && hello.1.mss.is_some());
    let clear = all.iter().copied().find(|(_, hello)| hello.clear_text);
    let (kind, mut steps) = match (whole, small, clear) {
        (Some(whole), Some(small), Some(clear)) => {
            let kind = match (is_tls_answer(&small.1.reply), clear.1.reply.has_arrived()) {
                (true, false) => Kind::Packets,
                (true, true) => Kind::HelloInOnePacket,
                // What fails whole and in small segments may fail because it was cut.
                (false, _) if is_cut => Kind::Cut,
                (false, true) => Kind::LargeHello,
                (false, false) => Kind::Anything,
            };
            let steps = if kind == Kind::Cut {
                cut
            } else {
                vec![whole, small, clear]
            };
            (kind, steps)
        }
        (None, ..) if is_cut => (Kind::Cut, cut),
        _ => return None,
    };
    steps.push(control);
    Some(Case { kind, steps })
}

/// Our large segments are lost on the way, whatever they carry: that is another cause.
fn loses_large_packets(walk: &Walk<'_>, to: SocketAddr) -> bool {
    walk.transcript
        .segment_sizes()
        .any(|(_, sizes)| sizes.to == Some(to) && !sizes.from_server && sizes.usable.is_some())
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let case = addresses(walk).into_iter().find_map(|to| {
        let case = case(walk, to)?;
        sightings
            .iter()
            .any(|sighting| sighting.group == format!("{:?}", case.kind))
            .then_some(case)
    });
    let Some((kind, bytes)) = case.and_then(|case| Some((case.kind, case.steps.first()?.1.bytes)))
    else {
        return Story::observed("", "");
    };
    let whom = whom(walk, sightings);
    let refuter = format!(
        "openssl s_client -connect {}:{} -groups X25519MLKEM768:X25519 (OpenSSL 3.5) that completes a handshake from here",
        walk.target().host,
        walk.target().port
    );
    let browsers = "browsers, Go 1.24 and OpenSSL 3.5 fail";
    let story = match kind {
        Kind::Packets => Story::observed(
            format!(
                "Packets of {bytes} bytes, the size of a browser's ClientHello, do not arrive at {whom}, and smaller ones do: {browsers}"
            ),
            refuter,
        )
        .advise("Look for a filter that drops TCP segments by their length, and for a path MTU smaller than the interfaces say: tracepath HOST"),
        Kind::HelloInOnePacket => Story::observed(
            format!(
                "A ClientHello of {bytes} bytes in one packet does not arrive at {whom}, while other data of this size does: {browsers}"
            ),
            refuter,
        )
        .advise("Look for a firewall that inspects TLS and limits the size of a ClientHello; update it, or take this path out of the inspection"),
        Kind::LargeHello => Story::observed(
            format!(
                "{whom} does not take a ClientHello of {bytes} bytes, while other data of this size arrives: {browsers}"
            ),
            refuter,
        )
        .owner(Owner::Unknown)
        .advise("Update the TLS library of the server, and of each device before it that reads the ClientHello (for the name in it)"),
        Kind::Anything => Story::observed(
            format!("{whom} answers nothing of {bytes} bytes, and a small ClientHello: {browsers}"),
            refuter,
        )
        .owner(Owner::Unknown)
        .support(Support::Heuristic)
        .advise("Capture on the server's side: do the large segments arrive?"),
        Kind::Cut => Story::observed(
            format!("{whom} does not take a ClientHello that comes in two segments, as those of browsers, Go 1.24 and OpenSSL 3.5 do"),
            "a capture on the server's side that shows both segments and a handshake that goes on",
        )
        .owner(Owner::Unknown)
        .advise("Look for a proxy or firewall that reads the ClientHello with one read, mostly to see the name in it: it must wait for the rest (tldr.fail)"),
    };
    story.advise("Until then, clients can leave X25519MLKEM768 out: OpenSSL Groups, Go GODEBUG=tlsmlkem=0, Chrome's policy PostQuantumKeyAgreementEnabled")
}
