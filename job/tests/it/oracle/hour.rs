//! The hour's windows, every 5 min, over the sessions that ended in them.

use std::collections::BTreeMap;

use super::funnels::{self, Funnel};
use super::number::{kept, nearest_rank, ratio, wide};
use super::record::{Record, array, quoted};
use super::sessions::Session;
use super::view::Visits;

const PATH_PLACES: usize = 20;
const PATH_PAGES: usize = 5;
const TRANSITION_PLACES: usize = 50;
const TRANSITION_PAGES: usize = 50;
const DAY_MS: i64 = 86_400_000;

/// The lower bounds of the classes; the last has no upper one.
const PAGE_VIEW_CLASSES: [i64; 7] = [0, 1, 2, 3, 6, 11, 21];
const DURATION_CLASSES_MS: [i64; 8] = [0, 1, 10_001, 30_001, 60_001, 180_001, 600_001, 1_800_001];

/// All records of a window; `visits` are the sessions of all users, ended or not.
pub(super) fn of_window(
    window_ms: (i64, i64),
    sessions: &[Session<'_>],
    visits: &Visits<'_>,
    funnels: &[Funnel],
) -> Vec<Record> {
    if sessions.is_empty() {
        return Vec::new();
    }
    let record = |metric: &str, dimensions: &[(&str, &str)]| {
        Record::new(metric, "session", window_ms, dimensions)
    };
    let mut records = vec![behaviour(record("BEHAVIOUR", &[]), sessions, visits)];
    records.extend(journeys(record("JOURNEYS", &[]), sessions));
    for funnel in funnels {
        let dimensions = [("funnel", funnel.name.as_str())];
        let reached: Vec<Vec<i64>> =
            sessions.iter().map(|session| funnels::reached_ms(funnel, &session.events)).collect();
        records.push(steps(record("FUNNEL", &dimensions), funnel, &reached));
        records.extend(abandonment(record("ABANDONMENT_RATE", &dimensions), funnel, &reached));
    }
    records
}

fn journeys(record: Record, sessions: &[Session<'_>]) -> Option<Record> {
    let journeys: Vec<Vec<&str>> =
        sessions.iter().map(Session::journey).filter(|journey| !journey.is_empty()).collect();
    if journeys.is_empty() {
        return None;
    }
    let paths = most_common(
        journeys.iter().map(|journey| &journey[..journey.len().min(PATH_PAGES)]),
        PATH_PLACES,
    );
    let items = paths.into_iter().map(|(path, sessions)| {
        format!(
            r#"{{"path":{},"sessions":{sessions}}}"#,
            array(path.iter().map(|page| quoted(page)))
        )
    });
    let shown = journeys.iter().map(|journey| &journey[..journey.len().min(TRANSITION_PAGES)]);
    let pairs = most_common(shown.flat_map(|journey| journey.windows(2)), TRANSITION_PLACES);
    let transitions = pairs.into_iter().filter_map(|(pair, count)| match pair {
        [from, to] => {
            Some(format!(r#"{{"from":{},"to":{},"count":{count}}}"#, quoted(from), quoted(to)))
        }
        _ => None,
    });
    Some(
        record
            .with("items", array(items))
            .with("transitions", array(transitions))
            .with("count", journeys.len()),
    )
}

/// The most common values with their numbers; equally common ones in their own order.
fn most_common<T: Ord>(values: impl Iterator<Item = T>, places: usize) -> Vec<(T, usize)> {
    let mut counts = BTreeMap::<T, usize>::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut all: Vec<(T, usize)> = counts.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(places);
    all
}

/// FUNNEL: `reached` has the times of the steps that each session reached.
fn steps(record: Record, funnel: &Funnel, reached: &[Vec<i64>]) -> Record {
    let at_least = |step: usize| reached.iter().filter(|times| times.len() >= step).count();
    let items = funnel.steps.iter().zip(1..).map(|(name, step)| {
        let here = at_least(step);
        let mut item = format!(r#"{{"step":{step},"name":{},"sessions":{here}"#, quoted(name));
        if step > 1 {
            let before = at_least(step - 1);
            if before > 0 {
                item.push_str(&format!(
                    r#","dropOff":{}"#,
                    ratio(100 * wide(before - here), wide(before))
                ));
            }
            let mut took_ms: Vec<i64> = reached
                .iter()
                .filter(|times| times.len() >= step)
                .map(|times| kept(times[step - 1] - times[step - 2]))
                .collect();
            took_ms.sort_unstable();
            if here > 0 {
                item.push_str(&format!(r#","medianMs":{}"#, nearest_rank(&took_ms, 50)));
            }
        }
        item + "}"
    });
    record.with("items", array(items)).with("count", reached.len())
}

fn abandonment(record: Record, funnel: &Funnel, reached: &[Vec<i64>]) -> Option<Record> {
    let at_least = |step: usize| reached.iter().filter(|times| times.len() >= step).count();
    let there = at_least(funnel.abandonment_step);
    let gone = there - at_least(funnel.steps.len());
    (there > 0)
        .then(|| record.with("value", ratio(100 * wide(gone), wide(there))).with("count", there))
}

fn behaviour(record: Record, sessions: &[Session<'_>], visits: &Visits<'_>) -> Record {
    let returning = sessions.iter().filter(|session| is_returning(session, visits)).count();
    let page_views =
        sessions.iter().map(|session| i64::try_from(session.page_views()).unwrap_or(i64::MAX));
    let durations_ms = sessions.iter().map(Session::duration_ms);
    record
        .with("pageViews", histogram(&PAGE_VIEW_CLASSES, page_views))
        .with("duration", histogram(&DURATION_CLASSES_MS, durations_ms))
        .with("newUsers", sessions.len() - returning)
        .with("returningUsers", returning)
        .with("count", sessions.len())
}

fn is_returning(session: &Session<'_>, visits: &Visits<'_>) -> bool {
    let start_ms = session.start_ms();
    let earlier = |(start, end): &(i64, i64)| *start < start_ms && *end >= start_ms - DAY_MS;
    visits.get(session.user).is_some_and(|visits| visits.iter().any(earlier))
}

fn histogram(from: &[i64], values: impl Iterator<Item = i64> + Clone) -> String {
    array(from.iter().enumerate().map(|(class, from_value)| {
        let to = from.get(class + 1).map(|next| next - 1);
        let sessions = values
            .clone()
            .filter(|value| value >= from_value && to.is_none_or(|to| *value <= to))
            .count();
        let to = to.map_or(String::new(), |to| format!(r#""to":{to},"#));
        format!(r#"{{"from":{from_value},{to}"sessions":{sessions}}}"#)
    }))
}

#[cfg(test)]
mod tests {
    use super::super::example::{conversion, event, fields, finals_of, page_view};
    use super::*;

    #[test]
    fn journeys_and_transitions() {
        let mut values = Vec::new();
        for user in ["u", "v"] {
            values.extend([
                page_view(user, 1, "/a"),
                page_view(user, 2, "/b"),
                page_view(user, 3, "/a"),
                page_view(user, 4, "/b"),
            ]);
        }
        values.extend([page_view("w", 1, "/a"), event("x", 1, "SESSION_START", "")]);
        let finals = finals_of(&values);
        assert_eq!(
            fields(&finals, "JOURNEYS|0|3600000|"),
            concat!(
                r#""items":[{"path":["/a","/b","/a","/b"],"sessions":2},{"path":["/a"],"sessions":1}],"#,
                r#""transitions":[{"from":"/a","to":"/b","count":4},{"from":"/b","to":"/a","count":2}],"count":3"#
            )
        );
        assert_eq!(finals.summary.results["JOURNEYS"], 12);
        assert_eq!(fields(&finals, "JOURNEYS|-1800000|1800000|"), "");
    }

    #[test]
    fn funnels_and_abandonment() {
        let mut values = Vec::new();
        for (user, until) in [("u", 4), ("v", 2), ("w", 2), ("x", 0)] {
            let all = [
                page_view(user, 0, "/products/1"),
                page_view(user, 1_250, "/cart"),
                page_view(user, 3_000, "/checkout"),
                conversion(user, 3_000, "1", "USD"),
            ];
            values.extend(all.into_iter().take(until));
            values.push(event(user, 4_000, "SESSION_START", ""));
        }
        let finals = finals_of(&values);
        assert_eq!(
            fields(&finals, "FUNNEL|0|3600000|funnel=checkout"),
            concat!(
                r#""items":[{"step":1,"name":"/products/*","sessions":3},{"step":2,"name":"/cart","sessions":3,"dropOff":0,"medianMs":1248},"#,
                r#"{"step":3,"name":"/checkout","sessions":1,"dropOff":66.666667,"medianMs":1744},"#,
                r#"{"step":4,"name":"CONVERSION","sessions":1,"dropOff":0,"medianMs":0}],"count":4"#
            )
        );
        assert_eq!(
            fields(&finals, "ABANDONMENT_RATE|0|3600000|funnel=checkout"),
            r#""value":66.666667,"count":3"#
        );
    }

    #[test]
    fn returning_users() {
        let check = |first_s: i64, second_s: i64, expected: usize| {
            let finals = finals_of(&[
                page_view("u", first_s * 1000, "/"),
                page_view("u", second_s * 1000, "/"),
            ]);
            let start_ms = (second_s * 1000 + 1_800_000).div_euclid(300_000) * 300_000;
            let found = fields(&finals, &format!("BEHAVIOUR|{start_ms}|{}|", start_ms + 3_600_000));
            assert!(
                found.contains(&format!(r#""returningUsers":{expected},"#)),
                "{first_s} {second_s}: {found}"
            );
        };
        check(0, 86_400, 1);
        check(0, 86_401, 0);
        check(0, 1_801, 1);
    }

    #[test]
    fn classes_have_their_bounds() {
        assert_eq!(
            histogram(&PAGE_VIEW_CLASSES, [0, 2, 3, 5, 6, 20, 21, 1000].into_iter()),
            concat!(
                r#"[{"from":0,"to":0,"sessions":1},{"from":1,"to":1,"sessions":0},{"from":2,"to":2,"sessions":1},{"from":3,"to":5,"sessions":2},"#,
                r#"{"from":6,"to":10,"sessions":1},{"from":11,"to":20,"sessions":1},{"from":21,"sessions":2}]"#
            )
        );
    }
}
