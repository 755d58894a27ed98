//! Reading results in one order.
//!
//! Two kinds of topics: those of transactions, and those beside them. Of the former a
//! reader gives what lies before the ends that the last `Entry::Commit` named, which is
//! whole transactions, by epoch, then topic, then partition; as the ends of all commits
//! are nested, that is the same order for every reader. Of the latter it gives what is
//! there.
//!
//! Dead letters come from elsewhere, too (whoever cannot keep a result says so there),
//! and nobody names an end for those: they are given when there is nothing else.

use super::entry::{Ends, Entry};
use super::places::Places;
use super::tail::Tail;
use super::{Shared, failed};
use crate::results::{Position, ResultError, ResultReader, Stored, Topic};
use std::sync::Arc;
use std::time::Duration;
use streamgauge_ingest::log::{EventLog, Follower, Held, LogError, Position as At};

/// A partition that is read.
struct Part {
    topic: Topic,
    /// Its number in its topic.
    index: usize,
    /// As it is numbered through.
    partition: u32,
    /// What lies before it is there, whole.
    bound: u64,
}

impl Part {
    fn is_beside_transactions(&self) -> bool {
        matches!(self.topic, Topic::LiveMetrics | Topic::JobStatus)
    }
}

pub(super) struct KafkaResultReader {
    shared: Arc<Shared>,
    /// Follows the parts, in their order, and last the bindings.
    follower: Follower,
    parts: Vec<Part>,
    /// Where every partition of every topic is, by its number.
    offsets: Vec<u64>,
}

impl KafkaResultReader {
    pub(super) fn new(
        shared: &Arc<Shared>,
        topics: &[Topic],
        from: &Position,
    ) -> Result<Self, ResultError> {
        // Before the ends are asked for: what is committed meanwhile is named later.
        let (ends, control) = shared.ask(Tail::ends)?;
        let bounds = shared.log.all_bounds().map_err(failed)?;
        let starts: Vec<u64> = bounds.iter().map(|b| b.start).collect();
        let offsets = shared.places.offsets(from, &starts);
        let mut parts = Vec::new();
        for topic in Topic::ALL.into_iter().filter(|topic| topics.contains(topic)) {
            for (index, partition) in shared.places.of(topic).enumerate() {
                parts.push(Part { topic, index, partition, bound: 0 });
            }
        }
        let wanted = |part: &Part| {
            let partition = part.partition;
            // Beyond the end: the topic is another than when the position was told.
            let end = bounds[partition as usize].end;
            At { partition, offset: offsets[partition as usize].min(end) }
        };
        let mut positions: Vec<At> = parts.iter().map(wanted).collect();
        positions.push(At { partition: shared.places.bindings(), offset: control });
        let lost =
            parts.iter().any(|p| offsets[p.partition as usize] < starts[p.partition as usize]);
        if lost {
            return Err(Self::lost(&shared.places, &offsets, &starts));
        }
        let follower = shared.log.follow(&positions).map_err(failed)?;
        let mut reader = Self { shared: Arc::clone(shared), follower, parts, offsets };
        reader.note_ends(&ends);
        Ok(reader)
    }

    fn lost(places: &Places, offsets: &[u64], starts: &[u64]) -> ResultError {
        let kept: Vec<u64> = offsets.iter().zip(starts).map(|(at, start)| *at.max(start)).collect();
        ResultError::Lost { kept_from: places.position(&kept) }
    }

    /// An error of the client, as one of results.
    fn failed(&self, error: LogError) -> ResultError {
        if !matches!(error, LogError::Lost { .. }) {
            return failed(error);
        }
        let bounds = match self.shared.log.all_bounds() {
            Ok(bounds) => bounds,
            Err(error) => return failed(error),
        };
        let starts: Vec<u64> = bounds.iter().map(|b| b.start).collect();
        let ResultReaderOffsets(offsets) = self.all_offsets();
        Self::lost(&self.shared.places, &offsets, &starts)
    }

    /// What a commit says of the ends. Topics that nobody reads here are passed over.
    fn note_ends(&mut self, ends: &Ends) {
        for part in &mut self.parts {
            let name = self.shared.places.name_of(part.topic);
            let end = ends.get(name).and_then(|ends| ends.get(part.index));
            part.bound = part.bound.max(end.copied().unwrap_or(0));
        }
        for topic in Topic::ALL {
            let name = self.shared.places.name_of(topic);
            let partitions = self.shared.places.of(topic);
            let is_read = self.parts.iter().any(|part| part.topic == topic);
            if let Some(ends) = ends.get(name).filter(|_| !is_read) {
                for (partition, end) in partitions.zip(ends) {
                    let own = &mut self.offsets[partition as usize];
                    *own = (*own).max(*end);
                }
            }
        }
    }

    /// Gives what there is of topics beside transactions.
    fn give_beside(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(Stored<'_>),
    ) -> Result<usize, LogError> {
        let mut count = 0;
        for (i, part) in self.parts.iter().enumerate() {
            while part.is_beside_transactions()
                && count < most
                && self.follower.head(i)?.is_some()
                && let Some(held) = self.follower.take(i)
            {
                give(part, &held, each);
                count += 1;
            }
        }
        Ok(count)
    }

    /// Gives what lies before the bounds, in order.
    fn give_committed(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(Stored<'_>),
    ) -> Result<usize, LogError> {
        let (mut count, mut waits) = (0, 0);
        while count < most {
            let (mut first, mut is_missing) = (None, false);
            for (i, part) in self.parts.iter().enumerate() {
                if part.is_beside_transactions() || self.follower.at(i) >= part.bound {
                    continue;
                }
                match self.follower.head(i)? {
                    Some(held) if held.offset >= part.bound => {}
                    Some(held) => {
                        let place = (held.epoch.unwrap_or(0), i);
                        first = Some(first.map_or(place, |first| place.min(first)));
                    }
                    None => is_missing = true,
                }
            }
            if is_missing {
                let bounds = self.bounds();
                self.follower.wait_for(&bounds, &mut waits)?;
                continue;
            }
            waits = 0;
            let Some((_, i)) = first else { break };
            if let Some(held) = self.follower.take(i) {
                give(&self.parts[i], &held, each);
                count += 1;
            }
        }
        Ok(count)
    }

    /// The bounds of what is read, as the follower wants them.
    fn bounds(&self) -> Vec<u64> {
        let bound = |part: &Part| if part.is_beside_transactions() { 0 } else { part.bound };
        self.parts.iter().map(bound).chain([0]).collect()
    }

    /// Takes note of what was committed since; whether there is something new.
    fn follow_commits(&mut self) -> Result<bool, LogError> {
        let control = self.parts.len();
        let mut is_new = false;
        while self.follower.head(control)?.is_some()
            && let Some(held) = self.follower.take(control)
        {
            let entry = held.value.as_deref().and_then(Entry::parse);
            if let Some(Entry::Commit { ends, .. }) = entry {
                self.note_ends(&ends);
                is_new = true;
            }
        }
        Ok(is_new)
    }

    fn poll_once(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(Stored<'_>),
    ) -> Result<usize, LogError> {
        let mut count = self.give_beside(most, each)?;
        loop {
            count += self.give_committed(most - count, each)?;
            if count >= most || !self.follow_commits()? {
                return Ok(count);
            }
        }
    }

    /// Dead letters that came beside transactions lie before these ends.
    fn note_letters(&mut self, ends: &[u64]) {
        for (part, end) in self.parts.iter_mut().zip(ends) {
            if part.topic == Topic::DeadLetters {
                part.bound = part.bound.max(*end);
            }
        }
    }

    fn all_offsets(&self) -> ResultReaderOffsets {
        let mut offsets = self.offsets.clone();
        for at in self.follower.positions().iter().take(self.parts.len()) {
            offsets[at.partition as usize] = at.offset;
        }
        ResultReaderOffsets(offsets)
    }
}

/// The offsets of all partitions, by their numbers.
struct ResultReaderOffsets(Vec<u64>);

fn give(part: &Part, held: &Held, each: &mut dyn FnMut(Stored<'_>)) {
    each(Stored {
        at_ms: held.appended_ms,
        topic: part.topic,
        partition: u32::try_from(part.index).unwrap_or(u32::MAX),
        offset: held.offset,
        epoch: held.epoch.unwrap_or(0),
        key: &held.key,
        value: held.value.as_deref(),
    });
}

impl ResultReader for KafkaResultReader {
    fn poll(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(Stored<'_>),
    ) -> Result<usize, ResultError> {
        let (mut ends, mut waits, mut count) = (Vec::new(), 0, 0);
        let polled = self.follower.serve().and_then(|()| {
            loop {
                let given = self.poll_once(most - count, each)?;
                count += given;
                if count >= most {
                    return Ok(());
                }
                // What is there is waited for: it is on its way.
                if ends.is_empty() {
                    ends = self.follower.ends()?;
                    self.note_letters(&ends);
                    continue;
                }
                if given == 0 && !self.follower.wait_for(&ends, &mut waits)? {
                    return Ok(());
                }
            }
        });
        match polled {
            Ok(()) => Ok(count),
            // It comes again with the next call.
            Err(LogError::Away { .. }) if count > 0 => Ok(count),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn position(&self) -> Position {
        let ResultReaderOffsets(offsets) = self.all_offsets();
        self.shared.places.position(&offsets)
    }

    fn wait(&mut self, at_most: Duration) {
        self.follower.wait(at_most);
    }
}
