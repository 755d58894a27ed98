//! Trying a transaction until it is there, or until only a new writer can tell whether it is.

use super::super::send::{Refused, is_consequence, is_forbidden, is_too_large};
use super::{KafkaWriter, TRANSACTION_MS};
use crate::results::ResultError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::Producer;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a step of a transaction has before it is looked whether to go on.
const STEP: Duration = Duration::from_secs(2);
/// The same of an abort, which waits for answers that somebody must take meanwhile.
const ABORT_STEP: Duration = Duration::from_millis(200);
/// How long a job that is asked to end waits for brokers that are away, ms. It is as if it
/// were killed then.
const ENDING_MS: i64 = 10_000;
/// How long the number of a newer writer is waited for: it is told after the older one
/// has lost its right.
const NEWER: Duration = Duration::from_secs(15);
/// How long the first pause is before an aborted transaction is tried again; each is
/// twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(20);
/// And no pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Whether brokers will never take such a record: a time more than an hour ahead of
/// theirs, one that is too large, or a topic that this client may not write.
fn is_refused(error: &KafkaError) -> bool {
    is_forbidden(error)
        || is_too_large(error)
        || error.rdkafka_error_code() == Some(Code::InvalidTimestamp)
}

/// Why a transaction is not there.
enum Failure {
    /// It was aborted, or can be: the same can be tried again.
    Again(KafkaError),
    /// The producer is of no use any more.
    Ended(KafkaError),
}

impl Failure {
    fn of(error: KafkaError) -> Self {
        match &error {
            KafkaError::Transaction(of) if of.is_fatal() => Self::Ended(error),
            KafkaError::Transaction(of) if of.txn_requires_abort() => Self::Again(error),
            // Neither aborted nor known to be there.
            KafkaError::Transaction(_) => Self::Ended(error),
            _ => Self::Again(error),
        }
    }
}

impl KafkaWriter {
    /// Begins a transaction, lets `fill` send its records, and commits it; again if it is
    /// aborted.
    pub(super) fn until_there(
        &mut self,
        mut fill: impl FnMut(&mut Self) -> Result<(), KafkaError>,
    ) -> Result<(), ResultError> {
        let mut began_ms = self.shared.clock.now_ms();
        let mut pause = PAUSE;
        loop {
            let tried = self.sender.begin_transaction().map_err(Failure::of).and_then(|()| {
                fill(self).map_err(Failure::of)?;
                self.wait_for_answers().map_err(Failure::Again)?;
                self.commit_it()
            });
            let error = match tried {
                Ok(()) => return Ok(()),
                Err(Failure::Ended(error)) if self.gives_up() => return Err(self.given_up(&error)),
                Err(Failure::Ended(error)) => return Err(self.ended(&error)),
                Err(Failure::Again(error)) => error,
            };
            if self.gives_up() {
                return Err(self.given_up(&error));
            }
            if self.is_late(began_ms) || self.sender.client().fatal_error().is_some() {
                return Err(self.ended(&error));
            }
            let (reason, refused) = self.abort(began_ms)?;
            let error = reason.unwrap_or(error);
            if is_too_large(&error) && self.refuse(&refused) {
                // However many there are, each has its time.
                (began_ms, pause) = (self.shared.clock.now_ms(), PAUSE);
                continue;
            }
            if is_refused(&error) {
                // Another writer would be told the same.
                return Err(ResultError::Storage {
                    what: format!("cannot commit to {}", self.shared.settings.shown()),
                    reason: error.to_string(),
                });
            }
            std::thread::sleep(pause);
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// Waits until all that was sent is there, or a record is not taken: the client keeps the
    /// others then until the transaction is aborted.
    pub(super) fn wait_for_answers(&self) -> Result<(), KafkaError> {
        let is_over = || self.outcomes.has_error() || self.gives_up();
        let is_answered = self.outcomes.wait_unless(&self.sender, is_over);
        match self.outcomes.take_error() {
            Some(error) => Err(error),
            None if is_answered => Ok(()),
            None => Err(KafkaError::Canceled),
        }
    }

    /// Commits; tried again as long as that can be done with the same producer.
    fn commit_it(&self) -> Result<(), Failure> {
        loop {
            match self.sender.commit_transaction(STEP) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(of)) if of.is_retriable() && !self.gives_up() => {}
                Err(error) => return Err(Failure::of(error)),
            }
        }
    }

    /// Whether the job was asked to end, and brokers have had their time since.
    fn gives_up(&self) -> bool {
        if !self.asked.load(Ordering::SeqCst) {
            return false;
        }
        let now_ms = self.shared.clock.now_ms();
        let since_ms = self.asked_ms.get().unwrap_or(now_ms);
        self.asked_ms.set(Some(since_ms));
        now_ms.saturating_sub(since_ms) > ENDING_MS
    }

    fn given_up(&self, error: &KafkaError) -> ResultError {
        ResultError::Ended {
            what: format!(
                "the last results are not committed to {}, and computed again at the next start",
                self.shared.settings.shown()
            ),
            reason: self.outcomes.heard().unwrap_or_else(|| error.to_string()),
        }
    }

    /// Aborts the transaction; gives why a record of it was not taken, if one was not, and
    /// those that are too large.
    fn abort(&self, began_ms: i64) -> Result<(Option<KafkaError>, Vec<Refused>), ResultError> {
        loop {
            // It ends when all is answered, and answers are taken here.
            self.outcomes.take_answers(&self.sender);
            match self.sender.abort_transaction(ABORT_STEP) {
                Ok(()) => {
                    self.outcomes.wait(&self.sender);
                    let error = self.outcomes.take_error().filter(|e| !is_consequence(e));
                    let refused = self.outcomes.take_refused();
                    self.outcomes.forget();
                    return Ok((error, refused));
                }
                Err(KafkaError::Transaction(of))
                    if of.is_retriable() && !self.is_late(began_ms) && !self.gives_up() => {}
                Err(error) => return Err(self.ended(&error)),
            }
        }
    }

    /// Whether brokers have given up a transaction that began then.
    fn is_late(&self, began_ms: i64) -> bool {
        let passed_ms = self.shared.clock.now_ms().saturating_sub(began_ms);
        passed_ms > i64::from(TRANSACTION_MS)
    }

    /// Why this producer has come to its end: a newer one, or whatever it was.
    fn ended(&self, error: &KafkaError) -> ResultError {
        let fatal = self.sender.client().fatal_error();
        let is_fenced = fatal.as_ref().is_some_and(|(code, _)| {
            matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
        });
        let mut newer = self.newer().ok().flatten();
        let mut waited = Duration::ZERO;
        while newer.is_none() && is_fenced && waited < NEWER {
            std::thread::sleep(LONGEST_PAUSE);
            waited += LONGEST_PAUSE;
            newer = self.newer().ok().flatten();
        }
        match newer {
            Some(newer) => ResultError::Fenced { newer, own: self.own },
            // It has taken over and told nobody; or brokers have given a transaction up that
            // took too long.
            None if is_fenced => ResultError::Ended {
                what: "the brokers take no more of this writer's transactions".to_owned(),
                reason: "another job has taken over, or one took too long".to_owned(),
            },
            None => ResultError::Ended {
                what: format!("cannot commit to {}", self.shared.settings.shown()),
                reason: fatal.map_or_else(|| error.to_string(), |(_, reason)| reason),
            },
        }
    }
}
