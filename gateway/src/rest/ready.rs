//! Whether what is served can be relied on, and if not, why.

use crate::hub::Hub;
use crate::state::job::{Ahead, Health, JobStatus, SILENT_AFTER_MS};
use crate::times::rfc3339;
use hyper::StatusCode;
use serde::Serialize;
use streamgauge_sink::store::FeedStatus;
use warp::reply::Response;

/// A store that is behind for no longer than this, ms, is not told to be: it is written
/// about once a second.
const STORE_BEHIND_AFTER_MS: i64 = 10_000;

#[derive(Debug, Serialize)]
struct Check {
    ok: bool,
    why: String,
}

#[derive(Debug, Serialize)]
struct Checks {
    log: Check,
    hydrated: Check,
    heartbeat: Check,
    state: Check,
    events: Check,
    clocks: Check,
    checkpoints: Check,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Check>,
}

#[derive(Debug, Serialize)]
struct Ready {
    ready: bool,
    state: &'static str,
    checks: Checks,
}

pub(super) fn answer(hub: &Hub) -> Response {
    let now_ms = hub.clock.now_ms();
    let state = hub.state();
    let job = state.job();
    let checks = Checks {
        log: log(hub.failure()),
        hydrated: hydrated(hub.hydrated()),
        heartbeat: heartbeat(job, now_ms),
        state: health(job),
        events: events(job),
        clocks: clocks(job),
        checkpoints: checkpoints(job),
        history: hub.store.as_ref().map(|store| history(store, now_ms)),
    };
    let all = [&checks.log, &checks.hydrated, &checks.heartbeat, &checks.state];
    let ready = all.iter().all(|check| check.ok);
    let state = job.map_or(Health::Unknown, |job| job.health(now_ms)).name();
    let mut response = super::json(&Ready { ready, state, checks });
    if !ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

fn log(failure: Option<String>) -> Check {
    match failure {
        None => Check { ok: true, why: "the log of results can be read".into() },
        Some(why) => Check { ok: false, why: format!("the log of results cannot be read: {why}") },
    }
}

fn hydrated(ok: bool) -> Check {
    let why = if ok { "the last half hour is read" } else { "reading the last half hour" };
    Check { ok, why: why.into() }
}

fn heartbeat(job: Option<&JobStatus>, now_ms: i64) -> Check {
    let Some(job) = job else {
        let why = "no job has written to this log yet: start one";
        return Check { ok: false, why: why.into() };
    };
    if job.health(now_ms) != Health::Silent {
        return Check { ok: true, why: format!("the job last wrote at {}", rfc3339(job.at_ms)) };
    }
    let (since, s) = (rfc3339(job.at_ms), SILENT_AFTER_MS / 1_000);
    let why = format!("job silent since {since}, longer than {s} s: see whether it runs");
    Check { ok: false, why }
}

fn health(job: Option<&JobStatus>) -> Check {
    let Some(job) = job else { return Check { ok: false, why: "no job status yet".into() } };
    // Its age is another check's affair.
    let (ok, why) = match job.health(job.at_ms) {
        Health::Live => (true, "live: the job keeps up".into()),
        Health::Starting => (false, "starting: the job builds its dataflow".into()),
        Health::Restoring => (false, "restoring: the job reads its last checkpoint".into()),
        Health::Behind => {
            let records = job.lag_records.map_or("events".into(), |n| format!("{n} events"));
            (false, format!("behind: the job works off {records} that have piled up"))
        }
        Health::Stopping => (false, "stopping: the job was told to end".into()),
        Health::Silent | Health::Unknown | Health::Other => {
            let state: String = job.state.chars().take(32).collect();
            (false, format!("the job is in a state that is not known here: {state:?}"))
        }
    };
    Check { ok, why }
}

/// A quiet site is as ready as a busy one.
fn events(job: Option<&JobStatus>) -> Check {
    let why = match job.and_then(|job| job.read) {
        Some(read) if read > 0 => format!("{read} events read"),
        _ => "no events yet".into(),
    };
    Check { ok: true, why }
}

/// What comes from a clock that is wrong is rejected; the rest is as right as ever.
fn clocks(job: Option<&JobStatus>) -> Check {
    let Some(Ahead { records, of, by_ms }) = job.and_then(|job| job.ahead.as_ref()) else {
        return Check { ok: true, why: "no events that are too far ahead, or few".into() };
    };
    let min = by_ms / 60_000;
    let why = format!(
        "{records} of {of} events in the last minute were ahead of their appending, about {min} \
         min, and are rejected: see to the clocks of those who send them, and of the log"
    );
    Check { ok: false, why }
}

/// Without checkpoints numbers are right all the same; only a restart takes longer.
fn checkpoints(job: Option<&JobStatus>) -> Check {
    let Some(last) = job.and_then(|job| job.checkpoint.as_ref()) else {
        return Check { ok: true, why: "no checkpoint yet".into() };
    };
    let last_at = rfc3339(last.at_ms);
    match &last.failed {
        None => Check { ok: true, why: format!("the last checkpoint is of {last_at}") },
        Some(reason) => {
            let from = match last.at_ms {
                0 => "there is none to go on from after a restart".to_owned(),
                _ => format!("after a restart the job would go on from that of {last_at}"),
            };
            Check { ok: false, why: format!("the last checkpoint failed: {reason}; {from}") }
        }
    }
}

/// A store that is away has a backlog, and touches nothing else.
fn history(store: &FeedStatus, now_ms: i64) -> Check {
    let (name, report) = (store.name(), store.report());
    let behind_ms = report.waiting_since_ms.map_or(0, |since_ms| now_ms.saturating_sub(since_ms));
    let behind = match behind_ms {
        0..=STORE_BEHIND_AFTER_MS => String::new(),
        ms => format!("; it is {} s behind", ms / 1_000),
    };
    if let Some(process) = report.written_by {
        let why = format!("process {process} writes {name}; this one begins when that has ended");
        return Check { ok: true, why };
    }
    match report.failure {
        Some(why) => Check { ok: false, why: format!("{name} is not written: {why}{behind}") },
        None if !behind.is_empty() => {
            Check { ok: false, why: format!("{name} catches up{behind}") }
        }
        None if report.has_written => Check { ok: true, why: format!("{name} has all results") },
        None => Check { ok: true, why: format!("{name} was not asked yet") },
    }
}
