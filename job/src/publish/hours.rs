//! The records of a window over the sessions that ended in an hour.

use super::render::{Content, Renderer, join, nearest_rank, numbers};
use crate::funnel::Funnel;
use crate::hour::{DURATION_FROM_MS, HourCount, PAGE_VIEWS_FROM, Path};
use crate::rows::List;
use crate::session::StepTaken;
use crate::window::HOUR_WINDOW_MS;
use std::collections::BTreeMap;
use streamgauge_sink::decimal::Decimal;
use streamgauge_sink::hour::{Class, JourneyPlace, StepPlace, TransitionPlace};
use streamgauge_sink::metric::Metric;
use streamgauge_sink::record::Fields;

/// Counts of sessions, taken apart.
#[derive(Default)]
struct Counts {
    page_views: [i64; PAGE_VIEWS_FROM.len()],
    duration: [i64; DURATION_FROM_MS.len()],
    returning: i64,
    /// By funnel and step, from 1: how often the way from the step before took how
    /// long, in ascending order.
    steps: BTreeMap<(u8, u8), Vec<(i64, i64)>>,
}

impl Counts {
    fn of(content: &Content) -> Self {
        let mut counts = Self::default();
        for (number, n) in numbers(List::HourCounts, content) {
            match HourCount::of_number(number) {
                HourCount::Class { page_views, duration, is_returning } => {
                    counts.page_views[usize::from(page_views)] += n;
                    counts.duration[usize::from(duration)] += n;
                    counts.returning += if is_returning { n } else { 0 };
                }
                HourCount::Step(StepTaken { funnel, step, took_ms }) => {
                    counts.steps.entry((funnel, step)).or_default().push((took_ms, n));
                }
            }
        }
        counts
    }

    fn step(&self, funnel: u8, step: u8) -> &[(i64, i64)] {
        self.steps.get(&(funnel, step)).map_or(&[], Vec::as_slice)
    }

    fn reached(&self, funnel: u8, step: u8) -> i64 {
        self.step(funnel, step).iter().map(|(_, n)| n).sum()
    }
}

/// The records of a window, as far as they exist; none for other windows.
pub(super) fn records(r: &mut Renderer<'_>, content: &Content, funnels: &[Funnel]) {
    let counts = Counts::of(content);
    let sessions = counts.page_views.iter().sum();
    if sessions == 0 {
        return;
    }
    journeys(r, content);
    let page_views = classes(&PAGE_VIEWS_FROM, &counts.page_views);
    let duration = classes(&DURATION_FROM_MS, &counts.duration);
    let returning = counts.returning;
    let (page_views, duration) = (&page_views, &duration);
    let fields = Fields::Behaviour { page_views, duration, returning, count: sessions };
    r.give(Metric::Behaviour, HOUR_WINDOW_MS, &fields);
    for (place, funnel) in (0u8..).zip(funnels) {
        let dimensions = [("funnel", &*funnel.name)];
        let items = (1..).zip(&funnel.steps).map(|(step, s)| {
            let (taken, sessions) = (counts.step(place, step), counts.reached(place, step));
            StepPlace {
                name: s.text(),
                sessions,
                before: (step > 1).then(|| counts.reached(place, step - 1)),
                median_ms: (step > 1 && sessions > 0).then(|| nearest_rank(taken, 50)),
            }
        });
        let items: Vec<_> = items.collect();
        let fields = Fields::Funnel { items: &items, count: sessions };
        let id = |metric| (metric, u32::from(place));
        r.give_one_of(id(Metric::Funnel), HOUR_WINDOW_MS, &dimensions, &fields);
        let reached = counts.reached(place, funnel.abandonment_step);
        if reached > 0 {
            let last = items.last().map_or(0, |step| step.sessions);
            let value = Decimal::ratio(i128::from(reached - last) * 100, i128::from(reached));
            let fields = Fields::Value { value, count: Some(reached) };
            r.give_one_of(id(Metric::AbandonmentRate), HOUR_WINDOW_MS, &dimensions, &fields);
        }
    }
}

fn journeys(r: &mut Renderer<'_>, content: &Content) {
    let Some((count, journeys)) = join(List::Journeys, content) else {
        return;
    };
    let journey =
        |c: crate::top::Counted| JourneyPlace { path: Path::pages(&c.name), sessions: c.views };
    let items: Vec<_> = journeys.into_iter().map(journey).collect();
    let transitions = join(List::Transitions, content).map_or(Vec::new(), |(_, rows)| rows);
    let transition = |c: crate::top::Counted| {
        let [from, to] = <[String; 2]>::try_from(Path::pages(&c.name)).ok()?;
        Some(TransitionPlace { from, to, count: c.views })
    };
    let transitions: Vec<_> = transitions.into_iter().filter_map(transition).collect();
    let fields = Fields::Journeys { items: &items, transitions: &transitions, count };
    r.give(Metric::Journeys, HOUR_WINDOW_MS, &fields);
}

fn classes(from: &[i64], sessions: &[i64]) -> Vec<Class> {
    let to = |class: usize| from.get(class + 1).map(|next| next - 1);
    let classes = from.iter().zip(sessions).enumerate();
    classes
        .map(|(i, (from, sessions))| Class { from: *from, to: to(i), sessions: *sessions })
        .collect()
}
