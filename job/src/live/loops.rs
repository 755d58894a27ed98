//! What the writer's thread does, and that of the checkpoints, which waits for it.

use super::checkpoints::{Checkpoints, ToCheckpoints};
use super::run::Job;
use super::writer::{Committed, ToWriter, Writer, WriterError};
use crate::time::Epoch;
use crossbeam_channel::{Receiver, Sender};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How far the writer is, for whoever waits for it.
#[derive(Default)]
pub(super) struct Reached {
    state: Mutex<(Committed, bool)>,
    moved: Condvar,
}

impl Reached {
    fn lock(&self) -> MutexGuard<'_, (Committed, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, committed: Committed) {
        self.lock().0 = committed;
        self.moved.notify_all();
    }

    pub(super) fn end(&self) {
        self.lock().1 = true;
        self.moved.notify_all();
    }

    /// Waits until an epoch is committed; false if the writer has ended before.
    fn wait_for(&self, epoch: Epoch) -> bool {
        let mut state = self.lock();
        loop {
            if state.0.epoch.is_some_and(|committed| committed >= epoch) {
                return true;
            }
            if state.1 {
                return false;
            }
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Commits what comes, as much at once as there is; counts what is too large for its topic.
pub(super) fn write(
    job: &Job<'_>,
    writer: &mut Writer,
    messages: Receiver<ToWriter>,
    reached: &Reached,
    too_large: &AtomicU64,
) -> Result<(), WriterError> {
    // When it fails, nobody waits for its queue any more.
    while let Ok(message) = messages.recv() {
        writer.take(message)?;
        while !writer.is_full()
            && let Ok(message) = messages.try_recv()
        {
            writer.take(message)?;
        }
        reached.set(writer.commit()?);
        if let Some(error) = writer.take_not_dropped() {
            (job.tell)(&format!(
                "bindings that nobody needs any more could not be dropped, which is tried again \
                 later: {error}"
            ));
        }
        let large = writer.take_too_large();
        if let Some(first) = large.first()
            && too_large.fetch_add(large.len() as u64, Ordering::SeqCst) == 0
        {
            (job.tell)(&format!(
                "{first}. It is a dead letter (`streamgauge dlq show --reason too_large`), and \
                 whatever stood under its key has ended; others are counted, not told. `topics \
                 check` says which topics take less than they should"
            ));
        }
    }
    Ok(())
}

pub(super) fn make_checkpoints(
    job: &Job<'_>,
    checkpoints: &mut Checkpoints<'_>,
    messages: &Receiver<ToCheckpoints>,
    retain: &Sender<ToWriter>,
    reached: &Reached,
) {
    let failed = |error: &dyn std::fmt::Display| {
        (job.tell)(&format!("a checkpoint failed, the job goes on: {error}"));
    };
    for message in messages {
        let now_ms = job.clock.now_ms();
        if let Err(error) = checkpoints.take(message, now_ms) {
            failed(&error);
        }
        let Some(epoch) = checkpoints.waits_for() else {
            continue;
        };
        if !reached.wait_for(epoch) {
            return;
        }
        match checkpoints.finish() {
            Ok(Some(oldest)) => {
                let bound_before_ms = now_ms - job.tuning.keep_bindings_ms;
                drop(retain.send(ToWriter::Retain(oldest, bound_before_ms)));
            }
            Ok(None) => {}
            Err(error) => failed(&error),
        }
    }
}
