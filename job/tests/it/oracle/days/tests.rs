//! Small logs of a day or two, whose results are written by hand.

use super::super::example::{conversion, event, fields, page_view, settings};
use super::super::{Days, Finals, Settings, finals, judge};

/// In UTC from 1970 on.
const MIDNIGHT_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// What stands at the end where days begin at these times.
fn finals_by(starts_ms: &[i64], values: &[Vec<u8>]) -> Finals {
    let s = Settings { days: Some(Days { starts_ms: starts_ms.to_vec() }), ..settings() };
    finals(&judge(values, &s), &s)
}

/// The same for the first two days in UTC.
fn finals_of(values: &[Vec<u8>]) -> Finals {
    finals_by(&[0, MIDNIGHT_MS, 2 * MIDNIGHT_MS], values)
}

/// A result of the first day, or of the second with a `+` before its name.
fn check(finals: &Finals, metric: &str, expected: &str) {
    let (day_ms, metric) = match metric.strip_prefix('+') {
        Some(metric) => ((MIDNIGHT_MS, 2 * MIDNIGHT_MS), metric),
        None => ((0, MIDNIGHT_MS), metric),
    };
    check_day(finals, metric, day_ms, expected);
}

fn check_day(finals: &Finals, metric: &str, (start, end): (i64, i64), expected: &str) {
    let (name, dimension) = metric.split_once('|').unwrap_or((metric, ""));
    let found = fields(finals, &format!("{name}|{start}|{end}|{dimension}"));
    assert_eq!(found, expected, "{metric} {start}");
}

#[test]
fn without_days_there_are_none() {
    let finals = super::super::example::finals_of(&[page_view("a", 5, "/?utm_source=s")]);
    assert!(!finals.results.keys().any(|key| key.starts_with("DAY_")));
    assert!(!finals.summary.results.keys().any(|metric| metric.starts_with("DAY_")));
    assert!(!finals.summary.line().contains("DAY_"));
}

#[test]
fn users_are_distinct_over_the_hours() {
    let finals = finals_of(&[
        page_view("a", 10 * MINUTE_MS, "/"),
        page_view("b", 20 * MINUTE_MS, "/"),
        event("c", 30 * MINUTE_MS, "SESSION_START", ""),
        page_view("a", 5 * HOUR_MS, "/"),
        page_view("a", 6 * HOUR_MS - 1, "/"),
        event("c", 7 * HOUR_MS, "CONVERSION", ""),
        event("d", 8 * HOUR_MS, "SCROLL", ""),
        event("e", MIDNIGHT_MS, "SESSION_END", ""),
    ]);
    assert_eq!(
        finals.results["DAY_VISITORS|0|86400000|"],
        concat!(
            r#"{"metricType":"DAY_VISITORS","category":"day","windowStart":0,"windowEnd":86400000,"#,
            r#""dimensions":{},"value":3,"count":6,"state":"final"}"#
        )
    );
    check(&finals, "DAY_PAGE_VIEWS", r#""value":4,"count":2"#);
    check(&finals, "DAY_CONVERSIONS", r#""value":1,"count":1"#);
    check(
        &finals,
        "DAY_HOURS",
        concat!(
            r#""items":[{"hour":0,"start":0,"views":2,"users":3},"#,
            r#"{"hour":5,"start":18000000,"views":2,"users":1},"#,
            r#"{"hour":7,"start":25200000,"views":0,"users":1}],"count":4"#
        ),
    );
    check(&finals, "+DAY_VISITORS", r#""value":1,"count":1"#);
    check(&finals, "+DAY_PAGE_VIEWS", r#""value":0,"count":0"#);
    check(&finals, "+DAY_CONVERSIONS", r#""value":0,"count":0"#);
    check(
        &finals,
        "+DAY_HOURS",
        r#""items":[{"hour":0,"start":86400000,"views":0,"users":1}],"count":0"#,
    );
    for absent in ["+DAY_PAGES", "+DAY_REFERRERS", "+DAY_COUNTRIES", "+DAY_DEVICES"] {
        check(&finals, absent, "");
    }
    check(&finals, "DAY_CAMPAIGNS", "");
    assert_eq!(finals.summary.results["DAY_VISITORS"], 2);
    assert_eq!(finals.summary.results["DAY_PAGES"], 1);
    assert_eq!(finals.summary.results["DAY_CAMPAIGNS"], 0);
    assert!(finals.summary.line().contains(concat!(
        r#""DAY_VISITORS":2,"DAY_PAGE_VIEWS":2,"DAY_CONVERSIONS":2,"DAY_REVENUE":1,"#,
        r#""DAY_SESSIONS":2,"DAY_BOUNCE_RATE":1,"DAY_AVERAGE_SESSION_DURATION":2,"#,
        r#""DAY_PAGES":1,"DAY_REFERRERS":1,"DAY_COUNTRIES":1,"DAY_DEVICES":1,"DAY_CAMPAIGNS":0,"#,
        r#""DAY_ENTRY_PAGES":1,"DAY_EXIT_PAGES":1,"DAY_HOURS":2}"#
    )));
}

#[test]
fn a_day_can_have_23_hours() {
    // 31 March 2024 in Berlin, and the hour before and after.
    let (start, end) = (1_711_839_600_000, 1_711_922_400_000);
    let days = Days::of_zone("Europe/Berlin", start - 1, end);
    let finals = finals_by(
        &days.starts_ms,
        &[
            page_view("a", start - 1, "/"),
            page_view("a", start, "/"),
            page_view("b", end - 1, "/"),
            page_view("c", end, "/"),
        ],
    );
    check_day(&finals, "DAY_VISITORS", (start - 86_400_000, start), r#""value":1,"count":1"#);
    check_day(&finals, "DAY_VISITORS", (start, end), r#""value":2,"count":2"#);
    check_day(
        &finals,
        "DAY_HOURS",
        (start, end),
        concat!(
            r#""items":[{"hour":0,"start":1711839600000,"views":1,"users":1},"#,
            r#"{"hour":22,"start":1711918800000,"views":1,"users":1}],"count":2"#
        ),
    );
    check_day(&finals, "DAY_VISITORS", (end, end + 86_400_000), r#""value":1,"count":1"#);
}

#[test]
fn a_day_can_have_25_hours() {
    // 27 October 2024 in Berlin, with both hours from 2:00 to 3:00.
    let (start, end) = (1_729_980_000_000, 1_730_070_000_000);
    let days = Days::of_zone("Europe/Berlin", start, end);
    let finals = finals_by(
        &days.starts_ms,
        &[
            page_view("a", start + 2 * HOUR_MS, "/"),
            page_view("a", start + 3 * HOUR_MS, "/"),
            page_view("a", end - 1, "/"),
        ],
    );
    check_day(
        &finals,
        "DAY_HOURS",
        (start, end),
        concat!(
            r#""items":[{"hour":2,"start":1729987200000,"views":1,"users":1},"#,
            r#"{"hour":3,"start":1729990800000,"views":1,"users":1},"#,
            r#"{"hour":24,"start":1730066400000,"views":1,"users":1}],"count":3"#
        ),
    );
}

#[test]
fn what_is_late_for_the_business_family_is_late_for_its_day() {
    // Late by ten minutes for its pane, and still a session that ended in the day.
    let finals =
        finals_of(&[page_view("a", 2 * HOUR_MS, "/"), page_view("b", 2 * HOUR_MS - 616_000, "/")]);
    check(&finals, "DAY_VISITORS", r#""value":1,"count":1"#);
    check(
        &finals,
        "DAY_PAGES",
        r#""items":[{"name":"/","views":1,"users":1}],"other":0,"count":1"#,
    );
    check(&finals, "DAY_SESSIONS", r#""value":2,"count":2"#);
}

#[test]
fn campaigns_are_those_of_page_views() {
    let finals = finals_of(&[
        page_view("a", 1, "/?utm_source=news&utm_medium=mail&utm_campaign=x%20y"),
        page_view("a", 2, "/x?utm_source=news&utm_medium=mail&utm_campaign=x+y#z"),
        page_view("b", 3, "/?utm_source=news&utm_medium=mail"),
        page_view("a", 4, "/?utm_medium=mail"),
        page_view("b", 5, "/?utm_source=Ads"),
        page_view("b", 6, "/?utm_source="),
        event("b", 7, "CONVERSION", r#","pageViewData":{"url":"/?utm_source=Ads"}"#),
    ]);
    check(
        &finals,
        "DAY_CAMPAIGNS",
        concat!(
            r#""items":[{"source":"news","medium":"mail","campaign":"x y","views":2,"users":1},"#,
            r#"{"source":"(none)","medium":"mail","campaign":"(none)","views":1,"users":1},"#,
            r#"{"source":"Ads","medium":"(none)","campaign":"(none)","views":1,"users":1},"#,
            r#"{"source":"news","medium":"mail","campaign":"(none)","views":1,"users":1}],"#,
            r#""other":0,"count":5"#
        ),
    );
}

#[test]
fn sessions_are_of_the_day_in_which_they_ended() {
    let finals = finals_of(&[
        // A SESSION_END at midnight itself ends in the second day.
        page_view("a", 12 * HOUR_MS, "/in"),
        page_view("a", 12 * HOUR_MS + MINUTE_MS, "/out"),
        event("b", 13 * HOUR_MS, "SESSION_END", ""),
        page_view("c", MIDNIGHT_MS - 40 * MINUTE_MS, "/in"),
        // Half an hour later it is 0:20.
        page_view("c", MIDNIGHT_MS - 10 * MINUTE_MS, "/late"),
        event("d", MIDNIGHT_MS - 2, "PAGE_VIEW", r#","sessionId":"1""#),
        event("d", MIDNIGHT_MS - 1, "SESSION_END", r#","sessionId":"1""#),
        page_view("e", MIDNIGHT_MS - 1, "/in"),
        event("e", MIDNIGHT_MS, "SESSION_END", ""),
    ]);
    check(&finals, "DAY_SESSIONS", r#""value":3,"count":2"#);
    check(&finals, "DAY_BOUNCE_RATE", r#""value":50,"count":2"#);
    check(&finals, "DAY_AVERAGE_SESSION_DURATION", r#""value":20.000333,"count":3"#);
    check(
        &finals,
        "DAY_ENTRY_PAGES",
        concat!(
            r#""items":[{"name":"(unknown)","views":1,"users":1},{"name":"/in","views":1,"users":1}],"#,
            r#""other":0,"count":2"#
        ),
    );
    check(
        &finals,
        "DAY_EXIT_PAGES",
        concat!(
            r#""items":[{"name":"(unknown)","views":1,"users":1},{"name":"/out","views":1,"users":1}],"#,
            r#""other":0,"count":2"#
        ),
    );
    check(&finals, "+DAY_SESSIONS", r#""value":2,"count":2"#);
    check(&finals, "+DAY_BOUNCE_RATE", r#""value":50,"count":2"#);
    check(&finals, "+DAY_AVERAGE_SESSION_DURATION", r#""value":900.0005,"count":2"#);
    check(
        &finals,
        "+DAY_ENTRY_PAGES",
        r#""items":[{"name":"/in","views":2,"users":2}],"other":0,"count":2"#,
    );
    check(
        &finals,
        "+DAY_EXIT_PAGES",
        concat!(
            r#""items":[{"name":"/in","views":1,"users":1},{"name":"/late","views":1,"users":1}],"#,
            r#""other":0,"count":2"#
        ),
    );
    check(&finals, "+DAY_VISITORS", r#""value":1,"count":1"#);
}

#[test]
fn sessions_without_a_page_view_have_no_pages() {
    let finals = finals_of(&[event("a", MIDNIGHT_MS - 1, "SESSION_START", "")]);
    check(&finals, "+DAY_SESSIONS", r#""value":1,"count":0"#);
    check(&finals, "+DAY_AVERAGE_SESSION_DURATION", r#""value":0,"count":1"#);
    for absent in ["+DAY_BOUNCE_RATE", "+DAY_ENTRY_PAGES", "+DAY_EXIT_PAGES", "+DAY_VISITORS"] {
        check(&finals, absent, "");
    }
}

#[test]
fn revenue_is_in_major_units() {
    let finals = finals_of(&[
        conversion("a", 1, "10.005", "usd"),
        conversion("a", HOUR_MS, "-1", "USD"),
        conversion("b", 2 * HOUR_MS, "500", "JPY"),
        event("c", 3 * HOUR_MS, "CONVERSION", ""),
    ]);
    check(&finals, "DAY_REVENUE|currency=USD", r#""value":9.01,"count":3"#);
    check(&finals, "DAY_REVENUE|currency=JPY", r#""value":500,"count":1"#);
    check(&finals, "DAY_CONVERSIONS", r#""value":4,"count":3"#);
    assert_eq!(finals.summary.results["DAY_REVENUE"], 2);
}

#[test]
fn lists_have_50_places() {
    let url = |n: usize| format!("/{n:02}?utm_campaign={n:02}");
    let mut values: Vec<_> = (0..53).map(|n| page_view(&format!("u{n}"), 5, &url(n))).collect();
    values.push(page_view("v", 6, &url(52)));
    let finals = finals_of(&values);
    let list = |item: &dyn Fn(usize, usize) -> String| {
        let items: Vec<String> =
            std::iter::once(item(52, 2)).chain((0..49).map(|n| item(n, 1))).collect();
        format!(r#""items":[{}],"other":3,"count":54"#, items.join(","))
    };
    let page = |n, views| format!(r#"{{"name":"/{n:02}","views":{views},"users":{views}}}"#);
    let campaign = |n, views| {
        let parts = format!(r#""source":"(none)","medium":"(none)","campaign":"{n:02}""#);
        format!(r#"{{{parts},"views":{views},"users":{views}}}"#)
    };
    for metric in ["DAY_PAGES", "DAY_ENTRY_PAGES", "DAY_EXIT_PAGES"] {
        check(&finals, metric, &list(&page));
    }
    check(&finals, "DAY_CAMPAIGNS", &list(&campaign));
    check(
        &finals,
        "DAY_DEVICES",
        r#""items":[{"name":"(unknown)","views":54,"users":54}],"other":0,"count":54"#,
    );
}
