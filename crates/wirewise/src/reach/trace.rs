//! `wirewise reach trace`: what happens to these packets.

use super::arguments::TraceArguments;
use super::packet::{Named, from_json, from_words};
use super::world;
use crate::cli::{ColorChoice, Format};
use crate::exit::Exit;
use crate::files;
use crate::output;
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::thread;
use ww_base::Limits;
use ww_model::filter::Hook;
use ww_reach::walk::{self, Walker};
use ww_report::Style;
use ww_report::reach::trace::Traces;

/// Lines of packets that are answered at a time.
const LINES_AT_ONCE: usize = 16_384;

pub(crate) fn run(arguments: &TraceArguments, color: ColorChoice) -> Result<Exit> {
    let limits = Limits::default();
    let files = files::read(&arguments.declaration.paths, &limits)?;
    let device = world::device(&files.model, arguments.device.as_deref())?;
    let sources = files.sources();
    let stack = walk::Device::of(&device.stack);
    let tracer = Tracer {
        walker: Walker::new(&device.filter, stack.as_ref(), &limits),
        traces: Traces::new(&device.filter, &sources),
        hook: arguments.hook.hook(),
        format: arguments.form.format,
        style: output::style(color, &arguments.form.out),
    };
    let mut out = output::open(&arguments.form.out)?;
    let all_read = match (&arguments.packet, &arguments.packets) {
        (Some(words), _) => {
            let named = from_words(words).context("--packet")?;
            out.write_all(tracer.answer(&named)?.as_bytes())?;
            true
        }
        (None, Some(path)) => answer_all(&tracer, open(path)?, &mut *out)?,
        (None, None) => bail!("name packets with --packet or --packets"),
    };
    out.flush().context("cannot write the result")?;
    Ok(if all_read && files.problems.is_empty() {
        Exit::Fine
    } else {
        Exit::Incomplete
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "opening the file that the user names is this surface's work"
)]
fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

struct Tracer<'a> {
    walker: Walker<'a>,
    traces: Traces<'a>,
    hook: Hook,
    format: Format,
    style: Style,
}

impl Tracer<'_> {
    fn answer(&self, named: &Named) -> Result<String> {
        match self.format {
            Format::Json => {
                let walk = self.walker.decide(self.hook, &named.packet);
                Ok(self.traces.json(&named.id, &named.packet, &walk)? + "\n")
            }
            Format::Text => {
                let walk = self.walker.walk(self.hook, &named.packet);
                Ok(self.traces.text(&named.packet, &walk, self.style))
            }
        }
    }

    /// The answers to some lines, and what is wrong with those that hold no packet.
    fn answer_lines(&self, first: usize, lines: &[String]) -> Result<(String, Vec<String>)> {
        let mut answers = String::new();
        let mut wrong = Vec::new();
        for (number, line) in (first..).zip(lines) {
            if line.trim().is_empty() {
                continue;
            }
            match from_json(line) {
                Ok(named) => {
                    let gap = self.format == Format::Text && !answers.is_empty();
                    let answer = self.answer(&named)?;
                    let _ = write!(answers, "{}{answer}", if gap { "\n" } else { "" });
                }
                Err(error) => wrong.push(format!("packet in line {number}: {error:#}")),
            }
        }
        Ok((answers, wrong))
    }
}

/// Answers every line, in order, on all processors; false when some held no packet.
fn answer_all(tracer: &Tracer, mut input: Box<dyn BufRead>, out: &mut dyn Write) -> Result<bool> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut number = 1;
    let mut all_read = true;
    loop {
        let mut lines = Vec::with_capacity(LINES_AT_ONCE);
        while lines.len() < LINES_AT_ONCE {
            let mut line = String::new();
            if input
                .read_line(&mut line)
                .context("cannot read the packets")?
                == 0
            {
                break;
            }
            lines.push(line);
        }
        if lines.is_empty() {
            return Ok(all_read);
        }
        let share = lines.len().div_ceil(workers);
        let answers: Vec<Result<(String, Vec<String>)>> = thread::scope(|scope| {
            let parts = (number..).step_by(share).zip(lines.chunks(share));
            let running: Vec<_> = parts
                .map(|(first, part)| scope.spawn(move || tracer.answer_lines(first, part)))
                .collect();
            running
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|_| bail!("internal error")))
                .collect()
        });
        for answer in answers {
            let (text, wrong) = answer?;
            out.write_all(text.as_bytes())?;
            for message in &wrong {
                output::complain(message);
            }
            all_read &= wrong.is_empty();
        }
        number += lines.len();
    }
}
