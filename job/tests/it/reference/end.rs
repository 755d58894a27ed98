//! What the forgetting arrangements hold: rows that can still change, a multiple
//! of them at most, and none of these at the end of time.

use super::case::Case;
use super::feed::{Gathered, Inputs, run};
use super::steps::{Moment, Rise, Step, What};
use differential_dataflow::operators::CountTotal;
use differential_dataflow::operators::arrange::TraceAgent;
use differential_dataflow::trace::TraceReader;
use std::rc::Rc;
use streamgauge::alert::Told;
use streamgauge::dataflow::horizons_ms;
use streamgauge::epochs::by_epoch;
use streamgauge::expiry::{ForgettingSpine, Rows, arrange};
use streamgauge::publish::{Output, publish_windows, tally_route};
use streamgauge::route::by_user;
use streamgauge::session::{Rules, session_tallies};
use streamgauge::time::{Epoch, Pace, Tick};
use streamgauge::top::{list_route, top_lists};
use streamgauge::user::{State, state_per_user};
use streamgauge::window::Windows;
use streamgauge_ingest::END_OF_TIME_MS;
use streamgauge_ingest::decode::Kind;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::{Concat as _, Probe as _};
use timely::dataflow::{ProbeHandle, Stream};
use timely::progress::{Antichain, frontier::AntichainRef};

/// What an arrangement holds when an epoch is done.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    /// Rows that are not behind the watermark.
    live: usize,
    /// Rows in memory.
    rows: usize,
    horizon_ms: i64,
    watermark_ms: i64,
}

const WINDOWS: Windows =
    Windows { lateness_ms: 4_000, session_gap_ms: 30_000, allowed_disorder_ms: 0, days: None };

/// Adds what a trace holds after each epoch that `done` is done with.
fn watch<'s, K, R>(
    trace: TraceAgent<ForgettingSpine<K, R>>,
    done: Stream<'s, Epoch, Vec<Told>>,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    kept: Gathered<Kept>,
) where
    K: streamgauge::expiry::Key,
    R: streamgauge::expiry::Diff,
{
    let mut trace = trace;
    by_epoch((done, Pipeline), ticks, "watch", move |epoch, tick, _, _: &mut Vec<()>| {
        let mut batches: Vec<Rc<Rows<K, R>>> = Vec::new();
        trace.map_spans(|span| batches.extend(span.inner.clone()));
        let rows = || batches.iter().flat_map(|batch| &batch.rows);
        kept.push(Kept {
            live: rows().filter(|row| !row.0.is_expired(tick.watermark_ms)).count(),
            rows: rows().count(),
            horizon_ms: K::horizon().with(std::cell::Cell::get),
            watermark_ms: tick.watermark_ms,
        });
        trace.set_logical_compaction(Antichain::from_elem(epoch + 1).borrow());
        trace.set_physical_compaction(AntichainRef::new(&[]));
    });
}

/// The dataflow as it is, with its two arrangements watched.
fn watched(
    inputs: Inputs<'_>,
    tallies: Gathered<Kept>,
    lists: Gathered<Kept>,
    ends: &Gathered<[i64; 2]>,
) -> ProbeHandle<Epoch> {
    let ticks = inputs.ticks;
    let output = Output { provisional: true, digests: false };
    let state = State::new(Rules { funnels: Rc::from(Case::funnels()) }, Rc::from([]), WINDOWS);
    let routed = by_user(inputs.batches, inputs.place.workers);
    let users = state_per_user(routed, ticks.clone(), state, None, |_| {});
    let counted = users.tallies.concat(session_tallies(users.sessions, WINDOWS));
    let counted = arrange(counted, "tallies", tally_route);
    let rows = arrange(users.lists, "list rows", list_route);
    let traces = (counted.trace.clone(), rows.trace.clone());
    let parts = top_lists(rows, ticks.clone(), WINDOWS, inputs.place.worker, None);
    let counts = counted.count_total().inner;
    let changes =
        publish_windows(counts, parts, ticks.clone(), (WINDOWS, output, Rc::from([])), None);
    watch(traces.0, changes.clone(), ticks.clone(), tallies);
    watch(traces.1, changes.clone(), ticks.clone(), lists);
    let ends = ends.clone();
    by_epoch((changes, Pipeline), ticks, "horizons", move |_, tick, _, _: &mut Vec<()>| {
        if tick.before_ms == END_OF_TIME_MS {
            ends.push(horizons_ms());
        }
    })
    .probe()
    .0
}

/// An event a second, each in an epoch of its own.
fn steady(seconds: usize, workers: usize) -> Case {
    let step = |i: usize| {
        let what = What {
            user: u8::try_from(i % 5).unwrap(),
            session: 0,
            kind: if i % 9 == 8 { Kind::Conversion } else { Kind::PageView },
            page: i % 5,
            look: i % 40,
            load_ms: i64::try_from(i % 30).ok(),
            value_minor: 1,
            currency: *b"USD",
            partition: 0,
            ahead_ms: 0,
        };
        let event = Step::Event { advance_ms: 1_000, moment: Moment::Now { back_ms: 0 }, what };
        let close = Step::Close { rise: Rise::Behind { lag_ms: 2_000 }, skip: 0, turns: 4 };
        [event, close]
    };
    let output = Output { provisional: true, digests: false };
    Case::of_steps(
        WINDOWS,
        (Pace::default(), output),
        workers,
        (0..seconds).flat_map(step).collect(),
    )
}

fn check(workers: usize) {
    let seconds = 1_500;
    let case = steady(seconds, workers);
    let (tallies, lists, ends) = (Gathered::default(), Gathered::default(), Gathered::default());
    let (t, l, e) = (tallies.clone(), lists.clone(), ends.clone());
    run(&case, move |inputs| Some(watched(inputs, t.clone(), l.clone(), &e)));
    assert_eq!(ends.take(), vec![[END_OF_TIME_MS; 2]; workers], "horizons at the end of time");
    for (name, kept) in [("tallies", tallies.take()), ("rows of lists", lists.take())] {
        assert_eq!(kept.len(), case.epochs.len() * workers, "{name}");
        let most = |of: fn(&Kept) -> usize| kept.iter().map(of).max().unwrap_or(0);
        let (live, rows) = (most(|k| k.live), most(|k| k.rows));
        eprintln!("{name}: {live} live, {rows} rows");
        for k in &kept {
            assert_eq!(k.horizon_ms, k.watermark_ms, "{name}: {k:?}");
            assert!(k.watermark_ms < END_OF_TIME_MS || k.live == 0, "{name}: {k:?}");
        }
        assert!(live > 50 && live < seconds / 2, "{name}: {live} live rows are no test");
        assert!(rows < 4 * live, "{name}: {rows} rows are held, {live} are live");
    }
}

#[test]
fn arrangements_hold_little_more_than_what_is_live() {
    check(1);
    check(2);
}
