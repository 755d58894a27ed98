//! `streamgauge job`: the dataflow alone, over a data directory, in one process or in
//! several of which the first has the directory.

use super::cores;
use super::interrupt::on_interrupt;
use super::site::{AtWork, JobLock, Site, USUAL, directory, tuning};
use anyhow::Result;
use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use streamgauge::cli::JobArgs;
use streamgauge::cluster::{Place, listen};
use streamgauge::config::{Config, Surroundings};
use streamgauge::dataflow::Settings;
use streamgauge::live::{self, Job, LiveError, StartError, WriterError};
use streamgauge::publish::Output;
use streamgauge::run;
use streamgauge::settings::{alerts, deciding, funnels, input_settings, live_pace, windows};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::summary::SourceCounts;
use streamgauge_sink::results::ResultError;
use thiserror::Error;

pub(crate) fn job(args: &JobArgs, around: &Surroundings) -> Result<()> {
    let config = args.resolve(around)?;
    let stop = Arc::new(AtomicBool::new(false));
    let place = match args.place()? {
        Some((process, hosts)) => Some(Place {
            listener: match args.is_launched() {
                true => launched()?,
                false => listen(process, &hosts[process])?,
            },
            process,
            hosts,
            threads: config.job.worker_threads(cores()),
            settings: deciding(&config).1,
            silence: Duration::from_millis(config.job.silence_ms.unsigned_abs()),
            stop: Arc::clone(&stop),
        }),
        None => None,
    };
    let asked = Arc::clone(&stop);
    on_interrupt(move || asked.store(true, Ordering::SeqCst))?;
    let result = match &place {
        Some(place) if place.process > 0 => follow(&config, place),
        place => lead(&config, place.as_ref(), &stop),
    };
    match result {
        Err(error) if args.is_launched() && is_final(&error) => Err(Pointless(error).into()),
        result => result,
    }
}

/// The socket to listen on, from `launch`, with which this process ends.
#[cfg(unix)]
fn launched() -> Result<TcpListener> {
    use std::os::fd::AsFd;
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGTERM)?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(TcpListener::from(socket))
}

#[cfg(not(unix))]
fn launched() -> Result<TcpListener> {
    anyhow::bail!("`launch` is for Unix; start each `job` by itself")
}

/// What another start would not help.
#[derive(Debug, Error)]
#[error("{0:#}")]
pub(crate) struct Pointless(anyhow::Error);

/// Whether another start would come to the same end.
fn is_final(error: &anyhow::Error) -> bool {
    let is_fenced = |e: &ResultError| matches!(e, ResultError::Fenced { .. });
    let of_live = |e: &LiveError| match e {
        LiveError::Start(StartError::Results(_) | StartError::Log(_)) => false,
        LiveError::Start(_) | LiveError::Writer(WriterError::Differs { .. }) => true,
        LiveError::Writer(WriterError::Results(e)) | LiveError::Results(e) => is_fenced(e),
        _ => false,
    };
    error.is::<AtWork>() || error.downcast_ref().is_some_and(of_live)
}

fn tell(text: &str) {
    // Without a stderr there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// The only process, or the first of several.
fn lead(config: &Config, place: Option<&Place>, stop: &Arc<AtomicBool>) -> Result<()> {
    let directory = directory(config, USUAL);
    let site = Site::open_to_stay(&directory, config)?;
    let _lock = JobLock::take(&directory)?;
    tell(&format!("the job is at work in {}; Ctrl-C ends it", directory.display()));
    let counts = run_job(&Parts {
        config,
        site: &site,
        workers: config.job.worker_threads(cores()),
        place,
        stop,
        read: &AtomicU64::new(0),
        tell: &tell,
    })?;
    tell(&told(&counts));
    Ok(())
}

/// What a job has done, as it says at its end.
pub(super) fn told(counts: &SourceCounts) -> String {
    format!(
        "read {} records: {} accepted, {} rejected, {} duplicates",
        counts.read,
        counts.accepted,
        counts.rejected(),
        counts.duplicates
    )
}

/// How long a job that has lost its writer waits before it begins again.
const AGAIN: Duration = Duration::from_secs(1);

/// Another process than the first: workers, and nothing else.
fn follow(config: &Config, place: &Place) -> Result<()> {
    let (process, processes) = (place.process, place.hosts.len());
    tell(&format!("process {process} of {processes} of a job; Ctrl-C ends all of them"));
    if let Some((links, joined)) = place.join(&tell)? {
        tell("all processes are connected");
        run::follow(&dataflow(config), links);
        joined.done();
    }
    Ok(())
}

fn dataflow(config: &Config) -> Settings {
    Settings {
        windows: windows(config, config.site.has_days),
        funnels: funnels(config),
        alerts: alerts(config),
        output: Output { provisional: true, digests: false },
    }
}

/// What a job is run with.
pub(super) struct Parts<'a> {
    pub(super) config: &'a Config,
    pub(super) site: &'a Site,
    /// Worker threads of this process.
    pub(super) workers: usize,
    /// Its place among several, if it is not the only one.
    pub(super) place: Option<&'a Place>,
    /// Asks it to end.
    pub(super) stop: &'a Arc<AtomicBool>,
    /// Is told how many records it has read.
    pub(super) read: &'a AtomicU64,
    pub(super) tell: &'a (dyn Fn(&str) + Sync),
}

/// Runs the job of a data directory until it is asked to end.
pub(super) fn run_job(parts: &Parts<'_>) -> Result<SourceCounts> {
    let Parts { config, site, .. } = parts;
    let (storage, partitions) = (site.checkpoints()?, site.log.partitions());
    let job = Job {
        log: &*site.consumed,
        results: &*site.results,
        storage: &storage,
        clock: &*site.clock,
        input: &InputSettings { days: config.site.has_days, ..input_settings(config, partitions) },
        dataflow: &dataflow(config),
        pace: live_pace(config),
        workers: parts.workers * parts.place.map_or(1, |place| place.hosts.len()),
        place: parts.place,
        tuning: tuning(config),
        settings: deciding(config),
        stop: parts.stop,
        read: parts.read,
        tell: parts.tell,
    };
    loop {
        match live::run(&job) {
            // Other processes have lost this one, too: all begin again, by themselves or
            // by whoever has started them.
            Err(error)
                if parts.place.is_none()
                    && error.calls_for_another_start()
                    && !parts.stop.load(Ordering::SeqCst) =>
            {
                (parts.tell)(&format!("{error}; the job begins again where that was"));
                thread::sleep(AGAIN);
            }
            Err(LiveError::Cluster(error)) => return Err(error.into()),
            ended => return Ok(ended?),
        }
    }
}
