//! The writer: one producer of transactions, and one beside it.
//!
//! Invariants: a transaction is tried until it is there, or until only a new writer can
//! tell whether it is; a producer that has failed is never used again. What goes out
//! beside a transaction goes out after it, so no effect is there before the binding.

mod aside;
mod attempt;

use super::Shared;
use super::entry::{Ends, Entry};
use super::places::{BINDINGS, SETTINGS};
use super::send::{Outcomes, Sender, is_of_transactions, send, send_entry};
use super::tail::Tail;
use crate::dead_letters::too_large_detail;
use crate::results::{Progress, ResultError, ResultWriter, Topic, Transaction};
use crate::topics::{Admin, AdminError};
use aside::Aside;
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer;
use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use streamgauge_ingest::binding::Binding;

/// After so long brokers abort a transaction that nobody ends: longer than they are away
/// that come back. A writer that is killed holds up nobody longer than until the next.
const TRANSACTION_MS: u32 = 600_000;
/// How long a writer is waited for that is to take over.
const TAKE_OVER: Duration = Duration::from_secs(15);
/// How long what goes out beside transactions is tried, ms: it is superseded soon.
const BESIDE_MS: u32 = 30_000;
/// How often bindings are cut.
const CUT_EVERY_MS: i64 = 10 * 60_000;

pub(super) struct KafkaWriter {
    shared: Arc<Shared>,
    own: u64,
    /// Whether others can know that number.
    is_told: bool,
    sender: Sender,
    outcomes: Outcomes,
    beside: Sender,
    /// Where the records of all transactions end.
    ends: Ends,
    /// What of the transaction that is tried is too large.
    aside: Aside,
    /// What of those before was, in words.
    too_large: Vec<String>,
    /// Progress of epochs that were committed before this writer, as far as it was read.
    before: OnceCell<BTreeMap<u64, Progress>>,
    last_cut_ms: i64,
    /// What is set when the job is asked to end, and when that was seen, ms.
    asked: Arc<AtomicBool>,
    asked_ms: Cell<Option<i64>>,
}

impl KafkaWriter {
    pub(super) fn new(shared: &Arc<Shared>) -> Result<Self, ResultError> {
        let outcomes = Outcomes::default();
        let failed = |error: KafkaError| away(shared, &outcomes, "cannot write to", &error);
        let mut config = shared.settings.producer(TRANSACTION_MS);
        // All records of a transaction are sent at once, and then they are waited for: as long
        // as it takes to have them all in a batch.
        config.set("linger.ms", "2");
        config.set("transactional.id", shared.places.transactional_id());
        config.set("transaction.timeout.ms", TRANSACTION_MS.to_string());
        let sender: Sender = config.create_with_context(outcomes.clone()).map_err(failed)?;
        // An older writer cannot commit any more when this returns, and what it has left
        // is aborted or committed.
        sender.init_transactions(TAKE_OVER).map_err(|error| match &error {
            // Rights that are missing, or a time limit that brokers do not take.
            KafkaError::Transaction(of) if of.is_fatal() => ResultError::Storage {
                what: format!("cannot write to {}", shared.settings.shown()),
                reason: of.to_string(),
            },
            _ => failed(error),
        })?;
        let beside = shared.settings.producer(BESIDE_MS);
        let beside = beside.create_with_context(Outcomes::default()).map_err(failed)?;
        let older = shared.settings_entries()?.into_iter().filter_map(|entry| match entry {
            Entry::Writer { writer } => Some(writer),
            _ => None,
        });
        let own = older.max().unwrap_or(0) + 1;
        let (ends, _) = shared.ask(Tail::ends)?;
        let shared = Arc::clone(shared);
        let (before, last_cut_ms, is_told) = (OnceCell::new(), i64::MIN, false);
        let (asked, asked_ms) = (Arc::default(), Cell::new(None));
        let mut writer = Self {
            shared,
            own,
            is_told,
            sender,
            outcomes,
            beside,
            ends,
            aside: Aside::default(),
            too_large: Vec::new(),
            before,
            last_cut_ms,
            asked,
            asked_ms,
        };
        writer.until_there(|writer| writer.send_entry(SETTINGS, &Entry::Writer { writer: own }))?;
        writer.is_told = true;
        Ok(writer)
    }

    fn send_entry(&self, topic: &str, entry: &Entry) -> Result<(), KafkaError> {
        let topic = self.shared.places.name(topic);
        send_entry(&self.sender, &topic, &entry.key(), &entry.to_bytes())
    }

    /// The number of a newer writer, if there is one.
    fn newer(&self) -> Result<Option<u64>, ResultError> {
        // A number that was not told is also that of whoever came in between.
        let first = self.own + u64::from(self.is_told);
        let entries = self.shared.settings_entries()?.into_iter();
        let newer = entries.filter_map(|entry| match entry {
            Entry::Writer { writer } if writer >= first => Some(writer),
            _ => None,
        });
        Ok(newer.max())
    }

    /// Sends the records of a transaction; those of progress last, with the ends.
    fn fill(&mut self, transaction: &Transaction) -> Result<(), KafkaError> {
        self.outcomes.forget();
        if let Some((hash, json)) = &transaction.settings {
            let entry = Entry::Settings { hash: *hash, json: json.clone() };
            self.send_entry(SETTINGS, &entry)?;
        }
        for binding in &transaction.bindings {
            self.send_entry(BINDINGS, &Entry::Binding(binding.clone()))?;
        }
        let mut records = transaction.records.iter().filter(|record| is_of_transactions(record));
        records.try_for_each(|record| self.send(record))?;
        if transaction.progress.is_empty() {
            return Ok(());
        }
        self.wait_for_answers()?;
        let new = self.outcomes.take_ends();
        for topic in Topic::ALL {
            let name = self.shared.places.name_of(topic);
            let ends = self.ends.entry(name.to_owned()).or_default();
            ends.resize(self.shared.places.of(topic).len(), 0);
            let new = new.get(name).into_iter().flatten();
            ends.iter_mut().zip(new).for_each(|(end, new)| *end = (*new).max(*end));
        }
        let progress = transaction.progress.clone();
        self.send_entry(BINDINGS, &Entry::Commit { progress, ends: self.ends.clone() })
    }

    /// The progress of the epochs from this one on that are committed now.
    fn read_before(&self, epoch: u64) -> Result<BTreeMap<u64, Progress>, ResultError> {
        let mut all = BTreeMap::new();
        self.shared.look_up(|probe, bounds| {
            let (_, from) = probe.around(bounds.clone(), &|binding| binding.epoch >= epoch)?;
            probe.read(from..bounds.end, &mut |_, entry| {
                if let Entry::Commit { progress, .. } = entry {
                    all.extend(progress.iter().map(|p| (p.epoch, *p)));
                }
                true
            })
        })?;
        Ok(all)
    }
}

fn away(shared: &Shared, outcomes: &Outcomes, what: &str, error: &KafkaError) -> ResultError {
    ResultError::Away {
        what: format!("{what} {}", shared.settings.shown()),
        reason: outcomes.heard().unwrap_or_else(|| error.to_string()),
    }
}

impl ResultWriter for KafkaWriter {
    fn number(&self) -> u64 {
        self.own
    }

    fn end_when(&mut self, asked: &Arc<AtomicBool>) {
        self.asked = Arc::clone(asked);
    }

    fn commit(&mut self, transaction: &Transaction) -> Result<(), ResultError> {
        let records = &transaction.records;
        let is_empty = transaction.bindings.is_empty()
            && transaction.settings.is_none()
            && transaction.progress.is_empty()
            && !records.iter().any(is_of_transactions);
        if !is_empty {
            self.aside = Aside::default();
            self.until_there(|writer| writer.fill(transaction))?;
            self.too_large.extend(self.aside.set_aside(records).map(too_large_detail));
        }
        for record in records.iter().filter(|record| !is_of_transactions(record)) {
            // It is superseded soon; if brokers are away, the next transaction tells.
            let _ = send(&self.shared, &self.beside, record);
        }
        self.beside.poll(Duration::ZERO);
        // Nor is what was too large of it missed for long.
        self.beside.context().forget();
        Ok(())
    }

    fn take_too_large(&mut self) -> Vec<String> {
        std::mem::take(&mut self.too_large)
    }

    fn retain(&mut self, epoch: u64, bound_before_ms: i64) -> Result<(), ResultError> {
        let now_ms = self.shared.clock.now_ms();
        if now_ms.saturating_sub(self.last_cut_ms) < CUT_EVERY_MS {
            return Ok(());
        }
        self.last_cut_ms = now_ms;
        self.cut(epoch, bound_before_ms)
    }

    fn progress(&self, epoch: u64) -> Result<Option<Progress>, ResultError> {
        // Epochs are asked for in order: what was committed is read once.
        if self.before.get().is_none() {
            let read = self.read_before(epoch)?;
            self.before.get_or_init(|| read);
        }
        Ok(self.before.get().and_then(|before| before.get(&epoch)).copied())
    }
}

impl KafkaWriter {
    /// Cuts the bindings that nobody needs.
    fn cut(&self, epoch: u64, bound_before_ms: i64) -> Result<(), ResultError> {
        if let Some(newer) = self.newer()? {
            return Err(ResultError::Fenced { newer, own: self.own });
        }
        let is_kept = |b: &Binding| b.epoch >= epoch || b.at_ms >= bound_before_ms;
        let (start, first) = self.shared.look_up(|probe, bounds| {
            let (_, first) = probe.around(bounds.clone(), &is_kept)?;
            Ok((bounds.start, first))
        })?;
        if first > start {
            let topic = self.shared.places.name(BINDINGS);
            let cut = Admin::new(&self.shared.settings).and_then(|admin| admin.cut(&topic, first));
            cut.map_err(|AdminError { what, reason, .. }| ResultError::Away { what, reason })?;
        }
        Ok(())
    }
}
