//! Lists of the most viewed: pages, places, devices, browsers, systems and referrers.
//!
//! Invariant: more views come first, equal ones are ordered by the bytes of what they are, and what
//! finds no place is in `other`.

use std::collections::{BTreeMap, BTreeSet};

use super::event::Event;
use super::number::{ratio, wide};
use super::record::{Record, array, quoted};

pub(super) const LIST_PLACES: usize = 20;
const COUNTRY_PLACES: usize = 300;
const UNKNOWN: &str = "(unknown)";

/// What an event says, or that it says nothing.
pub(super) fn known(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or(UNKNOWN)
}

/// How many users there are in these events.
pub(super) fn users(events: &[&Event]) -> usize {
    events.iter().map(|event| &event.user).collect::<BTreeSet<_>>().len()
}

/// A value of a list with its page views, or whatever is counted, and distinct users.
pub(super) struct Place<T> {
    pub(super) value: T,
    pub(super) views: usize,
    pub(super) users: usize,
}

/// What these events say, each with its user.
pub(super) fn said<'e, 'a, T>(
    events: &'e [&'a Event],
    value: impl Fn(&'a Event) -> T + 'e,
) -> impl Iterator<Item = (T, &'a str)> + 'e {
    events.iter().map(move |event| (value(event), event.user.as_str()))
}

/// The values that are said most often, equal ones in their own order, and how often the rest is.
pub(super) fn top<'a, T: Ord>(
    said: impl Iterator<Item = (T, &'a str)>,
    places: usize,
) -> (Vec<Place<T>>, usize) {
    let mut by_value = BTreeMap::<T, Vec<&str>>::new();
    for (value, user) in said {
        by_value.entry(value).or_default().push(user);
    }
    let mut all: Vec<Place<T>> = by_value
        .into_iter()
        .map(|(value, users)| Place {
            value,
            views: users.len(),
            users: users.into_iter().collect::<BTreeSet<_>>().len(),
        })
        .collect();
    all.sort_by(|a, b| b.views.cmp(&a.views).then_with(|| a.value.cmp(&b.value)));
    let rest = all.split_off(all.len().min(places));
    (all, rest.iter().map(|place| place.views).sum())
}

/// POPULAR_CONTENT: the pages with their share.
pub(super) fn popular_content(record: Record, views: &[&Event]) -> Record {
    let (pages, other) = top(said(views, |event| event.page.as_str()), LIST_PLACES);
    let items = pages.iter().map(|page| {
        let share = ratio(100 * wide(page.views), wide(views.len()));
        format!(
            r#"{{"url":{},"views":{},"users":{},"share":{share}}}"#,
            quoted(page.value),
            page.views,
            page.users
        )
    });
    record.with("items", array(items)).with("other", other).with("count", views.len())
}

/// GEO_DISTRIBUTION: the countries, and the cities with theirs.
pub(super) fn geo_distribution(record: Record, views: &[&Event]) -> Record {
    let (countries, other) = top(said(views, |event| known(&event.country)), COUNTRY_PLACES);
    let items = countries.iter().map(|country| {
        format!(
            r#"{{"country":{},"views":{},"users":{}}}"#,
            quoted(country.value),
            country.views,
            country.users
        )
    });
    let (cities, _) =
        top(said(views, |event| (known(&event.country), known(&event.city))), LIST_PLACES);
    let city_items = cities.iter().map(|place| {
        let (country, city) = place.value;
        format!(
            r#"{{"country":{},"city":{},"views":{},"users":{}}}"#,
            quoted(country),
            quoted(city),
            place.views,
            place.users
        )
    });
    record
        .with("items", array(items))
        .with("other", other)
        .with("cities", array(city_items))
        .with("count", views.len())
}

/// A list of names with their views and users.
pub(super) fn names<'a>(
    record: Record,
    said: impl Iterator<Item = (&'a str, &'a str)>,
    places: usize,
) -> Record {
    let (names, other) = top(said, places);
    let items = names.iter().map(|place| {
        format!(
            r#"{{"name":{},"views":{},"users":{}}}"#,
            quoted(place.value),
            place.views,
            place.users
        )
    });
    let count = names.iter().map(|place| place.views).sum::<usize>() + other;
    record.with("items", array(items)).with("other", other).with("count", count)
}

#[cfg(test)]
mod tests {
    use super::super::Finals;
    use super::super::example::{event, fields, finals_of, page_view};

    fn check(finals: &Finals, metric: &str, expected: &str) {
        // The window of the first minute; every event of it is in 5 others as well.
        let (name, dimension) = metric.split_once('|').unwrap_or((metric, ""));
        assert_eq!(fields(finals, &format!("{name}|0|60000|{dimension}")), expected, "{metric}");
    }

    #[test]
    fn lists_have_20_places() {
        let page = |n: usize| format!("/{n:02}");
        let mut values: Vec<_> = (0..22).map(|n| page_view("a", 100, &page(n))).collect();
        values.push(page_view("b", 200, &page(21)));
        let finals = finals_of(&values);
        let first = r#"{"url":"/21","views":2,"users":2,"share":8.695652}"#.to_owned();
        let rest = (0..19)
            .map(|n| format!(r#"{{"url":"{}","views":1,"users":1,"share":4.347826}}"#, page(n)));
        let items: Vec<String> = std::iter::once(first).chain(rest).collect();
        check(
            &finals,
            "POPULAR_CONTENT",
            &format!(r#""items":[{}],"other":2,"count":23"#, items.join(",")),
        );
        check(
            &finals,
            "REFERRERS",
            r#""items":[{"name":"(direct)","views":23,"users":2}],"other":0,"count":23"#,
        );
    }

    #[test]
    fn cities_stand_with_their_countries() {
        let at = |user: &str, country: &str, city: &str| {
            event(
                user,
                5,
                "PAGE_VIEW",
                &format!(r#","sessionData":{{"country":"{country}","city":"{city}"}}"#),
            )
        };
        let finals = finals_of(&[
            at("a", "US", "Paris"),
            at("b", "FR", "Paris"),
            at("b", "FR", ""),
            at("b", "FR", ""),
        ]);
        check(
            &finals,
            "GEO_DISTRIBUTION",
            concat!(
                r#""items":[{"country":"FR","views":3,"users":1},{"country":"US","views":1,"users":1}],"other":0,"#,
                r#""cities":[{"country":"FR","city":"(unknown)","views":2,"users":1},{"country":"FR","city":"Paris","views":1,"users":1},"#,
                r#"{"country":"US","city":"Paris","views":1,"users":1}],"count":4"#
            ),
        );
    }
}
