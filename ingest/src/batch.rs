//! Decoded events on their way to the dataflow: compact rows, and beside them
//! the texts they speak of, each distinct value once.
//!
//! A [`EventBatch`] is the unit that is exchanged between workers: rows of one
//! epoch and one target, with shared [`Texts`]. Rows are plain numbers, so a
//! batch costs no allocation per event; within a process the texts are shared,
//! between processes they travel with the rows.

use crate::decode::{Decoded, KeptMs, Kind};
use crate::lateness::Families;
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// What a page view is broken down by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Dimension {
    /// The page (path) viewed.
    Page,
    /// The referring host.
    Referrer,
    /// The country.
    Country,
    /// The city, together with its country.
    City,
    /// The kind of device.
    Device,
    /// The browser.
    Browser,
    /// The operating system.
    Os,
    /// The campaign: source, medium and campaign, joined by U+0000.
    Campaign,
}

impl Dimension {
    /// The dimensions in which every page view has a value; a row's values stand in this
    /// order. [`Self::Campaign`] is none of them: most page views have no campaign.
    pub const ALL: [Self; 7] = [
        Self::Page,
        Self::Referrer,
        Self::Country,
        Self::City,
        Self::Device,
        Self::Browser,
        Self::Os,
    ];
}

/// The name of what an event doesn't tell.
pub const UNKNOWN: &str = "(unknown)";

/// A place in the text of a batch.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Span {
    start: u32,
    len: u32,
}

/// A distinct value of a dimension within a batch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Value {
    /// xxh3 of dimension and text: the same on every worker and in every run.
    pub hash: u64,
    /// Where its text stands.
    pub span: Span,
    /// Where its second part begins, in bytes (a city's name after its country); else 0.
    pub split: u32,
    /// What it is a value of.
    pub dimension: Dimension,
}

/// One accepted event of a known type.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Event time, ms since the Unix epoch.
    pub at_ms: i64,
    /// Its offset in its partition.
    pub offset: u64,
    /// Hash of the user: decides its worker.
    pub user_hash: u64,
    /// A conversion's value in minor units.
    pub value_minor: i64,
    /// The partition it was read from.
    pub partition: u32,
    /// The user.
    pub user: Span,
    /// The session id.
    pub session: Span,
    /// Index of its value in each of [`Dimension::ALL`]; [`Row::NO_VALUE`] where it has
    /// none.
    pub values: [u32; Dimension::ALL.len()],
    /// Index of its campaign; [`Row::NO_VALUE`] where it has none.
    pub campaign: u32,
    /// A page view's load time.
    pub load_time: KeptMs,
    /// A conversion's currency, three upper-case ASCII letters.
    pub currency: [u8; 3],
    /// Type of the event.
    pub kind: Kind,
    /// The families that do not take it.
    pub late: Families,
    /// For how many of [`InputSettings::sequence_spans_ms`] it is late.
    ///
    /// [`InputSettings::sequence_spans_ms`]: crate::settings::InputSettings::sequence_spans_ms
    pub late_spans: u8,
    /// Whether the event itself named its device (else the value stands for unknown).
    pub names_device: bool,
    /// Whether the event itself named its country.
    pub names_country: bool,
}

impl Row {
    /// Stands in [`Row::values`] and [`Row::campaign`] for "no value".
    pub const NO_VALUE: u32 = u32::MAX;
}

/// The texts of a batch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Texts {
    text: String,
    /// Distinct values; rows name them by index.
    pub values: Vec<Value>,
}

impl Texts {
    /// The text at a place.
    #[must_use]
    pub fn get(&self, span: Span) -> &str {
        let start = span.start as usize;
        &self.text[start..start + span.len as usize]
    }
}

/// Rows of one epoch and, once routed, of one target, with their texts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventBatch {
    /// The hash by which it is exchanged: all its rows belong to `target % workers`.
    pub target: u64,
    /// Its rows, in the order they were read.
    pub rows: Vec<Row>,
    /// What they speak of.
    pub texts: Arc<Texts>,
}

/// Collects rows and texts of events that are decoded one after the other.
#[derive(Default)]
pub struct BatchBuilder {
    rows: Vec<Row>,
    texts: Texts,
    known: HashTable<u32>,
}

impl BatchBuilder {
    /// Number of rows so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds an event; partition, offset and lateness come later.
    ///
    /// # Panics
    /// If the texts of the batch outgrow 4 GiB: chunks are far smaller.
    pub fn push(&mut self, event: &Decoded<'_>) {
        let mut values = [Row::NO_VALUE; Dimension::ALL.len()];
        let mut set = |d: Dimension, hash: u64, first: &str, second: &str| {
            values[d as usize] = self.texts.intern(&mut self.known, d, hash, first, second);
        };
        let country = event.country.unwrap_or(UNKNOWN);
        let device = event.device.unwrap_or(UNKNOWN);
        let country_hash = plain_hash(Dimension::Country, country);
        if event.kind == Kind::PageView {
            for (d, text) in [
                (Dimension::Page, event.page),
                (Dimension::Referrer, event.referrer),
                (Dimension::Device, device),
                (Dimension::Browser, event.browser.unwrap_or(UNKNOWN)),
                (Dimension::Os, event.os.unwrap_or(UNKNOWN)),
            ] {
                set(d, plain_hash(d, text), text, "");
            }
            let city = event.city.unwrap_or(UNKNOWN);
            let city_hash = xxh3_64_with_seed(city.as_bytes(), country_hash);
            set(Dimension::Country, country_hash, country, "");
            set(Dimension::City, city_hash, country, city);
        } else {
            if event.country.is_some() {
                set(Dimension::Country, country_hash, country, "");
            }
            if event.device.is_some() {
                set(Dimension::Device, plain_hash(Dimension::Device, device), device, "");
            }
        }
        let campaign = event.campaign.map_or(Row::NO_VALUE, |text| {
            let d = Dimension::Campaign;
            self.texts.intern(&mut self.known, d, plain_hash(d, text), text, "")
        });
        let user = self.texts.push(event.user);
        let session =
            if event.session == event.user { user } else { self.texts.push(event.session) };
        self.rows.push(Row {
            at_ms: event.timestamp_ms,
            offset: 0,
            user_hash: xxh3_64(event.user.as_bytes()),
            value_minor: event.value_minor,
            partition: 0,
            user,
            session,
            values,
            campaign,
            load_time: event.load_ms.map_or(KeptMs::NONE, KeptMs::new),
            currency: event.currency,
            kind: event.kind,
            late: Families::NONE,
            late_spans: 0,
            names_device: event.device.is_some(),
            names_country: event.country.is_some(),
        });
    }

    /// The rows and the texts, leaving the builder empty.
    pub fn finish(&mut self) -> (Vec<Row>, Texts) {
        self.known.clear();
        (std::mem::take(&mut self.rows), std::mem::take(&mut self.texts))
    }
}

impl Texts {
    fn push(&mut self, text: &str) -> Span {
        let span = Span { start: small(self.text.len()), len: small(text.len()) };
        self.text.push_str(text);
        span
    }

    /// The index of a value, which is added if it is new.
    fn intern(
        &mut self,
        known: &mut HashTable<u32>,
        d: Dimension,
        hash: u64,
        first: &str,
        second: &str,
    ) -> u32 {
        let split = if second.is_empty() { 0 } else { small(first.len()) };
        let same = |&i: &u32| {
            let v = self.values[i as usize];
            v.hash == hash && v.dimension == d && v.split == split && {
                let parts = self.get(v.span).as_bytes().split_at_checked(first.len());
                parts == Some((first.as_bytes(), second.as_bytes()))
            }
        };
        if let Some(&i) = known.find(hash, same) {
            return i;
        }
        let index = small(self.values.len());
        let mut span = self.push(first);
        span.len += self.push(second).len;
        self.values.push(Value { hash, span, split, dimension: d });
        known.insert_unique(hash, index, |&i| self.values[i as usize].hash);
        index
    }
}

/// Seeds that are near each other would give short texts the same hash.
fn plain_hash(d: Dimension, text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), (d as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// The hash of a value, from its text and where its second part begins.
#[must_use]
pub fn value_hash(d: Dimension, text: &str, split: u32) -> u64 {
    match (d, text.split_at_checked(split as usize)) {
        (Dimension::City, Some((country, city))) => {
            // A city without a name has no second part; it is never without a country.
            let (country, city) = if split == 0 { (text, "") } else { (country, city) };
            xxh3_64_with_seed(city.as_bytes(), plain_hash(Dimension::Country, country))
        }
        _ => plain_hash(d, text),
    }
}

/// Lengths within a chunk fit 32 bits: a chunk is bounded by its largest record.
fn small(n: usize) -> u32 {
    u32::try_from(n).expect("the texts of one batch stay below 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Decoder;
    use std::collections::BTreeSet;

    #[test]
    fn a_row_is_small() {
        assert_eq!(size_of::<Row>(), 96);
    }

    /// A view whose values are the same text in every dimension.
    fn view(text: &str) -> String {
        format!(
            r#"{{"timestamp":1,"eventType":"PAGE_VIEW","userId":"u","pageViewData":{{"url":"{text}","referrer":"x://{text}"}},"sessionData":{{"country":"{text}","city":"{text}","deviceType":"{text}","browser":"{text}","os":"{text}"}}}}"#
        )
    }

    #[test]
    fn a_value_is_held_once_and_is_what_the_event_says() {
        let (mut decoder, mut batch) = (Decoder::new(1 << 20), BatchBuilder::default());
        let texts_of = |i: usize| format!("v{}", i % 600);
        for i in 0..1_200 {
            batch.push(&decoder.decode(view(&texts_of(i)).as_bytes()).unwrap());
        }
        let (rows, texts) = batch.finish();
        for (i, row) in rows.iter().enumerate() {
            let text = texts_of(i);
            for (d, index) in Dimension::ALL.into_iter().zip(row.values) {
                let value = texts.values[index as usize];
                let (expected, split) = match d {
                    Dimension::City => (text.repeat(2), text.len()),
                    _ => (text.clone(), 0),
                };
                assert_eq!((texts.get(value.span), value.dimension), (&*expected, d));
                assert_eq!(value.split as usize, split);
                assert_eq!(value_hash(d, &expected, value.split), value.hash);
            }
        }
        assert_eq!(texts.values.len(), 600 * Dimension::ALL.len());
        let hashes: BTreeSet<_> = texts.values.iter().map(|v| (v.dimension, v.hash)).collect();
        assert_eq!(hashes.len(), texts.values.len());
    }
}
