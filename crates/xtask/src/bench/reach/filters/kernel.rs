//! The kernel as the peer of the walk: packets through the same rules in a namespace of its own.

use std::io;
use std::time::{Duration, Instant};

use ww_lab::kernel::judge::{compare, observe};
use ww_lab::kernel::router::Router;
use ww_model::Packet;
use ww_model::filter::Hook;

use super::generate::packets;
use super::own::read;

const PACKETS: usize = 10_000;

/// Lets the kernel decide about packets, with the rules and without any; prints how long one takes.
/// True when the walk agrees about every packet.
///
/// # Errors
/// Where no namespace can be made, or the rules not be loaded.
pub(super) fn race(text: &str) -> io::Result<bool> {
    let mut router = Router::build().map_err(io::Error::other)?;
    let packets = packets(PACKETS);
    let (without, _) = timed(&mut router, &packets)?;
    let started = Instant::now();
    router
        .load("iptables-legacy-restore", &[], text)
        .map_err(io::Error::other)?;
    let loaded = started.elapsed();
    router.forget_connections().map_err(io::Error::other)?;
    let (with, observed) = timed(&mut router, &packets)?;
    let (mismatches, _) = compare(&read(text)?, Hook::Forward, &packets, &observed);
    println!(
        "the kernel (iptables-legacy): loaded in {:.1} ms; {} per packet, {} of it without rules; \
         {} of {PACKETS} packets fare otherwise in our walk",
        loaded.as_secs_f64() * 1e3,
        super::written(with),
        super::written(without),
        mismatches.len()
    );
    for mismatch in mismatches.iter().take(1) {
        println!("{mismatch}");
    }
    Ok(mismatches.is_empty())
}

type Observed = Vec<ww_lab::kernel::judge::Observed>;

fn timed(router: &mut Router, packets: &[Packet]) -> io::Result<(Duration, Observed)> {
    let started = Instant::now();
    let observed = observe(router, Hook::Forward, packets).map_err(io::Error::other)?;
    Ok((started.elapsed() / PACKETS as u32, observed))
}
