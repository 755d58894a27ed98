//! Topics of their own for tests.

use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::Offset;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::log::{EventLog, KafkaLog, KafkaSettings};

const PATIENCE: Duration = Duration::from_secs(30);
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A topic that no other test knows.
pub(crate) struct Topic {
    settings: KafkaSettings,
}

impl Topic {
    /// A new topic in the Kafka of `STREAMGAUGE_KAFKA`.
    pub(crate) fn new(partitions: u32, settings: &[(&str, &str)]) -> Self {
        let brokers = std::env::var("STREAMGAUGE_KAFKA")
            .expect("STREAMGAUGE_KAFKA=host:port of a Kafka: deploy/dev/kafka.sh start");
        Self::of(&brokers, partitions, settings)
    }

    /// A new topic in a Kafka.
    pub(crate) fn of(brokers: &str, partitions: u32, settings: &[(&str, &str)]) -> Self {
        Self::in_kafka(KafkaSettings::new(brokers, ""), partitions, settings)
    }

    /// A new topic in a Kafka that is reached as `kafka` says.
    #[expect(clippy::disallowed_methods, reason = "names must differ between runs")]
    pub(super) fn in_kafka(
        kafka: KafkaSettings,
        partitions: u32,
        settings: &[(&str, &str)],
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let name = format!("test-{now}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let topic = Self { settings: KafkaSettings { topic: name, ..kafka } };
        let mut new = NewTopic::new(topic.name(), partitions as i32, TopicReplication::Fixed(1));
        // Times that tests make up are long past.
        for (key, value) in settings.iter().chain(&[("retention.ms", "-1")]) {
            new = new.set(key, value);
        }
        let admin = topic.admin();
        let made = wait_for(admin.create_topics(&[new], &topic.options())).unwrap();
        made[0].as_ref().unwrap();
        topic.wait_for_leaders(partitions);
        topic
    }

    /// Gives it more partitions, up to so many.
    pub(super) fn grow(&self, partitions: u32) {
        let more = NewPartitions::new(self.name(), partitions as usize);
        let made = wait_for(self.admin().create_partitions([&more], &self.options())).unwrap();
        made[0].as_ref().unwrap();
        self.wait_for_leaders(partitions);
    }

    /// A topic that was made a moment ago may have no leaders yet.
    fn wait_for_leaders(&self, partitions: u32) {
        let bounds = || {
            let clock = Arc::new(ManualClock::new(0));
            KafkaLog::connect(self.settings(), clock)?.all_bounds()
        };
        for _ in 0..100 {
            if bounds().is_ok_and(|bounds| bounds.len() as u32 == partitions) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{} has no leaders: {:?}", self.name(), bounds());
    }

    pub(crate) fn settings(&self) -> KafkaSettings {
        self.settings.clone()
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.topic
    }

    /// What a group has committed of the first two partitions.
    pub(super) fn committed(&self, group: &str) -> [Option<i64>; 2] {
        let consumer: BaseConsumer = self.config().set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(self.name(), 0, 1);
        let committed = consumer.committed_offsets(list, PATIENCE).unwrap();
        [0, 1].map(|p| {
            committed.find_partition(self.name(), p)?.offset().to_raw().filter(|o| *o >= 0)
        })
    }

    /// Cuts a partition: it begins with this offset then.
    pub(super) fn cut(&self, partition: u32, start: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.name(), partition as i32, Offset::Offset(start)).unwrap();
        wait_for(self.admin().delete_records(&list, &self.options())).unwrap();
    }

    /// A writer of transactions, ready for the first.
    pub(super) fn transactions(&self) -> Transactions<'_> {
        let mut config = self.config();
        config.set("transactional.id", self.name()).set("linger.ms", "0");
        let producer: BaseProducer = config.create().unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        Transactions { topic: self, producer }
    }

    fn config(&self) -> ClientConfig {
        self.settings.client()
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
    }
}

/// Writes transactions.
pub(super) struct Transactions<'a> {
    topic: &'a Topic,
    producer: BaseProducer,
}

impl Transactions<'_> {
    /// Begins one and writes to a partition; it is open then.
    pub(super) fn write(&self, partition: u32, values: &[&str]) {
        self.producer.begin_transaction().unwrap();
        for value in values {
            let record = BaseRecord::<(), str>::to(self.topic.name());
            let record = record.partition(partition as i32).payload(value);
            self.producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    pub(super) fn commit(&self) {
        self.producer.commit_transaction(PATIENCE).unwrap();
    }

    pub(super) fn abort(&self) {
        self.producer.abort_transaction(PATIENCE).unwrap();
    }
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
