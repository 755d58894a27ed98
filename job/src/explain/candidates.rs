//! What must be found among the events before a result can be computed: whose sessions
//! can have ended in a window, and of which user and window an alert is.

use super::asked::Asked;
use super::input::Watch;
use super::key::Key;
use super::kind::ALERT_WINDOW_MS;
use streamgauge_ingest::decode::Kind;
use streamgauge_ingest::judge::{Fate, Judged};
use streamgauge_ingest::lateness::Family;
use streamgauge_sink::alert::bounce_alert;

/// Finds, before anything is computed, whose sessions can have ended in windows, and
/// which alerts ids are of.
pub(super) struct Candidates {
    pub(super) asked: Vec<Asked>,
    /// Alerts that nothing is known of but their ids.
    pub(super) alerts: Vec<Key>,
    pub(super) gap_ms: i64,
}

impl Watch for Candidates {
    fn epoch(&mut self, _: u64) {}

    fn record(&mut self, judged: &Judged<'_>) {
        let (Some(row), Fate::Known(late)) = (judged.row, judged.fate) else { return };
        let of_sessions = |asked: &&mut Asked| asked.subject.of().is_of_windows_of_sessions();
        if !late.contains(Family::Session) {
            for asked in self.asked.iter_mut().filter(of_sessions) {
                if asked.can_end_a_session(row, self.gap_ms) {
                    asked.visits.insert(asked.visit(row, judged.texts));
                }
            }
        }
        if self.alerts.is_empty() || row.kind != Kind::PageView {
            return;
        }
        let start_ms = row.at_ms.div_euclid(ALERT_WINDOW_MS) * ALERT_WINDOW_MS;
        let user = judged.texts.get(row.user);
        let id = bounce_alert(user, "", start_ms, start_ms).id();
        if let Some(i) = self.alerts.iter().position(|key| key.text == id) {
            self.asked.push(Asked::alert(&self.alerts.swap_remove(i), user, start_ms));
        }
    }
}
