//! The state per user against its reference, output by output.

use super::case::Case;
use super::compare::{AsDifference, Changes, consolidated, difference};
use super::feed::{Gathered, run};
use super::{bounces, check, lists, sessions, tallies};
use proptest::prelude::*;
use std::rc::Rc;
use streamgauge::route::by_user;
use streamgauge::rows::{Bounce, ListDiff, ListKey, Tally, TallyKey};
use streamgauge::session::Rules;
use streamgauge::time::Epoch;
use streamgauge::user::{Held, State, state_per_user};
use streamgauge_sink::session::SessionRecord;

/// The updates of all outputs.
#[derive(Clone, Default)]
struct Outputs {
    tallies: Gathered<(TallyKey, Epoch, Tally)>,
    lists: Gathered<(ListKey, Epoch, ListDiff)>,
    sessions: Gathered<(SessionRecord, Epoch, isize)>,
    bounces: Gathered<(Bounce, Epoch, isize)>,
}

/// What both give for a case, and what the operator holds after it.
fn outcome(case: &Case) -> (Outputs, Outputs, Vec<Held>) {
    let (got, expected) = (Outputs::default(), Outputs::default());
    let held = Gathered::default();
    let (g, e, h) = (got.clone(), expected.clone(), held.clone());
    let (windows, last) = (case.windows, case.epochs.len() - 1);
    run(case, move |inputs| {
        let routed = by_user(inputs.batches, inputs.place.workers);
        let state = State::new(Rules { funnels: Rc::from(Case::funnels()) }, Rc::from([]), windows);
        let (held, mut epochs) = (h.clone(), 0);
        let updates = state_per_user(routed, inputs.ticks, state, None, move |now| {
            if epochs == last {
                held.push(now);
            }
            epochs += 1;
        });
        g.tallies.all_of(updates.tallies, |((k, ()), t, r)| (*k, *t, *r));
        g.lists.all_of(updates.lists, |((k, ()), t, r)| (k.clone(), *t, *r));
        g.sessions.all_of(updates.sessions, |(s, t, r)| (SessionRecord::clone(&s.record), *t, *r));
        g.bounces.all_of(updates.bounces, Clone::clone);

        let (events, clock) = (inputs.events, inputs.clock);
        let tallies = tallies::tallies(events.clone(), windows);
        e.tallies.all_of(tallies.inner, |((k, v), t, r)| (*k, *t, v.times(*r)));
        let rows = lists::rows(events.clone(), windows);
        e.lists.all_of(rows.inner, |((k, v), t, r)| (k.clone(), *t, v.times(*r)));
        let sessions = sessions::sessions(events.clone(), clock.clone(), windows);
        e.sessions.all_of(sessions.inner, Clone::clone);
        e.bounces.all_of(bounces::bounces(events, clock).inner, Clone::clone);
        None
    });
    (got, expected, held.take())
}

fn equal<D: Ord + std::fmt::Debug + Clone + Send + 'static, R>(
    what: &str,
    got: &Gathered<(D, Epoch, R)>,
    expected: &Gathered<(D, Epoch, R)>,
) -> Result<(), TestCaseError>
where
    R: differential_dataflow::difference::Semigroup + PartialEq + std::fmt::Debug + Send + 'static,
{
    let [got, expected]: [Changes<D, R>; 2] = [got, expected].map(|all| consolidated(all.take()));
    difference(what, &got, &expected).map_err(TestCaseError::fail)
}

#[test]
fn its_updates_are_those_of_the_definitions() {
    check(240, |case| {
        let (got, expected, _) = outcome(&case);
        equal("tallies", &got.tallies, &expected.tallies)?;
        equal("rows of lists", &got.lists, &expected.lists)?;
        equal("sessions", &got.sessions, &expected.sessions)?;
        equal("bounces", &got.bounces, &expected.bounces)
    });
}

#[test]
fn nothing_is_held_at_the_end_of_time() {
    check(40, |case| {
        let (.., held) = outcome(&case);
        prop_assert_eq!(held.len(), case.workers);
        for held in held {
            // Values that nobody holds any more are swept when the table has doubled.
            let values = held.values;
            prop_assert_eq!(held, Held { values, ..Held::default() });
        }
        Ok(())
    });
}
