//! One life: the parts of a job, each taking a step when it is its turn.

use super::faults::Off;
use super::hands::{Hands, Queue};
use super::script::{Random, Script};
use super::world::World;
use std::sync::Arc;
use streamgauge::checkpoint::{self, Keep};
use streamgauge::live::{
    CheckpointState, Checkpoints, Driver, Given, Start, Step, ToCheckpoints, ToWriter, Writer,
};
use streamgauge::run::{Feeder, feeds};
use streamgauge_ingest::decode::partition_of;
use streamgauge_ingest::log::{EventLog, NewRecord};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::{BoundEpoch, Source};
use streamgauge_sink::results::{ResultLog, ResultWriter};

/// After this time nothing that has happened is in an open window of an hour.
const HOUR_CLOSED_AFTER_MS: i64 = 3_900_000;
/// Nor, after this time, in any: the longest are days.
const CLOSED_AFTER_MS: i64 = 90_000_000;

/// How a life ended.
pub(super) enum End {
    /// It died, or has done all there was to do.
    Died,
    /// Another one was begun beside it, by mistake.
    Superseded,
    /// Something that must not be.
    Failed(String),
}

pub(super) struct Life<'a> {
    world: &'a World,
    script: &'a Script,
    writer: Writer,
    driver: Driver<'a>,
    checkpoints: Option<Checkpoints<'a>>,
    feeder: Feeder,
    hands: Hands,
    to_writer: Queue<ToWriter>,
    to_checkpoints: Queue<ToCheckpoints>,
    state: Arc<CheckpointState>,
}

/// Where a life begins; with I5 switched off also where it must not.
fn find(world: &World, workers: usize) -> Result<Start, String> {
    let found = Start::find(
        &world.results,
        &world.storage,
        &world.log,
        workers,
        &(super::script::SETTINGS_HASH, "{}".to_owned()),
    );
    let mut start = found.map_err(|e| e.to_string())?;
    if world.off == Off::Committed {
        let bindings = world.results.bindings(0, usize::MAX).unwrap();
        let newest = checkpoint::newest_usable(&world.storage, workers, |_| Ok(())).unwrap();
        if let Some(newest) = newest.checkpoint {
            let epoch = newest.manifest.epoch;
            start.after = bindings.iter().find(|b| b.epoch == epoch).cloned();
            start.again = bindings.into_iter().filter(|b| b.epoch > epoch).collect();
            start.checkpoint = Some(newest);
        }
    }
    Ok(start)
}

impl<'a> Life<'a> {
    pub(super) fn begin(world: &'a World, script: &'a Script, workers: usize) -> Result<Self, End> {
        let failed = |e: &dyn std::fmt::Display| End::Failed(e.to_string());
        world.revive();
        let results: Box<dyn ResultWriter> = world.results.writer().map_err(|e| failed(&e))?;
        let mut start = find(world, workers).map_err(|e| failed(&e))?;
        let input: InputSettings = script.input();
        let after = start.after.as_ref();
        let source = Source::new(&world.log, &*world.clock, &input, script.pacing(), after)
            .map_err(|e| failed(&e))?;
        let manifest = start.checkpoint.as_ref().map(|c| c.manifest.clone());
        let restored = manifest.as_ref().map(|m| m.epoch);
        let writer = Writer::new(results, start.state, restored, None);
        let state = Arc::new(CheckpointState::default());
        let (driver, first) = Driver::new(
            source,
            &*world.clock,
            script.pace(),
            &start,
            Arc::clone(&state),
            script.checkpoint_every_ms,
            script.pacing().settings_hash,
        );
        let (to_writer, to_checkpoints) = (Queue::default(), Queue::default());
        let mut settings = script.dataflow();
        if world.off == Off::Function {
            settings.windows.session_gap_ms += workers as i64;
        }
        let (mut feeder, feeds) = feeds(workers);
        let hands =
            Hands::begin(workers, &settings, feeds, &mut start, &to_writer, &to_checkpoints);
        if let Some((epoch, tick)) = first {
            feeder.close(epoch, tick);
        }
        let checkpoints = None;
        let mut life = Self {
            world,
            script,
            writer,
            driver,
            checkpoints,
            feeder,
            hands,
            to_writer,
            to_checkpoints,
            state,
        };
        life.checkpoints = Some(life.new_checkpoints(workers, manifest.as_ref()));
        Ok(life)
    }

    fn new_checkpoints(
        &self,
        workers: usize,
        manifest: Option<&checkpoint::Manifest>,
    ) -> Checkpoints<'a> {
        let state = Arc::clone(&self.state);
        let keep = Keep { newest: 2, hours: 0 };
        Checkpoints::new(&self.world.storage, state, keep, workers, manifest)
    }

    /// Lives until it dies, or until everything that ever happens has happened and
    /// all is closed.
    pub(super) fn live(
        &mut self,
        random: &mut Random,
        appended: &mut u64,
        older: &mut Option<Self>,
    ) -> End {
        let mut quiet = 0;
        loop {
            if older.as_mut().is_some_and(|older| random.percent(30) && !older.goes_on(random)) {
                older.take().into_iter().for_each(Self::end);
            }
            if random.below(400) == 0 && self.world.may_be_superseded() {
                return End::Superseded;
            }
            let all_is_appended = *appended >= self.script.events;
            let actor = random.below(8 + self.hands.count() as u64);
            let result = match actor {
                0 if !all_is_appended => {
                    self.append(random, appended);
                    Ok(())
                }
                0 | 1 => {
                    let most_ms = if all_is_appended { 20_000 } else { 400 };
                    self.world.clock.advance(random.below(most_ms) as i64);
                    Ok(())
                }
                2 | 3 => self.drive(),
                4 => (0..=random.below(4)).try_for_each(|_| self.take()),
                5 => self.commit(),
                6 | 7 => self.checkpoint(random),
                worker => {
                    self.hands.step(worker as usize - 8);
                    Ok(())
                }
            };
            if self.world.is_dead() {
                return End::Died;
            }
            if let Err(why) = result {
                return End::Failed(why);
            }
            quiet += u64::from(all_is_appended);
            if quiet > 100 {
                return self.finish(random);
            }
        }
    }

    /// Works until so many checkpoints were made, with events coming in.
    pub(super) fn work_until_checkpoints(&mut self, random: &mut Random, count: usize) {
        let (mut appended, mut made) = (0, 0);
        while made < count {
            self.append(random, &mut appended);
            self.world.clock.advance(random.below(500) as i64);
            self.drive().unwrap();
            for worker in 0..self.hands.count() {
                self.hands.step(worker);
                self.hands.step(worker);
            }
            self.take().and_then(|()| self.take()).unwrap();
            self.commit().unwrap();
            for _ in 0..4 {
                let before = self.state.last();
                self.checkpoint(&mut Random::new(1)).unwrap();
                made += usize::from(self.state.last() != before);
            }
        }
    }

    fn append(&self, random: &mut Random, appended: &mut u64) {
        for _ in 0..=random.below(4) {
            let (key, value) = self.script.event(*appended, self.world.now_ms(), random);
            let partition = match value.last() {
                Some(b'}') => partition_of(&key, super::script::PARTITIONS),
                _ => 0,
            };
            let record = NewRecord { partition, key: key.as_bytes(), value: &value };
            self.world.log.append(&[record]).unwrap();
            *appended += 1;
        }
    }

    fn drive(&mut self) -> Result<(), String> {
        if !self.feeder.has_room() {
            return Ok(());
        }
        match self.driver.step().map_err(|e| e.to_string())? {
            Step::Again(given) | Step::New(given) => self.give(given),
            Step::Nothing => {}
        }
        Ok(())
    }

    fn give(&mut self, given: Given) {
        let Given { bound, checkpoint, tick } = given;
        let BoundEpoch { binding, batch, dead_letters, .. } = bound;
        let epoch = binding.epoch;
        let bound = ToWriter::Bound(binding, dead_letters);
        self.to_writer.lock().unwrap().push_back(bound);
        self.to_checkpoints.lock().unwrap().extend(checkpoint);
        if let Some(batch) = batch {
            assert!(self.feeder.rows(epoch, batch));
        }
        assert!(self.feeder.close(epoch, tick));
    }

    fn take(&mut self) -> Result<(), String> {
        let message = self.to_writer.lock().unwrap().pop_front();
        message.map_or(Ok(()), |m| self.writer.take(m).map_err(|e| e.to_string()))
    }

    fn commit(&mut self) -> Result<(), String> {
        self.writer.commit().map(|_| ()).map_err(|e| e.to_string())
    }

    fn checkpoint(&mut self, random: &mut Random) -> Result<(), String> {
        let checkpoints = self.checkpoints.as_mut().unwrap();
        let Some(epoch) = checkpoints.waits_for() else {
            let message = self.to_checkpoints.lock().unwrap().pop_front();
            if let Some(message) = message {
                // One that fails is no harm; the next is of everything.
                let _ = checkpoints.take(message, self.world.now_ms());
            }
            return Ok(());
        };
        let is_committed = self.writer.committed().epoch.is_some_and(|c| c >= epoch);
        let is_durable = is_committed && self.writer.is_clean();
        let may_finish = is_durable || (self.world.off == Off::Committed && random.percent(50));
        if may_finish && let Ok(Some(oldest)) = checkpoints.finish() {
            let retain = ToWriter::Retain(oldest, self.world.now_ms());
            self.to_writer.lock().unwrap().push_back(retain);
        }
        Ok(())
    }

    /// Goes on although a newer job has begun; false if it was told to end.
    fn goes_on(&mut self, random: &mut Random) -> bool {
        for worker in 0..self.hands.count() {
            self.hands.step(worker);
        }
        let result = (0..random.below(4)).try_for_each(|_| self.take());
        result.and_then(|()| self.commit()).is_ok()
    }

    /// Does what was bound before, and nothing else.
    pub(super) fn redo(&mut self) -> Result<(), String> {
        while self.driver.epochs_to_redo() > 0
            || self.writer.committed().epoch != self.writer.committed().bound
            || !self.writer.is_clean()
        {
            if self.driver.epochs_to_redo() > 0 {
                self.drive()?;
            }
            for worker in 0..self.hands.count() {
                self.hands.step(worker);
            }
            self.take()?;
            self.commit()?;
        }
        Ok(())
    }

    /// Lets time pass until all is closed; then the last epoch, as when a job is asked
    /// to end, and all that follows from it.
    fn finish(&mut self, random: &mut Random) -> End {
        let mut is_last = false;
        let began_ms = self.world.now_ms();
        let all_closed_ms = began_ms + CLOSED_AFTER_MS;
        for _ in 0..20_000 {
            if !is_last && self.feeder.has_room() {
                // Only the windows of an hour are still open after a few minutes, and the
                // day after some hours.
                self.world.clock.advance(match self.world.now_ms() - began_ms {
                    ..200_000 => 25_000,
                    200_000..HOUR_CLOSED_AFTER_MS => 300_000,
                    _ => 10_000_000,
                });
                let watermark_ms = self.driver.last_close().map_or(0, |c| c.watermark_ms);
                let step = match self.driver.step() {
                    Ok(step) => step,
                    Err(e) => return End::Failed(e.to_string()),
                };
                match step {
                    Step::Again(given) => self.give(given),
                    Step::New(given) if watermark_ms < all_closed_ms => self.give(given),
                    Step::Nothing => {}
                    Step::New(given) => {
                        self.give(given);
                        is_last = true;
                        match self.driver.last_epoch() {
                            Ok(last) => self.give(last),
                            Err(e) => return End::Failed(e.to_string()),
                        }
                    }
                }
            }
            for worker in 0..self.hands.count() {
                self.hands.step(worker);
            }
            let mut never = Random::new(1);
            let mut result = (0..random.below(5)).try_for_each(|_| self.take());
            if random.percent(60) {
                result = result.and_then(|()| self.commit());
            }
            let result = result.and_then(|()| self.checkpoint(&mut never));
            if self.world.is_dead() {
                return End::Died;
            }
            if let Err(why) = result {
                return End::Failed(why);
            }
            let committed = self.writer.committed();
            let is_empty = self.to_writer.lock().unwrap().is_empty();
            let is_done = is_last && is_empty && self.writer.is_clean();
            if is_done && committed.epoch == committed.bound {
                return End::Died;
            }
        }
        let (open, queue) = (self.writer.committed(), self.to_writer.lock().unwrap().len());
        End::Failed(format!("it does not come to an end: last {is_last}, {open:?}, {queue} wait"))
    }

    /// Lets go of the workers.
    pub(super) fn end(self) {
        drop(self.feeder);
        self.hands.end();
    }
}
