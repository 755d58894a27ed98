//! Appending: records go out together, and the caller waits until all are there.

use super::heard::Heard;
use super::settings::KafkaSettings;
use super::topics::Topics;
use crate::log::{LogError, NewRecord};
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long an append is tried, ms: longer than brokers are away that come back.
const TRIED_MS: u32 = 15 * 60_000;
/// How long a full queue is let drain before it is tried again.
const DRAIN: Duration = Duration::from_millis(1);

/// Appends to a topic.
pub(super) struct Appender {
    settings: KafkaSettings,
    topics: Topics,
    heard: Heard,
    producer: ThreadedProducer<Deliveries>,
}

impl Appender {
    pub(super) fn new(settings: &KafkaSettings, topics: &Topics) -> Result<Self, LogError> {
        let heard = Heard::default();
        let made = settings.producer(TRIED_MS).create_with_context(Deliveries(heard.clone()));
        let producer = made.map_err(|e| settings.failed("cannot append to", &e, &heard))?;
        let (settings, topics) = (settings.clone(), topics.clone());
        Ok(Self { settings, topics, heard, producer })
    }

    /// Appends records whose partitions exist; returns their offsets.
    pub(super) fn append(
        &self,
        records: &[NewRecord<'_>],
        now_ms: i64,
    ) -> Result<Vec<u64>, LogError> {
        let call = Arc::new(Call::of(records.len()));
        for (index, record) in records.iter().enumerate() {
            if let Err(error) = self.send(record, Ticket { call: Arc::clone(&call), index }, now_ms)
            {
                // Those that were not sent will not be answered.
                call.give_up(records.len() - index, error);
                break;
            }
        }
        call.wait().map_err(|error| {
            let fatal = self.producer.client().fatal_error().map(|(_, reason)| reason);
            let what = format!("cannot append to {}", self.settings.shown());
            match fatal {
                Some(reason) => LogError::Storage { what, reason },
                None => self.heard.failed(what, &error),
            }
        })
    }

    fn send(&self, record: &NewRecord<'_>, ticket: Ticket, now_ms: i64) -> Result<(), KafkaError> {
        let (topic, partition) = self.topics.place(record.partition);
        let mut new = BaseRecord::with_opaque_to(topic, Box::new(ticket));
        new = new.partition(partition).payload(record.value).timestamp(now_ms);
        if !record.key.is_empty() {
            new = new.key(record.key);
        }
        while let Err((error, refused)) = self.producer.send(new) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error);
            }
            new = refused;
            thread::sleep(DRAIN);
        }
        Ok(())
    }
}

/// One call of `append`, whose records are on their way.
struct Call {
    state: Mutex<State>,
    done: Condvar,
}

struct State {
    unanswered: usize,
    offsets: Vec<u64>,
    error: Option<KafkaError>,
}

impl Call {
    fn of(records: usize) -> Self {
        let state = State { unanswered: records, offsets: vec![0; records], error: None };
        Self { state: Mutex::new(state), done: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what became of a record.
    fn answer(&self, index: usize, result: Result<u64, KafkaError>) {
        let mut state = self.lock();
        state.unanswered -= 1;
        match result {
            Ok(offset) => state.offsets[index] = offset,
            Err(error) => state.error = state.error.take().or(Some(error)),
        }
        if state.unanswered == 0 {
            self.done.notify_all();
        }
    }

    fn give_up(&self, records: usize, error: KafkaError) {
        let mut state = self.lock();
        state.unanswered -= records;
        state.error = state.error.take().or(Some(error));
    }

    /// Waits for all answers; there is one for each record, after [`TRIED_MS`] at last.
    fn wait(&self) -> Result<Vec<u64>, KafkaError> {
        let mut state = self.lock();
        while state.unanswered > 0 {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match state.error.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut state.offsets)),
        }
    }
}

/// Says of which call a record is, and which of its records.
struct Ticket {
    call: Arc<Call>,
    index: usize,
}

/// Takes the answers of brokers, on the producer's own thread.
struct Deliveries(Heard);

impl ClientContext for Deliveries {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let offset = match result {
            Ok(message) => Ok(u64::try_from(message.offset()).unwrap_or_default()),
            Err((error, _)) => Err(error.clone()),
        };
        ticket.call.answer(ticket.index, offset);
    }
}
