//! The records of a window, from what is known of it: pure functions.

use super::{days, hours};
use crate::day::Day;
use crate::funnel::Funnel;
use crate::rows::{List, Tally, TallyKind};
use crate::top::{Counted, PartContent, place_order, places};
use crate::window::{ACTIVE_WINDOW_MS, BUSINESS_WINDOW_MS};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use streamgauge_ingest::batch::Dimension;
use streamgauge_ingest::lateness::REAL_TIME_PANE_MS;
use streamgauge_sink::decimal::Decimal;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::record::{CityPlace, Fields, Identity, Place};

/// What a tally is of: its kind, and the currency of revenue, else zeros.
pub(super) type TallyPlace = (TallyKind, [u8; 3]);

/// What is known of a window. A long lateness holds many of them, so both lists
/// are sorted vectors: most windows have one tally.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// By what they are of.
    tallies: SmallVec<[(TallyPlace, Tally); 1]>,
    /// By list and worker.
    parts: Vec<((List, usize), PartContent)>,
}

impl Content {
    /// Takes note of a count that came (`diff` > 0) or went; the count before may go
    /// after the new one has come.
    pub(super) fn count(&mut self, place: TallyPlace, tally: Tally, diff: isize) {
        match self.tallies.binary_search_by_key(&place, |(p, _)| *p) {
            Ok(i) if diff > 0 => self.tallies[i].1 = tally,
            Ok(i) if self.tallies[i].1 == tally => drop(self.tallies.remove(i)),
            Err(i) if diff > 0 => self.tallies.insert(i, (place, tally)),
            _ => {}
        }
    }

    /// All counts.
    pub(super) fn tallies(&self) -> impl Iterator<Item = (TallyPlace, Tally)> {
        self.tallies.iter().copied()
    }

    /// Takes a part of a list in place of the part before.
    pub(super) fn part(&mut self, list: List, worker: usize, part: PartContent) {
        match self.parts.binary_search_by_key(&(list, worker), |(p, _)| *p) {
            Ok(i) => self.parts[i].1 = part,
            Err(i) => self.parts.insert(i, ((list, worker), part)),
        }
    }

    /// A count without a currency.
    pub(super) fn tally(&self, kind: TallyKind) -> Option<&Tally> {
        let place = self.tallies.binary_search_by_key(&(kind, [0; 3]), |(p, _)| *p);
        place.ok().map(|i| &self.tallies[i].1)
    }

    /// The parts of a list.
    pub(super) fn parts(&self, list: List) -> impl Iterator<Item = &PartContent> {
        let from = self.parts.partition_point(|((l, _), _)| *l < list);
        self.parts[from..].iter().take_while(move |((l, _), _)| *l == list).map(|(_, part)| part)
    }
}

/// Which of a window's records: its type, and its dimension: the currency's letters, the
/// place of the funnel, else 0.
pub(super) type RecordId = (Metric, u32);

/// A record: which one, its key, its line up to the tail, and its single value if it is
/// one.
pub(super) struct Rendered {
    pub(super) id: RecordId,
    pub(super) key: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) value: Option<Decimal>,
}

/// Collects the records of one window.
pub(super) struct Renderer<'a> {
    end_ms: i64,
    records: &'a mut Vec<Rendered>,
}

impl Renderer<'_> {
    /// A record without dimensions.
    pub(super) fn give(&mut self, metric: Metric, window_ms: i64, fields: &Fields<'_>) {
        self.give_one_of((metric, 0), window_ms, &[], fields);
    }

    /// A record with a dimension.
    pub(super) fn give_one_of(
        &mut self,
        id: RecordId,
        window_ms: i64,
        dimensions: &[(&str, &str)],
        fields: &Fields<'_>,
    ) {
        let (metric, end_ms) = (id.0, self.end_ms);
        let identity = Identity { metric, start_ms: end_ms - window_ms, end_ms, dimensions };
        let body = identity.body(fields).0;
        let value = match fields {
            Fields::Value { value, .. } => Some(*value),
            _ => None,
        };
        self.records.push(Rendered { id, key: identity.key(), body, value });
    }

    fn value(&mut self, metric: Metric, window_ms: i64, value: Decimal, count: Option<i64>) {
        self.give(metric, window_ms, &Fields::Value { value, count });
    }
}

/// The records of the window that ends at `end_ms`, as far as they exist.
///
/// `day` is the day that it is, if it is one.
pub(super) fn records(
    end_ms: i64,
    content: &Content,
    funnels: &[Funnel],
    day: Option<Day>,
) -> Vec<Rendered> {
    let mut records = Vec::new();
    let mut r = Renderer { end_ms, records: &mut records };
    if let Some(day) = day {
        days::records(&mut r, content, day);
        return records;
    }
    for ((kind, currency), tally) in &content.tallies {
        match kind {
            TallyKind::RealTime => real_time(&mut r, tally),
            TallyKind::ActiveUsers5m => active_users(&mut r, tally),
            TallyKind::Sessions => sessions(&mut r, tally),
            TallyKind::Business => conversion_rate(&mut r, tally),
            TallyKind::Revenue => {
                let users = content.tally(TallyKind::Business).map_or(0, |b| b.n[1]);
                revenue(&mut r, *currency, tally, users);
            }
            TallyKind::Day
            | TallyKind::DayConversions
            | TallyKind::DayRevenue
            | TallyKind::DaySessions => {}
        }
    }
    lists(&mut r, content);
    hours::records(&mut r, content, funnels);
    records
}

fn real_time(r: &mut Renderer<'_>, tally: &Tally) {
    let [events, users, views, _] = tally.n;
    if events > 0 {
        let seconds = i128::from(REAL_TIME_PANE_MS / 1000);
        let rate = Decimal::ratio(i128::from(views), seconds);
        r.value(Metric::PageViewsPerSecond, REAL_TIME_PANE_MS, rate, Some(views));
        r.value(Metric::ActiveUsers, REAL_TIME_PANE_MS, Decimal::whole(users), Some(events));
    }
}

fn active_users(r: &mut Renderer<'_>, tally: &Tally) {
    if tally.n[1] > 0 {
        // The window is five minutes, but its start is that of its last pane.
        const { assert!(ACTIVE_WINDOW_MS % REAL_TIME_PANE_MS == 0) };
        r.value(Metric::ActiveUsers5m, REAL_TIME_PANE_MS, Decimal::whole(tally.n[1]), None);
    }
}

fn sessions(r: &mut Renderer<'_>, tally: &Tally) {
    let [sessions, viewed, bounced, _] = tally.n;
    if viewed > 0 {
        let rate = Decimal::ratio(i128::from(bounced) * 100, i128::from(viewed));
        r.value(Metric::BounceRate, REAL_TIME_PANE_MS, rate, Some(viewed));
    }
    if sessions > 0 {
        let mean_s = Decimal::ratio(tally.sum, i128::from(sessions) * 1000);
        r.value(Metric::AverageSessionDuration, REAL_TIME_PANE_MS, mean_s, Some(sessions));
    }
}

fn conversion_rate(r: &mut Renderer<'_>, tally: &Tally) {
    let [events, users, conversions, converters] = tally.n;
    if events > 0 {
        let rate = Decimal::ratio(i128::from(converters) * 100, i128::from(users));
        r.value(Metric::ConversionRate, BUSINESS_WINDOW_MS, rate, Some(conversions));
    }
}

fn revenue(r: &mut Renderer<'_>, currency: [u8; 3], tally: &Tally, users: i64) {
    if tally.n[0] > 0 {
        let digits = streamgauge_ingest::decode::minor_digits(currency);
        let value = Decimal::ratio(tally.sum, i128::from(users) * 10i128.pow(u32::from(digits)));
        let name = String::from_utf8_lossy(&currency);
        let fields = Fields::Value { value, count: Some(tally.n[0]) };
        let id = revenue_id(Metric::RevenuePerUser, currency);
        r.give_one_of(id, BUSINESS_WINDOW_MS, &[("currency", &name)], &fields);
    }
}

/// Which record is that of a currency.
pub(super) fn revenue_id(metric: Metric, [a, b, c]: [u8; 3]) -> RecordId {
    (metric, u32::from_be_bytes([0, a, b, c]))
}

fn lists(r: &mut Renderer<'_>, content: &Content) {
    let joined = |d: Dimension| join(List::By(d), content);
    let items = |d: Dimension| {
        joined(d).map(|(count, rows)| {
            let shown: i64 = rows.iter().map(|c| c.views).sum();
            let items: Vec<_> = rows.into_iter().map(place).collect();
            (count, count - shown, items)
        })
    };
    if let Some((count, other, items)) = items(Dimension::Page) {
        let fields = Fields::Pages { items: &items, other, count };
        r.give(Metric::PopularContent, BUSINESS_WINDOW_MS, &fields);
    }
    if let Some((count, other, items)) = items(Dimension::Country) {
        let cities = joined(Dimension::City).map_or(Vec::new(), |(_, rows)| rows);
        let cities: Vec<_> = cities.into_iter().map(city).collect();
        let fields = Fields::Geo { items: &items, other, cities: &cities, count };
        r.give(Metric::GeoDistribution, BUSINESS_WINDOW_MS, &fields);
    }
    for (metric, dimension) in [
        (Metric::Devices, Dimension::Device),
        (Metric::Browsers, Dimension::Browser),
        (Metric::Os, Dimension::Os),
        (Metric::Referrers, Dimension::Referrer),
    ] {
        if let Some((count, other, items)) = items(dimension) {
            let fields = Fields::Names { items: &items, other, count };
            r.give(metric, BUSINESS_WINDOW_MS, &fields);
        }
    }
    if let Some((ms, count)) = percentiles(content) {
        r.give(Metric::PageLoadTime, BUSINESS_WINDOW_MS, &Fields::Percentiles { ms, count });
    }
}

/// The sum of all values of a list, and its first places over all workers.
pub(super) fn join(list: List, content: &Content) -> Option<(i64, Vec<Counted>)> {
    let (count, rows) = join_all(list, content);
    (count > 0).then_some((count, rows))
}

/// The same, also where the sum is 0.
pub(super) fn join_all(list: List, content: &Content) -> (i64, Vec<Counted>) {
    let mut count = 0;
    let mut rows = Vec::new();
    for part in content.parts(list) {
        if let PartContent::Places { views, first } = part {
            count += views;
            rows.extend(first.iter().cloned());
        }
    }
    rows.sort_by(|a, b| place_order((a.views, &a.name), (b.views, &b.name)));
    rows.truncate(places(list));
    (count, rows)
}

/// A row as it is published.
pub(super) fn place(counted: Counted) -> Place {
    Place { name: counted.name.text, views: counted.views, users: counted.users }
}

fn city(counted: Counted) -> CityPlace {
    let (country, city) = counted.name.parts();
    let (country, city) = (country.to_owned(), city.to_owned());
    CityPlace { country, city, views: counted.views, users: counted.users }
}

/// The 50th, 95th and 99th percentile by nearest rank, and the number of values.
fn percentiles(content: &Content) -> Option<([i64; 3], i64)> {
    let times = numbers(List::LoadTimes, content);
    let count: i64 = times.values().sum();
    let times: Vec<_> = times.iter().map(|(ms, n)| (ms.cast_signed(), *n)).collect();
    let at = |percent| nearest_rank(&times, percent);
    (count > 0).then(|| ([at(50), at(95), at(99)], count))
}

/// The numbers of a list over all workers, and how often each was seen.
pub(super) fn numbers(list: List, content: &Content) -> BTreeMap<u64, i64> {
    let mut all: BTreeMap<u64, i64> = BTreeMap::new();
    for part in content.parts(list) {
        if let PartContent::Numbers(part) = part {
            part.iter().for_each(|(number, n)| *all.entry(*number).or_default() += n);
        }
    }
    all
}

/// A percentile by nearest rank of values in order and how often each was seen; 0 if
/// there is none.
pub(super) fn nearest_rank(values: &[(i64, i64)], percent: i64) -> i64 {
    let count: i64 = values.iter().map(|(_, n)| n).sum();
    let rank = (count * percent + 99) / 100;
    let mut passed = 0;
    let found = values.iter().find(|(_, n)| {
        passed += n;
        passed >= rank
    });
    found.map_or(0, |(value, _)| *value)
}
