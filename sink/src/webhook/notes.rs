//! What a sender tells, and how often: what it does not tell is counted.

/// A receiver that fails now and then is told of so often at most, ms.
const TELL_MS: i64 = 60_000;

/// What a sender has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An attempt has failed, where the one before had not; at most once a minute.
    Failing(String),
    /// An attempt has not failed, where that was told of the one before.
    Well,
    /// For the first time an alert is given up, and why; dead letters have the rest.
    Dead(String),
    /// For the first time a record could not be understood: its key. It is not sent.
    Unreadable(String),
    /// Retention has cut alerts that were not sent; it goes on from what is kept.
    Gap,
}

pub(super) struct Notes<'a> {
    note: &'a mut dyn FnMut(Note),
    failing: bool,
    /// When it was last told that it fails, and whether that still stands.
    told_ms: i64,
    told: bool,
    dead: bool,
    unreadable: bool,
}

impl<'a> Notes<'a> {
    pub(super) fn new(note: &'a mut dyn FnMut(Note)) -> Self {
        let (failing, told_ms, told) = (false, i64::MIN, false);
        Self { note, failing, told_ms, told, dead: false, unreadable: false }
    }

    pub(super) fn failing(&mut self, reason: &str, now_ms: i64) {
        let begins = !std::mem::replace(&mut self.failing, true);
        if begins && now_ms.saturating_sub(self.told_ms) >= TELL_MS {
            (self.told_ms, self.told) = (now_ms, true);
            (self.note)(Note::Failing(reason.to_owned()));
        }
    }

    pub(super) fn well(&mut self) {
        if std::mem::replace(&mut self.failing, false) && std::mem::replace(&mut self.told, false) {
            (self.note)(Note::Well);
        }
    }

    pub(super) fn dead(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.dead, true) {
            (self.note)(Note::Dead(reason.to_owned()));
        }
    }

    /// Retention has cut what was not sent.
    pub(super) fn gap(&mut self) {
        (self.note)(Note::Gap);
    }

    pub(super) fn unreadable(&mut self, key: String) {
        if !std::mem::replace(&mut self.unreadable, true) {
            (self.note)(Note::Unreadable(key));
        }
    }
}
