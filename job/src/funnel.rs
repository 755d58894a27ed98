//! Funnels: which events match which steps, and how far a session came.
//!
//! A funnel's progress is folded over the events of a session. Over a slice of a
//! long session the fold is kept as a function from the progress before the
//! slice to the progress after it, so that slices can be composed without their
//! events.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use streamgauge_ingest::decode::Kind;

/// Most steps a funnel may have.
pub const MOST_STEPS: usize = 8;

/// What an event must be to reach a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// An event of this type.
    Type(Kind),
    /// A page view of a page that matches; `*` stands for any text.
    Page(String),
}

impl Step {
    /// Whether an event of this type matches it by its type.
    #[must_use]
    pub fn is_type(&self, kind: Kind) -> bool {
        matches!(self, Self::Type(own) if *own == kind)
    }

    /// Whether a view of this page matches it by its page.
    #[must_use]
    pub fn is_page(&self, page: &str) -> bool {
        matches!(self, Self::Page(pattern) if matches(pattern, page))
    }

    /// The step as it is written, which is its name in results.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Page(pattern) => pattern,
            Self::Type(kind) => kind.name(),
        }
    }
}

/// A funnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funnel {
    /// Its name.
    pub name: Arc<str>,
    /// Its steps, two to eight.
    pub steps: Vec<Step>,
    /// Whether no other page view or conversion may stand between its steps.
    pub strict: bool,
    /// The step (from 1, not the last) from which a session counts as abandoned.
    pub abandonment_step: u8,
}

/// The steps that an event matches: bit i is step i + 1.
pub type StepMask = u8;

impl Funnel {
    /// The steps that events of this type match by their type.
    #[must_use]
    pub fn type_mask(&self, kind: Kind) -> StepMask {
        self.mask(|step| step.is_type(kind))
    }

    /// The steps that page views of this page match by their page.
    #[must_use]
    pub fn page_mask(&self, page: &str) -> StepMask {
        self.mask(|step| step.is_page(page))
    }

    fn mask(&self, is_match: impl Fn(&Step) -> bool) -> StepMask {
        let hits = self.steps.iter().enumerate().filter(|(_, step)| is_match(step));
        hits.fold(0, |mask, (i, _)| mask | 1 << i)
    }

    /// Whether a session that reached `reached` steps abandoned the funnel.
    #[must_use]
    pub fn is_abandoned(&self, reached: usize) -> bool {
        reached >= usize::from(self.abandonment_step) && reached < self.steps.len()
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any text.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    // The earliest place of each middle part leaves most room for the others.
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What an event is to a funnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The steps it matches.
    pub steps: StepMask,
    /// Whether it is a page view or a conversion: it ends runs that it doesn't carry on.
    pub breaks: bool,
}

/// The place of an event in its session: time in ms, partition, offset.
pub type Mark = (i64, u32, u64);

/// The events that reached steps 1, 2, … in a row.
type Run = Vec<Mark>;

/// How far the events so far came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The longest run, and of those the earliest.
    best: Run,
    /// Strict only: the earliest run of k + 1 steps that can go on; empty if there is none.
    alive: Vec<Run>,
}

impl Progress {
    /// The events that reached a step each, in the order of the steps.
    #[must_use]
    pub fn reached(&self) -> &[Mark] {
        &self.best
    }

    /// Goes on by one event of the session.
    pub fn push(&mut self, strict: bool, event: Match, mark: Mark) {
        if strict {
            self.push_strict(event, mark, true);
        } else {
            push_open(&mut self.best, 0, event, mark);
        }
    }

    /// Carries runs on by an event; it begins one where `begins`.
    fn push_strict(&mut self, event: Match, mark: Mark, begins: bool) {
        if event.steps == 0 {
            if event.breaks {
                self.alive.clear();
            }
            return;
        }
        let before = std::mem::take(&mut self.alive);
        if !event.breaks {
            self.alive.clone_from(&before);
        }
        let reaches = |step: usize| step < MOST_STEPS && event.steps >> step & 1 == 1;
        if begins && reaches(0) {
            self.offer(vec![mark]);
        }
        for mut run in before.into_iter().filter(|run| !run.is_empty() && reaches(run.len())) {
            run.push(mark);
            self.offer(run);
        }
    }

    /// A run that can go on: it stays if there is no earlier one of its length.
    fn offer(&mut self, run: Run) {
        let place = run.len() - 1;
        if self.alive.len() <= place {
            self.alive.resize(place + 1, Run::new());
        }
        self.improve(&run);
        let alive = &mut self.alive[place];
        if alive.is_empty() || run < *alive {
            *alive = run;
        }
    }

    fn improve(&mut self, run: &Run) {
        if run.len() > self.best.len() || (run.len() == self.best.len() && *run < self.best) {
            self.best.clone_from(run);
        }
    }

    /// Goes on by a slice of the session.
    pub fn push_slice(&mut self, slice: &SliceProgress) {
        match slice {
            SliceProgress::Open(from) => self.best.extend(&from[self.best.len()]),
            SliceProgress::Strict { first, is_whole, own } => {
                for (event, mark) in first {
                    self.push_strict(*event, *mark, false);
                }
                if !is_whole {
                    self.alive.clear();
                }
                own.alive
                    .iter()
                    .filter(|run| !run.is_empty())
                    .for_each(|run| self.offer(run.clone()));
                self.improve(&own.best);
            }
        }
    }
}

/// Reaches the next step after `before` and those of `run`, if the event matches it.
fn push_open(run: &mut Run, before: usize, event: Match, mark: Mark) {
    let step = before + run.len();
    if step < MOST_STEPS && event.steps >> step & 1 == 1 {
        run.push(mark);
    }
}

/// What a slice makes of the progress before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SliceProgress {
    /// Not strict: the steps that it reaches from each number of steps before.
    Open([Run; MOST_STEPS + 1]),
    /// Strict.
    Strict {
        /// The events that can carry on a run from before the slice: each event that
        /// breaks runs carries it on or ends it, so there are few.
        first: Vec<(Match, Mark)>,
        /// Whether those are all that matter: else no run from before goes on after it.
        is_whole: bool,
        /// The runs that begin in it.
        own: Progress,
    },
}

impl SliceProgress {
    /// An empty slice.
    #[must_use]
    pub fn new(strict: bool) -> Self {
        match strict {
            true => Self::Strict { first: Vec::new(), is_whole: true, own: Progress::default() },
            false => Self::Open(Default::default()),
        }
    }

    /// Goes on by one event.
    pub fn push(&mut self, event: Match, mark: Mark) {
        match self {
            Self::Open(from) => {
                for (before, run) in from.iter_mut().enumerate() {
                    push_open(run, before, event, mark);
                }
            }
            Self::Strict { first, is_whole, own } => {
                own.push_strict(event, mark, true);
                if *is_whole && matters(first, event) {
                    first.push((event, mark));
                    *is_whole = first.iter().filter(|(e, _)| e.breaks).count() < MOST_STEPS;
                }
            }
        }
    }
}

/// Whether a run from before the slice can need an event after those of `first`: of
/// like events that break nothing, more than there are steps change nothing.
fn matters(first: &[(Match, Mark)], event: Match) -> bool {
    if event.breaks {
        return true;
    }
    let since = first.iter().rev().take_while(|(e, _)| !e.breaks);
    event.steps != 0 && since.filter(|(e, _)| *e == event).count() < MOST_STEPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        };
        check("/cart", "/cart", true);
        check("/cart", "/cart/", false);
        check("/products/*", "/products/", true);
        check("/products/*", "/products/a/b", true);
        check("/products/*", "/products", false);
        check("*", "", true);
        check("*a*b*", "xxaxxbxx", true);
        check("*a*b", "xxbxxa", false);
        check("/a*a", "/a", false);
        check("/a*a", "/aa", true);
        check("/a*ab*b", "/aab", false);
        check("/**", "/x", true);
    }

    /// All runs by the definition: the longest, and of those the earliest.
    fn naive(events: &[(u8, bool)], strict: bool) -> Vec<usize> {
        let mut runs: Vec<Vec<usize>> = vec![Vec::new()];
        let mut best = Vec::new();
        for (i, &(steps, breaks)) in events.iter().enumerate() {
            let mut next = Vec::new();
            for run in runs {
                if run.len() < MOST_STEPS && steps >> run.len() & 1 == 1 {
                    let longer: Vec<_> = run.iter().copied().chain([i]).collect();
                    if longer.len() > best.len() || (longer.len() == best.len() && longer < best) {
                        best.clone_from(&longer);
                    }
                    next.push(longer);
                }
                if run.is_empty() || !strict || !breaks {
                    next.push(run);
                }
            }
            next.sort();
            next.dedup();
            // Of those of one length the earliest goes as far as any.
            next.sort_by_key(Vec::len);
            next.dedup_by_key(|run| run.len());
            runs = next;
        }
        best
    }

    fn check(events: &[(u8, bool)], cuts: &[usize], strict: bool) {
        let event = |i: usize| Match { steps: events[i].0, breaks: events[i].1 };
        let mark = |i: usize| (i as i64 / 3, 0, i as u64);
        let mut whole = Progress::default();
        (0..events.len()).for_each(|i| whole.push(strict, event(i), mark(i)));
        let mut composed = Progress::default();
        let mut from = 0;
        for to in cuts.iter().copied().chain([events.len()]) {
            let to = to.clamp(from, events.len());
            let mut slice = SliceProgress::new(strict);
            (from..to).for_each(|i| slice.push(event(i), mark(i)));
            composed.push_slice(&slice);
            from = to;
        }
        assert_eq!(composed.reached(), whole.reached());
        let expected: Vec<_> = naive(events, strict).into_iter().map(mark).collect();
        assert_eq!(whole.reached(), expected);
    }

    #[test]
    fn a_funnel_of_eight_steps_ends_with_the_eighth() {
        let events: Vec<_> = (0..8).chain(0..8).map(|step| (1 << step, true)).collect();
        check(&events, &[3, 9], false);
        check(&events, &[3, 9], true);
        let all: Vec<_> = (0..12).map(|_| (255, true)).collect();
        check(&all, &[5], false);
        check(&all, &[5], true);
    }

    proptest! {
        #[test]
        fn slices_compose_to_the_whole(
            events in proptest::collection::vec(
                (prop_oneof![Just(0u8), 0u8..16, Just(255)], any::<bool>()), 0..40),
            cuts in proptest::collection::vec(0usize..40, 0..4),
            strict in any::<bool>(),
        ) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            check(&events, &cuts, strict);
        }

        /// Long gaps without page views: of like events only the first few are kept.
        #[test]
        fn so_do_long_slices_of_events_that_break_nothing(
            events in proptest::collection::vec(
                (prop_oneof![Just(1u8), Just(2), Just(6), Just(255)], proptest::bool::weighted(0.05)), 0..120),
            cut in 0usize..120,
        ) {
            check(&events, &[cut], true);
        }
    }
}
