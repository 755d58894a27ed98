//! Sends the alerts of one webhook.
//!
//! One thread decides everything: it follows the log, keeps the queue, and starts
//! attempts. Each attempt has a thread of its own while it lasts, for it may wait long
//! for an answer; there are [`IN_FLIGHT`] at most.

use super::backoff::{Backoff, Jitter, asked_ms};
use super::counts::{Counts, Outcome};
use super::endpoint::Endpoint;
use super::http::{Answer, Request, Transport, Verdict};
use super::queue::{Change, New, Queue, QueueError};
use super::schedule::{Delivery, Schedule};
use crate::results::{Position, ResultError, ResultLog, ResultReader, Stored, Topic};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender as Return, channel};
use std::thread;
use std::time::Duration;
use streamgauge_ingest::clock::Clock;
use thiserror::Error;

/// Most attempts at once.
pub(super) const IN_FLIGHT: usize = 16;
/// Most deliveries that are held in memory; the others wait in the log.
const MOST_WAITING: usize = 1_000;
/// Most records read at once: alerts may be long.
const BATCH: usize = 100;
/// How often a sender that waits looks whether something has changed.
const LOOK: Duration = Duration::from_millis(20);
/// How often it looks for what a command has queued, and keeps a position behind which
/// was nothing to send, ms.
const LOOK_UP_MS: i64 = 5_000;
/// How long a sender that is to stop waits for answers: what has none by then is sent
/// again after a restart.
const GRACE: Duration = Duration::from_secs(2);
/// A receiver that fails now and then is told of so often at most, ms.
const TELL_MS: i64 = 60_000;
/// The longest identity of an alert.
const MOST_ALERT_BYTES: usize = 256;

/// What a sender works with.
#[derive(Clone)]
pub struct Means {
    /// Makes the attempts.
    pub transport: Arc<dyn Transport>,
    /// Tells when to make them.
    pub clock: Arc<dyn Clock>,
    /// How long to wait after one that has failed.
    pub backoff: Backoff,
    /// The chance in that.
    pub jitter: Jitter,
    /// What is counted.
    pub counts: Arc<Counts>,
}

/// Why a sender has ended.
#[derive(Debug, Error)]
pub enum WebhookError {
    /// The log could not be read.
    #[error("cannot read the alerts: {0}")]
    Results(#[from] ResultError),
    /// The queue could not be used.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// What a sender has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An attempt has failed, where the one before had not; at most once a minute.
    Failing(String),
    /// An attempt has not failed, where that was told of the one before.
    Well,
    /// For the first time an alert is given up, and why; dead letters have the rest.
    Dead(String),
    /// For the first time a record could not be understood: its key. It is not sent.
    Unreadable(String),
    /// Retention has cut alerts that were not sent; it goes on from what is kept.
    Gap,
}

/// Sends the alerts of `endpoint` until `stop` is set; a webhook that the queue does not
/// know begins at the end of the log. `note` hears what does not go as it should.
///
/// # Errors
/// If the log cannot be read, or the queue not be used. Nothing is lost: another sender
/// goes on from what the queue has.
pub fn send(
    results: &dyn ResultLog,
    queue: &mut Queue,
    endpoint: &Endpoint,
    means: &Means,
    stop: &AtomicBool,
    note: &mut dyn FnMut(Note),
) -> Result<(), WebhookError> {
    let position = match queue.position(&endpoint.name)? {
        Some(position) => position,
        None => {
            let end = results.position_at(i64::MAX)?;
            queue.put(&endpoint.name, &[], &end, means.clock.now_ms())?;
            end
        }
    };
    let (answer, answers) = channel();
    let mut sender = Sender {
        results,
        queue,
        endpoint,
        means,
        notes: Notes::new(note),
        schedule: Schedule::default(),
        sent: BTreeMap::new(),
        loaded: 0,
        kept: position.clone(),
        position,
        look_up_ms: i64::MIN,
        not_before_ms: i64::MIN,
        answer,
        answers,
    };
    sender.run(stop)
}

struct Notes<'a> {
    note: &'a mut dyn FnMut(Note),
    failing: bool,
    /// When it was last told that it fails, and whether that still stands.
    told_ms: i64,
    told: bool,
    dead: bool,
    unreadable: bool,
}

impl<'a> Notes<'a> {
    fn new(note: &'a mut dyn FnMut(Note)) -> Self {
        let (failing, told_ms, told) = (false, i64::MIN, false);
        Self { note, failing, told_ms, told, dead: false, unreadable: false }
    }

    fn failing(&mut self, reason: &str, now_ms: i64) {
        let begins = !std::mem::replace(&mut self.failing, true);
        if begins && now_ms.saturating_sub(self.told_ms) >= TELL_MS {
            (self.told_ms, self.told) = (now_ms, true);
            (self.note)(Note::Failing(reason.to_owned()));
        }
    }

    fn well(&mut self) {
        if std::mem::replace(&mut self.failing, false) && std::mem::replace(&mut self.told, false) {
            (self.note)(Note::Well);
        }
    }

    fn dead(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.dead, true) {
            (self.note)(Note::Dead(reason.to_owned()));
        }
    }

    fn unreadable(&mut self, key: String) {
        if !std::mem::replace(&mut self.unreadable, true) {
            (self.note)(Note::Unreadable(key));
        }
    }
}

struct Sender<'a> {
    results: &'a dyn ResultLog,
    queue: &'a mut Queue,
    endpoint: &'a Endpoint,
    means: &'a Means,
    notes: Notes<'a>,
    schedule: Schedule,
    /// Deliveries under way, by their numbers.
    sent: BTreeMap<i64, Delivery>,
    /// The last delivery that was taken out of the queue.
    loaded: i64,
    /// Where the log is read, and where the queue says that it is.
    position: Position,
    kept: Position,
    /// When to look what others have queued.
    look_up_ms: i64,
    /// The receiver has asked for a pause of everything until then.
    not_before_ms: i64,
    answer: Return<(i64, Answer)>,
    answers: Receiver<(i64, Answer)>,
}

impl Sender<'_> {
    fn run(&mut self, stop: &AtomicBool) -> Result<(), WebhookError> {
        let mut reader = None;
        while !stop.load(Ordering::Relaxed) {
            let answered = self.take_answers(Duration::ZERO)?;
            let filled = self.fill(&mut reader)?;
            let started = self.start()?;
            self.means.counts.set_waiting(self.schedule.len());
            if answered || filled || started {
                continue;
            }
            match &mut reader {
                // Where there is no room, what is new would wake it all the time.
                Some(reader) if self.schedule.under_way() == 0 && self.room() > 0 => {
                    reader.wait(LOOK);
                }
                _ => {
                    self.take_answers(LOOK)?;
                }
            }
        }
        self.look_up(true)?;
        let mut left = GRACE;
        while self.schedule.under_way() > 0 && !left.is_zero() {
            self.take_answers(LOOK)?;
            left = left.saturating_sub(LOOK);
        }
        Ok(())
    }

    /// Fills the schedule from the queue, and the queue from the log.
    fn fill(&mut self, reader: &mut Option<Box<dyn ResultReader>>) -> Result<bool, WebhookError> {
        let mut filled = self.look_up(false)?;
        while self.room() > 0 {
            let open = match reader {
                Some(open) => open,
                None => match self.open()? {
                    Some(open) => reader.insert(open),
                    None => continue,
                },
            };
            let most = self.room().min(BATCH);
            let mut records =
                Records { endpoint: self.endpoint, new: Vec::new(), unreadable: None };
            let polled = open.poll(most, &mut |stored| records.take(&stored));
            self.position = open.position();
            if let Some(key) = records.unreadable {
                self.notes.unreadable(key);
            }
            let (gap, drained) = match polled {
                Ok(count) => (false, count < most),
                Err(ResultError::Lost { kept_from }) => {
                    self.position = kept_from;
                    (true, false)
                }
                Err(error) => return Err(error.into()),
            };
            if gap || !records.new.is_empty() {
                self.put(&records.new)?;
                filled = true;
            }
            if gap {
                (self.notes.note)(Note::Gap);
                *reader = None;
            } else if drained {
                break;
            }
        }
        Ok(filled)
    }

    fn room(&self) -> usize {
        MOST_WAITING.saturating_sub(self.schedule.len())
    }

    /// A reader; none if the log has cut what comes next.
    fn open(&mut self) -> Result<Option<Box<dyn ResultReader>>, WebhookError> {
        match self.results.reader(&[Topic::Alerts], self.position.clone()) {
            Ok(reader) => Ok(Some(reader)),
            Err(ResultError::Lost { kept_from }) => {
                self.position = kept_from;
                self.put(&[])?;
                (self.notes.note)(Note::Gap);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps what was read together with where that ends, and schedules it.
    fn put(&mut self, new: &[New]) -> Result<(), WebhookError> {
        self.queue.put(&self.endpoint.name, new, &self.position, self.means.clock.now_ms())?;
        self.kept.clone_from(&self.position);
        self.load()?;
        Ok(())
    }

    /// Schedules what the queue has besides: after a start all, later what a command has
    /// put there.
    fn look_up(&mut self, now: bool) -> Result<bool, WebhookError> {
        let now_ms = self.means.clock.now_ms();
        if !now && now_ms < self.look_up_ms {
            return Ok(false);
        }
        self.look_up_ms = now_ms.saturating_add(LOOK_UP_MS);
        if self.kept != self.position {
            self.put(&[])?;
        }
        self.load()
    }

    fn load(&mut self) -> Result<bool, WebhookError> {
        let found = self.queue.behind(&self.endpoint.name, self.loaded, self.room())?;
        let latest_ms = self.means.clock.now_ms().saturating_add(self.means.backoff.most_ms);
        let any = !found.is_empty();
        for mut delivery in found {
            self.loaded = delivery.id;
            // A clock that was set back must not make it wait for ever.
            delivery.due_ms = delivery.due_ms.min(latest_ms);
            self.schedule.add(delivery);
        }
        Ok(any)
    }

    /// Starts what is due, as far as there is room.
    fn start(&mut self) -> Result<bool, WebhookError> {
        let now_ms = self.means.clock.now_ms();
        let mut started = false;
        while now_ms >= self.not_before_ms && self.schedule.under_way() < IN_FLIGHT {
            let Some(delivery) = self.schedule.next(now_ms) else { break };
            started = true;
            let Some(body) = self.queue.body(delivery.id)? else {
                self.schedule.over(delivery.id);
                continue;
            };
            let Delivery { id, key, alert, .. } = &delivery;
            let request = Request::new(self.endpoint, key, alert, body, now_ms);
            let (id, answer) = (*id, self.answer.clone());
            let transport = Arc::clone(&self.means.transport);
            self.sent.insert(id, delivery);
            let attempt = thread::Builder::new().name("webhook".to_owned());
            let attempt = attempt.spawn(move || {
                // Nobody waits for it any more if the sender has ended.
                let _ = answer.send((id, transport.post(&request)));
            });
            if let Err(error) = attempt {
                let failed = Answer::Failed(format!("no thread for the attempt: {error}"));
                let _ = self.answer.send((id, failed));
            }
        }
        Ok(started)
    }

    /// Judges the answers that are there, and waits so long for the first.
    fn take_answers(&mut self, at_most: Duration) -> Result<bool, WebhookError> {
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

/// What is read of an alert: the rest is for the receiver.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(borrow)]
    alert_id: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    #[serde(borrow)]
    severity: Cow<'a, str>,
    #[serde(borrow)]
    rule: Cow<'a, str>,
}

/// Records while they are read.
struct Records<'a> {
    endpoint: &'a Endpoint,
    new: Vec<New>,
    unreadable: Option<String>,
}

impl Records<'_> {
    fn take(&mut self, stored: &Stored<'_>) {
        // Alerts are taken back by their state; a key that ends says nothing more.
        let Some(value) = stored.value else { return };
        let head = serde_json::from_slice::<Head<'_>>(value).ok();
        let Some(head) = head.filter(|head| head.alert_id.len() <= MOST_ALERT_BYTES) else {
            let key = || String::from_utf8_lossy(stored.key).chars().take(64).collect();
            self.unreadable.get_or_insert_with(key);
            return;
        };
        if self.endpoint.wants(&head.rule, &head.severity) {
            let key = key(&head.alert_id, &head.state, stored.epoch);
            self.new.push(New { key, alert: head.alert_id.into_owned(), body: value.to_vec() });
        }
    }
}

/// What a delivery is known by: a function of the alert, its state, and the epoch in which
/// it came to that, so the same however often it is sent. An alert changes once in an
/// epoch at most.
fn key(alert: &str, state: &str, epoch: u64) -> String {
    let hash = Sha256::digest(format!("{epoch}|{state}|{alert}"));
    hash[..16].iter().fold(String::new(), |out, byte| format!("{out}{byte:02x}"))
}
