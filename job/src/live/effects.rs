//! From what an epoch changes to records on topics: pure functions.

use crate::collect::EpochChanges;
use streamgauge_ingest::dead_letter::DeadLetter;
use streamgauge_sink::change::{self, Change, State};
use streamgauge_sink::dead_letters;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::results::{Progress, Record, Topic};
use xxhash_rust::xxh3::Xxh3;

/// The effects of an epoch.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// What is committed exactly once, in order.
    pub(crate) committed: Vec<Record>,
    /// What is superseded at once.
    pub(crate) provisional: Vec<Record>,
}

/// The effects of an epoch with these dead letters.
pub(crate) fn effects(changes: &EpochChanges, mut letters: Vec<DeadLetter>) -> Effects {
    let mut effects = Effects::default();
    let epoch = changes.epoch;
    for change in &changes.changes {
        match record(change, epoch, changes.watermark_ms) {
            record if record.topic == Topic::LiveMetrics => effects.provisional.push(record),
            record => effects.committed.push(record),
        }
    }
    letters.sort_by_key(|letter| (letter.partition, letter.offset));
    effects.committed.extend(letters.iter().map(|letter| {
        let mut value = Vec::new();
        dead_letters::write_record(letter, epoch, &mut value);
        let key = dead_letters::record_key(letter);
        Record { topic: Topic::DeadLetters, epoch, key, value: Some(value) }
    }));
    effects
}

/// What of an epoch's changes is committed exactly once, but for dead letters.
pub(crate) fn committed_records(changes: &EpochChanges) -> Vec<Record> {
    effects(changes, Vec::new()).committed
}

fn record(change: &Change, epoch: u64, watermark_ms: i64) -> Record {
    let line = || {
        let mut line = Vec::with_capacity(change.body.len() + 80);
        change.write_line(epoch, watermark_ms, &mut line);
        line
    };
    let key = change.key.clone();
    let (topic, key, value) = match (change.topic, change.state) {
        (change::Topic::Alert, _) => (Topic::Alerts, alert_key(change), Some(line())),
        (change::Topic::Result(_), State::Provisional) => (Topic::LiveMetrics, key, Some(line())),
        // What was never final has ended where it was told.
        (change::Topic::Result(_), State::Retracted) if !change.replaces => {
            (Topic::LiveMetrics, key, None)
        }
        (change::Topic::Result(metric), state) => {
            let is_session = metric == Metric::Session;
            let topic = if is_session { Topic::Sessions } else { Topic::ProcessedMetrics };
            (topic, key, (state != State::Retracted).then(line))
        }
    };
    Record { topic, epoch, key, value }
}

/// An alert's key is its id, with which its body begins.
pub(crate) fn alert_key(change: &Change) -> Vec<u8> {
    const BEFORE: &[u8] = b"{\"alertId\":\"";
    let id = change.body.strip_prefix(BEFORE).and_then(|rest| rest.get(..32));
    id.map_or_else(|| change.key.clone(), <[u8]>::to_vec)
}

/// The progress that an epoch makes, after that of the epoch before.
pub(crate) fn progress(epoch: u64, committed: &[Record], before: Option<Progress>) -> Progress {
    let mut hash = Xxh3::new();
    for record in committed {
        let value = record.value.as_deref();
        hash.update(record.topic.name().as_bytes());
        for part in [record.key.as_slice(), value.unwrap_or_default()] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(&[u8::from(value.is_some())]);
    }
    let (records, hash) = (committed.len() as u64, hash.digest());
    let mut chain = Xxh3::new();
    for n in [before.map_or(0, |b| b.chain), epoch, records, hash] {
        chain.update(&n.to_le_bytes());
    }
    Progress { epoch, records, hash, chain: chain.digest() }
}
