//! Files of records, one a line, read one after the other as one input.
//!
//! Three stages: one thread reads and cuts lines, several decode, one judges in
//! order. All queues between them are bounded, so memory does not follow the
//! size of the input.

mod lines;
mod open;

pub use lines::LineReader;
pub use open::{FileError, check, open};

use crate::judge::{Chunk, ChunkDecoder, DecodedChunk, FileJudge, Released};
use crate::settings::InputSettings;
use crate::summary::SourceCounts;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Chunks that may wait between two stages, per decoder.
const QUEUE_CHUNKS: usize = 4;

/// How often a judge that waits for records looks whether it is to stop.
const LOOK_UP: Duration = Duration::from_millis(100);

/// How far a source has come; read by whoever shows progress.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of the files, as stored, that were read.
    pub stored_bytes: AtomicU64,
    /// Records that were judged.
    pub records: AtomicU64,
    /// Set by others: read no further, finish what was read.
    pub stop: AtomicBool,
    /// Nothing more is read.
    pub ended: AtomicBool,
    /// All of the input was read, and all of it was judged.
    pub complete: AtomicBool,
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
    /// Where progress is told, and where it can be asked to stop.
    pub progress: Arc<Progress>,
}

impl FileSource<'_> {
    /// Reads everything and releases it epoch by epoch; the last epoch is at
    /// the end of time.
    ///
    /// Asked to stop, it takes what was read as the whole. A read that waits for
    /// input that never comes is left to itself: its thread ends with the process.
    ///
    /// # Errors
    /// If a file cannot be opened or read to its end: what was released until
    /// then stands, and no epoch is closed at the end of time.
    pub fn run(&self, release: &mut impl FnMut(Released)) -> Result<SourceCounts, FileError> {
        let mut to_decode = Vec::new();
        let mut to_judge = Vec::new();
        for _ in 0..self.decoders.max(1) {
            let (chunks, decode_input) = bounded(QUEUE_CHUNKS);
            let (decode_output, decoded) = bounded(QUEUE_CHUNKS);
            let settings = self.settings.clone();
            thread::spawn(move || decode(&settings, &decode_input, &decode_output));
            to_decode.push(chunks);
            to_judge.push(decoded);
        }
        let (end, ended) = bounded(1);
        let (files, max_bytes) = (self.files.to_vec(), self.settings.max_bytes);
        let progress = Arc::clone(&self.progress);
        thread::spawn(move || {
            let result = read(&files, max_bytes, &progress, &to_decode);
            // The end is told before the queues close: whoever sees them closed finds it.
            let _ = end.send(result);
        });
        let mut judge = FileJudge::new(self.settings, self.epoch_records);
        let all_judged = self.judge(&mut judge, &to_judge, release);
        // Without an end the reader is still waiting, or it has panicked.
        let all_read = match ended.try_recv() {
            Ok(result) => result?,
            Err(TryRecvError::Empty) => false,
            Err(TryRecvError::Disconnected) => panic!("the reader of files has panicked"),
        };
        self.progress.complete.store(all_read && all_judged, Ordering::SeqCst);
        self.progress.ended.store(true, Ordering::SeqCst);
        judge.end(release);
        Ok(judge.counts().clone())
    }

    /// Takes the chunks in their order: chunk i comes from decoder i modulo their
    /// number. True if there are no more, false if it does not wait for them.
    fn judge(
        &self,
        judge: &mut FileJudge,
        to_judge: &[Receiver<DecodedChunk>],
        release: &mut impl FnMut(Released),
    ) -> bool {
        for decoder in to_judge.iter().cycle() {
            let chunk = loop {
                match decoder.recv_timeout(LOOK_UP) {
                    Ok(chunk) => break chunk,
                    Err(RecvTimeoutError::Timeout) if !self.is_asked_to_stop() => {}
                    Err(error) => return error == RecvTimeoutError::Disconnected,
                }
            };
            let records = chunk.records() as u64;
            judge.judge(chunk, release);
            self.progress.records.fetch_add(records, Ordering::Relaxed);
        }
        true
    }

    fn is_asked_to_stop(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
    }
}

/// Reads all files; chunk i goes to decoder i modulo their number. False if it was
/// asked to stop before their end.
fn read(
    files: &[PathBuf],
    max_bytes: usize,
    progress: &Progress,
    to_decode: &[Sender<Chunk>],
) -> Result<bool, FileError> {
    let mut turn = to_decode.iter().cycle();
    for path in files {
        let input = open(path, &progress.stored_bytes)?;
        let mut lines = LineReader::new(input, max_bytes);
        loop {
            if progress.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let chunk = lines.next_chunk();
            let chunk = chunk.map_err(|source| FileError::Read { path: path.clone(), source })?;
            let Some(chunk) = chunk else { break };
            // Only a chunk takes a turn: the judge counts on it.
            let Some(decoder) = turn.next() else { break };
            if decoder.send(chunk).is_err() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn decode(settings: &InputSettings, chunks: &Receiver<Chunk>, decoded: &Sender<DecodedChunk>) {
    let mut decoder = ChunkDecoder::new(settings);
    for chunk in chunks {
        if decoded.send(decoder.decode(chunk)).is_err() {
            break;
        }
    }
}
