//! Reads answers of HTTP/1 (RFC 9112) as they come, and keeps what is wrong with them. Bytes in, facts out;
//! no input and output of its own.

use super::chunks::Chunks;
use ww_evidence::transcript::{Body, HttpOutcome, HttpReply};

/// No head is read beyond this, all interim answers included.
pub(crate) const HEAD_MAX: usize = 64 * 1024;

/// No body is read beyond this.
pub(crate) const BODY_MAX: u64 = 1024 * 1024;

/// This much of a body is kept as text.
pub(crate) const BODY_HEAD: usize = 1024;

/// This much is kept of a first line that is not HTTP.
const LINE_MAX: usize = 256;

/// The body that a reply announces, before any of it has come.
pub(super) fn unread(reply: &HttpReply) -> Body {
    let length = reply.header("content-length");
    Body {
        announced: length.and_then(|length| length.parse().ok()),
        ..Body::default()
    }
}

/// How reading from the connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The reader has all it wants.
    Enough,
    /// The server closed the connection in order.
    Closed,
    /// A reset came.
    Reset,
    /// Nothing came for as long as one waits.
    Stalled,
    /// The time for all of it was over while data still came.
    OutOfTime,
    /// Another error.
    Failed(String),
}

/// Reads one answer.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The answer has no body whatever its fields say, as the request was HEAD.
    bodiless: bool,
    head: Vec<u8>,
    head_bytes: usize,
    state: State,
    reply: HttpReply,
    /// The answer's version is HTTP/1.1 or later.
    persistent: bool,
    body_head: Vec<u8>,
    fresh: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Head,
    Sized(u64),
    Chunked(Chunks),
    UntilClose,
    Done,
    /// The bound of the body was reached.
    Cut,
    /// The head broke the protocol.
    Broken(String),
    /// The first bytes are not those of an answer.
    NotHttp,
}

impl Reader {
    /// A reader of the answer to a request of this method.
    pub(crate) fn new(method: &str) -> Reader {
        Reader {
            bodiless: method == "HEAD",
            head: Vec::new(),
            head_bytes: 0,
            state: State::Head,
            reply: HttpReply::default(),
            persistent: false,
            body_head: Vec::new(),
            fresh: Vec::new(),
        }
    }

    /// Takes what came.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.fresh.clear();
        match self.state {
            State::Head => {
                let mut rest = self.feed_head(bytes);
                while !rest.is_empty() {
                    rest = self.feed_head(&rest);
                }
            }
            State::NotHttp => {
                let room = LINE_MAX.saturating_sub(self.head.len());
                self.head.extend(bytes.iter().take(room));
            }
            _ => self.feed_body(bytes),
        }
    }

    /// The head has come.
    pub(crate) fn headed(&self) -> bool {
        self.reply.status != 0
    }

    /// The answer as far as it came.
    pub(crate) fn reply(&self) -> &HttpReply {
        &self.reply
    }

    /// Bytes of the body that the last feeding brought, without their framing.
    pub(crate) fn fresh(&self) -> &[u8] {
        &self.fresh
    }

    /// Nothing more is wanted.
    pub(crate) fn finished(&self) -> bool {
        match &self.state {
            State::Done | State::Cut | State::Broken(_) => true,
            State::Chunked(chunks) => chunks.ended(),
            State::NotHttp => self.head.contains(&b'\n') || self.head.len() >= LINE_MAX,
            _ => false,
        }
    }

    /// The connection can carry another request after this answer.
    pub(crate) fn keeps_connection(&self) -> bool {
        let whole = match &self.state {
            State::Done => true,
            State::Chunked(chunks) => chunks.whole(),
            _ => false,
        };
        let says = |word: &str| {
            self.reply
                .all("connection")
                .flat_map(|value| value.split(','))
                .any(|token| token.trim().eq_ignore_ascii_case(word))
        };
        whole && !says("close") && (self.persistent || says("keep-alive"))
    }

    /// What came of it, once reading has ended like this.
    pub(crate) fn outcome(mut self, ending: &Ending) -> HttpOutcome {
        if self.headed() {
            self.end_body(ending);
            return HttpOutcome::Replied(Box::new(self.reply));
        }
        match (self.state, ending) {
            (State::Broken(why), _) => HttpOutcome::Broken(why),
            (State::NotHttp, _) => HttpOutcome::NotHttp(first_line(&self.head)),
            _ if !self.head.is_empty() => HttpOutcome::Broken(format!(
                "the head broke off after {} bytes: {}",
                self.head.len(),
                ended(ending)
            )),
            (_, Ending::Closed | Ending::Enough) => HttpOutcome::Closed,
            (_, Ending::Reset) => HttpOutcome::Reset,
            (_, Ending::Stalled | Ending::OutOfTime) => HttpOutcome::TimedOut,
            (_, Ending::Failed(why)) => HttpOutcome::Failed(why.clone()),
        }
    }

    fn end_body(&mut self, ending: &Ending) {
        let body = &mut self.reply.body;
        body.head = String::from_utf8_lossy(&self.body_head).into_owned();
        let missing = match &self.state {
            State::Sized(left) => format!("{left} bytes are missing: "),
            State::UntilClose | State::Chunked(_) => String::new(),
            _ => {
                body.cut = matches!(self.state, State::Cut);
                body.complete = !body.cut;
                return;
            }
        };
        if let State::Chunked(chunks) = &self.state
            && let Some(fault) = chunks.fault()
        {
            fault.clone_into(&mut body.fault);
            return;
        }
        let until_close = matches!(self.state, State::UntilClose);
        match ending {
            Ending::Closed if until_close => body.complete = true,
            Ending::Enough | Ending::OutOfTime => {
                body.complete = matches!(&self.state, State::Chunked(chunks) if chunks.whole());
                body.cut = !body.complete;
            }
            _ => body.fault = format!("{missing}{}", ended(ending)),
        }
    }

    /// Takes bytes of the head; what follows an interim answer.
    fn feed_head(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.head_bytes += bytes.len();
        let searched = self.head.len().saturating_sub(3);
        self.head.extend_from_slice(bytes);
        let begin = b"HTTP/";
        if self.head.iter().zip(begin).any(|(came, want)| came != want) {
            self.state = State::NotHttp;
            self.head.truncate(LINE_MAX);
            return Vec::new();
        }
        let end = end_of_head(&self.head, searched);
        let Some(end) = end.filter(|_| self.head_bytes <= HEAD_MAX) else {
            if self.head_bytes > HEAD_MAX {
                self.state = State::Broken(format!(
                    "the header fields do not end within {HEAD_MAX} bytes"
                ));
            }
            return Vec::new();
        };
        let rest = self.head.split_off(end);
        let head = std::mem::take(&mut self.head);
        match self.parse(&head) {
            Err(why) => self.state = State::Broken(why),
            Ok(status) if (100..200).contains(&status) && status != 101 => {
                self.reply = HttpReply::default();
                self.head_bytes = self.head_bytes.saturating_sub(rest.len());
                return rest;
            }
            Ok(status) => {
                self.reply.status = status;
                match self.framing() {
                    Err(why) => {
                        self.reply.status = 0;
                        self.state = State::Broken(why);
                    }
                    Ok(state) => {
                        self.state = state;
                        self.feed_body(&rest);
                    }
                }
            }
        }
        Vec::new()
    }

    /// Reads the status line and the fields; the status.
    fn parse(&mut self, head: &[u8]) -> Result<u16, String> {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let line = lines.next().unwrap_or_default();
        let mut words = line.split(' ');
        let version = words.next().unwrap_or_default();
        let status = words.next().unwrap_or_default();
        let status = match status.parse::<u16>() {
            Ok(number) if status.len() == 3 && number >= 100 => number,
            _ => return Err(format!("the status line is broken: `{}`", shortened(line))),
        };
        self.persistent = version != "HTTP/1.0" && version.starts_with("HTTP/1.");
        for line in lines.take_while(|line| !line.is_empty()) {
            if line.starts_with([' ', '\t'])
                && let Some((_, value)) = self.reply.headers.last_mut()
            {
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            let Some((name, value)) = line.split_once(':') else {
                return Err(format!("a header line has no colon: `{}`", shortened(line)));
            };
            self.reply
                .headers
                .push((name.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(status)
    }

    /// How the end of the body is told (RFC 9112 section 6.3).
    fn framing(&mut self) -> Result<State, String> {
        let status = self.reply.status;
        let lengths: Vec<String> = self
            .reply
            .all("content-length")
            .flat_map(|value| value.split(','))
            .map(|value| value.trim().to_owned())
            .collect();
        let codings: Vec<String> = self
            .reply
            .all("transfer-encoding")
            .flat_map(|value| value.split(','))
            .map(|value| value.trim().to_ascii_lowercase())
            .collect();
        let length = match lengths.split_first() {
            None => None,
            Some((first, others)) => {
                if others.iter().any(|other| other != first) {
                    return Err(format!(
                        "Content-Length is sent with different values: {}",
                        lengths.join(", ")
                    ));
                }
                match first.parse::<u64>() {
                    Ok(length) if first.bytes().all(|byte| byte.is_ascii_digit()) => Some(length),
                    _ => return Err(format!("`{}` is no Content-Length", shortened(first))),
                }
            }
        };
        if codings.is_empty() {
            self.reply.body.announced = length;
        }
        if self.bodiless || status == 204 || status == 304 {
            return Ok(State::Done);
        }
        Ok(match (codings.last(), length) {
            (Some(last), _) if last == "chunked" => State::Chunked(Chunks::default()),
            (Some(_), _) | (None, None) => State::UntilClose,
            (None, Some(0)) => State::Done,
            (None, Some(length)) => State::Sized(length),
        })
    }

    fn feed_body(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sized(left) => {
                let take = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                self.fresh.extend(bytes.iter().take(take));
                *left -= take as u64;
                if *left == 0 {
                    self.state = State::Done;
                }
            }
            State::Chunked(chunks) => chunks.feed(bytes, &mut self.fresh),
            State::UntilClose => self.fresh.extend_from_slice(bytes),
            _ => return,
        }
        self.reply.body.received += self.fresh.len() as u64;
        let room = BODY_HEAD.saturating_sub(self.body_head.len());
        self.body_head.extend(self.fresh.iter().take(room));
        let over = match &self.state {
            State::Done => false,
            State::Chunked(chunks) => !chunks.ended(),
            _ => true,
        };
        if over && self.reply.body.received >= BODY_MAX {
            self.state = State::Cut;
        }
    }
}

/// How reading ended, as the end of a sentence.
pub(crate) fn ended(ending: &Ending) -> String {
    match ending {
        Ending::Enough | Ending::Closed => "the server closed the connection".to_owned(),
        Ending::Reset => "a reset came".to_owned(),
        Ending::Stalled | Ending::OutOfTime => "nothing more came".to_owned(),
        Ending::Failed(why) => why.clone(),
    }
}

/// Where the head ends, if it does: after an empty line. Line feeds alone are accepted, as recipients do
/// (RFC 9112 section 2.2).
fn end_of_head(head: &[u8], from: usize) -> Option<usize> {
    let rest = head.get(from..)?;
    let ends = rest.iter().enumerate().filter(|&(_, &byte)| byte == b'\n');
    for (at, _) in ends {
        let behind = rest.get(at + 1..).unwrap_or_default();
        match behind {
            [b'\n', ..] => return Some(from + at + 2),
            [b'\r', b'\n', ..] => return Some(from + at + 3),
            _ => {}
        }
    }
    None
}

/// The first line of what is not HTTP, as text.
pub(crate) fn first_line(bytes: &[u8]) -> String {
    let line = bytes
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    String::from_utf8_lossy(line)
        .trim_end_matches('\r')
        .to_owned()
}

/// At most a hundred characters.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, bytes: &[u8], step: usize, ending: &Ending) -> HttpOutcome {
        let mut reader = Reader::new(method);
        for part in bytes.chunks(step) {
            reader.feed(part);
            if reader.finished() {
                return reader.outcome(&Ending::Enough);
            }
        }
        reader.outcome(ending)
    }

    /// However the bytes are cut into pieces, the outcome is the same.
    fn outcome(method: &str, bytes: &[u8], ending: &Ending) -> HttpOutcome {
        let whole = read(method, bytes, bytes.len().max(1), ending);
        for step in [1, 2, 3, 7, 64] {
            assert_eq!(
                read(method, bytes, step, ending),
                whole,
                "in steps of {step}"
            );
        }
        whole
    }

    fn reply(bytes: &[u8], ending: &Ending) -> HttpReply {
        match outcome("GET", bytes, ending) {
            HttpOutcome::Replied(reply) => *reply,
            other => panic!("no answer: {other:?}"),
        }
    }

    #[test]
    fn an_answer_ends_as_its_framing_says() {
        let closed = Ending::Closed;
        let sized = reply(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n c\r\n\r\nhelloXX",
            &closed,
        );
        assert_eq!((sized.status, sized.body.received), (200, 5));
        assert_eq!(sized.header("x-a"), Some("b c"));
        assert!(sized.body.complete && sized.body.head == "hello");

        let chunked = reply(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n",
            &closed,
        );
        assert!(chunked.body.complete, "{chunked:?}");
        assert_eq!(chunked.body.head, "abcde");

        let open = reply(b"HTTP/1.0 200 OK\n\nabc", &closed);
        assert!(open.body.complete && open.body.received == 3);

        let head = outcome(
            "HEAD",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            &closed,
        );
        assert!(matches!(head, HttpOutcome::Replied(reply) if reply.body.complete));
        let none = reply(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            &closed,
        );
        assert!(none.status == 304 && none.body.complete);
    }

    #[test]
    fn what_is_cut_off_is_told() {
        let sized = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello";
        let cases = [
            (
                Ending::Closed,
                "45 bytes are missing: the server closed the connection",
            ),
            (Ending::Reset, "45 bytes are missing: a reset came"),
            (Ending::Stalled, "45 bytes are missing: nothing more came"),
        ];
        for (ending, why) in cases {
            let reply = reply(sized, &ending);
            assert!(!reply.body.complete && !reply.body.cut);
            assert_eq!(reply.body.fault, why);
        }
        let slow = reply(sized, &Ending::OutOfTime);
        assert!(slow.body.cut && slow.body.fault.is_empty());
        let chunked = reply(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            &Ending::Closed,
        );
        assert_eq!(chunked.body.fault, "the server closed the connection");
        let broken = reply(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
            &Ending::Closed,
        );
        assert_eq!(broken.body.fault, "`zz` is no chunk size");
    }

    #[test]
    fn what_is_no_answer_is_told_by_its_kind() {
        let cases: [(&[u8], Ending, HttpOutcome); 8] = [
            (b"", Ending::Closed, HttpOutcome::Closed),
            (b"", Ending::Reset, HttpOutcome::Reset),
            (b"", Ending::Stalled, HttpOutcome::TimedOut),
            (
                b"SSH-2.0-OpenSSH_9.2\r\n",
                Ending::Closed,
                HttpOutcome::NotHttp("SSH-2.0-OpenSSH_9.2".to_owned()),
            ),
            (
                b"HTTP/1.1 abc\r\n\r\n",
                Ending::Closed,
                HttpOutcome::Broken("the status line is broken: `HTTP/1.1 abc`".to_owned()),
            ),
            (
                b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
                Ending::Closed,
                HttpOutcome::Broken("a header line has no colon: `nonsense`".to_owned()),
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                Ending::Closed,
                HttpOutcome::Broken(
                    "Content-Length is sent with different values: 1, 2".to_owned(),
                ),
            ),
            (
                b"HTTP/1.1 200 OK\r\nServer: x",
                Ending::Reset,
                HttpOutcome::Broken("the head broke off after 26 bytes: a reset came".to_owned()),
            ),
        ];
        for (bytes, ending, wanted) in cases {
            assert_eq!(outcome("GET", bytes, &ending), wanted);
        }
    }

    #[test]
    fn endless_heads_and_bodies_are_bounded() {
        let mut reader = Reader::new("GET");
        reader.feed(b"HTTP/1.1 200 OK\r\n");
        let mut fed = 0;
        while !reader.finished() {
            reader.feed(b"X-Padding: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
            fed += 1;
            assert!(fed < 2_000, "it reads on");
        }
        assert!(reader.head.len() <= HEAD_MAX + 64);
        assert!(
            matches!(reader.outcome(&Ending::Enough), HttpOutcome::Broken(why) if why.contains("do not end"))
        );

        let mut interim = Reader::new("GET");
        for _ in 0..5_000 {
            interim.feed(b"HTTP/1.1 103 Early Hints\r\n\r\n");
        }
        assert!(interim.finished());

        let mut reader = Reader::new("GET");
        reader.feed(b"HTTP/1.1 200 OK\r\n\r\n");
        let part = [b'x'; 4096];
        while !reader.finished() {
            reader.feed(&part);
        }
        let HttpOutcome::Replied(reply) = reader.outcome(&Ending::Enough) else {
            panic!("no answer");
        };
        assert!(reply.body.cut && !reply.body.complete);
        assert_eq!(
            (reply.body.received, reply.body.head.len()),
            (BODY_MAX, BODY_HEAD)
        );
    }

    #[test]
    fn a_connection_is_kept_as_both_sides_say() {
        let kept = |head: &[u8]| {
            let mut reader = Reader::new("GET");
            reader.feed(head);
            reader.keeps_connection()
        };
        assert!(kept(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert!(!kept(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n"
        ));
        assert!(!kept(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert!(kept(
            b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"
        ));
        assert!(!kept(b"HTTP/1.1 200 OK\r\n\r\n"));
    }
}
