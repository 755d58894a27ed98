//! A data directory: the event log, the results and the checkpoints of a site.

use super::kafka::asking;
use super::log;
use super::patience::{Patience, pause};
use super::results;
use anyhow::{Context, Result, bail};
use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use streamgauge::checkpoint::{DirectoryStorage, Keep};
use streamgauge::config::Config;
use streamgauge::live::Tuning;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::log::{EventLog, KafkaLog};
use streamgauge_ingest::sqlite::Sync;
use streamgauge_sink::results::{KafkaResults, ResultLog};
use thiserror::Error;

/// The clock of the machine.
pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A data directory that is open. Clones share it.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) directory: PathBuf,
    /// The events, for all who look at them.
    pub(super) log: Arc<dyn EventLog>,
    /// The same for the job, their consumer: what it has read is committed to `kafka.group`.
    pub(super) consumed: Arc<dyn EventLog>,
    pub(super) results: Arc<dyn ResultLog>,
    pub(super) clock: Arc<dyn Clock>,
}

/// The directory of those who write where none is named.
pub(super) const USUAL: &str = "data/site";
/// The same of `run` with the simulator.
pub(super) const OF_DEMO: &str = "data/demo";

/// The directory of a configuration; `usual` where it names none.
pub(super) fn directory(config: &Config, usual: &str) -> PathBuf {
    config.data.directory.clone().unwrap_or_else(|| PathBuf::from(usual))
}

/// The directory of a configuration, for those who look; where it names none, the one of the
/// two usual ones that is there.
pub(super) fn directory_that_is_there(config: &Config) -> Result<PathBuf> {
    let is_there = |usual: &str| Path::new(usual).is_dir();
    let usual = match (is_there(USUAL), is_there(OF_DEMO)) {
        (true, true) if config.data.directory.is_none() => {
            bail!("{USUAL} and {OF_DEMO} are both here: say with --data-dir which is meant")
        }
        (false, true) => OF_DEMO,
        _ => USUAL,
    };
    Ok(directory(config, usual))
}

/// What files of a directory outlast.
pub(super) fn sync(config: &Config) -> Sync {
    if config.log.is_power_safe { Sync::Full } else { Sync::Normal }
}

impl Site {
    /// Opens a directory, and makes it where there is none.
    pub(super) fn open(directory: &Path, config: &Config) -> Result<Self> {
        Self::open_with(directory, config, Patience::None)
    }

    /// The same, and waits for a log that is away.
    pub(super) fn open_to_stay(directory: &Path, config: &Config) -> Result<Self> {
        Self::open_with(directory, config, Patience::Waits)
    }

    /// Opens what there is, to read it: a directory must be there, but where events and
    /// results are both in a Kafka none is needed, and none is made.
    pub(super) fn open_to_look(directory: &Path, config: &Config) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        if let (Some(kafka), Some(prefix)) = (&config.kafka, &config.results_in_kafka)
            && !directory.is_dir()
        {
            let log = asking(kafka, || KafkaLog::connect(kafka.clone(), Arc::clone(&clock)))?;
            let results = asking(kafka, || KafkaResults::connect(kafka, prefix, clock.clone()))?;
            let (log, results) = (Arc::new(log), Arc::new(results));
            let (directory, consumed) = (directory.to_owned(), log.clone());
            return Ok(Self { directory, log, consumed, results, clock });
        }
        if !directory.is_dir() {
            bail!("there is no data directory {}: name it with --data-dir", directory.display());
        }
        Self::open_with(directory, config, Patience::Looks)
    }

    fn open_with(directory: &Path, config: &Config, patience: Patience) -> Result<Self> {
        let shown = directory.display();
        if patience != Patience::Looks {
            fs::create_dir_all(directory)
                .with_context(|| format!("cannot make the data directory {shown}"))?;
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let sync = sync(config);
        let (log, consumed) = log::open(directory, config, sync, &clock, patience)?;
        let results = results::open(directory, config, sync, &clock, patience)?;
        Ok(Self { directory: directory.to_owned(), log, consumed, results, clock })
    }

    /// The checkpoints of the directory.
    pub(super) fn checkpoints(&self) -> Result<DirectoryStorage> {
        let path = checkpoints_path(&self.directory);
        DirectoryStorage::new(&path).with_context(|| format!("cannot use {}", path.display()))
    }
}

/// The log of events alone, for those who only append. A Kafka needs no directory.
pub(super) fn event_log(directory: &Path, config: &Config) -> Result<Arc<dyn EventLog>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    if let Some(kafka) = &config.kafka {
        return Ok(Arc::new(asking(kafka, || KafkaLog::connect(kafka.clone(), clock))?));
    }
    Ok(Site::open(directory, config)?.log)
}

/// Where the checkpoints of a directory are.
pub(super) fn checkpoints_path(directory: &Path) -> PathBuf {
    directory.join("checkpoints")
}

/// How often what is done.
pub(super) fn tuning(config: &Config) -> Tuning {
    Tuning {
        epoch_ms: config.time.epoch_ms,
        checkpoint_every_ms: config.checkpoint.every_ms,
        keep_bindings_ms: config.checkpoint.keep_bindings_ms,
        keep: Keep { newest: config.checkpoint.keep, hours: config.checkpoint.keep_hours },
    }
}

/// The right to run the job of a directory, as long as it is held.
pub(super) struct JobLock {
    _file: File,
}

impl JobLock {
    /// Takes it; refuses if another process has it.
    pub(super) fn take(directory: &Path) -> Result<Self> {
        match lock(&directory.join("job.lock"))? {
            Lock::Taken(file) => Ok(Self { _file: file }),
            Lock::HeldBy(process) => {
                Err(AtWork { process, directory: directory.display().to_string() }.into())
            }
        }
    }
}

/// Another job is at work.
#[derive(Debug, Error)]
#[error(
    "a job (process {process}) is at work in {directory}: end it first, or use another --data-dir"
)]
pub(super) struct AtWork {
    process: String,
    directory: String,
}

/// A lock file that was asked for.
pub(super) enum Lock {
    /// It is locked as long as this is open.
    Taken(File),
    /// This process has it.
    HeldBy(String),
}

/// What keeps somebody from having a lock.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// This process has it.
    Process(String),
    /// It cannot be asked for; that is tried again.
    Error(String),
}

/// Takes a lock file as soon as nobody else has it; none if it is to stop before. What it
/// waits for is told whenever that is another.
pub(super) fn lock_when_free(
    path: &Path,
    stop: &AtomicBool,
    mut tell: impl FnMut(Obstacle),
) -> Option<File> {
    let mut told = None;
    while !stop.load(Ordering::SeqCst) {
        let obstacle = match lock(path) {
            Ok(Lock::Taken(file)) => return Some(file),
            Ok(Lock::HeldBy(process)) => Obstacle::Process(process),
            Err(error) => Obstacle::Error(format!("{error:#}")),
        };
        if told.as_ref() != Some(&obstacle) {
            told = Some(obstacle.clone());
            tell(obstacle);
        }
        pause(stop);
    }
    None
}

/// Takes a lock file, and writes into it who has it.
pub(super) fn lock(path: &Path) -> Result<Lock> {
    let shown = path.display().to_string();
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {shown}"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Ok(Lock::HeldBy(holder.trim().to_owned()));
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {shown}"));
        }
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Lock::Taken(file))
}
