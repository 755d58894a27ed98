//! `streamgauge replay`.

use super::cores;
use super::interrupt::on_interrupt;
use super::site::Site;
use anyhow::{Result, bail};
use cpu_time::ProcessTime;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use streamgauge::cli::{Destination, Offsets, ReplayArgs};
use streamgauge::config::{Config, Surroundings};
use streamgauge::dataflow::Settings;
use streamgauge::publish::Output;
use streamgauge::replay::{
    Counts, Cut, Failed, Input, LogInput, Replay, Summary, Verified, Wanted,
};
use streamgauge::settings::{
    alerts, fingerprint, funnels, input_settings, live_pace, step_texts, windows,
};
use streamgauge::time::Pace;
use streamgauge_ingest::files::Progress;
use streamgauge_ingest::log::Position;
use streamgauge_ingest::settings::InputSettings;
use streamgauge_sink::results::ResultLog;

/// How often the bar is drawn.
const DRAW: Duration = Duration::from_millis(100);

pub(crate) fn replay(args: &ReplayArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    args.check_files()?;
    let (started, cpu) = (Instant::now(), ProcessTime::now());
    let log = args.reads_log().then(|| OpenLog::open(args, &config)).transpose()?;
    let partitions = log.as_ref().map_or(args.partitions, |log| log.site.log.partitions());
    // What is verified has what the job has.
    let has_days = if args.verify { config.site.has_days } else { args.days };
    let input = InputSettings { days: has_days, ..input_settings(&config, partitions) };
    let funnels = funnels(&config);
    let outputs = wanted(args);
    let streamed = !args.final_only && args.to != Destination::Nowhere;
    let digests = args.summary.is_some();
    let dataflow = Settings {
        windows: windows(&config, has_days),
        funnels: funnels.clone(),
        alerts: alerts(&config),
        output: Output { provisional: streamed, digests },
    };
    let pace = Pace {
        provisional: streamed,
        provisional_epochs: config.time.provisional_epochs,
        // As it was live, where epochs are as they were live.
        correction_epochs: match log.as_ref().is_some_and(|log| log.is_bound) {
            true => live_pace(&config).correction_epochs,
            false => 1,
        },
    };
    let progress = Arc::new(Progress::default());
    let stop = Arc::clone(&progress);
    on_interrupt(move || stop.stop.store(true, Ordering::SeqCst))?;
    let replay = Replay {
        from: match &log {
            Some(log) => Input::Log(log.input(args, &config)?),
            None => Input::Files(&args.from),
        },
        input: &input,
        dataflow: &dataflow,
        pace,
        epoch_records: u64::from(args.epoch_records),
        workers: config.job.worker_threads(cores()),
        outputs: &outputs,
        against: against(args, log.as_ref())?,
        progress: Arc::clone(&progress),
    };
    let counts = with_bar(args, &progress, || replay.run()).map_err(explain)?;
    let funnels: Vec<_> = funnels
        .into_iter()
        .map(|f| {
            let texts = step_texts(&f);
            (f, texts)
        })
        .collect();
    let summary = Summary {
        source: &counts.source,
        output: &counts.output,
        settings: &input,
        funnels: &funnels,
        alerts: &dataflow.alerts,
        has_days,
        wall: started.elapsed(),
        cpu: cpu.elapsed(),
        interrupted: !progress.complete.load(Ordering::SeqCst),
        keeps_dead_letters: args.dead_letters.is_some(),
    };
    tell(args, &summary)?;
    if let Some(verified) = counts.verified {
        tell_verified(verified);
    }
    Ok(())
}

/// What the replay is held against.
fn against<'a>(args: &ReplayArgs, log: Option<&'a OpenLog>) -> Result<Option<&'a dyn ResultLog>> {
    let Some(log) = log.filter(|_| args.verify) else {
        return Ok(None);
    };
    let results = &*log.site.results;
    match results.state()?.first_bound {
        None => bail!("nothing was committed yet: there is nothing to compare with"),
        Some(0) => Ok(Some(results)),
        Some(first) => bail!(
            "epochs are bound from {first} on only, and what came before decides about results, too: `checkpoint.keep_bindings` says how long bindings are kept"
        ),
    }
}

fn tell_verified(Verified { equal, no_longer_kept, epoch }: Verified) {
    let gone = match no_longer_kept {
        0 => String::new(),
        count => {
            format!("; {count} more are no longer kept: superseded, ended, or cut by retention")
        }
    };
    // Without a stderr there is nobody to tell.
    let _ = writeln!(
        io::stderr(),
        "verified: {equal} committed records up to epoch {epoch} are equal to what was computed again{gone}"
    );
}

/// The log of a data directory, to be replayed.
struct OpenLog {
    site: Site,
    /// Whether epochs are as they were bound.
    is_bound: bool,
}

impl OpenLog {
    fn open(args: &ReplayArgs, config: &Config) -> Result<Self> {
        let directory = args.data_dir.clone().or_else(|| config.data.directory.clone());
        let directory = directory.unwrap_or_else(|| PathBuf::from("data/demo"));
        let site = Site::open_to_look(&directory, config)?;
        let has_bindings = site.results.state()?.bound.is_some();
        let by_offsets = args.from_offsets.is_some() || args.until_offsets.is_some();
        Ok(Self { site, is_bound: has_bindings && !by_offsets && !args.rebind })
    }

    fn input<'a>(&'a self, args: &ReplayArgs, config: &Config) -> Result<LogInput<'a>> {
        let log = &*self.site.log;
        let cut = if self.is_bound {
            Cut::Bound {
                results: &*self.site.results,
                settings_hash: fingerprint(config, log.partitions()).0,
                from_ms: args.from_time.unwrap_or(i64::MIN),
                until_ms: args.until_time.unwrap_or(i64::MAX),
            }
        } else {
            let (mut from, mut until) = (Vec::new(), Vec::new());
            for partition in 0..log.partitions() {
                let bounds = log.bounds(partition)?;
                let at = |offsets: &Option<Offsets>| {
                    let offsets = offsets.as_ref()?;
                    let given = offsets.0.iter().find(|(p, _)| *p == partition);
                    given.map(|(_, offset)| *offset)
                };
                let by_time = |ms: Option<i64>| ms.map(|ms| log.offset_at(partition, ms));
                let start = by_time(args.from_time).unwrap_or(Ok(bounds.start))?;
                let end = by_time(args.until_time).unwrap_or(Ok(bounds.end))?;
                let offset = at(&args.from_offsets).unwrap_or(start);
                from.push(Position { partition, offset });
                let offset = at(&args.until_offsets).unwrap_or(end);
                until.push(Position { partition, offset });
            }
            Cut::Anew { from, until, epoch_records: u64::from(args.epoch_records) }
        };
        Ok(LogInput { log, clock: &*self.site.clock, cut })
    }
}

/// Says what became of the outputs, and gives the reason.
fn explain(failed: Failed) -> anyhow::Error {
    for path in &failed.incomplete {
        // Without a stderr there is nobody to tell.
        let _ = writeln!(io::stderr(), "what is in {} is incomplete", path.display());
    }
    failed.error.into()
}

fn wanted(args: &ReplayArgs) -> Wanted {
    Wanted {
        results: match &args.to {
            Destination::File(path) => Some(path.clone()),
            Destination::Stdout | Destination::Nowhere | Destination::Log => None,
        },
        results_to_stdout: args.to == Destination::Stdout,
        alerts: args.alerts.clone(),
        dead_letters: args.dead_letters.clone(),
        final_only: args.final_only,
    }
}

/// The summary for people, and as the last line the one for programs.
fn tell(args: &ReplayArgs, summary: &Summary<'_>) -> Result<()> {
    let mut text = summary.text().into_bytes();
    if args.summary.is_some() {
        text.extend_from_slice(&summary.json());
        text.push(b'\n');
    }
    // Without a stderr there is nobody to tell.
    let _ = io::stderr().write_all(&text);
    Ok(())
}

/// Shows a bar on a terminal while `work` runs: share of the bytes, records,
/// rate, time left.
fn with_bar(
    args: &ReplayArgs,
    progress: &Progress,
    work: impl FnOnce() -> Result<Counts, Failed> + Send,
) -> Result<Counts, Failed> {
    let bytes = args.from.iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum();
    let bar = ProgressBar::new(bytes);
    let style = "{bar:30} {percent:>3}% {msg} {elapsed} (left: {eta})";
    let set_style = |style| {
        let style = ProgressStyle::with_template(style);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    };
    set_style(style);
    let after =
        if args.final_only { "putting the results in order" } else { "closing what is still open" };
    let counts = thread::scope(|scope| {
        let watcher = thread::current();
        let work = scope.spawn(move || {
            let counts = work();
            watcher.unpark();
            counts
        });
        let started = Instant::now();
        // The work wakes this thread when it ends.
        while !work.is_finished() {
            thread::park_timeout(DRAW);
            let records = progress.records.load(Ordering::Relaxed);
            if progress.ended.load(Ordering::Relaxed) {
                set_style("{spinner} {msg} {elapsed}");
                bar.set_message(format!("{records} records read, {after}"));
                bar.tick();
                continue;
            }
            let rate = records as f64 / started.elapsed().as_secs_f64();
            bar.set_position(progress.stored_bytes.load(Ordering::Relaxed));
            bar.set_message(format!("{records} records, {rate:.0}/s"));
        }
        work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    bar.finish_and_clear();
    counts
}
