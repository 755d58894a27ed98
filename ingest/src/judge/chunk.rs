//! A run of records and what decoding made of them, before they are judged.

use crate::batch::{BatchBuilder, Row, Texts};
use crate::bots::BotCheck;
use crate::decode::{Decoder, Kind, Reason, partition_of};
use crate::settings::InputSettings;
use std::borrow::Cow;
use std::ops::Range;
use xxhash_rust::xxh3::Xxh3;

/// Consecutive records of an input, as read.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Their bytes.
    pub bytes: Vec<u8>,
    /// One entry per record, in order.
    pub lines: Vec<Line>,
}

/// Where the value of a record stands.
#[derive(Debug)]
pub enum Line {
    /// In the bytes of the chunk.
    Value(Range<usize>),
    /// It was too large to keep.
    Oversize {
        /// xxh3-64 of the whole value.
        hash: u64,
        /// Its first bytes.
        head: Vec<u8>,
        /// Its length in bytes.
        len: usize,
    },
}

pub(super) enum LineRef<'a> {
    Value(&'a [u8]),
    Oversize { hash: u64, head: &'a [u8], len: usize },
}

impl Chunk {
    /// Leaves nothing in it but the room for as much.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lines.clear();
    }

    pub(super) fn line(&self, i: usize) -> LineRef<'_> {
        match &self.lines[i] {
            Line::Value(range) => LineRef::Value(&self.bytes[range.clone()]),
            Line::Oversize { hash, head, len } => {
                LineRef::Oversize { hash: *hash, head, len: *len }
            }
        }
    }
}

pub(super) enum Outcome {
    /// A row of the chunk: of a known type.
    Row,
    /// Well-formed, and in no result.
    NoRow,
    /// Rejected, with the detail for people.
    Rejected(Box<(Reason, Cow<'static, str>)>),
}

/// What the judge needs to know of a record.
pub(super) struct Entry {
    pub(super) at_ms: i64,
    pub(super) partition: u32,
    pub(super) bad_leaves: u32,
    pub(super) kind: Kind,
    pub(super) bot: bool,
    /// Hash of event id and user, where ids are compared and there is one.
    pub(super) identity: Option<u128>,
    pub(super) outcome: Outcome,
}

/// A chunk, decoded.
pub struct DecodedChunk {
    pub(super) raw: Chunk,
    pub(super) entries: Vec<Entry>,
    pub(super) rows: Vec<Row>,
    pub(super) texts: Texts,
}

impl DecodedChunk {
    /// Number of records in it.
    #[must_use]
    pub fn records(&self) -> usize {
        self.entries.len()
    }

    /// Number of bytes of its records.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.raw.bytes.len()
    }
}

/// Decodes chunks; one per thread.
pub struct ChunkDecoder {
    decoder: Decoder,
    batch: BatchBuilder,
    bots: BotCheck,
    partitions: u32,
    dedup: bool,
}

impl ChunkDecoder {
    /// A decoder for an input with these settings.
    #[must_use]
    pub fn new(settings: &InputSettings) -> Self {
        Self {
            decoder: Decoder::new(settings.max_bytes).with_campaigns(settings.days),
            batch: BatchBuilder::default(),
            bots: BotCheck::default(),
            partitions: settings.partitions,
            dedup: settings.dedup,
        }
    }

    /// Decodes the records of a chunk.
    pub fn decode(&mut self, raw: Chunk) -> DecodedChunk {
        let mut entries = Vec::with_capacity(raw.lines.len());
        for i in 0..raw.lines.len() {
            entries.push(match raw.line(i) {
                LineRef::Value(value) => self.value(value),
                LineRef::Oversize { len, .. } => {
                    rejected(0, Reason::Oversize, format!("{len} bytes").into())
                }
            });
        }
        let (rows, texts) = self.batch.finish();
        DecodedChunk { raw, entries, rows, texts }
    }

    fn value(&mut self, value: &[u8]) -> Entry {
        let event = match self.decoder.decode(value) {
            Ok(event) => event,
            Err(rejection) => {
                let partition = rejection.key.map_or(0, |key| partition_of(key, self.partitions));
                return rejected(partition, rejection.reason, rejection.detail);
            }
        };
        let known = event.kind != Kind::Unknown;
        if known {
            self.batch.push(&event);
        }
        Entry {
            at_ms: event.timestamp_ms,
            partition: partition_of(event.user, self.partitions),
            bad_leaves: event.bad_leaves,
            kind: event.kind,
            bot: event.user_agent.is_some_and(|agent| self.bots.is_bot(agent)),
            identity: event.event_id.filter(|_| self.dedup).map(|id| identity(id, event.user)),
            outcome: if known { Outcome::Row } else { Outcome::NoRow },
        }
    }
}

fn rejected(partition: u32, reason: Reason, detail: Cow<'static, str>) -> Entry {
    Entry {
        at_ms: 0,
        partition,
        bad_leaves: 0,
        kind: Kind::Unknown,
        bot: false,
        identity: None,
        outcome: Outcome::Rejected(Box::new((reason, detail))),
    }
}

/// 128 bits of event id and user; the length keeps the two apart.
fn identity(event_id: &str, user: &str) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(&(event_id.len() as u64).to_le_bytes());
    hash.update(event_id.as_bytes());
    hash.update(user.as_bytes());
    hash.digest128()
}
