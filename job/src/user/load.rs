//! From rows of a checkpoint to the state per user.

use super::day::UserDays;
use super::pane::{Context, Pane};
use super::past::Past;
use super::profile::{AlertWindow, Profile};
use super::saved::{SavedPane, SavedUser, SavedVisit};
use super::state::State;
use super::timers::Due;
use super::values::Value;
use crate::checkpoint::Row;
use crate::one_or_many::OneOrMany;
use crate::session::{Ended, Session};
use crate::time::Epoch;
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use std::sync::Arc;
use streamgauge_ingest::binary::{self, NotEncoded};
use thiserror::Error;

/// A row of a checkpoint that makes no sense.
#[derive(Debug, Error)]
pub enum BadRow {
    /// It is no row of a user.
    #[error(transparent)]
    NotEncoded(#[from] NotEncoded),
    /// It names a text, or a context, that it does not have.
    #[error("a row names a text that it does not have")]
    NoText,
    /// A user's name is no text.
    #[error("a user's name is no text")]
    NoName,
}

/// What of the settings of a checkpoint is still meant: what follows from the rest begins
/// anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Whether the funnels are the same.
    pub funnels: bool,
    /// By the place that a configured rule had: the place that it has, if there still is
    /// the same one.
    pub rules: Vec<Option<u8>>,
}

impl Carried {
    /// All of it, with so many rules.
    #[must_use]
    pub fn all(rules: usize) -> Self {
        Self { funnels: true, rules: (0..).take(rules).map(Some).collect() }
    }

    /// Whether all of it is, for so many rules.
    #[must_use]
    pub fn is_all(&self, rules: usize) -> bool {
        *self == Self::all(rules)
    }

    /// The place that the rule has that was at this one.
    #[must_use]
    pub fn rule(&self, place: u8) -> Option<u8> {
        *self.rules.get(usize::from(place))?
    }
}

/// The values of a row, by place.
pub(crate) struct Loaded {
    values: Vec<Rc<Value>>,
    /// With other funnels than the row was written with: how many there are now.
    new_funnels: Option<usize>,
}

impl Loaded {
    pub(crate) fn get(&self, place: u32) -> Result<Rc<Value>, BadRow> {
        self.values.get(place as usize).cloned().ok_or(BadRow::NoText)
    }

    pub(crate) fn after_zero(&self, place: u32) -> Result<Option<Rc<Value>>, BadRow> {
        place.checked_sub(1).map(|place| self.get(place)).transpose()
    }

    /// How many funnels there are, if they are others than the row was written with:
    /// what was folded away then counts for none of them.
    pub(crate) fn new_funnels(&self) -> Option<usize> {
        self.new_funnels
    }

    fn all(&self, places: &[u32]) -> Result<Vec<Rc<Value>>, BadRow> {
        places.iter().map(|place| self.get(*place)).collect()
    }
}

impl State {
    /// Goes on from a checkpoint at an epoch and its watermark, ms: `rows` are its users
    /// that belong here. The state must be empty.
    ///
    /// # Errors
    /// If a row makes no sense.
    pub fn load<'a>(
        &mut self,
        (epoch, watermark_ms): (Epoch, i64),
        carried: &Carried,
        rows: impl IntoIterator<Item = Row<'a>>,
    ) -> Result<(), BadRow> {
        (self.epoch, self.watermark_ms) = (epoch, watermark_ms);
        let new_funnels = (!carried.funnels).then_some(self.constants.fold.funnels.len());
        for row in rows {
            let name = str::from_utf8(row.key).map_err(|_| BadRow::NoName)?;
            let saved: SavedUser<'_> = binary::decode_borrowed(row.body)?;
            let slot = self.people.user(row.hash, name);
            self.load_sequences(slot, &saved.sequences, carried);
            self.load_user(slot, saved, new_funnels)?;
        }
        Ok(())
    }

    fn load_user(
        &mut self,
        slot: usize,
        saved: SavedUser<'_>,
        new_funnels: Option<usize>,
    ) -> Result<(), BadRow> {
        let SavedUser {
            texts,
            contexts,
            last_context,
            panes,
            alerts,
            past,
            visits,
            sequences: _,
            days,
        } = saved;
        let values = &mut self.values;
        let texts: Vec<_> =
            texts.iter().map(|(d, split, t)| values.of_text(*d, *split, t)).collect();
        let texts = Loaded { values: texts, new_funnels };
        let contexts: Vec<Rc<Context>> = contexts
            .iter()
            .map(|places| {
                let values = texts.all(places)?;
                let values = values.try_into().map_err(|_| BadRow::NoText)?;
                Ok(Rc::new(Context(values)))
            })
            .collect::<Result<_, BadRow>>()?;
        let context = last_context.checked_sub(1).map(|place| context_at(&contexts, place));
        let mut profile = Profile {
            panes: panes
                .iter()
                .map(|p| load_pane(p, &texts, &contexts))
                .collect::<Result<_, _>>()?,
            alerts: alerts.iter().map(|&(end_ms, views)| AlertWindow { end_ms, views }).collect(),
            context: context.transpose()?,
        };
        profile.expire(self.watermark_ms, &self.constants.windows);
        for window in profile.alerts.iter().filter(|w| w.end_ms > self.watermark_ms) {
            self.alert_windows.entry(window.end_ms).or_default().push(slot);
        }
        let user = &mut self.people.users[slot];
        user.profile = profile;
        let days = days.into_iter().map(|day| day.load(&texts));
        user.days = UserDays(days.collect::<Result<_, _>>()?);
        user.days.expire(self.watermark_ms, &self.constants.windows);
        user.past = past.map(|(first_ms, last_ms)| Past { first_ms, last_ms });
        let mut dropped = Vec::new();
        for visit in visits {
            self.load_visit(slot, visit, &texts, &mut dropped)?;
        }
        for (first_ms, last_ms) in dropped {
            self.people.users[slot].starts.add(first_ms, false);
            self.people.add_to_past(slot, first_ms, last_ms);
        }
        self.load_published(slot, new_funnels.is_some());
        self.people.forget_past(slot, self.watermark_ms, &self.constants.windows);
        self.set_user_timer(slot);
        self.drop_user_if_idle(slot);
        Ok(())
    }

    fn load_visit(
        &mut self,
        user: usize,
        saved: SavedVisit<'_>,
        texts: &Loaded,
        dropped: &mut Vec<(i64, i64)>,
    ) -> Result<(), BadRow> {
        let windows = self.constants.windows;
        let mut sessions = OneOrMany::default();
        for saved in saved.sessions {
            let has_returned = saved.has_returned;
            let mut session = Session::load(saved, texts)?;
            let ended_at_ms = session.ended_at_ms(windows.session_gap_ms);
            session.is_published = ended_at_ms < self.watermark_ms;
            let expires_ms = windows.session_expires_ms(session.last_ms());
            if !session.is_published {
                session.timer_ms = Some(ended_at_ms + 1);
            } else if expires_ms > self.watermark_ms {
                session.timer_ms = Some(expires_ms);
            } else {
                // It was dropped since the row was written.
                dropped.push((session.first_ms(), session.last_ms()));
                continue;
            }
            self.people.users[user].starts.add(session.first_ms(), has_returned);
            sessions.push(session);
        }
        if sessions.is_empty() {
            return Ok(());
        }
        let visit = self.people.visit(user, saved.session);
        for session in sessions.iter() {
            let at_ms = session.last_ms();
            if let Some(due_ms) = session.timer_ms {
                self.timers.set(due_ms, Due::Session { visit, at_ms });
            }
        }
        self.people.visits[visit].sessions = sessions;
        Ok(())
    }
}

impl State {
    /// Notes of the sessions of a user that stand what they stand as. With other funnels
    /// than before, what they reached in those is told.
    fn load_published(&mut self, user: usize, has_new_funnels: bool) {
        let mut next = self.people.users[user].first_visit();
        while let Some(visit) = self.people.visits.get(next) {
            for i in 0..visit.sessions.len() {
                let session = &self.people.visits[next].sessions[i];
                if !session.is_published {
                    continue;
                }
                let is_returning = self.people.is_returning(user, session);
                let (visit, user) = (&mut self.people.visits[next], &mut self.people.users[user]);
                visit.sessions[i].is_returning = is_returning;
                user.published_ms = user.published_ms.max(visit.sessions[i].first_ms());
                if has_new_funnels {
                    let rules = self.constants.of(self.watermark_ms, &user.name);
                    let ended = visit.ended(i, &rules);
                    let stepless = Ended { steps: Vec::new(), ..Ended::clone(&ended) };
                    self.updates.sessions.push((Arc::new(stepless), self.epoch, -1));
                    self.updates.sessions.push((ended, self.epoch, 1));
                }
            }
            next = self.people.visits[next].next as usize;
        }
    }
}

fn context_at(contexts: &[Rc<Context>], place: u32) -> Result<Rc<Context>, BadRow> {
    contexts.get(place as usize).cloned().ok_or(BadRow::NoText)
}

fn load_pane(saved: &SavedPane, texts: &Loaded, contexts: &[Rc<Context>]) -> Result<Pane, BadRow> {
    let mut pane = Pane::new(saved.end_ms);
    (pane.active, pane.converted) = (saved.active, saved.converted);
    for place in &saved.contexts {
        pane.add_context(&context_at(contexts, *place)?);
    }
    for page in texts.all(&saved.pages)? {
        pane.add_page(&page);
    }
    if let Some(many) = &saved.many {
        pane.set_many(texts.all(many)?);
    }
    Ok(pane)
}
