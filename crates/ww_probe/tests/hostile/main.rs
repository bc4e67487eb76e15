//! Servers that never stop, or send far more than any client needs: a walk reads little of it, ends soon, and says
//! what came.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "the servers are real listeners on loopback; where they fail, the test fails"
)]

mod chains;
mod frames;
mod redirects;
#[path = "../servers/tls.rs"]
mod tls;

use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use ww_base::SourceId;
use ww_evidence::transcript::Transcript;
use ww_probe::{Depth, Options, parse_target, walk};

/// What a server would say if one let it.
const ENDLESS: u64 = 100 << 20;

/// What the system holds of a connection between both programs, at most.
const IN_FLIGHT: u64 = 2 << 20;

/// A server on loopback that counts what it could say.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// The most that went over one connection.
    most: Arc<AtomicU64>,
}

/// One of its connections.
struct Counted {
    stream: TcpStream,
    said: u64,
    most: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.stream.write(bytes)?;
        self.said += count as u64;
        self.most.fetch_max(self.said, Ordering::Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Counted {
    /// Says the same again and again, as long as somebody takes it.
    fn for_ever(&mut self, bytes: &[u8]) {
        while self.said < ENDLESS && self.write_all(bytes).is_ok() {}
    }
}

impl Server {
    fn new(listens: &str, treat: impl Fn(&mut Counted) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind(listens).expect("a port");
        let server = Server {
            address: listener.local_addr().expect("its address"),
            connections: Arc::default(),
            most: Arc::default(),
        };
        let (connections, most) = (Arc::clone(&server.connections), Arc::clone(&server.most));
        let treat = Arc::new(treat);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::Relaxed);
                // What lies in the system's buffers was not read.
                SockRef::from(&stream)
                    .set_send_buffer_size(1 << 16)
                    .expect("a small buffer");
                stream
                    .set_read_timeout(Some(Duration::from_secs(5)))
                    .expect("a limit");
                let (treat, most) = (Arc::clone(&treat), Arc::clone(&most));
                thread::spawn(move || {
                    treat(&mut Counted {
                        stream,
                        said: 0,
                        most,
                    });
                });
            }
        });
        server
    }

    /// Walks it; no connection may carry more than `bytes`, nor the walk last longer than `time`.
    fn walked(&self, scheme: &str, bytes: u64, time: Duration) -> Transcript {
        let written = format!("{scheme}://{}/", self.address);
        let target = parse_target(&written).expect("a target");
        let options = Options {
            depth: Depth::Normal,
            patience: Duration::from_secs(2),
            max_time: Duration::from_secs(20),
            ..Options::default()
        };
        let began = Instant::now();
        let transcript = walk(&target, &options, SourceId(0), &mut |_| {}).expect("a walk");
        assert!(began.elapsed() < time, "{:?}", began.elapsed());
        let most = self.most.load(Ordering::Relaxed);
        assert!(most <= bytes + IN_FLIGHT, "{most} bytes were taken");
        assert!(self.connections.load(Ordering::Relaxed) > 0);
        transcript
    }
}
