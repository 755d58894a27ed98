//! Where what is in the Kafka: the topics, and their partitions as they are numbered
//! through.

use super::super::{Position, Topic};
use std::ops::Range;
use streamgauge_ingest::decode::partition_of;
use streamgauge_ingest::log::Topics;

/// The topic of bindings and progress.
pub(super) const BINDINGS: &str = "bindings";
/// The topic of settings, and of the number of the writer.
pub(super) const SETTINGS: &str = "settings";

/// The topics and their partitions.
#[derive(Clone, Debug)]
pub(super) struct Places {
    prefix: String,
    /// The names of all topics.
    names: Vec<String>,
    /// Their partitions: those of [`Topic::ALL`], in their order, then of bindings and of settings.
    ranges: Vec<Range<u32>>,
}

impl Places {
    /// The names of all topics, in order.
    pub(super) fn names(prefix: &str) -> Vec<String> {
        let all = Topic::ALL.iter().map(|topic| topic.name()).chain([BINDINGS, SETTINGS]);
        all.map(|name| format!("{prefix}{name}")).collect()
    }

    /// As they were found under the names that [`names`](Self::names) gives.
    pub(super) fn new(prefix: &str, topics: &Topics) -> Self {
        let ranges = topics.iter().map(|(_, range)| range).collect();
        Self { prefix: prefix.to_owned(), names: Self::names(prefix), ranges }
    }

    /// The name of a topic in the Kafka.
    pub(super) fn name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// The name of a topic of results in the Kafka.
    pub(super) fn name_of(&self, topic: Topic) -> &str {
        &self.names[place(topic)]
    }

    /// What fences writers of these topics.
    pub(super) fn transactional_id(&self) -> String {
        format!("{}streamgauge-writer", self.prefix)
    }

    /// The partitions of a topic.
    pub(super) fn of(&self, topic: Topic) -> Range<u32> {
        self.ranges[place(topic)].clone()
    }

    /// The one partition of bindings that is used.
    pub(super) fn bindings(&self) -> u32 {
        self.ranges[Topic::ALL.len()].start
    }

    /// The one partition of settings that is used.
    pub(super) fn settings(&self) -> u32 {
        self.ranges[Topic::ALL.len() + 1].start
    }

    /// The partition of a key within its topic: as events are partitioned.
    pub(super) fn partition(&self, topic: Topic, key: &[u8]) -> u32 {
        let partitions = self.of(topic);
        partition_of(&String::from_utf8_lossy(key), partitions.end - partitions.start)
    }

    /// A position of these offsets, by partition as they are numbered through: of each
    /// topic how many partitions it has, and where they are.
    pub(super) fn position(&self, offsets: &[u64]) -> Position {
        let mut position = Vec::new();
        for range in &self.ranges[..Topic::ALL.len()] {
            let own = &offsets[range.start as usize..range.end as usize];
            position.push(own.len() as u64);
            position.extend(own);
        }
        Position(position)
    }

    /// The offsets of a position, by partition. Where it says nothing of a partition, it
    /// is of before that was made: `starts` says where it begins.
    pub(super) fn offsets(&self, position: &Position, starts: &[u64]) -> Vec<u64> {
        let mut offsets = starts.to_vec();
        let mut rest = position.0.as_slice();
        for range in &self.ranges[..Topic::ALL.len()] {
            let Some((count, behind)) = rest.split_first() else { break };
            let count = usize::try_from(*count).unwrap_or(usize::MAX).min(behind.len());
            let (own, next) = behind.split_at(count);
            let places = range.clone().map(|p| p as usize);
            places.zip(own).for_each(|(place, offset)| offsets[place] = *offset);
            rest = next;
        }
        offsets
    }
}

/// The place of a topic among all.
fn place(topic: Topic) -> usize {
    Topic::ALL.iter().position(|other| *other == topic).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(counts: [u32; 8]) -> Places {
        let mut first = 0;
        let ranges = counts.map(|count| {
            first += count;
            first - count..first
        });
        Places { prefix: "x-".to_owned(), names: Places::names("x-"), ranges: ranges.to_vec() }
    }

    #[test]
    fn a_position_stays_what_it_is_when_a_topic_gets_more_partitions() {
        let old = places([2, 1, 1, 1, 1, 1, 1, 1]);
        let offsets = [10, 11, 20, 30, 40, 50, 60, 70, 80];
        let position = old.position(&offsets);
        assert_eq!(position.0, [2, 10, 11, 1, 20, 1, 30, 1, 40, 1, 50, 1, 60]);
        let starts = [0; 9];
        assert_eq!(old.offsets(&position, &starts), [10, 11, 20, 30, 40, 50, 60, 0, 0]);
        let new = places([3, 1, 1, 1, 1, 1, 1, 1]);
        let starts = [1, 1, 7, 1, 1, 1, 1, 1, 1, 1];
        assert_eq!(new.offsets(&position, &starts), [10, 11, 7, 20, 30, 40, 50, 60, 1, 1]);
        assert_eq!(new.offsets(&Position::default(), &starts), starts);
    }
}
