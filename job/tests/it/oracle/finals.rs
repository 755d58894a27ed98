//! What stands at the end of time, as it is written without epochs.

use std::collections::BTreeMap;

use super::judge::Judged;
use super::log::Log;
use super::record::State;
use super::rules;
use super::summary::{self, Summary};
use super::view::{Kind, View};
use super::{Settings, dead_letters};

/// All results, alerts and dead letters of a log that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finals {
    /// The lines by key, whose order is that of the file.
    pub results: BTreeMap<String, String>,
    /// The lines of the alerts that fire, in the order of the file.
    pub alerts: Vec<String>,
    /// The lines of the dead letters, in the order of the file; `detail` is always empty.
    pub dead_letters: Vec<String>,
    /// The counts and the digest.
    pub summary: Summary,
}

/// Everything at the end of time.
#[must_use]
pub fn finals(j: &[Judged], s: &Settings) -> Finals {
    let log = Log::new(j, s);
    let view = View::new(&log, s, j.len(), Some(i64::MAX));
    let windowed = Kind::RESULTS
        .into_iter()
        .flat_map(|kind| view.windows(kind).iter().map(move |window_ms| (kind, *window_ms)));
    let mut records: Vec<_> =
        windowed.flat_map(|(kind, window_ms)| view.content(kind, window_ms)).collect();
    records.extend(view.ended().iter().map(|session| session.record(&s.funnels)));
    let results: BTreeMap<String, String> =
        records.into_iter().map(|record| (record.key.clone(), record.line(State::Final))).collect();
    // Windows and users in their order are the order of the file.
    let bounces = view
        .windows(Kind::Alerts)
        .iter()
        .flat_map(|window_ms| view.content(Kind::Alerts, *window_ms));
    let bounces: Vec<String> = bounces.map(|alert| alert.whole_line().to_owned()).collect();
    let mut of_rules = rules::of_results(&results, s);
    of_rules.extend(rules::of_users(&log, j.len(), Some(i64::MAX), s));
    of_rules.sort_by(|a, b| a.place.cmp(&b.place));
    let is_before = |alert: &&rules::Alert| alert.place.0.as_str() < "high_bounce_rate";
    let before: Vec<String> =
        of_rules.iter().filter(is_before).map(|alert| alert.line.clone()).collect();
    let after = of_rules.iter().filter(|alert| !is_before(alert)).map(|alert| alert.line.clone());
    let alerts: Vec<String> = before.into_iter().chain(bounces).chain(after).collect();
    Finals {
        summary: summary::summary(j, &results, &alerts, s.days.is_some()),
        results,
        alerts,
        dead_letters: dead_letters::lines(j),
    }
}
