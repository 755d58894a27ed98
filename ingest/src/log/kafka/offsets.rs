//! Asking brokers how far partitions reach: one request for all partitions of a broker.

use super::heard::Heard;
use super::settings::KafkaSettings;
use super::topics::Topics;
use crate::log::LogError;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::Offset;
use std::thread;
use std::time::Duration;

/// How long brokers have for their answer.
const ANSWER: Duration = Duration::from_secs(2);
/// How often a broker is asked that has handed its partitions over, and after how long again.
const TRIES: u32 = 10;
const AGAIN: Duration = Duration::from_millis(100);
/// How long the first one has: it must be found, and connected to.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// Asks for offsets.
pub(super) struct Asker {
    settings: KafkaSettings,
    heard: Heard,
    consumer: BaseConsumer<Heard>,
    topics: Topics,
}

impl Asker {
    /// Finds the topic.
    pub(super) fn connect(settings: &KafkaSettings) -> Result<Self, LogError> {
        let heard = Heard::default();
        let failed =
            |error: KafkaError| heard.not_begun(format!("cannot use {}", settings.shown()), &error);
        let made = settings.consumer(0).create_with_context(heard.clone());
        let consumer: BaseConsumer<_> = made.map_err(failed)?;
        let mut all = Vec::new();
        for topic in settings.topic.split(',') {
            let partitions = partitions(&consumer, topic, FIRST_ANSWER).map_err(|error| {
                Heard::listen(&consumer);
                failed(error)
            })?;
            if partitions == 0 {
                return Err(LogError::Storage {
                    what: format!("there is no topic {topic} at {}", settings.brokers),
                    reason:
                        "`streamgauge topics create` makes it, or it has another name in [kafka]"
                            .to_owned(),
                });
            }
            all.push((topic.to_owned(), partitions));
        }
        let topics = Topics::new(all);
        Ok(Self { settings: settings.clone(), heard, consumer, topics })
    }

    pub(super) fn topics(&self) -> &Topics {
        &self.topics
    }

    /// The topics with the partitions that they have now; with none where a broker knows
    /// nothing of them yet.
    pub(super) fn look(&self) -> Result<Topics, LogError> {
        let partitions = |topic: &str| partitions(&self.consumer, topic, ANSWER);
        let all = self.topics.iter().map(|(topic, _)| Ok((topic.to_owned(), partitions(topic)?)));
        let all = all.collect::<KafkaResult<Vec<_>>>();
        all.map(Topics::new).map_err(|error| self.said("cannot ask for the partitions of", &error))
    }

    /// The first offset of each partition that was not cut.
    pub(super) fn starts(&self) -> Result<Vec<u64>, LogError> {
        self.ask(Offset::Beginning)
    }

    /// The end of each partition: what lies before it can be read, and is there to stay.
    pub(super) fn ends(&self) -> Result<Vec<u64>, LogError> {
        self.ask(Offset::End)
    }

    /// The first offset of each partition at a time or later; none where there is none.
    pub(super) fn at(&self, appended_ms: i64) -> Result<Vec<Option<u64>>, LogError> {
        self.answers(Offset::Offset(appended_ms.max(0)))
    }

    fn ask(&self, offset: Offset) -> Result<Vec<u64>, LogError> {
        // What has no offset has no leader that knows it.
        let none = KafkaError::OffsetFetch(rdkafka::types::RDKafkaErrorCode::LeaderNotAvailable);
        let offsets: Option<Vec<u64>> = self.answers(offset)?.into_iter().collect();
        offsets.ok_or_else(|| self.failed(&none))
    }

    fn answers(&self, offset: Offset) -> Result<Vec<Option<u64>>, LogError> {
        let mut tries = 1;
        loop {
            match self.answers_of_leaders(offset) {
                // The client asks for the new ones meanwhile.
                Err(error) if tries < TRIES && has_other_leader(&error) => {
                    tries += 1;
                    thread::sleep(AGAIN);
                }
                Ok(offsets) => {
                    // What brokers did not do before is no reason for what they do not do later.
                    self.heard.forget();
                    return Ok(offsets);
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    fn answers_of_leaders(&self, offset: Offset) -> KafkaResult<Vec<Option<u64>>> {
        let all = (0..self.topics.partitions()).map(|partition| (partition, offset));
        let list = self.answer(self.topics.list(all)?)?;
        let mut offsets = vec![None; self.topics.partitions() as usize];
        for element in list.elements() {
            element.error()?;
            if let Some(p) = self.topics.partition(element.topic(), element.partition()) {
                offsets[p as usize] = known(element.offset());
            }
        }
        Ok(offsets)
    }

    /// The request is the one for offsets by time, to which the two ends are times, too.
    fn answer(&self, list: TopicPartitionList) -> KafkaResult<TopicPartitionList> {
        // What the client has to say besides must not pile up.
        let _ = self.consumer.poll(Duration::ZERO);
        self.consumer.offsets_for_times(list, ANSWER)
    }

    fn failed(&self, error: &KafkaError) -> LogError {
        self.said("cannot ask for the offsets of", error)
    }

    fn said(&self, what: &str, error: &KafkaError) -> LogError {
        Heard::listen(&self.consumer);
        self.settings.failed(what, error, &self.heard)
    }
}

/// Whether a broker was asked that does not lead the partition, or nobody does for a moment.
fn has_other_leader(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::PreferredLeaderNotAvailable
                | Code::UnknownTopicOrPartition
                | Code::UnknownPartition
                | Code::ReplicaNotAvailable
                | Code::KafkaStorageError
                | Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
                | Code::OffsetNotAvailable
        )
    )
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
fn partitions(consumer: &BaseConsumer<Heard>, topic: &str, patience: Duration) -> KafkaResult<u32> {
    use rdkafka::types::RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
    };
    let metadata = consumer.fetch_metadata(Some(topic), patience)?;
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
