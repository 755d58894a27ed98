//! The job: whether it is at work, how far it is, and what holds it up.

use super::{Findings, Level, Patient, lag, time};
use crate::commands::site::checkpoints_path;
use serde_json::Value;
use streamgauge::checkpoint::{DirectoryStorage, checkpoint_names, read_manifest};
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::log::EventLog;
use streamgauge_sink::results::{ResultError, ResultLog, Topic};

/// How far back the status of a job is looked for, ms.
const STATUS_MS: i64 = 60_000;
/// A job that has said nothing for longer is silent, ms.
const SILENT_MS: i64 = 5_000;
/// A watermark so far behind the clock is worth a word, ms: twice the usual disorder.
const BEHIND_MS: i64 = 15_000;
/// After so long without a record a partition is idle, ms.
const IDLE_MS: i64 = 5_000;
/// More than this share of rejected events is worth a word, of 100.
const REJECTED_PERCENT: u64 = 1;

/// What to do where results cannot be read.
const OF_RESULTS: &str = "see what is said of where the results are: brokers and topics, or the data directory; what is there is not lost";

pub(super) fn look(patient: &Patient<'_>, findings: &mut Findings) {
    let Some(results) = &patient.results else { return };
    let speaks = match status(patient, &**results) {
        Ok(Some(status)) => job(patient, &status, findings),
        Ok(None) => {
            findings.add(
                Level::Problem,
                "job",
                "no job has said anything for a minute",
                format!("start it: `{}`, or `streamgauge run` for all in one", start(patient)),
            );
            false
        }
        Err(error) => {
            findings.add(Level::Problem, "job", error.to_string(), OF_RESULTS);
            return;
        }
    };
    match results.state() {
        Ok(state) => {
            let of = |epoch: Option<u64>| epoch.map_or("none".to_owned(), |e| e.to_string());
            findings.ok(
                "results",
                format!(
                    "committed up to epoch {}, bound from {} to {}",
                    of(state.committed.map(|p| p.epoch)),
                    of(state.first_bound),
                    of(state.bound)
                ),
            );
            let last = state.bound.and_then(|bound| results.bindings(bound, 1).ok()?.pop());
            if let Some(log) = &patient.log {
                if !speaks {
                    lag::look(last.as_ref(), &**log, findings);
                }
                if let Some(last) = last {
                    partitions(&last, &**log, findings);
                    watermark(patient, &last, &**log, findings);
                }
            }
        }
        Err(error) => findings.add(Level::Problem, "results", error.to_string(), OF_RESULTS),
    }
    checkpoints(patient, findings);
}

/// What starts a job here.
fn start(patient: &Patient<'_>) -> String {
    format!("streamgauge job --data-dir {}", patient.directory.display())
}

/// The last status of the last minute.
fn status(patient: &Patient<'_>, results: &dyn ResultLog) -> Result<Option<Value>, ResultError> {
    let from = results.position_at(patient.clock.now_ms() - STATUS_MS)?;
    let mut reader = results.reader(&[Topic::JobStatus], from)?;
    let mut last = None;
    while reader.poll(1_000, &mut |stored| last = stored.value.map(<[u8]>::to_vec))? > 0 {}
    Ok(last.and_then(|value| serde_json::from_slice(&value).ok()))
}

/// What a job says of itself; whether it has said so just now.
fn job(patient: &Patient<'_>, status: &Value, findings: &mut Findings) -> bool {
    let number = |key: &str| status[key].as_u64().unwrap_or(0);
    let state = status["state"].as_str().unwrap_or("unknown");
    let age_ms = patient.clock.now_ms() - status["atMs"].as_i64().unwrap_or(0);
    let text = format!(
        "{state}, writer {}, {} workers, {} events a second, {} wait; it said so {} ago",
        number("writer"),
        number("workers"),
        status["eventsPerSecond"],
        number("lagRecords"),
        time(age_ms)
    );
    if age_ms > SILENT_MS {
        let start = start(patient);
        let advice = format!(
            "if it was ended, start it: `{start}`; else see what it said last on stderr; it goes on where it was"
        );
        findings.add(Level::Problem, "job", text, advice);
    } else if state == "behind" {
        let advice =
            "wait if it was down and catches up; else give it more `--workers`, or more processes";
        findings.add(Level::Warning, "job", text, advice);
    } else {
        findings.ok("job", text);
    }
    let dead = status["deadLetters"].as_object();
    let of_reason = |(reason, count): (&String, &Value)| Some((count.as_u64()?, reason.clone()));
    let mut rejected: Vec<(u64, String)> =
        dead.into_iter().flatten().filter_map(of_reason).filter(|(count, _)| *count > 0).collect();
    rejected.sort_unstable_by(|a, b| b.cmp(a));
    let total: u64 = rejected.iter().map(|(count, _)| count).sum();
    if total * 100 > number("read") * REJECTED_PERCENT {
        let reasons: Vec<_> = rejected.iter().map(|(n, reason)| format!("{n} {reason}")).collect();
        let is_future = rejected.iter().any(|(_, reason)| reason == "future");
        findings.add(
            Level::Warning,
            "rejected",
            format!("{} of {} events: {}", total, number("read"), reasons.join(", ")),
            match is_future {
                true => "`streamgauge dlq list` says which; `future` means a clock that is ahead, of producers or of brokers",
                false => "`streamgauge dlq show` has their first bytes and the reason in words",
            },
        );
    }
    ahead(&status["ahead"], findings);
    let too_large = number("tooLarge");
    if too_large > 0 {
        findings.add(
            Level::Warning,
            "too large",
            format!("{too_large} results were larger than their topic takes"),
            "`streamgauge dlq show --reason too_large` names them; `streamgauge topics check` says whether a topic takes less than it should",
        );
    }
    age_ms <= SILENT_MS
}

/// Records of the last minute that are too far ahead: a clock is wrong now.
fn ahead(ahead: &Value, findings: &mut Findings) {
    let Some(by_ms) = ahead["byMs"].as_i64() else { return };
    findings.add(
        Level::Warning,
        "clock",
        format!(
            "{} of {} events in the last minute were ahead of their appending, about {}",
            ahead["records"],
            ahead["of"],
            time(by_ms)
        ),
        "set the clocks of those who send them, and of brokers, by NTP: such events are rejected as `future`",
    );
}

/// Whether the job reads all partitions that there are.
fn partitions(last: &Binding, log: &dyn EventLog, findings: &mut Findings) {
    let (bound, all) = (last.partitions.len(), log.partitions());
    if bound < all as usize {
        findings.add(
            Level::Warning,
            "partitions",
            format!("{bound} of {all} are read: the others were added since"),
            "a job that is at work takes them in within seconds, one that is started at once",
        );
    }
}

/// How far the watermark is behind the clock, and which partition holds it, and why.
fn watermark(patient: &Patient<'_>, last: &Binding, log: &dyn EventLog, findings: &mut Findings) {
    if last.watermark_ms == streamgauge_ingest::BEFORE_TIME_MS {
        findings.add(
            Level::Note,
            "watermark",
            "there is none yet: no event was accepted",
            "send events, or `streamgauge simulate --to log`",
        );
        return;
    }
    let now_ms = patient.clock.now_ms();
    let behind_ms = now_ms - last.watermark_ms;
    let text = format!("{} behind the clock", time(behind_ms));
    if behind_ms <= BEHIND_MS {
        findings.ok("watermark", text);
        return;
    }
    let awake = last.partitions.iter().filter(|p| !last.idle.contains(&p.partition));
    let holding: Vec<_> = awake.filter(|p| p.watermark_ms <= last.watermark_ms).collect();
    if holding.is_empty() {
        let advice = "it goes on with the clock while the job runs, or with the next event";
        findings.add(Level::Note, "watermark", format!("{text}; all partitions are idle"), advice);
        return;
    }
    for part in holding {
        let partition = part.partition;
        let end = log.bounds(partition).map_or(part.hi, |b| b.end);
        let unread = end.saturating_sub(part.hi);
        let last_ms = patient.last_appended_ms.get(partition as usize).copied().flatten();
        let appended_ago = last_ms.map(|ms| now_ms - ms);
        let (why, todo) = match appended_ago {
            _ if unread > 0 => (
                format!("{unread} of its records wait to be read"),
                "the job is behind or not at work; see what is said of it",
            ),
            Some(ago) if ago > IDLE_MS => (
                format!("nothing came to it for {}", time(ago)),
                "it becomes idle a few seconds after its end was read, as soon as the job runs",
            ),
            _ => (
                "its events are older than those of others".to_owned(),
                "a producer sends late, or its clock is behind: `time.allowed_disorder` says how far events may be apart",
            ),
        };
        let what = format!("{text}, held by partition {partition}: {why}");
        findings.add(Level::Warning, "watermark", what, todo);
    }
}

fn checkpoints(patient: &Patient<'_>, findings: &mut Findings) {
    let path = checkpoints_path(&patient.directory);
    if !path.is_dir() {
        findings.add(
            Level::Note,
            "checkpoints",
            format!("none in {}", path.display()),
            "a job makes one every `checkpoint.every` in its data directory; name it with --data-dir",
        );
        return;
    }
    let storage = DirectoryStorage::existing(&path);
    let newest = checkpoint_names(&storage).ok().and_then(|names| names.into_iter().max());
    let Some(newest) = newest else {
        let advice =
            "a job makes one every `checkpoint.every`; without one it begins at the beginning";
        findings.add(Level::Note, "checkpoints", "none yet", advice);
        return;
    };
    match read_manifest(&storage, newest) {
        Ok(manifest) => {
            let age_ms = patient.clock.now_ms() - manifest.at_ms;
            let text = format!("the newest is of epoch {newest}, {} old", time(age_ms));
            if age_ms > 6 * patient.config.checkpoint.every_ms.max(10_000) {
                let advice = "if a job runs, see what it says on stderr about checkpoints; what is not in one is computed again at the next start";
                findings.add(Level::Warning, "checkpoints", text, advice);
            } else {
                findings.ok("checkpoints", text);
            }
        }
        Err(error) => findings.add(
            Level::Warning,
            "checkpoints",
            format!("the newest, of epoch {newest}, cannot be read: {error}"),
            "`streamgauge checkpoint verify` looks at all; a job goes on from the newest that can be used",
        ),
    }
}
