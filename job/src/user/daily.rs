//! The days of the site within the state per user: what events and sessions do to them.

use super::day::{DayEvent, DayRow};
use super::load::{BadRow, Loaded};
use super::save::Texts;
use super::state::{RowValues, State};
use super::values::Value;
use crate::rows::DayList;
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use streamgauge_ingest::batch::{Dimension, Row};
use streamgauge_ingest::decode::Kind;
use streamgauge_ingest::lateness::Family;
use streamgauge_sink::session::SessionRecord;

/// A day of a user, as a checkpoint keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedDay {
    end_ms: i64,
    did: [bool; 3],
    hours: u32,
    values: Vec<u32>,
    /// Pages that sessions began (else ended) with, and how many did.
    ways: Vec<(bool, u32, u32)>,
}

impl SavedDay {
    pub(super) fn of(row: &DayRow, texts: &mut Texts) -> Self {
        let values = row.values().into_iter().map(|value| texts.place(value)).collect();
        let ways = row.ways.iter();
        let ways = ways.map(|(l, p, n)| (*l == DayList::EntryPages, texts.place(p), *n)).collect();
        Self { end_ms: row.end_ms, did: row.did, hours: row.hours, values, ways }
    }

    pub(super) fn load(self, texts: &Loaded) -> Result<DayRow, BadRow> {
        let Self { end_ms, did, hours, values, ways } = self;
        let values = values.into_iter().map(|place| texts.get(place));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let way = |(is_entry, page, n)| {
            let list = if is_entry { DayList::EntryPages } else { DayList::ExitPages };
            Ok((list, texts.get(page)?, n))
        };
        let ways = ways.into_iter().map(way).collect::<Result<_, BadRow>>()?;
        Ok(DayRow::load(end_ms, did, hours, &values, ways))
    }
}

impl State {
    /// Takes an event of a user into its day.
    pub(super) fn day_event(
        &mut self,
        slot: usize,
        row: &Row,
        values: &RowValues<'_>,
        campaign: Option<&Rc<Value>>,
    ) {
        let Some(days) = self.constants.windows.days else { return };
        if row.late.contains(Family::Business) {
            return;
        }
        let day = self.recent_day.of(days, row.at_ms);
        let is_view = row.kind == Kind::PageView;
        let listed = |list, dimension: Dimension| {
            Some((list, values[dimension as usize].filter(|_| is_view)?))
        };
        let event = DayEvent {
            day,
            at_ms: row.at_ms,
            kind: row.kind,
            values: [
                listed(DayList::Pages, Dimension::Page),
                listed(DayList::Referrers, Dimension::Referrer),
                listed(DayList::Countries, Dimension::Country),
                listed(DayList::Devices, Dimension::Device),
                campaign.map(|campaign| (DayList::Campaigns, campaign)),
            ],
            currency: row.currency,
            value_minor: row.value_minor,
        };
        let user = &mut self.people.users[slot];
        user.days.event(&event, &mut self.day_deltas);
        if user.timer_ms.is_none() {
            self.set_user_timer(slot);
        }
    }

    /// A session of a user ended in a day, or did not after all.
    pub(super) fn day_session(
        &mut self,
        slot: usize,
        session: &SessionRecord,
        is_taken_back: bool,
    ) {
        let Some(days) = self.constants.windows.days else { return };
        let Some((entry, exit)) = &session.entry_exit else { return };
        let day = self.recent_day.of(days, session.ended_at_ms);
        let page = |values: &mut super::Values, text| values.of_text(Dimension::Page, 0, text);
        let (entry, exit) = (page(&mut self.values, entry), page(&mut self.values, exit));
        let ends = [(DayList::EntryPages, &entry), (DayList::ExitPages, &exit)];
        // Its day is told what no event of this epoch says.
        if self.has_checkpoints {
            self.people.touch(slot);
        }
        let user = &mut self.people.users[slot];
        user.days.session(day.end_ms, ends, is_taken_back, &mut self.day_deltas);
        if user.timer_ms.is_none() {
            self.set_user_timer(slot);
        }
    }
}
