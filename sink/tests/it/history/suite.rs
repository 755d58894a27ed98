//! The suite itself: what is fed, what is asked, and what must be the answer.

use super::Fixture;
use super::records::{
    ODD, Record, behaviour, ended, funnel, geo, journeys, page_views, pages, revenue,
};
use streamgauge_sink::store::FieldValue::{self, Float, Integer, Text};
use streamgauge_sink::store::{Found, History, HistoryQuery, HistoryStore};

type Test = fn(&mut dyn Fixture);

pub(crate) const SUITE: [(&str, Test); 6] = [
    ("fields keep their types", fields_keep_their_types),
    ("ranges, steps and bounds", ranges_steps_and_bounds),
    ("series are told apart by exactly their tags", series_are_told_apart),
    ("odd texts come back as they were", odd_texts_come_back),
    ("a moment has all points in order", a_moment_has_all_points_in_order),
    ("what is replaced or ends leaves nothing behind", nothing_is_left_behind),
];

const S: i64 = 1_000;

fn query(f: &dyn Fixture, measurement: &str, tags: &[(&str, &str)], field: &str) -> HistoryQuery {
    HistoryQuery {
        measurement: measurement.to_owned(),
        tags: tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        field: field.to_owned(),
        from_ms: f.hour_ms() - 3_600 * S,
        to_ms: f.hour_ms(),
        step_ms: None,
        most: 100,
    }
}

fn ask(f: &dyn Fixture, query: &HistoryQuery) -> History {
    f.history().history(query).unwrap()
}

fn values(f: &dyn Fixture, name: &str, tags: &[(&str, &str)], field: &str) -> Vec<FieldValue> {
    ask(f, &query(f, name, tags, field)).points.into_iter().map(|(_, value)| value).collect()
}

fn fields_keep_their_types(f: &mut dyn Fixture) {
    let at = f.hour_ms() - 60 * S;
    f.feed(vec![page_views(at, 12.4, 62), page_views(at + 5 * S, 3.0, 15)]);
    f.feed(vec![page_views(at + 10 * S, 0.000_001, 0), page_views(at + 15 * S, 1e15, i64::MAX)]);
    let found = |field| values(f, "page_views_per_second", &[], field);
    assert_eq!(found("value"), [12.4, 3.0, 0.000_001, 1e15].map(Float));
    assert_eq!(found("count"), [62, 15, 0, i64::MAX].map(Integer));
    assert_eq!(found("state"), ["final"; 4].map(|state| Text(state.into())));
    assert_eq!(found("nothing"), []);
}

fn ranges_steps_and_bounds(f: &mut dyn Fixture) {
    let from = f.hour_ms() - 600 * S;
    f.feed((0..100).map(|i| page_views(from + i * 5 * S, 1.0, i)).collect());
    let base = query(f, "page_views_per_second", &[("metric", "real_time")], "count");
    let check = |from_ms: i64, to_ms: i64, step_ms, most, expected: &[i64], truncated| {
        let found = ask(f, &HistoryQuery { from_ms, to_ms, step_ms, most, ..base.clone() });
        let point = |i: &i64| (from + i * 5 * S, Integer(*i));
        let expected: Vec<_> = expected.iter().map(point).collect();
        assert_eq!(found, History { points: expected, truncated });
    };
    check(from, from + 15 * S, None, 9, &[0, 1, 2], false);
    check(from + 1, from + 15 * S + 1, None, 9, &[1, 2, 3], false);
    check(from, from + 500 * S, None, 3, &[0, 1, 2], true);
    check(from, from + 15 * S, None, 3, &[0, 1, 2], false);
    check(from, from + 15 * S, None, 0, &[], true);
    check(from - 50 * S, from, None, 0, &[], false);
    check(from, from, None, 9, &[], false);
    check(from + 9, from, None, 9, &[], false);
    // The steps are whole minutes; the hour begins one.
    check(from, from + 180 * S, Some(60 * S), 9, &[11, 23, 35], false);
    check(from + 30 * S, from + 150 * S, Some(60 * S), 9, &[11, 23, 29], false);
    check(from, from + 500 * S, Some(60 * S), 2, &[11, 23], true);
    check(from, from + 120 * S, Some(60 * S), 2, &[11, 23], false);
    check(i64::MIN, i64::MAX, Some(86_400_000 * 400), 9, &[99], false);
    let absent = HistoryQuery { measurement: "active_users".into(), ..base.clone() };
    assert_eq!(ask(f, &absent), History::default());
    assert_eq!(ask(f, &HistoryQuery { measurement: "x\" or".into(), ..base }), History::default());
}

fn series_are_told_apart(f: &mut dyn Fixture) {
    let at = f.hour_ms() - 60 * S;
    f.feed(vec![
        pages(at, &["/a", "/b"], "final"),
        revenue(at, "USD", 5.5),
        revenue(at, "EUR", 6.0),
        behaviour(at),
        journeys(at),
        funnel(at, "one", true, "final"),
        funnel(at, "two", false, "final"),
    ]);
    let check = |name: &str, tags: &[(&str, &str)], field: &str, expected: &[FieldValue]| {
        assert_eq!(values(f, name, tags, field), expected, "{name} {tags:?}");
    };
    check("popular_content", &[], "count", &[Integer(77)]);
    check("popular_content", &[], "views", &[]);
    check("popular_content", &[("rank", "02")], "url", &[Text("/b".into())]);
    check("popular_content", &[("rank", "02")], "share", &[Float(12.5)]);
    check("popular_content", &[("rank", "02"), ("currency", "EUR")], "url", &[]);
    check("revenue_per_user", &[("currency", "EUR")], "value", &[Float(6.0)]);
    check("revenue_per_user", &[("currency", "CHF")], "value", &[]);
    check("revenue_per_user", &[], "value", &[]);
    let class = [("from", "0"), ("histogram", "duration")];
    check("behaviour", &class, "sessions", &[Integer(3)]);
    check("behaviour", &[("from", "0")], "sessions", &[]);
    check("behaviour", &[], "newUsers", &[Integer(2)]);
    check("journeys", &[("rank", "01")], "path", &[Text("/ > /cart".into())]);
    check("journey_transitions", &[("rank", "01")], "to", &[Text("/cart".into())]);
    check("funnel", &[("funnel", "one"), ("step", "2")], "dropOff", &[Float(66.666_667)]);
    check("funnel", &[("funnel", "two"), ("step", "2")], "dropOff", &[]);
    check("funnel", &[("funnel", "two")], "count", &[Integer(4)]);
}

fn odd_texts_come_back(f: &mut dyn Fixture) {
    let at = f.hour_ms() - 60 * S;
    f.feed(vec![pages(at, &ODD, "final")]);
    for (i, url) in ODD.iter().enumerate() {
        let rank = format!("{:02}", i + 1);
        let found = values(f, "popular_content", &[("rank", &rank)], "url");
        assert_eq!(found, [Text((*url).into())], "{url:?}");
    }
    let odd = || ODD.iter().filter(|text| !text.is_empty());
    f.feed(odd().map(|name| funnel(at, name, true, "final")).collect());
    for name in odd() {
        let found = values(f, "funnel", &[("funnel", name)], "count");
        assert_eq!(found, [Integer(4)], "{name:?}");
    }
    f.feed(odd().skip(1).map(|name| ended(&funnel(at, name, true, ""))).collect());
    assert_eq!(values(f, "funnel", &[("funnel", "plain")], "count"), [Integer(4)]);
    for name in odd().skip(1) {
        assert_eq!(values(f, "funnel", &[("funnel", name)], "count"), [], "{name:?}");
    }
}

/// What was found, in words; fields in the order of their names.
fn words(found: &[Found]) -> Vec<String> {
    let word = |found: &Found| {
        let mut fields: Vec<_> = found.fields.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
        fields.sort_unstable();
        format!("{} {:?} {}", found.measurement, found.tags, fields.join(" "))
    };
    found.iter().map(word).collect()
}

fn moment(f: &dyn Fixture, measurements: &[&str], time_ms: i64) -> Vec<Found> {
    f.history().moment(measurements, time_ms).unwrap()
}

fn a_moment_has_all_points_in_order(f: &mut dyn Fixture) {
    let at = f.hour_ms() - 60 * S;
    let urls: Vec<_> = (0..12).map(|i| format!("/{i}")).collect();
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    f.feed(vec![
        pages(at, &urls, "final"),
        pages(at + 10 * S, &["/later"], "final"),
        geo(at, &ODD[1..], "final"),
        page_views(at, 1.0, 5),
    ]);
    let found = moment(f, &["popular_content", "page_views_per_second"], at);
    assert_eq!(found.len(), 14);
    let ranks: Vec<_> = found.iter().filter_map(|point| point.tag("rank")).collect();
    assert_eq!(ranks.len(), 12);
    assert!(ranks.is_sorted(), "{ranks:?}");
    assert_eq!(found[13].measurement, "page_views_per_second");
    assert_eq!(found[13].tag("metric"), Some("real_time"));
    assert_eq!(found[13].field("count"), Some(&Integer(5)));
    assert_eq!(found[13].field("state"), Some(&Text("final".into())));
    assert_eq!(moment(f, &["geo_distribution"], at).len(), ODD.len());
    assert_eq!(moment(f, &["geo_cities"], at)[0].field("city"), Some(&Text("A \"b\"\n".into())));
    assert_eq!(moment(f, &["popular_content"], at + 1), []);
    assert_eq!(moment(f, &["popular_content"], at - 1), []);
    assert_eq!(moment(f, &[], at), []);
    assert_eq!(moment(f, &["nothing"], at), []);
}

fn nothing_is_left_behind(f: &mut dyn Fixture) {
    let at = f.hour_ms() - 60 * S;
    let all =
        ["popular_content", "geo_distribution", "geo_cities", "funnel", "page_views_per_second"];
    let times = [at - 5 * S, at, at + 5 * S];
    for time in times {
        f.feed(vec![
            pages(time, &["/a", "/b", "/c"], "final"),
            geo(time, &["DE", "A \"b\"\\", "FR"], "final"),
            funnel(time, "x", true, "final"),
            funnel(time, "y", true, "final"),
            page_views(time, 1.0, 5),
        ]);
    }
    let before = times.map(|time| words(&moment(f, &all, time)));
    f.feed(vec![
        pages(at, &["/c"], "corrected"),
        geo(at, &["FR"], "corrected"),
        funnel(at, "x", false, "corrected"),
    ]);
    let found = moment(f, &all, at);
    let count = |name: &str| found.iter().filter(|point| point.measurement == name).count();
    assert_eq!(all.map(count), [2, 2, 1, 6, 1], "{:#?}", words(&found));
    let step = |name: &str| {
        let is =
            |point: &&Found| point.tag("funnel") == Some(name) && point.tag("step") == Some("2");
        found.iter().find(is).unwrap().field("dropOff").cloned()
    };
    assert_eq!((step("x"), step("y")), (None, Some(Float(66.666_667))));
    f.feed(vec![
        ended(&pages(at, &[], "")),
        ended(&geo(at, &[], "")),
        ended(&funnel(at, "x", true, "")),
        ended(&page_views(at, 1.0, 5)),
    ]);
    let left = moment(f, &all, at);
    assert_eq!(left.len(), 3, "{:#?}", words(&left));
    assert!(left.iter().all(|point| point.tag("funnel") == Some("y")));
    for (time, before) in [(times[0], &before[0]), (times[2], &before[2])] {
        assert_eq!(&words(&moment(f, &all, time)), before, "neighbours stay as they are");
    }
    // A result that comes again, and one that is gone within the records that came with it.
    f.feed(vec![pages(at, &["/d", "/e"], "corrected"), ended(&funnel(at, "y", true, ""))]);
    f.feed(vec![
        pages(at, &["/d"], "corrected"),
        page_views(at, 2.0, 6),
        ended(&page_views(at, 2.0, 6)),
    ]);
    assert_eq!(words(&moment(f, &all, at)).len(), 2);
}

/// Both stores give the same answers to the same records.
pub(crate) fn same_answers(one: &mut dyn Fixture, other: &mut dyn Fixture) {
    let at = one.hour_ms() - 300 * S;
    assert_eq!(one.hour_ms(), other.hour_ms());
    let batches: Vec<Vec<Record>> = (0..30)
        .map(|i| {
            let time = at + i * 5 * S;
            let odd = |n: i64| ODD[usize::try_from((i + n) % 8).unwrap() + 1];
            let again = time - 10 * S;
            vec![
                page_views(time, i as f64 / 7.0, i),
                pages(time, &[odd(0), odd(1), odd(2)], "final"),
                geo(time, &[odd(3), odd(4)], "final"),
                funnel(time, odd(5), i % 2 == 0, "final"),
                revenue(time, if i % 3 == 0 { "USD" } else { "EUR" }, 0.1),
                behaviour(time),
                journeys(time),
                pages(again, &[odd(7)], "corrected"),
                geo(again, &[odd(6)], "corrected"),
                if i % 5 == 4 { ended(&behaviour(again)) } else { behaviour(again) },
            ]
        })
        .collect();
    for batch in batches {
        one.feed(batch.clone());
        other.feed(batch);
    }
    let measurements = [
        "behaviour",
        "journeys",
        "journey_transitions",
        "popular_content",
        "geo_distribution",
        "geo_cities",
        "funnel",
        "revenue_per_user",
        "page_views_per_second",
    ];
    for i in -3..31 {
        let time = at + i * 5 * S;
        let of = |f: &dyn Fixture| words(&moment(f, &measurements, time));
        assert_eq!(of(one), of(other), "at {i}");
    }
    let mut queries = vec![("page_views_per_second", vec![], "value")];
    queries.push(("popular_content", vec![("rank", "01")], "url"));
    queries.push(("revenue_per_user", vec![("currency", "USD")], "value"));
    queries.extend(ODD[1..].iter().map(|name| ("funnel", vec![("funnel", *name)], "count")));
    queries.extend(
        ODD[1..].iter().map(|name| ("geo_distribution", vec![("country", *name)], "views")),
    );
    for (measurement, tags, field) in queries {
        for (step_ms, most) in [(None, 100), (Some(17 * S), 100), (Some(60 * S), 2), (None, 3)] {
            let question = HistoryQuery { step_ms, most, ..query(one, measurement, &tags, field) };
            let of = |store: &dyn HistoryStore| store.history(&question).unwrap();
            assert_eq!(of(one.history()), of(other.history()), "{question:?}");
        }
    }
}
