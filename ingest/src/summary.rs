//! What was read, counted: the part of a replay's summary that the source knows.

use crate::decode::Reason;
use crate::lateness::Family;
use std::collections::BTreeSet;

/// A move of a partition's watermark of more than a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Jump {
    /// The partition.
    pub partition: u32,
    /// The offset of the record that moved it.
    pub offset: u64,
    /// By how much, in ms.
    pub ms: i64,
}

/// How many jumps are listed.
pub const MOST_JUMPS: usize = 100;
/// A move beyond this is a jump, in ms.
pub const JUMP_MS: i64 = 86_400_000;

/// Counts of the records of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceCounts {
    /// All records: accepted, dead letters and duplicates.
    pub read: u64,
    /// Taken by at least one family, or of an unknown type.
    pub accepted: u64,
    /// Rejected, by reason.
    pub dead_letters: [u64; Reason::ALL.len()],
    /// Accepted, but late for some families.
    pub partly_late: u64,
    /// Not taken by the family, by family.
    pub late: [u64; Family::ALL.len()],
    /// Dropped as seen before.
    pub duplicates: u64,
    /// Of a type that takes no part in any result.
    pub unknown_types: u64,
    /// From bots, among well-formed records that are no duplicates.
    pub bots: u64,
    /// Leaves of the wrong type, in all well-formed records.
    pub bad_leaves: u64,
    /// The first jumps in the order partition, offset.
    pub jumps: BTreeSet<Jump>,
}

impl SourceCounts {
    /// Notes a jump, keeping the first [`MOST_JUMPS`] in order.
    pub fn note_jump(&mut self, jump: Jump) {
        self.jumps.insert(jump);
        if self.jumps.len() > MOST_JUMPS {
            self.jumps.pop_last();
        }
    }

    /// Number of rejected records of all reasons.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.dead_letters.iter().sum()
    }

    /// Whether every record read is accounted for.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.read == self.accepted + self.rejected() + self.duplicates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_jumps_are_kept_in_whatever_order_they_come() {
        let jump =
            |n: u64| Jump { partition: u32::try_from(n / 60).unwrap(), offset: n % 60, ms: 1 };
        let (mut up, mut down) = (SourceCounts::default(), SourceCounts::default());
        (0..150).for_each(|n| up.note_jump(jump(n)));
        (0..150).rev().for_each(|n| down.note_jump(jump(n)));
        assert_eq!(up.jumps, (0..100).map(jump).collect());
        assert_eq!(down.jumps, up.jumps);
    }

    #[test]
    fn every_record_is_accounted_for_once() {
        let mut counts = SourceCounts { read: 6, accepted: 3, duplicates: 1, ..Default::default() };
        assert!(!counts.balances());
        counts.dead_letters[Reason::Future as usize] = 2;
        assert!(counts.balances());
        counts.accepted += 1;
        assert!(!counts.balances());
    }
}
