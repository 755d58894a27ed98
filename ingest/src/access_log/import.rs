//! Files of access logs, read one after the other.

use super::{Converted, Converter};
use crate::files::{FileError, LineReader, Progress, open};
use crate::judge::Line;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use thiserror::Error;

/// Longest line that is read, bytes: servers refuse requests of a hundredth of it.
const MOST_BYTES: usize = 1 << 20;

/// Why an import has ended early. What was given until then stands.
#[derive(Debug, Error)]
pub enum ImportError<E: std::error::Error + 'static> {
    /// A file cannot be opened, or read to its end.
    #[error(transparent)]
    File(#[from] FileError),
    /// An event was not taken.
    #[error(transparent)]
    Event(E),
}

/// Converts the lines of all files (`.gz` and `.zst` too) in order and gives every event
/// to `each`: its key, its time in ms, and its JSON. `progress` tells how far it is, and
/// can ask it to stop. True if it has come to the end.
///
/// # Errors
/// If a file cannot be read, or `each` fails.
pub fn import<E: std::error::Error + 'static>(
    files: &[PathBuf],
    converter: &mut Converter,
    progress: &Progress,
    each: &mut impl FnMut(&str, i64, &[u8]) -> Result<(), E>,
) -> Result<bool, ImportError<E>> {
    let mut out = Vec::new();
    for path in files {
        converter.begin_file();
        let mut lines = LineReader::new(open(path, &progress.stored_bytes)?, MOST_BYTES);
        loop {
            if progress.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let chunk = lines.next_chunk();
            let chunk = chunk.map_err(|source| FileError::Read { path: path.clone(), source })?;
            let Some(chunk) = chunk else { break };
            for line in &chunk.lines {
                let Line::Value(range) = line else {
                    converter.too_long();
                    continue;
                };
                if let Converted::Event { key, timestamp_ms } =
                    converter.convert(&chunk.bytes[range.clone()], &mut out)
                {
                    each(key, timestamp_ms, &out).map_err(ImportError::Event)?;
                }
            }
            progress.records.fetch_add(chunk.lines.len() as u64, Ordering::Relaxed);
        }
    }
    Ok(true)
}
