//! From the state per user to rows of a checkpoint.

use super::daily::SavedDay;
use super::pane::{Context, Pane};
use super::people::People;
use super::saved::{SavedPane, SavedUser, SavedVisit};
use super::state::State;
use super::values::Value;
use crate::checkpoint::{Row, SHARDS, shard_of};
use crate::time::Extent;
use hashbrown::HashMap;
use std::rc::Rc;
use streamgauge_ingest::batch::Dimension;
use streamgauge_ingest::binary;

/// The texts and contexts of a row, by the addresses of what is held.
#[derive(Default)]
pub(crate) struct Texts {
    values: Vec<Rc<Value>>,
    places: HashMap<usize, u32>,
    contexts: Vec<[u32; 6]>,
    context_places: HashMap<usize, u32>,
}

impl Texts {
    /// The place of a value.
    pub(crate) fn place(&mut self, value: &Rc<Value>) -> u32 {
        let next = count(self.values.len());
        let values = &mut self.values;
        *self.places.entry(Rc::as_ptr(value).addr()).or_insert_with(|| {
            values.push(Rc::clone(value));
            next
        })
    }

    /// The place after 0 of a value that may be absent.
    pub(crate) fn after_zero(&mut self, value: Option<&Rc<Value>>) -> u32 {
        value.map_or(0, |v| self.place(v) + 1)
    }

    pub(super) fn context(&mut self, context: &Rc<Context>) -> u32 {
        let address = Rc::as_ptr(context).addr();
        if let Some(place) = self.context_places.get(&address) {
            return *place;
        }
        let values = std::array::from_fn(|i| self.place(&context.0[i]));
        let place = count(self.contexts.len());
        self.contexts.push(values);
        self.context_places.insert(address, place);
        place
    }

    fn clear(&mut self) {
        self.values.clear();
        self.places.clear();
        self.contexts.clear();
        self.context_places.clear();
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).expect("a user's values are fewer than 4 billion")
}

impl State {
    /// Rows of what has changed since this was asked last, or of everything, by shard.
    pub fn save(&mut self, extent: Extent) -> Vec<Vec<u8>> {
        let mut shards = vec![Vec::new(); SHARDS];
        let mut texts = Texts::default();
        let touched = std::mem::take(&mut self.people.touched);
        match extent {
            Extent::Changes => {
                for slot in touched {
                    let user = self.people.users.get_mut(slot);
                    // A place can have another user by now, who is on the list again.
                    if user.is_some_and(|u| std::mem::take(&mut u.is_touched)) {
                        self.save_user(slot, &mut texts, &mut shards);
                    }
                }
            }
            Extent::Whole => {
                let all: Vec<_> = self.people.users.iter().map(|(slot, _)| slot).collect();
                for slot in all {
                    self.people.users[slot].is_touched = false;
                    self.save_user(slot, &mut texts, &mut shards);
                }
            }
        }
        shards
    }

    fn save_user(&self, slot: usize, texts: &mut Texts, shards: &mut [Vec<u8>]) {
        texts.clear();
        let user = &self.people.users[slot];
        let (profile, visits) = (&user.profile, self.people.visits_of(slot));
        let mut saved = SavedUser::default();
        let mut expires_ms = self.user_expires_ms(slot);
        saved.past = user.past.map(|past| (past.first_ms, past.last_ms));
        saved.last_context = profile.context.as_ref().map_or(0, |c| texts.context(c) + 1);
        saved.panes = profile.panes.iter().map(|pane| save_pane(pane, texts)).collect();
        saved.alerts = profile.alerts.iter().map(|w| (w.end_ms, w.views)).collect();
        for visit in visits {
            for session in visit.sessions.iter() {
                let session_ms = self.constants.windows.session_expires_ms(session.last_ms());
                expires_ms = expires_ms.max(session_ms);
            }
            let sessions = visit.sessions.iter();
            let sessions =
                sessions.map(|s| s.save(user.starts.has_returned(s.first_ms()), texts)).collect();
            saved.visits.push(SavedVisit { session: &visit.session, sessions });
        }
        let sequences = user.sequences.iter().flat_map(|s| s.all());
        saved.sequences = sequences
            .map(|(rule, firsts, thens)| (rule, firsts.to_vec(), thens.to_vec()))
            .collect();
        saved.days = user.days.0.iter().map(|row| SavedDay::of(row, texts)).collect();
        let values = std::mem::take(&mut texts.values);
        let text = |v: &'_ Rc<Value>| (v.dimension, v.name.split, v.name.text.to_string());
        let owned: Vec<(Dimension, u32, String)> = values.iter().map(text).collect();
        saved.texts = owned.iter().map(|(d, split, text)| (*d, *split, text.as_str())).collect();
        saved.contexts = std::mem::take(&mut texts.contexts);
        let body = binary::encode(&saved);
        let row = Row { hash: user.hash, key: user.name.as_bytes(), expires_ms, body: &body };
        row.write(&mut shards[shard_of(user.hash)]);
    }
}

fn save_pane(pane: &Pane, texts: &mut Texts) -> SavedPane {
    let (contexts, pages) = pane.few();
    let contexts = contexts.iter().map(|c| texts.context(c)).collect();
    let pages = pages.iter().map(|p| texts.place(p)).collect();
    let many = pane.many_values().map(|values| values.map(|v| texts.place(v)).collect());
    let (end_ms, active, converted) = (pane.end_ms, pane.active, pane.converted);
    SavedPane { end_ms, active, converted, contexts, pages, many }
}

impl People {
    /// Notes that a user changes, and that the next checkpoint must have it.
    pub(super) fn touch(&mut self, slot: usize) {
        if !std::mem::replace(&mut self.users[slot].is_touched, true) {
            self.touched.push(slot);
        }
    }
}
