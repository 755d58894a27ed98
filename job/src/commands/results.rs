//! The log of results that belongs to a data directory: a file in it, or topics of the
//! Kafka that has the events.
//!
//! Invariant: a directory has one log of results for good. Its checkpoints count epochs,
//! and mean others in another log; so where results are is written down, and another
//! place refused.

use super::kafka::asking;
use super::patience::{Patience, connect, remember, remembered};
use anyhow::{Result, bail};
use std::path::Path;
use std::sync::Arc;
use streamgauge::config::Config;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::sqlite::Sync;
use streamgauge_sink::results::{EmbeddedResults, KafkaResults, ResultError, ResultLog};

/// The file that says under which prefix the topics of results are.
const PREFIX_FILE: &str = "results.topics";

/// Opens the results of a directory.
pub(super) fn open(
    directory: &Path,
    config: &Config,
    sync: Sync,
    clock: &Arc<dyn Clock>,
    patience: Patience,
) -> Result<Arc<dyn ResultLog>> {
    let prefix = config.results_in_kafka.as_deref();
    check(directory, prefix)?;
    let (Some(prefix), Some(kafka)) = (prefix, &config.kafka) else {
        if patience == Patience::Looks && !EmbeddedResults::exists(directory) {
            bail!("there are no results in {}: nothing has run in it", directory.display());
        }
        return Ok(Arc::new(EmbeddedResults::open(directory, sync, Arc::clone(clock))?));
    };
    let is_away = |error: &ResultError| matches!(error, ResultError::Away { .. });
    let results = asking(kafka, || {
        connect(patience, is_away, || KafkaResults::connect(kafka, prefix, Arc::clone(clock)))
    })?;
    if patience != Patience::Looks {
        remember(&directory.join(PREFIX_FILE), prefix)?;
    }
    Ok(Arc::new(results))
}

/// Refuses results that are not the directory's.
fn check(directory: &Path, prefix: Option<&str>) -> Result<()> {
    let known = remembered(&directory.join(PREFIX_FILE))?;
    let shown = directory.display();
    let advice = "take those, or another --data-dir";
    match (known, prefix) {
        (Some(known), Some(prefix)) if known != prefix => bail!(
            "the results of {shown} are in topics whose names begin with `{known}`, not with `{prefix}`: {advice}"
        ),
        (Some(known), None) => bail!(
            "the results of {shown} are in topics of a Kafka (prefix `{known}`), not in the directory: {advice}"
        ),
        (None, Some(_)) if EmbeddedResults::exists(directory) => {
            bail!("the results of {shown} are there, not in a Kafka: {advice}")
        }
        _ => Ok(()),
    }
}
