//! The log of events that belongs to a data directory: a file in it, or a topic of a
//! Kafka.
//!
//! Invariant: a directory has one log for good. Its bindings name offsets, and mean other
//! records in another log; so the topic is written down, and another refused.

use super::interrupt::go_on_waiting;
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use streamgauge::config::Config;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::log::{
    EmbeddedLog, EventLog, KafkaLog, KafkaSettings, LogError, Retention,
};
use streamgauge_ingest::sqlite::Sync;

/// Partitions of a new embedded log.
const PARTITIONS: u32 = 12;
/// The file that has the name of the topic.
const TOPIC_FILE: &str = "events.topic";
/// How often a Kafka that is away is tried.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// What is done while a Kafka is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// It is waited for, which is said.
    Waits,
    /// That is an error.
    None,
}

/// Opens the log of a directory.
pub(super) fn open(
    directory: &Path,
    config: &Config,
    sync: Sync,
    clock: &Arc<dyn Clock>,
    patience: Patience,
) -> Result<Arc<dyn EventLog>> {
    check(directory, config.kafka.as_ref())?;
    let Some(kafka) = &config.kafka else {
        let retention =
            Retention { age_ms: config.log.retention_ms, stored_bytes: config.log.max_bytes };
        let log = EmbeddedLog::open(directory, PARTITIONS, retention, sync, Arc::clone(clock))?;
        return Ok(Arc::new(log));
    };
    let log = connect(kafka, clock, patience)?;
    let path = directory.join(TOPIC_FILE);
    fs::write(&path, &kafka.topic).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Arc::new(log))
}

/// Refuses a log that is not the directory's.
fn check(directory: &Path, kafka: Option<&KafkaSettings>) -> Result<()> {
    let path = directory.join(TOPIC_FILE);
    let known = match fs::read_to_string(&path) {
        Ok(topic) => Some(topic),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let shown = directory.display();
    let advice = "take that log, or another --data-dir";
    match (known, kafka) {
        (Some(known), Some(kafka)) if known != kafka.topic => bail!(
            "the results in {shown} are of the topic {known}, not of {}: {advice}",
            kafka.topic
        ),
        (Some(known), None) => {
            bail!("the results in {shown} are of the topic {known} of a Kafka: {advice}")
        }
        (None, Some(_)) if EmbeddedLog::exists(directory) => {
            bail!("the results in {shown} are of the embedded log there: {advice}")
        }
        _ => Ok(()),
    }
}

fn connect(kafka: &KafkaSettings, clock: &Arc<dyn Clock>, patience: Patience) -> Result<KafkaLog> {
    let mut is_told = false;
    loop {
        match KafkaLog::connect(kafka.clone(), Arc::clone(clock)) {
            Err(away @ LogError::Away { .. }) if patience == Patience::Waits => {
                if !is_told {
                    // Without a stderr there is nobody to tell.
                    let _ = writeln!(io::stderr(), "{away}; waiting for it, Ctrl-C ends that");
                    is_told = true;
                }
                go_on_waiting()?;
                thread::sleep(AGAIN);
            }
            log => return Ok(log?),
        }
    }
}
