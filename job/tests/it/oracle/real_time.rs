//! The real-time family: 5 s windows over events, over the last 5 min and over ended sessions.

use std::collections::BTreeSet;

use super::event::EventKind;
use super::log::Entry;
use super::number::{ratio, wide};
use super::record::Record;
use super::sessions::Session;

const CATEGORY: &str = "real_time";

/// PAGE_VIEWS_PER_SECOND and ACTIVE_USERS, where any event is in the window.
pub(super) fn of_pane(window_ms: (i64, i64), entries: &[Entry<'_>]) -> Vec<Record> {
    if entries.is_empty() {
        return Vec::new();
    }
    let page_views = entries.iter().filter(|entry| entry.event.kind == EventKind::PageView).count();
    vec![
        single("PAGE_VIEWS_PER_SECOND", window_ms, ratio(wide(page_views), 5))
            .with("count", page_views),
        single("ACTIVE_USERS", window_ms, distinct_users(entries).to_string())
            .with("count", entries.len()),
    ]
}

/// ACTIVE_USERS_5M, where a user was active; `entries` are those of the 5 min before the end.
pub(super) fn active_users(window_ms: (i64, i64), entries: &[Entry<'_>]) -> Vec<Record> {
    let users = distinct_users(entries);
    (users > 0)
        .then(|| single("ACTIVE_USERS_5M", window_ms, users.to_string()))
        .into_iter()
        .collect()
}

/// BOUNCE_RATE and AVERAGE_SESSION_DURATION of the sessions that ended in the window.
pub(super) fn of_ended(window_ms: (i64, i64), sessions: &[Session<'_>]) -> Vec<Record> {
    let mut records = Vec::new();
    let viewed = sessions.iter().filter(|session| session.page_views() > 0).count();
    if viewed > 0 {
        let bounced = sessions.iter().filter(|session| session.bounced()).count();
        records.push(
            single("BOUNCE_RATE", window_ms, ratio(100 * wide(bounced), wide(viewed)))
                .with("count", viewed),
        );
    }
    if !sessions.is_empty() {
        let total_ms: i128 = sessions.iter().map(|session| i128::from(session.duration_ms())).sum();
        let mean_s = ratio(total_ms, 1_000 * wide(sessions.len()));
        records.push(
            single("AVERAGE_SESSION_DURATION", window_ms, mean_s).with("count", sessions.len()),
        );
    }
    records
}

fn single(metric: &str, window_ms: (i64, i64), value: String) -> Record {
    Record::new(metric, CATEGORY, window_ms, &[]).with("value", value)
}

fn distinct_users(entries: &[Entry<'_>]) -> usize {
    entries.iter().map(|entry| &entry.event.user).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::super::example::{event, fields, finals_of, page_view};

    #[test]
    fn windows_of_5_s() {
        let finals = finals_of(&[
            page_view("a", 5_000, "/"),
            page_view("a", 9_999, "/"),
            event("b", 7_000, "SESSION_START", ""),
            event("c", 8_000, "ASSET", ""),
        ]);
        assert_eq!(
            fields(&finals, "PAGE_VIEWS_PER_SECOND|5000|10000|"),
            r#""value":0.4,"count":2"#
        );
        assert_eq!(fields(&finals, "ACTIVE_USERS|5000|10000|"), r#""value":2,"count":3"#);
        assert_eq!(finals.summary.results["ACTIVE_USERS"], 1);
    }

    #[test]
    fn active_users_stay_for_60_windows() {
        let finals = finals_of(&[page_view("a", 5_000, "/"), page_view("b", 14_000, "/")]);
        let value = |end: i64| fields(&finals, &format!("ACTIVE_USERS_5M|{}|{end}|", end - 5_000));
        assert_eq!(value(5_000), "");
        assert_eq!(value(10_000), r#""value":1"#);
        assert_eq!(value(15_000), r#""value":2"#);
        assert_eq!(value(305_000), r#""value":2"#);
        assert_eq!(value(310_000), r#""value":1"#);
        assert_eq!(value(315_000), "");
        assert_eq!(finals.summary.results["ACTIVE_USERS_5M"], 61);
    }

    #[test]
    fn sessions_count_where_they_end() {
        // `a` bounces at 2,000 + gap, `b` ends by its event and did not bounce, `c` views nothing.
        let finals = finals_of(&[
            page_view("a", 2_000, "/"),
            page_view("b", 1_000, "/"),
            page_view("b", 1_803_000, "/x"),
            page_view("b", 1_801_000, "/y"),
            event("b", 1_804_000, "SESSION_END", ""),
            event("c", 4_999, "SESSION_START", ""),
        ]);
        assert_eq!(fields(&finals, "BOUNCE_RATE|1800000|1805000|"), r#""value":50,"count":2"#);
        assert_eq!(
            fields(&finals, "AVERAGE_SESSION_DURATION|1800000|1805000|"),
            r#""value":601,"count":3"#
        );
        assert_eq!(finals.summary.results["BOUNCE_RATE"], 1);
    }
}
