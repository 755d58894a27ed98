//! What clients of Kafka say about their connections, and what their errors mean.

use crate::log::LogError;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Keeps the last thing that a client said: its errors name no cause, such as a
/// connection that was refused. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Option<String>>>);

impl Heard {
    fn note(&self, text: &str) {
        // It follows what says why.
        if text.ends_with("brokers are down") && self.last().is_some() {
            return;
        }
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
        self.note(plain(message));
    }

    fn error(&self, _error: KafkaError, reason: &str) {
        self.note(reason);
    }
}

impl ConsumerContext for Heard {}

/// A message of the client without what only its makers need: the thread and the broker's
/// number at its beginning, `[thrd:host:9092/1]: host:9092/1: `, and the state at its end.
fn plain(message: &str) -> &str {
    let text = message.split_once("]: ").map_or(message, |(_, text)| text);
    let of_broker = |head: &str| head.contains('/') && !head.contains(' ');
    let text = match text.split_once(": ") {
        Some((head, rest)) if of_broker(head) => rest,
        _ => text,
    };
    text.rsplit_once(" (after ").map_or(text, |(text, _)| text).trim()
}

/// Lets a client say what it has to say.
pub(super) fn listen(consumer: &BaseConsumer<Heard>) {
    // A poll may take a message and return nothing.
    for _ in 0..64 {
        let _ = consumer.poll(Duration::ZERO);
    }
}

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
            | Code::BrokerDestroy
            | Code::DestroyBroker
            | Code::UnknownBroker
            | Code::NodeUpdate
            | Code::ISRInsufficient
            | Code::InProgress
            | Code::WaitCache
            | Code::Interrupted
            | Code::Outdated
            | Code::Retry
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_is_cut_to_what_people_need() {
        let check = |message: &str, expected: &str| assert_eq!(plain(message), expected);
        check(
            "[thrd:127.0.0.1:1/bootstrap]: 127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
            "Connect to ipv4#127.0.0.1:1 failed: Connection refused",
        );
        check("1/1 brokers are down", "1/1 brokers are down");
        check("[thrd:main]: a: b", "a: b");
    }
}
