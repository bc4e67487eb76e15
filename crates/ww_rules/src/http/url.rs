//! URLs as walks write them: what a redirect leads to, and whose it is.

/// A location as the walk writes URLs: absolute, without the usual port, without a fragment.
pub(super) fn absolute(base: &str, location: &str) -> Option<String> {
    let location = location.split('#').next().unwrap_or_default().trim();
    let (scheme, rest) = base.split_once("://")?;
    let host = rest.split('/').next().unwrap_or_default();
    let (scheme, rest) = if let Some(rest) = location.strip_prefix("//") {
        (scheme.to_owned(), rest.to_owned())
    } else if let Some((scheme, rest)) = location.split_once("://") {
        (scheme.to_ascii_lowercase(), rest.to_owned())
    } else if location.starts_with('/') {
        (scheme.to_owned(), format!("{host}{location}"))
    } else {
        let folder = rest.split('?').next()?.rsplit_once('/')?.0;
        (scheme.to_owned(), format!("{folder}/{location}"))
    };
    let (host, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest.as_str(), "/"),
    };
    let host = host.to_ascii_lowercase();
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(usual).unwrap_or(&host);
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some(format!("{scheme}://{host}{slash}{path}"))
}

/// The host of a URL, without a user's name, brackets and port.
pub(super) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_urls() {
        for (url, expected) in [
            ("https://a.example/x", "a.example"),
            ("http://a.example:8080", "a.example"),
            ("http://user:secret@a.example:8080/@b", "a.example"),
            ("https://[::1]:8443/", "::1"),
            ("https://a.example?x", "a.example"),
        ] {
            assert_eq!(host_of(url), expected, "{url}");
        }
    }
}
