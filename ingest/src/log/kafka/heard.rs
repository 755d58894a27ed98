//! What clients of Kafka say about their connections, and what their errors mean.
//!
//! Brokers that do not let a client in (a wrong password, a certificate that is not
//! trusted) are tried again and again by the client, and all that its calls say is that no
//! broker answered. So what it says besides decides: where that is a refusal, whoever
//! begins is told so and ends. Whoever is at work waits: passwords and certificates are
//! changed on one broker after the other, and back when it was a mistake.

use super::refusal;
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
pub struct Heard(Arc<Mutex<Option<Said>>>);

#[derive(Clone, Debug)]
struct Said {
    text: String,
    /// Whether a broker was there and did not let the client in, or the other way round.
    is_refusal: bool,
}

impl Heard {
    fn note(&self, text: &str, is_coded: bool) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (told, is_refusal) = refusal::told(text, is_coded);
        // It follows what says why, or the broker hangs up while the client still speaks.
        let is_known = match &*last {
            Some(said) if said.is_refusal => refusal::is_without_a_word(text),
            Some(_) => text.ends_with("brokers are down"),
            None => false,
        };
        if is_known && !is_refusal {
            return;
        }
        *last = Some(Said { text: told, is_refusal });
    }

    fn said(&self) -> Option<Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it said last, if anything.
    #[must_use]
    pub fn last(&self) -> Option<String> {
        self.said().map(|said| said.text)
    }

    /// Whether what it said last is that it is not let in.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.said().is_some_and(|said| said.is_refusal)
    }

    /// Forgets what was said: it does not hold any more.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Lets a client that keeps what it says here say it.
    pub fn listen(consumer: &BaseConsumer<Self>) {
        // A poll may take a message and return nothing.
        for _ in 0..64 {
            let _ = consumer.poll(Duration::ZERO);
        }
    }

    /// That something could not even be begun: a refusal is no matter of waiting then.
    pub(super) fn not_begun(&self, what: String, error: &KafkaError) -> LogError {
        match self.failed(what, error) {
            LogError::Away { what, reason } if self.is_refused() => {
                LogError::Storage { what, reason }
            }
            error => error,
        }
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
        self.note(plain(message), false);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let is_coded = matches!(code, Some(Code::Authentication | Code::SSL));
        self.note(plain(reason), is_coded);
    }
}

impl ConsumerContext for Heard {}

/// A message of the client without what only its makers need: the thread and the broker's
/// number or role at its beginning, `[thrd:host:9092/1]: host:9092/1: `, and the state at
/// its end.
fn plain(message: &str) -> &str {
    let text = message.split_once("]: ").map_or(message, |(_, text)| text);
    let of_broker = |head: &str| {
        head == "GroupCoordinator"
            || head == "TxnCoordinator"
            || (head.contains(':') && !head.contains(' '))
    };
    let mut text = text;
    while let Some((head, rest)) = text.split_once(": ")
        && of_broker(head)
    {
        text = rest;
    }
    text.rsplit_once(" (after ").map_or(text, |(text, _)| text).trim()
}

/// Whether an error is one of those that pass: a broker that is away, starts, hands its
/// partitions over, or does not let a client in that it let in before.
pub(super) fn passes(error: &KafkaError) -> bool {
    let Some(code) = error.rdkafka_error_code() else {
        return false;
    };
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::Authentication
            | Code::SSL
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
    fn why_is_kept_until_another_reason_comes() {
        let heard = Heard::default();
        let say = |text: &str, expected: &str, is_refused| {
            heard.note(text, false);
            assert!(heard.last().is_some_and(|last| last.starts_with(expected)), "{heard:?}");
            assert_eq!(heard.is_refused(), is_refused, "{text}");
        };
        say("1/1 brokers are down", "1/1", false);
        say("SASL authentication error", "SASL", true);
        say("1/1 brokers are down", "SASL", true);
        say("Send failed: Broken pipe", "SASL", true);
        say("Connect to a failed: Connection refused", "Connect", false);
        say("1/1 brokers are down", "Connect", false);
        say("Send failed: Broken pipe", "Send failed", false);
        say("SASL authentication error", "SASL", true);
        heard.forget();
        assert!(heard.last().is_none() && !heard.is_refused(), "{heard:?}");
        say("1/1 brokers are down", "1/1", false);
    }

    #[test]
    fn what_a_client_says_is_cut_to_what_people_need() {
        let check = |message: &str, expected: &str| assert_eq!(plain(message), expected);
        check(
            "[thrd:127.0.0.1:1/bootstrap]: 127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
            "Connect to ipv4#127.0.0.1:1 failed: Connection refused",
        );
        check(
            "GroupCoordinator: 127.0.0.1:19392: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT, 17 identical error(s) suppressed)",
            "Connect to ipv4#127.0.0.1:1 failed: Connection refused",
        );
        check("1/1 brokers are down", "1/1 brokers are down");
        check("[thrd:main]: a: b", "a: b");
    }
}
