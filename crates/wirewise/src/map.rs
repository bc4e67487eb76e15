//! `wirewise map`: who talks to whom, across which trust boundary.

use crate::cli::{ColorChoice, MapArguments, MapFormat};
use crate::exit::Exit;
use crate::{files, output};
use ww_base::Limits;
use ww_reach::map::Map;
use ww_report::map;

pub(crate) fn run(arguments: &MapArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let files = files::read_to_reach(&arguments.paths, &Limits::default())?;
    let drawn = Map::of(&files.model);
    let text = match arguments.format {
        MapFormat::Text => map::text(&drawn, output::style(color, &arguments.out)),
        MapFormat::Json => map::json(&drawn)?,
        MapFormat::Mermaid => map::mermaid(&drawn),
        MapFormat::Dot => map::dot(&drawn),
    };
    output::write(&arguments.out, &text)?;
    Ok(if files.problems.is_empty() {
        Exit::Fine
    } else {
        Exit::Incomplete
    })
}
