//! Partitions that are added to a log while its epochs are bound.
//!
//! Invariant: whoever reads them first, live or by bindings, and whenever it was opened, a
//! partition begins at its first offset, and at the global watermark of the last epoch
//! that was bound without it. So a replay judges its records as they were judged live.

use super::{Source, SourceError};
use crate::binding::Binding;
use crate::log::{EventLog, LogError};
use std::sync::Arc;

/// How often it is looked whether there are more, ms.
const LOOK_MS: i64 = 5_000;

/// The log that a source reads.
pub(super) enum Log<'a> {
    /// As it was given.
    Given(&'a dyn EventLog),
    /// With partitions that were added since.
    Grown(Arc<dyn EventLog>),
}

impl Log<'_> {
    pub(super) fn get(&self) -> &dyn EventLog {
        match self {
            Self::Given(log) => *log,
            Self::Grown(log) => &**log,
        }
    }

    /// The log with more partitions, if a binding has more than this one.
    pub(super) fn grown_for(
        &self,
        binding: &Binding,
    ) -> Result<Option<Arc<dyn EventLog>>, LogError> {
        match binding.partitions.len() > self.get().partitions() as usize {
            true => self.get().grown(),
            false => Ok(None),
        }
    }

    /// Checks that a binding is over the first partitions, as many as the one before it at
    /// least, and over none that there is not.
    pub(super) fn check(
        &self,
        binding: &Binding,
        before: Option<usize>,
    ) -> Result<(), SourceError> {
        let (epoch, bound) = (binding.epoch, binding.partitions.len());
        let numbers = binding.partitions.iter().map(|p| p.partition);
        if !numbers.zip(0..).all(|(number, i)| number == i) || before > Some(bound) {
            return Err(SourceError::PartitionsChanged { epoch });
        }
        let log = self.get().partitions();
        if bound > log as usize {
            return Err(SourceError::FewerPartitions { epoch, bound, log });
        }
        Ok(())
    }
}

impl Source<'_> {
    /// Looks now and then whether partitions were added, and reads them from the next epoch
    /// on. Whoever cannot be asked now is asked later.
    pub(super) fn look_for_more(&mut self, now_ms: i64) -> Result<(), SourceError> {
        if (0..LOOK_MS).contains(&(now_ms - self.looked_ms)) {
            return Ok(());
        }
        self.looked_ms = now_ms;
        let found = self.log.get().grown().map_err(SourceError::from);
        match found.and_then(|grown| grown.map_or(Ok(()), |grown| self.grow(grown))) {
            Err(SourceError::Log(LogError::Away { .. })) => Ok(()),
            taken => taken,
        }
    }

    /// Goes on with a log that has more partitions.
    pub(super) fn grow(&mut self, log: Arc<dyn EventLog>) -> Result<(), SourceError> {
        self.reader.grow(&*log)?;
        self.log = Log::Grown(log);
        self.raise_added();
        Ok(())
    }

    /// Raises the partitions that the last epoch was bound without to its watermark.
    pub(super) fn raise_added(&mut self) {
        let Some(bound) = self.bound else { return };
        let watermark_ms = self.binder.watermark_ms();
        for partition in (0..self.log.get().partitions()).skip(bound) {
            self.reader.raise(partition, watermark_ms);
        }
    }

    /// Checks that partitions that the last epoch was bound without have their first
    /// record yet: it was never read.
    pub(super) fn check_added(&self) -> Result<(), LogError> {
        let Some(bound) = self.bound else { return Ok(()) };
        match self.reader.positions().skip(bound).find(|at| at.offset > 0) {
            Some(at) => Err(LogError::Lost { partition: at.partition, lost: 0..at.offset }),
            None => Ok(()),
        }
    }

    /// Checks that partitions that are in a binding first have what it begins with.
    pub(super) fn check_begun(&self, binding: &Binding) -> Result<(), LogError> {
        let added = self.reader.positions().zip(&binding.partitions).skip(self.bound.unwrap_or(0));
        for (at, bound) in added {
            if at.offset > bound.lo {
                let (partition, lost) = (at.partition, bound.lo..at.offset);
                return Err(LogError::Lost { partition, lost });
            }
        }
        Ok(())
    }
}
