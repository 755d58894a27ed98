//! The records of one window, by the catalogue: from sums to fields.

use serde::{Deserialize, Serialize};
use streamgauge::rows::{List, Name, Tally, TallyKind};
use streamgauge_ingest::batch::Dimension;
use streamgauge_ingest::decode::minor_digits;
use streamgauge_sink::decimal::Decimal;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::record::{CityPlace, Fields, Place};

/// A value's row of a list in a window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Row {
    /// The value; none of a load time.
    pub(super) name: Option<Name>,
    /// Of a load time, the time.
    pub(super) load_ms: i64,
    pub(super) views: i64,
    pub(super) users: i64,
}

/// Takes a record: its type, its dimensions and its fields.
type Give<'a> = &'a mut dyn FnMut(Metric, &[(&str, &str)], &Fields<'_>);

fn value(give: Give<'_>, metric: Metric, value: Decimal, count: Option<i64>) {
    give(metric, &[], &Fields::Value { value, count });
}

/// Of five seconds: events, users, views.
pub(super) fn of_real_time(tally: &Tally, give: Give<'_>) {
    let [events, users, views, _] = tally.n;
    value(give, Metric::PageViewsPerSecond, Decimal::ratio(views.into(), 5), Some(views));
    value(give, Metric::ActiveUsers, Decimal::whole(users), Some(events));
}

/// Of five minutes: users.
pub(super) fn of_active(tally: &Tally, give: Give<'_>) {
    value(give, Metric::ActiveUsers5m, Decimal::whole(tally.n[1]), None);
}

/// Of the sessions that ended in five seconds: all, viewed, bounced; their duration.
pub(super) fn of_sessions(tally: &Tally, give: Give<'_>) {
    let [sessions, viewed, bounced, _] = tally.n;
    if viewed > 0 {
        let percent = Decimal::ratio(100 * i128::from(bounced), viewed.into());
        value(give, Metric::BounceRate, percent, Some(viewed));
    }
    let seconds = Decimal::ratio(tally.sum, 1_000 * i128::from(sessions));
    value(give, Metric::AverageSessionDuration, seconds, Some(sessions));
}

/// Of a minute.
pub(super) fn of_business(
    tallies: &[(TallyKind, [u8; 3], Tally)],
    rows: impl Fn(List) -> Vec<Row>,
    give: Give<'_>,
) {
    let all = tallies.iter().find(|(kind, ..)| *kind == TallyKind::Business);
    let [_, users, conversions, converters] = all.expect("an event is in the window").2.n;
    let percent = Decimal::ratio(100 * i128::from(converters), users.into());
    value(give, Metric::ConversionRate, percent, Some(conversions));
    for (_, currency, tally) in tallies.iter().filter(|(kind, ..)| *kind == TallyKind::Revenue) {
        let minor_per_major = 10i128.pow(minor_digits(*currency).into());
        let value = Decimal::ratio(tally.sum, i128::from(users) * minor_per_major);
        let fields = Fields::Value { value, count: Some(tally.n[0]) };
        give(Metric::RevenuePerUser, &[("currency", &String::from_utf8_lossy(currency))], &fields);
    }
    let list = |dimension| rows(List::By(dimension));
    let count: i64 = list(Dimension::Page).iter().map(|row| row.views).sum();
    if count > 0 {
        lists(list, count, give);
    }
    load_times(rows(List::LoadTimes), give);
}

fn lists(list: impl Fn(Dimension) -> Vec<Row>, count: i64, give: Give<'_>) {
    let first = |dimension, places| {
        let items: Vec<Place> = first_rows(list(dimension), places)
            .into_iter()
            .map(|(name, row)| Place { name: name.text, views: row.views, users: row.users })
            .collect();
        let other = count - items.iter().map(|item| item.views).sum::<i64>();
        (items, other)
    };
    let (items, other) = first(Dimension::Page, 20);
    give(Metric::PopularContent, &[], &Fields::Pages { items: &items, other, count });
    let (items, other) = first(Dimension::Country, 300);
    let cities: Vec<_> = first_rows(list(Dimension::City), 20)
        .into_iter()
        .map(|(name, row)| {
            let (country, city) = name.parts();
            let (country, city) = (country.to_owned(), city.to_owned());
            CityPlace { country, city, views: row.views, users: row.users }
        })
        .collect();
    give(
        Metric::GeoDistribution,
        &[],
        &Fields::Geo { items: &items, other, cities: &cities, count },
    );
    for (metric, dimension) in [
        (Metric::Devices, Dimension::Device),
        (Metric::Browsers, Dimension::Browser),
        (Metric::Os, Dimension::Os),
        (Metric::Referrers, Dimension::Referrer),
    ] {
        let (items, other) = first(dimension, 20);
        give(metric, &[], &Fields::Names { items: &items, other, count });
    }
}

/// The rows with most views, ties by name.
fn first_rows(rows: Vec<Row>, places: usize) -> Vec<(Name, Row)> {
    let mut rows: Vec<_> =
        rows.into_iter().map(|row| (row.name.clone().expect("a value has a name"), row)).collect();
    rows.sort_by(|(name, row), (other_name, other)| {
        let order = other.views.cmp(&row.views);
        order.then_with(|| name.parts().cmp(&other_name.parts()))
    });
    rows.truncate(places);
    rows
}

/// Nearest rank: of n values in order the ceil(n · p)-th.
fn load_times(rows: Vec<Row>, give: Give<'_>) {
    let mut all: Vec<i64> = Vec::new();
    for row in rows {
        all.extend((0..row.views).map(|_| row.load_ms));
    }
    all.sort_unstable();
    if !all.is_empty() {
        let at = |percent: usize| all[(all.len() * percent).div_ceil(100) - 1];
        let count = i64::try_from(all.len()).unwrap();
        give(
            Metric::PageLoadTime,
            &[],
            &Fields::Percentiles { ms: [at(50), at(95), at(99)], count },
        );
    }
}
