//! Cutting the beginning of a topic, which no retention does where it is kept by need.

use crate::results::ResultError;
use futures_executor::block_on;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;
use std::time::Duration;
use streamgauge_ingest::log::KafkaSettings;

/// How long brokers have for it.
const ANSWER: Duration = Duration::from_secs(30);

/// Cuts the records of a topic's first partition before `offset`.
pub(super) fn cut(settings: &KafkaSettings, topic: &str, offset: u64) -> Result<(), ResultError> {
    let failed = |error: KafkaError| ResultError::Storage {
        what: format!("cannot cut what is no longer needed of the topic {topic}"),
        reason: error.to_string(),
    };
    let admin: AdminClient<DefaultClientContext> = settings.client().create().map_err(failed)?;
    let mut before = TopicPartitionList::new();
    let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
    before.add_partition_offset(topic, 0, offset).map_err(failed)?;
    let options = AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER));
    let cut = block_on(admin.delete_records(&before, &options)).map_err(failed)?;
    cut.elements().iter().try_for_each(|element| element.error()).map_err(failed)
}
