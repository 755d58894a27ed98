//! Whether a record that is not there was larger than its topic takes: then it is a dead
//! letter.

use std::collections::BTreeSet;
use streamgauge_sink::dead_letters::{NO_PARTITION, too_large};
use streamgauge_sink::results::{Position, Record, ResultError, ResultLog, Topic};

/// Records of the log that are read at once.
const RECORDS: usize = 1_000;

/// The dead letters that are no events.
#[derive(Default)]
pub(super) struct Letters {
    /// Their keys; none before they were asked for, which is rare.
    keys: Option<BTreeSet<Vec<u8>>>,
}

impl Letters {
    /// Whether there is one of this result.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn has(
        &mut self,
        results: &dyn ResultLog,
        result: &Record,
    ) -> Result<bool, ResultError> {
        let keys = match &mut self.keys {
            Some(keys) => keys,
            None => self.keys.insert(read(results)?),
        };
        Ok(keys.contains(&too_large(result).key))
    }
}

fn read(results: &dyn ResultLog) -> Result<BTreeSet<Vec<u8>>, ResultError> {
    let before = format!("{NO_PARTITION}|").into_bytes();
    let mut reader = results.reader(&[Topic::DeadLetters], Position::default())?;
    let mut keys = BTreeSet::new();
    let mut note = |key: &[u8]| {
        if key.starts_with(&before) {
            keys.insert(key.to_vec());
        }
    };
    while reader.poll(RECORDS, &mut |stored| note(stored.key))? > 0 {}
    Ok(keys)
}
