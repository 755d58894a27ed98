//! Results computed again: by the dataflow itself, on one worker, from the records that
//! can matter.
//!
//! What is left out could not change the results that are asked for, as [`Asked::needs`]
//! says. Epochs without such records are left out, too, but for those that are asked
//! about: after an epoch the sum of all changes is what the definitions give over the
//! records so far at its watermark, however they were cut before. Corrections are due in
//! every epoch, so that nothing waits.

use super::asked::Asked;
use super::input::{Input, Watch, is_end};
use super::sessions::Session;
use super::threshold::{Row, Values, value};
use super::{ExplainError, lock};
use crate::collect::EpochChanges;
use crate::dataflow::{Durable, Settings};
use crate::live::alert_key;
use crate::run::{Workers, run};
use crate::time::{Pace, Ticks};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use streamgauge_ingest::END_OF_TIME_MS;
use streamgauge_ingest::batch::EventBatch;
use streamgauge_ingest::judge::{Close, Released};
use streamgauge_sink::change::{Change, State, Topic};
use streamgauge_sink::metric::Metric;

const PACE: Pace = Pace { provisional: false, provisional_epochs: 1, correction_epochs: 1 };

/// What the log gives for a key.
#[derive(Clone, Debug, Default)]
pub(super) struct Computed {
    /// Its line up to the tail, as of the epoch of the published record, or as of the last.
    pub(super) body: Option<Vec<u8>>,
    /// The same as of the last epoch.
    pub(super) at_last: Option<Vec<u8>>,
    /// The sessions that it is made from, as of the same epoch as the body.
    pub(super) sessions: BTreeMap<Vec<u8>, Session>,
    /// Of an alert of a threshold rule: the values of its windows, as of the same epoch.
    pub(super) values: Values,
}

/// What is asked for, and what came out for it so far.
struct Collected {
    by_key: HashMap<Vec<u8>, Vec<usize>>,
    /// Windows of rows, with their ends in ms.
    by_window: HashMap<Vec<u8>, Vec<(usize, i64)>>,
    of_sessions: Vec<usize>,
    asked: Vec<Asked>,
    computed: Vec<Computed>,
}

impl Collected {
    fn new(asked: &[Asked]) -> Self {
        let mut by_key: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        let mut by_window: HashMap<Vec<u8>, Vec<(usize, i64)>> = HashMap::new();
        let mut of_sessions = Vec::new();
        for (i, asked) in asked.iter().enumerate() {
            by_key.entry(asked.key.text.as_bytes().to_vec()).or_default().push(i);
            for (end_ms, key) in asked.subject.row().into_iter().flat_map(Row::keys) {
                by_window.entry(key.into_bytes()).or_default().push((i, end_ms));
            }
            if asked.is_of_sessions() && asked.subject.of().is_of_windows_of_sessions() {
                of_sessions.push(i);
            }
        }
        let computed = vec![Computed::default(); asked.len()];
        Self { by_key, by_window, of_sessions, asked: asked.to_vec(), computed }
    }

    fn note(&mut self, changes: &EpochChanges) {
        for change in &changes.changes {
            let is_session = change.topic == Topic::Result(Metric::Session);
            let key = match change.topic {
                Topic::Alert => &alert_key(change),
                Topic::Result(_) => &change.key,
            };
            if let Some(places) = self.by_key.get(key) {
                for &i in places {
                    let (asked, computed) = (&self.asked[i], &mut self.computed[i]);
                    let body = (change.state != State::Retracted).then(|| change.body.clone());
                    computed.take(asked, changes.epoch, body);
                    if is_session {
                        computed.session(asked, changes.epoch, change);
                    }
                }
            }
            for &(i, end_ms) in self.by_window.get(key).into_iter().flatten() {
                self.computed[i].value(&self.asked[i], changes.epoch, end_ms, change);
            }
            if is_session {
                for &i in &self.of_sessions {
                    self.computed[i].session(&self.asked[i], changes.epoch, change);
                }
            }
        }
    }
}

impl Computed {
    fn take(&mut self, asked: &Asked, epoch: u64, body: Option<Vec<u8>>) {
        // What is open is as it would be if nothing more came.
        if epoch <= asked.last || asked.is_open {
            self.at_last.clone_from(&body);
            if asked.as_of.is_none_or(|as_of| epoch <= as_of) {
                self.body = body;
            }
        }
    }

    fn value(&mut self, asked: &Asked, epoch: u64, end_ms: i64, change: &Change) {
        if epoch > asked.as_of.unwrap_or(asked.last) {
            return;
        }
        match value(&change.body).filter(|_| change.state != State::Retracted) {
            Some(value) => drop(self.values.insert(end_ms, value)),
            None => drop(self.values.remove(&end_ms)),
        }
    }

    fn session(&mut self, asked: &Asked, epoch: u64, change: &Change) {
        let end = asked.as_of.unwrap_or(asked.last);
        if epoch > end && !asked.is_open {
            return;
        }
        let session = match change.state {
            State::Retracted => None,
            _ => Session::read(&change.key, &change.body),
        };
        let session = session.map(|session| session.only_for(asked.subject.metric()));
        let is_one = asked.who.is_some();
        match session.filter(|s| is_one || asked.window.contains(&s.window_end)) {
            Some(session) => drop(self.sessions.insert(change.key.clone(), session)),
            None => drop(self.sessions.remove(&change.key)),
        }
    }
}

/// The settings without what nothing is asked about. Rules are left out all or none, for
/// rows count the times of all of them for which they are late.
fn needed(settings: &Settings, asked: &[Asked]) -> Settings {
    let mut needed = settings.clone();
    if !asked.iter().any(|asked| asked.subject.is_of_configured_rule()) {
        needed.alerts.clear();
    }
    if !asked.iter().any(|asked| asked.subject.metric().is_some_and(Metric::is_of_days)) {
        needed.windows.days = None;
    }
    needed
}

/// Reads the input once, shows every record to `watch`, and computes what is asked for.
pub(super) fn recompute<W: Watch + 'static>(
    input: &Input<'_>,
    settings: &Settings,
    asked: &[Asked],
    watch: &Arc<Mutex<W>>,
) -> Result<Vec<Computed>, ExplainError> {
    let settings = &needed(settings, asked);
    let collected = Arc::new(Mutex::new(Collected::new(asked)));
    let to = Arc::clone(&collected);
    let workers = Workers {
        workers: 1,
        durable: |_| Durable::default(),
        each: move |changes: EpochChanges| lock(&to).note(&changes),
        held: |_, _| {},
    };
    let looks: HashSet<u64> =
        asked.iter().flat_map(|a| a.as_of.into_iter().chain([a.last])).collect();
    let any_open = asked.iter().any(|asked| asked.is_open);
    run(settings, workers, |mut feeder| {
        let mut ticks = Ticks::new(PACE);
        let (mut has_rows, mut last) = (false, None);
        let passed = input.pass(watch, |released| match released {
            Released::Rows(epoch, batch) => {
                let EventBatch { target, mut rows, texts } = batch;
                rows.retain(|row| asked.iter().any(|asked| asked.needs(row, &texts)));
                if !rows.is_empty() {
                    has_rows = true;
                    feeder.rows(epoch, EventBatch { target, rows, texts });
                }
            }
            Released::DeadLetters(..) => {}
            Released::Close(close) => {
                if has_rows || looks.contains(&close.epoch) || is_end(close) {
                    feeder.close(close.epoch, ticks.next(close));
                    has_rows = false;
                    last = Some(close);
                }
            }
        });
        if any_open && last.is_none_or(|last| !is_end(last)) {
            let epoch = last.map_or(0, |last| last.epoch + 1);
            let close = Close { epoch, watermark_ms: END_OF_TIME_MS };
            feeder.close(epoch, ticks.next(close));
        }
        passed
    })?;
    let computed = std::mem::take(&mut lock(&collected).computed);
    Ok(computed)
}
