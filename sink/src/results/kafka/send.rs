//! The producers of results.

use super::Shared;
use super::entry::Ends;
use crate::results::{Record, ResultError, Topic};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use streamgauge_ingest::log::{BATCH_BYTES, EPOCH_HEADER, Heard, epoch_of};

/// How long is waited before it is looked again for answers, or for room. Polling for so
/// long would spin: the client waits in whole ms, and polls on until the last is over.
const LOOK: Duration = Duration::from_millis(1);

/// A record that is larger than its topic takes.
#[derive(Debug)]
pub(super) struct Refused {
    /// The name of the topic.
    pub(super) topic: String,
    /// The epoch; only records of topics of results have one.
    pub(super) epoch: Option<u64>,
    /// The key.
    pub(super) key: Vec<u8>,
    /// Whether it is so large that nothing was in a batch with it.
    pub(super) is_alone: bool,
}

/// What came of the records that were sent.
#[derive(Debug, Default)]
struct Outcome {
    /// Where the records end that were taken.
    ends: Ends,
    /// The first record that was not taken: why.
    error: Option<KafkaError>,
    /// All that are too large.
    refused: Vec<Refused>,
    /// Records that are on their way.
    unanswered: usize,
}

impl Outcome {
    /// Notes that a partition has a record before the offset `behind`.
    fn note(&mut self, topic: &str, partition: usize, behind: u64) {
        if !self.ends.contains_key(topic) {
            self.ends.insert(topic.to_owned(), Vec::new());
        }
        let Some(ends) = self.ends.get_mut(topic) else { return };
        if ends.len() <= partition {
            ends.resize(partition + 1, 0);
        }
        ends[partition] = behind.max(ends[partition]);
    }
}

/// Notes what comes of records.
#[derive(Clone, Default)]
pub(super) struct Outcomes {
    outcome: Arc<Mutex<Outcome>>,
    heard: Heard,
}

impl Outcomes {
    fn lock(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the records end that were taken.
    pub(super) fn take_ends(&self) -> Ends {
        std::mem::take(&mut self.lock().ends)
    }

    /// Whether a record was not taken.
    pub(super) fn has_error(&self) -> bool {
        self.lock().error.is_some()
    }

    /// Why a record was not taken, if one was not.
    pub(super) fn take_error(&self) -> Option<KafkaError> {
        self.lock().error.take()
    }

    /// Which records are larger than their topic takes.
    pub(super) fn take_refused(&self) -> Vec<Refused> {
        std::mem::take(&mut self.lock().refused)
    }

    /// Forgets what was noted; what is on its way is still waited for.
    pub(super) fn forget(&self) {
        let mut outcome = self.lock();
        (outcome.ends, outcome.error) = (Ends::new(), None);
        outcome.refused.clear();
    }

    /// Waits until all that was sent is answered, which it is at last, as tries have an
    /// end; or the producer has come to its end.
    pub(super) fn wait(&self, sender: &Sender) {
        self.wait_unless(sender, || false);
    }

    /// The same, unless somebody gives up; false then.
    pub(super) fn wait_unless(&self, sender: &Sender, gives_up: impl Fn() -> bool) -> bool {
        while self.lock().unanswered > 0 && sender.client().fatal_error().is_none() {
            if gives_up() {
                return false;
            }
            self.look(sender);
        }
        true
    }

    /// Takes all answers that are here: a poll takes but one.
    pub(super) fn take_answers(&self, sender: &Sender) {
        loop {
            let before = self.lock().unanswered;
            sender.poll(Duration::ZERO);
            if self.lock().unanswered == before {
                return;
            }
        }
    }

    /// Takes an answer, or waits a moment if there is none.
    fn look(&self, sender: &Sender) {
        let before = self.lock().unanswered;
        sender.poll(Duration::ZERO);
        if self.lock().unanswered == before {
            thread::sleep(LOOK);
        }
    }

    /// The last thing that the client said.
    pub(super) fn heard(&self) -> Option<String> {
        self.heard.last()
    }
}

impl ClientContext for Outcomes {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.heard.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.heard.error(error, reason);
    }
}

impl ProducerContext for Outcomes {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut outcome = self.lock();
        outcome.unanswered = outcome.unanswered.saturating_sub(1);
        match result {
            Ok(message) => {
                let partition = usize::try_from(message.partition()).unwrap_or_default();
                let behind = u64::try_from(message.offset()).map_or(0, |offset| offset + 1);
                outcome.note(message.topic(), partition, behind);
            }
            Err((error, message)) => {
                if is_too_large(error) {
                    let (topic, epoch) = (message.topic().to_owned(), epoch_of(message));
                    let key = message.key().unwrap_or_default().to_vec();
                    let is_alone = key.len() + message.payload_len() >= BATCH_BYTES as usize;
                    outcome.refused.push(Refused { topic, epoch, key, is_alone });
                }
                if outcome.error.as_ref().is_none_or(is_consequence) {
                    outcome.error = Some(error.clone());
                }
            }
        }
    }
}

/// Whether an error says that a record is larger than may be.
pub(super) fn is_too_large(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(Code::MessageSizeTooLarge)
}

/// Whether an error only says that another one came before.
pub(super) fn is_consequence(error: &KafkaError) -> bool {
    use Code::{PurgeInflight, PurgeQueue, State};
    error.rdkafka_error_code().is_some_and(|c| matches!(c, PurgeInflight | PurgeQueue | State))
}

/// Whether brokers do not let this client do it, however often it is tried. Groups have no
/// part in what is done here, but the client asks for one.
pub(super) fn is_forbidden(error: &KafkaError) -> bool {
    use Code::{
        ClusterAuthorizationFailed, TopicAuthorizationFailed, TransactionalIdAuthorizationFailed,
    };
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| {
        matches!(
            code,
            ClusterAuthorizationFailed
                | TopicAuthorizationFailed
                | TransactionalIdAuthorizationFailed
        )
    })
}

/// A producer of results.
pub(super) type Sender = BaseProducer<Outcomes>;

/// Sends a record of a topic of results, without waiting for anything but room.
pub(super) fn send(shared: &Shared, sender: &Sender, record: &Record) -> Result<(), KafkaError> {
    let Record { topic, epoch, key, value } = record;
    let partition = shared.places.partition(*topic, key);
    let topic = shared.places.name_of(*topic);
    let epoch = epoch.to_string();
    let headers = OwnedHeaders::new_with_capacity(1)
        .insert(Header { key: EPOCH_HEADER, value: Some(epoch.as_bytes()) });
    let mut new = BaseRecord::<[u8], [u8]>::to(topic).key(key).headers(headers);
    new = new.partition(i32::try_from(partition).unwrap_or(i32::MAX));
    new = new.timestamp(shared.clock.now_ms());
    if let Some(value) = value {
        new = new.payload(value);
    }
    // What the client itself finds too large has no answer that would say so.
    send_when_there_is_room(sender, new).inspect_err(|error| {
        if is_too_large(error) {
            let (topic, epoch, key) = (topic.to_owned(), Some(record.epoch), key.clone());
            let refused = Refused { topic, epoch, key, is_alone: true };
            sender.context().lock().refused.push(refused);
        }
    })
}

/// Sends a record of a topic of jobs.
pub(super) fn send_entry(
    sender: &Sender,
    topic: &str,
    key: &str,
    value: &[u8],
) -> Result<(), KafkaError> {
    let new = BaseRecord::<[u8], [u8]>::to(topic).partition(0).key(key.as_bytes()).payload(value);
    send_when_there_is_room(sender, new)
}

fn send_when_there_is_room(
    sender: &Sender,
    mut new: BaseRecord<'_, [u8], [u8]>,
) -> Result<(), KafkaError> {
    while let Err((error, refused)) = sender.send(new) {
        if error.rdkafka_error_code() != Some(Code::QueueFull) {
            return Err(error);
        }
        new = refused;
        sender.context().look(sender);
    }
    sender.context().lock().unanswered += 1;
    Ok(())
}

/// Whether a record goes out in a transaction.
pub(super) fn is_of_transactions(record: &Record) -> bool {
    !matches!(record.topic, Topic::LiveMetrics | Topic::JobStatus)
}

/// Sends records that are no part of a transaction, and waits until they are there.
pub(super) fn append(shared: &Shared, records: &[Record]) -> Result<(), ResultError> {
    const TRIED_MS: u32 = 120_000;
    let outcomes = Outcomes::default();
    let failed = |error: KafkaError| {
        let what = format!("cannot append to {}", shared.settings.shown());
        if is_forbidden(&error) {
            return ResultError::Storage { what, reason: error.to_string() };
        }
        let reason = outcomes.heard().unwrap_or_else(|| error.to_string());
        ResultError::Away { what, reason }
    };
    let sender: Sender =
        shared.settings.producer(TRIED_MS).create_with_context(outcomes.clone()).map_err(failed)?;
    records.iter().try_for_each(|record| send(shared, &sender, record)).map_err(failed)?;
    outcomes.wait(&sender);
    match (outcomes.take_error(), sender.client().fatal_error()) {
        (Some(error), _) => Err(failed(error)),
        // Then answers may be missing.
        (None, Some((code, _))) => Err(failed(KafkaError::MessageProduction(code))),
        (None, None) => Ok(()),
    }
}
