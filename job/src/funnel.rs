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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An event of this type.
    Type(Kind),
    /// A page view of a page that matches; `*` stands for any text.
    Page(String),
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
        self.mask(|step| matches!(step, Step::Type(k) if *k == kind))
    }

    /// The steps that page views of this page match by their page.
    #[must_use]
    pub fn page_mask(&self, page: &str) -> StepMask {
        self.mask(|step| matches!(step, Step::Page(pattern) if matches(pattern, page)))
    }

    fn mask(&self, is_match: impl Fn(&Step) -> bool) -> StepMask {
        let hits = self.steps.iter().enumerate().filter(|(_, step)| is_match(step));
        hits.fold(0, |mask, (i, _)| mask | 1 << i)
    }

    /// Whether a session that reached `reached` steps abandoned the funnel.
    #[must_use]
    pub fn is_abandoned(&self, reached: u8) -> bool {
        reached >= self.abandonment_step && usize::from(reached) < self.steps.len()
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

/// How far the events so far came, from a given start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Not strict: unused. Strict: bit k is a run that has matched k steps.
    runs: u16,
    /// Most steps reached.
    reached: u8,
}

/// What an event is to a funnel.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    /// The steps it matches.
    pub steps: StepMask,
    /// Whether it is a page view or a conversion: it ends runs that it doesn't carry on.
    pub breaks: bool,
}

impl Progress {
    /// How many steps were reached.
    #[must_use]
    pub fn reached(self) -> u8 {
        self.reached
    }

    /// Goes on by one event, with new runs beginning at it where `begins`.
    fn step(&mut self, strict: bool, event: Match, begins: bool) {
        if strict {
            let steps = u16::from(event.steps);
            // A run of k steps goes on where step k + 1 (bit k) is matched.
            let mut carried = (self.runs & steps) << 1;
            if begins {
                carried |= (steps & 1) << 1;
            }
            let kept = if event.breaks { 0 } else { self.runs };
            self.runs = kept | carried;
            let longest = 15u32.saturating_sub(self.runs.leading_zeros());
            self.reached = self.reached.max(u8::try_from(longest).unwrap_or(0));
        } else if event.steps >> self.reached & 1 == 1 {
            self.reached += 1;
        }
    }

    /// Goes on by one event of the session.
    pub fn push(&mut self, strict: bool, event: Match) {
        self.step(strict, event, true);
    }

    /// Goes on by a slice of the session.
    pub fn push_slice(&mut self, strict: bool, slice: &SliceProgress) {
        if strict {
            let mut next = slice.from[0];
            for k in 1..=MOST_STEPS {
                if self.runs >> k & 1 == 1 {
                    next.runs |= slice.from[k].runs;
                    next.reached = next.reached.max(slice.from[k].reached);
                }
            }
            next.reached = next.reached.max(self.reached);
            *self = next;
        } else {
            *self = slice.from[usize::from(self.reached)];
        }
    }
}

/// The progress after a slice for each progress before it.
///
/// Not strict: entry k is the progress from k steps reached. Strict: entry k is
/// what becomes of a run of k steps, and entry 0 what becomes of runs that begin
/// in the slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceProgress {
    from: [Progress; MOST_STEPS + 1],
}

impl SliceProgress {
    /// An empty slice.
    #[must_use]
    pub fn new(strict: bool) -> Self {
        let from = std::array::from_fn(|k| {
            let steps = u8::try_from(k).unwrap_or(0);
            if strict {
                Progress { runs: if k == 0 { 0 } else { 1 << k }, reached: 0 }
            } else {
                Progress { runs: 0, reached: steps }
            }
        });
        Self { from }
    }

    /// Goes on by one event.
    pub fn push(&mut self, strict: bool, event: Match) {
        for (k, progress) in self.from.iter_mut().enumerate() {
            progress.step(strict, event, k == 0);
        }
    }
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

    fn naive_strict(events: &[(u8, bool)], steps: u8) -> u8 {
        let mut best = 0;
        for first in 0..events.len() {
            let mut reached = vec![0u8];
            for &(mask, breaks) in &events[first..] {
                let mut next = Vec::new();
                for k in reached {
                    if k < steps && mask >> k & 1 == 1 {
                        next.push(k + 1);
                    }
                    if k > 0 && !breaks {
                        next.push(k);
                    }
                }
                best = best.max(next.iter().copied().max().unwrap_or(0));
                reached = next;
            }
        }
        best
    }

    fn naive_open(events: &[(u8, bool)], steps: u8) -> u8 {
        events.iter().fold(
            0,
            |k, (mask, _)| {
                if k < steps && mask >> k & 1 == 1 { k + 1 } else { k }
            },
        )
    }

    proptest! {
        #[test]
        fn slices_compose_to_the_whole(
            events in proptest::collection::vec((0u8..16, any::<bool>()), 0..20),
            cut in 0usize..20,
            strict in any::<bool>(),
        ) {
            let cut = cut.min(events.len());
            let event = |&(steps, breaks): &(u8, bool)| Match { steps, breaks };
            let mut whole = Progress::default();
            events.iter().for_each(|e| whole.push(strict, event(e)));
            let mut composed = Progress::default();
            for part in [&events[..cut], &events[cut..]] {
                let mut slice = SliceProgress::new(strict);
                part.iter().for_each(|e| slice.push(strict, event(e)));
                composed.push_slice(strict, &slice);
            }
            prop_assert_eq!(composed, whole);
            let naive = if strict { naive_strict(&events, 4) } else { naive_open(&events, 4) };
            prop_assert_eq!(whole.reached(), naive);
        }
    }
}
