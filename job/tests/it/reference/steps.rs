//! What a random case is made of: steps, each a small choice that shrinks.

use proptest::prelude::*;
use streamgauge_ingest::decode::Kind;
use streamgauge_ingest::lateness::{ALERT_PANE_MS, BUSINESS_PANE_MS, REAL_TIME_PANE_MS};

/// Where an event lies in event time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// So long before now.
    Now { back_ms: i64 },
    /// At the edge of a pane: `offset_ms` after a multiple of its width, so many
    /// panes back.
    Edge { pane_ms: i64, back: i64, offset_ms: i64 },
    /// About where an event begins to be late: `slice_ms` plus the lateness
    /// before the watermark, and `offset_ms` after that.
    Bound { slice_ms: i64, offset_ms: i64 },
    /// The same for sessions, whose slice is the gap.
    SessionBound { offset_ms: i64 },
    /// A session gap after its user's event before, and `offset_ms` after that.
    AfterGap { offset_ms: i64 },
    /// A session gap before its user's event before, and `offset_ms` after that.
    BeforeGap { offset_ms: i64 },
    /// So many panes after its user's event before.
    Apart { pane_ms: i64, panes: i64 },
}

/// One event, but for its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct What {
    pub(super) user: u8,
    pub(super) session: u8,
    pub(super) kind: Kind,
    pub(super) page: usize,
    /// Chooses country, city, device, browser and system.
    pub(super) look: usize,
    pub(super) load_ms: Option<i64>,
    pub(super) value_minor: i64,
    pub(super) currency: [u8; 3],
    /// Chooses its partition and the worker it comes in at.
    pub(super) partition: u32,
    /// How far its partition's watermark is ahead of the global one, ms.
    pub(super) ahead_ms: i64,
}

/// What the many events of a burst differ in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Burst {
    Pages,
    Countries,
    /// Nothing but time: one long session.
    Times,
}

/// How an epoch's watermark follows from the one before.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rise {
    Hold,
    /// So long behind now, if that is a rise.
    Behind {
        lag_ms: i64,
    },
    /// So far up.
    By {
        ms: i64,
    },
    /// To the edge of a pane after it: `offset_ms` after the edge.
    Edge {
        pane_ms: i64,
        offset_ms: i64,
    },
}

/// A step of a case.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Now moves on, and an event happens.
    Event { advance_ms: i64, moment: Moment, what: What },
    /// Many events of one user; `closing` cuts them into several epochs.
    Many { burst: Burst, events: usize, apart_ms: i64, closing: bool },
    /// An epoch is closed; `skip` epochs are left out, `turns` of the workers follow.
    Close { rise: Rise, skip: u64, turns: usize },
}

fn pane_ms() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![Just(REAL_TIME_PANE_MS), Just(BUSINESS_PANE_MS), Just(ALERT_PANE_MS)]
}

fn moment() -> impl Strategy<Value = Moment> {
    let near = -2i64..=2;
    prop_oneof![
        4 => prop_oneof![3 => Just(0), 2 => 0i64..8_000, 1 => 0i64..90_000]
            .prop_map(|back_ms| Moment::Now { back_ms }),
        3 => (pane_ms(), 0i64..8, -1i64..=1)
            .prop_map(|(pane_ms, back, offset_ms)| Moment::Edge { pane_ms, back, offset_ms }),
        3 => (pane_ms(), prop_oneof![near.clone(), 0i64..20_000, 0i64..300_000])
            .prop_map(|(slice_ms, offset_ms)| Moment::Bound { slice_ms, offset_ms }),
        1 => prop_oneof![near.clone(), 0i64..20_000]
            .prop_map(|offset_ms| Moment::SessionBound { offset_ms }),
        1 => near.clone().prop_map(|offset_ms| Moment::AfterGap { offset_ms }),
        1 => near.prop_map(|offset_ms| Moment::BeforeGap { offset_ms }),
        2 => (-6i64..=6).prop_map(|panes| Moment::Apart { pane_ms: BUSINESS_PANE_MS, panes }),
        1 => (58i64..=61, prop_oneof![Just(1), Just(-1)]).prop_map(|(panes, sign)| {
            Moment::Apart { pane_ms: REAL_TIME_PANE_MS, panes: panes * sign }
        }),
    ]
}

fn what() -> impl Strategy<Value = What> {
    let kind = prop_oneof![
        6 => Just(Kind::PageView),
        2 => Just(Kind::Conversion),
        1 => Just(Kind::SessionEnd),
        1 => Just(Kind::SessionStart),
    ];
    let load_ms = proptest::option::of(prop_oneof![Just(0), Just(256), 0i64..5]);
    let value_minor = prop_oneof![Just(0), -50i64..1_000, Just(i64::MAX)];
    let currency = prop_oneof![Just(*b"USD"), Just(*b"JPY"), Just(*b"KWD")];
    let ahead_ms = prop_oneof![6 => Just(0), 1 => 0i64..30_000];
    let who = (prop_oneof![3 => 0u8..2, 1 => 2u8..5], 0u8..2, kind, 0usize..5, 0usize..40);
    let rest = (load_ms, value_minor, currency, 0u32..3, ahead_ms);
    (who, rest).prop_map(|((user, session, kind, page, look), rest)| {
        let (load_ms, value_minor, currency, partition, ahead_ms) = rest;
        What {
            user,
            session,
            kind,
            page,
            look,
            load_ms,
            value_minor,
            currency,
            partition,
            ahead_ms,
        }
    })
}

/// Any step.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let advance_ms = prop_oneof![
        4 => 0i64..3_000,
        3 => 3_000i64..30_000,
        1 => 30_000i64..400_000,
    ];
    let burst = prop_oneof![
        2 => (Just(Burst::Pages), 18usize..40, 0i64..500),
        1 => (Just(Burst::Countries), 295usize..310, 0i64..20),
        6 => (Just(Burst::Times), 60usize..200, 0i64..1_500),
    ];
    let rise = prop_oneof![
        2 => Just(Rise::Hold),
        4 => (-2_000i64..10_000).prop_map(|lag_ms| Rise::Behind { lag_ms }),
        3 => (pane_ms(), -1i64..=1).prop_map(|(pane_ms, offset_ms)| Rise::Edge { pane_ms, offset_ms }),
        1 => (0i64..100_000).prop_map(|ms| Rise::By { ms }),
        1 => (0i64..1_200_000).prop_map(|ms| Rise::By { ms }),
    ];
    let skip = prop_oneof![6 => Just(0), 1 => 0u64..4];
    prop_oneof![
        60 => (advance_ms, moment(), what())
            .prop_map(|(advance_ms, moment, what)| Step::Event { advance_ms, moment, what }),
        25 => (rise, skip, 0usize..4).prop_map(|(rise, skip, turns)| Step::Close { rise, skip, turns }),
        2 => (burst, proptest::bool::weighted(0.7)).prop_map(|((burst, events, apart_ms), closing)| {
            Step::Many { burst, events, apart_ms, closing }
        }),
    ]
}
