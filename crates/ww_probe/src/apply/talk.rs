//! A conversation in bytes: what is said, what is heard, and how it ends.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use ww_evidence::transcript::GreetingOutcome;

/// A conversation is given up after this many bytes from the peer; no greeting needs as many.
const HEARD_BYTES: usize = 64 * 1024;

/// What is kept of a line that somebody says.
const LINE_CHARS: usize = 200;

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything that was wanted is known.
    Done,
    /// The peer closed the connection before.
    Closed,
    /// A reset came before.
    Reset,
    /// Nothing more came in time.
    Silence,
}

/// What to do after something was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Listen.
    More,
    /// Say this, then listen.
    Say(Vec<u8>),
    /// Say this and leave.
    Leave(Vec<u8>),
    /// Leave without a word.
    Done,
}

/// What a conversation tells of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Learned {
    /// How it answered, if that is known.
    pub(crate) outcome: Option<GreetingOutcome>,
    /// What it says of itself.
    pub(crate) says: String,
    /// Whether it offers TLS within the protocol.
    pub(crate) offers_tls: Option<bool>,
    /// It says that it takes passwords in clear text.
    pub(crate) takes_clear_passwords: bool,
}

/// One side of a protocol, without a socket: bytes in, bytes out.
pub(crate) trait Dialogue {
    /// What is said first; nothing where the server begins.
    fn opening(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes what it understands from the front of the bytes that were heard.
    fn hear(&mut self, heard: &mut Vec<u8>) -> Turn;

    /// What is known so far.
    fn learned(&self) -> Learned;
}

/// Holds a conversation that may take this long in all.
pub(crate) async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    dialogue: &mut impl Dialogue,
    patience: Duration,
) -> (End, Vec<u8>) {
    let deadline = Instant::now() + patience;
    let mut heard = Vec::new();
    let mut all = 0;
    let opening = dialogue.opening();
    // A server that refuses may have closed already; what it said is read in any case.
    if !opening.is_empty() {
        let _ = timeout_at(deadline, stream.write_all(&opening)).await;
    }
    let mut buffer = [0; 4096];
    loop {
        let count = match timeout_at(deadline, stream.read(&mut buffer)).await {
            Err(_) => return (End::Silence, heard),
            Ok(Err(error)) if is_reset(&error) => return (End::Reset, heard),
            Ok(Err(_) | Ok(0)) => return (End::Closed, heard),
            Ok(Ok(count)) => count,
        };
        heard.extend(buffer.iter().take(count));
        all += count;
        match dialogue.hear(&mut heard) {
            Turn::More if all >= HEARD_BYTES => return (End::Done, heard),
            Turn::More => {}
            Turn::Say(words) => {
                let _ = timeout_at(deadline, stream.write_all(&words)).await;
            }
            Turn::Leave(words) => {
                let _ = timeout_at(deadline, stream.write_all(&words)).await;
                return (End::Done, heard);
            }
            Turn::Done => return (End::Done, heard),
        }
    }
}

/// The outcome of a conversation: what the dialogue understood, or else what was not understood.
pub(crate) fn outcome(end: End, learned: &Learned, rest: &[u8]) -> GreetingOutcome {
    match (&learned.outcome, end) {
        (Some(outcome), _) => outcome.clone(),
        _ if !rest.is_empty() => GreetingOutcome::Other(first_line(rest)),
        (None, End::Reset) => GreetingOutcome::Reset,
        (None, End::Closed) => GreetingOutcome::Closed,
        (None, End::Silence | End::Done) => GreetingOutcome::Silence,
    }
}

/// The first line of what somebody said, as text and not longer than a report bears.
pub(crate) fn first_line(heard: &[u8]) -> String {
    let line = heard
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    clipped(String::from_utf8_lossy(line).trim_end())
}

/// Text of bounded length.
pub(crate) fn clipped(text: &str) -> String {
    text.chars().take(LINE_CHARS).collect()
}

/// Takes a line off the front, without its end and as long as a report bears; `None` while there is none.
pub(crate) fn take_line(heard: &mut Vec<u8>) -> Option<String> {
    take_whole_line(heard).map(|line| clipped(&line))
}

/// The same with all of the line.
pub(crate) fn take_whole_line(heard: &mut Vec<u8>) -> Option<String> {
    let end = heard.iter().position(|&byte| byte == b'\n')?;
    let line: Vec<u8> = heard.drain(..=end).collect();
    Some(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// What follows these words at the beginning of a line, whatever the case of their letters.
pub(crate) fn behind<'l>(line: &'l str, words: &str) -> Option<&'l str> {
    let (begin, rest) = line.split_at_checked(words.len())?;
    begin.eq_ignore_ascii_case(words).then_some(rest)
}

/// The peer ended the connection without order.
pub(crate) fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a dialogue learns when it hears this, piece by piece, and what it says.
    pub(crate) fn rehearse(
        dialogue: &mut impl Dialogue,
        pieces: &[&[u8]],
    ) -> (Learned, Vec<Vec<u8>>, Turn) {
        let mut said = vec![dialogue.opening()];
        let mut heard = Vec::new();
        let mut last = Turn::More;
        for piece in pieces {
            heard.extend_from_slice(piece);
            last = dialogue.hear(&mut heard);
            match &last {
                Turn::Say(words) | Turn::Leave(words) => said.push(words.clone()),
                Turn::More | Turn::Done => {}
            }
        }
        (dialogue.learned(), said, last)
    }

    #[test]
    fn lines_are_taken_and_clipped() {
        let mut heard = b"220 a\r\nrest".to_vec();
        assert_eq!(take_line(&mut heard).as_deref(), Some("220 a"));
        assert_eq!(take_line(&mut heard), None);
        assert_eq!(heard, b"rest");
        assert_eq!(first_line(&[b'x'; 9_999]).len(), LINE_CHARS);
        assert_eq!(first_line(b""), "");
    }

    /// Says nothing and understands nothing.
    struct Deaf;

    impl Dialogue for Deaf {
        fn hear(&mut self, _: &mut Vec<u8>) -> Turn {
            Turn::More
        }

        fn learned(&self) -> Learned {
            Learned::default()
        }
    }

    #[tokio::test]
    async fn a_peer_that_never_stops_is_left() {
        let (mut near, mut far) = tokio::io::duplex(1024);
        let flood =
            tokio::spawn(async move { while far.write_all(&[b'a'; 1024]).await.is_ok() {} });
        let (end, heard) = talk(&mut near, &mut Deaf, Duration::from_secs(5)).await;
        assert_eq!(end, End::Done);
        assert!(heard.len() < HEARD_BYTES + 4096);
        drop(near);
        flood.await.expect("the flood ends");
    }

    #[tokio::test]
    async fn a_peer_that_says_nothing_is_left() {
        let (mut near, far) = tokio::io::duplex(64);
        let (end, heard) = talk(&mut near, &mut Deaf, Duration::from_millis(20)).await;
        assert_eq!((end, heard.len()), (End::Silence, 0));
        drop(far);
        let (end, _) = talk(&mut near, &mut Deaf, Duration::from_secs(5)).await;
        assert_eq!(end, End::Closed);
        let learned = Learned::default();
        assert_eq!(outcome(end, &learned, b""), GreetingOutcome::Closed);
        assert_eq!(
            outcome(End::Silence, &learned, b"SSH-2.0-x\r\n"),
            GreetingOutcome::Other("SSH-2.0-x".to_owned())
        );
    }
}
