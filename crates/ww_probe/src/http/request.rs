//! What is asked: the request's bytes, and the command that asks the same.

use super::url::Url;
use crate::walk::Walker;
use std::net::SocketAddr;
use ww_evidence::transcript::HttpVersion;

/// Field names whose values are nobody's business but the server's.
const SECRETS: [&str; 5] = ["auth", "cookie", "key", "token", "secret"];

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `GET`, `HEAD` or `POST`.
    pub(crate) method: &'static str,
    /// What is asked for.
    pub(crate) url: Url,
    /// The user's fields, and cookies.
    pub(crate) fields: Vec<(String, String)>,
    /// What it carries; nothing but in a `POST`.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// What the walk asks for.
    pub(crate) fn of(walker: &Walker<'_>) -> Request {
        Request {
            method: "GET",
            url: Url::of(walker.target),
            fields: walker.options.headers.clone(),
            body: Vec::new(),
        }
    }

    /// Its fields besides `Host`, in order: ours where the user has none of that name, and the user's.
    pub(crate) fn all_fields(&self) -> Vec<(String, String)> {
        let length = (!self.body.is_empty()).then(|| self.body.len().to_string());
        let ours = [("user-agent", user_agent()), ("accept", "*/*".to_owned())];
        let mut fields: Vec<(String, String)> = ours
            .into_iter()
            .chain(length.map(|length| ("content-length", length)))
            .filter(|(name, _)| !self.has(name))
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        fields.extend(
            self.fields
                .iter()
                .filter(|(name, value)| fits_a_line(name) && fits_a_line(value))
                .cloned(),
        );
        fields
    }

    /// Its bytes in HTTP/1.1.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, self.url.path)];
        if !self.has("host") {
            lines.push(format!("host: {}", self.url.authority()));
        }
        let fields = self.all_fields();
        lines.extend(
            fields
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        lines.extend([String::new(), String::new()]);
        let mut bytes = lines.join("\r\n").into_bytes();
        bytes.extend(&self.body);
        bytes
    }

    /// What asks the same of the same address.
    pub(crate) fn command(&self, to: SocketAddr, version: HttpVersion) -> String {
        let mut words = vec!["curl -sv -o /dev/null".to_owned()];
        if self.method == "HEAD" {
            words.push("-I".to_owned());
        }
        words.push(
            match version {
                HttpVersion::One => "--http1.1",
                HttpVersion::Two => "--http2",
                HttpVersion::Three => "--http3-only",
            }
            .to_owned(),
        );
        if self.url.host.parse::<std::net::IpAddr>().is_err() {
            let (host, port) = (&self.url.host, self.url.port);
            let address = match to.ip() {
                std::net::IpAddr::V4(address) => address.to_string(),
                std::net::IpAddr::V6(address) => format!("[{address}]"),
            };
            words.push(if to.port() == port {
                format!("--resolve {host}:{port}:{address}")
            } else {
                format!("--connect-to {host}:{port}:{address}:{}", to.port())
            });
        }
        for (name, value) in &self.fields {
            let lower = name.to_ascii_lowercase();
            let shown = if SECRETS.iter().any(|secret| lower.contains(secret)) {
                "…"
            } else {
                value.as_str()
            };
            words.push(format!("-H {}", quoted(&format!("{name}: {shown}"))));
        }
        words.push(quoted(&self.url.to_string()));
        words.join(" ")
    }

    fn has(&self, name: &str) -> bool {
        self.fields
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

/// Who asks, and what for.
pub(crate) fn user_agent() -> String {
    format!("wirewise/{} (diagnosis)", env!("CARGO_PKG_VERSION"))
}

/// A field with line ends would be two.
pub(crate) fn fits_a_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~:/@%+=,".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&str, &str)]) -> Request {
        Request {
            method: "GET",
            url: Url {
                tls: false,
                host: "a.example".to_owned(),
                port: 8080,
                path: "/x?y=1".to_owned(),
            },
            fields: fields
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: Vec::new(),
        }
    }

    #[test]
    fn the_users_fields_take_the_place_of_ours() {
        let text = String::from_utf8(
            request(&[("User-Agent", "me"), ("X-Bad", "a\r\nX-Evil: b")]).bytes(),
        )
        .expect("text");
        assert_eq!(
            text,
            "GET /x?y=1 HTTP/1.1\r\nhost: a.example:8080\r\naccept: */*\r\nUser-Agent: me\r\n\r\n"
        );
        let posted = Request {
            method: "POST",
            body: b"four".to_vec(),
            ..request(&[])
        };
        let text = String::from_utf8(posted.bytes()).expect("text");
        assert!(text.ends_with("content-length: 4\r\n\r\nfour"), "{text}");
        let plain = String::from_utf8(request(&[]).bytes()).expect("text");
        assert!(plain.contains("user-agent: wirewise/"), "{plain}");
        assert!(plain.contains("(diagnosis)"), "{plain}");
    }

    #[test]
    fn the_command_asks_the_same_and_keeps_secrets() {
        let command = request(&[("Authorization", "Bearer abc"), ("X-Id", "it's")]).command(
            "192.0.2.1:8080".parse().expect("an address"),
            HttpVersion::One,
        );
        assert_eq!(
            command,
            r"curl -sv -o /dev/null --http1.1 --resolve a.example:8080:192.0.2.1 -H 'Authorization: …' -H 'X-Id: it'\''s' 'http://a.example:8080/x?y=1'"
        );
    }
}
