//! `streamgauge replay`.

use super::cores;
use super::interrupt::on_interrupt;
use anyhow::Result;
use cpu_time::ProcessTime;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use streamgauge::cli::{Destination, ReplayArgs};
use streamgauge::config::Surroundings;
use streamgauge::dataflow::Settings;
use streamgauge::publish::Output;
use streamgauge::replay::{Counts, Failed, Replay, Summary, Wanted};
use streamgauge::settings::{funnels, input_settings, step_texts, windows};
use streamgauge::time::Pace;
use streamgauge_ingest::files::Progress;

/// How often the bar is drawn.
const DRAW: Duration = Duration::from_millis(100);

pub(crate) fn replay(args: &ReplayArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    args.check_files()?;
    let (started, cpu) = (Instant::now(), ProcessTime::now());
    let input = input_settings(&config, args.partitions);
    let funnels = funnels(&config);
    let outputs = wanted(args);
    let streamed = !args.final_only && args.to != Destination::Nowhere;
    let digests = args.summary.is_some();
    let dataflow = Settings {
        windows: windows(&config),
        funnels: funnels.clone(),
        output: Output { provisional: streamed, digests },
    };
    let pace = Pace {
        provisional: streamed,
        provisional_epochs: config.time.provisional_epochs,
        correction_epochs: 1,
    };
    let progress = Arc::new(Progress::default());
    let stop = Arc::clone(&progress);
    on_interrupt(move || stop.stop.store(true, Ordering::SeqCst))?;
    let replay = Replay {
        files: &args.from,
        input: &input,
        dataflow: &dataflow,
        pace,
        epoch_records: u64::from(args.epoch_records),
        workers: config.job.worker_threads(cores()),
        outputs: &outputs,
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
        wall: started.elapsed(),
        cpu: cpu.elapsed(),
        interrupted: !progress.complete.load(Ordering::SeqCst),
        keeps_dead_letters: args.dead_letters.is_some(),
    };
    tell(args, &summary)
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
            Destination::Stdout | Destination::Nowhere => None,
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
