//! Publishing what belongs to windows.
//!
//! Each kind of window keeps a book: per window what is known, what is published,
//! and whether the two may differ. A window is *open* until the watermark has
//! passed its end; in that epoch it *closes* and becomes final; what changes it
//! later is a correction, until it is *frozen* and dropped.

use super::Output;
use super::render::{Content, RecordId, records};
use crate::alert::Told;
use crate::checkpoint::{self, Parts};
use crate::day::Day;
use crate::epochs::by_epoch_of_two;
use crate::expiry::forget_until;
use crate::funnel::Funnel;
use crate::rows::{List, Tally, TallyKey, TallyKind};
use crate::time::{Epoch, Tick};
use crate::top::Part;
use crate::window::{Grid, HOUR_PANE_MS, Sliding, Windows};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use streamgauge_ingest::lateness::{BUSINESS_PANE_MS, REAL_TIME_PANE_MS, slice_end_ms};
use streamgauge_sink::change::{Change, State, Topic, final_digest};
use streamgauge_sink::digest::Digest;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::record::Identity;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use xxhash_rust::xxh3::xxh3_128;

/// Windows of one kind share their length, their pace and their lateness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    RealTime,
    ActiveUsers5m,
    Sessions,
    Business,
    Hour,
    Day,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::RealTime,
        Self::ActiveUsers5m,
        Self::Sessions,
        Self::Business,
        Self::Hour,
        Self::Day,
    ];

    fn of_list(list: List) -> Self {
        match list.windows() {
            Sliding::Business => Self::Business,
            Sliding::Hour => Self::Hour,
            Sliding::Day => Self::Day,
        }
    }

    fn of(tally: TallyKind) -> Self {
        match tally {
            TallyKind::RealTime => Self::RealTime,
            TallyKind::ActiveUsers5m => Self::ActiveUsers5m,
            TallyKind::Sessions => Self::Sessions,
            TallyKind::Business | TallyKind::Revenue => Self::Business,
            TallyKind::Day
            | TallyKind::DayConversions
            | TallyKind::DayRevenue
            | TallyKind::DaySessions => Self::Day,
        }
    }

    /// The step of sliding windows, of which only one is provisional; none for
    /// tumbling ones.
    fn slide_ms(self) -> Option<i64> {
        match self {
            Self::RealTime | Self::Sessions | Self::Day => None,
            Self::ActiveUsers5m => Some(REAL_TIME_PANE_MS),
            Self::Business => Some(BUSINESS_PANE_MS),
            Self::Hour => Some(HOUR_PANE_MS),
        }
    }

    /// The day that its window is, if it is one.
    fn day(self, rules: Rules<'_>, end_ms: i64) -> Option<Day> {
        match self {
            Self::Day => rules.windows.days.map(|days| days.ending(end_ms)),
            _ => None,
        }
    }

    fn frozen_ms(self, windows: &Windows, end_ms: i64) -> i64 {
        match self {
            Self::Sessions | Self::Hour | Self::Day => windows.sessions_frozen_ms(end_ms),
            _ => windows.frozen_ms(end_ms),
        }
    }
}

/// What is published of what there is.
#[derive(Clone, Copy)]
struct Rules<'a> {
    windows: &'a Windows,
    output: Output,
    funnels: &'a [Funnel],
}

/// What is published of a record.
#[derive(Clone)]
struct Published {
    id: RecordId,
    state: State,
    /// Hash of its line up to the tail.
    body: u128,
    digest: Option<Box<Digest>>,
}

#[derive(Default)]
struct Window {
    content: Content,
    /// By what they are.
    published: Vec<Published>,
}

/// The windows of one kind on one worker.
struct Book {
    kind: Kind,
    windows: BTreeMap<i64, Window>,
    /// Ends of windows that may have something new to say.
    dirty: BTreeSet<i64>,
}

impl Book {
    fn new(kind: Kind) -> Self {
        Self { kind, windows: BTreeMap::new(), dirty: BTreeSet::new() }
    }

    fn content(&mut self, end_ms: i64) -> &mut Content {
        self.dirty.insert(end_ms);
        &mut self.windows.entry(end_ms).or_default().content
    }

    /// Publishes what is due in an epoch and drops what is frozen.
    fn close(&mut self, tick: Tick, rules: Rules<'_>, told: &mut Vec<Told>) {
        let kind = self.kind;
        let first = tick.before_ms.saturating_add(1);
        if first <= tick.watermark_ms {
            for (end_ms, window) in self.windows.range_mut(first..=tick.watermark_ms) {
                window.publish((*end_ms, kind.day(rules, *end_ms)), State::Final, rules, told);
                self.dirty.remove(end_ms);
            }
        }
        let open = self.dirty.split_off(&first);
        let mut late = std::mem::replace(&mut self.dirty, open);
        late.retain(|end_ms| {
            let due =
                tick.corrections || kind.frozen_ms(rules.windows, *end_ms) <= tick.watermark_ms;
            if let Some(window) = self.windows.get_mut(end_ms).filter(|_| due) {
                window.publish((*end_ms, kind.day(rules, *end_ms)), State::Corrected, rules, told);
            }
            !due
        });
        if rules.output.provisional && tick.provisional {
            self.provisional(tick, rules, told);
        }
        self.dirty.append(&mut late);
        while let Some(oldest) = self.windows.first_entry() {
            if kind.frozen_ms(rules.windows, *oldest.key()) > tick.watermark_ms {
                break;
            }
            oldest.remove();
        }
    }

    /// The counts of all its windows.
    fn tallies(&self, rules: &Windows) -> impl Iterator<Item = (TallyKey, Tally)> {
        self.windows.iter().flat_map(|(end_ms, window)| {
            let expires_ms = self.kind.frozen_ms(rules, *end_ms);
            window.content.tallies().map(move |((kind, currency), tally)| {
                (TallyKey { expires_ms, kind, end_ms: *end_ms, currency }, tally)
            })
        })
    }

    fn provisional(&mut self, tick: Tick, rules: Rules<'_>, told: &mut Vec<Told>) {
        let ahead_ms = tick.watermark_ms.saturating_add(rules.windows.allowed_disorder_ms);
        if tick.watermark_ms == streamgauge_ingest::BEFORE_TIME_MS || ahead_ms == i64::MAX {
            return;
        }
        let kind = self.kind;
        if matches!(kind, Kind::Business | Kind::Hour | Kind::Day) && !tick.business_provisional {
            return;
        }
        let due: Vec<i64> = match kind.slide_ms() {
            Some(slide_ms) => {
                let current = slice_end_ms(ahead_ms, slide_ms);
                self.dirty.take(&current).into_iter().collect()
            }
            None => {
                // Windows that start at `ahead_ms` or before.
                let last_ms = match kind {
                    Kind::Day => rules.windows.current_end_ms(Sliding::Day, ahead_ms),
                    _ => ahead_ms + REAL_TIME_PANE_MS,
                };
                let ahead = self.dirty.split_off(&last_ms.saturating_add(1));
                std::mem::replace(&mut self.dirty, ahead).into_iter().collect()
            }
        };
        for end_ms in due {
            if let Some(window) = self.windows.get_mut(&end_ms) {
                window.publish((end_ms, kind.day(rules, end_ms)), State::Provisional, rules, told);
            }
        }
    }
}

impl Window {
    /// Publishes the records of the window that are new or differ, and retracts
    /// those that are gone.
    fn publish(
        &mut self,
        (end_ms, day): (i64, Option<Day>),
        state: State,
        rules: Rules<'_>,
        told: &mut Vec<Told>,
    ) {
        let output = rules.output;
        let before = std::mem::take(&mut self.published);
        let mut is_gone = vec![true; before.len()];
        let records = records(end_ms, &self.content, rules.funnels, day);
        self.published.reserve_exact(records.len());
        for record in records {
            let body = xxh3_128(&record.body);
            let place = before.binary_search_by_key(&record.id, |was| was.id).ok();
            let was = place.map(|i| {
                is_gone[i] = false;
                &before[i]
            });
            // The close of its window makes a result final even if nothing changed.
            let same = was.filter(|w| {
                w.body == body && (state != State::Final || w.state != State::Provisional)
            });
            if let Some(same) = same {
                self.published.push(same.clone());
                continue;
            }
            let topic = Topic::Result(record.id.0);
            let is_final = state != State::Provisional;
            let now = (output.digests && is_final).then(|| final_digest(topic, &record.body));
            let replaced = was.filter(|w| w.state != State::Provisional);
            let digest = now.map(Box::new);
            self.published.push(Published { id: record.id, state, body, digest });
            let change = Change {
                topic,
                key: record.key,
                state,
                body: record.body,
                was: replaced.and_then(|w| w.digest.as_deref().copied()),
                now,
                replaces: replaced.is_some(),
            };
            told.push(Told { change, end_ms, value: record.value });
        }
        self.published.sort_unstable_by_key(|p| p.id);
        let gone = before.iter().zip(is_gone).filter(|(_, is_gone)| *is_gone);
        told.extend(gone.map(|(was, _)| {
            let change = retraction(end_ms, was, rules.funnels, day);
            Told { change, end_ms, value: None }
        }));
    }
}

/// The end of a result that ceased to exist.
fn retraction(end_ms: i64, was: &Published, funnels: &[Funnel], day: Option<Day>) -> Change {
    // Only results over sessions can cease to exist.
    let (metric, place) = was.id;
    let window_ms = match day {
        Some(day) => day.end_ms - day.start_ms,
        None => Grid::of(metric).length_ms,
    };
    let funnel = funnels.get(place as usize).map_or("", |funnel| &funnel.name);
    let dimensions: &[(&str, &str)] = match metric {
        Metric::Funnel | Metric::AbandonmentRate => &[("funnel", funnel)],
        _ => &[],
    };
    let identity = Identity { metric, start_ms: end_ms - window_ms, end_ms, dimensions };
    Change {
        topic: Topic::Result(metric),
        key: identity.key(),
        state: State::Retracted,
        body: identity.head(),
        was: was.digest.as_deref().copied(),
        now: None,
        replaces: was.state != State::Provisional,
    }
}

/// Where the window of a tally is published: all that belongs to one window meets.
#[must_use]
pub fn tally_route(key: &TallyKey) -> u64 {
    window_route(Kind::of(key.kind), key.end_ms)
}

fn window_route(kind: Kind, end_ms: i64) -> u64 {
    let window = end_ms.cast_unsigned().wrapping_add(kind as u64);
    window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// An update of the counts of a window.
type TallyUpdate = ((TallyKey, Tally), Epoch, isize);

/// Publishes windows from their counts and from the parts of their lists.
///
/// With `parts_out`, the counts go into checkpoints. `tallies` must lie on the workers that [`tally_route`] names, and must come
/// from an arrangement whose horizon this operator may move.
pub fn publish_windows<'s>(
    tallies: Stream<'s, Epoch, Vec<TallyUpdate>>,
    parts: Stream<'s, Epoch, Vec<Part>>,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    (windows, output, funnels): (Windows, Output, Rc<[Funnel]>),
    parts_out: Option<Parts>,
) -> Stream<'s, Epoch, Vec<Told>> {
    let mut books = Kind::ALL.map(Book::new);
    let route = Exchange::new(|p: &Part| window_route(Kind::of_list(p.list), p.window_end_ms));
    by_epoch_of_two(
        (tallies, Pipeline),
        (parts, route),
        |(_, epoch, _)| Some(*epoch),
        ticks,
        "publish windows",
        move |epoch, tick, tallies, parts, told| {
            for ((key, tally), _, diff) in tallies {
                let content = books[Kind::of(key.kind) as usize].content(key.end_ms);
                content.count((key.kind, key.currency), tally, diff);
            }
            for part in parts {
                let content = books[Kind::of_list(part.list) as usize].content(part.window_end_ms);
                content.part(part.list, part.worker, part.content);
            }
            let rules = Rules { windows: &windows, output, funnels: &funnels };
            for book in &mut books {
                book.close(tick, rules, told);
            }
            if let (Some(parts), true) = (&parts_out, tick.checkpoint.is_some()) {
                let tallies = books.iter().flat_map(|book| book.tallies(&windows)).collect();
                parts.give(epoch, checkpoint::Part::Tallies(tallies));
            }
            forget_until::<TallyKey>(tick.watermark_ms);
        },
    )
}
