//! Reading: one consumer with a queue for each partition, assigned from explicit
//! offsets. Brokers are asked ahead by the client's own threads, within bounds.
//!
//! Offsets have gaps: where transactions end, and where records were aborted or
//! compacted away. A position passes a gap when the client has, so a partition is read
//! to its end also where its end is no record.

use super::commits::Commits;
use super::heard::{Heard, is_out_of_range, passes};
use super::offsets::{exactly, known};
use super::part::Part;
use super::{Shared, check};
use crate::log::{LogError, LogReader, POLL_BYTES, Position, Record};
use crossbeam_channel::{Receiver, bounded};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use std::sync::Arc;
use std::time::Duration;

/// How long one wait for records takes at most.
const WAIT: Duration = Duration::from_millis(100);
/// After so many waits in vain the reader begins anew where it is; after twice as many
/// the brokers count as away.
const PATIENCE: u32 = 15;

pub(super) struct KafkaReader {
    // Before the consumer that they are of: so they are dropped before it.
    pub(super) parts: Vec<Part>,
    consumer: Arc<BaseConsumer<Heard>>,
    heard: Heard,
    shared: Arc<Shared>,
    /// How far each part reached when that was asked last: at least.
    reached: Vec<u64>,
    /// Told when an empty queue gets something.
    pub(super) woken: Receiver<()>,
    /// The partition that begins the next poll.
    turn: usize,
    /// Whether every partition was answered once, or was waited for long enough.
    is_begun: bool,
    /// What must be told at the next call, as this one had records to give.
    fault: Option<LogError>,
    commits: Commits,
}

impl KafkaReader {
    /// A reader from positions that were checked, each of a partition that has reached
    /// the offset at the same place of `reached`.
    pub(super) fn new(
        shared: &Arc<Shared>,
        positions: &[Position],
        reached: &[u64],
        commits: Commits,
    ) -> Result<Self, LogError> {
        let (settings, heard) = (&shared.settings, Heard::default());
        let failed = |error| settings.failed("cannot read", &error, &heard);
        let made = settings.consumer(positions.len()).create_with_context(heard.clone());
        let consumer: Arc<BaseConsumer<_>> = Arc::new(made.map_err(failed)?);
        let (wake, woken) = bounded(1);
        let mut parts = Vec::new();
        for (&at, reached) in positions.iter().zip(reached) {
            // Before anything is assigned: so nothing goes past the queue.
            let (topic, partition) = shared.asker.topics().place(at.partition);
            let queue = consumer.split_partition_queue(topic, partition);
            let mut queue = queue.ok_or_else(|| failed(KafkaError::Canceled))?;
            let wake = wake.clone();
            queue.set_nonempty_callback(move || {
                // One that was told already and has not looked yet needs no second time.
                let _ = wake.try_send(());
            });
            parts.push(Part::new(queue, at, *reached));
        }
        let from = positions.iter().map(|at| (at.partition, exactly(at.offset)));
        let assigned = shared.asker.topics().list(from).and_then(|list| consumer.assign(&list));
        assigned.map_err(failed)?;
        let shared = Arc::clone(shared);
        let (turn, is_begun, fault, reached) = (0, false, None, reached.to_vec());
        Ok(Self { parts, consumer, heard, shared, reached, woken, turn, is_begun, fault, commits })
    }

    /// What the client has to say besides records.
    pub(super) fn serve(&mut self) -> Result<(), LogError> {
        while let Some(said) = self.consumer.poll(Duration::ZERO) {
            if let Err(error @ KafkaError::MessageConsumptionFatal(_)) = said {
                self.fault = Some(self.failed(&error));
            }
        }
        let positions = self.parts.iter().map(|part| part.at);
        self.commits.commit(&self.shared, &self.consumer, positions);
        self.fault.take().map_or(Ok(()), Err)
    }

    /// Waits until each partition was answered: one whose broker is found late must not
    /// fall far behind the others.
    fn begin(&mut self) -> Result<(), LogError> {
        let mut waits = 0;
        while !self.is_begun {
            self.is_begun = true;
            for i in 0..self.parts.len() {
                match self.parts[i].is_answered() {
                    Ok(is_answered) => self.is_begun &= is_answered,
                    Err(error) => self.explain(i, &error)?,
                }
            }
            if !self.is_begun && self.woken.recv_timeout(WAIT).is_err() {
                waits += 1;
                self.is_begun = waits >= PATIENCE;
            }
        }
        Ok(())
    }

    /// Gives what is there, partition by partition, each at most its share of what is
    /// left of `most` and of [`POLL_BYTES`], again and again while there is something.
    fn take_turns(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(Record<'_>),
    ) -> Result<usize, LogError> {
        let (count, mut left, mut bytes) = (self.parts.len(), most, POLL_BYTES);
        loop {
            let before = left;
            for i in 0..count {
                let turn = (self.turn + i) % count;
                let mut share = left.div_ceil(count - i);
                let mut share_bytes = bytes.div_ceil(count - i);
                while share > 0 && share_bytes > 0 {
                    match self.parts[turn].take(u64::MAX, each) {
                        Ok(None) => break,
                        Ok(Some(len)) => {
                            (share, left) = (share - 1, left - 1);
                            share_bytes = share_bytes.saturating_sub(len.max(1));
                            bytes = bytes.saturating_sub(len.max(1));
                        }
                        Err(error) => match self.explain(turn, &error) {
                            Ok(()) => {}
                            Err(fault) if left == most => return Err(fault),
                            Err(fault) => {
                                self.fault = Some(fault);
                                return Ok(most - left);
                            }
                        },
                    }
                }
            }
            if left == before || left == 0 || bytes == 0 {
                self.turn = (self.turn + 1) % count.max(1);
                return Ok(most - left);
            }
        }
    }

    /// What an error of a partition means; nothing if it passes.
    pub(super) fn explain(&mut self, part: usize, error: &KafkaError) -> Result<(), LogError> {
        if is_out_of_range(error) {
            self.check(part)?;
            // It was so for a moment only, as leaders changed.
            let ends = self.ends()?;
            return self.restart(&ends);
        }
        if passes(error) { Ok(()) } else { Err(self.failed(error)) }
    }

    /// Checks that the partition still has what is to be read next.
    fn check(&self, part: usize) -> Result<(), LogError> {
        let (at, asker) = (self.parts[part].at, &self.shared.asker);
        let index = at.partition as usize;
        let end = asker.ends()?[index];
        check(at, asker.starts()?[index]..end)
    }

    /// Waits for something before `ends` that is not read; false if there is nothing.
    /// `waits` counts the waits in vain.
    pub(super) fn wait(&mut self, ends: &[u64], waits: &mut u32) -> Result<bool, LogError> {
        self.pass_gaps(ends);
        let is_behind = |(part, end): (&Part, &u64)| part.at.offset < *end && !part.has_head();
        let Some(behind) = self.parts.iter().zip(ends).position(is_behind) else {
            return Ok(false);
        };
        if self.woken.recv_timeout(WAIT).is_ok() {
            return Ok(true);
        }
        *waits += 1;
        if *waits == PATIENCE {
            self.check(behind)?;
            // Asked now: what somebody waits for may not have been reached yet.
            let reached = self.ends()?;
            self.restart(&reached)?;
        } else if *waits >= 2 * PATIENCE {
            let Position { partition, offset } = self.parts[behind].at;
            let (topic, partition) = self.shared.asker.topics().place(partition);
            let brokers = &self.shared.settings.brokers;
            let what = format!(
                "cannot read partition {partition} from {offset} on of {topic} of Kafka at {brokers}"
            );
            return Err(LogError::Away { what, reason: "no broker gives it".to_owned() });
        }
        Ok(true)
    }

    fn pass_gaps(&mut self, ends: &[u64]) {
        let Ok(positions) = self.consumer.position() else {
            return;
        };
        for element in positions.elements() {
            let topics = self.shared.asker.topics();
            let number = topics.partition(element.topic(), element.partition());
            let is_it = |(part, _): &(&mut Part, _)| Some(part.at.partition) == number;
            let part = self.parts.iter_mut().zip(ends).find(is_it);
            if let (Some((part, end)), Some(offset)) = (part, known(element.offset())) {
                part.pass(offset, *end);
            }
        }
    }

    /// Begins anew where it is, with another client: what this one has fetched ahead, and
    /// whatever it waits for, goes with it. The partitions have reached `ends`: what lies
    /// before that and is not given then is no record.
    fn restart(&mut self, ends: &[u64]) -> Result<(), LogError> {
        let turn = self.turn;
        let new = Self::new(&self.shared, &self.positions(), ends, self.commits)?;
        *self = Self { turn, ..new };
        Ok(())
    }

    /// Gives everything before `ends`, by part, which the partitions have reached.
    fn read_to(&mut self, ends: &[u64], each: &mut dyn FnMut(Record<'_>)) -> Result<(), LogError> {
        let mut waits = 0;
        loop {
            for (i, end) in ends.iter().enumerate() {
                loop {
                    match self.parts[i].take(*end, each) {
                        Ok(Some(_)) => waits = 0,
                        Ok(None) => break,
                        Err(error) => self.explain(i, &error)?,
                    }
                }
            }
            if !self.wait(ends, &mut waits)? {
                return Ok(());
            }
        }
    }

    /// The end of each part.
    pub(super) fn ends(&self) -> Result<Vec<u64>, LogError> {
        let ends = self.shared.asker.ends()?;
        Ok(self.parts.iter().map(|p| ends[p.at.partition as usize]).collect())
    }

    fn failed(&self, error: &KafkaError) -> LogError {
        self.shared.settings.failed("cannot read", error, &self.heard)
    }
}

impl LogReader for KafkaReader {
    fn poll(&mut self, most: usize, each: &mut dyn FnMut(Record<'_>)) -> Result<usize, LogError> {
        self.serve()?;
        self.begin()?;
        let (mut ends, mut waits) = (Vec::new(), 0);
        loop {
            let count = self.take_turns(most, each)?;
            if count > 0 || most == 0 {
                return Ok(count);
            }
            // Nothing is here. What is there is waited for: it is on its way.
            if ends.is_empty() {
                ends = self.ends()?;
            }
            if !self.wait(&ends, &mut waits)? {
                return Ok(0);
            }
        }
    }

    fn read_until(
        &mut self,
        ends: &[Position],
        each: &mut dyn FnMut(Record<'_>),
    ) -> Result<(), LogError> {
        self.serve()?;
        let begun = self.positions();
        let end_of = |at: &Position| ends.iter().find(|e| e.partition == at.partition);
        let wanted: Vec<u64> =
            begun.iter().map(|at| end_of(at).map_or(0, |end| end.offset)).collect();
        // Asked for once in a while, not with each of many small pieces.
        if wanted.iter().zip(&self.reached).any(|(wanted, reached)| wanted > reached) {
            self.reached = self.ends()?;
        }
        let there = wanted.iter().zip(&self.reached);
        let reached: Vec<u64> = there.map(|(wanted, there)| *wanted.min(there)).collect();
        let read = self.read_to(&reached, each);
        if let Err(LogError::Away { .. }) = read {
            // All of it is asked for again.
            self.parts.iter_mut().zip(begun).for_each(|(part, at)| part.at = at);
            self.restart(&reached)?;
        }
        read
    }

    fn positions(&self) -> Vec<Position> {
        self.parts.iter().map(|p| p.at).collect()
    }
}
