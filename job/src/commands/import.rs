//! `streamgauge import`: a web server's access log as events.

use super::events::{Appender, Events};
use super::interrupt::on_interrupt;
use super::site::{USUAL, directory, event_log};
use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use streamgauge::cli::{Destination, ImportArgs};
use streamgauge::config::Surroundings;
use streamgauge_ingest::access_log::{
    Converter, Count, Counts, ImportError, Options, import as read,
};
use streamgauge_ingest::files::{Progress, check};

pub(crate) fn import(args: &ImportArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    check(&args.files)?;
    let progress = Arc::new(Progress::default());
    let stop = Arc::clone(&progress);
    on_interrupt(move || stop.stop.store(true, Ordering::SeqCst))?;
    let mut events = match &args.to {
        Destination::Log => {
            Events::Log(Appender::new(event_log(&directory(&config, USUAL), &config)?))
        }
        to => Events::file(to)?,
    };
    let mut converter = Converter::new(args.format.into(), Options { salt: args.salt.clone() });
    let bar = bar(&args.files);
    let mut each = |key: &str, _: i64, value: &[u8]| {
        bar.set_position(progress.stored_bytes.load(Ordering::Relaxed));
        events.write(key, value).map_err(Untaken)
    };
    let result = read(&args.files, &mut converter, &progress, &mut each);
    bar.finish_and_clear();
    let is_complete = match result {
        Ok(is_complete) => is_complete,
        Err(ImportError::Event(Untaken(error))) => return Err(error),
        Err(error) => {
            // What was read before the damage is kept, and said.
            events.finish()?;
            tell(&summary(converter.counts(), &args.files));
            bail!(error);
        }
    };
    events.finish()?;
    let mut text = summary(converter.counts(), &args.files);
    if !is_complete {
        text.push_str("interrupted: the rest of the files was not read\n");
    }
    tell(&text);
    Ok(())
}

/// An event that could not be written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Untaken(anyhow::Error);

fn tell(text: &str) {
    // Without a stderr there is nobody to tell.
    let _ = io::stderr().write_all(text.as_bytes());
}

fn bar(files: &[PathBuf]) -> ProgressBar {
    let bytes = files.iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum();
    let bar = ProgressBar::new(bytes);
    let style = ProgressStyle::with_template("{bar:30} {percent:>3}% {elapsed} (left: {eta})");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// What became of the lines, each kind with the first place it occurred at.
fn summary(counts: &Counts, files: &[PathBuf]) -> String {
    let mut text = format!("read {} lines: {} events", counts.lines(), counts.events());
    let sum = |kinds: Vec<u64>| kinds.into_iter().sum::<u64>();
    let skipped = sum(counts.skipped().values().map(|c| c.lines).collect());
    let unreadable = sum(counts.unreadable().values().map(|c| c.lines).collect());
    let _ = writeln!(text, ", {skipped} that are no page views, {unreadable} unreadable");
    let skipped: BTreeMap<_, _> = counts.skipped().iter().map(|(k, c)| (k.name(), c)).collect();
    let unreadable: BTreeMap<_, _> =
        counts.unreadable().iter().map(|(k, c)| (k.name(), c)).collect();
    for (kind, counts) in [("no page view", skipped), ("unreadable", unreadable)] {
        for (name, Count { lines, first }) in counts {
            let file = files.get(first.file).map(|f| f.display().to_string()).unwrap_or_default();
            let _ =
                writeln!(text, "  {kind} ({name}): {lines}, the first is {file}:{}", first.line);
        }
    }
    text
}
