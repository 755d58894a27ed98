//! The records of results made from events.

use super::asked::Asked;
use super::counted::{Users, in_words, is_counted, users_of};
use super::input::Watch;
use super::listing::{Read, Records, Verdict, listed, verdict};
use super::steps::Steps;
use hashbrown::HashSet;
use streamgauge_ingest::batch::{Row, Texts};
use streamgauge_ingest::decode::Decoder;
use streamgauge_ingest::judge::Judged;

/// One result, and the records of it.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub(super) asked: Asked,
    records: Records,
    users: HashSet<u64>,
    /// Of an alert of a sequence rule.
    steps: Option<Steps>,
}

/// A record that is looked at, and the epoch that it was bound in.
struct At<'a, 'j> {
    judged: &'a Judged<'j>,
    epoch: u64,
    decoder: &'a mut Decoder,
}

impl Noted {
    fn new(asked: &Asked, limit: usize) -> Self {
        let sequence = asked.subject.sequence();
        Self {
            asked: asked.clone(),
            records: Records::new(limit),
            users: HashSet::new(),
            steps: sequence.map(|sequence| Steps::new(sequence, asked.window.start)),
        }
    }

    /// Distinct users, where they are part of the result.
    pub(super) fn users(&self) -> Option<usize> {
        users_of(&self.asked.subject).map(|_| self.users.len())
    }

    /// All records, when there are no more.
    pub(super) fn records(&self) -> Records {
        match &self.steps {
            Some(steps) => steps.finish(&self.records),
            None => self.records.clone(),
        }
    }

    fn note(&mut self, at: At<'_, '_>) {
        let (asked, judged) = (&self.asked, at.judged);
        let concerns = match (judged.row, judged.at_ms) {
            (Some(row), _) => asked.concerns(row, judged.texts),
            // Whose it is is not decoded of what has no row.
            (None, Some(at_ms)) => asked.span.contains(&at_ms) && asked.who.is_none(),
            (None, None) => false,
        };
        if !concerns || at.epoch > asked.last {
            return;
        }
        let is_later = asked.as_of.is_some_and(|as_of| at.epoch > as_of);
        let Some(verdict) = verdict(judged, asked.subject.family(), is_later) else { return };
        match (verdict, judged.row) {
            (Verdict::Taken | Verdict::BoundLater, Some(row)) if asked.is_late(row, judged) => {
                self.left_out(Verdict::Late, at);
            }
            (Verdict::Taken, Some(row)) if self.steps.is_some() => {
                self.step(row, judged.texts, at);
            }
            (Verdict::Taken, Some(row)) => self.taken(row, at),
            _ => self.left_out(verdict, at),
        }
    }

    fn left_out(&mut self, verdict: Verdict, At { judged, epoch, decoder }: At<'_, '_>) {
        let describe = || listed(decoder, judged, verdict, epoch, |_| String::new());
        self.records.note(verdict, describe);
    }

    fn taken(&mut self, row: &Row, At { judged, epoch, decoder }: At<'_, '_>) {
        let asked = &self.asked;
        let is_counted = is_counted(asked, row);
        let users = match users_of(&asked.subject) {
            Some(Users::OfCounted) if !is_counted => None,
            users => users,
        };
        let is_first = users.map(|_| self.users.insert(row.user_hash));
        let verdict = if is_counted { Verdict::Counted } else { Verdict::Taken };
        self.records.note(verdict, || {
            listed(decoder, judged, verdict, epoch, |event| {
                in_words(asked, event, is_counted, is_first)
            })
        });
    }

    /// An event of the user that a sequence rule looks at.
    fn step(&mut self, row: &Row, texts: &Texts, At { judged, epoch, decoder }: At<'_, '_>) {
        let Some(steps) = &mut self.steps else { return };
        let role = steps.role(row, texts);
        let verdict = Verdict::Taken;
        if role.is_first || role.is_then {
            let listed = listed(decoder, judged, verdict, epoch, super::counted::what);
            let mark = (row.at_ms, judged.partition, judged.offset);
            steps.take(mark, role, listed);
        } else {
            self.records.note(verdict, || {
                listed(decoder, judged, verdict, epoch, |event| steps.in_words(event, role))
            });
        }
    }
}

/// Notes the records of results made from events.
pub(super) struct Listing {
    pub(super) read: Read,
    pub(super) noted: Vec<Noted>,
    epoch: u64,
    decoder: Decoder,
}

impl Listing {
    pub(super) fn new(asked: &[Asked], limit: usize, max_bytes: usize) -> Self {
        let noted = asked.iter().map(|asked| Noted::new(asked, limit)).collect();
        let decoder = Decoder::new(max_bytes).with_campaigns(true);
        Self { read: Read::default(), noted, epoch: 0, decoder }
    }
}

impl Watch for Listing {
    fn epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    fn record(&mut self, judged: &Judged<'_>) {
        self.read.note(judged);
        for noted in &mut self.noted {
            noted.note(At { judged, epoch: self.epoch, decoder: &mut self.decoder });
        }
    }
}
