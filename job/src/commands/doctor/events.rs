//! The logs: whether they can be reached, and are as they should be.

use super::{Findings, Level, Patient, clocks};
use crate::commands::kafka::asking;
use crate::commands::site::Site;
use std::sync::Arc;
use streamgauge_ingest::log::{KafkaLog, KafkaSettings};
use streamgauge_sink::results::{EmbeddedResults, KafkaResults};
use streamgauge_sink::topics::{Admin, wanted};

/// What to do where there is no client to ask brokers with.
const OF_CLIENT: &str =
    "no broker was asked: mend what it names, in [kafka], in a file or by another build";
/// What to do where a topic cannot be used.
const OF_TOPICS: &str = "see what is said of `kafka` and `topics`; `streamgauge topics create` makes what is missing, `kafka.topic` and `kafka.prefix` name the topics, and this user must be allowed to use them";
/// What to do where a data directory cannot be used.
const OF_DIRECTORY: &str = "name the right one with --data-dir, or restore it from a copy";

/// Whether the data directory is there. Where none is named nothing has run yet, or all is in
/// a Kafka; a name can be a wrong one.
pub(super) fn directory(patient: &Patient<'_>, findings: &mut Findings) {
    let is_named = patient.config.data.directory.is_some();
    if patient.directory.is_dir() || (!is_named && patient.config.results_in_kafka.is_some()) {
        return;
    }
    findings.add(
        if is_named { Level::Problem } else { Level::Note },
        "data directory",
        format!("{} is not there: nothing has run in it", patient.directory.display()),
        "name the right one with --data-dir, or begin with `streamgauge run` or `job`",
    );
}

pub(super) fn look(patient: &mut Patient<'_>, findings: &mut Findings) {
    match &patient.config.kafka {
        Some(kafka) => in_kafka(patient, kafka, findings),
        None => embedded(patient, findings),
    }
    if let Some(log) = patient.log.clone() {
        clocks::look(patient, &*log, findings);
    }
}

fn embedded(patient: &mut Patient<'_>, findings: &mut Findings) {
    if !patient.directory.is_dir() {
        return;
    }
    match Site::open_to_look(&patient.directory, patient.config) {
        Ok(site) => {
            findings.ok("data directory", patient.directory.display().to_string());
            patient.log = Some(site.log);
            patient.results = Some(site.results);
        }
        Err(error) => {
            findings.add(Level::Problem, "data directory", format!("{error:#}"), OF_DIRECTORY)
        }
    }
}

fn in_kafka(patient: &mut Patient<'_>, kafka: &KafkaSettings, findings: &mut Findings) {
    if !brokers(patient, kafka, findings) {
        return;
    }
    match KafkaLog::connect(kafka.clone(), Arc::clone(&patient.clock)) {
        Ok(log) => patient.log = Some(Arc::new(log)),
        Err(error) => findings.add(Level::Problem, "events", error.to_string(), OF_TOPICS),
    }
    match &patient.config.results_in_kafka {
        Some(prefix) => match KafkaResults::connect(kafka, prefix, Arc::clone(&patient.clock)) {
            Ok(results) => patient.results = Some(Arc::new(results)),
            Err(error) => findings.add(Level::Problem, "results", error.to_string(), OF_TOPICS),
        },
        None if !EmbeddedResults::exists(&patient.directory) => findings.add(
            Level::Note,
            "results",
            format!("there are none in {}: nothing has run in it", patient.directory.display()),
            "name the right one with --data-dir, or begin with `streamgauge job`",
        ),
        None => match Site::open_to_look(&patient.directory, patient.config) {
            Ok(site) => patient.results = Some(site.results),
            Err(error) => {
                findings.add(Level::Problem, "results", format!("{error:#}"), OF_DIRECTORY);
            }
        },
    }
}

/// Whether brokers can be asked.
fn brokers(patient: &Patient<'_>, kafka: &KafkaSettings, findings: &mut Findings) -> bool {
    const ADVICE: &str = "see whether the brokers run and `kafka.brokers`, `kafka.security` and the password are right; for development `deploy/dev/kafka.sh start` runs one";
    let admin = match Admin::new(kafka) {
        Ok(admin) => admin,
        Err(error) => {
            findings.add(Level::Problem, "kafka", error.to_string(), OF_CLIENT);
            return false;
        }
    };
    let brokers = match asking(kafka, || admin.brokers()) {
        Ok(brokers) => brokers,
        Err(error) => {
            findings.add(Level::Problem, "kafka", error.to_string(), ADVICE);
            return false;
        }
    };
    // Which version they have, brokers tell nobody; what they can do, the client finds out.
    let (_, client) = rdkafka::util::get_rdkafka_version();
    let (shown, protocol) = (brokers.join(", "), kafka.protocol());
    let text = format!("brokers {shown}, by {protocol}, with librdkafka {client}");
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
        let outages = found.outages();
        let is_up = outages.is_empty();
        for outage in outages {
            findings.add(
                Level::Problem,
                "topics",
                format!("{}: {outage}", topic.name),
                "start the brokers that have them; what is there is not lost",
            );
        }
        let differences = topic.differences(&found, brokers.len());
        let lines: Vec<_> =
            differences.iter().map(|d| format!("{} {} (not {})", d.what, d.is, d.wanted)).collect();
        if lines.is_empty() {
            good += usize::from(is_up);
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
