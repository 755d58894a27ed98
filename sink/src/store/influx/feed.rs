//! Feeding an InfluxDB from the log of results.
//!
//! It follows the topic of final and corrected results from the position that it keeps, in
//! batches of about a thousand points, or of what there is once a second. A batch is first
//! in the store, what it has refused is a dead letter, and then the position is kept. So a
//! batch may be written twice and never not at all; writing it twice changes nothing.
//!
//! Invariant: once a position is kept, the store is what the records before it say, but for
//! what was told and counted: dead letters, results older than the bucket's retention,
//! records that nobody could read, and gaps of the log.

use super::batch::{self, Batch, Change, Line};
use super::delete::{self, Deletion};
use super::http::Verdict;
use super::link::{LOOK_UP, Link};
use super::resolve::{self, Refused};
use super::sessions::SessionChange;
use super::state::State;
use crate::dead_letters::refused_point;
use crate::results::{Position, Record, ResultError, ResultLog, ResultReader, Topic};
use crate::store::{FeedError, Found};
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::time::Duration;

/// A batch is full with so many points, or records.
const BATCH: usize = 1000;
/// Records read at once: by so much a batch can be more than full.
const PORTION: usize = 10;
/// How long records gather after a batch that was not full.
const GATHER: Duration = Duration::from_secs(1);
/// After so many looks at nothing new the position is kept: records of other topics may
/// have moved it, and the log can cut what is behind.
const SETTLE_LOOKS: u32 = 600;

/// A feed at work.
pub(super) struct Feeder<'a> {
    pub(super) results: &'a dyn ResultLog,
    pub(super) state: &'a mut State,
    pub(super) link: Link<'a>,
    pub(super) told: Told,
}

/// What was told already.
#[derive(Default)]
pub(super) struct Told {
    unreadable: bool,
    expired: bool,
    refused: bool,
}

/// What is known of what is there, by time.
type There = BTreeMap<i64, Vec<Found>>;

impl Feeder<'_> {
    /// Feeds until it is to end.
    pub(super) fn follow(&mut self) -> Result<(), FeedError> {
        let mut reader = None;
        let mut looks = 0;
        while !self.link.is_stopping() {
            let Some(open) = &mut reader else {
                reader = self.open()?;
                continue;
            };
            let mut batch = Batch::default();
            let gap = self.fill(open.as_mut(), &mut batch)?;
            if batch.records == 0 && gap.is_none() {
                looks += 1;
                if looks == SETTLE_LOOKS {
                    looks = 0;
                    self.settle(&open.position())?;
                }
                open.wait(LOOK_UP);
                continue;
            }
            looks = 0;
            let is_full = batch.points >= BATCH || batch.records >= BATCH;
            if !self.deliver(batch, gap.as_ref().unwrap_or(&open.position()))? {
                return Ok(());
            }
            match gap {
                Some(kept_from) => {
                    self.tell_gap(&kept_from);
                    reader = None;
                }
                None if is_full => {}
                None => self.link.pause(GATHER),
            }
        }
        reader.map_or(Ok(()), |reader| self.settle(&reader.position()))
    }

    /// A reader from where the store is; none if the log has cut what comes next, which the
    /// store then knows.
    fn open(&mut self) -> Result<Option<Box<dyn ResultReader>>, FeedError> {
        let from = match self.state.position() {
            Some(position) => position.clone(),
            // A new store begins with what there is: nothing of it is lost.
            None => self.results.position_at(i64::MIN)?,
        };
        let all = [Topic::ProcessedMetrics, Topic::Sessions];
        let topics = if self.link.settings.has_sessions { &all[..] } else { &all[..1] };
        match self.results.reader(topics, from) {
            Ok(reader) => Ok(Some(reader)),
            Err(ResultError::Lost { kept_from }) => {
                self.state.keep(&kept_from)?;
                self.tell_gap(&kept_from);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Fills a batch with what there is; gives where the log goes on, if it has cut what
    /// comes next.
    fn fill(
        &mut self,
        reader: &mut dyn ResultReader,
        batch: &mut Batch,
    ) -> Result<Option<Position>, FeedError> {
        while batch.points < BATCH && batch.records < BATCH {
            match reader.poll(PORTION, &mut |stored| batch.take(stored)) {
                Ok(count) if count < PORTION => break,
                Ok(_) => {}
                Err(ResultError::Lost { kept_from }) => return Ok(Some(kept_from)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Keeps where the reader is: all before it is in the store.
    fn settle(&mut self, position: &Position) -> Result<(), FeedError> {
        if self.state.position() != Some(position) {
            self.state.keep(position)?;
        }
        Ok(())
    }

    fn tell_gap(&mut self, _kept_from: &Position) {
        self.link.status.note(|report| report.gaps += 1);
        let what = "InfluxDB has a gap: the results' retention has cut what it had not read";
        (self.link.means.tell)(what);
    }

    /// Brings a batch into the store, and keeps the position behind it; not if it is to end
    /// before.
    fn deliver(&mut self, mut batch: Batch, position: &Position) -> Result<bool, FeedError> {
        self.link.status.note(|report| report.waiting_since_ms = batch.since_ms);
        self.note_unreadable(&mut batch);
        let (changes, sessions) = batch.into_changes();
        let Some(letters) = self.apply(changes, sessions) else { return Ok(false) };
        if !letters.is_empty() {
            // Before the position: what is refused is never without a trace.
            self.results.append(&letters)?;
        }
        self.state.keep(position)?;
        self.link.status.note(|report| report.waiting_since_ms = None);
        Ok(true)
    }

    /// Applies changes; gives the dead letters of what was refused.
    fn apply(
        &mut self,
        mut changes: Vec<Change>,
        mut sessions: Vec<SessionChange>,
    ) -> Option<Vec<Record>> {
        let horizon_ms = self.horizon_ms()?;
        let is_kept = |time_ms: i64| horizon_ms.is_none_or(|horizon_ms| time_ms >= horizon_ms);
        let count = |changes: &[Change], sessions: &[SessionChange]| {
            let results = changes.iter().filter(|change| change.points.is_some()).count();
            (results + sessions.iter().filter(|change| change.point.is_some()).count()) as u64
        };
        let before = count(&changes, &sessions);
        changes.retain(|change| is_kept(change.key.time_ms()));
        sessions.retain(|change| change.point.as_ref().is_none_or(|p| is_kept(p.time_ms)));
        self.note_expired(before - count(&changes, &sessions));
        let mut letters = Vec::new();
        let there = self.there(&changes)?;
        for change in &changes {
            let deletions = match (&change.points, there.get(&change.key.time_ms())) {
                (None, _) => delete::ended(change),
                (Some(_), Some(there)) => delete::gone(change, there),
                (Some(_), None) => Vec::new(),
            };
            for deletion in deletions {
                letters.extend(self.delete(&deletion)?);
            }
        }
        letters.extend(self.delete_of_sessions(&sessions)?);
        let mut lines = batch::lines(&changes);
        lines.extend(sessions.iter().filter_map(SessionChange::line));
        letters.extend(self.write(&lines)?);
        Some(letters)
    }

    /// What is older the bucket does not take, if it forgets at all.
    fn horizon_ms(&mut self) -> Option<Option<i64>> {
        let keep = self.link.retention()?;
        let now_ms = self.link.means.clock.now_ms();
        let of = |keep: Duration| i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        Some(keep.map(|keep| now_ms.saturating_sub(of(keep))))
    }

    /// What is there of results that may leave something behind.
    fn there(&mut self, changes: &[Change]) -> Option<There> {
        let mut wanted: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
        for change in changes {
            let names = delete::lookup(change);
            if !names.is_empty() {
                wanted.entry(change.key.time_ms()).or_default().extend(names);
            }
        }
        let mut there = There::new();
        for (time_ms, names) in wanted {
            let names: Vec<_> = names.into_iter().collect();
            let found = self.link.until(|link| link.history.found(&names, time_ms))?;
            there.insert(time_ms, found);
        }
        Some(there)
    }

    /// Deletes points; gives a dead letter if that was refused.
    pub(super) fn delete(&mut self, deletion: &Deletion) -> Option<Option<Record>> {
        let Deletion { time_ms, predicate, epoch } = deletion;
        let verdict = self.link.verdict(|http| http.delete(*time_ms, predicate))?;
        let reason = match verdict {
            Verdict::Done => {
                self.link.status.note(|report| report.deleted += 1);
                return Some(None);
            }
            Verdict::Refused(reason) | Verdict::Partly(reason) => reason,
        };
        let what = format!("delete at {time_ms}: {predicate}");
        self.note_refused(&what, &reason);
        Some(Some(refused_point(what.as_bytes(), &reason, *epoch)))
    }

    /// Writes lines; gives the dead letters of those that were refused.
    fn write(&mut self, lines: &[Line]) -> Option<Vec<Record>> {
        let link = &mut self.link;
        let refused = resolve::write(lines, |body| link.verdict(|http| http.write(body)))?;
        let (old, bad): (Vec<Refused>, Vec<Refused>) =
            refused.into_iter().partition(|refused| refused.is_expired);
        let written = lines.len() - old.len() - bad.len();
        self.link.status.note(|report| report.written += written as u64);
        self.note_expired(old.len() as u64);
        let mut letters = Vec::new();
        for Refused { line, reason, .. } in bad {
            let Some(line) = lines.get(line) else { continue };
            self.note_refused(&String::from_utf8_lossy(&line.text), &reason);
            letters.push(refused_point(&line.text, &reason, line.epoch));
        }
        Some(letters)
    }

    fn note_refused(&mut self, what: &str, reason: &str) {
        self.link.status.note(|report| report.refused += 1);
        if !mem::replace(&mut self.told.refused, true) {
            let what = super::http::shown(what);
            (self.link.means.tell)(&format!(
                "InfluxDB refuses a point, which becomes a dead letter (see `streamgauge dlq show \
                 --reason refused_point`): {reason}: {what}"
            ));
        }
    }

    fn note_expired(&mut self, count: u64) {
        if count == 0 {
            return;
        }
        self.link.status.note(|report| report.expired += count);
        if !mem::replace(&mut self.told.expired, true) {
            let what = "results older than the retention of InfluxDB's bucket are left away";
            (self.link.means.tell)(what);
        }
    }

    fn note_unreadable(&mut self, batch: &mut Batch) {
        self.link.status.note(|report| report.unreadable += batch.unreadable);
        if let Some(first) = batch.first_unreadable.take()
            && !mem::replace(&mut self.told.unreadable, true)
        {
            (self.link.means.tell)(&format!("InfluxDB is not given a result: {first}"));
        }
    }
}
