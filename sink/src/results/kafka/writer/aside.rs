//! Records that are larger than their topic takes.
//!
//! Invariant: whatever its size, a record holds up no transaction for good. Which one was
//! refused is only known when its transaction is aborted; so each refusal takes it a step
//! further, and the transaction is tried again: first by itself, where others were in its batch
//! and may have been too much together; then, where consumers know of it, as the end of its key and
//! a dead letter, for what stood before is no longer right; and if not even the key can be
//! had, as the dead letter alone.

use super::super::send::{Refused, send};
use super::KafkaWriter;
use crate::dead_letters::too_large;
use crate::results::{Record, Topic};
use rdkafka::error::KafkaError;
use std::collections::BTreeMap;

/// A record of a transaction, by topic, epoch and key: a key has one of an epoch.
type Id = (Topic, u64, Vec<u8>);

/// How a record goes out that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In no batch with others.
    Alone,
    /// Not: as the end of its key, if keys of its topic have one, and as a dead letter.
    Ended,
    /// Not: as a dead letter.
    Letter,
}

/// The records of a transaction that were refused.
#[derive(Debug, Default)]
pub(super) struct Aside(BTreeMap<Id, Way>);

impl Aside {
    /// Takes a record a step further, which was alone in its batch or not; false if there is
    /// no step.
    fn refuse(&mut self, topic: Topic, epoch: u64, key: &[u8], is_alone: bool) -> bool {
        if topic == Topic::DeadLetters {
            // They are small: a topic that does not take them takes nothing.
            return false;
        }
        let id = (topic, epoch, key.to_vec());
        let next = match self.0.get(&id) {
            None if !is_alone => Way::Alone,
            None => Way::Ended,
            Some(Way::Alone) => Way::Ended,
            Some(Way::Ended) => Way::Letter,
            Some(Way::Letter) => return false,
        };
        self.0.insert(id, next);
        true
    }

    fn way(&self, record: &Record) -> Option<Way> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&(record.topic, record.epoch, record.key.clone())).copied()
    }

    /// Of records, those that did not go out as they are.
    pub(super) fn set_aside<'a>(
        &'a self,
        records: &'a [Record],
    ) -> impl Iterator<Item = &'a Record> {
        let is_aside = |way| matches!(way, Way::Ended | Way::Letter);
        records.iter().filter(move |record| self.way(record).is_some_and(is_aside))
    }
}

/// What goes out in the place of a record.
fn stand_ins(way: Way, record: &Record) -> Vec<Record> {
    let Record { topic, epoch, key, .. } = record;
    let has_end = matches!(topic, Topic::ProcessedMetrics | Topic::Sessions);
    let end = Record { topic: *topic, epoch: *epoch, key: key.clone(), value: None };
    match way {
        Way::Alone => Vec::new(),
        Way::Ended if has_end => vec![end, too_large(record)],
        Way::Ended | Way::Letter => vec![too_large(record)],
    }
}

impl KafkaWriter {
    /// Sends a record of a transaction, or what takes its place.
    pub(super) fn send(&self, record: &Record) -> Result<(), KafkaError> {
        let Some(way) = self.aside.way(record) else {
            return send(&self.shared, &self.sender, record);
        };
        self.wait_for_answers()?;
        if way == Way::Alone {
            send(&self.shared, &self.sender, record)?;
        }
        for stand_in in stand_ins(way, record) {
            send(&self.shared, &self.sender, &stand_in)?;
        }
        self.wait_for_answers()
    }

    /// Takes what was refused of an aborted transaction a step further; false if that cannot
    /// be done with all of it, or nothing was.
    pub(super) fn refuse(&mut self, refused: &[Refused]) -> bool {
        let mut is_moved = !refused.is_empty();
        for Refused { topic, epoch, key, is_alone } in refused {
            let named = |of: &Topic| self.shared.places.name_of(*of) == topic;
            let topic = Topic::ALL.into_iter().find(named);
            is_moved &=
                topic.zip(*epoch).is_some_and(|(t, e)| self.aside.refuse(t, e, key, *is_alone));
        }
        is_moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(topic: Topic, epoch: u64) -> Record {
        Record { topic, epoch, key: b"k".to_vec(), value: Some(b"large".to_vec()) }
    }

    #[test]
    fn each_refusal_takes_a_record_a_step_further_and_no_other() {
        let mut aside = Aside::default();
        let mut records = [record(Topic::Sessions, 1), record(Topic::Sessions, 2)];
        let mut ways = Vec::new();
        while aside.refuse(Topic::Sessions, 1, b"k", false) {
            ways.push(aside.way(&records[0]).unwrap());
        }
        assert_eq!(ways, [Way::Alone, Way::Ended, Way::Letter]);
        assert_eq!(aside.way(&records[1]), None, "another epoch");
        assert_eq!(aside.set_aside(&records).collect::<Vec<_>>(), [&records[0]]);
        records[0].key = b"other".to_vec();
        assert_eq!(aside.set_aside(&records).count(), 0);
        assert!(!aside.refuse(Topic::DeadLetters, 1, b"k", false));
        assert!(aside.refuse(Topic::Sessions, 2, b"k", true));
        assert_eq!(aside.way(&records[1]), Some(Way::Ended), "nothing was in a batch with it");
    }

    #[test]
    fn what_stood_has_ended_where_keys_end_and_a_letter_says_why() {
        let check = |topic, way, expected: &[(Topic, bool)]| {
            let sent = stand_ins(way, &record(topic, 7));
            let sent: Vec<_> = sent.iter().map(|r| (r.topic, r.value.is_some())).collect();
            assert_eq!(sent, expected, "{topic:?} {way:?}");
        };
        let letter = (Topic::DeadLetters, true);
        check(Topic::Sessions, Way::Alone, &[]);
        check(Topic::Sessions, Way::Ended, &[(Topic::Sessions, false), letter]);
        check(Topic::ProcessedMetrics, Way::Ended, &[(Topic::ProcessedMetrics, false), letter]);
        check(Topic::Alerts, Way::Ended, &[letter]);
        check(Topic::Sessions, Way::Letter, &[letter]);
    }
}
