//! Asking brokers about topics, and making them.

use super::{Found, Wanted, replicas};
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::{Metadata, MetadataBroker};
use rdkafka::topic_partition_list::Offset;
use std::time::Duration;
use streamgauge_ingest::log::{Heard, KafkaSettings};
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};

/// How long brokers have for an answer.
const ANSWER: Duration = Duration::from_secs(15);
/// After so long it is looked what the client says about it.
const LOOK: Duration = Duration::from_secs(3);

/// Why topics could not be asked about or made.
#[derive(Debug, Error)]
#[error("{what}: {reason}")]
pub struct AdminError {
    /// What was tried.
    pub what: String,
    /// What came of it.
    pub reason: String,
    /// Whether no broker answered: neither that it may not be done, nor that it cannot.
    pub is_away: bool,
}

/// Asks brokers.
pub struct Admin {
    client: AdminClient<Heard>,
    /// Finds the brokers: of this client, what it says besides can be heard.
    finder: BaseConsumer<Heard>,
    runtime: Runtime,
    heard: Heard,
    brokers: String,
}

impl Admin {
    /// For the Kafka of these settings; nothing is asked of it yet.
    ///
    /// # Errors
    /// If no client can be made of them.
    pub fn new(settings: &KafkaSettings) -> Result<Self, AdminError> {
        let refused = |reason: String| AdminError {
            what: format!("cannot use Kafka at {}", settings.brokers),
            reason,
            is_away: false,
        };
        settings.check().map_err(|error| refused(error.to_string()))?;
        let heard = Heard::default();
        let client = settings.client().create_with_context(heard.clone());
        let client = client.map_err(|error| refused(error.to_string()))?;
        let finder = settings.consumer(0).create_with_context(heard.clone());
        let finder = finder.map_err(|error| refused(error.to_string()))?;
        let runtime = Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| refused(error.to_string()))?;
        Ok(Self { client, finder, runtime, heard, brokers: settings.brokers.clone() })
    }

    fn failed(&self, what: &str, error: &KafkaError) -> AdminError {
        AdminError {
            what: format!("cannot {what} Kafka at {}", self.brokers),
            reason: self.heard.last().unwrap_or_else(|| error.to_string()),
            is_away: false,
        }
    }

    /// What there is, of all topics; who is refused need not wait as long as for a broker
    /// that is away.
    fn metadata(&self, what: &str) -> Result<Metadata, AdminError> {
        let mut waited = Duration::ZERO;
        loop {
            let metadata = self.finder.fetch_metadata(None, LOOK);
            Heard::listen(&self.finder);
            waited += LOOK;
            let is_away = !self.heard.is_refused();
            if metadata.is_ok() || waited >= ANSWER || !is_away {
                return metadata
                    .map_err(|error| AdminError { is_away, ..self.failed(what, &error) });
            }
        }
    }

    /// The brokers, as `host:port (id)`.
    ///
    /// # Errors
    /// If none answers.
    pub fn brokers(&self) -> Result<Vec<String>, AdminError> {
        let metadata = self.metadata("reach")?;
        let brokers = metadata.brokers().iter();
        let shown = |b: &MetadataBroker| format!("{}:{} ({})", b.host(), b.port(), b.id());
        Ok(brokers.map(shown).collect())
    }

    /// A topic as it is; none if there is none of this name.
    ///
    /// # Errors
    /// If no broker answers, or the topic may not be looked at.
    pub fn find(&self, name: &str) -> Result<Option<Found>, AdminError> {
        // Of all topics: asking for one by its name can make it.
        let metadata = self.metadata("ask")?;
        let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else {
            return Ok(None);
        };
        let partitions = topic.partitions();
        let number = |id: i32| u32::try_from(id).unwrap_or_default();
        let mut found = Found {
            partitions: u32::try_from(partitions.len()).unwrap_or(u32::MAX),
            replicas: partitions.iter().map(|p| p.replicas().len()).min().unwrap_or(0),
            leaderless: partitions
                .iter()
                .filter(|p| p.leader() < 0)
                .map(|p| number(p.id()))
                .collect(),
            in_sync: vec![0; partitions.len()],
            settings: Vec::new(),
        };
        for partition in partitions {
            if let Some(in_sync) = found.in_sync.get_mut(number(partition.id()) as usize) {
                *in_sync = partition.isr().len();
            }
        }
        let options = AdminOptions::new().request_timeout(Some(ANSWER));
        let topic = ResourceSpecifier::Topic(name);
        let asked = self.client.describe_configs([&topic], &options);
        let answered = self.runtime.block_on(asked).map_err(|error| self.failed("ask", &error))?;
        for resource in answered {
            let resource =
                resource.map_err(|code| self.failed("ask", &KafkaError::AdminOp(code)))?;
            let value = |entry: rdkafka::admin::ConfigEntry| Some((entry.name, entry.value?));
            found.settings.extend(resource.entries.into_iter().filter_map(value));
        }
        Ok(Some(found))
    }

    /// Makes a topic; false if there is one of its name already.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(&self, topic: &Wanted, brokers: usize) -> Result<bool, AdminError> {
        let partitions = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
        let replicas = TopicReplication::Fixed(i32::try_from(replicas(brokers)).unwrap_or(1));
        let mut new = NewTopic::new(&topic.name, partitions, replicas);
        for (name, value) in &topic.settings {
            new = new.set(name, value);
        }
        let what = format!("make the topic {} in", topic.name);
        let options =
            AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER));
        let made = self.runtime.block_on(self.client.create_topics([&new], &options));
        let made = made.map_err(|error| self.failed(&what, &error))?;
        match made.into_iter().next() {
            Some(Err((_, Code::TopicAlreadyExists))) => Ok(false),
            Some(Err((_, code))) => Err(self.failed(&what, &KafkaError::AdminOp(code))),
            Some(Ok(_)) | None => Ok(true),
        }
    }

    /// Cuts the records of a topic's first partition before `offset`, for topics of which
    /// no retention knows what is needed.
    ///
    /// # Errors
    /// If it cannot be done.
    pub fn cut(&self, topic: &str, offset: u64) -> Result<(), AdminError> {
        let what = format!("cut what is no longer needed of {topic} in");
        let mut before = TopicPartitionList::new();
        let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
        let options =
            AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER));
        let cut = before.add_partition_offset(topic, 0, offset).and_then(|()| {
            let cut = self.client.delete_records(&before, &options);
            let cut = self.runtime.block_on(cut)?;
            cut.elements().iter().try_for_each(|element| element.error())
        });
        cut.map_err(|error| self.failed(&what, &error))
    }

    /// Waits until all partitions of a topic have a leader, a few seconds at most; whether
    /// they have.
    ///
    /// # Errors
    /// If no broker answers.
    pub fn wait_for_leaders(&self, topic: &Wanted) -> Result<bool, AdminError> {
        const LOOKS: usize = 100;
        for _ in 0..LOOKS {
            let found = self.find(&topic.name)?;
            if found.is_some_and(|found| found.partitions > 0 && found.leaderless.is_empty()) {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(false)
    }
}
