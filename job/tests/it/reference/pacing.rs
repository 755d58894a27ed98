//! What is published, by its definition: in every epoch in which a line is due,
//! what stands; in every other, what was published before.
//!
//! *Before* is a collection, too: what is published, one epoch later. Nothing else
//! is remembered, and nothing is dropped.

use super::Collection;
use differential_dataflow::ExchangeData;
use differential_dataflow::operators::iterate::VecVariable;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::Hash;
use streamgauge::publish::Output;
use streamgauge::time::{Epoch, Tick};
use streamgauge::window::Windows;
use streamgauge_ingest::{BEFORE_TIME_MS, END_OF_TIME_MS};
use streamgauge_sink::change::{Change, State, Topic, final_digest};

/// Which lines are published before they are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Early {
    /// None.
    Never,
    /// Of every window that has begun.
    Begun { length_ms: i64 },
    /// Of the first window that ends later than now.
    Current { slide_ms: i64 },
    /// The same, but only now and then.
    CurrentElsewhere { slide_ms: i64 },
}

/// A line and the times that decide about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) topic: Topic,
    pub(super) key: Vec<u8>,
    pub(super) body: Vec<u8>,
    /// What stands for its retraction.
    pub(super) retraction: Vec<u8>,
    /// The first watermark at which it is final, ms.
    pub(super) final_ms: i64,
    /// The first watermark at which nothing can change it, ms.
    pub(super) frozen_ms: i64,
    pub(super) early: Early,
}

/// A line that is published.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Published {
    line: Line,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Fact {
    Was(Published),
    Stands(Line),
    Tick(Tick),
}

/// What is published in each epoch, given what stands in it.
///
/// Lines of one group are due together: those of a window, or those under a key.
pub(super) fn published<'s, G: ExchangeData + Hash + Debug>(
    standing: Collection<'s, (G, Line)>,
    clock: Collection<'s, Tick>,
    windows: Windows,
    output: Output,
) -> Collection<'s, (G, Published)> {
    let (variable, before) = VecVariable::<Epoch, (G, Published), isize>::new(standing.scope(), 1);
    let standing = standing.map(|(group, line)| (group, Fact::Stands(line)));
    let before = before.map(|(group, published)| (group, Fact::Was(published)));
    let lines = standing.concat(before);
    let groups = lines.clone().map(|(group, _)| group).distinct();
    let ticks = groups
        .map(|group| ((), group))
        .join_map(clock.map(|tick| ((), tick)), |(), group, tick| {
            (group.clone(), Fact::Tick(*tick))
        });
    let published = lines.concat(ticks).reduce(move |_, facts, out| {
        let mut was = Vec::new();
        let mut stands = Vec::new();
        let mut ticks = Vec::new();
        for (fact, times) in facts {
            assert_eq!(*times, 1, "a fact is stated once");
            match fact {
                Fact::Was(published) => was.push(published),
                Fact::Stands(line) => stands.push(line),
                Fact::Tick(tick) => ticks.push(*tick),
            }
        }
        // Before the first tick and behind the last there is nothing to decide.
        let due = ticks.first().and_then(|tick| due(*tick, &was, &stands, windows, output));
        match due {
            None => out.extend(was.into_iter().map(|p| (p.clone(), 1))),
            Some(state) => {
                out.extend(stands.into_iter().map(|line| (renewed(line, state, &was), 1)))
            }
        }
    });
    variable.set(published.clone());
    published
}

/// A line that is due: as it was if it says the same; only what was provisional
/// is said again when it becomes final.
fn renewed(line: &Line, state: State, was: &[&Published]) -> Published {
    let before = was.iter().find(|p| p.line.key == line.key && p.line.body == line.body);
    match before {
        Some(p) if p.state != State::Provisional || state == State::Provisional => {
            Published::clone(p)
        }
        _ => Published { line: line.clone(), state },
    }
}

/// Whether a group is due in an epoch, and what its lines become.
fn due(
    tick: Tick,
    was: &[&Published],
    stands: &[&Line],
    windows: Windows,
    output: Output,
) -> Option<State> {
    let line = *stands.first().or(was.first().map(|p| &p.line).as_ref())?;
    let lines = || stands.iter().copied().chain(was.iter().map(|p| &p.line));
    if tick.before_ms < line.final_ms && line.final_ms <= tick.watermark_ms {
        return Some(State::Final);
    }
    if line.final_ms <= tick.before_ms {
        let is_last = lines().all(|line| line.frozen_ms <= tick.watermark_ms);
        return (tick.corrections || is_last).then_some(State::Corrected);
    }
    let is_between = ![BEFORE_TIME_MS, END_OF_TIME_MS].contains(&tick.watermark_ms);
    if !output.provisional || !is_between {
        return None;
    }
    let now_ms = tick.watermark_ms + windows.allowed_disorder_ms;
    let end_ms = line.final_ms;
    let is_current = |slide_ms| end_ms - slide_ms <= now_ms && now_ms < end_ms;
    let is_due = match line.early {
        Early::Never => false,
        Early::Begun { length_ms } => end_ms - length_ms <= now_ms,
        Early::Current { slide_ms } => is_current(slide_ms),
        Early::CurrentElsewhere { slide_ms } => tick.business_provisional && is_current(slide_ms),
    };
    is_due.then_some(State::Provisional)
}

/// The changes of each epoch, by topic and key, from the updates of what is published.
pub(super) fn changes(
    updates: &BTreeMap<(Epoch, Published), isize>,
    output: Output,
) -> BTreeMap<Epoch, Vec<Change>> {
    let mut keys = BTreeSet::new();
    let mut gone = BTreeMap::new();
    let mut new = BTreeMap::new();
    for ((epoch, published), times) in updates {
        let key = (*epoch, published.line.topic, published.line.key.clone());
        keys.insert(key.clone());
        let place = if *times < 0 { &mut gone } else { &mut new };
        assert!(place.insert(key, published).is_none(), "one line stands under a key");
    }
    let mut changes: BTreeMap<Epoch, Vec<Change>> = BTreeMap::new();
    for key in keys {
        let (was, now) = (gone.get(&key), new.get(&key));
        let was_final = was.filter(|p| p.state != State::Provisional);
        let now_final = now.filter(|p| p.state != State::Provisional);
        let digest = |p: Option<&&Published>| {
            p.filter(|_| output.digests).map(|p| final_digest(p.line.topic, &p.line.body))
        };
        let (state, body) = match (now, was) {
            (Some(now), _) => (now.state, &now.line.body),
            (None, was) => (State::Retracted, &was.expect("something changes").line.retraction),
        };
        let (epoch, topic, key) = key;
        changes.entry(epoch).or_default().push(Change {
            topic,
            key,
            state,
            body: body.clone(),
            was: digest(was_final),
            now: digest(now_final),
            replaces: was_final.is_some(),
        });
    }
    changes
}
