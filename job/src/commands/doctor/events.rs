//! The logs: whether they can be reached, and are as they should be.

use super::{Findings, Level, Patient, time};
use crate::commands::site::Site;
use std::sync::Arc;
use streamgauge_ingest::log::{EventLog, KafkaLog, KafkaSettings, LogError, Position, Record};
use streamgauge_sink::results::{EmbeddedResults, KafkaResults};
use streamgauge_sink::topics::{Admin, wanted};

/// A record that was appended so long after now is of a clock that is ahead, ms.
const AHEAD_MS: i64 = 2_000;
/// How often the last records are asked for at most.
const LOOKS: usize = 4;

pub(super) fn look(patient: &mut Patient<'_>, findings: &mut Findings) {
    match &patient.config.kafka {
        Some(kafka) => in_kafka(patient, kafka, findings),
        None => embedded(patient, findings),
    }
    if let Some(log) = patient.log.clone() {
        clock(patient, &*log, findings);
    }
}

fn embedded(patient: &mut Patient<'_>, findings: &mut Findings) {
    let shown = patient.directory.display().to_string();
    if !patient.directory.is_dir() {
        findings.add(
            Level::Note,
            "data directory",
            format!("{shown} is not there: nothing has run in it"),
            "name the right one with --data-dir, or begin with `streamgauge run`",
        );
        return;
    }
    match Site::open_to_look(&patient.directory, patient.config) {
        Ok(site) => {
            findings.ok("data directory", shown);
            patient.log = Some(site.log);
            patient.results = Some(site.results);
        }
        Err(error) => findings.add(
            Level::Problem,
            "data directory",
            format!("{error:#}"),
            "name the right one with --data-dir, or restore it from a copy",
        ),
    }
}

fn in_kafka(patient: &mut Patient<'_>, kafka: &KafkaSettings, findings: &mut Findings) {
    if !brokers(patient, kafka, findings) {
        return;
    }
    match KafkaLog::connect(kafka.clone(), Arc::clone(&patient.clock)) {
        Ok(log) => patient.log = Some(Arc::new(log)),
        // What is missing was said when the topics were looked at.
        Err(error) => findings.add(Level::Problem, "events", error.to_string(), ""),
    }
    match &patient.config.results_in_kafka {
        Some(prefix) => match KafkaResults::connect(kafka, prefix, Arc::clone(&patient.clock)) {
            Ok(results) => patient.results = Some(Arc::new(results)),
            Err(error) => findings.add(Level::Problem, "results", error.to_string(), ""),
        },
        None if !EmbeddedResults::exists(&patient.directory) => findings.add(
            Level::Note,
            "results",
            format!("there are none in {}: nothing has run in it", patient.directory.display()),
            "name the right one with --data-dir, or begin with `streamgauge job`",
        ),
        None => match Site::open_to_look(&patient.directory, patient.config) {
            Ok(site) => patient.results = Some(site.results),
            Err(error) => findings.add(Level::Problem, "results", format!("{error:#}"), ""),
        },
    }
}

/// Whether brokers can be asked.
fn brokers(patient: &Patient<'_>, kafka: &KafkaSettings, findings: &mut Findings) -> bool {
    const ADVICE: &str = "see whether the brokers run and `kafka.brokers`, `kafka.security` and the password are right; for development `deploy/dev/kafka.sh start` runs one";
    let admin = match Admin::new(kafka) {
        Ok(admin) => admin,
        Err(error) => {
            findings.add(Level::Problem, "kafka", error.to_string(), ADVICE);
            return false;
        }
    };
    let brokers = match admin.brokers() {
        Ok(brokers) => brokers,
        Err(error) => {
            findings.add(Level::Problem, "kafka", error.to_string(), ADVICE);
            return false;
        }
    };
    let text = format!("brokers {}, by {}", brokers.join(", "), kafka.protocol());
    match brokers.len() {
        1 | 2 => findings.add(
            Level::Note,
            "kafka",
            text,
            "with three brokers topics have three replicas, and one may be away",
        ),
        _ => findings.ok("kafka", text),
    }
    let prefix = patient.config.results_in_kafka.as_deref();
    let mut all = wanted(&kafka.topic, prefix.unwrap_or_default(), brokers.len());
    if prefix.is_none() {
        all.truncate(1);
    }
    let count = all.len();
    let mut good = 0;
    for topic in all {
        let found = match admin.find(&topic.name) {
            Ok(Some(found)) => found,
            Ok(None) => {
                let what = format!("{} is missing", topic.name);
                findings.add(Level::Problem, "topics", what, "`streamgauge topics create`");
                continue;
            }
            Err(error) => {
                findings.add(Level::Problem, "topics", error.to_string(), ADVICE);
                continue;
            }
        };
        if !found.leaderless.is_empty() {
            findings.add(
                Level::Problem,
                "topics",
                format!("{}: no leader for partitions {:?}", topic.name, found.leaderless),
                "start the brokers that have them; what is there is not lost",
            );
        }
        let differences = topic.differences(&found, brokers.len());
        let lines: Vec<_> =
            differences.iter().map(|d| format!("{} {} (not {})", d.what, d.is, d.wanted)).collect();
        if lines.is_empty() {
            good += 1;
            continue;
        }
        findings.add(
            Level::Warning,
            "topics",
            format!("{}: {}", topic.name, lines.join(", ")),
            "change it with Kafka's kafka-configs or kafka-topics, or leave it if that is meant",
        );
    }
    if good == count {
        findings.ok("topics", format!("{count}, as they should be"));
    }
    true
}

/// When the last record of each partition was appended, ms.
fn last_appended_ms(log: &dyn EventLog) -> Result<Vec<Option<i64>>, LogError> {
    let bounds = log.all_bounds()?;
    let filled = (0..).zip(&bounds).filter(|(_, bounds)| !bounds.is_empty());
    let positions: Vec<_> =
        filled.map(|(partition, bounds)| Position { partition, offset: bounds.end - 1 }).collect();
    let mut last = vec![None; bounds.len()];
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

/// The log's clock, beside this machine's.
fn clock(patient: &mut Patient<'_>, log: &dyn EventLog, findings: &mut Findings) {
    match last_appended_ms(log) {
        Ok(last) => patient.last_appended_ms = last,
        Err(error) => {
            findings.add(Level::Problem, "events", error.to_string(), "");
            return;
        }
    }
    let newest = patient.last_appended_ms.iter().flatten().copied().max();
    let now_ms = patient.clock.now_ms();
    let Some(newest_ms) = newest else {
        findings.add(
            Level::Note,
            "events",
            format!("{} partitions, all empty", log.partitions()),
            "`streamgauge simulate --to log --rate 100` appends some",
        );
        return;
    };
    let ahead_ms = newest_ms - now_ms;
    if ahead_ms > AHEAD_MS {
        findings.add(
            Level::Warning,
            "clock",
            format!("the newest event was appended {} from now", time(ahead_ms)),
            "set the clocks of brokers, producers and this machine by NTP: events that are too far ahead are rejected as `future`",
        );
    } else {
        findings.ok(
            "events",
            format!(
                "{} partitions, the newest event was appended {} ago",
                log.partitions(),
                time(-ahead_ms)
            ),
        );
    }
}
