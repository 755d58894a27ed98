//! The daily family: a day's events, and the sessions that ended in it.
//!
//! Invariant: a result that is made from sessions says nothing of events that are in none that
//! ended in the day, and the other way round.

use std::collections::BTreeMap;

use super::business::{by_currency, of_kind};
use super::event::{Event, EventKind};
use super::leaves::minor_digits;
use super::lists::{known, names, said, top, users};
use super::log::Entry;
use super::number::{ratio, wide};
use super::record::{Record, array, quoted};
use super::sessions::Session;
use super::view::Span;

const PLACES: usize = 50;
const HOUR_MS: i64 = 3_600_000;

/// All records of a day.
pub(super) fn of_day(day_ms: Span, entries: &[Entry<'_>], sessions: &[Session<'_>]) -> Vec<Record> {
    let events: Vec<&Event> = entries.iter().map(|entry| entry.event).collect();
    let mut records = of_events(day_ms, &events);
    records.extend(of_views(day_ms, &of_kind(&events, EventKind::PageView)));
    records.extend(of_sessions(day_ms, sessions));
    records
}

fn record(metric: &str, day_ms: Span) -> Record {
    Record::new(metric, "day", day_ms, &[])
}

fn single(metric: &str, day_ms: Span, value: impl std::fmt::Display, count: usize) -> Record {
    record(metric, day_ms).with("value", value).with("count", count)
}

fn of_events(day_ms: Span, events: &[&Event]) -> Vec<Record> {
    if events.is_empty() {
        return Vec::new();
    }
    let views = of_kind(events, EventKind::PageView);
    let conversions = of_kind(events, EventKind::Conversion);
    let mut records = vec![
        single("DAY_VISITORS", day_ms, users(events), events.len()),
        single("DAY_PAGE_VIEWS", day_ms, views.len(), users(&views)),
        single("DAY_CONVERSIONS", day_ms, conversions.len(), users(&conversions)),
        record("DAY_HOURS", day_ms)
            .with("items", array(hours(day_ms, events)))
            .with("count", views.len()),
    ];
    for (currency, values) in by_currency(&conversions) {
        let minor: i128 = values.iter().copied().map(i128::from).sum();
        records.push(
            Record::new("DAY_REVENUE", "day", day_ms, &[("currency", currency)])
                .with("value", ratio(minor, 10_i128.pow(minor_digits(currency))))
                .with("count", values.len()),
        );
    }
    records
}

/// The hours with an event, counted from the start of the day and not by a clock.
fn hours((start_ms, _): Span, events: &[&Event]) -> Vec<String> {
    let mut by_hour = BTreeMap::<i64, Vec<&Event>>::new();
    for event in events {
        by_hour.entry((event.timestamp_ms - start_ms) / HOUR_MS).or_default().push(event);
    }
    let item = |(hour, events): (i64, Vec<&Event>)| {
        format!(
            r#"{{"hour":{hour},"start":{},"views":{},"users":{}}}"#,
            start_ms + hour * HOUR_MS,
            of_kind(&events, EventKind::PageView).len(),
            users(&events)
        )
    };
    by_hour.into_iter().map(item).collect()
}

/// The lists of what the page views say.
fn of_views(day_ms: Span, views: &[&Event]) -> Vec<Record> {
    if views.is_empty() {
        return Vec::new();
    }
    let list =
        |metric, name: fn(&Event) -> &str| names(record(metric, day_ms), said(views, name), PLACES);
    let mut records = vec![
        list("DAY_PAGES", |event| &event.page),
        list("DAY_REFERRERS", |event| &event.referrer),
        list("DAY_COUNTRIES", |event| known(&event.country)),
        list("DAY_DEVICES", |event| known(&event.device)),
    ];
    records.extend(campaigns(record("DAY_CAMPAIGNS", day_ms), views));
    records
}

fn campaigns(record: Record, views: &[&Event]) -> Option<Record> {
    let told: Vec<_> = said(views, |event| event.campaign.as_ref())
        .filter_map(|(campaign, user)| Some((campaign?, user)))
        .collect();
    let count = told.len();
    let (campaigns, other) = top(told.into_iter(), PLACES);
    let items = campaigns.iter().map(|place| {
        format!(
            r#"{{"source":{},"medium":{},"campaign":{},"views":{},"users":{}}}"#,
            quoted(&place.value.source),
            quoted(&place.value.medium),
            quoted(&place.value.campaign),
            place.views,
            place.users
        )
    });
    (count > 0)
        .then(|| record.with("items", array(items)).with("other", other).with("count", count))
}

fn of_sessions(day_ms: Span, sessions: &[Session<'_>]) -> Vec<Record> {
    if sessions.is_empty() {
        return Vec::new();
    }
    let viewed: Vec<_> = sessions.iter().filter(|session| session.page_views() > 0).collect();
    let total_ms: i128 = sessions.iter().map(|session| i128::from(session.duration_ms())).sum();
    let mean_s = ratio(total_ms, 1_000 * wide(sessions.len()));
    let mut records = vec![
        single("DAY_SESSIONS", day_ms, sessions.len(), viewed.len()),
        single("DAY_AVERAGE_SESSION_DURATION", day_ms, mean_s, sessions.len()),
    ];
    if !viewed.is_empty() {
        let bounced = viewed.iter().filter(|session| session.bounced()).count();
        let rate = ratio(100 * wide(bounced), wide(viewed.len()));
        records.push(single("DAY_BOUNCE_RATE", day_ms, rate, viewed.len()));
        let entries =
            viewed.iter().filter_map(|session| Some((session.entry_page()?, session.user)));
        let exits = viewed.iter().filter_map(|session| Some((session.exit_page()?, session.user)));
        records.push(names(record("DAY_ENTRY_PAGES", day_ms), entries, PLACES));
        records.push(names(record("DAY_EXIT_PAGES", day_ms), exits, PLACES));
    }
    records
}

#[cfg(test)]
mod tests;
