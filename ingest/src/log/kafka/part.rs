//! One partition of a reader: its queue, and how far it is.

use super::heard::Heard;
use crate::log::{Position, Record};
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use std::time::Duration;

pub(super) struct Part {
    queue: PartitionQueue<Heard>,
    /// What is to be read next.
    pub(super) at: Position,
    /// There is no record from `at` to here: `at` may be moved so far.
    passed: u64,
    /// A record that was taken from the queue, at `passed`, and is to be given yet.
    held: Option<Held>,
    /// What the partition had reached before anything was asked of the queue. When a
    /// broker says that there is nothing more, all before it is read, record or not.
    reached: Option<u64>,
}

/// A record of a topic, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Its offset.
    pub offset: u64,
    /// When the topic took it, ms since the Unix epoch.
    pub appended_ms: i64,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; none where what stood under the key has ended.
    pub value: Option<Vec<u8>>,
    /// What its header [`EPOCH_HEADER`] says.
    pub epoch: Option<u64>,
}

/// The header of a record that has the epoch that it is an effect of, in decimal digits.
pub const EPOCH_HEADER: &str = "epoch";

impl Held {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let Record { offset, appended_ms, key, .. } = record_of(message, 0);
        let epoch = epoch_of(message);
        let value = message.payload().map(<[u8]>::to_vec);
        Self { offset, appended_ms, key: key.to_vec(), value, epoch }
    }
}

/// What the header [`EPOCH_HEADER`] of a record says.
#[must_use]
pub fn epoch_of(message: &BorrowedMessage<'_>) -> Option<u64> {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    headers
        .filter(|header| header.key == EPOCH_HEADER)
        .find_map(|header| std::str::from_utf8(header.value?).ok()?.parse().ok())
}

fn offset_of(message: &BorrowedMessage<'_>) -> u64 {
    u64::try_from(message.offset()).unwrap_or_default()
}

fn record_of<'a>(message: &'a BorrowedMessage<'_>, partition: u32) -> Record<'a> {
    Record {
        partition,
        offset: offset_of(message),
        appended_ms: message.timestamp().to_millis().unwrap_or_default(),
        key: message.key().unwrap_or_default(),
        value: message.payload().unwrap_or_default(),
    }
}

impl Part {
    /// A partition that had `reached` this offset before its queue was made.
    pub(super) fn new(queue: PartitionQueue<Heard>, at: Position, reached: u64) -> Self {
        Self { queue, at, passed: at.offset, held: None, reached: Some(reached) }
    }

    /// Gives the next record, if it is there and lies before `end`, which the partition
    /// must have reached (or nobody will: `u64::MAX`); returns its size.
    pub(super) fn take(
        &mut self,
        end: u64,
        each: &mut dyn FnMut(Record<'_>),
    ) -> KafkaResult<Option<usize>> {
        let partition = self.at.partition;
        self.move_to(end);
        if self.at.offset < end
            && let Some(Held { offset, appended_ms, key, value, .. }) = self.held.take()
        {
            let value = value.unwrap_or_default();
            each(Record { partition, offset, appended_ms, key: &key, value: &value });
            self.given(offset);
            return Ok(Some(key.len() + value.len()));
        }
        if self.at.offset < end
            && let Some(message) = self.next()?
        {
            let offset = offset_of(&message);
            if offset < end {
                let record = record_of(&message, partition);
                let bytes = record.key.len() + record.value.len();
                each(record);
                self.given(offset);
                return Ok(Some(bytes));
            }
            let held = Held::of(&message);
            self.hold(held);
        }
        self.move_to(end);
        Ok(None)
    }

    /// Moves over what is no record, but not beyond `end`.
    fn move_to(&mut self, end: u64) {
        self.at.offset = self.at.offset.max(self.passed.min(end));
    }

    fn given(&mut self, offset: u64) {
        self.at.offset = offset + 1;
        self.passed = self.at.offset;
    }

    fn hold(&mut self, held: Held) {
        self.passed = held.offset;
        self.held = Some(held);
    }

    /// The next record, if it is there; it stays the next until [`drop_head`](Self::drop_head).
    pub(super) fn head(&mut self) -> KafkaResult<Option<&Held>> {
        if self.held.is_none()
            && let Some(held) = self.next()?.map(|message| Held::of(&message))
        {
            self.hold(held);
        }
        self.move_to(u64::MAX);
        Ok(self.held.as_ref())
    }

    /// Goes on behind the next record.
    pub(super) fn drop_head(&mut self) -> Option<Held> {
        let held = self.held.take()?;
        self.given(held.offset);
        Some(held)
    }

    /// Whether the next record is here.
    pub(super) fn has_head(&self) -> bool {
        self.held.is_some()
    }

    /// Whether a broker has answered, be it with a record, which is held then, or with
    /// none.
    pub(super) fn is_answered(&mut self) -> KafkaResult<bool> {
        if self.held.is_none()
            && self.reached.is_some()
            && let Some(held) = self.next()?.map(|message| Held::of(&message))
        {
            self.hold(held);
        }
        Ok(self.held.is_some() || self.reached.is_none())
    }

    /// The next message of the queue, if it is there.
    fn next(&mut self) -> KafkaResult<Option<BorrowedMessage<'_>>> {
        loop {
            match self.queue.poll(Duration::ZERO) {
                None => return Ok(None),
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    if let Some(reached) = self.reached.take() {
                        self.passed = self.passed.max(reached);
                    }
                }
                // A batch that is read from its middle comes whole.
                Some(Ok(message)) if offset_of(&message) < self.passed => {}
                Some(message) => return message.map(Some),
            }
        }
    }

    /// Notes how far the client has gone, which passes what is no record: the marks of
    /// transactions, and records of those that were aborted. Moves up to `end`.
    pub(super) fn pass(&mut self, position: u64, end: u64) {
        if self.held.is_none() {
            self.passed = self.passed.max(position);
        }
        self.move_to(end);
    }
}
