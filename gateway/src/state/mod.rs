//! What is current: the fold of the log of results that clients are served from.
//!
//! Invariant: the state is a function of the records applied, in their order, and of
//! how far the job had committed when they had been read; so all gateways on one log
//! agree. Everything in it is bounded: series, windows of a series, bytes of a record,
//! alerts. It knows no clients and no clock.

pub(crate) mod alerts;
mod channel;
pub(crate) mod current;
mod day;
pub(crate) mod hour;
pub(crate) mod job;
pub(crate) mod seq;
pub(crate) mod series;

pub(crate) use channel::{Channel, PerChannel};

use alerts::Alerts;
use job::JobStatus;
use seq::Seq;
use serde::Deserialize;
use serde_json::value::RawValue;
use series::{Cell, Kept, Series, Span, Standing};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use streamgauge_sink::metric::Metric;
use streamgauge_sink::results::{Stored, Topic};

/// Largest record of a result that is kept: a list of 300 countries has 20 KiB.
const MOST_BYTES: usize = 256 * 1024;
const MOST_SERIES: usize = 512;
const SINGLE_KEPT: Kept = Kept { for_ms: 35 * 60_000, most: 512 };
/// Corrected windows that updates name, and for how many changes they do.
const CORRECTED: usize = 8;
const CORRECTED_FOR: u64 = 512;
const LIST_KEPT: Kept = Kept { for_ms: 35 * 60_000, most: 12 };
/// The current day, the one before, and around midnight the next.
const DAY_KEPT: Kept = Kept { for_ms: 50 * 3_600_000, most: 3 };

/// What a series is told by: metricType, and dimensions as they stand in the key.
type SeriesKey = (Box<str>, Box<str>);

/// What is current.
#[derive(Debug, Default)]
pub(crate) struct State {
    series: BTreeMap<SeriesKey, Series>,
    alerts: Alerts,
    job: Option<JobStatus>,
    seqs: PerChannel<Seq>,
    changes: PerChannel<u64>,
    /// The largest watermark of which anything was heard, ms.
    watermark_ms: Option<i64>,
    /// What is final up to this watermark has been read, ms.
    settled_ms: Option<i64>,
    from_results_ms: Option<i64>,
    from_status: Option<(u64, i64)>,
    /// Ends of windows that were corrected last, and after how many changes.
    corrected: VecDeque<(u64, i64)>,
    epoch: Option<u64>,
    unreadable: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow)]
    state: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    count: Option<i64>,
    watermark: Option<i64>,
}

impl State {
    /// Takes in a record.
    pub(crate) fn apply(&mut self, stored: &Stored<'_>) {
        let understood = match stored.topic {
            Topic::ProcessedMetrics | Topic::LiveMetrics => self.result(stored),
            Topic::Alerts => self.alert(stored),
            Topic::JobStatus => self.status(stored),
            Topic::Sessions | Topic::DeadLetters => return,
        };
        self.epoch = Some(stored.epoch);
        if !understood {
            self.unreadable += 1;
        }
    }

    /// All that was there has been read, and the job had committed up to this epoch
    /// before: what it said to be final by then is.
    pub(crate) fn settle(&mut self, committed: Option<u64>) {
        let before = self.settled_ms;
        self.settled_ms = self.settled_ms.max(self.from_results_ms);
        if let Some((epoch, watermark_ms)) = self.from_status
            && committed.is_some_and(|committed| committed >= epoch)
        {
            self.settled_ms = self.settled_ms.max(Some(watermark_ms));
            self.from_status = None;
        }
        if self.settled_ms != before && self.last_ends(before) != self.last_ends(self.settled_ms) {
            // A window that has ended without a record is a change as well.
            *self.changes.get_mut(Channel::Metrics) += 1;
        }
    }

    /// Whether how far the job has committed makes a difference.
    pub(crate) fn awaits_commit(&self) -> bool {
        self.from_status.is_some()
    }

    fn last_ends(&self, watermark_ms: Option<i64>) -> Option<i64> {
        watermark_ms.map(|ms| crate::catalogue::Family::RealTime.last_end_ms(ms))
    }

    fn result(&mut self, stored: &Stored<'_>) -> bool {
        let Some((metric, span, dimensions)) = split_key(stored.key) else { return false };
        let cell = match stored.value {
            None => None,
            Some(value) => match self.cell(value) {
                Some((cell, watermark)) => {
                    self.watermark_ms = self.watermark_ms.max(watermark);
                    if stored.topic == Topic::ProcessedMetrics {
                        self.from_results_ms = self.from_results_ms.max(watermark);
                    }
                    Some(cell)
                }
                None => return false,
            },
        };
        let corrected = cell.as_ref().is_none_or(|cell| cell.standing == Standing::Corrected);
        let key = (metric.into(), dimensions.into());
        if self.series.len() >= MOST_SERIES && !self.series.contains_key(&key) {
            return false;
        }
        let single = crate::catalogue::SINGLES.iter().any(|s| s.metric.name() == metric);
        let kept = match single {
            true => SINGLE_KEPT,
            false if crate::catalogue::is_of_days(metric) => DAY_KEPT,
            false => LIST_KEPT,
        };
        let series = self.series.entry(key.clone()).or_default();
        if stored.topic == Topic::LiveMetrics {
            series.provisional(span, cell, kept);
        } else {
            series.committed(span, cell, kept);
        }
        if series.is_empty() {
            self.series.remove(&key);
        }
        if single {
            self.touch(Channel::Metrics, stored.epoch);
            if corrected && stored.topic == Topic::ProcessedMetrics {
                self.note_corrected(span.end_ms);
            }
        } else if metric == Metric::PopularContent.name() {
            self.touch(Channel::TopContent, stored.epoch);
        }
        true
    }

    fn note_corrected(&mut self, end_ms: i64) {
        self.corrected.retain(|(_, end)| *end != end_ms);
        self.corrected.push_back((*self.changes.get(Channel::Metrics), end_ms));
        if self.corrected.len() > CORRECTED {
            self.corrected.pop_front();
        }
    }

    /// The ends of windows that were corrected not long ago.
    pub(crate) fn corrected_ends(&self) -> impl Iterator<Item = i64> {
        let now = *self.changes.get(Channel::Metrics);
        let recent = self.corrected.iter().filter(move |(at, _)| now - at < CORRECTED_FOR);
        recent.map(|(_, end_ms)| *end_ms)
    }

    fn cell(&self, value: &[u8]) -> Option<(Cell, Option<i64>)> {
        if value.len() > MOST_BYTES {
            return None;
        }
        let line: Line<'_> = serde_json::from_slice(value).ok()?;
        let standing = Standing::of(&line.state)?;
        let body = match line.value {
            Some(_) => None,
            None => Some(serde_json::from_slice::<Box<RawValue>>(value).ok()?),
        };
        let value = match line.value {
            Some(raw) => Some(number(raw)?.into()),
            None => None,
        };
        Some((Cell { standing, value, count: line.count, body }, line.watermark))
    }

    fn alert(&mut self, stored: &Stored<'_>) -> bool {
        // Alerts are taken back by their state; a key that ends says nothing more.
        let Some(value) = stored.value else { return true };
        let seq = self.seqs.get(Channel::Alerts).next(stored.epoch);
        let understood = value.len() <= MOST_BYTES && self.alerts.apply(value, seq);
        if understood {
            self.touch(Channel::Alerts, stored.epoch);
        }
        understood
    }

    fn status(&mut self, stored: &Stored<'_>) -> bool {
        let value = stored.value.filter(|value| value.len() <= MOST_BYTES);
        let Some(status) = value.and_then(JobStatus::parse) else { return false };
        if self.writer().is_some_and(|writer| writer != status.writer) {
            self.restarted();
        }
        if let Some(watermark_ms) = status.watermark {
            self.watermark_ms = self.watermark_ms.max(Some(watermark_ms));
            let epoch = status.epoch.unwrap_or(stored.epoch);
            // A status that waits for its epoch is not put off by the next: with the
            // job always a little ahead of its commits, none would ever count.
            self.from_status.get_or_insert((epoch, watermark_ms));
        }
        self.job = Some(status);
        self.touch(Channel::Pipeline, stored.epoch);
        true
    }

    /// Another job writes: what the old one left unfinished is worth nothing.
    fn restarted(&mut self) {
        self.from_status = None;
        self.series.retain(|_, series| {
            series.forget_provisional();
            !series.is_empty()
        });
        for channel in Channel::ALL {
            *self.changes.get_mut(channel) += 1;
        }
    }

    fn touch(&mut self, channel: Channel, epoch: u64) {
        let seq = self.seqs.get_mut(channel);
        *seq = seq.next(epoch);
        *self.changes.get_mut(channel) += 1;
    }

    /// The writer of the last status.
    pub(crate) fn writer(&self) -> Option<u64> {
        self.job.as_ref().map(|job| job.writer)
    }

    /// The last status.
    pub(crate) fn job(&self) -> Option<&JobStatus> {
        self.job.as_ref()
    }

    /// The last alerts.
    pub(crate) fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// Where a channel stands.
    pub(crate) fn seq(&self, channel: Channel) -> Seq {
        *self.seqs.get(channel)
    }

    /// How often a channel has changed.
    pub(crate) fn changes(&self) -> PerChannel<u64> {
        self.changes
    }

    /// The watermark, ms.
    pub(crate) fn watermark_ms(&self) -> Option<i64> {
        self.watermark_ms
    }

    /// The epoch of the last record.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.epoch
    }

    /// Number of records that could not be read or kept.
    pub(crate) fn unreadable(&self) -> u64 {
        self.unreadable
    }
}

/// The text of a JSON number of a length that numbers have.
fn number(raw: &RawValue) -> Option<&str> {
    let text = raw.get();
    let numeric = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    (numeric && text.len() <= 64).then_some(text)
}

/// metricType, window and dimensions of a key. Bars within names are encoded.
fn split_key(key: &[u8]) -> Option<(&str, Span, &str)> {
    let text = std::str::from_utf8(key).ok().filter(|text| text.len() <= 1024)?;
    let mut parts = text.splitn(4, '|');
    let metric = parts.next()?;
    let start_ms = parts.next()?.parse().ok()?;
    let end_ms = parts.next()?.parse().ok()?;
    Some((metric, Span { end_ms, start_ms }, parts.next()?))
}

#[cfg(test)]
mod tests;
