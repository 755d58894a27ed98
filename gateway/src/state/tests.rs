use super::current::Current;
use super::*;
use crate::catalogue::by_flat;
use crate::days::Extent;

fn result(state: &mut State, topic: Topic, epoch: u64, metric: &str, end_ms: i64, rest: &str) {
    let (name, dims) = metric.split_once(' ').unwrap_or((metric, ""));
    let length = if name.starts_with("CONV") || name.starts_with("REV") { 60_000 } else { 5_000 };
    let key = format!("{name}|{}|{end_ms}|{dims}", end_ms - length);
    let value = format!(r#"{{"metricType":"{name}",{rest}}}"#);
    let value = (!rest.is_empty()).then_some(value.as_bytes());
    state.apply(&Stored {
        at_ms: 0,
        partition: 0,
        offset: 0,
        topic,
        epoch,
        key: key.as_bytes(),
        value,
    });
}

fn status(state: &mut State, epoch: u64, json: &str) {
    let value = Some(json.as_bytes());
    state.apply(&Stored {
        at_ms: 0,
        partition: 0,
        offset: 0,
        topic: Topic::JobStatus,
        epoch,
        key: b"job",
        value,
    });
}

fn shown(state: &State, flat: &str) -> Option<(String, i64, Standing)> {
    let Current { value, span, standing, .. } = state.current(by_flat(flat).unwrap())?;
    Some((value, span.end_ms, standing))
}

const VIEWS: &str = "PAGE_VIEWS_PER_SECOND";

#[test]
fn the_newest_window_is_current_and_final_before_provisional() {
    let mut state = State::default();
    let live = r#""value":0.4,"count":2,"state":"provisional","watermark":1000,"epoch":1"#;
    result(&mut state, Topic::LiveMetrics, 1, VIEWS, 5_000, live);
    let provisional = Some(("0.4".into(), 5_000, Standing::Provisional));
    assert_eq!(shown(&state, "pageViewsPerSecond"), provisional);
    let done = r#""value":0.6,"count":3,"state":"final","watermark":5000,"epoch":2"#;
    result(&mut state, Topic::ProcessedMetrics, 2, VIEWS, 5_000, done);
    state.settle(None);
    let last = Some(("0.6".into(), 5_000, Standing::Final));
    assert_eq!(shown(&state, "pageViewsPerSecond"), last);
    assert_eq!(state.seq(Channel::Metrics).to_string(), "2.0");
}

#[test]
fn memory_has_the_last_days_however_long_ago_they_were_told() {
    const DAY_MS: i64 = 86_400_000;
    let mut state = State::default();
    let window = |day: i64| Span { end_ms: (day + 1) * DAY_MS, start_ms: day * DAY_MS };
    for day in 0..5 {
        for (metric, rest) in [("DAY_VISITORS", r#""value":7"#), ("DAY_PAGES", r#""items":[]"#)] {
            let key = format!("{metric}|{}|{}|", day * DAY_MS, (day + 1) * DAY_MS);
            let value = format!(r#"{{{rest},"other":0,"count":1,"state":"final"}}"#);
            let (key, value) = (key.as_bytes(), Some(value.as_bytes()));
            let topic = Topic::ProcessedMetrics;
            state.apply(&Stored { at_ms: 0, partition: 0, offset: 0, topic, epoch: 1, key, value });
        }
    }
    let known = |day| state.day(window(day), Extent::All).standing.is_some();
    assert_eq!([0, 1, 2, 3, 4].map(known), [false, false, true, true, true]);
    assert_eq!(state.day(window(4), Extent::Hours).lists.len(), 0);
    assert_eq!(state.day(window(4), Extent::All).lists.len(), 1);
    let other = Span { start_ms: 4 * DAY_MS + 3_600_000, ..window(4) };
    assert!(state.day(other, Extent::All).standing.is_none(), "a day of another zone");
}

#[test]
fn a_quiet_site_shows_zero_once_the_job_has_committed_so_far() {
    let mut state = State::default();
    let done = r#""value":0.6,"count":3,"state":"final","watermark":5000,"epoch":2"#;
    result(&mut state, Topic::ProcessedMetrics, 2, VIEWS, 5_000, done);
    status(&mut state, 9, r#"{"state":"live","atMs":1,"writer":1,"epoch":9,"watermark":17000}"#);
    state.settle(Some(8));
    assert_eq!(shown(&state, "pageViewsPerSecond").unwrap().0, "0.6");
    state.settle(Some(9));
    let none = Some(("0".into(), 15_000, Standing::Final));
    assert_eq!(shown(&state, "pageViewsPerSecond"), none);
    assert_eq!(shown(&state, "bounceRate"), None);
}

#[test]
fn a_mean_is_shown_until_it_is_a_minute_old() {
    let mut state = State::default();
    let done = r#""value":25,"count":4,"state":"final","watermark":5000,"epoch":2"#;
    result(&mut state, Topic::ProcessedMetrics, 2, "BOUNCE_RATE", 5_000, done);
    let live = r#""value":1,"count":5,"state":"provisional","watermark":60000,"epoch":3"#;
    result(&mut state, Topic::LiveMetrics, 3, VIEWS, 60_000, live);
    assert_eq!(shown(&state, "bounceRate").unwrap().1, 5_000);
    result(&mut state, Topic::LiveMetrics, 3, VIEWS, 65_000, live);
    assert_eq!(shown(&state, "bounceRate"), None);
}

#[test]
fn the_original_map_is_of_the_last_final_windows() {
    let mut state = State::default();
    let zero = [("pageViewsPerSecond", "0".to_owned()), ("activeUsers", "0".to_owned())];
    assert_eq!(state.legacy(), zero);
    let done = r#""value":4.166667,"count":3,"state":"final","watermark":64000,"epoch":2"#;
    result(&mut state, Topic::ProcessedMetrics, 2, "CONVERSION_RATE", 60_000, done);
    let value =
        |n: &str, count| format!(r#""value":{n},"count":{count},"state":"final","epoch":2"#);
    for (currency, n, count) in [("EUR", "2.5", 1), ("USD", "1.5", 2), ("CHF", "9", 2)] {
        let metric = format!("REVENUE_PER_USER currency={currency}");
        let topic = Topic::ProcessedMetrics;
        result(&mut state, topic, 2, &metric, 60_000, &value(n, count));
    }
    result(&mut state, Topic::ProcessedMetrics, 2, VIEWS, 60_000, &value("12.4", 62));
    let live = value("99", 1).replace("final", "provisional");
    result(&mut state, Topic::LiveMetrics, 2, VIEWS, 65_000, &live);
    state.settle(None);
    let expected = [
        ("pageViewsPerSecond", "12.4"),
        ("activeUsers", "0"),
        ("conversionRate", "0.04166667"),
        ("revenuePerUser", "9"),
    ];
    assert_eq!(state.legacy(), expected.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(state.currency(), Some("CHF"));
}

#[test]
fn another_writer_ends_what_is_provisional() {
    let mut state = State::default();
    let live = r#""value":0.4,"count":2,"state":"provisional","watermark":1000,"epoch":1"#;
    status(&mut state, 1, r#"{"state":"live","atMs":1,"writer":1}"#);
    result(&mut state, Topic::LiveMetrics, 1, VIEWS, 5_000, live);
    status(&mut state, 2, r#"{"state":"live","atMs":2,"writer":1}"#);
    assert!(shown(&state, "pageViewsPerSecond").is_some());
    status(&mut state, 1, r#"{"state":"restoring","atMs":3,"writer":2}"#);
    assert_eq!(shown(&state, "pageViewsPerSecond"), None);
}

#[test]
fn what_cannot_be_read_is_counted_and_changes_nothing() {
    let mut state = State::default();
    for value in ["", "[]", "{}", r#"{"state":"final","value":"12"}"#, "\u{0}", r#"{"state":"x"}"#]
    {
        let stored = Stored {
            at_ms: 0,
            partition: 0,
            offset: 0,
            topic: Topic::ProcessedMetrics,
            epoch: 1,
            key: b"ACTIVE_USERS|0|5000|",
            value: Some(value.as_bytes()),
        };
        state.apply(&stored);
        state.apply(&Stored { topic: Topic::JobStatus, ..stored });
        state.apply(&Stored { topic: Topic::Alerts, ..stored });
        state.apply(&Stored { key: b"no key", ..stored });
    }
    assert_eq!(state.unreadable(), 24);
    assert!(state.series.is_empty());
}

#[test]
fn the_number_of_series_is_bounded() {
    let mut state = State::default();
    let done = r#""value":1,"count":1,"state":"final","epoch":1"#;
    for n in 0..MOST_SERIES + 10 {
        let metric = format!("REVENUE_PER_USER currency=C{n}");
        result(&mut state, Topic::ProcessedMetrics, 1, &metric, 60_000, done);
    }
    assert_eq!((state.series.len(), state.unreadable()), (MOST_SERIES, 10));
}
