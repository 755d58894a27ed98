//! Cutting an input into lines, in chunks of about a mebibyte.
//!
//! A line ends at `\n`, `\r\n`, or with the input; nothing after the last line
//! end is no line. Memory is bounded by the largest record allowed: of a longer
//! line only its length, its hash and its head are kept.

use crate::dead_letter::HEAD_BYTES;
use crate::judge::{Chunk, Line};
use std::io::{self, Read};
use xxhash_rust::xxh3::Xxh3;

/// Bytes asked for at a time.
const READ_BYTES: usize = 128 << 10;
/// A chunk is full when it holds so many bytes.
const CHUNK_BYTES: usize = 512 << 10;

/// Reads chunks of lines.
pub struct LineReader<R> {
    input: R,
    max_bytes: usize,
    /// The beginning of a line whose end was not read yet.
    carry: Vec<u8>,
    /// A line that is longer than allowed, being skipped.
    long: Option<LongLine>,
    ended: bool,
}

/// A line of which only hash, head and length are kept.
#[derive(Default)]
struct LongLine {
    hash: Xxh3,
    head: Vec<u8>,
    len: usize,
    /// A `\r` was read that belongs to the value unless `\n` follows.
    held_return: bool,
}

impl LongLine {
    fn feed(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if std::mem::take(&mut self.held_return) {
            self.push(b"\r");
        }
        match bytes.split_last() {
            Some((b'\r', rest)) => {
                self.push(rest);
                self.held_return = true;
            }
            _ => self.push(bytes),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        let wanted = HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(wanted)]);
        self.len += bytes.len();
    }

    /// Its line, when it ended at `\n` (`at_newline`) or with the input.
    fn finish(mut self, at_newline: bool) -> Line {
        if self.held_return && !at_newline {
            self.push(b"\r");
        }
        Line::Oversize { hash: self.hash.digest(), head: self.head, len: self.len }
    }
}

impl<R: Read> LineReader<R> {
    /// A reader of lines of at most `max_bytes`; longer ones are told apart.
    pub fn new(input: R, max_bytes: usize) -> Self {
        Self { input, max_bytes, carry: Vec::new(), long: None, ended: false }
    }

    /// The next lines, or `None` after the last.
    ///
    /// # Errors
    /// Whatever the input gives.
    pub fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        let mut bytes = Vec::with_capacity(self.carry.len() + CHUNK_BYTES + READ_BYTES);
        bytes.append(&mut self.carry);
        let mut chunk = Chunk { bytes, lines: Vec::new() };
        let mut start = 0;
        // A short read is all that a pipe has for now: lines don't wait for more.
        let mut short = false;
        while !self.ended && (chunk.lines.is_empty() || (!short && chunk.bytes.len() < CHUNK_BYTES))
        {
            let from = chunk.bytes.len();
            short = self.read_more(&mut chunk.bytes)? < READ_BYTES;
            self.skip_long(&mut chunk, from);
            for end in memchr::memchr_iter(b'\n', &chunk.bytes[from..]).map(|i| from + i) {
                let line = self.line(&chunk.bytes, start, end, true);
                chunk.lines.push(line);
                start = end + 1;
            }
            // One byte more than allowed may be the `\r` of the line end.
            if chunk.bytes.len() - start > self.max_bytes + 1 {
                let mut long = LongLine::default();
                long.feed(&chunk.bytes[start..]);
                self.long = Some(long);
                chunk.bytes.truncate(start);
            }
        }
        if self.ended {
            if let Some(long) = self.long.take() {
                chunk.lines.push(long.finish(false));
            } else if start < chunk.bytes.len() {
                let line = self.line(&chunk.bytes, start, chunk.bytes.len(), false);
                chunk.lines.push(line);
            }
        } else {
            self.carry = chunk.bytes.split_off(start);
        }
        Ok((!chunk.lines.is_empty()).then_some(chunk))
    }

    /// Reads until something was read or the input has ended; returns how much.
    fn read_more(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let filled = bytes.len();
        bytes.resize(filled + READ_BYTES, 0);
        let n = loop {
            match self.input.read(&mut bytes[filled..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        bytes.truncate(filled + *n.as_ref().unwrap_or(&0));
        let n = n?;
        self.ended = n == 0;
        Ok(n)
    }

    /// Goes on with a long line, if there is one, in the bytes from `from`, and
    /// takes them out.
    fn skip_long(&mut self, chunk: &mut Chunk, from: usize) {
        let Some(mut long) = self.long.take() else {
            return;
        };
        match memchr::memchr(b'\n', &chunk.bytes[from..]) {
            Some(i) => {
                long.feed(&chunk.bytes[from..from + i]);
                chunk.lines.push(long.finish(true));
                chunk.bytes.drain(from..=from + i);
            }
            None => {
                long.feed(&chunk.bytes[from..]);
                chunk.bytes.truncate(from);
                self.long = Some(long);
            }
        }
    }

    fn line(&self, bytes: &[u8], start: usize, end: usize, at_newline: bool) -> Line {
        let cut = at_newline && end > start && bytes[end - 1] == b'\r';
        let end = if cut { end - 1 } else { end };
        if end - start <= self.max_bytes {
            return Line::Value(start..end);
        }
        let mut long = LongLine::default();
        long.push(&bytes[start..end]);
        long.finish(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64;

    /// Gives at most `step` bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(self.1).min(buf.len());
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn read(input: &[u8], step: usize, max_bytes: usize) -> Vec<Result<Vec<u8>, (u64, usize)>> {
        let mut reader = LineReader::new(Drip(input, step), max_bytes);
        let mut lines = Vec::new();
        while let Some(chunk) = reader.next_chunk().unwrap() {
            lines.extend(chunk.lines.iter().map(|line| match line {
                Line::Value(range) => Ok(chunk.bytes[range.clone()].to_vec()),
                Line::Oversize { hash, head, len } => {
                    assert!(head.len() == HEAD_BYTES.min(*len));
                    Err((*hash, *len))
                }
            }));
        }
        lines
    }

    fn naive(input: &[u8], max_bytes: usize) -> Vec<Result<Vec<u8>, (u64, usize)>> {
        let mut lines: Vec<&[u8]> = input.split(|b| *b == b'\n').collect();
        let unfinished = lines.pop().unwrap();
        let mut values: Vec<&[u8]> =
            lines.iter().map(|l| l.strip_suffix(b"\r").unwrap_or(l)).collect();
        if !unfinished.is_empty() {
            values.push(unfinished);
        }
        let keep = |v: &&[u8]| {
            if v.len() <= max_bytes { Ok(v.to_vec()) } else { Err((xxh3_64(v), v.len())) }
        };
        values.iter().map(keep).collect()
    }

    #[test]
    fn line_ends() {
        let ok = |s: &str| Ok(s.as_bytes().to_vec());
        assert_eq!(read(b"a\nb\r\n\n\r\nc", 1, 9), [ok("a"), ok("b"), ok(""), ok(""), ok("c")]);
        assert_eq!(read(b"a\n", 2, 9), [ok("a")]);
        assert_eq!(read(b"", 2, 9), []);
        assert_eq!(read(b"a\r", 1, 9), [ok("a\r")]);
    }

    proptest! {
        #[test]
        fn equals_a_naive_split(
            input in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400),
            step in 1usize..50,
            max_bytes in 1usize..20,
        ) {
            prop_assert_eq!(read(&input, step, max_bytes), naive(&input, max_bytes));
        }
    }
}
