//! The settings that decide what a record means. They are bound with the
//! epochs: a replay over the same log with the same settings gives the same
//! results.

use crate::lateness::LatenessRule;

/// Whether bots take part in results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BotMode {
    /// They count like everybody.
    Include,
    /// They are accepted and counted apart, and in no result.
    Exclude,
}

/// How records are read and judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSettings {
    /// Number of partitions that keys are spread over; above 0.
    pub partitions: u32,
    /// How far a partition may be out of order before its watermark passes, in ms.
    pub allowed_disorder_ms: i64,
    /// How long after the end of its slice a record is still taken, in ms.
    pub lateness_ms: i64,
    /// The silence that ends a session, in ms.
    pub session_gap_ms: i64,
    /// Whether an event id seen before, of the same user, is dropped.
    pub dedup: bool,
    /// Whether bots take part in results.
    pub bots: BotMode,
    /// Largest value of a record, in bytes.
    pub max_bytes: usize,
    /// How long after a first step the second of an alert rule may come: each such time
    /// once, in ascending order, in ms.
    pub sequence_spans_ms: Vec<i64>,
    /// Whether results of days are asked for, which need the campaigns of page views.
    pub days: bool,
    /// In files: a partition is idle while none of the last so many records is its own.
    pub idle_after_records: u64,
}

impl Default for InputSettings {
    fn default() -> Self {
        Self {
            partitions: 12,
            allowed_disorder_ms: 5_000,
            lateness_ms: 600_000,
            session_gap_ms: 1_800_000,
            dedup: false,
            bots: BotMode::Include,
            max_bytes: 1 << 20,
            sequence_spans_ms: Vec::new(),
            days: false,
            idle_after_records: 100_000,
        }
    }
}

impl InputSettings {
    /// A hash of everything that decides what a record means, for bindings. It is
    /// the same on every machine.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let Self {
            partitions,
            allowed_disorder_ms,
            lateness_ms,
            session_gap_ms,
            dedup,
            bots,
            max_bytes,
            sequence_spans_ms,
            days,
            idle_after_records: _,
        } = self;
        let bots = match bots {
            BotMode::Include => "include",
            BotMode::Exclude => "exclude",
        };
        let mut text = format!(
            "{partitions} {allowed_disorder_ms} {lateness_ms} {session_gap_ms} {dedup} {bots} {max_bytes} {}",
            crate::bots::PATTERNS
        );
        sequence_spans_ms.iter().for_each(|ms| text.push_str(&format!(" {ms}")));
        // Bindings that know nothing of days keep their hash.
        text.push_str(if *days { " days" } else { "" });
        xxhash_rust::xxh3::xxh3_64(text.as_bytes())
    }

    /// The part that decides lateness.
    #[must_use]
    pub fn lateness_rule(&self) -> LatenessRule {
        LatenessRule { lateness_ms: self.lateness_ms, session_gap_ms: self.session_gap_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_change_the_hash_and_their_absence_does_not() {
        let settings = |days, sequence_spans_ms: &[i64]| {
            let sequence_spans_ms = sequence_spans_ms.to_vec();
            InputSettings { days, sequence_spans_ms, ..InputSettings::default() }.hash()
        };
        assert_eq!(settings(false, &[]), 6_348_933_593_452_365_447);
        assert_eq!(settings(false, &[60_000]), 8_427_528_313_287_407_759);
        assert_ne!(settings(true, &[]), settings(false, &[]));
        assert_ne!(settings(true, &[60_000]), settings(true, &[]));
    }
}
