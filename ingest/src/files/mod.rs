//! Files of records, one a line, read one after the other as one input.
//!
//! Three stages: one thread reads and cuts lines, several decode, one judges in
//! order. All queues between them are bounded, so memory does not follow the
//! size of the input.

mod lines;
mod open;

pub use lines::LineReader;
pub use open::{FileError, open};

use crate::judge::{Chunk, ChunkDecoder, DecodedChunk, FileJudge, Released};
use crate::settings::InputSettings;
use crate::summary::SourceCounts;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Chunks that may wait between two stages, per decoder.
const QUEUE_CHUNKS: usize = 4;

/// How far a source has come; read by whoever shows progress.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of the files, as stored, that were read.
    pub stored_bytes: AtomicU64,
    /// Records that were judged.
    pub records: AtomicU64,
    /// Set by others: read no further, finish what was read.
    pub stop: AtomicBool,
}

/// What to read, and how.
pub struct FileSource<'a> {
    /// The files, in order.
    pub files: &'a [PathBuf],
    /// How records are judged.
    pub settings: &'a InputSettings,
    /// Records per epoch.
    pub epoch_records: u64,
    /// Threads that decode.
    pub decoders: usize,
    /// Where progress is told.
    pub progress: &'a Progress,
}

impl FileSource<'_> {
    /// Reads everything and releases it epoch by epoch; the last epoch is at
    /// the end of time.
    ///
    /// # Errors
    /// If a file cannot be opened or read to its end: what was released until
    /// then stands, and no epoch is closed at the end of time.
    pub fn run(&self, release: &mut impl FnMut(Released)) -> Result<SourceCounts, FileError> {
        let decoders = self.decoders.max(1);
        let (to_decode, decode_inputs): (Vec<_>, Vec<_>) =
            (0..decoders).map(|_| bounded::<Chunk>(QUEUE_CHUNKS)).unzip();
        let (decode_outputs, to_judge): (Vec<_>, Vec<_>) =
            (0..decoders).map(|_| bounded::<DecodedChunk>(QUEUE_CHUNKS)).unzip();
        thread::scope(|scope| {
            let reader = scope.spawn(move || self.read(&to_decode));
            for (chunks, decoded) in decode_inputs.into_iter().zip(decode_outputs) {
                scope.spawn(move || decode(self.settings, &chunks, &decoded));
            }
            let mut judge = FileJudge::new(self.settings, self.epoch_records);
            self.judge(&mut judge, &to_judge, release);
            // The judge's inputs are gone only when the reader has ended.
            drop(to_judge);
            reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            judge.end(release);
            Ok(judge.counts().clone())
        })
    }

    /// Chunk i goes to decoder i modulo their number, and comes back from there.
    fn read(&self, to_decode: &[Sender<Chunk>]) -> Result<(), FileError> {
        let mut turn = to_decode.iter().cycle();
        for path in self.files {
            let input = open(path, &self.progress.stored_bytes)?;
            let mut lines = LineReader::new(input, self.settings.max_bytes);
            loop {
                if self.progress.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let chunk = lines.next_chunk();
                let chunk =
                    chunk.map_err(|source| FileError::Read { path: path.clone(), source })?;
                let Some(chunk) = chunk else { break };
                // Only a chunk takes a turn: the judge counts on it.
                let Some(decoder) = turn.next() else { break };
                if decoder.send(chunk).is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn judge(
        &self,
        judge: &mut FileJudge,
        to_judge: &[Receiver<DecodedChunk>],
        release: &mut impl FnMut(Released),
    ) {
        for decoder in to_judge.iter().cycle() {
            let Ok(chunk) = decoder.recv() else { break };
            let records = chunk.records() as u64;
            judge.judge(chunk, release);
            self.progress.records.fetch_add(records, Ordering::Relaxed);
        }
    }
}

fn decode(settings: &InputSettings, chunks: &Receiver<Chunk>, decoded: &Sender<DecodedChunk>) {
    let mut decoder = ChunkDecoder::new(settings);
    for chunk in chunks {
        if decoded.send(decoder.decode(chunk)).is_err() {
            break;
        }
    }
}
