//! What crashes have in common: whether the next start can be expected to come further.

use anyhow::{Result, bail};
use std::fmt::Write as _;
use std::sync::Arc;
use streamgauge_ingest::binding::Binding;
use streamgauge_sink::results::ResultLog;

/// Opens the results of the job.
type Open = Box<dyn Fn() -> Result<Arc<dyn ResultLog>>>;

/// So many crashes in a row without a step forward are enough.
const MOST_WITHOUT_PROGRESS: u32 = 5;

/// How far a life came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reached {
    /// The last epoch whose results are kept.
    committed: Option<u64>,
    /// The epoch after it, if it was bound.
    next: Option<Binding>,
}

/// The crashes of a job in a row.
pub(super) struct Crashes {
    results: Open,
    last: Option<Reached>,
    in_a_row: u32,
}

impl Crashes {
    pub(super) fn new(results: Open) -> Self {
        Self { results, last: None, in_a_row: 0 }
    }

    /// Takes a crash; returns how many there were since the job last came further.
    ///
    /// # Errors
    /// If another start would most likely end in the same crash.
    pub(super) fn add(&mut self, what: &str) -> Result<u32> {
        let reached = self.reached()?;
        self.take(what, reached)
    }

    fn take(&mut self, what: &str, reached: Reached) -> Result<u32> {
        let last = self.last.replace(reached.clone());
        if last.as_ref().is_none_or(|last| last.committed != reached.committed) {
            self.in_a_row = 1;
            return Ok(1);
        }
        self.in_a_row += 1;
        if let (Some(Reached { next: Some(before), .. }), Some(next)) = (last, &reached.next)
            && before.epoch == next.epoch
        {
            bail!("{what}, a second time before epoch {} was done. {}", next.epoch, offsets(next));
        }
        if self.in_a_row >= MOST_WITHOUT_PROGRESS {
            bail!("{what}, {} times in a row without having come any further", self.in_a_row);
        }
        Ok(self.in_a_row)
    }

    fn reached(&self) -> Result<Reached> {
        let results = (self.results)()?;
        let committed = results.state()?.committed.map(|p| p.epoch);
        let next = results.bindings(committed.map_or(0, |epoch| epoch + 1), 1)?.pop();
        Ok(Reached { committed, next })
    }
}

/// Which records an epoch has, and how to look at them.
fn offsets(binding: &Binding) -> String {
    let filled: Vec<_> = binding.partitions.iter().filter(|p| p.hi > p.lo).collect();
    if filled.is_empty() {
        return "It has no records; nothing is skipped".to_owned();
    }
    let mut text = "Its records are".to_owned();
    for (i, p) in filled.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let (partition, first, last) = (p.partition, p.lo, p.hi - 1);
        let _ = write!(text, "{comma} {first} to {last} of partition {partition}");
    }
    text.push_str("; nothing is skipped");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamgauge_ingest::binding::PartitionBinding;

    fn binding(epoch: u64) -> Binding {
        let partition = |partition, lo, hi| {
            let (count, digest, watermark_ms) = (hi - lo, 0, 0);
            PartitionBinding { partition, lo, hi, count, digest, watermark_ms }
        };
        let partitions = vec![partition(0, 3, 3), partition(1, 5, 9), partition(4, 0, 1)];
        Binding { epoch, partitions, ..Binding::default() }
    }

    #[test]
    fn two_crashes_at_one_epoch_end_it() {
        let at = |committed, next: Option<u64>| Reached { committed, next: next.map(binding) };
        let check = |crashes: &[Reached], expected: Result<u32, &str>| {
            let mut all = Crashes::new(Box::new(|| bail!("nothing is opened here")));
            let mut found = Ok(0);
            for reached in crashes {
                assert!(found.is_ok(), "it had ended before");
                found = all.take("process 1 has ended", reached.clone());
            }
            match expected {
                Ok(n) => assert_eq!(found.unwrap(), n),
                Err(text) => assert_eq!(found.unwrap_err().to_string(), text),
            }
        };
        let none = at(None, None);
        check(&[at(None, Some(0))], Ok(1));
        check(
            &[at(Some(6), Some(7)), at(Some(6), Some(7))],
            Err("process 1 has ended, a second time before epoch 7 was done. Its records are \
                 5 to 8 of partition 1, 0 to 0 of partition 4; nothing is skipped"),
        );
        // It came further in between, or nothing was begun.
        check(&[at(Some(6), Some(7)), at(Some(7), Some(8)), at(Some(9), Some(10))], Ok(1));
        check(&[at(Some(6), None), at(Some(6), Some(7))], Ok(2));
        check(&vec![none.clone(); 4], Ok(4));
        check(
            &vec![none; 5],
            Err("process 1 has ended, 5 times in a row without having come any further"),
        );
    }
}
