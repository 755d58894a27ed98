//! A replay into a log of results: the same records, in the same transactions, as a job's
//! over the same epochs, but for what is provisional.

use super::Message;
use crate::collect::EpochChanges;
use crate::live::{Effects, effects, progress};
use crate::time::Epoch;
use streamgauge_ingest::dead_letter::DeadLetter;
use streamgauge_sink::results::{Progress, ResultError, ResultLog, ResultWriter, Transaction};

/// About how many bytes of records go into one transaction.
const TRANSACTION_BYTES: usize = 8 << 20;
/// Most epochs of one.
const TRANSACTION_EPOCHS: usize = 1_000;

/// Puts what is replayed into a log of results.
pub(super) struct ToLog {
    writer: Box<dyn ResultWriter>,
    /// Of the epochs whose changes have not come yet.
    letters: Vec<(Epoch, Vec<DeadLetter>)>,
    committed: Option<Progress>,
    next: Transaction,
    bytes: usize,
}

impl ToLog {
    pub(super) fn open(log: &dyn ResultLog) -> Result<Self, ResultError> {
        let (letters, next) = (Vec::new(), Transaction::default());
        Ok(Self { writer: log.writer()?, letters, committed: None, next, bytes: 0 })
    }

    /// Takes note of something that is to go there.
    pub(super) fn take(&mut self, message: &Message) -> Result<(), ResultError> {
        match message {
            Message::Changes(changes) => self.changes(changes),
            Message::DeadLetters(epoch, letters) => {
                self.letters.push((*epoch, letters.clone()));
                Ok(())
            }
        }
    }

    fn changes(&mut self, changes: &EpochChanges) -> Result<(), ResultError> {
        let epoch = changes.epoch;
        let of_later = self.letters.iter().position(|(of, _)| *of > epoch);
        let own = self.letters.drain(..of_later.unwrap_or(self.letters.len()));
        let Effects { committed, .. } = effects(changes, own.flat_map(|(_, l)| l).collect());
        let now = progress(epoch, &committed, self.committed);
        self.committed = Some(now);
        self.next.progress.push(now);
        let bytes = committed.iter().map(|r| r.key.len() + r.value.as_ref().map_or(0, Vec::len));
        self.bytes += bytes.sum::<usize>();
        self.next.records.extend(committed);
        let is_full =
            self.bytes >= TRANSACTION_BYTES || self.next.progress.len() >= TRANSACTION_EPOCHS;
        if is_full { self.commit() } else { Ok(()) }
    }

    /// Commits what was taken since the last time.
    pub(super) fn commit(&mut self) -> Result<(), ResultError> {
        self.bytes = 0;
        self.writer.commit(&std::mem::take(&mut self.next))
    }
}
