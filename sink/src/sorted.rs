//! Lines in the order of their keys, each key's last line only, in bounded memory.
//!
//! What doesn't fit goes to sorted runs in temporary files; at the end the runs
//! are merged. Runs are in the order of writing, so of two lines of one key the
//! one in the later run stands.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Bytes kept in memory before a run is written.
const DEFAULT_MEMORY_BYTES: usize = 128 << 20;
/// What an entry costs besides its own bytes, about.
const ENTRY_BYTES: usize = 80;

/// Collects lines and gives them back in the order of their keys.
pub struct SortedLines {
    memory_bytes: usize,
    used_bytes: usize,
    lines: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    folder: PathBuf,
    runs: Vec<File>,
}

/// Lines that could not wait for their order.
#[derive(Debug, thiserror::Error)]
#[error("cannot put lines in order in the folder {}", .folder.display())]
struct RunError {
    folder: PathBuf,
    source: io::Error,
}

impl Default for SortedLines {
    fn default() -> Self {
        Self::with_memory(DEFAULT_MEMORY_BYTES)
    }
}

impl SortedLines {
    /// Keeps about `memory_bytes` in memory, and the rest in the system's folder
    /// for temporary files.
    #[must_use]
    pub fn with_memory(memory_bytes: usize) -> Self {
        let folder = std::env::temp_dir();
        Self { memory_bytes, used_bytes: 0, lines: BTreeMap::new(), folder, runs: Vec::new() }
    }

    /// Keeps what does not fit in memory in temporary files of this folder.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder, ..Self::default() }
    }

    /// Sets the line of a key, or takes it away.
    ///
    /// # Errors
    /// If a run cannot be written.
    pub fn set(&mut self, key: Vec<u8>, line: Option<Vec<u8>>) -> io::Result<()> {
        let key_bytes = key.len();
        self.used_bytes += key_bytes + line.as_ref().map_or(0, Vec::len) + ENTRY_BYTES;
        if let Some(before) = self.lines.insert(key, line) {
            self.used_bytes -= key_bytes + before.map_or(0, |l| l.len()) + ENTRY_BYTES;
        }
        if self.used_bytes > self.memory_bytes { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        self.write_run().map_err(|source| {
            let (kind, folder) = (source.kind(), self.folder.clone());
            io::Error::new(kind, RunError { folder, source })
        })
    }

    fn write_run(&mut self) -> io::Result<()> {
        let mut out = BufWriter::new(tempfile::tempfile_in(&self.folder)?);
        for (key, line) in std::mem::take(&mut self.lines) {
            write_part(&mut out, Some(&key))?;
            write_part(&mut out, line.as_deref())?;
        }
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        self.runs.push(file);
        self.used_bytes = 0;
        Ok(())
    }

    /// Calls `each` with the last line of every key, in the order of the keys.
    ///
    /// # Errors
    /// If a run cannot be read, and whatever `each` gives.
    pub fn finish(mut self, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        if self.runs.is_empty() {
            return self.lines.values().flatten().try_for_each(|line| each(line));
        }
        self.spill()?;
        let mut runs: Vec<_> = self.runs.into_iter().map(BufReader::new).collect();
        let mut heap = BinaryHeap::new();
        for i in 0..runs.len() {
            push_next(&mut heap, &mut runs, i)?;
        }
        let mut last: Option<Vec<u8>> = None;
        // Of one key the latest run comes first; the others are passed over.
        while let Some(Reverse((key, Reverse(run), line))) = heap.pop() {
            push_next(&mut heap, &mut runs, run)?;
            if last.as_ref() == Some(&key) {
                continue;
            }
            if let Some(line) = &line {
                each(line)?;
            }
            last = Some(key);
        }
        Ok(())
    }
}

type Head = Reverse<(Vec<u8>, Reverse<usize>, Option<Vec<u8>>)>;

fn push_next(
    heap: &mut BinaryHeap<Head>,
    runs: &mut [BufReader<File>],
    run: usize,
) -> io::Result<()> {
    let mut start = [0];
    if runs[run].read(&mut start)? == 0 {
        return Ok(());
    }
    let key = read_part(&mut runs[run], start[0])?.unwrap_or_default();
    runs[run].read_exact(&mut start)?;
    let line = read_part(&mut runs[run], start[0])?;
    heap.push(Reverse((key, Reverse(run), line)));
    Ok(())
}

/// A presence byte, a length and the bytes; or an absence byte alone.
fn write_part(out: &mut impl Write, part: Option<&[u8]>) -> io::Result<()> {
    let Some(bytes) = part else {
        return out.write_all(&[0]);
    };
    out.write_all(&[1])?;
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(bytes)
}

fn read_part(input: &mut impl Read, present: u8) -> io::Result<Option<Vec<u8>>> {
    if present == 0 {
        return Ok(None);
    }
    let mut len = [0; 8];
    input.read_exact(&mut len)?;
    let len = usize::try_from(u64::from_le_bytes(len)).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    input.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_that_is_set_again_takes_no_more_room() {
        let mut sorted = SortedLines::with_memory(1_000);
        for _ in 0..1_000 {
            sorted.set(b"some key".to_vec(), Some(b"some line".to_vec())).unwrap();
        }
        assert!(sorted.runs.is_empty());
        assert_eq!(sorted.used_bytes, ENTRY_BYTES + 17);
    }

    #[test]
    fn what_does_not_fit_goes_to_the_folder_and_an_error_names_it() {
        let folder = PathBuf::from("no/such/folder");
        let mut sorted = SortedLines { memory_bytes: 0, ..SortedLines::in_folder(folder) };
        let error = sorted.set(vec![1], Some(vec![2])).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().ends_with("in the folder no/such/folder"), "{error}");
    }

    proptest! {
        #[test]
        fn equals_a_map_whatever_fits_in_memory(
            sets in proptest::collection::vec((0u8..20, proptest::option::of(any::<u8>())), 0..80),
            memory_bytes in 0usize..2_000,
        ) {
            let mut sorted = SortedLines::with_memory(memory_bytes);
            let mut map = BTreeMap::new();
            for (key, line) in sets {
                sorted.set(vec![key], line.map(|l| vec![l])).unwrap();
                map.insert(key, line);
            }
            let mut lines = Vec::new();
            sorted.finish(|line| { lines.push(line[0]); Ok(()) }).unwrap();
            let expected: Vec<u8> = map.into_values().flatten().collect();
            prop_assert_eq!(lines, expected);
        }
    }

    /// What the lines in memory count for.
    fn used(sorted: &SortedLines) -> usize {
        let cost = |(key, line): (&Vec<u8>, &Option<Vec<u8>>)| {
            key.len() + line.as_ref().map_or(0, Vec::len) + ENTRY_BYTES
        };
        sorted.lines.iter().map(cost).sum()
    }

    #[test]
    fn memory_is_bounded_and_made_use_of() {
        let entry_bytes = 4 + 16 + ENTRY_BYTES;
        let mut sorted = SortedLines::with_memory(5 * entry_bytes);
        let mut held = Vec::new();
        for n in 0..12u32 {
            sorted.set(n.to_be_bytes().to_vec(), Some(vec![b'x'; 16])).unwrap();
            assert_eq!(sorted.used_bytes, used(&sorted));
            held.push((sorted.runs.len(), sorted.lines.len()));
        }
        let ups = |run| (1..6).map(move |lines| (run, lines));
        let expected: Vec<_> = ups(0).chain([(1, 0)]).chain(ups(1)).chain([(2, 0)]).collect();
        assert_eq!(held, expected);
    }

    #[test]
    fn a_line_that_is_replaced_takes_its_room_once() {
        let mut sorted = SortedLines::with_memory(3 * ENTRY_BYTES);
        for len in [16, 0, 32, 8] {
            sorted.set(Vec::new(), Some(vec![b'x'; len])).unwrap();
            assert_eq!((sorted.used_bytes, sorted.runs.len()), (used(&sorted), 0));
            sorted.set(Vec::new(), None).unwrap();
            assert_eq!((sorted.used_bytes, sorted.runs.len()), (used(&sorted), 0));
        }
    }
}
