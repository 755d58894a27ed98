//! The clock of the log of events, which gives records their times, beside this machine's.
//!
//! One that is ahead is seen by a record of the future. One that is behind looks as a quiet
//! site does, until a record comes: so a moment is waited for one where that can be.

use super::{Findings, Level, Patient, time};
use std::thread;
use std::time::Duration;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::log::{EventLog, LogError, Position, Record};

/// A clock that is wrong by more is worth a word, ms.
const WRONG_MS: i64 = 2_000;
/// How often the last records are asked for at most.
const LOOKS: usize = 4;
/// How often it is looked for a record that comes now, and how long between.
const WAITS: u32 = 10;
const WAIT: Duration = Duration::from_millis(200);

const ADVICE: &str = "set the clocks of brokers, producers and this machine by NTP: events that are too far ahead are rejected as `future`, and windows end by the clock of the log";

pub(super) fn look(patient: &mut Patient<'_>, log: &dyn EventLog, findings: &mut Findings) {
    let read = last_appended_ms(log).and_then(|last| {
        patient.last_appended_ms = last;
        let newest_ms = patient.last_appended_ms.iter().flatten().copied().max();
        let behind_ms = match patient.config.kafka {
            Some(_) => behind(log, &*patient.clock, newest_ms)?,
            // An embedded log has the clock of this machine.
            None => None,
        };
        Ok((newest_ms, behind_ms))
    });
    let (newest_ms, behind_ms) = match read {
        Ok(read) => read,
        Err(error) => {
            let advice = "see what is said of where the events are; a job waits until they can be read again, and nothing is lost";
            findings.add(Level::Problem, "events", error.to_string(), advice);
            return;
        }
    };
    let partitions = log.partitions();
    let Some(newest_ms) = newest_ms else {
        findings.add(
            Level::Note,
            "events",
            format!("{partitions} partitions, all empty"),
            "`streamgauge simulate --to log --rate 100` appends some",
        );
        return;
    };
    let ahead_ms = newest_ms - patient.clock.now_ms();
    let wrong = if ahead_ms > WRONG_MS {
        Some(format!("the newest event was appended {} from now", time(ahead_ms)))
    } else {
        let behind_ms = behind_ms.filter(|behind_ms| *behind_ms > WRONG_MS);
        behind_ms.map(|ms| format!("an event that came just now was appended {} ago", time(ms)))
    };
    match wrong {
        Some(wrong) => findings.add(
            Level::Warning,
            "clock",
            format!("{wrong}, by the clock of the log"),
            ADVICE,
        ),
        None => findings.ok(
            "events",
            format!("{partitions} partitions, the newest was appended {} ago", time(-ahead_ms)),
        ),
    }
}

/// When the last record of each partition was appended, ms.
fn last_appended_ms(log: &dyn EventLog) -> Result<Vec<Option<i64>>, LogError> {
    let ends: Vec<u64> = log.all_bounds()?.into_iter().map(|b| b.end.max(b.start)).collect();
    appended_before(log, &ends, |_| true)
}

/// When the last record before the end of each partition was appended, ms, of those partitions
/// that are wanted and have one.
fn appended_before(
    log: &dyn EventLog,
    ends: &[u64],
    is_wanted: impl Fn(usize) -> bool,
) -> Result<Vec<Option<i64>>, LogError> {
    let bounds = log.all_bounds()?;
    let mut positions = Vec::new();
    for (i, partition) in (0..log.partitions()).enumerate() {
        if is_wanted(i) && ends[i] > bounds[i].start {
            positions.push(Position { partition, offset: ends[i] - 1 });
        }
    }
    let mut last = vec![None; bounds.len()];
    if positions.is_empty() {
        return Ok(last);
    }
    let mut reader = log.reader(&positions)?;
    // More may come all the time; the last of then is enough.
    for _ in 0..LOOKS {
        let mut note =
            |record: Record<'_>| last[record.partition as usize] = Some(record.appended_ms);
        if reader.poll(bounds.len(), &mut note)? == 0 {
            break;
        }
    }
    Ok(last)
}

/// How far the clock of the log is behind this one at least, ms: by a record that comes while
/// it is looked. None where that cannot be told, as none comes, or the newest is of now.
fn behind(
    log: &dyn EventLog,
    clock: &dyn Clock,
    newest_ms: Option<i64>,
) -> Result<Option<i64>, LogError> {
    let asked_ms = clock.now_ms();
    if newest_ms.is_none_or(|newest_ms| newest_ms >= asked_ms - WRONG_MS) {
        return Ok(None);
    }
    let ends = |log: &dyn EventLog| -> Result<Vec<u64>, LogError> {
        Ok(log.all_bounds()?.into_iter().map(|b| b.end).collect())
    };
    let before = ends(log)?;
    for _ in 0..WAITS {
        thread::sleep(WAIT);
        let now = ends(log)?;
        if now != before {
            let came = appended_before(log, &now, |i| now[i] > before[i])?;
            return Ok(came.into_iter().flatten().max().map(|came_ms| asked_ms - came_ms));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use streamgauge_ingest::clock::ManualClock;
    use streamgauge_ingest::log::{MemoryLog, NewRecord};

    const NOW_MS: i64 = 1_700_000_000_000;

    /// What a log whose clock is so far from this one looks like; with `is_busy` events come.
    fn check(off_ms: i64, is_busy: bool, expected: Option<i64>) {
        let of_log = Arc::new(ManualClock::new(NOW_MS + off_ms));
        let log = MemoryLog::new(2, usize::MAX, of_log);
        let append = |partition| {
            log.append(&[NewRecord { partition, key: b"k", value: b"v" }]).unwrap();
        };
        append(0);
        let newest = last_appended_ms(&log).unwrap().into_iter().flatten().max();
        assert_eq!(newest, Some(NOW_MS + off_ms));
        thread::scope(|scope| {
            let looking = scope.spawn(|| behind(&log, &ManualClock::new(NOW_MS), newest).unwrap());
            if is_busy {
                thread::sleep(WAIT);
                append(1);
            }
            assert_eq!(looking.join().unwrap(), expected, "{off_ms}");
        });
    }

    #[test]
    fn a_clock_that_is_behind_is_told_from_a_quiet_site() {
        check(-3_600_000, true, Some(3_600_000));
        check(-3_600_000, false, None);
        check(0, true, None);
        check(3_600_000, true, None);
    }
}
