//! Files that are put in the place of `include`.

use super::*;

#[test]
fn includes_are_put_in_place_and_pieces_are_no_programs() {
    let files = [
        (
            "shop/nginx.conf",
            "events {} http { proxy_read_timeout 9s; include mime.types; include /etc/nginx/conf.d/*.conf; }",
        ),
        (
            "shop/conf.d/b.conf",
            "server { location / { include snippets/proxy.conf; proxy_pass http://api; } }",
        ),
        (
            "shop/conf.d/a.conf",
            "upstream api { server a; keepalive 2; }",
        ),
        ("shop/snippets/proxy.conf", "proxy_connect_timeout 3s;"),
    ];
    let (found, problems) = programs(&files);
    assert_eq!(problems, []);
    assert_eq!(found.len(), 1);
    let call = &found[0].calls[0];
    assert_eq!(call.to[0].host, "a");
    assert_eq!(call.side.first_byte.value(), Some(&secs(9)));
    let connect = call.side.connect.span().unwrap();
    assert_eq!(connect.source, SourceId(3));
    let alone = programs(&files[1..2]).0;
    let side = &alone[0].calls[0].side;
    assert!(
        side.reuses.is_unknown(),
        "another file may declare the group"
    );
    assert!(side.retry.attempts.is_unknown());
    let pieces = programs(&files[1..]).0;
    assert_eq!(
        pieces.len(),
        1,
        "pieces of one folder are one configuration"
    );
    assert_eq!(pieces[0].calls[0].to[0].host, "a");
    let keepalive = &pieces[0].listeners[0].side.keepalive_idle;
    assert!(keepalive.is_unknown(), "the http block is not at hand");
}

#[test]
fn what_includes_itself_or_is_missing_is_said() {
    let kinds = |files: &[(&str, &str)]| -> Vec<ProblemKind> {
        let problems = programs(files).1.into_iter();
        problems.map(|problem| problem.kind).collect()
    };
    let circle = [
        ("a/nginx.conf", "events {} http { include b.conf; }"),
        ("a/b.conf", "server { include b.conf; }"),
    ];
    assert_eq!(kinds(&circle), [ProblemKind::Malformed]);
    let missing = [(
        "nginx.conf",
        "events {} http { include none.conf; include x/*.conf; }",
    )];
    assert_eq!(kinds(&missing), [ProblemKind::Undefined]);
    let unknown = [(
        "nginx.conf",
        "events {} http { proxy_paas x; proxy_paas y; }",
    )];
    assert_eq!(kinds(&unknown), [ProblemKind::Unsupported]);
    let value = [(
        "nginx.conf",
        "events {} http { server { keepalive_timeout soon; } }",
    )];
    assert_eq!(kinds(&value), [ProblemKind::Malformed]);
    let template = [(
        "nginx.conf",
        "events {} http { {{ range .Servers }} server {} {{ end }} }",
    )];
    assert_eq!(kinds(&template), [ProblemKind::Unsupported]);
}
