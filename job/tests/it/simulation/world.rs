//! What outlives a life: the clock, the logs, the checkpoints. Effects on them pass
//! boundaries at which the life can end.

use super::Deaths;
use super::faults::Off;
use super::script::{PARTITIONS, Random};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use streamgauge::checkpoint::{MemoryStorage, Storage, checkpoint_names, manifest_name, verify};
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::clock::{Clock, ManualClock};
use streamgauge_ingest::log::{
    EventLog, LogError, LogReader, MemoryLog, NewRecord, Position, Record,
};
use streamgauge_sink::results::{
    LogState, MemoryResults, Progress, ResultError, ResultLog, ResultReader, ResultWriter, Topic,
    Transaction,
};

/// Ten seconds before a day ends.
pub(super) const START_MS: i64 = 1_700_006_390_000;

/// What decides about death.
struct Fate {
    random: Mutex<Random>,
    deaths: Deaths,
    lives_on: AtomicBool,
    is_dead: AtomicBool,
    boundaries: AtomicU64,
}

impl Fate {
    /// A boundary: true if the life ends here.
    fn dies(&self) -> bool {
        let n = self.boundaries.fetch_add(1, Ordering::SeqCst);
        let dies = match self.deaths {
            Deaths::At(at) => n == at,
            Deaths::Chance(percent) => self.random.lock().unwrap().percent(percent),
        };
        let dies = dies && !self.lives_on.load(Ordering::SeqCst);
        self.is_dead.fetch_or(dies, Ordering::SeqCst);
        self.is_dead.load(Ordering::SeqCst)
    }

    fn chance(&self, percent: u64) -> bool {
        matches!(self.deaths, Deaths::Chance(_))
            && !self.lives_on.load(Ordering::SeqCst)
            && self.random.lock().unwrap().percent(percent)
    }
}

/// All that is kept.
pub(super) struct World {
    pub(super) clock: Arc<ManualClock>,
    pub(super) log: Log,
    pub(super) results: Results,
    pub(super) storage: Checkpoints,
    pub(super) off: Off,
    fate: Arc<Fate>,
}

impl World {
    pub(super) fn new(seed: u64, deaths: Deaths, off: Off) -> Self {
        let clock = Arc::new(ManualClock::new(START_MS));
        let fate = Arc::new(Fate {
            random: Mutex::new(Random::new(seed ^ 0x5eed)),
            deaths,
            lives_on: AtomicBool::new(false),
            is_dead: AtomicBool::new(false),
            boundaries: AtomicU64::new(0),
        });
        let events = MemoryLog::new(PARTITIONS, usize::MAX, clock.clone());
        let results = MemoryResults::new(clock.clone());
        let history = Arc::default();
        Self {
            log: Log { inner: events, off, forgotten: Arc::default() },
            results: Results { inner: results, fate: fate.clone(), history, off },
            storage: Checkpoints { inner: MemoryStorage::default(), fate: fate.clone() },
            clock,
            off,
            fate,
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.fate.is_dead.load(Ordering::SeqCst)
    }

    /// A new life begins.
    pub(super) fn revive(&self) {
        self.fate.is_dead.store(false, Ordering::SeqCst);
    }

    /// Whether another job may be begun by mistake.
    pub(super) fn may_be_superseded(&self) -> bool {
        self.fate.chance(100)
    }

    /// No more deaths.
    pub(super) fn live_on(&self) {
        self.fate.lives_on.store(true, Ordering::SeqCst);
    }

    pub(super) fn boundaries(&self) -> u64 {
        self.fate.boundaries.load(Ordering::SeqCst)
    }

    /// Between two lives the newest checkpoint may be damaged, or the log forget what
    /// no checkpoint needs.
    pub(super) fn damage(&self, random: &mut Random) {
        if self.off == Off::StillHeld {
            // It forgets a little of what the newest checkpoint still needs.
            self.log.forget(random.below(u64::from(PARTITIONS)) as u32, 1 + random.below(3));
        }
        if !random.percent(10) || matches!(self.fate.deaths, Deaths::At(_)) {
            return;
        }
        // The newest only: a sound one before it must be left to go on from.
        let epochs = checkpoint_names(&self.storage.inner).unwrap();
        let [newest, before, ..] = epochs[..] else { return };
        if verify(&self.storage.inner, before).is_err() {
            return;
        }
        let manifest = manifest_name(newest);
        let data = manifest.replace(".manifest", ".data");
        let mut files = self.storage.inner.files();
        let name = if random.percent(50) { &manifest } else { &data };
        let file = files.get_mut(name).unwrap();
        let at = random.below(file.len().max(1) as u64) as usize;
        if at >= file.len() {
            return;
        }
        if random.percent(50) { file.truncate(at) } else { file[at] ^= 0x40 }
    }
}

/// The events.
#[derive(Clone)]
pub(super) struct Log {
    inner: MemoryLog,
    off: Off,
    /// Offsets before these are gone, by partition, and nobody says so.
    forgotten: Forgotten,
}

type Forgotten = Arc<Mutex<Vec<(u32, Range<u64>)>>>;

impl Log {
    /// The next records to come of a partition are gone when they are read again.
    fn forget(&self, partition: u32, count: u64) {
        let end = self.inner.bounds(partition).unwrap().end;
        let lost = end.saturating_sub(count)..end;
        self.forgotten.lock().unwrap().push((partition, lost));
    }

    fn has(&self, record: &Record<'_>) -> bool {
        let forgotten = self.forgotten.lock().unwrap();
        !forgotten.iter().any(|(p, lost)| *p == record.partition && lost.contains(&record.offset))
    }

    /// All values in the order of their coming, as partition, offset, value.
    pub(super) fn all(&self) -> Vec<(u32, u64, i64, Vec<u8>)> {
        let from = (0..PARTITIONS).map(|partition| Position { partition, offset: 0 });
        let mut reader = self.inner.reader(&from.collect::<Vec<_>>()).unwrap();
        let mut all = Vec::new();
        let mut note = |r: Record<'_>| {
            all.push((r.partition, r.offset, r.appended_ms, r.value.to_vec()));
        };
        while reader.poll(1_000, &mut note).unwrap() > 0 {}
        all
    }
}

impl EventLog for Log {
    fn partitions(&self) -> u32 {
        PARTITIONS
    }
    fn append(&self, records: &[NewRecord<'_>]) -> Result<Vec<u64>, LogError> {
        self.inner.append(records)
    }
    fn bounds(&self, partition: u32) -> Result<Range<u64>, LogError> {
        self.inner.bounds(partition)
    }
    fn offset_at(&self, partition: u32, appended_ms: i64) -> Result<u64, LogError> {
        self.inner.offset_at(partition, appended_ms)
    }
    fn reader(&self, positions: &[Position]) -> Result<Box<dyn LogReader>, LogError> {
        let inner = self.inner.reader(positions)?;
        Ok(Box::new(Reader { inner, log: self.clone(), count: 0 }))
    }
}

struct Reader {
    inner: Box<dyn LogReader>,
    log: Log,
    count: u64,
}

impl LogReader for Reader {
    fn poll(&mut self, most: usize, each: &mut dyn FnMut(Record<'_>)) -> Result<usize, LogError> {
        let (log, count) = (&self.log, &mut self.count);
        // A few at a time, so that epochs are cut everywhere.
        self.inner.poll(most.min(7), &mut |record| {
            *count += 1;
            if log.has(&record) {
                each(record);
                if log.off == Off::EachOnce && *count % 16 == 0 {
                    each(record);
                }
            }
        })
    }
    fn read_until(
        &mut self,
        ends: &[Position],
        each: &mut dyn FnMut(Record<'_>),
    ) -> Result<(), LogError> {
        let log = &self.log;
        self.inner.read_until(ends, &mut |record| {
            if log.has(&record) {
                each(record);
            }
        })
    }
    fn positions(&self) -> Vec<Position> {
        self.inner.positions()
    }
}

/// The results.
#[derive(Clone)]
pub(super) struct Results {
    pub(super) inner: MemoryResults,
    fate: Arc<Fate>,
    /// All that was ever kept, in order.
    pub(super) history: Arc<Mutex<Vec<Transaction>>>,
    off: Off,
}

fn death() -> ResultError {
    ResultError::Storage { what: "death".to_owned(), reason: "death".to_owned() }
}

impl ResultLog for Results {
    fn writer(&self) -> Result<Box<dyn ResultWriter>, ResultError> {
        Ok(Box::new(Writer { inner: self.inner.writer()?, log: self.clone() }))
    }
    fn append(&self, records: &[streamgauge_sink::results::Record]) -> Result<(), ResultError> {
        self.inner.append(records)
    }
    fn reader(
        &self,
        topics: &[Topic],
        from: streamgauge_sink::results::Position,
    ) -> Result<Box<dyn ResultReader>, ResultError> {
        self.inner.reader(topics, from)
    }
    fn position_at(&self, at_ms: i64) -> Result<streamgauge_sink::results::Position, ResultError> {
        self.inner.position_at(at_ms)
    }
    fn bindings(&self, epoch: u64, most: usize) -> Result<Vec<Binding>, ResultError> {
        self.inner.bindings(epoch, most)
    }
    fn state(&self) -> Result<LogState, ResultError> {
        self.inner.state()
    }
    fn settings(&self, hash: u64) -> Result<Option<String>, ResultError> {
        self.inner.settings(hash)
    }
}

struct Writer {
    inner: Box<dyn ResultWriter>,
    log: Results,
}

impl Writer {
    fn keep(&mut self, transaction: &Transaction) -> Result<(), ResultError> {
        if self.log.fate.dies() {
            return Err(death());
        }
        if self.log.off == Off::OneWriter {
            // Whoever comes later has no say: this one takes its right back.
            self.inner = self.log.inner.writer()?;
        }
        self.inner.commit(transaction)?;
        self.log.history.lock().unwrap().push(transaction.clone());
        if self.log.fate.dies() {
            return Err(death());
        }
        Ok(())
    }
}

impl ResultWriter for Writer {
    fn number(&self) -> u64 {
        self.inner.number()
    }
    fn commit(&mut self, transaction: &Transaction) -> Result<(), ResultError> {
        let Transaction { bindings, settings, records, progress } = transaction.clone();
        match self.log.off {
            Off::BindFirst => {
                let effects = Transaction { records, progress, ..Transaction::default() };
                self.keep(&effects)?;
                self.keep(&Transaction { bindings, settings, ..Transaction::default() })
            }
            Off::Together => {
                self.keep(&Transaction { bindings, settings, records, ..Transaction::default() })?;
                self.keep(&Transaction { progress, ..Transaction::default() })
            }
            _ => self.keep(transaction),
        }
    }
    fn retain(&mut self, epoch: u64, bound_before_ms: i64) -> Result<(), ResultError> {
        if self.log.fate.dies() {
            return Err(death());
        }
        self.inner.retain(epoch, bound_before_ms)
    }
    fn progress(&self, epoch: u64) -> Result<Option<Progress>, ResultError> {
        self.inner.progress(epoch)
    }
}

/// The checkpoints.
#[derive(Clone)]
pub(super) struct Checkpoints {
    pub(super) inner: MemoryStorage,
    fate: Arc<Fate>,
}

impl Storage for Checkpoints {
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if self.fate.dies() {
            return Err(io::Error::other("death"));
        }
        if self.fate.chance(5) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.inner.write(name, bytes)?;
        if self.fate.dies() {
            return Err(io::Error::other("death"));
        }
        Ok(())
    }
    fn read_part(&self, name: &str, at: u64, length: u64) -> io::Result<Vec<u8>> {
        self.inner.read_part(name, at, length)
    }
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.inner.read(name)
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        if self.fate.dies() {
            return Err(io::Error::other("death"));
        }
        self.inner.remove(name)
    }
}

impl World {
    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }
}
