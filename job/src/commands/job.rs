//! `streamgauge job`: the dataflow alone, over a data directory.

use super::cores;
use super::interrupt::on_interrupt;
use super::site::{JobLock, Site, directory, tuning};
use anyhow::Result;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use streamgauge::cli::JobArgs;
use streamgauge::config::{Config, Surroundings};
use streamgauge::dataflow::Settings;
use streamgauge::live::{self, Job};
use streamgauge::publish::Output;
use streamgauge::settings::{alerts, fingerprint, funnels, input_settings, live_pace, windows};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::summary::SourceCounts;

pub(crate) fn job(args: &JobArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    let directory = directory(&config, "data/site");
    let site = Site::open_to_stay(&directory, &config)?;
    let _lock = JobLock::take(&directory)?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    on_interrupt(move || asked.store(true, Ordering::SeqCst))?;
    let tell = |text: &str| {
        // Without a stderr there is nobody to tell.
        let _ = writeln!(io::stderr(), "{text}");
    };
    tell(&format!("the job is at work in {}; Ctrl-C ends it", directory.display()));
    let counts = run_job(&Parts {
        config: &config,
        site: &site,
        workers: config.job.worker_threads(cores()),
        stop: &stop,
        read: &AtomicU64::new(0),
        tell: &tell,
    })?;
    tell(&format!("read {} records: {} accepted", counts.read, counts.accepted));
    Ok(())
}

/// How long a job that has lost its writer waits before it begins again.
const AGAIN: Duration = Duration::from_secs(1);

/// What a job is run with.
pub(super) struct Parts<'a> {
    pub(super) config: &'a Config,
    pub(super) site: &'a Site,
    pub(super) workers: usize,
    /// Asks it to end.
    pub(super) stop: &'a AtomicBool,
    /// Is told how many records it has read.
    pub(super) read: &'a AtomicU64,
    pub(super) tell: &'a (dyn Fn(&str) + Sync),
}

/// Runs the job of a data directory until it is asked to end.
pub(super) fn run_job(parts: &Parts<'_>) -> Result<SourceCounts> {
    let Parts { config, site, .. } = parts;
    let (storage, partitions) = (site.checkpoints()?, site.log.partitions());
    let dataflow = Settings {
        windows: windows(config, config.site.has_days),
        funnels: funnels(config),
        alerts: alerts(config),
        output: Output { provisional: true, digests: false },
    };
    let job = Job {
        log: &*site.log,
        results: &*site.results,
        storage: &storage,
        clock: &*site.clock,
        input: &InputSettings { days: config.site.has_days, ..input_settings(config, partitions) },
        dataflow: &dataflow,
        pace: live_pace(config),
        workers: parts.workers,
        tuning: tuning(config),
        settings: fingerprint(config, partitions),
        stop: parts.stop,
        read: parts.read,
        tell: parts.tell,
    };
    loop {
        match live::run(&job) {
            Err(error) if error.calls_for_another_start() => {
                (parts.tell)(&format!("{error}; the job begins again where that was"));
                thread::sleep(AGAIN);
            }
            ended => return Ok(ended?),
        }
    }
}
