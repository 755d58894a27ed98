//! Where a replay with `--to log` goes: topics with another prefix, or another data
//! directory.

use crate::commands::kafka::asking;
use crate::commands::site::{SystemClock, sync};
use crate::commands::topics::make;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use streamgauge::config::{Config, MOST_PREFIX_BYTES, is_prefix};
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::log::KafkaSettings;
use streamgauge_sink::results::{EmbeddedResults, KafkaResults, ResultLog};
use streamgauge_sink::topics::{Admin, wanted_results};

/// Opens what `into` names, where nothing may be yet; `source` is the directory that is
/// read, if there is one.
pub(super) fn open(
    into: &str,
    config: &Config,
    source: Option<&Path>,
) -> Result<Arc<dyn ResultLog>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let results = match (&config.results_in_kafka, &config.kafka) {
        (Some(own), Some(kafka)) => topics(into, own, kafka, clock)?,
        _ => directory(Path::new(into), config, source, clock)?,
    };
    let state = results.state()?;
    ensure!(
        state.committed.is_none() && state.bound.is_none(),
        "--into {into}: there are results already; name a new place"
    );
    Ok(results)
}

fn topics(
    prefix: &str,
    own: &str,
    kafka: &KafkaSettings,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn ResultLog>> {
    ensure!(
        prefix != own,
        "--into {prefix}: a job's results are in topics whose names begin so; name another prefix"
    );
    ensure!(
        is_prefix(prefix),
        "--into {prefix}: the results are in a Kafka, and this is what the names of their topics begin with: at most {MOST_PREFIX_BYTES} letters, digits, `.`, `_` and `-`, such as `again-`"
    );
    let admin = Admin::new(kafka)?;
    let brokers = asking(kafka, || admin.brokers())?.len();
    let topics = wanted_results(prefix, brokers);
    ensure!(
        topics.iter().all(|topic| topic.name != kafka.topic),
        "--into {prefix}: {} is the topic of the events; name another prefix",
        kafka.topic
    );
    for topic in &topics {
        make(&admin, topic, brokers)?;
    }
    Ok(Arc::new(KafkaResults::connect(kafka, prefix, clock)?))
}

fn directory(
    directory: &Path,
    config: &Config,
    source: Option<&Path>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn ResultLog>> {
    let shown = directory.display();
    fs::create_dir_all(directory).with_context(|| format!("--into: cannot make {shown}"))?;
    let same = |source: &Path| source.canonicalize().ok() == directory.canonicalize().ok();
    ensure!(
        !source.is_some_and(same),
        "--into {shown}: it is what is read; name another directory"
    );
    Ok(Arc::new(EmbeddedResults::open(directory, sync(config), clock)?))
}
