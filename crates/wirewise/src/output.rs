//! Where results go, and how they look there.

use crate::cli::{ColorChoice, OutFile};
use anyhow::Context;
use std::io::{IsTerminal, Write};
use ww_report::{Style, printable};

/// Writes a result to the file that was asked for, else to standard output.
#[expect(
    clippy::disallowed_methods,
    reason = "writing the file that --out names is this surface's work"
)]
pub(crate) fn write(out: &OutFile, text: &str) -> anyhow::Result<()> {
    if let Some(path) = &out.out {
        return std::fs::write(path, text)
            .with_context(|| format!("cannot write the result to {}", path.display()));
    }
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .context("cannot write the result to standard output")
}

/// Opens the file that was asked for, else standard output, for a result that comes piece by piece.
#[expect(
    clippy::disallowed_methods,
    reason = "writing the file that --out names is this surface's work"
)]
pub(crate) fn open(out: &OutFile) -> anyhow::Result<Box<dyn Write>> {
    Ok(match &out.out {
        None => Box::new(std::io::stdout().lock()),
        Some(path) => {
            let file = std::fs::File::create(path);
            Box::new(
                file.with_context(|| format!("cannot write the result to {}", path.display()))?,
            )
        }
    })
}

/// The look that fits where the result goes.
pub(crate) fn style(color: ColorChoice, out: &OutFile) -> Style {
    Style {
        color: match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                out.out.is_none() && std::io::stdout().is_terminal() && colors_welcome()
            }
        },
        ..Style::default()
    }
}

/// The user has not declined colours (no-color.org), and the terminal has them.
#[expect(
    clippy::disallowed_methods,
    reason = "a surface asks the environment how its user likes output"
)]
fn colors_welcome() -> bool {
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !declined && !dumb
}

/// Says something on standard error. When even that is closed, nobody is there to be told.
pub(crate) fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "wirewise: {}", printable(message));
}
