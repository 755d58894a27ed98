//! Holding a replay against what was committed.
//!
//! Both are read epoch by epoch, so memory follows an epoch and what is missing: a
//! compacted topic may have lost a record whose key was written again since, and a
//! partition with retention all that is older than its beginning. Whatever else differs
//! is named.

use crate::collect::EpochChanges;
use crate::live::committed_records;
use letters::Letters;
use std::collections::{BTreeMap, VecDeque};
use streamgauge_ingest::END_OF_TIME_MS;
use streamgauge_sink::results::{
    LogState, Position, Record, ResultError, ResultLog, ResultReader, Topic,
};
use thiserror::Error;

mod letters;
#[cfg(test)]
mod tests;

/// The topics that are compared.
const TOPICS: [Topic; 3] = [Topic::ProcessedMetrics, Topic::Sessions, Topic::Alerts];
/// Records of the log that are read at once.
const RECORDS: usize = 1_000;
/// Bytes of a value that are shown.
const SHOWN: usize = 400;

/// Why a replay is not what was committed.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The committed records cannot be read.
    #[error("{0}")]
    Results(#[from] ResultError),
    /// A record was committed, and the replay computes another, or none.
    #[error(
        "partition {partition} of {topic}, offset {offset}, key {key}, epoch {epoch}: committed was {committed}, and computed again it is {computed}",
        topic = .topic.name()
    )]
    Differs {
        /// Its topic.
        topic: Topic,
        /// Its partition there.
        partition: u32,
        /// Its offset.
        offset: u64,
        /// Its key.
        key: String,
        /// Its epoch.
        epoch: u64,
        /// What was committed.
        committed: String,
        /// What is computed.
        computed: String,
    },
    /// The replay computes a record that was not committed.
    #[error(
        "partition {partition} of {topic}, key {key}, epoch {epoch}: computed is {computed}, and nothing was committed",
        topic = .topic.name()
    )]
    Missing {
        /// Its topic.
        topic: Topic,
        /// The partition that keeps its key.
        partition: u32,
        /// Its key.
        key: String,
        /// Its epoch.
        epoch: u64,
        /// What is computed.
        computed: String,
    },
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Records that are equal.
    pub equal: u64,
    /// Records that the log does not have: superseded, ended, cut by retention, or larger than
    /// their topic takes.
    pub no_longer_kept: u64,
    /// The first epoch that could be compared.
    pub from: u64,
    /// The last epoch that was compared.
    pub epoch: u64,
}

/// A record by its topic and key.
type Id = (Topic, Vec<u8>);

/// A record that was committed.
struct Committed {
    id: Id,
    partition: u32,
    offset: u64,
    epoch: u64,
    value: Option<Vec<u8>>,
}

/// A topic, read by epoch: its records are in that order, but several topics' need not be.
struct OfTopic {
    reader: Box<dyn ResultReader>,
    read: VecDeque<Committed>,
}

impl OfTopic {
    fn open(results: &dyn ResultLog, topic: Topic) -> Result<Self, ResultError> {
        let reader = results.reader(&[topic], Position::default())?;
        Ok(Self { reader, read: VecDeque::new() })
    }

    /// The next committed record up to an epoch.
    fn next(&mut self, epoch: u64) -> Result<Option<Committed>, ResultError> {
        if self.read.is_empty() {
            let read = &mut self.read;
            self.reader.poll(RECORDS, &mut |s| {
                read.push_back(Committed {
                    id: (s.topic, s.key.to_vec()),
                    partition: s.partition,
                    offset: s.offset,
                    epoch: s.epoch,
                    value: s.value.map(<[u8]>::to_vec),
                });
            })?;
        }
        if self.read.front().is_none_or(|next| next.epoch > epoch) {
            return Ok(None);
        }
        Ok(self.read.pop_front())
    }
}

/// Compares a replay with a log of results.
pub(super) struct Verifier<'a> {
    results: &'a dyn ResultLog,
    topics: Vec<OfTopic>,
    /// The first epoch that is compared: what came before decides about results, and is
    /// not all known.
    from: u64,
    /// The last committed epoch: what comes later is not compared.
    last: Option<u64>,
    /// The first epoch that each partition of a topic still has.
    first: BTreeMap<(Topic, u32), u64>,
    /// What was computed, and was not found: the epoch, and whether something stood.
    missing: BTreeMap<Id, (u64, Option<Vec<u8>>)>,
    letters: Letters,
    verified: Verified,
}

impl<'a> Verifier<'a> {
    /// What is computed from an epoch on is compared with what was committed.
    pub(super) fn open(results: &'a dyn ResultLog, from: u64) -> Result<Self, VerifyError> {
        let LogState { committed, .. } = results.state()?;
        Ok(Self {
            results,
            topics: TOPICS
                .map(|topic| OfTopic::open(results, topic))
                .into_iter()
                .collect::<Result<_, _>>()?,
            from,
            last: committed.map(|p| p.epoch),
            first: BTreeMap::new(),
            missing: BTreeMap::new(),
            letters: Letters::default(),
            verified: Verified { from, ..Verified::default() },
        })
    }

    /// Compares an epoch; they come in order.
    pub(super) fn epoch(&mut self, changes: &EpochChanges) -> Result<(), VerifyError> {
        let epoch = changes.epoch;
        // Where a replay is interrupted, its last epoch has the number of one that was bound.
        let is_end = changes.watermark_ms == END_OF_TIME_MS;
        if is_end || epoch < self.from || self.last.is_none_or(|last| epoch > last) {
            return Ok(());
        }
        let records = committed_records(changes).into_iter();
        let mut computed: BTreeMap<Id, Option<Vec<u8>>> =
            records.map(|r| ((r.topic, r.key), r.value)).collect();
        for topic in &mut self.topics {
            while let Some(committed) = topic.next(epoch)? {
                let place = (committed.id.0, committed.partition);
                self.first.entry(place).or_insert(committed.epoch);
                if committed.epoch < self.from {
                    continue;
                }
                self.missing.remove(&committed.id);
                let is_of_epoch = committed.epoch == epoch;
                let now = is_of_epoch.then(|| computed.remove(&committed.id)).flatten();
                if now.as_ref() != Some(&committed.value) {
                    if !has_ended_as_too_large(self.results, &mut self.letters, &committed, &now)? {
                        return Err(differs(committed, now));
                    }
                    self.verified.no_longer_kept += 1;
                    continue;
                }
                self.verified.equal += 1;
            }
        }
        self.missing.extend(computed.into_iter().map(|(id, value)| (id, (epoch, value))));
        self.verified.epoch = epoch;
        Ok(())
    }

    /// What was compared by a replay that was interrupted: what was not found may have been
    /// written again later.
    pub(super) fn so_far(self) -> Verified {
        self.verified
    }

    /// Whether what was not found could be missing.
    pub(super) fn finish(mut self) -> Result<Verified, VerifyError> {
        // What was committed meanwhile may have taken the place of what was.
        let now = self.results.state()?.committed.map_or(0, |p| p.epoch);
        for topic in &mut self.topics {
            while !self.missing.is_empty()
                && let Some(committed) = topic.next(now)?
            {
                self.missing.remove(&committed.id);
            }
        }
        let mut missing: Vec<_> = std::mem::take(&mut self.missing).into_iter().collect();
        missing.sort_by_key(|(_, (epoch, _))| *epoch);
        // Asked when all is read: what was cut meanwhile is cut, too.
        let mut cut = BTreeMap::new();
        for topic in TOPICS {
            cut.insert(topic, self.results.is_cut(topic)?);
        }
        for ((topic, key), (epoch, value)) in missing {
            let partition = self.results.partition(topic, &key);
            let is_cut = cut[&topic].get(partition as usize).is_some_and(|is_cut| *is_cut);
            let first = self.first.get(&(topic, partition));
            match value {
                // The end of a key goes some time after what it ended.
                None => {}
                // What is cut may end within an epoch.
                Some(_) if is_cut && first.is_none_or(|first| epoch <= *first) => {}
                Some(value) => {
                    let result = Record { topic, epoch, key, value: Some(value) };
                    if self.letters.has(self.results, &result)? {
                        self.verified.no_longer_kept += 1;
                        continue;
                    }
                    let Record { key, value, .. } = result;
                    let (key, computed) = (text(&key), shown(value));
                    return Err(VerifyError::Missing { topic, partition, key, epoch, computed });
                }
            }
            self.verified.no_longer_kept += 1;
        }
        Ok(self.verified)
    }
}

/// Whether the end of a key stands in for what is computed, which is larger than its topic
/// takes.
fn has_ended_as_too_large(
    results: &dyn ResultLog,
    letters: &mut Letters,
    committed: &Committed,
    computed: &Option<Option<Vec<u8>>>,
) -> Result<bool, ResultError> {
    let Committed { id: (topic, key), epoch, value: None, .. } = committed else {
        return Ok(false);
    };
    let Some(value @ Some(_)) = computed else { return Ok(false) };
    let (topic, epoch, key, value) = (*topic, *epoch, key.clone(), value.clone());
    letters.has(results, &Record { topic, epoch, key, value })
}

fn differs(committed: Committed, computed: Option<Option<Vec<u8>>>) -> VerifyError {
    let Committed { id: (topic, key), partition, offset, epoch, value } = committed;
    VerifyError::Differs {
        topic,
        partition,
        offset,
        key: text(&key),
        epoch,
        committed: shown(value),
        computed: computed.map_or_else(|| "nothing".to_owned(), shown),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn shown(value: Option<Vec<u8>>) -> String {
    let Some(value) = value else { return "its end".to_owned() };
    let text = text(&value);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
