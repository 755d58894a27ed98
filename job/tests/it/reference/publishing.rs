//! Top lists and publishers against their reference: the changes of each epoch.
//!
//! Once they are fed with what the references of the state per user give, so that
//! they are judged by themselves; once as part of the whole dataflow.

use super::bounces::bounces;
use super::case::Case;
use super::compare::{AsDifference, consolidated, difference};
use super::feed::{Gathered, Inputs, run};
use super::items::{alert_lines, session_lines};
use super::pacing::{self, Published, changes};
use super::sessions::sessions;
use super::tallies::{session_tallies, tallies};
use super::{Collection, check, lists, windows};
use differential_dataflow::ExchangeData;
use differential_dataflow::operators::CountTotal;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use streamgauge::collect::{EpochChanges, collect};
use streamgauge::dataflow::{self, Settings};
use streamgauge::epochs::by_epoch_of_two;
use streamgauge::expiry::arrange;
use streamgauge::publish::{publish_items, publish_windows, tally_route};
use streamgauge::rows::{Bounce, ListDiff, ListKey, Tally, TallyKey};
use streamgauge::time::{Epoch, Tick};
use streamgauge::top::{list_route, top_lists};
use streamgauge_sink::change::{Change, Topic};
use streamgauge_sink::metric::Metric;
use streamgauge_sink::session::SessionRecord;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::Concatenate as _;
use timely::dataflow::operators::generic::operator::empty;
use timely::dataflow::operators::vec::Map as _;

/// What the state per user gives, by its references.
#[derive(Clone)]
struct Kept<'s> {
    tallies: Collection<'s, (TallyKey, Tally)>,
    rows: Collection<'s, (ListKey, ListDiff)>,
    sessions: Collection<'s, SessionRecord>,
    bounces: Collection<'s, Bounce>,
}

impl<'s> Kept<'s> {
    fn of(inputs: &Inputs<'s>, settings: &Settings) -> Self {
        let (events, clock) = (&inputs.events, &inputs.clock);
        let windows = settings.windows;
        let sessions = sessions(events.clone(), clock.clone(), windows);
        let of_sessions = session_tallies(sessions.clone(), windows);
        Self {
            tallies: tallies(events.clone(), windows).concat(of_sessions),
            rows: lists::rows(events.clone(), windows),
            sessions,
            bounces: bounces(events.clone(), clock.clone()),
        }
    }

    /// What is published of it, by definition.
    fn published(
        self,
        clock: Collection<'s, Tick>,
        settings: &Settings,
    ) -> Collection<'s, Published> {
        let (rules, output) = (settings.windows, settings.output);
        let lines = windows::lines(self.tallies, self.rows, rules);
        let of_windows = pacing::published(lines, clock.clone(), rules, output);
        let items = session_lines(self.sessions, rules).concat(alert_lines(self.bounces, rules));
        let of_items = pacing::published(items, clock, rules, output);
        of_windows.map(|(_, published)| published).concat(of_items.map(|(_, published)| published))
    }

    /// The operators' changes, fed with it.
    fn by_operators(
        self,
        inputs: &Inputs<'s>,
        settings: &Settings,
    ) -> Stream<'s, Epoch, Vec<Change>> {
        let (windows, output) = (settings.windows, settings.output);
        let ticks = &inputs.ticks;
        let tallies = self.tallies.inner.map(|((key, tally), t, r)| ((key, ()), t, tally.times(r)));
        let counts = arrange(tallies, "tallies", tally_route).count_total().inner;
        let rows = self.rows.inner.map(|((key, row), t, r)| ((key, ()), t, row.times(r)));
        let rows = arrange(rows, "list rows", list_route);
        let parts = top_lists(rows, ticks.clone(), windows, inputs.place.worker, None);
        let sessions = from_users(self.sessions, ticks.clone(), |s| &s.user);
        let sessions = sessions.map(|(session, t, r)| (Arc::new(session), t, r));
        let bounces = from_users(self.bounces, ticks.clone(), |b| &b.user);
        let told = (windows, output, Rc::from([]));
        let told = publish_windows(counts, parts, ticks.clone(), told, None);
        inputs.scope.concatenate([
            told.map(|told| told.change),
            publish_items(sessions, ticks.clone(), windows, output, "publish sessions"),
            publish_items(bounces, ticks.clone(), windows, output, "publish alerts"),
        ])
    }
}

/// The updates of a collection as the state per user would send them: each at its
/// epoch, from its user's worker.
fn from_users<'s, D: ExchangeData>(
    collection: Collection<'s, D>,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    user: fn(&D) -> &str,
) -> Stream<'s, Epoch, Vec<(D, Epoch, isize)>> {
    let route =
        Exchange::new(move |(datum, ..): &(D, _, _)| user(datum).bytes().map(u64::from).sum());
    let epoch_of = |(_, epoch, _): &(D, Epoch, isize)| Some(*epoch);
    let none = (empty::<_, Vec<()>>(ticks.scope()), Pipeline);
    let pass = |_, _, updates: Vec<_>, _, out: &mut Vec<_>| out.extend(updates);
    by_epoch_of_two((collection.inner, route), none, epoch_of, ticks, "from users", pass)
}

/// The operators' epochs, and the updates of what is published by definition.
fn outcome(case: &Case, whole: bool) -> (Vec<EpochChanges>, BTreeMap<Epoch, Vec<Change>>) {
    let (got, expected) = (Gathered::default(), Gathered::default());
    let (g, e) = (got.clone(), expected.clone());
    let settings = Settings {
        windows: case.windows,
        funnels: Case::funnels(),
        alerts: Vec::new(),
        output: case.output,
    };
    run(case, move |inputs| {
        let place = inputs.place;
        let kept = Kept::of(&inputs, &settings);
        let published = kept.clone().published(inputs.clock.clone(), &settings);
        e.all_of(published.inner, Clone::clone);
        let got = g.clone();
        let each = (place.worker == 0).then_some(move |changes| got.push((place.worker, changes)));
        if whole {
            dataflow::build(
                inputs.batches,
                inputs.ticks,
                &settings,
                place,
                Default::default(),
                |_| {},
                each,
            );
        } else {
            let changes = kept.by_operators(&inputs, &settings);
            collect(changes, inputs.ticks, each);
        }
        None
    });
    let got = got.take().into_iter().map(|(worker, changes)| {
        assert_eq!(worker, 0, "the first worker gets them all");
        changes
    });
    (got.collect(), changes(&consolidated(expected.take()), case.output))
}

fn compare(case: &Case, whole: bool) -> Result<(), TestCaseError> {
    let (got, expected) = outcome(case, whole);
    // Every epoch is handed over, in order, also one without changes.
    let epochs: Vec<_> = got.iter().map(|e| (e.epoch, e.watermark_ms)).collect();
    let given: Vec<_> = case.epochs.iter().map(|e| (e.epoch, e.tick.watermark_ms)).collect();
    prop_assert_eq!(epochs, given);
    let by_key = |epoch: Epoch, changes: &[Change]| {
        let named = |c: &Change| {
            ((epoch, c.topic, String::from_utf8_lossy(&c.key).into_owned()), Shown::of(c))
        };
        changes.iter().map(named).collect::<Vec<_>>()
    };
    let got: Vec<_> = got.iter().flat_map(|e| by_key(e.epoch, &e.changes)).collect();
    let got: Vec<_> = got.into_iter().filter(|((_, topic, _), _)| !is_of_an_hour(*topic)).collect();
    let expected: Vec<_> = expected.iter().flat_map(|(epoch, c)| by_key(*epoch, c)).collect();
    let (map, expected_map) = (got.iter().cloned().collect(), expected.iter().cloned().collect());
    difference("changes", &map, &expected_map).map_err(TestCaseError::fail)?;
    prop_assert!(got == expected, "the same changes, but not in order, or one twice");
    Ok(())
}

/// What follows from the sessions of an hour is held against the oracle, at every epoch
/// (see `properties`): these references know sessions only as they are published.
fn is_of_an_hour(topic: Topic) -> bool {
    use Metric::{AbandonmentRate, Behaviour, Funnel, Journeys};
    let of_an_hour = [Journeys, Funnel, Behaviour, AbandonmentRate];
    matches!(topic, Topic::Result(metric) if of_an_hour.contains(&metric))
}

/// A change that can be read.
#[derive(Clone, PartialEq)]
struct Shown(Change);

impl Shown {
    fn of(change: &Change) -> Self {
        Self(change.clone())
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Change { state, body, was, now, replaces, .. } = &self.0;
        let body = String::from_utf8_lossy(body);
        write!(f, "{state:?} {body} was {was:?} now {now:?} replaces {replaces}")
    }
}

#[test]
fn changes_are_those_of_the_definitions() {
    check(60, |case| compare(&case, false));
}

#[test]
fn changes_of_the_whole_are_those_of_the_definitions() {
    check(40, |case| compare(&case, true));
}
