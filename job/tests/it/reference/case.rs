//! A random case: settings, and epochs with their events and ticks.
//!
//! The events obey what the engine relies on: whatever is not marked late for a
//! family is not late against its partition's watermark, which is never below the
//! global watermark of the epoch before; and there is none that is late for all.

use super::steps::{Burst, Moment, Rise, Step, What, step};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use streamgauge::funnel::{self, Funnel};
use streamgauge::publish::Output;
use streamgauge::time::{Epoch, Pace, Tick, Ticks};
use streamgauge::window::Windows;
use streamgauge_ingest::batch::{BatchBuilder, EventBatch};
use streamgauge_ingest::decode::{Decoded, Kind};
use streamgauge_ingest::judge::Close;
use streamgauge_ingest::lateness::{Families, LatenessRule};
use streamgauge_ingest::{BEFORE_TIME_MS, END_OF_TIME_MS};

/// All that one epoch is given.
#[derive(Clone, Debug)]
pub(super) struct EpochInput {
    pub(super) epoch: Epoch,
    pub(super) tick: Tick,
    /// Each comes in at one of the workers.
    pub(super) batches: Vec<(usize, EventBatch)>,
    /// Turns the workers take before the next epoch.
    pub(super) turns: usize,
}

/// A case.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) windows: Windows,
    pub(super) output: Output,
    pub(super) workers: usize,
    /// In order; the last is at the end of time, or one after it.
    pub(super) epochs: Vec<EpochInput>,
    steps: Vec<Step>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} {:?} {} workers", self.windows, self.output, self.workers)?;
        for step in &self.steps {
            writeln!(f, "  {step:?}")?;
        }
        for epoch in &self.epochs {
            writeln!(f, "  epoch {} {:?}", epoch.epoch, epoch.tick)?;
            for event in epoch.batches.iter().flat_map(|(_, b)| super::event::Event::all_of(b)) {
                let late: Vec<_> = streamgauge_ingest::lateness::Family::ALL
                    .into_iter()
                    .filter(|family| !event.is_taken(*family))
                    .collect();
                let (at_ms, user, session, kind) =
                    (event.at_ms, &event.user, &event.session, event.kind);
                writeln!(
                    f,
                    "    {at_ms} {user} {session} {kind:?} {:?} late {late:?}",
                    event.page()
                )?;
            }
        }
        Ok(())
    }
}

impl Case {
    /// The funnels of all cases: one of each kind.
    pub(super) fn funnels() -> Vec<Funnel> {
        let page = |pattern: &str| funnel::Step::Page(pattern.to_owned());
        let steps = vec![page("/a*"), page("/b"), funnel::Step::Type(Kind::Conversion)];
        [("loose", false, 1), ("strict", true, 2)]
            .map(|(name, strict, abandonment_step)| Funnel {
                name: name.into(),
                steps: steps.clone(),
                strict,
                abandonment_step,
            })
            .into()
    }

    /// Where windows lie when steps are played with these settings.
    pub(super) fn of_steps(
        windows: Windows,
        (pace, output): (Pace, Output),
        workers: usize,
        steps: Vec<Step>,
    ) -> Self {
        let mut player = Player::new(windows, pace, workers);
        steps.iter().for_each(|step| player.step(step));
        player.close(END_OF_TIME_MS, 0, 1);
        player.close(END_OF_TIME_MS, 0, 1);
        Self { windows, output, workers, epochs: player.epochs, steps }
    }
}

/// Random cases.
pub(super) fn cases() -> impl Strategy<Value = Case> {
    let lateness_ms = prop_oneof![Just(0i64), Just(4_000), Just(20_000), Just(600_000)];
    let gap_ms = prop_oneof![Just(1_000i64), Just(30_000), Just(400_000)];
    let windows = (lateness_ms, gap_ms, prop_oneof![Just(0i64), Just(5_000)]).prop_map(
        |(lateness_ms, session_gap_ms, allowed_disorder_ms)| Windows {
            lateness_ms,
            session_gap_ms,
            allowed_disorder_ms,
            days: None,
        },
    );
    let paces = (any::<bool>(), any::<bool>(), 1u64..5, 1u64..5).prop_map(
        |(provisional, digests, provisional_epochs, correction_epochs)| {
            let pace = Pace { provisional, provisional_epochs, correction_epochs };
            (pace, Output { provisional, digests })
        },
    );
    let steps = proptest::collection::vec(step(), 1..90);
    (windows, paces, 1usize..4, steps)
        .prop_map(|(windows, paces, workers, steps)| Case::of_steps(windows, paces, workers, steps))
}

/// Plays steps, one after the other.
struct Player {
    rule: LatenessRule,
    workers: usize,
    ticks: Ticks,
    epoch: Epoch,
    now_ms: i64,
    watermark_ms: i64,
    /// Per user, the time of its event before.
    last_ms: BTreeMap<u8, i64>,
    /// The next offset, of whatever partition.
    offset: u64,
    /// Per partition, and so per worker it comes in at.
    builders: Vec<(BatchBuilder, Vec<Meta>)>,
    epochs: Vec<EpochInput>,
}

/// What a row is given after it is decoded.
struct Meta {
    partition: u32,
    offset: u64,
    late: Families,
}

const PAGES: [&str; 5] = ["/", "/a", "/ab", "/b", "/c"];

impl Player {
    fn new(windows: Windows, pace: Pace, workers: usize) -> Self {
        let Windows { lateness_ms, session_gap_ms, .. } = windows;
        Self {
            rule: LatenessRule { lateness_ms, session_gap_ms },
            workers,
            ticks: Ticks::new(pace),
            epoch: 0,
            now_ms: 300_000,
            watermark_ms: BEFORE_TIME_MS,
            last_ms: BTreeMap::new(),
            offset: 0,
            builders: (0..3).map(|_| Default::default()).collect(),
            epochs: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Event { advance_ms, moment, what } => {
                self.now_ms += advance_ms;
                let page = PAGES[what.page];
                let country = ["", "CH", "DE"][what.look % 3];
                self.event(self.moment(*moment, what.user), what, page, country);
            }
            Step::Many { burst, events, apart_ms, closing } => {
                for i in 0..*events {
                    self.now_ms += apart_ms;
                    self.one_of_many(*burst, i);
                    if *closing && i % 40 == 39 {
                        self.close(self.watermark_ms.max(self.now_ms - 2_000), 0, 0);
                    }
                }
            }
            Step::Close { rise, skip, turns } => {
                let watermark_ms = self.risen(*rise).max(self.watermark_ms);
                self.close(watermark_ms, *skip, *turns);
            }
        }
    }

    fn moment(&self, moment: Moment, user: u8) -> i64 {
        // Before there is a watermark, now stands for it.
        let watermark_ms = if self.watermark_ms < 0 { self.now_ms } else { self.watermark_ms };
        let bound_ms = watermark_ms - self.rule.lateness_ms;
        let gap_ms = self.rule.session_gap_ms;
        let last_ms = self.last_ms.get(&user).copied().unwrap_or(self.now_ms);
        let at_ms = match moment {
            Moment::Now { back_ms } => self.now_ms - back_ms,
            Moment::Edge { pane_ms, back, offset_ms } => {
                (self.now_ms / pane_ms - back) * pane_ms + offset_ms
            }
            Moment::Bound { slice_ms, offset_ms } => bound_ms - slice_ms + offset_ms,
            Moment::SessionBound { offset_ms } => bound_ms - gap_ms + offset_ms,
            Moment::AfterGap { offset_ms } => last_ms + gap_ms + offset_ms,
            Moment::BeforeGap { offset_ms } => last_ms - gap_ms + offset_ms,
            Moment::Apart { pane_ms, panes } => last_ms + panes * pane_ms,
        };
        at_ms.max(0)
    }

    fn risen(&self, rise: Rise) -> i64 {
        let from_ms = if self.watermark_ms < 0 { self.now_ms - 60_000 } else { self.watermark_ms };
        match rise {
            Rise::Hold => self.watermark_ms,
            Rise::Behind { lag_ms } => self.now_ms - lag_ms,
            Rise::By { ms } => from_ms + ms,
            Rise::Edge { pane_ms, offset_ms } => (from_ms / pane_ms + 1) * pane_ms + offset_ms,
        }
    }

    fn one_of_many(&mut self, burst: Burst, i: usize) {
        let kind = if matches!(burst, Burst::Times) && i % 7 == 6 {
            Kind::Conversion
        } else {
            Kind::PageView
        };
        let what = What {
            user: 0,
            session: 0,
            kind,
            page: 0,
            look: 4,
            load_ms: i64::try_from(i % 30).ok(),
            value_minor: 1,
            currency: *b"USD",
            partition: 0,
            ahead_ms: 0,
        };
        let name = format!("/{i:03}");
        match burst {
            Burst::Pages => self.event(self.now_ms, &what, &name, "CH"),
            Burst::Countries => self.event(self.now_ms, &what, "/", &name),
            Burst::Times => self.event(self.now_ms, &what, PAGES[i / 2 % 5], "DE"),
        }
    }

    fn event(&mut self, at_ms: i64, what: &What, page: &str, country: &str) {
        let partition_ms = self.watermark_ms.saturating_add(what.ahead_ms);
        let late = self.rule.late_for(at_ms, partition_ms);
        if late == Families::ALL {
            return;
        }
        let is_view = what.kind == Kind::PageView;
        let is_conversion = what.kind == Kind::Conversion;
        let named =
            |names: [&'static str; 3], at: usize| Some(names[at % 3]).filter(|n| !n.is_empty());
        let (user, session) = (format!("u{}", what.user), format!("s{}", what.session));
        let decoded = Decoded {
            timestamp_ms: at_ms,
            kind: what.kind,
            event_id: None,
            user: &user,
            session: if what.session == 0 { &user } else { &session },
            page: if is_view { page } else { "" },
            referrer: if is_view { "(direct)" } else { "" },
            campaign: None,
            country: Some(country).filter(|c| !c.is_empty()),
            city: named(["", "Bern", "Ulm"], what.look / 3),
            device: named(["", "MOBILE", "DESKTOP"], what.look / 9),
            browser: named(["", "Firefox", "Safari"], what.look / 2),
            os: named(["", "Linux", "iOS"], what.look / 5),
            user_agent: None,
            load_ms: what.load_ms.filter(|_| is_view),
            value_minor: if is_conversion { what.value_minor } else { 0 },
            currency: what.currency,
            bad_leaves: 0,
        };
        let (builder, metas) = &mut self.builders[what.partition as usize];
        builder.push(&decoded);
        metas.push(Meta { partition: what.partition, offset: self.offset, late });
        self.offset += 1;
        self.last_ms.insert(what.user, at_ms);
    }

    fn close(&mut self, watermark_ms: i64, skip: u64, turns: usize) {
        self.watermark_ms = watermark_ms;
        let mut batches = Vec::new();
        for (i, (builder, metas)) in self.builders.iter_mut().enumerate() {
            let (mut rows, texts) = builder.finish();
            for (row, meta) in rows.iter_mut().zip(metas.drain(..)) {
                (row.partition, row.offset, row.late) = (meta.partition, meta.offset, meta.late);
            }
            if !rows.is_empty() {
                batches.push((
                    i % self.workers,
                    EventBatch { target: 0, rows, texts: Arc::new(texts) },
                ));
            }
        }
        let tick = self.ticks.next(Close { epoch: self.epoch, watermark_ms });
        self.epochs.push(EpochInput { epoch: self.epoch, tick, batches, turns });
        self.epoch += 1 + skip;
    }
}
