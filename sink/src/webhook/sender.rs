//! Sends the alerts of one webhook.
//!
//! One thread decides everything: it follows the log, keeps the queue, and starts
//! attempts. Each attempt has a thread of its own while it lasts, for it may wait long
//! for an answer; there are [`IN_FLIGHT`] at most.

mod answers;

use super::backoff::{Backoff, Jitter};
use super::counts::Counts;
use super::endpoint::Endpoint;
use super::http::{Answer, Request, Transport};
use super::notes::{Note, Notes};
use super::queue::{New, Queue, QueueError};
use super::records::Records;
use super::schedule::{Delivery, Schedule};
use crate::results::{Position, ResultError, ResultLog, ResultReader, Topic};
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
            let mut records = Records::new(self.endpoint);
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
                self.notes.gap();
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
                self.notes.gap();
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
}
