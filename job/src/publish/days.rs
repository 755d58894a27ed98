//! The records of a day.

use super::render::{Content, Renderer, join, place, revenue_id};
use crate::day::{Day, HOUR_MS};
use crate::rows::{DayList, List, Tally, TallyKind};
use crate::top::Counted;
use streamgauge_sink::day::{CampaignPlace, HourPlace};
use streamgauge_sink::decimal::Decimal;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::record::Fields;

/// Lists of names, and what they are of.
const NAMES: [(Metric, DayList); 6] = [
    (Metric::DayPages, DayList::Pages),
    (Metric::DayReferrers, DayList::Referrers),
    (Metric::DayCountries, DayList::Countries),
    (Metric::DayDevices, DayList::Devices),
    (Metric::DayEntryPages, DayList::EntryPages),
    (Metric::DayExitPages, DayList::ExitPages),
];

/// The records of a day, as far as they exist.
pub(super) fn records(r: &mut Renderer<'_>, content: &Content, day: Day) {
    let length_ms = day.end_ms - day.start_ms;
    let mut value = |metric, value: Decimal, count: i64| {
        r.give(metric, length_ms, &Fields::Value { value, count: Some(count) });
    };
    let zero = Tally::default();
    if let Some([events, users, views, viewers]) = content.tally(TallyKind::Day).map(|t| t.n)
        && events > 0
    {
        let [conversions, converters, ..] =
            content.tally(TallyKind::DayConversions).unwrap_or(&zero).n;
        value(Metric::DayVisitors, Decimal::whole(users), events);
        value(Metric::DayPageViews, Decimal::whole(views), viewers);
        value(Metric::DayConversions, Decimal::whole(conversions), converters);
    }
    let sessions = content.tally(TallyKind::DaySessions).unwrap_or(&zero);
    let ([all, viewed, bounced, _], sum) = (sessions.n, sessions.sum);
    if all > 0 {
        value(Metric::DaySessions, Decimal::whole(all), viewed);
        let mean_s = Decimal::ratio(sum, i128::from(all) * 1000);
        value(Metric::DayAverageSessionDuration, mean_s, all);
    }
    if viewed > 0 {
        let rate = Decimal::ratio(i128::from(bounced) * 100, i128::from(viewed));
        value(Metric::DayBounceRate, rate, viewed);
    }
    for ((kind, currency), tally) in content.tallies() {
        if kind == TallyKind::DayRevenue && tally.n[0] > 0 {
            let digits = streamgauge_ingest::decode::minor_digits(currency);
            let value = Decimal::ratio(tally.sum, 10i128.pow(u32::from(digits)));
            let fields = Fields::Value { value, count: Some(tally.n[0]) };
            let name = String::from_utf8_lossy(&currency);
            let id = revenue_id(Metric::DayRevenue, currency);
            r.give_one_of(id, length_ms, &[("currency", &name)], &fields);
        }
    }
    lists(r, content, day);
}

fn lists(r: &mut Renderer<'_>, content: &Content, day: Day) {
    let length_ms = day.end_ms - day.start_ms;
    let joined = |list: DayList| join(List::Day(list), content);
    let other = |count: i64, rows: &[Counted]| count - rows.iter().map(|c| c.views).sum::<i64>();
    for (metric, list) in NAMES {
        if let Some((count, rows)) = joined(list) {
            let other = other(count, &rows);
            let items: Vec<_> = rows.into_iter().map(place).collect();
            r.give(metric, length_ms, &Fields::Names { items: &items, other, count });
        }
    }
    if let Some((count, rows)) = joined(DayList::Campaigns) {
        let other = other(count, &rows);
        let items: Vec<_> = rows.iter().map(campaign).collect();
        r.give(Metric::DayCampaigns, length_ms, &Fields::Campaigns { items: &items, other, count });
    }
    if content.tally(TallyKind::Day).is_some_and(|tally| tally.n[0] > 0) {
        let (count, rows) = super::render::join_all(List::Day(DayList::Hours), content);
        let mut items: Vec<_> = rows.iter().map(|row| hour(row, day)).collect();
        items.sort_by_key(|item| item.hour);
        r.give(Metric::DayHours, length_ms, &Fields::Hours { items: &items, count });
    }
}

fn campaign(row: &Counted) -> CampaignPlace {
    let mut parts = row.name.text.splitn(3, '\0').map(str::to_owned);
    let mut part = || parts.next().unwrap_or_default();
    let (source, medium, campaign) = (part(), part(), part());
    CampaignPlace { source, medium, campaign, views: row.views, users: row.users }
}

fn hour(row: &Counted, day: Day) -> HourPlace {
    let hour: i64 = row.name.text.parse().unwrap_or_default();
    let start_ms = day.start_ms + hour * HOUR_MS;
    HourPlace { hour, start_ms, views: row.views, users: row.users }
}
