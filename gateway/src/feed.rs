//! The thread that tails the log of results.
//!
//! Reading a log may block, so it has a thread of its own; it waits with the reader,
//! which wakes it as soon as something is kept, and the state and the clients hear of
//! a record within the same round. If the log cannot be read, that is said and tried
//! again; what was lost to retention is skipped. It deliberately keeps no position:
//! a gateway that starts reads what is shown anew.

use crate::hub::Hub;
use std::time::Duration;
use streamgauge_sink::results::{Position, ResultError, ResultLog, ResultReader, Stored, Topic};
use tracing::{info, warn};

const TOPICS: [Topic; 4] =
    [Topic::ProcessedMetrics, Topic::Alerts, Topic::LiveMetrics, Topic::JobStatus];
/// As far back as is shown, and a little more, ms.
const HYDRATE_MS: i64 = 35 * 60_000;
const ROUND: usize = 1_024;
const WAIT: Duration = Duration::from_millis(100);
const RETRY: Duration = Duration::from_secs(1);

/// Reads until the hub is told to stop.
pub(crate) fn run(hub: &Hub, results: &dyn ResultLog) {
    let mut position = None;
    while !hub.stopping() {
        match tail(hub, results, &mut position) {
            Ok(()) => return,
            Err(error) => {
                // Said once, until it can be read again.
                if hub.failure().is_none() {
                    warn!(%error, "the log of results cannot be read; trying again");
                }
                hub.set_failure(Some(error.to_string()));
            }
        }
        let mut waited = Duration::ZERO;
        while waited < RETRY && !hub.stopping() {
            std::thread::sleep(WAIT);
            waited += WAIT;
        }
    }
}

/// Reads from a position on, or from the beginning of what is shown; after an error
/// the position is where to go on, so that nothing is applied twice.
fn tail(
    hub: &Hub,
    results: &dyn ResultLog,
    position: &mut Option<Position>,
) -> Result<(), ResultError> {
    let from = match position {
        Some(position) => position.clone(),
        None => results.position_at(hub.clock.now_ms() - HYDRATE_MS)?,
    };
    let mut reader = reader(results, from)?;
    while !hub.stopping() {
        // Before reading, so that all up to it is there to be read.
        let awaits_commit = hub.state().awaits_commit();
        let committed = match awaits_commit {
            true => results.state()?.committed.map(|progress| progress.epoch),
            false => None,
        };
        let read = round(hub, reader.as_mut(), committed);
        *position = Some(reader.position());
        match read {
            Ok(true) => reader.wait(WAIT),
            Ok(false) => {}
            Err(ResultError::Lost { kept_from }) => {
                warn!("results were cut by retention before they were read");
                *position = Some(kept_from.clone());
                reader = self::reader(results, kept_from)?;
            }
            Err(error) => return Err(error),
        }
        if hub.failure().is_some() {
            info!("the log of results can be read again");
            hub.set_failure(None);
        }
    }
    Ok(())
}

fn reader(results: &dyn ResultLog, from: Position) -> Result<Box<dyn ResultReader>, ResultError> {
    match results.reader(&TOPICS, from) {
        // Retention was quicker than we: what is kept begins there.
        Err(ResultError::Lost { kept_from }) => results.reader(&TOPICS, kept_from),
        other => other,
    }
}

/// Whether all that was there has been read.
fn round(
    hub: &Hub,
    reader: &mut dyn ResultReader,
    committed: Option<u64>,
) -> Result<bool, ResultError> {
    let mut last = None;
    let mut statuses = false;
    let before = hub.state().changes();
    // The state is held for a record at a time: a log that is away is waited for in between.
    let count = reader.poll(ROUND, &mut |stored: Stored<'_>| {
        last = Some(stored.at_ms);
        statuses |= stored.topic == Topic::JobStatus;
        hub.state().apply(&stored);
    })?;
    // A log that is away gives what it has: only nothing says that all was read.
    if count == 0 {
        hub.state().settle(committed);
    }
    let after = hub.state().changes();
    hub.counters.records.add(count as u64);
    if let Some(at_ms) = last {
        let lag_ms = hub.clock.now_ms().saturating_sub(at_ms).max(0);
        hub.counters.feed_lag_ms.set(lag_ms);
        if statuses && hub.hydrated() {
            let job_ms = hub.state().job().and_then(|job| job.lag_ms);
            if let Some(ms) = job_ms.and_then(|ms| i64::try_from(ms).ok()) {
                hub.counters.latency.observe(ms.saturating_add(lag_ms));
            }
        }
    }
    let drained = count == 0;
    let first = drained && !hub.hydrated();
    if first {
        hub.set_hydrated();
    }
    if first || (hub.hydrated() && before != after) {
        hub.publish();
    }
    Ok(drained)
}
