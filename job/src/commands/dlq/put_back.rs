//! `streamgauge dlq replay`: rejected events, whole, back into the log, or into a file to be
//! mended.
//!
//! A dead letter has the first bytes of a record and where it stands; the record itself is in
//! the log, as long as that keeps it. It comes back as it was, under its key, behind all that
//! is there. Late records are left where they are: they were read, and would be late again.

use super::each;
use crate::commands::events::{Appender, Events};
use crate::commands::interrupt::{go_on_waiting, on_interrupt};
use crate::commands::site::Site;
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use streamgauge::cli::{Destination, DlqFilter};
use streamgauge::config::Config;
use streamgauge_ingest::dead_letter::value_hash;
use streamgauge_ingest::decode::{Decoder, Reason, Rejection};
use streamgauge_ingest::files;
use streamgauge_ingest::log::{EventLog, Position};
use streamgauge_sink::dead_letters::{REFUSED_POINT, TOO_LARGE};

/// Records of a partition that are read between two looks at whether to stop.
const STEP: u64 = 10_000;

/// What became of the dead letters.
#[derive(Default)]
struct Counts {
    written: u64,
    late: u64,
    /// Their records are in the log no more.
    cut: u64,
    /// The log has another record in their place.
    other: u64,
}

/// Where the records of dead letters stand: by partition and offset, with their hashes.
type Wanted = BTreeMap<u32, BTreeMap<u64, String>>;

/// Writes the records of dead letters to `to`; says what became of them.
pub(super) fn of_the_log(site: &Site, filter: &DlqFilter, to: &Destination) -> Result<String> {
    on_interrupt(|| {})?;
    let (mut wanted, mut counts) = (Wanted::new(), Counts::default());
    each(site, filter, |(_, _, letter)| match letter["reason"].as_str() {
        Some(REFUSED_POINT | TOO_LARGE) | None => {}
        Some(reason) if reason == Reason::Late.as_str() => counts.late += 1,
        Some(_) => {
            let partition = letter["partition"].as_u64().and_then(|p| u32::try_from(p).ok());
            if let (Some(partition), Some(offset)) = (partition, letter["offset"].as_u64()) {
                let hash = letter["hash"].as_str().unwrap_or_default().to_owned();
                wanted.entry(partition).or_default().insert(offset, hash);
            }
        }
    })?;
    let mut events = match to {
        Destination::Log => Events::Log(Appender::new(Arc::clone(&site.log))),
        to => Events::file(to)?,
    };
    let mut is_whole = true;
    for (partition, wanted) in wanted {
        if partition >= site.log.partitions() {
            counts.other += wanted.len() as u64;
            continue;
        }
        is_whole = records(&*site.log, partition, wanted, &mut events, &mut counts)?;
        if !is_whole {
            break;
        }
    }
    // What was found is written, whatever comes of the rest.
    events.finish()?;
    if !is_whole {
        bail!("interrupted, and the rest was not looked at: {}", counts.told(to));
    }
    Ok(counts.told(to))
}

/// Writes the wanted records of a partition; false if it was asked to end before all.
fn records(
    log: &dyn EventLog,
    partition: u32,
    mut wanted: BTreeMap<u64, String>,
    events: &mut Events,
    counts: &mut Counts,
) -> Result<bool> {
    let bounds = log.bounds(partition)?;
    let kept = wanted.split_off(&bounds.start);
    counts.cut += wanted.len() as u64;
    let (Some(first), Some(last)) = (kept.keys().next(), kept.keys().next_back()) else {
        return Ok(true);
    };
    let end = bounds.end.min(last + 1);
    let bar = bar(partition, end.saturating_sub(*first));
    let mut at = Position { partition, offset: (*first).min(end) };
    let mut reader = log.reader(&[at])?;
    let mut found = 0;
    while at.offset < end {
        if go_on_waiting().is_err() {
            return Ok(false);
        }
        at.offset = end.min(at.offset + STEP);
        let mut failed = None;
        reader.read_until(&[at], &mut |record| {
            let Some(hash) = kept.get(&record.offset) else { return };
            found += 1;
            if *hash != format!("{:016x}", value_hash(record.value)) {
                counts.other += 1;
                return;
            }
            counts.written += 1;
            let key = String::from_utf8_lossy(record.key);
            if failed.is_none() {
                failed = write(events, &key, record.value).err();
            }
        })?;
        failed.map_or(Ok(()), Err)?;
        bar.inc(STEP);
    }
    bar.finish_and_clear();
    counts.other += kept.len() as u64 - found;
    Ok(true)
}

/// A record in a file is a line: line breaks, which in JSON mean nothing, become blanks.
fn write(events: &mut Events, key: &str, value: &[u8]) -> Result<()> {
    if matches!(events, Events::Log(_)) || !value.contains(&b'\n') {
        return events.write(key, value);
    }
    let blank = |byte: &u8| if *byte == b'\n' { b' ' } else { *byte };
    events.write(key, &value.iter().map(blank).collect::<Vec<_>>())
}

/// Puts the lines of files back as events, all or none; says how many.
pub(super) fn of_files(site: &Site, config: &Config, paths: &[PathBuf]) -> Result<String> {
    files::check(paths)?;
    let mut decoder = Decoder::new(config.input.max_bytes);
    for path in paths {
        lines(path, &mut |number, line| match decoder.decode(line) {
            Ok(_) => Ok(()),
            Err(Rejection { reason, detail, .. }) => bail!(
                "{}:{number} would be rejected again: {}: {detail}; mend it, nothing was put back",
                path.display(),
                reason.as_str()
            ),
        })?;
    }
    let mut appender = Appender::new(Arc::clone(&site.log));
    let mut count = 0_u64;
    for path in paths {
        lines(path, &mut |_, line| {
            // All of them can be read, as was seen above.
            if let Ok(event) = decoder.decode(line) {
                appender.write(event.user, line)?;
                count += 1;
            }
            Ok(())
        })?;
    }
    appender.append()?;
    Ok(format!("{count} events were put back into the log\n"))
}

/// Gives every line that is not blank, with its number.
fn lines(path: &Path, give: &mut dyn FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
    let stored_bytes = AtomicU64::new(0);
    let mut input = BufReader::new(files::open(path, &stored_bytes)?);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        if read.with_context(|| format!("cannot read {}", path.display()))? == 0 {
            break;
        }
        let line = line.trim_ascii();
        if !line.is_empty() {
            give(number, line)?;
        }
    }
    Ok(())
}

/// How far the reading of a partition is, on a terminal.
fn bar(partition: u32, records: u64) -> ProgressBar {
    let bar = ProgressBar::new(records);
    let style = ProgressStyle::with_template("{msg} {bar:30} {percent:>3}% (left: {eta})");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(format!("partition {partition}"));
    bar
}

impl Counts {
    fn told(&self, to: &Destination) -> String {
        let where_to = match to {
            Destination::Log => "put back into the log".to_owned(),
            Destination::File(path) => format!("written to {}", path.display()),
            _ => "written".to_owned(),
        };
        let mut text = format!("{} events were {where_to}\n", self.written);
        let mut left = |count: u64, why: &str| {
            if count > 0 {
                text.push_str(&format!("{count} were not: {why}\n"));
            }
        };
        left(
            self.late,
            "they are late; `streamgauge replay --from log --rebind --lateness …` takes them",
        );
        left(self.cut, "the log keeps their records no more");
        left(self.other, "the log has other records in their places; is it another log?");
        if let Destination::File(path) = to {
            let path = path.display();
            text.push_str(&format!("mend them, then: streamgauge dlq replay {path}\n"));
        }
        text
    }
}
