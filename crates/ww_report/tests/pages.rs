//! Pages and the list of rules.

use serde_json::Value;
use ww_finding::{Class, Layer, Need, Owner, RuleMeta, Severity};
use ww_report::{Style, pages};

static RULE: RuleMeta = RuleMeta {
    name: "idle-connection-reset",
    family: "tcp",
    layer: Layer::Tcp,
    class: Class::Connectivity,
    severity: Severity::High,
    owner: Owner::Server,
    summary: "The server closes idle connections that the client still uses",
    needs: &[Need::TcpHandshake],
    explains: &["reset-injected"],
    page: || {
        "\
# idle-connection-reset

## What it means

A long sentence that has to be wrapped because
it goes on and on.

- first point, which continues
  on a second line
- second point

```capture
# a comment, no heading
0.000 > S
```

```output
F1  HIGH
```

### Silent

1. a **bold** step
"
    },
};

#[test]
fn a_page_is_laid_out_for_the_terminal() {
    let style = Style {
        width: 40,
        ..Style::default()
    };
    assert_eq!(
        pages::text(&RULE, style),
        "\
idle-connection-reset
The server closes idle connections that
the client still uses
layer: tcp · class: connectivity · usual
severity: high · usual owner: server

What it means

  A long sentence that has to be wrapped
  because it goes on and on.

  - first point, which continues on a
    second line
  - second point

    # a comment, no heading
    0.000 > S

  What wirewise says about it:

    F1  HIGH

Silent

  1. a bold step
"
    );
}

#[test]
fn a_page_as_markdown_is_the_page() {
    assert_eq!(pages::markdown(&RULE), (RULE.page)());
}

#[test]
fn the_list_has_a_line_per_rule() {
    assert_eq!(
        pages::list(&[&RULE], Style::default()),
        "\
idle-connection-reset  tcp  connectivity  high  The server closes idle connections that the client still uses
"
    );
}

#[test]
fn the_list_as_json_has_every_word() {
    let json: Value = serde_json::from_str(&pages::json(&[&RULE]).unwrap()).unwrap();
    assert_eq!(json["schema_version"], 1);
    let rule = &json["rules"][0];
    assert_eq!(rule["name"], "idle-connection-reset");
    assert_eq!(rule["severity"], "high");
    assert_eq!(rule["explains"][0], "reset-injected");
}
