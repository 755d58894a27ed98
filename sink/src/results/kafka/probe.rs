//! Reading a topic of jobs from one place to another, and finding a place in it.

use super::entry::Entry;
use super::send::is_forbidden;
use crate::results::{Around, ResultError};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;
use std::ops::Range;
use std::time::Duration;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::log::KafkaSettings;

/// How long a broker waits for records where there are none yet, ms.
const FETCH_MS: &str = "5";
/// How long is waited for the next record.
const WAIT: Duration = Duration::from_millis(250);
/// After so many waits in vain the brokers count as away.
const PATIENCE: u32 = 20;

/// A client that reads the first partition of a topic, piece by piece.
pub(super) struct Probe {
    consumer: BaseConsumer,
    topic: String,
    brokers: String,
}

impl Probe {
    pub(super) fn new(settings: &KafkaSettings, topic: String) -> Result<Self, ResultError> {
        // A request that is on its way ends before the next place can be asked for, and at the
        // end of the topic it would wait there for what comes.
        let consumer = settings.consumer(1).set("fetch.wait.max.ms", FETCH_MS).create();
        let consumer = consumer.map_err(|error| failed(&topic, &settings.brokers, &error))?;
        Ok(Self { consumer, topic, brokers: settings.brokers.clone() })
    }

    /// Gives the entries at these offsets to `each` until it returns false.
    pub(super) fn read(
        &self,
        offsets: Range<u64>,
        each: &mut dyn FnMut(u64, Entry) -> bool,
    ) -> Result<(), ResultError> {
        if offsets.is_empty() {
            return Ok(());
        }
        let failed = |error: KafkaError| failed(&self.topic, &self.brokers, &error);
        let mut from = TopicPartitionList::new();
        let start = Offset::Offset(i64::try_from(offsets.start).unwrap_or(i64::MAX));
        from.add_partition_offset(&self.topic, 0, start).map_err(failed)?;
        self.consumer.assign(&from).map_err(failed)?;
        let mut waits = 0;
        loop {
            match self.consumer.poll(WAIT) {
                Some(Ok(message)) => {
                    waits = 0;
                    let offset = u64::try_from(message.offset()).unwrap_or_default();
                    if offset >= offsets.end {
                        return Ok(());
                    }
                    // What is no entry is somebody else's: of a newer version, perhaps.
                    let entry = message.payload().and_then(Entry::parse);
                    if entry.is_some_and(|entry| !each(offset, entry)) {
                        return Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    return Err(failed(error));
                }
                Some(Err(error)) if is_forbidden(&error) => return Err(failed(error)),
                // The client tries again by itself.
                Some(Err(_)) | None => {
                    waits += 1;
                    if waits >= PATIENCE {
                        return Err(ResultError::Away {
                            what: format!(
                                "cannot read the topic {} of Kafka at {}",
                                self.topic, self.brokers
                            ),
                            reason: "no broker gives it".to_owned(),
                        });
                    }
                }
            }
        }
    }

    /// The bindings around the first that `is_such`, as `ResultLog::around` says, and its
    /// offset: the end if there is none.
    pub(super) fn around(
        &self,
        offsets: Range<u64>,
        is_such: &dyn Fn(&Binding) -> bool,
    ) -> Result<(Around, u64), ResultError> {
        let end = offsets.end;
        let (around, first) = Around::find(offsets, is_such, |offsets| {
            let mut next = None;
            self.read(offsets, &mut |offset, entry| match entry {
                Entry::Binding(binding) => {
                    next = Some((offset, binding));
                    false
                }
                _ => true,
            })?;
            Ok(next)
        })?;
        Ok((around, first.unwrap_or(end)))
    }
}

fn failed(topic: &str, brokers: &str, error: &KafkaError) -> ResultError {
    ResultError::Storage {
        what: format!("cannot read the topic {topic} of Kafka at {brokers}"),
        reason: error.to_string(),
    }
}
