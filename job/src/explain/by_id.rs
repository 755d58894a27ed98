//! Alerts of which nothing is known but their ids: an id is a hash, so what could be alerts
//! is named, event by event, until it has one of these ids.

use super::asked::Asked;
use super::input::Watch;
use super::key::Key;
use super::kind::{ALERT_WINDOW_MS, Kind, Of};
use super::steps::is_step;
use super::threshold::{Row, of_currency};
use crate::alert::AlertRule;
use crate::dataflow::Settings;
use hashbrown::HashSet;
use std::sync::Arc;
use streamgauge_ingest::batch::Row as Event;
use streamgauge_ingest::decode::Kind as EventKind;
use streamgauge_ingest::judge::{Fate, Judged};
use streamgauge_sink::alert::{HIGH_BOUNCE_RATE, alert_id};
use streamgauge_sink::record::dimensions_of_key;

/// Finds what alerts with these ids are of.
pub(super) struct ById {
    /// Those that are not found yet.
    alerts: Vec<Key>,
    rules: Arc<Settings>,
    /// What was named of threshold rules: the rule by its place, start of the first window
    /// in ms, dimensions.
    named: HashSet<(usize, i64, String)>,
    pub(super) found: Vec<Asked>,
}

impl ById {
    pub(super) fn new(alerts: Vec<Key>, rules: &Settings) -> Self {
        let rules = Arc::new(rules.clone());
        Self { alerts, rules, named: HashSet::new(), found: Vec::new() }
    }

    /// The key of an alert with this id, if it is looked for.
    fn take(&mut self, id: &str) -> Option<Key> {
        let place = self.alerts.iter().position(|key| key.text == id)?;
        Some(self.alerts.swap_remove(place))
    }

    fn bounce(&mut self, user: &str, at_ms: i64) {
        let start_ms = at_ms.div_euclid(ALERT_WINDOW_MS) * ALERT_WINDOW_MS;
        let id = alert_id(HIGH_BOUNCE_RATE.name, HIGH_BOUNCE_RATE.version, user, start_ms);
        if let Some(key) = self.take(&id) {
            self.found.push(Asked::bounce(&key, user, start_ms, &self.rules.windows));
        }
    }

    fn sequence(&mut self, rule: &Arc<AlertRule>, user: &str, at_ms: i64) {
        if let Some(key) = self.take(&alert_id(&rule.name, rule.version, user, at_ms)) {
            self.found.push(Asked::sequence(&key, rule, user, at_ms, &self.rules.windows));
        }
    }

    /// Names the rows of windows that an event can begin, or the end of its session.
    fn rows(&mut self, place: usize, rule: &Arc<AlertRule>, event: &Event) {
        let Some(threshold) = rule.threshold() else { return };
        let Some(kind) = Kind::find(threshold.metric.name()) else { return };
        let asked = threshold.dimensions.to_string();
        let dimensions: Vec<String> = match kind.dimension {
            None => vec![asked],
            Some("funnel") if asked.is_empty() => {
                let funnels = self.rules.funnels.iter();
                funnels.map(|f| dimensions_of_key(&[("funnel", &f.name)])).collect()
            }
            Some("funnel") => vec![asked],
            Some(_) if event.kind != EventKind::Conversion => return,
            Some(_) => vec![of_currency(&String::from_utf8_lossy(&event.currency))],
        };
        let gap_ms = self.rules.windows.session_gap_ms;
        let times = match kind.of {
            Of::Events => [Some(event.at_ms), None],
            _ => {
                let is_end = event.kind == EventKind::SessionEnd;
                [is_end.then_some(event.at_ms), Some(event.at_ms + gap_ms)]
            }
        };
        for start_ms in times.into_iter().flatten().flat_map(|ms| Row::starts_around(kind, ms)) {
            for dimensions in &dimensions {
                if self.named.insert((place, start_ms, dimensions.clone())) {
                    self.row(Row::new(rule, dimensions.clone(), start_ms));
                }
            }
        }
    }

    fn row(&mut self, row: Option<Row>) {
        let Some(row) = row else { return };
        if let Some(key) = self.take(&row.id()) {
            self.found.push(Asked::threshold(&key, row, &self.rules.windows));
        }
    }
}

impl Watch for ById {
    fn epoch(&mut self, _: u64) {}

    fn record(&mut self, judged: &Judged<'_>) {
        let (Some(event), Fate::Known(_)) = (judged.row, judged.fate) else { return };
        if self.alerts.is_empty() {
            return;
        }
        let user = judged.texts.get(event.user);
        if event.kind == EventKind::PageView {
            self.bounce(user, event.at_ms);
        }
        let rules = Arc::clone(&self.rules);
        for (place, rule) in rules.alerts.iter().enumerate() {
            let is_first = |first| is_step(first, event, judged.texts);
            match rule.sequence() {
                Some(sequence) if is_first(&sequence.first) => {
                    self.sequence(rule, user, event.at_ms);
                }
                Some(_) => {}
                None => self.rows(place, rule, event),
            }
        }
    }
}
