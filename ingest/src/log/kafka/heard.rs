//! What clients of Kafka say about their connections, and what their errors mean.

use crate::log::LogError;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps the last thing that a client said: its errors name no cause, such as a
/// connection that was refused. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Option<String>>>);

impl Heard {
    fn note(&self, text: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
    }

    fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// That something could not be done.
    pub(super) fn failed(&self, what: String, error: &KafkaError) -> LogError {
        if !passes(error) {
            return LogError::Storage { what, reason: error.to_string() };
        }
        let reason = self.last().unwrap_or_else(|| error.to_string());
        LogError::Away { what, reason }
    }
}

impl ClientContext for Heard {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, message: &str) {
        // "[thrd:host:9092/bootstrap]: " says nothing to a reader.
        let text = message.split_once("]: ").map_or(message, |(_, text)| text);
        self.note(text.trim_end());
    }

    fn error(&self, _error: KafkaError, reason: &str) {
        self.note(reason);
    }
}

impl ConsumerContext for Heard {}

/// Whether an error is one of those that pass: a broker that is away, starts, or hands
/// its partitions over.
pub(super) fn passes(error: &KafkaError) -> bool {
    let Some(code) = error.rdkafka_error_code() else {
        return false;
    };
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::TimedOutQueue
            | Code::WaitingForCoordinator
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::RequestTimedOut
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::NetworkException
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::KafkaStorageError
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::PreferredLeaderNotAvailable
    )
}

/// Whether a reader stands where its partition has nothing.
pub(super) fn is_out_of_range(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation)
    )
}
