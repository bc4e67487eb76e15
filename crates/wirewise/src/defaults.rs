//! `wirewise defaults`: what is in force where nothing is written.

use crate::cli::{ColorChoice, DefaultsArguments, Format};
use crate::exit::Exit;
use crate::output;
use anyhow::{Context, bail};
use ww_import::defaults::defaults;
use ww_model::service::Version;

pub(crate) fn run(arguments: &DefaultsArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let style = output::style(color, &arguments.out);
    let Some(wanted) = &arguments.component else {
        output::write(
            &arguments.out,
            &ww_report::defaults::list(defaults().tables(), style),
        )?;
        return Ok(Exit::Fine);
    };
    let (component, version) = match wanted.split_once('@') {
        Some((component, version)) => (component, Some(version)),
        None => (wanted.as_str(), None),
    };
    let Some(table) = defaults().table(component) else {
        bail!("no defaults of {component} are known; wirewise defaults lists the components");
    };
    let version = version
        .map(|text| {
            Version::parse(text).with_context(|| {
                format!("{text} is no version; write numbers, as {component}@1.27")
            })
        })
        .transpose()?;
    let text = match arguments.format {
        Format::Text => ww_report::defaults::text(table, version.as_ref(), style),
        Format::Json => ww_report::defaults::json(table, version.as_ref())?,
    };
    output::write(&arguments.out, &text)?;
    Ok(Exit::Fine)
}
