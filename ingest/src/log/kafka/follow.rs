//! Following several partitions whose records the caller puts in order: each partition's
//! next record can be looked at before it is taken.

use super::part::Held;
use super::reader::KafkaReader;
use crate::log::{LogError, LogReader, Position};
use std::time::Duration;

/// Follows partitions. They are named by their places in the list that it was made with.
pub struct Follower {
    reader: KafkaReader,
}

impl Follower {
    pub(super) fn new(reader: KafkaReader) -> Self {
        Self { reader }
    }

    /// Takes note of what the client has to say besides records. To be called now and then.
    ///
    /// # Errors
    /// If the client can go on no more.
    pub fn serve(&mut self) -> Result<(), LogError> {
        self.reader.serve()
    }

    /// The next record of a partition, if it is here.
    ///
    /// # Errors
    /// If retention has cut it, or the partition cannot be read.
    pub fn head(&mut self, part: usize) -> Result<Option<&Held>, LogError> {
        // A record that is held is given by the second call; the first one's errors are
        // not its own.
        let looked = self.reader.parts[part].head().map(|_| ());
        if let Err(error) = looked {
            self.reader.explain(part, &error)?;
            return Ok(None);
        }
        Ok(self.reader.parts[part].head().unwrap_or_default())
    }

    /// Takes the record that [`head`](Self::head) has shown.
    pub fn take(&mut self, part: usize) -> Option<Held> {
        self.reader.parts[part].drop_head()
    }

    /// Whether the next record of a partition is here.
    #[must_use]
    pub fn has_head(&self, part: usize) -> bool {
        self.reader.parts[part].has_head()
    }

    /// The next offset of a partition.
    #[must_use]
    pub fn at(&self, part: usize) -> u64 {
        self.reader.parts[part].at.offset
    }

    /// Where all partitions are.
    #[must_use]
    pub fn positions(&self) -> Vec<Position> {
        self.reader.positions()
    }

    /// The ends of the partitions: what lies before them can be read.
    ///
    /// # Errors
    /// If brokers cannot be asked.
    pub fn ends(&self) -> Result<Vec<u64>, LogError> {
        self.reader.ends()
    }

    /// Waits a moment for records that are missing before `ends`, which the partitions
    /// have reached; false if none is. `waits` counts the waits in vain.
    ///
    /// # Errors
    /// If they do not come, or retention has cut them.
    pub fn wait_for(&mut self, ends: &[u64], waits: &mut u32) -> Result<bool, LogError> {
        // Where a partition ends is told in its queue, behind its records.
        for (part, end) in ends.iter().enumerate() {
            if self.at(part) < *end && !self.has_head(part) {
                self.head(part)?;
            }
        }
        self.reader.wait(ends, waits)
    }

    /// Waits until something comes, at most so long.
    pub fn wait(&mut self, at_most: Duration) {
        // A queue tells when it is empty no more: so all must be, of whatever is in them.
        let mut has_new = false;
        for part in 0..self.reader.parts.len() {
            if !self.has_head(part) {
                // What fails is told to whoever asks for a head.
                has_new |= matches!(self.reader.parts[part].head(), Ok(Some(_)) | Err(_));
            }
        }
        if !has_new {
            // Whether something came or not: the caller looks.
            let _ = self.reader.woken.recv_timeout(at_most);
        }
    }
}
