//! Reads the records of some partitions of a log, epoch by epoch, and judges
//! them.

use super::SourceError;
use crate::batch::EventBatch;
use crate::binding::{EpochCounts, PartitionBinding, RecordDigest};
use crate::dead_letter::DeadLetter;
use crate::judge::{
    Chunk, ChunkDecoder, FileJudge, JudgedChunk, Line, LogJudge, Place, SeenId, Watcher,
};
use crate::log::{EventLog, LogReader, POLL_BYTES, Position, Record};
use crate::settings::InputSettings;
use crate::summary::SourceCounts;

/// Room for so many bytes of records is kept, more only while epochs need it.
const ROOM_BYTES: usize = 1 << 20;

/// What was read of an epoch.
#[derive(Debug, Default)]
pub struct Read {
    /// What its partitions hold, by partition.
    pub partitions: Vec<PartitionBinding>,
    /// What became of its records.
    pub counts: EpochCounts,
    /// Accepted events of known types.
    pub batch: Option<EventBatch>,
    /// Rejected records, and partly late ones.
    pub dead_letters: Vec<DeadLetter>,
    /// Whether it is about as much as is read at once, so most likely more waits.
    pub is_full: bool,
}

/// One partition within the epoch that is being read.
struct Part {
    partition: u32,
    lo: u64,
    hi: u64,
    count: u64,
    digest: RecordDigest,
}

impl Part {
    fn at(at: Position) -> Self {
        let Position { partition, offset } = at;
        Self { partition, lo: offset, hi: offset, count: 0, digest: RecordDigest::default() }
    }
}

/// Reads partitions epoch by epoch.
pub struct EpochReader {
    reader: Box<dyn LogReader>,
    decoder: ChunkDecoder,
    judge: LogJudge,
    chunk: Chunk,
    places: Vec<Place>,
    /// By partition; after an attempt that failed, `hi` is where the next epoch begins.
    parts: Vec<Part>,
    last_appended_ms: Option<i64>,
}

impl EpochReader {
    /// A reader from these positions on, watermarks at −∞. How many partitions there are
    /// the log says, not the settings.
    ///
    /// # Errors
    /// If the log can't be read from there.
    pub fn new(
        log: &dyn EventLog,
        settings: &InputSettings,
        positions: &[Position],
    ) -> Result<Self, SourceError> {
        let settings = InputSettings { partitions: log.partitions(), ..settings.clone() };
        let reader = log.reader(positions)?;
        let mut parts: Vec<_> = positions.iter().map(|at| Part::at(*at)).collect();
        parts.sort_by_key(|p| p.partition);
        Ok(Self {
            reader,
            decoder: ChunkDecoder::new(&settings),
            judge: LogJudge::new(&settings),
            chunk: Chunk::default(),
            places: Vec::new(),
            parts,
            last_appended_ms: None,
        })
    }

    /// Goes on with partitions that it does not have and `log` has behind those that it
    /// has: from what is held of them on, watermarks at −∞.
    ///
    /// # Errors
    /// If the log can't be read from there: then nothing has changed.
    pub fn grow(&mut self, log: &dyn EventLog) -> Result<(), SourceError> {
        let added = (0..).zip(log.all_bounds()?).skip(self.parts.len());
        let added = added.map(|(partition, held)| Position { partition, offset: held.start });
        let positions: Vec<_> = self.positions().chain(added).collect();
        self.reader = log.reader(&positions)?;
        self.parts.extend(positions[self.parts.len()..].iter().map(|at| Part::at(*at)));
        self.judge.grow(log.partitions());
        Ok(())
    }

    /// Where the next epoch begins, by partition.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.parts.iter().map(|p| Position { partition: p.partition, offset: p.hi })
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &SourceCounts {
        self.judge.counts()
    }

    /// When the last record that was read was appended, ms.
    #[must_use]
    pub fn last_appended_ms(&self) -> Option<i64> {
        self.last_appended_ms
    }

    /// Raises the watermark of a partition that was idle, or is resumed.
    pub fn raise(&mut self, partition: u32, watermark_ms: i64) {
        self.judge.raise(partition, watermark_ms);
    }

    /// Tells `watcher` of every record from now on.
    pub fn watch(&mut self, watcher: Watcher) {
        self.judge.watch(watcher);
    }

    /// Notes for checkpoints which ids are seen from now on.
    pub fn note_ids(&mut self) {
        self.judge.note_ids();
    }

    /// The ids seen since this was asked last, or all of them.
    pub fn take_seen(&mut self, all: bool) -> Vec<SeenId> {
        self.judge.take_seen(all)
    }

    /// Goes on from ids that a checkpoint held: partition, id, timestamp.
    pub fn load_seen(&mut self, ids: &[(u32, u128, i64)]) {
        self.judge.load_seen(ids);
    }

    /// Goes on from what a judge has counted that has read what comes before, and from
    /// the ids that it has seen.
    pub fn go_on_from(&mut self, other: FileJudge) {
        self.judge.go_on_from(other);
        self.judge.grow(u32::try_from(self.parts.len()).unwrap_or(u32::MAX));
    }

    /// Reads what is there, `most` records at most, and judges it.
    ///
    /// # Errors
    /// If the log can't be read.
    pub fn read(&mut self, most: usize) -> Result<Read, SourceError> {
        self.begin();
        let (chunk, places, parts) = (&mut self.chunk, &mut self.places, &mut self.parts);
        self.reader.poll(most, &mut |record| note(chunk, places, parts, record))?;
        let is_full = chunk.lines.len() > most / 2 || chunk.bytes.len() > POLL_BYTES / 2;
        Ok(Read { is_full, ..self.finish() })
    }

    /// What an epoch is that reads nothing.
    pub fn read_nothing(&mut self) -> Read {
        self.begin();
        self.finish()
    }

    /// Reads exactly the offsets bound, as far as the log still has them, and
    /// judges their records.
    ///
    /// # Errors
    /// If the log can't be read.
    pub fn read_bound(&mut self, bound: &[PartitionBinding]) -> Result<Read, SourceError> {
        self.begin();
        let (chunk, places, parts) = (&mut self.chunk, &mut self.places, &mut self.parts);
        let ends: Vec<_> =
            bound.iter().map(|b| Position { partition: b.partition, offset: b.hi }).collect();
        self.reader.read_until(&ends, &mut |record| note(chunk, places, parts, record))?;
        Ok(self.finish())
    }

    fn begin(&mut self) {
        // What an attempt has left that failed is read again.
        self.chunk.clear();
        self.places.clear();
        for part in &mut self.parts {
            *part = Part::at(Position { partition: part.partition, offset: part.hi });
        }
    }

    fn finish(&mut self) -> Read {
        // Offsets without records are passed, too: the next epoch begins behind them.
        for at in self.reader.positions() {
            if let Ok(i) = self.parts.binary_search_by_key(&at.partition, |p| p.partition) {
                self.parts[i].hi = at.offset;
            }
        }
        let decoded = self.decoder.decode(std::mem::take(&mut self.chunk));
        self.last_appended_ms = self.places.last().map(|p| p.appended_ms).or(self.last_appended_ms);
        let before = plain(self.judge.counts());
        let JudgedChunk { batch, dead_letters, raw } = self.judge.judge(decoded, &self.places);
        // Its room is used again, but for what only catching up needs.
        self.chunk = raw;
        let is_small = self.chunk.bytes.len() < ROOM_BYTES;
        self.chunk.clear();
        if is_small {
            self.chunk.bytes.shrink_to(ROOM_BYTES);
        }
        let counts = EpochCounts::between(&before, self.judge.counts());
        self.places.clear();
        let partitions = self
            .parts
            .iter()
            .map(|p| PartitionBinding {
                partition: p.partition,
                lo: p.lo,
                hi: p.hi,
                count: p.count,
                digest: p.digest.finish(),
                watermark_ms: self.judge.watermark_ms(p.partition),
            })
            .collect();
        Read { partitions, counts, batch, dead_letters, is_full: false }
    }
}

/// The counts without the list of jumps.
fn plain(counts: &SourceCounts) -> SourceCounts {
    SourceCounts { jumps: Default::default(), ..*counts }
}

fn note(chunk: &mut Chunk, places: &mut Vec<Place>, parts: &mut [Part], record: Record<'_>) {
    let Record { partition, offset, appended_ms, value, .. } = record;
    let start = chunk.bytes.len();
    chunk.bytes.extend_from_slice(value);
    chunk.lines.push(Line::Value(start..chunk.bytes.len()));
    places.push(Place { partition, offset, appended_ms });
    if let Ok(i) = parts.binary_search_by_key(&partition, |p| p.partition) {
        let part = &mut parts[i];
        part.count += 1;
        part.digest.update(offset, appended_ms, value);
    }
}
