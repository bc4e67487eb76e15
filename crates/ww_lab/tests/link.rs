//! The link between two real hosts: what its truth log says is what the hosts saw.

#![expect(clippy::disallowed_methods, reason = "the lab is real")]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};
use ww_lab::capture::Capture;
use ww_lab::link::{Effect, Fault, Kind, Plan, Side};
use ww_lab::packet::{Packet, Transport};
use ww_lab::truth::HarmKind;
use ww_lab::world::{Hosts, World, address};
use ww_lab::{error::LabError, pcap};

/// The world, or `None` after one loud line; under CI a missing permission is a failure.
fn world(plan: Plan) -> Option<World> {
    match World::build(&Hosts::default(), vec![plan], 7) {
        Ok(world) => Some(world),
        Err(LabError::NotPossible { operation, reason }) if std::env::var_os("CI").is_none() => {
            eprintln!("NOT TESTED: the link needs root and TAP interfaces ({operation}: {reason})");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Identifications of the UDP datagrams in a capture.
fn datagrams(file: &std::path::Path) -> Vec<u16> {
    let records = pcap::read(&std::fs::read(file).unwrap());
    let packets = records
        .iter()
        .filter_map(|record| Packet::parse(&record.frame));
    packets
        .filter(|p| matches!(p.transport, Transport::Udp { .. }))
        .map(|p| p.ip_id)
        .collect()
}

#[test]
fn the_truth_log_is_the_difference_between_the_two_ends() {
    let lossy = Fault::new(Kind::Udp, Effect::Lose)
        .from(Side::Client)
        .share(0.1);
    let Some(world) = world(Plan::round_trip(Duration::from_millis(4)).fault(lossy)) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let files = [
        folder.path().join("client.pcap"),
        folder.path().join("server.pcap"),
    ];
    let captures = [
        Capture::start(&world.client, &files[0]).unwrap(),
        Capture::start(&world.server, &files[1]).unwrap(),
    ];
    let _sink = world
        .server
        .run(|| UdpSocket::bind((address::SERVER, 9_000)).unwrap())
        .unwrap();
    let send = || {
        let socket = UdpSocket::bind((address::CLIENT, 9_001)).unwrap();
        socket.connect((address::SERVER, 9_000)).unwrap();
        for number in 0..500_u32 {
            socket.send(&number.to_be_bytes()).unwrap();
            std::thread::sleep(Duration::from_micros(200));
        }
    };
    world.client.run(send).unwrap();
    for capture in captures {
        capture.stop().unwrap();
    }
    let account = world.finish();
    let (sent, arrived) = (datagrams(&files[0]), datagrams(&files[1]));
    let missing: Vec<u16> = sent
        .iter()
        .copied()
        .filter(|id| !arrived.contains(id))
        .collect();
    let logged: Vec<u16> = account
        .harms
        .iter()
        .filter_map(|harm| Some(harm.packet.as_ref()?.ip_id))
        .collect();
    assert_eq!(sent.len(), 500);
    assert!(
        (20..90).contains(&missing.len()),
        "{} of 500 lost at 10 %",
        missing.len()
    );
    assert_eq!(missing, logged);
    assert!(account.harms.iter().all(|harm| harm.kind == HarmKind::Loss));
    assert_eq!(account.truth_log().lines().count(), 1 + missing.len());
}

#[test]
fn a_download_is_fast_and_takes_its_round_trip() {
    const BYTES: usize = 30_000_000;
    let round_trip = Duration::from_millis(10);
    let Some(world) = world(Plan::round_trip(round_trip)) else {
        return;
    };
    let listener = world
        .server
        .run(|| TcpListener::bind((address::SERVER, 80)).unwrap())
        .unwrap();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&vec![0; BYTES]).unwrap();
    };
    let server = world.server.spawn(serve).unwrap();
    let started = Instant::now();
    let download = || {
        let connecting = Instant::now();
        let mut stream = TcpStream::connect((address::SERVER, 80)).unwrap();
        let connected = connecting.elapsed();
        (stream.read_to_end(&mut Vec::new()).unwrap(), connected)
    };
    let (received, connected) = world.client.run(download).unwrap();
    let megabits = (received * 8) as f64 / started.elapsed().as_secs_f64() / 1e6;
    server.join().unwrap().unwrap();
    assert_eq!(received, BYTES);
    assert!(connected >= round_trip, "connected after {connected:?}");
    assert!(megabits >= 100.0, "{megabits:.0} Mb/s");
    assert!(world.finish().harms.is_empty());
}
