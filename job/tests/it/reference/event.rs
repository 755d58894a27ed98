//! An event as the references see it: whole, and by itself.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use streamgauge::rows::Name;
use streamgauge_ingest::batch::{Dimension, EventBatch, Row, Texts};
use streamgauge_ingest::decode::Kind;
use streamgauge_ingest::lateness::Family;

/// A value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) dimension: Dimension,
    pub(super) hash: u64,
    pub(super) name: Name,
}

/// One accepted event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) at_ms: i64,
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) user: Arc<str>,
    pub(super) session: Arc<str>,
    pub(super) kind: Kind,
    pub(super) currency: [u8; 3],
    pub(super) value_minor: i64,
    pub(super) load_ms: Option<i64>,
    /// What it tells, a value for each dimension that it has one in.
    pub(super) seen: Vec<Seen>,
    /// As the event itself names them.
    pub(super) device: Option<Arc<str>>,
    pub(super) country: Option<Arc<str>>,
    /// Per family, whether it is late for it.
    late: [bool; Family::ALL.len()],
}

impl Event {
    /// The events of a batch.
    pub(super) fn all_of(batch: &EventBatch) -> impl Iterator<Item = Self> {
        batch.rows.iter().map(|row| Self::of(row, &batch.texts))
    }

    fn of(row: &Row, texts: &Texts) -> Self {
        let indices = row.values.iter().filter(|i| **i != Row::NO_VALUE);
        let seen: Vec<_> = indices
            .map(|i| {
                let value = texts.values[*i as usize];
                let name = Name { text: texts.get(value.span).into(), split: value.split };
                Seen { dimension: value.dimension, hash: value.hash, name }
            })
            .collect();
        let text =
            |d: Dimension| seen.iter().find(|s| s.dimension == d).map(|s| Arc::clone(&s.name.text));
        Self {
            at_ms: row.at_ms,
            partition: row.partition,
            offset: row.offset,
            user: texts.get(row.user).into(),
            session: texts.get(row.session).into(),
            kind: row.kind,
            currency: row.currency,
            value_minor: row.value_minor,
            load_ms: row.load_time.ms(),
            device: text(Dimension::Device).filter(|_| row.names_device),
            country: text(Dimension::Country).filter(|_| row.names_country),
            late: Family::ALL.map(|f| row.late.contains(f)),
            seen,
        }
    }

    /// Whether a family takes it.
    pub(super) fn is_taken(&self, family: Family) -> bool {
        !self.late[family as usize]
    }

    /// Whether it is a page view.
    pub(super) fn is_view(&self) -> bool {
        self.kind == Kind::PageView
    }

    /// Whether it is a conversion.
    pub(super) fn is_conversion(&self) -> bool {
        self.kind == Kind::Conversion
    }

    /// The page of a page view.
    pub(super) fn page(&self) -> Option<&Arc<str>> {
        self.seen.iter().find(|s| s.dimension == Dimension::Page).map(|s| &s.name.text)
    }
}
