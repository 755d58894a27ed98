//! The bar of a replay.

use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use streamgauge::cli::ReplayArgs;
use streamgauge::replay::{Counts, Failed};
use streamgauge_ingest::files::Progress;

/// How often the bar is drawn.
const DRAW: Duration = Duration::from_millis(100);

/// How much there is to read.
#[derive(Clone, Copy)]
pub(super) enum ToRead {
    /// Bytes of files, as stored.
    Bytes(u64),
    /// Records of a log, nearly.
    Records(u64),
}

impl ToRead {
    pub(super) fn bytes(files: &[PathBuf]) -> Self {
        Self::Bytes(files.iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum())
    }

    fn all(self) -> u64 {
        let (Self::Bytes(all) | Self::Records(all)) = self;
        all
    }

    fn done(self, progress: &Progress) -> u64 {
        let done = match self {
            Self::Bytes(_) => &progress.stored_bytes,
            Self::Records(_) => &progress.records,
        };
        done.load(Ordering::Relaxed)
    }
}

/// Shows a bar on a terminal while `work` runs: share of what is to be read, records,
/// rate, time left.
pub(super) fn with_bar(
    args: &ReplayArgs,
    to_read: ToRead,
    progress: &Progress,
    work: impl FnOnce() -> Result<Counts, Failed> + Send,
) -> Result<Counts, Failed> {
    let bar = ProgressBar::new(to_read.all());
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
            bar.set_position(to_read.done(progress).min(to_read.all()));
            bar.set_message(format!("{records} records, {rate:.0}/s"));
        }
        work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    bar.finish_and_clear();
    counts
}
