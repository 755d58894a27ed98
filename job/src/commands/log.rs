//! The log of events that belongs to a data directory: a file in it, or a topic of a
//! Kafka.
//!
//! Invariant: a directory has one log for good. Its bindings name offsets, and mean other
//! records in another log; so the topic is written down, and another refused.

use super::kafka::asking;
use super::patience::{Patience, connect, remember, remembered};
use anyhow::{Result, bail};
use std::path::Path;
use std::sync::Arc;
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

/// Opens the log of a directory: for those who look, and for the job.
pub(super) fn open(
    directory: &Path,
    config: &Config,
    sync: Sync,
    clock: &Arc<dyn Clock>,
    patience: Patience,
) -> Result<(Arc<dyn EventLog>, Arc<dyn EventLog>)> {
    check(directory, config.kafka.as_ref())?;
    let Some(kafka) = &config.kafka else {
        let retention =
            Retention { age_ms: config.log.retention_ms, stored_bytes: config.log.max_bytes };
        if patience == Patience::Looks && !EmbeddedLog::exists(directory) {
            bail!("there is no log of events in {}: nothing has run in it", directory.display());
        }
        let log = EmbeddedLog::open(directory, PARTITIONS, retention, sync, Arc::clone(clock))?;
        let log = Arc::new(log);
        return Ok((log.clone(), log));
    };
    let is_away = |error: &LogError| matches!(error, LogError::Away { .. });
    let log = asking(kafka, || {
        connect(patience, is_away, || KafkaLog::connect(kafka.clone(), Arc::clone(clock)))
    })?;
    if patience != Patience::Looks {
        remember(&directory.join(TOPIC_FILE), &kafka.topic)?;
    }
    let consumed = Arc::new(log.for_consumer());
    Ok((Arc::new(log), consumed))
}

/// Refuses a log that is not the directory's.
fn check(directory: &Path, kafka: Option<&KafkaSettings>) -> Result<()> {
    let known = remembered(&directory.join(TOPIC_FILE))?;
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
