//! Results in topics of a Kafka.
//!
//! A transaction of the job is one of Kafka: bindings, effects, progress, or nothing of
//! them. What is provisional, and how the job does, goes out beside it and waits for
//! nobody. Writers are fenced by one transactional id, so a newer one ends an older one.
//!
//! Kafka has no order across partitions. So each transaction says where its records end
//! (`Entry::Commit`), and readers give what lies before that in the order of epochs,
//! topics and partitions: all readers the same.
//!
//! It deliberately makes no topics but says which are missing; retention is theirs, but
//! for bindings, which are kept as long as they are needed.

mod entry;
mod places;
mod probe;
mod reader;
mod send;
mod tail;
mod writer;

use super::{
    Around, LogState, Position, Record, ResultError, ResultLog, ResultReader, ResultWriter, Topic,
};
use entry::Entry;
use places::{BINDINGS, Places, SETTINGS};
use probe::Probe;
use reader::KafkaResultReader;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::log::{EventLog, KafkaLog, KafkaSettings, LogError};
use tail::Tail;
use writer::KafkaWriter;

/// Results in topics of a Kafka. Clones share them.
#[derive(Clone)]
pub struct KafkaResults {
    shared: Arc<Shared>,
}

struct Shared {
    settings: KafkaSettings,
    places: Places,
    log: KafkaLog,
    clock: Arc<dyn Clock>,
    /// How far what is committed reaches; none before it was asked for.
    tail: Mutex<Option<Tail>>,
}

impl Shared {
    fn tail(&self) -> MutexGuard<'_, Option<Tail>> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the tail says now.
    fn ask<T>(&self, answer: impl FnOnce(&Tail) -> T) -> Result<T, ResultError> {
        let mut guard = self.tail();
        let asked = match guard.take().map(|tail| tail.refreshed(self)) {
            Some(Ok(tail)) => Ok(tail),
            Some(Err(away @ ResultError::Away { .. })) => Err(away),
            // It was not asked for so long that what comes next for it was cut.
            Some(Err(_)) | None => Tail::find(self),
        };
        Ok(answer(guard.insert(asked?)))
    }

    /// Looks bindings up: at the offsets of those that are kept. With a client of its own,
    /// which takes a tenth of a second: one that is kept would have to be listened to, and
    /// could know brokers that are no more.
    fn look_up<T>(
        &self,
        look: impl FnOnce(&Probe, Range<u64>) -> Result<T, ResultError>,
    ) -> Result<T, ResultError> {
        let bounds = self.log.bounds(self.places.bindings()).map_err(failed)?;
        look(&Probe::new(&self.settings, self.places.name(BINDINGS))?, bounds)
    }

    /// All entries of the settings' topic, the last of a key last.
    fn settings_entries(&self) -> Result<Vec<Entry>, ResultError> {
        let bounds = self.log.bounds(self.places.settings()).map_err(failed)?;
        let mut all = Vec::new();
        Probe::new(&self.settings, self.places.name(SETTINGS))?.read(bounds, &mut |_, entry| {
            all.push(entry);
            true
        })?;
        Ok(all)
    }
}

impl KafkaResults {
    /// The names of the topics, with what `[kafka] prefix` puts before them: those that
    /// are read by everybody, then those of jobs alone.
    #[must_use]
    pub fn topics(prefix: &str) -> Vec<String> {
        Places::names(prefix)
    }

    /// Finds the topics in a Kafka. `settings` says how it is reached; its topic does not
    /// matter.
    ///
    /// # Errors
    /// [`ResultError::Away`] if no broker can be reached; another if a topic is missing.
    pub fn connect(
        settings: &KafkaSettings,
        prefix: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ResultError> {
        let topic = Places::names(prefix).join(",");
        let settings = KafkaSettings { topic, group: None, ..settings.clone() };
        let log = KafkaLog::connect(settings.clone(), Arc::clone(&clock)).map_err(failed)?;
        let places = Places::new(prefix, log.topics());
        let tail = Mutex::new(None);
        Ok(Self { shared: Arc::new(Shared { settings, places, log, clock, tail }) })
    }
}

/// An error of a log of events as one of results.
fn failed(error: LogError) -> ResultError {
    match error {
        LogError::Away { what, reason } => ResultError::Away { what, reason },
        LogError::Storage { what, reason } => ResultError::Storage { what, reason },
        other => ResultError::Storage {
            what: "cannot read the results".to_owned(),
            reason: other.to_string(),
        },
    }
}

impl ResultLog for KafkaResults {
    fn writer(&self) -> Result<Box<dyn ResultWriter>, ResultError> {
        Ok(Box::new(KafkaWriter::new(&self.shared)?))
    }

    fn reader(
        &self,
        topics: &[Topic],
        from: Position,
    ) -> Result<Box<dyn ResultReader>, ResultError> {
        Ok(Box::new(KafkaResultReader::new(&self.shared, topics, &from)?))
    }

    fn position_at(&self, at_ms: i64) -> Result<Position, ResultError> {
        let offsets = self.shared.log.all_offsets_at(at_ms).map_err(failed)?;
        Ok(self.shared.places.position(&offsets))
    }

    fn around(&self, is_such: &dyn Fn(&Binding) -> bool) -> Result<Around, ResultError> {
        self.shared.look_up(|probe, bounds| Ok(probe.around(bounds, is_such)?.0))
    }

    fn bindings(&self, epoch: u64, most: usize) -> Result<Vec<Binding>, ResultError> {
        let mut all = Vec::new();
        self.shared.look_up(|probe, bounds| {
            let (around, from) = probe.around(bounds.clone(), &|binding| binding.epoch >= epoch)?;
            if most <= 1 {
                all.extend(around.first.filter(|_| most == 1));
                return Ok(());
            }
            probe.read(from..bounds.end, &mut |_, entry| {
                if let Entry::Binding(binding) = entry
                    && binding.epoch >= epoch
                {
                    all.push(binding);
                }
                all.len() < most
            })
        })?;
        Ok(all)
    }

    fn state(&self) -> Result<LogState, ResultError> {
        self.shared.ask(Tail::state)
    }

    fn settings(&self, hash: u64) -> Result<Option<String>, ResultError> {
        let found =
            self.shared.settings_entries()?.into_iter().rev().find_map(|entry| match entry {
                Entry::Settings { hash: own, json } if own == hash => Some(json),
                _ => None,
            });
        Ok(found)
    }

    fn partition(&self, topic: Topic, key: &[u8]) -> u32 {
        self.shared.places.partition(topic, key)
    }

    fn is_cut(&self, topic: Topic) -> Result<Vec<bool>, ResultError> {
        let bounds = self.shared.log.all_bounds().map_err(failed)?;
        let partitions = self.shared.places.of(topic).map(|p| p as usize);
        Ok(partitions.map(|partition| bounds[partition].start > 0).collect())
    }

    fn append(&self, records: &[Record]) -> Result<(), ResultError> {
        send::append(&self.shared, records)
    }
}
