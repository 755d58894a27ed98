//! What becomes of a delivery by the answer to it.

use super::Sender;
use crate::webhook::backoff::asked_ms;
use crate::webhook::counts::Outcome;
use crate::webhook::http::{Answer, Verdict};
use crate::webhook::queue::Change;
use crate::webhook::schedule::Delivery;
use crate::webhook::sender::WebhookError;
use std::time::Duration;

impl Sender<'_> {
    /// Judges the answers that are there, and waits so long for the first.
    pub(super) fn take_answers(&mut self, at_most: Duration) -> Result<bool, WebhookError> {
        let first = self.answers.recv_timeout(at_most).ok();
        let all: Vec<_> = first.into_iter().chain(self.answers.try_iter()).collect();
        let now_ms = self.means.clock.now_ms();
        let mut changes = Vec::new();
        for (id, answer) in all {
            if let Some(delivery) = self.sent.remove(&id) {
                changes.push(self.judge(delivery, answer, now_ms));
            }
        }
        if changes.is_empty() {
            return Ok(false);
        }
        self.queue.change(&changes)?;
        for change in changes {
            match change {
                Change::Delivered(id) => self.schedule.over(id),
                Change::Dead { delivery, .. } => self.schedule.over(delivery.id),
                Change::Again(delivery) => self.schedule.again(delivery),
            }
        }
        Ok(true)
    }

    fn judge(&mut self, mut delivery: Delivery, answer: Answer, now_ms: i64) -> Change {
        let status = answer.code();
        let first_ms = *delivery.first_ms.get_or_insert(now_ms);
        delivery.attempts = delivery.attempts.saturating_add(1);
        let (retry_after, reason) = match answer.verdict() {
            Verdict::Delivered => {
                self.means.counts.add(Outcome::Delivered);
                self.notes.well();
                return Change::Delivered(delivery.id);
            }
            Verdict::Refused { reason } => return self.bury(delivery, now_ms, status, reason),
            Verdict::Again { retry_after, reason } => (retry_after, reason),
        };
        let give_up_ms = i64::try_from(self.endpoint.give_up_after.as_millis());
        let until_ms = first_ms.saturating_add(give_up_ms.unwrap_or(i64::MAX));
        if now_ms >= until_ms || delivery.attempts >= self.endpoint.max_attempts {
            let attempts = delivery.attempts;
            let reason = format!("given up after {attempts} attempts: {reason}");
            return self.bury(delivery, now_ms, status, reason);
        }
        self.means.counts.add(Outcome::Retried);
        self.notes.failing(&reason, now_ms);
        let pause_ms = self.means.backoff.pause_ms(delivery.attempts, &self.means.jitter);
        // The last attempt is made when its time is up, and not given up before.
        let due_ms = now_ms.saturating_add(pause_ms).min(until_ms);
        let asked_ms = retry_after.and_then(|text| asked_ms(&text, now_ms)).unwrap_or(0);
        delivery.due_ms = due_ms.max(now_ms.saturating_add(asked_ms));
        if status == Some(429) {
            // It is not this alert that is too much but all of them.
            self.not_before_ms = self.not_before_ms.max(now_ms.saturating_add(asked_ms));
        }
        Change::Again(delivery)
    }

    fn bury(
        &mut self,
        delivery: Delivery,
        dead_ms: i64,
        status: Option<u16>,
        reason: String,
    ) -> Change {
        self.means.counts.add(Outcome::Dead);
        self.notes.dead(&reason);
        Change::Dead { delivery, dead_ms, status, reason }
    }
}
