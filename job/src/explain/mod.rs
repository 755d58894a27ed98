//! `streamgauge explain`: any result, and the records that it was made from.
//!
//! The log is read again through the judgement of the job, as its epochs were bound and
//! with the settings that they were bound with. Every record gets a verdict; the result
//! is computed again by the dataflow itself, as of the epoch of the published record, and
//! compared with it byte by byte. What follows from results, as alerts of threshold rules
//! do, is listed by these instead of records.
//!
//! Invariant: whatever is left unread could not have changed the result (`plan`,
//! `asked`). It deliberately writes nothing, and needs no job: one may be running.

mod asked;
mod by_id;
mod candidates;
mod compare;
mod counted;
mod days;
mod error;
mod explanation;
mod input;
mod key;
mod kind;
mod listing;
mod noted;
mod plan;
mod published;
mod recompute;
mod rule;
mod sessions;
mod settings;
mod steps;
mod subject;
mod text;
mod threshold;
mod times;

pub use error::ExplainError;
pub use explanation::{Explanation, Outcome, PublishedRecord, ReadRecords, Sessions};
pub use input::Origin;
pub use key::{Key, KeyError};
pub use listing::{Listed, Verdict};
pub use sessions::SessionPart;
pub use settings::Rules;
pub use threshold::WindowPart;

use crate::bindings::around;
use crate::window::Windows;
use asked::{Asked, Unasked};
use by_id::ById;
use candidates::Candidates;
use compare::Found;
use input::{Input, rules};
use noted::Listing;
use plan::Plan;
use published::Published;
use recompute::{Computed, recompute};
use sessions::{FoundSessions, SessionListing};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streamgauge_ingest::files::Progress;
use streamgauge_sink::results::{LogState, ResultLog};

/// Explains results of one origin.
pub struct Explainer<'a> {
    /// Where the events are.
    pub origin: Origin<'a>,
    /// The settings that are given: for what was never bound.
    pub given: Rules,
    /// Records of a result that are listed at most.
    pub limit: usize,
    /// Whether to read on, to the end of the log, for records that came too late.
    pub late: bool,
    /// Where progress is told, and where it can be asked to stop.
    pub progress: &'a Progress,
}

/// Results of which epochs are bound.
#[derive(Clone, Copy)]
struct Bindings<'a> {
    results: &'a dyn ResultLog,
    state: LogState,
    /// The last epoch that was committed before the published records were looked for.
    before: u64,
    /// The same after it.
    committed: u64,
}

impl Explainer<'_> {
    /// Explains keys, in their order; what they need is read together.
    ///
    /// # Errors
    /// If what is kept cannot be read, or it was asked to stop.
    ///
    /// # Panics
    /// If the worker panics.
    pub fn explain(&self, keys: &[Key]) -> Result<Vec<Explanation>, ExplainError> {
        let (bindings, published) = match self.origin {
            Origin::Files(_) => (None, vec![None; keys.len()]),
            Origin::Directory { results, .. } => {
                // A job may go on meanwhile: what is not found was not there before, and
                // what is found is committed by after.
                let before = results.state()?.committed;
                let published = published::find(results, keys)?;
                let state = results.state()?;
                let bindings = before.map(|before| Bindings {
                    results,
                    state,
                    before: before.epoch,
                    committed: state.committed.map_or(before.epoch, |after| after.epoch),
                });
                (bindings, published)
            }
        };
        let mut groups: BTreeMap<u64, Group> = BTreeMap::new();
        let mut reasons = BTreeMap::new();
        for (key, published) in keys.iter().zip(published) {
            let (asked, rules) = self.settle(key, published, bindings)?;
            let group = groups.entry(rules.hash).or_insert_with(|| Group::new(rules));
            match asked {
                Ok(asked) => group.asked.push(asked),
                Err(Unasked::Unknown) if bindings.is_none() => group.alerts.push(key.clone()),
                Err(Unasked::Unknown) => {}
                Err(Unasked::Never(reason)) => drop(reasons.insert(&key.text, reason)),
            }
        }
        let mut explained = BTreeMap::new();
        for group in groups.into_values() {
            for explanation in self.group(group, bindings)? {
                explained.insert(explanation.key.clone(), explanation);
            }
        }
        let results = match self.origin {
            Origin::Files(_) => None,
            Origin::Directory { results, .. } => Some(results),
        };
        let mut all = Vec::new();
        for key in keys {
            let mut explanation = match explained.get(&key.text) {
                Some(explanation) => explanation.clone(),
                None => {
                    let reason = reasons.remove(&key.text);
                    let reason = reason.unwrap_or_else(|| "there is no such alert".to_owned());
                    Explanation::of_nothing(key, reason)
                }
            };
            if let (Outcome::NotFound, Some(results)) = (explanation.outcome, results) {
                explanation.near = published::near(results, key)?;
            }
            all.push(explanation);
        }
        Ok(all)
    }

    /// What is known of a key before events are read, and the settings that its result
    /// was computed with.
    fn settle(
        &self,
        key: &Key,
        published: Option<Published>,
        bindings: Option<Bindings<'_>>,
    ) -> Result<(Result<Asked, Unasked>, Rules), ExplainError> {
        let Some(Bindings { results, state, before, committed }) = bindings else {
            let asked = Asked::new(key, published, &self.given.dataflow);
            return Ok((asked, self.given.clone()));
        };
        let as_of = published.as_ref().map(|published| published.epoch);
        let committed = if as_of.is_some() { committed } else { before };
        let binding = results.bindings(as_of.unwrap_or(committed).min(committed), 1)?.pop();
        let rules = match &binding {
            Some(binding) => rules(results, binding.settings_hash, &self.given)?,
            None => self.given.clone(),
        };
        let mut asked = match Asked::new(key, published, &rules.dataflow) {
            Ok(asked) => asked,
            unasked @ Err(_) => return Ok((unasked, rules)),
        };
        let windows: &Windows = &rules.dataflow.windows;
        asked.as_of = as_of;
        let first = state.first_bound.unwrap_or(0);
        let frozen = match asked.frozen_ms(windows).filter(|_| !self.late) {
            Some(frozen_ms) => {
                around(results, first..committed + 1, |b| b.watermark_ms >= frozen_ms)?.first
            }
            None => None,
        };
        asked.last = frozen.map_or(committed, |b| b.epoch).max(as_of.unwrap_or(0)).min(committed);
        let at_last = results.bindings(asked.last, 1)?.pop();
        asked.is_open = at_last.is_none_or(|b| asked.is_open_at(b.watermark_ms));
        Ok((Ok(asked), rules))
    }

    /// Explains what was computed with the same settings.
    fn group(
        &self,
        group: Group,
        bindings: Option<Bindings<'_>>,
    ) -> Result<Vec<Explanation>, ExplainError> {
        let Group { rules, mut asked, alerts } = group;
        let plan = self.plan(&rules, &asked, bindings)?;
        if let Some(after) = plan.as_ref().and_then(|plan| plan.after.as_ref()) {
            // As of earlier epochs nothing can be said: they are read as one.
            for asked in &mut asked {
                asked.as_of = asked.as_of.map(|epoch| epoch.max(after.epoch));
                asked.last = asked.last.max(after.epoch);
            }
        }
        let given = if bindings.is_some() { &rules } else { &self.given };
        let (origin, progress) = (self.origin, self.progress);
        let input = Input { origin, given, plan: plan.as_ref(), progress };
        let gap_ms = rules.dataflow.windows.session_gap_ms;
        let needs_sessions = |a: &Asked| a.subject.of().is_of_windows_of_sessions();
        if !alerts.is_empty() {
            let by_id = Arc::new(Mutex::new(ById::new(alerts, &rules.dataflow)));
            input.pass(&by_id, |_| {})?;
            asked.append(&mut lock(&by_id).found);
        }
        if asked.iter().any(needs_sessions) {
            let candidates = Arc::new(Mutex::new(Candidates { asked, gap_ms }));
            input.pass(&candidates, |_| {})?;
            asked = std::mem::take(&mut lock(&candidates).asked);
        }
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let max_bytes = rules.input.max_bytes;
        // Those over sessions are listed when it is known which these are.
        let of_events: Vec<_> = asked.iter().filter(|a| a.is_of_records()).cloned().collect();
        let listing = Arc::new(Mutex::new(Listing::new(&of_events, self.limit, max_bytes)));
        let computed = recompute(&input, &rules.dataflow, &asked, &listing)?;
        let of_sessions = self.sessions(&input, &rules, &asked, &computed)?;
        let listing = lock(&listing);
        let (mut noted, mut of_sessions) = (listing.noted.iter(), of_sessions.into_iter());
        let mut explanations = Vec::new();
        for (asked, computed) in asked.into_iter().zip(computed) {
            let (noted, sessions) = match (asked.is_of_records(), asked.is_of_sessions()) {
                (true, _) => (noted.next().cloned(), None),
                (false, true) => (None, of_sessions.next()),
                (false, false) => (None, None),
            };
            let read = listing.read.clone();
            let found = Found { asked, computed, noted, sessions, read };
            explanations.push(found.explain(plan.as_ref(), &rules, &self.given));
        }
        Ok(explanations)
    }

    fn plan(
        &self,
        rules: &Rules,
        asked: &[Asked],
        bindings: Option<Bindings<'_>>,
    ) -> Result<Option<Plan>, ExplainError> {
        let (Origin::Directory { log, .. }, Some(bindings)) = (self.origin, bindings) else {
            return Ok(None);
        };
        let from = |asked: &Asked| asked.appended_from_ms().unwrap_or(i64::MIN);
        let from_ms = asked.iter().map(from).min().filter(|ms| *ms > i64::MIN);
        // Whether an id was seen before depends on what came before.
        let from_ms = from_ms.filter(|_| !rules.input.dedup);
        let last = asked.iter().map(|asked| asked.last).max().unwrap_or(bindings.committed);
        Plan::make(log, bindings.results, bindings.state, from_ms, last).map(Some)
    }

    /// The records of those over sessions.
    fn sessions(
        &self,
        input: &Input<'_>,
        rules: &Rules,
        asked: &[Asked],
        computed: &[Computed],
    ) -> Result<Vec<FoundSessions>, ExplainError> {
        let gap_ms = rules.dataflow.windows.session_gap_ms;
        let mut listing = SessionListing::new(self.limit, gap_ms, rules.input.max_bytes);
        let mut any = false;
        for (asked, computed) in asked.iter().zip(computed).filter(|(a, _)| a.is_of_sessions()) {
            let sessions = computed.sessions.values().cloned();
            any |= !computed.sessions.is_empty();
            listing.follow(asked.clone(), sessions, &rules.dataflow.funnels);
        }
        let listing = Arc::new(Mutex::new(listing));
        if any {
            input.pass(&listing, |_| {})?;
        }
        let found = lock(&listing).finish();
        Ok(found)
    }
}

/// Keys whose results were computed with the same settings.
struct Group {
    rules: Rules,
    asked: Vec<Asked>,
    /// Alerts that nothing is known of but their ids.
    alerts: Vec<Key>,
}

impl Group {
    fn new(rules: Rules) -> Self {
        Self { rules, asked: Vec::new(), alerts: Vec::new() }
    }
}

/// Nothing is left half done by whoever panics: what is noted is only read at the end.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
