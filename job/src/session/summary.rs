//! What a record says of a run of events, without the events.
//!
//! [`Running`] is the fold from the beginning of a session; [`SliceSummary`] is
//! the same over a slice somewhere in it, made so that a running fold can go on
//! by the whole slice at once. Both are functions of the events in their order.

use super::Entry;
use crate::funnel::{Funnel, Mark, Match, Progress, SliceProgress};
use crate::user::Value;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::rc::Rc;
use streamgauge_ingest::decode::Kind;

/// Pages of a journey that are kept.
const JOURNEY_PAGES: usize = 50;

/// What the fold needs to know besides the events.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The funnels, in the order of their names' bytes.
    pub funnels: Rc<[Funnel]>,
}

impl Rules {
    fn event(&self, funnel: usize, entry: &Entry) -> Match {
        let mut steps = self.funnels[funnel].type_mask(entry.kind);
        if let Some(page) = &entry.page {
            steps |= page.page_steps(&self.funnels)[funnel];
        }
        Match { steps, breaks: matches!(entry.kind, Kind::PageView | Kind::Conversion) }
    }
}

/// Counts, pages and first values of a run of events.
#[derive(Clone, Debug, Default)]
pub(super) struct Plain {
    pub(super) events: u64,
    pub(super) page_views: u64,
    pub(super) conversions: u64,
    pub(super) revenue_minor: BTreeMap<[u8; 3], i128>,
    /// The first pages in order, consecutive repeats once.
    pub(super) journey: SmallVec<[Rc<Value>; 4]>,
    pub(super) journey_length: u64,
    pub(super) last_page: Option<Rc<Value>>,
    pub(super) device: Option<Rc<Value>>,
    pub(super) country: Option<Rc<Value>>,
}

impl Plain {
    fn push(&mut self, entry: &Entry) {
        self.events += 1;
        if let Some(page) = &entry.page {
            self.page_views += 1;
            self.visit(page);
        }
        if entry.kind == Kind::Conversion {
            self.conversions += 1;
            *self.revenue_minor.entry(entry.currency).or_default() += i128::from(entry.value_minor);
        }
        if self.device.is_none() {
            self.device.clone_from(&entry.device);
        }
        if self.country.is_none() {
            self.country.clone_from(&entry.country);
        }
    }

    fn visit(&mut self, page: &Rc<Value>) {
        if self.last_page.as_ref().is_some_and(|last| Rc::ptr_eq(last, page)) {
            return;
        }
        if self.journey.len() < JOURNEY_PAGES {
            self.journey.push(Rc::clone(page));
        }
        self.journey_length += 1;
        self.last_page = Some(Rc::clone(page));
    }

    fn append(&mut self, next: &Self) {
        self.events += next.events;
        self.page_views += next.page_views;
        self.conversions += next.conversions;
        for (currency, minor) in &next.revenue_minor {
            *self.revenue_minor.entry(*currency).or_default() += minor;
        }
        if let Some((first, rest)) = next.journey.split_first() {
            let before = self.journey_length;
            self.visit(first);
            let repeated = self.journey_length == before;
            let room = JOURNEY_PAGES - self.journey.len();
            self.journey.extend(rest.iter().take(room).cloned());
            self.journey_length = before + next.journey_length - u64::from(repeated);
            self.last_page.clone_from(&next.last_page);
        }
        if self.device.is_none() {
            self.device.clone_from(&next.device);
        }
        if self.country.is_none() {
            self.country.clone_from(&next.country);
        }
    }
}

/// The fold from the beginning of a session.
#[derive(Clone, Debug, Default)]
pub struct Running {
    pub(super) plain: Plain,
    pub(super) funnels: SmallVec<[Progress; 1]>,
}

/// The fold over a slice.
#[derive(Clone, Debug)]
pub struct SliceSummary {
    plain: Plain,
    funnels: SmallVec<[SliceProgress; 1]>,
}

impl Running {
    /// The fold over no event.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        let funnels = rules.funnels.iter().map(|_| Progress::default()).collect();
        Self { plain: Plain::default(), funnels }
    }

    /// Goes on by one event.
    pub fn push(&mut self, rules: &Rules, entry: &Entry) {
        self.plain.push(entry);
        for (i, progress) in self.funnels.iter_mut().enumerate() {
            progress.push(rules.funnels[i].strict, rules.event(i, entry), entry.order());
        }
    }

    /// Goes on by a slice.
    pub fn push_slice(&mut self, slice: &SliceSummary) {
        self.plain.append(&slice.plain);
        for (progress, slice) in self.funnels.iter_mut().zip(&slice.funnels) {
            progress.push_slice(slice);
        }
    }

    /// Number of events.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.plain.events
    }

    /// Number of page views.
    #[must_use]
    pub fn page_views(&self) -> u64 {
        self.plain.page_views
    }

    /// Number of conversions.
    #[must_use]
    pub fn conversions(&self) -> u64 {
        self.plain.conversions
    }

    /// Sum of conversions per currency, minor units.
    #[must_use]
    pub fn revenue_minor(&self) -> &BTreeMap<[u8; 3], i128> {
        &self.plain.revenue_minor
    }

    /// The first pages, consecutive repeats once.
    #[must_use]
    pub fn journey(&self) -> &[Rc<Value>] {
        &self.plain.journey
    }

    /// Length of the whole journey.
    #[must_use]
    pub fn journey_length(&self) -> u64 {
        self.plain.journey_length
    }

    /// The last page.
    #[must_use]
    pub fn last_page(&self) -> Option<&Rc<Value>> {
        self.plain.last_page.as_ref()
    }

    /// Device of the first event that names one.
    #[must_use]
    pub fn device(&self) -> Option<&Rc<Value>> {
        self.plain.device.as_ref()
    }

    /// Country of the first event that names one.
    #[must_use]
    pub fn country(&self) -> Option<&Rc<Value>> {
        self.plain.country.as_ref()
    }

    /// Per funnel: the events that reached its steps.
    pub fn reached(&self) -> impl Iterator<Item = &[Mark]> {
        self.funnels.iter().map(Progress::reached)
    }
}

impl SliceSummary {
    /// The fold over these events.
    #[must_use]
    pub fn of(rules: &Rules, entries: &[Entry]) -> Self {
        let mut plain = Plain::default();
        let mut funnels: SmallVec<_> =
            rules.funnels.iter().map(|f| SliceProgress::new(f.strict)).collect();
        for entry in entries {
            plain.push(entry);
            for (i, slice) in funnels.iter_mut().enumerate() {
                let slice: &mut SliceProgress = slice;
                slice.push(rules.event(i, entry), entry.order());
            }
        }
        Self { plain, funnels }
    }
}
