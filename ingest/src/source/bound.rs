//! Replaying a log as it was bound.

use super::live::release_epoch;
use super::{EpochReader, SourceError};
use crate::binding::{Binding, PartitionBinding};
use crate::judge::Released;
use crate::log::{EventLog, Position};
use crate::settings::InputSettings;
use crate::summary::SourceCounts;

/// Releases the epochs of these bindings, in order, exactly as they were released
/// when they were bound. The first binding must be the log's first.
///
/// # Errors
/// If the log no longer holds what was bound, or the settings or the partitions
/// are others.
pub fn replay_bound(
    log: &dyn EventLog,
    settings: &InputSettings,
    bindings: &[Binding],
    release: &mut impl FnMut(Released),
) -> Result<SourceCounts, SourceError> {
    let Some(first) = bindings.first() else {
        return Ok(SourceCounts::default());
    };
    let positions: Vec<_> = first
        .partitions
        .iter()
        .map(|p| Position { partition: p.partition, offset: p.lo })
        .collect();
    let mut reader = EpochReader::new(log, settings, &positions)?;
    let settings_hash = settings.hash();
    for binding in bindings {
        if !binding.partitions.iter().map(|p| p.partition).eq(positions.iter().map(|p| p.partition))
        {
            return Err(SourceError::PartitionsChanged { epoch: binding.epoch });
        }
        if binding.settings_hash != settings_hash {
            return Err(SourceError::OtherSettings { epoch: binding.epoch });
        }
        let read = reader.read_bound(&binding.partitions)?;
        let same = |(read, bound): (&PartitionBinding, &PartitionBinding)| read == bound;
        if let Some((_, bound)) =
            read.partitions.iter().zip(&binding.partitions).find(|pair| !same(*pair))
        {
            return Err(SourceError::Changed {
                epoch: binding.epoch,
                partition: bound.partition,
                offsets: bound.lo..bound.hi,
            });
        }
        for partition in &binding.idle {
            reader.raise(*partition, binding.watermark_ms);
        }
        release_epoch(binding, read.batch, read.dead_letters, release);
    }
    Ok(reader.counts().clone())
}
