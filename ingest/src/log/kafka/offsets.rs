//! Asking brokers how far partitions reach: one request for all partitions of a broker.

use super::heard::{Heard, listen};
use super::settings::KafkaSettings;
use crate::log::LogError;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::Offset;
use std::time::Duration;

/// How long brokers have for their answer.
const ANSWER: Duration = Duration::from_secs(2);
/// How long the first one has: it must be found, and connected to.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// Asks for offsets.
pub(super) struct Asker {
    settings: KafkaSettings,
    heard: Heard,
    consumer: BaseConsumer<Heard>,
    partitions: u32,
}

impl Asker {
    /// Finds the topic.
    pub(super) fn connect(settings: &KafkaSettings) -> Result<Self, LogError> {
        let heard = Heard::default();
        let failed = |error: KafkaError| settings.failed("cannot use", &error, &heard);
        let made = settings.consumer(0).create_with_context(heard.clone());
        let consumer: BaseConsumer<_> = made.map_err(failed)?;
        let partitions = partitions(&consumer, &settings.topic).map_err(|error| {
            listen(&consumer);
            failed(error)
        })?;
        if partitions == 0 {
            let KafkaSettings { topic, brokers, .. } = settings;
            return Err(LogError::Storage {
                what: format!("there is no topic {topic} at {brokers}"),
                reason: format!(
                    "`kafka-topics.sh --create --topic {topic} --partitions 12 --config message.timestamp.type=LogAppendTime --bootstrap-server {brokers}` makes it, or [kafka] topic has another name"
                ),
            });
        }
        Ok(Self { settings: settings.clone(), heard, consumer, partitions })
    }

    pub(super) fn partitions(&self) -> u32 {
        self.partitions
    }

    /// The first offset of each partition that was not cut.
    pub(super) fn starts(&self) -> Result<Vec<u64>, LogError> {
        self.ask(0..self.partitions, Offset::Beginning)
    }

    /// The end of each partition: what lies before it can be read, and is there to stay.
    pub(super) fn ends(&self) -> Result<Vec<u64>, LogError> {
        self.ask(0..self.partitions, Offset::End)
    }

    /// The first offset of a partition at a time or later; none if there is none.
    pub(super) fn at(&self, partition: u32, appended_ms: i64) -> Result<Option<u64>, LogError> {
        let list = self.list(partition..partition + 1, Offset::Offset(appended_ms.max(0)));
        let found = list.and_then(|list| self.answer(list)).map_err(|e| self.failed(&e))?;
        Ok(found.elements().first().and_then(|e| known(e.offset())))
    }

    fn ask(&self, partitions: std::ops::Range<u32>, offset: Offset) -> Result<Vec<u64>, LogError> {
        let asked = self.list(partitions, offset).and_then(|list| self.answer(list));
        let offsets = asked.and_then(|list| {
            let each = list.elements().into_iter().map(|element| {
                element.error()?;
                // What has no offset has no leader that knows it.
                let none =
                    KafkaError::OffsetFetch(rdkafka::types::RDKafkaErrorCode::LeaderNotAvailable);
                known(element.offset()).ok_or(none)
            });
            each.collect::<KafkaResult<Vec<u64>>>()
        });
        offsets.map_err(|error| self.failed(&error))
    }

    /// The request is the one for offsets by time, to which the two ends are times, too.
    fn answer(&self, list: TopicPartitionList) -> KafkaResult<TopicPartitionList> {
        // What the client has to say besides must not pile up.
        let _ = self.consumer.poll(Duration::ZERO);
        self.consumer.offsets_for_times(list, ANSWER)
    }

    fn list(
        &self,
        partitions: std::ops::Range<u32>,
        offset: Offset,
    ) -> KafkaResult<TopicPartitionList> {
        list(&self.settings.topic, partitions.map(|partition| (partition, offset)))
    }

    fn failed(&self, error: &KafkaError) -> LogError {
        listen(&self.consumer);
        self.settings.failed("cannot ask for the offsets of", error, &self.heard)
    }
}

/// Partitions of a topic with offsets.
pub(super) fn list(
    topic: &str,
    partitions: impl Iterator<Item = (u32, Offset)>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in partitions {
        list.add_partition_offset(topic, number(partition), offset)?;
    }
    Ok(list)
}

/// A partition as Kafka numbers it.
pub(super) fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

/// An offset as Kafka counts it.
pub(super) fn exactly(offset: u64) -> Offset {
    Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX))
}

/// The offset, if it is one.
pub(super) fn known(offset: Offset) -> Option<u64> {
    match offset {
        Offset::Offset(offset) => u64::try_from(offset).ok(),
        _ => None,
    }
}

/// Number of partitions of a topic; 0 if there is none of that name.
fn partitions(consumer: &BaseConsumer<Heard>, topic: &str) -> KafkaResult<u32> {
    use rdkafka::types::RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
    };
    let metadata = consumer.fetch_metadata(Some(topic), FIRST_ANSWER)?;
    let Some(found) = metadata.topics().first() else {
        return Ok(0);
    };
    match found.error() {
        None | Some(RD_KAFKA_RESP_ERR_NO_ERROR) => {}
        Some(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => return Ok(0),
        Some(error) => return Err(KafkaError::MetadataFetch(error.into())),
    }
    Ok(u32::try_from(found.partitions().len()).unwrap_or(u32::MAX))
}
