//! Topics whose partitions are numbered through as those of one log: first those of the
//! first topic, then those of the next.

use super::offsets::number;
use rdkafka::TopicPartitionList;
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::Offset;
use std::ops::Range;

/// Topics and their numbers of partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    all: Vec<(String, u32)>,
}

impl Topics {
    pub(super) fn new(all: Vec<(String, u32)>) -> Self {
        Self { all }
    }

    /// Number of partitions of all topics.
    #[must_use]
    pub fn partitions(&self) -> u32 {
        self.all.iter().map(|(_, count)| count).sum()
    }

    /// The topics in their order, each with its partitions as they are numbered here.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Range<u32>)> {
        let mut first = 0;
        self.all.iter().map(move |(name, count)| {
            let range = first..first + count;
            first = range.end;
            (name.as_str(), range)
        })
    }

    /// Whether these topics have more partitions `now`, behind those that are numbered here.
    ///
    /// # Errors
    /// The topic that was given more although others are numbered behind it.
    pub(super) fn have_grown(&self, now: &Self) -> Result<bool, &str> {
        let mut pairs = self.all.iter().zip(&now.all).rev();
        let has_grown = |((_, was), (_, is)): (&(_, u32), &(_, u32))| is > was;
        let last = pairs.next().is_some_and(has_grown);
        match pairs.find(|pair| has_grown(*pair)) {
            Some(((name, _), _)) => Err(name),
            None => Ok(last),
        }
    }

    /// The topic of a partition, and its number there.
    ///
    /// # Panics
    /// If there is no such partition.
    pub(super) fn place(&self, partition: u32) -> (&str, i32) {
        let found = self.iter().find(|(_, range)| range.contains(&partition));
        let (name, range) = found.expect("partitions are checked before");
        (name, number(partition - range.start))
    }

    /// The partition of a topic, as it is numbered here.
    pub(super) fn partition(&self, topic: &str, partition: i32) -> Option<u32> {
        let (_, range) = self.iter().find(|(name, _)| *name == topic)?;
        let number = range.start.checked_add(u32::try_from(partition).ok()?)?;
        range.contains(&number).then_some(number)
    }

    /// Partitions with offsets, as clients want them.
    pub(super) fn list(
        &self,
        partitions: impl Iterator<Item = (u32, Offset)>,
    ) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in partitions {
            let (topic, partition) = self.place(partition);
            list.add_partition_offset(topic, partition, offset)?;
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_numbered_through() {
        let topics = Topics::new(vec![("a".into(), 2), ("b".into(), 1), ("c".into(), 3)]);
        let places = [("a", 0), ("a", 1), ("b", 0), ("c", 0), ("c", 1), ("c", 2)];
        assert_eq!(topics.partitions(), 6);
        for (flat, (topic, partition)) in (0..).zip(places) {
            assert_eq!(topics.place(flat), (topic, partition));
            assert_eq!(topics.partition(topic, partition), Some(flat));
        }
        assert_eq!(topics.partition("a", 2), None);
        assert_eq!(topics.partition("d", 0), None);
        assert_eq!(topics.partition("c", -1), None);
    }

    #[test]
    fn only_the_last_topic_may_be_given_more_partitions() {
        let topics = |a, b| Topics::new(vec![("a".into(), a), ("b".into(), b)]);
        let check = |a, b, expected| assert_eq!(topics(2, 1).have_grown(&topics(a, b)), expected);
        check(2, 1, Ok(false));
        check(2, 3, Ok(true));
        check(3, 1, Err("a"));
        check(3, 3, Err("a"));
        // A broker that has just begun knows of none.
        check(0, 0, Ok(false));
    }
}
