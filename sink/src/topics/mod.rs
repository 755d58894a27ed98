//! The topics that a site has in a Kafka: which, with what settings, and whether they are
//! as they should be.
//!
//! It deliberately changes no topic that exists: what differs is said, and people decide.

mod admin;

pub use admin::{Admin, AdminError};

use crate::results::{KafkaResults, Topic};
use streamgauge_ingest::log::MOST_RECORD_BYTES;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Most replicas that are asked for.
const REPLICAS: usize = 3;
/// The largest record of an event that a topic takes: more than is accepted, so that what
/// is too large becomes a dead letter instead of an error of its producer.
const MOST_EVENT_BYTES: u32 = 2 << 20;
/// The largest batch that a topic of results takes: the largest record that is sent, and what
/// is around it. Pages may be as long as events, and sessions and lists name many.
const MOST_RESULT_BYTES: u32 = 64 << 20;
const _: () = assert!(MOST_RECORD_BYTES + (1 << 20) <= MOST_RESULT_BYTES);

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// What it has.
    pub what: &'static str,
    /// Number of partitions.
    pub partitions: u32,
    /// Settings by their names in Kafka.
    pub settings: Vec<(&'static str, String)>,
    /// Those that Kafka has of itself, and which lose records where somebody has changed
    /// them: they are not set, as not every Kafka lets them be, but compared.
    pub usual: Vec<(&'static str, String)>,
}

/// A topic as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Number of partitions.
    pub partitions: u32,
    /// Replicas of the partition that has fewest.
    pub replicas: usize,
    /// Partitions that have no leader now.
    pub leaderless: Vec<u32>,
    /// Of each partition, how many replicas are in sync now.
    pub in_sync: Vec<usize>,
    /// Values of settings by their names.
    pub settings: Vec<(String, String)>,
}

/// How a topic differs from what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs: `partitions`, `replicas`, or the name of a setting.
    pub what: String,
    /// What it is.
    pub is: String,
    /// What it should be.
    pub wanted: String,
}

/// The topics of a site: its events, and its results as in [`wanted_results`].
#[must_use]
pub fn wanted(events: &str, prefix: &str, brokers: usize) -> Vec<Wanted> {
    let mut of_events = deleted(7 * DAY_MS, DAY_MS);
    of_events.push(("compression.type", "snappy".to_owned()));
    of_events.push(("message.timestamp.type", "LogAppendTime".to_owned()));
    of_events.push((MOST_BYTES, MOST_EVENT_BYTES.to_string()));
    let (name, what) = (events.to_owned(), "events");
    let mut all =
        vec![Wanted { name, what, partitions: 12, settings: of_events, usual: Vec::new() }];
    all.iter_mut().for_each(|topic| topic.with_usual(brokers));
    all.extend(wanted_results(prefix, brokers));
    all
}

fn deleted(keep_ms: i64, roll_ms: i64) -> Vec<(&'static str, String)> {
    vec![
        ("cleanup.policy", "delete".to_owned()),
        ("retention.ms", keep_ms.to_string()),
        ("retention.bytes", NO_LIMIT.to_owned()),
        ("segment.ms", roll_ms.to_string()),
    ]
}

fn compacted(roll_ms: i64) -> Vec<(&'static str, String)> {
    vec![("cleanup.policy", "compact".to_owned()), ("segment.ms", roll_ms.to_string())]
}

/// The topics of results, with `prefix` before their names. `brokers` is how many there
/// are: with fewer than three there are as many replicas.
#[must_use]
pub fn wanted_results(prefix: &str, brokers: usize) -> Vec<Wanted> {
    let names = KafkaResults::topics(prefix);
    let jobs =
        [("bindings, progress", 1, deleted(-1, DAY_MS)), ("settings", 1, compacted(HOUR_MS))];
    let results = Topic::ALL.into_iter().map(|topic| match topic {
        Topic::ProcessedMetrics => {
            let mut settings = deleted(DAY_MS, HOUR_MS);
            settings[0].1 = "compact,delete".to_owned();
            ("final and corrected results", 6, settings)
        }
        Topic::Sessions => ("sessions", 6, deleted(7 * DAY_MS, DAY_MS)),
        Topic::Alerts => ("alerts", 3, deleted(3 * DAY_MS, 6 * HOUR_MS)),
        Topic::DeadLetters => ("rejected records", 3, deleted(7 * DAY_MS, DAY_MS)),
        Topic::LiveMetrics => ("provisional results", 1, deleted(HOUR_MS, 10 * MINUTE_MS)),
        Topic::JobStatus => ("how the job does", 1, compacted(HOUR_MS)),
    });
    let topics = names.into_iter().zip(results.chain(jobs));
    let topics = topics.map(|(name, (what, partitions, mut settings))| {
        settings.push((MOST_BYTES, MOST_RESULT_BYTES.to_string()));
        let mut topic = Wanted { name, what, partitions, settings, usual: Vec::new() };
        topic.with_usual(brokers);
        topic
    });
    topics.collect()
}

/// How many bytes a partition keeps of what is not yet too old: all.
const NO_LIMIT: &str = "-1";

/// The setting that says how large a batch of records may be, which can be a single one. More
/// than is wanted does no harm.
const MOST_BYTES: &str = "max.message.bytes";

/// The setting that says on how many replicas a record is when it is acknowledged.
const IN_SYNC: &str = "min.insync.replicas";

/// With three replicas one may be away, and what was acknowledged is on two.
fn in_sync(replicas: usize) -> &'static str {
    if replicas >= REPLICAS { "2" } else { "1" }
}

/// How many replicas topics get from so many brokers.
#[must_use]
pub fn replicas(brokers: usize) -> usize {
    brokers.clamp(1, REPLICAS)
}

impl Found {
    /// What cannot be done with its partitions now, until brokers that are away are back.
    #[must_use]
    pub fn outages(&self) -> Vec<String> {
        let mut all = Vec::new();
        if !self.leaderless.is_empty() {
            all.push(format!("partitions without a leader: {:?}", self.leaderless));
        }
        let needed = self.settings.iter().find(|(name, _)| name == IN_SYNC);
        let needed = needed.and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or(1);
        // Brokers ask for no more replicas than there are.
        let needed = needed.min(self.replicas);
        let is_short = |(p, in_sync): (u32, &usize)| {
            (*in_sync < needed && !self.leaderless.contains(&p)).then_some(p)
        };
        let short: Vec<u32> = (0..).zip(&self.in_sync).filter_map(is_short).collect();
        if !short.is_empty() {
            all.push(format!(
                "partitions that take no records, with fewer than {needed} replicas in sync: {short:?}"
            ));
        }
        all
    }
}

impl Wanted {
    /// With what all topics have.
    fn with_usual(&mut self, brokers: usize) {
        self.settings.push((IN_SYNC, in_sync(replicas(brokers)).to_owned()));
        self.usual.push(("unclean.leader.election.enable", "false".to_owned()));
    }

    /// Where `found` differs; `brokers` is how many there are.
    #[must_use]
    pub fn differences(&self, found: &Found, brokers: usize) -> Vec<Difference> {
        let mut all = Vec::new();
        let mut compare = |what: &str, is: String, wanted: String| {
            if is != wanted {
                all.push(Difference { what: what.to_owned(), is, wanted });
            }
        };
        compare("partitions", found.partitions.to_string(), self.partitions.to_string());
        // More than can be asked for now: there were more brokers, and one is away.
        let wanted_replicas = replicas(brokers).max(found.replicas.min(REPLICAS));
        compare("replicas", found.replicas.to_string(), wanted_replicas.to_string());
        let is = |name: &str| found.settings.iter().find(|(own, _)| own == name);
        for (name, wanted) in &self.settings {
            let is = is(name).map_or("nothing", |(_, value)| value);
            let (name, in_sync) = (*name, in_sync(wanted_replicas));
            let wanted = if name == IN_SYNC { in_sync } else { wanted };
            let is_enough = name == MOST_BYTES && number(is) >= number(wanted);
            compare(name, sorted(if is_enough { wanted } else { is }), sorted(wanted));
        }
        for (name, wanted) in &self.usual {
            // A Kafka that does not tell it has it as it should be, or nobody can change it.
            let is = is(name).map_or(wanted, |(_, value)| value);
            compare(name, is.clone(), wanted.clone());
        }
        all
    }
}

fn number(value: &str) -> Option<u64> {
    value.parse().ok()
}

/// A list as Kafka gives it, in one order: `compact,delete` is what `delete,compact` is.
fn sorted(value: &str) -> String {
    let mut parts: Vec<&str> = value.split(',').map(str::trim).collect();
    parts.sort_unstable();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_differs_is_named() {
        let wanted = wanted("events", "", 1);
        let metrics = wanted.iter().find(|t| t.name == "processed-metrics").unwrap();
        let mut found = Found {
            partitions: 6,
            replicas: 1,
            leaderless: Vec::new(),
            in_sync: vec![1; 6],
            settings: metrics.settings.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
        };
        found.settings[0].1 = "delete, compact".to_owned();
        assert_eq!(metrics.differences(&found, 1), []);
        let set = |found: &mut Found, name: &str, value: &str| {
            found.settings.retain(|(own, _)| own != name);
            found.settings.push((name.to_owned(), value.to_owned()));
        };
        set(&mut found, MOST_BYTES, "104857600");
        set(&mut found, "unclean.leader.election.enable", "false");
        assert_eq!(metrics.differences(&found, 1), [], "larger records do no harm");
        set(&mut found, MOST_BYTES, "1048588");
        set(&mut found, "unclean.leader.election.enable", "true");
        set(&mut found, "retention.bytes", "1073741824");
        let named = |d: Vec<Difference>| d.into_iter().map(|d| d.what).collect::<Vec<_>>();
        let lossy = ["retention.bytes", MOST_BYTES, "unclean.leader.election.enable"];
        assert_eq!(named(metrics.differences(&found, 1)), lossy);
        for (name, value) in metrics.settings.iter().chain(&metrics.usual) {
            set(&mut found, name, value);
        }
        set(&mut found, "retention.ms", "5");
        found.partitions = 1;
        assert_eq!(named(metrics.differences(&found, 1)), ["partitions", "retention.ms"]);
        assert_eq!(
            named(metrics.differences(&found, 3)),
            ["partitions", "replicas", "retention.ms", IN_SYNC]
        );
        found.settings.clear();
        assert_eq!(metrics.differences(&found, 1).len(), 1 + metrics.settings.len());
    }

    #[test]
    fn partitions_that_cannot_be_used_are_named() {
        let mut found = Found { replicas: 3, in_sync: vec![2, 3, 1, 0], ..Found::default() };
        assert_eq!(found.outages().len(), 1, "one replica is needed, of which brokers say nothing");
        found.settings.push((IN_SYNC.to_owned(), "2".to_owned()));
        found.leaderless = vec![3];
        let expected = [
            "partitions without a leader: [3]",
            "partitions that take no records, with fewer than 2 replicas in sync: [2]",
        ];
        assert_eq!(found.outages(), expected);
        found = Found { replicas: 1, in_sync: vec![1], settings: found.settings, ..found };
        assert_eq!(found.outages(), ["partitions without a leader: [3]"]);
    }

    #[test]
    fn there_are_as_many_replicas_as_brokers_and_three_at_most() {
        assert_eq!([0, 1, 2, 3, 9].map(replicas), [1, 1, 2, 3, 3]);
        let in_sync = |brokers| wanted("e", "", brokers)[0].settings.last().cloned().unwrap().1;
        assert_eq!((in_sync(1), in_sync(2), in_sync(3)), ("1".into(), "1".into(), "2".into()));
    }
}
