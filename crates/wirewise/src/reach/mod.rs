//! `wirewise reach`: who can reach whom, with which packets, decided by which line.

pub(crate) mod arguments;
mod packet;
mod trace;
mod world;

use crate::cli::{ColorChoice, Format};
use crate::exit::Exit;
use crate::files::{self, Files};
use crate::output;
use anyhow::anyhow;
use arguments::{
    CanArguments, Declaration, DiffArguments, MatrixArguments, MatrixFormat, Question,
    ReachArguments, ShadowedArguments, WhoArguments,
};
use std::path::PathBuf;
use world::World;
use ww_base::Limits;
use ww_model::Model;
use ww_reach::answer::{Answer, Reachability};
use ww_reach::device::Asked;
use ww_reach::question::{Place, Service};
use ww_report::reach::{json, matrix, text};

pub(crate) fn run(arguments: &ReachArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    match &arguments.question {
        Question::Can(arguments) => can(arguments, color),
        Question::Who(arguments) => who(arguments, color),
        Question::Matrix(arguments) => show_matrix(arguments, color),
        Question::Shadowed(arguments) => shadowed(arguments, color),
        Question::Equivalent(arguments) => equivalent(arguments, color),
        Question::Diff(arguments) => diff(arguments, color),
        Question::Trace(arguments) => trace::run(arguments, color),
    }
}

fn read(declaration: &Declaration) -> anyhow::Result<Files> {
    files::read_to_reach(&declaration.paths, &Limits::default())
}

fn can(arguments: &CanArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let files = read(&arguments.declaration)?;
    let service = arguments.port.unwrap_or(Service::ANY);
    let world = World::new(&files.model, &arguments.which);
    let mut answer = world.can(&arguments.from, &arguments.to, service)?;
    answer.gaps.extend(files.gaps());
    let sources = files.sources();
    let form = &arguments.form;
    let text = match form.format {
        Format::Json => json::answer(&answer, &sources)?,
        Format::Text => {
            let question = asked(Some(&arguments.from), &arguments.to, arguments.port);
            text::answer(
                &question,
                &answer,
                &sources,
                output::style(color, &form.out),
            )
        }
    };
    output::write(&form.out, &text)?;
    Ok(exit(&answer))
}

/// The question in words.
fn asked(from: Option<&Place>, to: &Place, service: Option<Service>) -> String {
    let from = from.map_or(String::new(), |from| format!("{from} "));
    let service = service.map_or(String::new(), |service| format!(" {service}"));
    format!("{from}→ {to}{service}")
}

fn exit(answer: &Answer) -> Exit {
    match answer.verdict {
        Reachability::Reachable | Reachability::Partly => Exit::Fine,
        Reachability::Blocked => Exit::Found,
        Reachability::May | Reachability::Unknown => Exit::Incomplete,
    }
}

/// Nothing to complain about, when all of the files was understood.
fn unless_unread(files: &Files) -> Exit {
    if files.problems.is_empty() {
        Exit::Fine
    } else {
        Exit::Incomplete
    }
}

fn who(arguments: &WhoArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let files = read(&arguments.declaration)?;
    let service = arguments.port.unwrap_or(Service::ANY);
    let groups = World::new(&files.model, &arguments.which).who(&arguments.to, service)?;
    let sources = files.sources();
    let form = &arguments.form;
    let text = match form.format {
        Format::Json => json::who(&groups, &files.gaps(), &sources)?,
        Format::Text => {
            let question = asked(None, &arguments.to, arguments.port);
            text::who(
                &question,
                &groups,
                &sources,
                output::style(color, &form.out),
            )
        }
    };
    output::write(&form.out, &text)?;
    Ok(if !files.problems.is_empty() {
        Exit::Incomplete
    } else if groups.is_empty() {
        Exit::Found
    } else {
        Exit::Fine
    })
}

fn show_matrix(arguments: &MatrixArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let files = read(&arguments.declaration)?;
    let service = arguments.port.unwrap_or(Service::ANY);
    let all = World::new(&files.model, &arguments.which).matrix(service)?;
    let text = match arguments.format {
        MatrixFormat::Text => matrix::text(&all, output::style(color, &arguments.out)),
        MatrixFormat::Json => json::matrix(&all, &files.gaps())?,
        MatrixFormat::Csv => matrix::csv(&all),
        MatrixFormat::Dot => matrix::dot(&all),
    };
    output::write(&arguments.out, &text)?;
    Ok(unless_unread(&files))
}

fn read_both(arguments: &DiffArguments) -> anyhow::Result<(Files, Model)> {
    let one = |path: &PathBuf| vec![path.clone()];
    let (old, new) = (one(&arguments.old), one(&arguments.new));
    files::read_two(&old, &new, &Limits::default())
}

fn diff(arguments: &DiffArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let (files, new) = read_both(arguments)?;
    let changes = world::changes(&files.model, &new)?;
    let sources = files.sources();
    let form = &arguments.form;
    let text = match form.format {
        Format::Json => json::diff(&changes, &files.gaps(), &sources)?,
        Format::Text => text::diff(&changes, &sources, output::style(color, &form.out)),
    };
    output::write(&form.out, &text)?;
    Ok(if changes.iter().any(|change| change.opened) {
        Exit::Found
    } else {
        unless_unread(&files)
    })
}

fn equivalent(arguments: &DiffArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let (files, new) = read_both(arguments)?;
    let change = world::distinguish(&files.model, &new)?;
    let sources = files.sources();
    let form = &arguments.form;
    let text = match form.format {
        Format::Json => json::equivalent(change.as_ref(), &files.gaps(), &sources)?,
        Format::Text => {
            text::equivalent(change.as_ref(), &sources, output::style(color, &form.out))
        }
    };
    output::write(&form.out, &text)?;
    Ok(if change.is_some() {
        Exit::Found
    } else {
        unless_unread(&files)
    })
}

fn shadowed(arguments: &ShadowedArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let files = read(&arguments.declaration)?;
    let device = world::device(&files.model, arguments.device.as_deref())?;
    let rules = Asked::new(device, &Limits::default())
        .shadowed()
        .map_err(|why| anyhow!(why))?;
    let sources = files.sources();
    let form = &arguments.form;
    let text = match form.format {
        Format::Json => json::shadowed(&rules, &files.gaps(), &sources)?,
        Format::Text => text::shadowed(&rules, &sources, output::style(color, &form.out)),
    };
    output::write(&form.out, &text)?;
    Ok(if rules.is_empty() {
        unless_unread(&files)
    } else {
        Exit::Found
    })
}
