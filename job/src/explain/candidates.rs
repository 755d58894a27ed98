//! What must be found among the events before a result over sessions can be computed:
//! whose sessions can have ended in its window.

use super::asked::Asked;
use super::input::Watch;
use streamgauge_ingest::judge::{Fate, Judged};
use streamgauge_ingest::lateness::Family;

/// Finds whose sessions can have ended in windows.
pub(super) struct Candidates {
    pub(super) asked: Vec<Asked>,
    pub(super) gap_ms: i64,
}

impl Watch for Candidates {
    fn epoch(&mut self, _: u64) {}

    fn record(&mut self, judged: &Judged<'_>) {
        let (Some(row), Fate::Known(late)) = (judged.row, judged.fate) else { return };
        if late.contains(Family::Session) {
            return;
        }
        let of_sessions = |asked: &&mut Asked| asked.subject.of().is_of_windows_of_sessions();
        for asked in self.asked.iter_mut().filter(of_sessions) {
            if asked.can_end_a_session(row, self.gap_ms) {
                asked.visits.insert(asked.visit(row, judged.texts));
            }
        }
    }
}
